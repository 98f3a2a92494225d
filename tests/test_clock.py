"""Time at the border, and one body for sync and async."""

import asyncio
import threading
from datetime import UTC, datetime, timedelta, timezone

import pytest

from agentmem import AgentMemory, SimulatedClock, SystemClock
from agentmem.clock import duration, moment, seconds
from agentmem.core import Turn
from agentmem.errors import InputError
from agentmem.steps import Steps, arun, run, work
from agentmem.structure import Source
from tests.conftest import Make


def test_moments_are_aware_datetimes_or_seconds() -> None:
    there = datetime(2024, 1, 1, 2, tzinfo=timezone(timedelta(hours=2)))
    assert seconds(there) == seconds(datetime(2024, 1, 1, tzinfo=UTC)) == 1704067200.0
    assert moment(1704067200) == datetime(2024, 1, 1, tzinfo=UTC)
    assert seconds(5) == 5.0


@pytest.mark.parametrize(
    "wrong", [datetime(2024, 1, 1), "2024", None, True, float("nan"), float("inf"), 1.7e12]
)
def test_what_is_no_moment_is_refused(wrong: object) -> None:
    with pytest.raises(InputError):
        seconds(wrong)


@pytest.mark.parametrize(
    ("text", "expected"),
    [("7d", 604800), ("1.5h", 5400), (" 30 m ", 1800), ("20s", 20), ("2w", 1209600), (3, 3)],
)
def test_durations_have_units(text: object, expected: float) -> None:
    assert duration(text) == expected
    assert duration(timedelta(seconds=expected)) == expected


@pytest.mark.parametrize("wrong", ["7", "7 days", "d", "", None, True, float("nan")])
def test_what_is_no_duration_is_refused(wrong: object) -> None:
    with pytest.raises(InputError, match="not a duration"):
        duration(wrong)


def test_a_simulated_clock_moves_when_told() -> None:
    clock = SimulatedClock(datetime(2024, 1, 1, tzinfo=UTC))
    assert clock.advance("1d") == clock.now() == 1704067200 + 86400
    assert clock.set(10) == clock.now() == 10.0
    with pytest.raises(InputError, match="backwards"):
        clock.advance(-1)
    assert SystemClock().now() > 1.7e9


def test_a_body_sees_the_exception_of_its_wait_in_both_forms() -> None:
    def body() -> Steps[str]:
        try:
            yield from work(lambda: 1 // 0)
        except ZeroDivisionError:
            return (yield from work(lambda: "recovered"))
        return "unreached"

    assert run(body()) == "recovered"
    assert asyncio.run(arun(body())) == "recovered"


def test_async_calls_leave_the_event_loop_free(make: Make) -> None:
    seen: list[bool] = []

    class Slow(Source):
        name = "slow"

        def split(self, text: str) -> list[str]:
            seen.append(threading.current_thread() is threading.main_thread())
            return [text]

        def extract(self, turn: Turn) -> list[str]:
            return [str(turn)]

    memory: AgentMemory = make(stores=[Slow()])
    asyncio.run(memory.aadd("one"))
    memory.add("two")
    assert seen == [False, True]


def test_many_async_calls_at_once_all_take_effect(make: Make) -> None:
    memory = make()

    async def everything() -> list[list[str]]:
        return await asyncio.gather(*(memory.aadd(f"note number {i}") for i in range(50)))

    assert len({name for [name] in asyncio.run(everything())}) == 50
    assert memory.stats()["active"] == 50
