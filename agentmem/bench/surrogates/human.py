"""Simulated players fitted to choices of people: they are no people, and no evidence about LLMs.

Fitted by `bench/human.py` to 37,042 choices in the experiment of Dal Bo & Frechette (2011),
American Economic Review 101, 411-429 (data CC BY 4.0): a prisoner's dilemma with T = 50, S = 12,
P = 25 and R = 32, 40 or 48, that goes on with chance .5 or .75 after each round.  `human.json`
beside this module has the coefficients, `bench/results/human.md` how well they predict.

`human...` remembers the last round alone: own move, the partner's, and both together.
`human...-long` also knows the round before it and counts all visible moves of both; it predicts a
single choice a little better.  Games there had a mean of 2.7 rounds and at most 23: what it makes
of longer memories is beyond anything that was seen.  Its counts of own moves stand for who somebody
is as much as for habit: shown eighty rounds of cooperating with a defector, it goes on.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

import numpy as np

from agentmem.bench.fitting import sigmoid
from agentmem.bench.surrogates.balance import BASE
from agentmem.bench.surrogates.features import Array, Form
from agentmem.bench.surrogates.reading import Dilemma, Evidence

TREATMENTS = ("D5R32", "D5R40", "D5R48", "D75R32", "D75R40", "D75R48")
POOLED = "human"  # all treatments, at R = 40 and half way between both chances of going on
NEUTRAL = 1.0 / (1.0 + BASE)  # nothing is known of these people's words or of how they bargain


def name_of(treatment: str) -> str:
    """`D75R40` -> `human-df2011-d75r40`."""
    return f"human-df2011-{treatment.lower()}"


LONG = "-long"  # ends the names of the players that remember all visible rounds
NAMES = tuple(f"{name}{end}" for end in ("", LONG) for name in (POOLED, *map(name_of, TREATMENTS)))


@dataclass(frozen=True, kw_only=True)
class Human:
    """P(cooperate) = sigmoid(weights . terms); the rate of first moves where nothing is visible.

    It reads the visible moves, own and the partner's, as one unbroken history in the order shown:
    neither totals, notes, round numbers nor payoffs.  Moves that are numbers count in parts.
    """

    form: Form
    first: float  # 0..1
    weights: tuple[float, ...]

    def chances(self, own: Array, other: Array) -> Array:
        """Chances after 0..T rounds, (..., T + 1), of own and the partner's moves (..., T)."""
        known = sigmoid(self.form.terms(own, other) @ np.array(self.weights))
        known[..., 0] = self.first
        return known

    def chance(self, seen: Dilemma, *, deliberate: bool) -> float:
        return float(self.chances(np.array(seen.own), np.array(seen.others))[-1])

    def ratio(self, seen: Evidence, *, deliberate: bool) -> float:
        return NEUTRAL

    def goodwill(self, seen: Evidence, *, deliberate: bool) -> float:
        return NEUTRAL


@cache
def fitted() -> dict[str, Any]:
    """The committed fit, as `bench/human.py --write` wrote it."""
    text = files("agentmem.bench.surrogates").joinpath("human.json").read_text(encoding="utf-8")
    found: dict[str, Any] = json.loads(text)
    return found


def human(name: str) -> Human:
    """The player of one of `NAMES`."""
    one = fitted()["players"][name]
    return Human(
        form=Form(**one["form"]),
        first=one["first"]["rate"],
        weights=tuple(one["weights"].values()),
    )
