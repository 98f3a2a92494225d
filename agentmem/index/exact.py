"""Exact dense search: one matrix of unit vectors, one pass over the rows asked for."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from agentmem.core import Floats, Ints, Vectors
from agentmem.index.fusion import best

GATHER_BELOW = 0.3  # share of a span of rows under which gathering them beats a pass over it


@dataclass(eq=False)
class ExactIndex:
    """Cosine over a float32 matrix, shape (capacity, dim), row = ledger position."""

    dim: int

    def __post_init__(self) -> None:
        self._matrix = np.zeros((0, self.dim), dtype=np.float32)
        self._size = 0

    def put(self, rows: Ints, vectors: Vectors) -> None:
        """Set the vectors, shape (len(rows), dim), of some rows."""
        if not len(rows):
            return
        size = int(rows.max()) + 1
        if size > len(self._matrix):
            room = max(1024, size, len(self._matrix) * 3 // 2)
            grown = np.zeros((room, self._matrix.shape[1]), dtype=np.float32)
            grown[: self._size] = self._matrix[: self._size]
            self._matrix = grown
        self._matrix[rows] = vectors
        self._size = max(self._size, size)

    def drop(self, rows: Ints) -> None:
        """Overwrite the vectors of some rows with zeros."""
        self._matrix[rows[rows < self._size]] = 0.0

    def vectors(self, rows: Ints) -> Vectors:
        """The vectors of some rows, shape (len(rows), dim); 0 where there is none."""
        found = np.zeros((len(rows), self.dim), dtype=np.float32)
        here = rows < self._size
        found[here] = self._matrix[rows[here]]
        return found

    def scores(self, query: Vectors, rows: Ints) -> Floats:
        """Cosine of `query`, shape (dim,), with each row; shape (len(rows),), in [-1, 1]."""
        if not len(rows):
            return np.zeros(0)
        low, high = int(rows.min()), int(rows.max()) + 1
        if len(rows) < GATHER_BELOW * (high - low):
            return cosines(self._matrix[rows], query)
        scores = cosines(self._matrix[low:high], query)
        return scores[rows - low]

    def nearest(self, query: Vectors, rows: Ints, depth: int) -> tuple[Ints, Floats]:
        """The `depth` best of `rows` (ascending), best first, and their cosines.  Exact."""
        scores = self.scores(query, rows)
        chosen = best(scores, depth)
        return rows[chosen], scores[chosen]


def cosines(matrix: Vectors, query: Vectors) -> Floats:
    """Row by row, so that a row's score depends on the row alone and equal texts tie.

    A matrix product is faster on idle cores, but its last bits depend on where a row lies, and its
    threads wait for each other when the cores are busy.
    """
    scores: Floats = np.vecdot(matrix, query).astype(np.float64)
    return scores
