"""Triples: head; relation; tail, cited, with identities that join them into a graph."""

import pytest

from agentmem import AgentMemory, Record
from agentmem.errors import ConfigError
from agentmem.stores.triple import TripleStore
from tests.conftest import Make
from tests.scripted import Scripted, asking

SAID = "Ana: I work for Carl Ruiz."
WORKS = {"head": "Ana", "relation": "works for", "tail": "Carl Ruiz", "quote": "I work for Carl"}


def kept(memory: AgentMemory) -> dict[str, Record]:
    """The active triples by their text."""
    hits = memory.search(k=50, where={"kind": "triple"}, reinforce=False)
    return {hit.text: hit.record for hit in hits}


def test_a_triple_is_found_by_its_words_in_a_row(make: Make) -> None:
    memory = make(stores=[TripleStore()])
    memory.add(SAID)
    triple = kept(memory)["Ana; works for; Carl Ruiz"]
    assert triple.key == "Ana works for Carl Ruiz"
    parts = {name: triple.data[name] for name in ("head", "relation", "tail")}
    assert parts == {"head": "Ana", "relation": "works for", "tail": "Carl Ruiz"}
    assert memory.search("works for Carl Ruiz")[0].id == triple.id


def test_spellings_of_one_entity_have_one_identity(make: Make) -> None:
    memory = make(stores=[TripleStore()])
    memory.add(SAID)
    memory.add("Ana: I like CARL RUÍZ.")
    assert {record.data["tail_id"] for record in kept(memory).values()} == {"carl ruiz"}


def test_row_3_triples_cite_their_sources(make: Make) -> None:
    memory = make(stores=["chunk", TripleStore()])
    said = "Ana: I live in Rome and work for Carl Ruiz."
    ids = memory.add(said)
    triple = kept(memory)["Ana; works for; Carl Ruiz"]
    assert triple.sources == tuple(ids)
    assert said[slice(*triple.data["spans"][ids[0]])] == "work for Carl Ruiz"


def test_a_triple_goes_with_its_only_source(make: Make) -> None:
    memory = make(stores=["chunk", TripleStore()])
    ids = memory.add(SAID)
    memory.forget(*ids)
    assert kept(memory) == {}


def test_a_model_gives_triples_with_quotes(make: Make) -> None:
    model = Scripted({"triples": [WORKS]})
    memory = make(stores=[TripleStore(by="model", words=5)], **asking(model))
    memory.add(SAID)
    memory.extract()
    triple = kept(memory)["Ana; works for; Carl Ruiz"]
    assert SAID[slice(*next(iter(triple.data["spans"].values())))] == "I work for Carl"
    assert "At most 5 words" in model.asked[0]


def test_what_is_too_long_empty_or_made_up_is_left_out(make: Make) -> None:
    bad = [
        {**WORKS, "tail": "Carl Ruiz who lives in Rome with his two cats"},
        {**WORKS, "relation": ""},
        {**WORKS, "tail": "Bob", "quote": "I work for Bob"},
    ]
    model = Scripted({"triples": [*bad, WORKS]})
    memory = make(stores=[TripleStore(by="model")], **asking(model))
    memory.add(SAID)
    assert memory.extract().done == 1
    assert kept(memory).keys() == {"Ana; works for; Carl Ruiz"}


@pytest.mark.parametrize(
    "replies",
    [
        ["", ""],
        [{"triples": [{"head": "Ana"}]}, "(Ana, works for, Carl)"],
        [{"triples": [{**WORKS, "quote": "I am the boss of Carl"}]}],
    ],
)
def test_a_bad_reply_keeps_what_was_said(make: Make, replies: list[object]) -> None:
    memory = make(stores=[TripleStore(by="model")], **asking(Scripted(*replies)))
    ids = memory.add(SAID)
    assert memory.extract().failed == 1
    assert kept(memory) == {}
    assert memory.get(ids[0]).text == SAID


def test_no_words_at_all_are_no_limit() -> None:
    with pytest.raises(ConfigError, match=r"triple\.words"):
        TripleStore(words=0)
