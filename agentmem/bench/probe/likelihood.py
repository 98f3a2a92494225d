"""Fits the balance of evidence (S3) to answers, by maximum likelihood, and says how well.

    P(cooperate) = e + (1 - 2e) sigmoid(b + k ln(F / H) + r m + further terms)
    F = 1 + u ln(1 + C),  H = .984 + g ln(1 + D)

k, g, u and e are fitted as logarithms, within `LIMITS`.  An interval is that of the profile
likelihood; its end is None where the likelihood does not fall that far within the limits: the
answers do not identify it on that side.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import product
from math import erfc, exp, log, sqrt

import numpy as np
from numpy.typing import NDArray

from agentmem.bench.fitting import sigmoid
from agentmem.bench.surrogates.balance import BASE, Profile
from agentmem.errors import InputError

Floats = NDArray[np.float64]

NAMES = ("b", "k", "r", "g", "u", "e")
LIMITS: Mapping[str, tuple[float, float]] = {
    "b": (-15.0, 15.0),
    "k": (0.05, 50.0),
    "r": (-10.0, 10.0),
    "g": (0.001, 10.0),
    "u": (0.001, 10.0),
    "e": (0.0005, 0.25),
}
LOGS = frozenset("kgue")
FURTHER = 20.0  # limit of a further term's coefficient, either side
CHI2 = 3.841  # 95 % quantile of chi squared with one degree of freedom
STARTS = tuple(product((1.5, 6.0), (0.3, 1.5), (0.03, 0.3)))  # k, g, u
STEPS = 80
TOLERANCE = 1e-7  # of the deviance
SCAN = 12  # steps of the search for the end of an interval


@dataclass(frozen=True, kw_only=True)
class Counts:
    """Answers by what was shown, one row for each memory and own last move; arrays (rows,)."""

    past: NDArray[np.int64]  # place in the grid
    good: Floats  # C
    bad: Floats  # D
    momentum: Floats  # m
    place: Floats  # where the harms stood
    own: Floats  # own last move
    kind: Floats  # sum of the answers' cooperation
    asked: Floats  # answers

    @property
    def rounds(self) -> Floats:
        """How many were remembered: n."""
        return self.good + self.bad

    @property
    def share(self) -> Floats:
        return self.kind / self.asked


@dataclass(frozen=True, kw_only=True)
class Fit:
    """Coefficients that make some answers most likely."""

    counts: Counts
    further: Floats  # (rows, terms beyond those of S3)
    at: Floats  # (6 + terms,), k, g, u and e as logarithms
    deviance: float

    @cached_property
    def profile(self) -> Profile:
        values = {
            n: exp(x) if n in LOGS else float(x) for n, x in zip(NAMES, self.at, strict=False)
        }
        return Profile(**values)

    @property
    def chance(self) -> Floats:
        """(rows,)"""
        return _chance(self.counts, self.further, self.at)

    @property
    def dispersion(self) -> float:
        """Pearson's chi squared over its degrees of freedom, at least 1 (McCullagh & Nelder 1989).

        What is above 1 the terms do not explain, and widens the intervals.
        """
        chance, asked = self.chance, self.counts.asked
        errors = (self.counts.kind - asked * chance) ** 2 / (asked * chance * (1 - chance))
        return max(1.0, float(errors.sum()) / max(len(errors) - len(self.at), 1))


def fit(counts: Counts, further: Floats | None = None) -> Fit:
    """The best of several starts.  `further` adds terms to the pull, (rows, n).

    InputError where there are fewer rows than coefficients.
    """
    extra = np.zeros((len(counts.asked), 0)) if further is None else further
    if len(counts.asked) <= len(NAMES) + extra.shape[1]:
        raise InputError(f"{len(counts.asked)} different prompts do not identify the coefficients")
    level = float(np.clip(counts.kind.sum() / counts.asked.sum(), 0.02, 0.98))
    found = []
    for k, g, u in STARTS:
        start = [log(level / (1 - level)), log(k), 0.5, log(g), log(u), log(0.01)]
        start += [0.0] * extra.shape[1]
        found.append(_climbed(counts, extra, np.array(start)))
    return min(found, key=lambda one: one.deviance)


def interval(best: Fit, name: str) -> tuple[float | None, float | None]:
    """95 % interval of one of b, k, r, g, u and e."""
    place = NAMES.index(name)
    most = best.deviance + CHI2 * best.dispersion
    ends = []
    for way in (0, 1):
        end = _end(best, place, _bounds(best.at)[place, way], most)
        ends.append(end if end is None or name not in LOGS else exp(end))
    return ends[0], ends[1]


def redrawn(best: Fit, draws: int, rng: np.random.Generator) -> list[Fit]:
    """Fits to answers drawn from a fit, as many at each prompt as there were."""
    asked = best.counts.asked.astype(int)
    found = []
    for _ in range(draws):
        kind = rng.binomial(asked, best.chance).astype(float)
        found.append(_climbed(replace(best.counts, kind=kind), best.further, best.at))
    return found


def p_value(drop: float, dispersion: float) -> float:
    """Of a drop in deviance by one further coefficient: chi squared with one degree."""
    return erfc(sqrt(max(drop, 0.0) / dispersion / 2))


def _end(best: Fit, place: int, limit: float, most: float) -> float | None:
    """Where the profile deviance reaches `most` between the best value and a limit."""
    inside, outside = float(best.at[place]), float(limit)
    at = best.at
    step = (outside - inside) / 2**6
    value = inside
    for _ in range(7):  # steps that double, until it is passed
        value = min(value + step, outside) if step > 0 else max(value + step, outside)
        found = _climbed(best.counts, best.further, _with(at, place, value), held=place)
        at = found.at
        if found.deviance > most:
            outside = value
            break
        inside, step = value, step * 2
    else:
        return None
    for _ in range(SCAN):
        middle = (inside + outside) / 2
        found = _climbed(best.counts, best.further, _with(at, place, middle), held=place)
        inside, outside = (inside, middle) if found.deviance > most else (middle, outside)
    return (inside + outside) / 2


def _with(at: Floats, place: int, value: float) -> Floats:
    moved = at.copy()
    moved[place] = value
    return moved


def _climbed(counts: Counts, further: Floats, start: Floats, held: int | None = None) -> Fit:
    """Fisher scoring with Levenberg's damping, within the limits; all but one held coefficient."""
    bounds = _bounds(start)
    at = np.clip(start, bounds[:, 0], bounds[:, 1])
    free = np.arange(len(at)) != held
    cost, damping = _deviance(counts, _chance(counts, further, at)), 1e-2
    for _ in range(STEPS):
        chance, slopes = _chance(counts, further, at), _slopes(counts, further, at)[:, free]
        weight = counts.asked / (chance * (1 - chance))
        bend = slopes.T @ (slopes * weight[:, None])
        slope = slopes.T @ ((counts.share - chance) * weight)
        gained = 0.0
        while damping < 1e8:
            tried = at.copy()
            scale = np.diag(bend) + 1e-9
            tried[free] += np.linalg.solve(bend + damping * np.diag(scale), slope)
            tried = np.clip(tried, bounds[:, 0], bounds[:, 1])
            now = _deviance(counts, _chance(counts, further, tried))
            if now <= cost:
                gained, at, cost, damping = cost - now, tried, now, max(damping / 10, 1e-8)
                break
            damping *= 10
        if gained < TOLERANCE:
            break
    return Fit(counts=counts, further=further, at=at, deviance=cost)


def _bounds(at: Floats) -> Floats:
    """(coefficients, 2): limits, of logarithms where those are fitted."""
    known = [tuple(map(log, LIMITS[n])) if n in LOGS else LIMITS[n] for n in NAMES]
    return np.array([*known, *[(-FURTHER, FURTHER)] * (len(at) - len(NAMES))])


def _pull(counts: Counts, further: Floats, at: Floats) -> tuple[Floats, Floats, Floats, Floats]:
    """Log-odds before lapses, (rows,); ln(F / H); and what g and u add to H and F, relatively."""
    b, k, r, g, u = float(at[0]), exp(at[1]), float(at[2]), exp(at[3]), exp(at[4])
    harm, help_ = g * np.log1p(counts.bad), u * np.log1p(counts.good)
    ratio = np.log(1 + help_) - np.log(BASE + harm)
    pull = b + k * ratio + r * counts.momentum + further @ at[len(NAMES) :]
    return pull, ratio, harm / (BASE + harm), help_ / (1 + help_)


def _chance(counts: Counts, further: Floats, at: Floats) -> Floats:
    lapse = exp(at[5])
    return lapse + (1 - 2 * lapse) * sigmoid(_pull(counts, further, at)[0])


def _slopes(counts: Counts, further: Floats, at: Floats) -> Floats:
    """(rows, coefficients): derivatives of the chances."""
    pull, ratio, harm, help_ = _pull(counts, further, at)
    k, lapse, sure = exp(at[1]), exp(at[5]), sigmoid(pull)
    steep = (1 - 2 * lapse) * sure * (1 - sure)
    one = np.ones_like(pull)
    terms = np.stack([one, k * ratio, counts.momentum, -k * harm, k * help_], axis=1)
    return np.hstack(
        [
            terms * steep[:, None],
            (lapse * (1 - 2 * sure))[:, None],
            further * steep[:, None],
        ]
    )


def _deviance(counts: Counts, chance: Floats) -> float:
    """Twice what the log likelihood falls short of that of the shares themselves."""
    return 2 * float(
        _cross(counts.kind, counts.asked * chance)
        + _cross(counts.asked - counts.kind, counts.asked * (1 - chance))
    )


def _cross(found: Floats, expected: Floats) -> float:
    """Sum of found * log(found / expected); nothing counts as 0."""
    return float(found @ np.log(np.where(found > 0, found, expected) / expected))
