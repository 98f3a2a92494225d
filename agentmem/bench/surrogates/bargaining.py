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
from functools import cache
from itertools import product
from random import Random

from agentmem.bench.surrogates.deals import hoped, part, read_deals
from agentmem.bench.surrogates.reading import Evidence

NOISE = 0.07  # standard deviation of a named share
SOFT = 0.04  # how gradually acceptance sets in

Goodwill = Callable[[Evidence], float]
Bundle = tuple[int, ...]

_ASK = re.compile(r"^(?:Round \d+\. You are the|Round \d+\. Name your demand|Game \d+, ).*$", re.M)
_WHEN = re.compile(r"Game \d+, (?:round|turn) (\d+) of at most (\d+)\.")
_OFFERED = re.compile(r"Player 2 offers you (\d+) of (\d+)")
_UNITS = re.compile(r"How many of the (\d+) units")
_DEMAND = re.compile(r"Name your demand, a whole number from 0 to (\d+)")
_POOL = re.compile(r"The pool: ([^.]*)\. One of each is worth to you: ([^.]*)\.")
_LEFT = re.compile(r"together worth (\d+) points to you")
_ROLE = re.compile(r"You are the (seller|buyer); the good (?:costs you|is worth) (\d+)")
_PRICE = re.compile(r"Player 2 names the price (\d+)")
_PRICES = re.compile(r"names a price, a whole number from 0 to (\d+)")
_FACTOR = re.compile(r"to you (\d+(?:\.\d+)?) times as much")
_NUMBER = re.compile(r"\d+")


def bargain(text: str, goodwill: Goodwill, rng: Random) -> tuple[str, Evidence] | None:
    """The answer to the bargain in a prompt, and what was read; None if there is none."""
    found = _ASK.search(text)
    if found is None:
        return None
    ask = found[0]
    seen = read_deals(text)
    kind = goodwill(seen)
    for marks, answer in ANSWERS.items():
        if marks.search(ask):
            return answer(ask, text, kind, rng), seen
    return None


def _pie(ask: str, text: str, kind: float, rng: Random) -> str:
    """Propose a division of a pie, or answer to one."""
    if offered := _OFFERED.search(ask):
        least = 0.10 + 0.35 * (1 - kind)
        if factor := _FACTOR.search(text):
            d = float(factor[1])
            least = d / (1 + d) * (0.55 + 0.45 * (1 - kind))
        return _answer("answer", int(offered[1]) / int(offered[2]), least, rng)
    pie = _int(_UNITS, ask)
    share = 0.15 + 0.35 * kind + rng.gauss(0.0, NOISE)
    return _named("offer", share * pie, pie)


def _demand(ask: str, text: str, kind: float, rng: Random) -> str:
    pie = _int(_DEMAND, ask)
    return _named("demand", (0.42 + 0.40 * (1 - kind) + rng.gauss(0.0, NOISE)) * pie, pie)


def _division(ask: str, text: str, kind: float, rng: Random) -> str:
    """Agree, or ask for the bundle that is worth least of those that are worth enough."""
    left = _left(ask, kind)
    shown = _POOL.search(ask)
    pool, values = (_numbers(shown[place]) for place in (1, 2)) if shown else ((), ())
    total = sum(map(int.__mul__, pool, values))
    if offered := _LEFT.search(ask):
        least = left * (0.35 + 0.30 * (1 - kind))
        if rng.random() < _chance(int(offered[1]) / total, least):
            return '{"take":"agree"}'
    wanted = left * (0.50 + 0.30 * (1 - kind)) + rng.gauss(0.0, NOISE)
    taken = bundle(pool, values, min(max(math.ceil(wanted * total), 0), total))
    return f'{{"take":{list(taken)}}}'


def _trade(ask: str, text: str, kind: float, rng: Random) -> str:
    """Name a price, or answer to one."""
    left = _left(ask, kind)
    role = _ROLE.search(ask)
    sells, limit = (role[1] == "seller", int(role[2])) if role else (True, 0)
    high = _int(_PRICES, text)
    if named := _PRICE.search(ask):
        offered = part(limit, int(named[1]), high, sells=sells)
        least = left * (0.10 + 0.40 * (1 - kind))
        return _answer("answer", offered if offered >= 0 else -math.inf, least, rng)
    wanted = left * (0.50 + 0.40 * (1 - kind)) + rng.gauss(0.0, NOISE)
    gain = max(wanted, 0.0) * hoped(limit, high, sells=sells)
    return _named("price", limit + gain if sells else limit - gain, high)


ANSWERS: Mapping[re.Pattern[str], Callable[[str, str, float, Random], str]] = {
    _OFFERED: _pie,
    _UNITS: _pie,
    _DEMAND: _demand,
    _POOL: _division,
    _ROLE: _trade,
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


def _left(ask: str, kind: float) -> float:
    """What is left of a demand by now."""
    when = _WHEN.match(ask)
    return 1 - kind * (int(when[1]) - 1) / int(when[2]) if when else 1.0


def _numbers(words: str) -> Bundle:
    """The numbers of `books 3, hats 1, balls 2`."""
    return tuple(map(int, _NUMBER.findall(words)))


def _int(pattern: re.Pattern[str], text: str) -> int:
    found = pattern.search(text)
    return int(found[1]) if found else 0


def _named(key: str, value: float, most: int) -> str:
    """The nearest whole number of 0..most, as JSON."""
    return f'{{"{key}":{min(max(round(value), 0), most)}}}'


def _answer(key: str, offered: float, least: float, rng: Random) -> str:
    word = "accept" if rng.random() < _chance(offered, least) else "reject"
    return f'{{"{key}":"{word}"}}'


def _chance(offered: float, least: float) -> float:
    """Chance of accepting."""
    return 1.0 / (1.0 + math.exp(min((least - offered) / SOFT, 700.0)))
