"""`highroad lab`: break a fibre or a router on purpose, and mend it. `main` adds what starts and ends a lab."""

from __future__ import annotations

from typing import Annotated

import typer

from highroad.cli.door import Door, command, words
from highroad.cli.exits import as_not_found
from highroad.cli.quantities import rate_gbps, show_gbps, show_time, sound
from highroad.cli.show import taken_on
from highroad.errors import Invalid, NotFound, did_you_mean
from highroad.wire.networks import CutOut, GroupCutOut, RiskGroupOut

app = typer.Typer(no_args_is_help=True, help="Break things on purpose, where the fabric is a lab.")

Target = Annotated[
    str,
    typer.Argument(metavar="TARGET", help="A fibre, e.g. denver--omaha, or a risk group, e.g. conduit-denver-east."),
]
Silent = Annotated[
    bool, typer.Option("--silent", help="Without loss of light: nothing arrives, and no port goes down.")
]
Site = Annotated[str, typer.Argument(metavar="SITE", help="Where the router is, e.g. denver.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Only say what would be.")]


@command(app, "cut")
def cut(
    door: Door,
    target: Target,
    silent: Silent = False,
    one_way: Annotated[
        str | None,
        typer.Option(
            "--one-way", metavar="SITE>SITE", help="Only in this direction of the fibre, or of a link over it; silent."
        ),
    ] = None,
    loss: Annotated[
        float, typer.Option("--loss", metavar="SHARE", help="Lose only this share of packets, e.g. 0.2; silent.")
    ] = 1.0,
    dry_run: DryRun = False,
) -> None:
    """Cut a fibre, or a risk group with all fibres in it at once; the fabric notices by itself.

    Example: `highroad lab cut denver--omaha`
    """
    if not 0.0 < loss <= 1.0:
        raise typer.BadParameter(f"{loss:g} is no share: give more than 0 and at most 1", param_hint="--loss")
    group = _group(door, target)
    if group is not None and one_way is not None:
        raise typer.BadParameter(f"{target} is a risk group: name one of its fibres", param_hint="--one-way")
    if dry_run:
        _would(door, f"cut{_how(silent=silent, one_way=one_way, loss=loss)}", target, group)
        return
    done: CutOut | GroupCutOut
    try:
        if group is None:
            done = door.client.cut(target, silent=silent, one_way=one_way, loss=loss)
        else:
            done = door.client.cut_group(target, silent=silent, loss=loss)
    except Invalid as error:
        raise as_not_found(error) from None
    if door.as_json:
        door.emit(done)
        return
    how = _how(silent=done.silent, one_way=done.one_way if isinstance(done, CutOut) else None, loss=done.loss)
    whole = f", with {len(done.fibres)} fibres" if isinstance(done, GroupCutOut) else ""
    door.say(("✂ ", "bold red"), f"{target} is cut{how}{whole}; splice it with `highroad lab uncut {target}`")


@command(app, "uncut")
def uncut(door: Door, target: Target, dry_run: DryRun = False) -> None:
    """Splice a fibre, or what was cut as a risk group; what was cut by itself stays cut.

    Example: `highroad lab uncut denver--omaha`
    """
    group = _group(door, target)
    if dry_run:
        _would(door, "splice", target, group)
        return
    lab = door.client.uncut(target) if group is None else door.client.uncut_group(target)
    if door.as_json:
        door.emit(lab)
    else:
        door.say(("✓ ", "bold green"), f"{target} is spliced; {len(lab.cuts) + len(lab.groups)} are still cut")


@command(app, "kill-router")
def kill_router(
    door: Door,
    site: Site,
    silent: Annotated[
        bool, typer.Option("--silent", help="Without loss of light: nothing passes, and no port goes down.")
    ] = False,
    dry_run: DryRun = False,
) -> None:
    """Kill a router at once: every fibre there goes dark.

    Example: `highroad lab kill-router denver`
    """
    if dry_run:
        _would_router(door, "kill", site)
        return
    try:
        done = door.client.kill_router(site, silent=silent)
    except Invalid as error:
        raise as_not_found(error) from None
    if door.as_json:
        door.emit(done)
    else:
        door.say(
            ("✂ ", "bold red"),
            f"the router of {done.name} is dead{', and its ports keep their light' if done.silent else ''}; "
            f"start it with `highroad lab revive-router {site}`",
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


@command(app, "load")
def load(
    door: Door,
    service: Annotated[str, typer.Argument(metavar="SERVICE", help="Whose hosts send.")],
    rate: Annotated[
        str,
        typer.Argument(
            parser=sound(rate_gbps, "none"), metavar="RATE", help="Each way: 25G; `none` for the lab's own traffic."
        ),
    ],
    dry_run: DryRun = False,
) -> None:
    """Set what a service's hosts offer from now on, also more than it has.

    Example: `highroad lab load svc-7k2m9qwxyz 25G`
    """
    offered_gbps = None if rate == "none" else rate_gbps(rate)
    said = "the lab's own traffic" if offered_gbps is None else f"{show_gbps(offered_gbps)} each way"
    if dry_run:
        found = door.client.service(service)
        if door.as_json:
            door.emit(found)
        else:
            door.say(f"would let {found.id} offer {said}; it has {show_gbps(found.bandwidth_gbps)}")
        return
    done = door.client.load(service, offered_gbps)
    if door.as_json:
        door.emit(done)
    else:
        door.say(
            ("✓ ", "bold green"), f"{done.service} offers {said}; see it with `highroad service watch {done.service}`"
        )


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
                words(("up", "green"))
                if router.up
                else words(("killed, silent" if router.silent else "killed", "bold red")),
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
    rows = [
        (one.fibre, show_time(one.since), _said(silent=one.silent, one_way=one.one_way, loss=one.loss))
        for one in lab.cuts
    ]
    rows += [
        (
            f"{one.risk_group}, {len(one.fibres)} fibres",
            show_time(one.since),
            _said(silent=one.silent, one_way=None, loss=one.loss),
        )
        for one in lab.groups
    ]
    door.table("", ("fibre", "cut since", ""), rows, f"nothing is cut in {lab.fabric}")


def _how(*, silent: bool, one_way: str | None, loss: float) -> str:
    """What is told of a cut besides that it is one."""
    if loss < 1.0:
        return f"{' from ' + one_way.replace('>', ' to ') if one_way else ''} for {loss:.4g} of all packets"
    if one_way:
        return f" from {one_way.replace('>', ' to ')} only, and its light stays on"
    return ", and its light stays on" if silent else ""


def _said(*, silent: bool, one_way: str | None, loss: float) -> str:
    """The same in a table."""
    said = [f"{loss:.4g} lost" if loss < 1.0 else "silent" if silent else "", one_way or ""]
    return " ".join(word for word in said if word)


def _group(door: Door, target: str) -> RiskGroupOut | None:
    """The risk group that is meant; None for a fibre. Raises NotFound for neither."""
    network = door.client.network()
    if any(one.id == target for one in network.fibres):
        return None
    found = next((one for one in network.risk_groups if one.id == target), None)
    if found is None:
        known = [one.id for one in network.fibres] + [one.id for one in network.risk_groups]
        raise NotFound(f"there is no fibre or risk group {target}{did_you_mean(target, known)}")
    return found


def _would(door: Door, verb: str, target: str, group: RiskGroupOut | None) -> None:
    fibres = door.client.network().fibres
    if group is not None:
        inside = [one.id for one in fibres if group.id in one.risk_groups]
        if door.as_json:
            door.emit(group)
        else:
            door.say(f"would {verb} {group.id}, with {len(inside)} fibres: {', '.join(inside)}")
        return
    fibre = next(one for one in fibres if one.id == target)
    if door.as_json:
        door.emit(fibre)
    else:
        door.say(f"would {verb} {fibre.id}: {fibre.length_km:,.0f} km from {fibre.a} to {fibre.b}")


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
