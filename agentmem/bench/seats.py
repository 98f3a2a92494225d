"""The two kinds of seat: a script, or a chat model with a memory.

A model's seat remembers through an `AgentMemory` on a simulated clock: one record per valid round,
or per step of it.  Before it decides, it recalls, and what is recalled is put before it, oldest
first.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import TYPE_CHECKING, Protocol

from agentmem.bench.events import Event
from agentmem.bench.games import Game, Line, Move, Round, Stage
from agentmem.bench.keys import generator, key
from agentmem.bench.lexicon import count
from agentmem.bench.players import Player, Seen
from agentmem.bench.prompting import Form, again, form, question, tokens
from agentmem.bench.voices import Answer, Key, Spoken, Upkeep, Voice, digest
from agentmem.clock import SimulatedClock
from agentmem.core import Ask, Policy, Shown
from agentmem.errors import IllegalMove, ModelUnavailable
from agentmem.present.presented import by_time, presented
from agentmem.retrieve.stage import Stage as Retrieval
from agentmem.steps import Steps, inline
from agentmem.structure import Consolidator, Store

if TYPE_CHECKING:
    from agentmem.memory import AgentMemory

REASKS = 3  # how often a reply that names no legal move is asked for again


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """A seat's turn to decide."""

    game: Game
    seed: int
    seat: int
    step: int  # of the round, from 0
    stage: Stage
    played: Round  # so far
    past: Sequence[Round]  # valid ones

    @property
    def number(self) -> int:
        return self.played.number

    @property
    def at(self) -> Key:
        """What keys everything that is drawn or asked in this turn: never a policy."""
        return (self.seed, self.game.name, self.number, self.seat, self.step)

    def key(self, *what: object) -> int:
        """The key of a random draw: the same under every policy."""
        return key(*self.at, *what)


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What a seat decided; no move if none of its replies was legal."""

    move: Move | None
    message: str = ""
    harm: bool = False  # it was looking at a harm done to it
    event: Event | None = None


class Seat(Protocol):
    """One side of a match."""

    @property
    def remembers(self) -> bool:
        """Whether it is to learn what happens; a script sees the rounds themselves."""
        ...

    def _decide(self, turn: Turn) -> Steps[Decision]: ...

    def _learn(self, number: int, line: Line) -> Steps[str]:
        """Remember something of a round; the id of the record."""
        ...

    def unlearn(self, ids: Sequence[str]) -> None:
        """Forget the records of a round that turned out invalid."""
        ...


@dataclass(frozen=True, kw_only=True)
class ScriptedSeat:
    """A seat played by rule."""

    player: Player
    remembers: bool = field(default=False, init=False)

    def _decide(self, turn: Turn) -> Steps[Decision]:
        seen = Seen(
            game=turn.game,
            seat=turn.seat,
            stage=turn.stage,
            played=turn.played,
            past=turn.past,
            rng=generator(turn.key("player")),
        )
        yield from ()  # nothing to wait for
        return Decision(move=self.player.move(seen))

    def _learn(self, number: int, line: Line) -> Steps[str]:
        yield from ()
        return ""

    def unlearn(self, ids: Sequence[str]) -> None:
        """Nothing was kept."""


@dataclass(frozen=True, kw_only=True)
class Recall:
    """How a seat's memory is asked, and how it looks after itself."""

    k: int = 80  # most records shown; 0 shows none
    reinforce: bool = False  # whether being shown strengthens a record
    by_observation: bool = False  # search for what is asked now, instead of the most retained
    policies: tuple[Policy, ...] = ()
    stores: tuple[Store, ...] = ()  # (): the default
    consolidation: tuple[Consolidator, ...] = ()
    retrieval: tuple[Retrieval, ...] = ()

    @property
    def removes(self) -> bool:
        return any(policy.remove for policy in self.policies)

    @property
    def asks_model(self) -> bool:
        """Whether what is made of the rounds takes the player's model."""
        return any(part.asks_model for part in (*self.stores, *self.consolidation))


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What came of asking for a move."""

    move: Move | None
    message: str
    answers: tuple[Answer, ...]
    errors: tuple[str, ...]
    prompt_hash: str  # of the messages that were asked first

    @property
    def cost(self) -> float:
        return sum(answer.cost for answer in self.answers)


@dataclass(kw_only=True)
class Spent:
    """What a seat's decisions took, and what was seen and said in them."""

    decisions: int = 0
    calls: int = 0
    invalid: int = 0
    tokens_in: int = 0
    tokens_out: int = 0
    cached: int = 0
    memory: int = 0  # tokens of what was remembered
    cost: float = 0.0
    harms: int = 0  # records of harm kept
    harms_shown: int = 0  # times such a record was shown
    words: list[int] = field(default_factory=lambda: [0, 0, 0])  # forward, history, of all

    def add(self, asked: Asked, memory: str, harms: int) -> None:
        self.decisions += 1
        self.invalid += asked.move is None
        self.memory += tokens(memory)
        self.harms_shown += harms
        for answer in asked.answers:
            self.tokens_in += answer.usage.tokens_in
            self.tokens_out += answer.usage.tokens_out
            self.cached += answer.usage.cached
        self.cost += asked.cost
        self.calls += len(asked.answers)
        said = "\n".join(answer.text for answer in asked.answers)
        for side, some in enumerate((*count(said), len(said.split()))):
            self.words[side] += some


@dataclass(kw_only=True)
class ModelSeat:
    """A seat played by a chat model with a memory.  The model is told the prompt text, no more."""

    voice: Voice
    memory: AgentMemory
    clock: SimulatedClock
    recall: Recall
    rules: str
    style: Form = "cot"
    rules_first: bool = True  # the rules are the system message; else they follow the memory
    sampler_seed: bool = True  # hand the model a seed with each call
    spoken: Spoken | None = None  # the model as the memory knows it, where it asks one
    remembers: bool = field(default=True, init=False)
    spent: Spent = field(default_factory=Spent, init=False)

    @property
    def upkeep(self) -> Upkeep:
        """What the memory asked for itself."""
        return Upkeep() if self.spoken is None else self.spoken.spent

    def _decide(self, turn: Turn) -> Steps[Decision]:
        shown = self.shown(turn)
        lines = [shown.heading, *(hit.text for hit in shown.hits), *shown.notes]
        lines = [line for line in lines if line]
        how = form(self.style, turn.stage.key, turn.stage.placeholder, talk=turn.stage.talk)
        prompt = question(lines, turn.stage.ask, how, "" if self.rules_first else self.rules)
        asked = yield from self._ask(turn, prompt, how)
        harm = sum(hit.record.valence < 0 for hit in shown.hits)
        memory = "\n".join(lines)
        self.spent.add(asked, memory, harm)
        event = self.event(turn, shown, memory, prompt, asked)
        return Decision(move=asked.move, message=asked.message, harm=harm > 0, event=event)

    def _ask(self, turn: Turn, prompt: str, how: str) -> Steps[Asked]:
        """Ask until there is a legal move, or no patience left."""
        first = [{"role": "system", "content": self.rules}] if self.rules_first else []
        messages = [*first, {"role": "user", "content": prompt}]
        answers: list[Answer] = []
        errors: list[str] = []
        for attempt in range(1 + REASKS):
            at = (*turn.at, "model", attempt)
            seed = key(*at) if self.sampler_seed else None
            answers.append((yield from self.voice._ask(messages, seed=seed, key=at)))
            text = answers[-1].text
            try:
                move, message = turn.stage.parse(text)
            except IllegalMove as error:
                errors.append(str(error))
                messages.append({"role": "assistant", "content": text})
                messages.append({"role": "user", "content": again(error, how)})
            else:
                break
        else:
            move, message = None, ""
        return Asked(
            move=move,
            message=message,
            answers=tuple(answers),
            errors=tuple(errors),
            prompt_hash=digest(messages[: len(first) + 1]),
        )

    def shown(self, turn: Turn) -> Shown:
        """What the memory puts before the model, oldest first unless a policy reorders it."""
        if self.recall.k == 0:
            return Shown(hits=())
        query = turn.stage.ask if self.recall.by_observation else None
        hits = self.memory.search(query, k=self.recall.k, reinforce=self.recall.reinforce)
        ask = Ask(now=self.clock.now(), namespace=self.memory.namespace, turn=turn.number)
        shown = Shown(hits=tuple(by_time(hits)), seed=turn.key("shown"))
        return presented(self.recall.policies, shown, ask)

    def event(self, turn: Turn, shown: Shown, memory: str, prompt: str, asked: Asked) -> Event:
        """The decision as a line of the log."""
        return {
            "type": "decision",
            "round": turn.number,
            "step": turn.step,
            "seat": turn.seat,
            "key": turn.key("model", 0),
            "shown": [hit.id for hit in shown.hits],
            "memory_hash": blake2b(memory.encode(), digest_size=8).hexdigest(),
            "memory": memory,
            "prompt_hash": asked.prompt_hash,
            "prompt": prompt,
            "replies": [answer.text for answer in asked.answers],
            "errors": list(asked.errors),
            "status": "invalid" if asked.move is None else "reasked" if asked.errors else "ok",
            "move": asked.move,
            "tokens_in": sum(answer.usage.tokens_in for answer in asked.answers),
            "tokens_out": sum(answer.usage.tokens_out for answer in asked.answers),
            "tokens_cached": sum(answer.usage.cached for answer in asked.answers),
            "cost": asked.cost,
            "latency_s": round(sum(answer.latency for answer in asked.answers), 4),
        }

    def _learn(self, number: int, line: Line) -> Steps[str]:
        self.spent.harms += line.valence < 0
        data = {"round": number} | ({"friendly": line.friendly} if line.friendly else {})
        ids = self.memory.add(line.text, valence=line.valence, source="game", data=data)
        if self.recall.asks_model:
            done = yield from inline(self.memory._extract())
            if done.halted:  # a memory goes on without what it owes; a match must not
                raise ModelUnavailable(done.halted)
        if self.recall.removes:
            plan = yield from inline(self.memory._plan())
            if plan:
                yield from inline(self.memory._apply(plan, allow_mass=True))
        return ids[0]

    def unlearn(self, ids: Sequence[str]) -> None:
        if ids:
            self.memory.forget(*ids, reason="an invalid round")
