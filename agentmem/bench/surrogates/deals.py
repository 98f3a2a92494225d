"""What a simulated player can read of earlier bargains: how often its partner was kind.

Kind are fair offers (two fifths of what there is to have, or more) and acceptances, unkind are
insults and refusals, such as a demand of more than half that kept both from a deal.  The games in
`agentmem.bench.games` say how their records are worded.
"""

from __future__ import annotations

import re
from functools import lru_cache

from agentmem.bench import lexicon
from agentmem.bench.surrogates.reading import COUNTED, Evidence, brief_of, memory_of

Bundle = tuple[int, ...]  # a number for each type of item

INSULT = 0.4  # an offer below this share of what there is to have

_OWN = re.compile(
    r"\[(?:Round|Game) \d+[^\]]*\] (?:You offered Player 2|you offered|of .*? you asked for"
    r"|as the \w+, with a \w+ of \d+: you named) .*?[,;] Player 2 (accepted|rejected|agreed|did)"
)
_PART = re.compile(
    r"\[(?:Round|Game) \d+[^\]]*\] (?:Player 2 offered you (\d+) of (\d+);"
    r"|of .*? Player 2 left you .*?: (\d+) of (\d+) points;)"
)
_OF_ALL = re.compile(r"\[Game \d+, round \d+\] Player 2 offered (\d+), you")
_DEMANDS = re.compile(r"\[Round \d+\] You: (\d+) \([^()]*\) \| Player 2: (\d+) \(")
_PRICE = re.compile(
    r"\[Game \d+, round \d+\] as the (seller|buyer), with a \w+ of (\d+): Player 2 named (\d+),"
)
_TOTAL = re.compile(
    r"Player 2 (?:(accepted|rejected|agreed|did not agree)|(?:offered you|chose) (\d+))"
    r" in (\d+) of \d+ earlier rounds"
)
_WHOLE = re.compile(r"(?:whole of|of the|you \d+ of|from 0 to|the highest is) (\d+)")
POOL = re.compile(r"The pool: ([^.]*)\. One of each is worth to you: ([^.]*)\.")
_NUMBER = re.compile(r"\d+")


def read_deals(text: str, whole: int = 0) -> Evidence:
    """The evidence in a prompt: records of bargains, totals, which weigh less, and free notes.

    `whole`: all that there is to have, where the records do not say it.
    """
    seen = {True: 0, False: 0}
    counted = {True: 0, False: 0}
    free = []
    for line in memory_of(text):
        if (good := judged(line, whole)) is not None:
            seen[good] += 1
        elif total := _TOTAL.match(line):
            counted[_kind(total, whole)] += int(total[3])
        elif brief := brief_of(line):
            counted[True] += brief[0]
            counted[False] += brief[1]
        else:
            free.append(line)
    forward, history = lexicon.count("\n".join(free)) if free else (0, 0)
    return Evidence(
        good=seen[True] + float(counted[True] ** COUNTED),
        bad=seen[False] + float(counted[False] ** COUNTED),
        forward=forward,
        history=history,
    )


def whole_of(ask: str) -> int:
    """All that there is: units of the pie, the highest price, or own points of the pool."""
    if found := POOL.search(ask):
        return sum(map(int.__mul__, *pool_of(found)))
    return int(found[1]) if (found := _WHOLE.search(ask)) else 0


def pool_of(found: re.Match[str]) -> tuple[Bundle, Bundle]:
    """The pool, and what one item of each type is worth, of a match of `POOL`."""
    pool, values = (tuple(map(int, _NUMBER.findall(words))) for words in found.groups())
    return pool, values


@lru_cache(maxsize=1 << 16)  # the same lines stand in prompt after prompt
def judged(line: str, whole: int) -> bool | None:
    """Whether a record tells of a kindness of the partner; None for any other line.

    `whole` is that of `whole_of`.
    """
    if found := _OWN.match(line):
        return found[1] in ("accepted", "agreed")
    if found := _PART.match(line):
        some, of = (int(number) for number in found.groups() if number is not None)
        return some >= INSULT * of
    if found := _OF_ALL.match(line):
        return int(found[1]) >= INSULT * whole
    if found := _DEMANDS.match(line):
        own, other = int(found[1]), int(found[2])
        refused = 2 * other > whole and own + other > whole
        return not refused and whole - other >= INSULT * whole
    if found := _PRICE.match(line):
        limit, price = int(found[2]), int(found[3])
        return part(limit, price, whole, sells=found[1] == "seller") >= INSULT
    return None


def part(limit: int, price: int, high: int, *, sells: bool) -> float:
    """What a price leaves, as a share of the gain that a deal can be expected to bring.

    Not knowing the other's limit, one expects half of the way from one's own to the end of prices.
    """
    return (price - limit) / hoped(limit, high, sells=sells) * (1 if sells else -1)


def hoped(limit: int, high: int, *, sells: bool) -> float:
    """The gain of both together that a deal can be expected to bring, in points."""
    return (high - limit if sells else limit) / 2


def _kind(total: re.Match[str], whole: int) -> bool:
    """Whether what a total counts was kind: an answer, an offer, or a demand that was chosen."""
    if total[1]:
        return total[1] in ("accepted", "agreed")
    named = int(total[2])
    return (whole - named if " chose " in total[0] else named) >= INSULT * whole
