"""Defects that once were: each test fails on the code that had them."""

import threading
from collections.abc import Callable, Sequence
from itertools import pairwise
from math import log
from pathlib import Path
from random import Random

import numpy as np
import pytest

from agentmem import AgentMemory, SimulatedClock, Turn
from agentmem.core import Record, Vectors
from agentmem.errors import (
    AgentMemError,
    CannotUndo,
    InputError,
    NotFound,
    PluginError,
    RemovalCap,
    TombstoneWarning,
)
from agentmem.text import fold, words
from tests.conftest import DAY, START, Make

pytestmark = pytest.mark.filterwarnings("ignore::agentmem.errors.TombstoneWarning")


def names(memory: AgentMemory, query: str | None, **options: object) -> list[str]:
    return [hit.text for hit in memory.search(query, **options)]


# Namespaces


def test_a_namespace_emptied_by_another_process_opens_no_other(make: Make, tmp_path: Path) -> None:
    here, there = make(tmp_path / "m.db"), make(tmp_path / "m.db")
    here.add("one", namespace=("a", "1"))
    here.add("a secret", namespace=("b", "1"))
    here.search("one", namespace=())
    there.erase(*there.add("two", namespace=("a", "2")), namespace=())
    assert names(here, "secret", namespace=("a",)) == ["one"]


def test_namespaces_made_elsewhere_are_seen_whatever_was_seen_before(
    make: Make, tmp_path: Path
) -> None:
    here, there = make(tmp_path / "m.db"), make(tmp_path / "m.db")
    here.add("one", namespace=("n1",))
    there.add("two", namespace=("n2",))
    there.add("three", namespace=("n3",))
    here.add("four", namespace=("n3",))
    assert names(here, "two", namespace=("n2",)) == ["two"]
    assert len(here.search(None, namespace=())) == 4


@pytest.mark.parametrize(
    "given", [(p for p in ["a"]), iter(["a"]), {"a"}, {"a": 1}, "a", b"a", ("",)]
)
def test_what_is_no_namespace_is_refused_not_taken_for_all(
    memory: AgentMemory, given: object
) -> None:
    memory.add("a secret", namespace=("b",))
    with pytest.raises(InputError, match="namespace"):
        memory.search("secret", namespace=given)  # type: ignore[arg-type]


# Identity through updates, erasures, exports


def test_a_text_that_an_update_took_away_can_be_added_again(memory: AgentMemory) -> None:
    [name] = memory.add("Rex is my dog")
    memory.update(name, text="Max is my dog")
    [again] = memory.add("Rex is my dog")
    assert again != name
    assert memory.get(again).text == "Rex is my dog"


def test_erasing_buries_every_text_that_the_record_ever_had(memory: AgentMemory) -> None:
    [name] = memory.add("Rex is my dog")
    memory.update(name, text="Max is my dog")
    memory.update(name, text="Tom is my dog")
    memory.erase(name)
    for text in ("Rex is my dog", "Max is my dog", "Tom is my dog"):
        with pytest.warns(TombstoneWarning, match="erased"):
            assert memory.add(text) == []


def test_a_fact_that_flips_back_can_be_superseded_back(memory: AgentMemory) -> None:
    [berlin] = memory.add("I live in Berlin")
    porto = memory.supersede(berlin, "I live in Porto")
    assert memory.supersede(porto, "I live in Berlin") == berlin
    assert names(memory, "where do I live") == ["I live in Berlin"]


def test_an_import_keeps_the_forgotten_forgotten_and_the_erased_away(
    make: Make, tmp_path: Path
) -> None:
    source, target = make(), make()
    old, gone, back, _ = source.add(["an old fact", "a gone fact", "a revived fact", "a fact"])
    source.forget(old)
    source.erase(gone, back)
    source.add("a revived fact", revive=True)
    source.export(tmp_path / "out.jsonl")
    target.add("warm")
    target.search("warm")
    assert target.import_(tmp_path / "out.jsonl") == 3
    assert sorted(names(target, "fact")) == ["a fact", "a revived fact", "warm"]
    with pytest.warns(TombstoneWarning, match="erased"):
        assert target.add("a gone fact") == []


# Plan, apply, undo


def test_an_undo_cannot_be_undone(make: Make) -> None:
    memory = make(policies=[{"window": {"n": 1, "remove": True}}])
    memory.add(["one", "two"])
    undone = memory.undo(memory.apply(memory.plan()))
    with pytest.raises(CannotUndo):
        memory.undo(undone)


def test_the_cap_is_of_the_namespaces_concerned(make: Make) -> None:
    memory = make(policies=[{"window": {"n": 0, "remove": True}}], removal_cap=0.1)
    memory.add([f"record {i}" for i in range(2000)], namespace=("big",))
    memory.add([f"record {i}" for i in range(150)], namespace=("small",))
    with pytest.raises(RemovalCap):
        memory.apply(memory.plan(namespace=("small",)))
    assert memory.stats(namespace=("small",))["active"] == 150


def test_planning_writes_nothing_even_under_other_policies(make: Make, tmp_path: Path) -> None:
    path = tmp_path / "m.db"
    short = make(path, policies=[{"ebbinghaus": {"half_life": "1d", "remove": True}}])
    long = make(path, policies=[{"ebbinghaus": {"half_life": "9d", "remove": True}}])
    short.add("one")
    long.add("two")
    before = [p.read_bytes() for p in sorted(tmp_path.iterdir()) if p.suffix != ".db-shm"]
    week = START + 7 * DAY
    assert [short.plan(week).removes, long.plan(week).removes, short.plan(week).removes] == [
        2,
        0,
        2,
    ]
    after = [p.read_bytes() for p in sorted(tmp_path.iterdir()) if p.suffix != ".db-shm"]
    assert after == before


# Threads


def test_erasing_does_not_disturb_other_threads(make: Make, tmp_path: Path) -> None:
    memory = make(tmp_path / "m.db")
    victims = memory.add([f"victim {i}" for i in range(12)])
    errors: list[BaseException] = []
    done = threading.Event()

    def work(step: Callable[[int], object]) -> None:
        number = 0
        while not done.is_set():
            number += 1
            try:
                step(number)
            except NotFound:
                continue
            except AgentMemError as error:
                errors.append(error)

    steps: Sequence[Callable[[int], object]] = (
        lambda n: memory.add(f"more {n}"),
        lambda n: memory.search("victim 5"),
        lambda n: memory.forget("no such record"),
    )
    threads = [threading.Thread(target=work, args=(step,)) for step in steps]
    for thread in threads:
        thread.start()
    receipts = [memory.erase(name) for name in victims]
    done.set()
    for thread in threads:
        thread.join()
    assert errors == []
    assert all(receipt.scrubbed for receipt in receipts)


def test_a_refused_call_leaves_the_arrays_loaded(memory: AgentMemory) -> None:
    memory.add(["one", "two"])
    memory.search("one")
    loaded = memory._engine.columns
    with pytest.raises(NotFound):
        memory.forget("no such record")
    assert memory._engine.columns is loaded


# What plug-ins and callers may give


class Bad:
    """An embedder whose vectors are what it is told."""

    name, dim = "bad", 4

    def __init__(self, vectors: Callable[[int], object]) -> None:
        self.vectors = vectors

    def embed(self, texts: Sequence[str]) -> Vectors:
        return self.vectors(len(texts))  # type: ignore[return-value]


@pytest.mark.parametrize(
    "vectors",
    [
        lambda n: np.ones((n, 5), dtype=np.float32),
        lambda n: np.ones((n + 1, 4), dtype=np.float32),
        lambda n: np.full((n, 4), np.nan, dtype=np.float32),
        lambda n: np.full((n, 4), np.inf, dtype=np.float32),
        lambda n: None,
    ],
)
def test_an_embedder_that_breaks_its_contract_stores_nothing(
    make: Make, tmp_path: Path, vectors: Callable[[int], object]
) -> None:
    memory = make(tmp_path / "m.db", embedder=Bad(vectors))
    with pytest.raises(PluginError, match="bad"):
        memory.add("one")
    assert memory.stats()["records"] == 0


def test_vectors_in_double_precision_are_taken(make: Make, tmp_path: Path) -> None:
    memory = make(tmp_path / "m.db", embedder=Bad(lambda n: np.eye(4)[:n]))
    memory.add("one")
    assert names(memory, "one") == ["one"]


@pytest.mark.parametrize("when", ["yesterday", float("nan"), float("inf"), 1e300])
def test_a_turn_at_no_moment_is_refused(memory: AgentMemory, when: object) -> None:
    with pytest.raises(InputError):
        memory.add(Turn(observation="one", now=when))  # type: ignore[arg-type]
    assert memory.search("one") == []


# Exactness: an independent reference


def reference(
    memory: AgentMemory, records: Sequence[Record], query: str, k: int, now: float, half: float
) -> list[tuple[str, float]]:
    """Reciprocal rank fusion (k = 20) of exact cosine and BM25, times the forgetting curve."""
    active = [record for record in records if record.status == "active"]
    count = len(active)
    embed = memory._engine.embedder.embed
    cosine = np.vecdot(embed([record.text for record in active]), embed([query])[0])
    texts = [words(record.text) for record in active]
    mean = max(sum(map(len, texts)) / count, 1.0)
    lexical = [0.0] * count
    for word in dict.fromkeys(words(query)):
        held = [i for i, text in enumerate(texts) if word in text]
        idf = log(1 + (count - len(held) + 0.5) / (len(held) + 0.5))
        for i in held:
            lexical[i] += idf * 1.9 / (1 + 0.9 * (0.6 + 0.4 * len(texts[i]) / mean))
    legs = [
        sorted(range(count), key=lambda i: (-cosine[i], i))[:100],
        [i for i in sorted(range(count), key=lambda i: (-lexical[i], i)) if lexical[i] > 0][:100],
    ]
    relevance = [
        sum(21 / (21 + leg.index(i)) / 2 for leg in legs if i in leg) for i in range(count)
    ]
    scores = {}
    for i, record in enumerate(active):
        stability = record.stability or half / log(2)
        kept = max(np.exp(-max(now - record.used, 0.0) / stability), 0.2)
        exact = fold(record.text) == fold(query)
        scores[record.id] = (exact, 1.0 if exact else relevance[i] * kept)
    best = sorted(scores, key=lambda name: (not scores[name][0], -scores[name][1]))[:k]
    return [(name, scores[name][1]) for name in best]


@pytest.mark.parametrize("seed", range(6))
def test_search_is_the_exact_top_k(make: Make, clock: SimulatedClock, seed: int) -> None:
    random, half = Random(seed), 3 * DAY
    memory = make(policies=[{"ebbinghaus": {"half_life": half}}])
    vocabulary = ["cat", "dog", "tea", "rex", "porto", "sun", "日", "x1"]
    kept: list[str] = []
    for i in range(90):
        text = " ".join(random.choices(vocabulary, k=random.randrange(1, 6)))
        kept += memory.add(text, source=str(i), event_time=START - random.randrange(9) * DAY)
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
