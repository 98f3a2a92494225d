"""The classics of the prisoner's dilemma."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from agentmem.bench.games import Move
from agentmem.bench.players.base import Seen


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
