"""Partners in the division game; each knows what the items are worth to itself alone."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from itertools import product
from typing import ClassVar, cast

from agentmem.bench.games import Move
from agentmem.bench.games.division import AGREE, Bundle, Division
from agentmem.bench.players.base import Seen
from agentmem.bench.players.concession import BOULWARE, CONCEDER, HARD, target


@dataclass(frozen=True, kw_only=True)
class Fair:
    """Takes half of its own points with as few items as that needs, agrees to half."""

    name: ClassVar[str] = "fair"
    game: ClassVar[str] = "division"

    demand: float = 0.5

    def move(self, seen: Seen) -> Move:
        return for_share(seen, self.demand)


@dataclass(frozen=True, kw_only=True)
class HardBoiled(Fair):
    """Always demands four fifths."""

    name: ClassVar[str] = "hardboiled"

    demand: float = HARD


@dataclass(frozen=True, kw_only=True)
class Conceder:
    """Demands everything at first and the share `least` at the end of a game, by `exponent`."""

    name: ClassVar[str] = "conceder"
    game: ClassVar[str] = "division"

    exponent: float = CONCEDER
    least: float = 0.3

    def move(self, seen: Seen) -> Move:
        turns = cast(Division, seen.game).turns
        turn = len(seen.played.acts) + 1
        return for_share(seen, target(turn, turns, self.exponent, self.least))


@dataclass(frozen=True, kw_only=True)
class Boulware(Conceder):
    """Holds out to the end."""

    name: ClassVar[str] = "boulware"

    exponent: float = BOULWARE


@dataclass(frozen=True, kw_only=True)
class RandomBargainer:
    """Agrees half of the time, else any division, evenly."""

    name: ClassVar[str] = "random"
    game: ClassVar[str] = "division"

    def move(self, seen: Seen) -> Move:
        if AGREE in seen.stage.answers and seen.rng.random() < 0.5:
            return AGREE
        return seen.rng.choice(seen.stage.legal)


def for_share(seen: Seen, demand: float) -> Move:
    """Agree to a share of one's own points, else ask for it."""
    game = cast(Division, seen.game)
    scenario = game.scenario(seen.number)
    values = scenario.values[seen.seat]
    least = demand * game.best(seen.number).total[seen.seat]
    acts = seen.played.acts
    if acts:
        offered = game.value(seen.number, seen.seat, game.left(seen.played, acts[-1]))
        if offered >= least - 1e-9:
            return AGREE
    return "-".join(map(str, bundle_worth(scenario.pool, values, least - 1e-9)))


@cache
def bundle_worth(pool: Bundle, values: Bundle, least: float) -> Bundle:
    """The bundle worth at least so many points that is worth least; of those, fewest items."""
    worth = {
        some: sum(map(int.__mul__, some, values))
        for some in product(*(range(count + 1) for count in pool))
    }
    enough = [some for some, points in worth.items() if points >= least]
    return min(enough, key=lambda some: (worth[some], sum(some), some))


PLAYERS = (Fair, HardBoiled, Conceder, Boulware, RandomBargainer)
