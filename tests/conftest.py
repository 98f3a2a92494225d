"""Shared seams: a simulated clock, a weightless embedder, memories in RAM and on disk."""

import warnings
from collections.abc import Callable, Iterator
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

from agentmem import AgentMemory, SimulatedClock
from agentmem.embed.hashing import HashEmbedder

# Ray ends a process that has loaded usearch before it, so it comes first, where it is installed.
if find_spec("ray"):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import_module("ray")

# How fast a machine is, or how busy, is no property of the code.
settings.register_profile("any-machine", deadline=None)
settings.load_profile("any-machine")

START = 1_700_000_000.0
DAY = 86_400.0
Make = Callable[..., AgentMemory]


@pytest.fixture
def clock() -> SimulatedClock:
    return SimulatedClock(START)


@pytest.fixture
def make(clock: SimulatedClock) -> Iterator[Make]:
    """Opens memories and closes them at the end of the test."""
    opened: list[AgentMemory] = []

    def open_one(path: str | Path = ":memory:", **options: Any) -> AgentMemory:
        plain = {"embedder": HashEmbedder(dim=64), "policies": [], "updates": []}
        options = {"clock": clock, **plain, **options}
        opened.append(AgentMemory.open(path, **options))
        return opened[-1]

    yield open_one
    for memory in opened:
        memory.close()


@pytest.fixture
def memory(make: Make) -> AgentMemory:
    return make()
