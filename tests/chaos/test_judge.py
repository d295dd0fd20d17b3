"""The judge of the tests of force finds what is planted, each defect by its kind, and nothing where nothing is."""

from __future__ import annotations

import json
import random
import shutil
import sqlite3
import time
from collections.abc import Callable
from copy import deepcopy
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.support.force import ground
from tests.support.force.audit import DOUBLED, EVENTS, LOST, OVERSOLD, STUCK, audit
from tests.support.force.ledger import Ledger
from tests.support.force.life import Life, starting
from tests.support.force.load import Load
from tests.support.force.rows import Doc, Rows, of_sqlite

pytestmark = pytest.mark.process

Plant = Callable[[sqlite3.Connection, Ledger], None]


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Ledger, float]:
    """A home on which some were served, what they were told, and since when it is quiet."""
    folder = tmp_path_factory.mktemp("scene")
    ledger = Ledger(folder / "ledger")
    load = Load(ledger, 3, cuts=False)
    with starting() as starter:
        life = Life(starter, folder / "home", "--network", str(ground.write(folder)))
        load.begin(life)
        until_s = time.monotonic() + 30.0
        while not is_enough(ledger) and time.monotonic() < until_s:
            time.sleep(0.05)
        load.end()
        load.settle(life)
        quiet_since_s = time.time()
        time.sleep(1.0)
        load.catch_up(life)
        life.kill()
    return folder / "home", ledger, quiet_since_s


def is_enough(ledger: Ledger) -> bool:
    """Whether there is something of every kind that is planted upon, however slow the machine."""
    known = list(ledger.services.values())
    lives = [one for one in known if one.given_back is False and not one.passing and not one.hold]
    return len(known) > 11 and len(lives) > 3 and any(one.given_back for one in known) and len(ledger.seen) > 40


def test_nothing_is_wrong_where_nothing_is(scene: tuple[Path, Ledger, float]) -> None:
    home, ledger, quiet_since_s = scene
    rows = of_sqlite(home / "highroad.db", home / "twin.db")
    assert len(ledger.services) > 5
    assert ledger.faults == []
    assert len(ledger.seen) == len(rows.events)
    assert audit(rows, ledger, time.time(), quiet_since_s=quiet_since_s) == []


def mine(ledger: Ledger) -> str:
    """A service that lives, with no window and no change that was not heard."""
    return next(
        name for name, one in ledger.services.items() if one.given_back is False and not one.passing and not one.hold
    )


def edited(db: sqlite3.Connection, name: str, edit: Callable[[Doc], object]) -> None:
    (doc,) = db.execute("SELECT doc FROM services WHERE id = ?", (name,)).fetchone()
    service = json.loads(doc)
    edit(service)
    db.execute("UPDATE services SET doc = ? WHERE id = ?", (json.dumps(service).encode(), name))


def a_service_is_gone(db: sqlite3.Connection, ledger: Ledger) -> None:
    db.execute("DELETE FROM services WHERE id = ?", (mine(ledger),))


def a_change_is_gone(db: sqlite3.Connection, ledger: Ledger) -> None:
    edited(db, mine(ledger), lambda one: one["order"].update(bandwidth_gbps=0.7))


def somebody_ended_a_service(db: sqlite3.Connection, ledger: Ledger) -> None:
    edited(db, mine(ledger), lambda one: one.update(state="TERMINATED"))


def a_release_is_gone(db: sqlite3.Connection, ledger: Ledger) -> None:
    name = next(name for name, one in ledger.services.items() if one.given_back)
    edited(db, name, lambda one: one.update(state="ACTIVE"))


def a_service_is_not_loaded(db: sqlite3.Connection, ledger: Ledger) -> None:
    db.execute("UPDATE services SET live = 0 WHERE id = ?", (mine(ledger),))


def a_link_is_oversold(db: sqlite3.Connection, ledger: Ledger) -> None:
    edited(db, mine(ledger), lambda one: one["placement"].update(bandwidth_gbps=500.0))


def what_is_left_behind_does_not_fit(db: sqlite3.Connection, ledger: Ledger) -> None:
    edited(
        db, mine(ledger), lambda one: one.update(leaving=[{**one["placement"], "bandwidth_gbps": 500.0, "beside": []}])
    )


def an_event_is_gone(db: sqlite3.Connection, ledger: Ledger) -> None:
    db.execute("DELETE FROM events WHERE sequence = 20")


def the_last_event_is_gone(db: sqlite3.Connection, ledger: Ledger) -> None:
    db.execute("DELETE FROM events WHERE sequence = (SELECT max(sequence) FROM events)")


def an_event_is_another(db: sqlite3.Connection, ledger: Ledger) -> None:
    db.execute("UPDATE events SET doc = (SELECT doc FROM events WHERE sequence = 20) WHERE sequence = 21")


def an_arrow_is_not_in_the_picture(db: sqlite3.Connection, ledger: Ledger) -> None:
    name = mine(ledger)
    rows = db.execute("SELECT sequence, doc FROM events ORDER BY sequence").fetchall()
    told = [(sequence, json.loads(doc)) for sequence, doc in rows]
    sequence, event = next((n, one) for n, one in told if one["subject"] == name and one["data"]["state"] == "ACTIVE")
    event["data"]["state"] = "SUSPENDED"
    db.execute("UPDATE events SET doc = ? WHERE sequence = ?", (json.dumps(event).encode(), sequence))


def a_key_made_two(db: sqlite3.Connection, ledger: Ledger) -> None:
    db.execute("INSERT INTO services SELECT 'svc-twice', tenant, live, doc FROM services WHERE id = ?", (mine(ledger),))


def a_refused_key_made_one(db: sqlite3.Connection, ledger: Ledger) -> None:
    ledger.refused_keys.add(ledger.services[mine(ledger)].key)


def a_service_does_not_start(db: sqlite3.Connection, ledger: Ledger) -> None:
    edited(db, mine(ledger), lambda one: one.update(state="ACTIVATING"))


def a_service_does_not_leave(db: sqlite3.Connection, ledger: Ledger) -> None:
    edited(db, mine(ledger), lambda one: one.update(leaving=[one["placement"]]))


def a_hold_lives_for_ever(db: sqlite3.Connection, ledger: Ledger) -> None:
    edited(db, mine(ledger), lambda one: one.update(state="HELD", hold_until_s=one["created_s"]))


@pytest.mark.parametrize(
    ("plant", "kind"),
    [
        (a_service_is_gone, LOST),
        (a_change_is_gone, LOST),
        (somebody_ended_a_service, LOST),
        (a_release_is_gone, LOST),
        (a_service_is_not_loaded, LOST),
        (a_link_is_oversold, OVERSOLD),
        (what_is_left_behind_does_not_fit, OVERSOLD),
        (an_event_is_gone, EVENTS),
        (the_last_event_is_gone, EVENTS),
        (an_event_is_another, EVENTS),
        (an_arrow_is_not_in_the_picture, EVENTS),
        (a_key_made_two, DOUBLED),
        (a_refused_key_made_one, DOUBLED),
        (a_service_does_not_start, STUCK),
        (a_service_does_not_leave, STUCK),
        (a_hold_lives_for_ever, STUCK),
    ],
    ids=lambda one: getattr(one, "__name__", one),
)
def test_what_is_planted_is_found(plant: Plant, kind: str, scene: tuple[Path, Ledger, float], tmp_path: Path) -> None:
    home, ledger, quiet_since_s = scene
    for name in ("highroad.db", "highroad.db-wal", "twin.db", "twin.db-wal"):
        if (home / name).exists():
            shutil.copy(home / name, tmp_path / name)
    ledger = replace(ledger, refused_keys=set(ledger.refused_keys))
    db = sqlite3.connect(tmp_path / "highroad.db")
    with db:
        plant(db, ledger)
    db.close()
    rows = of_sqlite(tmp_path / "highroad.db", tmp_path / "twin.db")
    found = audit(rows, ledger, time.time(), quiet_since_s=quiet_since_s)
    assert kind in {fault.kind for fault in found}, found


# --- the rule by which links are full, on what can be counted by hand --------------------------------------------


def service(there: list[str], rate: float, *, backup: list[str] | None = None, **facts: Any) -> Doc:
    """From `north` to `east` and back, as a store has it."""

    def back(links: list[str]) -> list[str]:
        return [">".join(reversed(link.split(">"))) for link in reversed(links)]

    way = {"there": there, "back": back(there), "bandwidth_gbps": rate, "weight": 1, "beside": []}
    stands = None if backup is None else {"there": backup, "back": back(backup)}
    order = {"a_site": "north", "b_site": "east", "bandwidth_gbps": rate, "description": ""}
    window: Doc = {"start_s": 0.0, "end_s": None, "pieces": []}
    made: Doc = {
        "id": "",
        "state": "ACTIVE",
        "order": {**order, "window": window},
        "placement": {**way, "backup": stands},
    }
    made |= {"leaving": [], "leaving_ends": [], "home": None, "passed": 0, "leaves_by_s": None, "hold_until_s": None}
    return deepcopy(made | facts)


def within(window: Doc, made: Doc) -> Doc:
    made["order"]["window"] = window
    return {**made, "state": "RESERVED"}


def pieces(*edges: tuple[float, float]) -> Doc:
    parts = [{"start_s": start_s, "end_s": end_s, "pieces": []} for start_s, end_s in edges]
    return {"start_s": edges[0][0], "end_s": edges[-1][1], "pieces": parts}


def full(*services: Doc) -> bool:
    known = {f"svc-{place}": (True, one) for place, one in enumerate(services)}
    rows = Rows(network=ground.network(), services=known, events=[], answers=[])
    return any(fault.kind == OVERSOLD for fault in audit(rows, None, 100.0))


RIGHT, LEFT = ["ann>ben", "ben>cat"], ["ann>dan", "dan>cat"]
"""Of 100 Gbit/s each. They share their ends."""


def test_what_is_guaranteed_adds_up_to_the_capacity_and_no_further() -> None:
    assert not full(service(RIGHT, 60.0), service(RIGHT, 40.0))
    assert full(service(RIGHT, 60.0), service(RIGHT, 40.001))


def test_windows_that_do_not_meet_share_a_link() -> None:
    one, two = pieces((200.0, 300.0), (400.0, 500.0)), pieces((300.0, 400.0), (500.0, 600.0))
    assert not full(within(one, service(RIGHT, 60.0)), within(two, service(RIGHT, 60.0)))
    assert full(within(one, service(RIGHT, 60.0)), within(pieces((299.0, 301.0)), service(RIGHT, 60.0)))
    past = within(one, service(RIGHT, 60.0)) | {"passed": 1}
    assert not full(past, within(pieces((299.0, 301.0)), service(RIGHT, 60.0)))


def test_backups_share_room_unless_one_failure_calls_upon_both() -> None:
    over, beside = service(RIGHT, 60.0, backup=LEFT), service(["fay>ann", "ann>ben"], 60.0, backup=LEFT)
    elsewhere = service(["eve>fay"], 60.0, backup=LEFT)
    assert not full(over, elsewhere)
    assert full(over, {**over, "id": "twice"} | {"placement": {**beside["placement"], "bandwidth_gbps": 60.0}})
    assert full(elsewhere, elsewhere)


def test_who_moves_has_both_places_and_on_a_shared_link_the_larger() -> None:
    moved = service(RIGHT, 60.0)
    moved["leaving"] = [service(["ann>ben"], 80.0)["placement"]]
    assert not full(moved, service(["ann>ben"], 20.0), service(["ben>cat"], 40.0))
    assert full(moved, service(["ann>ben"], 20.001))


def test_a_branch_has_its_share_rounded_up() -> None:
    split = service(["ann>ben"], 0.1)
    split["placement"]["beside"] = [{"there": ["ann>dan"], "back": ["dan>ann"], "weight": 2}]
    assert not full(split, service(["ann>ben"], 99.966))
    assert full(split, service(["ann>ben"], 99.967))
    assert full(split, service(["ann>dan"], 99.934))


def test_sums_are_those_of_brute_force() -> None:
    dice = random.Random(4)
    for _ in range(200):
        made = [
            within(pieces((at := dice.randint(100, 108), at + dice.randint(1, 6))), service(RIGHT, dice.randint(5, 50)))
            for _ in range(5)
        ]
        windows = [(one["order"]["window"], one["placement"]["bandwidth_gbps"]) for one in made]
        most = max(
            sum(rate for window, rate in windows if window["start_s"] <= at < window["end_s"]) for at in range(100, 120)
        )
        assert full(*made) == (most > 100.0)
