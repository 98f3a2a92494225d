"""Keeping by surprisal that wears off, as SirLLM keeps tokens (arXiv 2405.12528).

    score = surprisal * decay ** turns
    kept  = the first `sinks`, the `n` of highest score, and the last `recent`

There a token's score is -log p(token), and every old score is multiplied by `decay` once a turn,
before new tokens enter: 1.0 for groceries, 0.7 for daily talk, 0.9 for rock, paper, scissors in the
official code, with 4 sinks and n = 1020 (508 for talk).  This is the analogue for whole texts.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import log2
from typing import Annotated, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from agentmem.core import Ask, Change, Floats, Policy, View
from agentmem.fields import Bounds, check
from agentmem.policies._order import lowest

CERTAIN = 1.0 - 1e-16  # importance 1 would be an infinite surprisal


def surprisal(importance: Floats) -> Floats:
    """Surprisal in half-value units, >= 0, of an importance in [0, 1].

    importance = bits / (bits + HALF), as `agentmem.salience` settles it; solved for bits / HALF.
    What HALF is does not change the order.
    """
    known = np.minimum(importance, CERTAIN)
    return known / (1.0 - known)


def log_score(importance: Floats, turns: Floats, decay: float) -> Floats:
    """log2 of surprisal * decay ** turns, shape (n,); -inf for importance 0.

    `turns` >= 0, `decay` in (0, 1].  The logarithm does not run out of small numbers.
    """
    with np.errstate(divide="ignore"):
        bits: Floats = np.log2(surprisal(importance))
    return bits + turns * log2(decay)


@dataclass(frozen=True, kw_only=True)
class Surprisal(Policy):
    """Weight 1 for what is kept of each namespace, 0 for the rest, counted in records and turns.

    Without `remove` the rest is suppressed, not lost.  First and last are by event time.  An
    importance that was given, and not estimated, counts in the same way.
    """

    name: ClassVar[str] = "surprisal"
    sweep: ClassVar[Literal["due", "all"]] = "all"

    n: Annotated[int, Bounds(least=0)] = 500  # records kept by score
    sinks: Annotated[int, Bounds(least=0)] = 4  # first records, kept whatever their score
    recent: Annotated[int, Bounds(least=0)] = 20  # last records, kept whatever their score
    decay: Annotated[float, Bounds(above=0, most=1)] = 1.0  # of a score, each turn

    def __post_init__(self) -> None:
        check(self)

    @property
    def size(self) -> int:
        """Most records kept of a namespace."""
        return self.n + self.sinks + self.recent

    def dropped(self, view: View) -> NDArray[np.bool_]:
        """The rows that are not kept, shape (n,)."""
        newest = view.newer < self.recent
        oldest = lowest(view, view.created, lambda _: self.sinks)
        score = log_score(view.importance, view.turns, self.decay)
        score[newest | oldest] = np.inf
        alike = replace(view, used=view.created)  # a recall counts for nothing, not among equals
        return lowest(alike, score, lambda count: max(count - self.size, 0))

    def weight(self, view: View) -> Floats:  # shape (n,), 0 or 1
        return np.where(self.dropped(view), 0.0, 1.0)

    def concerns(self, active: int, ask: Ask) -> bool:
        return self.remove and active > self.size

    def maintain(self, view: View, ask: Ask) -> Change:
        out = self.dropped(view) & self.remove
        names = view.names(out)
        score = surprisal(view.importance) * self.decay**view.turns
        scores = dict(zip(names, score[out].tolist(), strict=True))
        reason = f"not among the {self.n} most surprising, the first or the last of its namespace"
        return Change(archive=names, reason=reason, policy=self.name, scores=scores)
