"""What the tests run in processes of their own: writers that are killed, writers that compete."""

import random
import sys
import time
import warnings

from agentmem import AgentMemory
from agentmem.embed.hashing import HashEmbedder
from agentmem.errors import TombstoneWarning
from tests.structures import Digest, Parrot, Sayings

EMBEDDER = HashEmbedder(dim=16)
POLICIES = [{"budget": {"max_records": 60}}]


def open_memory(path: str) -> AgentMemory:
    return AgentMemory.open(path, embedder=EMBEDDER, policies=POLICIES, busy_timeout=60.0)


def write_until_killed(path: str, seed: int) -> None:
    """Acknowledge each change on stdout, after it was written."""
    memory, rng = open_memory(path), random.Random(seed)
    print("ready", flush=True)
    number = 0
    while True:
        number += 1
        for name in memory.add([f"note {seed} {number} {i}" for i in range(rng.randint(1, 4))]):
            print("added", name, flush=True)
        if rng.random() < 0.3:
            memory.search(f"note {rng.randint(1, number)}", k=3)
        if rng.random() < 0.1:
            run = memory.apply(memory.plan())
            print("run", run.id, flush=True)


def open_extracting(path: str, *, background: bool) -> AgentMemory:
    """A memory with a store by model and one by rule."""
    options = {"model": Parrot(0.004), "background": background, "lease": 0.05}
    stores = ["chunk", Sayings(by="model"), Digest()]
    return AgentMemory.open(
        path, embedder=EMBEDDER, stores=stores, extraction=options, busy_timeout=60.0
    )


def extract_until_killed(path: str, seed: int) -> None:
    """Add turns, and let the background worker derive from them."""
    memory = open_extracting(path, background=True)
    print("ready", flush=True)
    number = 0
    while True:
        number += 1
        for name in memory.add(f"user: note {seed} {number}"):
            print("added", name, flush=True)
        time.sleep(0.002)


def mixed(path: str, seed: int, operations: int) -> None:
    """Many different operations; prints the ids this process added and did not remove."""
    warnings.simplefilter("ignore", TombstoneWarning)
    memory, rng = open_memory(path), random.Random(seed)
    mine: list[str] = []
    for number in range(operations):
        verb = rng.choice(["add", "add", "add", "search", "search", "forget", "restore", "erase"])
        if verb == "add":
            mine += memory.add(f"process {seed} says word{number} and word{number % 7}")
        elif verb == "search":
            hits = memory.search(f"word{number % 7}", k=4)
            assert len({hit.id for hit in hits}) == len(hits)
        elif mine:
            name = rng.choice(mine)
            if verb == "erase":
                memory.erase(name)
                mine.remove(name)
            else:
                getattr(memory, verb)(name)
    for name in mine:
        print(name, flush=True)


def hold(path: str, seconds: float) -> None:
    """Keep the write lock for a while."""
    import time

    memory = open_memory(path)
    with memory._engine.ledger.db.write():
        print("held", flush=True)
        time.sleep(seconds)


if __name__ == "__main__":
    task, path, *rest = sys.argv[1:]
    {"write": write_until_killed, "extract": extract_until_killed, "mixed": mixed, "hold": hold}[
        task
    ](path, *(float(r) if "." in r else int(r) for r in rest))
