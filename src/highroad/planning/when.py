"""When a request is wanted: one window, several, or one that comes again."""

from __future__ import annotations

import math
from dataclasses import replace

from highroad.errors import Severity
from highroad.model.recurrence import MOST_WINDOWS, Recurrence, check, first_s, windows
from highroad.model.service import Request
from highroad.model.window import Window, window_of
from highroad.planning.wrong import Wrong
from highroad.units import iso_from_s

PAST_TOLERANCE_S = 60.0
"""A window may start so long ago and still mean now: clocks differ, and requests travel."""

LAST_S = 32503680000.0
"""The year 3000: what is later is a mistake."""


def when(request: Request, now_s: float, wrong: Wrong) -> tuple[Window | None, tuple[str, ...]]:
    """The window of a request, and what is to be known of it; None where something is wrong with it."""
    ways = {
        "start": request.start_s is not None or request.end_s is not None,
        "windows": bool(request.windows),
        "recurrence": request.recurrence is not None,
    }
    given = [name for name, there in ways.items() if there]
    if len(given) > 1:
        for name in given[1:]:
            wrong(
                "window-twice", name, f"give `start` and `end`, `windows` or `recurrence`, one of them: {given[0]} too"
            )
        return None, ()
    if request.recurrence is not None:
        return _recurring(request.recurrence, now_s, wrong)
    if request.windows:
        return _several(request.windows, now_s, wrong), ()
    return _one(request, now_s, wrong), ()


def _recurring(recurrence: Recurrence, now_s: float, wrong: Wrong) -> tuple[Window | None, tuple[str, ...]]:
    """Every window of the rule within two years from its start, which is what is sold of one without an end."""
    findings = check(recurrence, now_s)
    wrong.findings.extend(one for one in findings if one.severity is Severity.ERROR)
    if any(one.severity is Severity.ERROR for one in findings):
        return None, ()
    pieces = tuple(
        replace(one, start_s=max(one.start_s, now_s))
        for one in windows(recurrence, max(now_s, first_s(recurrence)))
        if one.until_s > now_s
    )
    return window_of(pieces), tuple(one.message for one in findings)


def _several(pieces: tuple[Window, ...], now_s: float, wrong: Wrong) -> Window | None:
    before = len(wrong)
    if len(pieces) > MOST_WINDOWS:
        wrong("windows-too-many", "windows", f"an order has at most {MOST_WINDOWS:,} windows, not {len(pieces):,}")
        return None
    last_s = -math.inf
    for place, piece in enumerate(pieces):
        at = f"windows[{place}]"
        if not math.isfinite(piece.start_s) or piece.end_s is None or not math.isfinite(piece.end_s):
            wrong("window-open", f"{at}.end", "each of several windows has a start and an end")
            continue
        if piece.end_s <= piece.start_s:
            wrong("window-empty", f"{at}.end", f"the window has no length: it ends at {iso_from_s(piece.end_s)}")
        elif piece.start_s < now_s - PAST_TOLERANCE_S or piece.end_s <= now_s:
            what = "is over" if piece.end_s <= now_s else "has begun"
            wrong("window-past", f"{at}.start", f"{iso_from_s(piece.start_s)} {what}: it is {iso_from_s(now_s)}")
        elif piece.end_s > LAST_S:
            wrong("window-far", f"{at}.end", "the window would end after the year 3000")
        if piece.start_s < last_s:
            wrong(
                "windows-overlap",
                at,
                f"windows are in order and do not overlap: the one before ends {iso_from_s(last_s)}",
            )
        last_s = max(last_s, piece.end_s)
    if len(wrong) != before:
        return None
    return window_of(tuple(replace(one, start_s=max(one.start_s, now_s)) for one in pieces))


def _one(request: Request, now_s: float, wrong: Wrong) -> Window | None:
    start, end = request.start_s, request.end_s
    before = len(wrong)
    for time_s, place in ((start, "start"), (end, "end")):
        if time_s is not None and not math.isfinite(time_s):
            wrong("window-not-a-time", place, f"a window starts and ends at a time, not at {time_s}")
    if len(wrong) != before:
        return None
    if start is not None and not now_s - PAST_TOLERANCE_S <= start <= LAST_S:
        if start < now_s:
            wrong(
                "window-past",
                "start",
                f"the window would start at {iso_from_s(start)}, which is over: it is {iso_from_s(now_s)}",
            )
        else:
            wrong("window-far", "start", "the window would start after the year 3000")
    if end is not None:
        since = now_s if start is None else start
        if end <= since:
            wrong(
                "window-empty",
                "end",
                f"the window has no length: it would end at {iso_from_s(end)}, "
                f"{'at' if end == since else 'before'} its start {iso_from_s(since)}",
            )
        elif end <= now_s:
            wrong("window-past", "end", f"the window would end at {iso_from_s(end)}, which is over")
        elif end > LAST_S:
            wrong(
                "window-far",
                "end",
                "the window would end after the year 3000; leave `end` out for an open one",
            )
    if len(wrong) != before:
        return None
    return Window(start_s=now_s if start is None else max(start, now_s), end_s=end)
