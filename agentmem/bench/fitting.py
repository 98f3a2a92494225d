"""Choice models: logistic regression of real choices, judged on persons it has not seen.

n choices, k terms, G persons.  Losses are in nats per choice.  A person's choices depend on each
other: folds never split a person, and every standard error is clustered by person.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from agentmem.errors import InputError

# Penalty RIDGE / 2 * b^2 on every coefficient but the constant: a standard normal prior.
RIDGE = 1.0
STEPS = 100
TOLERANCE = 1e-9

Array = NDArray[np.float64]
Labels = NDArray[np.int64]
Chooses = Callable[[NDArray[np.bool_]], Array]


def sigmoid(pull: Array) -> Array:
    """Log odds to chances, any shape."""
    return np.asarray(0.5 * (1.0 + np.tanh(0.5 * pull)))


def logistic(terms: Array, good: Array, count: Array | None = None, ridge: float = RIDGE) -> Array:
    """Coefficients (k,) for terms (n, k), the first of them the constant.

    `good` of `count` choices were 1 at each row (n,); without `count`, a row is one choice.
    Newton's method (iteratively reweighted least squares), halving a step that does not improve
    the penalised likelihood.  InputError where there are no choices, or where it does not converge.
    """
    count = np.ones(len(terms)) if count is None else count
    if not count.sum():
        raise InputError("no choices to fit")
    penalty = _penalty(terms.shape[1], ridge)
    found = np.zeros(terms.shape[1])
    cost = _cost(terms, good, count, penalty, found)
    for _ in range(STEPS):
        chance = sigmoid(terms @ found)
        slope = terms.T @ (good - count * chance) - penalty * found
        step = np.linalg.solve(_bend(terms, count, chance, penalty), slope)
        worth = float(slope @ step)
        if worth <= TOLERANCE:
            return found
        while (tried := _cost(terms, good, count, penalty, found + step)) > cost + TOLERANCE:
            step = step / 2
        found, cost = found + step, tried
    raise InputError(f"logistic regression of {count.sum():g} choices did not converge")


def clustered(terms: Array, chosen: Array, found: Array, person: Labels) -> Array:
    """Standard errors (k,) of fitted coefficients, clustered by person (n,).

    The sandwich of Liang & Zeger (1986), times G / (G - 1).
    """
    chance = sigmoid(terms @ found)
    penalty = _penalty(terms.shape[1], RIDGE)
    bread = np.linalg.inv(_bend(terms, np.ones(len(terms)), chance, penalty))
    scores = _sums((chosen - chance)[:, None] * terms, person)
    groups = _groups(scores)
    spread = bread @ (scores.T @ scores) @ bread * (groups / (groups - 1))
    return np.asarray(np.sqrt(np.diag(spread)))


def folds(person: Labels, stratum: Labels, k: int, seed: int = 0) -> Labels:
    """Which of k folds each choice (n,) is in.  Whole persons, dealt out evenly in each stratum."""
    names, first = np.unique(person, return_index=True)
    strata = stratum[first]
    if not 2 <= k <= len(names):
        raise InputError(f"{len(names)} persons cannot be dealt into {k} folds of at least 2")
    order = np.random.default_rng(seed).permutation(len(names))
    order = order[np.argsort(strata[order], kind="stable")]
    fold = np.empty(len(names), dtype=np.int64)
    fold[order] = np.arange(len(names)) % k
    return fold[np.searchsorted(names, person)]


def held_out(chooses: Chooses, fold: Labels) -> Array:
    """Chances (n,) of cooperating, each from a fit without its own fold.

    `chooses(train)` fits the choices of a mask (n,) and returns the chances of all.
    """
    chance = np.empty(len(fold))
    for one in np.unique(fold):
        here = fold == one
        chance[here] = chooses(~here)[here]
    return chance


def loss(chance: Array, chosen: Array) -> Array:
    """Minus the log likelihood of each choice, nats; (n,).  Chances keep 1e-9 off 0 and 1."""
    kept = np.clip(chance, 1e-9, 1 - 1e-9)
    return np.asarray(-np.log(np.where(chosen > 0, kept, 1 - kept)))


def mean_error(values: Array, person: Labels) -> tuple[float, float]:
    """The mean over choices (n,) and its standard error clustered by person.

    For losses of two models on the same choices, give their differences: the error is paired.
    """
    mean = float(values.mean())
    off = _sums((values - mean)[:, None], person)[:, 0]
    groups = _groups(off)
    return mean, float(np.sqrt((off**2).sum() * groups / (groups - 1)) / len(values))


def _groups(sums: Array) -> int:
    if len(sums) < 2:
        raise InputError("a standard error clustered by person needs two persons or more")
    return len(sums)


def _penalty(k: int, ridge: float) -> Array:
    return np.array([0.0] + [ridge] * (k - 1))


def _cost(terms: Array, good: Array, count: Array, penalty: Array, at: Array) -> float:
    pull = terms @ at
    return float(count @ np.logaddexp(0.0, pull) - good @ pull + penalty @ at**2 / 2)


def _bend(terms: Array, count: Array, chance: Array, penalty: Array) -> Array:
    """Minus the second derivative of the penalised likelihood, (k, k)."""
    weighted = terms * (count * chance * (1 - chance))[:, None]
    return np.asarray(terms.T @ weighted + np.diag(penalty))


def _sums(values: Array, group: Labels) -> Array:
    """Sums of the rows of values (n, k) in each group, (G, k)."""
    _, at = np.unique(group, return_inverse=True)
    total = np.zeros((int(at.max()) + 1, values.shape[1]))
    np.add.at(total, at, values)
    return total
