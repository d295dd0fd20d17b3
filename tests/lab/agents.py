"""Agents that a nursery is tried with: one that answers and nothing else, and one that cannot start."""

from __future__ import annotations

import signal
import socket
from pathlib import Path

import yaml


def silent(config: Path) -> None:
    """Accept connections where the file says, until the end."""
    told = yaml.safe_load(config.read_text(encoding="utf-8"))
    Path(told["state"]).mkdir(parents=True, exist_ok=True)
    address = Path(told["listen"][0].removeprefix("unix:"))
    address.unlink(missing_ok=True)
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(address))
    listener.listen()
    print(f"{told['router']['name']} is here", flush=True)
    while True:
        signal.pause()


def broken(config: Path) -> None:
    """End at once."""
    raise ValueError(f"{config.name} is not to my liking")
