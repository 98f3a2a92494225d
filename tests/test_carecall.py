"""CareCall's four verdicts: what follows from them, by rule and by model."""

from __future__ import annotations

import json
from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agentmem import AgentMemory
from agentmem.updates.carecall import Verdict, outcome, verdict
from tests.conftest import DAY, Make
from tests.scripted import Scripted

KEPT: dict[Verdict, tuple[bool, bool]] = {  # the old one, the new one
    "PASS": (True, False),
    "REPLACE": (False, True),
    "APPEND": (True, True),
    "DELETE": (False, False),
}
PAIRS = list(product(KEPT, repeat=2))
LABELS = st.sampled_from(list(KEPT))


@pytest.mark.parametrize("label", KEPT)
def test_row_7_truth_table_of_one_pair(label: Verdict) -> None:
    gone, dropped = outcome({("m", "s"): label})
    assert ("m" not in gone, "s" not in dropped) == KEPT[label]


@pytest.mark.parametrize(("first", "second"), PAIRS)
def test_row_7_truth_table_of_two_new_ones_and_one_known(first: Verdict, second: Verdict) -> None:
    gone, dropped = outcome({("m", "s1"): first, ("m", "s2"): second})
    assert ("m" in gone) == bool({first, second} & {"REPLACE", "DELETE"})
    assert ("s1" in dropped, "s2" in dropped) == tuple(
        label in ("PASS", "DELETE") for label in (first, second)
    )


@pytest.mark.parametrize(("first", "second"), PAIRS)
def test_row_7_truth_table_of_two_known_ones_and_one_new(first: Verdict, second: Verdict) -> None:
    _, dropped = outcome({("m1", "s"): first, ("m2", "s"): second})
    labels = {first, second}
    assert ("s" in dropped) == (bool(labels & {"PASS", "DELETE"}) and "REPLACE" not in labels)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.lists(LABELS, min_size=3, max_size=3), min_size=1, max_size=4), st.randoms())
def test_row_7_the_order_of_the_new_statements_changes_nothing(table, random) -> None:
    pairs = [((f"m{i}", f"s{j}"), one) for j, row in enumerate(table) for i, one in enumerate(row)]
    mixed = list(pairs)
    random.shuffle(mixed)
    assert outcome(dict(mixed)) == outcome(dict(pairs))


@pytest.mark.parametrize(
    ("known", "new", "expected"),
    [
        ("Anna lives in Berlin.", "Anna moved to Porto.", "REPLACE"),
        ("Anna has not tested for flu yet.", "Anna tested positive for flu.", "REPLACE"),
        ("Anna likes classical.", "Anna likes classical and attends concerts.", "REPLACE"),
        ("Anna likes sushi.", "Anna doesn't like sushi any more.", "REPLACE"),
        ("Anna has a sore throat.", "Anna's throat has healed.", "DELETE"),
        ("Anna has a red bike and a car.", "Anna has a car.", "PASS"),
        ("Anna likes tea.", "Anna likes coffee.", "APPEND"),
        ("Anna likes tea.", "Ben doesn't drink tea.", "APPEND"),
    ],
)
def test_the_verdict_by_rule(known: str, new: str, expected: str) -> None:
    assert verdict(known, new) == expected


def facts(memory: AgentMemory) -> set[str]:
    hits = memory.search(None, k=100, reinforce=False)
    return {hit.text for hit in hits if hit.record.kind == "fact"}


def test_by_rule_the_four_outcomes_meet_in_the_memory(make: Make) -> None:
    memory = make(updates=["carecall"], stores=["chunk", "fact"])
    for said in (
        "Anna: I have a sore throat.",
        "Anna: I have a red bike.",
        "Anna: I like classical music.",
        "Anna: My throat has healed.",
        "Anna: I have a bike.",
        "Anna: I like classical music and jazz.",
        "Anna: I play tennis.",
    ):
        memory.add(said)
        memory.clock.advance(DAY)
    assert facts(memory) == {
        "Anna has a red bike.",
        "Anna likes classical music and jazz.",
        "Anna plays tennis.",
    }


def test_what_another_source_says_replaces_nothing_unless_it_may(make: Make) -> None:
    for across, left in ((False, 2), (True, 1)):
        memory = make(updates=[{"carecall": {"across": across}}], stores=["chunk", "fact"])
        memory.add("Anna lives in Berlin.", source="chat")
        memory.add("Anna moved to Porto.", source="tool:web")
        assert len(facts(memory)) == left


def test_every_verdict_on_what_goes_is_in_the_journal(make: Make) -> None:
    memory = make(updates=["carecall"], stores=["chunk", "fact"])
    memory.add("Anna likes classical music.")
    [old] = [hit.id for hit in memory.search("music", k=9) if hit.record.kind == "fact"]
    memory.add("Anna likes classical music and jazz.")
    [new] = [hit.id for hit in memory.search("jazz", k=9) if hit.record.kind == "fact"]
    [line] = [entry for entry in memory.history(old) if entry.policy == "carecall"]
    assert line.verbs == ("supersede",)
    assert line.reason == f"superseded by {new}; verdicts (known, new): {old} {new} REPLACE"


def reply(*labels: str) -> str:
    said = [{"number": i, "verdict": label} for i, label in enumerate(labels, start=1)]
    return json.dumps({"verdicts": said})


def asking(make: Make, *replies: object) -> tuple[AgentMemory, Scripted]:
    model = Scripted(*replies)
    extraction = {"model": model, "background": False}
    updates = [{"carecall": {"by": "model"}}]
    return make(updates=updates, stores=["chunk", "fact"], extraction=extraction), model


@pytest.mark.parametrize("label", KEPT)
def test_by_model_the_verdict_is_done(make: Make, label: Verdict) -> None:
    memory, model = asking(make, reply(label))
    memory.add("Anna: I like tea.")
    memory.add("Anna: I like green tea.")
    assert memory.extract().done == 2
    assert len(model.asked) == 1
    assert "1. Anna likes tea." in model.asked[0]
    old, new = KEPT[label]
    kept = [
        text for text, stays in (("Anna likes tea.", old), ("Anna likes green tea.", new)) if stays
    ]
    assert facts(memory) == set(kept)


@pytest.mark.parametrize("replies", [("no", "no"), (reply("KEEP"), reply("KEEP")), (reply(),)])
def test_a_reply_that_cannot_be_read_counts_as_append(make: Make, replies) -> None:
    memory, _ = asking(make, *replies)
    memory.add("Anna: I like tea.")
    memory.add("Anna: I like green tea.")
    assert memory.extract().done == 2
    assert facts(memory) == {"Anna likes tea.", "Anna likes green tea."}


def test_what_the_model_deletes_is_archived_and_can_be_restored(make: Make) -> None:
    memory, _ = asking(make, reply("DELETE"))
    memory.add("Anna: I like tea.")
    [old] = [hit.id for hit in memory.search("tea", k=9) if hit.record.kind == "fact"]
    memory.add("Anna: I like green tea.")
    memory.extract()
    assert facts(memory) == set()
    assert memory.get(old).status == "archived"
    memory.restore(old)
    assert facts(memory) == {"Anna likes tea."}
