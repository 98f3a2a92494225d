"""Any model of sentence-transformers, on the CPU or a GPU (extra `sentence-transformers`)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from importlib import import_module
from pathlib import Path
from threading import Lock
from typing import Annotated, Any

import numpy as np

from agentmem.core import Vectors
from agentmem.embed.static import check_texts, encodable
from agentmem.errors import ConfigError, MissingExtra, PluginError
from agentmem.fields import Bounds, check

__all__ = ["SentenceTransformerEmbedder"]

_loading = Lock()


@dataclass(frozen=True, kw_only=True)
class SentenceTransformerEmbedder:
    """A model by its name on Hugging Face, or a folder that holds one; loaded at the first use.

    A text's vector may differ in its last bits with the batch it is in, since a batch is padded to
    its longest text.  A folder is known by its name alone: keep another model under another name.
    """

    model: str = "sentence-transformers/all-MiniLM-L6-v2"
    device: str | None = None  # "cpu", "cuda:0", ...; None: the fastest there is
    batch_size: Annotated[int, Bounds(least=1)] = 32  # texts of one pass

    def __post_init__(self) -> None:
        check(self)
        if not self.model:
            raise ConfigError("the embedder 'sentence-transformers' needs the name of a model")

    @property
    def name(self) -> str:
        return f"sentence-transformers:{Path(self.model).name}-{self.dim}"

    @property
    def dim(self) -> int:
        return self._loaded[1]

    def embed(self, texts: Sequence[str]) -> Vectors:
        """Shape (len(texts), dim), float32, rows of length 1; 0 for a text without a word.

        MissingExtra without the library; PluginError for a model that cannot be loaded.
        """
        check_texts(texts)
        out = np.zeros((len(texts), self.dim), dtype=np.float32)
        said = [row for row, text in enumerate(texts) if text.strip()]
        if said:
            vectors = self._loaded[0].encode(
                [encodable(texts[row]) for row in said],
                batch_size=self.batch_size,
                show_progress_bar=False,
                convert_to_numpy=True,
            )
            exact = np.asarray(vectors, dtype=np.float64)
            out[said] = exact / np.linalg.norm(exact, axis=1, keepdims=True)
        return out

    @cached_property
    def _loaded(self) -> tuple[Any, int]:
        """The model and the length of its vectors."""
        with _loading:
            try:
                library = import_module("sentence_transformers")
            except ImportError as error:
                what = "the embedder 'sentence-transformers'"
                raise MissingExtra(what, "sentence-transformers") from error
            try:
                model = library.SentenceTransformer(self.model, device=self.device)
            except Exception as error:  # whatever is wrong with a model, it is this one
                raise PluginError(
                    f"the model {self.model!r} cannot be loaded: {type(error).__name__}: {error}"
                ) from error
            dim = len(model.encode("one", show_progress_bar=False))
        return model, dim
