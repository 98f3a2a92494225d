"""The simulated players of `human.py`: fitted, written, and played against people's partners."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from people import Linear, People, choices

from agentmem.bench.fitting import Array, Labels, clustered, mean_error, sigmoid
from agentmem.bench.surrogates.features import Form, back
from agentmem.bench.surrogates.human import POOLED, Human, fitted, name_of

ROOT = Path(__file__).resolve().parent.parent
PLAYERS = ROOT / "agentmem" / "bench" / "surrogates" / "human.json"
OBSERVED = ROOT / "tests" / "data" / "human_pd.json"
SOURCE = (
    "Dal Bo, P. and G. R. Frechette (2011): The evolution of cooperation in infinitely repeated "
    "games: Experimental evidence. American Economic Review 101, 411-429. Copyright 2011 American "
    "Economic Association; CC BY 4.0, https://creativecommons.org/licenses/by/4.0/; by way of the "
    "R package stratEst. Changed: coefficients and averages computed from the choices."
)
REPLAYS = 20
FEW = 100  # a mean of fewer choices is not compared
OUTCOMES = {"CC": (1, 1), "CD": (1, 0), "DC": (0, 1), "DD": (0, 0)}  # own, partner's last move


def fit_players(people: People, models: Mapping[str, Linear]) -> dict[str, Any]:
    """The players of each treatment, and of all, for each model by the end of its name."""
    found = {}
    for end, model in models.items():
        found[f"{POOLED}{end}"] = fit_one(people, model, True)
        for treatment, some in parts(people).items():
            found[f"{name_of(treatment)}{end}"] = fit_one(some, model, False)
    return {"source": SOURCE, "made by": "bench/human.py --write", "players": found}


def fit_one(people: People, model: Linear, pooled: bool) -> dict[str, Any]:
    """One player.  Pooled: treatments shift the log odds; the player stands at their middle."""
    later, first = choices(people, False), choices(people, True)
    form, terms, weights = model.best(later, pooled)
    errors = clustered(terms, later.chosen, weights, later.person)
    _, start_terms, start = Linear(form=Form()).best(first, pooled)
    start_error = clustered(start_terms, first.chosen, start, first.person)[0]
    return {
        "choices": len(later.side) + len(first.side),
        "persons": len(np.unique(people.person)),
        "form": vars(form),
        "first": {
            "rate": rounded(sigmoid(start[:1])[0]),
            "log odds": rounded(start[0]),
            "se": rounded(start_error),
        },
        "weights": dict(zip(form.names, map(rounded, weights), strict=False)),
        "se": dict(zip(form.names, map(rounded, errors), strict=False)),
    }


def rounded(x: Any) -> float:
    return round(float(x), 5)


def averages(
    values: Array, own: Array, other: Array, length: Labels, person: Labels
) -> dict[str, Any]:
    """Means of values (S, T) after each outcome and in each round, of moves (S, T).

    Each is mean, standard error clustered by person (S,), and number of choices.
    """
    played = np.arange(own.shape[1]) < length[:, None]
    whose = np.broadcast_to(person[:, None], own.shape)

    def cell(here: NDArray[np.bool_]) -> list[float]:
        return [*map(rounded, mean_error(values[here], whose[here])), int(here.sum())]

    mine, theirs = back(own)[:, :-1], back(other)[:, :-1]
    later = played & (np.arange(own.shape[1]) > 0)
    after = {k: cell(later & (mine == a) & (theirs == b)) for k, (a, b) in OUTCOMES.items()}
    number = np.broadcast_to(np.arange(own.shape[1]), own.shape)
    rounds = [cell(played & (number == t)) for t in range(int(length.max()))]
    return {"after": after, "rounds": rounds}


def observed(people: People) -> dict[str, Any]:
    """The averages of people's choices."""
    return averages(people.own, people.own, people.other, people.length, people.person)


def replay(player: Human, other: Array, length: Labels, seed: int) -> Array:
    """The player's moves (S, T) against partners who move as people's partners did (S, T)."""
    rng = np.random.default_rng(seed)
    own = np.zeros_like(other)
    for t in range(other.shape[1]):
        on = np.flatnonzero(length > t)
        chance = player.chances(own[on, :t], other[on, :t])[:, -1]
        own[on, t] = rng.random(len(on)) < chance
    return own


def among(player: Human, length: Labels, seed: int) -> Array:
    """Moves (2, S, T) of two such players in S games of so many rounds."""
    rng = np.random.default_rng(seed)
    moves = np.zeros((2, len(length), int(length.max())))
    for t in range(moves.shape[2]):
        on = np.flatnonzero(length > t)
        chance = player.chances(moves[:, on, :t], moves[::-1, on, :t])[..., -1]
        moves[:, on, t] = rng.random((2, len(on))) < chance
    return moves


def validated(people: People, player: Human, seed: int) -> dict[str, Any]:
    """Averages of the people of one treatment and of their player, and greatest distances.

    `replay`: against the same moves of partners, which no longer answer; `among`: the players meet
    each other in games of the same lengths; `ahead`: the chance of each choice, along people's
    own histories.
    """
    other, length = np.tile(people.other, (REPLAYS, 1)), np.tile(people.length, REPLAYS)
    side, real = np.arange(len(length)), observed(people)
    own = replay(player, other, length, seed)
    one, two = among(player, length, seed)
    expected = player.chances(people.own, people.other)[:, :-1]
    made = {
        "replay": averages(own, own, other, length, side),
        "among": averages(one, one, two, length, side),
        "ahead": averages(expected, people.own, people.other, people.length, people.person),
    }
    return {"people": real, **made, "distance": {k: distance(real, m) for k, m in made.items()}}


def distance(real: Mapping[str, Any], made: Mapping[str, Any]) -> dict[str, float]:
    """Greatest distances: after an outcome, and in a round of FEW choices or more."""
    after = [abs(made["after"][k][0] - real["after"][k][0]) for k in OUTCOMES]
    pairs = zip(made["rounds"], real["rounds"], strict=True)
    rounds = [abs(one[0] - two[0]) for one, two in pairs if two[2] >= FEW]
    return {"after": rounded(max(after)), "round": rounded(max(rounds))}


def write(people: People, models: Mapping[str, Linear]) -> None:
    """The committed fit, and the observed averages that its tests use."""
    PLAYERS.write_text(json.dumps(fit_players(people, models), indent=1) + "\n", encoding="utf-8")
    seen = {name_of(treatment): observed(some) for treatment, some in parts(people).items()}
    text = json.dumps({"source": SOURCE, "observed": seen})
    OBSERVED.write_text(text + "\n", encoding="utf-8")
    fitted.cache_clear()


def parts(people: People) -> dict[str, People]:
    """The people of each treatment."""
    return {treatment: people.of(treatment) for treatment in people.treatments}
