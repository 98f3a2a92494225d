"""Feedback by like questions, and rationales by the structure of the question."""

import asyncio
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agentmem import AgentMemory
from agentmem.errors import ConfigError, InputError, MissingExtra
from agentmem.modules.feedback import FeedbackMemory, normalised
from agentmem.modules.rationale import RationaleMemory, likeness, masked
from agentmem.stores.kept import FeedbackStore, RationaleStore
from tests.conftest import Make

ASKED = "What sounds like wonderful weather?"
MEANT = "sounds like means a homonym"


@pytest.fixture
def memory(make: Make) -> AgentMemory:
    return make(stores=["chunk", FeedbackStore(), RationaleStore()])


@pytest.mark.parametrize(
    ("question", "key"),
    [
        ("What is THE word for <b>happy</b>?", "word happy"),
        ("Question: a word like {{word}} [INST]happy[/INST]", "word like happy"),
        ("Is it {adj} not good?", "not good"),
        ('Is <a href="x">[tea]</a> a<1 and 2>b?', "tea 1 2 b"),
        ("Who is it?", "who is it"),
        ("is 3 < 4 and 5 > 2?", "3 4 5 2"),
        ("...", ""),
    ],
)
def test_a_key_has_no_tags_marks_or_stop_words(question: str, key: str) -> None:
    assert normalised(question) == key


def test_row_17_edit_distance_5_hits_6_misses(memory: AgentMemory) -> None:
    feedback = FeedbackMemory(memory)
    feedback.correct("abcdefghijklmnop", MEANT)
    found = feedback.lookup("abcdefghijkVWXYZ")
    assert found is not None
    assert (found.clarification, found.distance) == (MEANT, 5)
    assert feedback.lookup("abcdefghijUVWXYZ") is None


def test_short_keys_need_more_in_common_unless_as_published(memory: AgentMemory) -> None:
    FeedbackMemory(memory).correct("tea", MEANT)
    assert FeedbackMemory(memory).lookup("gin") is None
    found = FeedbackMemory(memory, share=1).lookup("gin")
    assert found is not None
    assert found.distance == 3


def test_the_nearest_question_is_the_one(memory: AgentMemory) -> None:
    feedback = FeedbackMemory(memory)
    feedback.correct("synonym of happiness one", "one")
    feedback.correct("synonym of happiness three", "three")
    found = feedback.lookup("synonym of happiness thre")
    assert found is not None
    assert found.clarification == "three"


def test_the_same_key_overwrites(memory: AgentMemory) -> None:
    feedback = FeedbackMemory(memory)
    old = feedback.correct(ASKED, "old")
    new = feedback.correct(ASKED.upper(), "new")
    found = feedback.lookup(ASKED)
    assert found is not None
    assert (found.id, found.clarification) == (new, "new")
    assert memory.get(old).status == "archived"
    assert new in memory.history(old)[-1].reason
    assert memory.get(new).links == (old,)
    assert feedback.correct(ASKED, "old") == old
    again = feedback.lookup(ASKED)
    assert again is not None
    assert again.clarification == "old"
    assert len(memory.search(k=9, where={"kind": "feedback"})) == 1
    assert feedback.correct(ASKED, "old") == old


@settings(deadline=None, max_examples=10)
@given(st.lists(st.tuples(st.sampled_from("ABCD"), st.text("xyz", min_size=1, max_size=2))))
def test_every_question_gets_its_own_last_clarification(told: list[tuple[str, str]]) -> None:
    from agentmem.embed.hashing import HashEmbedder

    with AgentMemory.open(stores=[FeedbackStore()], embedder=HashEmbedder(dim=16)) as memory:
        for by in ("edits", "cosine"):
            feedback = FeedbackMemory(memory, by=by, namespace=(by,))
            for name, clarification in told:
                feedback.correct(f"question {name * 9}", clarification)
            for name, clarification in dict(told).items():
                found = feedback.lookup(f"Question {name * 9}?")
                assert found is not None
                assert (found.question, found.clarification) == (
                    f"question {name * 9}",
                    clarification,
                )


def test_by_cosine_only_what_is_above_the_threshold_is_given(memory: AgentMemory) -> None:
    feedback = FeedbackMemory(memory, by="cosine")
    feedback.correct(ASKED, MEANT)
    found = feedback.lookup("the weather, wonderful: like what it sounds")
    assert found is not None
    assert found.distance < 0.1
    assert feedback.lookup("Which dog barks at night?") is None


def test_a_hit_is_put_before_the_question(memory: AgentMemory) -> None:
    feedback = FeedbackMemory(memory)
    assert feedback.prompt(ASKED) == ASKED
    feedback.correct(ASKED, MEANT)
    assert feedback.prompt(ASKED) == f"Clarification: {MEANT}\n{ASKED}"


def test_feedback_goes_with_its_turn(memory: AgentMemory) -> None:
    turn = memory.add("user: I meant the homonym")
    feedback = FeedbackMemory(memory)
    feedback.correct(ASKED, MEANT, sources=turn)
    memory.forget(*turn)
    assert feedback.lookup(ASKED) is None


def test_feedback_is_found_in_its_own_namespace(memory: AgentMemory) -> None:
    for by in ("edits", "cosine"):
        FeedbackMemory(memory, by=by, namespace=("a", "b")).correct(ASKED, MEANT)
        assert FeedbackMemory(memory, by=by, namespace=("a",)).lookup(ASKED) is None


def test_mistakes_are_named(memory: AgentMemory, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ConfigError, match="did you mean 'edits'"):
        FeedbackMemory(memory, by="edit")  # type: ignore[arg-type]
    with pytest.raises(InputError, match="no word"):
        FeedbackMemory(memory).lookup("?!")
    with pytest.raises(InputError, match="share"):
        FeedbackMemory(memory, share=2)
    monkeypatch.setitem(sys.modules, "rapidfuzz.distance", None)
    with pytest.raises(MissingExtra, match="feedback"):
        FeedbackMemory(memory)
    FeedbackMemory(memory, by="cosine")


CLIPS = (
    "Natalia sold clips to 48 of her friends in April, and then she sold half as many clips in "
    "May. How many clips did Natalia sell altogether?"
)
CAKES = (
    "Then Omar sold cakes to 36 of her neighbours in June, and then she sold half as many pies in "
    "July. How many cakes did Omar Sy sell altogether?"
)
CLOCK = "A clock strikes once at one. Why is it late?"


def test_row_18_only_verified_rationales_are_stored(memory: AgentMemory) -> None:
    rationales = RationaleMemory(memory)
    assert rationales.learn(CLIPS, "48 / 3 = 16", correct=False) is None
    assert rationales.recall(CLIPS) == []
    kept = rationales.learn(CLIPS, "48 / 2 = 24; 48 + 24 = 72", correct=True)
    (found,) = rationales.recall(CLIPS)
    assert (found.id, found.rationale) == (kept, "48 / 2 = 24; 48 + 24 = 72")
    assert found.score == pytest.approx(1.0)
    for unchecked in (None, 1, "yes"):
        with pytest.raises(InputError, match="correct"):
            rationales.learn(CLIPS, "72", correct=unchecked)  # type: ignore[arg-type]
    assert len(rationales.recall(CLIPS)) == 1


def test_row_18_names_and_nouns_are_masked_in_the_key(memory: AgentMemory) -> None:
    kept = RationaleMemory(memory).learn(CLIPS, "72", correct=True)
    assert kept is not None
    assert memory.get(kept).key == (
        "NAME sold THING to NUM of her THING in NAME and then she sold half as many THING in NAME "
        "how many THING did NAME sell altogether"
    )


@pytest.mark.parametrize(
    ("question", "key"),
    [
        (
            "A train travels for 3.5 hours. How far does it go?",
            "a THING for NUM THING how far does it go",
        ),
        ("Tom Lee has two red apples and a walk.", "NAME has NUM THING and a THING"),
        ("Apples cost $4 each. What's the total?", "THING cost NUM each what 's the total"),
        ("She quickly runs to Oslo's port", "she quickly runs to NAME 's THING"),
        ("", ""),
    ],
)
def test_structure_is_what_is_left(question: str, key: str) -> None:
    assert masked(question) == key


def test_structure_beats_topic(memory: AgentMemory) -> None:
    rationales = RationaleMemory(memory)
    rationales.learn(CLOCK, "It strikes once.", correct=True)
    rationales.learn("Clips are sold by Natalia to friends.", "Yes.", correct=True)
    rationales.learn(CAKES, "36 + 18 = 54", correct=True)
    found = rationales.recall(CLIPS, k=2)
    assert found[0].rationale == "36 + 18 = 54"
    assert found[0].score > found[1].score
    assert len(found) == 2


@settings(deadline=None, max_examples=50)
@given(st.text("ab ", max_size=12), st.text("ab ", max_size=12))
def test_likeness_is_a_symmetric_share(one: str, other: str) -> None:
    assert 0.0 <= likeness(one, other) == likeness(other, one) <= 1.0
    assert likeness(one, one) == (1.0 if one.split() else 0.0)


def test_a_rationale_needs_words(memory: AgentMemory) -> None:
    with pytest.raises(InputError, match="no word"):
        RationaleMemory(memory).learn("?", "72", correct=True)


def test_the_async_twins_do_the_same(memory: AgentMemory) -> None:
    async def body() -> None:
        feedback, rationales = FeedbackMemory(memory), RationaleMemory(memory)
        await feedback.acorrect(ASKED, MEANT)
        assert (await feedback.aprompt(ASKED)).startswith("Clarification")
        assert await feedback.alookup(CLIPS) is None
        await rationales.alearn(CLIPS, "72", correct=True)
        assert len(await rationales.arecall(CAKES)) == 1

    asyncio.run(body())
