"""Triples as a graph: nodes by identity, neighbours, paths, PageRank, and recall over hops."""

import asyncio
import builtins
from collections.abc import Sequence
from typing import Any

import networkx as nx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agentmem import AgentMemory, Record
from agentmem.core import Hit
from agentmem.errors import ConfigError, InputError, MissingExtra, NotFound
from agentmem.graph import (
    entity_of,
    graph,
    graph_of,
    neighbours,
    paths,
    personalised_pagerank,
    walk_of,
)
from agentmem.recall import Query
from agentmem.retrieve import multihop
from agentmem.retrieve.multihop import MultiHop
from agentmem.retrieve.pipeline import Pipeline
from agentmem.steps import run
from agentmem.stores.chunk import ChunkStore
from agentmem.stores.triple import TripleStore
from agentmem.structure import Store
from tests.conftest import Make

SAID = (
    "Ana: I work for Carl Ruiz.",
    "Ben: Carl Ruiz lives in Rome.",
    "Ben: Dora lives in Paris.",
    "Ben: Emil lives in Oslo.",
    "Dora: I like Emil.",
)


def triples(*said: str) -> list[Record]:
    """Records of triples, a second apart, under the ids r0, r1, ..."""
    made = []
    for number, text in enumerate(said):
        head, relation, tail = text.split("; ")
        ids = {"head_id": entity_of(head), "tail_id": entity_of(tail)}
        data = {"head": head, "relation": relation, "tail": tail, **ids}
        life = {"created": float(number), "ingested": 0.0, "used": 0.0}
        made.append(Record(id=f"r{number}", text=text, namespace=("a",), data=data, **life))
    return made


VIEW = triples(
    "Ana; works for; Carl",
    "Carl; lives in; Rome",
    "ana; likes; the sea",
    "Dora; likes; The Sea",
    "Ana; is; Ana",
)


def test_spellings_of_one_entity_are_one_node_with_its_labels() -> None:
    view = graph(VIEW)
    assert sorted(view) == ["ana", "carl", "dora", "rome", "sea"]
    assert view.nodes["ana"]["labels"] == ["Ana", "ana"]
    assert view.nodes["sea"]["labels"] == ["the sea", "The Sea"]


def test_an_edge_carries_its_record_relation_and_time() -> None:
    edge = graph(VIEW).edges["carl", "rome", "r1"]
    assert (edge["relation"], edge["created"]) == ("lives in", 1.0)


def test_what_is_no_triple_is_not_in_the_graph() -> None:
    chunk = Record(id="c", text="hi", namespace=("a",), created=0.0, ingested=0.0, used=0.0)
    assert len(graph([chunk])) == 0


def test_neighbours_are_what_is_said_of_an_entity_oldest_first() -> None:
    around = neighbours(graph(VIEW), "ANA")
    assert [str(edge) for edge in around] == [
        "Ana; works for; Carl",
        "ana; likes; the sea",
        "Ana; is; Ana",
    ]
    assert [edge.record for edge in neighbours(graph(VIEW), "carl")] == ["r0", "r1"]


def test_paths_go_either_way_and_the_shortest_comes_first() -> None:
    view = graph([*VIEW, *triples("Dora; x; y", "Rome; is dear to; Dora")[1:]])
    found = [[edge.record for edge in path] for path in paths(view, "Dora", "Ana")]
    assert found[0] == ["r3", "r2"]
    assert paths(graph(VIEW), "Dora", "Rome", cutoff=3) == []
    way = paths(graph(VIEW), "Dora", "Rome", cutoff=4)
    assert [[edge.record for edge in path] for path in way] == [["r3", "r2", "r0", "r1"]]
    assert paths(graph(VIEW), "Ana", "ana") == []


def test_an_unknown_entity_is_named_with_the_nearest_label() -> None:
    with pytest.raises(NotFound, match="'Karl'; did you mean 'Carl'"):
        neighbours(graph(VIEW), "Karl")
    with pytest.raises(NotFound, match="the graph is empty"):
        paths(graph([]), "Ana", "Carl")


@pytest.mark.parametrize("cutoff", [0, 1.5, True])
def test_a_cutoff_is_a_whole_number(cutoff: Any) -> None:
    with pytest.raises(InputError, match="cutoff"):
        paths(graph(VIEW), "Ana", "Carl", cutoff=cutoff)


def test_without_networkx_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def missing(name: str, *args: Any, **kwargs: Any) -> Any:
        if name == "networkx":
            raise ImportError(name)
        return real(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", missing)
    with pytest.raises(MissingExtra, match=r"\[graph\]"):
        graph(VIEW)


@settings(deadline=None, max_examples=50)
@given(
    st.integers(1, 6).flatmap(
        lambda n: st.tuples(
            st.lists(
                st.tuples(st.integers(0, n - 1), st.integers(0, n - 1), st.integers(1, 5)),
                max_size=12,
            ),
            st.lists(st.integers(0, 3), min_size=n, max_size=n).filter(any),
            st.sampled_from([0.0, 0.3, 0.5, 0.85, 0.95]),
        )
    )
)
def test_pagerank_is_that_of_networkx(
    drawn: tuple[list[tuple[int, int, int]], list[int], float],
) -> None:
    ways, seeds, damping = drawn
    view: Any = nx.DiGraph()
    view.add_nodes_from(range(len(seeds)))
    for start, end, weight in ways:
        before = view.edges[start, end]["weight"] if view.has_edge(start, end) else 0
        view.add_edge(start, end, weight=before + weight)
    wanted = nx.pagerank(
        view, alpha=damping, personalization=dict(enumerate(seeds)), tol=1e-12, max_iter=2000
    )
    edges = np.array([way[:2] for way in ways], dtype=np.int64).reshape(-1, 2)
    weights = np.array([way[2] for way in ways], dtype=np.float64)
    rank = personalised_pagerank(
        edges, np.array(seeds, dtype=float), weights=weights, damping=damping
    )
    assert rank == pytest.approx([wanted[node] for node in range(len(seeds))], abs=1e-7)
    assert rank.sum() == pytest.approx(1.0)


def test_pagerank_of_a_chain_is_a_geometric_series() -> None:
    rank = personalised_pagerank(np.array([[0, 1], [1, 2], [2, 2]]), np.array([1.0, 0.0, 0.0]))
    assert rank == pytest.approx([0.15, 0.15 * 0.85, 0.85**2])


EDGES = np.array([[0, 1]])
SEEDS = np.array([1.0, 0.0])


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"seeds": np.zeros(2)}, "seeds"),
        ({"seeds": np.array([1.0, -1.0])}, "seeds"),
        ({"seeds": np.array([np.nan, 1.0])}, "seeds"),
        ({"seeds": np.ones((1, 2))}, "seeds"),
        ({"damping": 1.0}, "damping = 1.0"),
        ({"tolerance": 0.0}, "tolerance = 0.0"),
        ({"edges": np.array([[0, 2]])}, "outside 0..1"),
        ({"edges": np.array([0, 1])}, r"shape \(m, 2\)"),
        ({"weights": np.array([0.0])}, "weights"),
        ({"weights": np.array([1.0, 1.0])}, "weights"),
    ],
)
def test_pagerank_names_what_cannot_be(given: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        personalised_pagerank(**{"edges": EDGES, "seeds": SEEDS, **given})


def test_a_walk_goes_through_near_triples_more_often() -> None:
    walk = walk_of(VIEW[:3])
    seeds = np.zeros(len(walk.nodes))
    seeds[walk.nodes[("a",), "ana"]] = 1.0
    through = walk.mass(seeds, 0.5)
    assert through.sum() == pytest.approx(1.0)
    assert through[0] > through[1]
    assert through[2] > through[1]


def test_a_name_in_two_namespaces_is_two_entities() -> None:
    one = triples("user; likes; tea")
    other = [Record(**{**_fields(one[0]), "namespace": ("b",)})]
    assert len(walk_of([*one, *other]).nodes) == 4


def _fields(record: Record) -> dict[str, Any]:
    return {name: getattr(record, name) for name in Record.__dataclass_fields__}


def found(
    memory: AgentMemory, text: str, *, k: int = 2, stage: MultiHop | None = None, **options: Any
) -> list[Hit]:
    """What the search finds, by the stage if there is one."""
    engine = memory._engine
    vector = engine.embedder.embed([text])[0]
    query = Query(
        text=text, vector=vector, prefix=("default",), now=memory.clock.now(), k=k, **options
    )
    return run(Pipeline(engine=engine, stages=(stage,) if stage else ()).search(query))


def filled(make: Make, stores: Sequence[Store]) -> AgentMemory:
    memory = make(stores=list(stores))
    for text in SAID:
        memory.add(text)
    return memory


QUESTION = "Which city is home to the employer of Ana?"
HOP = "Carl Ruiz; lives in; Rome"


def test_multihop_finds_the_second_hop_that_a_single_search_misses(make: Make) -> None:
    memory = filled(make, [TripleStore()])
    only = {"kinds": ("triple",)}
    assert HOP not in [hit.text for hit in found(memory, QUESTION, **only)]
    hits = found(memory, QUESTION, stage=MultiHop(weight=1.0), **only)
    assert {hit.text for hit in hits} == {"Ana; works for; Carl Ruiz", HOP}
    assert all(0.0 < hit.score <= 1.0 for hit in hits)


def test_a_walk_leads_to_the_sources_of_triples(make: Make) -> None:
    memory = filled(make, [ChunkStore(), TripleStore()])
    hits = found(memory, QUESTION, stage=MultiHop(weight=1.0), kinds=("chunk",))
    assert {hit.text for hit in hits} == set(SAID[:2])


def test_a_walk_brings_what_the_search_had_not_among_its_candidates(make: Make) -> None:
    memory = filled(make, [TripleStore()])
    for city in ("Bonn", "Kiel", "Graz", "Bern", "Linz"):
        memory.add(f"Ben: The employer of Dora is in {city}.")
    stage = MultiHop(depth=4, first=0, weight=4.0)
    only = {"kinds": ("triple",)}
    assert HOP not in [hit.text for hit in found(memory, QUESTION, k=4, **only)]
    assert HOP in [hit.text for hit in found(memory, QUESTION, stage=stage, k=3, **only)]


def test_a_filter_holds_for_what_the_walk_brings(make: Make) -> None:
    memory = make(stores=[ChunkStore(), TripleStore()])
    for number, text in enumerate(SAID):
        memory.add(text, source=f"s{number}")
    where = {"source": {"$ne": "s1"}}
    hits = found(memory, QUESTION, stage=MultiHop(depth=2), where=where, k=20)
    assert hits
    assert not {"s1"} & {hit.record.source for hit in hits}


def test_archived_triples_are_not_walked(make: Make) -> None:
    memory = filled(make, [TripleStore()])
    memory.forget(where={"kind": "chunk", "turn": 1})
    hits = found(memory, QUESTION, stage=MultiHop(), k=20, kinds=("triple",))
    assert [hit.text for hit in hits if hit.text.startswith("Ana")] == []


def test_the_text_asked_for_itself_stays_first(make: Make) -> None:
    memory = filled(make, [ChunkStore(), TripleStore()])
    assert found(memory, SAID[3], stage=MultiHop())[0].text == SAID[3]


@pytest.mark.parametrize("stage", [MultiHop(), MultiHop(first=0)])
def test_without_triples_or_names_the_search_stays_as_it_is(make: Make, stage: MultiHop) -> None:
    memory = filled(make, [ChunkStore()])
    plain = found(memory, "boats and the sea", k=3)
    assert [hit.id for hit in found(memory, "boats and the sea", k=3, stage=stage)] == [
        hit.id for hit in plain
    ]


def test_without_a_query_the_search_stays_as_it_is(make: Make) -> None:
    memory = filled(make, [TripleStore()])
    engine = memory._engine
    query = Query(text=None, vector=None, prefix=("default",), now=memory.clock.now(), k=3)
    hits = run(Pipeline(engine=engine, stages=(MultiHop(),)).search(query))
    assert hits == run(Pipeline(engine=engine).search(query))


def test_an_address_in_a_query_is_an_entity(make: Make) -> None:
    memory = filled(make, [TripleStore()])
    memory.add("Carl: My address is Info@Acme.example.")
    walk = walk_of(hit.record for hit in memory.search(k=50, where={"kind": "triple"}))
    at = walk.nodes[("default",), "info@acme.example"]
    holders = [walk.triples[row].id for row in np.flatnonzero((walk.edges == at).any(axis=1))]
    masses = MultiHop()._masses([], multihop._named("Whose is info@acme.example?"), walk)
    assert [next(iter(masses))] == holders


def test_the_graph_of_a_memory_has_what_is_active_under_a_prefix(make: Make) -> None:
    memory = filled(make, [TripleStore()])
    memory.add("Ana: I live in Bonn.", namespace=("other",))
    engine = memory._engine
    with engine.locked():
        assert [str(edge) for edge in neighbours(graph_of(engine, ("default",), 0.0), "Ana")] == [
            "Ana; works for; Carl Ruiz"
        ]
        assert len(neighbours(graph_of(engine, (), 0.0), "Ana")) == 2
        assert len(graph_of(engine, ("nobody",), 0.0)) == 0


def test_a_hub_costs_no_more_than_another_name(make: Make) -> None:
    memory = make(stores=[TripleStore()])
    for city in ("Bonn", "Kiel", "Graz", "Bern", "Linz", "Rome"):
        memory.add(f"Ana: I like {city}.")
    asked: list[int] = []

    class Counting(MultiHop):
        def _masses(self, near: Any, named: Any, walk: Any) -> dict[str, float]:
            asked.append(len(walk.triples))
            return super()._masses(near, named, walk)

    stage = Counting(first=0, hops=1, depth=3)
    assert len(found(memory, "What does Ana like?", stage=stage, k=3, kinds=("triple",))) == 3
    assert asked == [3]


def test_multihop_by_configuration_is_the_same_awaited(make: Make) -> None:
    memory = make(stores=["chunk", "triple"], retrieval=[{"multi_hop": {"weight": 1.0}}])
    for text in SAID:
        memory.add(text)
    hits = memory.search(QUESTION, k=4, reinforce=False)
    assert HOP in [hit.text for hit in hits]
    assert asyncio.run(memory.asearch(QUESTION, k=4, reinforce=False)) == hits


def test_a_walk_never_restarts_for_sure() -> None:
    with pytest.raises(ConfigError, match=r"multi_hop\.damping"):
        MultiHop(damping=1.0)
