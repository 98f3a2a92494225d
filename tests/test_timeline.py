"""Timelines (THEANINE): edges from old to new, no future, bounded paths."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentmem import AgentMemory, Record, SimulatedClock, Turn
from agentmem.core import Vectors
from agentmem.embed.hashing import HashEmbedder
from agentmem.errors import ConfigError
from agentmem.retrieve.timelines import Timelines, paths
from agentmem.stores.timeline import RELATIONS, TimelineStore, relation
from tests.conftest import DAY, START, Make
from tests.scripted import Answering, offered


def node(name: int, *older: int, created: float | None = None) -> Record:
    """A node by its number, which is also when it happened."""
    at = float(name) if created is None else created
    return Record(
        id=f"{name:02}",
        text=f"event {name}",
        namespace=("default",),
        kind="timeline",
        created=at,
        ingested=at,
        used=at,
        links=tuple(f"{one:02}" for one in older),
        data={"relations": {f"{one:02}": "Cause" for one in older}},
    )


def graph(*nodes: Record) -> dict[str, Record]:
    """Nodes, oldest first, with the way back and the time of the oldest ancestor."""
    made: dict[str, Record] = {}
    for one in nodes:
        since = [made[name].data["since"] for name in one.links if name in made]
        made[one.id] = replace(
            one, data={**one.data, "later": [], "since": min([one.created, *since])}
        )
        for name in one.links:
            if name in made:
                made[name].data["later"].append(one.id)  # type: ignore[attr-defined]  # own dict
    return made


def names(found: Sequence[Sequence[Record]]) -> list[str]:
    return [" ".join(str(int(one.id)) for one in path) for path in found]


FORK = graph(node(1), node(2), node(3, 1), node(4, 3, 2), node(5, 4), node(6, 4), node(7, 6))


def test_row_8_the_timeline_runs_from_the_oldest_through_the_hit_to_a_sink() -> None:
    assert names(paths(FORK["04"], FORK, 1, 8)) == ["1 3 4 5"]
    assert names(paths(FORK["07"], FORK, 1, 8)) == ["1 3 4 6 7"]
    assert names(paths(FORK["01"], FORK, 1, 8)) == ["1 3 4 5"]


@pytest.mark.parametrize(
    ("n", "expected"),
    [
        (1, ["1 3 4 5"]),
        (2, ["1 3 4 5", "1 3 4 6 7"]),
        (3, ["1 3 4 5", "1 3 4 6 7", "2 4 5"]),
        (9, ["1 3 4 5", "1 3 4 6 7", "2 4 5", "2 4 6 7"]),
    ],
)
def test_row_8_n_caps_the_paths(n: int, expected: list[str]) -> None:
    assert names(paths(FORK["04"], FORK, n, 8)) == expected


@pytest.mark.parametrize(
    ("length", "expected"), [(1, "4"), (2, "4 5"), (3, "3 4 5"), (4, "1 3 4 5"), (5, "1 3 4 5")]
)
def test_a_long_timeline_keeps_what_is_next_to_the_hit(length: int, expected: str) -> None:
    assert names(paths(FORK["04"], FORK, 1, length)) == [expected]


def test_each_of_several_timelines_is_cut_around_the_hit() -> None:
    assert names(paths(FORK["04"], FORK, 2, 4)) == ["1 3 4 5", "3 4 6 7"]
    assert names(paths(FORK["06"], FORK, 3, 3)) == ["4 6 7"]


def test_the_paths_of_a_dense_graph_are_bounded_and_the_same_each_time() -> None:
    """All 2 ** 58 or so simple paths through the middle would never end."""
    dense = graph(*(node(i, *range(i)) for i in range(60)))
    found = paths(dense["30"], dense, 5, 12)
    assert names(found) == names(paths(dense["30"], dense, 5, 12))
    assert len({tuple(path.id for path in one) for one in found}) == 5
    assert all(len(one) <= 12 and dense["30"] in one for one in found)


@given(st.lists(st.sets(st.integers(0, 11), max_size=3), min_size=1, max_size=12), st.data())
def test_every_path_is_one_of_links_through_the_node(links: list[set[int]], data: Any) -> None:
    known = graph(*(node(i, *(one for one in older if one < i)) for i, older in enumerate(links)))
    through = known[data.draw(st.sampled_from(sorted(known)))]
    n, length = data.draw(st.integers(1, 4)), data.draw(st.integers(1, 6))
    found = paths(through, known, n, length)
    assert 1 <= len(found) <= n
    for path in found:
        assert through in path
        assert len(path) <= length
        for older, newer in pairwise(path):
            assert older.id in newer.links
            assert older.created <= newer.created


def test_other_records_with_links_have_no_timeline() -> None:
    chunk = replace(FORK["04"], kind="chunk", data={"later": "05", "relations": 3})
    assert names(paths(chunk, FORK, 3, 8)) == ["4"]


@dataclass
class Topics:
    """Puts each text where its first word after the speaker says."""

    name: str = "topics"
    dim: int = 64

    def embed(self, texts: Sequence[str]) -> Vectors:
        plain = [text.removeprefix("user: ") for text in texts]
        return HashEmbedder(dim=64).embed([(text.split() or [""])[0] for text in plain])


def timed(make: Make, **options: Any) -> AgentMemory:
    store = TimelineStore(**{"least": 0.99, **options})
    return make(stores=[store], embedder=Topics(), retrieval=[Timelines(n=3)])


def tell(memory: AgentMemory, clock: SimulatedClock, *texts: str) -> list[Record]:
    """Add an event a day; the nodes as they are in the end."""
    ids = []
    for text in texts:
        added = memory.add(Turn(observation=text))
        ids.append([*added.derived, *memory.extract().ids][0])
        clock.advance(DAY)
    return [memory.get(name) for name in ids]


def links(nodes: Sequence[Record]) -> list[list[int]]:
    place = {one.id: at for at, one in enumerate(nodes)}
    return [[place[name] for name in one.links] for one in nodes]


def test_row_8_a_node_links_to_the_latest_related_one_of_each_component(
    make: Make, clock: SimulatedClock
) -> None:
    memory = timed(make, least=0.99, near=9)
    nodes = tell(memory, clock, "tea one", "tea two", "tea three", "rain one", "rain two")
    assert links(nodes) == [[], [0], [1], [], [3]]
    assert [one.data["component"] for one in nodes[:3]] == [nodes[0].id] * 3
    assert [one.data["later"] for one in nodes[:2]] == [[nodes[1].id], [nodes[2].id]]
    assert nodes[2].data["since"] == START
    assert nodes[2].data["relations"] == {nodes[1].id: "SameTopic"}


def test_row_8_components_that_met_are_one(make: Make, clock: SimulatedClock) -> None:
    """After an event that joined tea and rain, the next takes the latest of both only."""

    def label(prompt: str) -> Any:
        event = prompt.partition("<event>\n")[2].partition("\n")[0]
        wanted = ("tea", "rain") if "both" in event else (event.split()[3],)
        lines = prompt.partition("<earlier>\n")[2].partition("</earlier>")[0].splitlines()
        found = [line for line in lines if any(word in line for word in (*wanted, "both"))]
        return {"relations": [{"id": offered(line)[0], "relation": "Cause"} for line in found]}

    model = Answering({"Say how a new event": label})
    store = TimelineStore(by="model", near=9)
    extraction = {"model": model, "background": False}
    memory = make(stores=[store], extraction=extraction)
    nodes = tell(memory, clock, "tea one", "rain one", "both of them", "tea two", "rain two")
    assert links(nodes) == [[], [], [0, 1], [2], [2]]
    assert {one.data["component"] for one in nodes} == {nodes[0].id}
    assert nodes[4].data["since"] == START


def test_row_8_edges_go_from_old_to_new(make: Make, clock: SimulatedClock) -> None:
    """Also where an older event is told later, and where sessions have two digits."""
    memory = timed(make, near=9)
    ids = []
    for session in (1, 2, 9, 10, 11, 3):
        added = memory.add(
            f"tea in session {session}",
            event_time=START + session * DAY,
            data={"session": f"session_{session}"},
        )
        ids.append(added.derived[0])
    nodes = [memory.get(name) for name in ids]
    assert links(nodes) == [[], [0], [1], [2], [3], [1]]
    by_id = {one.id: one for one in nodes}
    for one in nodes:
        assert all(by_id[name].created <= one.created for name in one.links)
        assert all(by_id[name].created >= one.created for name in one.data["later"])


def test_row_8_no_future_node_is_returned(make: Make, clock: SimulatedClock) -> None:
    memory = timed(make)
    tell(memory, clock, "tea one", "tea two", "tea three")
    early = memory.search("tea", k=1, now=START + 1.5 * DAY)
    assert {hit.text for hit in early} <= {"user: tea one", "user: tea two"}
    every = memory.search("tea two", k=1)
    assert [hit.text for hit in every] == ["user: tea two", "user: tea one", "user: tea three"]
    assert memory.search("tea three", k=1, now=START) == []


def test_a_path_stays_within_the_filter(make: Make, clock: SimulatedClock) -> None:
    memory = timed(make)
    tell(memory, clock, "tea one", "tea two", "tea three")
    late = {"created": {"$gt": START}}
    hits = memory.search("tea two", k=1, where=late)
    assert [hit.text for hit in hits] == ["user: tea two", "user: tea three"]


def test_nothing_is_deleted_and_a_gap_is_left_out(make: Make, clock: SimulatedClock) -> None:
    memory = timed(make)
    nodes = tell(memory, clock, "tea one", "tea two", "tea three", "tea four")
    assert memory.stats()["active"] == 8
    memory.forget(nodes[1].sources[0])
    assert [hit.text for hit in memory.search("tea three", k=1)] == [
        "user: tea three",
        "user: tea four",
    ]


def test_after_an_erasure_of_the_first_components_go_on(make: Make, clock: SimulatedClock) -> None:
    memory = timed(make)
    nodes = tell(memory, clock, "tea one", "tea two")
    memory.erase(nodes[0].sources[0])
    more = tell(memory, clock, "tea three", "tea four")
    assert more[0].links == (nodes[1].id,)
    assert more[1].links == (more[0].id,)
    assert {one.data["component"] for one in more} == {nodes[1].id}
    assert memory.get(nodes[1].id).data["component"] == nodes[1].id


def test_components_whose_first_nodes_are_archived_can_meet(
    make: Make, clock: SimulatedClock
) -> None:
    memory = timed(make, least=-1.0, near=9)
    first = tell(memory, clock, "tea one", "tea two")
    memory.forget(first[0].sources[0])
    more = tell(memory, clock, "tea three", "tea four")
    assert more[0].data["component"] == more[1].data["component"] == first[0].id
    assert more[1].links == (more[0].id,)
    assert memory.get(first[0].id).status == "archived"
    assert memory.stats()["pending"] == 0


def test_a_node_remembers_so_many_newer_ones_only(make: Make, clock: SimulatedClock) -> None:
    def first(prompt: str) -> Any:
        oldest = min(prompt.partition("<earlier>\n")[2].splitlines()[:-3], key=lambda s: s[35:])
        return {"relations": [{"id": offered(oldest)[0], "relation": "React"}]}

    model = Answering({"Say how a new event": first})
    extraction = {"model": model, "background": False}
    memory = make(stores=[TimelineStore(by="model", near=40)], extraction=extraction)
    nodes = tell(memory, clock, *(f"tea {i}" for i in range(20)))
    assert nodes[0].data["later"] == [one.id for one in nodes[-16:]]


@pytest.mark.parametrize(
    "reply",
    [
        "",
        "They are all related.",
        {"relations": [{"id": "0", "relation": "Cause"}]},
        {"relations": [{"id": "?", "relation": "Friendship"}]},
    ],
    ids=["empty", "prose", "unknown id", "unknown relation"],
)
def test_a_reply_of_no_use_costs_the_links_not_the_node(
    make: Make, clock: SimulatedClock, reply: Any
) -> None:
    def answer(prompt: str) -> Any:
        if isinstance(reply, str) or reply["relations"][0]["id"] != "?":
            return reply
        return {"relations": [{"id": offered(prompt)[0], "relation": "Friendship"}]}

    model = Answering({"Say how a new event": answer})
    extraction = {"model": model, "background": False}
    memory = make(stores=[TimelineStore(by="model")], extraction=extraction)
    nodes = tell(memory, clock, "tea one", "tea two")
    assert links(nodes) == [[], []]
    assert "no links" in str(memory.history(nodes[1].id))


def test_unrelated_by_the_model_is_unlinked(make: Make, clock: SimulatedClock) -> None:
    def nothing(prompt: str) -> Mapping[str, Any]:
        return {"relations": [{"id": name, "relation": "None"} for name in offered(prompt)]}

    model = Answering({"Say how a new event": nothing})
    extraction = {"model": model, "background": False}
    memory = make(stores=[TimelineStore(by="model")], extraction=extraction)
    assert links(tell(memory, clock, "tea one", "tea two")) == [[], []]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Ana: I no longer eat meat.", "Changed"),
        ("That is because it rained.", "Reason"),
        ("Ana: So I took the bus.", "Cause"),
        ("It was so nice.", "SameTopic"),
        ("I wanted to go, but it rained.", "HinderedBy"),
        ("I can’t come.", "HinderedBy"),
        ("I feel great.", "React"),
        ("I'd like a dog.", "Want"),
        ("Tea is green.", "SameTopic"),
    ],
)
def test_cue_words_name_the_relation(text: str, expected: str) -> None:
    assert relation(text) == expected
    assert expected in RELATIONS


def test_a_chunk_that_says_nothing_new_has_no_node(make: Make) -> None:
    memory = make(stores=[TimelineStore(), "chunk"])
    (old,) = memory.add("Rex eats fish on Fridays")
    turn = Turn(observation="", reply="Rex eats fish on Fridays.", recalled=(old,))
    added = memory.add(turn)
    assert list(added.derived) == []
    assert memory.stats()["active"] == 3


def test_a_wrong_option_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"timeline.near"):
        TimelineStore(near=0)
    with pytest.raises(ConfigError, match=r"timelines.length"):
        Timelines(length=0)
