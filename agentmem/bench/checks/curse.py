"""The fitted simulated players against the tables that they were fitted to.

They test mechanism and harness, and are no evidence about language models: a check that passes says
that this package plays them as published, not that a model plays like them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from math import sqrt

import numpy as np
from numpy.typing import NDArray

from agentmem.bench.checks.check import Check, near, same
from agentmem.bench.surrogates.balance import PROFILES, Profile, mean_field
from agentmem.bench.surrogates.predict import self_play
from agentmem.bench.surrogates.published import Coefficients, Past, coefficients, facts

WINDOWS = (0, 1, 2, 3, 5, 10, 20, 40, 80)
# Cooperation in self-play over 500 rounds, 200 runs, as the fits of S3 were published.
CELLS: Mapping[str, tuple[float, ...]] = {
    "gemma_tg": (0.64, 0.59, 0.516, 0.44, 0.31, 0.20, 0.14, 0.11, 0.095),
    "oss20b_pd": (0.93, 0.95, 0.949, 0.95, 0.93, 0.63, 0.25, 0.19, 0.181),
    "oss120b_tg": (0.89, 0.92, 0.935, 0.92, 0.80, 0.25, 0.15, 0.12, 0.111),
    "scout_pg": (0.70, 0.84, 0.873, 0.87, 0.85, 0.83, 0.75, 0.61, 0.520),
    "llama33_tg": (0.89, 0.93, 0.933, 0.92, 0.82, 0.25, 0.12, 0.10, 0.092),
    "immune": (0.89, 0.96, 0.980, 0.98, 0.98, 0.98, 0.98, 0.98, 0.978),
}
THEIRS, OURS = 200, 1000  # runs behind each cell
# Where a partner that fills the window is met in kind; three roots are two stable modes.
ROOTS = (
    ("oss120b_tg", 5, (0.12, 0.47, 0.97)),
    ("scout_pg", 80, (0.05, 0.71, 0.89)),
    ("immune", 80, (0.985,)),
)
SOURCE = "nicer"  # of the logs replayed here: partners that cooperate at random
SHOWN = 10  # rounds visible there
LENGTH, LEVELS, REPEATS = 100, 11, 100  # rounds; chances 0, .1, ..., 1; matches with each


def checks() -> Iterator[Check]:
    """Cells of S3, its fixed points, and players fitted to published logs."""
    for name, cells in CELLS.items():
        yield _cells(name, cells)
    for name, window, roots in ROOTS:
        what = f"balance of evidence, {name}: fixed points at window {window}"
        yield near(what, "mean field", roots, fixed_points(PROFILES[name], window), 0.006)
    yield from _published()


def _cells(name: str, cells: tuple[float, ...]) -> Check:
    """Within .03, or, where runs end in two modes, within three errors of the difference."""
    seats = 3 if name.endswith("_pg") else 2
    played = [self_play(PROFILES[name], h, seats=seats, runs=OURS) for h in WINDOWS]
    within = [max(0.03, 3 * float(runs.std()) * sqrt(1 / THEIRS + 1 / OURS)) for runs in played]
    what = f"balance of evidence, {name}: self-play at windows {WINDOWS}"
    return near(what, "its fit", cells, [float(runs.mean()) for runs in played], within)


def fixed_points(profile: Profile, window: int) -> list[float]:
    """Chances p with f(p) = p, ascending, to .0005."""
    grid = np.linspace(0.0, 1.0, 2001)
    gap = np.array([mean_field(profile, window, float(p)) - p for p in grid])
    places = np.nonzero(np.diff(np.sign(gap)))[0]
    return [float(p) for p in grid[places]]


def _published() -> Iterator[Check]:
    """First moves of all fitted players; the replay of those whose design is a loop."""
    known = facts()["profiles"]
    off = [
        name
        for name, one in known.items()
        if abs(100 * coefficients(one["fitted"]).opening() - one["table"]["first"]) > 3
    ]
    what = f"players fitted to logs: first moves off by more than 3 points, of {len(known)}"
    yield same(what, "their tables", [], off)
    for name, one in known.items():
        if one["source"] == SOURCE:
            share, after = replayed(coefficients(one["fitted"]))
            table = one["table"]
            yield near(
                f"{name}: cooperation, and after CC, CD, DC, DD, in percent",
                "its table",
                (table["cooperation"], *table["after"]),
                (100 * share, *(100 * after)),
                3.0,
            )


def replayed(player: Coefficients, seed: int = 0) -> tuple[float, NDArray[np.float64]]:
    """Cooperation, and that after each outcome (4,), with partners that cooperate at random."""
    rng = np.random.default_rng(seed)
    chances = np.repeat(np.linspace(0, 1, LEVELS), REPEATS)
    other = rng.random((LENGTH, len(chances))) < chances
    own = np.zeros_like(other)
    own[0] = rng.random(len(chances)) < player.opening()
    kind, met = np.zeros(4), np.zeros(4)
    for t in range(1, LENGTH):
        seen = other[max(0, t - SHOWN) : t]
        past = Past(
            own=own[t - 1],
            last=other[t - 1],
            before=other[t - 2] if t > 1 else np.zeros(len(chances), dtype=bool),
            rounds=np.full(len(chances), len(seen)),
            good=seen.sum(axis=0),
            bad=len(seen) - seen.sum(axis=0),
        )
        own[t] = rng.random(len(chances)) < player.chance(past)
        state = 3 - 2 * own[t - 1].astype(int) - other[t - 1]
        kind += np.bincount(state, weights=own[t], minlength=4)
        met += np.bincount(state, minlength=4)
    return float(own.mean()), kind / met
