"""The repeated ultimatum game: the seats take turns at proposing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Annotated, ClassVar

from agentmem.bench.games.base import (
    Act,
    Choice,
    Figures,
    Game,
    Line,
    Round,
    Stage,
    difference,
    mean,
    share,
)
from agentmem.bench.prompting import fill
from agentmem.fields import Bounds

INSULT = 0.4  # an offer below this share of the pie


@dataclass(frozen=True, kw_only=True)
class Ultimatum(Game):
    """The proposer offers 0..pie to the responder; refused, both get nothing.

    Seat 0 proposes in odd rounds, seat 1 in even ones.  A proposer's move is the offer, a
    responder's move is "accept" or "reject".
    """

    name: ClassVar[str] = "ultimatum"
    headline: ClassVar[str] = "acceptance"
    headline_words: ClassVar[str] = "acceptance rate"
    exploiter: ClassVar[str] = "hard"
    exploited: ClassVar[str] = "given_away"
    exploited_words: ClassVar[str] = "share of the pie taken by Hard"

    pie: Annotated[int, Bounds(least=1)] = 10

    def proposer(self, number: int) -> int:
        return (number - 1) % 2

    def play(self, seat: int) -> str:
        return fill("ultimatum_play", pie=self.pie)

    def points(self, seat: int) -> str:
        return fill("ultimatum_points")

    def stage(self, played: Round) -> Stage | None:
        first = self.proposer(played.number)
        if not played.acts:
            return Stage(
                seats=(first,),
                ask=fill("ultimatum_propose", number=played.number, pie=self.pie),
                key="offer",
                placeholder="<whole number>",
                answers={offer: offer for offer in range(self.pie + 1)},
                allowed=f"a whole number from 0 to {self.pie}",
            )
        if len(played.acts) == 1:
            offer = played.acts[0].move
            return Stage(
                seats=(1 - first,),
                ask=fill("ultimatum_respond", number=played.number, pie=self.pie, offer=offer),
                key="answer",
                placeholder='"<your answer>"',
                answers={"accept": "accept", "reject": "reject"},
                allowed="accept or reject",
            )
        return None

    def offer(self, played: Round) -> int:
        return int(played.moves[self.proposer(played.number)])

    def accepted(self, played: Round) -> bool:
        return played.moves[1 - self.proposer(played.number)] == "accept"

    def pay(self, played: Round) -> tuple[float, ...]:
        if not self.accepted(played):
            return 0.0, 0.0
        offer = float(self.offer(played))
        kept = self.pie - offer
        return (kept, offer) if self.proposer(played.number) == 0 else (offer, kept)

    def lines(self, played: Round, seat: int) -> tuple[Line, ...]:
        """One line; what the other did: +1 a fair offer or an acceptance, -1 an insult or a
        rejection.
        """
        if not played.payoffs:
            return ()
        fair = self.offer(played) >= INSULT * self.pie
        good = self.accepted(played) if seat == self.proposer(played.number) else fair
        return (
            Line(
                text=self.told(played, seat),
                valence=1.0 if good else -1.0,
                friendly=self.told(self.made(played.number, self.pie // 2, "accept"), seat),
            ),
        )

    def told(self, played: Round, seat: int) -> str:
        """A round that has been paid out, in one line."""
        offer, done = self.offer(played), "accepted" if self.accepted(played) else "rejected"
        said = (
            f"You offered Player 2 {offer} of {self.pie}; Player 2 {done}"
            if seat == self.proposer(played.number)
            else f"Player 2 offered you {offer} of {self.pie}; you {done}"
        )
        mine, other = played.payoffs[seat], played.payoffs[1 - seat]
        return f"[Round {played.number}] {said} (you {mine:g}, Player 2 {other:g})"

    def made(self, number: int, offer: int, answer: str) -> Round:
        """A round, paid out, with that offer and that answer."""
        first = self.proposer(number)
        played = Round(number=number, acts=(Act(first, offer), Act(1 - first, answer)))
        return replace(played, payoffs=self.pay(played))

    def fabricated(self, number: int, seat: int) -> Line:
        """Poisoned: the other offered nothing, or rejected half.  Blessed: half was accepted."""
        half = self.pie // 2
        if self.opening == "blessed":
            return self.lines(self.made(number, half, "accept"), seat)[0]
        offer = half if seat == self.proposer(number) else 0
        return self.lines(self.made(number, offer, "reject"), seat)[0]

    def figures(
        self, rounds: Sequence[Round], choices: Sequence[Choice], seats: Sequence[int]
    ) -> Figures:
        """`own_share` and `given_away` (what the other took) are shares of all pies; hostile, for
        `retaliation`, is a rejection or an offer of less than half.
        """
        pies = self.pie * len(rounds)
        totals = [sum(r.payoffs[s] for r in rounds) for s in (0, 1)]
        own = sum(totals[s] for s in seats) / (pies * len(seats)) if pies else None
        other = totals[1 - seats[0]] / pies if pies and len(seats) == 1 else None
        offers = [self.offer(r) / self.pie for r in rounds if self.proposer(r.number) in seats]
        hostile = [
            c.move == "reject" if isinstance(c.move, str) else c.move < self.pie / 2
            for c in choices
        ]
        return {
            "acceptance": share([self.accepted(r) for r in rounds]),
            "mean_offer": mean(offers),
            "own_share": own,
            "given_away": other,
            "gini": abs(totals[0] - totals[1]) / (2 * sum(totals)) if sum(totals) else None,
            "reward": None if own is None else own * self.pie,
            "retaliation": difference(hostile, [c.harm for c in choices]),
        }
