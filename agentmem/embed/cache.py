"""What has been embedded lately need not be embedded again."""

from __future__ import annotations

from asyncio import to_thread
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from hashlib import blake2b
from secrets import token_bytes
from threading import Lock
from typing import Annotated, Any

import numpy as np

from agentmem.core import Embedder, Vectors
from agentmem.embed.static import check_texts, encodable
from agentmem.errors import ConfigError
from agentmem.fields import Bounds, check
from agentmem.registry import find

__all__ = ["CachedEmbedder"]

Lacking = dict[bytes, str]  # unknown texts by their key


@dataclass(frozen=True, kw_only=True)
class CachedEmbedder:
    """Another embedder, with the vectors of its `size` most recently asked texts kept in memory.

    In memory only, and under hashes with a key that is drawn anew in every process: no text is
    kept, and what an erasure must destroy (`clear`) is never on a disk.
    """

    embedder: Any  # an embedder, its name, or {name: options}
    size: Annotated[int, Bounds(least=1)] = 10_000  # vectors, 4 * dim bytes each
    _inner: Embedder = field(init=False, repr=False, compare=False)
    _kept: OrderedDict[bytes, Vectors] = field(
        default_factory=OrderedDict, init=False, repr=False, compare=False
    )
    _salt: bytes = field(
        default_factory=partial(token_bytes, 32), init=False, repr=False, compare=False
    )
    _lock: Any = field(default_factory=Lock, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        check(self)
        object.__setattr__(self, "_inner", _built(self.embedder))

    @property
    def name(self) -> str:
        return self._inner.name

    @property
    def dim(self) -> int:
        return self._inner.dim

    def embed(self, texts: Sequence[str]) -> Vectors:
        """Shape (len(texts), dim), as the embedder gives it; only unknown texts reach it."""
        keys, found, lacking = self._look(texts)
        fresh = self._inner.embed(list(lacking.values())) if lacking else ()
        return self._joined(keys, found, lacking, fresh)

    async def aembed(self, texts: Sequence[str]) -> Vectors:
        """The same, without blocking the event loop."""
        keys, found, lacking = self._look(texts)
        fresh: Any = ()
        if lacking:
            unknown = list(lacking.values())
            native = getattr(self._inner, "aembed", None)
            fresh = await (native(unknown) if native else to_thread(self._inner.embed, unknown))
        return self._joined(keys, found, lacking, fresh)

    def clear(self) -> None:
        """Forget every vector: to be called after an erasure."""
        with self._lock:
            self._kept.clear()

    def holds(self, texts: Sequence[str]) -> int:
        """How many of some texts have a vector here; without using or asking for any."""
        keys = {blake2b(encodable(text).encode(), key=self._salt).digest() for text in texts}
        with self._lock:
            return len(keys & self._kept.keys())

    def _look(self, texts: Sequence[str]) -> tuple[list[bytes], dict[bytes, Vectors], Lacking]:
        """The key of each text, the vectors that are known, and the texts that are not."""
        check_texts(texts)
        keys = [blake2b(encodable(text).encode(), key=self._salt).digest() for text in texts]
        with self._lock:
            found = {key: self._kept[key] for key in keys if key in self._kept}
            for key in found:
                self._kept.move_to_end(key)
        lacking = {key: text for key, text in zip(keys, texts, strict=True) if key not in found}
        return keys, found, lacking

    def _joined(
        self, keys: list[bytes], found: dict[bytes, Vectors], lacking: Lacking, fresh: Any
    ) -> Vectors:
        """Every text's vector; the fresh ones are kept, and the longest unused ones go."""
        new = {key: np.array(row, np.float32) for key, row in zip(lacking, fresh, strict=True)}
        with self._lock:
            self._kept.update(new)
            while len(self._kept) > self.size:
                self._kept.popitem(last=False)
        known = found | new
        out = np.zeros((len(keys), self.dim), dtype=np.float32)
        for row, key in zip(out, keys, strict=True):
            row[:] = known[key]
        return out


def _built(spec: Any) -> Embedder:
    """The embedder of a specification."""
    name, options = spec, dict[str, Any]()
    if isinstance(spec, Mapping) and len(spec) == 1:
        name, options = next(iter(spec.items()))
    if isinstance(name, str) and isinstance(options, Mapping):
        try:
            spec = find("embedders", name)(**options)
        except TypeError as error:
            raise ConfigError(f"embedder to be cached: {name}: {error}") from error
    if isinstance(spec, type) or not isinstance(spec, Embedder):
        raise ConfigError(f"{spec!r} is no embedder, so it cannot be cached")
    return spec
