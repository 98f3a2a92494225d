"""Buyer and seller: each knows its own limit, and sometimes no deal is the best there is."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache
from math import ceil, floor, hypot
from typing import Annotated, ClassVar, Self

from agentmem.bench.games.bargain import (
    INSULT,
    Bargain,
    Exchange,
    Offer,
    Outcome,
    at_turn,
    exchanges,
    proposal,
    reply,
    words,
)
from agentmem.bench.games.base import Act, Choice, Line, Round, Stage
from agentmem.bench.keys import generator, key
from agentmem.bench.oracles import bargaining
from agentmem.bench.prompting import fill
from agentmem.fields import Bounds


@dataclass(frozen=True, slots=True)
class Limits:
    """What the good costs the seller, and what it is worth to the buyer."""

    cost: int
    value: int

    @property
    def surplus(self) -> float:
        """The most that both can gain together; 0 where no deal is best."""
        return bargaining.trade(self.cost, self.value).surplus


@dataclass(frozen=True, kw_only=True)
class Trade(Bargain):
    """Each round is a game over another good.  Prices alternate until one is accepted.

    The seller names the first price; roles are exchanged from game to game, seat 0 sells in odd
    ones.  At price p the seller gains p - cost, the buyer value - p, on price n `discount`^(n-1)
    times that; after `most` refusals both get 0.  Costs and values are different whole numbers
    from 1 to `high` - 1, known to their side alone, and drawn by the seed, as `draw`; in a share
    `zopa` of the games (exactly, to rounding) the value is above the cost.
    """

    name: ClassVar[str] = "trade"
    unit: ClassVar[str] = "game"

    rounds: Annotated[int, Bounds(least=1)] = 30
    high: Annotated[int, Bounds(least=3)] = 100  # the highest price
    most: Annotated[int, Bounds(least=1)] = 6  # prices named in a game
    discount: Annotated[float, Bounds(above=0, most=1)] = 1.0
    zopa: Annotated[float, Bounds(least=0, most=1)] = 0.75
    draw: Annotated[int, Bounds(least=0)] = 0

    def seeded(self, seed: int) -> Self:
        return replace(super().seeded(seed), draw=seed)

    def limits(self, number: int) -> Limits:
        """Cost and value of a game."""
        return drawn(self.rounds + self.before, self.high, self.zopa, self.draw)[number - 1]

    def seller(self, number: int) -> int:
        return (number - 1) % 2

    def proposer(self, number: int, turn: int) -> int:
        return (number + turn) % 2

    def limit(self, number: int, seat: int) -> int:
        """The seat's own cost or value."""
        limits = self.limits(number)
        return limits.cost if seat == self.seller(number) else limits.value

    def gain(self, number: int, seat: int, price: int) -> int:
        """What a price leaves a seat above no deal; below 0 for a loss."""
        limit = self.limit(number, seat)
        return price - limit if seat == self.seller(number) else limit - price

    def part(self, number: int, seat: int, price: int) -> float:
        """A gain as a share of the surplus that the seat can expect of a deal."""
        sells = seat == self.seller(number)
        hoped = hoped_surplus(self.limit(number, seat), self.high, sells=sells)
        return self.gain(number, seat, price) / hoped

    def play(self, seat: int) -> str:
        terms = {"high": self.high, "last": self.high - 1, "most": self.most}
        apart = fill("trade_apart") + " " if self.zopa < 1 else ""
        return self.spoken(fill("trade_play", apart=apart, **terms))

    def points(self, seat: int) -> str:
        worth = "" if self.discount == 1 else " " + fill("trade_fading", factor=self.discount)
        return fill("trade_points") + worth

    def stage(self, played: Round) -> Stage | None:
        if (at := at_turn(played, self.most)) is None:
            return None
        turn, open_ = at
        first = self.proposer(played.number, turn)
        seat = 1 - first if open_ else first
        sells = seat == self.seller(played.number)
        said = {
            "number": played.number,
            "turn": turn,
            "most": self.most,
            "high": self.high,
            "role": fill(
                "trade_seller" if sells else "trade_buyer", limit=self.limit(played.number, seat)
            ),
        }
        if open_ is None:
            ask = self.heard(fill("trade_propose", **said), *played.acts[-1:])
            return proposal(seat, ask, "price", self.high, talk=self.talk)
        ask = fill("trade_respond", price=open_.offer.move, **said)
        return reply(seat, self.heard(ask, open_.offer), talk=self.talk)

    def pay(self, played: Round) -> tuple[float, ...]:
        last = exchanges(played)[-1]
        return tuple(self.share(played.number, last, seat) for seat in (0, 1))

    def share(self, number: int, last: Exchange, seat: int) -> float:
        """Points of a seat in a game that ends with this exchange."""
        if not last.accepted:
            return 0.0
        gain = self.gain(number, seat, int(last.offer.move))
        return gain * self.discount ** (last.turn - 1)

    def lines(self, played: Round, seat: int) -> tuple[Line, ...]:
        """A line for each price that was answered; what the other did, as far as the seat can
        tell: +1 a fair price or an acceptance, -1 an insult or a rejection.
        """
        return tuple(self.line(played.number, one, seat) for one in exchanges(played) if one.answer)

    def line(self, number: int, one: Exchange, seat: int) -> Line:
        fair = self.part(number, seat, int(one.offer.move)) >= INSULT
        good = one.accepted if one.offer.seat == seat else fair
        kind = self.made(number, one.turn, self.even(number, seat), "accept")
        return Line(
            text=self.told(number, one, seat) + words((one.offer, one.answer), seat),
            valence=1.0 if good else -1.0,
            friendly=self.told(number, kind, seat),
        )

    def told(self, number: int, one: Exchange, seat: int) -> str:
        """A price that was answered, in one line."""
        own = one.offer.seat == seat
        who, other = ("you", "Player 2") if own else ("Player 2", "you")
        sells = seat == self.seller(number)
        role = fill("trade_as_seller" if sells else "trade_as_buyer")
        done = "accepted" if one.accepted else "rejected"
        text = (
            f"[Game {number}, round {one.turn}] {role} {self.limit(number, seat)}: "
            f"{who} named {one.offer.move}, {other} {done}"
        )
        if not one.accepted and one.turn < self.most:
            return text
        return f"{text} (you {self.share(number, one, seat):.4g})"

    def even(self, number: int, seat: int) -> int:
        """The price that leaves a seat half of what it can expect, or just above."""
        limit, sells = self.limit(number, seat), seat == self.seller(number)
        half = hoped_surplus(limit, self.high, sells=sells) / 2
        return ceil(limit + half) if sells else floor(limit - half)

    def made(self, number: int, turn: int, price: int, answer: str) -> Exchange:
        """That price, and that answer."""
        first = self.proposer(number, turn)
        return Exchange(turn, Act(first, price), Act(1 - first, answer))

    def fabricated(self, number: int, seat: int) -> Line:
        """Poisoned: the other named a price that leaves nothing, or rejected an even one.
        Blessed: an even one was accepted.
        """
        price, answer = self.even(number, seat), "accept"
        if self.opening == "poisoned":
            answer = "reject"
            if seat != self.proposer(number, 1):
                price = self.limit(number, seat)
        return self.line(number, self.made(number, 1, price, answer), seat)

    def outcome(self, played: Round) -> Outcome:
        """`nash` is None where no deal is best.  The frontier is that of the game without delay."""
        last = exchanges(played)[-1]
        limits = self.limits(played.number)
        price = int(last.offer.move) if last.accepted else None
        efficiency = bargaining.trade_efficiency(limits.cost, limits.value, price)
        first, second = self.pay(played)
        surplus = limits.surplus
        late = self.discount ** (last.turn - 1) if price is not None else 1.0
        return Outcome(
            agreed=last.accepted,
            turns=last.turn,
            points=(first, second),
            most=surplus,
            efficiency=efficiency * late,
            nash=max(first, 0) * max(second, 0) / (surplus / 2) ** 2 if surplus else None,
            gap=from_frontier(first, second, surplus),
        )

    def offers(self, played: Round) -> tuple[Offer, ...]:
        """What a price leaves to the other, of all there is to gain; none if that is nothing."""
        surplus = self.limits(played.number).surplus
        if not surplus:
            return ()
        number = played.number
        return tuple(
            Offer(
                turn=one.turn,
                seat=one.offer.seat,
                share=self.gain(number, 1 - one.offer.seat, int(one.offer.move)) / surplus,
            )
            for one in exchanges(played)
        )

    def hostile(self, choice: Choice) -> bool | None:
        """A rejection, or a price that leaves less than half; None where no deal is best."""
        surplus = self.limits(choice.number).surplus
        if not surplus:
            return None
        if isinstance(choice.move, str):
            return choice.move == "reject"
        return self.gain(choice.number, 1 - choice.seat, choice.move) < surplus / 2


def hoped_surplus(limit: int, high: int, *, sells: bool) -> float:
    """Expected surplus of a deal, for a side that knows its own limit alone.

    The other's limit, given that it leaves something to gain, lies evenly between the own one and
    the end of the prices: half of that distance.
    """
    return (high - limit if sells else limit) / 2


def from_frontier(first: float, second: float, surplus: float) -> float:
    """Distance of two sides' points from all divisions of the surplus between them."""
    along = min(max((first - second + surplus) / 2, 0.0), surplus)
    return hypot(first - along, second - (surplus - along))


@cache
def drawn(games: int, high: int, zopa: float, draw: int) -> tuple[Limits, ...]:
    """Costs and values of a match; the value is above the cost in a share `zopa` of the games."""
    order = sorted(range(games), key=lambda game: key("zopa", draw, game))
    gainful = set(order[: round(zopa * games)])
    found = []
    for game in range(games):
        less, more = sorted(generator("limits", draw, game).sample(range(1, high), 2))
        found.append(Limits(less, more) if game in gainful else Limits(more, less))
    return tuple(found)
