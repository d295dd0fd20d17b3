"""Which paths there are to be measured: those of the policies that a router holds, each once whoever uses it. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from highroad.agent.numbers import DSCP
from highroad.gnmi.router import ADJACENCY_FUNCTIONS, NODE_IDS, PROTECTED_FUNCTIONS, CandidatePath, Intended, Policy
from highroad.model.service import TrafficClass

_BLOCK_BYTES = 4
_LINKS = range(ADJACENCY_FUNCTIONS.start, PROTECTED_FUNCTIONS.stop)
MOST_HOPS = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class MeasuredPath:
    """A way to another router, and back: adjacency SIDs, each router's own first. Without `back` the far end answers by
    the way of its IGP.
    """

    functions: tuple[int, ...]
    back: tuple[int, ...]
    node: int
    traffic_class: TrafficClass

    @property
    def name(self) -> str:
        """The same for the same path, after a restart too."""
        out, back = (".".join(f"{one:x}" for one in functions) for functions in (self.functions, self.back))
        return f"{out}:{self.node}:{back or 'igp'}:{self.traffic_class.value}"

    @property
    def dscp(self) -> int:
        """Its packets are as what is guaranteed in the class."""
        return DSCP[self.traffic_class]


@dataclass(frozen=True, slots=True, kw_only=True)
class Use:
    """A service that has the path: as which candidate path, which list of that, and whether it goes there now."""

    service: str
    attachment: str
    preference: int
    list_index: int
    in_use: bool


def paths_of(intended: Intended, in_use: Callable[[Policy], CandidatePath]) -> dict[MeasuredPath, tuple[Use, ...]]:
    """Every path of every policy, and who uses it."""
    uses: dict[MeasuredPath, list[Use]] = {}
    for policy in intended.policies.values():
        carrying = in_use(policy).preference
        for candidate in policy.candidate_paths:
            for index, segments in enumerate(candidate.segment_lists):
                path = MeasuredPath(
                    functions=segments.functions,
                    back=segments.back_functions,
                    node=policy.remote_node,
                    traffic_class=policy.traffic_class,
                )
                use = Use(
                    service=policy.service,
                    attachment=policy.attachment,
                    preference=candidate.preference,
                    list_index=index,
                    in_use=candidate.preference == carrying,
                )
                uses.setdefault(path, []).append(use)
    return {path: tuple(users) for path, users in uses.items()}


def used_between(history: Sequence[tuple[int, tuple[Use, ...]]], begins_ns: int, ends_ns: int) -> tuple[Use, ...]:
    """Who used a path in any part of a time, of a history that says from when on who did. Where a service switched to
    another path meanwhile, it used both.
    """
    found: dict[tuple[str, int, int], Use] = {}
    for place, (since_ns, uses) in enumerate(history):
        until_ns = history[place + 1][0] if place + 1 < len(history) else ends_ns
        if (place and since_ns >= ends_ns) or (until_ns <= begins_ns and place + 1 < len(history)):
            continue
        for one in uses:
            name = (one.service, one.preference, one.list_index)
            before = found.get(name)
            found[name] = one if before is None or one.in_use else before
    return tuple(found.values())


class Routers:
    """Who is a router, and what is a way, by addresses of the block alone."""

    def __init__(self, block: bytes) -> None:
        """`block` are the first four bytes of every SID."""
        self._block = block

    def node(self, address: bytes) -> int | None:
        """Whose own address it is; None for any other address."""
        if address[:_BLOCK_BYTES] != self._block or int.from_bytes(address[6:]) > 1:
            return None
        node = int.from_bytes(address[4:6])
        return node if node in NODE_IDS else None

    def functions(self, segments: tuple[bytes, ...], source: bytes) -> tuple[int, ...] | None:
        """The links that segments lead over, to end at `source`; None where anything else is among them."""
        micro: list[int] = []
        for segment in segments:
            if segment[:_BLOCK_BYTES] != self._block:
                return None
            words = [int.from_bytes(segment[at : at + 2]) for at in range(_BLOCK_BYTES, 16, 2)]
            while words and not words[-1]:
                words.pop()
            micro += words
        if micro and micro[-1] == self.node(source):
            micro.pop()
        if not micro or len(micro) > MOST_HOPS or any(one not in _LINKS for one in micro):
            return None
        return tuple(micro)
