"""Pictures of the calendar in a terminal, and the same as JSON."""

from __future__ import annotations

import json
import shlex
from datetime import UTC, datetime, timedelta

from highroad.cli.calendar import chart
from highroad.wire.views import StepOut
from tests.unit.cli.conftest import Highroad


def test_the_week_is_a_picture_and_the_best_stretch_an_order(highroad: Highroad) -> None:
    made = highroad("service", "order", "campus-east", "cloud-west", "500G", "--json").json
    try:
        ran = highroad("capacity", "campus-east", "cloud-west", "--latency", "25ms", "--fence", "US")
        assert ran.code == 0
        assert "campus-east → cloud-west" in ran.out
        days = [line for line in ran.out.splitlines() if "██" in line]
        assert len(days) in (7, 8)
        assert sum(line.count("██") for line in days) == 168
        assert "█ 300 Gbit/s" in ran.out
        line = ran.out.splitlines()[-1].strip()
        assert line.startswith("highroad service order campus-east cloud-west 300G --latency 25ms --fence US")
        assert "it would be admitted" in highroad(*shlex.split(line)[1:], "--dry-run").out
        found = highroad("capacity", "campus-east", "cloud-west", "--days", "2", "--json").json
        assert len(found["hours"]) == 48
        assert found["from"] == "campus-east"
        assert {one["free_gbps"] for one in found["hours"]} == {300.0}
        full = highroad("capacity", "campus-east", "cloud-west", "--latency", "15ms", "--days", "1")
        assert "nothing is free in any hour" in full.out
        assert "· · ·" in full.out
        assert highroad("capacity", "campus-east", "cloud-west", "--days", "0").code == 2
        wrong = highroad("capacity", "campus-east", "moon", "--json")
        assert (wrong.code, json.loads(wrong.out)["findings"][0]["code"]) == (2, "unknown-site")
    finally:
        highroad("service", "release", made["id"])


def test_what_a_failure_would_do_is_a_table_and_a_sentence(highroad: Highroad) -> None:
    made = highroad("service", "order", "campus-east", "cloud-west", "100G", "--wait", "--json").json
    try:
        ran = highroad("whatif", "--cut", "pop-ash--pop-chi")
        assert ran.code == 0
        first = ran.out.splitlines()[0]
        assert first == (
            "if pop-ash--pop-chi failed (1 fibre dark): 1 of 1 services hit (1 open now), 1 carried on "
            "inside their promises, 0 slow, 0 dark; 0 unprotected afterwards"
        )
        assert "moved to another path" in ran.out
        assert made["id"] in ran.out
        bar = "███·····················  12.5% of 800 Gbit/s, 100 Gbit/s without   "
        assert any(
            line.strip().startswith(bar) and line.endswith("Z   campus-east>pop-ash") for line in ran.out.split("\n")
        )
        found = highroad("whatif", "--cut", "pop-chi--edge-chi", "--json").json
        assert found["effects"] == []
        assert "none of 1 services would notice" in highroad("whatif", "--cut", "pop-chi--edge-chi").out
        assert "dark" in highroad("whatif", "--cut", "cloud-west").out
        assert highroad("whatif", "--cut", "moon").code == 4
        assert highroad("whatif", "--cut", "pop-chi", "--as", "tenant").code == 5
        assert highroad("whatif").code == 2
        assert "1 service, 200 Gbit/s both ways" in (grown := highroad("whatif", "--grow", "1")).out, grown.out
        assert "times what is admitted now would fit" in grown.out
        much = highroad("whatif", "--grow", "20", "--add", "campus-east>cloud-west:100:9", "--cut", "pop-chi").out
        assert "20 times what is admitted with campus-east>cloud-west:100:9 more without pop-chi" in much
        assert "falls from" in much
        assert "more are carried" in much
        planned = highroad("whatif", "--grow", "20", "--json").json["planned"]
        assert planned["lost_gbps"] > 0
        assert "there is no link `moon`" in highroad("whatif", "--add", "moon:5").err
    finally:
        highroad("service", "release", made["id"])


def test_the_calendar_of_a_link_is_a_chart(highroad: Highroad) -> None:
    now = datetime.now(UTC)
    start, end = ((now + timedelta(days=days)).isoformat() for days in (2, 5))
    ends = ("service", "order", "campus-east", "cloud-west")
    made = highroad(*ends, "400G", "--start", start, "--end", end, "--json").json
    more = highroad(*ends, "5G", "--wait", "--json").json
    try:
        ran = highroad("network", "calendar", "campus-east>pop-ash")
        assert ran.code == 0
        lines = ran.out.splitlines()
        assert lines[0].startswith("campus-east>pop-ash   800 Gbit/s")
        rows = [line[12:] for line in lines[1:11]]
        assert {len(row) for row in rows} == {84}
        assert rows[0] == "·" * 84
        full = rows[5]  # reaches 400 of 800 Gbit/s
        assert (full.index("█"), full.rindex("█")) in ((23, 59), (24, 59), (23, 60), (24, 60))
        assert rows[9][0] == "▁"
        assert rows[9].count("█") == full.count("█")
        assert "least free: 395 Gbit/s" in ran.out
        assert {line.split()[0] for line in lines if line.startswith("svc-")} == {made["id"], more["id"]}
        found = highroad("network", "calendar", "campus-east>pop-ash", "--days", "1", "--json").json
        assert [(one["claimed_gbps"], one["free_gbps"]) for one in found["steps"]] == [(5.0, 795.0)]
        assert [(one["service"], one["use"], one["end"]) for one in found["holders"]] == [(more["id"], "carried", None)]
        assert "nobody holds any of it" in highroad("network", "calendar", "pop-chi>edge-chi").out
        work = highroad("drain", "pop-ash--pop-chi", "--from", start, "--until", end, "--json").json["id"]
        closed = highroad("network", "calendar", "pop-ash>pop-chi").out
        assert f"({work}); nothing is placed on it then" in " ".join(closed.split())
        highroad("undrain", work)
        assert "closed for maintenance" not in highroad("network", "calendar", "pop-ash>pop-chi").out
        wrong = highroad("network", "calendar", "campus-east>pop-as")
        assert (wrong.code, "did you mean `campus-east>pop-ash`?" in wrong.err) == (4, True)
        assert highroad("network", "calendar", "campus-east>pop-ash", "--end", "2020-01-01T00:00:00Z").code == 2
    finally:
        for one in (made, more):
            highroad("service", "release", one["id"])


def test_a_short_peak_is_not_lost_in_a_column() -> None:
    """A minute of a week, which is a 120th of a column, between two long steps; and backups above it."""
    start = datetime(2030, 1, 1, tzinfo=UTC)
    peak = start + timedelta(days=3, minutes=30)
    edges = [start, peak, peak + timedelta(minutes=1), start + timedelta(days=7)]
    needs = ((10.0, 0.0), (70.0, 20.0), (10.0, 0.0))
    steps = [
        StepOut(start=begin, end=end, claimed_gbps=claimed, reserve_gbps=reserve,
                free_gbps=100.0 - claimed - reserve, capacity_gbps=100.0)
        for begin, end, (claimed, reserve) in zip(edges[:-1], edges[1:], needs, strict=True)
    ]  # fmt: skip
    rows = [line.plain[12:] for line in chart(steps, 100.0)]
    column = "".join(row[36] for row in rows[:10])
    assert column == "·▒▒███████"
    assert {row[:36] + row[37:] for row in rows[:9]} == {"·" * 83}
    assert rows[9] == "█" * 84
    assert rows[10].split("  ")[0] == "01 Jan"


def test_metrics_are_shown_and_emitted(highroad: Highroad) -> None:
    shown = highroad("metrics", "highroad_ready")
    assert shown.code == 0, shown.err
    assert "check=store" in shown.out
    found = highroad("metrics", "highroad_ready", "--json").json["metrics"]
    assert {one["labels"]["check"] for one in found} >= {"fabric", "loop", "store"}
    assert highroad("metrics", "--as", "tenant").code == 5
    assert "no metric" in highroad("metrics", "nothing").out
