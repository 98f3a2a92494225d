"""The repeated traveler's dilemma (Basu 1994)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

from agentmem.bench.games.base import Choice, Figures, Move, Round, Stage, mean
from agentmem.bench.games.dilemma import Dilemma
from agentmem.bench.prompting import fill
from agentmem.errors import InputError, nearest

# Primary: CoopEval (arXiv 2604.15267); textbook: Basu.
PAYOFFS: Mapping[str, Mapping[str, int]] = {
    "primary": {"low": 2, "high": 5, "bonus": 2},
    "textbook": {"low": 2, "high": 100, "bonus": 2},
}


@dataclass(frozen=True, kw_only=True)
class Travelers(Dilemma):
    """Each claims low..high; both are paid the lower claim, with a bonus to who made it.

    Only the highest claim counts as cooperation; `claim_share` says how high the claims were.
    `payoffs` names a set of `PAYOFFS`, or gives low < high and a bonus of at least 1.
    """

    name: ClassVar[str] = "travelers"

    payoffs: str | Mapping[str, int] = "primary"

    def __post_init__(self) -> None:
        m = self.terms
        if set(m) != {"low", "high", "bonus"}:
            raise InputError(f"payoffs need low, high and bonus, not {', '.join(m)}")
        if not (0 <= m["low"] < m["high"] and m["bonus"] >= 1):
            raise InputError(f"payoffs need 0 <= low < high and bonus >= 1, not {dict(m)!r}")
        super().__post_init__()

    @property
    def terms(self) -> Mapping[str, int]:
        """Lowest claim, highest claim, and the bonus, which is the penalty too; points."""
        if not isinstance(self.payoffs, str):
            return self.payoffs
        if self.payoffs not in PAYOFFS:
            raise InputError(f"unknown payoffs {self.payoffs!r}{nearest(self.payoffs, PAYOFFS)}")
        return PAYOFFS[self.payoffs]

    def extremes(self, played: Round) -> tuple[Move, Move]:
        return self.terms["low"], self.terms["high"]

    def shares(self, played: Round) -> Mapping[int, float]:
        high = self.terms["high"]
        return {seat: float(move == high) for seat, move in played.moves.items()}

    def own(self, mine: int, other: int) -> float:
        """Points of a seat for one round."""
        if mine == other:
            return float(mine)
        return float(min(mine, other) + (1 if mine < other else -1) * self.terms["bonus"])

    def pay(self, played: Round) -> tuple[float, ...]:
        first, second = int(played.moves[0]), int(played.moves[1])
        return self.own(first, second), self.own(second, first)

    def play(self, seat: int) -> str:
        return fill("travelers_play", low=self.terms["low"], high=self.terms["high"])

    def points(self, seat: int) -> str:
        return fill("travelers_points", bonus=self.terms["bonus"])

    def stage(self, played: Round) -> Stage | None:
        if played.acts:
            return None
        low, high = self.terms["low"], self.terms["high"]
        return Stage(
            seats=(0, 1),
            ask=fill("travelers_ask", number=played.number, low=low, high=high),
            key="claim",
            placeholder="<whole number>",
            answers={claim: claim for claim in range(low, high + 1)},
            allowed=f"a whole number from {low} to {high}",
        )

    def figures(
        self, rounds: Sequence[Round], choices: Sequence[Choice], seats: Sequence[int]
    ) -> Figures:
        """`claim_share`: mean claim as a share of the highest."""
        claims = [int(r.moves[seat]) / self.terms["high"] for r in rounds for seat in seats]
        return {**super().figures(rounds, choices, seats), "claim_share": mean(claims)}
