"""Every check of an installation, and how they are shown."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.text import Text

from highroad.offline.doctor import controller, database, figures, keeping, machine
from highroad.offline.doctor.said import Check, Said, Verdict, wrong

STYLES = {Verdict.GOOD: "green", Verdict.ODD: "yellow", Verdict.WRONG: "bold red", Verdict.NOTHING: "dim"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """What the settings say, and what is installed."""

    home: Path
    host: str
    port: int
    fabric: str
    pki: Path
    page: Path
    version: str
    known: Sequence[str]
    """The migrations of the store's tables that this version knows, the first one first."""
    database: str | None = None
    telemetry_mib: int = 0
    """How much room figures over time may take."""
    telemetry: Path | None = None
    """Where they are, if not in the home."""


def checks(place: Place) -> dict[str, Check]:
    """All of them, by name, in the order in which they are told."""
    return {
        "python": machine.python,
        "packages": machine.packages,
        "page": lambda: controller.page(place.page),
        "home": lambda: keeping.home(place.home),
        "disk": lambda: keeping.disk(place.home),
        "file system": lambda: keeping.filesystem(place.home),
        "lock": lambda: keeping.lock(place.home),
        "store": lambda: keeping.store(place.home, place.known, elsewhere=place.database is not None),
        "database": lambda: database.database(place.database, place.known),
        "telemetry": lambda: figures.telemetry(place.telemetry or place.home / "telemetry", place.telemetry_mib),
        "port": lambda: controller.port(place.host, place.port, place.home),
        "api": lambda: controller.api(place.home, place.version),
        "token": lambda: controller.token(place.home),
        "clock": machine.clock,
        "limits": machine.limits,
        "kernel": lambda: machine.kernel(wanted=place.fabric),
        "bird": lambda: machine.bird(wanted=place.fabric),
        "certificates": lambda: controller.certificates(place.pki, time.time()),
        "leftovers": machine.leftovers,
    }


def examine(place: Place) -> list[Said]:
    """What every check says; one that breaks says so and holds up no other."""
    said = []
    for name, check in checks(place).items():
        try:
            said.append(check())
        except Exception as error:
            said.append(wrong(name, f"It could not be looked at: {error!r}", "Is this the user that runs it?"))
    return said


def show(said: Sequence[Said], console: Console) -> None:
    """A line for each, with what to do below it."""
    for one in said:
        line = Text(f"{one.verdict.value:<8} ", style=STYLES[one.verdict])
        line.append(f"{one.check:<13} {one.found}", style="dim" if one.verdict is Verdict.NOTHING else "default")
        console.print(line, soft_wrap=True)
        if one.remedy:
            console.print(Text(f"{'':<22} → {one.remedy}"), soft_wrap=True)
