"""A server on the loopback interface that speaks OpenAI's protocol, chat and embeddings.

    with Loopback([Status(429, retry_after=0.01), Answer("hello")]) as server:
        model = resolve(f"vllm:tiny@{server.url}")

Each request takes the next item of the script; the last one is repeated.  Requests are kept in
`server.requests` (JSON bodies) and `server.headers`.  It refuses, as vLLM does, what does not
belong into a request.  Embeddings are deterministic: a request that meets a `Vectors` in the script
gets one vector for each of its texts.  Standard library only.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from hashlib import shake_128
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any

ROLES = {"system", "user", "assistant"}


@dataclass(frozen=True)
class Answer:
    """A completion.  Streamed in words if the request asks for a stream."""

    text: str
    tokens_in: int = 11
    tokens_out: int = 7
    cached: int = 0
    usage: bool = True
    finish: str = "stop"
    refusal: str | None = None


@dataclass(frozen=True)
class Status:
    """An error status; `retry_after` in seconds."""

    code: int
    message: str = "scripted"
    retry_after: float | None = None
    kind: str | None = None  # the `code` field of OpenAI's error object


@dataclass(frozen=True)
class Garbage:
    """Status 200 with a body that is no completion."""

    body: bytes = b"<html>it works</html>"


@dataclass(frozen=True)
class Hang:
    """No answer for so many seconds, or until the server closes."""

    seconds: float = 30.0


@dataclass(frozen=True)
class Cut:
    """A stream that breaks off after some words, without its end."""

    text: str
    after: int = 1


@dataclass(frozen=True)
class Vectors:
    """Embeddings, in any order; `lost` of them missing."""

    dim: int = 8  # if the request does not say
    backwards: bool = False
    lost: int = 0
    value: float | None = None  # every number of every vector, instead of the text's own


Item = Answer | Status | Garbage | Hang | Cut | Vectors


class Loopback:
    def __init__(self, script: Sequence[Item]) -> None:
        self.script = list(script)
        self.requests: list[dict[str, Any]] = []
        self.headers: list[dict[str, str]] = []
        self.closing = threading.Event()
        self._lock = threading.Lock()
        loopback = self

        class Handler(_Handler):
            server_script = loopback

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}/v1"

    def next(self, body: dict[str, Any], headers: dict[str, str]) -> Item:
        with self._lock:
            self.requests.append(body)
            self.headers.append(headers)
            return self.script.pop(0) if len(self.script) > 1 else self.script[0]

    def __enter__(self) -> Loopback:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.closing.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class _Handler(BaseHTTPRequestHandler):
    server_script: Loopback

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  the base class's name
        """Quiet: the base class writes to stderr."""

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        item = self.server_script.next(body, {k.lower(): v for k, v in self.headers.items()})
        problem = _problem(self.path, body)
        if problem:
            item = Status(400, problem)
        if isinstance(item, Hang):
            self.server_script.closing.wait(item.seconds)
        elif isinstance(item, Status):
            self._status(item)
        elif isinstance(item, Garbage):
            self._send(200, item.body, "text/html")
        elif isinstance(item, Vectors):
            self._send(200, json.dumps(_embeddings(item, body)).encode())
        elif body.get("stream"):
            self._events(item, body)
        elif isinstance(item, Answer):
            self._send(200, json.dumps(_completion(item, body)).encode())

    def _send(self, code: int, body: bytes, kind: str = "application/json", **more: str) -> None:
        self.send_response(code)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        for name, value in more.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body)

    def _status(self, item: Status) -> None:
        error = {"message": item.message, "type": "scripted", "code": item.kind, "param": None}
        more = {} if item.retry_after is None else {"Retry_After": str(item.retry_after)}
        self._send(item.code, json.dumps({"error": error}).encode(), **more)

    def _events(self, item: Answer | Cut, body: dict[str, Any]) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        if isinstance(item, Cut):  # promise more than is sent, so that the client sees the break
            self.send_header("Content-Length", "100000")
        self.end_headers()
        try:
            for event in _chunks(item, body):
                self.wfile.write(b"data: " + json.dumps(event).encode() + b"\n\n")
                self.wfile.flush()
            if isinstance(item, Answer):
                self.wfile.write(b"data: [DONE]\n\n")
        except (BrokenPipeError, ConnectionResetError):
            pass  # the client left early: some tests do


def _problem(path: str, body: dict[str, Any]) -> str:
    if path == "/v1/embeddings":
        texts = body.get("input")
        fit = bool(texts) and all(isinstance(text, str) and text for text in texts)
        return "" if fit and body.get("model") else "model and non-empty texts are required"
    if path != "/v1/chat/completions":
        return f"no such path {path}"
    messages = body.get("messages")
    if not body.get("model") or not messages:
        return "model and messages are required"
    roles = [message.get("role") for message in messages]
    if not set(roles) <= ROLES or not all(isinstance(m.get("content"), str) for m in messages):
        return f"messages of roles {roles}"
    spoken = roles[1:] if roles[0] == "system" else roles
    if any(role != ("user", "assistant")[place % 2] for place, role in enumerate(spoken)):
        return "Conversation roles must alternate user/assistant/user/assistant/..."
    form = body.get("response_format")
    if form is not None:
        schema = form.get("json_schema", {})
        if form.get("type") != "json_schema" or not {"name", "schema"} <= schema.keys():
            return "response_format must hold a named json_schema"
    return ""


def _embeddings(item: Vectors, body: dict[str, Any]) -> dict[str, Any]:
    data = []
    for index, text in enumerate(body["input"]):
        digest = shake_128(text.encode()).digest(body.get("dimensions") or item.dim)
        numbers = [(byte - 127.5) / 64 if item.value is None else item.value for byte in digest]
        data.append({"object": "embedding", "index": index, "embedding": numbers})
    data = data[: len(data) - item.lost]
    usage = {"prompt_tokens": 1, "total_tokens": 1}
    ordered = data[::-1] if item.backwards else data
    return {"object": "list", "data": ordered, "model": body["model"], "usage": usage}


def _usage(item: Answer) -> dict[str, Any]:
    return {
        "prompt_tokens": item.tokens_in,
        "completion_tokens": item.tokens_out,
        "total_tokens": item.tokens_in + item.tokens_out,
        "prompt_tokens_details": {"cached_tokens": item.cached},
    }


def _completion(item: Answer, body: dict[str, Any]) -> dict[str, Any]:
    message = {"role": "assistant", "content": item.text, "refusal": item.refusal}
    choice = {"index": 0, "message": message, "finish_reason": item.finish}
    return {
        "id": "cmpl-1",
        "object": "chat.completion",
        "created": 0,
        "model": body["model"],
        "choices": [choice],
        "usage": _usage(item) if item.usage else None,
    }


def _chunks(item: Answer | Cut, body: dict[str, Any]) -> Iterator[dict[str, Any]]:
    def chunk(delta: dict[str, str] | None, finish: str | None = None) -> dict[str, Any]:
        choice = {"index": 0, "delta": delta, "finish_reason": finish}
        return {
            "id": "cmpl-1",
            "object": "chat.completion.chunk",
            "created": 0,
            "model": body["model"],
            "choices": [] if delta is None else [choice],
        }

    words = item.text.split(" ")
    pieces = [words[0], *(f" {word}" for word in words[1:])]
    yield chunk({"role": "assistant", "content": ""})
    for piece in pieces[: item.after if isinstance(item, Cut) else None]:
        yield chunk({"content": piece})
    if isinstance(item, Answer):
        yield chunk({}, item.finish)
        if item.usage and (body.get("stream_options") or {}).get("include_usage"):
            yield {**chunk(None), "usage": _usage(item)}
