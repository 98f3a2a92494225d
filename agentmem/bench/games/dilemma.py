"""What the social dilemmas share: action tokens, shares of cooperation, and their figures."""

from __future__ import annotations

from abc import abstractmethod
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
    """All choose at once.  The moves are C and D, under neutral tokens, or whole numbers.

    A subclass says what a round pays (`own`), and, for numbers, how cooperative each is (`share`).
    """

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

    @property
    def kindest(self) -> Move:
        """The fully cooperative move."""
        return "C"

    @property
    def harshest(self) -> Move:
        """The move of those who do not cooperate at all."""
        return "D"

    def share(self, move: Move) -> float:
        """0..1: how cooperative a move is."""
        return float(move == self.kindest)

    @abstractmethod
    def own(self, moves: Sequence[Move], seat: int) -> float:
        """Points of a seat when the seats have made these moves."""

    def welfare(self, move: Move) -> float:
        """Mean points of a seat when all make the same move."""
        moves = [move] * self.seats
        return sum(self.own(moves, seat) for seat in range(self.seats)) / self.seats

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

    def pay(self, played: Round) -> tuple[float, ...]:
        moves = [played.moves[seat] for seat in range(self.seats)]
        return tuple(self.own(moves, seat) for seat in range(self.seats))

    def told(self, played: Round, seat: int) -> str:
        """A round that has been paid out, in one line."""
        parts = [
            f"{who}: {self.word(played.moves[place])} ({played.payoffs[place]:g} pts)"
            for who, place in self.named(seat)
        ]
        return f"[Round {played.number}] {' | '.join(parts)}"

    def named(self, seat: int) -> list[tuple[str, int]]:
        """What `seat` calls each seat, itself first."""
        others = enumerate(self.others(seat), start=2)
        return [("You", seat), *((f"Player {n}", place) for n, place in others)]

    def lines(self, played: Round, seat: int) -> tuple[Line, ...]:
        """One line, once the round is paid; valence: +1 if all others cooperated, -1 if none."""
        if not played.payoffs:
            return ()
        kind = self.all_play(played.number, self.kindest)
        given = mean([self.share(played.moves[place]) for place in self.others(seat)]) or 0.0
        return (
            Line(
                text=self.told(played, seat),
                valence=2 * given - 1,
                friendly=self.told(kind, seat),
            ),
        )

    def all_play(self, number: int, move: Move) -> Round:
        """A round, paid out, in which all make a move."""
        played = Round(number=number, acts=tuple(Act(s, move) for s in range(self.seats)))
        return replace(played, payoffs=self.pay(played))

    def fabricated(self, number: int, seat: int) -> Line:
        """Poisoned: `seat` cooperated and nobody else did.  Blessed: all cooperated."""
        theirs = self.kindest if self.opening == "blessed" else self.harshest
        acts = (Act(s, self.kindest if s == seat else theirs) for s in range(self.seats))
        played = Round(number=number, acts=tuple(acts))
        return self.lines(replace(played, payoffs=self.pay(played)), seat)[0]

    def figures(
        self, rounds: Sequence[Round], choices: Sequence[Choice], seats: Sequence[int]
    ) -> Figures:
        """`recovery_rate`: how often a break of mutual cooperation is mended within 5 rounds;
        `lock_in`: share of mutual defection in the last 50 rounds; `welfare_norm`: 0 if all
        always defect, 1 if all always cooperate.
        """
        given = [[self.share(r.moves[seat]) for seat in seats] for r in rounds]
        all_of = [[self.share(move) for move in r.moves.values()] for r in rounds]
        both = [min(row) == 1.0 for row in all_of]
        neither = [max(row) == 0.0 for row in all_of]
        breaks = [i for i in range(1, len(rounds)) if both[i - 1] and not both[i]]
        defected = [r.number for r, row in zip(rounds, given, strict=True) if min(row) < 1.0]
        welfare = mean([sum(r.payoffs) / self.seats for r in rounds])
        worst, best = self.welfare(self.harshest), self.welfare(self.kindest)
        return {
            "cooperation": mean([c for row in given for c in row]),
            "cooperation_by_seat": [sum(c) / len(c) for c in zip(*given, strict=True)],
            "cooperation_by_fifth": fifths(given),
            "welfare_norm": None if welfare is None else (welfare - worst) / (best - worst),
            "reward": mean([r.payoffs[s] for r in rounds for s in seats]),
            "first_defection_round": defected[0] if defected else None,
            "recovery_rate": share([any(both[i + 1 : i + 1 + RECOVERY]) for i in breaks]),
            "lock_in": share(neither[-LOCK_IN:]),
            "retaliation": difference(
                [self.share(c.move) < 1.0 for c in choices], [c.harm for c in choices]
            ),
        }


def fifths(rounds: Sequence[Sequence[float]]) -> list[float]:
    """Mean in each fifth of the rounds; fewer values when rounds are few."""
    cuts = [round(len(rounds) * i / 5) for i in range(6)]
    parts = [[c for r in rounds[a:b] for c in r] for a, b in pairwise(cuts)]
    return [sum(part) / len(part) for part in parts if part]
