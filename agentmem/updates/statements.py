"""Statements about people: what excludes what was said before replaces it, by rule."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import ClassVar

from agentmem.core import Change, Record
from agentmem.extract import english as en
from agentmem.steps import Steps
from agentmem.structure import Around, Updater
from agentmem.text import words
from agentmem.updates.claims import Claim, Stated, stated
from agentmem.updates.relations import ATTRIBUTES, COMPANIES

__all__ = ["Statements"]

LEFT = 3  # words that are no fact, in a text whose facts are all replaced
_DO = "(?:like|love|eat|drink|want|need|use|own|play|smoke|trust|live|work|have|enjoy|watch|read)"
_TELLING = re.compile(
    r"\b(?:(?:live|lives|living|lived|reside|resides|based) (?:in|at)"
    r"|(?:moved|relocated|transferred|switched)(?: back| from [\w.& -]+?)? to|moved (?:away|out)"
    r"|(?:work|works|working|worked|employed) (?:at|for|as|by)|joined|resigned"
    r"|(?:job|position|role) (?:at|with)|(?:now|not|'m|is) at"
    r"|(?:quit|left|lost|stopped) (?:my |the |his |her |our )?(?:job|working|(?-i:[A-Z]))"
    rf"|(?:stopped|quit|gave up) \w+ing|no longer|any ?more|any longer|n['’]t {_DO}"
    r"|married|engaged to|dating|relationship with|divorced|broke up|split up|separated|single"
    rf"|turned \d+|\d years old|{_DO}s? [^.!?]{{1,60}} again"
    rf"|(?:['’]s|my|our) (?:new |current )?(?:{ATTRIBUTES}) is)\b",
    re.IGNORECASE,
)
_WORDS = en.word_set("""
    live lives living lived reside resides based moved relocated transferred switched work works
    working worked employed joined resigned job position role quit left lost stopped gave longer
    more anymore t married engaged dating relationship divorced broke split separated single turned
    old again name nickname age birthday phone number email mail address title occupation
    profession employer boss manager password pin username status timezone zone hometown town salary
    rent weight height budget deadline diet favorite favourite
""") | {name.split()[0] for name in COMPANIES}  # one of these is in all that is telling


@dataclass(frozen=True, kw_only=True)
class Statements(Updater):
    """Of statements about one person that exclude each other the older go.

    Where somebody lives, works, with whom, as what, how old, "my X is Y" for the attributes of
    `updates.relations`: one value at a time.  "No longer", "not ... any more", "stopped" take a
    statement back.  What may hold beside it (likes, visits, pets) is added to it, what is past
    ("worked at X in 2020") excludes nothing.  A text goes only if all it states is replaced; its
    derived facts go one by one.  A derived fact that says the same less fully goes for the fuller.
    """

    name: ClassVar[str] = "statements"

    def resolve(self, new: Sequence[Record], around: Around) -> Steps[Sequence[Change]]:
        telling = [one for one in new if _telling(one)]
        asked = {claim for one in telling for claim in _every(_of(one)) if _asks(claim, one)}
        if not asked:
            return ()
        kind = new[0].kind
        found = yield from around.holding(_phrases(asked), kind=kind)
        more = {
            claim
            for one in found
            if len(_of(one).facts) > 1
            and any(c.topic == a.topic for c in _every(_of(one)) for a in asked)
            for claim in _every(_of(one))
        }
        if more - asked:  # the other facts of a text of several
            found += yield from around.holding(_phrases(more - asked), kind=kind)
        order = {one.id: place for place, one in enumerate(new)}
        held = list({one.id: one for one in (*found, *telling)}.values())
        held.sort(key=lambda one: (one.created, order.get(one.id, -1)))
        doubted = yield from _doubted(held, around)
        apart: dict[str, list[Record]] = {}
        for one in held:
            apart.setdefault("" if self.across else one.source, []).append(one)
        return [change for group in apart.values() for change in _replaced(group, doubted)]


def _telling(record: Record) -> bool:
    """Cheap test: may it replace anything?"""
    if record.kind == "triple":
        return True
    return not _WORDS.isdisjoint(words(record.text)) and bool(_TELLING.search(record.text))


def _of(record: Record) -> Stated:
    """What a record states; of a triple, as a sentence."""
    if record.kind != "triple":
        return stated(record.text)
    head, relation, tail = (str(record.data.get(part, "")) for part in ("head", "relation", "tail"))
    attribute = re.fullmatch(ATTRIBUTES, relation, re.IGNORECASE)
    return stated(f"{head}'s {relation} is {tail}." if attribute else f"{head} {relation} {tail}.")


def _every(found: Stated) -> list[Claim]:
    return [claim for fact in found.facts for claim in fact]


def _asks(claim: Claim, record: Record) -> bool:
    """Could it replace anything?  "Likes tea" only takes back that tea was not liked."""
    return not (claim.plain and claim.holds) or "again" in record.text


def _phrases(claims: set[Claim]) -> list[str]:
    return sorted({phrase for claim in claims for phrase in claim.phrases})


def _doubted(held: Sequence[Record], around: Around) -> Steps[dict[str, frozenset[Claim]]]:
    """Of derived records, the claims that are doubtful in the texts from which they come."""
    names = dict.fromkeys(name for one in held for name in one.sources)
    if not names:
        return {}
    found = {one.id: _of(one).doubted for one in (yield from around.get(list(names)))}
    none: frozenset[Claim] = frozenset()
    return {one.id: none.union(*(found.get(name, none) for name in one.sources)) for one in held}


def _replaced(held: Sequence[Record], doubted: Mapping[str, frozenset[Claim]]) -> list[Change]:
    """What goes of some records, oldest first, each with the newest that excludes it."""
    heirs: dict[str, tuple[Record, str]] = {}
    for place, old in enumerate(held):
        found = _of(old)
        if found.rest <= LEFT and found.facts:
            newer = [_excluding(fact, old, held[place + 1 :], doubted) for fact in found.facts]
            certain = [one for one in newer if one is not None]
            if len(certain) == len(newer):
                heirs[old.id] = max(certain, key=lambda one: held.index(one[0]))
            elif old.sources:
                _fuller(old, held[place + 1 :], heirs)
    return [_change(name, heirs) for name in heirs]


def _excluding(
    fact: Sequence[Claim],
    old: Record,
    newer: Sequence[Record],
    doubted: Mapping[str, frozenset[Claim]],
) -> tuple[Record, str] | None:
    """The newest record that says something of which a fact is the contrary, and what."""
    for one in reversed(newer):
        year = datetime.fromtimestamp(one.created, UTC).year
        doubtful = doubted.get(one.id, ())
        for claim in (claim for claim in _every(_of(one)) if claim not in doubtful):
            told = claim.year is None or claim.year >= year
            for before in fact:
                if told and claim.excludes(before):
                    said = f"{claim.topic} of {claim.who!r}"
                    return one, f"{said}, {before.value!r} before {claim.value!r}"
    return None


def _fuller(old: Record, newer: Sequence[Record], heirs: dict[str, tuple[Record, str]]) -> None:
    """Of two derived facts that claim the same, the one whose words the other has goes."""
    mine, said = set(_every(_of(old))), set(words(old.text))
    for one in newer:
        other = set(words(one.text))
        if one.sources and mine and mine == set(_every(_of(one))):
            if said <= other:
                heirs[old.id] = one, "said more fully"
                return
            if other < said:
                heirs[one.id] = old, "said more fully"


def _change(name: str, heirs: dict[str, tuple[Record, str]]) -> Change:
    heir, why = heirs[name]
    while heir.id in heirs:
        heir = heirs[heir.id][0]
    reason = f"superseded by {heir.id}: {why}"
    return Change(supersede=((name, heir.id),), reason=reason, policy=Statements.name)
