"""What a game is: rules, words, strict parsing and payoffs.  No model and no randomness in here.

A game is played over numbered rounds by two seats.  A round has stages; a stage says who moves
now, what they are asked and which answers there are.  Each seat is told of itself as "you" and of
the other as "Player 2", so that both seats read the same words.
"""

from __future__ import annotations

import json
import re
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Any, ClassVar, Literal, Self

from agentmem.errors import IllegalMove
from agentmem.fields import Bounds, check

Move = str | int
Order = Literal["counterbalanced", "plain", "swapped"]
Moves = Mapping[int, Move]  # seat to move, for those who have moved in this round
Figures = dict[str, float | int | list[float] | None]

_LAST_OBJECT = re.compile(r"\{[^{}]*\}\s*(?:```)?\s*\Z")


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """One simultaneous step of a round."""

    seats: tuple[int, ...]  # who moves now
    ask: str  # what they are asked
    key: str  # the key of the JSON answer
    placeholder: str  # stands for the value in the format example
    answers: Mapping[str | int, Move]  # every legal value, and the move that it means
    allowed: str  # the same in words

    @property
    def legal(self) -> tuple[Move, ...]:
        return tuple(self.answers.values())

    def parse(self, text: str) -> Move:
        """The move in the JSON object that ends a reply; IllegalMove says what is wrong."""
        value = read_answer(text, self.key)
        if isinstance(value, str | int) and not isinstance(value, bool) and value in self.answers:
            return self.answers[value]
        raise IllegalMove(f"{self.key} {value!r} is not {self.allowed}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Round:
    """A played round; an invalid one has no payoffs and stays out of every figure."""

    number: int  # from 1
    moves: Moves
    payoffs: tuple[float, ...] = ()
    trembled: tuple[int, ...] = ()  # seats whose move was exchanged after the decision
    valid: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """What one seat decided, and whether it was looking at a harm done to it."""

    number: int
    seat: int
    move: Move
    harm: bool  # some shown record had a valence below zero


@dataclass(frozen=True, kw_only=True)
class Game(ABC):
    """Common settings.  `tremble`: chance that a decided move is exchanged for another legal one.

    `order` is that of the action tokens, where a game has any; counterbalanced: by seed.
    """

    name: ClassVar[str] = "game"
    headline: ClassVar[str] = "cooperation"  # the figure that plots and tables lead with
    headline_words: ClassVar[str] = "cooperation"
    exploiter: ClassVar[str] = ""  # the scripted opponent against which gullibility shows
    exploited: ClassVar[str] = ""  # the figure that shows it
    exploited_words: ClassVar[str] = ""

    rounds: Annotated[int, Bounds(least=1)] = 100
    tremble: Annotated[float, Bounds(least=0, below=1)] = 0.0
    order: Order = "counterbalanced"

    def __post_init__(self) -> None:
        check(self)

    def seeded(self, seed: int) -> Self:
        """The game as played under a seed: odd seeds exchange the action tokens."""
        if self.order != "counterbalanced":
            return self
        return replace(self, order="swapped" if seed % 2 else "plain")

    @abstractmethod
    def rules(self) -> str:
        """The system message."""

    @abstractmethod
    def stage(self, number: int, moves: Moves) -> Stage | None:
        """The next step of round `number`; None when the round is over."""

    @abstractmethod
    def pay(self, played: Round) -> tuple[float, ...]:
        """Points of each seat."""

    @abstractmethod
    def line(self, played: Round, seat: int) -> str:
        """The record of a round as `seat` remembers it."""

    @abstractmethod
    def valence(self, played: Round, seat: int) -> float:
        """-1..+1: what the other did to `seat`."""

    def friendly(self, played: Round) -> Round | None:
        """The round, paid out, had everybody been kind; None where a game knows no such thing.

        For the arm that shows a model a past that was friendlier than the real one.
        """
        return None

    @abstractmethod
    def figures(
        self, rounds: Sequence[Round], choices: Sequence[Choice], seats: Sequence[int]
    ) -> Figures:
        """What the valid rounds amount to; `seats` are those whose play is measured."""


def read_answer(text: str, key: str) -> Any:
    """The value under `key` in the JSON object that ends a reply; IllegalMove if there is none."""
    found = _LAST_OBJECT.search(text)
    if found is None:
        raise IllegalMove(f'the reply does not end with a JSON object {{"{key}": ...}}')
    body = found[0].rstrip().removesuffix("```").strip()
    try:
        pairs = json.loads(body, object_pairs_hook=list)
    except json.JSONDecodeError as error:
        raise IllegalMove(f"{body!r} is not valid JSON ({error.msg})") from None
    if [name for name, _ in pairs] != [key]:
        raise IllegalMove(f"{body!r} must hold the key {key!r} once and nothing else")
    return pairs[0][1]


def share(hits: Sequence[bool]) -> float | None:
    """Share of true values; None of nothing."""
    return sum(hits) / len(hits) if hits else None


def mean(values: Sequence[float]) -> float | None:
    """Mean; None of nothing."""
    return sum(values) / len(values) if values else None


def difference(hostile: Sequence[bool], harm: Sequence[bool]) -> float | None:
    """P(hostile | harm in view) - P(hostile | none in view); None where either never happened."""
    hurt = share([act for act, seen in zip(hostile, harm, strict=True) if seen])
    calm = share([act for act, seen in zip(hostile, harm, strict=True) if not seen])
    return None if hurt is None or calm is None else hurt - calm
