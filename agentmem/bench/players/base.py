"""What a scripted player is, and what it knows when it is to move."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random
from typing import ClassVar, Protocol

from agentmem.bench.games import Game, Move, Round, Stage


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What a seat knows when it is to move.

    The random generator comes from the match, seeded by (seed, game, round, seat, step).
    """

    game: Game
    seat: int
    stage: Stage
    played: Round  # the round so far
    past: Sequence[Round]  # valid rounds, oldest first
    rng: Random

    @property
    def number(self) -> int:
        return self.played.number

    @property
    def turn(self) -> int:
        """The round, from 1, without those that an opening made up: no script knows of them."""
        return self.played.number - self.game.before

    def own(self) -> list[Move]:
        """The seat's moves in the rounds before, the last one of each."""
        return [r.moves[self.seat] for r in self.past]

    def other(self) -> list[Move]:
        """The other seat's, or, of several, that of the first other seat."""
        place = self.game.others(self.seat)[0]
        return [r.moves[place] for r in self.past]


def offer_of(seen: Seen) -> int | None:
    """The offer or price on the table, where offers and answers take turns; None: there is none."""
    acts = seen.played.acts
    return int(acts[-1].move) if len(acts) % 2 else None


@dataclass(frozen=True, kw_only=True)
class Anything:
    """Any legal move, evenly."""

    name: ClassVar[str] = "random"

    def move(self, seen: Seen) -> Move:
        return seen.rng.choice(seen.stage.legal)


class Player(Protocol):
    """Somebody who plays one game by rule: a pure function of what is seen, and of chance."""

    name: ClassVar[str]
    game: ClassVar[str]  # the game's name, or "dilemma": any of these

    def move(self, seen: Seen) -> Move: ...
