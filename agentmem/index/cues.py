"""What the form of a text tells: who speaks, whether it asks, and whether it asks of the past.

The speaker of "Ann Lee: I am off" is "ann lee"; a query speaks of her if it holds these words in a
row.  Names are kept as hashes, 0 for none.
"""

from __future__ import annotations

import re

from agentmem.ledger.rows import word_hash
from agentmem.text import words

HEAD, TAIL = 48, 4  # characters of a text that are looked at: its first, its last
LONGEST = 3  # words of a name
_SPEAKER = re.compile(r"\s*([^\s:][^:\n]{0,39}):\s")
_PAST = re.compile(
    r"\b(ago|back then|earlier|former(ly)?|initially|in the past|original(ly)?|previous(ly)?"
    r"|used to|(at|the|for the) first( time)?"
    r"|(when|how long|what (year|date|day|time)) (did|had|was|were)"
    r")\b|\bbefore\W*$",
    re.IGNORECASE,
)
_ASKS = ("?", "\uff1f", "\u061f", "\u037e")  # Latin, full width, Arabic, Greek


def speaker(head: str) -> int:
    """The speaker of a text that begins with "name: ", as a hash; 0 for none."""
    found = _SPEAKER.match(head[:HEAD])
    name = words(found[1]) if found else []
    return word_hash(" ".join(name)) if 0 < len(name) <= LONGEST else 0


def asks(tail: str) -> bool:
    """Does a text end as a question?"""
    return tail[-TAIL:].rstrip().endswith(_ASKS)


def named(query: str) -> list[int]:
    """The hash of every run of words in a query that could be a speaker's name."""
    asked = words(query)
    runs = (asked[i : i + n] for n in range(1, LONGEST + 1) for i in range(len(asked) - n + 1))
    return sorted({word_hash(" ".join(run)) for run in runs})


def past(query: str) -> bool:
    """Does a query ask of what was, or of when, so that newer is no better?  English only."""
    return _PAST.search(query) is not None
