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
