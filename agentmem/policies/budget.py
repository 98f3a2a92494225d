"""A bounded store: keep what is worth most in each namespace, by number or by length."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal

import numpy as np

from agentmem.core import Ask, Change, Floats, Policy, View
from agentmem.fields import Bounds, Seconds, check
from agentmem.policies._order import beyond, lowest


@dataclass(frozen=True, kw_only=True)
class Budget(Policy):
    """Keeps the `max_records` of greatest value; value = importance x 2 ** (-idle / half_life).

    Without a half_life, value is importance alone: the best keeper of what is asked for later where
    age says nothing (`bench/budget.py`).  Among equals what was not used for longest goes first.
    This policy removes and does not rank, unless told otherwise.
    """

    name: ClassVar[str] = "budget"
    sweep: ClassVar[Literal["due", "all"]] = "all"

    rank: bool = False
    remove: bool = True
    max_records: Annotated[int, Bounds(least=0)] = 5000  # per namespace
    half_life: Annotated[Seconds, Bounds(above=0)] | None = None  # None: age does not count

    def __post_init__(self) -> None:
        check(self)

    def weight(self, view: View) -> Floats:
        if self.half_life is None:
            return view.importance.copy()
        return np.exp2(-view.idle / self.half_life) * view.importance

    def concerns(self, active: int, ask: Ask) -> bool:
        return self.remove and active > self.max_records

    def maintain(self, view: View, ask: Ask) -> Change:
        reason = f"not among the {self.max_records} most valuable of its namespace"
        if not self.remove:
            return Change(reason=reason, policy=self.name)
        with np.errstate(divide="ignore"):  # importance 0 is -inf: goes first; log: no underflow
            value = np.log2(view.importance) - view.idle / (self.half_life or np.inf)
        out = lowest(view, value, lambda count: max(count - self.max_records, 0))
        names = view.names(out)
        scores = dict(zip(names, self.weight(view)[out].tolist(), strict=True))
        return Change(archive=names, reason=reason, policy=self.name, scores=scores)


@dataclass(frozen=True, kw_only=True)
class WordBudget(Policy):
    """Keeps what tells most a word, until `max_words` of each namespace are full.

    Importance i is bits / (bits + 128) (`agentmem/salience.py`), so i / (1 - i) is proportional to
    what a record tells, and that by its length is what a word of it is worth (the greedy answer to
    the knapsack problem; Dantzig 1957).  Among equals what was not used for longest goes first.  It
    removes and does not rank.
    """

    name: ClassVar[str] = "word_budget"
    sweep: ClassVar[Literal["due", "all"]] = "all"

    rank: bool = False
    remove: bool = True
    max_words: Annotated[int, Bounds(least=0)] = 100_000  # per namespace

    def __post_init__(self) -> None:
        check(self)

    def value(self, view: View) -> Floats:
        """What a word is worth, shape (n,), in [0, inf]; importance 1 is beyond price."""
        with np.errstate(divide="ignore"):
            odds: Floats = view.importance / (1.0 - view.importance)
        return odds / np.maximum(view.words, 1.0)

    def weight(self, view: View) -> Floats:
        value = self.value(view)
        with np.errstate(invalid="ignore"):
            return np.where(np.isinf(value), 1.0, value / (value + 1.0))

    def maintain(self, view: View, ask: Ask) -> Change:
        reason = f"beyond the {self.max_words} words of its namespace that tell most"
        if not self.remove:
            return Change(reason=reason, policy=self.name)
        out = beyond(view, self.value(view), view.words, self.max_words)
        names = view.names(out)
        scores = dict(zip(names, self.weight(view)[out].tolist(), strict=True))
        return Change(archive=names, reason=reason, policy=self.name, scores=scores)
