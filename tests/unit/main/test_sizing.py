"""docs/sizing.md says the limits that are in the code, and figures that docs/figures.md has as printed."""

from __future__ import annotations

import re
from pathlib import Path

from highroad.api.limits import Bounds
from highroad.api.pages import MOST
from highroad.api.streams import OPERATOR_STREAMS, TENANT_STREAMS
from highroad.control.planner import BATCH, WAITING
from highroad.control.quota import MOST_HOLDS
from highroad.main.fabrics import ROUTERS_BY_THEMSELVES
from highroad.model.check import MAX_CAPACITY_GBPS, MAX_LENGTH_KM
from highroad.model.recurrence import MOST_WINDOWS
from highroad.model.text import NAME_LIMIT
from highroad.offline.doctor.keeping import FEW_BYTES, LEAST_BYTES
from highroad.offline.doctor.machine import LEAST_FILES
from highroad.settings import Settings

DOCS = Path(__file__).parents[3] / "docs"
TEXT = (DOCS / "sizing.md").read_text(encoding="utf-8")


def test_limits_are_those_of_the_code() -> None:
    told = dict(re.findall(r"^\| ([a-z][^|]+?) \| ([^|]+?) \|", TEXT.partition("## How large")[0], re.MULTILINE))
    del told["limit"]
    bounds = Bounds()
    fields = Settings.model_fields
    assert told == {
        "body of a request": f"{bounds.body_bytes // 1024} kB",
        "body of a network": f"{bounds.large_body_bytes // 2**20} MB",
        "header fields, and their bytes together": f"{bounds.header_fields}, {bounds.header_bytes // 1024} kB",
        "address and query": f"{bounds.address_bytes // 1024} kB",
        "time in which a body has to arrive": f"{bounds.body_s:g} s",
        "orders that wait for the planner": f"{WAITING:,}",
        "orders in one commit": f"{BATCH}",
        "items on a page of a list": f"{MOST:,}",
        "holds of a tenant at once": f"{MOST_HOLDS}",
        "streams that are open at once": f"{TENANT_STREAMS} of a tenant, {OPERATOR_STREAMS} of operators",
        "windows of a rule within two years": f"{MOST_WINDOWS:,}",
        "length of a name": f"{NAME_LIMIT} characters",
        "length of a fibre": f"{MAX_LENGTH_KM:,.0f} km",
        "capacity of a link": f"{MAX_CAPACITY_GBPS:,.0f} Gbit/s",
        "routers of a lab that starts by itself": f"{ROUTERS_BY_THEMSELVES}",
        "services in a step of planned changes": f"{fields['step_services'].default}, or a fifth of the live ones",
    }
    assert fields["step_share"].default == 0.2
    assert (LEAST_BYTES, FEW_BYTES, LEAST_FILES) == (100 * 2**20, 2**30, 4096)


def test_figures_are_those_that_were_printed() -> None:
    printed = (DOCS / "figures.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| ([\d,]+) \| ([\d.]+) GiB \| ([\d.]+) s \|$", TEXT, re.MULTILINE)
    assert len(rows) == 3
    services, memory, start = (" / ".join(column) for column in zip(*rows, strict=True))
    assert f"started again with {services} services, from the store to the end of the first pass | {start} s" in printed
    assert f"its memory at most | {memory} GiB" in printed
    for figure in ("4,160", "14.7 MB (PSS)", "1.9 % of a core"):
        assert figure in TEXT
        assert figure in printed
