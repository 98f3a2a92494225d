"""What theory says about the games: equilibria, thresholds and closed forms to test against."""

from __future__ import annotations

from itertools import product

from agentmem.bench.games import Prisoners, Round, Ultimatum


def equilibria(game: Prisoners) -> list[tuple[str, str]]:
    """Pure one-shot Nash equilibria, by enumeration."""

    def best(mine: str, other: str) -> bool:
        return game.own(mine, other) >= max(game.own(move, other) for move in "CD")

    return [(a, b) for a, b in product("CD", "CD") if best(a, b) and best(b, a)]


def grim_threshold(game: Prisoners) -> float:
    """Least chance of another round at which grim trigger sustains cooperation.

    (T - R) / (T - P): what one defection gains now against what it loses for good.
    """
    m = game.matrix
    return (m["T"] - m["R"]) / (m["T"] - m["P"])


def reactive_cooperation(p: float, q: float, noise: float = 0.0) -> float:
    """Long-run cooperation in self-play of a reactive strategy (p after C, q after D).

    c = q' / (1 - (p' - q')), where p' = (1 - 2e) p + e and q' = (1 - 2e) q + e: each move is
    flipped with chance e (Nowak and Sigmund 1992).
    """
    pe, qe = (1 - 2 * noise) * p + noise, (1 - 2 * noise) * q + noise
    return qe / (1 - (pe - qe))


def generous(game: Prisoners) -> float:
    """The most forgiving chance of cooperating after a defection that still deters.

    min(1 - (T - R) / (R - S), (R - P) / (T - P)) (Molander 1985): 1/3 for Axelrod's payoffs,
    1/2 for the primary ones.
    """
    t, r, p, s = (game.matrix[key] for key in "TRPS")
    return min(1 - (t - r) / (r - s), (r - p) / (t - p))


def best_offer(game: Ultimatum, threshold: int) -> tuple[int, float]:
    """Best fixed offer, and its payoff, against a responder who accepts offers >= threshold."""

    def points(offer: int) -> float:
        answer = "accept" if offer >= threshold else "reject"
        return game.pay(Round(number=1, moves={0: offer, 1: answer}))[0]

    best = max(range(game.pie + 1), key=points)
    return best, points(best)
