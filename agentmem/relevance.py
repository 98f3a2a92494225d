"""Query to candidates: what each leg finds, and how relevant each of it is, 0..1.

    relevance = (lexical + context + dense x max(cosine, 0)) / (1 + dense)  x speaker x when

lexical: the share of the query that the record's own words hold (BM25); context: what the turns
around it add; cosine: of the vectors; speaker, when: a factor below 1 for what somebody else said,
or what happened at another time, where the query names a speaker or a time.

A leg ranks every record searched and hands on its `depth` best; the parts are then exact for the
union.  A convex combination keeps what ranks throw away, how much better one is than the next
(Bruch, Gai and Ingber 2023, arXiv 2210.11934); both parts have absolute scales, so that relevance
does not depend on which other candidates there are.
"""

from __future__ import annotations

import warnings
from collections.abc import Collection, Set
from dataclasses import dataclass, field, replace
from itertools import accumulate

import numpy as np
from numpy.typing import NDArray

from agentmem.config import RecallConfig
from agentmem.core import Floats, Ints, Namespace, Vectors
from agentmem.engine import Engine
from agentmem.errors import IndexStale, IndexUnavailable, IndexWarning
from agentmem.index.context import Context, Matches, lend
from agentmem.index.cues import named, past
from agentmem.index.fusion import best, reciprocal_rank
from agentmem.index.lexical import Found, find
from agentmem.index.stopwords import STOPWORDS
from agentmem.index.where import Where
from agentmem.text import words

NEWEST = 10  # records that say most of the query and are looked at however many others do
POSTINGS = 500  # a query's words are looked up rarest first, until this many records hold them


_NO_ROWS, _NO_SHARES = np.zeros(0, dtype=np.int64), np.zeros(0)
_NOTHING = (
    Found(_NO_ROWS, _NO_ROWS, _NO_SHARES, 0, _NO_SHARES),
    Matches(at=_NO_ROWS, own=_NO_SHARES, lent=_NO_SHARES),
)


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
    kinds: tuple[str, ...] | None = None  # of the records searched; None: all
    when: tuple[float, float] | None = None  # event time asked about, half open
    config: RecallConfig = field(default_factory=RecallConfig)

    @property
    def depth(self) -> int:
        return max(self.config.depth, 5 * self.k)

    @property
    def renews(self) -> bool:
        """Do newer records about the same thing go first?  Not if it asks of a time or the past."""
        if self.text is None or self.config.interference == 0.0 or self.when is not None:
            return False
        return not past(self.text)


@dataclass(frozen=True, kw_only=True)
class Candidates:
    """What the legs found: aligned arrays of shape (n,)."""

    at: Ints  # ascending indices into the rows searched
    relevance: Floats  # 0..1
    dense: Floats | None  # cosine; None: no dense leg
    lexical: Floats  # share of the query in the own words, 0..1
    context: Floats  # what neighbours add
    speaker: Floats  # factors
    when: Floats
    held: NDArray[np.bool_]  # shape (n, w): does it hold the word of the query that was looked up?
    telling: Floats  # shape (w,): each such word's share of the query, 0..1
    dense_rank: Ints  # 1 is best; 0: not among this leg's best
    lexical_rank: Ints


def candidates(engine: Engine, query: Query, rows: Ints) -> Candidates:
    """The best of some rows (ascending positions) by each leg; the query has text and vector.

    If a dense index that lives elsewhere does not answer, words alone decide, with an IndexWarning;
    IndexUnavailable in the mode "dense".
    """
    try:
        return _candidates(engine, query, rows)
    except IndexUnavailable as error:
        if isinstance(error, IndexStale):
            engine.rebuild()
        if query.mode == "dense":
            raise
        warnings.warn(f"{error}; recalled by words alone", IndexWarning, stacklevel=2)
        return _candidates(engine, replace(query, mode="lexical"), rows)


def _candidates(engine: Engine, query: Query, rows: Ints) -> Candidates:
    speakers = engine.columns.speakers if query.config.speaker < 1.0 else set()
    names = speakers.intersection(named(query.text or "")) if speakers else speakers
    legs = []
    words, matches = _NOTHING
    if query.mode != "lexical":
        legs.append(_nearest(engine, query, rows))
    if query.mode != "dense":
        words, matches = _match(engine, query, rows)
        factor = np.multiply(*_factors(engine, query, names, rows[matches.at]))
        total = (matches.own + matches.lent) * factor
        leg = matches.at[best(total, query.depth)]
        legs.append(np.concatenate([leg, _newest(engine, query, rows, words, leg)]))
    at, fused, ranks = reciprocal_rank(legs, query.config.rrf_k)
    none = np.zeros(len(at), dtype=np.int64)
    lexical, context = matches.of(at)
    dense = None
    if query.vector is not None and query.mode != "lexical":
        dense = engine.columns.dense.scores(query.vector, rows[at])
    if query.config.fusion == "sum":
        fused = _combined(query, dense, lexical + context)
    speaker, when = _factors(engine, query, names, rows[at])
    return Candidates(
        at=at,
        relevance=fused * speaker * when,
        dense=dense,
        lexical=lexical,
        context=context,
        speaker=speaker,
        when=when,
        held=words.held(at),
        telling=words.telling,
        dense_rank=none if query.mode == "lexical" else ranks[0],
        lexical_rank=none if query.mode == "dense" else ranks[-1],
    )


def _combined(query: Query, dense: Floats | None, lexical: Floats) -> Floats:
    """Relevance before the factors, 0..1, shape (n,)."""
    if dense is None:
        return lexical
    cosine: Floats = np.clip(dense, 0.0, 1.0)
    if query.mode == "dense":
        return cosine
    weight = query.config.dense
    return (lexical + weight * cosine) / (1.0 + weight)


def _nearest(engine: Engine, query: Query, rows: Ints) -> Ints:
    """The dense leg: indices into `rows` of the nearest, best first; then those of the time asked
    about.
    """
    if query.vector is None:
        return np.zeros(0, dtype=np.int64)
    dense = engine.columns.dense
    found, _ = dense.nearest(query.vector, rows, query.depth)
    if query.when is not None:
        inside = rows[_inside(engine, query.when, rows)]
        then, _ = dense.nearest(query.vector, inside, query.depth)
        found = np.concatenate([found, then[~np.isin(then, found)]])
    return np.searchsorted(rows, found)


def _newest(engine: Engine, query: Query, rows: Ints, words: Found, known: Ints) -> Ints:
    """Indices of the newest rows that say most of the query, newest first, without those known."""
    if not query.renews:
        return known[:0]
    saying = words.saying(query.config.shared)
    newest = saying[best(engine.columns.floats["created"][rows[saying]], NEWEST)]
    there = set(known.tolist())
    return np.array([row for row in newest.tolist() if row not in there], dtype=np.int64)


def _match(engine: Engine, query: Query, rows: Ints) -> tuple[Found, Matches]:
    """The lexical leg: which row holds which word, and what neighbours lend each other."""
    columns, config = engine.columns, query.config
    spaces = engine.spaces(query.prefix)
    prefix = query.prefix if len(rows) < columns.held / 2 else ()  # a small branch: only there
    postings = [engine.reads.postings(word, prefix) for word in _terms(engine, query, spaces)]
    found = find(postings, rows, columns.lengths(rows))
    context = Context(fading=config.context, reach=config.reach, gap=config.session_gap)
    return found, lend(found, rows, columns, context, len(spaces) > 1)


def _terms(engine: Engine, query: Query, spaces: Collection[int]) -> list[str]:
    """The query's words worth looking up: common ones cost much and tell little.

    Stop words are only looked up where nobody holds any other word.
    """
    asked = list(dict.fromkeys(words(query.text or "")))
    held = engine.reads.holders(asked, set(spaces))
    telling = [word for word in asked if word not in STOPWORDS]
    if not any(held[word] for word in telling):
        telling = asked
    rarest = sorted(telling, key=lambda word: held[word])
    kept = sum(read <= POSTINGS for read in accumulate(held[word] for word in rarest))
    return rarest[: max(kept, 1)]


def _factors(
    engine: Engine, query: Query, names: Set[int], positions: Ints
) -> tuple[Floats, Floats]:
    """How much each position counts for who speaks and for when it was, each of shape (n,)."""
    columns, config = engine.columns, query.config
    speaker, when = np.ones(len(positions)), np.ones(len(positions))
    if names:
        speaks = np.isin(columns.speaker[positions], list(names))
        if speaks.any():
            speaker[~speaks] = config.speaker
    if query.when is not None:
        when[~_inside(engine, query.when, positions)] = config.when
    return speaker, when


def _inside(engine: Engine, when: tuple[float, float], positions: Ints) -> NDArray[np.bool_]:
    """Which positions were created in a time, half open."""
    created = engine.columns.floats["created"][positions]
    return (created >= when[0]) & (created < when[1])
