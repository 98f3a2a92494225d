"""How much a text tells: the default importance of a record."""

from __future__ import annotations

from collections.abc import Sequence
from math import log2

HALF = 64.0  # bits at which importance is one half: about a sentence of uncommon words


def surprisal(holders: Sequence[int], records: int) -> float:
    """Bits of surprise in a text's distinct words: sum of -log2 P(word stands in a record).

    `holders[i]` of the `records` earlier records of the namespace hold word i; P is smoothed to
    (holders + 1) / (records + 2).  The text-level analogue of keeping tokens by surprisal (SirLLM,
    arXiv 2405.12528).  The sum, not the mean: what says more is worth more.
    """
    return sum(log2((records + 2) / (held + 1)) for held in holders)


def importance(holders: Sequence[int], records: int) -> float:
    """Surprisal squashed into [0, 1): bits / (bits + HALF)."""
    bits = surprisal(holders, records)
    return bits / (bits + HALF)
