"""In which order moves fit, one after another, where each needs room that others have yet to give.

A move is what it changes on each link: so much more, or so much less. It may start where there is room for all that it
takes, and gives what it gives when it is done: so old and new are there together. A link is tight while all that is
still to be taken does not fit at once. Two kinds of moves need no search, and are peeled off until none is left:

- what takes nothing of a tight link goes first: it fits, and leaves no less room to anybody;
- what gives nothing on a tight link goes last: the same, seen from the end backwards.

What remains are moves that take and give on tight links. Parts without a tight link in common are searched each on
its own: small ones completely, so that "there is no order" is proven; large ones by a greedy choice from both ends,
which may miss an order (bench/sequence.py prints how often).
"""

from __future__ import annotations

import heapq
from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

Delta = Sequence[tuple[int, int]]
"""What a move changes: (link, Mbit/s more), never 0, each link once."""

EXACT_MOVES = 16
"""Parts of at most so many moves are searched completely..."""

EXACT_STATES = 3000
"""... as long as no more than so many sets of moves have to be looked at."""


MANY_MOVES = 1000
"""Parts of more moves are gone through greedily once, not once for each preference."""


@dataclass(slots=True)
class Stuck:
    """Moves of which none has room, each waiting for others of them; `proven` says that no other order helps."""

    moves: list[int]
    proven: bool


@dataclass(slots=True)
class Order:
    """`first`, then what is `stuck` (if a way is found), then `last`: all moves, each once."""

    first: list[int] = field(default_factory=list)
    stuck: list[Stuck] = field(default_factory=list)
    last: list[int] = field(default_factory=list)


def find_order(moves: Mapping[int, Delta], room: Mapping[int, int]) -> Order:
    """An order in which moves fit, given the room on each link; when all are done, no link may be short of room."""
    peel = Peel(moves, room)
    peel.run()
    order = Order(first=peel.first)
    parts = [_search(part, peel) for part in _parts(peel)]
    order.first.extend(_in_turn([part.first for part in parts]))
    order.stuck = [stuck for part in parts for stuck in part.stuck]
    order.last = [move for part in parts for move in part.last] + peel.last[::-1]
    return order


def fits(delta: Delta, room: Mapping[int, int]) -> bool:
    """Whether there is room for all that a move takes."""
    return all(more <= room[link] for link, more in delta if more > 0)


class Peel:
    """The moves that are left, the room there is, and which links are tight; peels until every move left is in a knot.

    `first` is in order, `last` the other way round.
    """

    def __init__(self, moves: Mapping[int, Delta], room: Mapping[int, int]) -> None:
        self.left: dict[int, Delta] = dict(moves)
        self.first: list[int] = []
        self.last: list[int] = []
        wanted: dict[int, int] = defaultdict(int)
        for delta in moves.values():
            for link, more in delta:
                if more > 0:
                    wanted[link] += more
        self.wanted = wanted
        self.room = {link: room[link] for delta in moves.values() for link, _ in delta}
        self.users: dict[int, list[tuple[int, bool]]] = {
            link: [] for link, more in wanted.items() if more > self.room[link]
        }
        self.tight = set(self.users)
        self.takes, self.gives = dict.fromkeys(moves, 0), dict.fromkeys(moves, 0)
        for move, delta in moves.items():
            for link, more in delta:
                if link in self.tight:
                    self.users[link].append((move, more > 0))
                    counts = self.takes if more > 0 else self.gives
                    counts[move] += 1
        self.ready: list[tuple[float, int]] = []
        self.waiting: dict[int, list[tuple[float, int]]] = defaultdict(list)
        self.free = deque(move for move in moves if not (self.takes[move] and self.gives[move]))

    def run(self, prefer: Callable[[int], float] | None = None) -> None:
        """Peel; with a preference, also take the move that is liked best (lowest) of those that fit, and go on.

        When it is run again, after moves were taken otherwise, it goes on where it stood.
        """
        if prefer is not None:
            self.ready = [(prefer(move), move) for move in self.left]
            heapq.heapify(self.ready)
        while True:
            while self.free:
                move = self.free.popleft()
                if move in self.left:
                    (self.postpone if self.takes[move] else self.take)(move)
            if not self.ready:
                return
            liked, move = heapq.heappop(self.ready)
            if move not in self.left:
                continue
            short = next((link for link, more in self.left[move] if more > 0 and more > self.room[link]), None)
            if short is None:
                self.take(move)
            else:
                self.waiting[short].append((liked, move))

    def givers(self, link: int) -> list[tuple[int, int]]:
        """Who is yet to give on a tight link and how much (negative), most first."""
        left = (move for move, takes in self.users.get(link, ()) if not takes and move in self.left)
        return sorted((more, move) for move in left for each, more in self.left[move] if each == link)

    def postpone(self, move: int) -> None:
        """Do a move after all that are left."""
        self.last.append(move)
        for link, more in self.left.pop(move):
            if more > 0:
                self.wanted[link] -= more
                self._loosen(link)

    def take(self, move: int) -> None:
        """Do a move now."""
        self.first.append(move)
        for link, more in self.left.pop(move):
            self.room[link] -= more
            if more > 0:
                self.wanted[link] -= more
            elif link in self.waiting:
                for each in self.waiting.pop(link):
                    heapq.heappush(self.ready, each)
            self._loosen(link)

    def _loosen(self, link: int) -> None:
        if link not in self.tight or self.wanted[link] > self.room[link]:
            return
        self.tight.remove(link)
        for move, takes in self.users[link]:
            if move in self.left:
                counts = self.takes if takes else self.gives
                counts[move] -= 1
                if not counts[move]:
                    self.free.append(move)


def _parts(peel: Peel) -> list[dict[int, Delta]]:
    """What is left, by parts that share no tight link, with what happens on tight links only."""
    tied = {move: [each for each in delta if each[0] in peel.tight] for move, delta in peel.left.items()}
    above: dict[int, int] = {}

    def root(link: int) -> int:
        while (higher := above.setdefault(link, link)) != link:
            above[link] = link = above[higher]
        return link

    for delta in tied.values():
        top = root(delta[0][0])
        for link, _ in delta[1:]:
            above[root(link)] = top
    parts: dict[int, dict[int, Delta]] = {}
    for move, delta in tied.items():
        parts.setdefault(root(delta[0][0]), {})[move] = delta
    return list(parts.values())


def _search(part: dict[int, Delta], peel: Peel) -> Order:
    if len(part) <= EXACT_MOVES:
        return _exactly(part, peel.room)
    wishes = preferences(part, peel)[: 1 if len(part) > MANY_MOVES else None]
    best = min((_greedily(part, peel.room, prefer) for prefer in wishes), key=_how_stuck)
    left = [move for stuck in best.stuck for move in stuck.moves]
    if not left or len(left) > EXACT_MOVES:
        return best
    room = _after(part, best.first, peel.room)
    rest = _exactly({move: part[move] for move in left}, room)
    stuck = [Stuck(moves=each.moves, proven=False) for each in rest.stuck]
    return Order(first=best.first + rest.first, stuck=stuck, last=rest.last + best.last)


def _how_stuck(order: Order) -> int:
    return sum(len(stuck.moves) for stuck in order.stuck)


def preferences(part: Mapping[int, Delta], peel: Peel) -> list[Callable[[int], float]]:
    """What a greedy choice may like: freeing the most sought-after links, then giving much, then needing little."""
    press = {link: (peel.wanted[link] - peel.room[link]) / peel.wanted[link] for link in peel.tight}
    return [
        lambda move: sum(press.get(link, 0.0) * more for link, more in part[move]),
        lambda move: sum(press.get(link, 0.0) * more for link, more in part[move] if more < 0),
        lambda move: max(more for _, more in part[move]),
    ]


def _greedily(part: dict[int, Delta], room: Mapping[int, int], prefer: Callable[[int], float]) -> Order:
    """From the start until nothing fits, then what is left from the end backwards, and so on in turn."""
    first: list[int] = []
    last: list[int] = []
    left = dict(part)
    while True:
        forth = Peel(left, room)
        forth.run(prefer)
        first, last, room = first + forth.first, forth.last[::-1] + last, forth.room
        if not (left := forth.left):
            return Order(first=first, last=last)
        mirrored = {move: [(link, -more) for link, more in delta] for move, delta in left.items()}
        back = Peel(mirrored, _after(left, left, room))
        back.run(lambda move: -prefer(move))
        first, last = first + back.last, back.first[::-1] + last
        room = _after(left, back.last, room)
        before, left = left, {move: part[move] for move in back.left}
        if not left:
            return Order(first=first, last=last)
        if len(before) == len(left):
            return Order(first=first, stuck=[Stuck(moves=list(left), proven=False)], last=last)


def _exactly(part: dict[int, Delta], room: Mapping[int, int]) -> Order:
    """Every order, each set of moves looked at once: one that fits, or the deepest state without a way on."""
    best: Order | None = None
    seen: set[tuple[frozenset[int], frozenset[int]]] = set()
    pending: list[Order] = [Order()]
    while pending and (best is None or len(seen) < EXACT_STATES):
        so_far = pending.pop()
        gone = {*so_far.first, *so_far.last}
        peel = Peel({move: part[move] for move in part if move not in gone}, _after(part, so_far.first, room))
        peel.run()
        first, last = so_far.first + peel.first, peel.last[::-1] + so_far.last
        if not peel.left:
            return Order(first=first, last=last)
        state = (frozenset(peel.left), frozenset(last))
        if state in seen:
            continue
        seen.add(state)
        ready = [move for move, delta in peel.left.items() if fits(delta, peel.room)]
        if not ready and (best is None or len(peel.left) < len(best.stuck[0].moves)):
            best = Order(first=first, stuck=[Stuck(moves=list(peel.left), proven=False)], last=last)
        pending.extend(Order(first=[*first, move], last=last) for move in ready)
    if best is None:
        raise AssertionError("every state leads on to another, and yet none is the last")
    best.stuck[0].proven = not pending
    return best


def _after(moves: Mapping[int, Delta], done: Iterable[int], room: Mapping[int, int]) -> dict[int, int]:
    left = dict(room)
    for move in done:
        for link, more in moves[move]:
            left[link] -= more
    return left


def _in_turn(orders: list[list[int]]) -> list[int]:
    """One of each, again and again: parts do not wait for each other, so that steps can be taken together."""
    longest = max(map(len, orders), default=0)
    return [order[turn] for turn in range(longest) for order in orders if turn < len(order)]
