"""`highroad network check | show | convert | export | schema | build`: network files, without a controller.

Exit codes: 0 all is well, 2 the file has errors, or differs, 4 there is no such thing to read, 7 it cannot be written.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from highroad.errors import Finding, NotFound, Severity
from highroad.formats import native, rfc8345
from highroad.formats.loaded import Loaded
from highroad.formats.rough import Rules
from highroad.formats.shipped import NETWORKS, network_text
from highroad.model.network import Network, SiteKind
from highroad.offline import reading
from highroad.offline.terminal import WRONG, Json, attempt, fail, plain_finding, print_findings, print_json, say


class Format(StrEnum):
    """What a network can be written as."""

    NATIVE = "native"
    RFC8345 = "rfc8345"


app = typer.Typer(no_args_is_help=True, help="The network: check, show and build files; load one into a controller.")


@app.command()
def check(
    file: Annotated[Path, typer.Argument(help="A network file of any format that is read, or a folder of NetBox's.")],
    derive: reading.Derive = False,
    positions: reading.Positions = None,
    default_length_km: reading.DefaultLength = None,
    default_capacity_gbps: reading.DefaultCapacity = reading.CAPACITY,
    json_: Json = False,
) -> None:
    """Say everything that is wrong with a network file, with the line of each finding, and what was derived.

    Warnings and notes do not make it fail. Exit code 2 if there is an error.

    Example: `highroad network check zoo/Abilene.graphml --derive`
    """
    loaded = attempt(
        lambda: _load(str(file), reading.rules_of(derive, positions, default_length_km, default_capacity_gbps)), json_
    )
    if json_:
        print_json({"ok": not loaded.errors, "findings": [plain_finding(finding) for finding in loaded.findings]})
    else:
        print_findings(loaded.findings)
        if loaded.network is not None:
            say(f"{file}: a good network, {_counts(loaded.network)}", style="green")
        else:
            say(f"{file}: {_number(len(loaded.errors), 'error')}; nothing of it can be used", style="bold red")
    if loaded.errors:
        raise typer.Exit(WRONG)


@app.command()
def show(
    file: Annotated[str, typer.Argument(help="A network file, or `us`, `global` or `us-lab` for a shipped one.")],
    svg: Annotated[Path | None, typer.Option("--svg", help="Draw a map into this file.")] = None,
    derive: reading.Derive = False,
    positions: reading.Positions = None,
    default_length_km: reading.DefaultLength = None,
    default_capacity_gbps: reading.DefaultCapacity = reading.CAPACITY,
    json_: Json = False,
) -> None:
    """Sum up a network: its sites by kind, its fibre, its capacity and where it is; with --svg, as a map."""
    rules = attempt(lambda: reading.rules_of(derive, positions, default_length_km, default_capacity_gbps), json_)
    _, network = good(file, rules, json_)
    if svg is not None:
        from highroad.offline import picture

        attempt(lambda: reading.write_text(svg, picture.svg(network)), json_)
    if json_:
        print_json({"ok": True, **_summary(network), "svg": str(svg) if svg else None})
        return
    Console().print(_table(network))
    for line in network.assumptions:
        say(f"- {line}", style="dim")
    if svg is not None:
        say(f"The map is in {svg}.")


@app.command()
def build(
    name: Annotated[str, typer.Argument(help="`us`, `global` or `us-lab`.")],
    out: Annotated[Path | None, typer.Option("--out", help="Write the file here instead of printing it.")] = None,
    check_: Annotated[
        bool, typer.Option("--check", help="Write nothing; fail if the shipped file (or --out) is not the same.")
    ] = False,
    json_: Json = False,
) -> None:
    """Build a reference network from its public sources, byte for byte the same each time."""
    if name not in NETWORKS:
        fail(NotFound(f"there is no reference network {name!r}; there are {', '.join(NETWORKS)}"), json_)
    from highroad.offline.reference.build import text as built

    text = built(name)
    have = (
        reading.read_bytes(out).decode("utf-8", "replace")
        if check_ and out is not None
        else network_text(name)
        if check_
        else ""
    )
    same = have == text if check_ else None
    if out is not None and not check_:
        attempt(lambda: reading.write_text(out, text), json_)
    if json_:
        told: dict[str, Any] = {"name": name, "bytes": len(text.encode()), "same": same}
        print_json({**told, "out": str(out) if out else None})
    elif check_:
        what = str(out) if out is not None else f"the shipped {name}.yaml"
        told_same = f"{what} is what the rules make of the sources"
        say(told_same if same else f"{what} differs from what the rules make; first at {_differs(have, text)}")
    elif out is None:
        typer.echo(text, nl=False)
    else:
        say(f"Wrote {out}.")
    if same is False:
        raise typer.Exit(WRONG)


@app.command()
def convert(
    file: Annotated[
        str, typer.Argument(help="A network file, a folder of NetBox's, or the name of a shipped network.")
    ],
    out: Annotated[Path, typer.Argument(help="The file to write: .yaml for ours, .json for RFC 8345/8795.")],
    format_: Annotated[Format | None, typer.Option("--format", help="What to write, whatever the file's name.")] = None,
    derive: reading.Derive = False,
    positions: reading.Positions = None,
    default_length_km: reading.DefaultLength = None,
    default_capacity_gbps: reading.DefaultCapacity = reading.CAPACITY,
    json_: Json = False,
) -> None:
    """Read a network of any format and write it in ours or as RFC 8345/8795; what was derived is told, and in the file.

    Example: `highroad network convert zoo/Abilene.graphml abilene.yaml --derive`
    """
    rules = attempt(lambda: reading.rules_of(derive, positions, default_length_km, default_capacity_gbps), json_)
    loaded, network = good(file, rules, json_)
    chosen = format_ or (Format.RFC8345 if out.suffix == ".json" else Format.NATIVE)
    attempt(lambda: reading.write_text(out, _text(network, chosen)), json_)
    findings = [plain_finding(finding) for finding in loaded.findings]
    if json_:
        print_json({"ok": True, "format": chosen.value, "out": str(out), **_summary(network), "findings": findings})
        return
    print_findings(loaded.findings)
    say(f"Wrote {out}: {_counts(network)}.", style="green")


@app.command()
def export(
    file: Annotated[
        str, typer.Argument(help="A network file, a folder of NetBox's, or the name of a shipped network.")
    ],
    format_: Annotated[Format, typer.Option("--format", help="Our YAML, or JSON of RFC 8345/8795.")] = Format.NATIVE,
    derive: reading.Derive = False,
    positions: reading.Positions = None,
    default_length_km: reading.DefaultLength = None,
    default_capacity_gbps: reading.DefaultCapacity = reading.CAPACITY,
    json_: Json = False,
) -> None:
    """Print a network in our YAML, or as RFC 8345/8795 JSON, and nothing else.

    Example: `highroad network export us --format rfc8345 > us.json`
    """
    rules = attempt(lambda: reading.rules_of(derive, positions, default_length_km, default_capacity_gbps), json_)
    _, network = good(file, rules, json_)
    text = _text(network, format_)
    if json_:
        print_json({"ok": True, "format": format_.value, "text": text})
    else:
        typer.echo(text, nl=False)


@app.command()
def schema(
    out: Annotated[Path | None, typer.Option("--out", help="Write it here instead of printing it.")] = None,
    json_: Json = False,
) -> None:
    """Print the JSON Schema of our network file: editors check a file by it while it is written.

    Example: `highroad network schema --out network.schema.json`
    """
    from highroad.formats.schema import schema_text

    if out is None:
        typer.echo(schema_text(), nl=False)
        return
    attempt(lambda: reading.write_text(out, schema_text()), json_)
    if json_:
        print_json({"ok": True, "out": str(out)})
    else:
        say(f"Wrote {out}.")


# --- files --------------------------------------------------------------------------------------------------


def _load(file: str, rules: Rules) -> Loaded:
    return reading.load(file, rules)


def good(file: str, rules: Rules, json_: bool) -> tuple[Loaded, Network]:
    """The network of a file, or its findings told and the command over."""
    loaded = attempt(lambda: reading.load(file, rules), json_)
    if loaded.network is None:
        if json_:
            print_json({"ok": False, "findings": [plain_finding(finding) for finding in loaded.findings]})
        else:
            print_findings(loaded.findings)
        raise typer.Exit(WRONG)
    return loaded, loaded.network


def plannable(file: str, rules: Rules, json_: bool) -> tuple[tuple[Finding, ...], Network]:
    """The network of a file, without links that have no capacity, and a finding for each of these; or the command over
    where anything else is wrong.
    """
    loaded = attempt(lambda: reading.load(file, rules), json_)
    if loaded.network is None and loaded.rest is not None:
        out = (one for one in loaded.findings if one.severity is Severity.ERROR)
        return tuple(
            replace(one, severity=Severity.WARNING, message=f"{one.message}: left out") for one in out
        ), loaded.rest
    return (), good(file, rules, json_)[1]


def _text(network: Network, format_: Format) -> str:
    match format_:
        case Format.NATIVE:
            return native.write(network, [native.SCHEMA_LINE])
        case Format.RFC8345:
            return rfc8345.write(network)


def _differs(have: str, want: str) -> str:
    had, wanted = have.splitlines(), want.splitlines()
    line = next((n for n, (a, b) in enumerate(zip(had, wanted, strict=False)) if a != b), min(len(had), len(wanted)))
    return f"line {line + 1}"


# --- printing -----------------------------------------------------------------------------------------------


def _number(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def _counts(network: Network) -> str:
    return (
        f"{_number(len(network.sites), 'site')}, {_number(len(network.fibres), 'fibre')}, "
        f"{_number(len(network.links), 'link')}"
    )


def _summary(network: Network) -> dict[str, Any]:
    kinds = Counter(site.kind for site in network.sites)
    return {
        "name": network.name,
        "sites": len(network.sites),
        "sites_by_kind": {kind.value: kinds[kind] for kind in SiteKind if kinds[kind]},
        "fibres": len(network.fibres),
        "fibre_km": round(sum(fibre.length_km for fibre in network.fibres), 1),
        "links": len(network.links),
        "capacity_gbps": round(sum(link.capacity_gbps for link in network.links), 3),
        "risk_groups": len(network.risk_groups),
        "countries": sorted({code.partition("-")[0] for fibre in network.fibres for code in fibre.jurisdictions}),
        "assumptions": list(network.assumptions),
    }


def _table(network: Network) -> Table:
    summary = _summary(network)
    table = Table(title=Text(network.name), show_header=False)
    table.add_column(style="bold")
    table.add_column()
    kinds = ", ".join(f"{count} {kind}" for kind, count in summary["sites_by_kind"].items())
    table.add_row("sites", f"{summary['sites']:,} ({kinds})")
    table.add_row("fibres", f"{summary['fibres']:,}, {summary['fibre_km']:,.0f} km")
    table.add_row("links", f"{summary['links']:,}, {summary['capacity_gbps'] / 1000:,.1f} Tbit/s, each way counted")
    table.add_row("risk groups", f"{summary['risk_groups']:,} shared ones")
    table.add_row("countries", ", ".join(summary["countries"]))
    longest = sorted(network.fibres, key=lambda fibre: -fibre.length_km)[:3]
    table.add_row("longest fibres", "\n".join(f"{f.id}: {f.length_km:,.0f} km, {f.latency_ms:.2f} ms" for f in longest))
    return table
