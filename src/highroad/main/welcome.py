"""What `highroad up` says: where the page is, how to come in, what to try next; and the tour in between."""

from __future__ import annotations

import os
import shutil
import sys
import threading
from collections import Counter
from pathlib import Path

from rich.console import Console
from rich.rule import Rule
from rich.text import Text

from highroad.client.home import Credentials
from highroad.control.book import Book
from highroad.control.desk import Desk
from highroad.model.network import SiteKind

console = Console(highlight=False)


def carried_on(controller: Desk) -> str:
    """What carries the traffic, and at what scale."""
    if controller.fabric_name == "twin":
        return "the twin: a model, no packets"
    if controller.lab is None:
        return "Linux routers on hosts of their own"
    mbps = controller.rate_scale * 1000
    return f"Linux routers in a lab on this machine: 1 Gbit/s is carried as {mbps:g} Mbit/s"


def opened(book: Book, credentials: Credentials, code: str, *, on: str, is_new: bool) -> None:
    """The first lines: what is up, on what, and where."""
    network = book.network
    carried = book.index.carrying
    lines = Text.assemble(
        (network.name, "bold"),
        f"\n{len(network.sites)} sites, {len(network.fibres)} fibres, {len(network.links)} links\non {on}\n\n",
    )
    lines.append_text(_map(credentials, code))
    if not is_new:
        lines.append(f"\ngoing on where it stopped: {carried} services carried")
        if book.down:
            lines.append(f"; dark: {', '.join(sorted(book.down))} (splice with `{_how_to_call()} lab uncut FIBRE`)")
        if book.freeze is not None:
            lines.append(f"\nchanges are frozen: let them go on with `{_how_to_call()} thaw`")
    _framed(lines, "Highroad is up")


def tour(credentials: Credentials, stop: threading.Event) -> None:
    """The tour, as any customer and operator would do it: through the API. Told to stop, it tidies up and ends."""
    from highroad.cli.tour import play

    play(
        url=credentials.url,
        operator_token=credentials.operator_token or "",
        tenant_token=credentials.tenant_token or "",
        console=console,
        stop=stop,
    )


def what_next(book: Book, credentials: Credentials, code: str) -> None:
    """The last lines: tokens, and three commands to try."""
    a, b = _two_ends(book)
    me = _how_to_call()
    text = Text.assemble(
        ("operator token  ", "dim"), credentials.operator_token or "", "\n",
        ("tenant token    ", "dim"), f"{credentials.tenant_token}  ({credentials.tenant})", "\n\n",
        "Try next, in another terminal:\n\n",
        (f"  {me} service order {a} {b} 100G --latency 40ms\n", "bold"),
        (f"  {me} lab cut {_busiest(book)}\n", "bold"),
        (f"  {me} incident list\n\n", "bold"),
    )  # fmt: skip
    text.append_text(_map(credentials, code))
    text.append("\nCtrl-C stops it; nothing is lost.")
    _framed(text, "Try it")


def _framed(text: Text, title: str) -> None:
    """Between two rules, and never wrapped by us: commands and addresses are there to be copied."""
    console.print(Rule(title, align="left", style="green"))
    console.print(text, soft_wrap=True)
    console.print(Rule(style="green"))


def _two_ends(book: Book) -> tuple[str, str]:
    """A campus and a cloud where there are any, else any two sites that have ports."""
    kinds = {site.id: site.kind for site in book.network.sites}
    ends = sorted({port.site for port in book.ports.values() if port.site in kinds})
    campus = [site for site in ends if kinds[site] is SiteKind.CAMPUS]
    cloud = [site for site in ends if kinds[site] is SiteKind.CLOUD]
    if campus and cloud:
        return campus[0], cloud[0]
    return (ends[0], ends[-1]) if len(ends) > 1 else ("SITE", "SITE")


def _busiest(book: Book) -> str:
    """The fibre between two pops that most services use: worth cutting."""
    pops = {site.id for site in book.network.sites if site.kind is SiteKind.POP}
    inner = {fibre.id for fibre in book.network.fibres if fibre.a in pops and fibre.b in pops}
    used = Counter(
        fibre
        for service in book.services.values()
        if service.placement is not None
        for link in service.placement.there
        for fibre in book.network.link[link].fibres
        if fibre in inner
    )
    return used.most_common(1)[0][0] if used else next(iter(book.network.fibre), "FIBRE")


def _how_to_call() -> str:
    """`highroad`, or where it is from here if the shell would not find it."""
    called = Path(sys.argv[0])
    found = shutil.which("highroad")
    if not called.name.startswith("highroad") or (found and Path(found).resolve() == called.resolve()):
        return "highroad"
    return os.path.relpath(called)


def _map(credentials: Credentials, code: str) -> Text:
    return Text.assemble(
        ("map  ", "dim"), (f"{credentials.url}/#code={code}", "bold cyan"), ("  (opens once)\n", "dim"),
        ("API  ", "dim"), f"{credentials.url}/v1",
    )  # fmt: skip
