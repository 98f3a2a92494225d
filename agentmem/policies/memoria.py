"""Lifespans that recalls lengthen: Memoria (Park and Bak 2024, arXiv 2310.03052).

    lifespan  = 9 at first, + contribution * 8 at each recall
    remaining = lifespan - steps

Each step takes one; what has none left is removed.  A step is a turn of the namespace here, the
contribution a record's share of the recall's total score.  The figures are those of the official
GPT-2 configuration.  Memoria's other half, links of what is recalled together, is the stage
`cofired`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Annotated, ClassVar, Literal

import numpy as np

from agentmem.core import Ask, Change, Floats, Policy, Update, View
from agentmem.fields import Bounds, check
from agentmem.policies._fading import DAY


def lengthened(lifespan: Floats, contribution: Floats, scale: float) -> Floats:
    """The lifespan after a recall, in steps; `contribution` is a share, 0..1."""
    return lifespan + contribution * scale


def remaining(lifespan: Floats, steps: Floats) -> Floats:
    """Steps left, shape (n,); 0 or less: gone."""
    return lifespan - steps


@dataclass(frozen=True, kw_only=True)
class Memoria(Policy):
    """Weight 1 as long as a record has turns left, then 0; with `remove` it goes as well.

    `Record.stability` holds the lifespan granted so far, a turn counted as a day: to other policies
    stability is a time in seconds, and 9 of these would be forgotten at once.
    """

    name: ClassVar[str] = "memoria"
    sweep: ClassVar[Literal["due", "all"]] = "all"

    initial: Annotated[float, Bounds(above=0)] = 9.0  # turns
    scale: Annotated[float, Bounds(least=0)] = 8.0  # turns that one recall shares out

    def __post_init__(self) -> None:
        check(self)

    def lifespan(self, view: View) -> Floats:
        """Turns granted so far, shape (n,)."""
        return np.where(np.isnan(view.stability), self.initial, view.stability / DAY)

    def left(self, view: View) -> Floats:
        """Turns left, shape (n,)."""
        return remaining(self.lifespan(view), view.turns)

    def weight(self, view: View) -> Floats:  # shape (n,), 0 or 1
        return np.where(self.left(view) > 0.0, 1.0, 0.0)

    def touch(self, view: View) -> Update:
        contribution = np.nan_to_num(view.share)  # no recall, no contribution
        lifespan = lengthened(self.lifespan(view), contribution, self.scale)
        return replace(super().touch(view), stability=lifespan * DAY)

    def concerns(self, active: int, ask: Ask) -> bool:
        return self.remove

    def maintain(self, view: View, ask: Ask) -> Change:
        left = self.left(view)
        out = (left <= 0.0) & self.remove
        names = view.names(out)
        scores = dict(zip(names, left[out].tolist(), strict=True))
        reason = "its lifespan is over"
        return Change(archive=names, reason=reason, policy=self.name, scores=scores)
