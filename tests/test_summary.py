"""Rolling summaries on two levels, and what becomes of them when a turn goes."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agentmem import AgentMemory, Record, SimulatedClock, Turn
from agentmem.errors import ConfigError
from agentmem.stores.mixing import LETTERS, clip, opening, statements
from agentmem.stores.summary import ABOVE, SummaryStore
from agentmem.text import count_tokens
from tests.conftest import Make
from tests.scripted import Scripted, asking

SAID = [
    "ann: Rex the beagle barks at the neighbours every single morning.",
    "bob: I bought a sailing boat in Lisbon for the summer holidays.",
    "ann: Grandmother Zanzibara hid seven silver spoons under the kitchen floor.",
    "bob: The accountant wants every receipt for the tax return by April.",
]


def summaries(memory: AgentMemory, level: int) -> list[Record]:
    where = {"kind": "summary", "data.level": level}
    hits = memory.search(k=200, where=where, reinforce=False)
    return sorted((hit.record for hit in hits), key=lambda one: one.created)


def say(memory: AgentMemory, clock: SimulatedClock, texts: Sequence[str]) -> list[str]:
    ids = []
    for text in texts:
        clock.advance(10.0)
        ids += memory.add(text)
    return ids


def text(value: str) -> dict[str, str]:
    return {"text": value}


def test_row_2_the_compact_memory_is_one_short_text_and_turns_over_every_hundred(
    make: Make, clock: SimulatedClock
) -> None:
    memory = make(stores=[SummaryStore()])
    ids = say(memory, clock, [f"ann: bought {n} red apples at the market" for n in range(101)])
    first, second = summaries(memory, 1)
    assert (first.sources, second.sources) == (tuple(ids[:100]), (ids[100],))
    assert [one.data["open"] for one in (first, second)] == [False, True]
    (above,) = summaries(memory, 2)
    assert above.sources == (first.id,)
    for one in (first, second, above):
        assert 0 < count_tokens(one.found_by) <= 60


def test_row_2_a_summary_of_summaries_is_complete_as_well(
    make: Make, clock: SimulatedClock
) -> None:
    memory = make(stores=[SummaryStore(span=2)])
    say(memory, clock, [f"ann: apple number {n} is ripe" for n in range(12)])
    assert [len(one.sources) for one in summaries(memory, 1)] == [2] * 6
    above = summaries(memory, 2)
    assert [len(one.sources) for one in above] == [2, 2, 2]
    assert [one.data["open"] for one in above] == [False] * 3
    assert all(one.text == ABOVE + str(one.key) for one in above)


def test_by_rule_a_summary_is_made_of_what_was_said_and_by_whom(
    make: Make, clock: SimulatedClock
) -> None:
    memory = make(stores=[SummaryStore()])
    memory.add(Turn(observation="Hi! Rex the beagle barks at the neighbours.", speaker="ann"))
    memory.add(Turn(observation="He sleeps in the green kitchen basket.", speaker="ann"))
    (one,) = summaries(memory, 1)
    assert "ann: Rex the beagle barks at the neighbours." in one.text
    assert "ann: He sleeps in the green kitchen basket." in one.text


def test_the_model_gets_the_summary_so_far_and_the_turn(make: Make, clock: SimulatedClock) -> None:
    model = Scripted(text("Ann has a dog."), text("Ann has a dog, Bob a boat."))
    memory = make(stores=[SummaryStore(by="model")], **asking(model))
    ids = say(memory, clock, SAID[:2])
    memory.extract()
    (one,) = summaries(memory, 1)
    assert (one.text, one.sources) == ("Ann has a dog, Bob a boat.", tuple(ids))
    assert "(nothing yet)" in model.asked[0]
    assert "Ann has a dog." in model.asked[1]
    assert SAID[1] in model.asked[1]
    assert "at most 60 tokens" in model.asked[1]


def test_a_reply_of_20000_tokens_is_cut_to_sixty_at_a_word(
    make: Make, clock: SimulatedClock
) -> None:
    model = Scripted(text("elephants walk " * 10_000))
    memory = make(stores=[SummaryStore(by="model")], **asking(model))
    say(memory, clock, SAID[:1])
    memory.extract()
    (one,) = summaries(memory, 1)
    assert count_tokens(one.text) == 60
    assert one.text.endswith((" elephants", " walk"))


@pytest.mark.parametrize("bad", ["", "A dog barks.", '{"summary": "x"}', text("  "), text("")])
def test_a_reply_that_is_no_summary_leaves_the_turn_and_the_summary_as_they_were(
    make: Make, clock: SimulatedClock, bad: Any
) -> None:
    model = Scripted(text("Ann has a dog."), bad, bad, text("Ann has a dog, Bob a boat."))
    memory = make(stores=["chunk", SummaryStore(by="model")], **asking(model))
    ids = say(memory, clock, SAID[:2])
    done = memory.extract()
    assert (done.done, done.failed) == (1, 1)
    assert [one.text for one in summaries(memory, 1)] == ["Ann has a dog."]
    assert memory.get(ids[1]).text == SAID[1]
    model.replies = [text("Ann has a dog, Bob a boat.")]
    assert memory.extract(retry=True).failed == 0
    assert summaries(memory, 1)[0].sources == tuple(ids)


def test_what_was_forgotten_is_in_no_summary(make: Make, clock: SimulatedClock) -> None:
    memory = make(stores=[SummaryStore(span=2, max_tokens=200)])
    ids = say(memory, clock, SAID)
    assert "Zanzibara" in summaries(memory, 1)[1].text
    assert "Zanzibara" in summaries(memory, 2)[0].text
    memory.forget(ids[2])
    assert "Zanzibara" not in "".join(
        one.text for level in (1, 2) for one in summaries(memory, level)
    )
    assert summaries(memory, 1)[1].sources == (ids[3],)
    assert "accountant" in summaries(memory, 2)[0].text
    memory.restore(ids[2])
    assert any("Zanzibara" in one.text for one in summaries(memory, 1))


@given(gone=st.integers(0, 3))
@settings(max_examples=4, deadline=None)
def test_by_rule_it_is_as_if_what_was_forgotten_had_not_been_said(gone: int) -> None:
    def summary_of(texts: Sequence[str], forget: int | None) -> str:
        from agentmem.embed.hashing import HashEmbedder

        clock = SimulatedClock(0.0)
        options: dict[str, Any] = {"embedder": HashEmbedder(dim=64), "policies": []}
        memory = AgentMemory.open(
            ":memory:", clock=clock, stores=[SummaryStore(max_tokens=30)], **options
        )
        ids = say(memory, clock, texts)
        if forget is not None:
            memory.forget(ids[forget])
        (one,) = summaries(memory, 1)
        memory.close()
        return one.text

    rest = [one for i, one in enumerate(SAID) if i != gone]
    assert summary_of(SAID, gone) == summary_of(rest, None)


def test_a_model_makes_the_summaries_anew_without_what_was_forgotten(
    make: Make, clock: SimulatedClock
) -> None:
    model = Scripted(
        text("A dog."),
        text("A dog, a boat."),
        text("All: a dog, a boat."),
        text("Spoons."),
        text("Spoons, tax."),
        text("All: a dog, a boat, spoons, tax."),
        text("Only tax."),
        text("All: a dog, a boat, tax."),
    )
    memory = make(stores=[SummaryStore(by="model", span=2)], **asking(model))
    ids = say(memory, clock, SAID)
    memory.extract()
    memory.forget(ids[2])
    memory.extract()
    assert [one.text for one in summaries(memory, 1)] == ["A dog, a boat.", "Only tax."]
    assert [one.text for one in summaries(memory, 2)] == [ABOVE + "All: a dog, a boat, tax."]
    assert all("Zanzibara" not in asked for asked in model.asked[6:])
    assert "A dog, a boat.\nOnly tax." in model.asked[7]
    assert model.replies == []


def test_an_erased_turn_leaves_no_byte_in_summaries(
    make: Make, clock: SimulatedClock, tmp_path: Path
) -> None:
    path = tmp_path / "m.db"
    memory = make(path, stores=[SummaryStore(span=3, max_tokens=200)])
    ids = say(memory, clock, SAID)
    ids += say(memory, clock, [text.replace("Zanzibara", "Olga") + " Really." for text in SAID[:3]])
    memory.erase(ids[2])
    left = "".join(one.text for level in (1, 2) for one in summaries(memory, level))
    assert "Zanzibara" not in left
    cited = {name for one in summaries(memory, 1) for name in one.sources}
    assert cited == {*ids[:2], *ids[3:]}
    below = {one.id for one in summaries(memory, 1) if not one.data["open"]}
    assert below == {name for one in summaries(memory, 2) for name in one.sources}
    memory.close()
    assert b"Zanzibara" not in path.read_bytes()


def test_a_summary_goes_when_nothing_is_left_of_its_turns(
    make: Make, clock: SimulatedClock
) -> None:
    memory = make(stores=[SummaryStore(span=2)])
    ids = say(memory, clock, SAID)
    memory.forget(*ids)
    assert summaries(memory, 1) + summaries(memory, 2) == []


def test_a_policy_that_archives_turns_leaves_a_lasting_summary(
    make: Make, clock: SimulatedClock
) -> None:
    for lasting in (True, False):
        store = SummaryStore(max_tokens=200, lasting=lasting)
        policies = [{"window": {"n": 3, "remove": True}}]
        memory = make(stores=["chunk", store], policies=policies)
        say(memory, clock, SAID)
        memory.apply(memory.plan(), allow_mass=True)
        found = [hit.text for hit in memory.search("summary", k=9, where={"kind": "summary"})]
        assert ["beagle" in one for one in found] == [lasting]


def test_a_reply_that_only_repeats_what_was_recalled_is_not_summed_up(
    make: Make, clock: SimulatedClock
) -> None:
    memory = make(stores=[SummaryStore()])
    (old,) = memory.add(SAID[0])
    before = summaries(memory, 1)
    memory.add(Turn(observation="", reply=SAID[0][5:], recalled=(old,), name="ann"))
    assert [one.text for one in summaries(memory, 1)] == [one.text for one in before]


@given(said=st.text(max_size=300), most=st.integers(1, 30))
@settings(max_examples=60, deadline=None)
def test_clip_is_a_beginning_within_the_bound(said: str, most: int) -> None:
    cut = clip(said, most)
    assert said.startswith(cut)
    assert count_tokens(cut) <= most
    assert len(cut) <= most * LETTERS
    fits = count_tokens(said) <= most and len(said) <= most * LETTERS
    assert (cut == said) == fits or not said[len(cut) :].strip()


def test_clip_cuts_a_word_that_is_too_long_by_itself() -> None:
    cut = clip("x" * 5_000, 10)
    assert 0 < len(cut) <= 120
    assert count_tokens(cut) <= 10
    assert clip("one two three", 2) == "one two"


def test_statements_name_who_said_them() -> None:
    said = "ann: Hi! I am off.\nbob: Where to?\nno name here"
    assert statements(said) == ["ann: Hi!", "ann: I am off.", "bob: Where to?", "no name here."]
    assert opening(said) == "Hi! I am off.\n"
    assert opening("nobody speaks") == "nobody speaks"


@pytest.mark.parametrize("options", [{"span": 1}, {"max_tokens": 0}, {"by": "hand"}])
def test_an_option_out_of_range_is_named(options: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match=f"summary.{next(iter(options))}"):
        SummaryStore(**options)
