"""The border with model SDKs: their exceptions become ours here, and here only.

They are known by name, status code and built-in base, so that no SDK has to be imported.  A secret
that a server echoes in a message is blotted out, in our error and in the one it stems from.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from agentmem.errors import AgentMemError, BadReply, ModelError, ModelUnavailable

__all__ = ["border", "redact", "retry_after", "secrets_of", "translate"]

PASSING = frozenset(
    {
        # openai
        "RateLimitError",
        "APITimeoutError",
        "APIConnectionError",
        "InternalServerError",
        # langchain-core, langchain-openai
        "ModelRateLimitError",
        "ModelTimeoutError",
        "ModelConnectionError",
        "ModelAPIError",
        "StreamChunkTimeoutError",
        # httpx, for what breaks in the middle of a stream
        "TransportError",
    }
)
PASSING_STATUS = frozenset({408, 409, 429})
CUT = frozenset({"LengthFinishReasonError", "ContentFilterFinishReasonError"})
PATIENCE = 120.0  # seconds: a longer Retry-After is not waited for, as in the openai SDK

_KEY = re.compile(r"\bsk-[\w*-]{6,}|(?<=Bearer )\S{6,}", re.IGNORECASE)
_VARIABLES = ("OPENAI_API_KEY", "VLLM_API_KEY")


def redact(text: str, secrets: Iterable[str] = ()) -> str:
    """The text without API keys: what looks like one, those in the environment, and `secrets`."""
    known = [*secrets, *(os.environ.get(name, "") for name in _VARIABLES)]
    for secret in known:
        if len(secret) >= 8:  # shorter ones are placeholders such as EMPTY
            text = text.replace(secret, "[key]")
    return _KEY.sub("[key]", text)


def secrets_of(model: object) -> tuple[str, ...]:
    """The API key that a langchain-openai model holds, if it shows one."""
    key = getattr(model, "openai_api_key", None)
    reveal = getattr(key, "get_secret_value", None)
    return (str(reveal()),) if callable(reveal) else ()


def translate(error: Exception, secrets: Iterable[str] = ()) -> ModelError:
    """Our error for a foreign one; the foreign one's own message is cleaned in place."""
    secrets = tuple(secrets)
    error.args = tuple(redact(a, secrets) if isinstance(a, str) else a for a in error.args)
    names = {kind.__name__ for kind in type(error).__mro__}
    status = getattr(error, "status_code", None)
    message = redact(f"{type(error).__name__}: {error}", secrets)
    if names & CUT:
        return BadReply(f"the reply was cut off: {message}")
    if getattr(error, "code", None) == "insufficient_quota":
        return ModelError(message)
    passing = bool(names & PASSING) or isinstance(error, TimeoutError | ConnectionError)
    if isinstance(status, int):
        passing = status in PASSING_STATUS or status >= 500
    return ModelUnavailable(message) if passing else ModelError(message)


def retry_after(error: BaseException | None) -> float:
    """Seconds that the server asks to wait before the next try; 0 if it does not say."""
    headers = getattr(getattr(error, "response", None), "headers", None)
    try:
        return max(float(headers["retry-after"]), 0.0) if headers else 0.0
    except (KeyError, ValueError):
        return 0.0


@contextmanager
def border(secrets: Iterable[str] = ()) -> Iterator[None]:
    """Whatever a model raises in here leaves as a ModelError; agentmem's own errors pass."""
    try:
        yield
    except AgentMemError:
        raise
    except Exception as error:
        raise translate(error, secrets) from error
