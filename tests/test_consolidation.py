"""Consolidation: planned, applied and undone whole; erased words are gone from all that it made."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agentmem import AgentMemory, SimulatedClock
from agentmem.bench.lexicon import count
from agentmem.cli.plans import plan_data, plan_of
from agentmem.consolidate.outlook import lines
from agentmem.consolidate.placebo import filler
from agentmem.core import Change, Record
from agentmem.embed.hashing import HashEmbedder
from agentmem.errors import CannotUndo, ModelError, PluginError, RemovalCap, StalePlan
from agentmem.steps import Steps
from agentmem.structure import Consolidator, Overview
from agentmem.text import count_tokens
from tests.conftest import DAY, START, Make
from tests.scripted import Scripted, asking

WINDOW = [{"window": {"n": 2, "remove": True, "kinds": ["chunk"]}}]
TALK = (
    "Ann: I will bring the crates by 1 March 2024.",
    "Bob: If we keep sharing the van, it saves us both money.",
    "Ann: Sorry about the broken lamp, I should have looked.",
    "Bob: The harvest fair is on 20 December 2023.",
    "Ann: The weather is grey and the river is high.",
    "Bob: My zebra eats marmalade in the evening.",
)


@pytest.fixture
def make(make: Make) -> Make:
    """Memories in which nothing new replaces what is known: that is not the matter here."""
    return lambda *place, **options: make(*place, **{"updates": [], **options})


def fill(memory: AgentMemory, texts: Sequence[str] = TALK, **options: Any) -> list[str]:
    names = []
    for text in texts:
        memory.clock.advance(600.0)
        names += memory.add(text, **options)
    return names


def every(memory: AgentMemory) -> dict[str, Record]:
    engine = memory._engine
    engine.refresh()
    return {one.id: one for one in engine.records(engine.rows((), status=None))}


def active(memory: AgentMemory, kind: str | None = None) -> list[Record]:
    found = [one for one in every(memory).values() if one.status == "active"]
    return [one for one in found if kind in (None, one.kind)]


def same(one: Record, other: Record) -> bool:
    """Are two records equal but for the number of the version?"""
    return replace(one, version=0) == replace(other, version=0)


def consolidated(memory: AgentMemory) -> None:
    memory.apply(memory.plan(), allow_mass=True)


# plan, apply, undo


def test_a_plan_holds_the_texts_and_nothing_is_written_before_it_is_applied(make: Make) -> None:
    memory = make(policies=WINDOW, consolidation=["summaries"])
    fill(memory)
    before = every(memory)
    plan = memory.plan()
    [_, change] = plan.changes
    assert every(memory) == before
    assert change.policy == "summaries"
    assert "zebra" not in change.add[0].text  # it stays within the window
    assert set(change.add[0].sources) == {name for one in plan.changes for name in one.archive}
    run = memory.apply(plan, allow_mass=True)
    assert (run.added, run.archived) == (1, 4)
    assert memory.get(change.add[0].id).text == change.add[0].text


@pytest.mark.parametrize(
    "store",
    [
        "summaries",
        "brief",
        "placebo",
        {"ladder": {"max_tokens": 50}},
        {"adjacent": {"most": 2}},
        "merge",
    ],
)
def test_a_second_plan_right_after_the_first_is_empty(make: Make, store: object) -> None:
    memory = make(policies=WINDOW, consolidation=[store])
    fill(memory, (*TALK, "The cat sleeps on the old mat.", "The cat sleeps on the old red mat."))
    consolidated(memory)
    assert not memory.plan()


def test_an_undo_takes_back_what_was_added_rewritten_and_superseded(make: Make) -> None:
    memory = make(policies=WINDOW, consolidation=["brief", {"ladder": {"max_tokens": 150}}])
    fill(memory)
    start = every(memory)
    first = memory.apply(memory.plan(), allow_mass=True)
    middle = every(memory)
    fill(memory, ("Ann: I promise to paint the fence.", "Bob: It rains.", "Ann: It snows."))
    later = every(memory)
    second = memory.apply(memory.plan(), allow_mass=True)
    assert second.updated > 0
    undone = memory.undo(second)
    assert (undone.added, undone.updated) == (-second.added, -second.updated)
    now = every(memory)
    assert all(same(now[name], one) for name, one in later.items())
    assert all(one.status == "archived" for name, one in now.items() if name not in later)
    memory.undo(first)  # what the second run did to its records has been taken back
    now = every(memory)
    assert all(same(now[name], one) for name, one in start.items())
    assert all(now[name].status == "archived" for name in middle if name not in start)


def test_recalls_between_a_run_and_its_undo_count(make: Make) -> None:
    memory = make(policies=[], consolidation=["merge"])
    first, second = fill(
        memory, ("The cat sleeps on the old mat.", "The cat sleeps on the old mat!")
    )
    memory.search("cat mat old", k=1)
    run = memory.apply(memory.plan())
    [left] = active(memory)
    memory.search("cat mat", k=1)
    memory.undo(run)
    assert sorted(memory.get(name).uses for name in (first, second)) == sorted(
        [left.uses + 1, 0] if left.uses == 1 and memory.get(left.id).uses == 2 else [1, 1]
    )


def test_an_undo_is_refused_once_a_record_of_the_run_has_been_changed(make: Make) -> None:
    memory = make(policies=WINDOW, consolidation=["brief"])
    fill(memory)
    run = memory.apply(memory.plan(), allow_mass=True)
    [brief] = active(memory, "brief")
    memory.update(brief.id, text="Corrected by hand.")
    with pytest.raises(CannotUndo, match="changed since"):
        memory.undo(run)


def test_a_plan_is_stale_once_a_cited_record_has_changed(make: Make) -> None:
    memory = make(policies=WINDOW, consolidation=["brief"])
    names = fill(memory)
    plan = memory.plan()
    memory.update(names[0], text="Ann: I will bring nothing.")
    with pytest.raises(StalePlan):
        memory.apply(plan, allow_mass=True)
    assert active(memory, "brief") == []


def test_what_is_superseded_counts_towards_the_removal_cap(make: Make) -> None:
    memory = make(policies=[], consolidation=[{"adjacent": {"most": 2}}])
    memory.add([f"word{i} goes to town" for i in range(60)])
    with pytest.raises(RemovalCap, match="58 of 60"):
        memory.apply(memory.plan())


def test_the_hash_of_a_plan_covers_the_texts(make: Make) -> None:
    one = make(policies=WINDOW, consolidation=["brief"])
    other = make(policies=WINDOW, consolidation=[{"brief": {"max_tokens": 60}}])
    for memory in (one, other):
        memory.clock.set(START)
        fill(memory)
    assert one.plan(now=START + DAY).id != other.plan(now=START + DAY).id
    assert one.plan(now=START + DAY).id == one.plan(now=START + DAY).id


def test_policies_let_what_consolidation_made_alone_unless_they_name_it(make: Make) -> None:
    spec = {"remove": True, "half_life": "1d", "forget_below": 0.5}
    memory = make(policies=[{"ebbinghaus": spec}], consolidation=["summaries"])
    fill(memory)
    memory.clock.advance(30 * DAY)
    consolidated(memory)
    memory.clock.advance(300 * DAY)
    assert not memory.plan()
    named = make(
        policies=[{"ebbinghaus": {**spec, "kinds": ["chunk", "summaries"]}}],
        consolidation=["summaries"],
    )
    fill(named)
    named.clock.advance(30 * DAY)
    consolidated(named)
    named.clock.advance(300 * DAY)
    assert [one.policy for one in named.plan().changes] == ["ebbinghaus"]


@dataclass(frozen=True, kw_only=True)
class Rogue(Consolidator):
    """Breaks its word in one of several ways."""

    name: ClassVar[str] = "rogue"
    how: str = "erase"

    def concerns(self, staying: int, leaving: int) -> bool:
        return True

    def consolidate(self, leaving: Sequence[Record], around: Overview) -> Steps[Change]:
        first, second, *_ = yield from around.staying()
        changes: dict[str, Any] = {
            "erase": Change(erase=(first.id,), reason="x"),
            "unknown": Change(archive=("f" * 32,), reason="x"),
            "heir": Change(archive=(first.id,), supersede=((second.id, first.id),), reason="x"),
            "bare": Change(add=(replace(first, id="0" * 32, sources=()),), reason="x"),
        }
        if self.how == "raises":
            raise ZeroDivisionError
        found: Change = changes.get(self.how, 42)
        return found


@pytest.mark.parametrize("how", ["erase", "unknown", "heir", "bare", "raises", "no change"])
def test_a_consolidator_that_breaks_its_word_is_named(make: Make, how: str) -> None:
    memory = make(consolidation=[Rogue(how=how)])
    fill(memory)
    with pytest.raises(PluginError, match="consolidator 'rogue'"):
        memory.plan()


# merge


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (
            "The invoice of the garden shop is 120 euros.",
            "The invoice of the garden shop is 130 euros.",
        ),
        ("The garden shop of Ann opens early.", "The garden shop of Bob opens early."),
        ("We do like the old green garden shop.", "We do not like the old green garden shop."),
        ("Ann owes Bob the price of the lamp.", "Bob owes Ann the price of the lamp."),
        (
            "The meeting in the garden shop takes two hours.",
            "The meeting in the garden shop takes three hours.",
        ),
        (
            "My sister lives in the old house by the river.",
            "My sister lived in the old house by the river.",
        ),
        (
            "They open the shop on the corner at noon.",
            "They never open the shop on the corner at noon.",
        ),
        *(
            (f"{start} {end}", f"{start} {word} {end}")
            for start, word, end in (
                ("The", "cancelled", "meeting with the garden shop is on Monday morning"),
                ("The", "spare", "key to the cellar door lies under the old mat"),
                ("Ask my", "former", "boss at the bank about the letter for the visa"),
                ("The doctor allowed coffee with milk at breakfast", "except", "on workdays"),
                ("Ich habe heute", "nicht", "mit dem neuen Chef im Laden gesprochen"),
                ("Hoy", "no", "he hablado con el nuevo jefe de la tienda"),
            )
        ),
        (
            "The fridge of the garden shop was at 5 degrees.",
            "The fridge of the garden shop was at -5 degrees.",
        ),
        ("The driver of the scanner is in C.", "The driver of the scanner is in C++."),
        ("The garden shop opens early.", "The garden shop opens early?"),
        ("Yes, the garden shop opens early.", "No, the garden shop opens early."),
    ],
)
def test_facts_that_differ_in_a_word_that_matters_stay_apart(
    make: Make, one: str, other: str
) -> None:
    memory = make(consolidation=["merge"])
    fill(memory, (one, other))
    assert not memory.plan()


def test_of_near_duplicates_the_richest_stays_with_the_uses_of_all(make: Make) -> None:
    memory = make(consolidation=["merge"])
    poor, rich, third = fill(
        memory,
        (
            "The cat sleeps on the old mat.",
            "The cat sleeps on the old mat upstairs!",
            "Well, the cat sleeps on an old mat",
        ),
    )
    memory.search("The cat sleeps on the old mat.", k=1)
    uses = sum(memory.get(name).uses for name in (poor, rich, third))
    run = memory.apply(memory.plan())
    assert run.superseded == 2
    [left] = active(memory)
    assert (left.id, left.uses) == (rich, uses)
    assert left.created == memory.get(third).created
    assert memory.get(poor).status == "superseded"


def test_records_of_another_kind_valence_or_source_are_not_merged(make: Make) -> None:
    memory = make(consolidation=["merge"])
    memory.add("The cat sleeps on the mat.", source="chat")
    memory.add("The cat sleeps on the mat!", source="tool:web")
    memory.add("The cat sleeps on a mat!", source="chat", valence=-1.0)
    assert not memory.plan()


VOCABULARY = "cat dog mat hat red old big not 2 3 Ann Bob sleeps runs on the by"
WORDS = st.sampled_from(VOCABULARY.split())
TEXTS = st.lists(
    st.lists(WORDS, min_size=1, max_size=7).map(" ".join), min_size=1, max_size=12, unique=True
)
QUICK = settings(max_examples=25, deadline=None)


def opened(**options: Any) -> AgentMemory:
    return AgentMemory.open(
        embedder=HashEmbedder(dim=16),
        clock=SimulatedClock(START),
        **{"policies": [], "updates": [], **options},
    )


@given(TEXTS)
@QUICK
def test_a_merge_never_loses_a_number_a_name_or_both_copies(texts: list[str]) -> None:
    with opened(consolidation=["merge"]) as memory:
        memory.add(texts)
        before = {one.id: one for one in active(memory)}
        plan = memory.plan()
        memory.apply(plan, allow_mass=True)
        left = {one.id: one for one in active(memory)}
        for change in plan.changes:
            for old, new in change.supersede:
                assert new in left
                lost = set(before[old].text.split()) - set(left[new].text.split())
                assert lost <= {"the"}
        assert not memory.plan()


# adjacent


def test_a_session_keeps_as_many_records_as_it_may(make: Make) -> None:
    memory = make(consolidation=[{"adjacent": {"most": 3}}])
    fill(
        memory, [f"red apple number {i}" for i in range(4)] + ["grey stone", "blue lake with fish"]
    )
    memory.clock.advance(2 * DAY)
    alone = fill(memory, ("another day",))
    consolidated(memory)
    texts = [one.text for one in active(memory)]
    assert len(texts) == 4
    assert texts[1:3] == ["grey stone", "blue lake with fish"]  # the apples were most alike
    assert memory.get(alone[0]).status == "active"


# summaries


def test_row_2_a_summary_of_a_batch_and_a_summary_of_summaries(make: Make) -> None:
    memory = make(
        policies=WINDOW,
        consolidation=[{"summaries": {"batch": 5, "span": 4, "max_tokens": 60}}],
    )
    names = []
    for part in range(5):
        names += fill(memory, [f"Ann: Report {part}-{i} speaks of topic{part}." for i in range(5)])
        consolidated(memory)
    levels = sorted(one.data["level"] for one in active(memory, "summaries"))
    assert levels == [1, 2]
    [above] = [one for one in active(memory, "summaries") if one.data["level"] == 2]
    assert set(above.sources) <= set(names)
    assert len(above.sources) > 10
    assert count_tokens(above.text) <= 60 + 2
    assert all(count_tokens(one.text) <= 60 for one in active(memory) if one is not above)
    assert above.key == above.text.removeprefix("Earlier: ")
    assert not memory.plan()


def test_row_2_one_plan_makes_both_levels(make: Make) -> None:
    memory = make(
        policies=WINDOW, consolidation=[{"summaries": {"batch": 2, "span": 3}}], removal_cap=1.0
    )
    fill(memory, [f"The report {i} is about the river." for i in range(14)])
    run = memory.apply(memory.plan())
    assert run.added == 2  # of twelve records: six summaries, so two of three each
    assert [one.data["level"] for one in active(memory, "summaries")] == [2, 2]


def words_of(path: Path) -> bytes:
    return b"".join(file.read_bytes() for file in sorted(path.parent.glob(path.name + "*")))


@pytest.mark.parametrize("store", ["summaries", "brief", "placebo", {"ladder": {"max_tokens": 60}}])
def test_an_erased_source_leaves_no_word_in_what_was_made_of_it(
    make: Make, tmp_path: Path, store: object
) -> None:
    path = tmp_path / "m.db"
    memory = make(path, policies=WINDOW, consolidation=[store])
    secret = memory.add("Cora: I will pay the quicksilver ransom. Our quicksilver deal stands.")[0]
    fill(memory)
    consolidated(memory)
    fill(memory, ("Bob: Fine.", "Ann: I promise to call.", "Bob: It rains."))
    consolidated(memory)  # a second version
    assert b"quicksilver" in words_of(path)
    receipt = memory.erase(secret)
    assert receipt.scrubbed
    assert b"quicksilver" not in words_of(path)
    assert b"ransom" not in words_of(path)
    made = [one for one in active(memory) if one.kind in ("summaries", "brief", "placebo")]
    assert all(secret not in one.sources for one in made)
    if store in ("summaries", "brief"):
        assert any("crates" in one.text for one in made)  # the others are told still


@pytest.mark.parametrize("store", ["summaries", "brief"])
def test_a_source_forgotten_by_its_user_is_told_no_more(make: Make, store: str) -> None:
    memory = make(policies=WINDOW, consolidation=[store])
    names = fill(memory)
    consolidated(memory)
    [made] = active(memory, store)
    assert "crates" in made.text
    memory.forget(names[0])
    [again] = active(memory, store)
    assert again.id == made.id
    assert "crates" not in again.text
    assert "van" in again.text
    assert names[0] not in again.sources


def test_what_rests_on_forgotten_sources_alone_goes_with_them(make: Make) -> None:
    memory = make(policies=WINDOW, consolidation=["summaries"])
    names = fill(memory, TALK[:3])
    consolidated(memory)
    [made] = active(memory, "summaries")
    assert made.sources == (names[0],)
    memory.forget(names[0])
    assert active(memory, "summaries") == []


# ladder


def tokens(memory: AgentMemory) -> int:
    return sum(count_tokens(one.text) for one in active(memory))


def test_the_ladder_goes_from_chunk_to_facts_to_a_line_to_nothing(make: Make) -> None:
    memory = make(consolidation=[{"ladder": {"max_tokens": 22, "line": 8}}], removal_cap=1.0)
    text = "Ann: Hi! Wow, so nice. I live in Porto and work at the harbour. How are you, dear Bob?"
    [name] = fill(memory, (text,), importance=0.01)
    run = memory.apply(memory.plan())
    assert (run.added, run.superseded) == (1, 1)
    [facts] = active(memory)
    assert facts.text == "Ann lives in Porto. Ann works at the harbour."
    assert (facts.kind, facts.data["rung"], facts.sources) == ("ladder", 1, (name,))
    fill(memory, ("Bob: I keep bees in the valley behind the mill.",), importance=1.0)
    memory.apply(memory.plan())
    assert memory.get(facts.id).text == "Ann lives in Porto."
    memory.add("Bob: The mill was built in 1780 and has two wheels that turn.", importance=1.0)
    memory.apply(memory.plan())
    assert memory.get(facts.id).status == "archived"
    assert tokens(memory) <= 22
    assert memory.get(name).status == "superseded"
    assert memory.get(name).text == text  # nothing is erased


@given(TEXTS, st.integers(1, 60), st.lists(st.floats(0.0, 1.0), min_size=12, max_size=12))
@QUICK
def test_the_budget_holds_after_every_plan(
    texts: list[str], budget: int, importance: list[float]
) -> None:
    spec = {"ladder": {"max_tokens": budget, "line": 4}}
    with opened(stores=["chunk", "fact"], consolidation=["merge", spec]) as memory:
        for half in (texts[::2], texts[1::2]):
            for text, value in zip(half, importance, strict=False):
                memory.add(f"Ann: I have a {text}. Really, {text}!", importance=value)
            start = every(memory)
            run = memory.apply(memory.plan(), allow_mass=True)
            assert tokens(memory) <= budget
            assert not memory.plan()
            if run.lines:
                memory.undo(run)
                now = every(memory)
                assert all(same(now[name], one) for name, one in start.items())
                memory.apply(memory.plan(), allow_mass=True)
                assert tokens(memory) <= budget


def test_two_chunks_of_the_same_facts_come_down_to_one_record(make: Make) -> None:
    memory = make(consolidation=[{"ladder": {"max_tokens": 12}}], removal_cap=1.0)
    one, other = fill(
        memory, ("I live in Porto. Wow, so nice!", "I live in Porto. Hello, hello!"), importance=0.5
    )
    memory.apply(memory.plan())
    [left] = active(memory)
    assert set(left.sources) == {one, other}
    memory.restore(one)
    assert memory.get(one).status == "active"
    memory.apply(memory.plan())
    assert [record.id for record in active(memory)] == [left.id]


# brief


def about(brief: Record, name: str) -> list[str]:
    return [line["text"] for line in brief.data["lines"] if line["about"] == name]


def test_a_brief_states_what_is_ahead_and_cites_it(make: Make) -> None:
    memory = make(policies=WINDOW, consolidation=["brief"])
    names = fill(memory, (*TALK, "Ann: It rains.", "Bob: It snows."), valence=0.0)
    consolidated(memory)
    [brief] = active(memory, "brief")
    assert about(brief, "commitment") == [f"{TALK[0]} (2024-03-01)"]
    assert about(brief, "gain") == [TALK[1]]
    assert about(brief, "repair") == [TALK[2]]
    assert about(brief, "ahead") == [f"{TALK[3]} (2023-12-20)"]
    assert [line["sources"] for line in brief.data["lines"]] == [[name] for name in names[:4]]
    assert brief.text.startswith("2023-11-14 to 2023-11-14. 6 earlier turns: 0 helped, 0 harmed")
    assert "zebra" not in brief.text
    assert set(brief.sources) == set(names[:6])
    assert "brief" in {hit.record.kind for hit in memory.search("crates")}


def test_a_brief_is_one_record_that_is_renewed(make: Make) -> None:
    memory = make(policies=WINDOW, consolidation=["brief"])
    fill(memory, valence=0.5)
    consolidated(memory)
    [first] = active(memory, "brief")
    memory.clock.advance(60 * DAY)  # the fair is over
    fill(memory, ("Ann: The crates were delivered, I will bring no more crates.", "Ok.", "Fine."))
    fill(memory, ("Bob: It cost me fifty euros.", "Yes.", "No."), valence=-1.0)
    consolidated(memory)
    [second] = active(memory, "brief")
    assert second.id == first.id
    assert about(second, "ahead") == []
    assert f"{TALK[0]} (2024-03-01)" not in about(second, "commitment")
    assert second.data["counts"] == {"turns": 10, "helped": 6, "harmed": 1}
    assert memory.history(second.id)[0].verbs == ("add",)


def test_a_brief_of_a_few_records_keeps_the_count_of_all(make: Make) -> None:
    memory = make(policies=WINDOW, consolidation=[{"brief": {"span": 2}}])
    names = fill(memory, [f"It rains on hill {i}." for i in range(4)])
    promised = fill(memory, ("Ann: I promise to mend the roof.",))
    consolidated(memory)
    names += fill(memory, [f"It snows on hill {i}." for i in range(9)])
    consolidated(memory)
    [brief] = active(memory, "brief")
    assert brief.data["counts"]["turns"] == 12
    assert promised[0] in brief.sources  # because a line cites it
    assert len(brief.sources) <= 3
    assert "mend the roof" in brief.text


@given(st.lists(st.sampled_from(TALK), max_size=12), st.integers(40, 120))
@QUICK
def test_a_brief_has_at_most_so_many_tokens_and_its_placebo_as_many(
    texts: list[str], budget: int
) -> None:
    numbered = [f"{text[:-1]} at place {i}." for i, text in enumerate(texts)]
    stores = [{"brief": {"max_tokens": budget}}, {"placebo": {"max_tokens": budget}}]
    with opened(policies=WINDOW, consolidation=stores) as memory:
        fill(memory, [*numbered, "Ok.", "Fine.", "Well."])
        consolidated(memory)
        [brief], [placebo] = active(memory, "brief"), active(memory, "placebo")
        assert count_tokens(brief.text) == count_tokens(placebo.text) <= budget
        assert len(brief.text.splitlines()) == len(placebo.text.splitlines())


def test_a_placebo_has_no_word_of_the_talk_and_none_of_dealing(make: Make) -> None:

    memory = make(policies=WINDOW, consolidation=["placebo"])
    fill(memory)
    consolidated(memory)
    [placebo] = active(memory, "placebo")
    assert count(placebo.text) == (0, 0)
    assert not {"ann", "crates", "van", "sorry", "fair"} & set(placebo.text.lower().split())
    assert count_tokens(filler(500)) == 500


# by model


def by_model(store: str, model: Scripted, **options: Any) -> dict[str, Any]:
    return {"consolidation": [{store: {"by": "model", **options}}], **asking(model)}


def test_lines_of_a_model_that_cite_no_record_are_dropped(make: Make) -> None:
    lines = [
        {"about": "commitment", "text": "Ann owes  crates.", "cites": [1, 99]},
        {"about": "gain", "text": "All will be rich.", "cites": []},
        {"about": "repair", "text": " ", "cites": [3]},
    ]
    more = [
        {"about": "commitment", "text": "Ann still owes crates.", "cites": [1]},
        {"about": "ahead", "text": "Snow is near.", "cites": [3]},
    ]
    model = Scripted({"lines": lines}, {"lines": more}, {"lines": more[:1]})
    memory = make(policies=WINDOW, **by_model("brief", model))
    names = fill(memory)
    consolidated(memory)
    [brief] = active(memory, "brief")
    assert "[1] 2023-11-14 Ann: I will bring the crates" in model.asked[0]
    assert about(brief, "commitment") == ["Ann owes crates."]
    assert brief.data["lines"][0]["sources"] == [names[0]]
    assert "rich" not in brief.text
    assert "4 earlier turns" in brief.text
    late = fill(memory, ("Bob: Snow is near.", "Ann: Ok.", "Bob: Fine."))
    consolidated(memory)
    [brief] = active(memory, "brief")
    assert "[1] (commitment) Ann owes crates." in model.asked[1]
    assert [line["sources"] for line in brief.data["lines"]] == [[names[0]], [names[5]]]
    assert late[0] in brief.sources
    memory.forget(names[5])
    assert "brief" not in {hit.record.kind for hit in memory.search("crates snow")}
    memory.extract()
    [brief] = active(memory, "brief")
    assert names[5] not in brief.sources
    assert brief.text.endswith("- Ann still owes crates.")


def test_summaries_by_model_are_cut_to_their_length(make: Make) -> None:
    model = Scripted({"text": "Crates and vans."}, {"text": "A fair."}, {"text": "word " * 90})
    memory = make(policies=WINDOW, **by_model("summaries", model, batch=2, span=2, max_tokens=20))
    fill(memory)
    run = memory.apply(memory.plan(), allow_mass=True)
    [above] = active(memory, "summaries")
    assert run.added == 1
    assert above.data["level"] == 2
    assert count_tokens(above.key or "") <= 20
    assert "Crates and vans.\nA fair." in model.asked[2]


def test_there_is_no_plan_if_the_model_fails(make: Make) -> None:
    memory = make(policies=WINDOW, **by_model("brief", Scripted(ValueError("away"))))
    fill(memory)
    with pytest.raises(ModelError):
        memory.plan()
    assert len(active(memory)) == len(TALK)


def test_a_plan_survives_the_way_through_a_file(make: Make) -> None:
    memory = make(policies=WINDOW, consolidation=["brief", "merge"])
    fill(memory)
    plan = plan_of(json.dumps(plan_data(memory.plan())), "here")
    assert plan == memory.plan()
    assert memory.apply(plan, allow_mass=True).added == 1


def test_a_plan_made_while_the_memory_changes_is_stale(make: Make) -> None:
    memory = make(policies=WINDOW, consolidation=[Meddling()])
    names = fill(memory)
    Meddling.call = lambda: memory.update(names[0], importance=0.9)
    with pytest.raises(StalePlan, match="while the plan was made"):
        memory.plan()


@dataclass(frozen=True, kw_only=True)
class Meddling(Consolidator):
    """Somebody writes while it is asked."""

    name: ClassVar[str] = "meddling"
    call: ClassVar[Callable[[], object]]

    def consolidate(self, leaving: Sequence[Record], around: Overview) -> Steps[Change]:
        yield from ()
        type(self).call()
        return Change(reason="nothing")


def test_what_was_forgotten_by_itself_is_not_made_again(make: Make) -> None:
    memory = make(consolidation=[{"ladder": {"max_tokens": 12}}])
    [name] = fill(memory, ("I live in Porto. Wow, so very nice it is there!",))
    memory.apply(memory.plan())
    [facts] = active(memory)
    memory.forget(facts.id)
    memory.restore(name)
    memory.apply(memory.plan())
    assert active(memory) == []  # the chunk went, and the facts that were forgotten stay so
    assert memory.get(name).status == "archived"


def test_what_maintenance_put_away_comes_back_with_a_later_plan(make: Make) -> None:
    memory = make(consolidation=[{"ladder": {"max_tokens": 12}}])
    [name] = fill(memory, ("I live in Porto. Wow, so very nice it is there!",))
    run = memory.apply(memory.plan())
    [facts] = active(memory)
    memory.undo(run)
    assert [one.id for one in active(memory)] == [name]
    memory.apply(memory.plan())
    assert [one.id for one in active(memory)] == [facts.id]


def test_a_pinned_brief_is_always_there_and_first(make: Make) -> None:
    memory = make(policies=WINDOW, consolidation=["brief"], retrieval=["pinned"])
    fill(memory)
    assert "brief" not in {hit.record.kind for hit in memory.search("zebra", k=1)}
    consolidated(memory)
    for query in ("zebra marmalade", "crates", "nothing of the kind"):
        hits = memory.search(query, k=1)
        assert [hit.record.kind for hit in hits] == ["brief", "chunk"]
        assert hits[0].score >= hits[1].score
    assert [hit.record.kind for hit in memory.search("crates", where={"kind": "chunk"}, k=1)] == [
        "chunk"
    ]


@pytest.mark.parametrize(
    ("talk", "expected"),
    [
        (
            ("Ann: Shall we split the fee?", "Bob: Deal!"),
            ["Ann: Shall we split the fee? Bob: Deal!"],
        ),
        (
            ("Ann: Let's split the fee.", "Bob: Ok, agreed."),
            ["Ann: Let's split the fee. Bob: Ok, agreed."],
        ),
        (("Ann: Shall we split the fee?", "Bob: No."), []),
        (("Ann: It rains.", "Bob: Agreed."), []),
        (("Bob: Deal!",), []),
        (("Ann: I will send the boxes.", "Bob: The boxes have arrived."), []),
        (
            ("Ann: I will send the boxes.", "Bob: The letter has arrived."),
            ["Ann: I will send the boxes."],
        ),
        (("Ann: I will send the boxes on 15 November 2023.",), []),
        (
            ("Ann: We agreed to meet weekly.", "Ann: We agreed to meet weekly."),
            ["Ann: We agreed to meet weekly."],
        ),
        (("Ann: I will see.", "Bob: Will you pay?", "Ann: Today was cold."), []),
    ],
)
def test_what_is_agreed_and_still_open_is_read_by_rule(
    talk: Sequence[str], expected: list[str]
) -> None:
    records = [
        Record(id=str(i), text=text, namespace=("n",), created=START, ingested=START, used=START)
        for i, text in enumerate(talk)
    ]
    found = lines(records, talk, START + 5 * DAY)
    assert [one.text for one in found] == expected
    assert all(one.about == "commitment" for one in found)
    assert all(len(one.sources) == len(talk) for one in found) or "arrived" in talk[1]
