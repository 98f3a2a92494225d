"""An agent with a memory: perceive, recall, render, call, write, maintain.

    agent = Agent(model="openai:gpt-4o-mini", memory=AgentMemory.open("me.db"))
    agent.step("I moved to Lisbon.").reply

One agent is one conversation: its turns come one after another, never at the same time.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import AsyncIterator, Callable, Generator, Iterator
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, TypeVar

from agentmem import prompts
from agentmem.budget import Usage
from agentmem.caller import Caller, Messages, Reply
from agentmem.clock import Moment, seconds
from agentmem.core import Ask, Hit, Namespace, Policy, Run, Shown, Turn, content_id
from agentmem.errors import InputError, LedgerBusy, ModelError, NotFound, PlanError
from agentmem.intake import number, valid
from agentmem.models import ChatModel, resolve
from agentmem.present.presented import by_time, presented
from agentmem.prompting import fitted, prompt, unmarked
from agentmem.prompts import Template
from agentmem.steps import Steps, Wait, arun, run, work
from agentmem.streams import Abandoned, apour, pour

if TYPE_CHECKING:
    from agentmem.memory import AgentMemory

__all__ = ["Agent", "Step"]

Y = TypeVar("Y")
Call = Callable[[Messages, list[str]], Generator[Y, Any, Reply]]  # prompt, pieces said so far

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """What one turn came to."""

    turn: Turn
    ids: tuple[str, ...]  # the records that were written
    hits: tuple[Hit, ...]  # what the model was shown, in that order
    messages: Messages  # the prompt
    usage: Usage
    run: Run | None  # what maintenance did; None if there was nothing to do
    skipped: str = ""  # why maintenance was put off, if it was

    @property
    def reply(self) -> str:
        return self.turn.reply


@dataclass(kw_only=True)
class Agent:
    """A chat model with a memory.

    The prompt is the system text (always the same), the recalled records, the last `tail` turns
    word for word, and the observation; so servers can cache it up to the records.
    """

    model: ChatModel | Caller | str
    memory: AgentMemory
    namespace: Namespace | None = None  # None: the memory's own
    k: int = 8  # records recalled at most; 0: none
    budget_tokens: int | None = (
        1000  # tokens of the recalled records at most, ids and dates included
    )
    tail: int = 4  # turns kept word for word, as long as their records are active
    relevance: bool = True  # False: recall what is retained best, whatever was observed
    system: str | Template = "agent"  # a prompt's name or path; may use $name and $speaker
    name: str = "assistant"
    speaker: str = "user"
    source: str = "chat"  # marks each record; on failure with ":unanswered" or ":partial" added
    maintain_every: int = 1  # turns; 0: never
    caller: Caller = field(init=False, repr=False)
    last: Step | None = field(default=None, init=False, repr=False)
    turns: int = field(default=0, init=False)

    def __post_init__(self) -> None:
        for name in ("k", "tail", "maintain_every"):
            if getattr(self, name) < 0:
                raise InputError(f"{name} = {getattr(self, name)!r}: it must not be negative")
        model = self.model
        self.caller = model if isinstance(model, Caller) else Caller(model=resolve(model))
        template = prompts.load(self.system) if isinstance(self.system, str) else self.system
        offered = {"name": self.name, "speaker": self.speaker}
        used = {key: offered[key] for key in offered if key in template.variables}
        self._prefix = template.render(**used)
        self._tail: deque[tuple[Turn, tuple[str, ...]]] = deque(maxlen=self.tail)

    def _turn(
        self, call: Call[Y], observation: str, now: Moment | None, valence: float | None
    ) -> Generator[Wait | Y, Any, Step]:
        """The loop: all of an agent's life is in these lines."""
        turn = self._perceive(observation, now, valence)
        shown = yield from self._recall(turn)
        hits = shown.hits
        tail = [past for past, _ in self._tail]
        messages = prompt(self._prefix, hits, tail, turn, heading=shown.heading, notes=shown.notes)
        said: list[str] = []
        try:
            answer = yield from call(messages, said)
        except BaseException as error:
            yield from self._keep(replace(turn, reply=_storable("".join(said))), error)
            raise
        recalled = tuple(hit.id for hit in hits)
        turn = replace(turn, reply=_storable(answer.text), recalled=recalled)
        ids = yield from self._write(turn, self.source)
        done, skipped = yield from self._maintain(turn)
        self.last = Step(
            turn=turn,
            ids=ids,
            hits=hits,
            messages=messages,
            usage=answer.usage,
            run=done,
            skipped=skipped,
        )
        return self.last

    def _perceive(self, observation: str, now: Moment | None, valence: float | None) -> Turn:
        if not valid(observation, "observation").strip():
            raise InputError("an empty observation: there is nothing to answer")
        number("valence", valence, -1.0, 1.0)  # before the model is asked, not after
        at = self.memory.clock.now() if now is None else seconds(now)
        self.turns += 1
        return Turn(
            observation=observation,
            number=self.turns,
            now=at,
            speaker=self.speaker,
            name=self.name,
            valence=valence,
        )

    def _recall(self, turn: Turn) -> Steps[Shown]:
        """What the model gets to see: oldest first, unless a policy wants it otherwise."""
        yield from work(self._forget_tail)
        if self.k == 0:
            return Shown(hits=())
        presents = any(type(one).present is not Policy.present for one in self.memory.policies)
        hits = yield from self.memory._search(
            turn.observation if self.relevance else None,
            namespace=self.namespace,
            k=self.k,
            now=turn.now,
            budget_tokens=None if presents else self.budget_tokens,  # a count is of them all
        )
        verbatim = {name for _, ids in self._tail for name in ids}
        hits = [hit for hit in hits if hit.id not in verbatim]
        namespace = self.memory.namespace if self.namespace is None else self.namespace
        seed = int(content_id(*namespace, str(turn.number))[:15], 16)  # another at each turn
        ask = Ask(now=turn.now or 0.0, namespace=namespace, turn=turn.number)
        shown = Shown(hits=tuple(by_time(hits)), seed=seed)
        return fitted(presented(self.memory.policies, shown, ask), self.budget_tokens)

    def _write(self, turn: Turn, source: str) -> Steps[tuple[str, ...]]:
        """The observation and the reply become records; what was recalled does not, again."""
        clean = replace(turn, observation=unmarked(turn.observation), reply=unmarked(turn.reply))
        ids: tuple[str, ...] = ()
        if str(clean):
            added = yield from self.memory._add(
                clean, namespace=self.namespace, now=turn.now, source=source
            )
            ids = tuple(added)
        self._tail.append((turn, ids))
        return ids

    def _keep(self, turn: Turn, error: BaseException) -> Steps[None]:
        """The turn of a call that failed, or of a stream that nobody read to its end."""
        mark = "partial" if turn.reply else "unanswered"
        ids = yield from self._write(turn, f"{self.source}:{mark}")
        note = f"turn {turn.number} was kept, marked {mark!r}, as {', '.join(ids) or 'no record'}"
        error.add_note(note)
        if isinstance(error, Abandoned):
            _log.warning("stream abandoned: %s", note)

    def _maintain(self, turn: Turn) -> Steps[tuple[Run | None, str]]:
        """Forget what is due.  The turn is safe already, so a plan that cannot be is put off."""
        if not self.maintain_every or turn.number % self.maintain_every:
            return None, ""
        try:
            plan = yield from self.memory._plan(now=turn.now, namespace=self.namespace)
            return ((yield from self.memory._apply(plan)) if plan else None), ""
        except (PlanError, LedgerBusy, ModelError) as error:
            _log.warning("maintenance put off at turn %d: %s", turn.number, error)
            return None, str(error)

    def _forget_tail(self) -> None:
        """A turn leaves the tail with its last active record: forgotten means forgotten."""
        kept = [entry for entry in self._tail if not entry[1] or any(map(self._active, entry[1]))]
        self._tail = deque(kept, maxlen=self.tail)

    def _active(self, name: str) -> bool:
        try:
            return self.memory.get(name, namespace=self.namespace).status == "active"
        except NotFound:
            return False

    def _whole(self, messages: Messages, said: list[str]) -> Steps[Reply]:
        reply = yield from self.caller._complete(messages)
        said.append(reply.text)
        return reply

    def step(
        self, observation: str, *, now: Moment | None = None, valence: float | None = None
    ) -> Step:
        """One turn.

        `now` defaults to the memory's clock; `valence` (-1..1) says what the observation did to
        the agent.  If the call fails, the observation is kept all the same, under a source marked
        ":unanswered", and the error says so in a note.  Raises InputError for an empty
        observation, ModelError as `Caller.complete` does, LedgerError.
        """
        return run(self._turn(self._whole, observation, now, valence))

    async def astep(
        self, observation: str, *, now: Moment | None = None, valence: float | None = None
    ) -> Step:
        """The async twin of `step`."""
        return await arun(self._turn(self._whole, observation, now, valence))

    def stream(
        self, observation: str, *, now: Moment | None = None, valence: float | None = None
    ) -> Iterator[str]:
        """One turn, its reply in pieces; written after the last one, then found in `last`.

        The turn begins with the first piece asked for.  If the stream fails or is left early, the
        observation and what was said so far are kept, under a source marked ":partial".
        """
        return pour(self._turn(self.caller._stream, observation, now, valence))

    def astream(
        self, observation: str, *, now: Moment | None = None, valence: float | None = None
    ) -> AsyncIterator[str]:
        """The async twin of `stream`; leave it early only through `aclose()` or cancellation."""
        return apour(self._turn(self.caller._stream, observation, now, valence))


def _storable(text: str) -> str:
    """A reply without lone surrogates: half an emoji, where a model was cut off, costs no turn."""
    return text.encode(errors="replace").decode()
