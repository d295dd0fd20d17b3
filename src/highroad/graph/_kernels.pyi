"""
The compiled kernels: searches on a network given as arrays. Sources in kernels/, by `make`.
"""

import numpy
import numpy.typing

def threads() -> int:
    """
    How many threads a call takes that is not told: those set, or one a processor.
    """

def set_threads(count: int) -> None:
    """
    Sets how many threads a call takes that is not told; 0 is one a processor that this process may run on.

    They are made when they are first needed, kept, and shared by all calls of this process; a call that comes while
    they are busy is done by the thread that makes it. A forked process makes its own.
    Raises ValueError for a count below 0 or above 1024.
    """

class Network:
    """
    A directed network: nodes [0, nodes), and links from their tail to their head.

    Never changed once made, so it may be used by several threads at once.
    """

    def __init__(
        self, nodes: int, tail: numpy.typing.NDArray[numpy.int32], head: numpy.typing.NDArray[numpy.int32]
    ) -> None:
        """
        The network of these links; both arrays are int32[links] and copied.

        Parallel links and parts that are not joined are normal. Raises ValueError for an end that is no node, for a
        link that begins and ends at one node, and for arrays of another shape or type.
        """

    @property
    def nodes(self) -> int:
        """How many nodes there are."""

    @property
    def links(self) -> int:
        """How many links there are."""

    def trees(
        self,
        prices: numpy.typing.NDArray[numpy.float64],
        sources: numpy.typing.NDArray[numpy.int32],
        cut: float = ...,
        threads: int = 0,
    ) -> tuple[numpy.typing.NDArray[numpy.float64], numpy.typing.NDArray[numpy.int32]]:
        """
        The trees of cheapest paths from each of the sources: (distance, into).

        prices is float64[links], each at least 0, in any unit; a link of price infinity is not used. sources is
        int32[sources], and may name a node twice. cut, in the unit of the prices and infinity unless given, is how far
        is looked: what is further is as if not joined. threads is how many do the work at most; 0 is what `threads()`
        says. What comes out does not depend on it.

        distance is float64[sources, nodes] in the unit of the prices, infinity where a node is not reached. into is
        int32[sources, nodes]: the link by which the node is reached, -1 where it is not, and at the source.

        Other threads run meanwhile. Raises ValueError for a price or a cut that is negative or not a number, for a
        source that is no node, and for arrays of another shape or type.
        """

    def detours(
        self,
        prices: numpy.typing.NDArray[numpy.float64],
        source: numpy.typing.NDArray[numpy.int32],
        target: numpy.typing.NDArray[numpy.int32],
        first: numpy.typing.NDArray[numpy.int64],
        barred: numpy.typing.NDArray[numpy.int32],
        threads: int = 0,
    ) -> tuple[numpy.typing.NDArray[numpy.int64], numpy.typing.NDArray[numpy.int32]]:
        """
        The cheapest path from each source to its target that keeps off some links: (start, link).

        prices is as for `trees`; source and target are of one element a path, and path k keeps off the links
        barred[first[k]], ..., barred[first[k + 1] - 1]: first is int64, barred int32. Path k is the links
        link[start[k]], ..., link[start[k + 1] - 1]; none where there is no path, and from a node to itself.

        Other threads run meanwhile, and what comes out does not depend on how many there are. Raises ValueError for
        what does not fit together.
        """

    def ways(
        self,
        prices: numpy.typing.NDArray[numpy.float64],
        source: numpy.typing.NDArray[numpy.int32],
        target: numpy.typing.NDArray[numpy.int32],
        fence: numpy.typing.NDArray[numpy.int32],
        allowed: numpy.typing.NDArray[numpy.uint8],
        threads: int = 0,
    ) -> tuple[
        numpy.typing.NDArray[numpy.float64], numpy.typing.NDArray[numpy.int64], numpy.typing.NDArray[numpy.int32]
    ]:
        """
        The cheapest way of each pair of ends inside its fence: (cost, start, link).

        prices is as for `trees`; source, target and fence are of one element a pair. allowed has a row of links for
        each fence, uint8[fences * links], not 0 where it may go; fence[k] is a row, or -1. Way k is the links
        link[start[k]], ..., link[start[k + 1] - 1], from the target back; none where there is no way, and from a node
        to itself. cost is in the unit of the prices, infinity where there is no way.

        Other threads run meanwhile, and what comes out does not depend on how many there are. Raises ValueError for
        what does not fit together.
        """

    def within(
        self,
        prices: numpy.typing.NDArray[numpy.float64],
        latency: numpy.typing.NDArray[numpy.float64],
        source: numpy.typing.NDArray[numpy.int32],
        target: numpy.typing.NDArray[numpy.int32],
        fence: numpy.typing.NDArray[numpy.int32],
        allowed: numpy.typing.NDArray[numpy.uint8],
        bound: numpy.typing.NDArray[numpy.float64],
        enough: numpy.typing.NDArray[numpy.float64],
        labels: int,
        threads: int = 0,
    ) -> tuple[
        numpy.typing.NDArray[numpy.float64],
        numpy.typing.NDArray[numpy.uint8],
        numpy.typing.NDArray[numpy.int64],
        numpy.typing.NDArray[numpy.int32],
    ]:
        """
        The cheapest way of each pair of ends that takes no longer than its bound: (cost, exact, start, link).

        As `ways`, with the latency of links, float64[links], and for each pair the bound of it, in the same unit, and
        enough, a cost of which it suffices to know that no way is below it; both float64 and infinity for none. Each
        pair's search is left after so many labels.

        cost is what no way inside the bound is below, infinity where there is none. Where exact, uint8, is not 0, that
        is what way k costs; otherwise way k is the cheapest that was found inside the bound.

        Other threads run meanwhile, and what comes out does not depend on how many there are. Raises ValueError for
        what does not fit together.
        """

class Flows:
    """
    Flows from many sources at once, each kept as what it puts on every link: paths are free.

    Demands are in sets of one source; those of set s are [start[s], start[s + 1]), each to a node of its own. They
    are moved towards the cheapest ways by `sweep`, at prices that rise with the load. Not for two threads at once.
    """

    def __init__(
        self,
        network: Network,
        capacity: numpy.typing.NDArray[numpy.float64],
        source: numpy.typing.NDArray[numpy.int32],
        start: numpy.typing.NDArray[numpy.int64],
        target: numpy.typing.NDArray[numpy.int32],
        amount: numpy.typing.NDArray[numpy.float64],
        worth: numpy.typing.NDArray[numpy.float64],
        fence: numpy.typing.NDArray[numpy.int32],
        allowed: numpy.typing.NDArray[numpy.uint8],
    ) -> None:
        """
        Nothing is carried yet.

        capacity is float64[links], above 0, in the unit of amount. source and fence are int32[sets], start is
        int64[sets + 1]; target, amount and worth are of one element a demand. worth is what a unit may cost at most;
        infinity: all of it must be carried. allowed has a row of links for each fence, not 0 where it may go; fence[s]
        is a row, or -1. Demands of a set to one node are side by side, who is worth most first, as what comes is its.
        All are copied. Raises ValueError for what does not fit together, and for a demand to its own source.
        """

    def copy(self) -> Flows:
        """The same flows, to be changed apart."""

    def sweep(
        self,
        weight: numpy.typing.NDArray[numpy.float64],
        slope: float,
        unit: float,
        tolerance: float,
        enough: float,
        again: float,
        order: numpy.typing.NDArray[numpy.int32],
        together: bool = False,
        threads: int = 0,
    ) -> tuple[numpy.typing.NDArray[numpy.float64], int]:
        """
        Every set of `order` once: (regret by place in the order, how often flow was moved).

        The price of a link is weight * exp(min(3, slope * (load / (capacity * unit) - 1))). A way is left for one
        that is cheaper by a share of more than `tolerance`. Sets of a regret of at most `enough` are left as they
        are, those of more than `again` are worked on again at once. With `together` demands are added along a whole
        tree at a time. The regret is what cheapest ways at the prices met would have cost less, or earned more.
        Threads take sets in turn, each on a copy of the loads: results depend on how many there are, as they do on
        the order. Other threads run meanwhile.
        """

    def at(self, prices: numpy.typing.NDArray[numpy.float64], threads: int = 0) -> tuple[float, float]:
        """
        At these prices: (sum of amount * max(0, worth - distance), sum of amount * distance).

        The second is over demands that must be carried, the first over the others.
        """

    def fit(self, prices: numpy.typing.NDArray[numpy.float64], threads: int = 0) -> None:
        """
        Makes it fit its links: what is over is taken off, least worth first, and what room there is is given.

        Room is given along cheapest ways at these prices. Demands that must be carried are not taken off.
        """

    def clean(self, threads: int = 0) -> None:
        """
        Takes the cycles out of every set's flow, and, unless it must be carried, what rounding errors left of it.
        """

    def clear(self, links: numpy.typing.NDArray[numpy.int32]) -> None:
        """
        Gives up every path over these links, and what arrives by it: they are cut.
        """

    def paths(
        self, most: int
    ) -> tuple[
        numpy.typing.NDArray[numpy.int64],
        numpy.typing.NDArray[numpy.int64],
        numpy.typing.NDArray[numpy.int32],
        numpy.typing.NDArray[numpy.float64],
    ]:
        """
        At most so many paths of each demand: (first, start, link, amount), as `PathFlows` takes them.

        Back from each target along the largest flow that is left, the largest demands of a set first. The flows have to
        be free of cycles, as after `fit` and `clean`.
        """

    def set(self, flow: numpy.typing.NDArray[numpy.float64], served: numpy.typing.NDArray[numpy.float64]) -> None:
        """
        Takes over flows, float64[sets * links] row after row, and what arrives of each demand: a plan of before.
        """

    @property
    def load(self) -> numpy.typing.NDArray[numpy.float64]:
        """What every link carries, float64[links]."""

    @property
    def served(self) -> numpy.typing.NDArray[numpy.float64]:
        """What is carried of every demand, float64[demands]."""

    @property
    def flow(self) -> numpy.typing.NDArray[numpy.float64]:
        """
        What every set puts on every link, float64[sets * links] row after row.
        """

class Levels:
    """
    Shares that rise together, demands held where they are one after the other: weighted max-min.

    At level t a demand has min(weight * t, most), or what it had when it was held. Not for two threads at once.
    """

    def __init__(
        self,
        network: Network,
        capacity: numpy.typing.NDArray[numpy.float64],
        source: numpy.typing.NDArray[numpy.int32],
        start: numpy.typing.NDArray[numpy.int64],
        target: numpy.typing.NDArray[numpy.int32],
        most: numpy.typing.NDArray[numpy.float64],
        weight: numpy.typing.NDArray[numpy.float64],
        fence: numpy.typing.NDArray[numpy.int32],
        allowed: numpy.typing.NDArray[numpy.uint8],
        seed: int = 0,
        latency: numpy.typing.NDArray[numpy.float64] | None = None,
        bound: numpy.typing.NDArray[numpy.float64] | None = None,
    ) -> None:
        """
        All are at level 0 and may rise. As `Flows`, with the most that each demand may have, and its weight, above 0.

        Where `bound` is given, float64[demands], no path of a demand takes longer; latency is float64[links].
        """

    def begin(self) -> bool:
        """
        Looks for a way for every demand, to be asked first: whether there is one.
        """

    def rise(self, steps: int) -> bool:
        """
        Goes on by at most so many steps: whether nobody rises any more.

        A step ends where a link is full, a path is empty, or a demand has all that it may have.
        """

    def distances(self, prices: numpy.typing.NDArray[numpy.float64]) -> numpy.typing.NDArray[numpy.float64]:
        """
        What a unit of every demand costs at these prices at least, float64[demands].
        """

    @property
    def steps(self) -> int:
        """How many steps it took."""

    @property
    def level(self) -> float:
        """How high those have risen that still do."""

    @property
    def levels(self) -> int:
        """How often something was in the way of somebody for good."""

    @property
    def price(self) -> numpy.typing.NDArray[numpy.float64]:
        """
        What was first in the way, as prices of links, float64[links]: they prove the level. 0: nothing was.
        """

    @property
    def served(self) -> numpy.typing.NDArray[numpy.float64]:
        """What every demand has, float64[demands]."""

    @property
    def flow(self) -> numpy.typing.NDArray[numpy.float64]:
        """
        What every set puts on every link, float64[sets * links] row after row.
        """

    def paths(
        self,
    ) -> tuple[
        numpy.typing.NDArray[numpy.int64],
        numpy.typing.NDArray[numpy.int64],
        numpy.typing.NDArray[numpy.int32],
        numpy.typing.NDArray[numpy.float64],
    ]:
        """
        What carries something: (demand, start, link, amount) by path.

        Path k is the links link[start[k]], ..., link[start[k + 1] - 1], from the target back.
        """

class PathFlows:
    """
    Flows on paths that are given, shared out at prices that rise with the load.

    Demand d has the paths [first[d], first[d + 1]); path p is the links link[start[p]], ..., link[start[p + 1] - 1].
    Not for two threads at once.
    """

    def __init__(
        self,
        capacity: numpy.typing.NDArray[numpy.float64],
        amount: numpy.typing.NDArray[numpy.float64],
        worth: numpy.typing.NDArray[numpy.float64],
        first: numpy.typing.NDArray[numpy.int64],
        start: numpy.typing.NDArray[numpy.int64],
        link: numpy.typing.NDArray[numpy.int32],
        way: numpy.typing.NDArray[numpy.int64] | None = None,
    ) -> None:
        """
        Nothing is carried yet. capacity is float64[links], above 0; amount and worth are as `Flows` has them.

        Where `way` is given, path p goes the way way[p], and start and link are of ways: several paths may go one way.
        All are copied. Raises ValueError for what does not fit together.
        """

    def copy(self) -> PathFlows:
        """The same flows, to be changed apart."""

    def sweep(
        self,
        weight: numpy.typing.NDArray[numpy.float64],
        slope: float,
        unit: float,
        tolerance: float,
        turn: int = 0,
        threads: int = 0,
    ) -> tuple[float, int]:
        """
        Every demand once, in an order that `turn` changes: (regret, how often flow was moved), as `Flows.sweep`.
        """

    def at(self, prices: numpy.typing.NDArray[numpy.float64], threads: int = 0) -> tuple[float, float]:
        """As `Flows.at`, over these paths."""

    def least(
        self, prices: numpy.typing.NDArray[numpy.float64], threads: int = 0
    ) -> numpy.typing.NDArray[numpy.float64]:
        """
        What the cheapest path of every demand costs at these prices, infinity where it has none.
        """

    def fit(self, prices: numpy.typing.NDArray[numpy.float64]) -> None:
        """As `Flows.fit`."""

    def set(self, flow: numpy.typing.NDArray[numpy.float64]) -> None:
        """Takes over what every path carries, float64[paths]."""

    @property
    def load(self) -> numpy.typing.NDArray[numpy.float64]:
        """What every link carries, float64[links]."""

    @property
    def flow(self) -> numpy.typing.NDArray[numpy.float64]:
        """What every path carries, float64[paths]."""
