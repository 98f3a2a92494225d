"""Puts the memories of the grid before a model, as a match would, and takes its answers.

A seat of a match asks, so that rules, lines, question and re-asks are those of play; what it would
recall is given to it.  Sample s of a memory is asked as under seed s: that gives the order of the
action tokens and, where seats differ, the seat.  What the seat did itself in the remembered rounds
is drawn, and in half of the samples turned round, so that it says nothing about the others.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any

from agentmem.bench.games import Act, Dilemma, Line, Move, Round, Stage
from agentmem.bench.keys import generator, key
from agentmem.bench.probe.grid import Past, grid
from agentmem.bench.prompting import Form, form, question, tokens
from agentmem.bench.seats import Decision, ModelSeat, Recall, Turn
from agentmem.bench.voices import Voice
from agentmem.clock import SimulatedClock
from agentmem.config import MemoryConfig
from agentmem.core import Shown
from agentmem.embed.hashing import HashEmbedder
from agentmem.errors import InputError
from agentmem.memory import AgentMemory
from agentmem.steps import Steps, arun, run

NUMBER = 101  # the round that is asked for, whatever is remembered
REPLY = {"cot": 200, "direct": 10}  # tokens of a reply, a guess for the estimate


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """One answer.  `share` is its cooperation, 0..1; None if no reply was a legal move."""

    past: int  # place in the grid
    own: float  # own last remembered move: +1 kind, -1 not; 0 where none is remembered
    share: float | None
    event: dict[str, Any]  # as a match would log it


@dataclass(kw_only=True)
class Told(ModelSeat):
    """A seat that is shown given lines, in the place of what its memory would recall."""

    told: tuple[str, ...]

    def shown(self, turn: Turn) -> Shown:
        return Shown(hits=(), notes=self.told)


@dataclass(frozen=True, slots=True)
class Setting:
    """What distinguishes the prompts for one memory."""

    seed: int  # whose order of tokens and whose seat these are
    seat: int
    turned: bool  # the own moves are turned round


@dataclass(frozen=True, kw_only=True)
class Prober:
    """Asks one model about one game, `samples` times for each memory.

    InputError for a game whose seats do not all move at once.
    """

    game: Dilemma
    style: Form = "cot"
    samples: int = 25
    seed: int = 0
    pasts: Sequence[Past] = field(default_factory=grid)
    tell: Callable[[Answered], None] = lambda _: None  # called with each answer

    def __post_init__(self) -> None:
        if self.samples < 1:
            raise InputError(f"samples = {self.samples}: give at least 1")
        asked(self.game)

    @property
    def calls(self) -> int:
        """How many answers are taken, re-asks aside."""
        return self.samples * len(self.pasts)

    def ask(self, voice: Voice) -> list[Answered]:
        """Every answer, one after the other: of a model of this process."""
        with closing(_unused()) as memory:
            return [run(steps) for steps in self._asks(voice, memory)]

    async def aask(self, voice: Voice) -> list[Answered]:
        """The same, with as many calls at once as the voice allows."""
        with closing(_unused()) as memory:
            try:
                async with asyncio.TaskGroup() as group:
                    asks = self._asks(voice, memory)
                    tasks = [group.create_task(arun(steps)) for steps in asks]
            except BaseExceptionGroup as several:
                raise several.exceptions[0] from several
        return [task.result() for task in tasks]

    def tokens(self) -> tuple[int, int]:
        """Estimate of the tokens of all prompts and of all replies, without re-asks."""
        stage = asked(self.game)
        how = form(self.style, stage.key, stage.placeholder)
        prompts = 0
        for place in range(len(self.pasts)):
            for sample in range(self.samples):
                setting = self.setting(sample)
                lines = [line.text for line, _ in self.lines(place, setting)]
                prompts += tokens(self.game.seeded(setting.seed).rules(setting.seat))
                prompts += tokens(question(lines, stage.ask, how))
        return prompts, REPLY[self.style] * self.calls

    def setting(self, sample: int) -> Setting:
        """That of one sample: as under the seed of its number."""
        seat = 0 if self.game.symmetric else sample // 2 % self.game.seats
        return Setting(sample % 2, seat, turned=sample // 4 % 2 == 1)

    def lines(self, place: int, setting: Setting) -> Iterator[tuple[Line, bool]]:
        """What is remembered, oldest first, and whether the own move was kind."""
        past = self.pasts[place]
        rng = generator("probe", self.seed, self.game.name, place)
        game = self.game.seeded(setting.seed)
        for number, kind in enumerate(past.kind, start=NUMBER - past.rounds):
            own = (rng.random() < 0.5) != setting.turned
            played = game.uniform(number, kind=kind, but={setting.seat: own})
            yield game.lines(played, setting.seat)[0], own

    def _asks(self, voice: Voice, memory: AgentMemory) -> Iterator[Steps[Answered]]:
        """One for each sample."""
        for place in range(len(self.pasts)):
            seats: dict[Setting, tuple[Told, float]] = {}
            for sample in range(self.samples):
                setting = self.setting(sample)
                if setting not in seats:
                    seats[setting] = self._seat(voice, memory, place, setting)
                yield self._one(*seats[setting], place, sample, setting)

    def _seat(
        self, voice: Voice, memory: AgentMemory, place: int, setting: Setting
    ) -> tuple[Told, float]:
        """A seat that is told all that it is to remember, and its own last move."""
        known = list(self.lines(place, setting))
        seat = Told(
            voice=voice,
            memory=memory,
            clock=SimulatedClock(),
            recall=Recall(),
            rules=self.game.seeded(setting.seed).rules(setting.seat),
            style=self.style,
            told=tuple(line.text for line, _ in known),
        )
        last = 0.0 if not known else 1.0 if known[-1][1] else -1.0
        return seat, last

    def _one(
        self, seat: Told, own: float, place: int, sample: int, setting: Setting
    ) -> Steps[Answered]:
        """One decision; keyed by memory and sample, so that no two share their draws."""
        game = self.game.seeded(setting.seed)
        turn = Turn(
            game=game,
            seed=key("probe", self.seed, place, sample),
            seat=setting.seat,
            step=0,
            stage=asked(game),
            played=Round(number=NUMBER),
            past=(),
        )
        decision: Decision = yield from seat._decide(turn)
        share = None if decision.move is None else cooperation(game, setting.seat, decision.move)
        found = Answered(past=place, own=own, share=share, event=decision.event or {})
        self.tell(found)
        return found


def _unused() -> AgentMemory:
    """What a seat has to have, and a told one does not use."""
    return AgentMemory(MemoryConfig(embedder=HashEmbedder(dim=8)))


def asked(game: Dilemma) -> Stage:
    """What is asked of all seats at once; InputError for a game in which it is not."""
    stage = game.stage(Round(number=NUMBER))
    if stage is None or len(stage.seats) < game.seats:
        raise InputError(f"{game.name}: a probe is for games in which all seats move at once")
    return stage


def cooperation(game: Dilemma, seat: int, move: Move) -> float:
    """0..1: how cooperative a move is."""
    return game.shares(Round(number=NUMBER, acts=(Act(seat, move),)))[seat]
