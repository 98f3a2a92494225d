"""One-shot games in normal form, and what repetition can sustain in them.

Payoffs are an array of shape (seats, n_0, ..., n_k): points of each seat for each action of every
seat.  Actions are indices.  An unmatched shape raises InputError.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from agentmem.errors import InputError

Floats = NDArray[np.float64]
Profile = tuple[int, ...]  # one action per seat
Pair = tuple[float, float]  # points of two seats


def checked(payoffs: ArrayLike) -> Floats:
    """The payoffs as an array of shape (seats, n_0, ..., n_k); InputError for any other."""
    array = np.asarray(payoffs, dtype=np.float64)
    if array.ndim < 2 or array.shape[0] != array.ndim - 1 or not array.size:
        raise InputError(
            f"payoffs have shape {array.shape}: give (seats, actions of seat 0, ..., of the last)"
        )
    return array


def prisoners(t: float, r: float, p: float, s: float) -> Floats:
    """(2, 2, 2): temptation, reward, punishment, sucker's payoff; action 0 cooperates."""
    own = np.array([[r, s], [t, p]])
    return np.stack([own, own.T])


def trust(both: Pair, kept: Pair, refused: Pair, neither: Pair) -> Floats:
    """(2, 2, 2): investor and trustee choose at once; action 0 gives, 1 keeps.

    The points of (investor, trustee): `both` give; the trustee `kept` what it got; the investor
    `refused` though the trustee would give; `neither` gives.
    """
    table = np.array([[both, kept], [refused, neither]], dtype=np.float64)
    return np.moveaxis(table, -1, 0)


def travelers(low: int, high: int, bonus: float) -> Floats:
    """(2, n, n) with n = high - low + 1; action i claims low + i (Basu 1994).

    Both get the lower claim; the lower claimant gets `bonus` more, the other `bonus` less.
    """
    claims = np.arange(low, high + 1)
    own, other = claims[:, None], claims[None, :]
    points: Floats = np.minimum(own, other) + float(bonus) * np.sign(other - own)
    return np.stack([points, points.T])


def public_goods(seats: int, endowment: int, multiplier: float) -> Floats:
    """(seats, endowment + 1, ...); action i contributes i of `endowment`, the rest is kept.

    What all contribute is multiplied and shared evenly.
    """
    given = np.indices((endowment + 1,) * seats).astype(np.float64)
    points: Floats = endowment - given + multiplier * given.sum(axis=0) / seats
    return points


def pure_equilibria(payoffs: ArrayLike) -> list[Profile]:
    """Pure Nash equilibria: profiles in which no seat gains by changing its action alone."""
    array = checked(payoffs)
    best = np.ones(array.shape[1:], dtype=bool)
    for seat, points in enumerate(array):
        best &= points == points.max(axis=seat, keepdims=True)
    return [tuple(map(int, profile)) for profile in np.argwhere(best)]


def dominates(payoffs: ArrayLike, seat: int, one: int, other: int, *, strictly: bool) -> bool:
    """Whether action `one` of `seat` beats `other` whatever the others do.

    Weakly: it is never worse, and better at least once.
    """
    points = np.moveaxis(checked(payoffs)[seat], seat, 0)
    gain = points[one] - points[other]
    return bool((gain > 0).all() if strictly else (gain >= 0).all() and (gain > 0).any())


def undominated(payoffs: ArrayLike, *, strictly: bool = True) -> list[list[int]]:
    """Actions of each seat that survive iterated removal of those dominated by a pure action.

    In each pass all dominated actions of all seats go together; only under weak dominance does
    that order matter.
    """
    array = checked(payoffs)
    left = [list(range(n)) for n in array.shape[1:]]
    while True:
        part = array[np.ix_(range(len(left)), *left)]
        keep = [
            [
                action
                for i, action in enumerate(own)
                if not any(
                    dominates(part, seat, j, i, strictly=strictly)
                    for j in range(len(own))
                    if j != i
                )
            ]
            for seat, own in enumerate(left)
        ]
        if keep == left:
            return left
        left = keep


def grim(payoffs: ArrayLike, agreed: Profile, punishment: Profile) -> tuple[float, ...]:
    """Least chance of another round at which grim trigger holds each seat to `agreed`, in [0, 1].

    (best deviation - agreed) / (best deviation - punishment) (Friedman 1971); 0 for a seat that
    does not gain by deviating.  InputError where punishment is no worse than the agreement.
    """
    array = checked(payoffs)
    found = []
    for seat, points in enumerate(array):
        kept, punished = points[agreed], points[punishment]
        best = np.moveaxis(points, seat, -1)[agreed[:seat] + agreed[seat + 1 :]].max()
        if best > kept and punished >= kept:
            raise InputError(f"seat {seat}: {punishment} does not punish leaving {agreed}")
        found.append(float((best - kept) / (best - punished)) if best > kept else 0.0)
    return tuple(found)


def tit_for_tat(t: float, r: float, p: float, s: float) -> float:
    """Least chance of another round at which tit for tat is a best reply to itself.

    max((T - R) / (T - P), (T - R) / (R - S)) (Axelrod 1984, proposition 2): against defecting
    for good, and against defecting every other time.
    """
    return max((t - r) / (t - p), (t - r) / (r - s))


def generous_forgiveness(t: float, r: float, p: float, s: float) -> float:
    """The most forgiving chance of cooperating after a defection that still deters.

    min(1 - (T - R) / (R - S), (R - P) / (T - P)) (Molander 1985): 1/3 for Axelrod's payoffs,
    1/2 for the primary ones.
    """
    return min(1 - (t - r) / (r - s), (r - p) / (t - p))


def welfare_norm(mean: float, defecting: float, cooperating: float) -> float:
    """Mean points, 0 if everybody is `defecting` and 1 if everybody is `cooperating`.

    As CoopEval (arXiv 2604.15267) normalises them; below 0 where play is worse than defecting.
    """
    if cooperating == defecting:
        raise InputError(f"cooperating pays {cooperating:g}, as much as defecting: no scale")
    return (mean - defecting) / (cooperating - defecting)


def giving(payoffs: ArrayLike, reward: float, cooperation: float) -> tuple[float, float]:
    """Chances of giving of investor and trustee, from mean points and mean cooperation.

    Holds where the mean points of both seats depend on the investor alone, as in all trust games
    whose trustee only divides; InputError for others.  Rates outside 0..1 show that figures and
    payoffs do not belong together.
    """
    mean = checked(payoffs).mean(axis=0)
    if mean.shape != (2, 2) or mean[0, 0] != mean[0, 1] or mean[1, 0] != mean[1, 1]:
        raise InputError("the trustee's choice changes the mean points: no trust game of this kind")
    investor = welfare_norm(reward, float(mean[1, 0]), float(mean[0, 0]))
    return investor, 2 * cooperation - investor


def reactive_cooperation(p: float, q: float, noise: float = 0.0) -> float:
    """Long-run cooperation in self-play of a reactive strategy (p after C, q after D).

    c = q' / (1 - (p' - q')), where p' = (1 - 2e) p + e and q' = (1 - 2e) q + e: each move is
    flipped with chance e (Nowak and Sigmund 1992).
    """
    pe, qe = (1 - 2 * noise) * p + noise, (1 - 2 * noise) * q + noise
    return qe / (1 - (pe - qe))


def memory_one(first: Sequence[float], second: Sequence[float], noise: float = 0.0) -> Floats:
    """Long-run shares of CC, CD, DC, DD (first seat's move first) of two memory-one strategies.

    Each gives its chances of cooperating after CC, CD, DC and DD, own move first; each move is
    flipped with chance `noise` (Press and Dyson 2012, with the noise of Nowak and Sigmund 1993).
    InputError where the long run depends on the start, as between two Grudgers without noise.
    """
    p = (1 - 2 * noise) * np.asarray(first, dtype=np.float64) + noise
    q = (1 - 2 * noise) * np.asarray(second, dtype=np.float64)[[0, 2, 1, 3]] + noise
    step = np.stack([p * q, p * (1 - q), (1 - p) * q, (1 - p) * (1 - q)], axis=1)
    rows = np.vstack([step.T - np.eye(4), np.ones(4)])
    if np.linalg.matrix_rank(rows, tol=1e-9) < 4:
        raise InputError("the long run depends on the first move: give some noise")
    shares: Floats = np.linalg.lstsq(rows, np.array([0.0, 0.0, 0.0, 0.0, 1.0]), rcond=None)[0]
    return shares
