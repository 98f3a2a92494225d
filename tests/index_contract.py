"""What every dense index must do.  A test class inherits this and names its index."""

from typing import Any

import numpy as np


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
