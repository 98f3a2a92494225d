"""What every embedder must do.  Subclass, give an `embedder` fixture, and inherit the tests."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agentmem.core import Embedder, Vectors
from agentmem.errors import InputError

TEXTS = [
    "Ana moved to Lisbon in May.",
    "",
    "  \n",
    "The ferry leaves at 7:45, not at 8.",
    "我爱你。",
    "naïve café ﬁne",
    "🙂🙂",
    "word " * 700,
]


class EmbedderContract:
    exact = True  # False: a vector's last bits may differ with the batch the text is in

    def same(self, one: Vectors, other: Vectors) -> bool:
        return bool(
            np.array_equal(one, other) if self.exact else np.allclose(one, other, atol=1e-5)
        )

    @pytest.fixture
    def embedder(self) -> Embedder:
        raise AssertionError("a subclass gives the embedder")

    def test_satisfies_the_protocol(self, embedder: Embedder) -> None:
        assert isinstance(embedder, Embedder)
        assert embedder.name
        assert embedder.dim >= 1

    def test_gives_float32_rows_of_its_dimension(self, embedder: Embedder) -> None:
        vectors = embedder.embed(TEXTS)
        assert vectors.shape == (len(TEXTS), embedder.dim)
        assert vectors.dtype == np.float32

    def test_rows_have_length_one_or_zero(self, embedder: Embedder) -> None:
        lengths = np.linalg.norm(embedder.embed(TEXTS).astype(np.float64), axis=1)
        assert np.all((np.abs(lengths - 1.0) < 1e-6) | (lengths == 0.0))
        assert lengths[0] > 0.0

    def test_empty_text_is_a_row_of_zeros(self, embedder: Embedder) -> None:
        assert not embedder.embed(["", " \n\t"]).any()

    def test_no_texts_give_no_rows(self, embedder: Embedder) -> None:
        assert embedder.embed([]).shape == (0, embedder.dim)

    def test_alone_or_in_a_batch_is_the_same_bytes(self, embedder: Embedder) -> None:
        texts = TEXTS * 12  # long enough for any batch path
        alone = np.concatenate([embedder.embed([text]) for text in texts])
        assert self.same(embedder.embed(texts), alone)

    @settings(
        max_examples=40,
        deadline=None,
        suppress_health_check=[
            HealthCheck.function_scoped_fixture,
            HealthCheck.differing_executors,
        ],
    )
    @given(texts=st.lists(st.text(st.characters(), max_size=30), max_size=5))
    def test_any_unicode_embeds_finitely(self, embedder: Embedder, texts: list[str]) -> None:
        vectors = embedder.embed(texts)
        assert np.isfinite(vectors).all()
        assert self.same(embedder.embed(texts[::-1]), vectors[::-1])

    def test_threads_get_the_same_vectors(self, embedder: Embedder) -> None:
        with ThreadPoolExecutor(4) as pool:
            rounds = list(pool.map(lambda _: embedder.embed(TEXTS).tobytes(), range(8)))
        assert set(rounds) == {embedder.embed(TEXTS).tobytes()}

    def test_refuses_a_bare_text(self, embedder: Embedder) -> None:
        with pytest.raises(InputError, match="list of texts"):
            embedder.embed("a text")

    def test_refuses_what_is_not_text_and_says_where(self, embedder: Embedder) -> None:
        with pytest.raises(InputError, match=r"texts\[1\] is int"):
            embedder.embed(["a", 3])  # type: ignore[list-item]  # the mistake under test
