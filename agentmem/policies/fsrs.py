"""FSRS-6, the spaced-repetition model, as a forgetting curve (open-spaced-repetition, py-fsrs).

    R(t, S) = (1 + FACTOR t / S)^-decay,   FACTOR = 0.9^(-1 / decay) - 1,   so R(S, S) = 0.9

t and S in days.  FSRS-6 has decay 0.1542, FSRS-4.5 and 5 have 0.5 (FACTOR = 19 / 81).  A recall is
a review: py-fsrs says what stability it leaves.  py-fsrs evaluates the curve in whole days:

    as_coded    t = floor(days): nothing fades within a day
    intended    t in fractions of a day
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import cache
from importlib import import_module
from math import exp
from typing import Annotated, Any, ClassVar, Literal

import numpy as np

from agentmem.core import Floats, Update, View
from agentmem.errors import MissingExtra
from agentmem.fields import Bounds, Seconds
from agentmem.policies._fading import DAY, Fading

# w0 .. w20 of FSRS-6, as fitted by its authors
PARAMETERS = (
    *(0.212, 1.2931, 2.3065, 8.2956, 6.4133, 0.8334, 3.0194),
    *(0.001, 1.8722, 0.1666, 0.796, 1.4835, 0.0614, 0.2629),
    *(1.6483, 0.6014, 1.8729, 0.5425, 0.0912, 0.0658, 0.1542),
)
DECAY = PARAMETERS[20]
DECAY_4_5 = 0.5  # FSRS-4.5 and 5
RATINGS = {"again": 1, "hard": 2, "good": 3, "easy": 4}
_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)
_LONGEST = 36500 * DAY  # idle time that py-fsrs is told: its longest interval


def retrievability(days: Floats, stability: Floats, decay: float = DECAY) -> Floats:
    """R, in (0, 1]: days >= 0 since the last review, stability > 0 in days."""
    return np.power(1.0 + _factor(decay) * days / stability, -decay)


def interval(retention: float, stability: Floats, decay: float = DECAY) -> Floats:
    """Days until R has fallen to `retention` (0..1), unrounded; inf where beyond all numbers."""
    with np.errstate(over="ignore"):
        units = np.power(np.float64(retention), -1.0 / decay) - 1.0
        days: Floats = stability * units / _factor(decay)
        return days


def initial_difficulty(rating: int) -> float:
    """D0 = w4 - e^(w5 (rating - 1)) + 1, in [1, 10], for a first rating of 1..4."""
    return float(np.clip(_first(rating), 1.0, 10.0))


def difficulty(reviews: Floats, rating: int) -> Floats:
    """D after so many reviews (>= 0) beyond the first, all with one rating; in [1, 10].

    D' = w7 D0(easy) + (1 - w7) (D - w6 (rating - 3) (10 - D) / 9) is affine in D, D' = m D + b, so
    D_n = D* + (D0 - D*) m^n with D* = b / (1 - m); it runs one way, so the bounds come last.
    """
    w6, w7 = PARAMETERS[6:8]
    step = w6 * (rating - 3)
    m = (1.0 - w7) * (1.0 + step / 9.0)
    rest = (w7 * _first(4) - (1.0 - w7) * step * 10.0 / 9.0) / (1.0 - m)
    with np.errstate(over="ignore"):  # m > 1: far beyond the bounds
        return np.clip(rest + (initial_difficulty(rating) - rest) * np.power(m, reviews), 1.0, 10.0)


@dataclass(frozen=True, kw_only=True)
class Fsrs(Fading):
    """Weight max(floor, R(idle, S)); a recall is a review with `rating`, its gain from py-fsrs.

    S starts at FSRS's own for that rating (good: 2.3 days), or at `stability`, the time to R = 0.9.
    Recalls within a day of each other add little or nothing, by FSRS's rule for the same day.  As
    every review has the same rating, difficulty follows from the number of recalls, so a record
    needs no more state than its stability.  With `remove`, a record goes when R has fallen to
    `forget_below` (FSRS: desired retention).  Needs the extra `fsrs`: MissingExtra without it.
    """

    name: ClassVar[str] = "fsrs"

    forget_below: Annotated[float, Bounds(above=0, below=1)] = 0.5
    rating: Literal["hard", "good", "easy"] = "good"
    stability: Annotated[Seconds, Bounds(above=0)] | None = None  # None: FSRS's for the rating
    decay: Annotated[float, Bounds(least=0.1, most=0.8)] = DECAY  # 0.5: FSRS-4.5
    variant: Literal["intended", "as_coded"] = "intended"

    def __post_init__(self) -> None:
        super().__post_init__()
        _library()

    @property
    def initial(self) -> float:
        """Stability of a record that was never recalled, in days."""
        return PARAMETERS[RATINGS[self.rating] - 1] if not self.stability else self.stability / DAY

    def stabilities(self, view: View) -> Floats:
        """S in days, shape (n,), > 0."""
        return np.where(np.isnan(view.stability), self.initial, view.stability / DAY)

    def retention(self, view: View) -> Floats:
        days = view.idle / DAY
        if self.variant == "as_coded":
            days = np.floor(days)
        return retrievability(days, self.stabilities(view), self.decay)

    def touch(self, view: View) -> Update:
        hardness = difficulty(view.uses, RATINGS[self.rating])
        idle = np.minimum(view.idle, _LONGEST)
        rows = zip(self.stabilities(view).tolist(), hardness.tolist(), idle.tolist(), strict=True)
        days = [_reviewed(self.decay, RATINGS[self.rating], *row) for row in rows]
        return replace(super().touch(view), stability=np.array(days, dtype=np.float64) * DAY)

    def crossing(self, view: View) -> Floats:
        days = interval(self.forget_below, self.stabilities(view), self.decay)
        return view.used + (np.ceil(days) if self.variant == "as_coded" else days) * DAY


def _factor(decay: float) -> float:
    return float(0.9 ** (-1.0 / decay) - 1.0)


def _first(rating: int) -> float:
    """D0 without bounds."""
    return PARAMETERS[4] - exp(PARAMETERS[5] * (rating - 1)) + 1.0


def _reviewed(decay: float, rating: int, stability: float, hardness: float, idle: float) -> float:
    """Stability in days after a review, `idle` seconds after the last one."""
    library = _library()
    card = library.Card(
        card_id=0,
        state=library.State.Review,
        stability=stability,
        difficulty=hardness,
        due=_EPOCH,
        last_review=_EPOCH,
    )
    when = _EPOCH + timedelta(seconds=idle)
    reviewed, _ = _scheduler(decay).review_card(card, library.Rating(rating), when)
    return float(reviewed.stability)


@cache
def _scheduler(decay: float) -> Any:
    """py-fsrs's scheduler, without its random fuzz of dates."""
    parameters = (*PARAMETERS[:20], decay)
    return _library().Scheduler(parameters, learning_steps=(), enable_fuzzing=False)


def _library() -> Any:
    try:
        return import_module("fsrs")
    except ImportError as error:
        raise MissingExtra("the policy 'fsrs'", "fsrs") from error
