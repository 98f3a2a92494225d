"""Minds and strategies whose play is solved: the windowed grudge, retaliation, reactive strategies.

Where an expected figure comes from a formula and the found one from play, four standard errors of
the found one are allowed.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import sqrt
from pathlib import Path

import numpy as np

from agentmem.bench.checks.check import Check, near
from agentmem.bench.games import Prisoners
from agentmem.bench.loading import read_suite
from agentmem.bench.match import Match, Played
from agentmem.bench.once import play
from agentmem.bench.oracles import reactive_cooperation
from agentmem.bench.oracles.grudge import Grudge
from agentmem.bench.oracles.retaliation import Retaliation, exponential, lifetime, window
from agentmem.bench.players import scripted
from agentmem.bench.playing import direct
from agentmem.bench.seats import ScriptedSeat
from agentmem.clock import SimulatedClock
from agentmem.reading import Reader
from agentmem.steps import run

ERRORS = 4.0  # standard errors allowed
TREMBLE = 0.02
MATCHES, ROUNDS = 20, 500  # of scripted players
SEEDS, LIVED = 6, 200  # runs and rounds of the windowed grudge with a memory
LIVED_WINDOWS = (2, 10)
PROVOKED = 6000  # rounds of linear retaliation
SHOWN, HALF_LIVES = (2, 10, 20), (3, 10)  # rounds for which a harm stays visible, and half of it

# Windows, and cooperation in the long run, solved exactly for e = .01, q = .7.
CHAIN = ((0, 1, 2, 5, 10, 20, 80), (0.9900, 0.9859, 0.9778, 0.9052, 0.7295, 0.7003, 0.7000))


def checks() -> Iterator[Check]:
    """Grudges, retaliation, reactive strategies."""
    windows, shares = CHAIN
    found = [Grudge(window=h).self_play() for h in windows]
    what = f"windowed grudge: cooperation in the long run, windows {windows}"
    yield near(what, "Markov chain", shares, found, 5e-5)
    yield from _grudges_lived()
    yield from _retaliation()
    yield from _reactive()


def _grudges_lived() -> Iterator[Check]:
    """The same mind as a chat model, with a memory, a prompt and a reply each round."""
    body = {
        "games": {"prisoners": {"rounds": LIVED}},
        "players": ["surrogate:s1"],
        "windows": list(LIVED_WINDOWS),
        "seeds": SEEDS,
    }
    suite = read_suite(Reader("check", Path()), body, "check")
    played: dict[int, list[float]] = {}
    for job in suite.jobs():
        row = run(play(suite, job, direct, lambda event: None))
        played.setdefault(row["window"], []).append(row["cooperation"])
    for h, runs in played.items():
        expected = Grudge(window=h).self_play(LIVED)
        what = f"windowed grudge with a memory: window {h}, {SEEDS} x {LIVED} rounds"
        yield near(what, "Markov chain", expected, float(np.mean(runs)), _allowed(runs))


def _retaliation() -> Iterator[Check]:
    """Share of defections against mu / (1 - R0), 5 % relative, for windows and forgetting."""
    mind, rng = Retaliation(), np.random.default_rng(0)
    curves = {f"window {h}": window(h) for h in SHOWN}
    curves |= {f"half-life {h}": exponential(h) for h in HALF_LIVES}
    for name, visible in curves.items():
        expected = mind.defection(lifetime(visible))
        found = mind.simulate(visible, runs=200, rounds=PROVOKED, rng=rng)
        what = f"linear retaliation: share of defections, {name}"
        yield near(what, "Hawkes 1971", expected, found, 0.05 * expected)


def _reactive() -> Iterator[Check]:
    """Noisy matches of this package against the closed form of reactive strategies."""
    for name, forgive in (("tft", 0.0), ("gtft", 1 / 3)):
        expected = reactive_cooperation(1.0, forgive, TREMBLE)
        runs = [_scripted(name, seed) for seed in range(MATCHES)]
        what = f"{name} against itself, tremble {TREMBLE}, {MATCHES} x {ROUNDS} rounds"
        yield near(what, "Nowak & Sigmund 1992", expected, float(np.mean(runs)), _allowed(runs))


def _scripted(name: str, seed: int) -> float:
    """Cooperation in a match of a strategy against itself."""
    game = Prisoners(rounds=ROUNDS, tremble=TREMBLE).seeded(seed)
    seats = [ScriptedSeat(player=scripted(game.name, name)) for _ in range(game.seats)]
    match = Match(
        game=game, seats=seats, seed=seed, clock=SimulatedClock(), emit=lambda event: None
    )
    finished: Played = match.play()
    moves = [move for played in finished.valid for move in played.moves.values()]
    return sum(move == "C" for move in moves) / len(moves)


def _allowed(runs: Sequence[float]) -> float:
    return ERRORS * float(np.std(runs, ddof=1)) / sqrt(len(runs))
