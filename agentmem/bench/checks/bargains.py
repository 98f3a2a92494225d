"""The bargaining games: equilibria, closed forms, and the best of every division."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

import numpy as np

from agentmem.bench.checks.check import Check, near, same
from agentmem.bench.games import Act, Demand, Round, Rubinstein, Ultimatum
from agentmem.bench.games.scenarios import Scenario, Scenarios, best, scenarios
from agentmem.bench.keys import generator
from agentmem.bench.oracles import bargaining
from agentmem.bench.theory import best_offer, equilibria

# Discount, most offers, and what the first proposer keeps of 100 whole units.
KEPT = (
    (0.9, 1, 100),
    (0.9, 2, 10),
    (0.9, 3, 91),
    (0.9, 10, 34),
    (0.9, 11, 69),
    (0.9, 99, 55),
    (0.95, 99, 59),
)
SCENARIOS = 50  # of our own that are divided again by hand


def checks() -> Iterator[Check]:
    """Ultimatum, alternating offers, demands, divisions, trade."""
    yield from _ultimatum()
    yield from _rubinstein()
    yield from _demand()
    for source in ("own", "casino"):
        yield from _division(source, scenarios(source))
    yield from _like_openspiel(scenarios("own"))
    yield from _trade()


def _ultimatum() -> Iterator[Check]:
    game = Ultimatum()
    kept = [game.made(1, offer, "accept").payoffs[0] for offer in range(game.pie + 1)]
    what = "ultimatum: best offer and points against thresholds 3 and 6"
    found = [(offer, kept[offer]) for offer, _ in (best_offer(game, 3), best_offer(game, 6))]
    yield same(what, "by enumeration", [(3, 7.0), (6, 4.0)], found)


def _rubinstein() -> Iterator[Check]:
    for discount, most, kept in KEPT:
        game = Rubinstein(discount=discount, most=most)
        found = game.pie - game.equilibrium(0)[0]
        what = f"rubinstein: first proposer keeps, discount {discount}, {most} offers"
        yield same(what, "backward induction", kept, found)
    yield near(
        "rubinstein without end: first share, discounts .9/.9 and .9/.8",
        "Rubinstein 1982",
        (1 / 1.9, 0.2 / 0.28),
        (bargaining.rubinstein(0.9, 0.9), bargaining.rubinstein(0.9, 0.8)),
        1e-12,
    )
    yield near(
        "rubinstein, 1, 2, 3, 10 and 11 offers: first share, discount .9",
        "Stahl 1972",
        (1, 0.1, 0.91, 0.3428, 0.6915),
        [bargaining.rubinstein_within(0.9, 0.9, most) for most in (1, 2, 3, 10, 11)],
        5e-5,
    )
    game = Rubinstein(pie=1_000_000, most=11)
    yield near(
        "rubinstein, a large pie: first share nears the closed form",
        "Stahl 1972",
        bargaining.rubinstein_alike(0.9, 11),
        1 - game.equilibrium(0)[0] / game.pie,
        1e-5,
    )
    opening = game.proposer(1, 1)
    late = _agreed(Rubinstein(), 3, 50)
    what = "rubinstein: points of halves agreed on at offer 3, discount .9"
    yield near(what, "50 x .9^2", (40.5, 40.5), late, 1e-9)
    yield same(
        "rubinstein: who opens games 1 and 2", "rules", (opening, 1 - opening), _openers(game)
    )


def _openers(game: Rubinstein) -> tuple[int, int]:
    """Who is asked first in the first two games."""
    first, second = (game.stage(Round(number=number)) for number in (1, 2))
    return (first.seats[0], second.seats[0]) if first and second else (-1, -1)


def _agreed(game: Rubinstein, turn: int, offer: int) -> tuple[float, ...]:
    """What a game pays in which an offer is accepted after others were refused."""
    acts: list[Act] = []
    for number in range(1, turn + 1):
        seat = game.proposer(1, number)
        acts += [Act(seat, offer), Act(1 - seat, "accept" if number == turn else "reject")]
    return game.pay(Round(number=1, acts=tuple(acts)))


def _demand() -> Iterator[Check]:
    game = Demand()
    expected = [(x, game.pie - x) for x in range(game.pie + 1)] + [(game.pie, game.pie)]
    yield same("demand: pure equilibria", "Nash 1953", expected, equilibria(game))
    mixed = bargaining.demand_mixed(game.pie, 4)
    found = (mixed.low, mixed.deal, mixed.efficiency)
    what = "demand: mixed over 4 and 6: chance of 4, of a deal, efficiency"
    yield near(what, "indifference", (2 / 3, 8 / 9, 0.8), found, 1e-9)


def _division(source: str, found: Scenarios) -> Iterator[Check]:
    """The enumeration against loops that know nothing of arrays."""
    rng = generator("checks", source)
    chosen = rng.sample(found.all, min(SCENARIOS, len(found.all)))
    wrong = sum(not _agrees(one, found.walk_away) for one in chosen)
    yield same(
        f"division, {source}: welfare, Nash and Pareto sets that differ, of {len(chosen)}",
        "by enumeration",
        0,
        wrong,
    )


def _like_openspiel(found: Scenarios) -> Iterator[Check]:
    """Our 1,000 scenarios beside those of OpenSpiel's `bargaining`, made under the same rules."""
    could = [best(one, found.walk_away).division for one in found.all]
    means = (
        np.mean([one.welfare for one in could]),
        np.mean([one.nash for one in could]),
        np.mean([one.egalitarian for one in could]),
        np.mean([len(one.frontier) for one in could]),
    )
    yield near(
        "division, own: mean welfare, Nash product, max-min and size of the frontier",
        "OpenSpiel's 1,000",
        (15.12, 56.12, 6.60, 4.35),
        [float(mean) for mean in means],
        (0.2, 1.0, 0.1, 0.1),
    )


def _agrees(one: Scenario, walk_away: int) -> bool:
    """Whether welfare, greatest product and Pareto set are those of plain loops."""
    points = set()
    for share in product(*(range(n + 1) for n in one.pool)):
        mine = sum(a * v for a, v in zip(share, one.values[0], strict=True))
        rest = zip(one.pool, share, one.values[1], strict=True)
        points.add((float(mine), float(sum((n - a) * v for n, a, v in rest))))
    frontier = {
        (a, b)
        for a, b in points
        if not any(x >= a and y >= b and (x, y) != (a, b) for x, y in points)
    }
    division = best(one, walk_away).division
    return (
        division.welfare == max(a + b for a, b in points)
        and division.nash == max(a * b for a, b in points)
        and {(float(a), float(b)) for a, b in division.frontier} == frontier
    )


def _trade() -> Iterator[Check]:
    deal, none = bargaining.trade(40, 60), bargaining.trade(60, 40)
    found = ((deal.traded, deal.surplus, deal.price), (none.traded, none.surplus, none.price))
    expected = ((True, 20, 50.0), (False, 0.0, None))
    yield same("trade: surplus and price with and without gains", "Nash 1950", expected, found)
