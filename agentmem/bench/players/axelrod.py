"""The Axelrod library's strategies as players of the prisoner's dilemma: "axelrod:TitForTat".

Knight et al., "An open framework for the reproducible study of the iterated prisoner's dilemma"
(2016); extra `axelrod`.  Importing the library takes ten seconds or more, so that this is done
when the first of its strategies is asked for.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache
from importlib import import_module
from typing import Any, ClassVar

import numpy as np

from agentmem.bench.games import Move, Prisoners
from agentmem.bench.keys import key
from agentmem.bench.players.base import Seen
from agentmem.errors import ConfigError, MissingExtra, nearest

PREFIX = "axelrod:"

Pair = tuple[Move, Move]  # own move and the other's


@cache
def library() -> Any:
    """The module `axelrod`; MissingExtra where it is not installed."""
    try:
        return import_module("axelrod")
    except ImportError as error:
        raise MissingExtra("playing with the strategies of Axelrod", "axelrod") from error


@cache
def strategies() -> tuple[str, ...]:
    """Names of the library's strategies, without those that cheat."""
    return tuple(sorted(strategy.__name__ for strategy in library().strategies))


def strategy(name: str) -> Strategy:
    """The player `axelrod:NAME`, or `NAME`; ConfigError for one that the library does not have."""
    plain = name.removeprefix(PREFIX)
    if plain not in strategies():
        raise ConfigError(f"Axelrod has no strategy {plain!r}{nearest(plain, strategies())}")
    return Strategy(strategy=plain)


@dataclass(kw_only=True)
class Strategy:
    """A strategy of the library, which sees the moves as they were made, trembles included.

    Its random draws come from `Seen.rng`, a new seed for every move.  Many strategies keep count
    of what they see, so that one is kept and told what is new; where the past is not the one it
    knows, as after an invalid round, it is made anew and told everything.
    """

    name: ClassVar[str] = "axelrod"
    game: ClassVar[str] = Prisoners.name

    strategy: str
    _own: Any = field(default=None, init=False, repr=False, compare=False)
    _other: Any = field(default=None, init=False, repr=False, compare=False)
    _told: list[Pair] = field(default_factory=list, init=False, repr=False, compare=False)
    _asked: int = field(default=0, init=False, repr=False, compare=False)  # moves asked for
    _draws: bool = field(default=True, init=False, repr=False, compare=False)

    def move(self, seen: Seen) -> Move:
        past = list(zip(seen.own(), seen.other(), strict=True))
        known = len(self._told)
        if not past or self._asked != len(past) or past[:known] != self._told:
            self._begin(seen)
            for number, pair in enumerate(past, 1):
                self._ask(key(PREFIX, self.strategy, number))
                self._tell(pair)
        else:
            for pair in past[known:]:
                self._tell(pair)
        return self._ask(seen.rng.getrandbits(32))

    def _begin(self, seen: Seen) -> None:
        """A new player, who knows the points, and how often moves are exchanged.

        ConfigError for one that is not defined for these points, as 16 are not for `primary`.
        """
        points = seen.game.matrix if isinstance(seen.game, Prisoners) else {}
        rules = library().Game(**{name.lower(): value for name, value in points.items()})
        self._own = getattr(library(), self.strategy)()
        self._other = library().MockPlayer()
        try:
            with np.errstate(divide="ignore", invalid="ignore"):  # refused with a ValueError
                self._own.set_match_attributes(
                    length=float("inf"), game=rules, noise=seen.game.tremble
                )
        except ValueError as error:
            raise ConfigError(
                f"Axelrod's {self.strategy} is not defined for the points {dict(points)!r}: "
                "use payoffs: textbook"
            ) from error
        self._draws = bool(library().Classifiers["stochastic"](self._own))
        self._told, self._asked = [], 0

    def _ask(self, seed: int) -> Move:
        if self._draws:
            self._own.set_seed(seed % 2**32)
        self._asked += 1
        return str(self._own.strategy(self._other).name)

    def _tell(self, pair: Pair) -> None:
        mine, other = (getattr(library().Action, str(move)) for move in pair)
        self._own.update_history(mine, other)
        self._other.update_history(other, mine)
        self._told.append(pair)
