"""What a turn lends its neighbours: the words of a search count, less, a few turns away too.

A conversation names a thing once and then speaks of "it".  So a word of the query that stands j
turns away in the same session counts fading ** j as much as in the text itself; the strongest
occurrence of each word counts, and a question hands its words on undiminished to the next turn,
its answer.  This happens when a search is made: nothing of a turn is stored with another, and what
is erased, archived or suppressed lends nothing.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from agentmem.core import Floats, Ints
from agentmem.index.columns import Columns
from agentmem.index.lexical import Found

LENDS = "chunk"  # kind of the records that are said one after another; others have no neighbours


@dataclass(frozen=True, kw_only=True)
class Context:
    """How far a turn reaches."""

    fading: float = 0.7  # 0..1, by which a word counts less with each turn; 0: no context
    reach: int = 4  # turns, before and after
    gap: float = 3600.0  # seconds without a turn that end a session


@dataclass(frozen=True, kw_only=True)
class Matches:
    """The rows that hold or border on words of the query: aligned arrays of shape (n,)."""

    at: Ints  # ascending indices into the rows searched
    own: Floats  # share of the query in the row's own words, 0..1
    lent: Floats  # what its neighbours add, own + lent <= 1

    def of(self, at: Ints) -> tuple[Floats, Floats]:
        """(own, lent) of some indices, each of shape (len(at),); 0 for those not in here."""
        if not len(self.at):
            return np.zeros(len(at)), np.zeros(len(at))
        place = np.minimum(np.searchsorted(self.at, at), len(self.at) - 1)
        here = self.at[place] == at
        return np.where(here, self.own[place], 0.0), np.where(here, self.lent[place], 0.0)


def lend(found: Found, rows: Ints, columns: Columns, context: Context, mixed: bool) -> Matches:
    """Each row's share with what its neighbours lend; `mixed`: rows of several namespaces."""
    if context.fading > 0.0 and context.reach > 0 and len(found.at):
        around, weight = _around(found.at, rows, columns, context, _chain(rows, columns, mixed))
        kept = weight > 0.0
        row, share = around[kept], (found.share[:, None] * weight)[kept]
        word = np.broadcast_to(found.word[:, None], kept.shape)[kept]
    else:
        row, share, word = found.at, found.share, found.word
    touched = np.zeros(len(rows), dtype=np.bool_)
    touched[row] = True
    reached = np.flatnonzero(touched)
    column = np.empty(len(rows), dtype=np.int64)
    column[reached] = np.arange(len(reached))
    best = np.zeros(found.words * len(reached))  # of each word in each row
    np.maximum.at(best, word * len(reached) + column[row], share)
    total: Floats = best.reshape(found.words, len(reached)).sum(axis=0)
    own = np.zeros(len(reached))
    np.add.at(own, column[found.at], found.share)
    return Matches(at=reached, own=own, lent=np.maximum(total - own, 0.0))


def _around(
    at: Ints, rows: Ints, columns: Columns, context: Context, chain: tuple[Ints, Ints] | None
) -> tuple[Ints, Floats]:
    """The rows around each of some rows, and how much reaches them: shape (len(at), 2 reach + 1).

    0 where another session, another namespace or the end lies between.
    """
    reach = context.reach
    offsets = np.arange(-reach, reach + 1)
    order, place = chain or (None, at)
    length = len(rows) if order is None else len(order)
    spots = (place if order is None else place[at])[:, None] + offsets
    inside = (spots >= np.maximum(offsets, 0)) & (spots < length)  # place -1: in no chain
    spots = np.minimum(np.maximum(spots, 0), max(length - 1, 0))
    around = spots
    if order is not None:
        around = order[spots] if length else np.zeros_like(spots)
        around[:, reach] = at
    positions = rows[around]
    created = columns.floats["created"][positions]
    linked = inside[:, 1:] & inside[:, :-1]
    linked &= np.abs(created[:, 1:] - created[:, :-1]) <= context.gap
    if order is not None:
        spaces = columns.space[positions]
        linked &= spaces[:, 1:] == spaces[:, :-1]
    weight = np.ones(spots.shape)
    weight[:, :reach] = np.logical_and.accumulate(linked[:, reach - 1 :: -1], axis=1)[:, ::-1]
    weight[:, reach + 1 :] = np.logical_and.accumulate(linked[:, reach:], axis=1)
    weight *= context.fading ** np.abs(offsets)
    answered = columns.asks[rows[at]] & (weight[:, reach + 1] > 0.0)
    weight[answered, reach + 1] = 1.0
    return around, weight


def _chain(rows: Ints, columns: Columns, mixed: bool) -> tuple[Ints, Ints] | None:
    """The rows of kind LENDS, namespace by namespace, and the place of each row among them.

    As indices into `rows`; the place of a row of another kind is -1.  None: simply all rows.
    """
    order: Ints = np.arange(len(rows))
    if len(columns.kinds.names) > 1:
        order = np.flatnonzero(columns.kind[rows] == columns.kinds[LENDS])
    elif not mixed:
        return None
    spaces = columns.space[rows[order]]
    if mixed and len(order):
        few = int(spaces.max()) < 2**16  # then a radix sort, which is fast
        order = order[np.argsort(spaces.astype(np.uint16) if few else spaces, kind="stable")]
    place = np.full(len(rows), -1, dtype=np.int64)
    place[order] = np.arange(len(order))
    return order, place
