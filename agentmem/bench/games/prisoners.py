"""The repeated prisoner's dilemma, under neutral action tokens."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import ClassVar

from agentmem.bench.games.base import (
    Choice,
    Figures,
    Game,
    Move,
    Moves,
    Round,
    Stage,
    difference,
    mean,
    share,
)
from agentmem.bench.prompting import fill
from agentmem.errors import InputError, nearest

# T temptation, R reward, P punishment, S sucker; primary is the matrix of CoopEval
# (arXiv 2604.15267), textbook is Axelrod's.
PAYOFFS: Mapping[str, Mapping[str, float]] = {
    "primary": {"T": 3.0, "R": 2.0, "P": 1.0, "S": 0.0},
    "textbook": {"T": 5.0, "R": 3.0, "P": 1.0, "S": 0.0},
}
OUTCOME = {("C", "C"): "R", ("C", "D"): "S", ("D", "C"): "T", ("D", "D"): "P"}
TOKENS = ("A0", "A1")
RECOVERY = 5  # rounds within which mutual cooperation has to return
LOCK_IN = 50  # last rounds looked at for mutual defection


@dataclass(frozen=True, kw_only=True)
class Prisoners(Game):
    """Both choose at once: C cooperates, D defects; the prompt only ever says A0 and A1.

    `payoffs` names a set of `PAYOFFS`, or gives T, R, P and S with T > R > P > S and 2R > T + S.
    """

    name: ClassVar[str] = "prisoners"
    exploiter: ClassVar[str] = "alld"
    exploited: ClassVar[str] = "cooperation"
    exploited_words: ClassVar[str] = "sucker rate (cooperation with AllD)"

    payoffs: str | Mapping[str, float] = "primary"

    def __post_init__(self) -> None:
        super().__post_init__()
        m = self.matrix
        if set(m) != set("TRPS"):
            raise InputError(f"payoffs need T, R, P and S, not {', '.join(m)}")
        if not (m["T"] > m["R"] > m["P"] > m["S"] and 2 * m["R"] > m["T"] + m["S"]):
            raise InputError(f"payoffs need T > R > P > S and 2R > T + S, not {dict(m)!r}")

    @property
    def matrix(self) -> Mapping[str, float]:
        """T, R, P and S in points."""
        if not isinstance(self.payoffs, str):
            return self.payoffs
        if self.payoffs not in PAYOFFS:
            raise InputError(f"unknown payoffs {self.payoffs!r}{nearest(self.payoffs, PAYOFFS)}")
        return PAYOFFS[self.payoffs]

    @property
    def swapped(self) -> bool:
        return self.order == "swapped"

    @property
    def moves(self) -> Mapping[str | int, Move]:
        """The move behind each token."""
        return dict(zip(TOKENS, ("D", "C") if self.swapped else ("C", "D"), strict=True))

    def token(self, move: Move) -> str:
        return TOKENS[(move == "D") != self.swapped]

    def own(self, mine: Move, other: Move) -> float:
        """Points of a seat for one round."""
        return self.matrix[OUTCOME[str(mine), str(other)]]

    def rules(self) -> str:
        lines = [
            f"- You choose {a}, Player 2 chooses {b}: you get "
            f"{self.own(mine, other):g}, Player 2 gets {self.own(other, mine):g}."
            for a, mine in self.moves.items()
            for b, other in self.moves.items()
        ]
        return fill("prisoners_rules", payoffs="\n".join(lines))

    def stage(self, number: int, moves: Moves) -> Stage | None:
        if moves:
            return None
        return Stage(
            seats=(0, 1),
            ask=fill("prisoners_ask", number=number),
            key="action",
            placeholder='"<token>"',
            answers=self.moves,
            allowed=" or ".join(TOKENS),
        )

    def pay(self, played: Round) -> tuple[float, ...]:
        first, second = played.moves[0], played.moves[1]
        return self.own(first, second), self.own(second, first)

    def line(self, played: Round, seat: int) -> str:
        mine, other = self.token(played.moves[seat]), self.token(played.moves[1 - seat])
        return (
            f"[Round {played.number}] You: {mine} ({played.payoffs[seat]:g} pts) | "
            f"Player 2: {other} ({played.payoffs[1 - seat]:g} pts)"
        )

    def valence(self, played: Round, seat: int) -> float:
        """+1 if the other cooperated, -1 if it defected."""
        return 1.0 if played.moves[1 - seat] == "C" else -1.0

    def friendly(self, played: Round) -> Round:
        """Both cooperated."""
        kind = replace(played, moves=dict.fromkeys(played.moves, "C"))
        return replace(kind, payoffs=self.pay(kind))

    def figures(
        self, rounds: Sequence[Round], choices: Sequence[Choice], seats: Sequence[int]
    ) -> Figures:
        """`recovery_rate`: how often a break of mutual cooperation is mended within 5 rounds;
        `lock_in`: share of mutual defection in the last 50 rounds; `welfare_norm`: 0 if both
        always defect, 1 if both always cooperate.
        """
        played = [[r.moves[seat] == "C" for seat in seats] for r in rounds]
        both = [set(r.moves.values()) == {"C"} for r in rounds]
        neither = [set(r.moves.values()) == {"D"} for r in rounds]
        breaks = [i for i in range(1, len(rounds)) if both[i - 1] and not both[i]]
        defected = [r.number for r, p in zip(rounds, played, strict=True) if not all(p)]
        welfare = mean([sum(r.payoffs) / 2 for r in rounds])
        gain = self.matrix["R"] - self.matrix["P"]
        return {
            "cooperation": share([c for row in played for c in row]),
            "cooperation_by_seat": [sum(c) / len(c) for c in zip(*played, strict=True)],
            "cooperation_by_fifth": fifths(played),
            "welfare_norm": None if welfare is None else (welfare - self.matrix["P"]) / gain,
            "reward": mean([r.payoffs[s] for r in rounds for s in seats]),
            "first_defection_round": defected[0] if defected else None,
            "recovery_rate": share([any(both[i + 1 : i + 1 + RECOVERY]) for i in breaks]),
            "lock_in": share(neither[-LOCK_IN:]),
            "retaliation": difference([c.move == "D" for c in choices], [c.harm for c in choices]),
        }


def fifths(rounds: Sequence[Sequence[bool]]) -> list[float]:
    """Share of true values in each fifth of the rounds; fewer values when rounds are few."""
    cuts = [round(len(rounds) * i / 5) for i in range(6)]
    parts = [[c for r in rounds[a:b] for c in r] for a, b in pairwise(cuts)]
    return [sum(part) / len(part) for part in parts if part]
