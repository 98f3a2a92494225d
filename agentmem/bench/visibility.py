"""For how long a forgetting policy leaves a harm in view: its grudge lifetime, measured.

The visibility of age a is the chance that a harm is among what the memory shows a rounds later.
Its sum over ages is the grudge lifetime, in rounds, and puts all policies on one axis; by
`agentmem.bench.oracles.retaliation` it predicts how often linear retaliators defect.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from agentmem.bench.keys import generator
from agentmem.clock import SimulatedClock
from agentmem.core import Policy
from agentmem.errors import InputError
from agentmem.memory import AgentMemory

KIND = "[Round {}] You: A0 (2 pts) | Player 2: A0 (2 pts)"
HARM = "[Round {}] You: A0 (0 pts) | Player 2: A1 (3 pts)"


def visibility(
    policies: Sequence[Policy],
    *,
    ages: int,
    rounds: int = 300,
    k: int = 80,
    harms: float = 0.25,
    reinforce: bool = False,
    step: float = 3600.0,
    seed: int = 0,
) -> NDArray[np.float64]:
    """How visible a harm still is after 1, 2, ..., `ages` rounds, shape (ages,), 0..1.

    A memory under `policies` gets a record a round, a harm with chance `harms`, and before each
    shows up to `k` records, as in a match; a round takes `step` seconds.  Every harm is followed
    for all `ages`: InputError where `rounds` do not last that long, or bring no harm in time.
    """
    if not 1 <= ages < rounds:
        raise InputError(f"ages {ages}: give a whole number from 1 to {rounds - 1}, below rounds")
    rng = generator("visibility", seed)
    clock = SimulatedClock()
    born: dict[str, int] = {}
    seen = np.zeros(ages)
    removes = any(policy.remove for policy in policies)
    with AgentMemory.open(policies=tuple(policies), clock=clock) as memory:
        for number in range(1, rounds + 1):
            clock.advance(step)
            hits = memory.search(None, k=k, reinforce=reinforce) if k else []
            for age in (number - born[hit.id] for hit in hits if hit.id in born):
                seen[age - 1 : age] += 1  # nothing, past the last age
            harmful = rng.random() < harms
            line = (HARM if harmful else KIND).format(number)
            ids = memory.add(line, valence=-1.0 if harmful else 1.0, source="game")
            if harmful and number <= rounds - ages:
                born[ids[0]] = number
            if removes and (plan := memory.plan()):
                memory.apply(plan, allow_mass=True)
    if not born:
        raise InputError(f"no harm in {rounds - ages} rounds: give more rounds, or more harms")
    return seen / len(born)
