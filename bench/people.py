"""Choices of people in repeated prisoner's dilemmas, and the choice models that `human.py` judges.

Dal Bo & Frechette (2011), American Economic Review 101, 411-429; data CC BY 4.0, not shipped here:
T = 50, S = 12, P = 25, R = 32, 40 or 48; after each round the game goes on with chance delta =
.5 or .75, then everybody meets somebody else.  A *side* is one person in one such game.
"""

from __future__ import annotations

import csv
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import groupby, pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from agentmem.bench.fitting import logistic, loss, sigmoid
from agentmem.bench.surrogates.balance import BASE
from agentmem.bench.surrogates.features import ALL, Form, back, momentum, recent
from agentmem.errors import InputError

FILE, CHECK = "DF2011all.csv", "data.DF2011.csv"
HALFLIVES = (0.5, 1.0, 2.0, 3.0, 5.0, 10.0, 20.0)  # rounds
EARLIER = {  # what is carried from one game to the next, as columns of `People.earlier`
    "experience": (0,),
    "earlier partners": (1, 2, 3),
    "own earlier games": (4, 5),
}

Array = NDArray[np.float64]
Labels = NDArray[np.int64]
Chooses = Callable[[NDArray[np.bool_]], Array]


def folder() -> Path:
    """Where the data are looked for: $AGENTMEM_HUMAN_PD, or a folder beside the project."""
    beside = Path(__file__).resolve().parent.parent.parent / "shared" / "data" / "human_pd"
    return Path(os.environ.get("AGENTMEM_HUMAN_PD", beside))


@dataclass(frozen=True, kw_only=True)
class People:
    """S sides of at most T rounds, ordered by person and game; moves are 1 (cooperates) or 0."""

    own: Array  # (S, T), 0 after the end of the game
    other: Array
    length: Labels  # (S,) rounds played
    person: Labels  # (S,)
    session: Labels
    treatment: Labels  # index into `treatments`
    treatments: tuple[str, ...]

    def of(self, treatment: str) -> People:
        """Those of one treatment."""
        here = self.treatment == self.treatments.index(treatment)
        parts = ("own", "other", "length", "person", "session", "treatment")
        return replace(self, **{part: getattr(self, part)[here] for part in parts})

    @cached_property
    def covariates(self) -> Array:
        """(S, 3): delta as -1, 1; R as -1, 0, 1; their product."""
        delta = np.array([1.0 if name.startswith("D75") else -1.0 for name in self.treatments])
        reward = np.array([(int(name[-2:]) - 40) / 8 for name in self.treatments])
        return np.stack([delta, reward, delta * reward], axis=1)[self.treatment]

    @cached_property
    def earlier(self) -> Array:
        """(S, 6) from the games before: ln of the game's number; the last partner's first move,
        the mean of all earlier partners' first moves, ln of the last game's length; the last and
        the mean of own first moves.  Moves are signs, 0 before the first game.
        """
        rows = []
        for _, group in groupby(range(len(self.person)), key=lambda i: int(self.person[i])):
            at = list(group)
            number = np.arange(1, len(at) + 1)
            before = np.maximum(number - 1, 1)
            columns = [np.log(number)]
            for moves in (self.other[at, 0], self.own[at, 0]):
                signs = 2 * moves - 1
                columns += [back(signs)[:-1], recent(signs, ALL)[:-1] / before]
            columns.insert(3, back(np.log(self.length[at]))[:-1])
            rows.append(np.stack(columns, axis=1))
        return np.concatenate(rows)


def read(where: Path) -> People:
    """The people in a folder with both files; InputError if they are not what they should be.

    `DF2011all.csv` has an id per person and game.  Within a session the ids count through one
    person's games, then the next person's: so persons are found, and the last games of each, which
    `data.DF2011.csv` gives under an id per person, have to agree, choice by choice.
    """
    sides: dict[tuple[str, float, int], list[tuple[int, int, str, int]]] = {}
    for row in rows(where / FILE):
        name = f"D{row['delta'].removeprefix('0.')}R{row['r']}"
        key = (name, float(row["date"]), int(row["id"]))
        cell = (int(row["period"]), int(row["coop"]), row["group"], int(row["supergame"]))
        sides.setdefault(key, []).append(cell)
    keys = sorted(sides, key=lambda key: (key[0], key[2]))
    games = [sides[key][0][3] for key in keys]
    person = np.cumsum([0] + [b <= a for a, b in pairwise(games)])
    names = tuple(sorted({key[0] for key in keys}))
    longest = max(map(len, sides.values()))
    own = np.zeros((len(keys), longest))
    group: dict[str, list[int]] = {}
    for i, key in enumerate(keys):
        moves = [coop for _, coop, _, _ in sorted(sides[key])]
        own[i, : len(moves)] = moves
        group.setdefault(sides[key][0][2], []).append(i)
    if any(len(pair) != 2 for pair in group.values()):
        raise InputError(f"{where / FILE}: not every game is of two people")
    partner = {a: b for pair in group.values() for a, b in (pair, reversed(pair))}
    dates = sorted({key[1] for key in keys})
    found = People(
        own=own,
        other=own[[partner[i] for i in range(len(keys))]],
        length=np.array([len(sides[key]) for key in keys]),
        person=person,
        session=np.array([dates.index(key[1]) for key in keys]),
        treatment=np.array([names.index(key[0]) for key in keys]),
        treatments=names,
    )
    check(found, games, where / CHECK)
    return found


def rows(path: Path) -> list[dict[str, str]]:
    """A CSV file; InputError if it is not there."""
    if not path.is_file():
        raise InputError(f"no file {path}: the data of Dal Bo & Frechette (2011) are not here")
    with path.open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines))


def check(found: People, games: Sequence[int], path: Path) -> None:
    """The persons found are those of the other file, in its order; InputError if not."""
    known: dict[int, dict[tuple[int, int], int]] = {}
    for row in rows(path):
        at = (int(row["game"]), int(row["period"]))
        known.setdefault(int(row["id"]), {})[at] = int(row["choice"] == "c")
    if len(known) != found.person[-1] + 1:
        raise InputError(f"{path}: {len(known)} persons, but {found.person[-1] + 1} in {FILE}")
    side = {(int(p), g): i for i, (p, g) in enumerate(zip(found.person, games, strict=True))}
    for person, (name, choices) in enumerate(sorted(known.items())):
        for (game, period), move in choices.items():
            if found.own[side[person, game], period - 1] != move:
                raise InputError(f"{path}: person {name} chose otherwise in {FILE}, game {game}")


@dataclass(frozen=True, kw_only=True)
class Choices:
    """Choices to be explained: n of them, at round `at` (0 is the first) of side `side`."""

    people: People
    side: Labels
    at: Labels

    @cached_property
    def chosen(self) -> Array:
        return self.people.own[self.side, self.at]

    @cached_property
    def person(self) -> Labels:
        return self.people.person[self.side]

    def terms(self, form: Form, more: Array) -> Array:
        """The terms of a form at each choice and `more` (S, c) of its side, (n, k + c)."""
        known = form.terms(self.people.own, self.people.other)[self.side, self.at]
        return np.concatenate([known, more[self.side]], axis=1)


def choices(people: People, first: bool) -> Choices:
    """All first choices of a game, or all later ones."""
    played = np.arange(people.own.shape[1]) < people.length[:, None]
    side, at = np.nonzero(played)
    kept = (at == 0) == first
    return Choices(people=people, side=side[kept], at=at[kept])


@dataclass(frozen=True, kw_only=True)
class Kinds:
    """Choices with the same terms, counted together: K kinds instead of n choices."""

    terms: Array  # (K, k)
    kind: Labels  # (n,)
    chosen: Array  # (n,)

    @classmethod
    def of(cls, terms: Array, chosen: Array) -> Kinds:
        kinds, kind = np.unique(terms, axis=0, return_inverse=True)
        return cls(terms=kinds, kind=kind, chosen=chosen)

    def counts(self, train: NDArray[np.bool_]) -> tuple[Array, Array]:
        """How many of a mask's choices (n,) of each kind cooperated, and how many there are."""
        kind, size = self.kind[train], len(self.terms)
        good = np.bincount(kind, self.chosen[train], minlength=size).astype(np.float64)
        return good, np.bincount(kind, minlength=size).astype(np.float64)


@dataclass(frozen=True, kw_only=True)
class Linear:
    """Log odds linear in the terms of a form; `halflives`: the most likely one is chosen."""

    form: Form
    halflives: tuple[float, ...] = ()
    earlier: tuple[str, ...] = ()

    @property
    def parameters(self) -> int:
        carried = sum(len(EARLIER[name]) for name in self.earlier)
        return len(self.forms[0].names) + carried + bool(self.halflives)

    @property
    def forms(self) -> list[Form]:
        return [replace(self.form, halflife=h) for h in self.halflives] or [self.form]

    def more(self, people: People, pooled: bool) -> Array:
        """Terms of a side, (S, c): what it carries from earlier games, and its treatment."""
        columns = [i for name in self.earlier for i in EARLIER[name]]
        parts = [people.earlier[:, columns]] if columns else []
        parts += [people.covariates] if pooled else []
        return np.concatenate([np.zeros((len(people.person), 0)), *parts], axis=1)

    def best(self, of: Choices, pooled: bool) -> tuple[Form, Array, Array]:
        """The form with the most likely half-life, its terms, its coefficients."""
        more = self.more(of.people, pooled)
        tried = [(form, of.terms(form, more)) for form in self.forms]
        fits = [(form, terms, logistic(terms, of.chosen)) for form, terms in tried]
        return min(fits, key=lambda fit: float(loss(sigmoid(fit[1] @ fit[2]), of.chosen).sum()))

    def chooses(self, of: Choices, pooled: bool) -> Chooses:
        more = self.more(of.people, pooled)
        kinds = [Kinds.of(of.terms(form, more), of.chosen) for form in self.forms]

        def chooses(train: NDArray[np.bool_]) -> Array:
            tried = []
            for one in kinds:
                good, count = one.counts(train)
                chance = sigmoid(one.terms @ logistic(one.terms, good, count))
                cost = good @ loss(chance, np.ones(1)) + (count - good) @ loss(chance, np.zeros(1))
                tried.append((float(cost), chance[one.kind]))
            return min(tried, key=lambda fit: fit[0])[1]

        return chooses


@dataclass(frozen=True, kw_only=True)
class S3:
    """The balance of evidence (see `agentmem.bench.surrogates.balance`) over all visible rounds."""

    inertia: bool = False

    @property
    def parameters(self) -> int:
        return 6 + self.inertia

    def chooses(self, of: Choices, pooled: bool) -> Chooses:
        people = of.people
        known = [recent(people.other, ALL), recent(1 - people.other, ALL), momentum(people.other)]
        known += [back(people.own)] if self.inertia else []
        shown = np.stack([term[of.side, of.at] for term in known], axis=1)
        if pooled:
            shown = np.concatenate([shown, people.covariates[of.side]], axis=1)
        kinds = Kinds.of(shown, of.chosen)

        def chooses(train: NDArray[np.bool_]) -> Array:
            good, count = kinds.counts(train)
            return balance(kinds.terms, fit_balance(kinds.terms, good, count))[kinds.kind]

        return chooses


def balance(shown: Array, x: Array) -> Array:
    """Chances (n,) from C, D, m and further terms (n, 3 + c) and b, k, r, g, u, e, weights of c."""
    forward, history = 1 + x[4] * np.log1p(shown[:, 0]), BASE + x[3] * np.log1p(shown[:, 1])
    pull = x[0] + x[1] * np.log(forward / history) + x[2] * shown[:, 2] + shown[:, 3:] @ x[6:]
    return np.asarray(x[5] + (1 - 2 * x[5]) * sigmoid(pull))


def fit_balance(shown: Array, good: Array, count: Array) -> Array:
    """The most likely parameters where `good` of `count` cooperated at each row (L-BFGS-B)."""
    from scipy.optimize import minimize

    def cost(x: Array) -> float:
        chance = balance(shown, x)
        cost = good @ loss(chance, np.ones(1)) + (count - good) @ loss(chance, np.zeros(1))
        return float(cost / count.sum())

    more = shown.shape[1] - 3
    bounds = [(-20, 20), (0, 20), (-20, 20), (0, 20), (0, 20), (0, 0.2)] + [(-20, 20)] * more
    start = np.array([0.0, 2.0, 1.0, 0.5, 0.5, 0.02] + [0.0] * more)
    return np.asarray(minimize(cost, start, method="L-BFGS-B", bounds=bounds).x)
