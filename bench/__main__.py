"""`python -m bench [NAME ...]`: print every figure, or those named, as they come."""

from __future__ import annotations

import importlib
import json
import sys
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console
from rich.table import Table

from bench import force, openpage, outage, watch
from bench.figure import Figure

NAMES = (
    "admission",
    "offers",
    "acceptance",
    "room",
    "calendar",
    "growth",
    "fair",
    "sequence",
    "te",
    "sweep",
    "availability",
    "livenet",
    "orders",
    "overload",
    "hostile",
    "atscale",
    "heal",
    "reprotect",
    "canary",
    "start",
    "netlink",
    "gnmi",
    "agent",
    "stamp",
    "lab",
    "watch",
    "flip",
    "packets",
    "rates",
    "throughput",
    "telemetry",
    "portal",
    "compare",
    "replicas",
    "failover",
)
SOAK = Path(__file__).parent / "results" / "soak.json"


def main() -> int:
    """Measure and print. Exit code 1 if a bar was missed."""
    names = sys.argv[1:] or list(NAMES)
    unknown = [name for name in names if name not in NAMES]
    if unknown:
        print(f"no figure named {', '.join(unknown)}: there are {', '.join(NAMES)}", file=sys.stderr)
        return 2
    console = Console(width=None if sys.stdout.isatty() else 200)
    table = Table("figure", "ours", "bar", "met", "peer", title=f"Highroad, {datetime.now(UTC):%Y-%m-%d %H:%M} UTC")
    missed = False
    for name in names:
        console.print(f"measuring {name} ...", style="dim")
        for figure in importlib.import_module(f"bench.{name}").figures():
            missed |= figure.met is False
            table.add_row(figure.what, figure.ours, figure.bar, _met(figure), figure.peer)
    if SOAK.exists() and not sys.argv[1:]:
        last = json.loads(SOAK.read_text())
        table.add_row(f"last soak, {last['at']}", last["summary"], "0 lost, 0 oversold, 0 stuck", "", "")
    for what, summary, met in force.last() if not sys.argv[1:] else ():
        table.add_row(what, summary, "0 of each", "yes" if met else "NO", "")
        missed |= not met
    for figure in watch.last() if not sys.argv[1:] else ():
        table.add_row(figure.what, figure.ours, figure.bar, _met(figure), figure.peer)
        missed |= figure.met is False
    for figure in openpage.last() if not sys.argv[1:] else ():
        table.add_row(figure.what, figure.ours, figure.bar, _met(figure), figure.peer)
        missed |= figure.met is False
    for figure in outage.last() if not sys.argv[1:] else ():
        table.add_row(f"outage: {figure.what}", figure.ours, figure.bar, _met(figure), figure.peer)
        missed |= figure.met is False
    console.print(table)
    return int(missed)


def _met(figure: Figure) -> str:
    return "" if figure.met is None else "yes" if figure.met else "NO"


if __name__ == "__main__":
    sys.exit(main())
