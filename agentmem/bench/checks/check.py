"""One comparison of what theory says with what the library does."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

__all__ = ["Check", "near", "same"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """`expected` and `found` as they are shown."""

    what: str
    source: str  # of what is expected
    expected: str
    found: str
    passed: bool


def same(what: str, source: str, expected: Any, found: Any) -> Check:
    """The two are equal."""
    return Check(
        what=what,
        source=source,
        expected=str(expected),
        found=str(found),
        passed=bool(expected == found),
    )


def near(
    what: str,
    source: str,
    expected: float | Sequence[float],
    found: float | Sequence[float],
    within: float | Sequence[float],
) -> Check:
    """No figure is farther from the expected one than `within`."""
    wanted, got, room = (np.atleast_1d(np.asarray(x, float)) for x in (expected, found, within))
    passed = wanted.shape == got.shape and bool((np.abs(wanted - got) <= room).all())
    room_told = f" +- {_told(room)}" if room.max() > 1e-6 else ""
    return Check(
        what=what,
        source=source,
        expected=_told(wanted) + room_told,
        found=_told(got),
        passed=passed,
    )


def _told(values: Iterable[float]) -> str:
    return ", ".join(f"{value:.4g}" for value in values)
