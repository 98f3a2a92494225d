"""What was told to whom: answers that are harmless one by one, and not together."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agentmem import AgentMemory
from agentmem.core import Record
from agentmem.embed.hashing import HashEmbedder
from agentmem.errors import ConfigError, InputError, LedgerCorrupt, NotFound
from agentmem.modules.disclosure import DisclosureLedger
from agentmem.modules.restrictions import Fact, Rule, labels
from tests.conftest import Make

RULES = [{"name": "reidentify", "attributes": ["birthday", "postcode"]}]
A, B, C = ("Anna", "birthday"), ("Anna", "postcode"), ("Anna", "favourite colour")
STORES = ["chunk", "disclosure"]


@pytest.fixture
def memory(make: Make) -> AgentMemory:
    return make(stores=STORES)


@pytest.fixture
def ledger(memory: AgentMemory) -> DisclosureLedger:
    return DisclosureLedger(memory, RULES)


def test_row_27_each_alone_is_allowed_and_both_together_are_blocked(
    ledger: DisclosureLedger,
) -> None:
    assert ledger.check("bob", [A])
    assert ledger.check("bob", [B])
    assert not ledger.check("bob", [A, B])
    assert ledger.release("bob", [A])
    denied = ledger.release("bob", [B])
    assert not denied
    assert denied.rule is not None
    assert denied.rule.name == "reidentify"
    assert "birthday, postcode" in denied.reason
    assert ledger.release("bob", [C])
    assert ledger.release("carol", [B])
    assert ledger.release("bob", [("Ben", "postcode")])
    assert ledger.told("bob") == (
        Fact("anna", "birthday"),
        Fact("anna", "favourite colour"),
        Fact("ben", "postcode"),
    )


def test_row_27_two_responders_share_a_pool(make: Make, tmp_path: Path) -> None:
    first, second = (
        DisclosureLedger(make(tmp_path / "pool.db", stores=STORES), RULES) for _ in range(2)
    )
    assert first.release("bob", [A])
    assert not second.check("bob", [B])
    assert not second.release("bob", [B])
    assert second.release("bob", [C])
    assert first.told("bob") == second.told("bob")


def test_of_two_halves_released_at_once_one_is_denied(make: Make, tmp_path: Path) -> None:
    ledgers = [DisclosureLedger(make(tmp_path / "pool.db", stores=STORES), RULES) for _ in range(2)]
    together = Barrier(2)

    def release(ledger: DisclosureLedger, requester: str, fact: tuple[str, str]) -> bool:
        together.wait()
        return bool(ledger.release(requester, [fact]))

    with ThreadPoolExecutor(2) as pool:
        for number in range(5):
            who = [f"requester {number}"] * 2
            assert sum(pool.map(release, ledgers, who, (A, B))) == 1


def test_row_27_a_ledger_elsewhere_has_a_vote(make: Make) -> None:
    other = DisclosureLedger(make(stores=STORES), RULES)
    own = DisclosureLedger(make(stores=STORES), RULES, voters=[other.vote])
    assert other.release("bob", [A])
    denied = own.release("bob", [B])
    assert denied.reason == "0 of 1 voters agree, 1 must"
    assert own.told("bob") == ()
    assert own.release("bob", [C])


def test_a_quorum_decides_and_what_a_voter_raises_stops_the_release(memory: AgentMemory) -> None:
    def broken(*ballot: Any) -> bool:
        raise RuntimeError("no voter")

    yes, no = (lambda *ballot: True), (lambda *ballot: False)
    assert DisclosureLedger(memory, RULES, voters=[yes, no], quorum=1).check("bob", [A])
    assert not DisclosureLedger(memory, RULES, voters=[yes, no]).check("bob", [A])
    assert not DisclosureLedger(memory, RULES, voters=[lambda *ballot: 1]).check("bob", [A])
    with pytest.raises(RuntimeError, match="no voter"):
        DisclosureLedger(memory, RULES, voters=[broken]).release("bob", [A])
    assert DisclosureLedger(memory, RULES).told("bob") == ()
    with pytest.raises(ConfigError, match="there are 1 voters"):
        DisclosureLedger(memory, RULES, voters=[yes], quorum=2)


def test_spelling_opens_no_way_round(ledger: DisclosureLedger) -> None:
    assert ledger.release("Bob", [("ANNA ", "Birthday")])
    assert not ledger.release("bob ", [("anna", "POSTCODE")])


@pytest.mark.parametrize(
    "label", ["post\u200bcode", "postcode\u00ad", " Postcode.", "\uff30ostcode", "(postcode)"]
)
def test_nor_does_a_label_that_only_looks_different(ledger: DisclosureLedger, label: str) -> None:
    assert ledger.release("bob", [A])
    assert not ledger.release("bob", [("Anna", label)])


def test_under_redaction_whom_a_rule_names_is_whom_the_records_name(
    make: Make, tmp_path: Path
) -> None:
    rule = {**RULES[0], "subjects": ["Anna@example.org"], "requesters": ["bob@example.org"]}
    memory = make(tmp_path / "m.db", stores=STORES, redact=["pii"])
    ledger = DisclosureLedger(memory, [rule])
    memory.add("It is in May", data={"subject": "anna@example.org", "attributes": ["birthday"]})
    assert ledger.admit("bob@example.org", memory.search("May"))
    assert not ledger.release("BOB@example.org", [("anna@example.org", "postcode")])
    memory.close()
    found = b"".join(file.read_bytes() for file in tmp_path.iterdir())
    assert b"example.org" not in found


def test_forgetting_does_not_undo_a_disclosure(ledger: DisclosureLedger) -> None:
    memory = ledger.memory
    ledger.release("bob", [A], records=["a record"])
    (entry,) = memory.search(k=9, where={"kind": "disclosure"})
    assert entry.record.data["records"] == ["a record"]
    memory.forget(entry.id)
    assert not ledger.check("bob", [B])
    assert ledger.release("bob", [A])
    assert len(ledger.told("bob")) == 1
    assert memory.search(k=9) == []


def test_entries_last(make: Make, tmp_path: Path) -> None:
    with make(tmp_path / "m.db", stores=STORES) as memory:
        DisclosureLedger(memory, RULES).release("bob", [A])
    with make(tmp_path / "m.db", stores=STORES) as memory:
        assert not DisclosureLedger(memory, RULES).check("bob", [B])


@pytest.mark.parametrize(
    "rules",
    [
        [],
        None,
        "reidentify",
        [{"name": "x"}],
        [{"name": "x", "attributes": []}],
        [{"name": "", "attributes": ["a"]}],
        [{"name": "x", "attributes": "ab"}],
        [{"name": "x", "attributes": ["a", " "]}],
        [{"name": "x", "attributes": ["a"], "subject": "anna"}],
        [*RULES, 7],
    ],
)
def test_rules_that_cannot_be_read_release_nothing(memory: AgentMemory, rules: Any) -> None:
    with pytest.raises(ConfigError, match="rule"):
        DisclosureLedger(memory, rules)


def test_a_rule_may_concern_some_only(memory: AgentMemory) -> None:
    rule = Rule(name="salary", attributes=("salary",), subjects=("Anna",), requesters=("bob",))
    ledger = DisclosureLedger(memory, [rule])
    assert not ledger.release("bob", [("anna", "salary")])
    assert ledger.release("bob", [("ben", "salary")])
    assert ledger.release("carol", [("anna", "salary")])


def test_a_damaged_entry_is_an_error_and_nothing_is_released(ledger: DisclosureLedger) -> None:
    ledger.memory.add("?", kind="disclosure", data={"requester": "bob"})
    with pytest.raises(LedgerCorrupt, match="no entry"):
        ledger.release("bob", [C])
    assert ledger.release("carol", [C])


@pytest.mark.parametrize("facts", [["anna"], [("anna",)], [("anna", "")], [(1, "a")]])
def test_facts_are_pairs_of_texts(ledger: DisclosureLedger, facts: Any) -> None:
    with pytest.raises(InputError):
        ledger.check("bob", facts)


def test_hits_are_admitted_one_by_one(ledger: DisclosureLedger) -> None:
    memory = ledger.memory
    for attribute, text in (("birthday", "Born 5 May."), ("postcode", "Lives at 10115.")):
        memory.add(text, data={"subject": "anna", "attributes": [attribute]})
    memory.add("It rains.")
    hits = memory.search("born lives rains", k=3)
    admitted = ledger.admit("bob", hits)
    assert len(admitted) == 2
    assert "It rains." in [hit.text for hit in admitted]
    assert ledger.admit("bob", hits) == admitted
    assert ledger.admit("carol", hits[::-1]) != admitted


def test_what_is_derived_inherits_the_labels_of_all_its_sources(ledger: DisclosureLedger) -> None:
    memory = ledger.memory
    (one,) = memory.add("Born 5 May.", data={"subject": "anna", "attributes": ["birthday"]})
    (two,) = memory.add("At 10115.", data={"attributes": {"anna": ["postcode"], "ben": ["age"]}})
    (between,) = memory.add("Two of them.", sources=[one, two])
    (summary,) = memory.add("All of it.", sources=[between, one])
    expected = (Fact("anna", "birthday"), Fact("anna", "postcode"), Fact("ben", "age"))
    assert ledger.carried(summary) == expected
    (hit,) = [hit for hit in memory.search("All of it.", k=9) if hit.id == summary]
    assert ledger.admit("bob", [hit]) == []
    memory.forget(one)
    assert ledger.carried(summary) == expected
    with pytest.raises(NotFound):
        ledger.carried("0" * 32)


def test_where_a_source_was_erased_the_record_needs_labels_of_its_own(
    ledger: DisclosureLedger,
) -> None:
    memory = ledger.memory
    one, two = memory.add(["one", "two"], data={"subject": "anna", "attributes": ["birthday"]})
    (rest,) = memory.add("both", sources=[one, two])
    memory.erase(one)
    with pytest.raises(InputError, match="was erased: label it"):
        ledger.carried(rest)
    memory.update(rest, data={"subject": "anna", "attributes": ["postcode"]})
    assert len(ledger.carried(rest)) == 2


def record(text: str = "x", **data: Any) -> Record:
    return Record(
        id="r", text=text, namespace=("a",), created=0.0, ingested=0.0, used=0.0, data=data
    )


def test_of_a_subject_personal_data_in_the_text_counts(ledger: DisclosureLedger) -> None:
    found = labels(record("Write to a@example.org", subject="Anna", attributes={"Ben": ["age"]}))
    assert found == {Fact("anna", "email"), Fact("ben", "age")}
    assert labels(record("Write to a@example.org")) == set()
    assert labels(record(subject="Anna")) == labels(record(attributes={})) == set()


@pytest.mark.parametrize(
    "data",
    [
        {"attributes": ["age"]},
        {"subject": "anna", "attributes": "age"},
        {"subject": "anna", "attributes": [""]},
        {"subject": ["anna"], "attributes": ["age"]},
        {"subject": 7, "attributes": {"anna": ["age"]}},
        {"attributes": {"anna": "age"}},
    ],
)
def test_labels_that_cannot_be_read_release_nothing(data: dict[str, Any]) -> None:
    with pytest.raises(InputError, match="labels"):
        labels(record(**data))


@settings(deadline=None, max_examples=10)
@given(
    st.lists(st.tuples(st.sampled_from("xy"), st.sampled_from("pq"), st.sampled_from("abc"))),
    st.sets(st.sampled_from("abc"), min_size=1),
)
def test_nobody_ever_knows_a_forbidden_set(
    asked: list[tuple[str, str, str]], forbidden: set[str]
) -> None:
    with AgentMemory.open(stores=STORES, embedder=HashEmbedder(dim=16)) as memory:
        ledger = DisclosureLedger(memory, [Rule(name="r", attributes=tuple(sorted(forbidden)))])
        for requester, subject, attribute in asked:
            decision = ledger.release(requester, [(subject, attribute)])
            assert bool(decision) == (Fact(subject, attribute) in ledger.told(requester))
            known = {one.attribute for one in ledger.told(requester) if one.subject == subject}
            assert not forbidden <= known
            assert bool(decision) or forbidden <= known | {attribute}


def test_the_async_twins_do_the_same(ledger: DisclosureLedger) -> None:
    async def body() -> None:
        assert await ledger.acheck("bob", [A])
        assert await ledger.arelease("bob", [A])
        assert not await ledger.arelease("bob", [B])
        assert await ledger.atold("bob") == (Fact("anna", "birthday"),)
        (name,) = await ledger.memory.aadd("x")
        assert await ledger.acarried(name) == ()
        hits = await ledger.memory.asearch("x")
        assert await ledger.aadmit("bob", hits) == hits

    asyncio.run(body())
