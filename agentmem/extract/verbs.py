"""The verb of a clause with all that goes with it: "will not start", "wants to open"."""

from __future__ import annotations

from collections.abc import Sequence

from agentmem.extract import english as en
from agentmem.extract.english import Token
from agentmem.extract.grammar import after_adverbs, is_adverb
from agentmem.extract.timing import time_at

_ASPECT = en.word_set("""
    start starts started begin begins began stop stops stopped love loves loved like likes liked
    enjoy enjoys enjoyed hate hates hated finish finished finishes keep keeps kept quit quits
    consider considers considering go goes went going try tries tried prefer prefers
""")
_GO = en.word_set("go goes went going gone")
_LONG = {"'s": "is", "'re": "are", "'m": "am", "'ve": "have", "'ll": "will", "n't": "not"}
_STOP = (en.SUBORDINATORS | en.COORDINATORS) - en.PREPOSITIONS
_STEMS = {"ca": "can", "wo": "will"}


def verb_group(words: Sequence[Token], verb: int) -> tuple[list[str], int, bool]:
    """The verb with auxiliaries, negation and "to" chain; the place after it; whether a copula.

    Adverbs on the way are left out, negations kept.
    """
    relation: list[str] = []
    at, last = verb, min(len(words), verb + 10)
    while at < last and (_is_auxiliary(words[at]) or is_adverb(words[at])):
        low = words[at].low
        if low == "'s" and at + 1 < last and words[at + 1].low in ("been", "got"):
            low = "has"
        if low in en.NEGATIONS or not is_adverb(words[at]):
            stem = at + 1 < len(words) and words[at + 1].low == "n't"
            relation.append(_STEMS.get(low, low) if stem else _LONG.get(low, low))
        at += 1
    verbs = [word for word in relation if word not in en.NEGATIONS]
    auxiliary = bool(verbs)
    copular = auxiliary and verbs[-1] in en.BE
    if at < last and not (auxiliary and _complete(words, at, relation, copular)):
        relation.append(words[at].low)
        at, copular = at + 1, False
    elif auxiliary and not copular and verbs[-1] in en.MODALS:
        return [], at, False
    at = _chain(words, at, relation) if not copular else at
    return _joined(relation), at, copular


def _is_auxiliary(word: Token) -> bool:
    return word.low in en.AUXILIARIES or word.low == "'s"


def _joined(relation: list[str]) -> list[str]:
    """The relation with "can not" as one word."""
    text = " ".join(relation).replace("can not", "cannot")
    return text.split()


def _complete(words: Sequence[Token], at: int, relation: Sequence[str], copular: bool) -> bool:
    """Whether the auxiliaries are the verb themselves, as in "has two cats"."""
    word = words[at]
    low = word.low
    if copular:
        progressive = low in en.GERUNDS
        passive = low in en.PARTICIPLES and _continues(words, at + 1)
        return not (progressive or passive)
    verbs = [v for v in relation if v not in en.NEGATIONS]
    if verbs[-1] in en.HAVE:
        return not (low in en.PARTICIPLES or (low.endswith("ed") and low not in en.CLOSED))
    if verbs[-1] in en.DO:
        return low not in en.BASES
    return False


def _continues(words: Sequence[Token], at: int) -> bool:
    """Whether a complement follows: not the end, a clause or a mark."""
    if at >= len(words) or not words[at].text[0].isalnum():
        return False
    return words[at].low not in _STOP


def _chain(words: Sequence[Token], at: int, relation: list[str]) -> int:
    """Take in "to visit", "playing": the place after; the relation grows."""
    for _ in range(3):
        verb = after_adverbs(words, at + 1)
        if verb < len(words) and words[at].low == "to" and words[verb].low in en.BASES:
            relation += ["to", words[verb].low]
            at = verb + 1
            continue
        gerund = at < len(words) and relation[-1] in _ASPECT and words[at].low in en.GERUNDS
        if not gerund or not (_continues(words, at + 1) or relation[-1] in _GO):
            break
        if relation[-1] not in _GO and time_at(words, at + 1):
            break
        relation.append(words[at].low)
        at += 1
    return at
