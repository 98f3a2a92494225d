"""Approximate dense search for large stores: a graph proposes, the exact matrix decides.

The graph is HNSW (Malkov and Yashunin, "Efficient and robust approximate nearest neighbor search
using hierarchical navigable small world graphs", TPAMI 2020) as usearch has it, over int8 copies of
the vectors.  It is asked for more candidates than wanted; those are scored anew, exactly.
"""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass
from importlib.util import find_spec
from math import ceil, exp
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from agentmem.core import Floats, Index, Ints, Vectors
from agentmem.errors import ConfigError, MissingExtra
from agentmem.index.exact import ExactIndex
from agentmem.index.fusion import best

if TYPE_CHECKING:
    from usearch.index import Index as Graph

__all__ = ["AnnIndex", "auto"]

LINKS = 16  # HNSW's M: more links find more and cost more
BUILD_WIDTH = 128  # HNSW's efConstruction
FETCH_COST = 40.0  # rows an exact pass scores in the time the graph fetches one: 2.9 / 0.07 us
CHECK_EVERY = 32  # so often a search is done exactly too, and the graph's recall measured
GAIN = 1.0  # how fast the over-fetch follows the measured recall
LEAST, START, MOST = 1.2, 2.0, 32.0  # bounds and first value of the over-fetch
NOISE = 1 << 62  # keys from here on hold noise in the place of a vector that went
NOISE_SHARE = 0.2  # of the graph: beyond, it is begun anew


@dataclass(eq=False)
class AnnIndex(ExactIndex):
    """Exact up to `beyond` rows, a graph above; every score is exact, some neighbour may be missed.

    The graph grows by `step` rows a search, the rows not yet in it being scored exactly meanwhile:
    no search stands still for a build, and none costs more than about twice an exact one.  `build`
    does it at once.  Every 32nd search is answered exactly and used to set how many candidates are
    fetched, so that on average the share `recall` of the true neighbours is found, whatever the
    texts are like.  Where the graph would cost more (few rows to choose from), the pass is exact.
    """

    _: KW_ONLY
    beyond: int = 20_000  # rows up to which search is exact
    recall: float = 0.97  # share of the true neighbours to find, on average; 0..1, exclusive
    step: int = 32  # rows a search may add to the graph
    threads: int = 1  # of a build; with more, or 0 for all, no two graphs are the same

    def __post_init__(self) -> None:
        super().__post_init__()
        if not isinstance(self.recall, float) or not 0.0 < self.recall < 1.0:
            raise ConfigError(f"recall = {self.recall!r}: a share between 0 and 1 is needed")
        for name, least in (("beyond", 0), ("step", 1), ("threads", 0)):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int) or value < least:
                raise ConfigError(f"{name} = {value!r}: a whole number of at least {least}")
        if find_spec("usearch") is None:
            raise MissingExtra("the index 'ann'", "ann")
        self._placed = np.zeros(0, dtype=np.bool_)  # rows that are in the graph
        self._waiting = np.zeros(0, dtype=np.bool_)  # rows that have a vector and are not
        self._begin()

    def _begin(self) -> None:
        self._graph: Graph | None = None
        self._waiting |= self._placed
        self._placed[:] = False
        self._count = int(np.count_nonzero(self._waiting))  # of the rows that wait
        self._noise: list[int] = []  # keys of slots that hold noise
        self._widen = START  # candidates fetched for each one wanted
        self._searches = 0

    def put(self, rows: Ints, vectors: Vectors) -> None:
        """Set the vectors, shape (len(rows), dim), of some rows; the graph takes them later."""
        super().put(rows, vectors)
        if len(self._matrix) > len(self._placed):
            self._placed = _longer(self._placed, len(self._matrix))
            self._waiting = _longer(self._waiting, len(self._matrix))
        self._displace(rows)
        self._wait(rows, True)

    def drop(self, rows: Ints) -> None:
        """Erase the vectors of some rows, from the matrix and from the graph."""
        super().drop(rows)
        rows = rows[rows < self._size]
        self._displace(rows)
        self._wait(rows, False)

    def nearest(self, query: Vectors, rows: Ints, depth: int) -> tuple[Ints, Floats]:
        """At most `depth` of `rows` (ascending), best first, with their exact cosines."""
        if len(rows) <= self.beyond or not query.any():
            return super().nearest(query, rows, depth)
        self._grow(self.step)
        candidates = self._candidates(query, rows, depth)
        if candidates is None:
            return super().nearest(query, rows, depth)
        scores = self.scores(query, candidates)
        chosen = best(scores, depth)
        self._searches += 1
        if self._searches % CHECK_EVERY != 1:
            return candidates[chosen], scores[chosen]
        exact = super().nearest(query, rows, depth)
        self._learn(candidates[chosen], exact[0])
        return exact

    def build(self) -> None:
        """Put every row into the graph now: about 0.2 ms a row and thread at 100,000 rows."""
        self._grow(self._size)

    def _candidates(self, query: Vectors, rows: Ints, depth: int) -> Ints | None:
        """Rows worth scoring, ascending; None where scoring all of them is cheaper."""
        if self._graph is None:
            return None
        waiting = rows[self._waiting[rows]] if self._count else rows[:0]
        within = len(rows) - len(waiting)
        if not within:
            return None
        want = ceil(self._widen * depth * len(self._graph) / within)
        while want * FETCH_COST <= within and depth < within:
            keys = self._graph.search(query, want, threads=1).keys.astype(np.int64)
            at = np.minimum(np.searchsorted(rows, keys), len(rows) - 1)
            found = keys[rows[at] == keys]
            if len(found) >= depth:
                return np.unique(np.concatenate([found, waiting]))
            want *= 2  # the rows asked for lie far from the query
        return None

    def _learn(self, found: Ints, true: Ints) -> None:
        """Move the over-fetch towards the recall wanted (Robbins and Monro 1951, fixed gain)."""
        measured = len(np.intersect1d(found, true)) / max(len(true), 1)
        widen = self._widen * exp(GAIN * (self.recall - measured))
        self._widen = min(max(widen, LEAST), MOST)

    def _grow(self, most: int) -> None:
        """Put up to `most` waiting rows into the graph, first into slots that hold noise."""
        if not self._count:
            return
        rows = np.flatnonzero(self._waiting)[:most]
        if self._graph is None:
            self._graph = _graph(self.dim)
        reused, self._noise = self._noise[: len(rows)], self._noise[len(rows) :]
        for key in reused:
            self._graph.remove(key)
        self._graph.add(rows, self._matrix[rows], threads=self.threads)
        self._placed[rows] = True
        self._wait(rows, False)

    def _wait(self, rows: Ints, waiting: bool) -> None:
        self._waiting[rows] = waiting
        self._count = int(np.count_nonzero(self._waiting))

    def _displace(self, rows: Ints) -> None:
        """Overwrite the graph's copies of some rows with noise.

        usearch only marks a removed key and keeps its vector until another takes the slot, which
        the next add does.
        """
        if self._graph is None:
            return
        gone = rows[self._placed[rows]]
        if not len(gone):
            return
        if len(gone) + len(self._noise) > NOISE_SHARE * len(self._graph):
            self._begin()
            return
        for row in gone.tolist():
            self._graph.remove(row)
            noise = np.random.default_rng(row).standard_normal(self.dim).astype(np.float32)
            self._graph.add(NOISE + row, noise / np.linalg.norm(noise), threads=1)
            self._noise.append(NOISE + row)
        self._placed[gone] = False


def auto(
    dim: int, *, beyond: int = 20_000, recall: float = 0.97, step: int = 32, threads: int = 1
) -> Index:
    """An AnnIndex where the extra `ann` is installed, else an ExactIndex."""
    if find_spec("usearch") is None:
        return ExactIndex(dim)
    return AnnIndex(dim, beyond=beyond, recall=recall, step=step, threads=threads)


def _graph(dim: int) -> Graph:
    from usearch.index import Index as Graph

    return Graph(ndim=dim, metric="ip", dtype="i8", connectivity=LINKS, expansion_add=BUILD_WIDTH)


def _longer(mask: NDArray[np.bool_], size: int) -> NDArray[np.bool_]:
    grown = np.zeros(size, dtype=np.bool_)
    grown[: len(mask)] = mask
    return grown
