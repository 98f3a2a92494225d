"""The facade: what goes in comes out, what is forgotten stays away, bad input writes nothing."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from agentmem import AgentMemory, SimulatedClock, Turn
from agentmem.errors import (
    AgentMemError,
    ConfigError,
    InputError,
    LedgerError,
    NotFound,
    RemovalCap,
    TombstoneWarning,
)
from tests.conftest import DAY, START, Make


def texts(memory: AgentMemory, query: str | None = None, **options: object) -> list[str]:
    return [hit.text for hit in memory.search(query, **options)]


def test_what_was_added_is_found(memory: AgentMemory) -> None:
    memory.add(["Rex is my dog", "I work in Lisbon", "Tea, not coffee"])
    assert texts(memory, "what is the name of the dog", k=1) == ["Rex is my dog"]


def test_adding_the_same_again_changes_nothing(memory: AgentMemory) -> None:
    first = memory.add("Rex is my dog")
    before = memory.stats()
    assert memory.add("  rex is  my DOG ") == first
    assert memory.stats() == before


def test_another_source_or_namespace_is_another_record(memory: AgentMemory) -> None:
    ids = {
        memory.add("Rex is my dog")[0],
        memory.add("Rex is my dog", source="web")[0],
        memory.add("Rex is my dog", namespace=("other",))[0],
    }
    assert len(ids) == 3


def test_event_time_and_ingest_time_are_both_kept(memory: AgentMemory) -> None:
    when = datetime(2023, 5, 8, 13, 56, tzinfo=UTC)
    [name] = memory.add("We met in the park", event_time=when)
    record = memory.get(name)
    assert record.created_at == when
    assert record.ingested == START
    assert texts(memory, None, where={"created": {"$lt": START}}) == ["We met in the park"]


def test_without_a_query_the_most_recent_come_first(
    memory: AgentMemory, clock: SimulatedClock
) -> None:
    for word in ("one", "two", "three"):
        memory.add(word)
        clock.advance("1h")
    assert texts(memory, None, k=2) == ["three", "two"]


def test_turns_and_messages_keep_their_speakers(memory: AgentMemory) -> None:
    memory.add(Turn(observation="Where is Rex?", reply="In the garden.", number=1))
    memory.add([{"role": "user", "content": "I moved to Porto"}])
    assert texts(memory, "Porto", k=1) == ["user: I moved to Porto"]
    assert texts(memory, "Rex garden", k=1) == ["user: Where is Rex?\nassistant: In the garden."]


def test_forgotten_records_leave_recall_and_can_come_back(memory: AgentMemory) -> None:
    name, other = memory.add(["Rex is my dog", "Tea, not coffee"])
    assert memory.forget(name) == [name]
    assert memory.forget(name) == []
    assert texts(memory, "Rex dog") == ["Tea, not coffee"]
    assert memory.get(name).status == "archived"
    assert memory.restore(name, other) == [name]
    assert texts(memory, "Rex dog", k=1) == ["Rex is my dog"]


def test_a_forgotten_text_does_not_come_back_by_itself(memory: AgentMemory) -> None:
    [name] = memory.add("Rex is my dog")
    memory.forget(name)
    with pytest.warns(TombstoneWarning, match="forgotten earlier"):
        added = memory.add("Rex is my dog")
    assert added == []
    assert added.refused == {name: "forgotten"}
    assert memory.add("Rex is my dog", revive=True) == [name]
    assert texts(memory, "Rex") == ["Rex is my dog"]


def test_an_erased_text_does_not_come_back_by_itself(memory: AgentMemory) -> None:
    [name] = memory.add("Rex is my dog")
    memory.erase(name)
    with pytest.warns(TombstoneWarning, match="erased earlier"):
        assert memory.add("Rex is my dog") == []
    with pytest.raises(NotFound, match="was erased"):
        memory.get(name)
    assert memory.add("Rex is my dog", revive=True) == [name]
    assert memory.get(name).text == "Rex is my dog"


def test_update_keeps_the_id_and_the_history(memory: AgentMemory) -> None:
    [name] = memory.add("Rex is my dog", importance=0.2)
    record = memory.update(name, text="Max is my dog", data={"checked": True})
    assert (record.id, record.version, record.importance) == (name, 2, 0.2)
    assert texts(memory, "Max", k=1) == ["Max is my dog"]
    assert texts(memory, "Rex", mode="lexical") == []
    assert [entry.verbs for entry in memory.history(name)][:2] == [("add",), ("update",)]


def test_a_superseded_record_leaves_recall_and_stays_in_history(memory: AgentMemory) -> None:
    [old] = memory.add("I live in Berlin")
    new = memory.supersede(old, "I live in Porto")
    assert texts(memory, "where do I live") == ["I live in Porto"]
    assert memory.get(old).status == "superseded"
    assert old in memory.get(new).links
    with pytest.raises(InputError, match="superseded: only an active one"):
        memory.supersede(old, "I live in Rome")


def test_a_forgotten_text_cannot_take_the_place_of_another(memory: AgentMemory) -> None:
    old, gone = memory.add(["I live in Berlin", "I live in Porto"])
    memory.forget(gone)
    with pytest.raises(InputError, match="forgotten earlier"):
        memory.supersede(old, "I live in Porto")
    assert memory.get(old).status == "active"


def test_recall_reinforces_what_it_returns(memory: AgentMemory, clock: SimulatedClock) -> None:
    name, other = memory.add(["Rex is my dog", "Tea, not coffee"])
    clock.advance("2d")
    memory.search("Rex dog", k=1)
    record = memory.get(name)
    assert (record.uses, record.used) == (1, START + 2 * DAY)
    assert memory.get(other).uses == 0
    memory.search("Rex dog", k=1, reinforce=False)
    assert memory.get(name).uses == 1


def test_remember_and_recall_are_aliases(memory: AgentMemory) -> None:
    memory.remember("Rex is my dog")
    assert [hit.text for hit in memory.recall("Rex")] == ["Rex is my dog"]


def test_a_search_stays_within_its_namespace_prefix(memory: AgentMemory) -> None:
    memory.add("Rex of Ann", namespace=("acme", "ann"))
    memory.add("Rex of Bob", namespace=("acme", "bob"))
    memory.add("Rex of nobody", namespace=("acm",))
    assert texts(memory, "Rex", namespace=("acme", "ann")) == ["Rex of Ann"]
    assert set(texts(memory, "Rex", namespace=("acme",))) == {"Rex of Ann", "Rex of Bob"}
    assert len(texts(memory, "Rex", namespace=())) == 3
    assert texts(memory, "Rex") == []
    assert texts(memory, "Rex", namespace=("unknown",)) == []


def test_ids_of_another_namespace_are_not_found(memory: AgentMemory) -> None:
    [name] = memory.add("Rex of Ann", namespace=("acme", "ann"))
    for call in (memory.get, memory.forget, memory.erase, memory.restore, memory.history):
        with pytest.raises(NotFound, match="no record"):
            call(name, namespace=("acme", "bob"))
    with pytest.raises(NotFound):
        memory.update(name, text="x")
    assert memory.get(name, namespace=("acme",)).text == "Rex of Ann"


def test_budget_of_tokens_is_never_exceeded(memory: AgentMemory) -> None:
    from agentmem.text import count_tokens

    memory.add([f"Rex did trick number {i} in the garden today" for i in range(9)] + ["Rex"])
    hits = memory.search("Rex trick garden", k=10, budget_tokens=25)
    assert 0 < sum(count_tokens(hit.text) for hit in hits) <= 25
    assert memory.search("Rex", budget_tokens=0) == []


@pytest.mark.parametrize(
    ("where", "expected"),
    [
        ({"data.topic": "food"}, {"pasta", "tea"}),
        ({"data.topic": {"$ne": "food"}}, {"dog", "bare"}),
        ({"data.rank": {"$gte": 2, "$lt": 5}}, {"tea"}),
        ({"data.tags.hot": True}, {"tea"}),
        ({"$or": [{"data.rank": 1}, {"data.topic": "pets"}]}, {"pasta", "dog"}),
        ({"$not": {"data.topic": {"$in": ["food", "pets"]}}}, {"bare"}),
        ({"data.topic": {"$nin": ["food", "pets"]}}, {"bare"}),
        ({"importance": {"$gt": 0.85}}, {"dog"}),
        ({"kind": "chunk", "version": 1}, {"pasta", "tea", "dog", "bare"}),
    ],
)
def test_where_filters(memory: AgentMemory, where: dict, expected: set[str]) -> None:
    memory.add("pasta", data={"topic": "food", "rank": 1}, importance=0.5)
    memory.add("tea", data={"topic": "food", "rank": 2, "tags": {"hot": True}}, importance=0.5)
    memory.add("dog", data={"topic": "pets", "rank": 9}, importance=0.9)
    memory.add("bare", importance=0.5)
    assert set(texts(memory, None, where=where)) == expected
    assert set(texts(memory, "pasta tea dog bare", where=where)) == expected


@pytest.mark.parametrize(
    ("where", "message"),
    [
        ({"topic": "food"}, "data.topic"),
        ({"kinds": "chunk"}, "did you mean 'kind'"),
        ({"kind": {"$eqq": 1}}, r"did you mean '\$eq'"),
        ({"kind": {"$in": []}}, "non-empty list"),
        ({"status": "archived"}, "only active records"),
        ({"uses": 10**30}, "beyond 64 bits"),
        ({"source": "\ud800"}, "not valid Unicode"),
        ({}, "non-empty mapping"),
        ({"$and": {}}, "non-empty list"),
        ({"kind": {}}, "has no test"),
        ({"created": {"$lt": datetime(2024, 1, 1)}}, "naive datetime"),
        ({"kind": [1]}, "cannot be compared"),
    ],
)
def test_a_wrong_filter_is_an_error(memory: AgentMemory, where: dict, message: str) -> None:
    with pytest.raises(InputError, match=message):
        memory.search("x", where=where)


@pytest.mark.parametrize(
    ("content", "options", "message"),
    [
        ("", {}, "nothing to remember"),
        ("   ", {}, "nothing to remember"),
        ([], {}, "nothing to remember"),
        (7, {}, "cannot remember a int"),
        ({"role": "user"}, {}, "'content'"),
        ("a\ud800b", {}, "not valid Unicode"),
        ("x", {"namespace": "acme"}, "tuple of non-empty strings"),
        ("x", {"namespace": ("acme", "")}, "tuple of non-empty strings"),
        ("x", {"namespace": ()}, "place of its own"),
        ("x", {"importance": 1.5}, "importance must be a number from 0 to 1"),
        ("x", {"valence": -2}, "valence must be a number from -1 to 1"),
        ("x", {"data": {"a": object()}}, "data must be JSON"),
        ("x", {"data": {"a": float("nan")}}, "data must be JSON"),
        ("x", {"data": ["a"]}, "mapping with string keys"),
        ("x", {"now": datetime(2024, 1, 1)}, "naive datetime"),
        ("x", {"event_time": float("inf")}, "not a moment"),
        ("x", {"kind": "triple"}, "keeps: chunk"),
        ("x", {"sources": ["nope"]}, "there is no record 'nope'"),
    ],
)
def test_bad_input_is_an_error_and_writes_nothing(
    memory: AgentMemory, content: object, options: dict, message: str
) -> None:
    with pytest.raises(InputError, match=message):
        memory.add(content, **options)
    assert memory.stats(namespace=())["journal_lines"] == 0


@pytest.mark.parametrize(
    "call",
    [
        lambda m: m.search("x", k=0),
        lambda m: m.search("x", k=True),
        lambda m: m.search("x", budget_tokens=-1),
        lambda m: m.search("x", mode="fuzzy"),
        lambda m: m.forget(),
        lambda m: m.forget("a", where={"kind": "chunk"}),
        lambda m: m.erase(),
        lambda m: m.get("missing"),
        lambda m: m.update("missing", text="x"),
        lambda m: m.undo("missing"),
    ],
)
def test_bad_calls_raise_errors_of_agentmem(memory: AgentMemory, call) -> None:
    with pytest.raises(AgentMemError):
        call(memory)


def test_update_needs_something_to_update(memory: AgentMemory) -> None:
    [name] = memory.add("Rex")
    with pytest.raises(InputError, match="nothing to update"):
        memory.update(name)
    with pytest.raises(InputError, match="non-empty string"):
        memory.update(name, text=" ")


def test_forget_by_filter_shows_first_and_has_a_cap(make: Make) -> None:
    memory = make(removal_cap=0.5)
    memory.add([f"note {i}" for i in range(150)], data={"topic": "a"})
    memory.add([f"other {i}" for i in range(50)], data={"topic": "b"})
    where = {"data.topic": "a"}
    assert len(memory.forget(where=where, dry_run=True)) == 150
    assert memory.stats()["active"] == 200
    with pytest.raises(RemovalCap, match="150 of 200"):
        memory.forget(where=where)
    assert memory.stats()["active"] == 200
    assert len(memory.forget(where=where, allow_mass=True)) == 150
    assert memory.stats()["active"] == 50


def test_history_tells_what_when_and_why(memory: AgentMemory, clock: SimulatedClock) -> None:
    [name] = memory.add("Rex is my dog")
    clock.advance("1d")
    memory.search("Rex")
    memory.forget(name, reason="the dog was sold")
    told = [(e.verbs, e.reason, e.at) for e in memory.history(name)]
    assert told == [
        (("add",), "add", START),
        (("touch",), "recall", START + DAY),
        (("archive",), "the dog was sold", START + DAY),
    ]


def test_explain_accounts_for_what_was_left_out(make: Make, clock: SimulatedClock) -> None:
    memory = make(policies=[{"window": {"n": 3}}])
    ids = memory.add([f"Rex learned trick {word}" for word in ("roll", "sit", "stay", "fetch")])
    memory.forget(ids[3], reason="not true")
    clock.advance("1d")
    memory.add("Rex learned trick beg")
    told = memory.explain("Rex learned which trick", k=1)
    verdicts = {miss.text.split()[-1]: miss.verdict for miss in told.missed}
    assert verdicts["roll"] == "suppressed"
    assert verdicts["fetch"] == "archived"
    assert "below k" in verdicts.values()
    by_text = {miss.text.split()[-1]: miss for miss in told.missed}
    assert "window" in by_text["roll"].remedy
    assert by_text["fetch"].remedy.startswith(f"restore({ids[3]!r})")
    assert "not true" in by_text["fetch"].reason
    assert "Rex learned trick" in str(told)
    filtered = memory.explain("Rex trick", where={"source": "web"})
    assert {miss.verdict for miss in filtered.missed} >= {"filtered"}
    assert memory.get(ids[1]).uses == 0, "explaining is not recalling"


def test_an_exact_match_of_any_age_stays_findable(make: Make, clock: SimulatedClock) -> None:
    memory = make(policies=[{"ebbinghaus": {"half_life": "1d", "floor": 0.01}}])
    memory.add("The key of the safe is blue")
    clock.advance("5000d")
    memory.add([f"The key of door {i} is blue, the safe is grey" for i in range(200)])
    [hit] = memory.search("the key of the safe is BLUE", k=1)
    assert hit.text == "The key of the safe is blue"
    assert hit.why.exact
    assert hit.why.weights["ebbinghaus"] < 0.02


def test_export_and_import_carry_everything_but_vectors(
    memory: AgentMemory, make: Make, tmp_path: Path, clock: SimulatedClock
) -> None:
    ids = memory.add(["Rex is my dog", "Tea, not coffee", "secret"], data={"n": 1})
    memory.search("Rex", k=1)
    memory.forget(ids[1])
    memory.erase(ids[2])
    file = tmp_path / "memory.jsonl"
    assert memory.export(file) == 2
    assert "secret" not in file.read_text()
    other = make()
    assert other.import_(file) == 2
    assert other.import_(file) == 0
    assert other.get(ids[0]) == memory.get(ids[0])
    assert other.get(ids[1]).status == "archived"
    assert [h.text for h in other.search("dog")] == ["Rex is my dog"]
    with pytest.raises(InputError, match="exists already"):
        memory.export(file)


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (["nonsense"], "line 1: not JSON"),
        ([json.dumps({"agentmem": 99})], "format 1"),
        ([json.dumps({"agentmem": 1}), json.dumps({"record": {"id": "a"}})], "line 2"),
        ([json.dumps({"agentmem": 1}), json.dumps({"record": {"idd": "a"}})], "unknown field"),
        ([json.dumps({"agentmem": 1}), "[]"], "line 2: not an object"),
    ],
)
def test_a_damaged_export_is_refused_whole(
    memory: AgentMemory, tmp_path: Path, lines: list[str], message: str
) -> None:
    file = tmp_path / "bad.jsonl"
    file.write_text("\n".join(lines))
    with pytest.raises(InputError, match=message):
        memory.import_(file)
    assert memory.stats()["records"] == 0


def test_a_closed_memory_says_so(make: Make) -> None:
    with make() as memory:
        memory.add("x")
    with pytest.raises(LedgerError, match="closed"):
        memory.search("x")


def test_a_configuration_opens_a_memory(tmp_path: Path) -> None:
    file = tmp_path / "agentmem.yaml"
    file.write_text("path: m.db\nnamespace: [me]\npolicies:\n  - window: {n: 2}\n")
    with AgentMemory.from_config(file) as memory:
        memory.add(["a b", "c d", "e f"])
        assert memory.namespace == ("me",)
        assert len(memory.search(None)) == 2
    assert (tmp_path / "m.db").exists()
    with pytest.raises(ConfigError, match="durabilty"):
        AgentMemory.open(durabilty="full")


async def _async_round(memory: AgentMemory) -> list[str]:
    await memory.aadd("Rex is my dog")
    [name] = await memory.aremember("Tea, not coffee")
    await memory.aforget(name)
    hits = await memory.asearch("dog tea")
    plan = await memory.aplan()
    await memory.aapply(plan)
    return [hit.text for hit in hits]


def test_every_method_has_an_async_twin_from_the_same_code(make: Make) -> None:
    import asyncio
    import inspect

    assert asyncio.run(_async_round(make())) == ["Rex is my dog"]
    names = [n for n in dir(AgentMemory) if not n.startswith("_")]
    plain = [n for n in names if f"a{n}" in names]
    assert len(plain) >= 18
    for name in plain:
        assert inspect.signature(getattr(AgentMemory, name)) == inspect.signature(
            getattr(AgentMemory, f"a{name}")
        )


def test_a_failing_embedder_leaves_the_memory_as_it_was(make: Make) -> None:
    class Broken:
        name, dim = "broken", 8

        def embed(self, texts):
            raise RuntimeError("no vectors today")

    memory = make(embedder=Broken())
    with pytest.raises(RuntimeError, match="no vectors today"):
        memory.add("x")
    assert memory.stats()["journal_lines"] == 0
