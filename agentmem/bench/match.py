"""A repeated match: ask, parse, tremble, pay, remember.

A match is a generator that yields what it waits for (`agentmem.steps`), so that one body is played
at once by simulated players and, by the thousand, in lockstep by served models.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from agentmem.bench.events import Emit
from agentmem.bench.games import Act, Choice, Game, Line, Move, Round, Stage
from agentmem.bench.keys import generator
from agentmem.bench.seats import Decision, Seat, Turn
from agentmem.clock import SimulatedClock
from agentmem.errors import InputError
from agentmem.steps import Steps, sync


@dataclass(frozen=True, kw_only=True)
class Played:
    """A finished match."""

    rounds: tuple[Round, ...]  # all, invalid ones included
    choices: tuple[Choice, ...]  # decisions of the models' seats in valid rounds

    @property
    def valid(self) -> tuple[Round, ...]:
        return tuple(r for r in self.rounds if r.valid)


@dataclass(kw_only=True)
class Match:
    """`game.rounds` rounds between the seats under one seed; `clock` moves `step` seconds each.

    Whatever happens is told to `emit`, one event after another.
    """

    game: Game  # as `seeded` gives it
    seats: Sequence[Seat]
    seed: int
    clock: SimulatedClock
    emit: Emit
    step: float = 3600.0
    _valid: list[Round] = field(default_factory=list, init=False)
    _choices: list[Choice] = field(default_factory=list, init=False)

    def _play(self) -> Steps[Played]:
        rounds: list[Round] = []
        first = yield from self._open()
        for number in range(first, first + self.game.rounds):
            self.clock.advance(self.step)
            played = yield from self._round(number)
            rounds.append(played)
            if played.valid:
                self._valid.append(played)
        return Played(rounds=tuple(rounds), choices=tuple(self._choices))

    play = sync(_play)

    def _open(self) -> Steps[int]:
        """Put fabricated rounds into the memories; the number of the first real one."""
        for number in range(1, self.game.before + 1):
            self.clock.advance(self.step)
            for place, seat in enumerate(self.seats):
                line = self.game.fabricated(number, place)
                if line is not None:
                    yield from seat._learn(number, line)
        return self.game.before + 1

    def _round(self, number: int) -> Steps[Round]:
        played = Round(number=number)
        kept: list[list[str]] = [[] for _ in self.seats]  # ids of this round's records
        choices: list[Choice] = []
        step = 0
        while (stage := self.game.stage(played)) is not None:
            acts: list[Act] = []
            for seat in stage.seats:
                turn = self.turn(seat, step, stage, played)
                decision: Decision = yield from self.seats[seat]._decide(turn)
                if decision.event is not None:
                    self.emit(decision.event)
                if decision.move is None:
                    return self.void(played, kept)
                if decision.event is None:
                    self.check(stage, seat, decision.move)
                else:
                    choices.append(
                        Choice(number=number, seat=seat, move=decision.move, harm=decision.harm)
                    )
                move = self.tremble(turn, decision.move)
                acts.append(Act(seat, move, decision.message))
                if move != decision.move:
                    done = (*played.trembled, len(played.acts) + len(acts) - 1)
                    played = replace(played, trembled=done)
            played = replace(played, acts=(*played.acts, *acts))
            step += 1
            if self.game.stage(played) is None:
                played = replace(played, payoffs=self.game.pay(played))
            yield from self._remember(played, kept)
            if played.payoffs:
                break
        self._choices += choices
        self.tell(played, kept)
        return played

    def turn(self, seat: int, step: int, stage: Stage, played: Round) -> Turn:
        return Turn(
            game=self.game,
            seed=self.seed,
            seat=seat,
            step=step,
            stage=stage,
            played=played,
            past=self._valid,
        )

    def check(self, stage: Stage, seat: int, move: Move) -> None:
        """InputError for a script's move that is not legal: a fault, which nobody asks about."""
        if move not in stage.legal:
            raise InputError(
                f"{self.game.name}: the script at seat {seat} moved {move!r}, which is not "
                f"{stage.allowed}"
            )

    def tremble(self, turn: Turn, move: Move) -> Move:
        """The move, or, with the game's chance, another legal one."""
        if not self.game.tremble:
            return move
        rng = generator(turn.key("tremble"))
        others = [legal for legal in turn.stage.legal if legal != move]
        return rng.choice(others) if rng.random() < self.game.tremble else move

    def _remember(self, played: Round, kept: Sequence[list[str]]) -> Steps[None]:
        """Let every seat learn what is new in the round."""
        for place, seat in enumerate(self.seats):
            lines: Sequence[Line] = self.game.lines(played, place) if seat.remembers else ()
            for line in lines[len(kept[place]) :]:
                kept[place].append((yield from seat._learn(played.number, line)))

    def void(self, played: Round, kept: Sequence[Sequence[str]]) -> Round:
        """An invalid round: it never was, for the figures and for the memories."""
        for seat, ids in zip(self.seats, kept, strict=True):
            seat.unlearn(ids)
        self.emit({"type": "round", "round": played.number, "valid": False})
        return replace(played, valid=False)

    def tell(self, played: Round, kept: Sequence[Sequence[str]]) -> None:
        self.emit(
            {
                "type": "round",
                "round": played.number,
                "valid": True,
                "acts": [[act.seat, act.move] for act in played.acts],
                "payoffs": list(played.payoffs),
                "trembled": list(played.trembled),
                "records": {str(place): list(ids) for place, ids in enumerate(kept) if ids},
            }
        )
