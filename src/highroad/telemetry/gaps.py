"""What services' counters stood at when they were kept last, so that what they climbed by unwatched is not forgotten.

While nobody watched (the controller was away, its keeper had died, a sample was dropped), minutes have nothing, and
nothing is filled in. But counters went on: between the last sample that was kept and the next one they climbed by what
was lost and dark in that time. That is a row of its own, of `Subject.GAP`, at the sample that ended it. Counters that
went back began anew meanwhile: then it is not known, and that is what the row says.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from highroad.model.tracks import Subject, series_of
from highroad.telemetry.rows import Rows

LEAST_MS = 500.0
"""Less than that between two samples is nobody's gap: it is how samples and clocks jitter."""

PERSIST_EACH_S = 60.0
"""How often counters are written that only say that they climb; those of loss and darkness are when they change."""

FORGOTTEN_S = 31 * 86_400.0
"""Of what was seen last so long ago nothing is remembered."""

TOTALS = ("offered_bytes", "lost_bytes", "dark_ms")
TABLE = "counters"
CREATE = (
    f"CREATE TABLE IF NOT EXISTS {TABLE} (id INTEGER, batch BIGINT, t DOUBLE, offered DOUBLE, lost DOUBLE, dark DOUBLE)"
)
INSERT = f"INSERT INTO {TABLE} SELECT id, ?, t, offered, lost, dark FROM stand"  # noqa: S608
FORGET = f"DELETE FROM {TABLE}"  # noqa: S608
NEWEST = (
    f"SELECT id, t, offered, lost, dark FROM {TABLE} "  # noqa: S608
    "QUALIFY row_number() OVER (PARTITION BY id ORDER BY batch DESC) = 1"
)

Ids = NDArray[np.int32]
Doubles = NDArray[np.float64]
Stand = dict[str, NDArray[np.int32] | NDArray[np.float64]]
"""Columns of what is written: `id`, `t` and the counters."""


class Last:
    """By the number of a service: when it was seen last, and at what its counters stood; NaN where it never was."""

    def __init__(self) -> None:
        self._seen_s = np.full(0, np.nan)
        self._stood = np.full((0, len(TOTALS)), np.nan)
        self._written = np.full((0, len(TOTALS)), np.nan)
        self._written_s = float("-inf")

    def recall(self, ids: Ids, seen_s: Doubles, stood: Doubles) -> None:
        """What was written before."""
        self._reach(ids)
        self._seen_s[ids], self._stood[ids], self._written[ids] = seen_s, stood, stood

    def gaps(self, ids: Ids, rows: Rows) -> Rows | None:
        """What nobody watched that these rows end, of those services that have some."""
        self._reach(ids)
        now = _totals(rows)
        before, apart_ms = self._stood[ids], (rows.at_s - self._seen_s[ids]) * 1000.0
        watched_ms = rows.columns["watched_ms"].astype(np.float64)
        gap_ms = apart_ms - np.nan_to_num(watched_ms)
        with np.errstate(invalid="ignore"):
            found = (apart_ms > 0) & (np.isnan(watched_ms) | (gap_ms > LEAST_MS))
            anew = (now < before).any(axis=1)
        if not found.any():
            return None
        climbed = np.maximum(0.0, now - before)
        lost = climbed[:, 1] - np.nan_to_num(rows.columns["lost_bytes"])
        dark_ms = climbed[:, 2] - np.nan_to_num(rows.columns["dark_ms"])
        figures = {
            "gap_ms": gap_ms,
            "gap_lost_bytes": np.where(anew, np.nan, np.maximum(0.0, lost)),
            "gap_dark_ms": np.where(anew, np.nan, np.clip(dark_ms, 0.0, gap_ms)),
            "gap_restarted": anew,
        }
        columns = {name: figures[name][found].astype(np.float32) for name in series_of(Subject.GAP)}
        names = [name for name, is_one in zip(rows.names, found.tolist(), strict=True) if is_one]
        return Rows(subject=Subject.GAP, names=names, at_s=rows.at_s[found], columns=columns)

    def to_write(self, ids: Ids, rows: Rows) -> Stand | None:
        """Of these rows what has to be written beside them, so that the next process knows at what counters stood."""
        now = _totals(rows)
        at_s = float(rows.at_s.max())
        changed = ~(now[:, 1:] == self._written[ids][:, 1:]).all(axis=1)
        if abs(at_s - self._written_s) >= PERSIST_EACH_S:
            changed[:] = True
        if not changed.any():
            return None
        return _stand(ids[changed], rows.at_s[changed], now[changed])

    def took(self, ids: Ids, rows: Rows, written: Stand | None) -> None:
        """These rows are kept, and with them what had to be written."""
        self._seen_s[ids], self._stood[ids] = rows.at_s, _totals(rows)
        if written is not None:
            some = written["id"]
            self._written[some] = self._stood[some]
            if len(some) == len(ids):
                self._written_s = float(rows.at_s.max())

    def all(self, now_s: float) -> Stand:
        """All that is remembered, and is not to be forgotten by now."""
        (ids,) = np.nonzero(self._seen_s >= now_s - FORGOTTEN_S)
        return _stand(ids.astype(np.int32), self._seen_s[ids], self._stood[ids])

    def _reach(self, ids: Ids) -> None:
        missing = (int(ids.max()) + 1 if len(ids) else 0) - len(self._seen_s)
        if missing > 0:
            more = missing + len(self._seen_s) // 2
            self._seen_s = np.concatenate([self._seen_s, np.full(more, np.nan)])
            self._stood = np.concatenate([self._stood, np.full((more, len(TOTALS)), np.nan)])
            self._written = np.concatenate([self._written, np.full((more, len(TOTALS)), np.nan)])


def _totals(rows: Rows) -> Doubles:
    return np.stack([rows.totals[name] for name in TOTALS], axis=1)


def _stand(ids: Ids, at_s: Doubles, totals: Doubles) -> Stand:
    columns = {name: np.ascontiguousarray(totals[:, at]) for at, name in enumerate(("offered", "lost", "dark"))}
    return {"id": ids, "t": np.ascontiguousarray(at_s), **columns}
