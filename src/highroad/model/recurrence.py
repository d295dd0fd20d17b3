"""A window that comes again: a rule of RFC 5545, a time zone, the first start by the clock there, and a length.

The times of day are those of clocks in the time zone, all year round. When clocks change (RFC 5545, 3.3.5):

- a start in the hour that is skipped is read with the offset before the gap: 02:30 is then 03:30;
- a start in the hour that comes twice is the first of the two.

A length is elapsed time: four hours are four hours, also where clocks show three or five in between. `check` tells of
each of these nights in the two years that it looks ahead. FREQ=HOURLY counts the hours that clocks show.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from itertools import islice, pairwise
from zoneinfo import ZoneInfo, available_timezones

from dateutil import rrule as library

from highroad.errors import Finding, Invalid, Severity, did_you_mean
from highroad.model.rule import Frequency, Rule, parse
from highroad.model.window import Window
from highroad.units import iso_from_s

HORIZON_S = 731 * 86400.0
"""How far ahead a rule is checked and its windows are told: two years, one of which may be a leap year."""

MOST_WINDOWS = 1000
"""The most windows that a rule may have within the horizon."""

NIGHTS_NAMED = 8
"""So many nights are named in a sentence."""

FIRST_START, LAST_START = datetime(1970, 1, 1), datetime(3000, 1, 1)  # noqa: DTZ001
"""What starts outside of these is a mistake."""

_LONGEST_GAP = timedelta(days=1)
"""What a clock ever skipped at once: Samoa, the whole of 30 December 2011."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recurrence:
    """A window that comes again. It may hold anything that a caller can send: `check` says what is wrong with it.

    `start` is by the clock in `time_zone`, without an offset, and is where the rule counts from; `duration_s` is
    elapsed time.
    """

    rule: str
    time_zone: str
    start: datetime
    duration_s: float


def windows(recurrence: Recurrence, from_s: float, horizon_s: float = HORIZON_S) -> tuple[Window, ...]:
    """The windows that end after a time and start within the horizon from it, in order, none twice.

    Raises Invalid for a recurrence that means nothing. What `check` forbids for its amount is told all the same.
    """
    rule, zone, wrong = _read(recurrence)
    if rule is None or zone is None or wrong:
        raise Invalid(wrong)
    starts = sorted({start_s for start_s, _ in _starts(recurrence, rule, zone, from_s, horizon_s)})
    length_s = recurrence.duration_s
    return tuple(Window(start_s=start_s, end_s=start_s + length_s) for start_s in starts)


def check(recurrence: Recurrence, now_s: float) -> list[Finding]:
    """Everything that is wrong with a recurrence, and a warning for what the clocks' changes do to it."""
    rule, zone, findings = _read(recurrence)
    if rule is None or zone is None or findings:
        return findings
    from_s = max(now_s, _instant(recurrence.start, zone))
    told = sorted(islice(_starts(recurrence, rule, zone, from_s, HORIZON_S), MOST_WINDOWS + 1))
    if not told:
        return [_none(recurrence, rule, zone, from_s, now_s)]
    first = next(_walls(rule, recurrence.start, recurrence.start, told[0][1]), told[0][1])
    if first != recurrence.start:
        findings.append(
            _warning("recurrence-start", "recurrence.start", f"the rule skips the start: its first is {_clock(first)}")
        )
    if len(told) > MOST_WINDOWS:
        last = datetime.fromtimestamp(told[MOST_WINDOWS - 1][0], UTC)
        message = (
            f"the rule has more than {MOST_WINDOWS:,} windows within two years: "
            f"end it with UNTIL={last:%Y%m%dT%H%M%SZ}, or let it recur less often"
        )
        findings.append(Finding(code="recurrence-too-many", place="recurrence.rule", message=message))
    findings.extend(_overlap(recurrence, told))
    together = [(wall, wall) for (a, _), (b, wall) in pairwise(told) if a == b]
    if together:
        message = (
            f"the window of {_clock(together[0][0])} falls together with the one before it when clocks change: "
            f"both are one{_more(together)}"
        )
        findings.append(_warning("clock-joins", "recurrence.start", message))
    findings.extend(_clock_changes(recurrence, zone, told[:MOST_WINDOWS]))
    return findings


def first_s(recurrence: Recurrence) -> float:
    """The instant of the start, whether or not the rule names it. Raises Invalid as `windows` does."""
    _, zone, wrong = _read(recurrence)
    if zone is None or wrong:
        raise Invalid(wrong)
    return _instant(recurrence.start, zone)


@cache
def zone_names() -> frozenset[str]:
    """Every time zone that there is a name for."""
    return frozenset(available_timezones()) - {"Factory", "localtime"}


def _read(recurrence: Recurrence) -> tuple[Rule | None, ZoneInfo | None, list[Finding]]:
    findings: list[Finding] = []
    zone = ZoneInfo(recurrence.time_zone) if recurrence.time_zone in zone_names() else None
    rule, wrong = parse(recurrence.rule, zone)
    findings.extend(wrong)
    if zone is None:
        findings.append(_unknown_zone(recurrence.time_zone))
    start, length_s = recurrence.start, recurrence.duration_s
    if start.tzinfo is not None:
        there = f": {_clock(start.astimezone(zone))} there" if zone is not None else ""
        message = f"the start is by the clock in time_zone: leave the offset out{there}"
        findings.append(Finding(code="recurrence-start", place="recurrence.start", message=message))
    elif not FIRST_START <= start <= LAST_START:
        message = f"a window starts between 1970 and the year 3000, not at {start.isoformat()}"
        findings.append(Finding(code="recurrence-start", place="recurrence.start", message=message))
    elif start.microsecond:
        message = f"a window starts at a whole second: {_clock(start)}"
        findings.append(Finding(code="recurrence-start", place="recurrence.start", message=message))
    if not (math.isfinite(length_s) and 0 < length_s <= HORIZON_S):
        message = f"a window lasts more than 0 s and at most two years, not {length_s:g} s"
        findings.append(Finding(code="recurrence-duration", place="recurrence.duration_s", message=message))
    return rule, zone, findings


def _starts(
    recurrence: Recurrence, rule: Rule, zone: ZoneInfo, from_s: float, horizon_s: float
) -> Iterator[tuple[float, datetime]]:
    """The instant and the wall clock of each start, nearly in order: a gap can exchange neighbours, or join them."""
    since_s, until_s = from_s - recurrence.duration_s, from_s + horizon_s
    since = max(recurrence.start, _wall(since_s, zone) - _LONGEST_GAP)
    last_s = until_s if rule.until_s is None else min(until_s, rule.until_s)
    for wall in _walls(rule, recurrence.start, since, _wall(last_s, zone) + _LONGEST_GAP):
        start_s = _instant(wall, zone)
        if since_s < start_s < until_s and (rule.until_s is None or start_s <= rule.until_s):
            yield start_s, wall


def _walls(rule: Rule, start: datetime, since: datetime, until: datetime) -> Iterator[datetime]:
    """The wall-clock starts in [since, until], in order; COUNT is kept, UNTIL is not looked at.

    The library is asked only where it must answer soon: a rule that never comes would have it look up to the year
    9999, a hundred thousand times. So it gets no part that could leave a day, a week or a month empty for long.
    """
    begin = start if rule.count is not None else since
    by = _by_period if rule.frequency in (Frequency.YEARLY, Frequency.MONTHLY) else _by_step
    after = (wall for wall in by(rule, start, begin, until) if wall >= start)
    for wall in after if rule.count is None else islice(after, rule.count):
        if wall > until:
            return
        if wall >= since:
            yield wall


def _by_step(rule: Rule, start: datetime, since: datetime, until: datetime) -> Iterator[datetime]:
    """Hours, days and weeks, from a step that is in phase with the start."""
    hourly, weekly = rule.frequency is Frequency.HOURLY, rule.frequency is Frequency.WEEKLY
    base = start.replace(hour=start.hour if hourly else 0, minute=0, second=0)
    if weekly:
        base -= timedelta(days=(start.weekday() - rule.week_start) % 7)
    step = rule.interval * timedelta(hours=1 if hourly else 168 if weekly else 24)
    base += max(0, (since - base) // step) * step
    hours = rule.hours or (None if hourly else (start.hour,))
    minutes = rule.minutes or (start.minute,)
    days = tuple(day for _, day in rule.week_days)
    most = len(minutes) * (1 if hours is None or hourly else len(hours)) * (max(1, len(days)) if weekly else 1)
    positions = tuple(position for position in rule.positions if abs(position) <= most)
    if rule.positions and not positions:
        return
    try:
        steps = library.rrule(
            library.HOURLY if hourly else library.WEEKLY if weekly else library.DAILY,
            dtstart=base,
            interval=rule.interval,
            wkst=rule.week_start,
            until=until,
            bysetpos=positions or None,
            bymonth=(rule.months or None) if weekly else None,
            byweekday=(days or (start.weekday(),)) if weekly else None,
            byhour=hours,
            byminute=minutes,
            bysecond=start.second,
        )
    except ValueError:  # no hour that the interval reaches is in BYHOUR
        return
    for wall in steps:
        if weekly or _on_day(rule, days, wall):
            yield wall


def _on_day(rule: Rule, days: tuple[int, ...], wall: datetime) -> bool:
    """Whether the parts that name days allow this one, where they only limit (FREQ=DAILY and HOURLY)."""
    if rule.months and wall.month not in rule.months:
        return False
    if days and wall.weekday() not in days:
        return False
    if rule.month_days:
        length = (wall.replace(day=28) + timedelta(days=4)).replace(day=1) - timedelta(days=1)
        if wall.day not in rule.month_days and wall.day - length.day - 1 not in rule.month_days:
            return False
    if rule.year_days:
        of_year, length_of_year = (each.timetuple().tm_yday for each in (wall, wall.replace(month=12, day=31)))
        return of_year in rule.year_days or of_year - length_of_year - 1 in rule.year_days
    return True


def _by_period(rule: Rule, start: datetime, since: datetime, until: datetime) -> Iterator[datetime]:
    """Months and years, each asked for on its own: with a step that leads past the year 9999, the library stops."""
    monthly = rule.frequency is Frequency.MONTHLY
    months, month_days, week_days = rule.months, rule.month_days, rule.week_days
    if not (month_days or week_days or rule.year_days):
        if rule.week_numbers:
            week_days = ((0, start.weekday()),)
        else:
            months = months or (() if monthly else (start.month,))
            month_days = (start.day,)
    if any(ordinal for ordinal, _ in week_days):  # the library would take `MO,2TU` for a day that is both
        every = range(1, 6 if monthly or months else 54)
        week_days = tuple((n, day) for ordinal, day in week_days for n in ((ordinal,) if ordinal else every))
    unit = 1 if monthly else 12
    period = start.year * 12 + (start.month - 1 if monthly else 0)
    passed = since.year * 12 + (since.month - 1 if monthly else 0) - period
    period += max(0, passed // (rule.interval * unit)) * rule.interval * unit
    while period < 12 * 9999 and (begins := datetime(period // 12, period % 12 + 1, 1)) <= until:  # noqa: DTZ001
        yield from library.rrule(
            library.MONTHLY if monthly else library.YEARLY,
            dtstart=begins,
            interval=10_000 * 12 // unit,
            wkst=rule.week_start,
            bysetpos=rule.positions or None,
            bymonth=months or None,
            bymonthday=month_days or None,
            byyearday=rule.year_days or None,
            byweekno=rule.week_numbers or None,
            byweekday=[library.weekday(day, ordinal or None) for ordinal, day in week_days] or None,
            byhour=rule.hours or start.hour,
            byminute=rule.minutes or start.minute,
            bysecond=start.second,
        )
        period += rule.interval * unit


def _instant(wall: datetime, zone: ZoneInfo) -> float:
    """RFC 5545, 3.3.5, which is what `fold=0` means: the offset before a gap, the first of two."""
    return wall.replace(tzinfo=zone, fold=0).timestamp()


def _wall(at_s: float, zone: ZoneInfo) -> datetime:
    return datetime.fromtimestamp(max(-6e10, min(at_s, 2.4e11)), zone).replace(tzinfo=None, fold=0)


def _none(recurrence: Recurrence, rule: Rule, zone: ZoneInfo, from_s: float, now_s: float) -> Finding:
    if rule.until_s is not None and rule.until_s < _instant(recurrence.start, zone):
        why = f"UNTIL, {iso_from_s(rule.until_s)}, is before the start"
    elif _is_over(recurrence, rule, zone, now_s):
        why = f"its last window was over before {iso_from_s(now_s)}"
    else:
        why = f"nothing that it names comes between {iso_from_s(from_s)} and {iso_from_s(from_s + HORIZON_S)}"
    return Finding(code="recurrence-empty", place="recurrence.rule", message=f"the rule has no window: {why}")


def _is_over(recurrence: Recurrence, rule: Rule, zone: ZoneInfo, now_s: float) -> bool:
    """Whether a rule that has a last window had it before now."""
    if rule.until_s is not None:
        return rule.until_s < now_s
    if rule.count is None or now_s <= _instant(recurrence.start, zone):
        return False
    told = list(islice(_walls(rule, recurrence.start, recurrence.start, _wall(now_s, zone)), rule.count))
    return len(told) == rule.count


def _overlap(recurrence: Recurrence, told: list[tuple[float, datetime]]) -> Iterator[Finding]:
    apart = [(b - a, at) for (a, at), (b, _) in pairwise(told) if b > a]
    nearest_s, at = min(apart, default=(math.inf, recurrence.start))
    if nearest_s < recurrence.duration_s:
        message = (
            f"windows would overlap: after {_clock(at)} the next starts {nearest_s:,.0f} s later, "
            f"and each lasts {recurrence.duration_s:,.0f} s; the longest that fits is {nearest_s:,.0f}"
        )
        yield Finding(code="recurrence-overlaps", place="recurrence.duration_s", message=message)


def _clock_changes(recurrence: Recurrence, zone: ZoneInfo, told: list[tuple[float, datetime]]) -> Iterator[Finding]:
    skipped, twice, across = [], [], []
    for start_s, wall in told:
        starts = datetime.fromtimestamp(start_s, zone)
        ends, in_it = (datetime.fromtimestamp(start_s + recurrence.duration_s - d, zone) for d in (0, 1e-3))
        if starts.replace(tzinfo=None) != wall:
            skipped.append((wall, starts))
        elif wall.replace(tzinfo=zone, fold=1).utcoffset() != starts.utcoffset():
            twice.append((wall, starts))
        if starts.utcoffset() != in_it.utcoffset():
            across.append((wall, ends))
    key = zone.key
    if skipped:
        wall, starts = skipped[0]
        yield _warning(
            "clock-skips",
            "recurrence.start",
            f"{_clock(wall)} is skipped by the clocks of {key}, and that window starts at {starts:%H:%M} by the new "
            f"time{_more(skipped)}; a start at {_before(starts, wall):%H:%M} or {starts:%H:%M} is not skipped",
        )
    if twice:
        wall, starts = twice[0]
        yield _warning(
            "clock-repeats",
            "recurrence.start",
            f"{_clock(wall)} comes twice by the clocks of {key}, and that window starts at the first, "
            f"{iso_from_s(starts.timestamp())}{_more(twice)}",
        )
    if across:
        wall, ends = across[0]
        yield _warning(
            "clock-changes",
            "recurrence.duration_s",
            f"clocks of {key} change during the window of {_clock(wall)}: it lasts {recurrence.duration_s:,.0f} s all "
            f"the same, until {_clock(ends)} there{_more(across)}",
        )


def _before(starts: datetime, wall: datetime) -> datetime:
    """The time by the clock that is as far before the one that is skipped as the gap is long."""
    return wall - (starts.replace(tzinfo=None) - wall)


def _more(nights: list[tuple[datetime, datetime]]) -> str:
    """The other nights by their dates; of very many, how many."""
    others = [f"{wall:%Y-%m-%d}" for wall, _ in nights[1:]]
    if not others:
        return ""
    if len(others) > NIGHTS_NAMED:
        others = [*others[:NIGHTS_NAMED], f"{len(others) - NIGHTS_NAMED} more"]
    return f" (so too {', '.join(others)})"


def _unknown_zone(name: str) -> Finding:
    if not (name.isascii() and name.isprintable() and name):
        shown = "a name such as `Europe/Berlin` is what a time zone has (IANA)"
        return Finding(code="time-zone-unknown", place="recurrence.time_zone", message=shown)
    city = [one for one in sorted(zone_names()) if one.rpartition("/")[2].lower() == name.lower().replace(" ", "_")]
    hint = f"; did you mean `{city[0]}`?" if city else did_you_mean(name, sorted(zone_names()))
    message = f"there is no time zone `{name[:60]}`{hint}"
    return Finding(code="time-zone-unknown", place="recurrence.time_zone", message=message)


def _warning(code: str, place: str, message: str) -> Finding:
    return Finding(code=code, place=place, message=message, severity=Severity.WARNING)


def _clock(wall: datetime) -> str:
    return wall.strftime("%Y-%m-%d %H:%M")
