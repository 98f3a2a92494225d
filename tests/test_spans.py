"""Segments, sessions and windows: what is put together, what it is found by, what comes back."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agentmem import AgentMemory, Change, Record, SimulatedClock
from agentmem.core import Task
from agentmem.embed.hashing import HashEmbedder
from agentmem.errors import ConfigError
from agentmem.steps import Steps, run
from agentmem.stores.diary import DiaryStore
from agentmem.stores.spans import GROUP, SegmentStore, SessionStore, SpanStore, WindowStore
from agentmem.stores.summary import SummaryStore
from agentmem.structure import Around, Store
from tests.conftest import DAY, START, Make
from tests.scripted import Scripted, asking

DOGS = [
    "ann: my dog Rex is a beagle and the beagle loves long walks in the forest",
    "bob: a beagle has a fine nose, does Rex follow every scent in the forest?",
    "ann: yes, Rex follows the scent of rabbits, and the leash holds the beagle back",
    "bob: a long leash is good for a beagle with such a nose for rabbits",
]
TAXES = [
    "ann: by the way, I must file the tax return before the deadline in April",
    "bob: did you collect every receipt and invoice for the tax office?",
    "ann: the invoice folder is full, and the receipt of the accountant is missing",
    "bob: ask the accountant, the tax office wants each receipt before the deadline",
]
SHORT = {"min_words": 20, "max_words": 300}
WORDS = ["ax", "by", "cz", "dw", "ev", "fu", "gt", "hs"]
BAD = ["", "I would say yes.", '{"same": 1}', '{"same_topic": "yes"}', "word " * 20_000]


def records(memory: AgentMemory, kind: str) -> list[Record]:
    hits = memory.search(k=200, where={"kind": kind}, reinforce=False)
    return sorted((hit.record for hit in hits), key=lambda one: (one.created, one.turn))


def say(memory: AgentMemory, clock: SimulatedClock, texts: Sequence[str]) -> list[str]:
    """Adds the texts ten seconds apart; their ids."""
    ids = []
    for text in texts:
        clock.advance(10.0)
        ids += memory.add(text)
    return ids


def sizes(memory: AgentMemory, kind: str = "segment") -> list[int]:
    return [len(one.sources) for one in records(memory, kind)]


def test_row_9_retrieval_returns_the_original_byte_for_byte(
    make: Make, clock: SimulatedClock
) -> None:
    memory = make(stores=[SegmentStore(keep=0.5)])
    said = ["ann: The  cat\tsat —\n\non the “mat” ☕, e\u0301 and é. ", "bob: Is it so?!"]
    say(memory, clock, said)
    (hit,) = memory.search("cat mat")
    assert hit.text.encode() == "\n".join(said).encode()
    assert hit.record.key is not None
    assert len(hit.record.key.split()) < len(hit.text.split())


def test_row_9_a_turn_that_joins_a_segment_is_compressed_into_its_key(
    make: Make, clock: SimulatedClock
) -> None:
    memory = make(stores=[SegmentStore(keep=0.6)])
    say(memory, clock, DOGS[:1])
    (before,) = records(memory, "segment")
    say(memory, clock, DOGS[1:])
    (after,) = records(memory, "segment")
    assert after.id == before.id
    assert after.text == "\n".join(DOGS)
    assert after.key is not None
    assert "rabbits" in after.key
    words = len(after.text.split())
    assert len(after.key.split()) <= 0.7 * words
    assert [tag in after.key for tag in ("ann:", "bob:")] == [True, True]


@pytest.mark.parametrize("bad", BAD)
def test_row_9_malformed_json_falls_back_to_groups_of_three(
    make: Make, clock: SimulatedClock, bad: str
) -> None:
    model = Scripted(*[bad] * 40)
    memory = make(stores=["chunk", SegmentStore(by="model")], **asking(model))
    say(memory, clock, DOGS + TAXES[:3])
    done = memory.extract()
    assert (done.failed, done.pending) == (0, 0)
    assert sizes(memory) == [3, 3, 1]
    assert len(records(memory, "chunk")) == 7


def test_row_9_a_model_tells_whether_a_turn_goes_on_with_the_topic(
    make: Make, clock: SimulatedClock
) -> None:
    answers = [True, True, True, False, True, True, True]
    model = Scripted(*({"same_topic": answer} for answer in answers))
    memory = make(stores=[SegmentStore(by="model")], **asking(model))
    say(memory, clock, DOGS + TAXES)
    memory.extract()
    assert [one.text for one in records(memory, "segment")] == ["\n".join(DOGS), "\n".join(TAXES)]
    assert model.replies == []
    assert "\n".join(DOGS) in model.asked[3]
    assert TAXES[0] in model.asked[3]


def divided(reply: Any, make: Make, clock: SimulatedClock) -> list[int]:
    """The segments that four turns fall into, told by a model once a fifth has been erased."""
    model = Scripted(*[{"same_topic": True}] * 4, reply, reply)
    memory = make(stores=[SegmentStore(by="model")], **asking(model))
    ids = say(memory, clock, [*DOGS[:2], "ann: zanzibar", *TAXES[:2]])
    memory.extract()
    memory.erase(ids[2])
    memory.extract()
    assert f"[4] {TAXES[1]}" in model.asked[4]
    assert "zanzibar" not in model.asked[4]
    return sizes(memory)


def told(*counts: int) -> dict[str, Any]:
    return {
        "segments": [
            {"segment_id": i, "start": 1, "end": 1, "num_exchanges": n, "summary": "s"}
            for i, n in enumerate(counts)
        ]
    }


@pytest.mark.parametrize(
    ("reply", "expected"),
    [
        (told(2, 2), [2, 2]),
        (told(4), [4]),
        (told(2, 3), [3, 1]),
        (told(5, -1), [3, 1]),
        (told(), [3, 1]),
        ("Two topics: dogs, taxes.", [3, 1]),
    ],
)
def test_row_9_what_is_left_of_an_erased_segment_is_divided_by_the_model(
    make: Make, clock: SimulatedClock, reply: Any, expected: list[int]
) -> None:
    assert divided(reply, make, clock) == expected


def test_by_rule_a_segment_ends_where_the_topic_does(make: Make, clock: SimulatedClock) -> None:
    memory = make(stores=[SegmentStore(**SHORT)])
    say(memory, clock, DOGS + TAXES)
    assert [one.text for one in records(memory, "segment")] == ["\n".join(DOGS), "\n".join(TAXES)]


def test_one_topic_stays_in_one_segment_until_it_is_long(make: Make, clock: SimulatedClock) -> None:
    memory = make(stores=[SegmentStore(min_words=10, max_words=50)])
    say(memory, clock, DOGS[:3])
    assert sizes(memory) == [3]
    say(memory, clock, DOGS[3:])
    assert len(sizes(memory)) == 2


@given(
    texts=st.lists(
        st.lists(st.sampled_from(WORDS), min_size=1, max_size=9),
        min_size=1,
        max_size=12,
    ),
    max_words=st.integers(8, 30),
)
@settings(max_examples=15, deadline=None)
def test_every_turn_is_in_one_segment_and_the_order_stays(
    texts: list[list[str]], max_words: int
) -> None:
    clock = SimulatedClock(START)
    stores = [SegmentStore(min_words=4, max_words=max_words, cohesion=0.3)]
    memory = AgentMemory.open(
        ":memory:", clock=clock, policies=[], stores=stores, embedder=HashEmbedder(dim=64)
    )
    said = [f"{i}: {' '.join(text)}" for i, text in enumerate(texts)]
    ids = say(memory, clock, said)
    found = records(memory, "segment")
    memory.close()
    assert "\n".join(one.text for one in found) == "\n".join(said)
    assert [name for one in found for name in one.sources] == ids


@pytest.mark.parametrize("store", [SegmentStore(), SessionStore()])
def test_a_pause_another_source_or_an_earlier_moment_begins_a_new_record(
    make: Make, clock: SimulatedClock, store: SegmentStore | SessionStore
) -> None:
    memory = make(stores=[store])
    say(memory, clock, DOGS[:2])
    memory.add("tool: 12 degrees", source="tool")
    clock.advance(1801.0)
    say(memory, clock, DOGS[2:])
    memory.add("ann: long ago", event_time=START)
    texts = {one.text for one in records(memory, store.name)}
    assert texts == {
        "\n".join(DOGS[:2]),
        "tool: 12 degrees",
        "\n".join(DOGS[2:]),
        "ann: long ago",
    }


@pytest.mark.parametrize(
    "store",
    [SegmentStore(), SessionStore(), WindowStore(before=2), SummaryStore(), SummaryStore(span=2)],
)
def test_a_source_that_comes_twice_changes_nothing(
    make: Make, clock: SimulatedClock, store: Store
) -> None:
    memory = make(stores=[store])
    ids = say(memory, clock, DOGS)
    before = records(memory, store.kind)
    memory._engine.commit(Change(reason="again", tasks=(Task(store.kind, ids[-1]),)), at=START)
    assert memory.extract().done == 1
    assert records(memory, store.kind) == before


class Nothing:
    """What is around where every source has gone since the work was taken up."""

    def __init__(self, target: Record) -> None:
        self.target = target

    def get(self, ids: Sequence[str]) -> Steps[list[Record]]:
        yield from ()
        return []

    def matching(self, where: Any, *, kind: str | None = None) -> Steps[list[Record]]:
        return self.get([])


@pytest.mark.parametrize(
    ("store", "data"),
    [
        (SegmentStore(), {}),
        (SessionStore(), {}),
        (WindowStore(before=2), {}),
        (SummaryStore(), {"level": 1}),
        (DiaryStore(), {"level": "global"}),
        (DiaryStore(), {"level": "day", "start": 0.0, "until": DAY}),
    ],
)
def test_no_record_is_made_of_nothing(store: Store, data: dict[str, Any]) -> None:
    life = {"namespace": (), "created": START, "ingested": START, "used": START}
    new = Record(id="c", text="ann: hello", **life)
    target = Record(id="t", text="ann: hello", sources=("c",), data=data, **life)
    change = run(store.derive([new], cast(Around, Nothing(target))))
    assert (change.add, change.update) == ((), ())
    assert change.archive == (() if data.get("until") else ("t",))


@pytest.mark.parametrize("store", [SegmentStore(), SessionStore()])
def test_a_forgotten_turn_is_taken_out_of_the_text_and_the_key(
    make: Make, clock: SimulatedClock, store: SegmentStore | SessionStore
) -> None:
    memory = make(stores=[store])
    ids = say(memory, clock, DOGS)
    memory.forget(ids[1])
    (left,) = records(memory, store.name)
    assert left.text == "\n".join([DOGS[0], *DOGS[2:]])
    assert left.sources == (ids[0], *ids[2:])
    assert "follow every" not in left.found_by
    memory.forget(ids[0], *ids[2:])
    assert records(memory, store.name) == []


def test_an_erased_turn_leaves_no_byte_in_segments_sessions_and_windows(
    make: Make, clock: SimulatedClock, tmp_path: Path
) -> None:
    path = tmp_path / "m.db"
    memory = make(path, stores=[SegmentStore(), SessionStore(), WindowStore(before=2)])
    ids = say(memory, clock, ["ann: one", "bob: zanzibar", "ann: three", "bob: four"])
    memory.erase(ids[1])
    assert [one.text for one in records(memory, "segment")] == ["ann: one\nann: three\nbob: four"]
    assert [one.text for one in records(memory, "session")] == ["ann: one\nann: three\nbob: four"]
    keys = {one.text: one.key for one in records(memory, "windowed")}
    assert keys == {
        "ann: one": "ann: one",
        "ann: three": "ann: one\nann: three",
        "bob: four": "ann: three\nbob: four",
    }
    memory.close()
    assert b"zanzibar" not in path.read_bytes()


def test_a_record_is_as_important_as_its_most_important_turn(
    make: Make, clock: SimulatedClock
) -> None:
    memory = make(stores=[SegmentStore()])
    memory.add(DOGS[0], importance=0.9, valence=-1.0)
    memory.add(DOGS[1], importance=0.2, valence=0.0)
    (one,) = records(memory, "segment")
    assert one.importance == 0.9
    assert one.valence == pytest.approx(-0.5)


@dataclass(frozen=True, kw_only=True)
class Talk(SpanStore):
    name: ClassVar[str] = "talk"


def test_a_span_is_what_no_pause_divides(make: Make, clock: SimulatedClock) -> None:
    memory = make(stores=[Talk()])
    say(memory, clock, DOGS + TAXES)
    clock.advance(1801.0)
    say(memory, clock, ["ann: good morning"])
    assert sizes(memory, "talk") == [8, 1]


def test_a_long_session_goes_on_in_another_record(make: Make, clock: SimulatedClock) -> None:
    memory = make(stores=[SessionStore(max_words=40)])
    say(memory, clock, DOGS)
    assert sizes(memory, "session") == [2, 2]


def test_an_answer_is_found_by_its_question(make: Make, clock: SimulatedClock) -> None:
    memory = make(stores=[WindowStore(before=1)])
    ids = say(memory, clock, ["ann: which breed is Rex?", "bob: a beagle.", "ann: how sweet!"])
    found = {hit.text: hit.record for hit in memory.search("which breed", k=2)}
    assert set(found) == {"ann: which breed is Rex?", "bob: a beagle."}
    answer = found["bob: a beagle."]
    assert answer.sources == (ids[1], ids[0])
    assert answer.links == (ids[1],)
    assert answer.key == "ann: which breed is Rex?\nbob: a beagle."


def test_a_window_has_no_turn_from_before_a_pause_or_of_another_source(
    make: Make, clock: SimulatedClock
) -> None:
    memory = make(stores=[WindowStore(before=3)])
    say(memory, clock, ["ann: one"])
    clock.advance(1801.0)
    say(memory, clock, ["ann: two", "bob: three"])
    memory.add("log: four", source="tool")
    keys = {one.text: one.key for one in records(memory, "windowed")}
    assert keys["bob: three"] == "ann: two\nbob: three"
    assert keys["ann: two"] == "ann: two"
    assert keys["log: four"] == "log: four"


def test_a_window_goes_with_its_turn_and_its_key_with_a_neighbour(
    make: Make, clock: SimulatedClock
) -> None:
    memory = make(stores=[WindowStore(before=2)])
    ids = say(memory, clock, ["ann: one", "bob: two", "ann: three", "bob: four"])
    memory.forget(ids[1])
    keys = {one.text: one.key for one in records(memory, "windowed")}
    assert keys == {
        "ann: one": "ann: one",
        "ann: three": "ann: one\nann: three",
        "bob: four": "ann: three\nbob: four",
    }
    assert memory.get(ids[1]).status == "archived"
    memory.update(ids[2], text="ann: drei")
    keys = {one.text: one.key for one in records(memory, "windowed")}
    assert keys["ann: drei"] == "ann: one\nann: drei"
    assert keys["bob: four"] == "ann: drei\nbob: four"


@pytest.mark.parametrize(
    ("store", "options", "wrong"),
    [
        (SegmentStore, {"keep": 0.0}, "segment.keep = 0.0"),
        (SegmentStore, {"by": "magic"}, "segment.by = 'magic'"),
        (SessionStore, {"gap": -1.0}, "session.gap = -1.0"),
        (WindowStore, {"before": 0}, "windowed.before = 0"),
    ],
)
def test_an_option_out_of_range_is_named(
    store: type[Any], options: dict[str, Any], wrong: str
) -> None:
    with pytest.raises(ConfigError, match=wrong):
        store(**options)


def test_three_exchanges_are_what_secom_falls_back_to() -> None:
    assert GROUP == 3


def test_neighbours_that_are_forgotten_together_go_together(
    make: Make, clock: SimulatedClock
) -> None:
    memory = make(stores=[WindowStore(before=2)])
    ids = say(memory, clock, ["ann: one", "bob: two", "ann: three", "bob: four"])
    memory.forget(*ids[1:3])
    keys = {one.text: one.key for one in records(memory, "windowed")}
    assert keys == {"ann: one": "ann: one", "bob: four": "bob: four"}
