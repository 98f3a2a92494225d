"""What counts as the same memory: through updates, erasures, exports and other processes."""

import json
import random
import re
from pathlib import Path

import numpy as np
import pytest

from agentmem import AgentMemory, Turn
from agentmem.errors import CannotUndo, InputError, PluginError, RemovalCap, TombstoneWarning
from tests.conftest import START, Make


def test_a_search_does_not_leak_when_another_process_made_and_emptied_a_namespace(
    make: Make, tmp_path: Path
) -> None:
    one, two = make(tmp_path / "m.db"), make(tmp_path / "m.db")
    one.add("secret of a", namespace=("a", "1"))
    one.add("secret of b", namespace=("b", "1"))
    one.search("secret", namespace=("a",))
    [name] = two.add("secret of a two", namespace=("a", "2"))
    two.erase(name, namespace=("a",))
    assert [hit.text for hit in one.search("secret", namespace=("a",))] == ["secret of a"]


def test_a_namespace_made_by_another_process_is_seen(make: Make, tmp_path: Path) -> None:
    one, two = make(tmp_path / "m.db"), make(tmp_path / "m.db")
    one.add("first", namespace=("n1",))
    two.add("second", namespace=("n2",))
    two.add("third", namespace=("n3",))
    one.add("fourth", namespace=("n3",))
    assert [hit.text for hit in one.search(None, namespace=("n2",))] == ["second"]
    assert len(one.search(None, namespace=())) == 4


@pytest.mark.parametrize("wrong", [(p for p in ["acme"]), {"acme"}, {"acme": 1}, "acme", ("a", 1)])
def test_a_namespace_that_is_no_tuple_of_strings_is_refused(make: Make, wrong: object) -> None:
    with pytest.raises(InputError, match="tuple of non-empty strings"):
        make().search("x", namespace=wrong)


def test_a_refused_call_costs_no_reload(make: Make) -> None:
    memory = make()
    memory.add(["one", "two"])
    memory.search("one")
    columns = memory._engine.columns
    with pytest.raises(InputError):
        memory.forget("nope")
    assert memory._engine.columns is columns


def test_an_imported_record_keeps_its_status(make: Make, tmp_path: Path) -> None:
    memory, other = make(), make()
    name, _ = memory.add(["Rex is gone", "Rex is here"])
    memory.forget(name)
    memory.export(tmp_path / "e.jsonl")
    other.search("warm up the arrays")
    other.import_(tmp_path / "e.jsonl")
    assert [hit.text for hit in other.search("Rex")] == ["Rex is here"]


def test_tombstones_travel_with_an_export(make: Make, tmp_path: Path) -> None:
    memory, other = make(), make()
    [name] = memory.add("a secret")
    memory.update(name, text="another secret")
    memory.erase(name)
    memory.export(tmp_path / "e.jsonl")
    other.import_(tmp_path / "e.jsonl")
    for text in ("a secret", "another secret"):
        with pytest.warns(TombstoneWarning):
            assert other.add(text) == []
    assert other.stats()["erased"] == 2


def test_a_revived_record_survives_export_and_import(make: Make, tmp_path: Path) -> None:
    memory, other = make(), make()
    [name] = memory.add("not a secret after all")
    memory.erase(name)
    memory.add("not a secret after all", revive=True)
    memory.export(tmp_path / "e.jsonl")
    assert other.import_(tmp_path / "e.jsonl") == 1
    assert other.stats()["erased"] == 0


def test_an_import_removes_nothing_that_is_alive(make: Make, tmp_path: Path) -> None:
    memory, other = make(), make()
    [name] = memory.add("a fact")
    memory.erase(name)
    memory.export(tmp_path / "e.jsonl")
    other.add("a fact")
    other.import_(tmp_path / "e.jsonl")
    assert [hit.text for hit in other.search("fact")] == ["a fact"]


def test_an_updated_record_leaves_its_old_text_free_for_another(memory: AgentMemory) -> None:
    [first] = memory.add("Rex is my dog")
    memory.update(first, text="Max is my dog")
    [second] = memory.add("Rex is my dog")
    assert second != first
    assert {hit.text for hit in memory.search("dog")} == {"Rex is my dog", "Max is my dog"}
    assert memory.add("Max is my dog") == [first]
    assert memory.add("Rex is my dog") == [second]
    assert memory.stats()["records"] == 2


def test_erasing_an_updated_record_buries_every_text_it_had(memory: AgentMemory) -> None:
    [name] = memory.add("Rex is my dog")
    memory.update(name, text="Max is my dog")
    memory.erase(name)
    for text in ("Rex is my dog", "max is MY dog"):
        with pytest.warns(TombstoneWarning, match="erased"):
            assert memory.add(text) == []


def test_a_fact_that_flips_back_is_superseded_back(memory: AgentMemory) -> None:
    [berlin] = memory.add("I live in Berlin")
    porto = memory.supersede(berlin, "I live in Porto")
    assert memory.supersede(porto, "I live in Berlin") == berlin
    assert [hit.text for hit in memory.search("live")] == ["I live in Berlin"]
    assert memory.get(porto).status == "superseded"


def test_what_was_superseded_counts_again_once_it_is_said_again(memory: AgentMemory) -> None:
    [berlin] = memory.add("I live in Berlin")
    porto = memory.supersede(berlin, "I live in Porto")
    memory.clock.advance(60)
    added = memory.add("i live in Berlin", data={"told": "twice"})
    assert (added, added.refused) == ([berlin], {})
    back = memory.get(berlin)
    assert (back.status, back.version, back.created) == ("active", 2, memory.clock.now())
    assert (back.text, back.data) == ("I live in Berlin", {"told": "twice"})
    assert "said again" in [line.reason for line in memory.history(berlin)]
    assert memory.get(porto).status == "active"  # nothing here resolves the two


def test_what_is_older_than_the_superseded_version_does_not_bring_it_back(
    memory: AgentMemory,
) -> None:
    [berlin] = memory.add("I live in Berlin")
    memory.supersede(berlin, "I live in Porto")
    with pytest.warns(TombstoneWarning, match="superseded earlier"):
        assert memory.add("I live in Berlin", event_time=memory.clock.now() - 60) == []


def test_what_was_forgotten_stays_so_when_it_is_said_again(memory: AgentMemory) -> None:
    [berlin] = memory.add("I live in Berlin")
    memory.forget(berlin)
    with pytest.warns(TombstoneWarning, match="forgotten earlier"):
        assert memory.add("I live in Berlin") == []


class Wrong:
    """An embedder with a fault."""

    name, dim = "wrong", 4

    def __init__(self, vectors: object) -> None:
        self.vectors = vectors

    def embed(self, texts: list[str]) -> object:
        return self.vectors


@pytest.mark.parametrize(
    "vectors",
    [np.ones((1, 5)), np.ones((2, 4)), np.ones(4), np.array([[np.nan, 0, 0, 1]]), [[np.inf] * 4]],
)
def test_an_embedder_with_a_fault_cannot_spoil_the_file(make: Make, vectors: object) -> None:
    memory = make(embedder=Wrong(vectors))
    with pytest.raises(PluginError, match=r"embedder 'wrong' gave"):
        memory.add("x")
    assert memory.stats()["records"] == 0


def test_vectors_of_another_type_or_length_are_made_fit(make: Make) -> None:
    memory = make(embedder=Wrong([[3.0, 4.0, 0.0, 0.0]]))
    memory.add("x")
    [hit] = memory.search("y", mode="dense")
    assert hit.why.dense == pytest.approx(1.0)


def test_an_undo_cannot_be_undone(make: Make) -> None:
    memory = make(policies=[{"budget": {"max_records": 1}}])
    memory.add(["one two", "three four five"])
    undone = memory.undo(memory.apply(memory.plan()))
    with pytest.raises(CannotUndo, match="itself an undo"):
        memory.undo(undone)
    with pytest.raises(CannotUndo, match="undone already"):
        memory.undo(undone.id.removeprefix("undo:"))


@pytest.mark.parametrize("when", ["yesterday", float("nan")])
def test_a_turn_with_a_wrong_time_is_refused(memory: AgentMemory, when: object) -> None:
    with pytest.raises(InputError, match="not a moment"):
        memory.add(Turn(observation="x", now=when))
    assert memory.stats()["records"] == 0


def test_the_cap_counts_each_namespace_by_itself(make: Make) -> None:
    memory = make(policies=[{"budget": {"max_records": 10}}], removal_cap=0.1)
    memory.add([f"big note {i}" for i in range(500)], namespace=("big",))
    memory.add([f"small note {i}" for i in range(60)], namespace=("small",))
    plan = memory.plan(namespace=("small",))
    with pytest.raises(RemovalCap, match=r"50 of 60 active records of namespace \('small',\)"):
        memory.apply(plan)
    assert memory.apply(plan, allow_mass=True).archived == 50


def test_a_cap_of_zero_lets_nothing_go_unasked(make: Make) -> None:
    memory = make(policies=[{"budget": {"max_records": 1}}], removal_cap=0.0)
    memory.add(["one", "two three"])
    with pytest.raises(RemovalCap):
        memory.apply(memory.plan())


def test_erasing_does_not_get_in_the_way_of_other_threads(make: Make, tmp_path: Path) -> None:
    import threading

    memory = make(tmp_path / "m.db")
    names = memory.add([f"note {i}" for i in range(20)])
    errors: list[Exception] = []

    def write() -> None:
        try:
            for i in range(60):
                memory.add(f"other note {i}")
        except InputError as error:
            errors.append(error)

    writer = threading.Thread(target=write)
    writer.start()
    receipts = [memory.erase(name) for name in names]
    writer.join()
    assert errors == []
    assert all(receipt.scrubbed for receipt in receipts)
    assert memory.stats()["active"] == 60
    assert memory.clock.now() == START


@pytest.mark.parametrize(
    "call",
    [
        lambda m: m.search("\ud800"),
        lambda m: m.search(123),
        lambda m: m.add("x", source="\ud800"),
        lambda m: m.add("x", source=None),
        lambda m: m.add("x", data={"k": "\ud800"}),
        lambda m: m.add("x", sources="abc"),
        lambda m: m.add(Turn(observation=None)),
        lambda m: m.forget("\ud800"),
        lambda m: m.apply("x"),
        lambda m: m.get(["a"]),
        lambda m: m.erase(m.add("a list is not an id")),
        lambda m: m.restore(["a"]),
        lambda m: m.history(2**63),
        lambda m: m.undo(5),
    ],
)
def test_no_foreign_exception_crosses_the_border(memory: AgentMemory, call) -> None:
    with pytest.raises(InputError):
        call(memory)


def test_a_filter_nested_too_deep_is_refused(memory: AgentMemory) -> None:
    where: dict = {"kind": "chunk"}
    for _ in range(3000):
        where = {"$not": where}
    with pytest.raises(InputError, match="nested deeper than 32"):
        memory.search("x", where=where)


LETTERS = "bcdfghjkmnpqvwxz"  # no such words in anything else that a file holds


@pytest.mark.parametrize(
    ("seed", "records", "words"), [pytest.param(5, 600, 30, marks=pytest.mark.slow), (6, 300, 100)]
)
def test_erased_words_are_in_no_gap_of_any_page(
    make: Make, tmp_path: Path, seed: int, records: int, words: int
) -> None:
    """Rearranged pages keep stale copies of their cells: deleting them is not enough."""
    rng = random.Random(seed)
    memory = make(tmp_path / "m.db")

    def text(length: int) -> str:
        return " ".join("".join(rng.choices(LETTERS, k=18)) for _ in range(length))

    said = {memory.add(one)[0]: one for one in (text(words) for _ in range(records))}
    names = list(said)
    for name in rng.choices(names, k=records // 2):
        more = text(rng.randrange(1, 2 * words))
        memory.update(name, text=more)
        said[name] += " " + more
    gone = rng.sample(names, records // 3)
    assert memory.erase(*gone).scrubbed
    cores = {word[5:-5].encode() for name in gone for word in said[name].split()}
    left = b" ".join(file.read_bytes() for file in tmp_path.iterdir())
    runs = re.findall(rf"[{LETTERS}]{{8,}}".encode(), left)
    assert {run[i : i + 8] for run in runs for i in range(len(run) - 7)} & cores == set()


def test_a_thousand_namespaces_do_not_slow_each_other(make: Make) -> None:
    memory = make(policies=[{"window": {"n": 1, "remove": True}}])
    for i in range(200):
        memory.add(f"note of user {i}", namespace=("users", str(i)))
        memory.add(f"another note of user {i}", namespace=("users", str(i)))
    plan = memory.plan(namespace=("users",))
    assert plan.removes == 200
    assert len(memory.search("note", namespace=("users", "7"))) == 1


def test_a_reason_that_quotes_what_was_erased_goes_with_it(make: Make, tmp_path: Path) -> None:
    memory = make(tmp_path / "m.db")
    name, other = memory.add(["the code is xqzsecret", "Tea, not coffee"])
    memory.forget(name, other, reason="they said xqzsecret aloud")
    memory.restore(other)
    memory.erase(name, reason="asked to on Monday")
    left = b" ".join(file.read_bytes() for file in tmp_path.iterdir())
    assert b"xqzsecret" not in left
    assert [entry.reason for entry in memory.history(name)][-1] == "asked to on Monday"
    assert [entry.reason for entry in memory.history(other)] == ["add", "", "restore"]


def test_a_reader_that_holds_the_log_is_reported_and_scrubbing_can_be_finished(
    make: Make, tmp_path: Path
) -> None:
    memory, reader = make(tmp_path / "m.db", busy_timeout=0.1), make(tmp_path / "m.db")
    [name] = memory.add("the code is xqzsecret")
    with reader._engine.ledger.db.read():
        reader._engine.ledger.db.rows("SELECT count(*) FROM record")
        assert memory.erase(name).scrubbed is False
    assert memory.scrub() is True
    assert b"xqzsecret" not in b" ".join(file.read_bytes() for file in tmp_path.iterdir())


def test_erasing_many_pieces_of_one_text_is_linear(make: Make) -> None:
    memory = make()
    names = memory.add([f"piece {i} of one long text" for i in range(400)])
    rewritten = []
    db = memory._engine.ledger.db
    run = db.run
    db.run = lambda sql, **values: (rewritten.append(sql), run(sql, **values))[1]
    memory.erase(*names)
    assert sum("SET payload" in sql for sql in rewritten) == 1


@pytest.mark.parametrize(
    "damage",
    [
        {"used_turn": "a"},
        {"stability": 0},
        {"uses": 2**63 - 1},
        {"id": "é" * 40},
        {"importance": None},
        {"version": 2**70},
        {"namespace": []},
        {"status": "gone"},
        {"created": "now"},
        {"text": " "},
        {"valence": 7},
    ],
)
def test_an_import_lets_no_bad_record_in(make: Make, tmp_path: Path, damage: dict) -> None:
    memory, other = make(), make()
    memory.add("Rex is my dog")
    memory.export(tmp_path / "e.jsonl")
    header, line = (tmp_path / "e.jsonl").read_text().splitlines()
    item = json.loads(line)
    item["record"] |= damage
    (tmp_path / "e.jsonl").write_text(header + "\n" + json.dumps(item))
    with pytest.raises(InputError, match="line 2"):
        other.import_(tmp_path / "e.jsonl")
    assert other.stats(namespace=())["records"] == 0
