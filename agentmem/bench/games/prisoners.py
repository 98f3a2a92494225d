"""The repeated prisoner's dilemma."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from agentmem.bench.games.base import Move, Round
from agentmem.bench.games.dilemma import Dilemma
from agentmem.bench.prompting import fill
from agentmem.errors import InputError, nearest

# T temptation, R reward, P punishment, S sucker; primary is the matrix of CoopEval
# (arXiv 2604.15267), textbook is Axelrod's.
PAYOFFS: Mapping[str, Mapping[str, float]] = {
    "primary": {"T": 3.0, "R": 2.0, "P": 1.0, "S": 0.0},
    "textbook": {"T": 5.0, "R": 3.0, "P": 1.0, "S": 0.0},
}
OUTCOME = {("C", "C"): "R", ("C", "D"): "S", ("D", "C"): "T", ("D", "D"): "P"}


@dataclass(frozen=True, kw_only=True)
class Prisoners(Dilemma):
    """Both choose at once: C cooperates, D defects; the prompt only ever says A0 and A1.

    `payoffs` names a set of `PAYOFFS`, or gives T, R, P and S with T > R > P > S and 2R > T + S.
    """

    name: ClassVar[str] = "prisoners"

    payoffs: str | Mapping[str, float] = "primary"

    def __post_init__(self) -> None:
        m = self.matrix
        if set(m) != set("TRPS"):
            raise InputError(f"payoffs need T, R, P and S, not {', '.join(m)}")
        if not (m["T"] > m["R"] > m["P"] > m["S"] and 2 * m["R"] > m["T"] + m["S"]):
            raise InputError(f"payoffs need T > R > P > S and 2R > T + S, not {dict(m)!r}")
        super().__post_init__()

    @property
    def matrix(self) -> Mapping[str, float]:
        """T, R, P and S in points."""
        if not isinstance(self.payoffs, str):
            return self.payoffs
        if self.payoffs not in PAYOFFS:
            raise InputError(f"unknown payoffs {self.payoffs!r}{nearest(self.payoffs, PAYOFFS)}")
        return PAYOFFS[self.payoffs]

    def own(self, mine: Move, other: Move) -> float:
        """Points of a seat for one round."""
        return self.matrix[OUTCOME[str(mine), str(other)]]

    def pay(self, played: Round) -> tuple[float, ...]:
        first, second = played.moves[0], played.moves[1]
        return self.own(first, second), self.own(second, first)

    def play(self, seat: int) -> str:
        return fill("dilemma_play")

    def points(self, seat: int) -> str:
        lines = [
            f"- You choose {a}, Player 2 chooses {b}: you get {self.own(mine, other):g}, "
            f"Player 2 gets {self.own(other, mine):g}."
            for a, mine in self.tokens.items()
            for b, other in self.tokens.items()
        ]
        return fill("dilemma_points", payoffs="\n".join(lines))
