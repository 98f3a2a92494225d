"""What a probe's answers say: a regression, a fitted balance of evidence, and whether it holds.

The balance of evidence is falsified where, beside its own terms, the number of remembered rounds,
the place of the harms or the own last move matters; where its deviance is beyond what answers drawn
from it would give; and where played cooperation is far from the predicted one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from agentmem.bench.fitting import clustered, logistic
from agentmem.bench.probe.asking import Answered
from agentmem.bench.probe.grid import SIZES, Past
from agentmem.bench.probe.likelihood import (
    NAMES,
    Counts,
    Fit,
    Floats,
    fit,
    interval,
    p_value,
    redrawn,
)
from agentmem.bench.stats import holm
from agentmem.bench.surrogates.balance import Profile
from agentmem.bench.surrogates.predict import self_play
from agentmem.errors import InputError

WINDOWS = (0, 1, 2, 3, 5, 10, 20, 40, 80)
ENDS = (2, 80)  # windows whose predictions get an interval
ALPHA = 0.05  # of all tests of one game together (Holm)
FAR = 0.15  # between predicted and played cooperation
DRAWS = 100  # parametric bootstrap
ROUNDS = 500  # of a match that is predicted
RUNS, DRAWN_RUNS = 200, 40  # matches behind a prediction, and behind one of a redrawn fit
TERMS = ("constant", "ln(1 + C)", "ln(1 + D)", "m", "n / 80", "place", "own")
RULES = {
    "rounds": "the number of remembered rounds matters, given C and D",
    "place": "the place of the harms matters, beyond m",
    "own": "the own last move matters",
    "fit": "the deviance is larger than that of answers drawn from the fit",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Coefficient:
    """One estimate.  An end is None where the answers do not identify it within the limits."""

    value: float
    low: float | None
    high: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Term:
    """One term of the logistic regression; its standard error is clustered by memory."""

    value: float
    error: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One way in which the balance of evidence may fail."""

    p: float
    adjusted: float  # for all rules of the game (Holm)

    @property
    def falsified(self) -> bool:
        return self.adjusted < ALPHA


@dataclass(frozen=True, slots=True, kw_only=True)
class Met:
    """Predicted self-play beside played, over as many rounds."""

    window: int
    rounds: int
    predicted: float
    played: float
    runs: int

    @property
    def falsified(self) -> bool:
        """Only the longest memory decides."""
        return self.window == WINDOWS[-1] and abs(self.predicted - self.played) > FAR


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What the answers about one game say."""

    regression: Mapping[str, Term]  # log-odds
    profile: Profile
    coefficients: Mapping[str, Coefficient]  # b, k, r, g, u, e
    deviance: float
    degrees: int  # prompts less coefficients
    dispersion: float
    rules: Mapping[str, Rule]  # by the names of RULES
    curve: Mapping[int, float]  # predicted cooperation in self-play, by window
    ends: Mapping[int, tuple[float, float]]  # 95 % intervals of its ends
    met: Sequence[Met] = ()

    @property
    def falsified(self) -> tuple[str, ...]:
        """What failed."""
        failed = [name for name, rule in self.rules.items() if rule.falsified]
        return (*failed, *("played" for met in self.met if met.falsified))

    @property
    def unidentified(self) -> tuple[str, ...]:
        """Coefficients without an interval bounded on both sides."""
        return tuple(n for n, c in self.coefficients.items() if c.low is None or c.high is None)


def counted(answers: Sequence[Answered], pasts: Sequence[Past]) -> Counts:
    """The valid answers, by memory and own last move; InputError without any."""
    cells: dict[tuple[int, float], list[float]] = {}
    for one in answers:
        if one.share is not None:
            cells.setdefault((one.past, one.own), []).append(one.share)
    if not cells:
        raise InputError("no valid answer: there is nothing to fit")
    places = [place for place, _ in cells]
    return Counts(
        past=np.array(places),
        good=np.array([float(pasts[p].good) for p in places]),
        bad=np.array([float(pasts[p].bad) for p in places]),
        momentum=np.array([pasts[p].momentum for p in places]),
        place=np.array([pasts[p].place for p in places]),
        own=np.array([own for _, own in cells]),
        kind=np.array([sum(shares) for shares in cells.values()]),
        asked=np.array([float(len(shares)) for shares in cells.values()]),
    )


def judge(
    answers: Sequence[Answered],
    pasts: Sequence[Past],
    *,
    seats: int,
    played: Mapping[tuple[int, int], Sequence[float]],
    seed: int = 0,
) -> Verdict:
    """`played`: cooperation of runs in self-play, by window and number of rounds.

    InputError for too few answers.
    """
    counts = counted(answers, pasts)
    best = fit(counts)
    drawn = redrawn(best, DRAWS, np.random.default_rng(seed))
    curve = {window: _predicted(best.profile, window, seats, RUNS, seed) for window in WINDOWS}
    values = {name: getattr(best.profile, name) for name in NAMES}
    return Verdict(
        regression=regressed(answers, pasts),
        profile=best.profile,
        coefficients={
            name: Coefficient(value=values[name], low=low, high=high)
            for name in NAMES
            for low, high in [interval(best, name)]
        },
        deviance=best.deviance,
        degrees=len(counts.asked) - len(NAMES),
        dispersion=best.dispersion,
        rules=tested(best, drawn),
        curve=curve,
        ends={window: _spread(drawn, window, seats, seed) for window in ENDS},
        met=tuple(
            Met(
                window=window,
                rounds=rounds,
                predicted=_predicted(best.profile, window, seats, RUNS, seed, rounds),
                played=sum(runs) / len(runs),
                runs=len(runs),
            )
            for (window, rounds), runs in sorted(played.items())
        ),
    )


def regressed(answers: Sequence[Answered], pasts: Sequence[Past]) -> dict[str, Term]:
    """Logistic regression of cooperation on `TERMS`, one row for each valid answer."""
    valid = [(one, one.share) for one in answers if one.share is not None]
    rows = [(pasts[one.past], one.own) for one, _ in valid]
    terms = np.array([_terms(past, own) for past, own in rows])
    chosen = np.array([share for _, share in valid])
    found = logistic(terms, chosen)
    errors = clustered(terms, chosen, found, np.array([one.past for one, _ in valid]))
    pairs = zip(found, errors, strict=True)
    return {
        name: Term(value=float(value), error=float(error))
        for name, (value, error) in zip(TERMS, pairs, strict=True)
    }


def _terms(past: Past, own: float) -> tuple[float, ...]:
    evidence = np.log1p([past.good, past.bad])
    return (1.0, *map(float, evidence), past.momentum, past.rounds / SIZES[-1], past.place, own)


def tested(best: Fit, drawn: Sequence[Fit]) -> dict[str, Rule]:
    """Each further term by its likelihood ratio, the fit by the deviances of redrawn answers."""
    counts = best.counts
    terms: Mapping[str, Floats] = {
        "rounds": counts.rounds / SIZES[-1],
        "place": counts.place,
        "own": counts.own,
    }
    p = {}
    for name, term in terms.items():
        wider = fit(counts, term[:, None])
        p[name] = p_value(best.deviance - wider.deviance, wider.dispersion)
    worse = sum(one.deviance >= best.deviance for one in drawn)
    p["fit"] = (1 + worse) / (1 + len(drawn))
    adjusted = holm(list(p.values()))
    return {
        name: Rule(p=one, adjusted=both)
        for (name, one), both in zip(p.items(), adjusted, strict=True)
    }


def _predicted(
    profile: Profile, window: int, seats: int, runs: int, seed: int, rounds: int = ROUNDS
) -> float:
    played = self_play(profile, window, seats=seats, runs=runs, rounds=rounds, seed=seed)
    return float(played.mean())


def _spread(drawn: Sequence[Fit], window: int, seats: int, seed: int) -> tuple[float, float]:
    """95 % interval of a prediction over redrawn answers; all their matches are played at once."""
    profiles = [one.profile for one in drawn]
    each: dict[str, Any] = {  # arrays in the place of numbers: S3 is arithmetic
        name: np.repeat([getattr(one, name) for one in profiles], DRAWN_RUNS) for name in NAMES
    }
    runs = len(drawn) * DRAWN_RUNS
    played = self_play(Profile(**each), window, seats=seats, runs=runs, rounds=ROUNDS, seed=seed)
    low, high = np.quantile(played.reshape(len(drawn), -1).mean(axis=1), (0.025, 0.975))
    return float(low), float(high)
