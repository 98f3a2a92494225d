"""The seam of retrieval: a stage goes around a search, and may ask it more than once.

    retrieval: [when, {rerank: {keep: 10}}, sources]      outermost first

Each stage gets the query and the search that lies inside it; the innermost is the single hybrid
search of `agentmem.recall`.  A stage reads: it writes nothing, and it stays in the query's
namespace.  What the last one hands on is what the caller gets, reinforced and within its budget.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

from agentmem.core import Hit, Record, Vectors, Why
from agentmem.fields import check
from agentmem.steps import Steps

if TYPE_CHECKING:
    from agentmem.recall import Query

__all__ = ["Searcher", "Stage", "ask_query", "best", "found", "rescored"]


class Searcher(Protocol):
    """The search inside a stage: `hits = yield from search(query)`; and what else it may ask.

    A record that is not active, lies outside the query's namespace, or that a policy suppresses
    (weight 0) comes out of none of these.
    """

    def __call__(self, query: Query) -> Steps[list[Hit]]:
        """About query.k hits, best first, each record once; more where a stage inside expands.

        PluginError if the query's namespace is wider than the one this stage was asked about.
        """
        ...

    def get(self, ids: Sequence[str]) -> Steps[list[Record]]:
        """The records of some ids, in order, each once; what may not be seen is left out."""
        ...

    def all(self, query: Query) -> Steps[list[Record]]:
        """Every record of the query's kinds that meets its filter, oldest first."""
        ...

    def together(self, ids: Sequence[str], n: int) -> Steps[dict[str, list[list[str]]]]:
        """The latest n recalls of each of some records, newest first: the ids of each recall.

        Those that may not be seen are left out of it; a record that may not, of the whole.
        """
        ...

    def embed(self, texts: Sequence[str]) -> Steps[Vectors]:
        """Unit vectors, shape (len(texts), dim)."""
        ...

    def say(self, prompt: str, **values: str) -> Steps[str]:
        """The model's reply to a prompt of `agentmem/prompts`.  ConfigError without a model."""
        ...

    def ask(self, prompt: str, schema: Mapping[str, Any], **values: str) -> Steps[Any]:
        """The same as JSON that fits a schema: one repair, then BadReply."""
        ...


@dataclass(frozen=True, kw_only=True)
class Stage:
    """A step of retrieval; neutral: override `retrieve`, or `understood` if that is all it does.

    Its fields are its configuration.
    """

    name: ClassVar[str] = "stage"

    def __post_init__(self) -> None:
        check(self)

    @property
    def asks_model(self) -> bool:
        """Whether it takes a chat model; a stage that can do both has `by: "rule" | "model"`."""
        return getattr(self, "by", "rule") == "model"

    def understood(self, query: Query) -> Query:
        """The query with what this stage reads out of its text; neither search nor model."""
        return query

    def retrieve(self, query: Query, search: Searcher) -> Steps[list[Hit]]:
        """The hits for a query, best first, each record once.

        `query.k` is how many the caller asked for; a stage that expands (links, a whole history)
        may hand on more.  The same memory, query and model replies give the same hits.
        """
        return (yield from search(self.understood(query)))


def ask_query(text: str, query: Query, search: Searcher) -> Steps[Query]:
    """The same query with another text, embedded anew."""
    vectors = yield from search.embed([text])
    return replace(query, text=text, vector=vectors[0])


def found(record: Record, score: float) -> Hit:
    """A hit for a record that a stage brings in by itself; score >= 0."""
    return Hit(record=record, score=score, why=Why(fused=score))


def rescored(hit: Hit, relevance: float) -> Hit:
    """The hit with another relevance (0..1): score = relevance x retention x fresh, as in a search.

    The question's own text keeps its 1: it stays findable, whatever a stage makes of it.
    """
    if hit.why.exact:
        return hit
    why = replace(hit.why, fused=relevance)
    return replace(hit, score=relevance * why.retention * why.fresh, why=why)


def best(hits: Iterable[Hit]) -> list[Hit]:
    """Each record once, with its best score; best first, equal scores in the order given."""
    chosen: dict[str, Hit] = {}
    for hit in hits:
        if hit.id not in chosen or hit.score > chosen[hit.id].score:
            chosen[hit.id] = hit
    return sorted(chosen.values(), key=lambda hit: -hit.score)
