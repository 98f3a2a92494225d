"""How a seat reaches its model: at once, or through whatever stands between the two.

Each call is keyed by (seed, game, round, seat, step, attempt), so that an answer can be kept, and
found again, without two samples ever being taken for one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from agentmem.bench.keys import key
from agentmem.bench.prompting import tokens
from agentmem.budget import Usage, reported
from agentmem.models import ChatModel
from agentmem.replies import text_of
from agentmem.steps import Steps, arun, run

Messages = Sequence[Mapping[str, str]]
Key = tuple[object, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a model said, and what that took."""

    text: str
    usage: Usage
    latency: float = 0.0  # seconds
    retries: int = 0
    reused: bool = False  # it was kept from an earlier call
    cost: float = 0.0  # money, in the unit of the prices


class Voice(Protocol):
    """A model, as a seat reaches it."""

    def _ask(
        self, messages: Messages, *, seed: int | None, key: Key, **options: Any
    ) -> Steps[Answer]: ...


@dataclass(frozen=True, kw_only=True)
class Direct:
    """A model in this process, asked where the match stands."""

    model: ChatModel

    def _ask(
        self, messages: Messages, *, seed: int | None, key: Key, **options: Any
    ) -> Steps[Answer]:
        yield from ()  # nothing to wait for
        if seed is not None:
            options["seed"] = seed
        raw = self.model.invoke(messages, **options)
        text = text_of(raw.content)
        usage = reported(getattr(raw, "usage_metadata", None)) or Usage(
            tokens_in=sum(tokens(message["content"]) for message in messages),
            tokens_out=tokens(text),
            estimated=True,
        )
        return Answer(text=text, usage=usage)


@dataclass(kw_only=True)
class Spoken:
    """A voice as a chat model, for a memory that makes something of the rounds by asking.

    `at` is (seed, game, seat); the calls of a match are numbered.
    """

    voice: Voice
    at: Key
    seeded: bool = True  # hand the model a seed with each call
    calls: int = field(default=0, init=False)
    spent: Usage = field(default_factory=Usage, init=False)
    cost: float = field(default=0.0, init=False)

    def _call(self, messages: Messages, options: dict[str, Any]) -> Steps[_Said]:
        at = (*self.at, "memory", self.calls)
        self.calls += 1
        seed = key(*at) if self.seeded else None
        answer = yield from self.voice._ask(messages, key=at, **{**options, "seed": seed})
        self.spent += answer.usage
        self.cost += answer.cost
        return _Said(content=answer.text, usage_metadata=_metadata(answer.usage))

    def invoke(self, messages: Messages, /, **options: Any) -> _Said:
        return run(self._call(messages, options))

    async def ainvoke(self, messages: Messages, /, **options: Any) -> _Said:
        return await arun(self._call(messages, options))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Said:
    content: str
    usage_metadata: Mapping[str, Any]


def _metadata(usage: Usage) -> dict[str, Any]:
    return {
        "input_tokens": usage.tokens_in,
        "output_tokens": usage.tokens_out,
        "input_token_details": {"cache_read": usage.cached},
    }
