"""A session is kept in few records: the most alike of its neighbours are merged (MovieChat)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from heapq import heapify, heappop, heappush
from typing import Annotated, ClassVar

import numpy as np

from agentmem.consolidate.combining import combined, richness
from agentmem.core import Change, Floats, Record, Vectors
from agentmem.fields import Bounds, Seconds
from agentmem.steps import Steps
from agentmem.structure import Consolidator, Overview

__all__ = ["Adjacent"]


@dataclass(frozen=True, kw_only=True)
class Adjacent(Consolidator):
    """At most `most` records of a session: the most similar adjacent two become one, repeatedly.

    The memory of MovieChat (Song et al. 2023, arXiv 2307.16449), with records for frames: what has
    been merged has the mean of its vectors, and neighbours are compared by cosine.  The record that
    tells the most stays, word for word, with the uses and importance of all; the others are
    superseded by it.  A silence longer than `session_gap` ends a session; kinds are apart.
    """

    name: ClassVar[str] = "adjacent"

    most: Annotated[int, Bounds(least=1)] = 64  # records of a session
    session_gap: Annotated[Seconds, Bounds(least=0)] = 3600.0
    kinds: tuple[str, ...] = ("chunk",)  # of the records looked at

    def concerns(self, staying: int, leaving: int) -> bool:
        return staying > self.most

    def consolidate(self, leaving: Sequence[Record], around: Overview) -> Steps[Change]:
        update: list[Record] = []
        supersede: list[tuple[str, str]] = []
        for session in self._sessions((yield from around.staying())):
            vectors = yield from around.vectors(session)
            for run in _runs(vectors, self.most):
                group = sorted(session[run.start : run.stop], key=richness, reverse=True)
                if len(group) > 1:
                    update.append(combined(group[0], group[1:]))
                    supersede += [(one.id, group[0].id) for one in group[1:]]
        return Change(
            update=tuple(update),
            supersede=tuple(supersede),
            reason="like its neighbour",
            policy=self.name,
        )

    def _sessions(self, records: Sequence[Record]) -> list[list[Record]]:
        """The sessions that have too many records, oldest first; their records in order."""
        by_kind: dict[str, list[list[Record]]] = defaultdict(list)
        for record in records:
            known = by_kind[record.kind]
            if known and record.created - known[-1][-1].created <= self.session_gap:
                known[-1].append(record)
            else:
                known.append([record])
        found = [one for kind in self.kinds for one in by_kind.get(kind, ())]
        return [session for session in found if len(session) > self.most]


def _runs(vectors: Vectors, most: int) -> list[range]:
    """Neighbours that become one: n rows in at most `most` runs, in O(n log n).

    The most similar adjacent two are joined again and again, the first of equals first.
    """
    sums: list[Floats] = list(vectors.astype(np.float64))
    ends = list(range(1, len(sums) + 1))  # of the run that starts here
    before = list(range(-1, len(sums) - 1))  # start of the run before
    ages = [0] * len(sums)  # how often a run was changed
    heap = [(-_cosine(sums[i], sums[i + 1]), i, i + 1, 0, 0) for i in range(len(sums) - 1)]
    heapify(heap)
    alive = set(range(len(sums)))
    while len(alive) > most:
        _, left, right, was, then = heappop(heap)
        if left not in alive or right not in alive or (ages[left], ages[right]) != (was, then):
            continue
        sums[left] = sums[left] + sums[right]
        ends[left] = ends[right]
        ages[left] += 1
        alive.discard(right)
        if ends[left] < len(sums):
            before[ends[left]] = left
        pairs = [(before[left], left), (left, ends[left])]
        for a, b in pairs:
            if a >= 0 and b < len(sums):
                heappush(heap, (-_cosine(sums[a], sums[b]), a, b, ages[a], ages[b]))
    return [range(start, ends[start]) for start in sorted(alive)]


def _cosine(one: Floats, other: Floats) -> float:
    norm = float(np.linalg.norm(one) * np.linalg.norm(other))
    return float(one @ other) / norm if norm else 0.0
