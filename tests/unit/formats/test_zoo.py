"""All 261 graphs of the Internet Topology Zoo, held against networkx; their folder is given by HIGHROAD_ZOO.

They may not enter the repository, so without the folder (beside the checkout, as CI has it) the test is skipped
outside CI.
"""

from __future__ import annotations

import io
import os
import tarfile
from collections.abc import Iterator
from pathlib import Path

import networkx as nx
import pytest

from highroad.formats import detect
from highroad.formats.rough import Rules

BESIDE = Path(__file__).parents[4] / "shared" / "data" / "zoo"
FOLDER = Path(os.environ.get("HIGHROAD_ZOO", BESIDE))

NO_PLACE_AT_ALL = {"AsnetAm", "Nsfcnet", "Padi", "Singaren", "TLex", "Twaren", "Uninet"}
"""Those of which no node is called after a city: campuses and acronyms."""


def graphs() -> Iterator[tuple[str, bytes]]:
    for archive in sorted(FOLDER.glob("*.tar.xz")):
        with tarfile.open(archive) as opened:
            for member in opened:
                file = opened.extractfile(member) if member.name.endswith(".graphml") else None
                if file is not None:
                    yield Path(member.name).stem, file.read()
    for path in sorted(FOLDER.glob("*.graphml")):
        yield path.stem, path.read_bytes()


@pytest.mark.skipif(not FOLDER.is_dir() and not os.environ.get("CI"), reason=f"there is no zoo at {FOLDER}")
def test_every_graph_loads_as_networkx_reads_it_or_says_what_to_do() -> None:
    count = 0
    refused = set()
    for name, data in graphs():
        count += 1
        graph = nx.read_graphml(io.BytesIO(data))
        loops = sum(a == b for a, b in graph.edges())
        if count % 20 == 1:
            bare = detect.read_bytes(data, name=name)
            assert [one.code for one in bare.errors] == ["no-position"], name
            assert "--positions" in bare.errors[0].message
            assert "--derive" in bare.errors[0].message
        loaded = detect.read_bytes(data, name=name, rules=Rules(derive=True))
        network = loaded.network
        if network is None:
            assert [one.code for one in loaded.errors] == ["no-position"], name
            assert "--positions" in loaded.errors[0].message
            refused.add(name)
            first = next(iter(graph))
            network = detect.read_bytes(data, rules=Rules(derive=True, positions={first: (40.2, 44.5)})).network
        assert network is not None
        assert (len(network.sites), len(network.fibres)) == (len(graph), graph.number_of_edges() - loops), name
        assert len(network.links) == len(network.opposite) == 2 * len(network.fibres)
        told = [one for one in loaded.findings if one.code == "self-loop"]
        assert name in refused or len(told) == loops
    assert count == 261
    assert refused == NO_PLACE_AT_ALL
