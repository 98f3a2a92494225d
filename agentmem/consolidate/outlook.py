"""By rule, in English: the sentences of a talk that look ahead, each with where it was said."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

from agentmem.clock import moment
from agentmem.core import Record
from agentmem.extract.clauses import turns
from agentmem.extract.dates import spans
from agentmem.extract.english import CALENDAR
from agentmem.extract.gist import STOP_WORDS
from agentmem.stores.segment import sentences
from agentmem.text import fold, words

__all__ = ["ABOUT", "About", "Line", "lines"]

About = Literal["commitment", "ahead", "gain", "repair"]
ABOUT: dict[About, str] = {  # what a line is about, and the heading of such lines
    "commitment": "Agreed and promised",
    "ahead": "Coming up",
    "gain": "Gained by going on",
    "repair": "Would put things right",
}
DONE = 0.5  # share of a promise's telling words that a sentence has that says it is done
CLOSERS = 256  # later sentences that may say that a promise is done
DAY = 86_400.0
FAR = 10 * 365.25 * 86_400.0  # seconds; "from Monday on" has no end worth a date

_COMMITMENT = re.compile(
    r"\b(?:i|we)(?:'ll| will| shall| won't| will not| promise| agree| agreed| commit| guarantee"
    r"|'ve agreed| have agreed)\b(?! (?:see|say|admit|bet|be honest|never know|think about it))"
    r"|\blet's\b(?! (?:see|say|face it|hope))|\blet us\b|\b(?:it's|that's) a deal\b"
    r"|\bpromised\b|\bcount on me\b"
    r"|\b(?:our|the|an) (?:agreement|deal) (?:is|was|that|to|stands)\b|\byou have my word\b"
)
_AHEAD = re.compile(
    r"\b(?:next (?:time|round|game|week|month|year|meeting)|looking forward|upcoming|deadline"
    r"|(?:is|are) due|plan(?:s|ning)? to|(?:'re|are|'m|am|is|'s) going to|opportunity|chance to)\b"
)
_GAIN = re.compile(
    r"\b(?:both of us|each of us|we both|for both|win[- ]win|mutual|benefits?|better off"
    r"|(?:saves?|helps?|gives?|earns?|gets?) (?:us|you|me|both)\b|in the long (?:run|term)"
    r"|long-term|if we (?:both |all )?(?:keep|go on|continue|share|cooperate|work together))\b"
)
_REPAIR = re.compile(
    r"\b(?:sorry|apologi[sz]ed?|apology|make (?:it|this|that|things) (?:right|good|up)"
    r"|make up for|compensate|refund|pay (?:you|it|me|us) back|forgiv(?:e|en|ing)|owe you"
    r"|start over|second chance)\b"
)
_ASSENT = re.compile(
    r"(?:(?:ok(?:ay)?|yes|sure|great|good|all right|alright),? )?"
    r"(?:(?:it's a |that's a )?deal|agreed|i agree|we agree|it's settled)[.!]*$"
)
_CLOSED = re.compile(
    r"\b(?:done|finished|completed|paid|delivered|sent|returned|arrived|cancell?ed|called off"
    r"|settled|fixed|kept (?:my|his|her|their|the) (?:promise|word)|no longer|off the table)\b"
)
_PATTERNS: tuple[tuple[About, re.Pattern[str]], ...] = (
    ("commitment", _COMMITMENT),
    ("repair", _REPAIR),
    ("gain", _GAIN),
    ("ahead", _AHEAD),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One line of a brief: what it is about, and the ids of the records that it rests on."""

    about: About
    text: str
    sources: tuple[str, ...]
    until: float | None = None  # second at which what it speaks of is over


@dataclass(frozen=True)
class _Sentence:
    """What somebody says in one sentence, on one line."""

    speaker: str  # "" if unknown
    said: str
    record: Record

    @property
    def text(self) -> str:
        return f"{self.speaker}: {self.said}" if self.speaker else self.said

    @property
    def asks(self) -> bool:
        return self.said.endswith("?")

    @cached_property
    def plain(self) -> str:
        return self.said.lower().replace("’", "'")

    @cached_property
    def telling(self) -> set[str]:
        """The words that tell what it is about, times and numbers aside."""
        return {word for word in words(self.said) if word.isalpha()} - STOP_WORDS - CALENDAR


def lines(records: Sequence[Record], said: Sequence[str], now: float) -> list[Line]:
    """What some records, oldest first, say of the time after `now`; what is over is left out.

    `said`: the text of each.  A promise is over when its date has passed, or when a later sentence
    that has most of its words says that it is done or off.  A bare "Deal!" stands with what it
    agrees to.  The same said twice is one line with both as sources.
    """
    every = [one for record, text in zip(records, said, strict=True) for one in _said(record, text)]
    found: dict[tuple[About, str], Line] = {}
    closing: deque[_Sentence] = deque(maxlen=CLOSERS)  # the next ones after this
    agreed: _Sentence | None = None  # the one after this, if it only agrees
    for one in reversed(every):
        both = [one, agreed] if agreed is not None else [one]
        if agreed is None and _ASSENT.match(one.plain) and one is not every[0]:
            agreed = one
            continue
        about, until = _about(one, now)
        if agreed is not None and (about is not None or one.asks):
            about = "commitment"
        agreed = None
        if one.asks and len(both) == 1:
            continue
        if about == "commitment" and any(_closes(late, one) for late in closing):
            about = None
        if _CLOSED.search(one.plain):
            closing.append(one)
        if about is not None:
            text = _dated(" ".join(part.text for part in both), until)
            key = about, fold(text)
            cited = found[key].sources if key in found else ()
            sources = tuple(dict.fromkeys((*(part.record.id for part in both), *cited)))
            found[key] = Line(about=about, text=text, sources=sources, until=until)
    return list(found.values())[::-1]


def _said(record: Record, text: str) -> Iterator[_Sentence]:
    for speaker, said, _ in turns(text):
        for sentence in sentences(said):
            if plain := " ".join(sentence.split()):
                yield _Sentence(speaker or "", plain, record)


def _about(one: _Sentence, now: float) -> tuple[About | None, float | None]:
    """What a sentence is about, if it looks ahead, and when that is over."""
    about = next((name for name, pattern in _PATTERNS if pattern.search(one.plain)), None)
    said_at = one.record.created
    times = [span for span in spans(one.said, said_at) if said_at < span.end < now + FAR]
    until = max((span.end for span in times), default=None)
    if until is not None and until <= now:
        return (about if about in ("gain", "repair") else None), None
    if about is None and any(not said_at - DAY < span.start <= said_at for span in times):
        about = "ahead"  # "on Friday", "by Friday", but not "today"
    return about, until


def _closes(late: _Sentence, promise: _Sentence) -> bool:
    wanted = promise.telling
    return bool(wanted) and len(wanted & late.telling) >= DONE * len(wanted)


def _dated(text: str, until: float | None) -> str:
    """The text with the last day on which it holds, as a reader cannot know what "Friday" was."""
    return text if until is None else f"{text} ({moment(until - 1.0):%Y-%m-%d})"
