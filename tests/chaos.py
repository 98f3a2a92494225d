"""A served chat model that misbehaves, for hundreds of connections at once.

    with Chaos(busy=0.05, hang=0.02, garbage=0.02) as server:
        model = resolve(f"vllm:tiny@{server.url}", retries=0)

Answers are a function of the request (`answer`).  Which requests go wrong is one too: of their
content, of how often that content has come, and of `seed`; so a try that failed may succeed the
next time, and a run in the same order fails in the same places.  `capacity` refuses whatever
comes while so many requests are being answered.  Standard library only; one event loop in a
thread of its own.
"""

from __future__ import annotations

import asyncio
import json
import threading
from collections import Counter
from collections.abc import Callable
from hashlib import blake2b
from random import Random
from types import TracebackType
from typing import Any

RETRY_AFTER = 0.02  # seconds, on every other refusal


def says_hello(body: dict[str, Any]) -> str:
    """The default answer: what was asked last, and the seed."""
    return f"hello {body['messages'][-1]['content']} {body.get('seed')}"


class Chaos:
    def __init__(
        self,
        *,
        answer: Callable[[dict[str, Any]], str] = says_hello,
        busy: float = 0.0,
        hang: float = 0.0,
        garbage: float = 0.0,
        empty: float = 0.0,
        delay: float = 0.0,
        capacity: int | None = None,
        seed: int = 0,
    ) -> None:
        self.answer = answer
        self.rates = {"busy": busy, "hang": hang, "garbage": garbage, "empty": empty}
        self.delay = delay  # seconds that an answer takes
        self.capacity = capacity
        self.seed = seed
        self.counts: Counter[str] = Counter()  # of what was sent, by kind: ok, busy, hang, ...
        self.contents: Counter[bytes] = Counter()  # of requests
        self.active = self.most_active = 0
        self.url = ""
        self.connections: set[_Connection] = set()
        self.problems: list[BaseException] = []  # of `answer`; raised when the server closes
        self._ready = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()))

    def __enter__(self) -> Chaos:
        self._thread.start()
        self._ready.wait()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._loop.call_soon_threadsafe(self._closing.set)
        self._thread.join()
        if self.problems and error is None:
            raise self.problems[0]

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._closing = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()
        server = await self._loop.create_server(
            lambda: _Connection(self), "127.0.0.1", 0, backlog=4096
        )
        self.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"
        self._ready.set()
        await self._closing.wait()
        server.close()
        for connection in list(self.connections):
            connection.transport.abort()
        await asyncio.sleep(0)  # for connection_lost, which cancels what is under way
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def spawn(self, connection: _Connection, raw: bytes) -> asyncio.Task[None]:
        task = self._loop.create_task(self._respond(connection, raw))
        self._tasks.add(task)
        task.add_done_callback(lambda task: self._done(connection, task))
        return task

    def _done(self, connection: _Connection, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (problem := task.exception()) is not None:
            self.problems.append(problem)
            connection.transport.abort()

    async def _respond(self, connection: _Connection, raw: bytes) -> None:
        kind = self._kind(raw)
        self.counts[kind] += 1
        if kind == "hang":
            await asyncio.sleep(3600.0)
        self.active += kind != "busy"
        self.most_active = max(self.most_active, self.active)
        try:
            if kind != "busy" and self.delay:
                await asyncio.sleep(self.delay)
            connection.send(*self._response(kind, raw))
        finally:
            self.active -= kind != "busy"

    def _kind(self, raw: bytes) -> str:
        """What becomes of a request."""
        times = self.contents[raw]
        self.contents[raw] += 1
        if self.capacity is not None and self.active >= self.capacity:
            return "busy"
        digest = blake2b(b"%d %d " % (self.seed, times) + raw, digest_size=8).digest()
        draw = Random(digest).random()
        for kind, rate in self.rates.items():
            draw -= rate
            if draw < 0.0:
                return kind
        return "ok"

    def _response(self, kind: str, raw: bytes) -> tuple[int, bytes, str]:
        if kind == "busy":
            asks = self.counts["busy"] % 2 == 0
            error = {"message": "too many requests", "type": "requests", "code": None}
            more = f"Retry-After: {RETRY_AFTER}\r\n" if asks else ""
            return 429, json.dumps({"error": error}).encode(), more
        if kind == "garbage":
            return 200, b"<html>it works</html>", ""
        body = json.loads(raw)
        return (
            200,
            json.dumps(completion(body, "" if kind == "empty" else self.answer(body))).encode(),
            "",
        )


def completion(body: dict[str, Any], text: str) -> dict[str, Any]:
    """A reply, with a token for each four characters; the first message comes from the cache."""
    sizes = [len(message["content"]) // 4 for message in body["messages"]]
    usage = {
        "prompt_tokens": sum(sizes),
        "completion_tokens": len(text) // 4,
        "total_tokens": sum(sizes) + len(text) // 4,
        "prompt_tokens_details": {"cached_tokens": sizes[0] if len(sizes) > 1 else 0},
    }
    message = {"role": "assistant", "content": text, "refusal": None}
    choice = {"index": 0, "message": message, "finish_reason": "stop"}
    return {
        "id": "cmpl-1",
        "object": "chat.completion",
        "created": 0,
        "model": body["model"],
        "choices": [choice],
        "usage": usage,
    }


class _Connection(asyncio.Protocol):
    """Requests one after the other over one connection."""

    def __init__(self, chaos: Chaos) -> None:
        self.chaos = chaos
        self.buffer = b""
        self.task: asyncio.Task[None] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self.chaos.connections.add(self)

    def connection_lost(self, error: Exception | None) -> None:
        self.chaos.connections.discard(self)
        if self.task is not None:
            self.task.cancel()

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        head, found, rest = self.buffer.partition(b"\r\n\r\n")
        if not found:
            return
        lines = dict(line.lower().split(b": ", 1) for line in head.split(b"\r\n")[1:])
        size = int(lines[b"content-length"])
        if len(rest) >= size:
            self.buffer = rest[size:]
            self.task = self.chaos.spawn(self, rest[:size])

    def send(self, status: int, body: bytes, more: str) -> None:
        kind = "text/html" if body.startswith(b"<") else "application/json"
        head = f"HTTP/1.1 {status} X\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n"
        self.transport.write(f"{head}{more}\r\n".encode() + body)
