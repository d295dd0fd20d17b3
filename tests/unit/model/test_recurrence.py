"""Recurring windows against a plain enumeration of every quarter of an hour, and what is said of a bad rule."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from itertools import count, groupby, pairwise, takewhile
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from highroad.errors import Finding, Invalid, Severity, errors_in
from highroad.model.recurrence import MOST_WINDOWS, Recurrence, check, windows
from highroad.model.rule import WEEKDAYS, Frequency, Rule, parse

NEW_YORK, BERLIN, LORD_HOWE, APIA = "America/New_York", "Europe/Berlin", "Australia/Lord_Howe", "Pacific/Apia"


def at(text: str, zone: str = "UTC") -> float:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).timestamp()


def recurrence(rule: str, start: str, zone: str = NEW_YORK, hours: float = 1.0) -> Recurrence:
    return Recurrence(rule=rule, time_zone=zone, start=datetime.fromisoformat(start), duration_s=hours * 3600)


def starts(one: Recurrence, from_s: float = 0.0, horizon_s: float = 4e9) -> list[str]:
    return [
        datetime.fromtimestamp(window.start_s, UTC).isoformat(timespec="minutes").removesuffix("+00:00")
        for window in windows(one, from_s, horizon_s)
    ]


def codes(findings: list[Finding]) -> list[str]:
    return [finding.code for finding in findings]


# --- the oracle: shares no code with the library, walks every day and every quarter of an hour


def naive_instant(wall: datetime, zone: ZoneInfo) -> float:
    """The first instant at which clocks show it; where none do, the offset of the day before."""
    near = wall.replace(tzinfo=UTC)
    offsets = {(near + timedelta(hours=h)).astimezone(zone).utcoffset() for h in (-48, -24, -6, 0, 6, 24, 48)}
    shown = [near - o for o in offsets if o is not None and (near - o).astimezone(zone).replace(tzinfo=None) == wall]
    if shown:
        return min(shown).timestamp()
    before = (near - timedelta(hours=26)).astimezone(zone).utcoffset()
    assert before is not None
    return (near - before).timestamp()


def week_of(day: date, week_start: int) -> tuple[date, int, int]:
    """The first day of its week, the number of the week, and the same counted from the end of the week's year."""
    first = day - timedelta(days=(day.weekday() - week_start) % 7)
    fourth = first + timedelta(days=3)
    number = (fourth - date(fourth.year, 1, 1)).days // 7 + 1
    last = number
    while (fourth := fourth + timedelta(weeks=1)).year == (first + timedelta(days=3)).year:
        last += 1
    return first, number, number - last - 1


def period_of(rule: Rule, wall: datetime) -> int:
    day = wall.date()
    match rule.frequency:
        case Frequency.YEARLY:
            return wall.year
        case Frequency.MONTHLY:
            return wall.year * 12 + wall.month
        case Frequency.WEEKLY:
            return (day - timedelta(days=(day.weekday() - rule.week_start) % 7)).toordinal() // 7
        case Frequency.DAILY:
            return day.toordinal()
        case Frequency.HOURLY:
            return day.toordinal() * 24 + wall.hour


def on_day(rule: Rule, start: datetime, day: date) -> bool:
    month_length = ((day.replace(day=28) + timedelta(days=4)).replace(day=1) - timedelta(days=1)).day
    year_length = date(day.year, 12, 31).timetuple().tm_yday
    of_year = day.timetuple().tm_yday
    _, week, week_from_end = week_of(day, rule.week_start) if rule.week_numbers else (day, 0, 0)
    named = rule.month_days or rule.week_days or rule.year_days or rule.week_numbers
    if rule.months and day.month not in rule.months:
        return False
    if rule.month_days and not {day.day, day.day - month_length - 1} & set(rule.month_days):
        return False
    if rule.year_days and not {of_year, of_year - year_length - 1} & set(rule.year_days):
        return False
    if rule.week_numbers and not {week, week_from_end} & set(rule.week_numbers):
        return False
    if rule.week_days:
        in_month = rule.frequency is Frequency.MONTHLY or bool(rule.months)
        nth, length = (day.day, month_length) if in_month else (of_year, year_length)
        ordinals = {0, (nth - 1) // 7 + 1, -((length - nth) // 7 + 1)}
        if not any(day.weekday() == weekday and ordinal in ordinals for ordinal, weekday in rule.week_days):
            return False
    match rule.frequency:
        case Frequency.YEARLY if not named:
            return day.day == start.day and (bool(rule.months) or day.month == start.month)
        case Frequency.YEARLY if rule.week_numbers and not (rule.month_days or rule.week_days or rule.year_days):
            return day.weekday() == start.weekday()
        case Frequency.MONTHLY if not named:
            return day.day == start.day
        case Frequency.WEEKLY if not rule.week_days:
            return day.weekday() == start.weekday()
        case _:
            return True


def naive_walls(rule: Rule, start: datetime, far: datetime) -> Iterator[datetime]:
    hourly = rule.frequency is Frequency.HOURLY
    hours = rule.hours or (range(24) if hourly else (start.hour,))
    minutes = rule.minutes or (start.minute,)
    first = start.date().replace(month=1, day=1) - timedelta(days=7)
    days = takewhile(lambda day: day <= far.date(), (first + timedelta(days=n) for n in count()))
    named = (
        datetime(day.year, day.month, day.day, hour, minute, start.second)  # noqa: DTZ001
        for day in days
        if on_day(rule, start, day)
        for hour in hours
        for minute in minutes
    )
    found = 0
    for period, group in groupby(named, key=lambda wall: period_of(rule, wall)):
        if (period - period_of(rule, start)) % rule.interval:
            continue
        members = list(group)
        if rule.positions:
            chosen = {p - 1 if p > 0 else len(members) + p for p in rule.positions}
            members = [members[index] for index in sorted(chosen) if 0 <= index < len(members)]
        for wall in members:
            if wall >= start:
                found += 1
                if rule.count is not None and found > rule.count:
                    return
                yield wall


def naive_windows(one: Recurrence, rule: Rule, from_s: float, horizon_s: float) -> list[tuple[float, float]]:
    zone = ZoneInfo(one.time_zone)
    far = datetime.fromtimestamp(from_s + horizon_s, UTC).replace(tzinfo=None) + timedelta(days=400)
    near = datetime.fromtimestamp(from_s - one.duration_s, UTC).replace(tzinfo=None) - timedelta(days=2)
    found = {naive_instant(wall, zone) for wall in naive_walls(rule, one.start, far) if near <= wall <= far}
    return [
        (start_s, start_s + one.duration_s)
        for start_s in sorted(found)
        if start_s + one.duration_s > from_s
        and start_s < from_s + horizon_s
        and (rule.until_s is None or start_s <= rule.until_s)
    ]


@st.composite
def rules(draw: st.DrawFn) -> str:
    def some(values: range | list[int], most: int = 3) -> str:
        chosen = draw(st.lists(st.sampled_from(list(values)), min_size=1, max_size=most, unique=True))
        return ",".join(map(str, chosen))

    frequency = draw(st.sampled_from(list(Frequency)))
    parts = [f"FREQ={frequency}"]
    yearly, monthly = frequency is Frequency.YEARLY, frequency is Frequency.MONTHLY
    lists: dict[str, str] = {}
    for part, values, allowed in (
        ("BYMONTH", range(1, 13), True),
        ("BYWEEKNO", [*range(1, 54), *range(-50, 0)], yearly),
        ("BYYEARDAY", [1, 32, 60, 61, 100, 365, 366, -1, -306, -366], yearly or frequency is Frequency.HOURLY),
        ("BYMONTHDAY", [1, 8, 13, 29, 30, 31, -1, -2, -31], frequency is not Frequency.WEEKLY),
        ("BYHOUR", range(24), True),
        ("BYMINUTE", range(0, 60, 15), True),
    ):
        if allowed and draw(st.integers(0, 3)) == 0:
            lists[part] = some(values)
    if draw(st.booleans()):
        numbered = (yearly or monthly) and "BYWEEKNO" not in lists
        most = 5 if monthly or "BYMONTH" in lists else 53
        ordinal = st.sampled_from(["", "", *map(str, [1, 2, 3, 4, 5, -1, -2, -5, most, -most])] if numbered else [""])
        days = draw(st.lists(st.tuples(ordinal, st.sampled_from(WEEKDAYS)), min_size=1, max_size=4))
        lists["BYDAY"] = ",".join("".join(day) for day in days)
    if lists and draw(st.integers(0, 3)) == 0:
        lists["BYSETPOS"] = some([1, 2, 3, 5, 9, -1, -2, -4])
    parts += [f"{part}={value}" for part, value in lists.items()]
    if draw(st.booleans()):
        parts.append(f"INTERVAL={draw(st.integers(1, 14))}")
    if draw(st.booleans()):
        parts.append(f"WKST={draw(st.sampled_from(WEEKDAYS))}")
    end = draw(st.integers(0, 2))
    if end == 1:
        parts.append(f"COUNT={draw(st.integers(1, 40))}")
    elif end == 2:
        until = datetime(2026, 3, 1) + timedelta(minutes=15 * draw(st.integers(0, 4 * 24 * 500)))  # noqa: DTZ001
        parts.append(f"UNTIL={until:%Y%m%dT%H%M%S}Z")
    return ";".join(draw(st.permutations(parts)))


quarters = st.integers(0, 4 * 24 * 400).map(lambda n: datetime(2026, 1, 1) + timedelta(minutes=15 * n))  # noqa: DTZ001
nights = st.sampled_from(["2026-03-08T02:30", "2026-11-01T01:30", "2026-03-29T02:15", "2026-10-25T02:45",
                          "2026-04-05T01:45", "2026-10-04T02:15"]).map(datetime.fromisoformat)  # fmt: skip


@settings(max_examples=200, deadline=None)
@given(
    text=rules(),
    zone=st.sampled_from(["UTC", NEW_YORK, BERLIN, LORD_HOWE, "Asia/Kolkata"]),
    start=st.one_of(quarters, nights),
    hours=st.sampled_from([0.25, 1, 6, 30]),
    from_day=st.integers(0, 600),
    horizon_days=st.sampled_from([1, 40, 400]),
)
@example("FREQ=HOURLY;BYMINUTE=0,30", NEW_YORK, datetime(2026, 3, 7, 12), 0.25, 60, 40)  # noqa: DTZ001
@example("FREQ=WEEKLY;BYDAY=MO,WE,FR;BYSETPOS=1", "UTC", datetime(2026, 1, 7, 12), 1, 0, 40)  # noqa: DTZ001
@example("FREQ=MONTHLY;BYDAY=MO,2TU", "UTC", datetime(2026, 1, 7, 12), 1, 0, 40)  # noqa: DTZ001
@example("FREQ=DAILY;BYMONTHDAY=-1,-2", "UTC", datetime(2026, 1, 7, 12), 1, 0, 40)  # noqa: DTZ001
@example("FREQ=YEARLY;BYWEEKNO=20,53", BERLIN, datetime(2026, 1, 7, 12), 1, 0, 400)  # noqa: DTZ001
def test_equals_a_plain_enumeration(
    text: str, zone: str, start: datetime, hours: float, from_day: int, horizon_days: int
) -> None:
    one = Recurrence(rule=text, time_zone=zone, start=start, duration_s=hours * 3600)
    rule, wrong = parse(text)
    assert wrong == []
    assert rule is not None
    from_s, horizon_s = at("2026-01-01") + from_day * 86400.0, horizon_days * 86400.0
    told = [(window.start_s, window.until_s) for window in windows(one, from_s, horizon_s)]
    assert told == naive_windows(one, rule, from_s, horizon_s)
    for finding in check(one, from_s):
        assert finding.message
        assert finding.place.startswith("recurrence.")


@settings(max_examples=300, deadline=None)
@given(
    rule=st.one_of(
        st.text(max_size=60),
        st.lists(st.sampled_from(["FREQ=DAILY", "COUNT=3", "UNTIL=20261301", "BYDAY=9XX", "=", "BYHOUR=", "é", "X-A=1",
                                  "INTERVAL=99999", "BYSETPOS=0", "UNTIL=99991231", "UNTIL=00010101T000000"]))
        .map(";".join),
    ),
    zone=st.one_of(st.text(max_size=20), st.sampled_from([NEW_YORK, "America", "../../etc/passwd", "posix/UTC"])),
    start=st.datetimes(timezones=st.sampled_from([None, UTC])),
    duration_s=st.floats(),
)  # fmt: skip
def test_whatever_comes_is_answered_with_findings(rule: str, zone: str, start: datetime, duration_s: float) -> None:
    one = Recurrence(rule=rule, time_zone=zone, start=start, duration_s=duration_s)
    findings = check(one, at("2026-01-01"))
    assert all(finding.message.isprintable() and len(finding.message) < 400 for finding in findings)
    if errors_in(findings) and "recurrence-" not in str(codes(findings)):
        with pytest.raises(Invalid):
            windows(one, 0.0)


# --- the nights on which clocks change


def test_the_clock_on_the_wall_stays_when_clocks_change() -> None:
    one = recurrence("FREQ=DAILY;COUNT=3", "2026-03-07T22:00")
    assert starts(one) == ["2026-03-08T03:00", "2026-03-09T02:00", "2026-03-10T02:00"]


def test_a_start_in_the_skipped_hour_is_read_with_the_offset_before_it() -> None:
    """RFC 5545, 3.3.5: TZID=America/New_York:20070311T023000 is 2007-03-11 at 3:30 EDT."""
    one = recurrence("FREQ=DAILY;COUNT=2", "2007-03-11T02:30")
    assert starts(one) == ["2007-03-11T07:30", "2007-03-12T06:30"]
    (warning,) = check(one, at("2007-03-01"))
    assert warning.severity is Severity.WARNING
    assert (warning.code, warning.place) == ("clock-skips", "recurrence.start")
    for said in ("2007-03-11 02:30", "03:30", "01:30", NEW_YORK):
        assert said in warning.message


def test_a_start_in_the_doubled_hour_is_the_first_of_the_two() -> None:
    """RFC 5545, 3.3.5: TZID=America/New_York:20071104T013000 is 2007-11-04 at 1:30 EDT."""
    one = recurrence("FREQ=DAILY;COUNT=2", "2007-11-04T01:30", hours=0.5)
    assert starts(one) == ["2007-11-04T05:30", "2007-11-05T06:30"]
    (warning,) = check(one, at("2007-11-01"))
    assert (warning.code, warning.severity) == ("clock-repeats", Severity.WARNING)
    assert "2007-11-04T05:30:00.000Z" in warning.message


@pytest.mark.parametrize(("start", "ends"), [("2026-03-07T22:00", "2026-03-08 05:00"),
                                             ("2026-10-31T22:00", "2026-11-01 03:00")])  # fmt: skip
def test_a_window_across_the_change_lasts_as_long_as_ever_and_says_when_it_ends(start: str, ends: str) -> None:
    one = recurrence("FREQ=YEARLY;COUNT=1", start, hours=6)
    (window,) = windows(one, at("2026-01-01"))
    assert window.until_s - window.start_s == 6 * 3600
    (warning,) = check(one, at("2026-01-01"))
    assert (warning.code, warning.place) == ("clock-changes", "recurrence.duration_s")
    assert ends in warning.message


def test_hours_that_fall_together_in_a_gap_are_one_window() -> None:
    one = recurrence("FREQ=HOURLY;UNTIL=20260308T080000Z", "2026-03-08T00:00")
    assert starts(one) == ["2026-03-08T05:00", "2026-03-08T06:00", "2026-03-08T07:00", "2026-03-08T08:00"]
    halves = recurrence("FREQ=HOURLY;BYMINUTE=0,30;UNTIL=20260308T080000Z", "2026-03-08T01:00", hours=0.5)
    assert starts(halves)[2:] == ["2026-03-08T07:00", "2026-03-08T07:30", "2026-03-08T08:00"]
    assert errors_in(check(halves, at("2026-03-01"))) == []


def test_half_an_hour_and_a_whole_day_are_skipped_somewhere_too() -> None:
    half = recurrence("FREQ=DAILY;COUNT=1", "2026-10-04T02:15", LORD_HOWE)
    assert starts(half) == ["2026-10-03T15:45"]  # read as UTC+10:30: 02:45 by the new time
    day = recurrence("FREQ=DAILY;COUNT=3", "2011-12-29T12:00", APIA)
    assert starts(day) == ["2011-12-29T22:00", "2011-12-30T22:00"]  # 30 and 31 December at noon are one instant


def test_a_day_of_24_hours_does_not_fit_where_a_day_has_23() -> None:
    (error,) = errors_in(check(recurrence("FREQ=DAILY", "2026-02-01T00:00", hours=24), at("2026-01-01")))
    assert error.code == "recurrence-overlaps"
    assert "82,800" in error.message
    assert errors_in(check(recurrence("FREQ=DAILY", "2026-02-01T00:00", hours=23), at("2026-01-01"))) == []
    assert check(recurrence("FREQ=DAILY", "2026-02-01T00:00", "UTC", hours=24), at("2026-01-01")) == []


# --- rules of the RFC that libraries and people get wrong


@pytest.mark.parametrize(
    ("rule", "days"),
    [
        ("FREQ=MONTHLY;BYDAY=FR;BYMONTHDAY=13;COUNT=4", ["1998-02-13", "1998-03-13", "1998-11-13", "1999-08-13"]),
        ("FREQ=YEARLY;BYWEEKNO=20;BYDAY=MO;COUNT=3", ["1998-05-11", "1999-05-17", "2000-05-15"]),
        ("FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-2;COUNT=3", ["1997-09-29", "1997-10-30", "1997-11-27"]),
        ("FREQ=WEEKLY;INTERVAL=2;COUNT=4;BYDAY=TU,SU;WKST=MO",
         ["1997-09-02", "1997-09-07", "1997-09-16", "1997-09-21"]),
        ("FREQ=WEEKLY;INTERVAL=2;COUNT=4;BYDAY=TU,SU;WKST=SU",
         ["1997-09-02", "1997-09-14", "1997-09-16", "1997-09-28"]),
        ("FREQ=MONTHLY;BYMONTHDAY=15,30;COUNT=5;BYMONTH=1,2,3",
         ["1998-01-15", "1998-01-30", "1998-02-15", "1998-03-15", "1998-03-30"]),
        ("FREQ=YEARLY;INTERVAL=4;BYMONTH=11;BYDAY=TU;BYMONTHDAY=2,3,4,5,6,7,8;COUNT=2", ["1997-11-04", "2001-11-06"]),
    ],
)  # fmt: skip
def test_examples_of_the_rfc(rule: str, days: list[str]) -> None:
    """RFC 5545, 3.8.5.3, from 2 September 1997 at 09:00 in New York."""
    told = windows(recurrence(rule, "1997-09-02T09:00"), 0.0, 4e9)
    clocks = [datetime.fromtimestamp(window.start_s, ZoneInfo(NEW_YORK)) for window in told]
    assert [clock.strftime("%Y-%m-%d") for clock in clocks] == days
    assert {clock.hour for clock in clocks} == {9}


def test_until_is_the_last_start_that_counts_and_is_an_instant() -> None:
    assert len(starts(recurrence("FREQ=DAILY;UNTIL=20260103T150000Z", "2026-01-01T10:00"))) == 3
    assert len(starts(recurrence("FREQ=DAILY;UNTIL=20260103T145959Z", "2026-01-01T10:00"))) == 2


def test_a_window_that_has_begun_is_still_told_and_one_that_is_over_is_not() -> None:
    one = recurrence("FREQ=DAILY", "2026-01-01T10:00", "UTC", hours=2)
    assert starts(one, at("2026-01-05T11:59"), 86400.0) == ["2026-01-05T10:00", "2026-01-06T10:00"]
    assert starts(one, at("2026-01-05T12:00"), 86400.0) == ["2026-01-06T10:00"]
    assert starts(one, at("2026-01-05T12:00"), 22 * 3600.0) == []


def test_count_counts_from_the_start_however_late_one_asks() -> None:
    one = recurrence("FREQ=DAILY;COUNT=10", "2026-01-01T10:00", "UTC")
    assert starts(one, at("2026-01-09")) == ["2026-01-09T10:00", "2026-01-10T10:00"]


def test_windows_follow_one_another_without_overlap_where_check_finds_nothing() -> None:
    one = recurrence("FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR", "2026-01-05T18:00", hours=12)
    assert errors_in(check(one, at("2026-01-01"))) == []
    assert all(a.until_s <= b.start_s for a, b in pairwise(windows(one, at("2026-01-01"))))


# --- what is wrong, all at once


def test_everything_that_is_wrong_is_said_at_once() -> None:
    one = Recurrence(
        rule="FREQ=SECONDLY;BYDAI=MO;COUNT=2;UNTIL=20271231;BYMONTH=0,13;BYHOUR=24;COUNT=3;BYSETPOS=1",
        time_zone="Europe/Berln",
        start=datetime(2026, 1, 1, tzinfo=UTC),
        duration_s=-1.0,
    )
    findings = check(one, 0.0)
    assert sorted(codes(findings)) == sorted([
        "rule-too-fine", "rule-part", "rule-count-and-until", "rule-until", "rule-value", "rule-value", "rule-value",
        "rule-part-twice", "time-zone-unknown", "recurrence-start", "recurrence-duration",
    ])  # fmt: skip
    said = "\n".join(finding.message for finding in findings)
    assert "did you mean `BYDAY`?" in said
    assert "did you mean `Europe/Berlin`?" in said


@pytest.mark.parametrize(
    ("rule", "code", "said"),
    [
        ("", "rule-no-frequency", "FREQ="),
        ("BYDAY=MO", "rule-no-frequency", "DAILY"),
        ("FREQ=DAYLY", "rule-value", "`DAILY`"),
        ("FREQ=MINUTELY", "rule-too-fine", "BYMINUTE"),
        ("FREQ=DAILY;BYSECOND=3", "rule-too-fine", "BYSECOND"),
        ("FREQ=DAILY;INTERVAL=0", "rule-value", "9999"),
        ("FREQ=DAILY;COUNT=0", "rule-value", "from 1 up"),
        ("FREQ=DAILY;BYDAY=1MO", "rule-combination", "FREQ=DAILY"),
        ("FREQ=WEEKLY;BYMONTHDAY=1", "rule-combination", "FREQ=MONTHLY"),
        ("FREQ=MONTHLY;BYWEEKNO=1", "rule-combination", "FREQ=YEARLY"),
        ("FREQ=YEARLY;BYWEEKNO=1;BYDAY=1MO", "rule-combination", "BYWEEKNO"),
        ("FREQ=MONTHLY;BYDAY=6MO", "rule-value", "at most 5"),
        ("FREQ=DAILY;BYSETPOS=1", "rule-combination", "BYSETPOS"),
        ("FREQ=DAILY;UNTIL=20260110", "rule-until", "UNTIL=20260111T045959Z"),
        ("FREQ=DAILY;UNTIL=20260110T120000", "rule-until", "UNTIL=20260110T170000Z"),
        ("FREQ=DAILY;UNTIL=20260230T120000Z", "rule-until", "20260230"),
        ("FREQ=DAILY;COUNT=1;UNTIL=20260110T120000Z", "rule-count-and-until", "one of them"),
        ("FREQ=DAILY;UNTIL=20250110T120000Z", "recurrence-empty", "before the start"),
        ("FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30", "recurrence-empty", "no window"),
        ("FREQ=HOURLY;BYMONTH=2;BYMONTHDAY=30", "recurrence-empty", "no window"),
        ("FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30", "recurrence-empty", "no window"),
        ("FREQ=MONTHLY;BYMONTHDAY=1;BYDAY=2MO", "recurrence-empty", "no window"),
        ("FREQ=HOURLY;INTERVAL=6;BYHOUR=1", "recurrence-empty", "no window"),
        ("FREQ=WEEKLY;BYDAY=MO;BYSETPOS=9", "recurrence-empty", "no window"),
        ("FREQ=HOURLY;BYMINUTE=0,30;BYSETPOS=3", "recurrence-empty", "no window"),
        ("FREQ=HOURLY", "recurrence-too-many", "UNTIL=20260212T"),
        ("FREQ=DAILY;BYHOUR=10,11;BYMINUTE=0,15,30,45", "recurrence-overlaps", "900"),
        ("FREQ=DAILY;" * 200, "rule-long", "2000"),
        ("FREQ=DAILY;BYDAY=\N{CYRILLIC CAPITAL LETTER ES}A", "rule-characters", "plain"),
    ],
)
def test_each_mistake_is_named(rule: str, code: str, said: str) -> None:
    began = time.process_time()
    findings = errors_in(check(recurrence(rule, "2026-01-01T10:00"), at("2026-01-01")))
    assert time.process_time() - began < 1.0, "a rule that never comes is not looked for until the year 9999"
    assert code in codes(findings)
    assert any(said in finding.message for finding in findings if finding.code == code)


def test_a_million_windows_are_too_many_and_the_end_that_is_offered_is_right() -> None:
    one = recurrence("FREQ=HOURLY", "2026-01-01T10:00")
    (error,) = errors_in(check(one, at("2026-01-01")))
    until = error.message.partition("UNTIL=")[2].partition(",")[0]
    offered = recurrence(f"FREQ=HOURLY;UNTIL={until}", "2026-01-01T10:00")
    assert errors_in(check(offered, at("2026-01-01"))) == []
    assert len(windows(offered, at("2026-01-01"))) == MOST_WINDOWS


def test_the_length_that_is_offered_fits() -> None:
    (error,) = errors_in(check(recurrence("FREQ=DAILY", "2026-01-01T10:00", hours=30), at("2026-01-01")))
    longest_s = float(error.message.rpartition(" ")[2].replace(",", ""))
    fits = recurrence("FREQ=DAILY", "2026-01-01T10:00", hours=longest_s / 3600)
    assert errors_in(check(fits, at("2026-01-01"))) == []


def test_a_start_that_the_rule_skips_is_a_warning_that_says_the_first() -> None:
    findings = check(recurrence("FREQ=WEEKLY;BYDAY=MO", "2026-01-01T10:00"), at("2026-01-01"))
    assert codes(findings) == ["recurrence-start"]
    assert "2026-01-05 10:00" in findings[0].message
    assert findings[0].severity is Severity.WARNING


def test_a_rule_whose_next_window_is_far_off_is_not_over() -> None:
    findings = check(recurrence("FREQ=YEARLY;INTERVAL=4;COUNT=3", "2026-01-04T10:00"), at("2026-06-01"))
    assert codes(findings) == ["recurrence-empty"]
    assert "nothing that it names comes between" in findings[0].message


def test_a_rule_that_is_over_says_so() -> None:
    findings = check(recurrence("FREQ=DAILY;COUNT=2", "2026-01-01T10:00"), at("2026-06-01"))
    assert codes(findings) == ["recurrence-empty"]
    assert "was over" in findings[0].message


@pytest.mark.parametrize(("name", "meant"), [("berlin", "Europe/Berlin"), ("europe/berlin", "Europe/Berlin"),
                                             ("New York", NEW_YORK), ("America/NewYork", NEW_YORK)])  # fmt: skip
def test_a_zone_that_is_not_known_is_guessed(name: str, meant: str) -> None:
    (finding,) = check(recurrence("FREQ=DAILY", "2026-01-01T10:00", name), at("2026-01-01"))
    assert finding.code == "time-zone-unknown"
    assert finding.message.endswith(f"did you mean `{meant}`?")


def test_time_zones_are_there_without_the_systems(monkeypatch: pytest.MonkeyPatch) -> None:
    """A bare machine has no /usr/share/zoneinfo: the names and the rules come with the package tzdata."""
    import zoneinfo

    before = zoneinfo.TZPATH
    zoneinfo.reset_tzpath(to=[])
    try:
        assert NEW_YORK in zoneinfo.available_timezones()
        assert ZoneInfo.no_cache(NEW_YORK).utcoffset(datetime(2026, 7, 1)) == timedelta(hours=-4)  # noqa: DTZ001
    finally:
        zoneinfo.reset_tzpath(to=before)
