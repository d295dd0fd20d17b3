"""
The compiled loop of the process that delays. Sources in kernels/, by `make`.
"""

from collections.abc import Sequence
from typing import NoReturn

def run(lines: Sequence[tuple[int, int, int]]) -> NoReturn:
    """
    Lets packets go in time, for ever: each line is the descriptor of a netlink socket that has a queue and does
    not block, the number of the queue, and how long what arrives waits, in ns.

    Other threads run meanwhile; a signal is seen to by Python. Raises OSError when a line cannot be read, and
    ValueError for what is no line.
    """
