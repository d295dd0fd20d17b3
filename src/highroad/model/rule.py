"""A recurrence rule as RFC 5545 (3.3.10) writes it, read strictly: every part and value that is wrong is a finding.

    FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR;UNTIL=20271231T225959Z

What is refused although the RFC has it: FREQ=SECONDLY and MINUTELY and BYSECOND, which are finer than a window of
capacity can be, and UNTIL in anything but UTC (which the RFC asks for wherever the start has a time zone).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from zoneinfo import ZoneInfo

from highroad.errors import Finding, did_you_mean

PLACE = "recurrence.rule"

LONGEST_RULE = 2000
"""Characters; the longest sensible rule names every minute and hour, in under 400."""

MOST_INTERVAL = 9999

WEEKDAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")


class Frequency(StrEnum):
    """What a rule counts in."""

    YEARLY = "YEARLY"
    MONTHLY = "MONTHLY"
    WEEKLY = "WEEKLY"
    DAILY = "DAILY"
    HOURLY = "HOURLY"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """A rule that was read. An empty tuple is a part that was not given.

    `week_days` are (ordinal, weekday), the ordinal 0 where there is none and Monday 0; `week_start` likewise.
    """

    frequency: Frequency
    interval: int = 1
    count: int | None = None
    until_s: float | None = None
    months: tuple[int, ...] = ()
    week_numbers: tuple[int, ...] = ()
    year_days: tuple[int, ...] = ()
    month_days: tuple[int, ...] = ()
    week_days: tuple[tuple[int, int], ...] = ()
    hours: tuple[int, ...] = ()
    minutes: tuple[int, ...] = ()
    positions: tuple[int, ...] = ()
    week_start: int = 0


_LISTS = {
    "BYMONTH": (1, 12, False),
    "BYWEEKNO": (1, 53, True),
    "BYYEARDAY": (1, 366, True),
    "BYMONTHDAY": (1, 31, True),
    "BYHOUR": (0, 23, False),
    "BYMINUTE": (0, 59, False),
    "BYSETPOS": (1, 366, True),
}
"""The lowest and highest value of each list, and whether it also counts from the end (negative)."""

_PARTS = ("FREQ", "INTERVAL", "COUNT", "UNTIL", "BYDAY", "WKST", *_LISTS)

_ONLY = {
    "BYWEEKNO": (Frequency.YEARLY,),
    "BYYEARDAY": (Frequency.YEARLY, Frequency.HOURLY),
    "BYMONTHDAY": (Frequency.YEARLY, Frequency.MONTHLY, Frequency.DAILY, Frequency.HOURLY),
}
"""The frequencies that a part goes with, where RFC 5545 forbids others."""


def parse(text: str, zone: ZoneInfo | None = None) -> tuple[Rule | None, list[Finding]]:
    """The rule that a text means, or everything that is wrong with it; the zone serves to say what UNTIL would be."""
    return _Reading(text, zone).result()


class _Reading:
    def __init__(self, text: str, zone: ZoneInfo | None) -> None:
        self.zone = zone
        self.findings: list[Finding] = []
        self.parts = self._split(text)

    def wrong(self, code: str, message: str) -> None:
        self.findings.append(Finding(code=code, place=PLACE, message=message))

    def result(self) -> tuple[Rule | None, list[Finding]]:
        frequency = self._frequency()
        interval = self._number("INTERVAL", MOST_INTERVAL) or 1
        count = self._number("COUNT", None)
        until_s = self._until()
        lists = {part: self._list(part, *bounds) for part, bounds in _LISTS.items()}
        week_days = self._week_days()
        week_start = self._week_start()
        if "COUNT" in self.parts and "UNTIL" in self.parts:
            self.wrong("rule-count-and-until", "COUNT and UNTIL both say when the rule ends: give one of them")
        if "BYSETPOS" in self.parts and not any(part[:2] == "BY" and part != "BYSETPOS" for part in self.parts):
            self.wrong("rule-combination", "BYSETPOS chooses among what other BY parts name: give one, such as BYDAY")
        if frequency is not None:
            self._combinations(frequency, week_days)
        if frequency is None or self.findings:
            return None, self.findings
        return Rule(
            frequency=frequency,
            interval=interval,
            count=count,
            until_s=until_s,
            months=lists["BYMONTH"],
            week_numbers=lists["BYWEEKNO"],
            year_days=lists["BYYEARDAY"],
            month_days=lists["BYMONTHDAY"],
            week_days=week_days,
            hours=lists["BYHOUR"],
            minutes=lists["BYMINUTE"],
            positions=lists["BYSETPOS"],
            week_start=week_start,
        ), []

    def _split(self, text: str) -> dict[str, str]:
        if len(text) > LONGEST_RULE:
            self.wrong("rule-long", f"a rule has at most {LONGEST_RULE} characters, not {len(text)}")
            return {"FREQ": ""}
        if not (text.isascii() and text.isprintable()):
            self.wrong("rule-characters", "a rule is written in plain letters, digits and `=,;+-` (RFC 5545, 3.3.10)")
            return {"FREQ": ""}
        parts: dict[str, str] = {}
        for piece in text.strip().upper().removeprefix("RRULE:").rstrip(";").split(";"):
            name, equals, value = (side.strip() for side in piece.partition("="))
            if name == "BYSECOND":
                self.wrong("rule-too-fine", "BYSECOND is finer than a window can be: leave it out")
            elif not equals or (not value and name in _PARTS):
                if piece.strip():
                    self.wrong("rule-part", f"`{piece[:40]}` is not NAME=VALUE")
            elif name not in _PARTS:
                self.wrong("rule-part", f"a rule has no part `{name[:40]}`{_nearest(name, _PARTS)}")
            elif name in parts:
                self.wrong("rule-part-twice", f"{name} is given twice: put its values in one list")
            else:
                parts[name] = value
        return parts

    def _frequency(self) -> Frequency | None:
        value = self.parts.get("FREQ")
        names = [frequency.value for frequency in Frequency]
        if value in names:
            return Frequency(value)
        if value in ("SECONDLY", "MINUTELY"):
            self.wrong(
                "rule-too-fine",
                f"FREQ={value} is finer than a window can be: use HOURLY or DAILY with BYHOUR and BYMINUTE",
            )
        elif value is None:
            self.wrong("rule-no-frequency", f"a rule starts with FREQ= and one of {', '.join(names)}")
        elif value:
            hint = _nearest(value, names) or f": it is one of {', '.join(names)}"
            self.wrong("rule-value", f"FREQ is not `{value[:40]}`{hint}")
        return None

    def _number(self, part: str, most: int | None) -> int | None:
        value = self.parts.get(part)
        if value is None:
            return None
        if re.fullmatch(r"\d{1,9}", value) and int(value) >= 1 and (most is None or int(value) <= most):
            return int(value)
        limit = "up" if most is None else f"to {most}"
        self.wrong("rule-value", f"{part} is a whole number from 1 {limit}, not `{value[:40]}`")
        return None

    def _until(self) -> float | None:
        value = self.parts.get("UNTIL")
        if value is None:
            return None
        match = re.fullmatch(r"(\d{8})(?:T(\d{6})(Z?))?", value)
        try:
            at = datetime.strptime(f"{match[1]}{match[2] or '235959'}", "%Y%m%d%H%M%S") if match else None  # noqa: DTZ007
        except ValueError:
            at = None
        if match is None or at is None:
            self.wrong("rule-until", f"UNTIL is a time in UTC such as 20271231T225959Z, not `{value[:40]}`")
            return None
        if match[3]:
            return at.replace(tzinfo=UTC).timestamp()
        meant = ""
        if self.zone is not None and 1 < at.year < 9999:
            utc = at.replace(tzinfo=self.zone).astimezone(UTC)
            what = "that time" if match[2] else "the end of that day"
            meant = f": {what} in {self.zone.key} is UNTIL={utc:%Y%m%dT%H%M%SZ}"
        self.wrong("rule-until", f"UNTIL={value} does not say in which time zone; give it in UTC, with a Z{meant}")
        return None

    def _list(self, part: str, least: int, most: int, signed: bool) -> tuple[int, ...]:
        values: set[int] = set()
        for item in self.parts[part].split(",") if part in self.parts else ():
            sign = r"[+-]?" if signed else ""
            if re.fullmatch(rf"{sign}\d{{1,3}}", item) and least <= abs(int(item)) <= most:
                values.add(int(item))
            else:
                both = f" (or from -{most} to -{least}, from the end)" if signed else ""
                self.wrong("rule-value", f"{part} is from {least} to {most}{both}, not `{item[:40]}`")
        return tuple(sorted(values))

    def _week_days(self) -> tuple[tuple[int, int], ...]:
        values: set[tuple[int, int]] = set()
        for item in self.parts["BYDAY"].split(",") if "BYDAY" in self.parts else ():
            match = re.fullmatch(r"([+-]?\d{1,2})?(MO|TU|WE|TH|FR|SA|SU)", item)
            if match and (match[1] is None or 1 <= abs(int(match[1])) <= 53):
                values.add((int(match[1] or 0), WEEKDAYS.index(match[2])))
            else:
                self.wrong("rule-value", f"BYDAY is of {', '.join(WEEKDAYS)}, or such as -1FR, not `{item[:40]}`")
        return tuple(sorted(values))

    def _week_start(self) -> int:
        value = self.parts.get("WKST", "MO")
        if value in WEEKDAYS:
            return WEEKDAYS.index(value)
        self.wrong("rule-value", f"WKST is one of {', '.join(WEEKDAYS)}, not `{value[:40]}`")
        return 0

    def _combinations(self, frequency: Frequency, week_days: tuple[tuple[int, int], ...]) -> None:
        for part, allowed in _ONLY.items():
            if part in self.parts and frequency not in allowed:
                names = " or ".join(f"FREQ={one}" for one in allowed)
                self.wrong("rule-combination", f"{part} goes with {names}, not with FREQ={frequency}")
        furthest = max((abs(ordinal) for ordinal, _ in week_days), default=0)
        in_month = frequency is Frequency.MONTHLY or "BYMONTH" in self.parts
        if not furthest:
            return
        if frequency not in (Frequency.MONTHLY, Frequency.YEARLY):
            self.wrong(
                "rule-combination",
                f"a number before a weekday in BYDAY goes with FREQ=MONTHLY or YEARLY, not with FREQ={frequency}",
            )
        elif "BYWEEKNO" in self.parts:
            self.wrong("rule-combination", "BYWEEKNO says which week: leave out the number before a weekday in BYDAY")
        elif in_month and furthest > 5:
            self.wrong("rule-value", f"a month has at most 5 of a weekday: BYDAY names number {furthest}")


def _nearest(name: str, known: Iterable[str]) -> str:
    hint = did_you_mean(name, (one.lower() for one in known))
    return re.sub("`.*`", lambda match: match[0].upper(), hint)
