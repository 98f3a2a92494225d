"""Calling a chat model: within a budget, patiently, as text, as JSON or as a stream."""

from __future__ import annotations

import asyncio
import json
import re
import time
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from agentmem import prompts
from agentmem.budget import Budget, Usage, estimate, estimate_messages, reported
from agentmem.errors import BadReply, InputError, ModelUnavailable
from agentmem.foreign import PATIENCE, border, retry_after, secrets_of
from agentmem.models import ChatModel
from agentmem.replies import check, parse, text_of
from agentmem.steps import Steps, Wait, asynchronous, either, sync
from agentmem.streams import Stream, apour, pour

__all__ = ["Caller", "Messages", "Reply"]

Messages = Sequence[Mapping[str, str]]  # each with `role` and `content`
_NAME = re.compile(r"[\w-]{1,64}", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What a model answered, and what that took."""

    text: str
    usage: Usage


@dataclass(kw_only=True)
class Caller:
    """A chat model with a budget and with patience.

    A model that sees to retries by itself (it has `max_retries`, as those behind a server do) is
    tried once: its SDK has waited already.  Any other is tried `retries` times more when
    it is unavailable, after a random part of `backoff` x 2^n seconds, at most `max_backoff`
    ("full jitter", M. Brooker, AWS Architecture Blog, 2015), or after what Retry-After asks for.
    """

    model: ChatModel
    budget: Budget = field(default_factory=Budget)
    retries: int = 2
    backoff: float = 0.5  # seconds
    max_backoff: float = 30.0  # seconds
    seed: int = 0

    def __post_init__(self) -> None:
        self._random = np.random.default_rng(self.seed)
        self._secrets = secrets_of(self.model)
        self._tries = 1 if hasattr(self.model, "max_retries") else 1 + self.retries

    def _complete(self, /, messages: Messages, **kwargs: Any) -> Steps[Reply]:
        """The model's reply.

        Raises BudgetExceeded before a call that the budget does not allow, ModelUnavailable once
        retries and timeouts are used up, BadReply for a refusal, else ModelError.
        """
        attempt = 0
        while True:
            attempt += 1
            try:
                return (yield from self._once(messages, kwargs))
            except ModelUnavailable as error:
                yield from self._wait(attempt, error)

    def _once(self, messages: Messages, kwargs: Mapping[str, Any]) -> Steps[Reply]:
        sent = [dict(message) for message in messages]
        held = estimate_messages(sent)
        ainvoke = getattr(self.model, "ainvoke", None)
        usage: Usage | None = None
        self.budget.hold(held)
        try:
            with border(self._secrets):
                raw = yield from either(
                    lambda: self.model.invoke(sent, **kwargs),
                    (lambda: ainvoke(sent, **kwargs)) if ainvoke else None,
                )
                text = text_of(raw.content)
                usage = reported(getattr(raw, "usage_metadata", None)) or _guess(held, text)
                _refused(raw, text)
        finally:
            self.budget.settle(held, usage)
        return Reply(text=text, usage=usage)

    def _complete_json(
        self, /, messages: Messages, schema: Mapping[str, Any], name: str = "reply", **kwargs: Any
    ) -> Steps[Any]:
        """A JSON value that fits `schema`, asked for through `response_format`.

        A reply that does not parse or fit is shown to the model once, with what is wrong; if the
        second does not do either, BadReply.  Otherwise as `complete`.
        """
        if not _NAME.fullmatch(name):
            raise InputError(f"schema name {name!r}: 1 to 64 letters, digits, _ and - are allowed")
        form = {"name": name, "schema": dict(schema), "strict": True}
        kwargs = {**kwargs, "response_format": {"type": "json_schema", "json_schema": form}}
        first = yield from self._complete(messages, **kwargs)
        try:
            return check(parse(first.text), schema)
        except ValueError as error:
            ask = prompts.load("json_repair").render(error=str(error), schema=json.dumps(schema))
        again = [
            *messages,
            {"role": "assistant", "content": first.text or "(empty)"},
            {"role": "user", "content": ask},
        ]
        second = yield from self._complete(again, **kwargs)
        try:
            return check(parse(second.text), schema)
        except ValueError as error:
            raise BadReply(f"no {name!r} in two replies: {error}; {second.text[:200]!r}") from error

    def _stream(
        self, messages: Messages, said: list[str] | None = None, **kwargs: Any
    ) -> Stream[Reply]:
        """The body of a stream: yields each piece of text and puts it into `said`.

        A failure is retried only as long as nothing has been said.
        """
        said = [] if said is None else said
        attempt = 0
        while True:
            attempt += 1
            try:
                return (yield from self._stream_once(messages, said, kwargs))
            except ModelUnavailable as error:
                if said:
                    raise
                yield from self._wait(attempt, error)

    def _stream_once(
        self, messages: Messages, said: list[str], kwargs: Mapping[str, Any]
    ) -> Stream[Reply]:
        sent = [dict(message) for message in messages]
        source = _Source(self.model, sent, kwargs)
        held = estimate_messages(sent)
        usage: Usage | None = None
        self.budget.hold(held)
        try:
            while True:
                with border(self._secrets):
                    chunk = yield from either(source.next, source.anext)
                    if chunk is None:
                        break
                    piece = text_of(chunk.content)
                    counted = reported(getattr(chunk, "usage_metadata", None))
                if counted:
                    usage = (usage or Usage()) + counted
                if piece:
                    said.append(piece)
                    yield piece
            usage = usage or _guess(held, "".join(said))
        finally:
            if said and usage is None:
                usage = _guess(held, "".join(said))
            self.budget.settle(held, usage)
            yield from either(source.close, source.aclose)
        return Reply(text="".join(said), usage=usage)

    def delay(self, attempt: int, error: BaseException | None = None) -> float:
        """Seconds to wait after try number `attempt` (from 1), drawn anew at each call."""
        ceiling = min(self.max_backoff, self.backoff * 2.0 ** (attempt - 1))
        return max(float(self._random.uniform(0.0, ceiling)), retry_after(error))

    def _wait(self, attempt: int, error: ModelUnavailable) -> Steps[None]:
        """Wait before the next try, or raise the error if there is none."""
        pause = self.delay(attempt, error.__cause__)
        if attempt >= self._tries or pause > PATIENCE:
            raise error
        yield Wait(lambda: time.sleep(pause), lambda: asyncio.sleep(pause))

    complete = sync(_complete)
    acomplete = asynchronous(_complete)
    complete_json = sync(_complete_json)
    acomplete_json = asynchronous(_complete_json)

    def stream(self, messages: Messages, **kwargs: Any) -> Iterator[str]:
        """The reply in pieces, as they come; errors as for `complete`."""
        return pour(self._stream(messages, **kwargs))

    def astream(self, messages: Messages, **kwargs: Any) -> AsyncIterator[str]:
        """The async twin of `stream`."""
        return apour(self._stream(messages, **kwargs))


class _Source:
    """The chunks of a streaming model, opened at the first demand and in the way it comes in.

    A model that cannot stream gives its whole reply as one chunk; one that streams only by
    blocking does so in a worker thread when the demand is async.
    """

    def __init__(
        self, model: ChatModel, messages: list[dict[str, str]], kwargs: Mapping[str, Any]
    ) -> None:
        self._model, self._messages, self._kwargs = model, messages, kwargs
        self._chunks: Any = None
        self._achunks: Any = None

    def next(self) -> Any:
        """The next chunk; None at the end."""
        if self._chunks is None:
            stream = getattr(self._model, "stream", None) or self._whole
            self._chunks = iter(stream(self._messages, **self._kwargs))
        return next(self._chunks, None)

    async def anext(self) -> Any:
        astream = getattr(self._model, "astream", None)
        if astream is None:
            return await asyncio.to_thread(self.next)
        if self._achunks is None:
            self._achunks = aiter(astream(self._messages, **self._kwargs))
        return await anext(self._achunks, None)

    def _whole(self, messages: list[dict[str, str]], **kwargs: Any) -> Iterator[Any]:
        yield self._model.invoke(messages, **kwargs)

    def close(self) -> None:
        """Let go of the connection of a stream that was not read to its end."""
        close = getattr(self._chunks, "close", None)
        if close is not None:
            close()

    async def aclose(self) -> None:
        aclose = getattr(self._achunks, "aclose", None)
        if aclose is not None:
            await aclose()
        self.close()


def _guess(prompt: int, text: str) -> Usage:
    """What a reply took, if the model does not say."""
    return Usage(tokens_in=prompt, tokens_out=estimate(text), estimated=True)


def _refused(raw: Any, text: str) -> None:
    """BadReply if the model declined to answer in a field of its own."""
    refusal = (getattr(raw, "additional_kwargs", None) or {}).get("refusal")
    if refusal and not text:
        raise BadReply(f"the model refused: {refusal}")
