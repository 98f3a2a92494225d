"""Blocks changed by calls, and profiles in which the later value wins."""

from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agentmem import AgentMemory, Record, Turn
from agentmem.errors import ConfigError, InputError
from agentmem.stores.block import BlockStore, Entry, apply_calls
from agentmem.stores.profile import ProfileStore, merged, notes
from agentmem.text import count_tokens
from tests.conftest import Make
from tests.scripted import Scripted, asking

ANA = Turn(observation="I live in Berlin. I like tea.", reply="I am a machine.")
MOVED = Turn(observation="I live in Rome.", reply="Lovely!")


def kept(memory: AgentMemory, kind: str) -> list[Record]:
    hits = memory.search(k=50, where={"kind": kind}, reinforce=False)
    return sorted((hit.record for hit in hits), key=lambda one: one.text)


def blocks(memory: AgentMemory) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for record in kept(memory, "block"):
        found.setdefault(record.data["block"], []).append(record.text)
    return found


def insert(text: str, block: str = "semantic") -> dict[str, Any]:
    return {"op": "insert", "block": block, "text": text}


def core(text: str, op: str = "update") -> dict[str, Any]:
    return {"op": op, "block": "core", "text": text}


def test_row_14_tool_calls_replay() -> None:
    first = apply_calls((), [insert("tea"), insert("Rome"), insert("met Bo", "episodic")])
    tea, rome, met = (entry.id for entry in first)
    calls = [
        core("Ana.", "insert"),
        {"op": "update", "id": tea, "text": "green tea"},
        {"op": "delete", "id": rome},
        core("Ana, 30."),
        insert("GREEN  tea"),
    ]
    after = apply_calls(first, calls)
    assert [entry[1:3] for entry in after if entry.block != "core"] == [
        ("episodic", "met Bo"),
        ("semantic", "green tea"),
    ]
    assert {entry.id for entry in after if entry.block != "core"} == {tea, met}
    assert [e.text for e in after if e.block == "core"] == ["About the user: Ana, 30."]
    assert apply_calls(first, calls) == after
    step_by_step = first
    for call in calls:
        step_by_step = apply_calls(step_by_step, [call])
    assert step_by_step == after
    assert apply_calls(after, [{"op": "delete", "block": "core"}])[-1].block != "core"


def test_row_14_a_core_of_513_tokens_is_cut_and_flagged() -> None:
    start = "About the user: "
    full = start + "tea " * (512 - count_tokens(start))
    assert count_tokens(full) == 512
    (fits,) = apply_calls((), [core(full)])
    assert (fits.truncated, fits.text) == (False, full.strip())
    over = full + "rome"
    assert count_tokens(over) == 513
    (cut,) = apply_calls((), [core(over)])
    assert cut.truncated
    assert cut.text == full.strip()


def test_a_truncated_core_is_flagged_in_the_memory(make: Make) -> None:
    model = Scripted({"calls": [core("tea " * 600)]}, {"calls": [core("Ana.")]})
    memory = make(stores=[BlockStore(by="model")], **asking(model))
    memory.add(ANA)
    memory.extract()
    (record,) = kept(memory, "block")
    assert record.data == {"block": "core", "truncated": True}
    assert count_tokens(record.text) == 512
    memory.add(MOVED)
    memory.extract()
    assert kept(memory, "block")[0].data == {"block": "core"}


_CALLS = st.lists(
    st.tuples(
        st.sampled_from(["insert", "update", "delete"]),
        st.sampled_from(["core", "semantic", "episodic"]),
        st.integers(0, 5),
        st.sampled_from(["a", "b", "c"]),
    ),
    max_size=20,
)


@settings(deadline=None, max_examples=60)
@given(_CALLS)
def test_row_14_ids_are_unique(drawn: list[tuple[str, str, int, str]]) -> None:
    entries: tuple[Entry, ...] = ()
    for op, block, at, text in drawn:
        listed = [one.id for one in entries if one.block != "core"]
        call: dict[str, Any] = {"op": op, "block": block, "text": text}
        if op != "insert" and block != "core":
            if not listed:
                continue
            call = {"op": op, "id": listed[at % len(listed)], "text": text}
        entries = apply_calls(entries, [call])
        ids = [one.id for one in entries]
        assert len(set(ids)) == len(ids)
        assert sum(one.block == "core" for one in entries) <= 1


@pytest.mark.parametrize(
    ("call", "why"),
    [
        ({"op": "drop"}, "allowed: delete, insert, update"),
        ({"op": "insert", "block": "semantc", "text": "x"}, "did you mean 'semantic'"),
        ({"op": "insert", "block": "semantic", "text": " "}, "needs a text"),
        ({"op": "update", "id": "0", "text": "x"}, "no entry '0'"),
        ({"op": "delete", "id": "c"}, "no entry 'c'"),
    ],
)
def test_a_call_that_cannot_be_done_is_named(call: Mapping[str, Any], why: str) -> None:
    with pytest.raises(InputError, match=why):
        apply_calls([Entry("c", "core", "Ana")], [call])


def test_by_rule_a_turn_goes_into_three_blocks(make: Make) -> None:
    memory = make(stores=[BlockStore()])
    memory.add(ANA)
    memory.add(MOVED)
    found = blocks(memory)
    assert found["semantic"] == [
        "The assistant is a machine.",
        "The user likes tea.",
        "The user lives in Berlin.",
        "The user lives in Rome.",
    ]
    assert found["core"] == [
        "About the user: The user lives in Rome. The user lives in Berlin. The user likes tea."
    ]
    assert found["episodic"][0].startswith("2023-11-14: user: I live in")


def test_what_is_said_twice_is_one_entry_with_both_sources(make: Make) -> None:
    memory = make(stores=[BlockStore()])
    ids = [*memory.add(ANA), *memory.add(Turn(observation="I like tea.", reply="Again?"))]
    (tea,) = [one for one in kept(memory, "block") if one.text == "The user likes tea."]
    assert tea.sources == tuple(ids)
    memory.forget(ids[0])
    assert memory.get(tea.id).sources == (ids[1],)
    memory.forget(ids[1])
    assert blocks(memory) == {}


def test_what_is_forgotten_leaves_the_core(make: Make) -> None:
    memory = make(stores=[BlockStore()])
    ids = [*memory.add(ANA), *memory.add(MOVED)]
    memory.forget(ids[0])
    assert blocks(memory)["core"] == ["About the user: The user lives in Rome."]
    memory.erase(ids[0])
    assert blocks(memory)["semantic"] == ["The user lives in Rome."]


def test_a_corrected_turn_corrects_the_blocks(make: Make) -> None:
    memory = make(stores=[BlockStore()])
    ids = [*memory.add(ANA), *memory.add(MOVED)]
    memory.update(ids[1], text="user: I live in Oslo. I own a boat.")
    found = blocks(memory)
    assert "Rome" not in str(found)
    assert "The user owns a boat." in found["semantic"]
    assert found["core"][0].startswith("About the user: The user lives in Oslo. The user owns a")
    memory.update(ids[1], text="user: Hm?")
    assert "Oslo" not in str(blocks(memory))


def test_after_an_erasure_the_core_is_made_of_what_is_left(make: Make) -> None:
    memory = make(stores=[BlockStore()])
    ids = [*memory.add(ANA), *memory.add(MOVED)]
    memory.erase(ids[0])
    assert blocks(memory)["core"] == ["About the user: The user lives in Rome."]
    assert "Berlin" not in str(blocks(memory))


def test_texts_that_name_no_person_leave_the_core_alone(make: Make) -> None:
    memory = make(stores=[BlockStore()])
    for text in ("The sky is blue.", "assistant: I live in a cloud.", "?", "Hello!"):
        memory.add(text)
    assert "core" not in blocks(memory)


def test_a_model_writes_by_calls_on_what_it_is_shown(make: Make) -> None:
    model = Scripted({"calls": [insert("Ana lives in Berlin."), core("Ana.")]})
    memory = make(stores=[BlockStore(by="model")], **asking(model))
    first = memory.add(ANA)
    memory.extract()
    (city,) = [one for one in kept(memory, "block") if one.data["block"] == "semantic"]
    update = {"op": "update", "id": city.id, "text": "Ana lives in Rome."}
    model.replies = [{"calls": [update, insert("Ana moved.", "episodic")]}]
    second = memory.add(MOVED)
    memory.extract()
    assert f"[{city.id}] semantic: Ana lives in Berlin." in model.asked[1]
    assert "About the user" not in model.asked[1]
    now = memory.get(city.id)
    assert (now.text, now.sources) == ("Ana lives in Rome.", (*first, *second))
    model.replies = [{"calls": [{"op": "delete", "id": city.id}]}]
    memory.add("user: Forget where I live.")
    memory.extract()
    assert memory.get(city.id).status == "archived"
    assert blocks(memory) == {"core": ["About the user: Ana."], "episodic": ["Ana moved."]}


def test_a_wrong_id_is_repaired_or_nothing_is_written(make: Make) -> None:
    wrong = {"calls": [{"op": "delete", "id": "0"}]}
    model = Scripted(wrong, {"calls": [insert("Ana.")]}, wrong, wrong)
    memory = make(stores=[BlockStore(by="model")], **asking(model))
    memory.add(ANA)
    assert memory.extract().done == 1
    assert blocks(memory) == {"semantic": ["Ana."]}
    memory.add(MOVED)
    assert memory.extract().failed == 1
    assert blocks(memory) == {"semantic": ["Ana."]}
    assert memory.stats()["failed"] == 1


def test_calls_that_undo_each_other_are_a_bad_reply(make: Make) -> None:
    model = Scripted({"calls": [insert("Ana.")]})
    memory = make(stores=[BlockStore(by="model")], **asking(model))
    memory.add(ANA)
    memory.extract()
    (entry,) = kept(memory, "block")
    delete = {"op": "delete", "id": entry.id}
    model.replies = [{"calls": [delete, delete]}]
    memory.add(MOVED)
    assert memory.extract().failed == 1
    assert memory.get(entry.id).status == "active"


def test_the_model_writes_anew_what_has_lost_a_source(make: Make) -> None:
    model = Scripted({"calls": [core("Ana, Berlin.")]}, {"calls": [core("Ana, Rome.")]})
    memory = make(stores=[BlockStore(by="model", recent=1)], **asking(model))
    ids = [*memory.add(ANA), *memory.add(MOVED)]
    memory.extract()
    model.replies = [{"text": "Somebody in Rome."}]
    memory.forget(ids[0])
    memory.extract()
    assert blocks(memory) == {"core": ["About the user: Somebody in Rome."]}
    assert "Berlin" not in model.asked[-1]


def test_a_block_field_out_of_range_is_named() -> None:
    with pytest.raises(ConfigError, match=r"block\.core"):
        BlockStore(core=1)


# Profiles


def note(memory: AgentMemory) -> dict[str, dict[str, str]]:
    return notes(kept(memory, "profile"))


def test_row_19_later_value_wins(make: Make) -> None:
    assert merged({"City": "Berlin", "age": "30"}, {"city ": "Rome"}) == {
        "city ": "Rome",
        "age": "30",
    }
    model = Scripted(
        {"note": [{"key": "home_city", "value": "Berlin"}, {"key": "pet", "value": "Rex"}]},
        {"note": [{"key": "Home  city", "value": "Porto"}, {"key": "home city", "value": "Rome"}]},
    )
    memory = make(stores=[ProfileStore(by="model")], **asking(model))
    first, second = memory.add("Ana: I live in Berlin"), memory.add("Ana: I live in Rome")
    assert memory.extract().done == 2
    assert note(memory) == {"Ana": {"home city": "Rome", "pet": "Rex"}}
    assert "home city, pet" in model.asked[1]
    (city,) = [one for one in kept(memory, "profile") if one.data["key"] == "home city"]
    assert city.text == "Ana: home city: Rome"
    assert city.data["values"] == [
        {"value": "Berlin", "source": first[0], "version": 1},
        {"value": "Rome", "source": second[0], "version": 1},
    ]
    assert [line.verbs for line in memory.history(city.id)] == [("add",), ("update",)]


def test_by_rule_one_home_many_likes(make: Make) -> None:
    memory = make(stores=[ProfileStore()])
    memory.add(ANA)
    memory.add(Turn(observation="I live in Rome. I like chess. My name is Ana.", reply="I am Bo."))
    assert note(memory) == {
        "user": {"lives in": "Rome", "likes": "chess; tea", "name": "Ana"}
    } or note(memory) == {"user": {"lives in": "Rome", "likes": "tea; chess", "name": "Ana"}}


def test_the_value_before_holds_again_when_the_last_is_forgotten(make: Make) -> None:
    memory = make(stores=[ProfileStore()])
    memory.add("Ana: I live in Berlin.")
    (rome,) = memory.add("Ana: I live in Rome.")
    memory.add("Ben: I live in Oslo.")
    memory.forget(rome)
    assert note(memory) == {"Ana": {"lives in": "Berlin"}, "Ben": {"lives in": "Oslo"}}
    assert "Rome" not in str([one.data for one in kept(memory, "profile")])
    memory.restore(rome)
    assert note(memory)["Ana"] == {"lives in": "Rome"}
    memory.erase(rome)
    assert note(memory)["Ana"] == {"lives in": "Berlin"}


def test_a_corrected_message_corrects_its_note(make: Make) -> None:
    memory = make(stores=[ProfileStore()])
    memory.add("Ana: I live in Berlin.")
    (second,) = memory.add("Ana: I live in Rome. I work at Stripe.")
    memory.update(second, text="Ana: I live in Oslo. I own a boat.")
    assert note(memory) == {"Ana": {"lives in": "Oslo", "owns": "a boat"}}
    memory.update(second, text="Ana: I own a boat.")
    assert note(memory) == {"Ana": {"lives in": "Berlin", "owns": "a boat"}}
    assert "Rome" not in str([one.data for one in kept(memory, "profile")])


def test_a_value_that_comes_back_holds(make: Make) -> None:
    memory = make(stores=[ProfileStore()])
    for city in ("Berlin", "Porto", "Berlin"):
        memory.add(f"Ana: Hello {city}! I live in {city}.", source=f"{len(memory.search(k=9))}")
    (record,) = kept(memory, "profile")
    assert [one["value"] for one in record.data["values"]] == ["Berlin", "Porto", "Berlin"]
    assert record.text == "Ana: lives in: Berlin"


def test_what_is_told_late_is_no_later_value(make: Make) -> None:
    memory = make(stores=[ProfileStore()])
    memory.add("Ana: I live in Rome.")
    memory.add("Ana: I live in Berlin.", event_time=1_600_000_000.0)
    assert note(memory) == {"Ana": {"lives in": "Rome"}}


def test_assistants_and_empty_messages_have_no_profile(make: Make) -> None:
    memory = make(stores=[ProfileStore()])
    for text in ("assistant: I live in a cloud.", "user: Ben lives in Oslo.", "user: ?"):
        memory.add(text)
    assert note(memory) == {}


def test_a_bad_reply_drops_the_note_and_says_so(make: Make) -> None:
    model = Scripted("no", "no", {"note": [{"key": "", "value": "x"}, {"key": "a", "value": "b"}]})
    memory = make(stores=[ProfileStore(by="model")], **asking(model))
    (source,) = memory.add("Ana: I live in Berlin.")
    assert memory.extract().failed == 1
    assert (note(memory), memory.stats()["failed"]) == ({}, 1)
    assert memory.get(source).status == "active"
    assert memory.extract(retry=True).done == 1
    assert note(memory) == {"Ana": {"a": "b"}}
