"""Iterative retrieval: what a round finds makes the next round's query."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import log
from typing import Annotated, Any, ClassVar, Literal

import numpy as np

from agentmem.core import Hit, Vectors
from agentmem.fields import Bounds
from agentmem.recall import Query
from agentmem.retrieve.stage import Searcher, Stage, ask_query, best
from agentmem.steps import Steps
from agentmem.text import words

__all__ = ["Iterative", "expansion"]

REFINED: dict[str, Any] = {
    "type": "object",
    "properties": {"thought": {"type": "string"}, "query": {"type": "string"}},
    "required": ["thought", "query"],
    "additionalProperties": False,
}


@dataclass(frozen=True, kw_only=True)
class Iterative(Stage):
    """Retrieve, refine the query from the hits, and again (arXiv 2412.15266, section 3.2).

    For each of `rounds`, `depth` records are retrieved and the query is refined: by the model,
    which says what is still missing, or by rule, with pseudo-relevance feedback: the query's
    vector moves towards the mean of the best `feedback` records (Rocchio 1971: q + beta x mean),
    and their `terms` most telling words are added to its text (as RM3 does, with idf over the
    hits).  Variants: "paper", where the last query retrieves the k records; "as_coded", the
    authors' programme, where each query is the question and the last sentence of the thought, and
    the union over all rounds is cut to k by best score.  A record with the question's own text is
    kept in both.  An empty query from the model ends the rounds.
    """

    name: ClassVar[str] = "iterative"

    by: Literal["rule", "model"] = "rule"
    rounds: Annotated[int, Bounds(least=1)] = 2  # N, refinements
    depth: Annotated[int, Bounds(least=1)] = 50  # T, records a refinement may look at
    variant: Literal["paper", "as_coded"] = "paper"
    feedback: Annotated[int, Bounds(least=1)] = 5  # by rule: records taken for relevant
    terms: Annotated[int, Bounds(least=0)] = 1  # by rule: words added
    beta: Annotated[float, Bounds(least=0)] = 0.1  # by rule: weight of the feedback's mean vector

    def retrieve(self, query: Query, search: Searcher) -> Steps[list[Hit]]:
        if query.text is None:
            return (yield from search(query))
        asked, pool = query, list[Hit]()
        for round_ in range(self.rounds + 1):
            depth = query.k if round_ == self.rounds else max(self.depth, query.k)
            hits = yield from search(replace(asked, k=depth))
            kept = pool if self.variant == "as_coded" else [hit for hit in pool if hit.why.exact]
            pool = [*kept, *hits]
            refined = None
            if round_ < self.rounds and hits:
                refined = yield from self._refined(query, hits, search)
            if refined is None:
                break
            asked = refined
        return best(pool)[: query.k]

    def _refined(self, query: Query, hits: Sequence[Hit], search: Searcher) -> Steps[Query | None]:
        """The next query; None if nothing is missing."""
        if self.by == "rule":
            return (yield from self._fed_back(query, hits, search))
        notes = "\n".join(f"{i}. {hit.text}" for i, hit in enumerate(hits[: self.depth], start=1))
        reply = yield from search.ask(
            "iterative_refine", REFINED, question=query.text or "", notes=notes
        )
        text = reply["query"].strip()
        if text and self.variant == "as_coded":
            text = f"{query.text} {_last_sentence(reply['thought'])}"
        return (yield from ask_query(text, query, search)) if text else None

    def _fed_back(self, query: Query, hits: Sequence[Hit], search: Searcher) -> Steps[Query]:
        """The question, moved towards the best hits: Rocchio for the vector, words for the text."""
        near = [hit.record.found_by for hit in hits[: self.feedback]]
        more = expansion(query.text or "", near, [hit.record.found_by for hit in hits], self.terms)
        moved = query.vector
        if moved is not None:
            mean = np.mean((yield from search.embed(near)), axis=0)
            moved = _unit(moved + self.beta * mean)
        return replace(query, text=" ".join([query.text or "", *more]), vector=moved)


def expansion(question: str, near: Sequence[str], hits: Sequence[str], n: int) -> list[str]:
    """The n words that tell the nearest texts most from all hits, best first.

    sum over the nearest that hold it of 1 / rank, x idf = ln((N + 1) / (df + 1/2)) over the N
    hits, which leaves function words behind; ties in order of appearance.
    """
    held = Counter(word for text in hits for word in set(words(text)))
    weight: dict[str, float] = {}
    for rank, text in enumerate(near, start=1):
        for word in dict.fromkeys(words(text)):
            weight[word] = weight.get(word, 0.0) + 1.0 / rank
    asked = set(words(question))
    told = {
        word: value * log((len(hits) + 1.0) / (held[word] + 0.5))
        for word, value in weight.items()
        if word not in asked
    }
    return sorted(told, key=lambda word: -told[word])[:n]


def _unit(vector: Vectors) -> Vectors:
    length = np.linalg.norm(vector)
    return vector / length if length > 0.0 else vector


def _last_sentence(thought: str) -> str:
    sentences = [part.strip() for part in re.split(r"(?<=[.!?])\s+", thought) if part.strip()]
    return sentences[-1] if sentences else ""
