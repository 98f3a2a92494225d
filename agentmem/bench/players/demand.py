"""Partners in the Nash demand game."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, cast

from agentmem.bench.games import Move
from agentmem.bench.games.demand import Demand
from agentmem.bench.players.base import Anything, Seen
from agentmem.bench.players.concession import CONCEDER, HARD, target


@dataclass(frozen=True, kw_only=True)
class Fair:
    """Always demands the share `demand`."""

    name: ClassVar[str] = "fair"
    game: ClassVar[str] = "demand"

    demand: float = 0.5

    def move(self, seen: Seen) -> Move:
        return units(seen, self.demand)


@dataclass(frozen=True, kw_only=True)
class HardBoiled(Fair):
    """Always demands four fifths."""

    name: ClassVar[str] = "hardboiled"

    demand: float = HARD


@dataclass(frozen=True, kw_only=True)
class Mirror:
    """Demands what the other demanded last."""

    name: ClassVar[str] = "mirror"
    game: ClassVar[str] = "demand"

    first: float = 0.5

    def move(self, seen: Seen) -> Move:
        return (seen.other() or [units(seen, self.first)])[-1]


@dataclass(frozen=True, kw_only=True)
class Conceder:
    """Demands less from round to round: the share `least` after `patience` rounds."""

    name: ClassVar[str] = "conceder"
    game: ClassVar[str] = "demand"

    patience: int = 10
    least: float = 0.3

    def move(self, seen: Seen) -> Move:
        return units(seen, target(len(seen.past) + 1, self.patience, CONCEDER, self.least))


@dataclass(frozen=True, kw_only=True)
class RandomBargainer(Anything):
    """Any legal demand, evenly."""

    game: ClassVar[str] = "demand"


def units(seen: Seen, demand: float) -> int:
    """A share of the pie, to the nearest whole unit."""
    return round(demand * cast(Demand, seen.game).pie)


PLAYERS = (Fair, HardBoiled, Mirror, Conceder, RandomBargainer)
