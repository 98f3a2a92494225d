"""A repeated match between two seats: ask, parse, tremble, pay, remember."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from agentmem.bench.games import Choice, Game, Move, Moves, Round
from agentmem.bench.keys import generator
from agentmem.bench.seats import Event, Seat, Turn
from agentmem.clock import SimulatedClock


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
    """`game.rounds` rounds between two seats under one seed; `clock` moves `step` seconds each."""

    game: Game  # as `seeded` gives it
    seats: tuple[Seat, Seat]
    seed: int
    clock: SimulatedClock
    step: float = 3600.0
    events: list[Event] = field(default_factory=list)

    def play(self) -> Played:
        rounds: list[Round] = []
        valid: list[Round] = []
        choices: list[Choice] = []
        for number in range(1, self.game.rounds + 1):
            self.clock.advance(self.step)
            played, made = self.round(number, valid)
            rounds.append(played)
            if played.valid:
                valid.append(played)
                choices += made
        return Played(rounds=tuple(rounds), choices=tuple(choices))

    def round(self, number: int, past: Sequence[Round]) -> tuple[Round, list[Choice]]:
        moves: dict[int, Move] = {}
        trembled: list[int] = []
        made: list[Choice] = []
        while (stage := self.game.stage(number, moves)) is not None:
            decided: dict[int, Move] = {}
            for seat in stage.seats:
                turn = Turn(
                    game=self.game,
                    seed=self.seed,
                    number=number,
                    seat=seat,
                    stage=stage,
                    moves=moves,
                    past=past,
                )
                decision = self.seats[seat].decide(turn)
                if decision.event is not None:
                    self.events.append(decision.event)
                if decision.move is None:
                    return self.void(number, moves), []
                if decision.event is not None:
                    made.append(
                        Choice(number=number, seat=seat, move=decision.move, harm=decision.harm)
                    )
                decided[seat] = self.tremble(turn, decision.move, trembled)
            moves |= decided
        played = Round(number=number, moves=moves, trembled=tuple(trembled))
        return self.close(played), made

    def tremble(self, turn: Turn, move: Move, trembled: list[int]) -> Move:
        """The move, or, with the game's chance, another legal one; it is noted which."""
        if not self.game.tremble:
            return move
        rng = generator(turn.key("tremble"))
        others = [legal for legal in turn.stage.legal if legal != move]
        if rng.random() >= self.game.tremble:
            return move
        trembled.append(turn.seat)
        return rng.choice(others)

    def void(self, number: int, moves: Moves) -> Round:
        self.events.append({"type": "round", "round": number, "valid": False})
        return Round(number=number, moves=moves, valid=False)

    def close(self, played: Round) -> Round:
        """Pay a round out and let both seats remember it."""
        played = replace(played, payoffs=self.game.pay(played))
        kind = self.game.friendly(played)
        records = {}
        for place, seat in enumerate(self.seats):
            line, valence = self.game.line(played, place), self.game.valence(played, place)
            friendly = "" if kind is None else self.game.line(kind, place)
            records[str(place)] = seat.learn(played, line, valence, friendly)
        self.events.append(
            {
                "type": "round",
                "round": played.number,
                "valid": True,
                "moves": {str(seat): move for seat, move in played.moves.items()},
                "payoffs": list(played.payoffs),
                "trembled": list(played.trembled),
                "records": records,
            }
        )
        return played
