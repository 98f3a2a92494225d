"""Reasoning that led to verified answers, found again by the structure of the question.

After ARM-RAG (Melz, arXiv 2311.04177): rationales of problems that were solved are examples for new
ones, and with names and nouns obscured the question matches by what is asked, not by what about.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import pairwise
from typing import ClassVar, NamedTuple

from agentmem.clock import Moment
from agentmem.errors import InputError
from agentmem.extract import english as en
from agentmem.extract.english import Token, tokens
from agentmem.extract.identifiers import identify
from agentmem.intake import nonempty, whole
from agentmem.modules.keeping import Keeper
from agentmem.steps import Steps, asynchronous, sync

__all__ = ["Rationale", "RationaleMemory", "likeness", "masked"]

NAME, NUMBER, THING = "NAME", "NUM", "THING"
_CANDIDATES = 100  # that a recall looks at, by relevance x retention
_VERBS = en.BASES | en.THIRDS | en.PASTS | en.PARTICIPLES | en.GERUNDS
_NUMBERS = en.word_set("""
    zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen
    sixteen seventeen eighteen nineteen twenty thirty forty fifty sixty seventy eighty ninety
    hundred thousand million dozen
""")
_RELATIONS = en.word_set("""
    half twice double triple third quarter times each per every more less fewer most least total
    altogether remaining left rest sum difference average percent equal equally fraction ratio
    number amount again longer shorter older younger faster slower bigger smaller higher lower
    long old fast far high same other first last next
""")


class Rationale(NamedTuple):
    """A solved problem, and how like the one asked its structure is."""

    id: str
    question: str
    rationale: str
    score: float  # likeness x retention, 0..1


def masked(question: str) -> str:
    """A question with names, numbers and nouns masked: the words that are left are its structure.

    English, by rule: a noun is what is neither a closed-class word, nor a listed verb form or
    adverb, nor a word of quantity; or a verb form after a determiner or number ("a walk").  So an
    adjective is masked with its noun, a verb that is not listed is taken for a noun, and a noun
    that is also a listed verb stays where no determiner precedes it.  Masks in a row are one.
    """
    spans = [(one.start, one.end) for one in identify(question)]
    kept: list[str] = []
    found = tokens(question)
    for at, token in enumerate(found):
        if not token.text[0].isalnum() and token.low not in en.CLOSED:
            continue
        named = any(start < token.end and token.start < end for start, end in spans)
        mask = NAME if named else _mask(token, found[at - 1] if at else None, kept)
        if not (kept and kept[-1] == mask and mask in (NAME, NUMBER, THING)):
            kept.append(mask)
    return " ".join(kept)


def _mask(token: Token, before: Token | None, kept: Sequence[str]) -> str:
    """What stands for a word that belongs to no name: a mask, or itself."""
    low = token.low
    if any(letter.isdigit() for letter in low) or low in _NUMBERS:
        return NUMBER
    if low in en.CALENDAR and token.text[0].isupper():
        return NAME
    if low in en.CLOSED or low in _RELATIONS or low in en.QUESTION or low.endswith("ly"):
        return low
    follows = before is not None and (before.low in en.DETERMINERS or before.low == "'s")
    if low in _VERBS and not (follows or (kept and kept[-1] in (NUMBER, THING) and _plural(low))):
        return low
    if token.text[0].isupper() and not _plural(low):
        return NAME  # it opens a sentence, or the names would have it
    return THING


def _plural(low: str) -> bool:
    return low.endswith("s") and not low.endswith("ss")


def likeness(one: str, other: str) -> float:
    """Dice coefficient of two masked questions over their words and pairs of neighbours, 0..1."""
    first, second = _grams(one), _grams(other)
    total = first.total() + second.total()
    return 2.0 * (first & second).total() / total if total else 0.0


def _grams(key: str) -> Counter[tuple[str, ...]]:
    found = key.split()
    return Counter([(word,) for word in found]) + Counter(pairwise(found))


class RationaleMemory(Keeper):
    """Rationales of verified answers, each found by its masked question."""

    kind: ClassVar[str] = "rationale"

    def _learn(
        self,
        question: str,
        rationale: str,
        *,
        correct: bool,
        sources: Sequence[str] = (),
        now: Moment | None = None,
    ) -> Steps[str | None]:
        """Keep a rationale if its answer was checked and right; its id, or None if it is not kept.

        InputError unless `correct` is True or False: what nobody has checked is not kept.
        """
        if not isinstance(correct, bool):
            raise InputError(f"correct must be True or False, as checked, not {correct!r}")
        question, told = nonempty(question, "question"), nonempty(rationale, "rationale")
        if not correct:
            return None
        key = masked(question)
        if not key:
            raise InputError(f"question {question!r} has no word in it")
        added = yield from self.memory._add(
            f"{question}\n{told}",
            kind=self.kind,
            key=key,
            data={"key": key, "question": question, "rationale": told},
            namespace=self.namespace,
            now=now,
            sources=sources,
        )
        return added[0] if added else None

    def _recall(
        self, question: str, *, k: int = 3, now: Moment | None = None
    ) -> Steps[list[Rationale]]:
        """The k rationales of questions most like this one in structure, best first."""
        whole("k", k, 1)
        key = masked(nonempty(question, "question"))
        hits = yield from self.memory._search(
            key or question,
            namespace=self.namespace,
            k=max(k, _CANDIDATES),
            now=now,
            where={"kind": self.kind},
            reinforce=False,
        )
        found = [
            Rationale(
                hit.id,
                hit.record.data["question"],
                hit.record.data["rationale"],
                likeness(key, hit.record.data["key"]) * hit.why.retention,
            )
            for hit in hits
            if hit.record.namespace == self.namespace
        ]
        return sorted(found, key=lambda one: -one.score)[:k]

    learn, alearn = sync(_learn), asynchronous(_learn)
    recall, arecall = sync(_recall), asynchronous(_recall)
