"""Age-weighted salience with pruning: HEMA (arXiv 2504.16754), counted in turns.

    published   lam * exp(-gamma * age) + beta * (1 - delta)
    intended    lam * exp(-gamma * age) + beta * delta

delta is 1 for a chunk recalled within the last 100 turns.  The text calls beta a bonus for recent
recalls; the formula as printed gives it to the chunks that were not recalled.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal

import numpy as np

from agentmem.core import Ask, Change, Floats, Policy, View
from agentmem.fields import Bounds, check
from agentmem.policies._order import lowest


def published(turns: Floats, delta: Floats, lam: float, gamma: float, beta: float) -> Floats:
    """Salience as printed, in [0, lam + beta]; `turns` >= 0, `delta` 0 or 1, shape (n,)."""
    return lam * np.exp(-gamma * turns) + beta * (1.0 - delta)


def intended(turns: Floats, delta: Floats, lam: float, gamma: float, beta: float) -> Floats:
    """Salience as described, in [0, lam + beta]; `turns` >= 0, `delta` 0 or 1, shape (n,)."""
    return lam * np.exp(-gamma * turns) + beta * delta


@dataclass(frozen=True, kw_only=True)
class AgeWeighted(Policy):
    """Weight salience / (lam + beta), so that a fresh record recalled lately has 1.

    With `remove`, the lowest `fraction` of a namespace goes when its turns have passed another
    multiple of `every`.  The fraction rounds down: below 1 / fraction records nothing goes.
    """

    name: ClassVar[str] = "age_weighted"
    sweep: ClassVar[Literal["due", "all"]] = "all"

    lam: Annotated[float, Bounds(above=0)] = 1.0
    gamma: Annotated[float, Bounds(least=0)] = 0.002  # per turn: half-life 346.6 turns
    beta: Annotated[float, Bounds(least=0)] = 0.5
    recent: Annotated[int, Bounds(least=0)] = 100  # turns in which a recall counts as recent
    fraction: Annotated[float, Bounds(least=0, most=1)] = 0.005
    every: Annotated[int, Bounds(least=1)] = 100  # turns
    variant: Literal["intended", "published"] = "intended"

    def __post_init__(self) -> None:
        check(self)

    def salience(self, view: View) -> Floats:
        """Shape (n,), in [0, lam + beta]."""
        delta = np.where(view.idle_turns <= self.recent, 1.0, 0.0)
        formula = published if self.variant == "published" else intended
        return formula(view.turns, delta, self.lam, self.gamma, self.beta)

    def weight(self, view: View) -> Floats:
        return self.salience(view) / (self.lam + self.beta)

    def concerns(self, active: int, ask: Ask) -> bool:
        crossed = ask.turn // self.every > ask.last_turn // self.every
        return self.remove and crossed and self._quota(active) > 0

    def maintain(self, view: View, ask: Ask) -> Change:
        reason = f"among the least salient {self.fraction:.2%}, at turn {ask.turn}"
        if not self.concerns(len(view), ask):
            return Change(reason=reason, policy=self.name)
        salience = self.salience(view)
        out = lowest(view, salience, self._quota)
        names = view.names(out)
        scores = dict(zip(names, salience[out].tolist(), strict=True))
        return Change(archive=names, reason=reason, policy=self.name, scores=scores)

    def _quota(self, count: int) -> int:
        return int(self.fraction * count + 1e-9)  # 1e-9: 0.29 * 100 is 28.999...
