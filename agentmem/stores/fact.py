"""Atomic facts: one clause, one fact, so that one can be replaced while its sibling stays."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from agentmem.core import Record
from agentmem.extract.clauses import facts
from agentmem.steps import Steps
from agentmem.stores.cited import Unit, UnitStore, list_of, placed, supported
from agentmem.structure import Around

__all__ = ["FactStore"]

SCHEMA = list_of(
    "facts",
    {"number": {"type": "integer"}, "fact": {"type": "string"}, "quote": {"type": "string"}},
)


@dataclass(frozen=True, kw_only=True)
class FactStore(UnitStore):
    """Facts of what was said, with names for pronouns; each cites its chunks.

    "I live in Berlin and work at Stripe" is two facts.  By rule: English, see `extract.clauses`.
    By model: numbered facts (Structural Memory, arXiv 2412.15266), each with a quotation; one whose
    quotation is not in the chunk is left out.
    """

    name: ClassVar[str] = "fact"

    def ruled(self, chunk: Record, said: str) -> Sequence[Unit]:
        span = placed(said, chunk)
        return [
            Unit(text=fact.text, source=chunk, span=span(fact.start, fact.end))
            for fact in facts(said, None)
        ]

    def asked(self, chunk: Record, said: str, context: str, around: Around) -> Steps[list[Unit]]:
        reply = yield from around.ask("fact_extract", SCHEMA, text=said, context=context)
        found = [item for item in reply["facts"] if item["fact"].strip()]
        return [
            Unit(text=" ".join(item["fact"].split()), source=chunk, span=span)
            for item, span in supported(found, chunk, "facts")
        ]
