from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentmem.clock import EARLIEST, LATEST
from agentmem.errors import InputError
from agentmem.extract.dates import Interval, event, mentions_time, spans

NOW = datetime(2023, 6, 14, 15, tzinfo=UTC).timestamp()  # a Wednesday
DAY = 86400.0
MOMENTS = st.integers(-2_000_000_000, 8_000_000_000).map(float)  # the years 1906 to 2223
ZONES = st.sampled_from(
    [UTC, *map(ZoneInfo, ("Europe/Berlin", "America/Sao_Paulo", "Pacific/Apia", "Asia/Kolkata"))]
)


def at(moment: str) -> float:
    return datetime.fromisoformat(moment).replace(tzinfo=UTC).timestamp()


@pytest.mark.parametrize(
    ("text", "said", "start", "end", "granularity"),
    [
        ("yesterday", "", "2023-06-13", "2023-06-14", "day"),
        (
            "I came Yesterday morning.",
            "Yesterday morning",
            "2023-06-13 06:00",
            "2023-06-13 12:00",
            "part of day",
        ),
        ("later today", "", "2023-06-14", "2023-06-15", "day"),
        ("tonight", "", "2023-06-14 18:00", "2023-06-15 06:00", "part of day"),
        ("this morning", "", "2023-06-14 06:00", "2023-06-14 12:00", "part of day"),
        ("last night", "", "2023-06-13 18:00", "2023-06-14 06:00", "part of day"),
        ("the day before yesterday", "", "2023-06-12", "2023-06-13", "day"),
        ("the day after tomorrow", "", "2023-06-16", "2023-06-17", "day"),
        ("last week", "", "2023-06-05", "2023-06-12", "week"),
        ("this week", "", "2023-06-12", "2023-06-19", "week"),
        ("next month", "", "2023-07-01", "2023-08-01", "month"),
        ("last year", "", "2022-01-01", "2023-01-01", "year"),
        ("last decade", "", "2010-01-01", "2020-01-01", "decade"),
        ("last weekend", "", "2023-06-10", "2023-06-12", "weekend"),
        ("the weekend before last", "", "2023-06-03", "2023-06-05", "weekend"),
        ("the Friday before last", "", "2023-06-02", "2023-06-03", "day"),
        ("the night before last", "", "2023-06-12 18:00", "2023-06-13 06:00", "part of day"),
        ("last Friday", "", "2023-06-09", "2023-06-10", "day"),
        ("Last Fri I ran", "Last Fri", "2023-06-09", "2023-06-10", "day"),
        ("last Wednesday", "", "2023-06-07", "2023-06-08", "day"),
        ("this Friday", "", "2023-06-16", "2023-06-17", "day"),
        ("next Wednesday", "", "2023-06-21", "2023-06-22", "day"),
        ("Tuesday evening", "", "2023-06-13 18:00", "2023-06-14", "part of day"),
        ("We'll meet on Friday.", "on Friday", "2023-06-16", "2023-06-17", "day"),
        ("We met on Friday. I will call.", "on Friday", "2023-06-09", "2023-06-10", "day"),
        ("hit by a car on friday", "on friday", "2023-06-09", "2023-06-10", "day"),
        ("two weeks ago", "", "2023-05-29", "2023-06-05", "week"),
        ("about 3 days ago", "", "2023-06-11", "2023-06-12", "day"),
        ("a month ago", "", "2023-05-01", "2023-06-01", "month"),
        ("a couple of years ago", "", "2021-01-01", "2022-01-01", "year"),
        ("a few days ago", "", "2023-06-09", "2023-06-13", "range"),
        ("several months ago", "", "2022-11-01", "2023-04-01", "range"),
        ("three hours ago", "", "2023-06-14 11:30", "2023-06-14 12:30", "range"),
        ("two weekends ago", "", "2023-06-03", "2023-06-05", "weekend"),
        ("two days from now", "", "2023-06-16", "2023-06-17", "day"),
        ("We'll go in two weeks", "in two weeks", "2023-06-26", "2023-07-03", "week"),
        ("the past three days", "", "2023-06-11", "2023-06-14 15:00", "range"),
        ("the past week", "", "2023-06-07", "2023-06-14 15:00", "range"),
        ("over the last 2 months", "", "2023-04-14", "2023-06-14 15:00", "range"),
        ("the last two hours", "", "2023-06-14 13:00", "2023-06-14 15:00", "range"),
        ("next few days", "", "2023-06-14 15:00", "2023-06-20", "range"),
        ("in May 2023", "", "2023-05-01", "2023-06-01", "month"),
        ("in may", "", "2023-05-01", "2023-06-01", "month"),
        ("in December?", "in December", "2022-12-01", "2023-01-01", "month"),
        ("last June", "", "2022-06-01", "2022-07-01", "month"),
        ("this June", "", "2023-06-01", "2023-07-01", "month"),
        ("next May", "", "2024-05-01", "2024-06-01", "month"),
        ("May 8", "", "2023-05-08", "2023-05-09", "day"),
        ("Sept. 5th", "", "2022-09-05", "2022-09-06", "day"),
        ("the exam is due on September 5", "on September 5", "2023-09-05", "2023-09-06", "day"),
        ("February 29", "", "2020-02-29", "2020-03-01", "day"),
        ("8 May, 2023", "", "2023-05-08", "2023-05-09", "day"),
        ("the 8th of may 2023", "", "2023-05-08", "2023-05-09", "day"),
        ("May 3-8, 2023", "", "2023-05-03", "2023-05-09", "range"),
        ("2023-05-08", "", "2023-05-08", "2023-05-09", "day"),
        ("2023/05/08.", "2023/05/08", "2023-05-08", "2023-05-09", "day"),
        ("2023-05-08T13:56:07.5+02:00", "", "2023-05-08 11:56", "2023-05-08 11:57", "minute"),
        ("2023-05-08 13:56", "", "2023-05-08 13:56", "2023-05-08 13:57", "minute"),
        ("05/08/2023", "", "2023-05-08", "2023-05-09", "day"),
        ("25/08/2023", "", "2023-08-25", "2023-08-26", "day"),
        ("08.05.2023", "", "2023-05-08", "2023-05-09", "day"),
        ("last summer", "", "2022-06-01", "2022-09-01", "season"),
        ("this summer", "", "2023-06-01", "2023-09-01", "season"),
        ("in the winter", "", "2022-12-01", "2023-03-01", "season"),
        ("the fall of 2020", "", "2020-09-01", "2020-12-01", "season"),
        ("in 2020", "", "2020-01-01", "2021-01-01", "year"),
        ("the 1990s", "", "1990-01-01", "2000-01-01", "decade"),
        ("early May", "", "2023-05-01", "2023-05-11 08:00", "range"),
        ("the end of last year", "", "2022-09-01 08:00", "2023-01-01", "range"),
        ("mid-2020", "", "2020-05-02", "2020-09-01", "range"),
        ("between March and May", "", "2023-03-01", "2023-06-01", "range"),
        ("between March and May 2021", "", "2021-03-01", "2021-06-01", "range"),
        ("from May 2021 to March", "", "2021-05-01", "2022-04-01", "range"),
        ("between November and February", "", "2022-11-01", "2023-03-01", "range"),
        ("from 2019 to 2021", "", "2019-01-01", "2022-01-01", "range"),
        ("from Monday through Friday", "", "2023-06-12", "2023-06-17", "range"),
        ("since June", "", "2023-06-01", "2023-06-14 15:00", "range"),
        ("since last Friday", "", "2023-06-09", "2023-06-14 15:00", "range"),
        ("around 1:56 pm on 8 May, 2023", "", "2023-05-08 13:56", "2023-05-08 13:57", "minute"),
        ("8 May 2023 at 12 a.m.", "", "2023-05-08", "2023-05-08 01:00", "hour"),
        ("at 15:30 yesterday", "", "2023-06-13 15:30", "2023-06-13 15:31", "minute"),
        ("tomorrow morning at 9 am", "", "2023-06-15 09:00", "2023-06-15 10:00", "hour"),
        ("at 3pm", "", "2023-06-14 15:00", "2023-06-14 16:00", "hour"),
    ],
)
def test_what_a_phrase_means(text: str, said: str, start: str, end: str, granularity: str) -> None:
    (found,) = spans(text, NOW)
    assert text[slice(*found.span)] == (said or text)
    assert (found.start, found.end, found.granularity) == (at(start), at(end), granularity)
    assert mentions_time(text)


@pytest.mark.parametrize(
    ("text", "start", "end"),
    [
        ("until 2021", EARLIEST, at("2022-01-01")),
        ("by Friday", EARLIEST, at("2023-06-17")),
        ("before May 8, 2023", EARLIEST, at("2023-05-08")),
        ("after yesterday", at("2023-06-14"), LATEST),
    ],
)
def test_open_sides_reach_the_edge_of_the_calendar(text: str, start: float, end: float) -> None:
    assert spans(text, NOW) == (Interval(start, end, (0, len(text)), "range"),)


@pytest.mark.parametrize(
    "text",
    [
        "may I", "May I come in?", "you may 2 go", "this may be", "Anna and May went", "he may",
        "march on", "I march 8 miles", "a second", "in a second", "the second one", "10/10",
        "version 3.11.7", "v2020.1", "version 1.2.2023", "release 1.2.2023", "192.168.20.20",
        "2020 people", "in 2000 steps", "room 2020", "$2020", "555-2019", "2023-02-31", "13 pm",
        "at 25:00", "score 3:2", "1.2.3", "sun", "on sun", "Sun", "Sat down", "april",
        "the fall of Rome", "I fall down",
        "spring water", "Black Friday", "I learnt it in two weeks", "the last week of school",
        "back again", "now", "day", "from here to there", "before lunch", "since you asked",
        "February 30", "between us and May", "", "in the fallout",
        "the end of the line", "since tomorrow", "between tomorrow and yesterday", "0 am",
        "800 decades from now and 999 decades ago", "the week before last one 40.5 days ago",
    ],
)  # fmt: skip
def test_no_false_alarm(text: str) -> None:
    if text.startswith(("between tom", "since tom")):  # turned round: only the words are times
        assert {i.granularity for i in spans(text, NOW)} == {"day"}
    elif text.startswith("the week"):
        assert [i.granularity for i in spans(text, NOW)] == ["week"]
    else:
        assert spans(text, NOW) == ()
        assert not mentions_time(text)


def test_several_times_in_order() -> None:
    text = "Last Friday I ran; in May 2022 I could not. See you at 5 pm or in winter 2024."
    said = [text[slice(*found.span)] for found in spans(text, NOW)]
    assert said == ["Last Friday", "in May 2022", "at 5 pm", "in winter 2024"]


def test_the_event_is_the_most_specific_time() -> None:
    found = event("In 2023, on May 8, I ran.", NOW)
    assert found is not None
    assert found.granularity == "day"
    assert event("I run.", NOW) is None


def test_day_first_reads_as_the_world_writes() -> None:
    (found,) = spans("05/08/2023", NOW, day_first=True)
    assert found.start == at("2023-08-05")
    (found,) = spans("05/25/2023", NOW, day_first=True)
    assert found.start == at("2023-05-25")


def test_days_are_those_of_the_time_zone() -> None:
    berlin = ZoneInfo("Europe/Berlin")
    late = datetime(2023, 6, 14, 23, tzinfo=UTC).timestamp()  # the 15th in Berlin
    (found,) = spans("yesterday", late, berlin)
    assert found.start == datetime(2023, 6, 14, tzinfo=berlin).timestamp()


def test_a_skipped_hour_and_a_skipped_day() -> None:
    berlin, apia = ZoneInfo("Europe/Berlin"), ZoneInfo("Pacific/Apia")
    (found,) = spans("at 2 am on 26 March 2023", NOW, berlin)
    assert found.end - found.start == 3600.0
    (found,) = spans("26 March 2023", NOW, berlin)
    assert found.end - found.start == 23 * 3600.0
    assert spans("2011-12-30", NOW, apia) == ()


@pytest.mark.parametrize("now", [float("nan"), float("inf"), 1e15])
def test_a_moment_that_is_none_is_refused(now: float) -> None:
    with pytest.raises(InputError):
        spans("yesterday", now)
    with pytest.raises(InputError, match="outside the years 1 to 9999 in Pacific/Apia"):
        spans("yesterday", LATEST, ZoneInfo("Pacific/Apia"))


@pytest.mark.parametrize("now", [EARLIEST, LATEST])
def test_the_edges_of_the_calendar(now: float) -> None:
    text = (
        "last year, next year, 3 decades ago, last Friday, early May; by May, from last week to May"
    )
    assert all(found.start < found.end for found in spans(text, now))
    assert all(found.start < found.end for found in spans("by May", now))


@given(MOMENTS, ZONES)
def test_relative_phrases_hold_the_right_moment(now: float, tz: ZoneInfo) -> None:
    here = datetime.fromtimestamp(now, tz).replace(tzinfo=None)

    def noon(days: int) -> float:
        day = datetime.combine(here.date() + timedelta(days=days), datetime.min.time())
        return day.replace(hour=12, tzinfo=tz).timestamp()

    for text, days in {
        "yesterday": -1, "today": 0, "tomorrow": 1, "5 days ago": -5, "last week": -7,
        "two weeks ago": -14, "this week": 0, "this month": 0, "this year": 0, "past 3 days": -2,
        "a few days ago": -3, "next week": 7, "the day before yesterday": -2,
    }.items():  # fmt: skip
        found = spans(text, now, tz)
        if not found:  # the day that Samoa skipped
            assert "Apia" in str(tz)
            continue
        assert found[0].start <= noon(days) < found[0].end, text
        assert found[0].span == (0, len(text))


@given(MOMENTS, st.sampled_from(["Monday", "Thursday", "Sunday"]))
def test_weekdays_fall_on_their_day_on_their_side(now: float, weekday: str) -> None:
    for text in (f"last {weekday}", f"next {weekday}", f"this {weekday}", weekday):
        (found,) = spans(text, now)
        assert datetime.fromtimestamp(found.start, UTC).strftime("%A") == weekday
        if text.startswith("last"):
            assert now - 8 * DAY < found.start < found.end <= now
        elif text.startswith("next"):
            assert now < found.start <= now + 7 * DAY
        elif text == weekday:
            assert now - 7 * DAY < found.start <= now


WORDS = """
last next this past the in on since until between from and to before after week weekend month year
days May march Friday summer 2020 2023-05-08 8 8th 3 pm at 10:30 ago two a few early end of mid
yesterday night morning , . - decade hours by over February 29 31
"""


@given(st.lists(st.sampled_from(WORDS.split()), max_size=14), MOMENTS, ZONES)
def test_intervals_and_spans_are_sound(said: list[str], now: float, tz: ZoneInfo) -> None:
    text = " ".join(said)
    after = 0
    found = spans(text, now, tz)
    for one in found:
        assert one.start < one.end
        assert after <= one.span[0] < one.span[1] <= len(text)
        assert text[slice(*one.span)].strip() == text[slice(*one.span)]
        after = one.span[1]
    best = event(text, now, tz)
    assert (best in found) if found else best is None


@pytest.mark.parametrize("unit", ["last ", "1 ", "since ", " ", "between May ", "2020 "])
def test_hostile_text_takes_linear_time(unit: str) -> None:
    text = (unit * 40_000)[:40_000]
    before = time.perf_counter()
    spans(text, NOW)
    assert time.perf_counter() - before < 5.0  # below 0.5 s; quadratic would take minutes
