"""How much a text tells: the default importance of a record, settled when it is added.

    bits  = sum over the distinct words of  share x -log2 P(word)
    told  = bits, doubled where the text answers, doubled again where it names a time
    importance = told / (told + HALF)                                     in [0, 1)

P(word) is the share of the namespace's earlier records that hold the word, smoothed by one record
more that holds every word by 1 / 1000.  That prior is what lets the first texts of a namespace
count as much as later ones.  The sum, not the mean: what says more is worth more.  It is the
text-level analogue of keeping tokens by surprisal (SirLLM, arXiv 2405.12528).

Sentences that ask tell less than sentences that state: their words have a share of a quarter.  What
follows a question in the same hour is its answer, and what is dated is asked for most.  Question
marks are read in many scripts, words for times in English; where no cue is found none counts.
`bench/budget.py` measures what each part is worth.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from math import log2

from agentmem.text import words

PRIOR = 0.001  # share of a record that every word is taken to stand in beforehand
ASKED = 0.25  # share of a word that stands in questions only
ANSWER = 2.0  # factor of a text that answers
DATED = 2.0  # factor of a text that names a time
HALF = 128.0  # bits at which importance is one half: about a dozen new words
WITHIN = 3600.0  # seconds from a question to what counts as its answer

_MARKS = "?\uff1f\u061f\u037e"  # question marks: Latin, full width, Arabic, Greek
_ENDS = rf".!\n\u3002\uff01{_MARKS}"
_SENTENCE = re.compile(f"[^{_ENDS}]+[{_ENDS}]*")
_ASKS = re.compile(f"[{_MARKS}]")
_ENGLISH = """
today tonight yesterday tomorrow ago last next morning night day days week weeks weekend weekends
month months year years spring summer autumn winter monday tuesday wednesday thursday friday
saturday sunday january february march april june july august september october november december
"""
_TIMES = frozenset(_ENGLISH.split())


def asks(text: str) -> bool:
    """Does a text ask something, anywhere in it?"""
    return _ASKS.search(text) is not None


def shares(text: str) -> dict[str, float]:
    """The distinct words of a text in order; 1 where one stands in a statement, else ASKED."""
    if not asks(text):
        return dict.fromkeys(words(text), 1.0)
    found: dict[str, float] = {}
    for sentence in _SENTENCE.findall(text):
        share = ASKED if asks(sentence) else 1.0
        for word in words(sentence):
            found[word] = max(found.get(word, 0.0), share)
    return found


def dated(text: Iterable[str]) -> bool:
    """Does one of the words of a text stand for a time?"""
    return not _TIMES.isdisjoint(text)


def surprisal(holders: int, records: int) -> float:
    """Bits of surprise in a word that `holders` of `records` earlier records hold, >= 0."""
    return max(log2((records + 1.0) / (holders + PRIOR)), 0.0)


def importance(
    text: Mapping[str, float], holders: Sequence[int], records: int, *, answers: bool = False
) -> float:
    """How much a text tells, in [0, 1).

    `text`: its `shares`; `holders`: how many of the `records` earlier records of its namespace hold
    each word, in the same order; `answers`: a question went before it.
    """
    bits = zip(text.values(), holders, strict=True)
    told = sum(share * surprisal(held, records) for share, held in bits)
    told *= ANSWER if answers else 1.0
    told *= DATED if dated(text) else 1.0
    return told / (told + HALF)
