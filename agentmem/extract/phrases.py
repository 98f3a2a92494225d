"""English phrases for times: one pattern each, and the reading that tells what it means."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import NamedTuple

from agentmem.extract import readings as read
from agentmem.extract import spells
from agentmem.extract.readings import Here, Meaning

_S = r"\s{1,3}"  # bounded, so that no pattern backtracks over a long run of blanks
_MONTHS = (
    r"January|February|March|April|May|June|July|August|September|October|November|December"
    r"|(?:Jan|Feb|Mar|Apr|Jun|Jul|Aug|Sept?|Oct|Nov|Dec)\b\.?"
)
_MONTH = rf"(?P<month>{_MONTHS})(?!\w)"
_COUNTED = (
    "bc|days|dollars|euros|hours|items|kilometers|km|messages|meters|miles|minutes|of|people|points"
    "|pounds|seconds|steps|times|tokens|units|users|weeks|words|years"
)
_YEAR = rf"(?P<year>(?:19|20)\d\d)(?![\w%]|[.,:/-]\d|{_S}(?:{_COUNTED})\b)"
_SHORT = r"(?P<short>Mon|Tues?|Wed|Thu(?:rs)?|Fri|Sat|Sun)\b\.?"
_WEEKDAY = rf"(?P<weekday>{'|'.join(spells.WEEKDAYS)}|{_SHORT})"
_SEASON = rf"(?P<season>{'|'.join(spells.SEASONS)})"
_PART = "(?P<part>morning|afternoon|evening|night)"
_NUMBER = (
    rf"(?P<number>\d{{1,3}}|(?:a{_S})?few|(?:a{_S})?couple(?:{_S}of)?|several|an?"
    rf"|{'|'.join(read.SMALL)})"
)
_UNIT = r"(?P<unit>minute|hour|day|week|weekend|month|year|decade)s?\b"
_NTH = r"(?:st|nd|rd|th)?"
CUES = re.compile(  # one pass that tells which rules could match at all; `decade` before `dec`
    r"(?P<digit>\d)|\b(?:(?P<unit>minute|hour|day|week|month|year|decade)"
    r"|(?P<month>jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)"
    r"|(?P<weekday>mon|tue|wed|thu|fri|sat|sun)|(?P<last>last\b)"
    rf"|(?P<season>{'|'.join(spells.SEASONS)})|(?P<day>today|tonight|yesterday|tomorrow)"
    r"|(?P<part>morning|afternoon|evening|night))",
    re.IGNORECASE,
)


class Rule(NamedTuple):
    """A phrase: its pattern, its reading, and the cues without which it cannot match."""

    pattern: re.Pattern[str]
    read: Callable[[re.Match[str], Here], Meaning | None]  # ValueError: no such day
    needs: frozenset[str]


def _rule(
    needs: str, pattern: str, reading: Callable[[re.Match[str], Here], Meaning | None]
) -> Rule:
    return Rule(re.compile(pattern, re.IGNORECASE), reading, frozenset(needs.split()))


_TO = r"(?:\s?[–-]\s?(?P<to>\d{1,2})(?:st|nd|rd|th)?)?(?![\d]|[.:/]\d)"
_DURING = rf"(?:in|during|throughout|over){_S}"
_NAMES = "|".join((*spells.WEEKDAYS, *spells.MONTHS, *spells.SEASONS))
CLOCKS = (
    _rule(
        "digit",
        rf"(?<![\w.:/$-])(?:(?:at|around|about){_S})?(?<![\w.:/$-])(?P<h>\d{{1,2}})"
        r"(?:[:.](?P<min>[0-5]\d))?\s?(?P<half>[ap])(?:m\b|\.m\.)",
        read.clock,
    ),
    _rule(
        "digit", rf"\b(?:at|around){_S}(?P<h>[01]?\d|2[0-3]):(?P<min>[0-5]\d)(?![\w:])", read.clock
    ),
)
BARE = (  # names that need a word before them to be a time: "since May", "until 2021"
    _rule("month", rf"(?:the{_S})?{_MONTH}", read.month),
    _rule("digit", _YEAR, read.year),
)
RULES = (
    _rule("digit",
        r"(?<![\w./:-])(?P<year>(?:19|20)\d\d)(?P<sep>[/-])(?P<m>\d\d)(?P=sep)(?P<d>\d\d)"
        r"(?:[T ](?P<h>\d\d):(?P<min>\d\d)(?::\d\d(?:\.\d{1,9})?)?(?P<zone>Z|[+-]\d\d:\d\d)?)?"
        r"(?![\w/-]|[.:]\d)",
        read.iso,
    ),
    _rule("digit",
        r"(?<![\w./:-])(?<!version )(?<!release )(?P<a>\d{1,2})(?P<sep>[/.])(?P<b>\d{1,2})(?P=sep)"
        r"(?P<year>(?:19|20)\d\d)(?![\w/-]|[.:]\d)",
        read.slashed,
    ),
    _rule("digit month",
        rf"\b(?:on{_S})?(?<!\w){_MONTH}{_S}(?P<day>\d{{1,2}}){_NTH}{_TO}(?!\w)"
        rf"(?:,?{_S}(?:in{_S})?{_YEAR})?",
        read.date,
    ),
    _rule("digit month",
        rf"\b(?:on{_S})?(?:the{_S})?(?<![\w.,:/$€£-])(?P<day>\d{{1,2}}){_NTH}{_TO}{_S}(?:of{_S})?"
        rf"{_MONTH}(?:,?{_S}(?:in{_S})?{_YEAR})?",
        read.date,
    ),
    _rule("digit month",
        rf"\b(?:{_DURING})?(?<!\w){_MONTH}(?:,|{_S}of)?{_S}{_YEAR}", read.month_of_year
    ),
    _rule("month",
        rf"\b(?:{_DURING}|(?P<det>last|past|this|next|coming){_S}){_MONTH}(?!{_S}\d)", read.month
    ),
    _rule("digit", rf"\b(?:(?:{_DURING}|of{_S})(?:the{_S}year{_S})?|year{_S}){_YEAR}", read.year),
    _rule("digit", rf"\b(?:{_DURING})?(?:the{_S})?(?P<year>(?:19|20)\d0)['’]?s\b", read.decade),
    _rule("season",
        rf"\b(?P<in>{_DURING})?(?:(?:the|(?P<det>last|past|this|next|coming)){_S})?(?<!\w){_SEASON}\b"
        rf"(?:,?{_S}(?:of{_S})?{_YEAR})?",
        read.season,
    ),
    _rule("unit",
        rf"\b(?:{_DURING})?(?:the{_S})?(?P<det>{'|'.join(read.WHICH)}){_S}"
        rf"(?P<unit>week|weekend|month|year|decade)\b(?!{_S}(?:of|before)\b)",
        read.unit,
    ),
    _rule("last",
        rf"\b(?:{_DURING})?the{_S}(?P<name>week|weekend|month|year|night|{_NAMES}){_S}before{_S}last\b",
        read.before_last,
    ),
    _rule("day",
        rf"\b(?:(?:earlier|later){_S})?(?P<word>the{_S}day{_S}before{_S}yesterday"
        rf"|the{_S}day{_S}after{_S}tomorrow|today|tonight|yesterday|tomorrow)(?:{_S}{_PART})?\b",
        read.day,
    ),
    _rule("part", rf"\b(?P<det>this|last){_S}{_PART}\b", read.part),
    _rule("weekday",
        rf"\b(?<!Black )(?<!Good )(?P<on>on{_S})?(?:(?P<det>last|past|this|next|coming){_S})?"
        rf"(?<!\w){_WEEKDAY}(?!\w)(?:{_S}{_PART})?(?!\w)",
        read.weekday,
    ),
    _rule("unit",
        rf"\b(?:(?:about|around|over|almost|nearly|roughly){_S})?(?<![\w.,-]){_NUMBER}{_S}{_UNIT}{_S}"
        rf"(?:(?P<ago>ago|back)|from{_S}now)\b(?P<in>)?",
        read.away,
    ),
    _rule("unit", rf"\b(?P<in>in){_S}{_NUMBER}{_S}{_UNIT}(?P<ago>(?!))?", read.away),
    _rule("unit",
        rf"\b(?:{_DURING})?(?:(?:the|these){_S})?(?P<det>last|past|previous|next|coming){_S}"
        rf"{_NUMBER}{_S}{_UNIT}",
        read.lately,
    ),
)  # fmt: skip
