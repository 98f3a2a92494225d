"""One record a namespace that grows with what leaves: the counts, and what it rests on."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from agentmem.consolidate.combining import remade
from agentmem.core import Change, Record
from agentmem.steps import Steps
from agentmem.structure import Around, Overview

__all__ = ["Counts", "Text", "Write", "anew", "rolled"]


@dataclass(frozen=True, kw_only=True)
class Counts:
    """How many turns there were, and how many of them helped or harmed, by valence."""

    turns: int = 0
    helped: int = 0
    harmed: int = 0

    @classmethod
    def of(cls, records: Iterable[Record]) -> Counts:
        valences = [one.valence for one in records]
        helped, harmed = sum(v > 0 for v in valences), sum(v < 0 for v in valences)
        return cls(turns=len(valences), helped=helped, harmed=harmed)

    def __add__(self, other: Counts) -> Counts:
        return Counts(
            turns=self.turns + other.turns,
            helped=self.helped + other.helped,
            harmed=self.harmed + other.harmed,
        )


@dataclass(frozen=True, kw_only=True)
class Text:
    """What a store writes of some records."""

    text: str
    data: Mapping[str, Any]


# (records, counts of them and of earlier ones, the former record, now, around)
Write = Callable[[Sequence[Record], Counts, Record | None, float, Around], Steps[Text]]


def rolled(
    kind: str,
    leaving: Sequence[Record],
    kinds: Sequence[str],
    span: int,
    around: Overview,
    write: Write,
) -> Steps[Change]:
    """The one record of a kind with what leaves in it: added, or updated.

    It rests on the last `span` records that left, and on those that its lines cite; of earlier
    ones only their number stays, in `data["before"]`.
    """
    told = [one for one in leaving if one.kind in kinds]
    if not told:
        return Change(reason="nothing leaves", policy=kind)
    former = next((one for one in (yield from around.staying()) if one.kind == kind), None)
    known = (yield from around.standing(former.sources)) if former else []
    pool = list({one.id: one for one in (*known, *told)}.values())
    pool.sort(key=lambda one: (one.created, one.turn))
    cited = {name for line in (former.data["lines"] if former else ()) for name in line["sources"]}
    late = [one for one in pool[:-span] if one.id not in cited]
    pool = [one for one in pool if one not in late]
    before = Counts(**former.data["before"]) if former else Counts()
    before += Counts.of(late)
    made = yield from write(pool, before + Counts.of(pool), former, around.now, around)
    data = {**made.data, "before": asdict(before)}
    if former is None:
        new = around.record(made.text, pool, data=data, created=around.now, importance=1.0)
        return Change(add=(new,), reason="what leaves, in brief", policy=kind)
    more = replace(
        remade(former, made.text, pool, data=data),
        created=around.now,
        importance=1.0,
        version=former.version + 1,
    )
    return Change(update=(more,), reason="what leaves, in brief", policy=kind)


def anew(kind: str, new: Sequence[Record], around: Around, write: Write) -> Steps[Change]:
    """The same record made of what is left of its sources."""
    target = around.target
    before = Counts(**target.data["before"]) if target else Counts()
    now = target.created if target else around.now  # when it was made
    made = yield from write(new, before + Counts.of(new), None, now, around)
    data = {**made.data, "before": asdict(before)}
    if target is None:
        one = around.record(made.text, new, data=data, created=now, importance=1.0)
        return Change(add=(one,), reason="derive", policy=kind)
    again = replace(remade(target, made.text, new, data=data), importance=1.0)
    return Change(update=(again,), reason="derive", policy=kind)
