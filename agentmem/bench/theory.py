"""The oracles put to the games of this package: their matrices, equilibria and thresholds."""

from __future__ import annotations

from itertools import product

import numpy as np

from agentmem.bench.games import Act, Game, Move, Prisoners, Round, Ultimatum
from agentmem.bench.oracles import bargaining, matrix
from agentmem.errors import InputError


def actions(game: Game) -> tuple[tuple[Move, ...], ...]:
    """The moves of each seat in a game of one step, in the order of `payoff_array`.

    InputError where not all seats move at once.
    """
    stage = game.stage(Round(number=1))
    if stage is None or sorted(stage.seats) != list(range(game.seats)):
        raise InputError(f"{game.name}: the seats do not all move at once, so there is no matrix")
    return (stage.legal,) * game.seats


def payoff_array(game: Game) -> matrix.Floats:
    """Points of each seat in a game of one step, shape (seats, n_0, ..., n_k), as it pays them.

    The actions are those of `actions`.  InputError for a game of several steps.
    """
    moves = actions(game)
    points = []
    for profile in product(*moves):
        acts = tuple(Act(seat, move) for seat, move in enumerate(profile))
        played = Round(number=1, acts=acts)
        if game.stage(played) is not None:
            raise InputError(f"{game.name}: a round has several steps, so there is no matrix")
        points.append(game.pay(played))
    return np.array(points, dtype=np.float64).T.reshape(game.seats, *map(len, moves))


def equilibria(game: Game) -> list[tuple[Move, ...]]:
    """Pure one-shot Nash equilibria of a game of one step, as moves."""
    moves = actions(game)
    return [
        tuple(moves[seat][i] for seat, i in enumerate(profile))
        for profile in matrix.pure_equilibria(payoff_array(game))
    ]


def grim_threshold(game: Prisoners) -> float:
    """Least chance of another round at which grim trigger sustains cooperation."""
    return max(matrix.grim(matrix.prisoners(**_payoffs(game)), (0, 0), (1, 1)))


def generous(game: Prisoners) -> float:
    """The most forgiving chance of cooperating after a defection that still deters."""
    return matrix.generous_forgiveness(**_payoffs(game))


def best_offer(game: Ultimatum, threshold: int) -> tuple[int, float]:
    """Best fixed offer, and its payoff, against a responder who accepts offers >= threshold."""
    return bargaining.best_offer(game.pie, threshold)


def _payoffs(game: Prisoners) -> dict[str, float]:
    """T, R, P and S by the names that formulas give them."""
    return {name.lower(): game.matrix[name] for name in "TRPS"}
