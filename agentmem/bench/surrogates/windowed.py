"""S1, the windowed grudge: one visible harm counts as much as many, and decides.

Its play against itself is solved exactly in `agentmem.bench.oracles.grudge`; how far back it can
look is up to what stands in the prompt.  It tests mechanism and harness and is no evidence about
language models.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated

from agentmem.bench.surrogates.reading import Dilemma, Evidence
from agentmem.fields import Bounds, check

HALF = 0.5  # a move with less cooperation than this is a defection: contributions come in parts


@dataclass(frozen=True, kw_only=True)
class Windowed:
    """Cooperates with chance 1 - slip if no defection of a partner is visible, else `forgive`.

    A total in which there is a defection shows one, however small.  Whether a reasoning is asked
    for makes no difference, and its words look forward as often as it cooperates.
    """

    slip: Annotated[float, Bounds(least=0, most=1)] = 0.01
    forgive: Annotated[float, Bounds(least=0, most=1)] = 0.7

    def __post_init__(self) -> None:
        check(self)

    def chance(self, seen: Dilemma, *, deliberate: bool) -> float:
        moves = [word for line in seen.lines for word in line.others]
        harmed = any(seen.share(word) < HALF for word in moves)
        return self._kindness(harmed or seen.counted[1] > 0)

    def ratio(self, seen: Evidence, *, deliberate: bool) -> float:
        return self._kindness(seen.bad > 0)

    def goodwill(self, seen: Evidence, *, deliberate: bool) -> float:
        return self._kindness(seen.bad > 0)

    def _kindness(self, harmed: bool) -> float:
        return self.forgive if harmed else 1 - self.slip


MINDS: Mapping[str, Windowed] = {
    "s1": Windowed(),
    "s1-forgiving": Windowed(forgive=0.97),  # R0 < 1 up to a window of 50
    "s1-stubborn": Windowed(forgive=0.1),
}
