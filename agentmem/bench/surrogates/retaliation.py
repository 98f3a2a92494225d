"""S2, linear retaliation: every visible harm adds the same to the chance of answering in kind.

What a forgetting policy does to it follows from one number, the policy's grudge lifetime: see
`agentmem.bench.oracles.retaliation`.  It tests mechanism and harness and is no evidence about
language models.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated

from agentmem.bench.surrogates.reading import Dilemma, Evidence
from agentmem.fields import Bounds, check


@dataclass(frozen=True, kw_only=True)
class Retaliating:
    """Defects with chance min(cap, base + retort * visible defections).

    What stands in the prompt counts 1, as a share of the partners where there are several; a total
    of n defections counts n ** COUNTED, as for every simulated player, so that what is only counted
    weighs less than what is told.  Whether a reasoning is asked for makes no difference, and its
    words look forward as often as it cooperates.
    """

    base: Annotated[float, Bounds(least=0, most=1)] = 0.005
    retort: Annotated[float, Bounds(least=0, most=1)] = 0.02
    cap: Annotated[float, Bounds(least=0, most=1)] = 0.95

    def __post_init__(self) -> None:
        check(self)

    def chance(self, seen: Dilemma, *, deliberate: bool) -> float:
        return self.goodwill(seen.evidence, deliberate=deliberate)

    def ratio(self, seen: Evidence, *, deliberate: bool) -> float:
        return self.goodwill(seen, deliberate=deliberate)

    def goodwill(self, seen: Evidence, *, deliberate: bool) -> float:
        return 1 - min(self.cap, self.base + self.retort * seen.bad)


MINDS: Mapping[str, Retaliating] = {
    "s2": Retaliating(),
    "s2-touchy": Retaliating(base=0.05, retort=0.05),  # shows in matches of a few hundred rounds
    "s2-mild": Retaliating(retort=0.01),  # below R0 = 1 with all of 80 rounds in view
}
