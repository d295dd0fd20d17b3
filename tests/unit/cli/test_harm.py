"""What does harm and is seen by nobody but who reads counters, on the command line."""

from __future__ import annotations

import time

from tests.unit.cli.conftest import Highroad

WATCHED = False


def test_a_drain_onto_a_fibre_whose_loss_nobody_sees_is_rolled_back(highroad: Highroad) -> None:
    service = highroad("service", "order", "campus-east", "cloud-west", "100G", "--wait", "--json").json
    assert "pop-chi" in service["there"]["sites"]
    time.sleep(2.0)
    assert highroad("lab", "cut", "pop-ash--pop-dal", "--silent").code == 0
    try:
        told = highroad("drain", "pop-chi--pop-den")
        assert told.code == 0
        assert f"rolled back: 1 of 1 moved services lost traffic ({service['id']} dark)" in told.out.replace("\n", " ")
        assert "it goes on after `highroad thaw`" in told.out.replace("\n", " ")
        frozen = highroad("status", "--json").json["frozen"]
        assert (frozen["frozen"], "pop-ash>pop-dal" in frozen["reason"]) == (True, True)
        assert "rolled back: 1 of 1" in highroad("status").out.replace("\n", " ")
        assert "rolled back: 1 of 1" in highroad("drains").out.replace("\n", " ")
        assert "rolled back" not in highroad("status", "--as", "tenant").out
        now = highroad("service", "show", service["id"], "--json").json
        assert now["there"]["sites"] == service["there"]["sites"]
    finally:
        assert highroad("lab", "uncut", "pop-ash--pop-dal").code == 0
        assert highroad("thaw").code == 0
    until_s = time.monotonic() + 60
    while (drain := highroad("drains", "--json").json[0])["state"] != "DRAINED" and time.monotonic() < until_s:
        time.sleep(0.1)
    assert (drain["state"], drain["moved"], drain["note"]) == ("DRAINED", [service["id"]], "")
    assert highroad("undrain", "pop-chi--pop-den").code == 0
    _release_all(highroad)


def _release_all(highroad: Highroad) -> None:
    for one in highroad("service", "list", "--json").json:
        highroad("service", "release", one["id"])
