"""Thoughts (TiM): inserted, merged by head entity, forgotten where they are contradicted."""

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from agentmem import AgentMemory, Record, Turn
from agentmem.errors import ConfigError
from agentmem.stores.thought import ThoughtStore
from tests.conftest import Make
from tests.scripted import Answering, offered

TEA = "Anna likes green tea."
DOG = "Anna owns a dog."


def entries(memory: AgentMemory) -> dict[str, Record]:
    """The active entries by the identity of their head; the last of several."""
    found = memory.search(k=99, where={"kind": "thought"}, reinforce=False)
    by_age = sorted((hit.record for hit in found), key=lambda record: record.turn)
    return {record.data["head_id"]: record for record in by_age}


def ruled(make: Make, **options: Any) -> AgentMemory:
    return make(stores=["chunk", ThoughtStore(**options)])


def test_row_6_merge_by_head_leaves_one_entry(make: Make) -> None:
    memory = ruled(make)
    first, second = (memory.add(text)[0] for text in (TEA, "Ben sold a car. " + DOG))
    found = [hit.record for hit in memory.search(k=9, where={"kind": "thought"})]
    assert sorted(one.data["head_id"] for one in found) == ["anna", "ben"]
    anna = entries(memory)["anna"]
    assert anna.text == f"{TEA} {DOG}"
    assert anna.sources == (first, second)
    assert anna.data["head"] == "Anna"
    assert anna.data["thoughts"] == [
        [TEA, "Anna", "likes", "green tea"],
        [DOG, "Anna", "owns", "a dog"],
    ]
    assert anna.version == 2


def test_row_6_an_entity_by_another_spelling_is_the_same(make: Make) -> None:
    memory = ruled(make)
    memory.add([TEA, "ANNA owns a dog."])
    (hit,) = memory.search(k=9, where={"kind": "thought"})
    assert len(hit.record.data["thoughts"]) == 2


def test_what_is_said_again_gains_a_source_only(make: Make) -> None:
    memory = ruled(make)
    first, second = (
        memory.add(Turn(observation=TEA))[0],
        memory.add(Turn(observation=TEA + " Ok?"))[0],
    )
    anna = entries(memory)["anna"]
    assert anna.text == TEA
    assert anna.sources == (first, second)


def test_a_full_entry_takes_no_more(make: Make) -> None:
    memory = ruled(make, size=1)
    memory.add([TEA, DOG])
    found = memory.search(k=9, where={"kind": "thought"})
    assert sorted(hit.text for hit in found) == sorted([TEA, DOG])


def test_by_rule_nothing_is_contradicted(make: Make) -> None:
    memory = ruled(make)
    memory.add(["Anna lives in Oslo.", "Anna lives in Rome."])
    assert entries(memory)["anna"].text == "Anna lives in Oslo. Anna lives in Rome."


def test_a_forgotten_source_leaves_its_entry(make: Make) -> None:
    memory = ruled(make)
    first, second = (memory.add(text)[0] for text in (TEA, DOG))
    memory.forget(first)
    anna = entries(memory)["anna"]
    assert (anna.text, anna.sources) == (DOG, (second,))
    memory.restore(first)
    assert set(entries(memory)["anna"].sources) == {first, second}
    memory.forget(first, second)
    assert entries(memory) == {}


def test_a_corrected_source_corrects_its_entry(make: Make) -> None:
    memory = ruled(make)
    first = memory.add(TEA)[0]
    memory.add(DOG)
    memory.update(first, text="Anna likes black coffee.")
    assert entries(memory)["anna"].text == f"Anna likes black coffee. {DOG}"
    memory.update(first, text="Ben sold a car.")
    assert entries(memory)["anna"].text == DOG
    assert entries(memory)["ben"].text == "Ben sold a car."


def test_an_erased_source_is_nowhere_in_the_file(make: Make, tmp_path: Path) -> None:
    memory = make(tmp_path / "m.db", stores=["chunk", ThoughtStore()])
    erased = memory.add("Anna likes zanzibar tea.")[0]
    memory.add(DOG)
    assert memory.erase(erased).scrubbed
    assert entries(memory)["anna"].text == DOG
    memory.close()
    assert b"zanzibar" not in (tmp_path / "m.db").read_bytes()


def thought(sentence: str) -> dict[str, str]:
    head, relation, *tail = sentence.rstrip(".").split()
    return {"sentence": sentence, "head": head, "relation": relation, "tail": " ".join(tail)}


def think(prompt: str) -> Any:
    said = prompt.partition("<exchange>\n")[2].partition("\n</exchange>")[0]
    return {"thoughts": [thought(f"{one}.") for one in said.rstrip(".").split(". ")]}


def fuse(prompt: str) -> Any:
    old = prompt.partition("<old>\n")[2].partition("\n</old>")[0]
    new = prompt.partition("<new>\n")[2].partition("\n</new>")[0]
    return {"text": f"{old.rstrip('.')} and {new}"}


def contradict(prompt: str) -> Any:
    lines = prompt.partition("<old>\n")[2].splitlines()
    return {"contradicted": [offered(line)[0] for line in lines if "Oslo" in line]}


ANSWERS = {"Read the exchange": think, "Merge what": fuse, "Below is what": contradict}


def modelled(make: Make, **answers: Any) -> tuple[AgentMemory, Answering]:
    model = Answering(ANSWERS)
    options = {"model": model, "background": False}
    return make(stores=["chunk", ThoughtStore(by="model")], extraction=options), model


def tell(memory: AgentMemory, *texts: str) -> list[str]:
    """Add and extract some texts; the ids of the chunks."""
    ids = []
    for text in texts:
        ids += memory.add(text)
        assert memory.extract().failed == 0
    return ids


def test_the_model_thinks_merges_and_forgets(make: Make) -> None:
    memory, model = modelled(make)
    tell(memory, "Anna likes tea. Oslo holds Anna.", "Anna left town.")
    assert {name: one.text for name, one in entries(memory).items()} == {
        "anna": "Anna likes tea and Anna left town."
    }
    gone = next(h.record for h in memory.search("Oslo holds Anna", k=9, where={"kind": "chunk"}))
    assert gone.status == "active"
    kinds = [text.split()[0] for text in model.asked]
    assert kinds == ["Read", "Read", "Merge", "Below"]


def test_a_merged_entry_is_made_anew_by_the_model(make: Make) -> None:
    memory, model = modelled(make)
    ids = tell(memory, "Anna likes tea.", "Anna owns dogs.", "Anna sails boats.")
    memory.forget(ids[0])
    memory.extract()
    assert entries(memory)["anna"].text == "Anna owns dogs and Anna sails boats."
    model.answers = {**ANSWERS, "Read the exchange": lambda prompt: {"thoughts": []}}
    memory.forget(ids[1])
    memory.extract()
    assert entries(memory) == {}


@pytest.mark.parametrize("reply", ["", "Surely.", '{"text": 3}', '{"text": " "}'])
def test_a_merge_of_no_use_joins_the_texts(make: Make, reply: str) -> None:
    memory, model = modelled(make)
    model.answers = {**ANSWERS, "Merge what": lambda prompt: reply}
    tell(memory, "Anna likes tea.", "Anna owns dogs.")
    anna = entries(memory)["anna"]
    assert anna.text == "Anna likes tea. Anna owns dogs."
    assert "joined, not merged" in str(memory.history(anna.id))


@pytest.mark.parametrize("reply", ["", "All.", '{"contradicted": ["0"]}', '{"contradicted": null}'])
def test_a_judgement_of_no_use_forgets_nothing(make: Make, reply: str) -> None:
    memory, model = modelled(make)
    model.answers = {**ANSWERS, "Below is what": lambda prompt: reply}
    tell(memory, "Oslo holds Anna.", "Anna left town.")
    assert set(entries(memory)) == {"anna", "oslo"}
    assert "nothing forgotten" in str(memory.history(entries(memory)["anna"].id))


@pytest.mark.parametrize("reply", ["", "Nothing.", '{"thoughts": [{"sentence": "x"}]}', "7"])
def test_thoughts_of_no_use_leave_the_chunk_and_the_work(make: Make, reply: str) -> None:
    memory, model = modelled(make)
    model.answers = {**ANSWERS, "Read the exchange": lambda prompt: reply}
    memory.add("Anna likes tea.")
    done = memory.extract()
    assert (done.failed, entries(memory)) == (1, {})
    assert memory.search("Anna likes tea.")[0].record.kind == "chunk"


def test_a_thought_with_a_blank_part_is_left_out(make: Make) -> None:
    memory, model = modelled(make)
    blank = thought("Anna likes tea.") | {"head": " "}
    replies = {"thoughts": [blank, thought("Ben likes tea.")]}
    model.answers = {**ANSWERS, "Read the exchange": lambda prompt: replies}
    tell(memory, "Anna likes tea.")
    assert set(entries(memory)) == {"ben"}


def test_without_a_bucket_nobody_is_asked_what_is_contradicted(make: Make) -> None:
    model = Answering(ANSWERS)
    options = {"model": model, "background": False}
    memory = make(stores=[ThoughtStore(by="model", near=0)], extraction=options)
    tell(memory, "Oslo holds Anna.", "Anna left town.")
    assert [text.split()[0] for text in model.asked] == ["Read", "Read"]


def test_what_merely_repeats_a_memory_is_no_thought(make: Make) -> None:
    memory = ruled(make)
    (old,) = memory.add("Anna likes green tea on Fridays")
    turn = Turn(observation="", reply="Anna likes green tea on Fridays.", recalled=(old,))
    assert list(memory.add(turn).derived) == []


def test_a_wrong_option_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"thought.size"):
        ThoughtStore(size=0)


NAMES, VERBS = ("Anna", "Ben", "Carl"), ("likes", "owns", "sold")


@pytest.mark.parametrize("seed", range(6))
def test_entries_say_what_the_active_chunks_say_and_nothing_else(make: Make, seed: int) -> None:
    random = np.random.default_rng(seed)
    memory = make(stores=["chunk", ThoughtStore(size=3)])
    live: list[str] = []
    gone: list[str] = []

    def sentence(step: int, part: int) -> str:
        name, verb = NAMES[random.integers(3)], VERBS[random.integers(3)]
        return f"{name} {verb} item X{step}y{part}."

    for step in range(40):
        chance = random.random()
        if chance < 0.6 or not live:
            said = " ".join(sentence(step, part) for part in range(1 + int(random.integers(2))))
            live += memory.add(said)
            continue
        name = live.pop(int(random.integers(len(live))))
        if chance < 0.75:
            memory.forget(name)
            gone.append(name)
        elif chance < 0.85:
            memory.erase(name)
        else:
            memory.update(name, text=sentence(step, 0))
            live.append(name)
        if gone and chance > 0.9:
            live += memory.restore(gone.pop(0))
    hits = memory.search(k=999, reinforce=False)
    said = {s for h in hits if h.record.kind == "chunk" for s in re.findall(r"[^.]+\.", h.text)}
    kept = {s for h in hits if h.record.kind == "thought" for s in re.findall(r"[^.]+\.", h.text)}
    assert {one.strip() for one in kept} == {one.strip() for one in said}
