"""What `highroad doctor` says of figures over time."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

from highroad.model.tracks import Keeping
from highroad.offline.doctor.figures import telemetry
from highroad.offline.doctor.said import Verdict

NOW_S = 1_800_000_000.0


def said(folder: Path, keeping: Keeping, at_s: float = NOW_S) -> tuple[Verdict, str]:
    (folder / "status.json").write_text(json.dumps({"at_s": at_s, **asdict(keeping)}))
    found = telemetry(folder, 100, NOW_S + 5)
    return found.verdict, found.found


def test_it_says_how_figures_are_kept(tmp_path: Path) -> None:
    assert telemetry(tmp_path, 0).verdict is Verdict.NOTHING
    assert telemetry(tmp_path, 100).verdict is Verdict.NOTHING
    fine = Keeping(size_bytes=3 << 20, limit_bytes=100 << 20)
    assert said(tmp_path, fine) == (Verdict.GOOD, "3 of 100 MiB")
    full = Keeping(amiss="samples cannot be kept: No space left on device", limit_bytes=100 << 20)
    assert said(tmp_path, full)[0] is Verdict.WRONG
    assert said(tmp_path, full, NOW_S - 500)[0] is Verdict.NOTHING
    assert said(tmp_path, Keeping(remote_amiss="it answers 500", limit_bytes=1))[0] is Verdict.ODD
    assert said(tmp_path, Keeping(given_up=2, limit_bytes=1))[0] is Verdict.ODD
    aside = tmp_path / "minutes" / "link" / "20261128-7.parquet.damaged"
    aside.parent.mkdir(parents=True)
    aside.touch()
    verdict, found = said(tmp_path, Keeping(limit_bytes=1))
    assert (verdict, "1 damaged file is set aside" in found) == (Verdict.ODD, True)
    (tmp_path / "status.json").write_text("[")
    assert telemetry(tmp_path, 100).verdict is Verdict.ODD
