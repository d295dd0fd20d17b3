"""One of several holds the lock, whoever dies or hangs."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time

import psycopg
import pytest

from highroad.errors import Invalid, Unavailable
from highroad.storage.election import Election
from highroad.storage.store import SqlStore

HOLDER = """
import sys, time
from highroad.storage.election import Election
election = Election(sys.argv[1])
assert election.win()
print("leads", flush=True)
while True:
    time.sleep(0.2)
    print(election.holds(), flush=True)
"""


def until_won(election: Election, within_s: float) -> float:
    begun_s = time.monotonic()
    while not election.win():
        assert time.monotonic() - begun_s < within_s
        time.sleep(0.1)
    return time.monotonic() - begun_s


def test_one_leads_until_it_resigns(database: str) -> None:
    one, other = Election(database), Election(database)
    assert one.win()
    assert one.win()
    assert one.holds()
    assert not other.win()
    assert not other.holds()
    one.close()
    assert not one.holds()
    assert other.win()
    assert not one.win()
    other.close()
    one.close()


def test_a_lock_whose_session_was_ended_is_not_held(database: str) -> None:
    election = Election(database)
    assert election.win()
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'highroad elects'"
        )
    deadline_s = time.monotonic() + 60
    while election.holds():
        assert time.monotonic() < deadline_s
        time.sleep(0.05)
    assert election.win()
    election.close()


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGSTOP])
def test_another_leads_when_the_holder_is_killed_or_stopped(database: str, how: signal.Signals) -> None:
    holder = subprocess.Popen([sys.executable, "-c", HOLDER, database], stdout=subprocess.PIPE, text=True)
    try:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "leads\n"
        other = Election(database)
        for _ in range(30):  # a holder that lives is left alone, however often it is asked
            assert not other.win()
            time.sleep(0.1)
        holder.send_signal(how)
        until_won(other, 8)
        if how is signal.SIGSTOP:
            holder.send_signal(signal.SIGCONT)
            line = "True\n"
            while line == "True\n":
                line = holder.stdout.readline()
            assert line == "False\n"
        other.close()
    finally:
        os.kill(holder.pid, signal.SIGKILL)
        holder.communicate()


def test_a_leader_that_was_stopped_in_the_middle_of_a_commit_is_in_nobodys_way(database: str) -> None:
    store = SqlStore(database)
    store.lead(store.raise_epoch())
    stopped = psycopg.connect(database)  # as a commit begins
    stopped.execute("SELECT epoch FROM epochs FOR UPDATE")
    raised: list[int] = []
    raising = threading.Thread(target=lambda: raised.append(store.raise_epoch()))
    raising.start()
    time.sleep(1.3)
    assert not raised
    election = Election(database)
    assert election.win()
    raising.join(5)
    assert raised == [2]
    election.close()
    with pytest.raises(psycopg.Error):
        stopped.execute("SELECT 1")
    store.close()


def test_what_is_no_database_is_said_to_be_none(database: str) -> None:
    with pytest.raises(Invalid):
        Election("mysql://x/y")
    with pytest.raises(Unavailable):
        Election(database.rsplit(":", 1)[0] + ":1/none").win()
