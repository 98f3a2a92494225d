"""Which of the hits are shown, and in what order."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Annotated, ClassVar, Literal

import numpy as np

from agentmem.core import Ask, Shown
from agentmem.fields import Bounds
from agentmem.present.presented import Presentation, by_time

__all__ = ["Order", "RandomK", "Salient", "Shuffled"]


@dataclass(frozen=True, kw_only=True)
class Order(Presentation):
    """The hits by time or by score, best first."""

    name: ClassVar[str] = "order"

    by: Literal["oldest", "newest", "score"] = "oldest"

    def present(self, shown: Shown, ask: Ask) -> Shown:
        hits = by_time(shown.hits)
        if self.by == "newest":
            hits.reverse()
        elif self.by == "score":
            hits.sort(key=lambda hit: -hit.score)
        return replace(shown, hits=tuple(hits))


@dataclass(frozen=True, kw_only=True)
class Shuffled(Presentation):
    """The hits in random order, another at each turn: what does order tell a model?"""

    name: ClassVar[str] = "shuffled"

    seed: Annotated[int, Bounds(least=0)] = 0  # beside that of the turn

    def present(self, shown: Shown, ask: Ask) -> Shown:
        order = _generator(self.seed, shown).permutation(len(shown.hits))
        return replace(shown, hits=tuple(shown.hits[i] for i in order))


@dataclass(frozen=True, kw_only=True)
class RandomK(Presentation):
    """k of the hits, drawn anew at each turn, in their order: forgetting without any rule."""

    name: ClassVar[str] = "random"

    k: Annotated[int, Bounds(least=0)] = 5
    seed: Annotated[int, Bounds(least=0)] = 0  # beside that of the turn

    def present(self, shown: Shown, ask: Ask) -> Shown:
        n = len(shown.hits)
        drawn = _generator(self.seed, shown).choice(n, size=min(self.k, n), replace=False)
        return replace(shown, hits=tuple(shown.hits[i] for i in sorted(drawn)))


@dataclass(frozen=True, kw_only=True)
class Salient(Presentation):
    """The n most salient hits, in their order: harms first, the worst first, then the newest."""

    name: ClassVar[str] = "salient"

    n: Annotated[int, Bounds(least=0)] = 20

    def present(self, shown: Shown, ask: Ask) -> Shown:
        latest = by_time(shown.hits)[::-1]
        kept = {
            hit.id for hit in sorted(latest, key=lambda hit: min(hit.record.valence, 0.0))[: self.n]
        }
        return replace(shown, hits=tuple(hit for hit in shown.hits if hit.id in kept))


def _generator(seed: int, shown: Shown) -> np.random.Generator:
    return np.random.default_rng([seed, shown.seed])
