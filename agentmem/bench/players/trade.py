"""Partners in buying and selling; each knows its own cost or value alone."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, floor
from typing import ClassVar, cast

from agentmem.bench.games import Move
from agentmem.bench.games.trade import Trade, hoped_surplus
from agentmem.bench.players.base import Anything, Seen, offer_of
from agentmem.bench.players.concession import BOULWARE, CONCEDER, HARD, target


@dataclass(frozen=True, kw_only=True)
class HardBoiled:
    """Always demands the share `demand` of the surplus that it can expect."""

    name: ClassVar[str] = "hardboiled"
    game: ClassVar[str] = "trade"

    demand: float = HARD

    def move(self, seen: Seen) -> Move:
        return for_share(seen, self.demand)


@dataclass(frozen=True, kw_only=True)
class Splitter(HardBoiled):
    """Names the price that leaves it half of what it can expect, accepts any gain."""

    name: ClassVar[str] = "splitter"

    demand: float = 0.5

    def move(self, seen: Seen) -> Move:
        return for_share(seen, self.demand if offer_of(seen) is None else 0.0)


@dataclass(frozen=True, kw_only=True)
class Boulware:
    """Demands at first all that it can expect, at the end of a game the share `least` of it."""

    name: ClassVar[str] = "boulware"
    game: ClassVar[str] = "trade"

    exponent: float = BOULWARE
    least: float = 0.1  # surpluses are often less than expected

    def move(self, seen: Seen) -> Move:
        most = cast(Trade, seen.game).most
        turn = len(seen.played.acts) // 2 + 1
        return for_share(seen, target(turn, most, self.exponent, self.least))


@dataclass(frozen=True, kw_only=True)
class Conceder(Boulware):
    """Gives in at once."""

    name: ClassVar[str] = "conceder"

    exponent: float = CONCEDER


@dataclass(frozen=True, kw_only=True)
class RandomBargainer(Anything):
    """Any legal move, evenly; it may well make a loss."""

    game: ClassVar[str] = "trade"


def for_share(seen: Seen, demand: float) -> Move:
    """Name a price that leaves that share of the expected surplus; accept no loss, and no less."""
    game = cast(Trade, seen.game)
    limit, sells = game.limit(seen.number, seen.seat), game.seller(seen.number) == seen.seat
    gain = demand * hoped_surplus(limit, game.high, sells=sells)
    offer = offer_of(seen)
    if offer is None:
        return ceil(limit + gain) if sells else floor(limit - gain)
    return "accept" if game.gain(seen.number, seen.seat, offer) >= gain else "reject"


PLAYERS = (HardBoiled, Splitter, Boulware, Conceder, RandomBargainer)
