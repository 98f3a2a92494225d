"""Where a time expression stands in a list of tokens: "in 2019", "last week", "twice a week"."""

from __future__ import annotations

import re
from collections.abc import Sequence

from agentmem.extract import english as en
from agentmem.extract.english import Token

_UNIT = (
    r"(?:second|minute|hour|day|night|week|weekend|month|year|decade|morning|afternoon|evening|"
    r"summer|winter|spring|fall|autumn|semester|season)s?"
)
_DAY = rf"(?:{'|'.join(sorted(en.CALENDAR))})"
_COUNT = (
    r"(?:\d+|a|an|one|two|three|four|five|six|seven|eight|nine|ten|few|a few|several|many|some)"
)
_WHEN = (
    rf"(?:{_DAY}(?: (?:\d{{1,4}}|morning|afternoon|evening|night))?(?: ,? ?\d{{4}})?"
    rf"|(?:last|next|this|every|each|that|the last|the next|the past|past) (?:{_COUNT} )?"
    rf"(?:{_UNIT}|{_DAY})(?: (?:morning|afternoon|evening|night))?"
    rf"|{_COUNT} {_UNIT} (?:ago|later|earlier|from now)"
    rf"|(?:once|twice|{_COUNT} times) (?:a|an|per|every|each) {_UNIT}"
    r"|yesterday|today|tomorrow|tonight|(?:19|20)\d\d|\d{4}-\d\d-\d\d)\b"
)
_CLOCK = rf"(?:\d{{1,2}}:\d\d(?: [ap]m)?|\d{{1,2}} ?[ap]m|noon|midnight|night|(?:the )?{_UNIT})\b"
_TIME = re.compile(
    rf"(?:(?P<prep>in|on|at|since|for|until|by|during|before|after|around|about) )?"
    rf"(?P<when>{_WHEN})"
    rf"|(?P<at>at|in|on|during) (?P<clock>{_CLOCK})|(?P<for>for|in) (?P<span>{_COUNT} {_UNIT})\b"
)
_REACH = 7  # tokens in the longest expression


def time_at(words: Sequence[Token], at: int) -> tuple[str, int] | None:
    """The preposition ("" if none) of a time expression that begins at `at`; the place after it."""
    near = [word.low for word in words[at : at + _REACH]]
    match = _TIME.match(" ".join(near))
    if match is None:
        return None
    prep = match["prep"] or match["at"] or match["for"] or ""
    return prep, at + len(match[0].split())
