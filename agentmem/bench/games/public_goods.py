"""The repeated public goods game."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal

from agentmem.bench.games.base import Move, Round, Stage
from agentmem.bench.games.dilemma import TOKENS, Dilemma
from agentmem.bench.prompting import fill
from agentmem.fields import Bounds

# Endowment and multiplier.  Primary: all or nothing (CoopEval, arXiv 2604.15267); textbook: units.
PAYOFFS: Mapping[str, tuple[int, float]] = {"primary": (1, 1.5), "textbook": (20, 1.6)}


@dataclass(frozen=True, kw_only=True)
class PublicGoods(Dilemma):
    """Each contributes or does not (primary), or contributes 0..20 units (textbook).

    A seat gets what it has kept, and its part of the pot: multiplier x contributions / seats.
    """

    name: ClassVar[str] = "public_goods"

    members: Annotated[int, Bounds(least=2, most=10)] = 3
    payoffs: Literal["primary", "textbook"] = "primary"

    @property
    def seats(self) -> int:
        return self.members

    @property
    def units(self) -> bool:
        """Whether units are contributed, and not all or nothing."""
        return self.payoffs == "textbook"

    @property
    def endowment(self) -> int:
        return PAYOFFS[self.payoffs][0]

    @property
    def multiplier(self) -> float:
        return PAYOFFS[self.payoffs][1]

    def given(self, move: Move) -> float:
        """Units that a move contributes."""
        return float(move) if isinstance(move, int) else float(move == "C") * self.endowment

    def extremes(self, played: Round) -> tuple[Move, Move]:
        return (0, self.endowment) if self.units else ("D", "C")

    def shares(self, played: Round) -> Mapping[int, float]:
        return {seat: self.given(move) / self.endowment for seat, move in played.moves.items()}

    def pay(self, played: Round) -> tuple[float, ...]:
        given = [self.given(played.moves[seat]) for seat in range(self.seats)]
        part = self.multiplier * sum(given) / self.seats
        return tuple(self.endowment - own + part for own in given)

    def stage(self, played: Round) -> Stage | None:
        if not self.units or played.acts:
            return super().stage(played)
        return Stage(
            seats=tuple(range(self.seats)),
            ask=fill("contribution_ask", number=played.number, endowment=self.endowment),
            key="contribution",
            placeholder="<whole number>",
            answers={units: units for units in range(self.endowment + 1)},
            allowed=f"a whole number from 0 to {self.endowment}",
        )

    def play(self, seat: int) -> str:
        if self.units:
            return fill("contribution_play", endowment=self.endowment)
        return fill("public_goods_play")

    def points(self, seat: int) -> str:
        if self.units:
            return fill("contribution_points", multiplier=f"{self.multiplier:g}", seats=self.seats)
        kind = self.word("C")
        lines = []
        for token in TOKENS:
            own = float(self.tokens[token] == "C")
            for others in reversed(range(self.seats)):
                points = 1 - own + self.multiplier * (others + own) / self.seats
                lines.append(
                    f"- You choose {token} and {others} of the {self.seats - 1} others choose "
                    f"{kind}: you get {points:g}."
                )
        return fill("dilemma_points", payoffs="\n".join(lines))
