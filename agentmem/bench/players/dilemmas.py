"""The classics of the prisoner's dilemma, for every dilemma.

Of several others, or of numbers, the mean counts: half of full cooperation, or more, is kindness.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, cast

from agentmem.bench.games import Dilemma, Move, Round
from agentmem.bench.players.base import Seen

KIND = 0.5  # least share of cooperation


def act(seen: Seen, kind: bool) -> Move:
    """The most cooperative move, or the least."""
    return cast(Dilemma, seen.game).extremes(seen.played)[kind]


def kindness(seen: Seen, rounds: Sequence[Round] | None = None) -> list[bool]:
    """Whether the others were kind in each of some rounds, by default all."""
    game = cast(Dilemma, seen.game)
    return [
        sum(share for seat, share in shares.items() if seat != seen.seat)
        >= KIND * sum(seat != seen.seat for seat in shares)
        for shares in map(game.shares, seen.past if rounds is None else rounds)
    ]


def last_kind(seen: Seen) -> bool:
    """Whether the others were kind in the last round; true before the first."""
    return all(kindness(seen, seen.past[-1:]))


def own_kind(seen: Seen) -> bool:
    """Whether the seat itself was, in the last round."""
    return cast(Dilemma, seen.game).shares(seen.past[-1]).get(seen.seat, 1.0) >= KIND


@dataclass(frozen=True, kw_only=True)
class TitForTat:
    """Starts with `first`, then does what the other did last (Rapoport, in Axelrod 1980)."""

    name: ClassVar[str] = "tft"
    game: ClassVar[str] = "dilemma"

    first: str = "C"

    def move(self, seen: Seen) -> Move:
        return act(seen, last_kind(seen) if seen.past else self.first == "C")


@dataclass(frozen=True, kw_only=True)
class SuspiciousTitForTat(TitForTat):
    """Tit for tat that starts by defecting."""

    name: ClassVar[str] = "suspicious-tft"

    first: str = "D"


@dataclass(frozen=True, kw_only=True)
class GenerousTitForTat:
    """Tit for tat that forgives a defection with chance `forgive` (Nowak and Sigmund 1992)."""

    name: ClassVar[str] = "gtft"
    game: ClassVar[str] = "dilemma"

    forgive: float = 1 / 3

    def move(self, seen: Seen) -> Move:
        return act(seen, last_kind(seen) or seen.rng.random() < self.forgive)


@dataclass(frozen=True, kw_only=True)
class Grudger:
    """Cooperates until the other has defected once, then never again (Friedman 1971)."""

    name: ClassVar[str] = "grudger"
    game: ClassVar[str] = "dilemma"

    def move(self, seen: Seen) -> Move:
        return act(seen, all(kindness(seen)))


@dataclass(frozen=True, kw_only=True)
class WinStayLoseShift:
    """Keeps its move after the other cooperated, else changes it (Nowak and Sigmund 1993)."""

    name: ClassVar[str] = "wsls"
    game: ClassVar[str] = "dilemma"

    def move(self, seen: Seen) -> Move:
        return act(seen, not seen.past or own_kind(seen) == last_kind(seen))


@dataclass(frozen=True, kw_only=True)
class RandomPlayer:
    """Cooperates with a fixed chance, whatever happens."""

    name: ClassVar[str] = "random"
    game: ClassVar[str] = "dilemma"

    cooperate: float = 0.5

    def move(self, seen: Seen) -> Move:
        return act(seen, seen.rng.random() < self.cooperate)


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
    game: ClassVar[str] = "dilemma"

    at: int = 1

    def move(self, seen: Seen) -> Move:
        return act(seen, seen.turn != self.at)


@dataclass(frozen=True, kw_only=True)
class Alternator:
    """Cooperates in odd rounds, defects in even ones."""

    name: ClassVar[str] = "alternator"
    game: ClassVar[str] = "dilemma"

    def move(self, seen: Seen) -> Move:
        return act(seen, bool(seen.turn % 2))


PLAYERS = (
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
)
