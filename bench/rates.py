"""Whether a service has the rate that was sold, on its customer's bytes. The judge is the far end's socket."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

from bench.figure import Figure
from tests.lab.steering.bulk import guaranteed

SECONDS = 30
WITHIN = 0.02


def figures() -> Iterator[Figure]:
    """Two services with packets of 1500 bytes and two with 9000, at the same time."""
    if os.geteuid() != 0:
        yield Figure(what="guaranteed rates", ours="needs root")
        return
    with tempfile.TemporaryDirectory() as folder:
        measured = guaranteed(Path(folder), SECONDS)
    for mtu in (1500, 9000):
        off = [kbps / one.out.guaranteed_kbps - 1 for one, kbps in measured if one.here.mtu_bytes == mtu]
        yield Figure(
            what=f"guaranteed rate on customers' bytes, TCP for {SECONDS} s, {len(measured)} services at once, "
            f"{mtu} bytes",
            ours=", ".join(f"{100 * part:+.2f} %" for part in off),
            bar=f"within {WITHIN:.0%}",
            met=max(map(abs, off)) <= WITHIN,
        )
