"""For how long a way to remember leaves a harm in view: its grudge lifetime, measured.

The visibility of age a is the chance that a harm is among what is shown a rounds later.  Its sum
over ages is the grudge lifetime, in rounds, and puts all policies on one axis; by
`agentmem.bench.oracles.retaliation` it predicts how often linear retaliators defect.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from agentmem.bench.events import Event
from agentmem.bench.games import Prisoners
from agentmem.bench.match import Match
from agentmem.bench.once import memory_config
from agentmem.bench.players.dilemmas import RandomPlayer
from agentmem.bench.seats import ModelSeat, Recall, ScriptedSeat
from agentmem.bench.voices import Direct
from agentmem.clock import SimulatedClock
from agentmem.errors import InputError
from agentmem.memory import AgentMemory
from agentmem.models import resolve


def visibility(
    recall: Recall,
    *,
    ages: int,
    rounds: int = 300,
    cooperate: float = 0.5,
    step: float = 3600.0,
    seed: int = 0,
) -> NDArray[np.float64]:
    """How visible a harm still is after 1, 2, ..., `ages` rounds, shape (ages,), 0..1.

    A match of `rounds` of the prisoner's dilemma against a partner that cooperates with a fixed
    chance; a round takes `step` seconds of simulated time.  Every harm is followed for all `ages`:
    InputError where the match does not last that long, or brings no harm in time.
    """
    if not 1 <= ages < rounds:
        raise InputError(f"ages {ages}: give a whole number from 1 to {rounds - 1}, below rounds")
    clock = SimulatedClock()
    chat = resolve("surrogate:s1")
    events: list[Event] = []
    game = Prisoners(rounds=rounds, order="plain")
    with AgentMemory(memory_config(recall, chat), clock=clock) as memory:
        seat = ModelSeat(
            voice=Direct(model=chat),
            memory=memory,
            clock=clock,
            recall=recall,
            rules=game.rules(0),
            style="direct",
        )
        seats = (seat, ScriptedSeat(player=RandomPlayer(cooperate=cooperate)))
        Match(game=game, seats=seats, seed=seed, clock=clock, emit=events.append, step=step).play()
    return _share_seen(events, ages, rounds - ages)


def _share_seen(events: list[Event], ages: int, last: int) -> NDArray[np.float64]:
    """Of the harms up to round `last`, the share that was shown at each age."""
    born: dict[str, int] = {}
    seen = np.zeros(ages)
    for event in events:
        if event["type"] == "decision":
            for age in (event["round"] - born[name] for name in event["shown"] if name in born):
                seen[age - 1 : age] += 1  # nothing, past the last age
        elif dict(event["acts"])[1] == "D" and event["round"] <= last:
            born |= dict.fromkeys(event["records"]["0"], event["round"])
    if not born:
        raise InputError(
            f"no harm in the first {last} rounds: give more rounds, or a worse partner"
        )
    return seen / len(born)
