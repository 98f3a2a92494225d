"""Lexical shares: BM25 over the ledger's full-text postings, with a namespace's own statistics.

A record's share is the part of the query's information that its words hold: 0 for none of them, 1
for the shortest possible text that holds them all.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from agentmem.core import Floats, Ints

K1 = 0.9  # saturation and length normalisation as for short passages (Anserini's defaults)
B = 0.4


class Found(NamedTuple):
    """Which row holds which word of the query: aligned arrays, one entry a pair."""

    word: Ints  # 0, 1, ... in the order of the words
    at: Ints  # index into the rows searched
    share: Floats  # > 0; of one row's words together <= 1
    words: int  # of the query
    telling: Floats  # shape (words,): each known word's share of what the query says; sum 1 or 0

    def held(self, at: Ints) -> NDArray[np.bool_]:
        """Which of some rows (ascending indices) hold which word: shape (len(at), words)."""
        held = np.zeros((len(at), self.words), dtype=np.bool_)
        if len(at):
            place = np.minimum(np.searchsorted(at, self.at), len(at) - 1)
            here = at[place] == self.at
            held[place[here], self.word[here]] = True
        return held

    def saying(self, shared: float) -> Ints:
        """The rows that hold words of at least this share of the query, ascending."""
        said = np.bincount(self.at, weights=self.telling[self.word])
        return np.flatnonzero(said >= shared)


def find(postings: Sequence[Ints], rows: Ints, lengths: Floats) -> Found:
    """The share of each query word in each of `rows` (ascending positions) that holds it.

    `postings`: for each word, the ascending positions that hold it; those outside `rows` do not
    count, so that a record's share depends on its own namespace alone.  `lengths`: words in each
    row.  Robertson and Zaragoza 2009, eq. 3.15, with term presence for term frequency: memories
    are short, and presence spares the look-up of every match's frequency.  The sum over the words
    is divided by the most it can be: all of them, unknown ones included, in the shortest text.
    """
    n = len(rows)
    mean = max(float(lengths.mean()), 1.0) if n else 1.0
    position = np.concatenate([np.zeros(0, dtype=np.int64), *postings])
    word = np.repeat(np.arange(len(postings)), [len(posting) for posting in postings])
    at = np.searchsorted(rows, position)
    inside = np.flatnonzero(rows[np.minimum(at, n - 1)] == position) if n else at[:0]
    word, at = word[inside], at[inside]
    holding = np.bincount(word, minlength=len(postings))
    idf = np.log1p((n - holding + 0.5) / (holding + 0.5))
    saturation = (1.0 + K1 * (1.0 - B)) / (1.0 + K1 * (1.0 - B) + K1 * B / mean * lengths[at])
    share = idf[word] * saturation / (float(idf.sum()) or 1.0)
    known = np.where(holding > 0, idf, 0.0)
    return Found(word, at, share, len(postings), known / (float(known.sum()) or 1.0))
