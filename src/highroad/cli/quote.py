"""`highroad quote`: a firm yes whose capacity is kept for minutes, and the command that takes it.

highroad quote FROM TO RATE ...   as `service order`, but held
highroad quote take SERVICE
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import typer
from typer.core import TyperGroup

from highroad.cli import service
from highroad.cli.door import Door, command
from highroad.cli.quantities import show_gbps, show_time
from highroad.cli.service import DryRun, Id
from highroad.cli.show import service_card
from highroad.model.lifecycle import State

HOLD = "5m"
"""How long a quote is kept unless `--hold` says otherwise."""

_FIRM = "firm"


class Quote(TyperGroup):
    """Words that are no command of the group are an order's: `quote FROM TO RATE`."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """The arguments, with the command that is meant before them."""
        known = {*self.commands, *self.get_help_option_names(ctx)}
        return super().parse_args(ctx, args if not args or args[0] in known else [_FIRM, *args])


app = typer.Typer(
    cls=Quote,
    no_args_is_help=True,
    help="Have capacity kept for minutes before you order it: `highroad quote FROM TO RATE` takes the options of "
    "`service order`, and `--hold 5m`.",
)


def _held(order: Callable[..., None]) -> Callable[..., None]:
    """`service order` as it is, but for what does not go with a hold, and for how long one is."""

    def firm(door: Door, **values: Any) -> None:
        order(door, wait=False, **values)

    known = inspect.signature(order, eval_str=True)
    own = [
        one.replace(default=HOLD) if one.name == "hold" else one
        for one in known.parameters.values()
        if one.name != "wait"
    ]
    firm.__signature__ = known.replace(parameters=own)  # type: ignore[attr-defined]
    firm.__annotations__ = {one.name: one.annotation for one in own}
    firm.__doc__ = (
        "A firm yes with its path, kept for minutes: take it with `highroad quote take`, or let it expire.\n\n"
        "Example: `highroad quote campus-boise aws-us-east-1 400G --latency 30ms --for 6h --hold 10m`"
    )
    return firm


command(app, _FIRM, role="tenant")(_held(service.order))


@command(app, "take", role="tenant")
def take(door: Door, service: Id, dry_run: DryRun = False) -> None:
    """Take what is held: it is reserved, and carried in its window.

    Example: `highroad quote take svc-7k2m9qwxyz`
    """
    found = door.client.service(service) if dry_run else door.client.confirm(service)
    if door.as_json:
        door.emit(found)
    elif dry_run and found.state is State.HELD:
        door.say(f"would take {found.id}: {found.a.site} to {found.b.site}, {show_gbps(found.bandwidth_gbps)}")
    elif dry_run:
        door.say(f"{found.id} is {found.state}: there is nothing to take")
    else:
        door.say(("✓ taken", "bold green"))
        service_card(door, found)


@command(app, "list", role="tenant")
def list_held(door: Door) -> None:
    """List what is held and was not taken.

    Example: `highroad quote list`
    """
    held = list(door.client.services(state=State.HELD))
    if door.as_json:
        door.emit(held)
        return
    door.table(
        "",
        ("service", "from", "to", ">rate", "kept until"),
        ((one.id, one.a.site, one.b.site, show_gbps(one.bandwidth_gbps), show_time(one.hold_until)) for one in held),
        "nothing is held: have something kept with `highroad quote FROM TO RATE`",
    )
