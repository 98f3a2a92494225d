"""Seats of matches that are not part of a suite: a chat model's, and that of somebody outside."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from agentmem.bench.games import Game, Line
from agentmem.bench.once import memory_config
from agentmem.bench.prompting import Form
from agentmem.bench.seats import Decision, ModelSeat, Recall, Turn
from agentmem.bench.voices import Direct
from agentmem.clock import SimulatedClock
from agentmem.memory import AgentMemory
from agentmem.models import ChatModel
from agentmem.steps import Steps, Wait, run

MOVE = Wait(call=lambda: None)  # what a match waits for while somebody outside is to move


def model_seat(
    model: ChatModel,
    recall: Recall,
    game: Game,
    place: int,
    clock: SimulatedClock,
    style: Form = "cot",
) -> ModelSeat:
    """A seat with an empty memory in RAM, which whoever asked for it closes."""
    return ModelSeat(
        voice=Direct(model=model),
        memory=AgentMemory(memory_config(recall, model), clock=clock),
        clock=clock,
        recall=recall,
        rules=game.rules(place),
        style=style,
    )


@dataclass(frozen=True, kw_only=True)
class AtOnce:
    """A model's seat that is waited for where the match stands."""

    seat: ModelSeat
    remembers: bool = field(default=True, init=False)

    def _decide(self, turn: Turn) -> Steps[Decision]:
        yield from ()
        return run(self.seat._decide(turn))

    def _learn(self, number: int, line: Line) -> Steps[str]:
        yield from ()
        return run(self.seat._learn(number, line))

    def unlearn(self, ids: Sequence[str]) -> None:
        self.seat.unlearn(ids)


@dataclass(kw_only=True)
class Chair:
    """The seat of somebody outside: the match waits for `MOVE`, and is sent one."""

    lines: dict[str, str] = field(default_factory=dict)  # what it has been told, by id
    turn: Turn | None = None  # while it is to move
    learned: int = 0
    remembers: bool = field(default=True, init=False)

    def _decide(self, turn: Turn) -> Steps[Decision]:
        self.turn = turn
        move = yield MOVE
        self.turn = None
        return Decision(move=move)

    def _learn(self, number: int, line: Line) -> Steps[str]:
        yield from ()
        self.learned += 1
        self.lines[str(self.learned)] = line.text
        return str(self.learned)

    def unlearn(self, ids: Sequence[str]) -> None:
        for id_ in ids:
            del self.lines[id_]
