"""The client through which many matches ask one chat model."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Self

from agentmem.bench.asking.answers import Answer, Answers
from agentmem.bench.asking.limiter import Limiter
from agentmem.bench.asking.service import Figures, Service
from agentmem.budget import Budget, Price, Usage
from agentmem.caller import Caller, Messages, Reply
from agentmem.core import content_id
from agentmem.errors import (
    BadReply,
    BudgetExceeded,
    ConfigError,
    MissingExtra,
    ModelError,
    ModelUnavailable,
    nearest,
)
from agentmem.foreign import redact, retry_after
from agentmem.models import ChatModel, resolve
from agentmem.steps import Steps, Wait, asynchronous, either, sync

__all__ = ["Client"]

BUSY = frozenset({429, 503, 529})  # statuses of a server that is asked too much
SERVED = ("openai:", "vllm:")
SIMULATED = "surrogate:"
SECRET = frozenset({"api_key", "openai_api_key"})
UNREAD = (ValueError, TypeError, LookupError, AttributeError)  # what SDKs raise over a strange body
MOST_DOUBLINGS = 32  # of the backoff


@dataclass(kw_only=True)
class _Tries:
    """What one ask has been through."""

    refusals: int = 0
    failures: int = 0


@dataclass(kw_only=True)
class Client:
    """Asks one chat model for many matches at once; in one event loop, or in blocking code.

    `async with` closes the connections.  ConfigError for an unknown model or option, and for a
    limit in money without a price; MissingExtra without the SDK.
    """

    model: str | ChatModel  # a spec, or a chat model that does not retry by itself
    name: str = ""  # among prices and kept answers; the spec, or else the model's class
    options: Mapping[str, Any] = field(default_factory=dict)  # temperature, max_tokens, ...
    service: Service = field(default_factory=Service)
    budget: Budget | None = None  # may be shared with other clients
    prices: Mapping[str, Price] = field(default_factory=dict)  # by name; simulated players are free
    answers: Answers | None = None  # keeps what was paid for; not used for simulated players
    seed: int = 0  # of the waits

    def __post_init__(self) -> None:
        spec = self.model if isinstance(self.model, str) else type(self.model).__name__
        self.name = redact(self.name or spec)
        self.account = Budget(price=self._price(), within=self.budget)  # what this client spends
        self.limiter = Limiter(self.service.concurrency)
        self._pool = _pool(self.model, self.service)
        extra = {"http_async_client": self._pool} if self._pool else {}
        found = resolve(
            self.model, timeout=self.service.timeout, retries=0, **{**self.options, **extra}
        )
        if getattr(found, "max_retries", 0) != 0:
            raise ConfigError(f"{self.name}: give the model max_retries=0, since 429s count here")
        self._identity = _identity(self.name, found, self.options)
        if self.name.startswith(SIMULATED):
            self.answers = None
        self._caller = Caller(
            model=found,
            budget=self.account,
            retries=0,
            backoff=self.service.backoff,
            max_backoff=self.service.max_backoff,
            seed=self.seed,
        )
        self._given = self._reused = self._failures = 0

    def _price(self) -> Price | None:
        free = Price(input=0.0, output=0.0) if self.name.startswith(SIMULATED) else None
        price = self.prices.get(self.name, free)
        if price is None and self.budget is not None and self.budget.counts_money:
            hint = nearest(self.name, self.prices)
            raise ConfigError(f"max_cost needs a price for {self.name!r} in `prices`{hint}")
        return price

    def _ask(
        self, /, messages: Messages, *, seed: int | None, key: tuple[object, ...], **options: Any
    ) -> Steps[Answer]:
        """The model's answer; `seed` is handed to the model, `key` names the decision.

        `options` (response_format, ...) are those of this call.  What was answered before under
        the same key, messages, seed, model and options is reused.
        Raises BudgetExceeded before a call that the budget does not allow, ModelUnavailable when
        the server does not answer, BadReply when it answers with nothing or with something else
        than a completion, else ModelError.
        """
        sent = [dict(message) for message in messages]
        asked = [sent, seed, key, options] if options else [sent, seed, key]
        name = content_id(self._identity, json.dumps(asked, default=str))
        if self.answers is not None and (kept := self.answers.get(name)) is not None:
            self._given += 1
            self._reused += 1
            return kept
        tries = _Tries()
        extra = options if seed is None else {**options, "seed": seed}
        while True:
            try:
                reply, latency = yield from self._attempt(sent, extra)
                break
            except (ModelUnavailable, BadReply) as error:
                pause = self._pause(tries, error)
            yield from _sleep(pause)
        answer = Answer(
            text=reply.text.encode(errors="replace").decode(),  # half characters cannot be kept
            usage=reply.usage,
            latency=latency,
            retries=tries.refusals + tries.failures,
            cost=0.0 if self.account.price is None else self.account.price.of(reply.usage),
        )
        self._given += 1
        return answer if self.answers is None else self.answers.put(name, self.name, answer)

    ask = sync(_ask)
    aask = asynchronous(_ask)

    def _attempt(self, sent: Messages, extra: Mapping[str, Any]) -> Steps[tuple[Reply, float]]:
        """One call: the reply, and the seconds that it took."""
        slot = yield Wait(self.limiter.enter, self.limiter.aenter)
        begun = time.perf_counter()
        try:
            with _completion():
                reply = yield from either(
                    lambda: self._caller.complete(sent, **extra), lambda: self._within(sent, extra)
                )
            if not reply.text.strip():
                raise BadReply("the reply is empty")
            self.limiter.answered()
        except BudgetExceeded as error:
            kept = f"; {self.answers.path} keeps all answers" if self.answers is not None else ""
            raise BudgetExceeded(f"{self.name}: {error} and resume the suite{kept}") from error
        except ModelUnavailable as error:
            if _busy(error):
                pause = retry_after(error.__cause__)
                self.limiter.refused(slot, 0.0 if self._spent(pause) else pause)
            raise
        finally:
            self.limiter.leave(slot)
        return reply, time.perf_counter() - begun

    async def _within(self, sent: Messages, extra: Mapping[str, Any]) -> Reply:
        """A reply in time.  An SDK's timeout is that of each read: a trickle never meets it."""
        async with asyncio.timeout(self.service.timeout):
            return await self._caller.acomplete(sent, **extra)

    def _spent(self, pause: float) -> bool:
        """Whether patience is: the server asks for too long a pause, or has refused too long."""
        return max(pause, self.limiter.drought) > self.service.patience

    def _pause(self, tries: _Tries, error: ModelError) -> float:
        """Seconds to wait before the next try; raises the error if there is to be none."""
        busy = _busy(error)
        tries.refusals += busy
        tries.failures += not busy
        self._failures += not busy
        if tries.failures > self.service.retries or self._spent(retry_after(error.__cause__)):
            raise type(error)(
                f"{self.name}: no answer after {tries.refusals} refusals and {tries.failures} "
                f"other failures; the last: {error}"
            ) from error
        times = tries.refusals if busy else tries.failures
        return self._caller.delay(min(times, MOST_DOUBLINGS), error.__cause__)

    @property
    def spent(self) -> Usage:
        """Tokens of all calls, failed ones included as far as they were reported."""
        return self.account.spent

    def figures(self) -> Figures:
        """How things stand now."""
        spent, limiter = self.account.spent, self.limiter
        return Figures(
            answers=self._given,
            reused=self._reused,
            calls=self.account.calls,
            tokens_in=spent.tokens_in,
            cached=spent.cached,
            tokens_out=spent.tokens_out,
            cost=self.account.cost,
            limit=limiter.limit,
            active=limiter.active,
            waiting=limiter.waiting,
            refusals=limiter.refusals,
            failures=self._failures,
        )

    async def aclose(self) -> None:
        """Close the connections."""
        if self._pool is not None:
            await self._pool.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *error: object) -> None:
        await self.aclose()


def _sleep(seconds: float) -> Steps[None]:
    yield Wait(lambda: time.sleep(seconds), lambda: asyncio.sleep(seconds))


def _busy(error: ModelError) -> bool:
    """Whether the server refused because it is asked too much."""
    return getattr(error.__cause__, "status_code", None) in BUSY


@contextmanager
def _completion() -> Iterator[None]:
    """BadReply where the SDK could make nothing of a body, such as HTML with status 200.

    ModelUnavailable where it did not answer in time.
    """
    try:
        yield
    except TimeoutError as error:
        raise ModelUnavailable("the model did not answer in time") from error
    except ModelError as error:
        cause = error.__cause__
        status = getattr(cause, "status_code", None)
        unread = isinstance(cause, UNREAD) if status is None else status < 400
        if type(error) is ModelError and unread:
            raise BadReply(f"the body is no completion: {error}") from error
        raise


def _pool(model: str | ChatModel, service: Service) -> Any:
    """Connections to a server for all calls at once; None for a model that needs none from here.

    Those that the SDK would share between models outlive their event loop.
    """
    if not isinstance(model, str) or not model.startswith(SERVED):
        return None
    try:
        import openai
    except ImportError as error:
        raise MissingExtra(f"the model {model!r}", "openai") from error
    limits = type(openai.DEFAULT_CONNECTION_LIMITS)  # of the httpx that the SDK is built on
    most = service.concurrency
    return openai.DefaultAsyncHttpxClient(
        limits=limits(max_connections=most, max_keepalive_connections=most)
    )


def _identity(name: str, model: ChatModel, options: Mapping[str, Any]) -> str:
    """What an answer depends on besides the question: model, address and options, no key."""
    address = str(getattr(getattr(model, "root_client", None), "base_url", ""))
    told = {key: value for key, value in options.items() if key not in SECRET}
    return content_id(name, address, json.dumps(told, sort_keys=True, default=repr))
