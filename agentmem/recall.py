"""Query to hits: candidates of each leg, fused, times retention, the exact top k, and why.

A leg ranks every searchable record by its raw score (cosine, BM25) and hands on its `depth` best.
Reciprocal rank fusion makes one relevance of the legs; score = relevance x the policies' weights.
A record whose weight is 0 is suppressed: no leg sees it.  A record whose text is the query's own
is exempt from fading, so that an exact match of any age stays findable.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import accumulate
from math import isnan

import numpy as np

from agentmem.config import RecallConfig
from agentmem.core import Change, Floats, Hit, Ints, Namespace, Touch, Vectors, Why
from agentmem.engine import Engine
from agentmem.index.columns import ACTIVE
from agentmem.index.fusion import best, reciprocal_rank
from agentmem.index.lexical import bm25
from agentmem.index.where import Where, condition
from agentmem.text import count_tokens, fold, words

EXACT_AT = 1.0 - 1e-4  # cosine from which a record may be the query's own text
EXACT_RANK = 3  # without a dense leg: lexical rank
POSTINGS = 1000  # a query's words are looked up rarest first, until this many records hold them
WORDS_LEAST = 2  # but so many at least


@dataclass(frozen=True, kw_only=True)
class Query:
    """What is asked, of whom, when."""

    text: str | None  # None: no relevance, the most retained and most recent first
    vector: Vectors | None  # shape (dim,); None without text
    prefix: Namespace
    now: float
    k: int
    mode: str = "hybrid"
    where: Where | None = None
    kinds: tuple[str, ...] | None = None  # None: records of every kind
    when: tuple[float, float] | None = None  # event time asked about, half open
    config: RecallConfig = field(default_factory=RecallConfig)

    @property
    def depth(self) -> int:
        return max(self.config.depth, 12 * self.k)


@dataclass(frozen=True, kw_only=True)
class Ranking:
    """Every candidate, best first: aligned arrays of shape (n,)."""

    rows: Ints
    scores: Floats
    whys: Sequence[Why]


def search(engine: Engine, query: Query, *, budget: int | None = None) -> tuple[list[Hit], Ints]:
    """The top k that fit the budget of tokens, and their rows.  The engine is locked."""
    rows = engine.rows(query.prefix, kinds=query.kinds)
    weights = engine.weights(engine.columns.view(rows, query.now))
    retention = product(weights, len(rows))
    keep = retention > 0.0
    if query.where is not None:
        keep &= np.isin(rows, engine.reads.positions(condition(query.where)))
    if not keep.all():
        rows, retention = rows[keep], retention[keep]
        weights = {label: weight[keep] for label, weight in weights.items()}
    ranking = rank(engine, query, rows, retention, weights)
    hits: list[Hit] = []
    chosen: list[int] = []
    left = budget
    there = engine.ledger.records(ranking.rows.tolist())
    for row, score, why in zip(
        ranking.rows.tolist(), ranking.scores.tolist(), ranking.whys, strict=True
    ):
        if row in there:
            record = there[row]
            cost = 0 if left is None else count_tokens(record.text)
            if left is None or cost <= left:
                left = None if left is None else left - cost
                hits.append(Hit(record=record, score=score, why=why))
                chosen.append(row)
    return hits, np.array(chosen, dtype=np.int64)


def product(weights: Mapping[str, Floats], n: int) -> Floats:
    """The product of all weights, shape (n,); ones if there are none."""
    retention = np.ones(n)
    for weight in weights.values():
        retention = retention * weight
    return retention


def rank(
    engine: Engine,
    query: Query,
    rows: Ints,
    retention: Floats,
    weights: Mapping[str, Floats],
    *,
    k: int | None = None,
) -> Ranking:
    """The k best of some rows (ascending) with their retention, shape (len(rows),)."""
    k = query.k if k is None else k
    if query.text is None or query.vector is None:
        return _unasked(engine, rows, retention, weights, k)
    dense = engine.columns.dense.scores(query.vector, rows) if query.mode != "lexical" else None
    legs: list[Ints] = [] if dense is None else [best(dense, query.depth)]
    lexical = _lexical(engine, query, rows) if query.mode != "dense" else None
    if lexical is not None:
        matched = np.flatnonzero(lexical)
        legs.append(matched[best(lexical[matched], query.depth)])
    found, relevance, ranks = reciprocal_rank(legs, query.config.rrf_k)
    exact = _exact(engine, query, rows[found], dense, found, ranks)
    relevance[exact] = 1.0
    scores = relevance * np.where(exact, 1.0, retention[found])
    order = np.lexsort((found, -scores, ~exact))[:k]
    whys = []
    for i in order:
        at = int(found[i])
        matches = lexical is not None and lexical[at] > 0.0
        why = Why(
            dense=None if dense is None else float(dense[at]),
            dense_rank=None if dense is None else int(ranks[0][i]) or None,
            lexical=float(lexical[at]) if lexical is not None and matches else None,
            lexical_rank=int(ranks[-1][i]) or None if matches else None,
            fused=float(relevance[i]),
            weights={label: float(weight[at]) for label, weight in weights.items()},
            exact=bool(exact[i]),
        )
        whys.append(why)
    return Ranking(rows=rows[found[order]], scores=scores[order], whys=whys)


def _unasked(
    engine: Engine, rows: Ints, retention: Floats, weights: Mapping[str, Floats], k: int
) -> Ranking:
    """Without a query: the most retained, then the most recent."""
    created = engine.columns.floats["created"][rows]
    order = np.lexsort((-rows, -created, -retention))[:k]
    whys = [
        Why(fused=1.0, weights={label: float(w[i]) for label, w in weights.items()}) for i in order
    ]
    return Ranking(rows=rows[order], scores=retention[order], whys=whys)


def _lexical(engine: Engine, query: Query, rows: Ints) -> Floats:
    """BM25 of each row, shape (len(rows),)."""
    total = engine.columns.held
    prefix = query.prefix if len(rows) < total / 2 else ()  # in a small branch, match inside it
    postings = [engine.reads.postings(word, prefix) for word in _terms(engine, query)]
    return bm25(postings, rows, engine.columns.lengths(rows))


def _terms(engine: Engine, query: Query) -> list[str]:
    """The query's words worth looking up: common ones cost much and tell little."""
    asked = list(dict.fromkeys(words(query.text or "")))
    held = engine.reads.holders(asked, set(engine.spaces(query.prefix)))
    rarest = sorted(asked, key=lambda word: held[word])
    kept = sum(read <= POSTINGS for read in accumulate(held[word] for word in rarest))
    return rarest[: max(kept, WORDS_LEAST)]


def _exact(
    engine: Engine,
    query: Query,
    rows: Ints,
    dense: Floats | None,
    found: Ints,
    ranks: Sequence[Ints],
) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    """Which candidates have the query's own text, case and spacing aside."""
    exact = np.zeros(len(rows), dtype=np.bool_)
    maybe = np.zeros(len(rows), dtype=np.bool_)
    if dense is not None:
        maybe |= dense[found] >= EXACT_AT
    else:
        maybe |= (ranks[-1] > 0) & (ranks[-1] <= EXACT_RANK)
    wanted = fold(query.text or "")
    for i in np.flatnonzero(maybe):
        exact[i] = any(fold(r.text) == wanted for r in engine.records([rows[i]]))
    return exact


def reinforce(engine: Engine, rows: Ints, now: float) -> None:
    """Let the policies strengthen what was recalled: one journal line.

    Read and written in one transaction: what another process has removed or reinforced since the
    search is neither brought back nor overwritten.
    """
    with engine.writing():
        engine.refresh()
        rows = rows[engine.columns.status[rows] == ACTIVE]
        if len(rows):
            change = Change(touch=_touched(engine, rows, now), reason="recall")
            engine.commit(change, at=now, rows=rows)


def reinforce_named(engine: Engine, names: Sequence[str], now: float) -> None:
    """The same for records by id; those that are gone meanwhile are passed over."""
    with engine.locked():
        places = dict(engine.ledger.present(names))
    rows = np.array([places[name].pos for name in names if name in places], dtype=np.int64)
    reinforce(engine, rows, now)


def _touched(engine: Engine, rows: Ints, now: float) -> tuple[Touch, ...]:
    view = engine.columns.view(rows, now)
    update = engine.touched(view)
    turns = engine.columns.floats["turn"][rows] + view.turns
    lasting = [None if isnan(value) else value for value in update.stability.tolist()]
    return tuple(
        Touch(*life)
        for life in zip(
            view.names(np.arange(len(rows))),
            update.used.tolist(),
            turns.astype(np.int64).tolist(),
            update.uses.astype(np.int64).tolist(),
            lasting,
            engine.expiry_after(view, update),
            strict=True,
        )
    )
