"""What the balance of evidence does in self-play under a window, without prompts or memories.

The same equation as the chat model's, over arrays: hundreds of runs in a second.  It is the
reference for the harness, and what a probe of a model's answers predicts of its self-play.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from agentmem.bench.surrogates.balance import Profile
from agentmem.bench.surrogates.reading import BEFORE, LAST
from agentmem.errors import InputError


def self_play(
    profile: Profile,
    window: int,
    *,
    seats: int = 2,
    runs: int = 200,
    rounds: int = 500,
    seed: int = 0,
) -> NDArray[np.float64]:
    """Cooperation of each run, shape (runs,), when all seats see the last `window` rounds.

    Several partners count as the mean of their moves.  InputError for sizes below 1 (window: 0)
    and for fewer than 2 seats.
    """
    if min(runs, rounds) < 1 or window < 0 or seats < 2:
        raise InputError(
            f"runs = {runs}, rounds = {rounds}, window = {window}, seats = {seats}: give at least "
            "1 run and round, 0 rounds of window and 2 seats"
        )
    rng = np.random.default_rng(seed)
    given = np.zeros((rounds, seats, runs))  # share of cooperation of the others, as each sees it
    good = np.zeros((seats, runs))
    done = np.zeros(runs)
    for t in range(rounds):
        shown = min(t, window)
        last = 2 * given[t - 1] - 1 if shown >= 1 else np.zeros_like(good)
        before = 2 * given[t - 2] - 1 if shown >= 2 else last
        chance = profile.cooperate(good, shown - good, LAST * last + BEFORE * before)
        moves = (rng.random((seats, runs)) < chance).astype(float)
        done += moves.mean(axis=0)
        given[t] = (moves.sum(axis=0) - moves) / (seats - 1)
        if window:
            good += given[t]
            if t >= window:
                good -= given[t - window]
            np.clip(good, 0.0, min(t + 1, window), out=good)
    return done / rounds
