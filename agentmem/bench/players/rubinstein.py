"""Partners in alternating offers."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil
from typing import ClassVar, cast

from agentmem.bench.games import Move
from agentmem.bench.games.rubinstein import Rubinstein, offers_in_equilibrium
from agentmem.bench.players.base import Anything, Seen, offer_of
from agentmem.bench.players.concession import BOULWARE, CONCEDER, HARD, target


@dataclass(frozen=True, kw_only=True)
class Equilibrium:
    """Subgame-perfect play on whole units (see `oracles.bargaining.alternating`).

    Where discounts are private, it takes the other's to be its own.
    """

    name: ClassVar[str] = "spe"
    game: ClassVar[str] = "rubinstein"

    def move(self, seen: Seen) -> Move:
        game = cast(Rubinstein, seen.game)
        own = game.factors[seen.seat]
        other = own if game.private else game.factors[1 - seen.seat]
        opening = game.proposer(seen.number, 1) == seen.seat
        first, second = (own, other) if opening else (other, own)
        least = offers_in_equilibrium(game.pie, first, second, game.most)[turn_of(seen) - 1]
        offer = offer_of(seen)
        if offer is None:
            return least
        return "accept" if offer >= least else "reject"


@dataclass(frozen=True, kw_only=True)
class HardBoiled:
    """Always demands the share `demand`."""

    name: ClassVar[str] = "hardboiled"
    game: ClassVar[str] = "rubinstein"

    demand: float = HARD

    def move(self, seen: Seen) -> Move:
        return for_share(seen, self.demand)


@dataclass(frozen=True, kw_only=True)
class Splitter(HardBoiled):
    """Half and half."""

    name: ClassVar[str] = "splitter"

    demand: float = 0.5


@dataclass(frozen=True, kw_only=True)
class Boulware:
    """Demands everything at first and the share `least` at the end of a game, by `exponent`."""

    name: ClassVar[str] = "boulware"
    game: ClassVar[str] = "rubinstein"

    exponent: float = BOULWARE
    least: float = 0.3

    def move(self, seen: Seen) -> Move:
        most = cast(Rubinstein, seen.game).most
        return for_share(seen, target(turn_of(seen), most, self.exponent, self.least))


@dataclass(frozen=True, kw_only=True)
class Conceder(Boulware):
    """Gives in at once."""

    name: ClassVar[str] = "conceder"

    exponent: float = CONCEDER


@dataclass(frozen=True, kw_only=True)
class RandomBargainer(Anything):
    """Any legal move, evenly."""

    game: ClassVar[str] = "rubinstein"


def turn_of(seen: Seen) -> int:
    """The round of the game, from 1."""
    return len(seen.played.acts) // 2 + 1


def for_share(seen: Seen, demand: float) -> Move:
    """The move of who demands a share of the pie, rounded up to whole units."""
    pie = cast(Rubinstein, seen.game).pie
    least = ceil(round(demand * pie, 9))
    offer = offer_of(seen)
    if offer is None:
        return pie - least
    return "accept" if offer >= least else "reject"


PLAYERS = (Equilibrium, HardBoiled, Splitter, Boulware, Conceder, RandomBargainer)
