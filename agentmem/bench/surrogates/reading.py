"""What a simulated player can read in a prompt: the rules, the rounds shown, totals and notes.

A player is never told a policy's name, a window or a store; what differs between policies is what
they let stand in the prompt.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Literal

from agentmem.bench import lexicon

COUNTED = 0.5  # a total of n rounds weighs n ** COUNTED
LAST, BEFORE = 0.7, 0.3  # the partner's last and second-last visible move

Kind = Literal["tokens", "claim", "contribution", "send", "return"]

KINDS: Mapping[str | None, Kind] = {  # by the word that the ask uses
    "claim": "claim",
    "contribution": "contribution",
    " back": "return",
    None: "send",
}

_PAIR = re.compile(r"You choose (\w+), Player 2 chooses (\w+): you get (-?[\d.]*\d)")
_CROWD = re.compile(
    r"You choose (\w+) and (\d+) of the (\d+) others choose (\w+): you get ([\d.]*\d)"
)
_NUMBER = re.compile(r"Name your (claim|contribution), a whole number from (\d+) to (\d+)\.")
_UNITS = re.compile(r"How many do you send( back)?, a whole number from (0) to (\d+)\?")
_GIFT = re.compile(
    r"\[Round (\d+)\] (?:(You) sent|Player 2 sent you) (\d+) of (\d+); "
    r"(?:Player 2|you) returned (\d+) of (\d+) "
)
_ROUND = re.compile(r"\[Round (\d+)\] You: (\w+) \([^()]*\)((?: \| Player \d+: \w+ \([^()]*\))+)\Z")
_OTHER = re.compile(r"Player \d+: (\w+)")
_TOTAL = re.compile(r"(Player \d+) chose (\w+) in (\d+) of (\d+) earlier rounds")
_GIFTS = re.compile(
    r"(Player 2) (sent you|returned) (\d+) of (\d+) in (\d+) of (\d+) earlier rounds"
)
_BRIEF = re.compile(r"\d+ earlier turns: (\d+) helped, (\d+) harmed,")
_BLOCK = re.compile(r"^Earlier rounds:\n(.*?)(?:\n\n|\Z)", re.MULTILINE | re.DOTALL)
_NOW = re.compile(r"^Round (\d+)\. ", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Line:
    """A round as the prompt shows it; moves are the words that stand there."""

    number: int
    own: str
    others: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What a prompt shows of the partners, as weights."""

    good: float = 0.0  # visible cooperations
    bad: float = 0.0  # visible defections
    momentum: float = 0.0  # -1..1
    forward: int = 0  # lexicon words in free notes
    history: int = 0


@dataclass(frozen=True, kw_only=True)
class Dilemma:
    """A decision in a dilemma, as far as the prompt tells of it."""

    kind: Kind
    number: int  # the round that is asked for; 0 if the prompt does not say
    good: str  # the cooperative token; "" where numbers are named
    bad: str
    low: int  # least and greatest number; 0 and 1 where tokens are chosen
    high: int
    lines: tuple[Line, ...]  # visible rounds in the order shown
    totals: tuple[tuple[str, str, int, int], ...]  # who, move, times, of so many rounds
    forward: int  # lexicon words in free notes
    history: int
    briefed: tuple[int, int] = (0, 0)  # turns that a brief says helped, and harmed

    def share(self, word: str) -> float:
        """0..1: how cooperative a move is.  Claims: only the highest; contributions: in parts."""
        if self.kind == "tokens":
            return float(word == self.good)
        if self.kind == "claim":
            return float(word == str(self.high))
        if self.kind in ("send", "return"):
            return float(word)
        return int(word) / self.high if word.isdecimal() else 0.0

    @cached_property
    def own(self) -> tuple[float, ...]:
        """Own visible moves, as shares of cooperation, in the order shown."""
        return tuple(self.share(line.own) for line in self.lines)

    @cached_property
    def others(self) -> tuple[float, ...]:
        """Mean share of cooperation of the other seats in each visible round."""
        if self.kind == "tokens":
            shown = [line.others for line in self.lines]
            return tuple([words.count(self.good) / len(words) for words in shown])
        return tuple(
            sum(self.share(word) for word in line.others) / len(line.others) for line in self.lines
        )

    @property
    def counted(self) -> tuple[float, float]:
        """Cooperations and defections in totals, as a mean over the others, and in a brief.

        Where not all moves of a player are told of, the rest is the other token, or a defection.
        """
        kind: dict[str, float] = {}
        told: dict[str, int] = {}
        rounds: dict[str, int] = {}
        for who, word, some, whole in self.totals:
            kind[who] = kind.get(who, 0.0) + some * self.share(word)
            told[who] = told.get(who, 0) + some
            rounds[who] = whole
        only = {word for _, word, _, _ in self.totals}
        if only and self.good and self.good not in only:
            kind = {who: some + rounds[who] - told[who] for who, some in kind.items()}
        players = len(kind) or 1
        good = sum(kind.values()) / players
        helped, harmed = self.briefed
        return good + helped, sum(rounds.values()) / players - good + harmed

    @cached_property
    def evidence(self) -> Evidence:
        """Counts of rounds shown, and of totals, which weigh less (`COUNTED`)."""
        shares = self.others
        kind = sum(shares)
        unkind = len(shares) - kind
        counted = self.counted
        kind += counted[0] ** COUNTED
        unkind += counted[1] ** COUNTED
        return Evidence(
            good=kind,
            bad=unkind,
            momentum=momentum([2 * part - 1 for part in shares[-2:]]),
            forward=self.forward,
            history=self.history,
        )


def momentum(signs: Sequence[float]) -> float:
    """.7 of the last sign and .3 of the one before; a lone one counts in full, none as 0."""
    padded = [*signs[-1:], *signs] or [0.0, 0.0]
    return LAST * padded[-1] + BEFORE * padded[-2]


@lru_cache(maxsize=1 << 16)  # the same lines stand in prompt after prompt
def line_of(text: str) -> Line | None:
    """The round that a line of a prompt tells of; None for any other line."""
    if found := _ROUND.match(text):
        return Line(int(found[1]), found[2], tuple(_OTHER.findall(found[3])))
    if found := _GIFT.match(text):
        sent, endowment, back, grown = map(int, found.groups()[2:])
        given = (sent / endowment, min(1.0, 2 * back / grown) if grown else 0.0)
        own, other = map(str, given if found[2] else given[::-1])
        return Line(int(found[1]), own, (other,))
    return None


def total_of(text: str) -> list[tuple[str, str, int, int]]:
    """The totals in a line: who, move, times, of so many rounds."""
    found = [(who, word, int(n), int(of)) for who, word, n, of in _TOTAL.findall(text)]
    for who, what, some, whole, n, of in _GIFTS.findall(text):
        share = int(some) / (int(whole) or 1) * (1 if what == "sent you" else 2)
        found.append((who, str(min(1.0, share)), int(n), int(of)))
    return found


def brief_of(text: str) -> tuple[int, int] | None:
    """How many turns helped and harmed, where a line opens a brief."""
    found = _BRIEF.search(text)
    return (int(found[1]), int(found[2])) if found else None


def memory_of(text: str) -> list[str]:
    """The lines of the memory block, without blanks that fill them up; none of an empty one."""
    block = _BLOCK.search(text)
    return [line.rstrip() for line in block[1].split("\n")] if block else []


@lru_cache(maxsize=256)  # a few rules, each read at every decision
def _matrix(rules: str) -> tuple[str, str] | None:
    """The cooperative token and the other one: all choosing it, each gets the most."""
    alike = {a: float(points) for a, b, points in _PAIR.findall(rules) if a == b}
    for mine, some, whole, theirs, points in _CROWD.findall(rules):
        if (some == whole) if mine == theirs else (some == "0"):  # all choose `mine`
            alike[mine] = float(points)
    if len(alike) != 2:
        return None
    good = max(sorted(alike), key=lambda token: alike[token])
    return good, next(token for token in alike if token != good)


def read_dilemma(system: str, text: str) -> Dilemma | None:
    """The dilemma in a prompt, or None: `system` holds the rules, `text` all of it."""
    number = _NUMBER.search(text) or _UNITS.search(text)
    tokens = None if number else (_matrix(system) or _matrix(text))
    if number is None and tokens is None:
        return None
    lines, totals, free = [], [], []
    briefed = (0, 0)
    for one in memory_of(text):
        if (line := line_of(one)) is not None:
            lines.append(line)
        elif found := total_of(one):
            totals += found
        elif (brief := brief_of(one)) is not None:
            briefed = brief
        else:
            free.append(one)
    forward, history = lexicon.count("\n".join(free)) if free else (0, 0)
    now = _NOW.search(text)
    kind: Kind = "tokens" if number is None else KINDS[number[1]]
    good, bad = tokens or ("", "")
    return Dilemma(
        kind=kind,
        number=int(now[1]) if now else 0,
        good=good,
        bad=bad,
        low=int(number[2]) if number else 0,
        high=int(number[3]) if number else 1,
        lines=tuple(lines),
        totals=tuple(totals),
        briefed=briefed,
        forward=forward,
        history=history,
    )
