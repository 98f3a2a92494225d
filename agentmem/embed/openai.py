"""Embeddings from OpenAI, or from any server that speaks its protocol (extra `openai`).

Retries are the SDK's: timeouts, lost connections, 408, 409, 429 and 5xx are tried again, after what
Retry-After asks for, else after a growing pause with jitter.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import InitVar, dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np

from agentmem.core import Vectors
from agentmem.embed.static import check_texts, encodable
from agentmem.errors import BadReply, ConfigError, MissingExtra
from agentmem.fields import Bounds, Seconds, check
from agentmem.foreign import border

if TYPE_CHECKING:
    from openai import OpenAI

__all__ = ["OpenAIEmbedder"]

SIZES = {
    "text-embedding-3-small": 1536,
    "text-embedding-3-large": 3072,
    "text-embedding-ada-002": 1536,
}


@dataclass(frozen=True, kw_only=True)
class OpenAIEmbedder:
    """One request for `batch_size` texts; a text without a word is not sent, and gets zeros.

    The key is OPENAI_API_KEY; at another `base_url` it is VLLM_API_KEY, if there is one, since
    OpenAI's key must not travel to somebody else's server.
    """

    model: str = "text-embedding-3-small"
    base_url: str | None = None  # None: OpenAI's; else for example http://localhost:8000/v1
    dimensions: Annotated[int, Bounds(least=1)] | None = None  # needed for a model not OpenAI's
    batch_size: Annotated[int, Bounds(least=1, most=2048)] = 256  # texts of one request
    timeout: Annotated[Seconds, Bounds(above=0)] = 30.0  # of one try
    max_retries: Annotated[int, Bounds(least=0)] = 4  # after the first try
    api_key: InitVar[str | None] = None  # never shown, and never written into a configuration

    def __post_init__(self, api_key: str | None) -> None:
        check(self)
        if not self.model:
            raise ConfigError("the embedder 'openai' needs the name of a model")
        if self.dimensions is None and self.model not in SIZES:
            raise ConfigError(
                f"the embedder 'openai' does not know how long the vectors of {self.model!r} are: "
                f"give `dimensions`; known: {', '.join(SIZES)}"
            )
        object.__setattr__(self, "_key", api_key)

    @property
    def name(self) -> str:
        return f"openai:{self.model}-{self.dim}"

    @property
    def dim(self) -> int:
        return SIZES[self.model] if self.dimensions is None else self.dimensions

    def embed(self, texts: Sequence[str]) -> Vectors:
        """Shape (len(texts), dim), float32, rows of length 1; 0 for a text without a word.

        ModelUnavailable once the retries are used up, ModelError for a request the server refuses,
        BadReply for an answer that is not a vector of the right length for each text.
        """
        out = self._zeros(texts)
        for rows, request in self._requests(texts):
            with border(self._secrets):
                answer = self._client.embeddings.create(**request)
            self._read(answer, rows, out)
        return out

    async def aembed(self, texts: Sequence[str]) -> Vectors:
        """The same, without blocking the event loop."""
        out = self._zeros(texts)
        requests = list(self._requests(texts))
        if requests:
            async with self._sdk().AsyncOpenAI(**self._options) as client:
                for rows, request in requests:
                    with border(self._secrets):
                        answer = await client.embeddings.create(**request)
                    self._read(answer, rows, out)
        return out

    def _zeros(self, texts: Sequence[str]) -> Vectors:
        check_texts(texts)
        return np.zeros((len(texts), self.dim), dtype=np.float32)

    def _requests(self, texts: Sequence[str]) -> Iterator[tuple[list[int], dict[str, Any]]]:
        """The rows of each batch, and what to send for them."""
        said = [row for row, text in enumerate(texts) if text.strip()]
        shorter = self.model in SIZES and self.dim != SIZES[self.model]
        more = {"dimensions": self.dim} if shorter else {}
        for start in range(0, len(said), self.batch_size):
            rows = said[start : start + self.batch_size]
            batch = [encodable(texts[row]) for row in rows]
            yield rows, {"model": self.model, "input": batch, "encoding_format": "float", **more}

    def _read(self, answer: Any, rows: list[int], out: Vectors) -> None:
        """Write the unit vectors of an answer, which may be in any order, into some rows."""
        try:
            found = {int(item.index): item.embedding for item in answer.data}
            vectors = np.array([found[i] for i in range(len(rows))], dtype=np.float64)
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise BadReply(
                f"{self.name}: no {len(rows)} vectors in the answer to {len(rows)} texts: "
                f"{type(error).__name__}: {error}"
            ) from error
        if vectors.shape != (len(rows), self.dim):
            raise BadReply(
                f"{self.name}: the server gave vectors of length {vectors.shape[-1]}, "
                f"not {self.dim}: set `dimensions`"
            )
        lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
        if not (np.isfinite(lengths) & (lengths > 0.0)).all():
            raise BadReply(f"{self.name}: a vector in the answer is zero or not finite")
        out[rows] = vectors / lengths

    @cached_property
    def _client(self) -> OpenAI:
        client: OpenAI = self._sdk().OpenAI(**self._options)
        return client

    def _sdk(self) -> Any:
        try:
            import openai
        except ImportError as error:
            raise MissingExtra("the embedder 'openai'", "openai") from error
        return openai

    @property
    def _options(self) -> Mapping[str, Any]:
        if not self._secrets and self.base_url is None:
            raise ConfigError(f"{self.name} needs a key: set OPENAI_API_KEY or give api_key")
        return {
            "api_key": self._secrets[0] if self._secrets else "EMPTY",
            "base_url": self.base_url or "https://api.openai.com/v1",
            "timeout": self.timeout,
            "max_retries": self.max_retries,
        }

    @property
    def _secrets(self) -> tuple[str, ...]:
        """The key, if there is one."""
        given: str | None = getattr(self, "_key", None)
        key = given or os.environ.get("VLLM_API_KEY" if self.base_url else "OPENAI_API_KEY")
        return (key,) if key else ()
