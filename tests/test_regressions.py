"""Search against an independent reference, and one file under several memories at once."""

from collections.abc import Sequence
from itertools import pairwise
from math import log
from pathlib import Path
from random import Random

import numpy as np
import pytest

from agentmem import AgentMemory, SimulatedClock
from agentmem.core import Record
from agentmem.errors import CannotUndo, InputError, NotFound, StalePlan
from agentmem.text import fold, words
from tests.conftest import DAY, START, Make

pytestmark = pytest.mark.filterwarnings("ignore::agentmem.errors.TombstoneWarning")


def linked(records: Sequence[Record], i: int, j: int) -> bool:
    """Do two records belong to one session, with no gap of more than an hour between them?"""
    low, high = min(i, j), max(i, j)
    return all(abs(a.created - b.created) <= 3600 for a, b in pairwise(records[low : high + 1]))


def shares(active: Sequence[Record], query: str) -> list[float]:
    """Of each record: the share of the query in its words, or less in those of its neighbours."""
    count, texts = len(active), [words(record.text) for record in active]
    mean = max(sum(map(len, texts)) / count, 1.0)
    saturation = [1.54 / (1 + 0.9 * (0.6 + 0.4 * len(text) / mean)) for text in texts]
    total, most = [0.0] * count, 0.0
    for word in dict.fromkeys(words(query)):
        held = {i for i, text in enumerate(texts) if word in text}
        idf = log(1 + (count - len(held) + 0.5) / (len(held) + 0.5))
        most += idf
        for i in range(count):
            found = [0.0]
            for j in held & set(range(i - 4, i + 5)):
                answered = i == j + 1 and active[j].text.endswith("?")
                fading = 1.0 if answered else 0.7 ** abs(i - j)
                found.append(idf * saturation[j] * fading * linked(active, i, j))
            total[i] += max(found)
    return [value / most for value in total]


def reference(
    memory: AgentMemory, records: Sequence[Record], query: str, k: int, now: float, half: float
) -> list[tuple[str, float]]:
    """(words and context + cosine / 2) / 1.5 x speaker, times the forgetting curve."""
    active = [record for record in records if record.status == "active"]
    embed = memory._engine.embedder.embed
    cosine = np.vecdot(embed([record.text for record in active]), embed([query])[0])
    lexical = shares(active, query)
    speaks = [
        any(f"{w}:" == record.text.lower().split()[0] for w in words(query)) for record in active
    ]
    scores = {}
    for i, record in enumerate(active):
        relevance = (lexical[i] + max(cosine[i], 0.0) / 2) / 1.5
        relevance *= 0.6 if any(speaks) and not speaks[i] else 1.0
        stability = record.stability or half / log(2)
        kept = max(np.exp(-max(now - record.used, 0.0) / stability), 0.2)
        exact = fold(record.text) == fold(query)
        scores[record.id] = (exact, 1.0 if exact else relevance * kept)
    best = sorted(scores, key=lambda name: (not scores[name][0], -scores[name][1]))[:k]
    return [(name, scores[name][1]) for name in best]


@pytest.mark.parametrize("seed", range(6))
def test_search_is_the_exact_top_k(make: Make, clock: SimulatedClock, seed: int) -> None:
    random, half = Random(seed), 3 * DAY
    recall = {"depth": 100, "interference": 0.0}
    memory = make(policies=[{"ebbinghaus": {"half_life": half}}], recall=recall)
    vocabulary = ["cat", "dog", "tea", "rex", "porto", "sun", "日", "x1", "ann"]
    kept: list[str] = []
    for i in range(90):
        text = " ".join(random.choices(vocabulary, k=random.randrange(1, 6)))
        text = random.choice(["", "", "Ann: ", "Bob: "]) + text + random.choice(["", "?"])
        kept += memory.add(text, source=str(i), event_time=START - random.randrange(3) * DAY)
        if random.random() < 0.15:
            memory.search(text, k=2)
        if random.random() < 0.1:
            memory.forget(random.choice(kept))
        if random.random() < 0.1:
            memory.update(random.choice(kept), text=f"sun {i}")
        if random.random() < 0.1:
            memory.erase(kept.pop(random.randrange(len(kept))))
        clock.advance(3600)
    records = [memory.get(name) for name in kept]
    for _ in range(12):
        query = " ".join(random.choices(vocabulary, k=random.randrange(1, 4)))
        hits = memory.search(query, k=8, reinforce=False)
        wanted = reference(memory, records, query, 8, clock.now(), half)
        assert [hit.score for hit in hits] == pytest.approx([score for _, score in wanted])
        found = dict(reference(memory, records, query, len(records), clock.now(), half))
        assert [found[hit.id] for hit in hits] == pytest.approx([hit.score for hit in hits])
        assert all(a.score >= b.score or a.why.exact for a, b in pairwise(hits))


def step(memory: AgentMemory, random: Random, number: int, kept: list[str]) -> None:
    """One random operation."""
    namespace = ("a", random.choice("12"))
    text = f"{random.choice(['cat', 'dog', 'tea'])} {number}"
    name = random.choice(kept) if kept else "none yet"
    match random.randrange(9):
        case 0 | 1 | 2:
            kept += memory.add([text, f"{text} again"], namespace=namespace)
        case 3:
            memory.search(text, namespace=namespace)
        case 4:
            memory.update(name, text=f"new {number}")
        case 5:
            memory.forget(name)
        case 6:
            memory.restore(name)
        case 7:
            memory.erase(name)
        case 8:
            run = memory.apply(memory.plan(), allow_mass=True)
            if run.lines and random.random() < 0.5:
                memory.undo(run)


@pytest.mark.parametrize("seed", range(4))
def test_memories_with_different_policies_on_one_file_stay_in_step(
    make: Make, clock: SimulatedClock, tmp_path: Path, seed: int
) -> None:
    random, path = Random(seed), tmp_path / "m.db"
    policies: tuple[list[dict[str, object]], ...] = (
        [],
        [{"window": {"n": 9, "remove": True}}],
        [{"ebbinghaus": {"half_life": "1d", "remove": True}}],
    )
    memories = [make(path, namespace=("a",), policies=one) for one in policies]
    kept: list[str] = []
    for number in range(120):
        clock.advance(random.choice([1, 3600, DAY]))
        try:
            step(random.choice(memories), random, number, kept)
        except (NotFound, InputError, StalePlan, CannotUndo):
            continue
    for memory, one in zip(memories, policies, strict=True):
        fresh = make(path, namespace=("a",), policies=one)
        for query in (None, "cat", "new tea 7"):
            seen = memory.search(query, k=500, reinforce=False)
            assert seen == fresh.search(query, k=500, reinforce=False)
        assert memory.plan() == fresh.plan()
        assert memory.stats()["active"] == fresh.stats()["active"]
