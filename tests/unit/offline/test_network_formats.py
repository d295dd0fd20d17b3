"""`highroad network convert | export | schema`, and the options that fill gaps, as a shell sees them."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from typer.testing import CliRunner

from highroad.formats import derive, detect, graphml, nodelink
from highroad.formats.plain import MAX_LINKS, MAX_THINGS
from highroad.formats.schema import schema_text
from highroad.formats.shipped import network_text
from highroad.model.network import SiteId
from highroad.offline.network import app

DOCS = Path(__file__).parents[3] / "docs"

BARE = """\
<graphml><key id="l" for="node" attr.name="label" attr.type="string"/><graph edgedefault="undirected">
<node id="1"><data key="l">Denver</data></node><node id="2"><data key="l">Toronto</data></node>
<node id="3"><data key="l">Lab</data></node><edge source="1" target="2"/><edge source="2" target="3"/>
</graph></graphml>
"""

runner = CliRunner()


@pytest.fixture
def bare(tmp_path: Path) -> str:
    file = tmp_path / "bare.graphml"
    file.write_text(BARE, encoding="utf-8")
    return str(file)


def test_a_file_without_places_says_what_to_do_and_loads_when_told(bare: str, tmp_path: Path) -> None:
    refused = runner.invoke(app, ["check", bare])
    assert refused.exit_code == 2
    assert "--positions" in refused.output
    assert "--derive" in refused.output
    out = tmp_path / "out.yaml"
    told = runner.invoke(app, ["convert", bare, str(out), "--derive"])
    assert told.exit_code == 0, told.output
    assert "[derived-position]" in told.output
    network = detect.read(out.read_text(encoding="utf-8")).network
    assert network is not None
    assert network.site[SiteId("denver")].jurisdiction == "US-CO"
    crossed = next(fibre for fibre in network.fibres if fibre.id == "denver--toronto").jurisdictions
    assert (crossed[0], crossed[-1], "US-NE" in crossed) == ("US-CO", "CA", True)
    assert any("of the borders" in line for line in network.assumptions)


def test_positions_and_defaults(bare: str, tmp_path: Path) -> None:
    places = tmp_path / "places.csv"
    places.write_text("label,lat,lon\nDenver,39.74,-104.99\nToronto,43.65,-79.38\n3,43.7,-79.4\n", encoding="utf-8")
    out = tmp_path / "out.json"
    options = ["--positions", str(places), "--default-capacity-gbps", "10"]
    done = runner.invoke(app, ["convert", bare, str(out), *options, "--json"])
    assert done.exit_code == 0, done.output
    assert json.loads(done.output)["format"] == "rfc8345"
    network = detect.read(out.read_text(encoding="utf-8")).network
    assert network is not None
    assert {link.capacity_gbps for link in network.links} == {10}
    assert network.site[SiteId("lab")].lat == 43.7
    places.write_text("Denver,39.74\nToronto,943.65,-79.38\n", encoding="utf-8")
    wrong = runner.invoke(app, ["check", bare, "--positions", str(places)])
    assert wrong.exit_code == 2
    assert wrong.output.count("label,lat,lon in degrees") == 2


def test_export_prints_what_reads_back_equal() -> None:
    network = detect.read(network_text("us-lab")).network
    for format_ in ("native", "rfc8345"):
        done = runner.invoke(app, ["export", "us-lab", "--format", format_])
        assert done.exit_code == 0
        assert detect.read(done.output).network == network


def test_the_schema_is_printed_and_written(tmp_path: Path) -> None:
    assert runner.invoke(app, ["schema"]).output == schema_text()
    assert runner.invoke(app, ["schema", "--out", str(tmp_path / "s.json"), "--json"]).exit_code == 0
    assert (tmp_path / "s.json").read_text(encoding="utf-8") == schema_text()


@pytest.mark.parametrize("path", ["/dev/zero", "/dev/null", "/proc/self/mem", "/dev"])
def test_what_is_no_file_is_refused_at_once(path: str) -> None:
    done = runner.invoke(app, ["show", path])
    assert done.exit_code == 4, done.output
    assert not isinstance(done.exception, OSError)


def test_a_file_that_may_not_be_written(bare: str, tmp_path: Path) -> None:
    assert runner.invoke(app, ["convert", "us-lab", str(tmp_path / "no" / "x.yaml")]).exit_code == 7


def test_every_note_and_limit_is_in_the_docs() -> None:
    text = (DOCS / "network-files.md").read_text(encoding="utf-8")
    for module in (derive, graphml, nodelink):
        source = Path(os.fspath(module.__file__ or "")).read_text(encoding="utf-8")
        for code in {part.partition('"')[0] for part in source.split('"') if part.startswith(("derived-", "read-c"))}:
            assert f"`{code}`" in text, code
    assert f"{MAX_THINGS:,} sites" in text
    assert f"{MAX_LINKS:,} links" in text
    assert f"{derive.ROUTE_FACTOR:g} times the great circle" in text
