"""Dense, lexical and fused ranking, each against a reference written another way."""

from collections.abc import Sequence
from math import log

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentmem.errors import ConfigError
from agentmem.index.exact import ExactIndex
from agentmem.index.fusion import best, reciprocal_rank
from agentmem.index.lexical import K1, B, find
from tests.conftest import Make
from tests.index_contract import IndexContract


class TestExactIndex(IndexContract):
    index = ExactIndex


class Reversed(ExactIndex):
    """Prefers what is farthest: shows that the configured index is the one asked."""

    def scores(self, query, rows):
        return -super().scores(query, rows)


def test_another_index_is_chosen_by_dotted_path(make: Make) -> None:
    memory = make(index="tests.test_index:Reversed")
    memory.add(["Rex is my dog", "Tea, not coffee"])
    assert memory.search("my dog", mode="dense")[0].text == "Tea, not coffee"
    with pytest.raises(ConfigError, match="did you mean 'exact'"):
        make(index="exakt")


@given(st.lists(st.integers(0, 5), min_size=1, max_size=40), st.integers(1, 45))
def test_best_is_an_exact_top_k_with_stable_ties(scores: list[int], depth: int) -> None:
    array = np.array(scores, dtype=float)
    expected = sorted(range(len(scores)), key=lambda i: (-scores[i], i))[:depth]
    assert best(array, depth).tolist() == expected


def test_fusion_of_one_and_of_two_legs() -> None:
    rows, relevance, ranks = reciprocal_rank([np.array([7, 3]), np.array([3, 9])], 20)
    assert rows.tolist() == [3, 7, 9]
    expected = [(21 / 22 + 1) / 2, 0.5, 21 / 22 / 2]
    assert relevance.tolist() == pytest.approx(expected)
    assert [rank.tolist() for rank in ranks] == [[2, 1, 0], [1, 0, 2]]
    assert reciprocal_rank([np.array([4])], 20)[1].tolist() == [1.0]
    assert reciprocal_rank([np.zeros(0, dtype=int)], 20)[0].tolist() == []


def reference_share(query: Sequence[str], texts: Sequence[Sequence[str]]) -> list[float]:
    """BM25 with presence, over the most it can be: all words in the shortest possible text."""
    mean = sum(map(len, texts)) / len(texts)
    holding = {word: sum(word in text for text in texts) for word in query}
    idf = {word: log(1 + (len(texts) - n + 0.5) / (n + 0.5)) for word, n in holding.items()}
    most = sum(idf[word] * (K1 + 1) / (1 + K1 * (1 - B)) for word in query)
    return [
        sum(
            idf[word] * (K1 + 1) / (1 + K1 * (1 - B + B * len(text) / mean))
            for word in query
            if word in text
        )
        / most
        for text in texts
    ]


WORD = st.sampled_from("abcdef")


@given(
    st.lists(st.lists(WORD, min_size=1, max_size=6), min_size=1, max_size=12),
    st.lists(WORD, min_size=1, max_size=3, unique=True),
    st.sets(st.integers(0, 40), max_size=6),
)
def test_shares_equal_the_formula_and_ignore_strangers(texts, query, strangers) -> None:
    rows = np.arange(len(texts)) * 2 + 50  # others' records lie below, between and above
    postings = [
        np.array(
            sorted(
                {int(rows[i]) for i, text in enumerate(texts) if word in text}
                | {2 * s + 31 for s in strangers}
            ),
            dtype=np.int64,
        )
        for word in query
    ]
    lengths = np.array([len(text) for text in texts], dtype=float)
    found = find(postings, rows, lengths)
    shares = np.zeros(len(texts))
    np.add.at(shares, found.at, found.share)
    np.testing.assert_allclose(shares, reference_share(query, texts))
    assert shares.max() <= 1.0 + 1e-12


def test_nothing_is_found_in_nothing() -> None:
    nothing = np.zeros(0)
    assert find([], nothing.astype(int), nothing).at.tolist() == []
    assert find([np.array([4])], nothing.astype(int), nothing).share.tolist() == []


@pytest.mark.parametrize("rows", [[7, 2, 9, 10], [3, 4, 5], [5, 4, 3], [4], [2, 9, 4], []])
def test_a_view_has_the_rows_asked_for_in_their_order(make: Make, rows: list[int]) -> None:
    memory = make()
    names = memory.add([f"note number {i}" for i in range(1, 13)])
    memory.search("note")
    view = memory._engine.columns.view(np.array(rows, dtype=np.int64), 0.0)
    assert list(view.names(np.arange(len(rows)))) == [names[row - 1] for row in rows]
