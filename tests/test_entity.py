"""Entity-description pairs: cited, short, within a budget of tokens."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agentmem import AgentMemory, Record
from agentmem.stores.entity import EntityStore
from agentmem.stores.fact import FactStore
from agentmem.stores.triple import TripleStore
from agentmem.text import count_tokens
from tests.conftest import Make
from tests.scripted import Scripted, asking

SAID = "Ana: My sister Mia Li lives in Rome and works for Olivetti."
ROME = {"statement": "Mia Li lives in Rome.", "quote": "My sister Mia Li lives in Rome"}
WORK = {"statement": "Mia Li works for Olivetti.", "quote": "works for Olivetti"}
ASKED = {"questions": ["Where does Mia Li live?", "Who does Mia Li work for?"]}


def pair(number: int, entity: str, description: str) -> dict[str, object]:
    return {"number": number, "entity": entity, "description": description}


def kept(memory: AgentMemory) -> dict[str, Record]:
    """The active pairs by their text."""
    hits = memory.search(k=100, where={"kind": "entity"}, reinforce=False)
    return {hit.text: hit.record for hit in hits}


def test_each_fact_describes_every_entity_that_it_names(make: Make) -> None:
    memory = make(stores=[EntityStore()])
    memory.add("Ana: I live in Rome. Mia Li lives in Bonn.")
    assert kept(memory).keys() == {
        "Ana: lives in Rome.",
        "Rome: Ana lives in Rome.",
        "Mia Li: lives in Bonn.",
        "Bonn: Mia Li lives in Bonn.",
    }


def test_a_role_is_an_entity_and_an_address_too(make: Make) -> None:
    memory = make(stores=[EntityStore()])
    memory.add({"role": "user", "content": "My address is Info@Acme.example."})
    ids = {record.data["entity_id"] for record in kept(memory).values()}
    assert ids == {"user", "info@acme.example"}


def test_a_longer_name_is_not_taken_for_the_shorter_one(make: Make) -> None:
    memory = make(stores=[EntityStore()])
    memory.add("Ana: I like tea. My boss Ana Ruiz lives in Rome.")
    assert "Ana Ruiz: Ana's boss Ana Ruiz lives in Rome." in kept(memory)
    memory.add("Ben: I like Ana Ruiz.")
    assert "Ana: Ben likes Ana Ruiz." not in kept(memory)


def test_row_20_every_pair_cites_its_source_span(make: Make) -> None:
    memory = make(stores=["chunk", EntityStore()])
    said = ["Ana: I live in Rome and I work for Olivetti.", "Ben: Ana lives in Rome. I like Bonn."]
    for text in said:
        memory.add(text)
    pairs = kept(memory)
    assert len(pairs) >= 6
    for record in pairs.values():
        assert record.data["spans"].keys() == set(record.sources) != set()
        for name, (start, end) in record.data["spans"].items():
            words = memory.get(name).text[start:end]
            assert words in ("Ana lives in Rome", "I live in Rome", "I work for Olivetti",
                             "I like Bonn")  # fmt: skip


@settings(
    deadline=None, max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(budget=st.integers(0, 60), k=st.integers(1, 12))
def test_row_20_budget_is_never_exceeded(filled: AgentMemory, budget: int, k: int) -> None:
    hits = filled.search("Where does Ana live?", k=k, budget_tokens=budget, reinforce=False)
    assert sum(count_tokens(hit.text) for hit in hits) <= budget
    if budget >= 20:
        assert hits
        assert {hit.record.kind for hit in hits} == {"entity"}


@pytest.fixture
def filled(make: Make) -> AgentMemory:
    memory = make(stores=[EntityStore()])
    for place in ("Rome", "Bonn", "Oslo", "Paris"):
        memory.add(f"Ana: I lived in {place} and worked for the Museum of {place}.")
    return memory


def test_a_model_speculates_decomposes_and_pairs(make: Make) -> None:
    pairs = [pair(1, "Mia Li", "lives in Rome"), pair(2, "Olivetti", "employer of Mia Li")]
    model = Scripted(ASKED, {"statements": [ROME, WORK]}, {"pairs": pairs})
    memory = make(stores=[EntityStore(by="model")], **asking(model))
    ids = memory.add(SAID)
    assert memory.extract().done == 1
    found = kept(memory)
    assert found.keys() == {"Mia Li: lives in Rome", "Olivetti: employer of Mia Li"}
    start, end = found["Olivetti: employer of Mia Li"].data["spans"][ids[0]]
    assert SAID[start:end] == "works for Olivetti"
    questions, statements = model.asked[1:]
    assert "2. Who does Mia Li work for?" in questions
    assert "1. Mia Li lives in Rome." in statements


def test_repeated_samples_enlarge_the_store(make: Make) -> None:
    first = [ASKED, {"statements": [ROME]}, {"pairs": [pair(1, "Mia Li", "lives in Rome")]}]
    second = [
        {"questions": ["Who lives in Rome?", ""]},
        {"statements": [ROME]},
        {"pairs": [pair(1, "Mia Li", "lives in Rome"), pair(1, "Rome", "where Mia Li lives")]},
    ]
    memory = make(stores=[EntityStore(by="model", samples=2)], **asking(Scripted(*first, *second)))
    memory.add(SAID)
    memory.extract()
    assert kept(memory).keys() == {"Mia Li: lives in Rome", "Rome: where Mia Li lives"}


@pytest.mark.parametrize(
    "replies",
    [
        [{"questions": []}],
        [{"questions": [" "]}],
        [ASKED, {"statements": []}],
        [ASKED, {"statements": [ROME]}, {"pairs": [pair(1, " ", "x"), pair(1, "Rome", "")]}],
    ],
)
def test_where_nothing_is_found_nothing_is_kept(make: Make, replies: list[object]) -> None:
    memory = make(stores=[EntityStore(by="model")], **asking(Scripted(*replies)))
    memory.add(SAID)
    assert memory.extract().done == 1
    assert kept(memory) == {}


@pytest.mark.parametrize(
    "replies",
    [
        ["", "What?"],
        [ASKED, {"statements": [{**ROME, "quote": "Mia Li is in Oslo"}]}],
        [ASKED, {"statements": [ROME]}, *[{"pairs": [pair(2, "Rome", "a city")]}] * 2],
    ],
)
def test_a_bad_reply_keeps_what_was_said(make: Make, replies: list[object]) -> None:
    memory = make(stores=[EntityStore(by="model")], **asking(Scripted(*replies)))
    ids = memory.add(SAID)
    assert memory.extract().failed == 1
    assert kept(memory) == {}
    assert memory.get(ids[0]).text == SAID


@settings(deadline=None, max_examples=60)
@given(
    st.lists(
        st.one_of(
            st.sampled_from(
                ["Ana:", "I live in Rome", "and", "she likes Mia Li", ".", "\n", "Ben:"]
            ),
            st.text(max_size=6),
        ),
        max_size=12,
    )
)
def test_whatever_is_said_each_unit_lies_in_its_source(parts: list[str]) -> None:
    said = " ".join(parts)
    life = {"created": 0.0, "ingested": 0.0, "used": 0.0}
    chunk = Record(id="c", text=said + " (heard again)", namespace=("a",), **life)
    for store in (FactStore(), TripleStore(), EntityStore()):
        for source, text in ((chunk, said), (chunk, chunk.text)):
            for unit in store.ruled(source, text):
                start, end = unit.span
                assert unit.text.strip()
                assert 0 <= start < end <= len(chunk.text)
