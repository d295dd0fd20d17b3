"""Starts controllers without reading all of Python's modules each time: it has read them, and forks.

`python -m tests.support.force.starter` takes a line of JSON for each (arguments, environment, files of its output, and
what is to be wrong with it) and answers with the number of the process. What it forks is `highroad up`, nothing else.
"""

from __future__ import annotations

import ctypes
import json
import mmap
import os
import signal
import struct
import sys
import time
from pathlib import Path
from typing import Any

PR_SET_PDEATHSIG = 1
"""prctl(2)."""


def main() -> None:
    """Until standard input ends; then whatever was started is somebody else's."""
    import alembic.command  # noqa: F401
    import uvicorn.protocols.http.h11_impl  # noqa: F401

    import highroad.api.app
    import highroad.control.controller
    import highroad.fabric.twin.twin
    import highroad.main
    import highroad.main.fabrics
    import highroad.main.first
    import highroad.storage.store  # noqa: F401

    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    for line in sys.stdin:
        asked = json.loads(line)
        child = os.fork()
        if child == 0:
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            _become(asked)
        print(child, flush=True)


def _become(asked: dict[str, Any]) -> None:
    status = 70
    try:
        os.setsid()
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)  # it does not outlive whoever started it
        for name, number in (("out", 1), ("err", 2)):
            file = os.open(asked[name], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
            os.dup2(file, number)
            os.close(file)
        null = os.open(os.devnull, os.O_RDONLY)
        os.dup2(null, 0)
        os.close(null)
        sys.stdin = Path(os.devnull).open()  # noqa: SIM115
        os.environ.update(asked["environment"])
        sys.argv = ["highroad", *asked["arguments"]]
        _wrong(asked["wrong"])
        from highroad.main import run

        run()
        status = 0
    except SystemExit as ended:
        status = ended.code if isinstance(ended.code, int) else int(ended.code is not None)
    except BaseException:
        import traceback

        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)


def _wrong(wrong: dict[str, Any]) -> None:
    """Make a clock that is set while it runs, a disk that is slow, or a database that does not wait for it."""
    if "clock" in wrong:
        with Path(wrong["clock"]).open("r+b") as file:
            offset = mmap.mmap(file.fileno(), 8)
        real = time.time
        time.time = lambda: real() + struct.unpack("d", offset[:8])[0]
    if "commit_s" in wrong or "unsynced" in wrong:
        from sqlalchemy import Engine, Pool, event

        if "commit_s" in wrong:

            @event.listens_for(Engine, "commit")
            def slow(_: Any) -> None:
                time.sleep(wrong["commit_s"])

        if "unsynced" in wrong:

            @event.listens_for(Pool, "checkout")
            def unsynced(connection: Any, _: Any, __: Any) -> None:
                connection.execute(wrong["unsynced"])


if __name__ == "__main__":
    main()
