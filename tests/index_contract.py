"""What every dense index must do.  A test class inherits this and names its index."""

from typing import Any

import numpy as np
import pytest


def unit(seed: int, n: int, dim: int = 8) -> Any:
    vectors = np.random.default_rng(seed).normal(size=(n, dim)).astype(np.float32)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


class IndexContract:
    """Inherit, and set `index` to a callable that takes the dimension."""

    index: Any

    def test_scores_are_cosines(self) -> None:
        index, vectors = type(self).index(8), unit(0, 50)
        index.put(np.arange(1, 51), vectors)
        rows = np.array([3, 7, 50])
        np.testing.assert_allclose(
            index.scores(vectors[0], rows), vectors[rows - 1] @ vectors[0], atol=1e-6
        )

    def test_a_row_scores_the_same_whichever_rows_are_asked_for(self) -> None:
        index, vectors = type(self).index(8), unit(1, 300)
        index.put(np.arange(300), vectors)
        everything = index.scores(vectors[5], np.arange(300))
        for rows in (np.array([2]), np.arange(0, 300, 7), np.arange(100, 299)):
            assert index.scores(vectors[5], rows).tolist() == everything[rows].tolist()

    def test_equal_vectors_tie_exactly(self) -> None:
        index, vectors = type(self).index(8), unit(2, 1)
        index.put(np.arange(100), np.repeat(vectors, 100, axis=0))
        assert len(set(index.scores(unit(3, 1)[0], np.arange(100)).tolist())) == 1

    def test_put_replaces_and_drop_clears(self) -> None:
        index, vectors = type(self).index(8), unit(4, 2)
        index.put(np.array([4]), vectors[:1])
        index.put(np.array([4]), vectors[1:])
        np.testing.assert_allclose(index.scores(vectors[1], np.array([4])), [1.0], atol=1e-6)
        index.drop(np.array([4, 900]))
        assert index.scores(vectors[1], np.array([4])).tolist() == [0.0]

    def test_rows_may_come_in_any_order_and_with_gaps(self) -> None:
        index, vectors = type(self).index(8), unit(5, 3)
        index.put(np.array([5000, 2, 70]), vectors)
        scores = index.scores(vectors[1], np.array([2, 70, 5000]))
        assert int(np.argmax(scores)) == 0

    def test_scores_follow_the_order_of_the_rows(self) -> None:
        index, vectors = type(self).index(8), unit(6, 4)
        index.put(np.arange(4), vectors)
        upward = index.scores(vectors[0], np.arange(4))
        assert index.scores(vectors[0], np.arange(4)[::-1]).tolist() == upward[::-1].tolist()

    def test_no_rows_have_no_scores_and_no_neighbours(self) -> None:
        index = type(self).index(8)
        nothing = np.zeros(0, dtype=np.int64)
        index.put(nothing, np.zeros((0, 8), dtype=np.float32))
        assert index.scores(unit(7, 1)[0], nothing).shape == (0,)
        rows, scores = index.nearest(unit(7, 1)[0], nothing, 5)
        assert (rows.tolist(), scores.tolist()) == ([], [])

    @pytest.mark.parametrize("depth", [1, 10, 300, 1000])
    @pytest.mark.parametrize("step", [1, 3])
    def test_nearest_are_the_best_of_the_rows_best_first(self, step: int, depth: int) -> None:
        index, vectors = type(self).index(8), unit(8, 300)
        index.put(np.arange(300), vectors)
        among, query = np.arange(20, 280, step), unit(9, 1)[0]
        rows, scores = index.nearest(query, among, depth)
        cosines = (vectors[among] @ query).astype(np.float64)
        assert rows.tolist() == among[np.argsort(-cosines, kind="stable")][:depth].tolist()
        assert scores.tolist() == index.scores(query, rows).tolist()

    def test_ties_come_in_row_order(self) -> None:
        index, vectors = type(self).index(8), unit(10, 1)
        index.put(np.arange(50), np.repeat(vectors, 50, axis=0))
        assert index.nearest(vectors[0], np.arange(3, 50), 5)[0].tolist() == [3, 4, 5, 6, 7]

    def test_nearest_sees_what_was_put_replaced_and_dropped(self) -> None:
        index, vectors = type(self).index(8), unit(11, 40)
        index.put(np.arange(40), vectors)
        assert index.nearest(vectors[7], np.arange(40), 1)[0].tolist() == [7]
        index.put(np.array([9, 7]), vectors[[7, 9]])
        assert index.nearest(vectors[7], np.arange(40), 1)[0].tolist() == [9]
        index.drop(np.array([9]))
        left = np.delete(np.arange(40), 9)
        assert 9 not in index.nearest(vectors[7], left, 40)[0]
        index.put(np.array([40]), vectors[7:8])
        assert index.nearest(vectors[7], np.append(left, 40), 1)[0].tolist() == [40]
