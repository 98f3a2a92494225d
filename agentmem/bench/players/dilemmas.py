"""Scripted players: a strategy is a pure function of what its seat has seen, and of chance.

The random generator comes from the match, seeded by (seed, game, round, seat).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random
from typing import ClassVar, Protocol

from agentmem.bench.games import Move, Moves, Round, Stage
from agentmem.errors import ConfigError, nearest


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What a seat knows when it is to move."""

    seat: int
    number: int
    stage: Stage
    moves: Moves  # made so far in this round
    past: Sequence[Round]  # valid rounds, oldest first
    rng: Random

    def own(self) -> list[Move]:
        return [r.moves[self.seat] for r in self.past]

    def other(self) -> list[Move]:
        return [r.moves[1 - self.seat] for r in self.past]


class Player(Protocol):
    """Somebody who plays one game by rule."""

    name: ClassVar[str]
    game: ClassVar[str]

    def move(self, seen: Seen) -> Move: ...


@dataclass(frozen=True, kw_only=True)
class TitForTat:
    """Starts with `first`, then does what the other did last (Rapoport, in Axelrod 1980)."""

    name: ClassVar[str] = "tft"
    game: ClassVar[str] = "prisoners"

    first: str = "C"

    def move(self, seen: Seen) -> Move:
        return seen.other()[-1] if seen.past else self.first


@dataclass(frozen=True, kw_only=True)
class SuspiciousTitForTat(TitForTat):
    """Tit for tat that starts by defecting."""

    name: ClassVar[str] = "suspicious-tft"

    first: str = "D"


@dataclass(frozen=True, kw_only=True)
class GenerousTitForTat:
    """Tit for tat that forgives a defection with chance `forgive` (Nowak and Sigmund 1992)."""

    name: ClassVar[str] = "gtft"
    game: ClassVar[str] = "prisoners"

    forgive: float = 1 / 3

    def move(self, seen: Seen) -> Move:
        harmed = bool(seen.past) and seen.other()[-1] == "D"
        return "D" if harmed and seen.rng.random() >= self.forgive else "C"


@dataclass(frozen=True, kw_only=True)
class Grudger:
    """Cooperates until the other has defected once, then never again (Friedman 1971)."""

    name: ClassVar[str] = "grudger"
    game: ClassVar[str] = "prisoners"

    def move(self, seen: Seen) -> Move:
        return "D" if "D" in seen.other() else "C"


@dataclass(frozen=True, kw_only=True)
class WinStayLoseShift:
    """Keeps its move after the other cooperated, else changes it (Nowak and Sigmund 1993)."""

    name: ClassVar[str] = "wsls"
    game: ClassVar[str] = "prisoners"

    def move(self, seen: Seen) -> Move:
        if not seen.past:
            return "C"
        mine = seen.own()[-1]
        if seen.other()[-1] == "C":
            return mine
        return "C" if mine == "D" else "D"


@dataclass(frozen=True, kw_only=True)
class RandomPlayer:
    """Cooperates with a fixed chance, whatever happens."""

    name: ClassVar[str] = "random"
    game: ClassVar[str] = "prisoners"

    cooperate: float = 0.5

    def move(self, seen: Seen) -> Move:
        return "C" if seen.rng.random() < self.cooperate else "D"


@dataclass(frozen=True, kw_only=True)
class AllC(RandomPlayer):
    """Always cooperates."""

    name: ClassVar[str] = "allc"

    cooperate: float = 1.0


@dataclass(frozen=True, kw_only=True)
class AllD(RandomPlayer):
    """Always defects."""

    name: ClassVar[str] = "alld"

    cooperate: float = 0.0


@dataclass(frozen=True, kw_only=True)
class DefectOnce:
    """Defects in round `at` and cooperates ever after: does anybody forgive it?"""

    name: ClassVar[str] = "defect-once"
    game: ClassVar[str] = "prisoners"

    at: int = 1

    def move(self, seen: Seen) -> Move:
        return "D" if seen.number == self.at else "C"


@dataclass(frozen=True, kw_only=True)
class Alternator:
    """Cooperates in odd rounds, defects in even ones."""

    name: ClassVar[str] = "alternator"
    game: ClassVar[str] = "prisoners"

    def move(self, seen: Seen) -> Move:
        return "C" if seen.number % 2 else "D"


@dataclass(frozen=True, kw_only=True)
class Fair:
    """Offers `offer`, accepts `accept` or more."""

    name: ClassVar[str] = "fair"
    game: ClassVar[str] = "ultimatum"

    offer: int = 5
    accept: int = 3

    def move(self, seen: Seen) -> Move:
        if not seen.moves:
            return self.offer
        return "accept" if int(seen.moves[1 - seen.seat]) >= self.accept else "reject"


@dataclass(frozen=True, kw_only=True)
class Hard(Fair):
    """Offers little and wants most."""

    name: ClassVar[str] = "hard"

    offer: int = 2
    accept: int = 6


@dataclass(frozen=True, kw_only=True)
class Mirror:
    """Offers what it was last offered; accepts what is at least its own last offer."""

    name: ClassVar[str] = "mirror"
    game: ClassVar[str] = "ultimatum"

    first: int = 5  # before there is anything to mirror

    def move(self, seen: Seen) -> Move:
        if not seen.moves:
            received = [m for m in seen.other() if isinstance(m, int)]
            return received[-1] if received else self.first
        made = [m for m in seen.own() if isinstance(m, int)] or [self.first]
        return "accept" if int(seen.moves[1 - seen.seat]) >= made[-1] else "reject"


@dataclass(frozen=True, kw_only=True)
class Insulted:
    """Fair until an offer below `insult`; rejects that one, and everything for `sulk` rounds."""

    name: ClassVar[str] = "insulted"
    game: ClassVar[str] = "ultimatum"

    insult: int = 4
    sulk: int = 5

    def move(self, seen: Seen) -> Move:
        if not seen.moves:
            return 5
        insults = [
            r.number
            for r in seen.past
            if isinstance(r.moves[1 - seen.seat], int) and int(r.moves[1 - seen.seat]) < self.insult
        ]
        sulking = bool(insults) and seen.number - insults[-1] <= self.sulk
        insulted = int(seen.moves[1 - seen.seat]) < self.insult
        return "reject" if sulking or insulted else "accept"


@dataclass(frozen=True, kw_only=True)
class RandomBargainer:
    """Any legal move, evenly."""

    name: ClassVar[str] = "random"
    game: ClassVar[str] = "ultimatum"

    def move(self, seen: Seen) -> Move:
        return seen.rng.choice(seen.stage.legal)


BUILTIN: dict[tuple[str, str], type[Player]] = {
    (player.game, player.name): player
    for player in (
        AllC,
        AllD,
        TitForTat,
        SuspiciousTitForTat,
        GenerousTitForTat,
        Grudger,
        WinStayLoseShift,
        RandomPlayer,
        DefectOnce,
        Alternator,
        Fair,
        Hard,
        Mirror,
        Insulted,
        RandomBargainer,
    )
}


def scripted(game: str, name: str) -> Player:
    """The scripted player of that name for a game."""
    if (game, name) not in BUILTIN:
        known = [player for of, player in BUILTIN if of == game]
        raise ConfigError(f"no scripted player {name!r} for {game}{nearest(name, known)}")
    return BUILTIN[game, name]()
