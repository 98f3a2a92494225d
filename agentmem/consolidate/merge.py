"""Near-duplicates become one record; nothing that only one of them says is lost."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import ceil, copysign
from typing import Annotated, ClassVar

from agentmem.consolidate.combining import combined, richness
from agentmem.core import Change, Record
from agentmem.extract.english import ADVERBS, AUXILIARIES, INTERJECTIONS, NEGATIONS, word_set
from agentmem.extract.identifiers import identify
from agentmem.fields import Bounds
from agentmem.steps import Steps
from agentmem.structure import Consolidator, Overview
from agentmem.text import words

__all__ = ["Merge"]

MOST = 64  # candidates that are compared with one record
ANSWERS = word_set("no nope nah yes yeah yep yup ok okay sure")
FREE = word_set("a an the please just really very so also too") | (INTERJECTIONS - ANSWERS)
NUMBERS = word_set("""
    zero one two three four five six seven eight nine ten eleven twelve twenty thirty forty fifty
    sixty seventy eighty ninety hundred thousand million billion first second third last next half
    both all none every each few many most some any only
""")
TURNS = word_set("""
    no without used longer instead than if unless until before after stopped quit except but
    cancelled canceled denied refused failed false fake supposedly allegedly joke almost nearly
""")
GUARDS = (AUXILIARIES | NEGATIONS | (ADVERBS - FREE) | NUMBERS | TURNS) | word_set(
    "don didn doesn isn wasn aren couldn wouldn shouldn won hasn haven hadn can t"
)
_SIGNED = re.compile(r"[-−+]\d[\d.,]*|\d[\d.,]*\d|\w+(?:\+\+|#)|\?")
_DIGIT = re.compile(r"\d")


@dataclass(frozen=True, kw_only=True)
class Merge(Consolidator):
    """Of two records that say the same, the one that tells more stays and stands for the other.

    The other is superseded, never deleted.  They say the same if they are of one kind, source and
    sign of valence, name the same identities and numbers, and both ask or both do not; if the
    longer begins with the words of the shorter, articles and the like aside, and adds no negation,
    auxiliary, adverb or number at its end; and if their sets of words have a Jaccard index of
    `similarity` at least.  So facts that differ in a number, a name or a "not" stay apart, in any
    language, and so do paraphrases and what a word within turns ("the spare key", "almost paid").
    Candidates share a rare word (prefix filter of All Pairs: Bayardo et al. 2007), the `MOST`
    richest of them.
    """

    name: ClassVar[str] = "merge"

    similarity: Annotated[float, Bounds(least=0.5, most=1)] = 0.8  # Jaccard index of the words
    kinds: tuple[str, ...] = ("chunk", "fact")  # of the records looked at

    def concerns(self, staying: int, leaving: int) -> bool:
        return staying > 1

    def consolidate(self, leaving: Sequence[Record], around: Overview) -> Steps[Change]:
        staying = yield from around.staying()
        groups: dict[tuple[object, ...], list[_Said]] = defaultdict(list)
        for record in staying:
            if record.kind in self.kinds:
                said = _Said(record)
                groups[said.group].append(said)
        heirs: dict[str, Record] = {}  # id of what is superseded -> what stays
        for group in groups.values():
            heirs |= self._heirs(group)
        stands: dict[str, list[Record]] = defaultdict(list)
        by_id = {record.id: record for record in staying}
        for name, heir in heirs.items():
            stands[heir.id].append(by_id[name])
        return Change(
            update=tuple(combined(by_id[name], others) for name, others in stands.items()),
            supersede=tuple((name, heir.id) for name, heir in heirs.items()),
            reason="said again",
            policy=self.name,
        )

    def _heirs(self, group: Sequence[_Said]) -> Iterator[tuple[str, Record]]:
        """(id, record that stands for it), the richest records first."""
        held = Counter(word for said in group for word in said.bag)
        index: dict[str, list[_Said]] = defaultdict(list)  # word -> those that stay, richest first
        for said in sorted(group, key=lambda one: richness(one.record), reverse=True):
            rare = sorted(said.bag, key=lambda word: (held[word], word))
            prefix = rare[: len(rare) - ceil(self.similarity * len(rare)) + 1]
            heir = next((one for one in _candidates(index, prefix) if self._same(said, one)), None)
            if heir is not None:
                yield said.record.id, heir.record
                continue
            for word in prefix:
                index[word].append(said)

    def _same(self, said: _Said, richer: _Said) -> bool:
        """Does a richer text say all that this one says, and nothing against it?"""
        shared = len(said.bag & richer.bag)
        if shared < self.similarity * len(said.bag | richer.bag):
            return False
        return richer.holds(said) and said.identities == richer.identities


class _Said:
    """What a record says, as words."""

    def __init__(self, record: Record) -> None:
        self.record = record
        self.words = [word for word in words(record.text) if word not in FREE]
        self.bag = frozenset(self.words)

    @property
    def group(self) -> tuple[object, ...]:
        """Records of different groups never say the same."""
        numbers = tuple(sorted(word for word in self.words if _DIGIT.search(word)))
        one = self.record
        marks = tuple(sorted(mark.rstrip(".,") for mark in _SIGNED.findall(one.text)))
        return one.kind, one.source, copysign(bool(one.valence), one.valence), numbers, marks

    @cached_property
    def identities(self) -> frozenset[tuple[str, str]]:
        found = identify(self.record.text)
        return frozenset((one.kind, one.value) for one in found)

    def holds(self, other: _Said) -> bool:
        """Does it begin with the other's words, and add nothing that turns the meaning?"""
        n = len(other.words)
        return self.words[:n] == other.words and GUARDS.isdisjoint(self.words[n:])


def _candidates(index: Mapping[str, Sequence[_Said]], prefix: Iterable[str]) -> list[_Said]:
    """At most MOST of those that share a rare word, the rarest word first."""
    found: dict[int, _Said] = {}
    for word in prefix:
        for one in index.get(word, ())[: MOST - len(found)]:
            found[id(one)] = one
    return list(found.values())
