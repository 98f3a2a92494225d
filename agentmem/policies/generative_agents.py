"""Recency and importance of Generative Agents (Park et al. 2023, arXiv 2304.03442).

The paper sums recency, importance and relevance, each scaled to 0..1 over all memories.  A policy
knows no question, so it gives recency and importance here, as one weight that multiplies relevance;
the stage `generative` makes the sum of all three.

    intended    recency 0.995^hours since the last use; the weighted mean, record by record
    published   the same, each part scaled to 0..1 between the least and the most of all records
    as_coded    recency 0.99^rank, rank 1 for the least recently used, so that the oldest memory
                counts as the most recent; weights 0.5 (recency), 3 (relevance), 2 (importance)
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal

import numpy as np

from agentmem.core import Floats, View
from agentmem.errors import ConfigError
from agentmem.fields import Bounds
from agentmem.policies._fading import HOUR, Fading

Variant = Literal["intended", "published", "as_coded"]
HOURLY = 0.995  # recency left after an hour
RANKWISE = 0.99  # as coded: after a rank
WEIGHTS = {  # of recency, importance, relevance
    "intended": (1.0, 1.0, 1.0),
    "published": (1.0, 1.0, 1.0),
    "as_coded": (0.5, 2.0, 3.0),
}
EQUAL = {"intended": 1.0, "published": 1.0, "as_coded": 0.5}  # where all of a part are equal


def recency(hours: Floats, left: float = HOURLY) -> Floats:
    """left^hours, in [0, 1]: hours >= 0 since the last use."""
    kept: Floats = np.power(left, hours)
    return kept


def recency_as_coded(used: Floats, left: float = RANKWISE) -> Floats:
    """left^rank, shape (n,), by the second of the last use: the oldest gets left^1, the most."""
    ranks = np.empty(len(used))
    ranks[np.argsort(used, kind="stable")] = np.arange(1.0, len(used) + 1.0)
    return recency(ranks, left)


def scaled(values: Floats, equal: float = 1.0) -> Floats:
    """Min-max scaled to [0, 1]; `equal` for all where all are the same."""
    low, high = values.min(initial=np.inf), values.max(initial=-np.inf)
    if not high > low:
        return np.full(len(values), equal)
    even: Floats = (values - low) / (high - low)
    return even


def recencies(used: Floats, now: float, variant: Variant, left: float | None = None) -> Floats:
    """Recency by a variant, before scaling, shape (n,), in [0, 1]."""
    if variant == "as_coded":
        return recency_as_coded(used, left or RANKWISE)
    return recency(np.maximum(now - used, 0.0) / HOUR, left or HOURLY)


@dataclass(frozen=True, kw_only=True)
class GenerativeAgents(Fading):
    """Weight max(floor, weighted mean of recency and importance); a recall restores recency.

    Under `published` and `as_coded` a weight depends on the other records, so they rank only.  The
    original removes nothing; with `remove`, `intended` lets go what has fallen to `forget_below`:
    never a record whose importance alone holds it above.
    """

    name: ClassVar[str] = "generative_agents"

    left: Annotated[float, Bounds(above=0, below=1)] | None = None  # recency after an hour; 0.995
    recency: Annotated[float, Bounds(above=0)] | None = None  # its weight; 1 (as coded: 0.5)
    importance: Annotated[float, Bounds(least=0)] | None = None  # its weight; 1 (as coded: 2)
    variant: Variant = "intended"

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.remove and self.variant != "intended":
            raise ConfigError(
                f"generative_agents: variant {self.variant!r} ranks; it cannot remove"
            )

    @property
    def shares(self) -> tuple[float, float]:
        """Recency's and importance's share of the weight; they sum to 1."""
        recency, importance, _ = WEIGHTS[self.variant]
        recency = recency if self.recency is None else self.recency
        importance = importance if self.importance is None else self.importance
        return recency / (recency + importance), importance / (recency + importance)

    @property
    def separable(self) -> bool:
        return self.variant == "intended" and super().separable

    def retention(self, view: View) -> Floats:
        recent = recencies(view.used, view.now, self.variant, self.left)
        important = view.importance
        if self.variant != "intended":
            equal = EQUAL[self.variant]
            recent, important = scaled(recent, equal), scaled(important, equal)
        by_recency, by_importance = self.shares
        return by_recency * recent + by_importance * important

    def crossing(self, view: View) -> Floats:
        by_recency, by_importance = self.shares
        needed = (self.forget_below - by_importance * view.importance) / by_recency
        ever = needed > 0.0
        hours = np.log(np.where(ever, np.minimum(needed, 1.0), 1.0)) / np.log(self.left or HOURLY)
        return np.where(ever, view.used + hours * HOUR, np.inf)
