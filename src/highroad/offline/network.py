"""`highroad network check | show | build`: a network file looked at, drawn or made, without a controller.

Exit codes: 0 all is well, 2 the file has errors, or differs, 4 there is no such thing to read, 7 it cannot be written.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from highroad.errors import Finding, NotFound, Severity, Unavailable
from highroad.formats import detect
from highroad.formats.loaded import MAX_BYTES, Loaded, refused
from highroad.formats.shipped import NETWORKS, network_text
from highroad.model.network import Network, SiteKind
from highroad.offline.terminal import WRONG, Json, attempt, fail, print_json, say

app = typer.Typer(no_args_is_help=True, help="The network: check, show and build files; load one into a controller.")


@app.command()
def check(
    file: Annotated[Path, typer.Argument(help="A network file: our YAML or JSON, or a GNPy topology.")],
    json_: Json = False,
) -> None:
    """Say everything that is wrong with a network file, with the line of each finding.

    Warnings do not make it fail. Exit code 2 if there is an error.
    """
    loaded = attempt(lambda: _load(str(file)), json_)
    if json_:
        print_json({"ok": not loaded.errors, "findings": [_plain(finding) for finding in loaded.findings]})
    else:
        _print_findings(loaded.findings)
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
    json_: Json = False,
) -> None:
    """Sum up a network: its sites by kind, its fibre, its capacity and where it is; with --svg, as a map."""
    loaded = attempt(lambda: _load(file), json_)
    network = loaded.network
    if network is None:
        if json_:
            print_json({"ok": False, "findings": [_plain(finding) for finding in loaded.findings]})
        else:
            _print_findings(loaded.findings)
        raise typer.Exit(WRONG)
    if svg is not None:
        from highroad.offline import picture

        attempt(lambda: _write(svg, picture.svg(network)), json_)
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
    have = _read(out) if check_ and out is not None else network_text(name) if check_ else ""
    same = have == text if check_ else None
    if out is not None and not check_:
        attempt(lambda: _write(out, text), json_)
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


# --- files --------------------------------------------------------------------------------------------------


def _load(file: str) -> Loaded:
    if file in NETWORKS and not Path(file).exists():
        return detect.read(network_text(file))
    path = Path(file)
    try:
        if path.is_file() and path.stat().st_size > MAX_BYTES:
            return refused("too-large", f"the file is over {MAX_BYTES // 1_000_000} MB; a network is a few hundred kB")
        return detect.read(_read(path), name=path.stem)
    except UnicodeDecodeError as error:
        return refused(
            "not-text", f"the file is not UTF-8 text: byte {error.start} is {error.object[error.start]:#04x}"
        )


def _read(path: Path) -> str:
    try:
        return path.read_bytes().decode("utf-8")
    except OSError as error:
        raise NotFound(f"cannot read {path}: {error.strerror}") from error


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text, encoding="utf-8", newline="\n")
    except OSError as error:
        raise Unavailable(f"cannot write {path}: {error.strerror}") from error


def _differs(have: str, want: str) -> str:
    had, wanted = have.splitlines(), want.splitlines()
    line = next((n for n, (a, b) in enumerate(zip(had, wanted, strict=False)) if a != b), min(len(had), len(wanted)))
    return f"line {line + 1}"


# --- printing -----------------------------------------------------------------------------------------------


def _plain(finding: Finding) -> dict[str, Any]:
    return {
        "code": finding.code,
        "place": finding.place,
        "message": finding.message,
        "severity": finding.severity.value,
        "line": finding.line,
    }


def _print_findings(findings: Sequence[Finding]) -> None:
    for finding in findings:
        wrong = finding.severity is Severity.ERROR
        word = Text("error  " if wrong else "warning", style="bold red" if wrong else "yellow")
        Console(soft_wrap=True).print(Text.assemble(word, " ", str(finding), (f"  [{finding.code}]", "dim")))


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
