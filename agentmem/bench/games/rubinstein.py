"""Alternating offers over a shrinking pie, again and again with the same partner."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Annotated, ClassVar, Self

from agentmem.bench.games.bargain import (
    INSULT,
    Bargain,
    Exchange,
    Offer,
    Outcome,
    at_turn,
    exchanges,
    half_of,
    of_a_pie,
    proposal,
    reply,
    words,
)
from agentmem.bench.games.base import Act, Choice, Line, Round, Stage
from agentmem.bench.keys import generator
from agentmem.bench.oracles import bargaining
from agentmem.bench.prompting import fill
from agentmem.errors import InputError
from agentmem.fields import Bounds

DISCOUNTS = (0.8, 0.9, 0.95)  # what private discounts are drawn from

offers_in_equilibrium = cache(bargaining.alternating)


@dataclass(frozen=True, kw_only=True)
class Rubinstein(Bargain):
    """Each round is a game (Rubinstein 1982): offers alternate until one is accepted.

    A unit agreed on at offer n is worth d^(n-1) points; after `most` refusals both get nothing.
    The seats take turns at making the first offer.  Moves are as in the ultimatum.

    `discount` is d of both.  `discounts` gives each seat its own; `private`: each seat knows only
    its own, and unless `discounts` are given the seed draws them from `DISCOUNTS`.
    """

    name: ClassVar[str] = "rubinstein"
    unit: ClassVar[str] = "game"

    rounds: Annotated[int, Bounds(least=1)] = 30
    pie: Annotated[int, Bounds(least=1)] = 100
    discount: Annotated[float, Bounds(above=0, most=1)] = 0.9
    most: Annotated[int, Bounds(least=1)] = 10  # offers in a game
    private: bool = False
    discounts: tuple[float, ...] = ()  # of seat 0 and seat 1

    def __post_init__(self) -> None:
        if self.discounts and (
            len(self.discounts) != 2 or not all(0 < some <= 1 for some in self.discounts)
        ):
            raise InputError(
                f"rubinstein.discounts = {self.discounts!r}: give two numbers > 0 and <= 1"
            )
        super().__post_init__()

    def seeded(self, seed: int) -> Self:
        game = super().seeded(seed)
        if not self.private or self.discounts:
            return game
        rng = generator("discounts", seed)
        return replace(game, discounts=(rng.choice(DISCOUNTS), rng.choice(DISCOUNTS)))

    @property
    def factors(self) -> tuple[float, ...]:
        """Discounts of seat 0 and seat 1."""
        return self.discounts or (self.discount, self.discount)

    @property
    def uneven(self) -> bool:
        return self.factors[0] != self.factors[1]

    def proposer(self, number: int, turn: int) -> int:
        """Who makes an offer of a game."""
        return (number + turn) % 2

    def play(self, seat: int) -> str:
        return self.spoken(fill("rubinstein_play", pie=self.pie, most=self.most))

    def points(self, seat: int) -> str:
        kind = "private" if self.private else "known"
        known = {} if self.private else {"theirs": f"{self.factors[1 - seat]:g}"}
        return fill(f"rubinstein_points_{kind}", own=f"{self.factors[seat]:g}", **known)

    def worth(self, turn: int, seat: int) -> str:
        """What the whole pie is worth by now, in points."""
        mine, theirs = (f"{self.pie * self.factors[s] ** (turn - 1):.4g}" for s in (seat, 1 - seat))
        if self.private:
            return fill("rubinstein_worth_private", pie=self.pie, own=mine)
        return fill("rubinstein_worth_known", pie=self.pie, own=mine, theirs=theirs)

    def stage(self, played: Round) -> Stage | None:
        if (at := at_turn(played, self.most)) is None:
            return None
        turn, open_ = at
        first = self.proposer(played.number, turn)
        seat = 1 - first if open_ else first
        said = {
            "number": played.number,
            "turn": turn,
            "most": self.most,
            "pie": self.pie,
            "worth": self.worth(turn, seat),
        }
        if open_ is None:
            ask = self.heard(fill("rubinstein_propose", **said), *played.acts[-1:])
            return proposal(seat, ask, "offer", self.pie, talk=self.talk)
        ask = fill("rubinstein_respond", offer=open_.offer.move, **said)
        return reply(seat, self.heard(ask, open_.offer), talk=self.talk)

    def pay(self, played: Round) -> tuple[float, ...]:
        return self.shares(exchanges(played)[-1])

    def shares(self, last: Exchange) -> tuple[float, float]:
        """Points of both seats in a game that ends with this exchange."""
        if not last.accepted:
            return 0.0, 0.0
        offer = int(last.offer.move)
        units = {last.offer.seat: self.pie - offer, 1 - last.offer.seat: offer}
        first, second = (units[s] * self.factors[s] ** (last.turn - 1) for s in (0, 1))
        return first, second

    def lines(self, played: Round, seat: int) -> tuple[Line, ...]:
        """A line for each offer that was answered; what the other did: +1 a fair offer or an
        acceptance, -1 an insult or a rejection.
        """
        return tuple(self.line(played.number, one, seat) for one in exchanges(played) if one.answer)

    def line(self, number: int, one: Exchange, seat: int) -> Line:
        fair = int(one.offer.move) >= INSULT * self.pie
        good = one.accepted if one.offer.seat == seat else fair
        return Line(
            text=self.told(number, one, seat) + words((one.offer, one.answer), seat),
            valence=1.0 if good else -1.0,
            friendly=self.told(
                number, self.made(number, one.turn, half_of(self.pie), "accept"), seat
            ),
        )

    def told(self, number: int, one: Exchange, seat: int) -> str:
        """An offer that was answered, in one line."""
        own = one.offer.seat == seat
        who, other = ("you", "Player 2") if own else ("Player 2", "you")
        done = "accepted" if one.accepted else "rejected"
        text = f"[Game {number}, round {one.turn}] {who} offered {one.offer.move}, {other} {done}"
        if not one.accepted and one.turn < self.most:
            return text
        points = self.shares(one)
        others = "" if self.private else f", Player 2 {points[1 - seat]:.4g}"
        return f"{text} (you {points[seat]:.4g}{others})"

    def made(self, number: int, turn: int, offer: int, answer: str) -> Exchange:
        """That offer, and that answer."""
        first = self.proposer(number, turn)
        return Exchange(turn, Act(first, offer), Act(1 - first, answer))

    def fabricated(self, number: int, seat: int) -> Line:
        """Poisoned: the other offered nothing, or rejected half.  Blessed: half was accepted."""
        half = half_of(self.pie)
        if self.opening == "blessed":
            return self.line(number, self.made(number, 1, half, "accept"), seat)
        offer = half if seat == self.proposer(number, 1) else 0
        return self.line(number, self.made(number, 1, offer, "reject"), seat)

    def outcome(self, played: Round) -> Outcome:
        """`astray`: how far the first proposer's points are from the equilibrium's."""
        done = exchanges(played)
        first, second = self.pay(played)
        opener = self.proposer(played.number, 1)
        astray = None
        if not self.private:
            offers = self.equilibrium(opener)
            astray = abs((first, second)[opener] - (self.pie - offers[0])) / self.pie
        return of_a_pie(
            self.pie, (first, second), len(done), agreed=done[-1].accepted, astray=astray
        )

    def equilibrium(self, opener: int) -> Sequence[int]:
        """Subgame-perfect offers of a game in which `opener` makes the first."""
        own, other = self.factors[opener], self.factors[1 - opener]
        return offers_in_equilibrium(self.pie, own, other, self.most)

    def offers(self, played: Round) -> tuple[Offer, ...]:
        return tuple(
            Offer(turn=one.turn, seat=one.offer.seat, share=int(one.offer.move) / self.pie)
            for one in exchanges(played)
        )

    def hostile(self, choice: Choice) -> bool:
        """A rejection, or an offer of less than half."""
        if isinstance(choice.move, str):
            return choice.move == "reject"
        return choice.move < self.pie / 2
