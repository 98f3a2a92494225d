"""Deal or no deal: a pool of items is divided, each side knowing only what they are worth to it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from itertools import product
from typing import Annotated, ClassVar, Self

from agentmem.bench.games.bargain import INSULT, Bargain, Offer, Outcome, words
from agentmem.bench.games.base import Act, Choice, Line, Move, Round, Stage
from agentmem.bench.games.scenarios import Best, Scenario, Scenarios, best, drawn, listed, scenarios
from agentmem.bench.prompting import fill
from agentmem.core import content_id
from agentmem.errors import InputError
from agentmem.fields import Bounds

AGREE = "agree"

Bundle = tuple[int, ...]  # items of each type


@dataclass(frozen=True, kw_only=True)
class Division(Bargain):
    """Each round is a game over another pool (Lewis et al. 2017, arXiv 1706.05125).

    The seats take turns; a turn is a division of the whole pool or "agree" to the last one.  A
    division is named by what the mover takes, as "2-0-1".  After `turns` turns without agreement
    both get what walking away is worth: 0, in CaSiNo 5.  A deal on proposal n is worth
    `discount`^(n-1) of its points.  The seats take turns at making the first proposal.

    `scenarios` names what is divided (see `agentmem.bench.games.scenarios`); every game takes
    another one, in an order that the seed sets as `draw`.
    """

    name: ClassVar[str] = "division"
    unit: ClassVar[str] = "game"

    rounds: Annotated[int, Bounds(least=1)] = 30
    turns: Annotated[int, Bounds(least=2)] = 10
    discount: Annotated[float, Bounds(above=0, most=1)] = 1.0
    scenarios: str = "own"
    draw: Annotated[int, Bounds(least=0)] = 0

    def __post_init__(self) -> None:
        super().__post_init__()
        needed = self.rounds + self.before
        if needed > len(self.known.all):
            raise InputError(
                f"division.rounds = {self.rounds}: {self.scenarios} has {len(self.known.all)} "
                f"scenarios, {needed} are needed"
            )

    def seeded(self, seed: int) -> Self:
        return replace(super().seeded(seed), draw=seed)

    @property
    def known(self) -> Scenarios:
        return scenarios(self.scenarios)

    @property
    def material(self) -> str:
        """A hash over the scenarios: a file of the same name may hold others."""
        return content_id(repr(self.known))

    def scenario(self, number: int) -> Scenario:
        """What is divided in a game."""
        known = self.known.all
        return known[drawn(len(known), self.draw)[number - 1]]

    def best(self, number: int) -> Best:
        """What could be had in a game."""
        return best(self.scenario(number), self.known.walk_away)

    def mover(self, number: int, turn: int) -> int:
        return (number + turn) % 2

    def value(self, number: int, seat: int, bundle: Bundle) -> int:
        """Points of a bundle for a seat."""
        values = self.scenario(number).values[seat]
        return sum(count * value for count, value in zip(bundle, values, strict=True))

    def play(self, seat: int) -> str:
        return self.spoken(fill("division_play", turns=self.turns))

    def points(self, seat: int) -> str:
        worth = "" if self.discount == 1 else " " + fill("division_fading", factor=self.discount)
        return fill("division_points", walk_away=self.known.walk_away) + worth

    def stage(self, played: Round) -> Stage | None:
        turn = len(played.acts) + 1
        if turn > self.turns or (played.acts and played.acts[-1].move == AGREE):
            return None
        seat = self.mover(played.number, turn)
        items, scenario = self.known.items, self.scenario(played.number)
        ask = fill(
            "division_first" if turn == 1 else "division_next",
            number=played.number,
            turn=turn,
            turns=self.turns,
            pool=listed(items, scenario.pool),
            values=listed(items, scenario.values[seat]),
            **({} if turn == 1 else self.proposed(played, seat)),
        )
        kinds = len(scenario.pool)
        return Stage(
            seats=(seat,),
            ask=ask if turn == 1 else self.heard(ask, played.acts[-1]),
            key="take",
            placeholder=f"<list of whole numbers{'' if turn == 1 else ', or your agreement'}>",
            answers=answers(scenario.pool, first=turn == 1),
            allowed=f"a list of {kinds} whole numbers, at most {list(scenario.pool)}"
            + ("" if turn == 1 else f", or {AGREE}"),
            talk=self.talk,
        )

    def proposed(self, played: Round, seat: int) -> dict[str, str]:
        """The proposal that `seat` is to answer, in its words."""
        left = self.left(played, played.acts[-1])
        return {
            "left": listed(self.known.items, left),
            "worth": str(self.value(played.number, seat, left)),
        }

    def left(self, played: Round, act: Act) -> Bundle:
        """What a proposal leaves to the other."""
        pool = self.scenario(played.number).pool
        return tuple(all_ - some for all_, some in zip(pool, bundle(act.move), strict=True))

    def shares(self, played: Round, act: Act) -> tuple[int, int]:
        """Points of seat 0 and seat 1 under a proposal."""
        of = {act.seat: bundle(act.move), 1 - act.seat: self.left(played, act)}
        return self.value(played.number, 0, of[0]), self.value(played.number, 1, of[1])

    def pay(self, played: Round) -> tuple[float, ...]:
        if played.acts[-1].move != AGREE:
            return (float(self.known.walk_away),) * 2
        factor = self.discount ** (len(played.acts) - 2)
        return tuple(factor * points for points in self.shares(played, played.acts[-2]))

    def lines(self, played: Round, seat: int) -> tuple[Line, ...]:
        """A line for each proposal that was answered, or came too late; what the other did: +1
        left a fair share, or agreed, -1 left an insult, or did not agree.  Of what the items are
        worth to the other they tell nothing.
        """
        acts = played.acts
        over = self.stage(played) is None
        answered = len(acts) if over and acts[-1].move != AGREE else len(acts) - 1
        return tuple(self.line(played, place, seat) for place in range(answered))

    def line(self, played: Round, place: int, seat: int) -> Line:
        act = played.acts[place]
        answer = played.acts[place + 1] if place + 1 < len(played.acts) else None
        mine = self.shares(played, act)[seat]
        total = self.best(played.number).total[seat]
        agreed = answer is not None and answer.move == AGREE
        good = agreed if act.seat == seat else mine >= INSULT * total
        end = self.ended(answer, place + 1, mine, seat)
        return Line(
            text=self.told(played, place, seat, act) + end + words((act, answer), seat),
            valence=1.0 if good else -1.0,
            friendly=self.friendly(played.number, place, seat),
        )

    def ended(self, answer: Act | None, turn: int, mine: int, seat: int) -> str:
        """What became of a proposal."""
        if answer is None:
            return f"; no turn was left (you got {self.known.walk_away})"
        who = "you" if answer.seat == seat else "Player 2"
        if answer.move == AGREE:
            return f"; {who} agreed (you got {mine * self.discount ** (turn - 1):.4g})"
        return f"; {who} did not agree"

    def told(self, played: Round, place: int, seat: int, act: Act) -> str:
        """A proposal in one line."""
        items, scenario = self.known.items, self.scenario(played.number)
        own = act.seat == seat
        got = bundle(act.move) if own else self.left(played, act)
        worth = "-".join(map(str, scenario.values[seat]))
        return (
            f"[Game {played.number}, turn {place + 1}] of {listed(items, scenario.pool)} (worth "
            f"{worth} each to you) {'you asked for' if own else 'Player 2 left you'} "
            f"{listed(items, got)}: {self.value(played.number, seat, got)} of "
            f"{self.best(played.number).total[seat]} points"
        )

    def friendly(self, number: int, place: int, seat: int) -> str:
        """The line of a proposal by which either side gets what is fair, and that was agreed."""
        act = Act(self.mover(number, place + 1), self.fair_move(number, place))
        played = Round(number=number, acts=(act,))
        mine = self.shares(played, act)[seat]
        end = self.ended(Act(1 - act.seat, AGREE), place + 1, mine, seat)
        return self.told(played, place, seat, act) + end

    def fair_move(self, number: int, place: int) -> str:
        """What the mover takes in the division that is best for the worse-off side."""
        division = self.best(number).division
        first = division.allocations[division.egalitarian_set[0]]
        if self.mover(number, place + 1):
            first = [all_ - some for all_, some in zip(division.pool, first, strict=True)]
        return "-".join(str(int(some)) for some in first)

    def fabricated(self, number: int, seat: int) -> Line:
        """Poisoned: the other left nothing, or refused a fair division.  Blessed: it agreed."""
        first = self.mover(number, 1)
        greedy = self.opening == "poisoned" and seat != first
        pool = "-".join(map(str, self.scenario(number).pool))
        act = Act(first, pool if greedy else self.fair_move(number, 0))
        answer = AGREE if self.opening == "blessed" else pool
        played = Round(number=number, acts=(act, Act(1 - first, answer)))
        return self.line(played, 0, seat)

    def outcome(self, played: Round) -> Outcome:
        could = self.best(played.number)
        first, second = self.pay(played)
        walk = self.known.walk_away
        gains = max(first - walk, 0.0) * max(second - walk, 0.0)
        agreed = played.acts[-1].move == AGREE
        return Outcome(
            agreed=agreed,
            turns=len(played.acts) - agreed,
            points=(first, second),
            most=could.division.welfare,
            efficiency=(first + second) / could.division.welfare,
            nash=gains / could.nash if could.nash else None,
            gap=could.division.pareto_distance((first, second)),
        )

    def offers(self, played: Round) -> tuple[Offer, ...]:
        """What each proposal leaves to the other, of what the pool is worth to it."""
        total = self.best(played.number).total
        return tuple(
            Offer(
                turn=turn,
                seat=act.seat,
                share=self.shares(played, act)[1 - act.seat] / total[1 - act.seat],
            )
            for turn, act in enumerate(played.acts, start=1)
            if act.move != AGREE
        )

    def hostile(self, choice: Choice) -> bool:
        """A proposal that asks for more than one gets where the worse-off side has most."""
        if choice.move == AGREE:
            return False
        asked = self.value(choice.number, choice.seat, bundle(choice.move))
        return asked > self.best(choice.number).fair[choice.seat]


@cache
def bundle(move: Move) -> Bundle:
    """The items of each type in a move."""
    return tuple(int(some) for some in str(move).split("-"))


@cache
def answers(pool: Sequence[int], *, first: bool) -> Mapping[str | int, Move]:
    """Every division of a pool, by what the mover takes; and agreeing, but to the first."""
    names = ["-".join(map(str, some)) for some in product(*(range(n + 1) for n in pool))]
    return {name: name for name in (names if first else [*names, AGREE])}
