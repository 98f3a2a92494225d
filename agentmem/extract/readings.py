"""What English phrases for times mean.  Matches of `phrases` in, stretches of the calendar out.

A reading takes a match and the moment it is read from; it returns None where the words are no time
("may I"), and raises ValueError or OverflowError where there is no such day.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from functools import partial
from typing import NamedTuple

from agentmem.errors import InputError
from agentmem.extract import spells
from agentmem.extract.spells import DAY, Series, Stretch, Which

SMALL = (
    "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven",
    "twelve",
)  # fmt: skip
_FUTURE = re.compile(
    r"\b(?:will|won['’]t|shall|going to|gonna|plan|planning|schedule[ds]?|upcoming|due(?! to\b)"
    r"|deadline|looking forward|can['’]t wait)\b|['’]ll\b",
    re.IGNORECASE,
)
_NEAR = 60  # characters of the sentence around a phrase that may tell that the future is meant
_SENTENCE = re.compile(r"[.!?\n]")
WHICH: dict[str, Which] = {
    "last": "last", "past": "last", "previous": "last", "this": "this", "current": "this",
    "next": "next", "coming": "next", "upcoming": "next",
}  # fmt: skip
_SHIFT = {"last": -1, "this": 0, "next": 1}


@dataclass(frozen=True, slots=True)
class Here:
    """The moment a text is read from."""

    now: float  # seconds since the epoch
    tz: tzinfo
    day_first: bool
    wall: datetime  # what the clock on the wall shows: local and naive
    exact: datetime  # UTC

    @classmethod
    def of(cls, now: float, tz: tzinfo, day_first: bool) -> Here:
        exact = datetime.fromtimestamp(now, UTC)
        try:
            wall = exact.astimezone(tz).replace(tzinfo=None)
        except OverflowError:
            raise InputError(f"{now!r} seconds lie outside the years 1 to 9999 in {tz}") from None
        return cls(now, tz, day_first, wall, exact)


class Meaning(NamedTuple):
    """What a phrase means: naive datetimes are on the wall clock, aware ones exact."""

    stretch: Stretch
    recurs: Callable[[datetime], Series] | None = None  # a stretch of each year, or week


def _which(m: re.Match[str], determiner: str | None) -> Which:
    """Which occurrence is meant; a bare name is past, unless a word nearby says otherwise."""
    if determiner:
        return WHICH[determiner.lower()]
    ahead = _SENTENCE.split(m.string[max(0, m.start() - _NEAR) : m.start()])[-1]
    after = _SENTENCE.split(m.string[m.end() : m.end() + _NEAR])[0]
    return "coming" if _FUTURE.search(f"{ahead}\n{after}") else "begun"


def _recurring(
    of: Callable[[datetime], Series], m: re.Match[str], here: Here, determiner: str | None = None
) -> Meaning:
    stretch = spells.pick(of(here.wall), here.wall, _which(m, determiner))
    return Meaning(stretch, None if determiner else of)


def _number(month: str) -> int:
    return [name[:3] for name in spells.MONTHS].index(month[:3].lower()) + 1


def _is_month(m: re.Match[str]) -> bool:
    """Whether the word is no verb: `may`, `march` and `mar` need their capital, or a year."""
    word = m["month"]
    dated = bool(m.groupdict().get("year"))
    return word[0].isupper() or dated or word.lower() not in ("may", "march", "mar")


def iso(m: re.Match[str], here: Here) -> Meaning | None:
    whole = spells.days(int(m["year"]), int(m["m"]), int(m["d"]), int(m["d"]))
    if not m["h"]:
        return Meaning(whole)
    start = whole.start.replace(hour=int(m["h"]), minute=int(m["min"]))
    if m["zone"]:
        start = datetime.fromisoformat(start.isoformat() + m["zone"].upper())
    return Meaning(Stretch(start, start + timedelta(minutes=1), "minute"))


def slashed(m: re.Match[str], here: Here) -> Meaning | None:
    month, day = int(m["a"]), int(m["b"])
    if m["sep"] == "." or (here.day_first and day <= 12) or month > 12:
        month, day = day, month
    return Meaning(spells.days(int(m["year"]), month, day, day))


def date(m: re.Match[str], here: Here) -> Meaning | None:
    if not _is_month(m):
        return None
    month, first, last = _number(m["month"]), int(m["day"]), int(m["to"] or m["day"])
    if m["year"]:
        return Meaning(spells.days(int(m["year"]), month, first, last))
    return _recurring(partial(_anniversary, month, first, last), m, here)


def _anniversary(month: int, first: int, last: int, at: datetime) -> Series:
    return spells.anniversary(at, month, first, last)


def month_of_year(m: re.Match[str], here: Here) -> Meaning | None:
    return Meaning(spells.month(int(m["year"]), _number(m["month"])))


def month(m: re.Match[str], here: Here) -> Meaning | None:
    determiner = m.groupdict().get("det")
    lowered = m["month"][0].islower() and m[0].lower() != "in may" and m[0].lower() != "in march"
    if lowered and not _is_month(m):
        return None
    name = spells.MONTHS[_number(m["month"]) - 1]
    return _recurring(partial(spells.series, name), m, here, determiner)


def year(m: re.Match[str], here: Here) -> Meaning | None:
    return Meaning(spells.year(int(m["year"])))


def decade(m: re.Match[str], here: Here) -> Meaning | None:
    return Meaning(spells.year(int(m["year"]), 10))


def season(m: re.Match[str], here: Here) -> Meaning | None:
    name = m["season"].lower()
    if m["year"]:
        return Meaning(spells.season(name, int(m["year"])))
    if not (m["det"] or m["in"]):
        return None
    return _recurring(partial(spells.series, name), m, here, m["det"])


def unit(m: re.Match[str], here: Here) -> Meaning | None:
    determiner, unit = m["det"].lower(), m["unit"].lower()
    if determiner == "past":
        return _rolling(here, 1, unit, -1)
    return Meaning(spells.unit(unit, here.wall, _SHIFT[WHICH[determiner]]))


def before_last(m: re.Match[str], here: Here) -> Meaning | None:
    name = m["name"].lower()
    if name == "night":
        return Meaning(spells.part(spells.day(here.wall, -2), name))
    if name in ("week", "weekend", "month", "year"):
        return Meaning(spells.unit(name, here.wall, -2))
    return Meaning(spells.pick(spells.series(name, here.wall), here.wall, "last", back=1))


def day(m: re.Match[str], here: Here) -> Meaning | None:
    word = " ".join(m["word"].lower().split())
    shift = ("the day before yesterday", "yesterday", "today", "tomorrow", "the day after tomorrow")
    day = spells.day(here.wall, 0 if word == "tonight" else shift.index(word) - 2)
    part = "night" if word == "tonight" else m["part"]
    return Meaning(spells.part(day, part.lower()) if part else day)


def part(m: re.Match[str], here: Here) -> Meaning | None:
    day = spells.day(here.wall, -1 if m["det"].lower() == "last" else 0)
    return Meaning(spells.part(day, m["part"].lower()))


def weekday(m: re.Match[str], here: Here) -> Meaning | None:
    placed, capital = m["det"] or m["on"], m["weekday"][0].isupper()
    if not (placed and capital if m["short"] else placed or capital):
        return None  # "sun", "sat"
    prefix = m["weekday"][:3].lower()
    name = next(name for name in spells.WEEKDAYS if name.startswith(prefix))
    meaning = _recurring(partial(spells.series, name), m, here, m["det"])
    part = m["part"]
    return Meaning(spells.part(meaning.stretch, part.lower())) if part else meaning


def _count(said: str) -> tuple[int, int]:
    """The least and the most that a number word stands for."""
    word = said.lower()
    if word.isdecimal():
        return int(word), int(word)
    if "few" in word or word == "several":
        return (2, 5) if "few" in word else (3, 7)
    exact = 2 if "couple" in word else SMALL.index(word) + 1 if word in SMALL else 1
    return exact, exact


def away(m: re.Match[str], here: Here) -> Meaning | None:
    """`two weeks ago`: the calendar unit that far away; of hours and minutes, one around it."""
    least, most = _count(m["number"])
    unit = m["unit"].lower()
    ahead = not m["ago"]
    if ahead and m["in"] and _which(m, None) != "coming":
        return None  # "I learnt it in two weeks"
    near, far = (least, most) if ahead else (-least, -most)
    if unit in ("minute", "hour"):
        step = timedelta(**{unit + "s": 1})
        low, high = sorted((here.exact + near * step, here.exact + far * step))
        return Meaning(Stretch(low - step / 2, high + step / 2, "range"))
    one, other = spells.unit(unit, here.wall, near), spells.unit(unit, here.wall, far)
    first, last = sorted((one, other))
    return Meaning(Stretch(first.start, last.end, one.unit if near == far else "range"))


def lately(m: re.Match[str], here: Here) -> Meaning | None:
    sign = -1 if WHICH[m["det"].lower()] == "last" else 1
    return _rolling(here, _count(m["number"])[1], m["unit"].lower(), sign)


def _rolling(here: Here, number: int, unit: str, sign: int) -> Meaning:
    """From the beginning of that day up to now, or from now to the end of that day."""
    edge = here.wall
    if unit in ("minute", "hour"):
        exact = here.exact + sign * number * timedelta(**{unit + "s": 1})
        first, last = sorted((exact, here.exact))
        return Meaning(Stretch(first, last, "range"))
    if unit in ("month", "year", "decade"):
        months = number * {"month": 1, "year": 12, "decade": 120}[unit]
        edge = spells.month(edge.year, edge.month + sign * months).start + (edge.day - 1) * DAY
    else:
        edge += sign * number * (DAY if unit == "day" else 7 * DAY)
    day = spells.day(edge)
    if sign < 0:
        return Meaning(Stretch(day.start, here.exact, "range"))
    return Meaning(Stretch(here.exact, day.end, "range"))


def clock(m: re.Match[str], here: Here) -> Meaning | None:
    hour, minute = int(m["h"]), m["min"]
    half = m.groupdict().get("half")
    if half:
        if not 1 <= hour <= 12:
            return None
        hour = hour % 12 + (12 if half.lower() == "p" else 0)
    start = spells.day(here.wall).start.replace(hour=hour, minute=int(minute or 0))
    size = timedelta(minutes=1) if minute else timedelta(hours=1)
    return Meaning(Stretch(start, start + size, "minute" if minute else "hour"))
