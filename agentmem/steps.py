"""One body of code for sync and async.

An operation is written once, as a generator that yields what it waits for:

    def _add(self, text: str) -> Steps[str]:
        vectors = yield from embed(self.embedder, [text])
        return (yield from work(lambda: self.write(text, vectors)))

    add = sync(_add)
    aadd = asynchronous(_add)

`sync` runs each wait where it stands; `asynchronous` awaits it: native coroutines where the other
side has them, else a worker thread, so that the event loop never blocks on a disk or a lock.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Generator, Sequence
from dataclasses import dataclass
from functools import wraps
from typing import Any, Concatenate, ParamSpec, TypeVar, cast

import numpy as np

from agentmem.core import Embedder, Vectors
from agentmem.errors import PluginError

P = ParamSpec("P")
R = TypeVar("R")
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Wait:
    """Something that takes time: `call` blocks; `acall`, where there is one, is awaited."""

    call: Callable[[], Any]
    acall: Callable[[], Awaitable[Any]] | None = None


TOLERANCE = 1e-4  # of a unit vector's squared length
Steps = Generator[Wait, Any, R]


def work(call: Callable[[], R]) -> Steps[R]:
    """Wait for a blocking call."""
    return cast(R, (yield Wait(call)))


def either(call: Callable[[], R], acall: Callable[[], Awaitable[R]] | None) -> Steps[R]:
    """Wait for a blocking call, or, in async code, for its coroutine."""
    return cast(R, (yield Wait(call, acall)))


def embed(embedder: Embedder, texts: Sequence[str]) -> Steps[Vectors]:
    """Wait for the vectors of some texts."""
    aembed = getattr(embedder, "aembed", None)
    acall = None if aembed is None else lambda: aembed(texts)
    vectors = yield from either(lambda: embedder.embed(texts), acall)
    return _checked(embedder, vectors, len(texts))


def _checked(embedder: Embedder, vectors: Any, n: int) -> Vectors:
    """Unit rows, float32, shape (n, dim): one wrong batch would spoil the file for good."""
    array = np.asarray(vectors, dtype=np.float32)
    squares = np.vecdot(array, array) if array.shape == (n, embedder.dim) else np.array([np.nan])
    near = np.abs(squares - 1.0) < TOLERANCE
    if near.all() or (near | (squares == 0.0)).all():
        return array
    if not np.isfinite(squares).all():
        raise PluginError(
            f"embedder {embedder.name!r} gave shape {array.shape} for {n} texts"
            f"{'' if np.isfinite(array).all() else ', with NaN or infinity'}; "
            f"it must give finite numbers, shape ({n}, {embedder.dim})"
        )
    lengths = np.sqrt(squares)[:, None]
    unit: Vectors = np.divide(array, lengths, out=np.zeros_like(array), where=lengths > 0.0)
    return unit


def run(steps: Steps[R]) -> R:
    """Drive an operation, blocking at each wait."""
    try:
        wait = next(steps)
        while True:
            try:
                value = wait.call()
            except BaseException as error:
                wait = steps.throw(error)
            else:
                wait = steps.send(value)
    except StopIteration as stop:
        return cast(R, stop.value)


async def arun(steps: Steps[R]) -> R:
    """Drive an operation, awaiting each wait.

    A cancelled call may still take effect, since a worker thread cannot be stopped: whole, or not
    at all.
    """
    try:
        wait = next(steps)
        while True:
            try:
                value = await (wait.acall() if wait.acall else asyncio.to_thread(wait.call))
            except BaseException as error:
                wait = steps.throw(error)
            else:
                wait = steps.send(value)
    except StopIteration as stop:
        return cast(R, stop.value)


def inline(steps: Steps[R]) -> Steps[R]:
    """Drive an operation within another: what has no coroutine is called where it stands.

    For a memory in RAM, whose waits are shorter than a worker thread's start.
    """
    try:
        wait = next(steps)
        while True:
            try:
                value = (yield wait) if wait.acall else wait.call()
            except BaseException as error:
                wait = steps.throw(error)
            else:
                wait = steps.send(value)
    except StopIteration as stop:
        return cast(R, stop.value)


def sync(body: Callable[Concatenate[T, P], Steps[R]]) -> Callable[Concatenate[T, P], R]:
    """The blocking method of a body."""

    @wraps(body)
    def method(self: T, /, *args: P.args, **kwargs: P.kwargs) -> R:
        return run(body(self, *args, **kwargs))

    method.__name__ = body.__name__.removeprefix("_")
    return method


def asynchronous(
    body: Callable[Concatenate[T, P], Steps[R]],
) -> Callable[Concatenate[T, P], Coroutine[Any, Any, R]]:
    """The coroutine method of the same body."""

    @wraps(body)
    async def method(self: T, /, *args: P.args, **kwargs: P.kwargs) -> R:
        return await arun(body(self, *args, **kwargs))

    method.__name__ = "a" + body.__name__.removeprefix("_")
    return method
