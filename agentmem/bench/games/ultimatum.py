"""The repeated ultimatum game: the seats take turns at proposing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Annotated, ClassVar

from agentmem.bench.games.base import (
    Choice,
    Figures,
    Game,
    Moves,
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

    def rules(self) -> str:
        return fill("ultimatum_rules", pie=self.pie)

    def stage(self, number: int, moves: Moves) -> Stage | None:
        first = self.proposer(number)
        if not moves:
            return Stage(
                seats=(first,),
                ask=fill("ultimatum_propose", number=number, pie=self.pie),
                key="offer",
                placeholder="<whole number>",
                answers={offer: offer for offer in range(self.pie + 1)},
                allowed=f"a whole number from 0 to {self.pie}",
            )
        if len(moves) == 1:
            offer = moves[first]
            return Stage(
                seats=(1 - first,),
                ask=fill("ultimatum_respond", number=number, pie=self.pie, offer=offer),
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

    def line(self, played: Round, seat: int) -> str:
        offer, done = self.offer(played), "accepted" if self.accepted(played) else "rejected"
        told = (
            f"You offered Player 2 {offer} of {self.pie}; Player 2 {done}"
            if seat == self.proposer(played.number)
            else f"Player 2 offered you {offer} of {self.pie}; you {done}"
        )
        mine, other = played.payoffs[seat], played.payoffs[1 - seat]
        return f"[Round {played.number}] {told} (you {mine:g}, Player 2 {other:g})"

    def valence(self, played: Round, seat: int) -> float:
        """What the other did: +1 a fair offer or an acceptance, -1 an insult or a rejection."""
        if seat == self.proposer(played.number):
            return 1.0 if self.accepted(played) else -1.0
        return 1.0 if self.offer(played) >= INSULT * self.pie else -1.0

    def friendly(self, played: Round) -> Round:
        """Half of the pie was offered, and accepted."""
        first = self.proposer(played.number)
        kind = replace(played, moves={first: self.pie // 2, 1 - first: "accept"})
        return replace(kind, payoffs=self.pay(kind))

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
