"""A diary by days: when it is written, what it rests on, and that it forgets."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from agentmem import AgentMemory, Record, SimulatedClock
from agentmem.errors import ConfigError
from agentmem.stores.diary import DiaryStore
from agentmem.text import count_tokens
from tests.conftest import DAY, Make
from tests.scripted import Scripted, asking

MIDNIGHT = 1_700_006_400.0  # 2023-11-15, 00:00 UTC
DAYS = [
    ["ann: Rex the beagle barks at the neighbours every morning.", "bob: My beagle barks as well."],
    [
        "ann: Grandmother Zanzibara hid seven silver spoons under the kitchen floor.",
        "ann: The beagle sleeps in the green kitchen basket all afternoon.",
    ],
    ["bob: The accountant wants every receipt for the tax return by April."],
    ["ann: I bought a sailing boat in Lisbon for the summer."],
]
LEVELS = ("day", "insight", "global", "portrait")


def entries(memory: AgentMemory, level: str) -> list[Record]:
    where = {"kind": "diary", "data.level": level}
    hits = memory.search(k=200, where=where, reinforce=False)
    return sorted((hit.record for hit in hits), key=lambda one: one.data.get("date", ""))


def diary(memory: AgentMemory) -> str:
    return "\n".join(one.text for level in LEVELS for one in entries(memory, level))


def live(
    memory: AgentMemory, clock: SimulatedClock, days: Sequence[Sequence[str]] = DAYS
) -> list[list[str]]:
    """One day after another, a turn each hour from noon; the ids of each day."""
    ids = []
    for number, texts in enumerate(days):
        clock.set(MIDNIGHT + number * DAY + DAY / 2)
        ids.append([])
        for one in texts:
            clock.advance("1h")
            ids[-1] += memory.add(one)
    return ids


def text(value: str) -> dict[str, str]:
    return {"text": value}


def test_a_day_is_written_up_when_the_next_one_begins(make: Make, clock: SimulatedClock) -> None:
    memory = make(stores=[DiaryStore()])
    first = memory.add(DAYS[0][0], event_time=MIDNIGHT)
    assert diary(memory) == ""
    ids = live(memory, clock, [DAYS[0][1:], *DAYS[1:]])
    days = entries(memory, "day")
    assert [one.data["date"] for one in days] == ["2023-11-15", "2023-11-16", "2023-11-17"]
    assert days[0].sources == (*first, *ids[0])
    assert days[0].text.startswith("2023-11-15: ann: Rex the beagle barks")
    insights = entries(memory, "insight")
    assert insights[0].sources == days[0].sources
    (whole,) = entries(memory, "global")
    (portrait,) = entries(memory, "portrait")
    assert whole.sources == tuple(one.id for one in days)
    assert portrait.sources == tuple(one.id for one in insights)
    assert whole.text.startswith("All days to 2023-11-17: ")
    assert all(count_tokens(one.text) < 200 for level in LEVELS for one in entries(memory, level))


def test_row_1_what_was_forgotten_is_in_no_summary_and_no_portrait(
    make: Make, clock: SimulatedClock
) -> None:
    memory = make(stores=[DiaryStore()])
    ids = live(memory, clock)
    for level in LEVELS:
        assert "Zanzibara" in "".join(one.text for one in entries(memory, level)), level
    memory.forget(ids[1][0])
    assert "Zanzibara" not in diary(memory)
    assert "spoons" not in str([one.data for level in LEVELS for one in entries(memory, level)])
    assert [one.sources for one in entries(memory, "day")][1] == (ids[1][1],)
    memory.restore(ids[1][0])
    assert diary(memory).count("Zanzibara") >= 3


def test_a_day_of_which_nothing_is_left_is_in_no_entry(make: Make, clock: SimulatedClock) -> None:
    memory = make(stores=[DiaryStore()])
    ids = live(memory, clock)
    memory.forget(*ids[1])
    assert [one.data["date"] for one in entries(memory, "day")] == ["2023-11-15", "2023-11-17"]
    assert len(entries(memory, "insight")) == 2
    assert "2023-11-16" not in diary(memory)
    (whole,) = entries(memory, "global")
    assert whole.sources == tuple(one.id for one in entries(memory, "day"))


def test_an_erased_turn_leaves_no_byte_in_the_diary(
    make: Make, clock: SimulatedClock, tmp_path: Path
) -> None:
    path = tmp_path / "m.db"
    memory = make(path, stores=[DiaryStore()])
    ids = live(memory, clock)
    memory.erase(ids[1][0])
    assert "Zanzibara" not in diary(memory)
    assert [one.sources for one in entries(memory, "day")] == [
        tuple(ids[0]),
        (ids[1][1],),
        tuple(ids[2]),
    ]
    for above, below in (("global", "day"), ("portrait", "insight")):
        (whole,) = entries(memory, above)
        assert set(whole.sources) == {one.id for one in entries(memory, below)}
    memory.close()
    assert b"Zanzibara" not in path.read_bytes()


def test_a_turn_that_comes_late_has_its_day_written_again(
    make: Make, clock: SimulatedClock
) -> None:
    memory = make(stores=[DiaryStore()])
    ids = live(memory, clock)
    late = memory.add("ann: A zeppelin landed in the orchard.", event_time=MIDNIGHT + 60.0)
    first = entries(memory, "day")[0]
    assert set(first.sources) == {*ids[0], *late}
    assert "zeppelin" in first.text
    assert len(entries(memory, "global")) == 1
    older = memory.add("ann: An omen appeared in the sky.", event_time=MIDNIGHT - DAY)
    assert entries(memory, "day")[0].sources == tuple(older)
    assert len(entries(memory, "global")[0].sources) == 4


def test_days_that_were_missed_are_written_one_with_each_turn(
    make: Make, clock: SimulatedClock, tmp_path: Path
) -> None:
    path = tmp_path / "m.db"
    plain = make(path)
    live(plain, clock)
    plain.close()
    memory = make(path, stores=[DiaryStore()])
    written = []
    for number in range(4):
        clock.advance("1m")
        memory.add(f"bob: remark number {number}")
        written.append(len(entries(memory, "day")))
    assert written == [1, 2, 3, 3]


def test_a_day_ends_at_midnight_where_the_person_lives(make: Make, clock: SimulatedClock) -> None:
    memory = make(stores=[DiaryStore(utc_offset=5.5)])
    memory.add("ann: Rex barks at neighbours.", event_time=MIDNIGHT + 18.4 * 3600)
    memory.add("ann: Rex sleeps in baskets.", event_time=MIDNIGHT + 18.6 * 3600)
    (day,) = entries(memory, "day")
    assert day.data["date"] == "2023-11-15"
    memory.add("ann: Rex eats breakfast.", event_time=MIDNIGHT + 43 * 3600)
    assert [one.data["date"] for one in entries(memory, "day")] == ["2023-11-15", "2023-11-16"]


def test_the_whole_rests_on_the_newest_days(make: Make, clock: SimulatedClock) -> None:
    memory = make(stores=[DiaryStore(days=2)])
    live(memory, clock)
    days = entries(memory, "day")
    assert len(days) == 3
    assert entries(memory, "global")[0].sources == tuple(one.id for one in days[1:])


def test_by_rule_the_portrait_is_what_comes_back_on_most_days(
    make: Make, clock: SimulatedClock
) -> None:
    memory = make(stores=[DiaryStore()])
    days = [["ann: I love chess."], ["ann: We played chess."], ["ann: I saw Paris."], ["bob: Bye."]]
    live(memory, clock, days)
    (portrait,) = entries(memory, "portrait")
    assert portrait.text.startswith("Portrait: ")
    assert "chess" in portrait.data["phrases"][0]


def test_a_model_writes_four_texts_a_day(make: Make, clock: SimulatedClock) -> None:
    model = Scripted(text("Dogs."), text("All: dogs."), text("Calm."), text("A calm person."))
    memory = make(stores=[DiaryStore(by="model")], **asking(model))
    live(memory, clock, DAYS[:2])
    done = memory.extract()
    assert (done.done, done.failed, model.replies) == (3 + 1, 0, [])
    assert [entries(memory, level)[0].text for level in LEVELS] == [
        "2023-11-15: Dogs.",
        "2023-11-15, on their mind: Calm.",
        "All days to 2023-11-15: All: dogs.",
        "Portrait: A calm person.",
    ]
    assert "\n".join(DAYS[0]) in model.asked[0]
    assert "2023-11-15: Dogs." in model.asked[1]
    assert "\n".join(DAYS[0]) in model.asked[2]
    assert "Calm." in model.asked[3]


def test_a_model_writes_anew_what_rested_on_a_forgotten_turn(
    make: Make, clock: SimulatedClock
) -> None:
    model = Scripted(*(text(f"Text {n}.") for n in range(12)))
    memory = make(stores=[DiaryStore(by="model")], **asking(model))
    ids = live(memory, clock, DAYS[:3])
    memory.extract()
    asked = len(model.asked)
    assert asked == 8
    memory.forget(ids[1][0])
    memory.extract()
    assert len(model.asked) == asked + 4
    assert all("Zanzibara" not in one for one in model.asked[asked:])
    assert DAYS[1][1] in model.asked[asked]
    assert entries(memory, "day")[1].text == "2023-11-16: Text 8."
    assert entries(memory, "portrait")[0].text == "Portrait: Text 11."


@pytest.mark.parametrize("bad", ["", "A fine day.", '{"day": "fine"}', text(" "), "word " * 20_000])
def test_a_reply_that_is_no_entry_leaves_the_day_owed_and_the_turns_kept(
    make: Make, clock: SimulatedClock, bad: Any
) -> None:
    model = Scripted(bad, bad)
    memory = make(stores=["chunk", DiaryStore(by="model")], **asking(model))
    ids = live(memory, clock, [DAYS[0], DAYS[2]])
    assert memory.extract().failed == 1
    assert diary(memory) == ""
    assert memory.get(ids[0][0]).text == DAYS[0][0]
    model.replies = [text("Dogs."), text("All: dogs."), text("Calm."), text("A calm person.")]
    memory.extract(retry=True)
    assert "2023-11-15: Dogs." in diary(memory)


def test_a_long_reply_is_cut(make: Make, clock: SimulatedClock) -> None:
    model = Scripted(*[text("elephants walk " * 10_000)] * 4)
    memory = make(stores=[DiaryStore(by="model", max_tokens=20)], **asking(model))
    live(memory, clock, DAYS[:2])
    memory.extract()
    (day,) = entries(memory, "day")
    assert count_tokens(day.text.removeprefix("2023-11-15: ")) == 20


@pytest.mark.parametrize("options", [{"utc_offset": 15.0}, {"days": 0}, {"max_tokens": 1}])
def test_an_option_out_of_range_is_named(options: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match=f"diary.{next(iter(options))}"):
        DiaryStore(**options)
