"""Hashing into buckets (TiM): same direction, same bucket; what is scored is scored exactly."""

from functools import partial
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentmem.errors import ConfigError
from agentmem.index.exact import ExactIndex
from agentmem.index.lsh import LshIndex
from tests.conftest import Make
from tests.index_contract import IndexContract, unit


class TestLshIndex(IndexContract):
    """One bucket after the other, all of them in the end: nothing is missed."""

    index = partial(LshIndex, probes=16)


class TestFewProbes(IndexContract):
    index = LshIndex

    @pytest.mark.parametrize("depth", [1, 10, 300, 1000])
    @pytest.mark.parametrize("step", [1, 3])
    def test_nearest_are_the_best_of_the_rows_best_first(self, step: int, depth: int) -> None:
        """The promise of an approximate index: the best of its candidates, scored exactly."""
        index, vectors = LshIndex(8), unit(8, 300)
        index.put(np.arange(300), vectors)
        among, query = np.arange(20, 280, step), unit(9, 1)[0]
        rows, scores = index.nearest(query, among, depth)
        candidates = index.candidates(query, among, depth)
        cosines = (vectors[candidates] @ query).astype(np.float64)
        assert set(candidates) <= set(among)
        assert rows.tolist() == candidates[np.argsort(-cosines, kind="stable")][:depth].tolist()
        assert scores.tolist() == index.scores(query, rows).tolist()
        assert len(rows) == min(depth, len(among))


def filled(n: int = 2000, **options: Any) -> LshIndex:
    index = LshIndex(8, **options)
    index.put(np.arange(n), unit(20, n))
    return index


@given(
    st.lists(st.floats(-1, 1, width=32), min_size=8, max_size=8).filter(any),
    st.floats(1e-3, 1e3),
)
def test_row_6_a_positive_factor_leaves_the_bucket(values: list[float], factor: float) -> None:
    index = LshIndex(8, buckets=32)
    vector = np.array([values], dtype=np.float64)
    assert index.hash(vector * factor).tolist() == index.hash(vector).tolist()


def test_row_6_the_hash_is_the_argmax_of_both_signs() -> None:
    index, vectors = LshIndex(8, buckets=12), unit(21, 100)
    projected = vectors @ index._directions[:, :6]
    expected = np.argmax(np.concatenate([projected, -projected], axis=1), axis=1)
    assert index.hash(vectors).tolist() == expected.tolist()
    assert len(set(expected.tolist())) > 6
    opposite = (expected + 6) % 12
    assert index.hash(-vectors).tolist() == opposite.tolist()


def test_row_6_more_probes_recall_no_less() -> None:
    exact, queries = ExactIndex(8), unit(22, 40)
    exact.put(np.arange(2000), unit(20, 2000))
    rows = np.arange(2000)
    recalls = []
    for probes in (1, 2, 4, 8, 16):
        index = filled(probes=probes)
        found = [
            len(np.intersect1d(index.nearest(q, rows, 5)[0], exact.nearest(q, rows, 5)[0]))
            for q in queries
        ]
        recalls.append(sum(found) / (5 * len(queries)))
    assert recalls == sorted(recalls)
    assert recalls[0] < recalls[2]
    assert recalls[-1] == 1.0


def test_a_single_probe_scores_one_bucket_only() -> None:
    index = filled(probes=1)
    query = unit(23, 1)[0]
    mine = np.flatnonzero(index.hash(unit(20, 2000)) == index.hash(query[None])[0])
    assert index.candidates(query, np.arange(2000), 5).tolist() == mine.tolist()


def test_probes_go_on_until_there_are_enough() -> None:
    index = filled(probes=1)
    query = unit(24, 1)[0]
    few = len(index.candidates(query, np.arange(2000), 1))
    assert len(index.nearest(query, np.arange(2000), few + 1)[0]) == few + 1
    assert len(index.nearest(query, np.arange(2000), 5000)[0]) == 2000


def test_what_was_dropped_is_in_no_bucket() -> None:
    index = filled(50)
    index.drop(np.arange(10))
    assert index.candidates(unit(25, 1)[0], np.arange(50), 50).tolist() == list(range(10, 50))


def test_the_same_seed_makes_the_same_buckets() -> None:
    vectors = unit(26, 200)
    assert LshIndex(8, seed=3).hash(vectors).tolist() == LshIndex(8, seed=3).hash(vectors).tolist()
    assert LshIndex(8, seed=3).hash(vectors).tolist() != LshIndex(8, seed=4).hash(vectors).tolist()


@pytest.mark.parametrize(
    "options", [{"buckets": 7}, {"buckets": 0}, {"probes": 17}, {"probes": 0}, {"seed": -1}]
)
def test_a_wrong_size_is_refused(options: dict[str, int]) -> None:
    with pytest.raises(ConfigError, match=next(iter(options))):
        LshIndex(8, **options)


def test_a_memory_searches_through_it(make: Make) -> None:
    memory = make(index="agentmem.index.lsh:LshIndex")
    memory.add(["Rex is my dog", "Tea, not coffee", "The boat is in the harbour"])
    assert memory.search("my dog", mode="dense")[0].text == "Rex is my dog"
