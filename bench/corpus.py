"""Seeded texts that look like text to an index: real words, Zipf's law, real stop words.

The words are the whole words of the bundled tokenizer's vocabulary, which is sorted by frequency.
The word of rank r is drawn with probability proportional to 1 / (r + 2.7) (Zipf-Mandelbrot), so the
hundred commonest words, nearly all of them stop words, make up about four tenths of a text.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from agentmem.embed.static import model

STOP_RANKS = 100


@lru_cache(maxsize=1)
def vocabulary() -> tuple[str, ...]:
    """About 20,000 English words, the commonest first."""
    pieces = sorted(model().tokenizer.get_vocab().items(), key=lambda item: item[1])
    return tuple(p for p, _ in pieces if p.isascii() and p.isalpha() and len(p) > 1)


class Corpus:
    """An endless stream of sentences of 15 to 25 words; the same seed, the same sentences."""

    def __init__(self, seed: int) -> None:
        self.rng = np.random.default_rng(seed)
        self.words = np.array(vocabulary(), dtype=object)
        weights = 1.0 / (np.arange(1, len(self.words) + 1) + 2.7)
        self.cumulated = np.cumsum(weights / weights.sum())

    def texts(self, n: int) -> list[str]:
        """The next n sentences."""
        lengths = self.rng.integers(15, 26, n)
        ranks = np.searchsorted(self.cumulated, self.rng.random(int(lengths.sum())))
        drawn = self.words[np.minimum(ranks, len(self.words) - 1)]
        ends = np.cumsum(lengths)
        return [
            " ".join(drawn[end - length : end]).capitalize() + "."
            for end, length in zip(ends, lengths, strict=True)
        ]

    def queries(self, texts: list[str], n: int) -> list[str]:
        """Ask n times: four rarer words of some text, in another order, among four stop words."""
        stops = set(self.words[:STOP_RANKS])
        asked = []
        for at in self.rng.integers(0, len(texts), n):
            said = texts[at].rstrip(".").lower().split()
            rare = [word for word in said if word not in stops] or said
            mine = list(self.rng.choice(rare, min(4, len(rare)), replace=False))
            mine += list(self.words[self.rng.integers(0, STOP_RANKS, 4)])
            self.rng.shuffle(mine)
            asked.append(" ".join(mine) + "?")
        return asked
