"""`highroad lab`: break a fibre or a router on purpose, and mend it. `main` adds what starts and ends a lab."""

from __future__ import annotations

from typing import Annotated

import typer

from highroad.cli.door import Door, command, words
from highroad.cli.exits import as_not_found
from highroad.cli.quantities import show_time
from highroad.cli.show import taken_on
from highroad.errors import Invalid, NotFound, did_you_mean

app = typer.Typer(no_args_is_help=True, help="Break things on purpose, where the fabric is a lab.")

Fibre = Annotated[str, typer.Argument(metavar="FIBRE", help="The fibre, e.g. denver--omaha.")]
Site = Annotated[str, typer.Argument(metavar="SITE", help="Where the router is, e.g. denver.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Only say what would be.")]


@command(app, "cut")
def cut(
    door: Door,
    fibre: Fibre,
    silent: Annotated[
        bool, typer.Option("--silent", help="Without loss of light: nothing arrives, and no port goes down.")
    ] = False,
    dry_run: DryRun = False,
) -> None:
    """Cut a fibre; the fabric notices by itself.

    Example: `highroad lab cut denver--omaha`
    """
    if dry_run:
        _would(door, "cut", fibre)
        return
    try:
        done = door.client.cut(fibre, silent=silent)
    except Invalid as error:
        raise as_not_found(error) from None
    if door.as_json:
        door.emit(done)
    else:
        how = "is cut, and its light stays on" if done.silent else "is cut"
        door.say(("✂ ", "bold red"), f"{done.fibre} {how}; splice it with `highroad lab uncut {done.fibre}`")


@command(app, "uncut")
def uncut(door: Door, fibre: Fibre, dry_run: DryRun = False) -> None:
    """Splice a fibre.

    Example: `highroad lab uncut denver--omaha`
    """
    if dry_run:
        _would(door, "splice", fibre)
        return
    lab = door.client.uncut(fibre)
    if door.as_json:
        door.emit(lab)
    else:
        door.say(("✓ ", "bold green"), f"{fibre} is spliced; {len(lab.cuts)} are still cut")


@command(app, "kill-router")
def kill_router(door: Door, site: Site, dry_run: DryRun = False) -> None:
    """Kill a router at once: every fibre there goes dark.

    Example: `highroad lab kill-router denver`
    """
    if dry_run:
        _would_router(door, "kill", site)
        return
    try:
        done = door.client.kill_router(site)
    except Invalid as error:
        raise as_not_found(error) from None
    if door.as_json:
        door.emit(done)
    else:
        door.say(
            ("✂ ", "bold red"), f"the router of {done.name} is dead; start it with `highroad lab revive-router {site}`"
        )


@command(app, "revive-router")
def revive_router(door: Door, site: Site, dry_run: DryRun = False) -> None:
    """Start a router that was killed.

    Example: `highroad lab revive-router denver`
    """
    if dry_run:
        _would_router(door, "start", site)
        return
    lab = door.client.revive_router(site)
    if door.as_json:
        door.emit(lab)
    else:
        dead = sum(not router.up for router in lab.routers)
        door.say(("✓ ", "bold green"), f"the router of {site} starts; {dead} are still dead")


@command(app, "status")
def status(door: Door) -> None:
    """Show the lab's routers, its customers' hosts, its scale, and what is broken.

    Example: `highroad lab status`
    """
    lab = door.client.lab()
    if door.as_json:
        door.emit(lab)
        return
    hosts = f", {len(lab.hosts)} customers' hosts" if lab.hosts else ""
    door.say((f"{len(lab.routers)} routers{hosts}", "bold"), f"; {taken_on(lab)}")
    door.table(
        "",
        ("router", "site", "state", "since", ""),
        (
            (
                router.name,
                router.site,
                words(("up", "green")) if router.up else words(("killed", "bold red")),
                show_time(router.killed, none=""),
                router.note,
            )
            for router in lab.routers
        ),
        "",
    )
    if lab.hosts:
        door.table(
            "", ("host of port", "site", "namespace"), ((one.port, one.site, one.namespace) for one in lab.hosts), ""
        )
    rows = ((one.fibre, show_time(one.since), "silent" if one.silent else "") for one in lab.cuts)
    door.table("", ("fibre", "cut since", ""), rows, f"nothing is cut in {lab.fabric}")


def _would(door: Door, verb: str, fibre: str) -> None:
    fibres = door.client.network().fibres
    found = next((one for one in fibres if one.id == fibre), None)
    if found is None:
        raise NotFound(f"there is no fibre {fibre}{did_you_mean(fibre, [one.id for one in fibres])}")
    if door.as_json:
        door.emit(found)
    else:
        door.say(f"would {verb} {found.id}: {found.length_km:,.0f} km from {found.a} to {found.b}")


def _would_router(door: Door, verb: str, site: str) -> None:
    network = door.client.network()
    found = next((one for one in network.sites if one.id == site), None)
    if found is None:
        raise NotFound(f"there is no site {site}{did_you_mean(site, [one.id for one in network.sites])}")
    if door.as_json:
        door.emit(found)
    else:
        fibres = sum(site in (fibre.a, fibre.b) for fibre in network.fibres)
        door.say(f"would {verb} the router of {found.name}, with {fibres} fibres")
