"""Stretches of the calendar: days, weeks, months, seasons around a moment.  No text, no clock.

Moments are naive datetimes of one wall clock; a stretch is half open, [start, end).  Weeks begin on
Monday (ISO 8601); seasons are the meteorological ones of the northern hemisphere, and a winter has
the year it begins in.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Literal, NamedTuple

Granularity = Literal[
    "minute", "hour", "part of day", "day", "weekend", "week", "month", "season", "year",
    "decade", "range",
]  # fmt: skip
Which = Literal["last", "this", "next", "begun", "coming"]
WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
MONTHS = (
    "january", "february", "march", "april", "may", "june", "july", "august", "september",
    "october", "november", "december",
)  # fmt: skip
SEASONS = {"spring": 3, "summer": 6, "autumn": 9, "fall": 9, "winter": 12}  # first month
PARTS = {"morning": (6, 12), "afternoon": (12, 18), "evening": (18, 24), "night": (18, 30)}  # hours
DAY = timedelta(days=1)


class Stretch(NamedTuple):
    """[start, end) of the calendar, and what unit it is."""

    start: datetime
    end: datetime
    unit: Granularity


Series = Callable[[int], Stretch]  # the k-th occurrence of a recurring stretch; 0: of this year


def day(at: datetime, shift: int = 0) -> Stretch:
    start = datetime(at.year, at.month, at.day) + shift * DAY
    return Stretch(start, start + DAY, "day")


def month(year: int, number: int) -> Stretch:
    """A month counted from January of a year: 0 is December of the year before."""
    return Stretch(_first(year, number), _first(year, number + 1), "month")


def year(number: int, years: int = 1) -> Stretch:
    unit: Granularity = "year" if years == 1 else "decade"
    return Stretch(datetime(number, 1, 1), datetime(number + years, 1, 1), unit)


def season(name: str, number: int) -> Stretch:
    first = SEASONS[name]
    return Stretch(_first(number, first), _first(number, first + 3), "season")


def part(of: Stretch, name: str) -> Stretch:
    """Morning 6-12, afternoon 12-18, evening 18-24, night 18-6 of a day."""
    begins, ends = PARTS[name]
    hour = timedelta(hours=1)
    return Stretch(of.start + begins * hour, of.start + ends * hour, "part of day")


def third(of: Stretch, which: int) -> Stretch:
    """The first (0), middle (1) or last (2) third."""
    step = (of.end - of.start) / 3
    start = of.start + which * step
    return Stretch(start, start + step, "range")


def unit(name: str, here: datetime, shift: int = 0) -> Stretch:
    """The calendar day, week, weekend, month, year or decade `shift` of them away from `here`."""
    if name == "month":
        return month(here.year, here.month + shift)
    if name == "year":
        return year(here.year + shift)
    if name == "decade":
        return year((here.year // 10 + shift) * 10, 10)
    if name == "day":
        return day(here, shift)
    monday = day(here, 7 * shift - here.weekday()).start
    if name == "weekend":
        return Stretch(monday + 5 * DAY, monday + 7 * DAY, "weekend")
    return Stretch(monday, monday + 7 * DAY, "week")


def series(name: str, here: datetime) -> Series:
    """The occurrences of a weekday, month or season, told by its lower-case English name."""
    if name in WEEKDAYS:
        ahead = WEEKDAYS.index(name) - here.weekday()
        return lambda k: day(here, ahead + 7 * k)
    if name in MONTHS:
        return lambda k: month(here.year + k, MONTHS.index(name) + 1)
    return lambda k: season(name, here.year + k)


def anniversary(here: datetime, number: int, first: int, last: int) -> Series:
    """The days `first`..`last` of a month, in the k-th year; ValueError where there is none."""

    def of(k: int) -> Stretch:
        return days(here.year + k, number, first, last)

    return of


def days(number: int, of: int, first: int, last: int) -> Stretch:
    """Days `first`..`last` of month `of` of a year; ValueError if one does not exist."""
    start, end = datetime(number, of, first), datetime(number, of, last) + DAY
    return Stretch(start, end, "day" if first == last else "range")


def pick(of: Series, here: datetime, which: Which, back: int = 0) -> Stretch:
    """One occurrence: the last that is over, the next to begin, the one running now ("this"), the
    last that has begun, or the first that is not over ("coming"); `back` more steps into the past.
    ValueError if there is none within eight of today's (29 February may need them).
    """
    found = [stretch for k in range(-9 - back, 9) if (stretch := _try(of, k))]
    if which in ("last", "begun"):
        past = [s for s in found if (s.end if which == "last" else s.start) <= here]
        return _at(past, -1 - back)
    if which == "this":
        running = [s for s in found if s.start <= here < s.end]
        return running[0] if running else of(0)
    return _at([s for s in found if (s.start if which == "next" else s.end) > here], 0)


def _at(found: list[Stretch], index: int) -> Stretch:
    if len(found) <= max(index, -1 - index):
        raise ValueError("no such day in the calendar")
    return found[index]


def _try(of: Series, k: int) -> Stretch | None:
    try:
        return of(k)
    except (ValueError, OverflowError):  # 29 February, or beyond the years 1 to 9999
        return None


def _first(year: int, number: int) -> datetime:
    """The first of a month counted from January of a year, in any direction."""
    return datetime(year + (number - 1) // 12, (number - 1) % 12 + 1, 1)
