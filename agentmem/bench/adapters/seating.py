"""A chat model with a memory as a seat of a match that is not part of a suite."""

from __future__ import annotations

from agentmem.bench.games import Game
from agentmem.bench.once import memory_config
from agentmem.bench.prompting import Form
from agentmem.bench.seats import ModelSeat, Recall
from agentmem.bench.voices import Direct
from agentmem.clock import SimulatedClock
from agentmem.memory import AgentMemory
from agentmem.models import ChatModel


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
