"""The repeated ultimatum game: the seats take turns at proposing."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Annotated, ClassVar

from agentmem.bench.games.bargain import (
    INSULT,
    Bargain,
    Offer,
    Outcome,
    half_of,
    of_a_pie,
    proposal,
    reply,
    words,
)
from agentmem.bench.games.base import Act, Choice, Line, Round, Stage
from agentmem.bench.prompting import fill
from agentmem.fields import Bounds


@dataclass(frozen=True, kw_only=True)
class Ultimatum(Bargain):
    """The proposer offers 0..pie to the responder; refused, both get nothing.

    Seat 0 proposes in odd rounds, seat 1 in even ones.  A proposer's move is the offer, a
    responder's move is "accept" or "reject".
    """

    name: ClassVar[str] = "ultimatum"
    headline: ClassVar[str] = "agreement"
    headline_words: ClassVar[str] = "acceptance rate"

    pie: Annotated[int, Bounds(least=1)] = 10

    def proposer(self, number: int) -> int:
        return (number - 1) % 2

    def play(self, seat: int) -> str:
        return self.spoken(fill("ultimatum_play", pie=self.pie))

    def points(self, seat: int) -> str:
        return fill("ultimatum_points")

    def stage(self, played: Round) -> Stage | None:
        first = self.proposer(played.number)
        if not played.acts:
            ask = fill("ultimatum_propose", number=played.number, pie=self.pie)
            return proposal(first, ask, "offer", self.pie, talk=self.talk)
        if len(played.acts) == 1:
            (act,) = played.acts
            ask = fill("ultimatum_respond", number=played.number, pie=self.pie, offer=act.move)
            return reply(1 - first, self.heard(ask, act), talk=self.talk)
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
                text=self.told(played, seat) + words(played.acts, seat),
                valence=1.0 if good else -1.0,
                friendly=self.told(self.made(played.number, half_of(self.pie), "accept"), seat),
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
        half = half_of(self.pie)
        if self.opening == "blessed":
            return self.lines(self.made(number, half, "accept"), seat)[0]
        offer = half if seat == self.proposer(number) else 0
        return self.lines(self.made(number, offer, "reject"), seat)[0]

    def outcome(self, played: Round) -> Outcome:
        """In the subgame-perfect equilibrium of one round the proposer keeps everything."""
        first, second = self.pay(played)
        kept = (first, second)[self.proposer(played.number)]
        return of_a_pie(
            self.pie,
            (first, second),
            1,
            agreed=self.accepted(played),
            astray=1 - kept / self.pie,
        )

    def offers(self, played: Round) -> tuple[Offer, ...]:
        seat = self.proposer(played.number)
        return (Offer(turn=1, seat=seat, share=self.offer(played) / self.pie),)

    def hostile(self, choice: Choice) -> bool:
        """A rejection, or an offer of less than half."""
        if isinstance(choice.move, str):
            return choice.move == "reject"
        return choice.move < self.pie / 2
