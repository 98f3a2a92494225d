"""The approximate index: exact while small, a graph beyond, and nothing of an erased vector."""

from itertools import product
from typing import Any

import numpy as np
import pytest

from agentmem.embed.static import StaticEmbedder
from agentmem.errors import ConfigError, MissingExtra
from agentmem.index import ann
from agentmem.index.ann import AnnIndex, auto
from agentmem.index.exact import ExactIndex
from tests.index_contract import IndexContract, unit

pytest.importorskip("usearch", reason="the extra `ann` is not installed")


def always_graph(dim: int) -> AnnIndex:
    return AnnIndex(dim, beyond=0, step=10_000)


class TestWhileSmall(IndexContract):
    index = AnnIndex


class TestThroughTheGraph(IndexContract):
    index = staticmethod(always_graph)

    @pytest.fixture(autouse=True)
    def costless(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(ann, "FETCH_COST", 0.01)
        monkeypatch.setattr(ann, "START", 8.0)


PEOPLE = ["Ana", "Boris", "Chen", "Dana", "Emil", "Farah", "Goran", "Hana", "Ines", "Jonas"]
DEEDS = ["moved to", "wants to visit", "flew home from", "talked about", "was born in"]
PLACES = ["Lisbon", "Oslo", "Kyoto", "Lima", "Accra", "Quebec", "Zagreb", "Cork", "Perth", "Riga"]
WHENS = ["in May", "last week", "as a child", "for a wedding", "with her brother", "by train"]


@pytest.fixture(scope="module")
def texts() -> list[str]:
    parts = product(PEOPLE, DEEDS, PLACES, WHENS)
    return [" ".join(words) + "." for words in parts]


@pytest.fixture(scope="module")
def vectors(texts: list[str]) -> Any:
    return StaticEmbedder().embed(texts)


@pytest.fixture(scope="module")
def queries() -> Any:
    asked = [f"Who {deed} {place}?" for deed in DEEDS for place in PLACES]
    return StaticEmbedder().embed(asked + [f"What about {one} by train?" for one in PEOPLE])


@pytest.fixture
def pair(vectors: Any) -> tuple[AnnIndex, ExactIndex]:
    graph, exact = AnnIndex(256, beyond=1000), ExactIndex(256)
    for index in (graph, exact):
        index.put(np.arange(len(vectors)), vectors)
    graph.build()
    return graph, exact


def recall(graph: AnnIndex, exact: ExactIndex, queries: Any, rows: Any, depth: int = 10) -> float:
    shares = []
    for query in queries:
        _, scores = exact.nearest(query, rows, depth)
        found, again = graph.nearest(query, rows, depth)
        assert np.isin(found, rows).all()
        assert again.tolist() == sorted(again.tolist(), reverse=True)
        assert again.tolist() == exact.scores(query, found).tolist()
        # a neighbour as near as the last true one is as good
        shares.append(float(np.mean(again >= scores[-1])))
    return float(np.mean(shares))


def test_recall_on_embedded_sentences(pair: Any, queries: Any, vectors: Any) -> None:
    graph, exact = pair
    assert len(graph._graph) == len(vectors)
    assert recall(graph, exact, queries, np.arange(len(vectors))) >= 0.95
    assert recall(graph, exact, queries, np.arange(0, len(vectors), 2)) >= 0.95


def test_rows_that_lie_far_from_the_query_are_all_found(pair: Any, vectors: Any) -> None:
    graph, exact = pair
    about_ana, about_others = vectors[0], np.arange(1800, 3000)
    assert graph.nearest(about_ana, about_others, 10)[0].tolist() == (
        exact.nearest(about_ana, about_others, 10)[0].tolist()
    )


def test_up_to_the_size_there_is_no_graph(vectors: Any) -> None:
    index = AnnIndex(256, beyond=len(vectors))
    index.put(np.arange(len(vectors)), vectors)
    index.nearest(vectors[0], np.arange(len(vectors)), 10)
    assert index._graph is None


def test_the_graph_grows_by_a_step_a_search_and_nothing_is_missed_meanwhile(vectors: Any) -> None:
    index, rows = AnnIndex(256, beyond=1000, step=300), np.arange(2000)
    index.put(rows, vectors[:2000])
    for n in range(1, 8):
        assert index.nearest(vectors[n], rows, 3)[0][0] == n
        assert len(index._graph) == min(300 * n, 2000)
    index.put(np.array([2000]), vectors[2500:2501])
    assert index.nearest(vectors[2500], np.arange(2001), 1)[0].tolist() == [2000]


def held(index: AnnIndex, row: int) -> bytes:
    """The bytes that the graph keeps of a row."""
    return np.asarray(index._graph.get(row, dtype="i8"), dtype=np.int8).tobytes()


def test_of_an_erased_vector_no_byte_stays(pair: Any, vectors: Any) -> None:
    graph, _ = pair
    rows = np.array([7, 1500])
    copies = [held(graph, row) for row in rows.tolist()]
    assert all(copy in bytes(graph._graph.save()) for copy in copies)
    graph.drop(rows)
    assert not any(copy in bytes(graph._graph.save()) for copy in copies)
    assert vectors[7].tobytes() not in graph._matrix.tobytes()
    left = np.delete(np.arange(len(vectors)), rows)
    assert not np.isin(rows, graph.nearest(vectors[7], left, 50)[0]).any()


def test_of_a_replaced_vector_no_byte_stays(pair: Any, vectors: Any) -> None:
    graph, _ = pair
    copy = held(graph, 9)
    graph.put(np.array([9]), -vectors[9:10])
    assert copy not in bytes(graph._graph.save())
    graph.build()
    rows = np.arange(len(vectors))
    assert copy not in bytes(graph._graph.save())
    assert len(graph._graph) == len(vectors)  # the slot is used again
    assert graph.nearest(-vectors[9], rows, 1)[0].tolist() == [9]


def test_when_much_goes_the_graph_is_begun_anew(pair: Any, vectors: Any, queries: Any) -> None:
    graph, exact = pair
    copy = held(graph, 5)
    for index in (graph, exact):
        index.drop(np.arange(1500))
    assert graph._graph is None
    graph.build()
    assert len(graph._graph) == len(vectors) - 1500
    assert copy not in bytes(graph._graph.save())
    assert recall(graph, exact, queries, np.arange(1500, len(vectors))) >= 0.95


def test_where_neighbours_are_hard_to_find_more_candidates_are_fetched(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    vectors = unit(20, 4000, dim=200)  # no clusters: the worst case of any graph
    graph, exact, rows = AnnIndex(200, beyond=100), ExactIndex(200), np.arange(4000)
    for index in (graph, exact):
        index.put(rows, vectors)
    graph.build()
    asked = unit(21, 800, dim=200)
    monkeypatch.setattr(ann, "CHECK_EVERY", 10**6)
    graph.nearest(asked[0], rows, 10)  # the only one to be checked
    before = recall(graph, exact, asked[:30], rows)
    monkeypatch.setattr(ann, "CHECK_EVERY", 32)
    for query in asked[30:700]:
        graph.nearest(query, rows, 10)
    after = recall(graph, exact, asked[700:], rows)
    assert before < 0.85 < 0.9 < after


def test_the_same_history_gives_the_same_answers(vectors: Any, queries: Any) -> None:
    def answers() -> list[list[int]]:
        index = AnnIndex(256, beyond=1000, step=200)
        index.put(np.arange(2000), vectors[:2000])
        return [index.nearest(query, np.arange(2000), 10)[0].tolist() for query in queries[:15]]

    assert answers() == answers()


def test_a_query_without_meaning_gets_rows_in_order(pair: Any, vectors: Any) -> None:
    found, scores = pair[0].nearest(np.zeros(256, np.float32), np.arange(len(vectors)), 3)
    assert (found.tolist(), scores.tolist()) == ([0, 1, 2], [0.0, 0.0, 0.0])


def test_auto_is_exact_without_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    assert type(auto(8, beyond=5)) is AnnIndex
    monkeypatch.setattr(ann, "find_spec", lambda name: None)
    assert type(auto(8)) is ExactIndex
    with pytest.raises(MissingExtra, match=r"agentmem-forgetting\[ann\]"):
        AnnIndex(8)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"recall": 1.0}, "recall = 1.0: a share between 0 and 1"),
        ({"recall": "0.9"}, "recall = '0.9': a share between 0 and 1"),
        ({"beyond": -1}, "beyond = -1: a whole number of at least 0"),
        ({"step": 0}, "step = 0: a whole number of at least 1"),
        ({"threads": True}, "threads = True"),
    ],
)
def test_refuses_options_that_cannot_be(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        AnnIndex(8, **options)
