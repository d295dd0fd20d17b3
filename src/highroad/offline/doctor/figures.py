"""Figures over time: whether they are kept, by what the process that keeps them wrote down last."""

from __future__ import annotations

import json
import time
from pathlib import Path

from highroad.offline.doctor.said import Said, good, nothing, odd, wrong

STALE_S = 60.0


def telemetry(folder: Path, limit_mib: int, now_s: float | None = None) -> Said:
    """What `status.json` beside them says."""
    if not limit_mib:
        return nothing("telemetry", "HIGHROAD_TELEMETRY_MIB is 0: none is kept.")
    try:
        told = json.loads((folder / "status.json").read_text(encoding="utf-8"))
        at_s, size, limit = float(told["at_s"]), int(told["size_bytes"]), int(told["limit_bytes"])
        amiss, remote, given_up = str(told["amiss"]), str(told["remote_amiss"]), int(told["given_up"])
    except FileNotFoundError:
        return nothing("telemetry", "None was kept yet.")
    except (OSError, ValueError, KeyError, TypeError) as error:
        return odd("telemetry", f"{folder}/status.json cannot be read: {error}", "The next `highroad up` writes it.")
    damaged = sorted(folder.glob("*/*/*.damaged"))
    shown = f"{size / 2**20:.0f} of {limit / 2**20:.0f} MiB"
    if abs((time.time() if now_s is None else now_s) - at_s) > STALE_S:
        return nothing("telemetry", f"{shown}; nobody keeps more of it now.")
    if amiss:
        room = "No space left" in amiss
        remedy = "Make room: traffic and orders go on." if room else "See the log; traffic and orders go on."
        return wrong("telemetry", f"Figures are not kept: {amiss}", remedy)
    if remote:
        return odd("telemetry", f"{shown}; not sent on: {remote}", "Is HIGHROAD_REMOTE_WRITE right, and is it up?")
    if damaged:
        noun = "1 damaged file is" if len(damaged) == 1 else f"{len(damaged)} damaged files are"
        remedy = f"Look at the disk. What is set aside is not read again: {damaged[0]}"
        return odd("telemetry", f"{shown}; {noun} set aside, and a gap.", remedy)
    if given_up:
        remedy = "Make room, or a larger HIGHROAD_TELEMETRY_MIB."
        return odd("telemetry", f"{shown}; {given_up} files of the oldest went for want of room.", remedy)
    return good("telemetry", shown)
