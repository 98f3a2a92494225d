"""Players fitted to tables of what language models did in published logs of repeated games.

Memory-1 with own-move inertia, and what further visible moves of the partner change:

    logit P(cooperate) = after[own last, partner last] + good[level of C] + bad[level of D]

D, C: visible defections and cooperations of the partners, in the levels of the source's tables
(`LEVELS`).  Where the source compares equal recent play, the partner's last two moves: after two
kind ones `older` stands for bad[level of D] if D > 0, and after two unkind ones good[level of C] is
0, since an older kind move repairs nothing measurable there.

Only lines of play that stand in the prompt are read, so what a memory shows decides; without any,
`first`.  `published.json` holds each source, its table and the fitted coefficients;
`bench/profiles.py` fits them and writes how far the replay is from the table.  They reproduce
averages over runs under the source's own prompts and partners; they are no models of the models.
What those tables do not identify: see `bench/results/profiles.md`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from agentmem.bench.surrogates.reading import Dilemma, Evidence
from agentmem.errors import ConfigError, nearest

LEVELS = (0, 1, 2, 3, 5, 10)  # greatest count of each level but the last: 0/1/2/3/4-5/6-10/>10
KIND = 0.5  # share of cooperation from which a number named counts as kind

Chances = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Past:
    """What is visible before a decision; scalars or arrays of one shape."""

    own: ArrayLike  # own last move was kind
    last: ArrayLike  # all partners' last moves were
    before: ArrayLike  # all partners' second-last moves were; false where none is visible
    rounds: ArrayLike  # visible rounds, >= 1
    good: ArrayLike  # visible kind moves of all partners
    bad: ArrayLike  # and the others


@dataclass(frozen=True, slots=True, kw_only=True)
class Coefficients:
    """Log-odds; see the module.  `after`: own/partner CC, CD, DC, DD; the first levels add 0."""

    first: float
    after: tuple[float, ...]
    bad: tuple[float, ...]
    good: tuple[float, ...]
    older: float | None = None

    def opening(self) -> float:
        """0..1: chance of cooperating where nothing is visible."""
        return float(logistic(self.first))

    def chance(self, past: Past) -> Chances:
        """0..1, of the shape of `past`."""
        last, bad = np.asarray(past.last, bool), np.asarray(past.bad)
        state = 3 - 2 * np.asarray(past.own, int) - last.astype(int)
        harm, help_ = np.asarray(self.bad)[level(bad)], np.asarray(self.good)[level(past.good)]
        if self.older is not None:
            before = np.asarray(past.before, bool)
            harm = np.where(last & before & (bad > 0), self.older, harm)
            help_ = np.where(last | before, help_, 0.0)
        return logistic(np.asarray(self.after)[state] + help_ + harm)


def logistic(x: ArrayLike) -> Chances:
    return np.asarray(1.0 / (1.0 + np.exp(-np.asarray(x, float))))


def level(count: ArrayLike) -> NDArray[np.int_]:
    """0..6: the column of the tables that a count falls into."""
    return np.asarray(np.searchsorted(LEVELS, count))


def past_of(seen: Dilemma) -> Past | None:
    """The lines of play in a prompt, in the order shown; None if there are none.

    Of several partners all must have been kind for a kind move, and each counts.
    """
    if not seen.lines:
        return None
    kind = [[seen.share(word) >= KIND for word in line.others] for line in seen.lines]
    good = sum(map(sum, kind))
    return Past(
        own=seen.own[-1] >= KIND,
        last=all(kind[-1]),
        before=len(kind) > 1 and all(kind[-2]),
        rounds=len(kind),
        good=good,
        bad=sum(map(len, kind)) - good,
    )


@dataclass(frozen=True, kw_only=True)
class Published:
    """A fitted player as a mind."""

    fitted: Coefficients

    def chance(self, seen: Dilemma, *, deliberate: bool) -> float:
        """The same with and without reasoning: the tables do not tell them apart."""
        past = past_of(seen)
        return self.fitted.opening() if past is None else float(self.fitted.chance(past))

    def ratio(self, seen: Evidence, *, deliberate: bool) -> float:
        """One half: the tables say nothing about words."""
        return 0.5

    def goodwill(self, seen: Evidence, *, deliberate: bool) -> float:
        """As in a dilemma, had it last been kind itself and met the more frequent of the
        partner's moves.  No source bargains: this is set by hand.
        """
        if not seen.good + seen.bad:
            return self.fitted.opening()
        last = seen.good >= seen.bad
        past = Past(own=True, last=last, before=last, rounds=2, good=seen.good, bad=seen.bad)
        return float(self.fitted.chance(past))


@cache
def facts() -> Mapping[str, Any]:
    """`published.json`: `sources`, `profiles` by name and `checks`, tables in percent."""
    text = files("agentmem.bench.surrogates").joinpath("published.json").read_text("utf-8")
    found: Mapping[str, Any] = json.loads(text)
    return found


def coefficients(of: Mapping[str, Any]) -> Coefficients:
    """As a profile of `published.json` has them."""
    return Coefficients(
        first=of["first"],
        after=tuple(of["after"]),
        bad=tuple(of["bad"]),
        good=tuple(of["good"]),
        older=of["older"],
    )


# The types that these logs show, each by one player.
TYPES: Mapping[str, str] = {
    "forgiving": "gemini-io-pd-coopeval",
    "sticky": "llama3-pd-nicer",
    "noisy": "gpt4o-pd-coopeval",
    "grim": "gpt4-pd-akata",
}


def names() -> tuple[str, ...]:
    """Every fitted player, the types last."""
    return (*facts()["profiles"], *TYPES)


def published(name: str) -> Published:
    """A fitted player by its name or its type; ConfigError for an unknown one."""
    known = facts()["profiles"]
    plain = TYPES.get(name, name)
    if plain not in known:
        raise ConfigError(f"no fitted player {name!r}{nearest(name, names())}")
    return Published(fitted=coefficients(known[plain]["fitted"]))
