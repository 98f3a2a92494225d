"""Which records a call means: one by a query, those close to a query, those about an entity.

By a query, what counts is what a record itself says: relevance (0..1, `agentmem.relevance`)
without what neighbours lend and without fading, so that neither age nor company decides what is
forgotten or replaced.  By an entity, its normalised identity counts, never likeness
(`agentmem.extract.mentions`).
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, cast, get_args

from agentmem.core import Namespace, Record
from agentmem.engine import Engine
from agentmem.errors import AmbiguousMatch, InputError, NotFound, nearest
from agentmem.extract.mentions import is_subject, mentions
from agentmem.ledger.apply import mentioned
from agentmem.ledger.ledger import REASONS
from agentmem.recall import Query, rank

__all__ = [
    "CLOSE",
    "Chosen",
    "Width",
    "about",
    "close_to",
    "identified",
    "reasons_naming",
    "the_one",
    "width_of",
]

CLOSE = 0.6  # relevance from which a record matches a query closely
MARGIN = 0.15  # by which the best must exceed the second to be the one that is meant
SHOWN = 5  # candidates that an error lists
DEPTH = 50  # candidates compared
EXACT = "has this very text"
Width = Literal["mention", "subject"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """A record that a call means, and why."""

    record: Record
    reason: str
    score: float | None = None  # relevance to the query, 0..1


@dataclass(frozen=True, slots=True)
class Text:
    """Something a record says or said, and where it stands."""

    pos: int
    place: str  # text, key, data, source, history
    text: str


def width_of(width: str) -> Width:
    """One of the widths; InputError.  "mention": every record that mentions the entity; "subject":
    only those in which it speaks, or is the subject of a clause.
    """
    for one in get_args(Width):
        if width == one:
            return cast(Width, one)
    raise InputError(f"width {width!r}{nearest(width, get_args(Width))}")


def close_to(engine: Engine, query: Query, least: float) -> list[Chosen]:
    """The active records of relevance `least` or more to a query, best first."""
    return [one for one in _ranked(engine, query) if (one.score or 0.0) >= least]


def the_one(engine: Engine, query: Query) -> Chosen:
    """The one active record that a query means.

    It is the record that has the query's own text, if there is exactly one; else the most relevant,
    if its relevance is CLOSE or more and exceeds by MARGIN that of every other record which neither
    rests on it nor supports it.  NotFound if none is close, AmbiguousMatch if several are: both
    list the candidates.
    """
    found = _ranked(engine, query)
    close = [one for one in found if (one.score or 0.0) >= CLOSE]
    if not close:
        hint = f"; the closest: {_listed(found)}" if found else ""
        raise NotFound(f"no record matches {query.text!r} closely (relevance {CLOSE:g}){hint}")
    best, rest = close[0], close[1:]
    rivals = [
        one
        for one in rest
        if (best.score or 0.0) - (one.score or 0.0) < MARGIN and not _related(best, one)
        if not (best.reason == EXACT and one.reason != EXACT)
    ]
    if rivals:
        raise AmbiguousMatch(
            f"{len(rivals) + 1} records match {query.text!r} about equally; give an id, or more of "
            f"the text: {_listed([best, *rivals])}"
        )
    return best


def _ranked(engine: Engine, query: Query) -> list[Chosen]:
    """The active records nearest to a query, by what they say themselves."""
    engine.refresh()
    plain = replace(query.config, context=0.0, speaker=1.0)
    rows = engine.searchable(query.prefix, query.kinds, now=query.now)
    asked = replace(query, config=plain, k=DEPTH, when=None)
    ranking = rank(engine, asked, rows, lambda at: {})
    there = engine.ledger.records(ranking.rows.tolist())
    return [
        Chosen(record=there[row], reason=EXACT if why.exact else "matches", score=why.fused)
        for row, why in zip(ranking.rows.tolist(), ranking.whys, strict=True)
        if row in there
    ]


def _related(one: Chosen, other: Chosen) -> bool:
    """Was one derived from the other?"""
    return one.record.id in other.record.sources or other.record.id in one.record.sources


def _listed(found: Sequence[Chosen]) -> str:
    shown = [f"{one.record.id} ({one.score or 0.0:.2f}) {one.record.text!r}" for one in found]
    return "; ".join(shown[:SHOWN])


def about(engine: Engine, entity: str, prefix: Namespace, width: Width) -> list[Chosen]:
    """The active records about an entity, in the order in which they were stored.

    Names count in the forms that, under this prefix, only this entity has.  "subject" keeps those
    in which it speaks, or is the subject of a clause.
    """
    engine.refresh()
    rows = engine.rows(prefix)
    records = dict(zip(rows.tolist(), engine.records(rows), strict=True))
    texts = [text for pos, record in records.items() for text in _said(pos, _parts(record))]
    spoken = mentions(entity, [text.text for text in texts], aliases=True)
    found: dict[int, str] = {}
    for text, hit in zip(texts, spoken, strict=True):
        if hit and (width == "mention" or _of_it(entity, text)):
            found.setdefault(text.pos, f"{entity!r} in its {text.place}")
    return [Chosen(record=records[pos], reason=reason) for pos, reason in found.items()]


def _of_it(entity: str, text: Text) -> bool:
    return text.place != "text" or is_subject(entity, text.text)


def identified(
    engine: Engine, value: str, prefix: Namespace, *, aliases: bool = False
) -> dict[int, tuple[str, ...]]:
    """Positions of the records under a prefix that name what `value` identifies, and where.

    Whatever their status, and in every version the journal has of them ("history"): one pass over
    records and journal.
    """
    engine.refresh()
    rows = engine.rows(prefix, status=None)
    there = dict(zip(rows.tolist(), engine.records(rows), strict=True))
    texts = [text for pos, record in there.items() for text in _said(pos, _parts(record))]
    now = {(text.pos, text.text) for text in texts}
    for line in engine.reads.lines():
        for verb in ("add", "update"):
            for entry in line.payload.get(verb, ()):
                if entry["pos"] in there:
                    past = [(text.pos, text.text) for text in _said(entry["pos"], entry)]
                    texts += [
                        Text(pos, "history", was) for pos, was in past if (pos, was) not in now
                    ]
    spoken = mentions(value, [text.text for text in texts], aliases=aliases)
    found: dict[int, dict[str, None]] = {}
    for text, hit in zip(texts, spoken, strict=True):
        if hit:
            found.setdefault(text.pos, {})[text.place] = None
    return {pos: tuple(places) for pos, places in sorted(found.items())}


def reasons_naming(engine: Engine, value: str, prefix: Namespace) -> list[int]:
    """Journal lines about records under a prefix whose reason, a caller's, names an identifier."""
    spaces, space = engine.spaces(prefix), engine.columns.space
    said = [
        (line.seq, line.reason)
        for line in engine.reads.lines()
        if line.reason not in REASONS and line.reason
        if any(space[pos] in spaces for pos in mentioned(line.payload) if pos < len(space))
    ]
    naming = mentions(value, [reason for _, reason in said])
    return [seq for (seq, _), names in zip(said, naming, strict=True) if names]


def _parts(record: Record) -> Mapping[str, Any]:
    return {
        "text": record.text,
        "key": record.key,
        "source": record.source,
        "data": dict(record.data),
    }


def _said(pos: int, entry: Mapping[str, Any]) -> Iterator[Text]:
    """Everything in a record, or in a version of it, that could name somebody."""
    for place in ("text", "key", "source"):
        if entry.get(place):
            yield Text(pos, place, str(entry[place]))
    for leaf in _leaves(entry.get("data")):
        yield Text(pos, "data", leaf)


def _leaves(value: Any) -> Iterator[str]:
    """The strings in a JSON value, keys included; numbers as they are written."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for key, inner in value.items():
            yield str(key)
            yield from _leaves(inner)
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from _leaves(inner)
    elif isinstance(value, int | float) and not isinstance(value, bool):
        yield json.dumps(value)
