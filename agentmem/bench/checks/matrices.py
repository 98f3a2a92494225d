"""The dilemmas as matrices: payoffs, one-shot equilibria, and the patience that cooperation takes.

The matrices of the games come from playing every profile of moves; those of theory from formulas.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from agentmem.bench.checks.check import Check, near, same
from agentmem.bench.games import (
    Act,
    Dilemma,
    Investment,
    Move,
    Prisoners,
    PublicGoods,
    Round,
    Travelers,
    Trust,
)
from agentmem.bench.oracles import matrix
from agentmem.bench.theory import equilibria, grim_threshold, payoff_array

COOPEVAL = "CoopEval, arXiv 2604.15267"

# Game, what it should pay, and the profile that no seat wants to leave.
GAMES: tuple[tuple[str, str, Dilemma, matrix.Floats, tuple[Move, ...]], ...] = (
    (
        "prisoners, primary",
        COOPEVAL,
        Prisoners(),
        matrix.prisoners(t=3, r=2, p=1, s=0),
        ("D", "D"),
    ),
    (
        "prisoners, textbook",
        "Axelrod 1984",
        Prisoners(payoffs="textbook"),
        matrix.prisoners(t=5, r=3, p=1, s=0),
        ("D", "D"),
    ),
    ("travelers, primary", COOPEVAL, Travelers(), matrix.travelers(2, 5, 2), (2, 2)),
    (
        "travelers, textbook",
        "Basu 1994",
        Travelers(payoffs="textbook"),
        matrix.travelers(2, 100, 2),
        (2, 2),
    ),
    (
        "public goods, primary",
        COOPEVAL,
        PublicGoods(),
        np.flip(matrix.public_goods(3, 1, 1.5), axis=(1, 2, 3)),
        ("D", "D", "D"),
    ),
    (
        "public goods, textbook",
        "linear public goods",
        PublicGoods(payoffs="textbook"),
        matrix.public_goods(3, 20, 1.6),
        (0, 0, 0),
    ),
    (
        "trust, primary",
        COOPEVAL,
        Trust(),
        matrix.trust((10, 10), (0, 20), (6, 2), (4, 4)),
        ("D", "D"),
    ),
)


def checks() -> Iterator[Check]:
    """Payoffs and equilibria of each game, then how patient players have to be."""
    for name, source, game, expected, profile in GAMES:
        array = payoff_array(game)
        wrong = int((~np.isclose(array, expected)).sum()) if array.shape == expected.shape else -1
        what = f"{name}: payoffs that differ, of {expected.size:,}"
        yield same(what, source, 0, wrong)
        yield same(f"{name}: one-shot equilibria", "by enumeration", [profile], equilibria(game))
    yield from _investment()
    yield from _patience()


def _investment() -> Iterator[Check]:
    """Berg, Dickhaut and McCabe (1995): backward induction leaves nothing to send."""
    game = Investment()
    best = []
    for sent in range(game.endowment + 1):
        pays = [_paid(game, sent, back)[1] for back in range(game.factor * sent + 1)]
        best.append(int(np.argmax(pays)))
    gains = [_paid(game, sent, back)[0] for sent, back in enumerate(best)]
    found = (int(np.argmax(gains)), set(best))
    what = "investment: sent, and sent back, by backward induction"
    yield same(what, "Berg et al. 1995", (0, {0}), found)
    what = "investment: points if all is sent and half comes back"
    yield same(what, "Berg et al. 1995", (15.0, 15.0), _paid(game, 10, 15))


def _paid(game: Investment, sent: int, back: int) -> tuple[float, ...]:
    acts = (Act(0, sent), Act(1, back)) if sent else (Act(0, sent),)
    return game.pay(Round(number=1, acts=acts))


def _patience() -> Iterator[Check]:
    """Least chances of another round at which grim trigger holds (Friedman 1971)."""
    source = "Friedman 1971"
    for payoffs in ("primary", "textbook"):
        found = grim_threshold(Prisoners(payoffs=payoffs))
        yield near(f"prisoners, {payoffs}: grim trigger", source, 0.5, found, 1e-9)
    dilemmas: tuple[tuple[str, Dilemma, tuple[int, ...], tuple[int, ...], tuple[float, ...]], ...]
    dilemmas = (
        ("travelers, primary", Travelers(), (3, 3), (0, 0), (0.25, 0.25)),
        ("public goods, primary", PublicGoods(), (0, 0, 0), (1, 1, 1), (0.5, 0.5, 0.5)),
        ("trust, primary", Trust(), (0, 0), (1, 1), (0.0, 0.625)),
    )
    for name, game, agreed, punishment, expected in dilemmas:
        by_seat = matrix.grim(payoff_array(game), agreed, punishment)
        yield near(f"{name}: grim trigger, by seat", source, expected, by_seat, 1e-9)
    terms = {name.lower(): value for name, value in Prisoners(payoffs="textbook").matrix.items()}
    what = "prisoners, textbook: tit for tat"
    yield near(what, "Axelrod 1984, prop. 2", 2 / 3, matrix.tit_for_tat(**terms), 1e-9)
    what = "prisoners, textbook: forgiveness that deters"
    yield near(what, "Molander 1985", 1 / 3, matrix.generous_forgiveness(**terms), 1e-9)
