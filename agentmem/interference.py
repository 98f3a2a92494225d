"""Retroactive interference: of records about the same thing, the newer is recalled first.

What is learnt later gets in the way of recalling what was learnt earlier about the same thing, and
of nothing else (Mueller and Pilzecker 1900; McGeoch 1942).  So this is no decay by age: a record
without a newer rival keeps its place however old it is, and one that has a rival is not lost, it
comes after it.

Two candidates of a search are rivals if they share most of what the question says, are alike as a
whole, and score about the same.  Rivals keep the places that they hold among all candidates, and
fill them newest first: nobody else moves, and the scores of a search are the same numbers as
without it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from agentmem.core import Floats, Ints, Vectors

NEAR = 1e-9  # by which a sum of shares may fall short of a bound


@dataclass(frozen=True, kw_only=True)
class Contest:
    """The candidates of one search: aligned arrays of shape (n,), and the words of the question."""

    scores: Floats  # >= 0
    created: Floats  # seconds
    group: Ints  # only records of one group can be rivals: one namespace, one kind
    able: NDArray[np.bool_]  # who takes part
    held: NDArray[np.bool_]  # shape (n, w): does it hold the word itself?
    telling: Floats  # shape (w,): each word's share of what the question says; sum <= 1
    vectors: Callable[[Ints], Vectors]  # of some candidates, shape (m, dim), length 1 (0: unknown)


@dataclass(frozen=True, kw_only=True)
class Places:
    """Who stands where: aligned arrays of shape (n,)."""

    scores: Floats  # the contest's, each rival with that of its new place
    turn: Ints  # 0, 1, ... among rivals, best first: breaks ties of the scores
    newest: Ints  # index of the newest rival, where it is newer than this one; else -1


@dataclass(frozen=True, kw_only=True)
class Rules:
    """When a newer record goes before an older one."""

    strength: float  # 0..1: if it scores at most this share less; 0: never
    shared: float  # 0..1: if both hold this share of the question
    alike: float  # -1..1: if their vectors have at least this cosine


def settle(contest: Contest, rules: Rules) -> Places:
    """The places once newer rivals have gone before older ones.

    The best candidate gathers its rivals around it: of its group, with enough of the question in
    common, alike, and with a score of at least (1 - strength) of its own.  So does the best of
    those left over, until none is left.  Rivals of the same second keep their order.
    """
    n = len(contest.scores)
    scores = contest.scores.copy()
    places = Places(
        scores=scores, turn=np.zeros(n, dtype=np.int64), newest=np.full(n, -1, dtype=np.int64)
    )
    if rules.strength > 0.0:
        for rivals in _rivals(contest, rules):
            order = rivals[np.argsort(-contest.created[rivals], kind="stable")]
            scores[order] = contest.scores[rivals]
            places.turn[order] = np.arange(len(order))
            older = contest.created[order] < contest.created[order[0]]
            places.newest[order[older]] = order[0]
    return places


def _rivals(contest: Contest, rules: Rules) -> list[Ints]:
    """The sets of rivals, two candidates at least each, best first, as indices."""
    said = contest.held @ contest.telling
    part = np.flatnonzero(contest.able & (contest.scores > 0.0) & (said >= rules.shared - NEAR))
    if len(part) < 2:
        return []
    part = part[np.lexsort((part, -contest.scores[part]))]
    held = contest.held[part].astype(np.float64)
    common = (held * contest.telling) @ held.T
    scores, group = contest.scores[part], contest.group[part]
    alike = common >= rules.shared - NEAR
    alike &= group[:, None] == group
    alike &= scores >= (1.0 - rules.strength) * scores[:, None]
    left = np.ones(len(part), dtype=np.bool_)
    vectors = contest.vectors(part) if alike.sum() > len(part) else None
    sets = []
    for best in range(len(part)):
        if left[best]:
            rivals = np.flatnonzero(alike[best] & left)
            if vectors is not None and len(rivals) > 1:
                near = np.vecdot(vectors[rivals], vectors[best]) >= rules.alike
                rivals = rivals[near | (rivals == best)]
            left[rivals] = False
            if len(rivals) > 1:
                sets.append(part[rivals])
    return sets
