"""Protected placements against brute force over every pair of simple paths there and back."""

from __future__ import annotations

import random
from dataclasses import dataclass, replace

import pytest

from highroad.model.jurisdiction import Fence
from highroad.model.lifecycle import State
from highroad.model.network import LinkId, Network, SiteId
from highroad.model.service import Backup, Placement, Protection, Window
from highroad.planning.admission import Admitted, Denied, admit
from highroad.planning.calendar import Claim, Standby
from highroad.planning.closure import Closure
from highroad.planning.ground import Ground, standbys_of
from highroad.planning.placement import Room, Want, place
from highroad.planning.protection import Cause, NoPair, backup_for, no_pair, place_protected, shared_groups
from tests.support.country import OTHER, country, request
from tests.unit.planning.ground import NOW_S, avoid, ground_of, keep
from tests.unit.planning.small import Path, network_of, risks, simple_paths, small

WINDOW = Window(start_s=NOW_S, end_s=NOW_S + 100)


@dataclass(frozen=True)
class Case:
    network: Network
    ground: Ground
    want: Want
    there: list[Path]
    back: list[Path]


def case(seed: int, *, one_way: float = 0.0, loaded: bool = True) -> Case:
    """A random network, others' claims and standbys on it, and a random want."""
    dice = random.Random(f"case {seed}")
    network = small(seed, sites=dice.choice((5, 6, 7)), one_way=one_way)
    ground = ground_of(network, [])
    every = sorted({group for fibre in network.fibres for group in (fibre.id, *fibre.risk_groups)})
    for index, link in enumerate(network.links if loaded else ()):
        if dice.random() < 0.3:
            ground.calendar.keep(f"claim-{index}", [Claim(link.id, NOW_S, NOW_S + 50, dice.randint(1, 3) * 1000)])
        for other in range(dice.choice((0, 0, 1, 2))):
            groups = frozenset(dice.sample(every, min(3, len(every))))
            standby = Standby(link.id, NOW_S + 25, NOW_S + 75, dice.randint(1, 2) * 1000, groups)
            if ground.calendar.spare_for(link.id, WINDOW, groups) >= standby.rate_mbps:
                ground.calendar.keep(f"standby-{index}-{other}", (), [standby])
    want = Want(
        a=SiteId("a"),
        b=SiteId("b"),
        window=WINDOW,
        bandwidth_gbps=float(dice.randint(1, 8)),
        bound_ms=dice.choice([None, 12.0, 20.0]),
        fence=None,
    )
    bound = want.bound_ms if want.bound_ms is not None else 1e9

    def inside(a: str, b: str) -> list[Path]:
        return [path for path in simple_paths(network, a, b) if ground.graph.latency_ms(path) <= bound]

    return Case(network, ground, want, inside("a", "b"), inside("b", "a"))


def pairs_exist(one: Case) -> bool:
    """Whether there is any way out and home with any backup that shares nothing with it and has room."""
    calendar = one.ground.calendar
    rate = round((one.want.bandwidth_gbps or 0) * 1000)

    def room(there: Path, back: Path) -> bool:
        use = {link: (there + back).count(link) * rate for link in there + back}
        return all(calendar.free(link, WINDOW) >= need for link, need in use.items())

    for there in one.there:
        if not room(there, ()):
            continue
        for back in one.back:
            if not room(there, back):
                continue
            groups = risks(one.network, there) | risks(one.network, back)
            ways = [
                any(
                    not risks(one.network, path) & groups
                    and all(calendar.spare_for(link, WINDOW, groups) >= rate for link in path)
                    for path in paths
                )
                for paths in (one.there, one.back)
            ]
            if all(ways):
                return True
    return False


def check(one: Case, placement: Placement) -> None:
    """What a protected placement promises."""
    backup, calendar, want = placement.backup, one.ground.calendar, one.want
    assert backup is not None
    rate = round((want.bandwidth_gbps or 0) * 1000)
    for path, paths in (
        (placement.there, one.there),
        (backup.there, one.there),
        (placement.back, one.back),
        (backup.back, one.back),
    ):
        assert path in paths, "a simple path inside the bound, from end to end"
    groups = risks(one.network, placement.there) | risks(one.network, placement.back)
    assert not groups & (risks(one.network, backup.there) | risks(one.network, backup.back))
    assert shared_groups(one.ground, placement) == frozenset()
    assert all(calendar.free(link, WINDOW) >= load for link, load in placement.load_mbps().items())
    assert all(calendar.spare_for(link, WINDOW, groups) >= rate for link in (*backup.there, *backup.back))


@pytest.mark.parametrize("one_way", [0.0, 0.15])
def test_a_pair_is_valid_and_is_found_wherever_there_is_one(one_way: float) -> None:
    """Where links come in pairs none may be missed; where they do not, hardly any (a link used in both directions)."""
    found = missed = 0
    for seed in range(400):
        one = case(seed, one_way=one_way)
        placement = place_protected(one.ground, one.want)
        if placement is not None:
            check(one, placement)
            found += 1
        elif pairs_exist(one):
            missed += 1
    print(f"\n{found} pairs, {missed} missed ({one_way:.0%} of the links without an opposite)")
    assert found > 100
    assert missed == 0


def test_what_a_room_remembers_changes_no_answer() -> None:
    """Whether a standby has room, asked again and again for other groups, is what the calendar says; so is how much."""
    asked = tight = 0
    for seed in range(60):
        one, dice = case(seed), random.Random(f"room {seed}")
        room, groups = Room(one.ground, one.want), sorted(one.ground.risks.links)
        for _ in range(60):
            number, some = dice.randrange(len(one.network.links)), frozenset(dice.sample(groups, dice.randint(1, 4)))
            spare = one.ground.calendar.spare_for(one.network.links[number].id, WINDOW, some)
            rate = max(1, spare + dice.choice((-1, 0, 1, -1000, 1000)))
            assert room.stands(number, rate, some) == (spare >= rate)
            told = room.spare(number, some, rate)
            assert rate <= told <= spare if spare >= rate else told == spare
            asked, tight = asked + 1, tight + (spare > room.free(number))
    assert tight > asked / 20


def test_a_path_that_is_given_has_the_backup_that_its_pair_has() -> None:
    found = without = 0
    for seed in range(400):
        one = case(seed)
        placement = place_protected(one.ground, one.want)
        if placement is None:
            continue
        again = backup_for(one.ground, one.want, replace(placement, backup=None))
        assert again == placement
        first = place(one.ground, one.want)
        covered = None if first is None else backup_for(one.ground, one.want, first)
        if covered is None:
            without += 1
            continue
        check(one, covered)
        found += 1
    print(f"{found} of the best paths have a backup, {without} have none where another path has")
    assert found > 100
    assert without > 5


def test_where_there_is_no_pair_it_says_which_groups_cannot_be_avoided() -> None:
    """Against every pair of paths: one pair shares just those, and none shares fewer of them."""
    said = 0
    for seed in range(150):
        one = case(seed, loaded=False)
        if place_protected(one.ground, one.want) is not None or not one.there:
            continue
        why = no_pair(one.ground, one.want)
        shares = {risks(one.network, path) & risks(one.network, other) for path in one.there for other in one.there}
        if why.cause is Cause.ROOM:
            assert frozenset() in shares
        elif why.cause is not Cause.PATH:
            said += 1
            shared = frozenset(why.shared)
            assert shared in shares
            assert not any(other < shared for other in shares)
            if why.nearest is not None:
                assert shared_groups(one.ground, why.nearest) <= shared
    print(f"\n{said} times said what every pair shares")
    assert said > 30


def test_the_causes() -> None:
    ground = ground_of(country())
    want = Want(
        a=SiteId("west"), b=SiteId("east"), window=WINDOW, bandwidth_gbps=10.0, bound_ms=None, fence=Fence(("US", "CA"))
    )
    placement = place_protected(ground, want)
    assert placement is not None
    assert placement.backup is not None
    assert (placement.there, placement.backup.there) == (("west>east",), ("west>south", "south>east"))
    assert no_pair(ground, replace(want, bandwidth_gbps=200.0)) == NoPair(cause=Cause.PATH)
    fenced = no_pair(ground, replace(want, fence=Fence(("US",))))
    assert fenced.cause is Cause.FENCE
    assert fenced.shared == ("east--south", "west--south", "site:south")
    slow = no_pair(ground, replace(want, bound_ms=6.0))
    assert (slow.cause, slow.shared, slow.latency_ms) == (Cause.LATENCY, ("west--east",), 8.0)
    ground.calendar.keep("other", [Claim("west>south", NOW_S, NOW_S + 10, 95_000)])
    assert no_pair(ground, want).cause is Cause.ROOM
    avoid(ground, "west>south")
    assert no_pair(ground, want).cause is Cause.DOWN
    bridged = no_pair(ground_of(country()), replace(want, a=SiteId("campus"), b=SiteId("cloud")))
    assert bridged.cause is Cause.GROUPS
    assert bridged.shared == ("campus--west", "cloud--east", "site:east", "site:west")
    nearest = bridged.nearest
    assert nearest is not None
    assert nearest.backup is not None
    assert nearest.backup.there == ("campus>west", "west>south", "south>east", "east>cloud")


def test_a_backup_goes_where_sharing_is_free() -> None:
    """Of two backups the longer, where somebody else's reserve for another fibre is enough for both."""
    spans = (("a", "b", 1.0), ("a", "p", 1.0), ("p", "b", 1.0), ("a", "q", 1.5), ("q", "b", 1.5))
    ground = ground_of(network_of(spans), [])
    want = Want(a=SiteId("a"), b=SiteId("b"), window=WINDOW, bandwidth_gbps=5.0, bound_ms=None, fence=None)
    over_p, over_q = ("a>p", "p>b"), ("a>q", "q>b")
    first = place_protected(ground, want)
    assert first is not None
    assert first.backup is not None
    assert first.backup.there == over_p
    both_ways = (*over_q, "b>q", "q>a")
    elsewhere = [Standby(link, NOW_S, NOW_S + 100, 5000, frozenset({"another"})) for link in both_ways]
    ground.calendar.keep("other", (), elsewhere)
    second = place_protected(ground, want)
    assert second is not None
    assert second.backup is not None
    assert second.backup.there == over_q
    same = [standby._replace(groups=frozenset({"a--b"})) for standby in elsewhere]
    ground.calendar.keep("other", (), same)
    third = place_protected(ground, want)
    assert third is not None
    assert third.backup is not None
    assert third.backup.there == over_p


def test_what_a_protected_service_stands_by_for() -> None:
    ground = ground_of(country(conduit=True))
    placement = Placement(
        there=path("west>east"),
        back=path("east>west"),
        bandwidth_gbps=10.0,
        backup=Backup(there=path("west>south", "south>east"), back=path("east>south", "south>west")),
    )
    asked = request(10.0, tenant=OTHER, a="west", b="east", start_s=NOW_S + 10, end_s=NOW_S + 100)
    decision = admit(ground, asked, NOW_S)
    assert isinstance(decision, Admitted)
    service = keep(ground, "s", replace(decision, placement=placement))
    standbys = standbys_of(service, ground)
    assert {standby.resource for standby in standbys} == {"west>south", "south>east", "east>south", "south>west"}
    assert {(one.start_s, one.until_s, one.rate_mbps) for one in standbys} == {(NOW_S + 10, NOW_S + 100, 10_000)}
    assert {one.groups for one in standbys} == {frozenset({"west--east"})}
    assert set(ground.calendar.standbys("s")) == set(standbys)
    bridged = Placement(
        there=path("campus>west", "west>east"),
        back=path("east>west", "west>campus"),
        bandwidth_gbps=10.0,
        backup=Backup(
            there=path("campus>west", "west>south", "south>east"), back=path("east>south", "south>west", "west>campus")
        ),
    )
    order = replace(service.order, a_site=SiteId("campus"))
    shared = standbys_of(replace(service, order=order, placement=bridged), ground)
    assert {standby.resource for standby in shared} == {"west>south", "south>east", "east>south", "south>west"}
    assert {one.groups for one in shared} == {frozenset({"west--east"})}, "neither campus--west nor west is covered"
    left = replace(service, placement=replace(placement, backup=None), leaving=(placement,), state=State.ACTIVE)
    assert {one.start_s for one in standbys_of(left, ground)} == {float("-inf")}
    assert standbys_of(replace(service, ended_s=NOW_S + 100), ground) == []


def path(*links: str) -> Path:
    return tuple(map(LinkId, links))


def test_between_very_many_windows_only_the_backup_needs_room() -> None:
    """Twelve nights: by day two of three ways are full, or every link is worked on, and nothing is carried then."""
    nights = tuple(Window(start_s=NOW_S + day * 86400, end_s=NOW_S + day * 86400 + 3600) for day in range(12))
    asked = request(60.0, windows=nights, protection=Protection.PATH, bound_ms=9.5)
    at_noon = Window(start_s=NOW_S + 43200, end_s=NOW_S + 46800)

    def filled(*links: str, rate: int = 50) -> Ground:
        ground = ground_of(country(ways=3))
        for link in links:
            ground.calendar.keep(link, [Claim(LinkId(link), at_noon.start_s, at_noon.until_s, rate * 1000)])
        return ground

    ground = filled("campus>cloud", "campus>west")
    decision = admit(ground, asked, NOW_S)
    assert isinstance(decision, Admitted), decision
    assert decision.placement.there[0] == "campus>west"
    assert decision.placement.backup is not None
    assert decision.placement.backup.there[0] == "campus>south"
    keep(ground, "nightly", decision)
    assert ground.calendar.oversold() == []

    closed = filled()
    closed.closures = (Closure(window=at_noon, links=frozenset(range(len(closed.graph.links)))),)
    assert isinstance(admit(closed, asked, NOW_S), Admitted)

    full = admit(filled("campus>cloud", "campus>south", "campus>west"), asked, NOW_S)
    assert isinstance(full, Denied)
    assert (full.binding.constraint, full.binding.at_s) == ("protection", at_noon.start_s)
    assert full.binding.link in ("campus>south", "campus>west", "campus>cloud")
