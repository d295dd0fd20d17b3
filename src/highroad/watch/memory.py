"""What a watcher keeps in a file, to go on without the agent: how to watch, what to repair with, what is down."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from highroad.watch.talk import (
    Backups,
    PortReport,
    WatchConfig,
    backups_from_json,
    backups_to_json,
    config_from_json,
    config_to_json,
    report_from_json,
    report_to_json,
)

VERSION = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Memory:
    """What was told, and the ports that were down when it was written."""

    config: WatchConfig
    backups: Backups
    down: Mapping[str, PortReport]


def write(folder: Path, memory: Memory) -> None:
    """Keep it, whole or not at all. Raises OSError."""
    kept = {
        "version": VERSION,
        "config": config_to_json(memory.config),
        "backups": backups_to_json(memory.backups),
        "down": [report_to_json(one) for one in memory.down.values()],
    }
    beside = folder / "watch.new"
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        json.dump(kept, file, separators=(",", ":"))
    beside.replace(folder / "watch.json")


def read(folder: Path) -> Memory | None:
    """What is kept; None without anything that can be used."""
    with suppress(OSError, ValueError, KeyError, TypeError, AttributeError):
        kept = json.loads((folder / "watch.json").read_text(encoding="utf-8"))
        if kept["version"] == VERSION:
            down = [report_from_json(one) for one in kept["down"]]
            return Memory(
                config=config_from_json(kept["config"]),
                backups=backups_from_json(kept["backups"]),
                down={one.interface: one for one in down},
            )
    return None
