"""Triples: head; relation; tail.  Entities with one normalised identity are one node of a graph."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, ClassVar

from agentmem.core import Record
from agentmem.extract.clauses import facts
from agentmem.extract.triples import triples
from agentmem.fields import Bounds
from agentmem.graph import entity_of
from agentmem.steps import Steps
from agentmem.stores.cited import Span, Unit, UnitStore, list_of, placed, supported
from agentmem.structure import Around

__all__ = ["TripleStore"]

PARTS = ("head", "relation", "tail")
SCHEMA = list_of("triples", {name: {"type": "string"} for name in (*PARTS, "quote")})


@dataclass(frozen=True, kw_only=True)
class TripleStore(UnitStore):
    """Triples of what was said; each cites its chunks and is found by its words in a row.

    `data`: "head", "relation", "tail" as said; "head_id" and "tail_id", the normalised identities
    that join them into a graph (`agentmem.graph`).  By rule: English, from atomic facts.  By model:
    at most `words` words in each part (Structural Memory, arXiv 2412.15266); a longer part, or a
    quotation that is not in the chunk, costs the triple.
    """

    name: ClassVar[str] = "triple"

    words: Annotated[int, Bounds(least=1)] = 7  # of a head, relation or tail from a model, at most

    def ruled(self, chunk: Record, said: str) -> Sequence[Unit]:
        span = placed(said, chunk)
        return [
            _unit(chunk, span(fact.start, fact.end), *triple)
            for fact in facts(said, None)
            for triple in triples(fact.text)
        ]

    def asked(self, chunk: Record, said: str, context: str, around: Around) -> Steps[list[Unit]]:
        reply = yield from around.ask(
            "triple_extract", SCHEMA, text=said, context=context, words=str(self.words)
        )
        found = [item for item in reply["triples"] if self._fits([item[part] for part in PARTS])]
        return [
            _unit(chunk, span, *(" ".join(item[part].split()) for part in PARTS))
            for item, span in supported(found, chunk, "triples")
        ]

    def _fits(self, parts: Sequence[str]) -> bool:
        return all(0 < len(part.split()) <= self.words for part in parts)


def _unit(chunk: Record, span: Span, head: str, relation: str, tail: str) -> Unit:
    ids = {"head_id": entity_of(head), "tail_id": entity_of(tail)}
    data = {"head": head, "relation": relation, "tail": tail, **ids}
    text, key = f"{head}; {relation}; {tail}", f"{head} {relation} {tail}"
    return Unit(text=text, source=chunk, span=span, key=key, data=data)
