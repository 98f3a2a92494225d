"""How a simulated player bargains, by its goodwill.  The coefficients are set by hand."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from random import Random

from agentmem.bench import lexicon
from agentmem.bench.surrogates.reading import Evidence, memory_of

INSULT = 0.4  # an offer below this share of the pie

_DEAL = re.compile(
    r"\[Round \d+\] (?:Player 2 offered you (\d+) of (\d+); you \w+"
    r"|You offered Player 2 \d+ of \d+; Player 2 (accepted|rejected))"
)
_OFFER = re.compile(r"You are the responder\. Player 2 offers you (\d+) of (\d+)")
_PROPOSE = re.compile(r"You are the proposer\. How many of the (\d+) units")

Goodwill = Callable[[Evidence], float]


def read_deals(text: str) -> Evidence:
    """Fair offers and acceptances against insults and rejections, as a prompt shows them."""
    fair = []
    free = []
    for line in memory_of(text):
        if found := _DEAL.match(line):
            offer, pie, answer = found.groups()
            fair.append(answer == "accepted" if answer else int(offer) >= INSULT * int(pie))
        else:
            free.append(line)
    forward, history = lexicon.count("\n".join(free))
    return Evidence(good=sum(fair), bad=len(fair) - sum(fair), forward=forward, history=history)


def bargain(text: str, goodwill: Goodwill, rng: Random) -> tuple[str, Evidence] | None:
    """The answer to the bargain in a prompt, and what was read; None if there is none."""
    if asked := _OFFER.search(text):
        seen = read_deals(text)
        offer = 10 * int(asked[1]) / int(asked[2])
        least = 1 + 3.5 * (1 - goodwill(seen))
        word = "accept" if rng.random() < _logistic((offer - least) / 0.4) else "reject"
        return f'{{"answer":"{word}"}}', seen
    if asked := _PROPOSE.search(text):
        seen = read_deals(text)
        pie = int(asked[1])
        share = (1.5 + 3.5 * goodwill(seen) + rng.gauss(0.0, 0.7)) / 10
        return f'{{"offer":{min(max(round(share * pie), 0), pie)}}}', seen
    return None


def _logistic(x: float) -> float:
    return 1.0 / (1.0 + math.exp(-x))
