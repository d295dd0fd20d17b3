"""`highroad pki init | issue | rotate | revoke | list`: the authority that says who may speak to routers.

Exit codes: 0 it is done, 2 a name or an address is wrong, 4 there is no such authority or certificate, 6 there is an
authority already, 7 a file cannot be read or written.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Column, Table

from highroad.client.home import home_dir
from highroad.errors import Finding, Invalid, Unavailable
from highroad.offline.terminal import Json, attempt, fail, print_json, say
from highroad.pki.authority import AUTHORITY_DAYS, LEAF_DAYS
from highroad.pki.peer import Credentials, Role
from highroad.pki.store import Issued, Pki, write_private
from highroad.units import iso_from_s

app = typer.Typer(
    no_args_is_help=True,
    help="Certificates: who may speak to routers, and which routers are ours. Needs no controller.",
)

Folder = Annotated[
    Path | None,
    typer.Option("--dir", envvar="HIGHROAD_PKI", help="The authority's directory; `pki` in the home by default."),
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Say what would be done, and do nothing.")]


@app.command()
def init(
    name: Annotated[str, typer.Option("--name", help="What the authority is called.")] = "Highroad authority",
    days: Annotated[int, typer.Option("--days", help="For how long it counts.")] = AUTHORITY_DAYS,
    folder: Folder = None,
    dry_run: DryRun = False,
    json_: Json = False,
) -> None:
    """Make an authority. Its key, ca.key, stays in its directory and is given to no router."""
    pki = _pki(folder)
    if not 1 <= days <= AUTHORITY_DAYS:
        message = f"{days} days: an authority counts for 1 to {AUTHORITY_DAYS}"
        fail(Invalid([Finding(code="days", place="days", message=message)]), json_)
    if not dry_run:
        attempt(lambda: Pki.create(pki.directory, name=name, at_s=time.time(), days=days), json_)
    if json_:
        print_json({"directory": str(pki.directory), "dry_run": dry_run, "existed": dry_run and pki.exists})
    elif dry_run:
        say(f"There is one in {pki.directory}: it would be left alone." if pki.exists else f"Into {pki.directory}.")
    else:
        say(f"The authority is in {pki.directory}. Next: highroad pki issue NAME --role agent --out FOLDER")


@app.command()
def issue(
    name: Annotated[str, typer.Argument(help="Of a router as its agent's file has it, or of a controller or reader.")],
    role: Annotated[Role, typer.Option("--role", help="agent is a router; controller sets them; reader reads them.")],
    host: Annotated[list[str] | None, typer.Option("--host", help="A further host name. May be repeated.")] = None,
    address: Annotated[list[str] | None, typer.Option("--address", help="An IP address. May be repeated.")] = None,
    days: Annotated[int, typer.Option("--days", help="For how long it counts.")] = LEAF_DAYS,
    out: Annotated[
        Path | None, typer.Option("--out", help="Copy there what the holder needs: its pair, ca.crt and crl.pem.")
    ] = None,
    folder: Folder = None,
    dry_run: DryRun = False,
    json_: Json = False,
) -> None:
    """Issue a certificate. An older one of the same name goes on counting until it expires or is revoked."""
    pki = _pki(folder)
    names, addresses = tuple(host or ()), tuple(address or ())
    if dry_run:
        attempt(lambda: pki.check(name, role, names=names, addresses=addresses, days=days), json_)
        files: dict[str, str] = {}
    else:
        credentials = attempt(
            lambda: pki.issue(name, role, names=names, addresses=addresses, at_s=time.time(), days=days), json_
        )
        files = attempt(lambda: _hand_out(credentials, out), json_)
    if json_:
        newest = None if dry_run else _plain(next(one for one in pki.newest() if one.name == name))
        print_json({"name": name, "role": role.value, "dry_run": dry_run, "files": files, "certificate": newest})
    elif dry_run:
        say(f"{name} would be issued a certificate as {role.value}, for {days} days.")
    else:
        say(f"{name} as {role.value}, for {days} days: {files['certificate']} and {files['key']}")


@app.command()
def rotate(
    names: Annotated[list[str] | None, typer.Argument(help="Whose; all that are due by default.")] = None,
    within_days: Annotated[
        float | None, typer.Option("--within-days", help="Only what expires so soon; 30, or any when names are given.")
    ] = None,
    folder: Folder = None,
    dry_run: DryRun = False,
    json_: Json = False,
) -> None:
    """Issue anew what expires soon, with the names and for the time of before.

    A process that reads the files where they are uses the new ones from its next connection on, without a restart.
    """
    pki = _pki(folder)
    soon = within_days if within_days is not None else (AUTHORITY_DAYS * 2 if names else 30)
    work = pki.due if dry_run else pki.rotate
    due = attempt(lambda: work(names or (), within_days=soon, at_s=time.time()), json_)
    if json_:
        print_json({"dry_run": dry_run, "rotated": [_plain(one) for one in due]})
    elif not due:
        say(f"Nothing expires within {soon:g} days.")
    for one in () if json_ else due:
        did = "would be issued anew" if dry_run else f"is issued anew, in {pki.directory / one.name}.crt and .key"
        say(f"{one.name} ({one.role.value}, until {iso_from_s(one.not_after_s)}) {did}")


@app.command()
def revoke(
    name: Annotated[str, typer.Argument(help="Whose certificates are void from now on.")],
    serial: Annotated[
        str | None, typer.Option("--serial", help="Only the one of this number, as `list` has it.")
    ] = None,
    folder: Folder = None,
    dry_run: DryRun = False,
    json_: Json = False,
) -> None:
    """Void certificates: whoever reads this directory's crl.pem refuses them from the next call on.

    A router elsewhere has its own copy of crl.pem, which has to be replaced there.
    """
    pki = _pki(folder)
    number = attempt(lambda: _number(serial), json_)
    work = pki.revocable if dry_run else lambda name, serial: pki.revoke(name, serial=serial, at_s=time.time())
    gone = attempt(lambda: work(name, number), json_)
    if json_:
        print_json({"dry_run": dry_run, "revoked": [_plain(one) for one in gone], "list": str(_list_file(pki))})
        return
    if not gone:
        say(f"Nothing of {name} counted any more.")
    for one in gone:
        say(f"{one.name}, number {one.serial:x}, {'would be' if dry_run else 'is'} revoked")
    if gone and not dry_run:
        say(f"Routers elsewhere need the new {_list_file(pki)}.", style="dim")


@app.command("list")
def list_(
    all_: Annotated[bool, typer.Option("--all", help="Also what was replaced.")] = False,
    folder: Folder = None,
    json_: Json = False,
) -> None:
    """List what was issued: for whom, until when, and whether it still counts."""
    pki = _pki(folder)
    issued = attempt(pki.issued if all_ else pki.newest, json_)
    now = time.time()
    if json_:
        print_json({"directory": str(pki.directory), "certificates": [_plain(one, now) for one in issued]})
        return
    table = Table("name", "role", "until", "", Column("number", overflow="fold"))
    for one in issued:
        style = {"good": "green", "soon": "yellow"}.get(word := _word(one, now), "red")
        table.add_row(one.name, one.role.value, iso_from_s(one.not_after_s)[:10], word, f"{one.serial:x}", style=style)
    Console().print(table)


def _pki(folder: Path | None) -> Pki:
    return Pki(folder if folder is not None else home_dir() / "pki")


def _list_file(pki: Pki) -> Path:
    return pki.directory / "crl.pem"


def _number(serial: str | None) -> int | None:
    try:
        return None if serial is None else int(serial, 16)
    except ValueError:
        message = f"{serial!r} is not a number in hexadecimal"
        raise Invalid([Finding(code="serial", place="serial", message=message)]) from None


def _hand_out(credentials: Credentials, out: Path | None) -> dict[str, str]:
    """Where the holder's files are, after they have been copied when that is wanted."""
    files = {
        "certificate": credentials.certificate,
        "key": credentials.key,
        "authority": credentials.authority,
        "revoked": credentials.revoked or credentials.authority.with_name("crl.pem"),
    }
    if out is None:
        return {what: str(path) for what, path in files.items()}
    try:
        out.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise Unavailable(f"{out} cannot be made: {error.strerror}") from error
    for path in files.values():
        write_private(out / path.name, path.read_bytes())
    return {what: str(out / path.name) for what, path in files.items()}


def _word(one: Issued, at_s: float) -> str:
    if one.revoked_s is not None:
        return "revoked"
    if not one.counts(at_s):
        return "expired"
    return "soon" if one.not_after_s - at_s < 30 * 86_400 else "good"


def _plain(one: Issued, at_s: float | None = None) -> dict[str, Any]:
    told: dict[str, Any] = {
        "name": one.name,
        "role": one.role.value,
        "serial": f"{one.serial:x}",
        "names": list(one.names),
        "addresses": list(one.addresses),
        "issued": iso_from_s(one.issued_s),
        "until": iso_from_s(one.not_after_s),
        "revoked": None if one.revoked_s is None else iso_from_s(one.revoked_s),
    }
    return told if at_s is None else {**told, "state": _word(one, at_s)}
