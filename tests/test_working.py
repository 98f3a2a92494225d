"""Working memory: the current subgoal in full, the others as summaries, steps back by number."""

import asyncio
from pathlib import Path

import pytest

from agentmem.errors import ConfigError, InputError, NotFound
from agentmem.modules.working import Action, WorkingMemory
from agentmem.stores.subgoal import SubgoalStore
from tests.conftest import Make
from tests.scripted import Scripted, asking

KEY = [Action("look", "A desk and a lamp."), Action("open desk", "A brass key lies in it.")]
DOOR = [Action("use key", "The door opens.")]


def filled(make: Make, store: SubgoalStore | None = None, **options: object) -> WorkingMemory:
    working = WorkingMemory(make(stores=[store or SubgoalStore()], **options), "escape")
    for goal, steps in (("find the key", KEY), ("open the door", DOOR)):
        working.begin(goal)
        for step in steps:
            working.step(*step)
    return working


def test_row_16_only_the_current_subgoal_has_raw_steps(make: Make) -> None:
    working = filled(make, SubgoalStore(tokens=12))
    assert working.view() == [
        "[escape 1] find the key: open desk -> A brass key lies in it.",
        "[escape 2] open the door",
        "[escape 2.1] use key -> The door opens.",
    ]


def test_row_16_retrieve_restores_the_exact_steps(make: Make) -> None:
    working = filled(make)
    assert working.retrieve(1) == KEY
    assert working.retrieve(2) == DOOR


def test_the_same_step_twice_is_two_steps_and_a_long_one_is_one(make: Make) -> None:
    working = WorkingMemory(make(stores=[SubgoalStore()]))
    assert working.begin("wander") == 1
    long = Action("read", "A  line.\nAnother one, of some words more. " * 100)
    steps = [Action("go", "A wall."), Action("go", "A wall."), long]
    for step in steps:
        working.step(*step)
    assert working.retrieve(1) == steps
    assert len(working.view()) == 4
    assert working.begin("rest") == 2
    assert working.retrieve(1) == steps


def test_work_goes_on_where_it_was(make: Make, tmp_path: Path) -> None:
    path = tmp_path / "m.db"
    memory = make(path, stores=[SubgoalStore()])
    working = WorkingMemory(memory, "t")
    working.begin("one")
    working.step("a", "b")
    memory.close()
    again = WorkingMemory(make(path, stores=[SubgoalStore()]), "t")
    again.step("c", "d")
    assert again.retrieve(1) == [("a", "b"), ("c", "d")]
    assert again.begin("two") == 2


def test_tasks_do_not_mix(make: Make) -> None:
    memory = make(stores=[SubgoalStore()])
    first, second = WorkingMemory(memory, "a"), WorkingMemory(memory, "b")
    for working in (first, second):
        working.begin("go")
        working.step("walk", "far")
    first.begin("rest")
    assert len(first.view()) == 2
    assert second.view() == ["[b 1] go", "[b 1.1] walk -> far"]


def test_a_model_writes_the_summary(make: Make) -> None:
    model = Scripted({"text": "The brass key was in the desk."})
    working = filled(make, SubgoalStore(by="model"), **asking(model))
    assert working.view()[1] == "[escape 1.1] look -> A desk and a lamp."
    assert working.memory.extract().failed == 0
    assert working.view()[0] == "[escape 1] find the key: The brass key was in the desk."
    assert "open desk -> A brass key lies in it." in model.asked[0]
    assert model.replies == []


def test_a_bad_reply_keeps_the_raw_steps(make: Make) -> None:
    working = filled(make, SubgoalStore(by="model"), **asking(Scripted("no", "still no")))
    assert working.memory.extract().failed == 1
    assert working.view()[:3] == [
        "[escape 1] find the key",
        "[escape 1.1] look -> A desk and a lamp.",
        "[escape 1.2] open desk -> A brass key lies in it.",
    ]


def test_an_erased_step_is_nowhere_in_the_summary(make: Make) -> None:
    working = filled(make)
    memory = working.memory
    (step,) = [hit.id for hit in memory.search(k=9, where={"kind": "chunk"}) if "brass" in hit.text]
    assert "brass" in working.view()[0]
    memory.erase(step)
    assert working.view()[0] == "[escape 1] find the key: look -> A desk and a lamp."
    assert working.retrieve(1) == KEY[:1]


def test_a_forgotten_step_leaves_the_summary_and_comes_back(make: Make) -> None:
    working = filled(make)
    (step,) = [
        hit.id for hit in working.memory.search(k=9, where={"kind": "chunk"}) if "brass" in hit.text
    ]
    working.memory.forget(step)
    assert "brass" not in " ".join(working.view())
    working.memory.restore(step)
    assert working.retrieve(1) == KEY
    assert "brass" in working.view()[0]


def test_a_summary_outlasts_the_steps_that_a_policy_archives(make: Make) -> None:
    working = filled(make, policies=[{"window": {"n": 3, "rank": False, "remove": True}}])
    memory, before = working.memory, working.view()
    assert memory.apply(memory.plan(), allow_mass=True).archived == 3
    assert working.view() == before
    with pytest.raises(NotFound):
        working.retrieve(1)
    second = [hit.id for hit in memory.search(k=9, where={"kind": "chunk", "data.subgoal": 2})]
    memory.forget(*second)
    assert working.view() == before[:1]
    memory.forget(where={"data.task": "escape"}, allow_mass=True)
    assert working.view() == []
    assert working.begin("go home") == 3
    working.step("use key", "The door opens.")
    assert working.view() == ["[escape 3] go home", "[escape 3.1] use key -> The door opens."]


def test_other_chunks_are_no_steps(make: Make) -> None:
    working = filled(make)
    before = working.view()
    working.memory.add("user: hello", data={"task": "escape", "subgoal": "one"})
    working.memory.add("user: hello again")
    assert working.view() == before


def test_subgoals_without_steps_need_no_summary(make: Make) -> None:
    working = WorkingMemory(make(stores=[SubgoalStore()]), "t")
    assert working.view() == []
    working.begin("one")
    working.begin("two")
    assert working.view() == ["[t 1] one", "[t 2] two"]


def test_mistakes_are_named(make: Make) -> None:
    working = WorkingMemory(make(stores=[SubgoalStore()]), "t")
    with pytest.raises(InputError, match="begin"):
        working.step("a", "b")
    with pytest.raises(InputError, match="subgoal"):
        working.begin(" ")
    working.begin("one")
    with pytest.raises(NotFound, match="has no subgoal 7; it has: 1"):
        working.retrieve(7)
    with pytest.raises(ConfigError, match="tokens"):
        SubgoalStore(tokens=1)


def test_the_async_twins_do_the_same(make: Make) -> None:
    async def body() -> None:
        working = WorkingMemory(make(stores=[SubgoalStore()]), "t")
        assert await working.abegin("one") == 1
        await working.astep("a", "b")
        assert await working.aretrieve(1) == [("a", "b")]
        assert await working.aview() == ["[t 1] one", "[t 1.1] a -> b"]

    asyncio.run(body())
