"""When a text says that things happened: English temporal expressions as intervals.

By rule, relative to a moment, without a model.  Choices where English leaves one:
- a week begins on Monday, "last week" is the calendar week before this one, "the past week" the
  seven days up to now; "two weeks ago" is the calendar week around that day;
- "last Friday" is the latest one that is over; a bare "Friday", "May" or "May 8" is the latest one
  that has begun, or the coming one if a word nearby speaks of the future ("will", "plan", "due");
- 05/08/2023 is 8 May unless `day_first`, 25/08/2023 can only be 25 August, and 08.05.2023 is 8 May;
- seasons are the meteorological ones of the northern hemisphere; morning is 6-12, afternoon 12-18,
  evening 18-24, night 18-6; "a few" is two to five, "several" three to seven;
- "until", "before", "after" leave one side open to the edge of the calendar (`agentmem.clock`).

It cannot: read other languages; holidays ("at Christmas"), ages, quarters, two-digit years, "the
8th"; anything relative to another event ("the day after the party", "two weeks later", "the next
day"); repetition ("every Friday"), durations ("for two weeks"), or a year without a preposition.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, tzinfo
from typing import NamedTuple, TypeVar

from agentmem.clock import EARLIEST, LATEST, seconds
from agentmem.extract import spells
from agentmem.extract.phrases import BARE, CLOCKS, CUES, RULES
from agentmem.extract.readings import Here, Meaning
from agentmem.extract.spells import Granularity

__all__ = ["Granularity", "Interval", "event", "mentions_time", "spans"]


class Interval(NamedTuple):
    """[start, end) in seconds since the epoch, said by `text[span[0]:span[1]]`."""

    start: float
    end: float
    span: tuple[int, int]
    granularity: Granularity


class _Found(NamedTuple):
    """A phrase in a text; `interval` if it is settled already."""

    start: int
    end: int
    meaning: Meaning
    interval: Interval | None = None


_T = TypeVar("_T")
_S = r"\s{1,3}"
_RANGE = re.compile(rf"\b(?:between|from){_S}", re.IGNORECASE)
_AND = re.compile(rf"{_S}(?:and|to|until|till|through){_S}|\s?[–-]\s?", re.IGNORECASE)
_OPEN = re.compile(
    rf"\b(?P<word>since|until|till|by|before|after|up{_S}to){_S}(?:(?:about|around|early|late){_S})?",
    re.IGNORECASE,
)
_THIRD = re.compile(
    rf"\b(?:in{_S})?(?:the{_S})?(?:(?P<word>early|mid|late)(?:{_S}in)?[\s-]{{1,3}}"
    rf"|(?P<of>beginning|start|middle|end){_S}of{_S})",
    re.IGNORECASE,
)
_THIRDS = ("early", "beginning", "start", "mid", "middle", "middle", "late", "end", "end")
_DIVIDED = ("week", "month", "season", "year", "decade")
_JOIN = re.compile(r",?\s{0,3}(?:on|at|around|about)?,?\s{0,3}", re.IGNORECASE)
_CLOCK_SECONDS = {"minute": 60.0, "hour": 3600.0}


def spans(
    text: str, now: float, tz: tzinfo = UTC, *, day_first: bool = False
) -> tuple[Interval, ...]:
    """The times a text names, in order, none overlapping; the longest reading of a phrase counts.

    `now`: when it was said, seconds since the epoch (InputError if it is none); `tz`: where.  A
    day that does not exist (2023-02-31) or lies outside the years 1 to 9999 is left out.
    """
    at = seconds(now)
    if CUES.search(text) is None:
        return ()
    here = Here.of(at, tz, day_first)
    found: list[_Found] = []
    for one in sorted(_phrases(text, here), key=lambda one: (one.start, -one.end)):
        if not found or one.start >= found[-1].end:
            found.append(one)
    joined = _joined(text, found, here)
    return tuple(interval for one in joined if (interval := _settled(one, here)))


def event(text: str, now: float, tz: tzinfo = UTC, *, day_first: bool = False) -> Interval | None:
    """The most specific time a text names: the shortest, the first of equals; None if none."""
    found = spans(text, now, tz, day_first=day_first)
    return min(found, key=lambda one: one.end - one.start, default=None)


def mentions_time(text: str) -> bool:
    """Whether a text names a time at all; whatever the moment it is read from."""
    return bool(spans(text, _ANY_MOMENT))


_ANY_MOMENT = datetime(2023, 6, 14, 12, tzinfo=UTC).timestamp()


def _phrases(text: str, here: Here) -> Iterator[_Found]:
    """Every reading of every phrase, overlapping."""
    cues = {match.lastgroup for match in CUES.finditer(text)}
    if not cues:
        return
    for pattern, read, needs in (*RULES, *CLOCKS):
        for match in pattern.finditer(text) if needs <= cues else ():
            meaning = _read(read, match, here)
            if meaning:
                yield _Found(*match.span(), meaning)
    for pattern, compose in ((_RANGE, _range), (_OPEN, _open), (_THIRD, _third)):
        for match in pattern.finditer(text):
            found = _read(compose, match, here)
            if found:
                yield found


def _read(
    read: Callable[[re.Match[str], Here], _T | None], m: re.Match[str], here: Here
) -> _T | None:
    try:
        return read(m, here)
    except (ValueError, OverflowError):  # no such day: 31 February, or beyond the calendar
        return None


def _phrase(text: str, at: int, here: Here) -> _Found | None:
    """The longest phrase that begins there, after a word that tells a time is coming."""
    best: _Found | None = None
    for pattern, read, _ in (*RULES, *BARE):
        match = pattern.match(text, at)
        if match and (best is None or match.end() > best.end):
            meaning = _read(read, match, here)
            best = _Found(*match.span(), meaning) if meaning else best
    return best


def _range(match: re.Match[str], here: Here) -> _Found | None:
    """`between March and May 2023`: a name without a year takes it from the other."""
    text = match.string
    one = _phrase(text, match.end(), here)
    link = _AND.match(text, one.end) if one else None
    other = _phrase(text, link.end(), here) if link else None
    if one is None or other is None:
        return None
    (first, recurs), (last, again) = one.meaning, other.meaning
    if recurs and not again and last.start.tzinfo is None:
        first = spells.pick(recurs(last.start), last.start, "begun")
    if again and first.start.tzinfo is None:
        last = spells.pick(again(first.start), first.start, "coming")
    return _between(match.start(), other, _epoch(first.start, here), _epoch(last.end, here))


def _open(match: re.Match[str], here: Here) -> _Found | None:
    """`since June`: up to now; `until`, `by`, `before`, `after`: open to the edge."""
    one = _phrase(match.string, match.end(), here)
    if one is None:
        return None
    word, stretch = match["word"].lower(), one.meaning.stretch
    if one.meaning.recurs and word != "before" and word != "after":
        which: spells.Which = "begun" if word == "since" else "coming"
        stretch = spells.pick(one.meaning.recurs(here.wall), here.wall, which)
    start, end = _epoch(stretch.start, here), _epoch(stretch.end, here)
    edges = {"since": (start, here.now), "after": (end, LATEST), "before": (EARLIEST, start)}
    return _between(match.start(), one, *edges.get(word, (EARLIEST, end)))


def _third(match: re.Match[str], here: Here) -> _Found | None:
    """`early May`, `mid-2020`, `the end of last year`: a third of it."""
    one = _phrase(match.string, match.end(), here)
    if one is None or one.meaning.stretch.unit not in _DIVIDED:
        return None
    which = _THIRDS.index((match["word"] or match["of"]).lower()) // 3
    return _Found(match.start(), one.end, Meaning(spells.third(one.meaning.stretch, which)))


def _between(at: int, last: _Found, start: float, end: float) -> _Found | None:
    span = (at, last.end)
    whole = Interval(start, end, span, "range")
    return _Found(*span, last.meaning, whole) if start < end else None


def _joined(text: str, found: list[_Found], here: Here) -> list[_Found]:
    """A clock time beside a day becomes that time of that day."""
    result: list[_Found] = []
    for one in found:
        before = result[-1] if result else None
        pair = before and _time_of_day(before, one)
        if before and pair and _JOIN.fullmatch(text, before.end, one.start):
            result[-1] = _Found(before.start, one.end, pair)
        else:
            result.append(one)
    return result


def _time_of_day(one: _Found, other: _Found) -> Meaning | None:
    clock, day = one.meaning.stretch, other.meaning.stretch
    if clock.unit not in _CLOCK_SECONDS:
        clock, day = day, clock
    aware = clock.start.tzinfo or day.start.tzinfo
    if one.interval or other.interval or aware or clock.unit not in _CLOCK_SECONDS:
        return None
    if day.unit not in ("day", "part of day"):
        return None
    moved = datetime.combine(day.start, clock.start.time())
    return Meaning(clock._replace(start=moved, end=moved + (clock.end - clock.start)))


def _settled(one: _Found, here: Here) -> Interval | None:
    """In seconds; None for a day that a time zone skipped."""
    if one.interval:
        return one.interval
    stretch = one.meaning.stretch
    start = _epoch(stretch.start, here)
    size = _CLOCK_SECONDS.get(stretch.unit)  # exact also where the wall clock jumps
    end = start + size if size else _epoch(stretch.end, here)
    return Interval(start, end, (one.start, one.end), stretch.unit) if start < end else None


def _epoch(at: datetime, here: Here) -> float:
    return (at if at.tzinfo else at.replace(tzinfo=here.tz)).timestamp()
