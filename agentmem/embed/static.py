"""The bundled embedder: one vector per word piece, added up.  No network, no download, no GPU.

The table is int8 and is summed in integers.  Only the last step (square root, division) rounds, and
IEEE 754 fixes how, so that a text has the same vector, bit for bit, alone or in a batch, on every
machine and with every version of numpy.  `scripts/build_embedder.py` makes the table.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from math import sqrt
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from agentmem.core import Vectors
from agentmem.errors import InputError, PluginError

if TYPE_CHECKING:
    from tokenizers import Tokenizer

__all__ = ["StaticEmbedder", "model"]

NAME = "static-minilm-256-int8-v1"
DIM = 256
DATA = Path(__file__).parent / "data"
MANY = 64  # from here on the tokenizer's threads pay
MOST = 1_000_000  # word pieces of one text that are looked at: beyond, the integers could overflow


@dataclass(frozen=True)
class Model:
    """A tokenizer and its table, shape (tokens, dim), int8."""

    tokenizer: Tokenizer
    table: NDArray[np.int8]
    unknown: int  # id of the piece that stands for whatever the vocabulary lacks

    @cached_property
    def dim(self) -> int:
        return int(self.table.shape[1])

    def pieces(self, text: str) -> list[int]:
        """Ids of the word pieces of a text, unknown ones included."""
        # `encode` never starts the tokenizer's threads, which do not survive a fork
        ids: list[int] = self.tokenizer.encode(encodable(text), add_special_tokens=False).ids
        return ids

    def batch(self, texts: Sequence[str]) -> list[list[int]]:
        """Ids of the word pieces of each text."""
        if len(texts) < MANY:
            return [self.pieces(text) for text in texts]
        safe = [encodable(text) for text in texts]
        return [e.ids for e in self.tokenizer.encode_batch_fast(safe, add_special_tokens=False)]

    def add_up(self, ids: list[int], out: Vectors) -> None:
        """Write the unit vector of some pieces into `out`, shape (dim,); without any, leave it."""
        known = [i for i in ids if i != self.unknown] if self.unknown in ids else ids
        rows = self.table.take(known[:MOST], axis=0) if known else self.table[:0]
        total = np.add.reduce(rows, axis=0, dtype=np.int64)
        square = int(np.add.reduce(total * total))
        if square:
            np.divide(total, sqrt(square), out=out, casting="same_kind")


def encodable(text: str) -> str:
    """The text, with lone surrogates (which no encoding can carry) replaced by U+FFFD."""
    if text.isascii():
        return text
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _load(folder: Path) -> Model:
    from safetensors.numpy import load_file
    from tokenizers import Tokenizer

    try:
        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        table = load_file(folder / "model.safetensors")["embeddings"]
        tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    except Exception as error:  # the readers are Rust and raise bare exceptions
        raise PluginError(
            f"the bundled embedder cannot be read from {folder}: {error}; reinstall "
            "agentmem-forgetting, or choose another embedder"
        ) from error
    return Model(tokenizer, table, int(config["unknown"]))


_lock = Lock()
_loaded: list[Model] = []


def model() -> Model:
    """The bundled model, read once per process, whichever thread asks first."""
    if not _loaded:
        with _lock:
            if not _loaded:
                _loaded.append(_load(DATA))
    return _loaded[0]


@dataclass(frozen=True, kw_only=True)
class StaticEmbedder:
    """all-MiniLM-L6-v2 distilled to 256 dimensions, int8, 7.6 MB; 0.06 ms a text."""

    @property
    def name(self) -> str:
        return NAME

    @property
    def dim(self) -> int:
        return DIM

    def embed(self, texts: Sequence[str]) -> Vectors:
        """Shape (len(texts), 256), float32, rows of length 1; 0 where no piece is known."""
        check_texts(texts)
        loaded = model()
        out = np.zeros((len(texts), DIM), dtype=np.float32)
        for row, ids in zip(out, loaded.batch(texts), strict=True):
            loaded.add_up(ids, row)
        return out


def check_texts(texts: Sequence[str]) -> None:
    """InputError unless it is a sequence of strings."""
    if isinstance(texts, str):
        raise InputError(f"embed takes a list of texts, not one text: {texts[:40]!r}")
    for i, text in enumerate(texts):
        if not isinstance(text, str):
            raise InputError(f"texts[{i}] is {type(text).__name__}, not str")
