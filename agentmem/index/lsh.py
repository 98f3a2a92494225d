"""Approximate dense search by hashing: vectors that point the same way share a bucket.

The hash of Think-in-Memory (Liu et al., arXiv 2311.08719, section 3.2), which is one half of a
cross-polytope hash (Andoni et al., "Practical and optimal LSH for angular distance", NIPS 2015).
"""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass

import numpy as np

from agentmem.core import Floats, Ints, Vectors
from agentmem.errors import ConfigError
from agentmem.index.exact import ExactIndex

__all__ = ["LshIndex"]

NOWHERE = -1  # bucket of a row without a vector


@dataclass(eq=False)
class LshIndex(ExactIndex):
    """Scores only what lies in the buckets nearest to the query; those scores are exact.

    F(x) = argmax([xR ; -xR]), R Gaussian, shape (dim, buckets / 2).  A positive factor leaves the
    bucket as it is.  The value of each entry of [xR ; -xR] ranks the other buckets, which makes
    the order of the probes: `probes` buckets at least, further ones until `depth` rows are found.
    More probes find whatever fewer would.  The paper probes one, and does not say how many there
    are.
    """

    _: KW_ONLY
    buckets: int = 16  # even
    probes: int = 4  # 1 .. buckets
    seed: int = 0

    def __post_init__(self) -> None:
        super().__post_init__()
        for name, most in (("buckets", 4096), ("probes", self.buckets), ("seed", 2**63)):
            value, least = getattr(self, name), {"buckets": 2, "probes": 1, "seed": 0}[name]
            if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
                raise ConfigError(f"{name} = {value!r}: a whole number from {least} to {most}")
        if self.buckets % 2:
            raise ConfigError(f"buckets = {self.buckets}: an even number is needed")
        random = np.random.default_rng(self.seed)
        half = random.standard_normal((self.dim, self.buckets // 2)).astype(np.float32)
        self._directions = np.concatenate([half, -half], axis=1)
        self._buckets = np.full(0, NOWHERE, dtype=np.int16)

    def hash(self, vectors: Vectors) -> Ints:
        """F(x) of each vector, shape (n, dim); shape (n,), each in 0 .. buckets - 1."""
        highest: Ints = np.argmax(vectors @ self._directions, axis=1)
        return highest

    def put(self, rows: Ints, vectors: Vectors) -> None:
        """Set the vectors, shape (len(rows), dim), of some rows, and their buckets."""
        super().put(rows, vectors)
        if len(self._matrix) > len(self._buckets):
            grown = np.full(len(self._matrix), NOWHERE, dtype=np.int16)
            grown[: len(self._buckets)] = self._buckets
            self._buckets = grown
        if len(rows):
            self._buckets[rows] = self.hash(vectors)

    def drop(self, rows: Ints) -> None:
        """Erase the vectors of some rows, and take them out of their buckets."""
        super().drop(rows)
        self._buckets[rows[rows < self._size]] = NOWHERE

    def nearest(self, query: Vectors, rows: Ints, depth: int) -> tuple[Ints, Floats]:
        """At most `depth` of `rows` (ascending), best first, with their exact cosines."""
        return super().nearest(query, self.candidates(query, rows, depth), depth)

    def candidates(self, query: Vectors, rows: Ints, depth: int) -> Ints:
        """Those of `rows` that lie in a probed bucket, ascending."""
        order = np.argsort(-(query @ self._directions), kind="stable")
        turn = np.empty(self.buckets + 1, dtype=np.int64)  # when each bucket is probed
        turn[order] = np.arange(self.buckets)
        turn[NOWHERE] = self.buckets  # never
        turns = turn[self._buckets[rows]]
        filled = np.cumsum(np.bincount(turns, minlength=self.buckets)[: self.buckets])
        enough = int(np.searchsorted(filled, depth)) + 1
        return rows[turns < min(max(self.probes, enough), self.buckets)]
