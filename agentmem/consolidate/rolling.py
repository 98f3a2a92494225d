"""One record a namespace that grows with what leaves: the counts, and what it rests on."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Protocol

from agentmem.consolidate.combining import remade
from agentmem.consolidate.outlook import Line
from agentmem.core import Change, Record
from agentmem.steps import Steps
from agentmem.structure import Around, Overview

__all__ = ["Counts", "Text", "Writer", "anew", "rolled"]


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
    """What a store writes of some records; `data["lines"]` cites them."""

    text: str
    data: Mapping[str, Any]


class Writer(Protocol):
    """How a rolling text is made: first what is worth a line, then the text."""

    @property
    def kind(self) -> str: ...

    @property
    def kinds(self) -> tuple[str, ...]:
        """The kinds of the records that are told."""
        ...

    @property
    def span(self) -> int:
        """How many records it rests on, besides those that its lines cite."""
        ...

    def find(
        self, records: Sequence[Record], former: Record | None, now: float, around: Around
    ) -> Steps[list[Line]]:
        """What some records, oldest first, say that is worth a line."""
        ...

    def write(
        self, records: Sequence[Record], found: Sequence[Line], counts: Counts, around: Around
    ) -> Text:
        """The text of some records, of which `found` cites some."""
        ...


def rolled(store: Writer, leaving: Sequence[Record], around: Overview) -> Steps[Change]:
    """The one record of a kind with what leaves in it: added, or updated.

    It rests on the last `span` records that left, and on those that its lines cite; of earlier
    ones only their number stays, in `data["before"]`.
    """
    kind = store.kind
    told = [one for one in leaving if one.kind in store.kinds]
    if not told:
        return Change(reason="nothing leaves", policy=kind)
    former = next((one for one in (yield from around.staying()) if one.kind == kind), None)
    known = (yield from around.standing(former.sources)) if former else []
    pool = list({one.id: one for one in (*known, *told)}.values())
    pool.sort(key=lambda one: (one.created, one.turn))
    found = yield from store.find(pool, former, around.now, around)
    cited = {name for line in found for name in line.sources}
    late = [one for one in pool[: -store.span] if one.id not in cited]
    late_ids = {one.id for one in late}
    pool = [one for one in pool if one.id not in late_ids]
    before = Counts(**former.data["before"]) if former else Counts()
    before += Counts.of(late)
    made = store.write(pool, found, before + Counts.of(pool), around)
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


def anew(store: Writer, new: Sequence[Record], around: Around) -> Steps[Change]:
    """The same record made of what is left of its sources."""
    kind = store.kind
    target = around.target
    before = Counts(**target.data["before"]) if target else Counts()
    now = target.created if target else around.now  # when it was made
    found = yield from store.find(new, None, now, around)
    made = store.write(new, found, before + Counts.of(new), around)
    data = {**made.data, "before": asdict(before)}
    if target is None:
        one = around.record(made.text, new, data=data, created=now, importance=1.0)
        return Change(add=(one,), reason="derive", policy=kind)
    again = replace(remade(target, made.text, new, data=data), importance=1.0)
    return Change(update=(again,), reason="derive", policy=kind)
