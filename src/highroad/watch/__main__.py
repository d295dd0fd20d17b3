"""`python -m highroad.watch FOLDER`: the watcher that keeps its memory there; `--alone`: in a session of its own."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from highroad.watch.process import main

if __name__ == "__main__":
    if sys.argv[1] == "--alone":
        if os.fork():
            os._exit(0)
        os.setsid()
    main(Path(sys.argv[-1]))
