"""Stores of small units: each unit cites its sources, and where in them it stands."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Annotated, Any, Literal

from agentmem.core import Change, Record
from agentmem.errors import BadReply
from agentmem.extract.quotes import Passage
from agentmem.fields import Bounds
from agentmem.replies import object_of
from agentmem.steps import Steps
from agentmem.structure import Around, Store
from agentmem.text import fold

__all__ = ["Item", "Span", "Unit", "UnitStore", "list_of", "placed", "supported"]

Item = Mapping[str, Any]
Span = tuple[int, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Unit:
    """Something that a source says, and where: `source.text[span[0]:span[1]]`."""

    text: str
    source: Record
    span: Span
    key: str | None = None
    data: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class UnitStore(Store):
    """What each chunk says, unit by unit; override `ruled` and `asked`.

    A unit that several chunks say is one record with all of them as sources; its `data["spans"]`
    has, by chunk id, where it stands there: [start, end) in characters.
    """

    by: Literal["rule", "model"] = "rule"
    context: Annotated[int, Bounds(least=0)] = 2  # turns before it that the model is shown

    def ruled(self, chunk: Record, said: str) -> Sequence[Unit]:
        """The units of a chunk, of which `said` is what it says anew."""
        return []

    def asked(self, chunk: Record, said: str, context: str, around: Around) -> Steps[list[Unit]]:
        """The same from the model; `context`: what was said before."""
        yield from ()
        return []

    def derive(self, new: Sequence[Record], around: Around) -> Steps[Change]:
        """The units of some chunks.  BadReply if the model quotes nothing that was said."""
        units: list[Unit] = []
        for chunk in new:
            said = around.said(chunk)
            if not self.asks_model:
                units += self.ruled(chunk, said)
            elif said.strip():
                context = yield from _before(chunk, self.context, around)
                units += yield from self.asked(chunk, said, context, around)
        return (yield from _change(units, around, self.name))


def _change(units: Iterable[Unit], around: Around, policy: str) -> Steps[Change]:
    """One record for each text, with every source that says it, those already known included."""
    made = [_record(group, around) for group in _alike(units)]
    known = {record.id: record for record in (yield from around.get([one.id for one in made]))}
    add, update = [], []
    for record in made:
        old = known.get(record.id)
        if old is None or old.status != "active" or fold(old.text) != fold(record.text):
            add.append(record)
            continue
        spans = {**old.data.get("spans", {}), **record.data["spans"]}
        sources = tuple(dict.fromkeys((*old.sources, *record.sources)))
        if (sources, spans) != (old.sources, old.data.get("spans")):
            update.append(replace(old, sources=sources, data={**old.data, "spans": spans}))
    return Change(add=tuple(add), update=tuple(update), reason="derive", policy=policy)


def _alike(units: Iterable[Unit]) -> list[list[Unit]]:
    groups: dict[str, list[Unit]] = {}
    for unit in units:
        groups.setdefault(fold(unit.text), []).append(unit)
    return list(groups.values())


def _record(group: Sequence[Unit], around: Around) -> Record:
    first = group[0]
    spans: dict[str, list[int]] = {}
    for unit in group:
        spans.setdefault(unit.source.id, list(unit.span))
    sources = list({unit.source.id: unit.source for unit in group}.values())
    return around.record(first.text, sources, key=first.key, data={**first.data, "spans": spans})


def _before(source: Record, n: int, around: Around) -> Steps[str]:
    """What was said in the n turns before a source, oldest first; "(nothing)" if nothing."""
    turns = {"$gte": source.turn - n, "$lt": source.turn}
    chunks = (yield from around.matching({"turn": turns}, kind=source.kind)) if n else []
    return "\n".join(chunk.text for chunk in chunks) or "(nothing)"


def placed(said: str, source: Record) -> Callable[[int, int], Span]:
    """From a span in what a source says anew to the span in the source itself.

    All of the source where the words do not stand in it in one piece.
    """
    if said == source.text:
        return lambda start, end: (start, end)
    passage, whole = Passage(source.text), (0, len(source.text))
    return lambda start, end: passage.locate(said[start:end]) or whole


def supported(items: Sequence[Item], source: Record, what: str) -> list[tuple[Item, Span]]:
    """Those items of a reply whose `quote` is in the source, each with the span of the quote.

    A made-up quote costs its item.  BadReply if the reply has items and none of them is supported:
    such a model has not read the text.
    """
    passage = Passage(source.text)
    found = [(item, passage.locate(str(item["quote"]))) for item in items]
    kept = [(item, span) for item, span in found if span is not None]
    if items and not kept:
        quotes = ", ".join(repr(str(item["quote"])[:80]) for item in items[:3])
        raise BadReply(f"none of {len(items)} {what} quotes the text: {quotes}")
    return kept


def list_of(name: str, fields: Mapping[str, Any]) -> dict[str, Any]:
    """The schema of {name: [{field: ...}, ...]} as strict structured output wants it."""
    return object_of(**{name: {"type": "array", "items": object_of(**fields)}})
