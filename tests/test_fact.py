"""Atomic facts: one clause each, cited, by rule and by model."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agentmem import AgentMemory, Record
from agentmem.errors import ConfigError
from agentmem.extract.quotes import Passage
from agentmem.stores.chunk import ChunkStore
from agentmem.stores.fact import FactStore
from agentmem.stores.triple import TripleStore
from agentmem.structure import Store
from tests.conftest import Make
from tests.scripted import Scripted, asking

SAID = "Ana: I live in Berlin and work at Stripe."
BERLIN = {"number": 1, "fact": "Ana lives in Berlin.", "quote": "I live in Berlin"}
STRIPE = {"number": 2, "fact": "Ana works at Stripe.", "quote": "work at Stripe"}


def kept(memory: AgentMemory, kind: str = "fact") -> dict[str, Record]:
    """The active records of a kind by their text."""
    hits = memory.search(k=50, where={"kind": kind}, reinforce=False)
    return {hit.text: hit.record for hit in hits}


def cited(memory: AgentMemory, record: Record) -> list[str]:
    """The words of its sources that a record cites, in the order of its sources."""
    spans = record.data["spans"]
    assert list(spans) == list(record.sources)
    return [memory.get(name).text[slice(*spans[name])] for name in record.sources]


def test_one_clause_is_one_fact_with_names_for_pronouns(make: Make) -> None:
    memory = make(stores=[FactStore()])
    memory.add(SAID)
    assert kept(memory).keys() == {"Ana lives in Berlin.", "Ana works at Stripe."}


def test_one_fact_is_superseded_while_its_sibling_stays(make: Make) -> None:
    memory = make(stores=[FactStore()])
    memory.add(SAID)
    old = kept(memory)["Ana works at Stripe."]
    memory.supersede(old.id, "Ana works at Adyen.")
    assert kept(memory).keys() == {"Ana lives in Berlin.", "Ana works at Adyen."}
    assert memory.get(old.id).status == "superseded"


def test_row_3_units_cite_their_sources(make: Make) -> None:
    memory = make(stores=["chunk", FactStore()])
    first = memory.add(SAID)
    fact = kept(memory)["Ana works at Stripe."]
    assert fact.sources == tuple(first)
    assert cited(memory, fact) == ["work at Stripe"]


def test_a_fact_said_twice_is_one_record_with_both_sources(make: Make) -> None:
    memory = make(stores=[FactStore()])
    ids = [*memory.add(SAID), *memory.add("Ana: I live in Berlin and I like tea.")]
    fact = kept(memory)["Ana lives in Berlin."]
    assert fact.sources == tuple(ids)
    assert cited(memory, fact) == ["I live in Berlin", "I live in Berlin"]
    memory.erase(ids[0])
    assert "Ana lives in Berlin." in kept(memory)
    assert "Ana works at Stripe." not in kept(memory)


def test_a_reworded_source_is_cited_where_the_fact_now_stands(make: Make) -> None:
    memory = make(stores=[FactStore()])
    memory.add("Ben: Ana lives in Berlin.")
    ids = memory.add(SAID)
    memory.update(ids[0], text="Ana: I have a cat. I live in Berlin.")
    fact = kept(memory)["Ana lives in Berlin."]
    assert cited(memory, fact) == ["Ana lives in Berlin", "I live in Berlin"]
    assert "Ana has a cat." in kept(memory)


def test_row_3_mixed_is_the_set_union(make: Make) -> None:
    def found(*stores: Store) -> set[str]:
        memory = make(stores=list(stores))
        memory.add(SAID)
        memory.add("Ben: I sold my old boat.")
        return {hit.id for hit in memory.search("Who lives in Berlin?", k=50)}

    stores = (ChunkStore(), FactStore(), TripleStore())
    alone = [found(store) for store in stores]
    assert [len(ids) for ids in alone] == [2, 3, 3]
    assert found(*stores) == set.union(*alone)


def test_a_model_numbers_facts_and_quotes_the_text(make: Make) -> None:
    model = Scripted({"facts": [BERLIN, STRIPE]})
    memory = make(stores=[FactStore(by="model")], **asking(model))
    memory.add(SAID)
    assert memory.extract().done == 1
    facts = kept(memory)
    assert cited(memory, facts["Ana works at Stripe."]) == ["work at Stripe"]
    assert cited(memory, facts["Ana lives in Berlin."]) == ["I live in Berlin"]
    assert SAID in model.asked[0]


def test_the_model_is_shown_the_turns_before(make: Make) -> None:
    model = Scripted({"facts": []}, {"facts": []}, {"facts": []})
    memory = make(stores=[FactStore(by="model", context=1)], **asking(model))
    for said in ("Ana: My boss is Carl.", "Ana: Carl is kind.", "Ana: He likes chess."):
        memory.add(said)
    memory.extract()
    assert "(nothing)" in model.asked[0]
    assert "Carl is kind." in model.asked[2]
    assert "My boss is Carl." not in model.asked[2]


def test_a_fact_with_a_made_up_quote_is_left_out(make: Make) -> None:
    made_up = {"number": 2, "fact": "Ana owns a boat.", "quote": "I own a boat"}
    blank = {"number": 3, "fact": " ", "quote": "Berlin"}
    memory = make(
        stores=[FactStore(by="model")], **asking(Scripted({"facts": [BERLIN, made_up, blank]}))
    )
    memory.add(SAID)
    assert memory.extract().done == 1
    assert kept(memory).keys() == {"Ana lives in Berlin."}


@pytest.mark.parametrize(
    "replies",
    [
        ["", "I cannot help with that."],
        [{"facts": ["Ana lives in Berlin."]}, {"fact": "Ana lives in Berlin."}],
        [{"facts": [{**BERLIN, "number": "one"}]}, "[]"],
        [{"facts": [{**BERLIN, "quote": "I live in Bern"}]}],
        ["word " * 20_000, "word " * 20_000],
    ],
)
def test_a_bad_reply_fails_the_work_and_keeps_what_was_said(
    make: Make, replies: list[object]
) -> None:
    memory = make(stores=[FactStore(by="model")], **asking(Scripted(*replies)))
    ids = memory.add(SAID)
    done = memory.extract()
    assert (done.done, done.failed, done.pending) == (0, 1, 0)
    assert kept(memory) == {}
    assert memory.get(ids[0]).text == SAID


def test_failed_work_succeeds_when_it_is_tried_again(make: Make) -> None:
    model = Scripted("no", "still no", {"facts": [BERLIN]})
    memory = make(stores=[FactStore(by="model")], **asking(model))
    memory.add(SAID)
    assert memory.extract().failed == 1
    assert memory.extract(retry=True).done == 1
    assert kept(memory).keys() == {"Ana lives in Berlin."}


def test_deriving_again_changes_nothing(make: Make) -> None:
    memory = make(stores=[FactStore()])
    memory.add(SAID)
    before = kept(memory)
    memory.add(SAID)
    assert kept(memory) == before


def test_a_fact_field_out_of_range_is_named() -> None:
    with pytest.raises(ConfigError, match=r"fact\.context"):
        FactStore(context=-1)


@pytest.mark.parametrize(
    ("quote", "text", "words"),
    [
        ("I LIVE  in\nBerlin", "so i live in berlin.", "i live in berlin"),
        ('"It’s Ana"', "It's Ana, he said", "It's Ana"),
        ("…of Ana–Maria", "friend of Ana-Maria", "of Ana-Maria"),
        ("ＡＢＣ", "abc", "abc"),
        ("東京", "私は東京に住む", "東京"),
        ("straße 5", "in der STRASSE 5", "STRASSE 5"),
    ],
)
def test_a_quote_is_found_whatever_its_case_spacing_and_marks(
    quote: str, text: str, words: str
) -> None:
    span = Passage(text).locate(quote)
    assert span is not None
    assert text[slice(*span)] == words


@pytest.mark.parametrize("quote", ["art", "", " ", "...", "Berlin in"])
def test_words_that_are_not_there_are_not_found(quote: str) -> None:
    assert Passage("a party in Berlin").locate(quote) is None


@settings(deadline=None, max_examples=50)
@given(st.text(max_size=20), st.text(max_size=20), st.text(max_size=20))
def test_words_of_a_text_are_found_in_it(far: str, near: str, after: str) -> None:
    quote = f"{near} Ana lives here"
    text = f"{far} {quote} {after}"
    span = Passage(text).locate(quote)
    assert span is not None
    assert "ana lives here" in text[slice(*span)].lower()
