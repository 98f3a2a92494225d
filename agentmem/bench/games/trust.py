"""The repeated trust game: simultaneous with two actions, or sequential with units."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, ClassVar

from agentmem.bench.games.base import Move, Round, Stage
from agentmem.bench.games.dilemma import Dilemma
from agentmem.bench.prompting import fill
from agentmem.fields import Bounds

# Points of investor and trustee; C gives, D keeps (CoopEval, arXiv 2604.15267).
PAYOFFS: Mapping[tuple[Move, Move], tuple[float, float]] = {
    ("C", "C"): (10.0, 10.0),
    ("C", "D"): (0.0, 20.0),
    ("D", "C"): (6.0, 2.0),
    ("D", "D"): (4.0, 4.0),
}
FAIR = 0.5  # share of what came that a trustee sends back who is as kind as can be


@dataclass(frozen=True, kw_only=True)
class Trust(Dilemma):
    """Seat 0 invests, seat 1 is the trustee; both give (C) or keep (D) at once.

    The textbook form, with units and one after the other, is `Investment`.
    """

    name: ClassVar[str] = "trust"
    symmetric: ClassVar[bool] = False

    def pay(self, played: Round) -> tuple[float, ...]:
        return PAYOFFS[played.moves[0], played.moves[1]]

    def play(self, seat: int) -> str:
        return fill("trust_play")

    def points(self, seat: int) -> str:
        lines = []
        for a, mine in self.tokens.items():
            for b, other in self.tokens.items():
                paid = PAYOFFS[(mine, other) if seat == 0 else (other, mine)]
                lines.append(
                    f"- You choose {a}, Player 2 chooses {b}: you get {paid[seat]:g}, "
                    f"Player 2 gets {paid[1 - seat]:g}."
                )
        return fill("dilemma_points", payoffs="\n".join(lines))


@dataclass(frozen=True, kw_only=True)
class Investment(Dilemma):
    """Seat 0 sends some of its endowment, which grows by `factor`; seat 1 sends some of that back.

    Berg, Dickhaut and McCabe (1995).  Cooperation: the share sent; of a trustee, the share sent
    back, where half of what came counts as full.  A trustee to whom nothing was sent has no say.
    """

    name: ClassVar[str] = "investment"
    symmetric: ClassVar[bool] = False

    endowment: Annotated[int, Bounds(least=1)] = 10
    factor: Annotated[int, Bounds(least=2)] = 3

    def sent(self, played: Round) -> int:
        return int(played.moves[0])

    def returned(self, played: Round) -> int:
        return int(played.moves.get(1, 0))

    def extremes(self, played: Round) -> tuple[Move, Move]:
        if not played.acts:
            return 0, self.endowment
        return 0, round(FAIR * self.factor * self.sent(played))

    def shares(self, played: Round) -> Mapping[int, float]:
        found = {0: self.sent(played) / self.endowment}
        if grown := self.factor * self.sent(played):
            found[1] = min(1.0, self.returned(played) / round(FAIR * grown))
        return found

    def stage(self, played: Round) -> Stage | None:
        if not played.acts:
            ask = fill("investment_send", number=played.number, endowment=self.endowment)
            return _units(0, ask, self.endowment, "send")
        sent = self.sent(played)
        if len(played.acts) > 1 or not sent:
            return None
        ask = fill(
            "investment_return",
            number=played.number,
            sent=sent,
            endowment=self.endowment,
            grown=self.factor * sent,
        )
        return _units(1, ask, self.factor * sent, "return")

    def pay(self, played: Round) -> tuple[float, ...]:
        sent, back = self.sent(played), self.returned(played)
        return float(self.endowment - sent + back), float(self.factor * sent - back)

    def play(self, seat: int) -> str:
        return fill(f"investment_play_{seat}", endowment=self.endowment, factor=self.factor)

    def points(self, seat: int) -> str:
        return fill("investment_points")

    def told(self, played: Round, seat: int) -> str:
        sent, back = self.sent(played), self.returned(played)
        grown = self.factor * sent
        gave = f"You sent {sent} of {self.endowment}; Player 2 returned {back} of {grown}"
        got = f"Player 2 sent you {sent} of {self.endowment}; you returned {back} of {grown}"
        mine, other = played.payoffs[seat], played.payoffs[1 - seat]
        said = got if seat else gave
        return f"[Round {played.number}] {said} (you {mine:g}, Player 2 {other:g})"


def _units(seat: int, ask: str, most: int, key: str) -> Stage:
    return Stage(
        seats=(seat,),
        ask=ask,
        key=key,
        placeholder="<whole number>",
        answers={units: units for units in range(most + 1)},
        allowed=f"a whole number from 0 to {most}",
    )
