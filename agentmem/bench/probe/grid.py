"""The memories that a probe shows: how much is remembered, how much of it was harm, and where.

n remembered rounds, D of them harms, C = n - D kind.  Harms stand among the newest, among the
oldest, in the middle, or spread evenly; where that makes no difference, there is one memory.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from itertools import product
from math import floor

from agentmem.bench.surrogates.reading import momentum

SIZES = (0, 2, 5, 20, 80)  # n
SHARES = (0.0, 0.05, 0.2, 0.5, 1.0)  # D / n, to the nearest whole D
PLACES = ("recent", "old", "clustered", "spread")


@dataclass(frozen=True, slots=True)
class Past:
    """What the others did in the remembered rounds, oldest first: true for a kind move."""

    kind: tuple[bool, ...]

    @property
    def rounds(self) -> int:
        """How many: n."""
        return len(self.kind)

    @property
    def good(self) -> int:
        """Kind ones: C."""
        return sum(self.kind)

    @property
    def bad(self) -> int:
        """Harms: D."""
        return self.rounds - self.good

    @property
    def momentum(self) -> float:
        """m, -1..1: the last move and the one before, as the balance of evidence weighs them."""
        return momentum([1.0 if kind else -1.0 for kind in self.kind])

    @property
    def place(self) -> float:
        """-1..1: where the harms stand on average, among the oldest -1 and the newest +1.

        0 without any, and where all were harms.
        """
        if not self.good or not self.bad:
            return 0.0
        places = [i for i, kind in enumerate(self.kind) if not kind]
        return 2 * (sum(places) / len(places)) / (self.rounds - 1) - 1


def placed(rounds: int, harms: int, place: str) -> Past:
    """So many rounds with so many harms; KeyError for an unknown place."""
    first = {"recent": rounds - harms, "old": 0, "clustered": (rounds - harms + 1) // 2}
    if place == "spread":
        at = {floor((i + 0.5) * rounds / harms) for i in range(harms)}
    else:
        at = set(range(first[place], first[place] + harms))
    return Past(tuple(i not in at for i in range(rounds)))


@cache
def grid() -> tuple[Past, ...]:
    """Every different memory, 41 of the 100 combinations."""
    made = (
        placed(rounds, floor(share * rounds + 0.5), place)
        for rounds, share, place in product(SIZES, SHARES, PLACES)
    )
    return tuple(dict.fromkeys(made))
