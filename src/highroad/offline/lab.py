"""`highroad lab up | down`: a lab of Linux routers on this machine, with or without a controller.

Exit codes: 0 it is done, 2 the network is no good, 4 there is no such network, 6 another lab is up there, 7 it cannot
be (what is missing is said).
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Annotated, Any, NoReturn, TypeVar

import typer
from rich.console import Console
from rich.text import Text

from highroad.client.home import home_dir
from highroad.errors import Conflict, HighroadError, Invalid, NotFound, Unavailable
from highroad.formats import detect
from highroad.formats.shipped import NETWORKS, network_text
from highroad.model.network import Network

app = typer.Typer()

T = TypeVar("T")

EXITS: dict[type[HighroadError], int] = {Invalid: 2, NotFound: 4, Conflict: 6, Unavailable: 7}
"""As everywhere on the command line (docs/cli.md)."""

Home = Annotated[Path | None, typer.Option("--home", help="Where it is kept; as for `highroad up`.")]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object instead of text.")]


@app.command()
def up(
    network: Annotated[str, typer.Option(help="A shipped network, or a network file.")] = "us-lab",
    home: Home = None,
    rate_scale: Annotated[
        float, typer.Option(min=1e-6, max=1.0, help="What a modelled 1 Gbit/s is carried as, in Gbit/s.")
    ] = 0.0001,
    delay: Annotated[bool, typer.Option(help="Whether links take as long as light in their fibre.")] = True,
    loss: Annotated[float, typer.Option(min=0.0, max=0.5, help="What part of all packets each link loses.")] = 0.0,
    json_: Json = False,
) -> None:
    """Start a lab: a Linux router for each site, with its agent, and links as long as their fibre. Needs root.

    It stays up until `highroad lab down`, whatever becomes of a controller. `highroad up` finds it, or starts its own.

    Example: `highroad lab up --network us-lab`
    """
    from highroad.lab import run
    from highroad.lab.talk import Options

    began_s = time.monotonic()
    folder = _folder(home)
    # The authority of the home, so that a controller of the same home and the routers know each other.
    pki = str(folder.parent.resolve() / "pki")
    options = Options(rate_scale=rate_scale, delay=delay, loss=loss, entry=run.ENTRY, pki=pki)

    async def start() -> dict[str, Any]:
        info = await (await run.start(folder, _read(network), options)).info()
        return {
            "network": info.network,
            "folder": str(folder),
            "rate_scale": info.rate_scale,
            "delay": info.delay,
            "note": info.note,
            "memory_mb": round(info.memory_mb, 1),
            "routers": [
                {"site": one.site, "node": one.node, "namespace": one.namespace, "address": one.address}
                for one in info.routers
            ],
        }

    told = _try(start, json_)
    if json_:
        typer.echo(json.dumps(told, indent=2))
        return
    scale = f"1 Gbit/s is carried as {rate_scale * 1000:g} Mbit/s"
    _say(
        f"{told['network']}: {len(told['routers'])} routers are up after {time.monotonic() - began_s:.1f} s, in "
        f"{told['memory_mb']:.0f} MB; {scale}",
        "green",
    )
    if told["note"]:
        _say(str(told["note"]), "yellow")
    first = told["routers"][0]["namespace"]
    _say(f"Look around with e.g. `ip netns exec {first} ip -6 route`; end it with `highroad lab down`.", "dim")


@app.command()
def down(home: Home = None, json_: Json = False) -> None:
    """End a lab: its routers, hosts and processes are gone, and nothing of it is left. Also after one was killed.

    Example: `highroad lab down`
    """
    from highroad.lab import run

    was = _try(lambda: run.down(_folder(home)), json_)
    if json_:
        typer.echo(json.dumps({"was_up": was}))
    else:
        _say("The lab is down; nothing of it is left." if was else "There was no lab.")


def _folder(home: Path | None) -> Path:
    return (home or home_dir()).expanduser() / "lab"


def _read(name: str) -> Network:
    """A shipped network by name, or one from a file. Raises NotFound, Invalid with every finding."""
    try:
        text = network_text(name) if name in NETWORKS else Path(name).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        known = ", ".join(NETWORKS)
        raise NotFound(f"{name} is none of {known}, and no file that can be read: {error}") from error
    loaded = detect.read(text, name=Path(name).stem)
    if loaded.network is None:
        raise Invalid(loaded.errors)
    return loaded.network


def _try(work: Callable[[], Coroutine[Any, Any, T]], as_json: bool) -> T:
    """Do it, or say why it cannot be done and leave."""
    try:
        return asyncio.run(work())
    except HighroadError as error:
        _fail(error, as_json)


def _fail(error: HighroadError, as_json: bool) -> NoReturn:
    """Say why it cannot be done; with --json as a problem document, as every other command does."""
    if as_json:
        problem = {
            "type": f"/problems/{error.code}",
            "title": "It cannot be done",
            "code": error.code,
            "detail": error.message,
            "retryable": error.retryable,
        }
        typer.echo(json.dumps(problem, indent=2))
    else:
        lines = [str(one) for one in error.findings] if isinstance(error, Invalid) else [error.message]
        for line in lines:
            Console(stderr=True, soft_wrap=True).print(Text(line, style="bold red"))
    raise typer.Exit(EXITS.get(type(error), 7))


def _say(line: str, style: str = "") -> None:
    Console(soft_wrap=True).print(Text(line, style=style))
