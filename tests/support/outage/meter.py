"""`python -m tests.support.outage.meter FILE`: for how long a process with nothing to do is kept from it.

It sleeps a millisecond at a time, with no priority over anybody, and writes down when it was woken late and by how
much: what the machine does to a process then is what it does to kernel threads and agents as well.
"""

from __future__ import annotations

import gc
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).parents[3]

_NAP_NS = 1_000_000
_LEAST_NS = 500_000


class Meter:
    """One that runs. Made by `metering`."""

    def __init__(self, noted: Path) -> None:
        self._noted = noted

    def longest_ms(self, since_ns: int, until_ns: int) -> float:
        """The longest time, in a while by the monotonic clock, for which it was kept from running."""
        longest_ns = 0
        for line in self._noted.read_text(encoding="ascii").splitlines():
            at_ns, late_ns = map(int, line.split())
            if at_ns - late_ns <= until_ns and at_ns >= since_ns:
                longest_ns = max(longest_ns, late_ns)
        return longest_ns / 1e6


@contextmanager
def metering(folder: Path) -> Iterator[Meter]:
    """A meter, ended with the context."""
    noted = folder / "stalls"
    noted.touch()
    running = subprocess.Popen([sys.executable, "-m", "tests.support.outage.meter", str(noted)], cwd=ROOT)
    try:
        yield Meter(noted)
    finally:
        running.terminate()
        running.wait()


def main(noted: Path) -> None:
    """Sleep and note, for ever; a line is written whole."""
    file = os.open(noted, os.O_WRONLY | os.O_APPEND)
    gc.disable()
    while True:
        slept_ns = time.monotonic_ns()
        time.sleep(_NAP_NS / 1e9)
        now_ns = time.monotonic_ns()
        late_ns = now_ns - slept_ns - _NAP_NS
        if late_ns > _LEAST_NS:
            os.write(file, f"{now_ns} {late_ns}\n".encode())


if __name__ == "__main__":
    main(Path(sys.argv[1]))
