"""Rerank: retrieve many, look at each of them together with the question, keep the best few."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from importlib import import_module
from itertools import pairwise
from math import log1p
from typing import Annotated, Any, ClassVar, Literal, Protocol

import numpy as np

from agentmem.core import Floats, Hit
from agentmem.errors import MissingExtra, ModelError, PluginError
from agentmem.extract.dates import mentions_time
from agentmem.fields import Bounds
from agentmem.index.stopwords import STOPWORDS
from agentmem.recall import Query
from agentmem.retrieve.stage import Searcher, Stage, best, rescored
from agentmem.steps import Steps, work
from agentmem.stores.segment import sentences
from agentmem.text import words

__all__ = ["Encoder", "Rerank", "asking", "phrases"]

_log = logging.getLogger(__name__)
# By rule, beside 1.0 for the search's own relevance.
PHRASES = 0.2  # weight of the question's phrases in a record ...
TIMES = 0.1  # ... of its naming a time, if the question asks when ...
ASKING = 0.2  # ... and, against it, of its being a question itself


class Encoder(Protocol):
    """What `by: cross-encoder` needs: the CrossEncoder of sentence-transformers has it."""

    def predict(self, pairs: Sequence[tuple[str, str]]) -> Any:
        """The relevance of each (question, text), shape (len(pairs),): 0..1, or any logit."""
        ...


@dataclass(frozen=True, kw_only=True)
class Rerank(Stage):
    """Of `depth` records found, the `keep` best by a second look (arXiv 2412.15266, section 3.2).

    By "rule": beside the search's own relevance, which of the question's phrases a record holds,
    whether it names a time where the question asks when, and how much of it is a question itself.
    By "model": the chat model gives each record 1 to 10 points, `batch`
    records a call; a reply that leaves one out or makes one up is asked for once more.  By
    "cross-encoder": `encoder`, the name of a sentence-transformers cross-encoder (extra
    `sentence-transformers`) or a dotted path to a class with `predict(pairs)`.

    If the model fails, the search fails with a ModelError, or, with `on_error: keep`, the order
    stays as it was, and a warning is logged.  Retention goes on weighing, and the question's own
    text stays on top.
    """

    name: ClassVar[str] = "rerank"

    by: Literal["rule", "model", "cross-encoder"] = "rule"
    depth: Annotated[int, Bounds(least=1)] = 50  # K, records looked at
    keep: Annotated[int, Bounds(least=1)] | None = None  # R, never more than k; None: k
    batch: Annotated[int, Bounds(least=1)] = 10  # records a call of the model
    on_error: Literal["raise", "keep"] = "raise"
    encoder: str = "cross-encoder/ms-marco-MiniLM-L6-v2"

    def retrieve(self, query: Query, search: Searcher) -> Steps[list[Hit]]:
        keep = query.k if self.keep is None else min(self.keep, query.k)
        hits = yield from search(replace(query, k=max(self.depth, query.k)))
        if query.text is None or not hits:
            return hits[:keep]
        try:
            relevance = yield from self._relevance(query.text, hits, search)
        except ModelError as error:
            if self.on_error == "raise":
                raise
            _log.warning("not reranked: %s", error)
            return hits[:keep]
        pairs = zip(hits, relevance.tolist(), strict=True)
        return best(rescored(hit, value) for hit, value in pairs)[:keep]

    def _relevance(self, question: str, hits: Sequence[Hit], search: Searcher) -> Steps[Floats]:
        """In 0..1, shape (len(hits),)."""
        if self.by == "model":
            return (yield from self._asked(question, hits, search))
        if self.by == "cross-encoder":
            return (yield from work(lambda: self._encoded(question, hits)))
        return (yield from work(lambda: _by_rule(question, hits)))

    def _asked(self, question: str, hits: Sequence[Hit], search: Searcher) -> Steps[Floats]:
        points: list[float] = []
        for start in range(0, len(hits), self.batch):
            some = hits[start : start + self.batch]
            notes = "\n".join(f"{i}. {hit.text}" for i, hit in enumerate(some, start=1))
            schema = _points(len(some))
            reply = yield from search.ask("rerank_score", schema, question=question, notes=notes)
            points += [reply[str(i)] for i in range(1, len(some) + 1)]
        return np.array(points) / 10.0

    def _encoded(self, question: str, hits: Sequence[Hit]) -> Floats:
        raw = _encoder(self.encoder).predict([(question, hit.text) for hit in hits])
        logits = np.asarray(raw, dtype=np.float64)
        if logits.shape != (len(hits),) or not np.isfinite(logits).all():
            raise PluginError(
                f"cross-encoder {self.encoder!r} gave shape {logits.shape}; it must give "
                f"{len(hits)} finite numbers, one for each pair"
            )
        if logits.min() >= 0.0 and logits.max() <= 1.0:  # probabilities already
            return logits
        relevance: Floats = 1.0 / (1.0 + np.exp(-logits))
        return relevance


def _by_rule(question: str, hits: Sequence[Hit]) -> Floats:
    """(relevance / the best one's + sum of weight x sign) / sum of the positive weights."""
    texts = [hit.record.found_by for hit in hits]
    found = np.array([hit.why.fused for hit in hits])
    total = found / max(float(found.max()), 1e-12)
    total = total + PHRASES * phrases(question, texts)
    total = total - ASKING * np.array([asking(text) for text in texts])
    if "when" in words(question)[:2]:
        total = total + TIMES * np.array([float(mentions_time(text)) for text in texts])
    relevance: Floats = np.clip(total / (1.0 + PHRASES + TIMES), 0.0, 1.0)
    return relevance


def phrases(question: str, texts: Sequence[str]) -> Floats:
    """How much of the question's wording each text holds, word pair by word pair; in 0..1.

    The idf of the pairs that stand side by side in both, as a share of all pairs; idf = ln(1 +
    (n - df + 1/2) / (df + 1/2)) of each word over the n texts (Robertson and Zaragoza 2009, eq.
    3.6).  A pair of stop words is none.
    """
    asked = words(question)
    pairs = [pair for pair in dict.fromkeys(pairwise(asked)) if not STOPWORDS.issuperset(pair)]
    said = [words(text) for text in texts]
    df = Counter(word for one in said for word in set(one))
    n = len(texts)
    idf = {word: log1p((n - df[word] + 0.5) / (df[word] + 0.5)) for word in asked}
    value = {pair: idf[pair[0]] + idf[pair[1]] for pair in pairs}
    whole = sum(value.values()) or 1.0
    return np.array(
        [sum(value[pair] for pair in value.keys() & set(pairwise(one))) / whole for one in said]
    )


def asking(text: str) -> float:
    """The share of a text, by length, that its questions take up: they tell nothing; 0..1."""
    if "?" not in text:
        return 0.0
    parts = [part.strip() for part in sentences(text)]
    asked = sum(len(part) for part in parts if part.endswith("?"))
    return asked / (sum(map(len, parts)) or 1)


def _points(n: int) -> dict[str, Any]:
    """The schema of the points for notes 1 to n: each note once, and no other."""
    names = [str(i) for i in range(1, n + 1)]
    return {
        "type": "object",
        "properties": {i: {"type": "integer", "minimum": 1, "maximum": 10} for i in names},
        "required": names,
        "additionalProperties": False,
    }


@lru_cache(maxsize=4)
def _encoder(name: str) -> Encoder:
    """A cross-encoder by name, or made by the class at a dotted path; loaded once."""
    if ":" in name:
        return _own(name)
    try:
        library = import_module("sentence_transformers")
    except ImportError as error:
        raise MissingExtra("rerank by cross-encoder", "sentence-transformers") from error
    found: Encoder = library.CrossEncoder(name)
    return found


def _own(path: str) -> Encoder:
    module, _, attribute = path.partition(":")
    try:
        made: Encoder = getattr(import_module(module), attribute)()
    except Exception as error:  # foreign code: whatever it raises, the cause is kept
        what = f"cross-encoder {path!r} cannot be loaded"
        raise PluginError(f"{what}: {type(error).__name__}: {error}") from error
    return made
