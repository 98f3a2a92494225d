"""Several rankings of the same records into one relevance."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from agentmem.core import Floats, Ints


def best(scores: Floats, depth: int) -> Ints:
    """Indices of the `depth` highest scores, highest first; equal scores in index order.  Exact."""
    n = len(scores)
    if depth < n:
        cut = np.partition(scores, n - depth)[n - depth]
        above = np.flatnonzero(scores > cut)
        ties = np.flatnonzero(scores == cut)[: depth - len(above)]
        chosen = np.concatenate([above, ties])
    else:
        chosen = np.arange(n)
    return chosen[np.lexsort((chosen, -scores[chosen]))]


def reciprocal_rank(legs: Sequence[Ints], k: float) -> tuple[Ints, Floats, list[Ints]]:
    """Reciprocal rank fusion (Cormack, Clarke and Buettcher, SIGIR 2009).

    Each leg lists rows best first.  Returns the union of rows (ascending), their relevance
    sum(1 / (k + rank)) scaled so that rank 1 in every leg gives 1, and their 1-based rank in each
    leg (0: not in it).
    """
    rows = np.unique(np.concatenate(legs)) if legs else np.zeros(0, dtype=np.int64)
    relevance = np.zeros(len(rows))
    ranks = []
    for leg in legs:
        rank = np.zeros(len(rows), dtype=np.int64)
        rank[np.searchsorted(rows, leg)] = np.arange(1, len(leg) + 1)
        relevance += np.where(rank > 0, (k + 1.0) / (k + rank), 0.0) / len(legs)
        ranks.append(rank)
    return rows, relevance, ranks
