"""Lexical shares: BM25 over the ledger's full-text postings, with a namespace's own statistics.

A record's share is the part of the query's information that its words hold: 0 for none of them, 1
for the shortest possible text that holds them all.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from agentmem.core import Floats, Ints

K1 = 0.9  # saturation and length normalisation as for short passages (Anserini's defaults)
B = 0.4


class Found(NamedTuple):
    """Which row holds which word of the query: aligned arrays, one entry a pair."""

    word: Ints  # 0, 1, ... in the order of the words
    at: Ints  # index into the rows searched
    share: Floats  # > 0; of one row's words together <= 1
    words: int  # of the query


def find(postings: Sequence[Ints], rows: Ints, lengths: Floats) -> Found:
    """The share of each query word in each of `rows` (ascending positions) that holds it.

    `postings`: for each word, the ascending positions that hold it; those outside `rows` do not
    count, so that a record's share depends on its own namespace alone.  `lengths`: words in each
    row.  Robertson and Zaragoza 2009, eq. 3.15, with term presence for term frequency: memories
    are short, and presence spares the look-up of every match's frequency.  The sum over the words
    is divided by the most it can be: all of them, unknown ones included, in the shortest text.
    """
    n, none = len(rows), np.zeros(0, dtype=np.int64)
    mean = max(float(lengths.mean()), 1.0) if n else 1.0
    word, places, shares, most = [none], [none], [np.zeros(0)], 0.0
    for number, posting in enumerate(postings):
        at = np.searchsorted(rows, posting)
        inside = at < n
        at = at[inside]
        at = at[rows[at] == posting[inside]]
        idf = float(np.log1p((n - len(at) + 0.5) / (len(at) + 0.5)))
        saturation = (1.0 + K1 * (1.0 - B)) / (1.0 + K1 * (1.0 - B + B * lengths[at] / mean))
        word.append(np.full(len(at), number))
        places.append(at)
        shares.append(idf * saturation)
        most += idf
    share = np.concatenate(shares) / (most or 1.0)
    return Found(np.concatenate(word), np.concatenate(places), share, len(postings))
