"""Time at the border: clocks, moments and durations.  Inside, time is float seconds, UTC."""

from __future__ import annotations

import re
import time
from datetime import UTC, datetime, timedelta
from math import isfinite

from agentmem.errors import InputError

Moment = datetime | float | int
Duration = timedelta | float | int | str

UNITS = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0, "w": 604800.0, "y": 31557600.0}
EARLIEST, LATEST = -62_135_596_800.0, 253_402_300_799.0  # what a datetime can hold
_DURATION = re.compile(r"\s*([0-9]*\.?[0-9]+)\s*([a-zA-Z]+)\s*")


def seconds(moment: Moment) -> float:
    """Seconds since the epoch of an aware datetime or a number; InputError for a naive one."""
    if isinstance(moment, datetime):
        if moment.tzinfo is None:
            raise InputError(
                f"naive datetime {moment!r}: give it a timezone, e.g. tzinfo=timezone.utc"
            )
        return moment.timestamp()
    if isinstance(moment, bool) or not isinstance(moment, int | float) or not isfinite(moment):
        raise InputError(
            f"{moment!r} is not a moment: give an aware datetime or seconds since the epoch"
        )
    if not EARLIEST <= moment <= LATEST:
        raise InputError(f"{moment!r} seconds lie outside the years 1 to 9999: milliseconds?")
    return float(moment)


def moment(at: float) -> datetime:
    """The UTC-aware datetime of some seconds since the epoch."""
    return datetime.fromtimestamp(at, UTC)


def duration(value: Duration) -> float:
    """Seconds of `7d`, `1.5h`, `30m`, `20s`, `2w`, `1y` (365.25 d), a timedelta or a number."""
    if isinstance(value, timedelta):
        return value.total_seconds()
    if isinstance(value, str):
        found = _DURATION.fullmatch(value)
        if found and found[2].lower() in UNITS:
            return float(found[1]) * UNITS[found[2].lower()]
    elif not isinstance(value, bool) and isinstance(value, int | float) and isfinite(value):
        return float(value)
    raise InputError(
        f"{value!r} is not a duration: give seconds, or a number with a unit, one of "
        f"{', '.join(UNITS)} (as in '7d')"
    )


class SystemClock:
    """The machine's clock."""

    def now(self) -> float:
        return time.time()


class SimulatedClock:
    """A clock that stands still until told to move: months in milliseconds."""

    def __init__(self, start: Moment = 0.0) -> None:
        self._now = seconds(start)

    def now(self) -> float:
        return self._now

    def advance(self, by: Duration) -> float:
        """Move forward; returns the new now.  InputError for a negative step."""
        step = duration(by)
        if step < 0:
            raise InputError(f"a clock does not run backwards: {by!r}")
        self._now += step
        return self._now

    def set(self, at: Moment) -> float:
        """Jump to a moment, earlier ones included (for replays)."""
        self._now = seconds(at)
        return self._now
