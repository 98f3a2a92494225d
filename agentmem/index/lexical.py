"""Lexical scores: BM25 over the ledger's full-text postings, with a namespace's own statistics."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from agentmem.core import Floats, Ints

K1 = 0.9  # saturation and length normalisation as for short passages (Anserini's defaults)
B = 0.4


def bm25(postings: Iterable[Ints], rows: Ints, lengths: Floats) -> Floats:
    """BM25 of each of `rows` (ascending positions), shape (len(rows),); 0 where no word matches.

    `postings`: for each query word, the ascending positions that hold it; those outside `rows` do
    not count, so that the score of a record depends on its own namespace alone.  `lengths`: words
    in each row.  Robertson and Zaragoza 2009, eq. 3.15, with term presence for term frequency:
    memories are short, and presence spares the look-up of every match's frequency.
    """
    n = len(rows)
    scores = np.zeros(n)
    if not n:
        return scores
    saturation = K1 * (1.0 - B + B * lengths / max(float(lengths.mean()), 1.0))
    for posting in postings:
        at = np.searchsorted(rows, posting)
        inside = at < n
        at = at[inside]
        at = at[rows[at] == posting[inside]]
        idf = np.log1p((n - len(at) + 0.5) / (len(at) + 0.5))
        scores[at] += idf * (K1 + 1.0) / (1.0 + saturation[at])
    return scores
