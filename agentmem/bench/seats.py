"""The two kinds of seat: a script, or a chat model with a memory.

A model's seat remembers through an `AgentMemory` on a simulated clock: one record per valid round.
Before it decides, it recalls, and what is recalled is put before it, oldest first.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import TYPE_CHECKING, Any, Protocol

from agentmem.bench.games import Game, Move, Moves, Round, Stage
from agentmem.bench.keys import generator, key
from agentmem.bench.lexicon import count
from agentmem.bench.players import Player, Seen
from agentmem.bench.prompting import Form, again, form, question, tokens
from agentmem.clock import SimulatedClock
from agentmem.core import Ask, Policy, Shown
from agentmem.errors import IllegalMove
from agentmem.models import ChatModel
from agentmem.present.presented import by_time, presented
from agentmem.replies import text_of
from agentmem.structure import Consolidator, Store

if TYPE_CHECKING:
    from agentmem.memory import AgentMemory

REASKS = 3  # how often a reply that names no legal move is asked for again

Event = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """A seat's turn to decide."""

    game: Game
    seed: int
    number: int
    seat: int
    stage: Stage
    moves: Moves
    past: Sequence[Round]

    def key(self, *what: object) -> int:
        """The key of a random draw: the same under every policy."""
        return key(self.seed, self.game.name, self.number, self.seat, *what)


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What a seat decided; no move if none of its replies was legal."""

    move: Move | None
    harm: bool = False  # it was looking at a harm done to it
    event: Event | None = None


class Seat(Protocol):
    """One side of a match."""

    def decide(self, turn: Turn) -> Decision: ...

    def learn(self, played: Round, line: str, valence: float, friendly: str = "") -> str:
        """Remember a valid round; the id of the record, or "" if nothing is kept.

        `friendly`: the line, had both been kind; "" where a game knows no such thing.
        """
        ...


@dataclass(frozen=True, kw_only=True)
class ScriptedSeat:
    """A seat played by rule."""

    player: Player

    def decide(self, turn: Turn) -> Decision:
        seen = Seen(
            seat=turn.seat,
            number=turn.number,
            stage=turn.stage,
            moves=turn.moves,
            past=turn.past,
            rng=generator(turn.key("player")),
        )
        return Decision(move=self.player.move(seen))

    def learn(self, played: Round, line: str, valence: float, friendly: str = "") -> str:
        """A script sees the rounds themselves."""
        return ""


@dataclass(frozen=True, kw_only=True)
class Recall:
    """How a seat's memory is asked, and how it looks after itself."""

    k: int = 80  # most records shown; 0 shows none
    reinforce: bool = False  # whether being shown strengthens a record
    by_observation: bool = False  # search for what is asked now, instead of the most retained
    policies: tuple[Policy, ...] = ()
    stores: tuple[Store, ...] = ()  # (): the default
    consolidation: tuple[Consolidator, ...] = ()

    @property
    def removes(self) -> bool:
        return any(policy.remove for policy in self.policies)

    @property
    def asks_model(self) -> bool:
        """Whether what is made of the rounds takes the player's model."""
        return any(part.asks_model for part in (*self.stores, *self.consolidation))


@dataclass(kw_only=True)
class ModelSeat:
    """A seat played by a chat model with a memory.  The model is told the prompt text, no more."""

    model: ChatModel
    memory: AgentMemory
    clock: SimulatedClock
    recall: Recall
    system: str
    style: Form = "cot"
    sampler_seed: bool = True  # hand the model a seed with each call
    harms: int = 0  # records of harm kept
    harms_shown: int = 0  # times such a record was shown
    decisions: int = 0
    invalid: int = 0
    words: list[int] = field(default_factory=lambda: [0, 0])  # forward, history
    spent: dict[str, int] = field(default_factory=lambda: {"in": 0, "out": 0, "memory": 0})

    def decide(self, turn: Turn) -> Decision:
        shown = self.shown(turn)
        hits = shown.hits
        lines = [shown.heading, *(hit.text for hit in hits), *shown.notes]
        lines = [line for line in lines if line]
        how = form(self.style, turn.stage.key, turn.stage.placeholder)
        prompt = question(lines, turn.stage.ask, how)
        move, replies, errors, sent = self.ask(turn, prompt, how)
        said = sum(tokens(reply) for reply in replies)
        harm = sum(hit.record.valence < 0 for hit in hits)
        memory = "\n".join(lines)
        self.note(replies, sent=sent, said=said, kept=tokens(memory), harm=harm)
        self.invalid += move is None
        event = {
            "type": "decision",
            "round": turn.number,
            "seat": turn.seat,
            "key": turn.key("model", 0),
            "shown": [hit.id for hit in hits],
            "memory_hash": blake2b(memory.encode(), digest_size=8).hexdigest(),
            "prompt": prompt,
            "replies": replies,
            "errors": errors,
            "status": "invalid" if move is None else "reasked" if errors else "ok",
            "move": move,
            "tokens_in": sent,
            "tokens_out": said,
        }
        return Decision(move=move, harm=harm > 0, event=event)

    def ask(
        self, turn: Turn, prompt: str, how: str
    ) -> tuple[Move | None, list[str], list[str], int]:
        """The move, all replies, what was wrong with them, and the tokens sent."""
        messages: list[Mapping[str, str]] = [
            {"role": "system", "content": self.system},
            {"role": "user", "content": prompt},
        ]
        replies: list[str] = []
        errors: list[str] = []
        sent = 0
        for attempt in range(1 + REASKS):
            sent += sum(tokens(message["content"]) for message in messages)
            extra = {"seed": turn.key("model", attempt)} if self.sampler_seed else {}
            replies.append(text_of(self.model.invoke(messages, **extra).content))
            try:
                return turn.stage.parse(replies[-1]), replies, errors, sent
            except IllegalMove as error:
                errors.append(str(error))
                messages.append({"role": "assistant", "content": replies[-1]})
                messages.append({"role": "user", "content": again(error, how)})
        return None, replies, errors, sent

    def shown(self, turn: Turn) -> Shown:
        """What the memory puts before the model, oldest first unless a policy reorders it."""
        if self.recall.k == 0:
            return Shown(hits=())
        query = turn.stage.ask if self.recall.by_observation else None
        hits = self.memory.search(query, k=self.recall.k, reinforce=self.recall.reinforce)
        ask = Ask(now=self.clock.now(), namespace=self.memory.namespace, turn=turn.number)
        shown = Shown(hits=tuple(by_time(hits)), seed=turn.key("shown"))
        return presented(self.recall.policies, shown, ask)

    def note(self, replies: Sequence[str], *, sent: int, said: int, kept: int, harm: int) -> None:
        self.decisions += 1
        self.harms_shown += harm
        for name, some in (("in", sent), ("out", said), ("memory", kept)):
            self.spent[name] += some
        for side, some in enumerate(count("\n".join(replies))):
            self.words[side] += some

    def learn(self, played: Round, line: str, valence: float, friendly: str = "") -> str:
        self.harms += valence < 0
        data = {"round": played.number} | ({"friendly": friendly} if friendly else {})
        ids = self.memory.add(line, valence=valence, source="game", data=data)
        if self.recall.asks_model:
            self.memory.extract()
        if self.recall.removes:
            plan = self.memory.plan()
            if plan:
                self.memory.apply(plan, allow_mass=True)
        return ids[0]
