"""Partners in the repeated ultimatum."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, cast

from agentmem.bench.games import Move
from agentmem.bench.games.bargain import INSULT
from agentmem.bench.games.ultimatum import Ultimatum
from agentmem.bench.players.base import Anything, Seen
from agentmem.bench.players.concession import CONCEDER, HARD, target


@dataclass(frozen=True, kw_only=True)
class Fair:
    """Offers the share `offer` of the pie, accepts the share `accept` or more."""

    name: ClassVar[str] = "fair"
    game: ClassVar[str] = "ultimatum"

    offer: float = 0.5
    accept: float = 0.3

    def move(self, seen: Seen) -> Move:
        if not seen.played.acts:
            return units(seen, self.offer)
        return "accept" if offered(seen) >= units(seen, self.accept) else "reject"


@dataclass(frozen=True, kw_only=True)
class Hard(Fair):
    """Offers little and wants most."""

    name: ClassVar[str] = "hard"

    offer: float = 0.2
    accept: float = 0.6


@dataclass(frozen=True, kw_only=True)
class HardBoiled:
    """Always demands the share `demand`."""

    name: ClassVar[str] = "hardboiled"
    game: ClassVar[str] = "ultimatum"

    demand: float = HARD

    def move(self, seen: Seen) -> Move:
        return for_share(seen, self.demand)


@dataclass(frozen=True, kw_only=True)
class Conceder:
    """Demands less from round to round: the share `least` after `patience` rounds."""

    name: ClassVar[str] = "conceder"
    game: ClassVar[str] = "ultimatum"

    patience: int = 10
    least: float = 0.3

    def move(self, seen: Seen) -> Move:
        turn = len(seen.past) + 1
        return for_share(seen, target(turn, self.patience, CONCEDER, self.least))


@dataclass(frozen=True, kw_only=True)
class Mirror:
    """Offers what it was last offered; accepts what is at least its own last offer."""

    name: ClassVar[str] = "mirror"
    game: ClassVar[str] = "ultimatum"

    first: float = 0.5  # of the pie, before there is anything to mirror

    def move(self, seen: Seen) -> Move:
        if not seen.played.acts:
            received = [m for m in seen.other() if isinstance(m, int)]
            return received[-1] if received else units(seen, self.first)
        made = [m for m in seen.own() if isinstance(m, int)] or [units(seen, self.first)]
        return "accept" if offered(seen) >= made[-1] else "reject"


@dataclass(frozen=True, kw_only=True)
class Insulted:
    """Fair until an offer below the share `insult`; rejects that, and all for `sulk` rounds."""

    name: ClassVar[str] = "insulted"
    game: ClassVar[str] = "ultimatum"

    insult: float = INSULT
    sulk: int = 5

    def move(self, seen: Seen) -> Move:
        if not seen.played.acts:
            return units(seen, Fair.offer)
        least = units(seen, self.insult)
        insults = [
            r.number
            for r in seen.past
            if isinstance(r.moves[1 - seen.seat], int) and int(r.moves[1 - seen.seat]) < least
        ]
        sulking = bool(insults) and seen.number - insults[-1] <= self.sulk
        return "reject" if sulking or offered(seen) < least else "accept"


@dataclass(frozen=True, kw_only=True)
class RandomBargainer(Anything):
    """Any legal move, evenly."""

    game: ClassVar[str] = "ultimatum"


def for_share(seen: Seen, demand: float) -> Move:
    """The move of who demands a share of the pie, up to rounding to whole units."""
    least = units(seen, demand)
    if not seen.played.acts:
        return cast(Ultimatum, seen.game).pie - least
    return "accept" if offered(seen) >= least else "reject"


def units(seen: Seen, share: float) -> int:
    """A share of the pie, to the nearest whole unit."""
    return round(share * cast(Ultimatum, seen.game).pie)


def offered(seen: Seen) -> int:
    """The offer on the table."""
    return int(seen.played.moves[1 - seen.seat])


PLAYERS = (Fair, Hard, HardBoiled, Conceder, Mirror, Insulted, RandomBargainer)
