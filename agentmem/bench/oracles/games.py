"""The oracles put to the games of this package."""

from __future__ import annotations

from agentmem.bench.games import Prisoners, Ultimatum
from agentmem.bench.oracles import bargaining, matrix

MOVES = "CD"


def payoffs_of(game: Prisoners) -> matrix.Floats:
    """(2, 2, 2): the points of a dilemma for its moves C and D."""
    return matrix.prisoners(**{name.lower(): game.matrix[name] for name in "TRPS"})


def equilibria(game: Prisoners) -> list[tuple[str, str]]:
    """Pure one-shot Nash equilibria, as moves."""
    return [(MOVES[a], MOVES[b]) for a, b in matrix.pure_equilibria(payoffs_of(game))]


def grim_threshold(game: Prisoners) -> float:
    """Least chance of another round at which grim trigger sustains cooperation."""
    return max(matrix.grim(payoffs_of(game), (0, 0), (1, 1)))


def generous(game: Prisoners) -> float:
    """The most forgiving chance of cooperating after a defection that still deters."""
    return matrix.generous_forgiveness(**{name.lower(): game.matrix[name] for name in "TRPS"})


def best_offer(game: Ultimatum, threshold: int) -> tuple[int, float]:
    """Best fixed offer, and its payoff, against a responder who accepts offers >= threshold."""
    return bargaining.best_offer(game.pie, threshold)
