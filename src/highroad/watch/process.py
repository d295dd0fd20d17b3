"""The watcher's process: what it is to the system that it runs on, and its one loop."""

from __future__ import annotations

import ctypes
import gc
import logging
import signal
import sys
from pathlib import Path
from typing import Final

from highroad.watch.watcher import Watcher
from highroad.watch.wire import be_first

NAME: Final = b"hr-watch"
"""What the process is called, in `ps -e` too."""

PRIORITY: Final = 5
"""Among what runs in real time: behind a lab's light, which has to be exact. To be a little late does no harm here."""

_SET_NAME = 15
_LOCK_ALL_ON_FAULT = 1 | 2 | 4

_log = logging.getLogger("highroad.watch")


def main(folder: Path) -> None:
    """Be the watcher that keeps its memory in a folder, in this namespace, unless there is one already."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s watch: %(message)s", stream=sys.stderr)
    try:
        watcher = Watcher(folder)
    except OSError as fault:
        _log.info("nothing to do here: %s", fault)
        return
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: watcher.end())
    libc = ctypes.CDLL(None)
    libc.prctl(_SET_NAME, NAME)
    if not be_first(PRIORITY):
        _log.warning("this process may not run in real time (CAP_SYS_NICE): it will be late when the host is busy")
    libc.mlockall(_LOCK_ALL_ON_FAULT)
    # What a parent left here is shared with it as long as nobody walks through it.
    gc.freeze()
    gc.disable()
    watcher.run()
