"""How a simulated player bargains, by its goodwill G in 0..1, from the prompt text alone.

All coefficients are set by hand: they test mechanism and harness, and are no evidence about
language models.  Everything is a share: of the pie, of a seat's own points of the pool, or of the
gain that it can expect of a deal.  What is named gets normal noise of `NOISE`, what is offered is
accepted with chance sigmoid((offered - least) / `SOFT`).

ultimatum   offers .15 + .35 G, accepts from .10 + .35 (1 - G) on
rubinstein  offers .15 + .35 G, accepts from d / (1 + d) (.55 + .45 (1 - G)) on
demand      demands .42 + .40 (1 - G)
division    asks for c (.50 + .30 (1 - G)), agrees from c (.35 + .30 (1 - G)) on
trade       asks for c (.50 + .40 (1 - G)), accepts from c (.10 + .40 (1 - G)) on, never a loss

c = 1 - G (n - 1) / M is what is left of the demand at offer n of at most M.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from itertools import product
from random import Random

from agentmem.bench.surrogates.deals import POOL, Bundle, hoped, part, pool_of, read_deals, whole_of
from agentmem.bench.surrogates.reading import Evidence

NOISE = 0.07  # standard deviation of a named share
SOFT = 0.04  # how gradually acceptance sets in

Goodwill = Callable[[Evidence], float]

_ASK = re.compile(r"^(?:Round \d+\. You are the|Round \d+\. Name your demand|Game \d+, ).*$", re.M)
_WHEN = re.compile(r"Game \d+, (?:round|turn) (\d+) of at most (\d+)\.")
_OFFERED = re.compile(r"You are the responder\. Player 2 offers you (\d+) of (\d+)")
_UNITS = re.compile(r"You are the proposer\. How many of the (\d+) units")
_DEMAND = re.compile(r"Name your demand, a whole number from 0 to (\d+)")
_LEFT = re.compile(r"together worth (\d+) points to you")
_TRADE = re.compile(
    r"You are the (seller|buyer); the good (?:costs you|is worth) (\d+)(?: to you)?\. (?:Name the "
    r"price, a whole number from 0 to|Player 2 names the price (\d+), where the highest is) (\d+)"
)
_FACTOR = re.compile(r"to you (\d+(?:\.\d+)?) times as much")


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """What a bargainer is asked, with all that it goes by."""

    ask: str
    text: str  # the whole prompt
    kind: float  # goodwill, 0..1
    rng: Random

    @property
    def noise(self) -> float:
        return self.rng.gauss(0.0, NOISE)

    @property
    def left(self) -> float:
        """What is left of a demand by now, 0..1."""
        when = _WHEN.match(self.ask)
        return 1 - self.kind * (int(when[1]) - 1) / int(when[2]) if when else 1.0

    def accepts(self, offered: float, least: float) -> bool:
        """Whether a share will do; the nearer to the least, the more that is chance."""
        return self.rng.random() < 1 / (1 + math.exp(min((least - offered) / SOFT, 700.0)))


def bargain(text: str, goodwill: Goodwill, rng: Random) -> tuple[str, Evidence] | None:
    """The answer to the bargain in a prompt, and what was read; None if there is none."""
    line = _ASK.search(text)
    if line is None:
        return None
    for marks, answer in ANSWERS.items():
        if found := marks.search(line[0]):
            seen = read_deals(text, whole_of(line[0]))
            case = Case(ask=line[0], text=text, kind=goodwill(seen), rng=rng)
            return answer(found, case), seen
    return None


def _offer(found: re.Match[str], case: Case) -> str:
    pie = int(found[1])
    return _named("offer", (0.15 + 0.35 * case.kind + case.noise) * pie, pie)


def _respond(found: re.Match[str], case: Case) -> str:
    """To an offer, in the ultimatum or, where the pie shrinks, in alternating offers."""
    least = 0.10 + 0.35 * (1 - case.kind)
    if factor := _FACTOR.search(case.text):
        d = float(factor[1])
        least = d / (1 + d) * (0.55 + 0.45 * (1 - case.kind))
    return _answer(yes=case.accepts(int(found[1]) / int(found[2]), least))


def _demand(found: re.Match[str], case: Case) -> str:
    pie = int(found[1])
    return _named("demand", (0.42 + 0.40 * (1 - case.kind) + case.noise) * pie, pie)


def _divide(found: re.Match[str], case: Case) -> str:
    """Agree, or ask for the bundle that is worth least of those that are worth enough."""
    pool, values = pool_of(found)
    total = sum(map(int.__mul__, pool, values))
    if offered := _LEFT.search(case.ask):
        least = case.left * (0.35 + 0.30 * (1 - case.kind))
        if case.accepts(int(offered[1]) / total, least):
            return '{"take":"agree"}'
    wanted = case.left * (0.50 + 0.30 * (1 - case.kind)) + case.noise
    taken = bundle(pool, values, min(max(math.ceil(wanted * total), 0), total))
    return f'{{"take":{list(taken)}}}'


def _trade(found: re.Match[str], case: Case) -> str:
    """Name a price, or answer to one."""
    sells, limit, high = found[1] == "seller", int(found[2]), int(found[4])
    if found[3]:
        offered = part(limit, int(found[3]), high, sells=sells)
        least = case.left * (0.10 + 0.40 * (1 - case.kind))
        return _answer(yes=offered >= 0 and case.accepts(offered, least))
    wanted = case.left * (0.50 + 0.40 * (1 - case.kind)) + case.noise
    gain = max(wanted, 0.0) * hoped(limit, high, sells=sells)
    return _named("price", limit + gain if sells else limit - gain, high)


ANSWERS: Mapping[re.Pattern[str], Callable[[re.Match[str], Case], str]] = {
    _OFFERED: _respond,
    _UNITS: _offer,
    _DEMAND: _demand,
    POOL: _divide,
    _TRADE: _trade,
}


@cache
def bundle(pool: Bundle, values: Bundle, least: int) -> Bundle:
    """Of the bundles worth at least so many points, the one worth least, with fewest items."""
    enough = [
        (worth, sum(some), some)
        for some in product(*(range(count + 1) for count in pool))
        if (worth := sum(map(int.__mul__, some, values))) >= least
    ]
    return min(enough)[2]


def _named(key: str, value: float, most: int) -> str:
    """The nearest whole number of 0..most, as JSON."""
    return f'{{"{key}":{min(max(round(value), 0), most)}}}'


def _answer(*, yes: bool) -> str:
    return '{"answer":"accept"}' if yes else '{"answer":"reject"}'
