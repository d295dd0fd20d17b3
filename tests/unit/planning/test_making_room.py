"""Room that others make: whatever is said yes to is right, and most of what is possible at all is found."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from highroad.model.lifecycle import State
from highroad.model.network import LinkId
from highroad.model.service import Backup, Order, Placement, Protection, Service, ServiceId
from highroad.planning.calendar import Calendar
from highroad.planning.find import find
from highroad.planning.ground import Ground, claims_of, standbys_of
from highroad.planning.order import resolve
from highroad.planning.placement import want_of
from highroad.planning.protection import shared_groups
from highroad.planning.room import ORDER, Effort, Limits, Made, Others, in_any_order, make_room, movable
from highroad.planning.sequence import Harm, sequence
from tests.support.country import ACME, NORTH, OTHER, SOUTH, country, request
from tests.unit.planning.crowded import (
    Crowd,
    as_it_will_be,
    check_any_order,
    check_ends,
    check_fits,
    crowd,
    crowds,
    links_of,
    possible,
)
from tests.unit.planning.ground import NOW_S, ground_of

DEEP = Limits(moves=4, searches=400, ways=12, each=12, depth=2)


def check(case: Crowd, made: Made, seed: int) -> None:
    """All that has to be true of a yes."""
    after = as_it_will_be(case, made.moves)
    for service in after:
        assert service.placement is not None
        check_ends(case, service.order, service.placement)
        assert (service.placement.backup is not None) == (service.order.protection is Protection.PATH)
        assert not shared_groups(case.ground, service.placement)
    check_ends(case, case.order, made.placement)
    assert (made.placement.backup is not None) == (case.order.protection is Protection.PATH)
    placed = [(one.order, one.placement) for one in after if one.placement is not None]
    check_fits(case, [*placed, (case.order, made.placement)])
    assert all(case.services[name].placement != to for name, to in made.moves.items())
    check_any_order(case, made.moves, random.Random(seed).shuffle)
    ground = ground_of(case.network, list(case.ground.ports.values()))
    order = replace(after[0], id=ServiceId("new"), order=case.order, placement=made.placement, state=State.RESERVED)
    ground.keep_all([*after, order])
    assert ground.calendar.oversold() == []


def state_of(calendar: Calendar, links: Sequence[LinkId]) -> object:
    instants = [NOW_S + at_s for at_s in (-1, 0, 50, 100, 150, 200, 250)]
    levels = [[calendar.at(link, at_s) for at_s in instants] for link in links]
    return levels, {holder: (set(claims), set(standbys)) for holder, claims, standbys in calendar.held()}


@settings(max_examples=150, deadline=None)
@given(seed=st.integers(0, 100_000), protected=st.booleans(), sites=st.integers(4, 7))
def test_every_yes_is_right_and_the_calendar_is_as_it_was(seed: int, *, protected: bool, sites: int) -> None:
    case = crowd(seed, sites=sites, most=12, protected=protected)
    if case is None:
        return
    links = [link.id for link in case.network.links]
    before = state_of(case.ground.calendar, links)
    made = make_room(case.ground, case.order, case.others(), DEEP)
    assert state_of(case.ground.calendar, links) == before
    assert make_room(case.ground, case.order, case.others(), DEEP) == made
    if made is not None:
        assert len(made.moves) <= DEEP.moves
        check(case, made, seed)


def test_most_of_what_brute_force_finds_is_found(capsys: pytest.CaptureFixture[str]) -> None:
    """And nothing that it does not."""
    asked = could = found = 0
    for case in crowds(range(1200)):
        asked += 1
        made = make_room(case.ground, case.order, case.others(), DEEP)
        there_is = possible(case, DEEP.moves)
        could += there_is
        found += made is not None
        assert there_is or made is None or any(len(one.branches) > 1 for one in made.moves.values())
    with capsys.disabled():
        print(f"\n{asked} refusals, of which {could} could be a yes by some moves; {found} ({found / could:.1%}) found")
    assert could > 40
    assert found / could > 0.9


# --- one by one -------------------------------------------------------------------------------------------------


def order_of(ground: Ground, *args: object, **kwargs: object) -> Order:
    order, findings = resolve(request(*args, **kwargs), ground, NOW_S)  # type: ignore[arg-type]
    assert order is not None, findings
    return order


def seated(ground: Ground, name: str, links: tuple[str, ...], *args: object, **kwargs: object) -> Service:
    """A service that is carried along some links, and back along their opposites."""
    order = order_of(ground, *args, **kwargs)
    there = tuple(LinkId(link) for link in links)
    back = ground.graph.turned(there)
    assert back is not None
    service = Service(
        id=ServiceId(name),
        version=1,
        state=State.ACTIVE,
        order=order,
        created_s=NOW_S,
        changed_s=NOW_S,
        placement=Placement(there=there, back=back, bandwidth_gbps=order.bandwidth_gbps),
    )
    ground.keep(service)
    return service


def others_of(*services: Service, **kwargs: object) -> Others:
    def over(link: LinkId) -> list[Service]:
        return [one for one in services if movable(one) and link in links_of(one.placement)]

    return Others(over=over, **kwargs)  # type: ignore[arg-type]


MIDDLE = ("west>east",)


def test_who_may_go_south_makes_room_for_who_may_not() -> None:
    ground = ground_of(country(ways=1))
    quick = seated(ground, "quick", MIDDLE, 60.0, tenant=OTHER, a="west", b="east", max_paths=1)
    order = order_of(ground, 60.0, bound_ms=7.5)
    assert find(ground, want_of(order)) is None
    made = make_room(ground, order, others_of(quick))
    assert made is not None
    assert made.placement.there == NORTH
    assert {name: to.there for name, to in made.moves.items()} == {"quick": ("west>south", "south>east")}
    assert made.moves[quick.id].back == ("east>south", "south>west")
    assert ORDER not in {holder for holder, _, _ in ground.calendar.held()}


@pytest.mark.parametrize("tied", ["bound", "fence", "nobody", "takes", "reserved elsewhere"])
def test_who_cannot_go_stays_and_the_order_is_refused(tied: str) -> None:
    ground = ground_of(country(ways=1))
    bound_ms = 5.5 if tied == "bound" else None
    fence = ("CA", "US-CO", "US-NY") if tied == "fence" else None
    quick = seated(
        ground,
        "quick",
        MIDDLE,
        60.0,
        tenant=OTHER,
        a="west",
        b="east",
        max_paths=1,
        bound_ms=bound_ms,
        fence=fence,
    )
    others = others_of(quick)
    if tied == "nobody":
        others = others_of()
    if tied == "takes":
        others = others_of(quick, takes=lambda service, to: False)
    if tied == "reserved elsewhere":
        seated(ground, "south", ("west>south",), 50.0, tenant=OTHER, a="west", b="cloud", max_paths=1)
    order = order_of(ground, 60.0, bound_ms=7.5)
    assert make_room(ground, order, others) is None


def test_a_bound_that_nobody_meets_a_full_port_and_a_link_too_small_are_nothing_that_others_could_help() -> None:
    ground = ground_of(country())
    quick = seated(ground, "quick", MIDDLE, 60.0, tenant=OTHER, a="west", b="east", max_paths=1)
    effort = Effort()
    assert make_room(ground, order_of(ground, 60.0, bound_ms=6.9), others_of(quick), effort=effort) is None
    assert make_room(ground, order_of(ground, 101.0, max_paths=1), others_of(quick), effort=effort) is None
    assert effort.searches <= 4
    seated(ground, "port", ("campus>west",), 90.0, tenant=ACME, a="campus", b="cloud")
    full = order_of(ground, 399.0)
    assert make_room(ground, full, others_of(quick)) is None


def test_two_go_where_one_does_not_suffice_and_nobody_goes_for_nothing() -> None:
    ground = ground_of(country(ways=1))
    some = [seated(ground, f"s{i}", MIDDLE, 30.0, tenant=OTHER, a="west", b="east", max_paths=1) for i in range(3)]
    made = make_room(ground, order_of(ground, 60.0, bound_ms=7.5), others_of(*some))
    assert made is not None
    assert len(made.moves) == 2
    made = make_room(ground, order_of(ground, 40.0, bound_ms=7.5), others_of(*some))
    assert made is not None
    assert len(made.moves) == 1
    assert make_room(ground, order_of(ground, 60.0, bound_ms=7.5), others_of(*some), Limits(moves=1)) is None


def test_who_is_not_carried_yet_goes_rather_than_who_is() -> None:
    ground = ground_of(country(ways=1))
    carried = seated(ground, "a", MIDDLE, 45.0, tenant=OTHER, a="west", b="east", max_paths=1)
    waits = replace(
        seated(ground, "b", MIDDLE, 45.0, tenant=OTHER, a="west", b="east", max_paths=1), state=State.RESERVED
    )
    made = make_room(ground, order_of(ground, 50.0, bound_ms=7.5), others_of(carried, waits))
    assert made is not None
    assert set(made.moves) == {"b"}


def test_only_who_is_there_at_that_time_is_asked() -> None:
    ground = ground_of(country(ways=1))
    later = seated(ground, "later", MIDDLE, 60.0, tenant=OTHER, a="west", b="east", max_paths=1, start_s=NOW_S + 1000.0)
    later = replace(later, state=State.RESERVED)
    ground.keep(later)
    now = seated(ground, "now", MIDDLE, 60.0, tenant=OTHER, a="west", b="east", max_paths=1, end_s=NOW_S + 1000.0)
    made = make_room(ground, order_of(ground, 60.0, bound_ms=7.5, end_s=NOW_S + 500), others_of(later, now))
    assert made is not None
    assert set(made.moves) == {"now"}
    made = make_room(ground, order_of(ground, 60.0, bound_ms=7.5), others_of(later, now))
    assert made is not None
    assert set(made.moves) == {"now", "later"}


def test_one_moves_for_another_that_moves() -> None:
    """Who is in the middle can only go south, and there only if who is there goes round by the second way."""
    ground = ground_of(country(ways=2))
    quick = seated(ground, "quick", MIDDLE, 60.0, tenant=OTHER, a="west", b="east", max_paths=1)
    slow = seated(ground, "slow", SOUTH, 60.0, max_paths=1)
    order = order_of(ground, 60.0, tenant=OTHER, a="west", b="east", bound_ms=5.0, max_paths=1)
    assert make_room(ground, order, others_of(quick, slow), Limits(depth=1)) is None
    made = make_room(ground, order, others_of(quick, slow))
    assert made is not None
    assert made.placement.there == MIDDLE
    assert {name: to.there for name, to in made.moves.items()} == {
        "quick": ("west>south", "south>east"),
        "slow": ("campus>south", "south>cloud"),
    }


def test_a_protected_order_gets_its_pair() -> None:
    """Its path goes north, and for its backup one of the two that are on the other ways joins the other."""
    ground = ground_of(country(ways=3))
    some = [
        seated(ground, name, links, 45.0, tenant=OTHER, max_paths=1)
        for name, links in (("direct", ("campus>cloud",)), ("round", ("campus>south", "south>cloud")))
    ]
    order = order_of(ground, 60.0, protection=Protection.PATH)
    assert find(ground, want_of(order)) is None
    made = make_room(ground, order, others_of(*some))
    assert made is not None
    assert len(made.moves) == 1
    assert made.placement.backup is not None
    assert not shared_groups(ground, made.placement)


def test_who_is_protected_keeps_a_backup_and_its_path_where_only_that_is_in_the_way() -> None:
    ground = ground_of(country(ways=3))
    safe = seated(ground, "safe", NORTH, 60.0, tenant=OTHER)
    assert safe.placement is not None
    direct = Backup(there=(LinkId("campus>cloud"),), back=(LinkId("cloud>campus"),))
    safe = replace(
        safe,
        order=replace(safe.order, protection=Protection.PATH),
        placement=replace(safe.placement, backup=direct),
    )
    assert safe.placement is not None
    ground.keep(safe)
    order = order_of(ground, 60.0, fence=("US-CO", "US-NY"), max_paths=1)
    assert find(ground, want_of(order)) is None
    made = make_room(ground, order, others_of(safe))
    assert made is not None
    assert made.placement.there == ("campus>cloud",)
    to = made.moves[safe.id]
    assert to.branches == safe.placement.branches
    assert to.backup is not None
    assert to.backup.there == ("campus>south", "south>cloud")
    seated(ground, "south", ("campus>south", "south>cloud"), 50.0, max_paths=1)
    assert make_room(ground, order, others_of(safe)) is None, "nobody loses its backup for another"


def test_moves_that_wait_for_each_other_in_a_circle_have_no_order() -> None:
    ground = ground_of(country(ways=1))
    one = seated(ground, "one", MIDDLE, 60.0, tenant=OTHER, a="west", b="east", max_paths=1)
    two = seated(ground, "two", ("west>south", "south>east"), 60.0, tenant=OTHER, a="west", b="east", max_paths=1)
    assert one.placement is not None
    assert two.placement is not None
    swapped = [(one, two.placement), (two, one.placement)]
    for service, to in swapped:
        after = replace(service, placement=to)
        ground.calendar.keep(service.id, claims_of(after), standbys_of(after, ground))
    assert not in_any_order(ground, swapped)
    assert in_any_order(ground, swapped[:1])
    capacity = {link.id: 100_000 for link in ground.network.links}
    have = {name: place.load_mbps() for name, place in (("one", one.placement), ("two", two.placement))}
    want = {"one": have["two"], "two": have["one"]}
    plan = sequence(capacity, have, want, at_most=9, allow=Harm.NONE)  # type: ignore[arg-type]
    assert plan.left
    reserved = [(replace(service, state=State.RESERVED), to) for service, to in swapped]
    assert in_any_order(ground, reserved)


def test_those_on_the_move_already_count_too() -> None:
    """Half of a circle is under way: the other half closes it."""
    ground = ground_of(country(ways=1))
    one = seated(ground, "one", MIDDLE, 60.0, tenant=OTHER, a="west", b="east", max_paths=1)
    two = seated(ground, "two", ("west>south", "south>east"), 60.0, tenant=OTHER, a="west", b="east", max_paths=1)
    assert one.placement is not None
    assert two.placement is not None
    gone = replace(
        one, placement=two.placement, leaving=(one.placement,), leaves_by_s=one.order.window.start_s, away=True
    )
    ground.keep(gone)
    after = replace(two, placement=one.placement)
    ground.calendar.keep(two.id, claims_of(after), standbys_of(after, ground))
    assert in_any_order(ground, [(two, one.placement)])
    assert not in_any_order(ground, [(two, one.placement)], [gone])


def test_who_leaves_something_to_others_at_once_claims_it_no_more() -> None:
    ground = ground_of(country(ways=1))
    one = seated(ground, "one", MIDDLE, 60.0, tenant=OTHER, a="west", b="east", max_paths=1)
    south = replace(one.placement, there=("west>south", "south>east"), back=("east>south", "south>west"))  # type: ignore[type-var]
    ground.keep(replace(one, placement=south, leaving=(one.placement,)))  # type: ignore[arg-type]
    assert ground.calendar.at("west>east", NOW_S) == 60_000
    ground.keep(
        replace(one, placement=south, leaving=(one.placement,), leaves_by_s=one.order.window.start_s)  # type: ignore[arg-type]
    )
    assert ground.calendar.at("west>east", NOW_S) == 0
    assert ground.calendar.at("west>east", NOW_S - 1e9) == 0
    assert ground.calendar.at("west>south", NOW_S) == 60_000


def test_the_work_is_bounded() -> None:
    ground = ground_of(country(ways=1))
    some = [
        seated(ground, f"s{i}", MIDDLE, 5.0, tenant=OTHER, a="west", b="east", max_paths=1, bound_ms=5.5)
        for i in range(20)
    ]
    effort = Effort()
    limits = Limits(searches=10)
    assert make_room(ground, order_of(ground, 50.0, bound_ms=7.5), others_of(*some), limits, effort) is None
    assert effort.searches <= 10
