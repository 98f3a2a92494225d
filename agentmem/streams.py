"""Streams of text from one body, sync and async.

A body is a generator, as in `agentmem.steps`, that yields waits and, in between, pieces of text:
`pour` gives the pieces to a `for`, `apour` to an `async for`.  A reader that goes away early does
not cut the body short: `Abandoned` is thrown in where it stands, and its waits are still served,
so that it can write down what must not be lost.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Generator, Iterator
from contextlib import suppress
from typing import Any, TypeVar

from agentmem.steps import Wait, arun, run

__all__ = ["Abandoned", "Stream", "apour", "pour"]

R = TypeVar("R")
Stream = Generator[Wait | str, Any, R]


class Abandoned(BaseException):
    """The reader of a stream has gone.  Seen only inside a body, which must let it pass."""


class _UpToText(Generator[Wait, Any, Any]):
    """A body's waits up to its next piece of text, which is what it returns."""

    def __init__(self, body: Stream[Any], error: BaseException | None = None) -> None:
        self._body = body
        self._error = error

    def send(self, value: Any, /) -> Wait:
        error, self._error = self._error, None
        return self._sift(self._body.send(value) if error is None else self._body.throw(error))

    def throw(self, typ: Any, val: Any = None, tb: Any = None, /) -> Wait:
        return self._sift(self._body.throw(typ))

    @staticmethod
    def _sift(item: Wait | str) -> Wait:
        if isinstance(item, str):
            raise StopIteration(item)
        return item


def pour(body: Stream[Any]) -> Iterator[str]:
    """The pieces of text of a body, blocking at each of its waits."""
    piece = run(_UpToText(body))
    while isinstance(piece, str):
        try:
            yield piece
        except GeneratorExit:
            with suppress(Abandoned):
                run(_UpToText(body, Abandoned()))
            raise
        piece = run(_UpToText(body))


async def apour(body: Stream[Any]) -> AsyncIterator[str]:
    """The pieces of text of a body, awaiting each of its waits."""
    piece = await arun(_UpToText(body))
    while isinstance(piece, str):
        try:
            yield piece
        except GeneratorExit:
            with suppress(Abandoned):
                await arun(_UpToText(body, Abandoned()))
            raise
        piece = await arun(_UpToText(body))
