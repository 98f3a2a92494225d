"""What theory says about dividing a pie: ultimatum, alternating offers, demands and trade."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil

import numpy as np

from agentmem.bench.oracles.matrix import Floats
from agentmem.errors import InputError

ROUNDING = 1e-9  # a float this little above a whole number is that number


def best_offer(pie: int, threshold: int) -> tuple[int, float]:
    """Best fixed offer, and its payoff, against a responder who accepts offers >= threshold.

    The threshold itself, unless that leaves nothing: then the least offer, which is as good.
    """
    offer = max(range(pie + 1), key=lambda some: pie - some if some >= threshold else 0)
    return offer, float(pie - offer if offer >= threshold else 0)


def rubinstein(own: float, other: float) -> float:
    """First proposer's share of alternating offers without end (Rubinstein 1982), in [0, 1].

    (1 - d2) / (1 - d1 d2) for discounts per round `own` d1 and `other` d2 in [0, 1), not both 1;
    1 / (1 + d) if they are alike.  A chance q of breaking down after a round counts as d = 1 - q.
    """
    _discounts(own, other)
    if own == other == 1:
        raise InputError("two patient players (discount 1) may divide the pie in any way")
    return (1 - other) / (1 - own * other)


def rubinstein_alike(discount: float, rounds: int) -> float:
    """The same with one discount d and at most M rounds: (1 - (-d)^M) / (1 + d) (Stahl 1972)."""
    _discounts(discount)
    return float((1 - (-discount) ** _rounds(rounds)) / (1 + discount))


def rubinstein_within(own: float, other: float, rounds: int) -> float:
    """The same with two discounts, by backward induction: V_M = 1, V_n = 1 - d V_(n+1).

    d is the discount of who responds in round n.
    """
    _discounts(own, other)
    value = 1.0
    for number in range(_rounds(rounds) - 1, 0, -1):
        value = 1 - (other if number % 2 else own) * value
    return value


def alternating(pie: int, own: float, other: float, rounds: int) -> tuple[int, ...]:
    """Subgame-perfect offers of rounds 1..M where only whole units of the pie can be offered.

    The responder accepts what it is at least indifferent to: o = ceil(d V) of its value V as the
    next proposer.  Rounding adds up over the rounds, so that this departs from the closed forms
    unless the pie is large.  `own` is the discount of who proposes first.

    No proposer would rather be refused: V is whole, so that o <= V, and it keeps at least what
    the next round would leave it.
    """
    _discounts(own, other)
    if pie < 1:
        raise InputError(f"pie {pie}: give at least one unit")
    offers: list[int] = []
    value = 0  # of the next round to its proposer
    for number in range(_rounds(rounds), 0, -1):
        offers.append(ceil((other if number % 2 else own) * value - ROUNDING))
        value = pie - offers[-1]
    return tuple(reversed(offers))


def efficiency(discount: float, number: int) -> float:
    """Share of the pie left when the deal is made in round `number`: d^(n-1)."""
    _discounts(discount)
    return float(discount ** (_rounds(number) - 1))


def demands(pie: int) -> Floats:
    """(2, pie + 1, pie + 1): points of the Nash demand game; action i demands i units.

    Both get their demand if they fit together, else nothing (Nash 1953).
    """
    own = np.arange(pie + 1, dtype=np.float64)[:, None].repeat(pie + 1, axis=1)
    fits = own + own.T <= pie
    return np.stack([own * fits, own.T * fits])


@dataclass(frozen=True, slots=True, kw_only=True)
class Mixed:
    """The symmetric equilibrium of a demand game in which both demand `low` or pie - low."""

    low: float  # chance of demanding the less
    deal: float  # chance of a deal
    efficiency: float  # expected share of the pie that is paid out


def demand_mixed(pie: int, low: int) -> Mixed:
    """Mixed equilibrium on {low, pie - low}: demanding less pays low, more pays (pie - low) p.

    So p = low / (pie - low), a deal unless both demand more.
    """
    if not 0 < 2 * low < pie:
        raise InputError(f"low {low}: give a whole number from 1 to {(pie - 1) // 2}")
    p = low / (pie - low)
    both = p * p
    return Mixed(
        low=p,
        deal=1 - (1 - p) ** 2,
        efficiency=both * 2 * low / pie + 2 * p * (1 - p),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Trade:
    """The efficient outcome between a seller with a cost and a buyer with a value."""

    traded: bool
    surplus: float  # value - cost, 0 without trade
    price: float | None  # halving the surplus, the Nash solution; None without trade


def trade(cost: float, value: float) -> Trade:
    """They should trade just if value > cost; not trading is efficient otherwise."""
    if value <= cost:
        return Trade(traded=False, surplus=0.0, price=None)
    return Trade(traded=True, surplus=value - cost, price=(value + cost) / 2)


def trade_efficiency(cost: float, value: float, price: float | None) -> float:
    """Share of the possible surplus that was had, in [0, 1]; `price` None: no deal.

    Without a zone of agreement, no deal is worth 1 and a deal 0.
    """
    efficient = trade(cost, value)
    return float((price is not None) == efficient.traded)


def _discounts(*discounts: float) -> None:
    for discount in discounts:
        if not 0 <= discount <= 1:
            raise InputError(f"discount {discount}: give a number from 0 to 1")


def _rounds(rounds: int) -> int:
    if rounds < 1:
        raise InputError(f"round {rounds}: give a whole number >= 1")
    return rounds
