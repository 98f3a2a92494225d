"""The memory as it stood: searched as of a moment, whatever has changed since."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar, cast

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agentmem import AgentMemory, SimulatedClock
from agentmem.asof import as_of, fold
from agentmem.core import Hit, Policy, View
from agentmem.errors import InputError
from agentmem.ledger.reads import Line
from agentmem.steps import run
from tests.conftest import DAY, START, Make

CITIES = ("Berlin", "Porto", "Lisbon", "Oslo", "Rome")


def told(hits: list[Hit]) -> list[tuple[str, str, float, int, int]]:
    """What a search found: id, text, score, uses and version of each hit, in order."""
    return [(hit.id, hit.text, hit.score, hit.record.uses, hit.record.version) for hit in hits]


def at(memory: AgentMemory, question: str, t: float, **more: Any) -> list[Hit]:
    return memory.search(question, as_of=t, **more)


def tick(memory: AgentMemory, seconds: float = DAY) -> None:
    cast(SimulatedClock, memory.clock).advance(seconds)


def test_what_came_later_is_not_there_yet(memory: AgentMemory) -> None:
    memory.add("Ann lives in Berlin")
    then = memory.clock.now()
    tick(memory)
    memory.add("Ann lives in Porto")
    assert [hit.text for hit in at(memory, "Where does Ann live?", then)] == ["Ann lives in Berlin"]
    assert at(memory, "Where does Ann live?", then - 1.0) == []


def test_a_text_is_found_as_it_read_then(memory: AgentMemory) -> None:
    name = memory.add("Ann lives in Berlin")[0]
    then = memory.clock.now()
    tick(memory)
    memory.update(name, text="Ann has moved")
    [hit] = at(memory, "Berlin", then)
    assert (hit.id, hit.text, hit.record.version) == (name, "Ann lives in Berlin", 1)
    assert hit.why.lexical is not None
    assert hit.why.dense == pytest.approx(
        float(
            memory._engine.embedder.embed(["Berlin"])[0]
            @ memory._engine.embedder.embed(["Ann lives in Berlin"])[0]
        ),
        abs=1e-6,
    )


def test_what_was_forgotten_or_superseded_since_is_back(memory: AgentMemory) -> None:
    gone, old = memory.add(["tea in the morning", "tea in Berlin"])
    then = memory.clock.now()
    tick(memory)
    memory.forget(gone)
    memory.supersede(old, "tea in Porto")
    assert {hit.id for hit in at(memory, "tea", then)} == {gone, old}
    assert {hit.record.status for hit in at(memory, "tea", then)} == {"active"}
    assert [hit.text for hit in at(memory, "tea", memory.clock.now())] == ["tea in Porto"]


def test_what_had_been_forgotten_then_stays_out(memory: AgentMemory) -> None:
    name = memory.add("tea in the morning")[0]
    tick(memory)
    memory.forget(name)
    then = memory.clock.now()
    tick(memory)
    memory.restore(name)
    assert at(memory, "tea", then) == []
    assert [hit.id for hit in at(memory, "tea", memory.clock.now())] == [name]


def test_what_was_erased_stays_gone_and_its_neighbours_are_found(memory: AgentMemory) -> None:
    secret, other = memory.add(["the secret tea", "another tea"])
    then = memory.clock.now()
    tick(memory)
    memory.update(secret, text="the secret black tea")
    memory.erase(secret)
    assert [hit.id for hit in at(memory, "secret tea", then)] == [other]
    assert [hit.id for hit in at(memory, "secret tea", memory.clock.now())] == [other]


def test_a_search_as_of_writes_nothing(memory: AgentMemory) -> None:
    name = memory.add("tea")[0]
    lines = memory.stats()["journal_lines"]
    at(memory, "tea", memory.clock.now())
    assert memory.stats()["journal_lines"] == lines
    assert memory.get(name).uses == 0


def test_as_of_keeps_to_the_namespace_the_filter_and_the_budget(memory: AgentMemory) -> None:
    memory.add("tea of another", namespace=["other"])
    memory.add(["green tea", "black tea"], data={"shelf": 1})
    memory.add("red tea", data={"shelf": 2})
    now = memory.clock.now()
    assert len(at(memory, "tea", now)) == 3
    assert [hit.text for hit in at(memory, "tea", now, where={"data.shelf": 2})] == ["red tea"]
    assert [hit.text for hit in at(memory, "tea", now, namespace=["other"])] == ["tea of another"]
    assert len(at(memory, "tea", now, k=2)) == 2
    assert len(at(memory, "tea", now, budget_tokens=4)) == 2
    assert at(memory, "tea", now, namespace=["nobody"]) == []


def test_as_of_must_be_a_time(memory: AgentMemory) -> None:
    memory.add("tea")
    engine = memory._engine
    for t in (float("nan"), float("inf")):
        with pytest.raises(InputError, match="as_of"):
            run(as_of(engine, run(memory._query("tea", None, 1, None, None, None)), t))


def test_only_changed_texts_are_embedded_again(make: Make) -> None:
    class Counting:
        name, dim = "counting", 2
        asked: ClassVar[list[str]] = []

        def embed(self, texts: Any) -> Any:
            self.asked.extend(texts)
            return np.tile(np.array([1.0, 0.0], dtype=np.float32), (len(texts), 1))

    memory = make(embedder=Counting())
    first, _ = memory.add(["one", "two"])
    then = memory.clock.now()
    tick(memory)
    memory.update(first, text="three")
    Counting.asked.clear()
    at(memory, "query", then)
    assert Counting.asked == ["query", "one"]


def line(seq: int, when: float, **payload: Any) -> Line:
    return Line(seq=seq, at=when, policy="", reason="", run=None, payload=payload)


def entry(pos: int, **more: Any) -> dict[str, Any]:
    return {"pos": pos, "text": f"text {pos}", "status": 1, "namespace": 1, **more}


def test_what_a_line_says_of_a_record_not_there_yet_is_passed_over() -> None:
    lines = [
        line(1, 9.0, add=[entry(1)]),
        line(2, 5.0, add=[entry(2)], archive=[1], supersede=[[1, 2]], update=[entry(1)]),
        line(3, 6.0, touch=[[1, 6.0, 1, 1, None, None]], restore=[[1, 6.0, 1, 1, None, None]]),
    ]
    assert list(fold(lines, 8.0)) == [2]
    assert fold(lines, 9.0)[1]["status"] == 1


def test_a_key_does_not_outlive_the_version_that_had_it() -> None:
    lines = [line(1, 1.0, add=[entry(1, key="k")]), line(2, 2.0, update=[entry(1)])]
    assert fold(lines, 1.0)[1]["key"] == "k"
    assert fold(lines, 2.0)[1]["key"] is None


@dataclass(frozen=True, kw_only=True)
class Fading(Policy):
    """Halves with every day of idleness, and with every recall doubles."""

    name: ClassVar[str] = "fading"

    def weight(self, view: View) -> Any:
        return np.clip(0.5 ** (view.idle / DAY) * (1.0 + view.uses) / 8.0, 0.0, 1.0)


def add(memory: AgentMemory, i: int) -> None:
    memory.add(f"Ann was in {CITIES[i % 5]} on trip {i}", revive=True)


def change(verb: str) -> Callable[[AgentMemory, int], None]:
    def act(memory: AgentMemory, i: int) -> None:
        rows = memory._engine.rows(("default",), status=None)
        memory._engine.refresh()
        names = [record.id for record in memory._engine.records(rows.tolist())]
        if not names:
            return
        record = memory.get(names[i % len(names)])
        text = f"Ben was in {CITIES[i % 5]} at {memory.clock.now():.0f}"
        if verb == "update":
            memory.update(record.id, text=text)
        elif verb == "supersede" and record.status == "active":
            memory.supersede(record.id, text)
        elif verb == "forget":
            memory.forget(record.id)
        elif verb == "restore":
            memory.restore(record.id)
        else:
            memory.search(record.text, k=2)

    return act


ACTS = [add, *map(change, ("update", "supersede", "forget", "restore", "search"))]
STEPS = st.lists(st.tuples(st.sampled_from(ACTS), st.integers(0, 9)), max_size=6)


@settings(max_examples=25, deadline=None)
@given(before=STEPS, after=STEPS, asked=st.sampled_from(["Where was Ann?", "Porto trip 3", None]))
def test_a_search_as_of_then_is_the_search_made_then(
    before: list[Any], after: list[Any], asked: str | None
) -> None:
    with AgentMemory.open(
        clock=SimulatedClock(START), embedder={"hash": {"dim": 32}}, policies=[Fading()]
    ) as memory:
        for act, i in [(add, 1), (add, 2), *before]:
            act(memory, i)
            tick(memory, DAY / 4)
        then = memory.clock.now()
        made = told(memory.search(asked, reinforce=False))
        for act, i in after:
            tick(memory)
            act(memory, i)
        assert told(memory.search(asked, as_of=then)) == made
