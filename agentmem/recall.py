"""Query to hits: relevance x retention, newer before older, the exact top k, and why.

`agentmem.relevance` finds the candidates; score = relevance x the policies' weights; of those about
the same thing the newer goes first (`agentmem.interference`).  A record whose weight is 0 is
suppressed: no leg sees it, and it lends its neighbours nothing.  A record whose text is the query's
own is exempt from fading, so that an exact match of any age stays findable.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from math import isnan
from typing import Any

import numpy as np
from numpy.typing import NDArray

from agentmem.core import Change, Floats, Hit, Ints, Touch, Update, Vectors, View, Why
from agentmem.engine import Engine
from agentmem.index.columns import ACTIVE
from agentmem.index.cues import LONGEST
from agentmem.index.exact import ExactIndex
from agentmem.index.where import condition
from agentmem.interference import Contest, Places, Rules, settle
from agentmem.relevance import Candidates, Query, candidates
from agentmem.text import count_tokens, fold, words
from agentmem.values import built

__all__ = ["Query", "Ranking", "pack", "rank", "reinforce", "reinforce_hits", "search"]

EXACT_AT = 1.0 - 1e-4  # cosine from which a record may be the query's own text

_UNASKED = vars(Why(fused=1.0))  # of every hit where there was no query

Weigh = Callable[[Ints], Mapping[str, Floats]]  # indices into the rows -> each policy's weights


@dataclass(frozen=True, kw_only=True)
class Ranking:
    """Every candidate, best first: aligned arrays of shape (n,)."""

    rows: Ints
    scores: Floats
    whys: Sequence[Why]


def search(engine: Engine, query: Query, *, budget: int | None = None) -> tuple[list[Hit], Ints]:
    """The top k that fit the budget of tokens, and their rows.  The engine is locked."""
    ranking = rank(engine, query, *_searched(engine, query))
    places = ranking.rows.tolist()
    there = engine.ledger.records(places)
    found = {
        row: built(Hit, {"record": there[row], "score": score, "why": why})
        for row, score, why in zip(places, ranking.scores.tolist(), ranking.whys, strict=True)
        if row in there
    }
    hits = pack(list(found.values()), budget)
    if len(hits) < len(found):
        kept = {hit.id for hit in hits}
        found = {row: hit for row, hit in found.items() if hit.id in kept}
    return hits, np.array(list(found), dtype=np.int64)


def pack(hits: Sequence[Hit], budget: int | None) -> list[Hit]:
    """The hits that fit a budget of tokens, best first; one that does not fit is passed over."""
    if budget is None:
        return list(hits)
    kept = []
    for hit in hits:
        cost = count_tokens(hit.text)
        if cost <= budget:
            budget -= cost
            kept.append(hit)
    return kept


def _searched(engine: Engine, query: Query) -> tuple[Ints, Weigh]:
    """The rows a search looks at, ascending, and what weighs them.

    A policy that may suppress, or that compares records, sees all of them first.
    """
    rows = engine.searchable(query.prefix, query.kinds, now=query.now)
    known: dict[str, Floats] = {}
    if not engine.panel.separable:
        known = engine.panel.weights(engine.columns.view(rows, query.now), separable=False)
    if known or query.where is not None:
        keep = product(known, len(rows)) > 0.0
        if query.where is not None:
            keep &= np.isin(rows, engine.reads.positions(condition(query.where)))
        rows = rows[keep]
        known = {label: weight[keep] for label, weight in known.items()}

    def weigh(at: Ints) -> Mapping[str, Floats]:
        found = {label: weight[at] for label, weight in known.items()}
        if engine.panel.single:
            view = engine.columns.view(rows[at], query.now)
            found |= engine.panel.weights(view, separable=True)
        return {label: found[label] for label in engine.labels if label in found}

    return rows, weigh


def product(weights: Mapping[str, Floats], n: int) -> Floats:
    """The product of all weights, shape (n,); ones if there are none."""
    retention = np.ones(n)
    for weight in weights.values():
        retention = retention * weight
    return retention


def rank(
    engine: Engine, query: Query, rows: Ints, weigh: Weigh, *, k: int | None = None
) -> Ranking:
    """The k best of some rows (ascending)."""
    k = query.k if k is None else k
    if query.text is None or query.vector is None:
        return _unasked(engine, rows, weigh, k)
    found = candidates(engine, query, rows)
    weights = weigh(found.at)
    positions = rows[found.at]
    exact = _exact(engine, query, positions, found)
    relevance = np.where(exact, 1.0, found.relevance)
    scores = relevance * np.where(exact, 1.0, product(weights, len(found.at)))
    near = np.zeros(len(scores)) if found.dense is None else found.dense
    places = _settled(engine, query, positions, found, scores, exact)
    fresh = np.divide(places.scores, scores, out=np.ones(len(scores)), where=scores > 0.0)
    order = np.lexsort((found.at, -near, places.turn, -places.scores, ~exact))[:k]
    some = ("dense_rank", "lexical", "lexical_rank", "context")  # 0: nothing to tell
    columns: dict[str, list[Any]] = {
        "dense": [None] * len(order) if found.dense is None else found.dense[order].tolist(),
        **{name: [v or None for v in getattr(found, name)[order].tolist()] for name in some},
        "speaker": found.speaker[order].tolist(),
        "when": found.when[order].tolist(),
        "fresh": fresh[order].tolist(),
        "rival": [_id(engine, positions, i) for i in places.newest[order].tolist()],
        "fused": relevance[order].tolist(),
        "weights": _each({label: weight[order] for label, weight in weights.items()}, len(order)),
        "exact": exact[order].tolist(),
    }
    each = zip(*columns.values(), strict=True)
    whys = [built(Why, dict(zip(columns, row, strict=True))) for row in each]
    return Ranking(rows=positions[order], scores=places.scores[order], whys=whys)


def _id(engine: Engine, positions: Ints, i: int) -> str | None:
    return None if i < 0 else bytes(engine.columns.ids[positions[i]]).decode()


def _vectors(engine: Engine, positions: Ints) -> Vectors:
    """The vectors of some positions, shape (n, dim); 0 where there is none."""
    if isinstance(engine.columns.dense, ExactIndex):
        return engine.columns.dense.vectors(positions)
    known = engine.reads.vectors(positions.tolist())
    none = np.zeros(engine.embedder.dim, dtype=np.float32)
    return np.stack([known.get(pos, none) for pos in positions.tolist()])


def _settled(
    engine: Engine,
    query: Query,
    positions: Ints,
    found: Candidates,
    scores: Floats,
    exact: NDArray[np.bool_],
) -> Places:
    """The candidates' places, newer before older ones about the same thing.

    Apart stand the query's own text, and a question that says no more than the query.
    """
    columns = engine.columns
    asked = len(words(query.text or "")) + LONGEST
    repeats = columns.asks[positions] & (columns.lengths(positions) <= asked)
    contest = Contest(
        scores=scores,
        created=columns.floats["created"][positions],
        group=columns.space[positions].astype(np.int64) << 16 | columns.kind[positions],
        able=~exact & ~repeats,
        held=found.held,
        telling=found.telling,
        vectors=lambda some: _vectors(engine, positions[some]),
    )
    config = query.config
    strength = config.interference if query.renews else 0.0
    return settle(contest, Rules(strength=strength, shared=config.shared, alike=config.alike))


def _unasked(engine: Engine, rows: Ints, weigh: Weigh, k: int) -> Ranking:
    """Without a query: the most retained, then the most recent."""
    weights = weigh(np.arange(len(rows)))
    retention = product(weights, len(rows))
    created = engine.columns.floats["created"][rows]
    order = np.lexsort((rows, created, retention))[::-1][:k]
    whys = _alike({label: weight[order] for label, weight in weights.items()}, len(order))
    return Ranking(rows=rows[order], scores=retention[order], whys=whys)


def _alike(weights: Mapping[str, Floats], n: int) -> list[Why]:
    """Why each of n rows came up without a query; one and the same where all weigh the same."""
    if n and all((weight == weight[0]).all() for weight in weights.values()):
        return [Why(fused=1.0, weights=_each(weights, n)[0])] * n
    return [built(Why, {**_UNASKED, "weights": own}) for own in _each(weights, n)]


def _each(weights: Mapping[str, Floats], n: int) -> list[dict[str, float]]:
    """Each of n rows' weights by label."""
    if not weights:
        return [{} for _ in range(n)]
    rows = zip(*(weight.tolist() for weight in weights.values()), strict=True)
    return [dict(zip(weights, row, strict=True)) for row in rows]


def _exact(engine: Engine, query: Query, positions: Ints, found: Candidates) -> NDArray[np.bool_]:
    """Which candidates have the query's own text, case and spacing aside.

    Only those are read that hold the same words (or, with a dense leg, have the same vector).
    """
    if found.dense is not None:
        maybe = found.dense >= EXACT_AT
    else:
        maybe = engine.columns.lengths(positions) == len(words(query.text or ""))
        most = found.lexical[maybe].max(initial=0.0)
        maybe &= (found.lexical > 0.0) & (found.lexical >= most)
    exact = np.zeros(len(positions), dtype=np.bool_)
    if maybe.any():
        wanted = fold(query.text or "")
        there = engine.ledger.records(positions[maybe].tolist())
        same = {row for row, record in there.items() if fold(record.text) == wanted}
        exact = maybe & np.isin(positions, list(same))
    return exact


def reinforce(
    engine: Engine, rows: Ints, now: float, *, scores: Sequence[float], by: str = ""
) -> None:
    """Let the policies strengthen what was recalled: one journal line.

    `scores` of the rows tell each one's share; `by`: the source that asked.

    Read and written in one transaction: what another process has removed or reinforced since the
    search is neither brought back nor overwritten.
    """
    with engine.writing():
        engine.refresh()
        there = engine.columns.status[rows] == ACTIVE
        shares = _shares(scores)[there]
        rows = rows[there]
        if len(rows):
            view = replace(engine.columns.view(rows, now), share=shares, by=by)
            update = engine.panel.touched(view)
            moved = _moved(view, update)  # what a policy leaves as it was has not been recalled
            change = Change(
                touch=_touched(engine, rows[moved], view.take(moved), update.take(moved)),
                reason="recall",
            )
            engine.commit(change, at=now, rows=rows[moved])


def reinforce_hits(engine: Engine, hits: Sequence[Hit], now: float, *, by: str = "") -> None:
    """The same for hits; those that are gone meanwhile are passed over."""
    with engine.locked():
        places = dict(engine.ledger.present(hit.id for hit in hits))
    held = [hit for hit in hits if hit.id in places]
    rows = np.array([places[hit.id].pos for hit in held], dtype=np.int64)
    reinforce(engine, rows, now, scores=[hit.score for hit in held], by=by)


def _shares(scores: Sequence[float]) -> Floats:
    """Each score as a share of their sum, shape (n,), 0..1; equal shares where all are 0."""
    whole = np.maximum(np.array(scores, dtype=np.float64), 0.0)
    total = whole.sum()
    return whole / total if total > 0.0 else np.full(len(whole), 1.0 / max(len(whole), 1))


def _moved(view: View, update: Update) -> NDArray[np.bool_]:
    """Which rows an update changes, shape (n,)."""
    before, after = view.stability, update.stability
    same = (before == after) | (np.isnan(before) & np.isnan(after))
    moved: NDArray[np.bool_] = ~same | (update.used != view.used) | (update.uses != view.uses)
    return moved


def _touched(engine: Engine, rows: Ints, view: View, update: Update) -> tuple[Touch, ...]:
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
            engine.expiry_after(view, update, rows),
            strict=True,
        )
    )
