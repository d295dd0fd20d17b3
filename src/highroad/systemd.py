"""What a process tells systemd that started it (sd_notify(3)): ready, stopping, alive. Nothing where it did not ask.
And how urgent it is.
"""

from __future__ import annotations

import os
import socket
from contextlib import suppress
from pathlib import Path

from highroad.errors import Unavailable


def notify(state: str) -> None:
    """Tell it `READY=1`, `STOPPING=1`, `WATCHDOG=1`. Raises Unavailable where it does not listen."""
    address = os.environ.get("NOTIFY_SOCKET")
    if not address:
        return
    if address.startswith("@"):
        address = "\0" + address[1:]
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
            systemd.sendto(state.encode(), address)
    except OSError as error:
        raise Unavailable(f"systemd does not listen at {address}: {error.strerror}") from error


def watchdog_s() -> float | None:
    """How long it waits for `WATCHDOG=1` before it starts us anew; None where it does not watch us."""
    wanted, pid = os.environ.get("WATCHDOG_USEC", ""), os.environ.get("WATCHDOG_PID", "")
    if not wanted.isdecimal() or int(wanted) == 0 or (pid and pid != str(os.getpid())):
        return None
    return int(wanted) / 1e6


def go_first(nice: int) -> None:
    """Run before what is not as urgent, every thread that there is and will be, where that is allowed (setpriority(2)):
    -20 is before all, 0 is as usual.
    """
    with suppress(OSError):
        for thread in Path("/proc/self/task").iterdir():
            os.setpriority(os.PRIO_PROCESS, int(thread.name), nice)
