"""The judge: what has to be true of a store and of what clients were told. It shares no line with the controller.

Never oversold (product.md, promise 1): of every link, at every instant from now on,

    sum over services of what is guaranteed + max over risk groups g of S(g) <= capacity

where S(g) is what all backups need that g calls upon at once. A service that moves has both its old and its new place,
on a link in both the larger of the two.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise

from tests.support.force.ledger import Ledger
from tests.support.force.rows import Doc, Rows

LOST, OVERSOLD, STUCK, EVENTS, DOUBLED = "lost", "oversold", "stuck", "events", "doubled"
KINDS = (LOST, OVERSOLD, STUCK, EVENTS, DOUBLED)

HOLDING = {"HELD", "INVITED", "RESERVED", "ACTIVATING", "ACTIVE", "DEGRADED", "SUSPENDED"}
CARRIED = {"ACTIVATING", "ACTIVE", "DEGRADED"}
ENDED = {"TERMINATED", "CANCELLED", "EXPIRED", "REJECTED", "FAILED"}

ARROWS = {
    "": {"HELD", "INVITED", "RESERVED", "REJECTED"},
    "HELD": {"RESERVED", "CANCELLED", "EXPIRED"},
    "INVITED": {"RESERVED", "CANCELLED", "EXPIRED"},
    "RESERVED": {"ACTIVATING", "CANCELLED"},
    "ACTIVATING": {"ACTIVE", "FAILED", "TERMINATED", "RESERVED"},
    "ACTIVE": {"DEGRADED", "SUSPENDED", "TERMINATED", "RESERVED"},
    "DEGRADED": {"ACTIVE", "TERMINATED", "RESERVED"},
    "SUSPENDED": {"ACTIVE", "TERMINATED"},
}
"""The lifecycle of product.md, and two that it does not draw: a service rests between the pieces of its window, and one
that is not yet carried can be given back."""


@dataclass(frozen=True, slots=True)
class Fault:
    """Something that must not be."""

    kind: str
    text: str

    def __str__(self) -> str:
        return f"{self.kind}: {self.text}"


def audit(rows: Rows, ledger: Ledger | None, now_s: float, *, quiet_since_s: float | None = None) -> list[Fault]:
    """Everything that is wrong; also what is stuck, where nothing was asked and nothing broken since a time."""
    faults = [*_events(rows), *_oversold(rows, now_s), *_held(rows)]
    if ledger is not None:
        faults += [*_lost(rows, ledger), *_doubled(rows, ledger), *_streamed(rows, ledger)]
    if quiet_since_s is not None:
        faults += _stuck(rows, now_s, quiet_since_s)
    return faults


# --- what was acknowledged ------------------------------------------------------------------------------------


def _lost(rows: Rows, ledger: Ledger) -> Iterator[Fault]:
    for name, known in ledger.services.items():
        if name not in rows.services:
            yield Fault(LOST, f"{name} was acknowledged and is gone")
            continue
        live, service = rows.services[name]
        state, rate = service["state"], service["order"]["bandwidth_gbps"]
        if rate not in known.rates:
            yield Fault(LOST, f"{name} was acknowledged at {known.rates} and is at {rate}")
        if service["order"]["description"] != known.key:
            yield Fault(LOST, f"{name} was made for {known.key} and is for {service['order']['description']}")
        if known.given_back is True and state not in ENDED:
            yield Fault(LOST, f"{name} was given back and is {state}")
        if known.given_back is False and state in ENDED and not known.passing:
            yield Fault(LOST, f"{name} is {state}, and nobody gave it back")
        if known.given_back is False and state == "TERMINATED" and known.hold and known.confirmed is False:
            yield Fault(LOST, f"{name} was never taken and was carried")
        if known.confirmed is True and known.given_back is False and state in ("HELD", "EXPIRED"):
            yield Fault(LOST, f"{name} was taken and is {state}")
        if state not in ENDED and not live:
            yield Fault(LOST, f"{name} is {state} and is not loaded at a start")


def _doubled(rows: Rows, ledger: Ledger) -> Iterator[Fault]:
    """A key makes one service, however often it is sent; a no makes none."""
    made: dict[str, list[str]] = defaultdict(list)
    for name, (_, service) in rows.services.items():
        made[service["order"]["description"]].append(name)
    for key, names in made.items():
        if key.startswith("key-") and len(names) > 1:
            yield Fault(DOUBLED, f"{key} made {', '.join(names)}")
        if key in ledger.refused_keys:
            yield Fault(DOUBLED, f"{key} was refused and made {', '.join(names)}")
    for _, key, answer in rows.answers:
        name = answer["outcome"].get("service")
        if name is not None and key.startswith("key-") and made.get(key) != [name]:
            yield Fault(DOUBLED, f"{key} is said to have made {name}, and made {made.get(key)}")


# --- events ---------------------------------------------------------------------------------------------------


def _events(rows: Rows) -> Iterator[Fault]:
    state: dict[str, str] = {}
    for place, (sequence, event) in enumerate(rows.events, 1):
        if sequence != place or event["sequence"] not in (0, sequence):
            yield Fault(EVENTS, f"event {place} is missing or doubled: there is {sequence}")
            return
        if event["kind"].startswith("highroad.service.") and "state" in event["data"]:
            before, after = state.get(event["subject"], ""), event["data"]["state"]
            if before != after and after not in ARROWS.get(before, ()):
                yield Fault(EVENTS, f"{event['subject']} went from {before or 'nowhere'} to {after} at {sequence}")
            state[event["subject"]] = after
    for name, (_, service) in rows.services.items():
        if state.get(name) != service["state"]:
            yield Fault(EVENTS, f"{name} is {service['state']}, and its events end with {state.get(name)}")
    for name in state.keys() - rows.services.keys():
        yield Fault(LOST, f"{name} has events and is gone")


def _streamed(rows: Rows, ledger: Ledger) -> Iterator[Fault]:
    known = {sequence: (event["kind"], event["subject"]) for sequence, event in rows.events}
    for sequence, seen in ledger.seen.items():
        if known.get(sequence) != seen:
            yield Fault(EVENTS, f"event {sequence} was streamed as {seen} and is {known.get(sequence)}")


# --- what is stuck --------------------------------------------------------------------------------------------


def _stuck(rows: Rows, now_s: float, quiet_since_s: float) -> Iterator[Fault]:
    latest_s = max([now_s, *(event["at_s"] for _, event in rows.events)])  # a clock that was set back opened it earlier
    for name, (live, service) in rows.services.items():
        state = service["state"]
        parts = _pieces(service)
        here = [one for one in parts if one[0] <= now_s < one[1]]
        was_here = [one for one in parts if one[0] <= latest_s and now_s < one[1]]
        edges = [edge for one in parts for edge in one if edge <= now_s]
        if edges and max(edges) > quiet_since_s:
            continue  # a window has only just opened or closed
        hold_s = service["hold_until_s"]
        if state == "HELD" and min(math.inf if hold_s is None else hold_s, parts[-1][1]) < quiet_since_s:
            yield Fault(STUCK, f"{name} is held beyond its time")
        elif state in ("RESERVED", "ACTIVATING") and here:
            yield Fault(STUCK, f"{name} is {state} in its window")
        elif state in ("ACTIVE", "DEGRADED") and not was_here:
            yield Fault(STUCK, f"{name} is {state} outside of its window")
        elif state == "DEGRADED" and not (service["reason"] or "").startswith("unprotected"):
            yield Fault(STUCK, f"{name} is DEGRADED: {service['reason']}")
        if service["leaving"] or service["leaving_ends"]:
            yield Fault(STUCK, f"{name} has not left what it is leaving")
        if live and state in ENDED:
            yield Fault(STUCK, f"{name} is {state} and still on the list")
        if rows.policies is not None and (name in rows.policies) != (state in ("ACTIVE", "DEGRADED")):
            yield Fault(STUCK, f"{name} is {state}, and routers {'hold' if name in rows.policies else 'lack'} it")


# --- what is sold ---------------------------------------------------------------------------------------------


def _oversold(rows: Rows, now_s: float) -> Iterator[Fault]:
    if rows.network is None:
        return
    groups = _groups(rows.network)
    edges: dict[str, list[tuple[float, int, int, frozenset[str]]]] = defaultdict(list)
    for _, service in rows.services.values():
        for start_s, until_s, needs in _needs(service, groups):
            if until_s <= now_s:
                continue
            for link, (sure, spare, called) in needs.items():
                edges[link].append((max(start_s, now_s), sure, spare, called))
                edges[link].append((until_s, -sure, -spare, called))
    capacity = {link["id"]: round(link["capacity_gbps"] * 1000) for link in rows.network["links"]}
    for link, steps in edges.items():
        sure, by_group = 0, Counter[str]()
        steps.sort(key=lambda one: one[0])
        for place, (at_s, more, spare, called) in enumerate(steps):
            sure += more
            for group in called if spare else ():
                by_group[group] += spare
            if place + 1 < len(steps) and steps[place + 1][0] == at_s:
                continue
            worst = max(by_group.values(), default=0)
            if sure + worst > capacity.get(link, 0):
                yield Fault(OVERSOLD, f"{link} at {at_s}: {sure} and {worst} of {capacity.get(link, 0)} Mbit/s")
                break


def _held(rows: Rows) -> Iterator[Fault]:
    """What routers hold, all at once, is within every link too."""
    if rows.policies is None or rows.network is None:
        return
    load = Counter[str]()
    for policy in rows.policies.values():
        rate = round(policy["guaranteed_gbps"] * 1000)
        for way in (policy["there"], policy["back"]):
            lists = max(way, key=lambda candidate: candidate["preference"])["segment_lists"]
            whole = sum(one["weight"] for one in lists)
            for one in lists:
                for link in one["links"]:
                    load[link] += -(-rate * one["weight"] // whole)
    for link in rows.network["links"]:
        if load[link["id"]] > round(link["capacity_gbps"] * 1000):
            yield Fault(OVERSOLD, f"routers hold {load[link['id']]} Mbit/s on {link['id']}")


def _pieces(service: Doc) -> list[tuple[float, float]]:
    """What of its window is still to come, piece by piece; the last one where all have passed."""
    window = service["order"]["window"]
    parts = window["pieces"][service["passed"] :] or window["pieces"][-1:] or [window]
    return [(one["start_s"], math.inf if one["end_s"] is None else one["end_s"]) for one in parts]


Need = tuple[int, int, frozenset[str]]
"""What is guaranteed, what a backup needs besides, and which risk groups call on it."""


def _needs(service: Doc, groups: Mapping[str, set[str]]) -> Iterator[tuple[float, float, dict[str, Need]]]:
    """What a service needs of each link, from when until when."""
    pieces, state, home = _pieces(service), service["state"], service["home"]
    stands: list[tuple[Doc, float, float]] = []
    if state in HOLDING:
        for place, (start_s, until_s) in enumerate(pieces):
            from_s = -math.inf if state in CARRIED and not place else start_s
            if service["placement"] is not None:
                here_until_s = until_s if home is None else min(until_s, home["until_s"])
                stands.append((service["placement"], from_s, here_until_s))
            if home is not None:
                stands.append((home["placement"], max(from_s, home["at_s"]), until_s))
    if not service["order"]["window"]["pieces"] or state not in ("HELD", "INVITED", "RESERVED", "CANCELLED", "EXPIRED"):
        gone_s = pieces[0][1]
        if service["leaves_by_s"] is not None:
            gone_s = min(gone_s, service["leaves_by_s"])
        stands += [(one, -math.inf, gone_s) for one in service["leaving"]]
    edges = sorted({edge for _, *both in stands for edge in both})
    ends = {f"site {service['order']['a_site']}", f"site {service['order']['b_site']}"}
    for start_s, until_s in pairwise(edges):
        now = [one for one, begins_s, ends_s in stands if begins_s <= start_s < ends_s]
        if now:
            yield start_s, until_s, _needed(now, groups, ends)


def _needed(placements: Iterable[Doc], groups: Mapping[str, set[str]], ends: set[str]) -> dict[str, Need]:
    sure: dict[str, int] = {}
    for one in placements:
        for link, rate in _load(one).items():
            sure[link] = max(rate, sure.get(link, 0))
    needs: dict[str, Need] = {link: (rate, 0, frozenset()) for link, rate in sure.items()}
    for one in placements:
        if one["backup"] is None:
            continue
        backup = {*one["backup"]["there"], *one["backup"]["back"]}
        own = set(_load(one))
        both = set[str]().union(*(groups.get(link, set()) for link in backup))
        called = set[str]().union(*(groups.get(link, set()) for link in own)) - both - ends
        rate = round(one["bandwidth_gbps"] * 1000)
        for link in backup - own:
            carried, spare, others = needs.get(link, (0, 0, frozenset()))
            needs[link] = (carried, max(spare, rate - carried, 0), others | called)
    return needs


def _load(placement: Doc) -> dict[str, int]:
    """Whole Mbit/s on each link: a branch has its share, rounded up."""
    rate = round(placement["bandwidth_gbps"] * 1000)
    branches = [placement, *placement["beside"]]
    whole = sum(one["weight"] for one in branches)
    load: dict[str, int] = {}
    for one in branches:
        for link in (*one["there"], *one["back"]):
            load[link] = load.get(link, 0) + -(-rate * one["weight"] // whole)
    return load


def _groups(network: Doc) -> dict[str, set[str]]:
    """What takes each link down: its fibres, what they share, and every site that they touch."""
    fibres = {fibre["id"]: fibre for fibre in network["fibres"]}
    found: dict[str, set[str]] = {}
    for link in network["links"]:
        names = {f"site {link['tail']}", f"site {link['head']}"}
        for fibre in link["fibres"]:
            names |= {f"fibre {fibre}", f"site {fibres[fibre]['a']}", f"site {fibres[fibre]['b']}"}
            names |= {f"group {group}" for group in fibres[fibre].get("risk_groups", ())}
        found[link["id"]] = names
    return found
