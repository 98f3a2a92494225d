"""What a game is: rules, words, strict parsing and payoffs.  No model and no randomness in here.

A game is played over numbered rounds by two or more seats.  A round has stages; a stage says who
moves now, what they are asked and which answers there are.  Each seat is told of itself as "You"
and of the others as "Player 2", "Player 3", ..., so that all seats read the same words.
"""

from __future__ import annotations

import json
import re
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Annotated, Any, ClassVar, Literal, Self

from agentmem.bench.prompting import fill
from agentmem.errors import IllegalMove, InputError
from agentmem.fields import Bounds, check

Move = str | int
Order = Literal["counterbalanced", "plain", "swapped"]
Opening = Literal["poisoned", "blessed"]
Figures = dict[str, float | int | list[float] | list[float | None] | None]

WORDINGS = 4  # paraphrases of the rules
MESSAGE = 200  # characters of a message that are passed on

OBJECTS = 20  # places at which the object that ends a reply is looked for, last first


@dataclass(frozen=True, slots=True)
class Act:
    """What one seat did in one step."""

    seat: int
    move: Move
    message: str = ""  # what it said to the others with it


@dataclass(frozen=True, kw_only=True)
class Round:
    """A round, as far as it has been played; an invalid one stays out of every figure."""

    number: int  # from 1
    acts: tuple[Act, ...] = ()  # in the order they were made
    payoffs: tuple[float, ...] = ()  # once it is over
    trembled: tuple[int, ...] = ()  # which of the acts were exchanged after the decision
    valid: bool = True

    @cached_property
    def moves(self) -> Mapping[int, Move]:
        """Each seat's latest move."""
        return {act.seat: act.move for act in self.acts}


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """Something worth remembering, as one seat remembers it."""

    text: str
    valence: float  # -1..+1: what the others did to the seat
    friendly: str = ""  # the text, had everybody been kind; "" where a game knows no such thing


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """One simultaneous step of a round."""

    seats: tuple[int, ...]  # who moves now
    ask: str  # what they are asked
    key: str  # the key of the JSON answer
    placeholder: str  # stands for the value in the format example
    answers: Mapping[str | int, Move]  # every legal value, and the move that it means
    allowed: str  # the same in words
    talk: bool = False  # whether an answer may carry a message

    @property
    def legal(self) -> tuple[Move, ...]:
        return tuple(dict.fromkeys(self.answers.values()))

    def parse(self, text: str) -> tuple[Move, str]:
        """The move, and the message, in the JSON object that ends a reply.

        IllegalMove says what is wrong.  A list of whole numbers is read as "1-2-3".
        """
        value, message = read_answer(text, self.key, talk=self.talk)
        if isinstance(value, list) and all(type(one) is int for one in value):
            value = "-".join(map(str, value))
        if isinstance(value, str | int) and not isinstance(value, bool) and value in self.answers:
            return self.answers[value], message
        raise IllegalMove(f"{self.key} {value!r} is not {self.allowed}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """What one seat decided, and whether it was looking at a harm done to it."""

    number: int
    seat: int
    move: Move
    harm: bool  # some shown record had a valence below zero


@dataclass(frozen=True, kw_only=True)
class Game(ABC):
    """Common settings.

    `tremble`: chance that a decided move is exchanged for another legal one.  `order` is that of
    the action tokens, where a game has any; counterbalanced: by seed.  `wording` chooses one of the
    paraphrases of the rules; `horizon` is what is said of the number of rounds.  `opening` puts
    fabricated rounds into every memory before the first, `opened` of them: the others were harmful
    (poisoned) or everybody was kind (blessed).
    """

    name: ClassVar[str] = "game"
    unit: ClassVar[str] = "round"  # what its rounds are called
    symmetric: ClassVar[bool] = True  # whether all seats have the same part over a match
    headline: ClassVar[str] = "cooperation"  # the figure that plots and tables lead with
    headline_words: ClassVar[str] = "cooperation"
    exploiter: ClassVar[str] = ""  # the scripted opponent against which gullibility shows
    exploited: ClassVar[str] = ""  # the figure that shows it
    exploited_words: ClassVar[str] = ""

    rounds: Annotated[int, Bounds(least=1)] = 100
    tremble: Annotated[float, Bounds(least=0, below=1)] = 0.0
    order: Order = "counterbalanced"
    wording: Annotated[int, Bounds(least=0, below=WORDINGS)] = 0
    horizon: Literal["untold", "chance"] = "untold"
    opening: Opening | None = None
    opened: Annotated[int, Bounds(least=1)] = 1

    def __post_init__(self) -> None:
        check(self)
        if self.opening is not None and self.fabricated(1, 0) is None:
            raise InputError(f"{self.name} has no {self.opening} opening")

    @property
    def seats(self) -> int:
        """How many play."""
        return 2

    @property
    def uneven(self) -> bool:
        """Whether it matters who sits where, so that a player takes each seat in turn."""
        return not self.symmetric

    @property
    def before(self) -> int:
        """Fabricated rounds: the first one played has the number after them."""
        return self.opened if self.opening else 0

    @property
    def material(self) -> str:
        """A hash over what it plays with beyond its settings, as files; "" if there is none."""
        return ""

    def seeded(self, seed: int) -> Self:
        """The game as played under a seed: odd seeds exchange the action tokens."""
        if self.order != "counterbalanced":
            return self
        return replace(self, order="swapped" if seed % 2 else "plain")

    def rules(self, seat: int) -> str:
        """The system message of a seat."""
        others = "one other player, called Player 2"
        if self.seats > 2:
            names = ", ".join(f"Player {n}" for n in range(2, self.seats))
            others = f"{self.seats - 1} other players, called {names} and Player {self.seats}"
        return fill(
            f"rules_{self.wording}",
            others=others,
            play=self.play(seat),
            horizon=fill(f"horizon_{self.horizon}", unit=self.unit),
            points=self.points(seat),
        )

    @abstractmethod
    def play(self, seat: int) -> str:
        """What happens in a round, as a seat is told it."""

    @abstractmethod
    def points(self, seat: int) -> str:
        """What it is worth, as a seat is told it."""

    @abstractmethod
    def stage(self, played: Round) -> Stage | None:
        """The next step of a round; None when it is over."""

    @abstractmethod
    def pay(self, played: Round) -> tuple[float, ...]:
        """Points of each seat for a round that is over."""

    @abstractmethod
    def lines(self, played: Round, seat: int) -> tuple[Line, ...]:
        """What `seat` remembers of a round so far; what it said once it goes on to say."""

    def fabricated(self, number: int, seat: int) -> Line | None:
        """The line of a round before the first, by `opening`; None where a game knows no such."""
        return None

    @abstractmethod
    def figures(
        self, rounds: Sequence[Round], choices: Sequence[Choice], seats: Sequence[int]
    ) -> Figures:
        """What the valid rounds amount to; `seats` are those whose play is measured."""

    def others(self, seat: int) -> tuple[int, ...]:
        """The other seats in the order in which `seat` calls them Player 2, Player 3, ..."""
        return tuple((seat + step) % self.seats for step in range(1, self.seats))


def read_answer(text: str, key: str, *, talk: bool = False) -> tuple[Any, str]:
    """The value under `key` in the JSON object that ends a reply, and the message beside it.

    IllegalMove if there is none.  A message is cut to one line of at most `MESSAGE` characters.
    """
    body, pairs = _last_object(text, key)
    names = [name for name, _ in pairs]
    extra = ["message"] if talk else []
    if names.count(key) != 1 or len(set(names)) < len(names) or set(names) - {key, *extra}:
        beside = ' and perhaps "message"' if talk else " and nothing else"
        raise IllegalMove(f"{body!r} must hold the key {key!r} once{beside}")
    values = dict(pairs)
    message = values.get("message", "")
    if not isinstance(message, str):
        raise IllegalMove(f"message {message!r} is not a text")
    # A lone surrogate is no character: nothing that holds one could be sent or written.
    message = message.encode("utf-8", "replace").decode()
    return values[key], " ".join(message.split())[:MESSAGE]


def _last_object(text: str, key: str) -> tuple[str, list[tuple[str, Any]]]:
    """The JSON object that ends a reply: its text, and its keys and values.

    Braces within its texts begin no object; a fence of code after it does no harm.
    """
    body = text.rstrip().removesuffix("```").rstrip()
    starts = [found.start() for found in re.finditer(r"\{", body)] if body.endswith("}") else []
    if not starts:
        raise IllegalMove(f'the reply does not end with a JSON object {{"{key}": ...}}')
    problems = []
    for start in starts[: -OBJECTS - 1 : -1]:
        try:
            return body[start:], json.loads(body[start:], object_pairs_hook=list)
        except json.JSONDecodeError as error:
            problems.append(error.msg)
        except (ValueError, RecursionError):  # thousands of digits or of brackets
            problems.append("too large")
    raise IllegalMove(f"{body[starts[-1] :][:MESSAGE]!r} is not valid JSON ({problems[0]})")


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
