"""The seams to what a memory works with: clocks, embedders, dense indexes, redactors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Protocol, runtime_checkable

from agentmem.views import Floats, Ints, Vectors

__all__ = ["Clock", "Embedder", "Index", "Redactor"]


@dataclass(frozen=True, kw_only=True)
class Redactor:
    """What every text goes through before it is embedded, written or shown."""

    name: ClassVar[str] = "redactor"

    def redact(self, text: str) -> str:
        """The text without what must not be kept; the same text, the same result."""
        return text


@runtime_checkable
class Clock(Protocol):
    def now(self) -> float:
        """Seconds since the epoch, UTC."""
        ...


@runtime_checkable
class Embedder(Protocol):
    """Text to unit vectors.  `name` is stamped into the ledger: same name, same vectors.

    An embedder that reaches over a network may add `async def aembed(texts)`.
    """

    @property
    def name(self) -> str: ...

    @property
    def dim(self) -> int: ...

    def embed(self, texts: Sequence[str]) -> Vectors:
        """Shape (len(texts), dim), float32, rows of length 1 (or 0 for empty text)."""
        ...


@runtime_checkable
class Index(Protocol):
    """Dense candidates, derived from the ledger; rows are ledger positions (int64 >= 0)."""

    def put(self, rows: Ints, vectors: Vectors) -> None:
        """Set the unit vectors, shape (len(rows), dim), of some rows, new or known."""
        ...

    def drop(self, rows: Ints) -> None:
        """Erase the vectors of some rows; rows that were never put are no error."""
        ...

    def scores(self, query: Vectors, rows: Ints) -> Floats:
        """Exact cosine of `query`, shape (dim,), with each of `rows`; shape (len(rows),)."""
        ...

    def nearest(self, query: Vectors, rows: Ints, depth: int) -> tuple[Ints, Floats]:
        """At most `depth` of `rows` (ascending), best first, with their exact cosines.

        Equal cosines come in row order.  An approximate index may miss some of the best.
        """
        ...
