"""`highroad doctor`: reads the settings as `highroad up` does, and has the installation examined."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

AMISS = 2


def doctor(
    home: Annotated[Path | None, typer.Option(help="Where everything is kept.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object instead of text.")] = False,
) -> None:
    """Say what is wrong with this installation: everything at once, each with its reason and what to do.

    Needs no controller, and looks at one that is up; changes nothing. Run it as the user that runs `highroad up`. Exit
    codes: 0 nothing is wrong, 2 something is.

    Example: highroad doctor --json
    """
    from importlib import metadata

    from rich.console import Console

    from highroad.api.page import BUILT
    from highroad.client.home import home_dir
    from highroad.main.up import settings_from
    from highroad.offline.doctor.examine import Place, examine, show
    from highroad.offline.doctor.said import Verdict
    from highroad.offline.terminal import print_json
    from highroad.storage.migrate import revisions

    settings = settings_from(home=home)
    folder = (settings.home or home_dir()).expanduser()
    place = Place(
        home=folder,
        host=settings.host,
        port=settings.port,
        fabric=settings.fabric,
        pki=settings.pki or folder / "pki",
        page=BUILT,
        version=metadata.version("highroad"),
        known=revisions(),
        database=_database(settings),
        telemetry_mib=settings.telemetry_mib,
        telemetry=None if settings.plant is None else settings.plant.expanduser() / "telemetry",
    )
    said = examine(place)
    wrong = [one for one in said if one.verdict is Verdict.WRONG]
    if as_json:
        print_json({"wrong": len(wrong), "checks": [asdict(one) for one in said]})
    else:
        show(said, Console())
        typer.echo(f"\n{len(wrong)} of {len(said)} checks found something wrong." if wrong else "\nNothing is wrong.")
    if wrong:
        raise typer.Exit(AMISS)


def _database(settings: object) -> str | None:
    """Where the store is, if the settings name a place for it."""
    found = getattr(settings, "database", None)
    secret = getattr(found, "get_secret_value", None)
    return secret() if secret is not None else None if found is None else str(found)
