"""`highroad webhook`: where events are sent as they happen."""

from __future__ import annotations

from typing import Annotated

import typer

from highroad.cli.door import Door, command
from highroad.cli.quantities import show_time
from highroad.wire.webhooks import WebhookMadeOut, WebhookOut

app = typer.Typer(no_args_is_help=True, help="Events, sent to an address of yours as they happen.")

Id = Annotated[str, typer.Argument(metavar="ID", help="The webhook's id.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Only say what would be.")]
Kinds = Annotated[
    list[str] | None, typer.Option("--kind", metavar="GLOB", help="Only events of such a type; may be given again.")
]
STYLES = {"active": "green", "failing": "yellow", "disabled": "bold red"}


@command(app, "add")
def add(
    door: Door,
    to: Annotated[str, typer.Argument(metavar="URL", help="https://, to a public address.")],
    kind: Kinds = None,
    start: Annotated[
        str, typer.Option("--from", metavar="PLACE", help="`now`, `beginning`, or the sequence of an event.")
    ] = "now",
    description: Annotated[str, typer.Option(metavar="TEXT", help="What it is for.")] = "",
    tenant: Annotated[str | None, typer.Option(metavar="TENANT", help="Only this tenant's events.")] = None,
    dry_run: DryRun = False,
) -> None:
    """Have events sent to an address. The secret that they are signed with is shown this once.

    Example: `highroad webhook add https://example.org/highroad --kind "highroad.service.*"`
    """
    place = int(start) if start.isascii() and start.isdigit() else start
    if dry_run:
        body = {"url": to, "kinds": kind or [], "from": place, "description": description, "tenant": tenant}
        door.emit(body) if door.as_json else door.say(f"would send {', '.join(kind or ['every event'])} to {to}")
        return
    made = door.client.add_webhook(to, kinds=kind or (), start=place, description=description, tenant=tenant)
    _made(door, made)


@command(app, "list")
def list_webhooks(door: Door) -> None:
    """List webhooks, and how they are doing.

    Example: `highroad webhook list`
    """
    found = list(door.client.webhooks())
    if door.as_json:
        door.emit(found)
        return
    rows = (
        (one.id, one.tenant or "operator", one.state, str(one.lag), one.url, one.last_error or one.disabled_because)
        for one in found
    )
    door.table("", ("webhook", "of", "state", ">behind", "to", ""), rows, "no webhooks")


@command(app, "show")
def show(door: Door, webhook_id: Id) -> None:
    """Show a webhook and its newest attempts.

    Example: `highroad webhook show whk-7k2m9qwx`
    """
    found = door.client.webhook(webhook_id)
    attempts = door.client.webhook_deliveries(webhook_id)
    if door.as_json:
        door.emit({"webhook": found, "deliveries": attempts})
        return
    _told(door, found)
    rows = (
        (str(one.number), show_time(one.at), one.event, one.type, f"{one.duration_ms:.0f} ms", one.error or "delivered")
        for one in attempts
    )
    door.table("", (">attempt", "at", "event", "type", ">took", ""), rows, "nothing was sent yet")


@command(app, "test")
def try_out(door: Door, webhook_id: Id, dry_run: DryRun = False) -> None:
    """Send a test event at once.

    Example: `highroad webhook test whk-7k2m9qwx`
    """
    if dry_run:
        found = door.client.webhook(webhook_id)
        door.emit(found) if door.as_json else door.say(f"would send a test event to {found.url}")
        return
    done = door.client.test_webhook(webhook_id)
    if door.as_json:
        door.emit(done)
    elif done.delivered:
        door.say(("✓ ", "bold green"), f"delivered in {done.duration_ms:.0f} ms, answered with {done.status}")
    else:
        door.say(("✗ ", "bold red"), done.error)
        door.say((done.excerpt, "dim"))


@command(app, "replay")
def replay(
    door: Door,
    webhook_id: Id,
    after: Annotated[int | None, typer.Option(min=0, metavar="N", help="Everything after this sequence.")] = None,
    start: Annotated[str | None, typer.Option("--from", metavar="TIME", help="Everything from a time on.")] = None,
    dry_run: DryRun = False,
) -> None:
    """Deliver again, in order, with the ids that events had.

    Example: `highroad webhook replay whk-7k2m9qwx --after 0`
    """
    if dry_run:
        found = door.client.webhook(webhook_id)
        what = f"after {after}" if after is not None else f"from {start}"
        door.emit(found) if door.as_json else door.say(f"would deliver everything {what} to {found.url} again")
        return
    _changed(door, door.client.replay_webhook(webhook_id, after=after, start=start))


@command(app, "change")
def change(
    door: Door,
    webhook_id: Id,
    to: Annotated[str | None, typer.Option("--to", metavar="URL", help="Where to from now on.")] = None,
    kind: Kinds = None,
    description: Annotated[str | None, typer.Option(metavar="TEXT", help="What it is for.")] = None,
    enabled: Annotated[
        bool | None, typer.Option("--enable/--disable", help="Go on where deliveries stopped, or stop them.")
    ] = None,
    dry_run: DryRun = False,
) -> None:
    """Change a webhook, or enable one that was disabled: it goes on where it stopped.

    Example: `highroad webhook change whk-7k2m9qwx --enable`
    """
    if dry_run:
        found = door.client.webhook(webhook_id)
        door.emit(found) if door.as_json else door.say(f"would change {found.id}")
        return
    done = door.client.change_webhook(webhook_id, url=to, kinds=kind or None, description=description, enabled=enabled)
    _changed(door, done)


@command(app, "rotate")
def rotate(
    door: Door,
    webhook_id: Id,
    overlap_s: Annotated[
        float, typer.Option("--overlap", min=0, metavar="SECONDS", help="For how long the old secret signs besides.")
    ] = 86400.0,
    dry_run: DryRun = False,
) -> None:
    """Sign with a new secret, shown this once; for a day the old one signs besides.

    Example: `highroad webhook rotate whk-7k2m9qwx`
    """
    if dry_run:
        found = door.client.webhook(webhook_id)
        door.emit(found) if door.as_json else door.say(f"would sign with a new secret to {found.url}")
        return
    _made(door, door.client.rotate_webhook(webhook_id, overlap_s=overlap_s))


@command(app, "remove")
def remove(door: Door, webhook_id: Id, dry_run: DryRun = False) -> None:
    """Send nothing there any more.

    Example: `highroad webhook remove whk-7k2m9qwx`
    """
    if not dry_run:
        door.client.remove_webhook(webhook_id)
    if door.as_json:
        door.emit({"id": webhook_id, "removed": not dry_run})
    else:
        door.say(f"would remove {webhook_id}" if dry_run else f"✓ {webhook_id} is removed")


def _made(door: Door, made: WebhookMadeOut) -> None:
    if door.as_json:
        door.emit(made)
        return
    door.say(("✓ ", "bold green"), f"{made.id}; its secret, shown this once:")
    door.say((made.secret, "bold"))


def _changed(door: Door, webhook: WebhookOut) -> None:
    if door.as_json:
        door.emit(webhook)
    else:
        _told(door, webhook)


def _told(door: Door, one: WebhookOut) -> None:
    door.say((one.id, "bold"), "  ", (one.state, STYLES.get(one.state, "")), f"  to {one.url}")
    door.say(("events    ", "dim"), f"{', '.join(one.kinds) or 'all'}, of {one.tenant or 'everybody'}")
    door.say(("delivered ", "dim"), f"up to {one.cursor}, {one.lag} behind; last {show_time(one.delivered, 'never')}")
    if one.failures:
        door.say(("failing   ", "bold yellow"), f"since {show_time(one.failing_since)}: {one.last_error}")
    if one.disabled is not None:
        door.say(("disabled  ", "bold red"), f"{show_time(one.disabled)}: {one.disabled_because}")
    if one.description:
        door.say((one.description, "dim"))
