"""A chat model that answers badly, over the real wire: a clear state each time, the turn kept."""

import json
from collections.abc import Sequence
from dataclasses import fields
from typing import Any

import pytest

from agentmem import AgentMemory, Turn, registry
from agentmem.extraction import Extracted
from agentmem.models import resolve
from tests.conftest import Make
from tests.loopback import Answer, Garbage, Hang, Loopback, Status

SAID = "user: I live in Berlin and work at Stripe."
GOOD = json.dumps(
    {
        "facts": [
            {"number": 1, "fact": "The user lives in Berlin.", "quote": "I live in Berlin"},
            {"number": 2, "fact": "The user works at Stripe.", "quote": "work at Stripe"},
        ]
    }
)
STRANGE = json.dumps({"facts": [{"number": 1, "fact": "Rex is a dog.", "quote": "Rex barks"}]})


class Constant:
    """A chat model that always says the same."""

    def __init__(self, reply: str) -> None:
        self.reply = reply

    def invoke(self, messages: Any, /, **kwargs: Any) -> Any:
        return type("Message", (), {"content": self.reply, "usage_metadata": None})()


def extract(make: Make, script: Sequence[Any], **options: Any) -> tuple[AgentMemory, Extracted]:
    """What a fact store makes of one turn, with a model that follows a script."""
    with Loopback(script) as server:
        model = resolve(f"vllm:tiny@{server.url}", timeout=0.5, retries=1)
        memory = make(
            stores=["chunk", {"fact": {"by": "model"}}],
            extraction={"model": model, "background": False, **options},
        )
        (raw,) = memory.add(SAID)
        done = memory.extract()
    assert memory.get(raw).text == SAID
    assert memory.get(raw).status == "active"
    assert [hit.id for hit in memory.search("Berlin Stripe", where={"kind": "chunk"})] == [raw]
    return memory, done


def facts(memory: AgentMemory) -> set[str]:
    return {hit.text for hit in memory.search(k=20, where={"kind": "fact"}, reinforce=False)}


def test_a_good_reply_becomes_facts_that_cite_the_turn(make: Make) -> None:
    memory, done = extract(make, [Answer(GOOD)])
    assert (done.done, done.failed, done.pending) == (1, 0, 0)
    assert facts(memory) == {"The user lives in Berlin.", "The user works at Stripe."}


@pytest.mark.parametrize(
    "first",
    ["", "Sure! Here are the facts.", '{"facts": "none"}', '{"fact": []}', GOOD[:60], STRANGE[:40]],
    ids=["empty", "prose", "wrong type", "wrong key", "cut short", "cut shorter"],
)
def test_one_bad_reply_is_repaired(make: Make, first: str) -> None:
    memory, done = extract(make, [Answer(first), Answer(GOOD)])
    assert (done.done, done.failed) == (1, 0)
    assert len(facts(memory)) == 2


@pytest.mark.parametrize(
    "reply",
    ["", "Sure! Here are the facts.", '{"facts": 3}', STRANGE, "word " * 20_000],
    ids=["empty", "prose", "wrong json", "quotes nothing that was said", "20,000 tokens"],
)
def test_a_model_that_stays_bad_fails_the_task_and_nothing_else(make: Make, reply: str) -> None:
    memory, done = extract(make, [Answer(reply)])
    assert (done.done, done.failed, done.pending) == (0, 1, 0)
    assert facts(memory) == set()
    assert memory.stats()["failed"] == 1
    assert memory.extract().failed == 0  # it is not tried again by itself


def test_what_failed_is_done_once_the_model_is_better(make: Make) -> None:
    with Loopback([Answer("no"), Answer("no"), Answer(GOOD)]) as server:
        model = resolve(f"vllm:tiny@{server.url}", timeout=0.5, retries=0)
        memory = make(
            stores=[{"fact": {"by": "model"}}],
            extraction={"model": model, "background": False},
        )
        memory.add(SAID)
        assert memory.extract().failed == 1
        assert memory.extract(retry=True).done == 1
    assert len(facts(memory)) == 2
    assert memory.stats()["failed"] == 0


@pytest.mark.parametrize(
    "item",
    [Status(429, retry_after=0.01), Status(503), Hang(5.0)],
    ids=["429", "503", "timeout"],
)
def test_a_model_that_is_away_leaves_the_work_owed(make: Make, item: Any) -> None:
    memory, done = extract(make, [item])
    assert (done.done, done.failed, done.pending) == (0, 0, 1)
    assert done.halted
    assert memory.stats()["pending"] == 1


def test_a_short_429_is_waited_for(make: Make) -> None:
    memory, done = extract(make, [Status(429, retry_after=0.01), Answer(GOOD)])
    assert done.done == 1
    assert len(facts(memory)) == 2


@pytest.mark.parametrize("item", [Status(401), Status(400), Garbage()], ids=["401", "400", "html"])
def test_a_server_that_refuses_fails_the_task(make: Make, item: Any) -> None:
    memory, done = extract(make, [item])
    assert (done.done, done.failed, done.pending) == (0, 1, 0)
    assert facts(memory) == set()


def test_the_journal_holds_no_word_of_a_bad_reply(make: Make) -> None:
    memory, _ = extract(make, [Answer("zanzibar is my answer")])
    lines = memory._engine.ledger.db.rows("SELECT payload, reason FROM journal")
    assert "zanzibar" not in str(lines)
    assert "BadReply" in str(lines)


def test_a_spent_budget_of_calls_is_said(make: Make) -> None:
    _, done = extract(make, [Answer(GOOD)], max_calls=0)
    assert (done.done, done.pending) == (0, 1)
    assert "budget of 0 calls" in done.halted


MODELLED = [
    name
    for name in registry.names("stores")
    if "by" in {field.name for field in fields(registry.find("stores", name))}
]


@pytest.mark.parametrize("name", MODELLED)
@pytest.mark.parametrize("reply", ["", "Sure, here you are!", '{"wrong": [1, {"id": "x"}]}'])
def test_every_structure_survives_a_model_that_stays_bad(make: Make, name: str, reply: str) -> None:
    memory = make(
        stores=["chunk", {name: {"by": "model"}}],
        extraction={"model": Constant(reply), "background": False},
    )
    said = [Turn(observation=f"I moved to {city}.") for city in ("Rome", "Oslo")]
    ids = [one for turn in said for one in memory.add(turn, data={"subgoal": "s", "step": 1})]
    done = memory.extract()
    assert done.pending == 0
    assert done.done + done.failed == len(ids)
    assert memory.stats()["failed"] == done.failed
    assert [memory.get(one).status for one in ids] == ["active", "active"]
    memory._engine.ledger.db.check()
