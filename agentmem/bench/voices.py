"""How a seat reaches its model: at once, or through whatever stands between the two.

Each call is keyed by (seed, game, round, seat, step, attempt), so that an answer can be kept, and
found again, without two samples ever being taken for one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Any, Protocol

from agentmem.bench.asking.answers import Answer
from agentmem.bench.keys import key
from agentmem.bench.prompting import tokens
from agentmem.budget import Usage, reported
from agentmem.errors import BudgetExceeded, ModelError, ModelUnavailable
from agentmem.models import ChatModel
from agentmem.replies import text_of
from agentmem.steps import Steps, arun, run

__all__ = ["Answer", "Direct", "Key", "Messages", "Spoken", "Upkeep", "Voice", "digest"]

Messages = Sequence[Mapping[str, str]]
Key = tuple[object, ...]


def digest(messages: Messages) -> str:
    """16 hex digits over a prompt: what was asked, whoever asked it."""
    text = "\x1f".join(
        part for message in messages for part in (message["role"], message["content"])
    )
    return blake2b(text.encode(), digest_size=8).hexdigest()


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
class Upkeep:
    """What a memory's own calls took."""

    calls: int = 0
    tokens_in: int = 0
    tokens_out: int = 0
    cached: int = 0
    cost: float = 0.0

    def add(self, answer: Answer) -> None:
        self.calls += 1
        self.tokens_in += answer.usage.tokens_in
        self.tokens_out += answer.usage.tokens_out
        self.cached += answer.usage.cached
        self.cost += answer.cost


@dataclass(kw_only=True)
class Spoken:
    """A voice as a chat model, for a memory that makes something of the rounds by asking.

    `at` is (seed, game, seat); the calls of a match are numbered.
    """

    voice: Voice
    at: Key
    seeded: bool = True  # hand the model a seed with each call
    spent: Upkeep = field(default_factory=Upkeep, init=False)

    def _call(self, messages: Messages, options: dict[str, Any]) -> Steps[_Said]:
        at = (*self.at, "memory", self.spent.calls)
        seed = key(*at) if self.seeded else None
        try:
            answer = yield from self.voice._ask(messages, key=at, **{**options, "seed": seed})
        except BudgetExceeded:
            raise
        except ModelError as error:  # else a memory would count it as its model's bad reply
            raise ModelUnavailable(str(error)) from error
        self.spent.add(answer)  # one that failed is asked again under the same key
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
