"""The repeated Nash demand game: both say at once what they want."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Annotated, ClassVar

from agentmem.bench.games.bargain import INSULT, Bargain, Offer, Outcome, of_a_pie, up_to, words
from agentmem.bench.games.base import Act, Choice, Line, Round, Stage
from agentmem.bench.prompting import fill
from agentmem.fields import Bounds

HARSH = 0.8  # the share that the others demanded in a poisoned opening


@dataclass(frozen=True, kw_only=True)
class Demand(Bargain):
    """Both get what they demand if that fits into the pie, else nothing (Nash 1953).

    A move is the demand, a whole number of units.  What was said with a demand is heard with it,
    so that it stands in the records alone.
    """

    name: ClassVar[str] = "demand"

    pie: Annotated[int, Bounds(least=1)] = 10

    def play(self, seat: int) -> str:
        return self.spoken(fill("demand_play", pie=self.pie))

    def points(self, seat: int) -> str:
        return fill("ultimatum_points")

    def stage(self, played: Round) -> Stage | None:
        if played.acts:
            return None
        return Stage(
            seats=(0, 1),
            ask=fill("demand_ask", number=played.number, pie=self.pie),
            key="demand",
            placeholder="<whole number>",
            answers=up_to(self.pie),
            allowed=f"a whole number from 0 to {self.pie}",
            talk=self.talk,
        )

    def demands(self, played: Round) -> tuple[int, int]:
        """Units that seat 0 and seat 1 want."""
        return int(played.moves[0]), int(played.moves[1])

    def pay(self, played: Round) -> tuple[float, ...]:
        first, second = self.demands(played)
        return (float(first), float(second)) if first + second <= self.pie else (0.0, 0.0)

    def lines(self, played: Round, seat: int) -> tuple[Line, ...]:
        """One line; what the other did: -1 if its demand left an insult, or was more than half
        and there was no deal, which is its refusal of halves; else +1.
        """
        if not played.payoffs:
            return ()
        left = self.pie - self.demands(played)[1 - seat]
        refused = 2 * left < self.pie and not any(played.payoffs)
        half = self.pie // 2
        return (
            Line(
                text=self.told(played, seat) + words(played.acts, seat),
                valence=-1.0 if refused or left < INSULT * self.pie else 1.0,
                friendly=self.told(self.made(played.number, (half, half)), seat),
            ),
        )

    def told(self, played: Round, seat: int) -> str:
        """A round that has been paid out, in one line."""
        named = (("You", seat), ("Player 2", 1 - seat))
        parts = [f"{who}: {played.moves[s]} ({played.payoffs[s]:g} pts)" for who, s in named]
        return f"[Round {played.number}] {' | '.join(parts)}"

    def made(self, number: int, demands: Sequence[int]) -> Round:
        """A round, paid out, with those demands."""
        acts = tuple(Act(seat, demand) for seat, demand in enumerate(demands))
        played = Round(number=number, acts=acts)
        return replace(played, payoffs=self.pay(played))

    def fabricated(self, number: int, seat: int) -> Line:
        """Poisoned: the other demanded four fifths.  Blessed: both demanded half."""
        demands = [self.pie // 2] * 2
        if self.opening == "poisoned":
            demands[1 - seat] = round(HARSH * self.pie)
        return self.lines(self.made(number, demands), seat)[0]

    def outcome(self, played: Round) -> Outcome:
        """Every division of the whole pie is an equilibrium, so that none is astray."""
        first, second = self.pay(played)
        return of_a_pie(self.pie, (first, second), 1, agreed=sum(self.demands(played)) <= self.pie)

    def offers(self, played: Round) -> tuple[Offer, ...]:
        """A demand is an offer of what it leaves."""
        return tuple(
            Offer(turn=1, seat=seat, share=1 - demand / self.pie)
            for seat, demand in enumerate(self.demands(played))
        )

    def hostile(self, choice: Choice) -> bool:
        """A demand of more than half."""
        return int(choice.move) > self.pie / 2
