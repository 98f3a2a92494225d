"""Feature hashing: vectors without weights, for tests and where no model may be used.

Weinberger et al. 2009, "Feature Hashing for Large Scale Multitask Learning": each word adds +1 or
-1 to one of `dim` numbers, both chosen by its hash.  Texts are near when they share words.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt
from zlib import crc32

import numpy as np

from agentmem.core import Vectors
from agentmem.embed.static import check_texts
from agentmem.errors import ConfigError
from agentmem.text import words

__all__ = ["HashEmbedder"]

SPREAD = 0x9E3779B97F4A7C15  # 2**64 / golden ratio: lets every bit of the checksum choose
MASK = (1 << 64) - 1


@dataclass(frozen=True, kw_only=True)
class HashEmbedder:
    """Hashed words; the same in every process and on every machine."""

    dim: int = 256  # length of a vector, 1 or more

    def __post_init__(self) -> None:
        if isinstance(self.dim, bool) or not isinstance(self.dim, int) or self.dim < 1:
            raise ConfigError(f"dim = {self.dim!r}: a whole number of at least 1 is needed")

    @property
    def name(self) -> str:
        return f"hash-{self.dim}-v1"

    def embed(self, texts: Sequence[str]) -> Vectors:
        """Shape (len(texts), dim), float32, rows of length 1; 0 for a text without words."""
        check_texts(texts)
        out = np.zeros((len(texts), self.dim), dtype=np.float32)
        for row, text in zip(out, texts, strict=True):
            self._add_up(text, row)
        return out

    def _add_up(self, text: str, out: Vectors) -> None:
        totals: dict[int, int] = {}
        for word in words(text):
            mixed = crc32(word.encode()) * SPREAD & MASK
            at = (mixed >> 32) % self.dim
            totals[at] = totals.get(at, 0) + (1 if mixed >> 31 & 1 else -1)
        square = sum(total * total for total in totals.values())
        for at, total in totals.items() if square else ():
            out[at] = total / sqrt(square)
