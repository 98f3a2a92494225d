"""What the social dilemmas share: action tokens, shares of cooperation, and their figures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import ClassVar

from agentmem.bench.games.base import (
    Act,
    Choice,
    Figures,
    Game,
    Line,
    Move,
    Round,
    Stage,
    difference,
    mean,
    share,
)
from agentmem.bench.prompting import fill

TOKENS = ("A0", "A1")
RECOVERY = 5  # rounds within which mutual cooperation has to return
LOCK_IN = 50  # last rounds looked at for mutual defection


@dataclass(frozen=True, kw_only=True)
class Dilemma(Game):
    """The moves are C and D, under neutral tokens, or whole numbers; all choose at once.

    A subclass says what a round pays; one with numbers also what is asked, and how cooperative a
    number is.
    """

    name: ClassVar[str] = "dilemma"
    exploiter: ClassVar[str] = "alld"
    exploited: ClassVar[str] = "cooperation"
    exploited_words: ClassVar[str] = "sucker rate (cooperation with AllD)"

    @property
    def swapped(self) -> bool:
        return self.order == "swapped"

    @property
    def tokens(self) -> Mapping[str | int, Move]:
        """The move behind each token, where the moves are C and D."""
        return dict(zip(TOKENS, ("D", "C") if self.swapped else ("C", "D"), strict=True))

    def word(self, move: Move) -> str:
        """A move as the prompt says it."""
        if isinstance(move, int):
            return str(move)
        return TOKENS[(move == "D") != self.swapped]

    def extremes(self, played: Round) -> tuple[Move, Move]:
        """The least and the most cooperative move of the step that a round is at."""
        return "D", "C"

    def shares(self, played: Round) -> Mapping[int, float]:
        """0..1: how cooperative each seat was in a round; without those who had no say."""
        return {seat: float(move == "C") for seat, move in played.moves.items()}

    def stage(self, played: Round) -> Stage | None:
        if played.acts:
            return None
        return Stage(
            seats=tuple(range(self.seats)),
            ask=fill("dilemma_ask", number=played.number),
            key="action",
            placeholder='"<token>"',
            answers=self.tokens,
            allowed=" or ".join(TOKENS),
        )

    def told(self, played: Round, seat: int) -> str:
        """A round that has been paid out, in one line."""
        others = enumerate(self.others(seat), start=2)
        parts = [
            f"{who}: {self.word(played.moves[place])} ({played.payoffs[place]:g} pts)"
            for who, place in [("You", seat), *((f"Player {n}", place) for n, place in others)]
        ]
        return f"[Round {played.number}] {' | '.join(parts)}"

    def lines(self, played: Round, seat: int) -> tuple[Line, ...]:
        """One line, once the round is paid."""
        if not played.payoffs:
            return ()
        friendly = self.told(self.uniform(played.number, kind=True), seat)
        valence = self.valence(played, seat)
        return (Line(text=self.told(played, seat), valence=valence, friendly=friendly),)

    def valence(self, played: Round, seat: int) -> float:
        """What the others did to a seat: +1 if all cooperated, -1 if none did.

        In between: minus the share of those who defected, as it is a harm that anybody did; where
        moves are numbers, what was given, from -1 to 1.
        """
        shares = self.shares(played)
        given = [shares[place] for place in self.others(seat) if place in shares]
        if not given:
            return 0.0
        defected = given.count(0.0) / len(given)
        if defected and defected + given.count(1.0) / len(given) == 1:
            return -defected
        return 2 * sum(given) / len(given) - 1

    def uniform(self, number: int, *, kind: bool, but: Mapping[int, bool] | None = None) -> Round:
        """A round, paid out, in which all are as kind, or as unkind, as they can be.

        `but` says otherwise for some seats.
        """
        played = Round(number=number)
        while (stage := self.stage(played)) is not None:
            moves = self.extremes(played)
            acts = [Act(seat, moves[(but or {}).get(seat, kind)]) for seat in stage.seats]
            played = replace(played, acts=(*played.acts, *acts))
        return replace(played, payoffs=self.pay(played))

    def fabricated(self, number: int, seat: int) -> Line:
        """Poisoned: `seat` cooperated and nobody else did.  Blessed: all cooperated."""
        played = self.uniform(number, kind=self.opening == "blessed", but={seat: True})
        return self.lines(played, seat)[0]

    def figures(
        self, rounds: Sequence[Round], choices: Sequence[Choice], seats: Sequence[int]
    ) -> Figures:
        """`recovery_rate`: how often a break of mutual cooperation, which the first round may be,
        is mended within 5 rounds; a break in the last round is not judged;
        `cooperation_by_seat`: in the order of `seats`, None for one that never had a say;
        `lock_in`: share of mutual defection in the last 50 rounds; `welfare_norm`: 0 if all
        always defect, 1 if all always cooperate.
        """
        every = [self.shares(r) for r in rounds]
        given = [[shares[seat] for seat in seats if seat in shares] for shares in every]
        both = [min(shares.values()) == 1.0 for shares in every]
        neither = [max(shares.values()) == 0.0 for shares in every]
        breaks = [i for i, kind in enumerate(both) if not kind and (i == 0 or both[i - 1])]
        mended = [both[i + 1 : i + 1 + RECOVERY] for i in breaks]
        defected = [r.number for r, row in zip(rounds, given, strict=True) if row and min(row) < 1]
        by_seat = [mean([shares[seat] for shares in every if seat in shares]) for seat in seats]
        return {
            "cooperation": mean([c for row in given for c in row]),
            "cooperation_by_seat": by_seat if any(given) else [],
            "cooperation_by_fifth": fifths(given),
            "welfare_norm": self.welfare(rounds),
            "reward": mean([r.payoffs[s] for r in rounds for s in seats]),
            "first_defection_round": defected[0] - self.before if defected else None,
            "recovery_rate": share([any(after) for after in mended if after]),
            "lock_in": share(neither[-LOCK_IN:]),
            "retaliation": self.retaliation(rounds, choices),
        }

    def welfare(self, rounds: Sequence[Round]) -> float | None:
        """Mean payoff of a seat between all defecting (0) and all cooperating (1)."""
        found = mean([sum(r.payoffs) for r in rounds])
        worst, best = (sum(self.uniform(1, kind=kind).payoffs) for kind in (False, True))
        return None if found is None else (found - worst) / (best - worst)

    def retaliation(self, rounds: Sequence[Round], choices: Sequence[Choice]) -> float | None:
        """P(less than full cooperation | harm in view) - P(the same | none in view), as decided."""
        played = {r.number: r for r in rounds}
        less = [self.decided(played[c.number], c) < 1 for c in choices]
        return difference(less, [c.harm for c in choices])

    def decided(self, played: Round, choice: Choice) -> float:
        """How cooperative a decision was; the act may have been another, by a tremble."""
        if played.moves[choice.seat] != choice.move:
            acts = (replace_move(act, choice) for act in played.acts)
            played = replace(played, acts=tuple(acts))
        return self.shares(played)[choice.seat]


def replace_move(act: Act, choice: Choice) -> Act:
    """The act as it was decided, if it is the one that was chosen there."""
    return Act(act.seat, choice.move, act.message) if act.seat == choice.seat else act


def fifths(rounds: Sequence[Sequence[float]]) -> list[float]:
    """Mean in each fifth of the rounds; fewer values when rounds are few."""
    cuts = [round(len(rounds) * i / 5) for i in range(6)]
    parts = [[c for r in rounds[a:b] for c in r] for a, b in pairwise(cuts)]
    return [sum(part) / len(part) for part in parts if part]
