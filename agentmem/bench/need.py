"""A world in which what was needed lately is needed again: P(need) falls as a power of the lag.

In newspapers, mail and speech the odds that a thing is needed fall as a power law of the time since
it was needed last (Anderson & Schooler 1991), and things differ in how much they are in demand, by
a gamma distribution (Burrell 1985; Anderson & Milson 1989).  So here, per hour,

    hazard of item i at lag u hours = rate x demand_i x u ** -decay,  u >= 1

What remembers well here keeps by recency and frequency together; how well is told against the
keeper that knows the future (Belady 1966).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from agentmem.core import Floats, Ints
from agentmem.counterfactual import belady
from agentmem.errors import InputError

HOUR = 3600.0
BINS = 12  # of equal width in log lag, for the slope
LEAST = 5  # needs that a bin must have to count


@dataclass(frozen=True, kw_only=True)
class Needs:
    """Who was needed when.  The first time of an item is when it is learned."""

    at: Floats  # seconds, shape (m,), ascending
    item: Ints  # 0..n-1, shape (m,)
    demand: Floats  # shape (n,), mean about 1
    span: float  # seconds
    decay: float

    def __len__(self) -> int:
        return len(self.at)

    @property
    def again(self) -> NDArray[np.bool_]:
        """Which needs are not the first of their item, shape (m,)."""
        again = np.ones(len(self.at), dtype=np.bool_)
        again[np.unique(self.item, return_index=True)[1]] = False
        return again


def needs(
    *,
    items: int = 500,
    span: float = 4000 * HOUR,
    decay: float = 0.8,
    rate: float = 0.07,
    shape: float = 1.0,
    seed: int = 0,
) -> Needs:
    """Draw a world; the same arguments, the same needs.

    `items` are learned evenly over `span` seconds.  `rate` > 0, per hour at a lag of one hour;
    `decay` > 0; `shape` of the gamma distribution of demand, inf for items all alike.  InputError
    for arguments out of range.
    """
    if not (items >= 1 and span > 0 and decay > 0 and rate > 0 and shape > 0):
        raise InputError(
            f"needs(items={items}, span={span}, decay={decay}, rate={rate}, shape={shape}): "
            "every one must be above 0"
        )
    rng = np.random.default_rng(seed)
    demand = np.ones(items) if np.isinf(shape) else rng.gamma(shape, 1.0 / shape, items)
    drawn = list(_draw(np.sort(rng.random(items)) * span, demand * rate, decay, span, rng))
    at, item = (np.concatenate(parts) for parts in zip(*drawn, strict=True))
    order = np.lexsort((item, at))
    return Needs(at=at[order], item=item[order], demand=demand, span=span, decay=decay)


def _draw(
    at: Floats, rate: Floats, decay: float, span: float, rng: np.random.Generator
) -> Iterator[tuple[Floats, Ints]]:
    """Round after round, each item's next need, until all lie beyond the span."""
    item: Ints = np.arange(len(at))
    while len(item):
        yield at, item
        with np.errstate(over="ignore", divide="ignore"):  # inf: never
            at = at + HOUR * lag(rng.exponential(size=len(item)) / rate[item], decay)
        inside = at < span
        at, item = at[inside], item[inside]


def lag(risk: Floats, decay: float) -> Floats:
    """The lag in hours, >= 1, at which the integral of u ** -decay from 1 on reaches `risk`.

    inf where it never does.  With exponential `risk`, the lags have the hazard u ** -decay.
    """
    if decay == 1.0:
        logs = risk
    else:
        grown = (1.0 - decay) * risk
        with np.errstate(divide="ignore", invalid="ignore"):
            logs = np.where(grown > -1.0, np.log1p(grown) / (1.0 - decay), np.inf)
    with np.errstate(over="ignore"):
        lags: Floats = np.exp(logs)
    return lags


def hazard(world: Needs, bins: int = BINS) -> tuple[Floats, Floats, Floats]:
    """What was measured in a world: (lag in hours, needs per hour at demand 1, number of needs).

    In `bins` bins of equal width in log lag, shape (bins,) each.  An item counts in a bin for as
    long as its lag lay in it, times its demand.
    """
    order = np.lexsort((world.at, world.item))
    at, item = world.at[order], world.item[order]
    last = np.append(item[1:] != item[:-1], True)  # nothing more was seen of it until the end
    lags = np.where(last, world.span - at, np.append(at[1:], 0.0) - at) / HOUR
    edges = np.geomspace(1.0, world.span / HOUR, bins + 1)
    inside = np.clip(lags[:, None], edges[:-1], edges[1:]) - edges[:-1]  # hours in each bin
    exposed = (world.demand[item][:, None] * inside).sum(axis=0)
    count = np.histogram(lags[~last], edges)[0].astype(np.float64)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.sqrt(edges[:-1] * edges[1:]), count / exposed, count


def slope(world: Needs, bins: int = BINS) -> float:
    """The slope of log need against log lag: about -decay.  Bins are weighted by their needs."""
    lags, rates, count = hazard(world, bins)
    kept = count >= LEAST
    return float(np.polyfit(np.log(lags[kept]), np.log(rates[kept]), 1, w=np.sqrt(count[kept]))[0])


def clairvoyant(item: Ints, room: int) -> NDArray[np.bool_]:
    """Which needs a keeper of `room` items meets that drops what is needed latest: shape (m,).

    No keeper meets more (Belady 1966).  The first need of an item is never met.
    """
    met = belady([("need", (one,)) for one in item.tolist()], [room] * len(item))
    return np.array(met, dtype=np.bool_)
