"""What the bargaining games share: offers and answers, what a round came to, and the figures."""

from __future__ import annotations

import json
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from math import sqrt
from typing import ClassVar

from agentmem.bench.games.base import (
    Act,
    Choice,
    Figures,
    Game,
    Move,
    Round,
    Stage,
    difference,
    mean,
    share,
)
from agentmem.bench.prompting import fill

INSULT = 0.4  # an offer below this share of what the other can have
ANSWERS: Mapping[str | int, Move] = {"accept": "accept", "reject": "reject"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """What one seat proposed to the other."""

    turn: int  # from 1, within the round
    seat: int  # who made it
    share: float  # what it leaves to the other, of what the other can have; 1 at most

    @property
    def insult(self) -> bool:
        return self.share < INSULT


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What a round that is over came to."""

    agreed: bool
    turns: int  # offers made, that of the deal included
    points: tuple[float, float]  # of both seats
    most: float  # greatest possible sum of points
    efficiency: float  # 0..1: the sum over the greatest one; 1 for no deal where that is best
    nash: float | None  # 0..1: product of gains over the greatest one; None: there was none to have
    gap: float  # Euclidean distance to the Pareto frontier, in points
    astray: float | None = (
        None  # 0..1: distance to the subgame-perfect equilibrium; None: undefined
    )


@dataclass(frozen=True, slots=True)
class Exchange:
    """An offer and, once there is one, the answer to it."""

    turn: int  # from 1
    offer: Act
    answer: Act | None = None

    @property
    def accepted(self) -> bool:
        return self.answer is not None and self.answer.move == "accept"


@dataclass(frozen=True, kw_only=True)
class Bargain(Game):
    """Two seats divide something.  `talk`: each answer may carry a message to the other seat.

    A message stands in what the other is asked next in the same round, and in the records.
    """

    headline: ClassVar[str] = "efficiency"
    headline_words: ClassVar[str] = "efficiency (share of what could be had)"
    exploiter: ClassVar[str] = "hardboiled"
    exploited: ClassVar[str] = "given_away"
    exploited_words: ClassVar[str] = "share taken by HardBoiled, who always demands 80 %"

    talk: bool = False

    @abstractmethod
    def outcome(self, played: Round) -> Outcome:
        """What a round that is over came to."""

    @abstractmethod
    def offers(self, played: Round) -> tuple[Offer, ...]:
        """All that was proposed in a round."""

    @abstractmethod
    def hostile(self, choice: Choice) -> bool | None:
        """Whether a decision refuses, or demands more than is fair; None: it cannot be said."""

    def spoken(self, play: str) -> str:
        """What happens in a round, with a word on messages where there are any."""
        return f"{play} {fill('bargain_talk')}" if self.talk else play

    def heard(self, ask: str, *last: Act) -> str:
        """What is asked, after what the other said with its last act, if there is one."""
        said = last[-1].message if last else ""
        return fill("bargain_heard", ask=ask, said=quoted(said)) if said else ask

    def figures(
        self, rounds: Sequence[Round], choices: Sequence[Choice], seats: Sequence[int]
    ) -> Figures:
        """`own_share`, `given_away` (what the other took): shares of the most that could be had;
        `fairness` of deals: 1 - 4 (p - 1/2)^2, p being one side's share (GLEE, arXiv 2410.05254);
        `gini`: |a - b| / (2 (a + b)) of total points; `rounds_to_deal`: offers until a deal;
        `retaliation`: P(hostile | harm in view) - P(hostile | none in view);
        `forgiveness_latency`: rounds from an insult to the next fair offer of who was insulted,
        `unforgiven`: share of insults after which none came.
        """
        ends = [self.outcome(r) for r in rounds]
        deals = [end for end in ends if end.agreed]
        most = sum(end.most for end in ends)
        totals = [sum(end.points[seat] for end in ends) for seat in (0, 1)]
        judged = [(self.hostile(c), c.harm) for c in choices]
        waits = [wait for seat in seats for wait in self.waits(rounds, seat)]
        offers = [o.share for r in rounds for o in self.offers(r) if o.seat in seats]
        return {
            "agreement": share([end.agreed for end in ends]),
            "efficiency": mean([end.efficiency for end in ends]),
            "own_share": sum(totals[s] for s in seats) / (most * len(seats)) if most else None,
            "given_away": totals[1 - seats[0]] / most if most and len(seats) == 1 else None,
            "mean_offer": mean(offers),
            "fairness": mean([fair for end in deals if (fair := fairness(end.points)) is not None]),
            "gini": gini(totals),
            "nash_ratio": mean([end.nash for end in ends if end.nash is not None]),
            "pareto_distance": mean([end.gap for end in ends]),
            "rounds_to_deal": mean([end.turns for end in deals]),
            "spe_distance": mean([end.astray for end in ends if end.astray is not None]),
            "reward": mean([end.points[s] for end in ends for s in seats]),
            "retaliation": difference(
                [act for act, _ in judged if act is not None],
                [harm for act, harm in judged if act is not None],
            ),
            "forgiveness_latency": mean([wait for wait in waits if wait is not None]),
            "unforgiven": share([wait is None for wait in waits]),
        }

    def waits(self, rounds: Sequence[Round], seat: int) -> list[int | None]:
        """Rounds from each insult of `seat` to its next offer that is none; None: none came."""
        waits: list[int | None] = []
        insults: list[int] = []
        for played in rounds:
            # An offer made at the same time does not answer the insult.
            for offer in sorted(self.offers(played), key=lambda o: (o.turn, o.seat != seat)):
                if offer.seat != seat and offer.insult:
                    insults.append(played.number)
                elif offer.seat == seat and not offer.insult:
                    waits += [played.number - number for number in insults]
                    insults.clear()
        return waits + [None] * len(insults)


def fairness(points: tuple[float, float]) -> float | None:
    """1 for halves, 0 if one side has everything; None where there is nothing to share."""
    whole = sum(points)
    return max(0.0, 1 - 4 * (points[0] / whole - 0.5) ** 2) if whole > 0 else None


def gini(totals: Sequence[float]) -> float | None:
    """0 for equal totals, 1/2 if one of two has everything; None of nothing, and for a loss."""
    whole = sum(totals)
    return abs(totals[0] - totals[1]) / (2 * whole) if whole > 0 and min(totals) >= 0 else None


def of_a_pie(
    pie: int, points: tuple[float, float], turns: int, *, agreed: bool, astray: float | None = None
) -> Outcome:
    """The outcome of dividing a pie of so many points."""
    half = pie // 2
    return Outcome(
        agreed=agreed,
        turns=turns,
        points=points,
        most=float(pie),
        efficiency=sum(points) / pie,
        nash=points[0] * points[1] / max(half * (pie - half), 1),
        gap=(pie - sum(points)) / sqrt(2),
        astray=astray,
    )


def exchanges(played: Round) -> list[Exchange]:
    """The offers of a round in which offer and answer take turns, with their answers."""
    acts = played.acts
    return [
        Exchange(at // 2 + 1, acts[at], acts[at + 1] if at + 1 < len(acts) else None)
        for at in range(0, len(acts), 2)
    ]


def at_turn(played: Round, most: int) -> tuple[int, Exchange | None] | None:
    """Where a round of alternating offers, at most so many, stands; None when it is over.

    The turn, from 1, and the offer that waits for an answer, if one does.
    """
    done = exchanges(played)
    if done and done[-1].answer is None:
        return done[-1].turn, done[-1]
    over = len(done) >= most or (done and done[-1].accepted)
    return None if over else (len(done) + 1, None)


def proposal(seat: int, ask: str, key: str, most: int, *, talk: bool) -> Stage:
    """A seat names a whole number from 0 to `most`."""
    return Stage(
        seats=(seat,),
        ask=ask,
        key=key,
        placeholder="<whole number>",
        answers=up_to(most),
        allowed=f"a whole number from 0 to {most}",
        talk=talk,
    )


def reply(seat: int, ask: str, *, talk: bool) -> Stage:
    """A seat accepts or rejects what is on the table."""
    return Stage(
        seats=(seat,),
        ask=ask,
        key="answer",
        placeholder='"<your answer>"',
        answers=ANSWERS,
        allowed="accept or reject",
        talk=talk,
    )


def half_of(pie: int) -> int:
    """The least offer that is half of a pie, or more: one unit of one or two, two of three."""
    return (pie + 1) // 2


@cache
def up_to(most: int) -> Mapping[str | int, Move]:
    """The whole numbers from 0 as answers."""
    return {number: number for number in range(most + 1)}


def quoted(message: str) -> str:
    return json.dumps(message, ensure_ascii=False)


def words(acts: Sequence[Act | None], seat: int) -> str:
    """What was said with some acts, to stand at the end of a record of `seat`."""
    parts = [
        f"; {'You' if act.seat == seat else 'Player 2'} said {quoted(act.message)}"
        for act in acts
        if act is not None and act.message
    ]
    return "".join(parts)
