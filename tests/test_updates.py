"""How new statements meet what is known: in which transaction, with which reasons, reversibly."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Literal

import pytest

from agentmem import AgentMemory
from agentmem.core import Change, Record, Turn
from agentmem.engine import Engine
from agentmem.errors import ConfigError, PluginError
from agentmem.ledger.ledger import Ledger
from agentmem.ledger.replay import replay
from agentmem.steps import Steps, run
from agentmem.structure import Around, Updater
from agentmem.updates.pairs import pairs
from tests.conftest import Make
from tests.scripted import Scripted


def texts(memory: AgentMemory, **options: Any) -> set[str]:
    return {hit.text for hit in memory.search(None, k=100, reinforce=False, **options)}


@pytest.fixture
def keyed(make: Make) -> AgentMemory:
    return make(updates=["keyed"])


def test_a_newer_value_of_a_key_supersedes_the_older_at_once(keyed: AgentMemory) -> None:
    [old] = keyed.add("visual art: cubism")
    [new] = keyed.add("Visual art = dada")
    assert texts(keyed) == {"Visual art = dada"}
    assert keyed.get(old).status == "superseded"
    last = keyed.history(old)[-1]
    assert last.reason == f"superseded by {new}: same key 'visual art'"
    assert (last.policy, last.verbs) == ("keyed", ("supersede",))


def test_an_older_value_is_reached_by_as_of_and_brought_back_by_restore(
    keyed: AgentMemory,
) -> None:
    names = []
    for value in ("open", "ajar", "shut"):
        names += keyed.add(f"door: {value}")
        keyed.clock.advance(60)
    start = keyed.clock.now() - 180
    for i, value in enumerate(("open", "ajar", "shut")):
        assert texts(keyed, as_of=start + 60 * i) == {f"door: {value}"}
    keyed.restore(names[0])
    assert texts(keyed) == {"door: open", "door: shut"}


def test_a_value_that_flips_back_is_current_again(keyed: AgentMemory) -> None:
    [first] = keyed.add("light: on")
    [second] = keyed.add("light: off")
    again = keyed.add("light: on")
    assert (again, again.refused) == ([first], {})
    assert texts(keyed) == {"light: on"}
    assert keyed.get(second).status == "superseded"
    assert keyed.add("light: off") == [second]
    assert texts(keyed) == {"light: off"}


def test_the_same_statement_again_changes_nothing(keyed: AgentMemory) -> None:
    assert keyed.add("light: on") == keyed.add("light: on")
    assert keyed.stats()["journal_lines"] == 1


def test_what_happened_earlier_does_not_replace_what_happened_later(keyed: AgentMemory) -> None:
    [new] = keyed.add("light: off")
    [old] = keyed.add("light: on", event_time=keyed.clock.now() - 60)
    assert texts(keyed) == {"light: off"}
    assert keyed.history(old)[-1].reason == f"superseded by {new}: same key 'light'"


def test_what_holds_for_a_while_replaces_only_what_ends_no_later(keyed: AgentMemory) -> None:
    now = keyed.clock.now()
    keyed.add("status: working")
    keyed.add("status: lunch", expires=now + 60)
    assert texts(keyed) == {"status: working", "status: lunch"}
    keyed.add("status: meeting", expires=now + 120)
    assert texts(keyed) == {"status: working", "status: meeting"}
    keyed.clock.advance(200)
    assert texts(keyed) == {"status: working"}
    keyed.add("status: away")
    assert texts(keyed) == {"status: away"}


def test_forgetting_or_erasing_the_newest_brings_no_older_value_back(keyed: AgentMemory) -> None:
    for leave, key in ((keyed.forget, "door"), (keyed.erase, "window")):
        [old] = keyed.add(f"{key}: open")
        [new] = keyed.add(f"{key}: shut")
        leave(new)
        assert not [text for text in texts(keyed) if text.startswith(key)]
        assert keyed.get(old).status == "superseded"
        keyed.restore(old)
        assert f"{key}: open" in texts(keyed)
        keyed.add(f"{key}: ajar")
        assert [text for text in texts(keyed) if text.startswith(key)] == [f"{key}: ajar"]


def test_values_of_one_add_replace_each_other_in_order(keyed: AgentMemory) -> None:
    keyed.add(["light: on", "door: open", "light: off"])
    assert texts(keyed) == {"door: open", "light: off"}


def test_a_text_of_several_pairs_goes_once_all_of_them_are_replaced(keyed: AgentMemory) -> None:
    keyed.add("light: on; door: open")
    keyed.add("light: off")
    assert texts(keyed) == {"light: on; door: open", "light: off"}
    keyed.add("door: shut")
    assert texts(keyed) == {"light: off", "door: shut"}


def test_namespaces_and_speakers_do_not_meet(keyed: AgentMemory) -> None:
    keyed.add("light: on", namespace=("a",))
    keyed.add("light: off", namespace=("a", "b"))
    keyed.add("light: dim", namespace=("c",))
    assert len(texts(keyed, namespace=())) == 3
    keyed.add("Anna: favourite colour: red")
    keyed.add("Ben: favourite colour: blue")
    keyed.add("Anna: favourite colour: green")
    assert texts(keyed) == {"Ben: favourite colour: blue", "Anna: favourite colour: green"}


def test_what_another_source_says_replaces_nothing_unless_it_may(make: Make) -> None:
    for across, left in ((False, {"door: open", "door: shut"}), (True, {"door: shut"})):
        memory = make(updates=[{"keyed": {"across": across}}])
        memory.add("door: open", source="chat")
        memory.add("door: shut", source="tool:web")
        assert texts(memory) == left


def test_a_turn_that_states_a_pair_replaces_another(keyed: AgentMemory) -> None:
    keyed.add(Turn(observation="light: on", reply="Noted."))
    keyed.add(Turn(observation="light: off", reply="All right."))
    assert texts(keyed) == {"user: light: off\nassistant: All right."}


@pytest.mark.parametrize(
    "said",
    [
        ("Anna: hello", "Anna: bye"),
        ("Anna: Pizza", "Anna: Sushi"),
        ("Zorblax: I am hungry", "Zorblax: Pizza", "Zorblax: Sushi"),
        ("zorblax: see you", "zorblax: pizza", "zorblax: sushi"),
        ("user: pizza", "user: sushi"),
        ("lunch at 10:30", "lunch at 11:30"),
        ("http://a.example/x", "http://a.example/y"),
        ("Note: milk", "Note: bread"),
        ("idea: a boat", "idea: a house"),
        ("what is it: red?", "what is it: blue?"),
        ("light: my lamp", "light: your lamp"),
        ("if x == 3", "if x == 4"),
    ],
)
def test_ordinary_talk_is_no_key_and_value(keyed: AgentMemory, said: Sequence[str]) -> None:
    for text in said:
        keyed.add(text)
    assert texts(keyed) == set(said)


MANY = """
    todo tag tags author title ingredient participant attendees contact child sister dog breakfast
    symptom preference likes goal trip flight Monday commit fix error INFO exception endpoint
    suspect offer invoice movie restaurant wine cheese Zoltan Mum customer Dr_Smith Speaker_A
    speaker_1 Step_1 Day_1 Chapter_1 May_1 week_3 line_3 Notiz Termin tarea erreur песня メモ
    Places_to_visit Warning_signs Good_news for_i_in_range name id date
"""


@pytest.mark.parametrize("key", MANY.split())
def test_what_may_have_several_values_at_a_time_is_kept(keyed: AgentMemory, key: str) -> None:
    said = {f"{key.replace('_', ' ')}: {value}" for value in ("alpha", "beta")}
    for text in sorted(said):
        keyed.add(text)
    assert texts(keyed) == said


def test_rows_of_a_table_do_not_replace_each_other(keyed: AgentMemory) -> None:
    rows = {
        "name: Anna\nage: 30",
        "name: Ben\nage: 40",
        "sensor: a; temperature: 20",
        "sensor: b; temperature: 21",
        "date: 2024-05-01; weight: 70",
        "date: 2024-05-02; weight: 71",
        "port: 8080 for the web",
        "port: 5432 for the database",
    }
    for row in sorted(rows):
        keyed.add(row)
    assert texts(keyed) == rows


def test_in_a_stream_of_pairs_and_by_order_every_key_has_one_value(make: Make) -> None:
    stream = [f"{key}: {value}" for value in "xyz" for key in ("art", "dish", "law", "fir", "jet")]
    few = make(updates=["keyed"])
    few.add(stream)
    assert len(texts(few)) == len(stream)  # five keys are not yet told from notes
    more = [f"{key}: {value}" for value in "xyz" for key in ("ale", "bus", "wig", "oak", "tin")]
    for memory in (few, make(updates=["keyed"])):
        for text in more + stream:
            memory.add(text)
        assert {f"{key}: z" for key in ("art", "dish", "law", "fir", "jet")} <= texts(memory)
    assert texts(memory) == {text for text in more + stream if text.endswith("z")}
    every = make(updates=[{"keyed": {"every": True}}])
    every.add(["cheese: brie", "cheese: gouda", "tag: a", "tag: b"])
    assert texts(every) == {"cheese: gouda", "tag: a", "tag: b"}


def test_many_who_speak_briefly_are_no_stream(keyed: AgentMemory) -> None:
    names = ("Zoltan", "Priya", "Wei", "Olga", "Ahmed", "Sven", "Ines", "Kofi")
    said = [f"{name}: {dish}" for dish in ("pizza", "sushi") for name in names]
    keyed.add(said)
    assert texts(keyed) == set(said)


def test_what_pairs_are_read(keyed: AgentMemory) -> None:
    assert pairs("my timezone = UTC+2") == (("", "timezone", "utc+2", True),)
    assert pairs("cheese: 10:30\nhost=http://a.example/b") == (
        ("", "cheese", "10:30", False),
        ("", "host", "http://a.example/b", True),
    )
    assert pairs("light: bright. But who knows") == ()


def test_a_summary_is_made_anew_without_what_was_superseded(make: Make) -> None:
    memory = make(updates=["keyed"], stores=["chunk", "summary"])
    memory.add("residence: Berlin")
    memory.add("Ben works at Stripe.")
    assert [s for s in summaries(memory) if "Berlin" in s]
    memory.add("residence: Porto")
    assert not [s for s in summaries(memory) if "Berlin" in s]
    assert [s for s in summaries(memory) if "Stripe" in s and "Porto" in s]


def summaries(memory: AgentMemory) -> list[str]:
    return [hit.text for hit in memory.search(None, k=50) if hit.record.kind == "summary"]


def test_a_reason_does_not_outlive_the_words_it_quotes(tmp_path: Path, make: Make) -> None:
    path = tmp_path / "m.db"
    memory = make(path, updates=["keyed"])
    [old] = memory.add("zanzibar code: qwx")
    [new] = memory.add("zanzibar code: jkv")
    memory.erase(old, new)
    memory.close()
    assert not [f for f in tmp_path.iterdir() if b"zanzibar" in f.read_bytes().lower()]


def test_replay_gives_the_same_rows(make: Make) -> None:
    memory = make(updates=["keyed"])
    for text in ("light: on", "light: off", "light: on", "door: open"):
        memory.add(text)
    copy = Ledger(":memory:", embedder=memory.config.embedder.name, dim=64)
    replay(memory._engine.ledger, copy, memory.config.embedder.embed)
    rows = [sorted(one.db.rows("SELECT * FROM record")) for one in (memory._engine.ledger, copy)]
    assert rows[0] == rows[1]


@dataclass(frozen=True, kw_only=True)
class Asking(Updater):
    """Asks the model what a new record replaces: an id, or nothing."""

    name: ClassVar[str] = "asking"

    by: Literal["rule", "model"] = "model"

    def resolve(self, new: Sequence[Record], around: Around) -> Steps[Sequence[Change]]:
        found = []
        for one in new:
            older = [r for r in (yield from around.recent(9, kind=one.kind)) if r.id != one.id]
            reply = yield from around.say("fact_extract", text=one.text, context="")
            found += [
                Change(supersede=((old.id, one.id),), reason="replaced")
                for old in older
                if old.text == reply
            ]
        return found


def test_an_updater_that_asks_a_model_works_from_the_queue(make: Make) -> None:
    model = Scripted("nothing", "one", "two")
    options = {"model": model, "background": False}
    memory = make(updates=[Asking(kinds=("chunk",))], extraction=options)
    memory.add("one")
    memory.add("two")
    assert memory.stats()["pending"] == 2
    assert texts(memory) == {"one", "two"}
    assert memory.extract().done == 2
    assert texts(memory) == {"two"}
    memory.add("one")  # counts again, and the model is asked again
    assert memory.extract().done == 1
    assert texts(memory) == {"one"}
    assert (memory.stats()["pending"], model.replies) == (0, [])


def test_an_updater_by_model_looks_at_what_stores_derive(make: Make) -> None:
    model = Scripted("nothing", "Anna lives in Berlin.")
    options = {"model": model, "background": False}
    memory = make(updates=[Asking(kinds=("fact",))], stores=["chunk", "fact"], extraction=options)
    memory.add("Anna lives in Berlin.")
    memory.add("Anna lives in Porto.")
    assert memory.extract().done == 2
    facts = {hit.text for hit in memory.search(None, k=9) if hit.record.kind == "fact"}
    assert facts == {"Anna lives in Porto."}


def test_work_that_two_processes_have_begun_is_written_once(make: Make, tmp_path: Path) -> None:
    def opened(*replies: str) -> AgentMemory:
        options = {"model": Scripted(*replies), "background": False}
        return make(tmp_path / "m.db", updates=[Asking(kinds=("chunk",))], extraction=options)

    one, two = opened("nothing", "one"), opened("one")
    one.add(["one", "two"])
    one.extract(limit=1)
    due = two.extraction._take(two.extraction.slow, ())
    assert due is not None
    two.extraction._let_go(due)  # as if its lease were over
    assert one.extract().done == 1
    lines = one.stats()["journal_lines"]
    assert run(two.extraction._do(due)) == []
    assert two.stats()["journal_lines"] == lines
    assert texts(two) == {"two"}


def test_the_async_add_resolves_too(make: Make) -> None:
    memory = make(updates=["keyed", "statements"])

    async def said() -> None:
        for text in ("light: on", "I live in Berlin.", "light: off", "I moved to Porto."):
            await memory.aadd(text)

    asyncio.run(said())
    assert texts(memory) == {"light: off", "I moved to Porto."}


def test_a_model_that_fails_leaves_the_work_due(make: Make) -> None:
    memory = make(
        updates=[Asking()],
        extraction={"model": Scripted(RuntimeError("away"), "nothing"), "background": False},
    )
    memory.add("one")
    assert memory.extract().done == 0
    assert memory.stats()["pending"] + memory.stats()["failed"] == 1
    assert texts(memory) == {"one"}


def test_an_updater_by_model_needs_a_model(make: Make) -> None:
    with pytest.raises(ConfigError, match="asking by model"):
        make(updates=[Asking()])


@dataclass(frozen=True, kw_only=True)
class Faulty(Updater):
    """Gives what it was told to, as a function of the new records."""

    name: ClassVar[str] = "faulty"

    gives: Any = None

    def resolve(self, new: Sequence[Record], around: Around) -> Steps[Sequence[Change]]:
        yield from ()
        return self.gives(new[-1].id)


@pytest.mark.parametrize(
    ("gives", "match"),
    [
        (lambda name: None, "sequence of Changes"),
        (lambda name: 1 / 0, "ZeroDivisionError"),
        (lambda name: [Change(reason="x", erase=(name,))], "archive and supersede only"),
        (lambda name: [Change(reason="x", archive=(name, name))], "twice"),
        (lambda name: [Change(reason="x", supersede=((name, name),))], "goes itself"),
    ],
)
def test_a_faulty_updater_is_named_and_nothing_is_stored(
    make: Make, gives: Any, match: str
) -> None:
    memory = make(updates=[Faulty(gives=gives)])
    with pytest.raises(PluginError, match=match):
        memory.add("one")
    assert memory.stats()["records"] == 0


def test_an_updater_cannot_reach_into_another_namespace(make: Make) -> None:
    memory = make(updates=[])
    [elsewhere] = memory.add("one", namespace=("other",))
    reaching = Faulty(gives=lambda name: [Change(reason="x", archive=(elsewhere,))])
    memory._engine.updaters["update:faulty"] = reaching
    with pytest.raises(PluginError, match="another namespace"):
        memory.add("two")
    assert memory.get(elsewhere, namespace=()).status == "active"


def test_updaters_of_one_name_have_their_own_work(make: Make) -> None:
    memory = make(
        updates=[Asking(kinds=("chunk",)), Asking(kinds=("fact",))],
        extraction={"model": Scripted(), "background": False},
    )
    engine: Engine = memory._engine
    assert engine.owed("chunk") == ("update:asking",)
    assert engine.owed("fact") == ("update:asking#1",)
