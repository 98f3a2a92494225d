"""Of records about the same thing, the newer is recalled first; nothing else moves."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentmem import AgentMemory
from agentmem.core import Hit, Why
from agentmem.embed.hashing import HashEmbedder
from agentmem.errors import ConfigError
from agentmem.index.cues import past
from agentmem.interference import Contest, Rules, settle
from agentmem.retrieve.stage import rescored
from tests.conftest import DAY, START, Make

RULES = Rules(strength=0.4, shared=0.6, alike=0.5)
JOBS = ("I work at Google", "I work at Meta", "I work at Anthropic")


def contest(
    scores: list[float],
    created: list[float],
    *,
    held: list[list[bool]] | None = None,
    group: list[int] | None = None,
    able: list[bool] | None = None,
    towards: list[int] | None = None,
) -> Contest:
    """Candidates that all hold the question's only word and all have the same vector."""
    n = len(scores)
    words = np.array(held or [[True]] * n, dtype=np.bool_).reshape(n, -1 if n else 1)
    axes = np.eye(4, dtype=np.float32)[towards or [0] * n]
    return Contest(
        scores=np.array(scores, dtype=np.float64),
        created=np.array(created, dtype=np.float64),
        group=np.array(group or [0] * n, dtype=np.int64),
        able=np.array(able or [True] * n, dtype=np.bool_),
        held=words,
        telling=np.full(words.shape[1], 1.0 / words.shape[1]),
        vectors=lambda some: axes[some],
    )


@st.composite
def contests(draw: st.DrawFn) -> Contest:
    n = draw(st.integers(0, 12))

    def each(of: st.SearchStrategy[object]) -> list[object]:
        return draw(st.lists(of, min_size=n, max_size=n))

    words = draw(st.integers(1, 4))
    return contest(
        each(st.sampled_from([0.0, 0.1, 0.3, 0.4, 0.5, 0.5, 0.9, 1.0])),
        each(st.sampled_from([1.0, 2.0, 2.0, 3.0, 4.0])),
        held=each(st.lists(st.booleans(), min_size=words, max_size=words)),
        group=each(st.integers(0, 1)),
        able=each(st.booleans()),
        towards=each(st.integers(0, 2)),
    )


def ahead(scores: np.ndarray, turn: np.ndarray, first: int, second: int) -> bool:
    return bool((scores[first], -turn[first]) > (scores[second], -turn[second]))


def test_rivals_keep_their_places_and_fill_them_newest_first() -> None:
    places = settle(contest([0.9, 0.8, 0.6], [1.0, 3.0, 2.0]), RULES)
    assert places.scores.tolist() == [0.6, 0.9, 0.8]
    assert places.turn.tolist() == [2, 0, 1]
    assert places.newest.tolist() == [1, -1, 1]


def test_what_scores_much_less_is_no_rival() -> None:
    assert settle(contest([1.0, 0.59], [1.0, 2.0]), RULES).scores.tolist() == [1.0, 0.59]
    assert settle(contest([1.0, 0.6], [1.0, 2.0]), RULES).scores.tolist() == [0.6, 1.0]


@pytest.mark.parametrize(
    "apart",
    [
        {"group": [0, 1]},
        {"able": [True, False]},
        {"towards": [0, 1]},
        {"held": [[True, True, False], [False, False, True]]},
    ],
)
def test_of_another_group_or_about_something_else_is_no_rival(
    apart: dict[str, list[object]],
) -> None:
    places = settle(contest([0.9, 0.8], [1.0, 2.0], **apart), RULES)
    assert places.scores.tolist() == [0.9, 0.8]
    assert places.newest.tolist() == [-1, -1]


def test_equal_scores_are_told_apart_by_turn_and_equal_times_by_score() -> None:
    tied = settle(contest([0.5, 0.5], [1.0, 2.0]), RULES)
    assert ahead(tied.scores, tied.turn, 1, 0)
    together = settle(contest([0.5, 0.7, 0.6], [1.0, 1.0, 1.0]), RULES)
    assert together.scores.tolist() == [0.5, 0.7, 0.6]
    assert together.newest.tolist() == [-1, -1, -1]


def test_those_left_over_have_rivals_of_their_own() -> None:
    places = settle(
        contest([1.0, 0.9, 0.5, 0.4], [2.0, 1.0, 1.0, 2.0], towards=[0, 0, 1, 1]), RULES
    )
    assert places.scores.tolist() == [1.0, 0.9, 0.4, 0.5]


@given(contests())
def test_scores_are_dealt_anew_among_rivals_and_to_nobody_else(one: Contest) -> None:
    places = settle(one, RULES)
    assert sorted(places.scores) == sorted(one.scores)
    assert (places.scores[~one.able] == one.scores[~one.able]).all()
    assert (settle(one, replace(RULES, strength=0.0)).scores == one.scores).all()
    for group in (0, 1):
        inside = one.group == group
        assert sorted(places.scores[inside]) == sorted(one.scores[inside])


@given(contests())
def test_a_newer_rival_stands_before_and_scores_no_less_than_its_bound(one: Contest) -> None:
    places = settle(one, RULES)
    for older, newer in enumerate(places.newest.tolist()):
        if newer >= 0:
            assert one.created[newer] > one.created[older]
            assert one.group[newer] == one.group[older]
            assert ahead(places.scores, places.turn, newer, older)
            assert places.scores[older] >= (1.0 - RULES.strength) * one.scores[older] - 1e-12


@given(contests(), st.floats(0.0, 1.0), st.integers(0, 2))
def test_a_newer_record_about_something_else_changes_no_place(
    one: Contest, score: float, how: int
) -> None:
    axes = one.vectors(np.arange(len(one.scores)))
    strange = np.eye(4, dtype=np.float32)[[3]] if how == 0 else np.eye(4, dtype=np.float32)[[0]]
    more = replace(
        one,
        scores=np.append(one.scores, score),
        created=np.append(one.created, 9.0),
        group=np.append(one.group, 7 if how == 1 else 0),
        able=np.append(one.able, True),
        held=np.vstack([one.held, np.full((1, one.held.shape[1]), how != 2)]),
        vectors=lambda some: np.vstack([axes, strange])[some],
    )
    before, after = settle(one, RULES), settle(more, RULES)
    assert after.scores[:-1].tolist() == before.scores.tolist()
    assert after.newest[:-1].tolist() == before.newest.tolist()
    assert after.scores[-1] == score


def tell(memory: AgentMemory, *texts: str, start: int = 0, **options: object) -> list[str]:
    """Things said a month apart."""
    return [
        name
        for month, text in enumerate(texts, start)
        for name in memory.add(text, now=START + 30 * DAY * month, **options)
    ]


def texts(memory: AgentMemory, query: str, **options: object) -> list[str]:
    options = {"k": 8, "now": START + 400 * DAY, "reinforce": False, **options}
    return [hit.text for hit in memory.search(query, **options)]


@pytest.mark.parametrize("mode", ["hybrid", "lexical"])
def test_the_newest_of_several_statements_about_the_same_thing_comes_first(
    make: Make, mode: str
) -> None:
    memory = make(embedder=HashEmbedder(dim=256))
    tell(memory, *JOBS, "The sea is blue")
    assert texts(memory, "Where do I work?", mode=mode)[:3] == list(reversed(JOBS))
    plain = make(embedder=HashEmbedder(dim=256), recall={"interference": 0.0})
    tell(plain, *JOBS, "The sea is blue")
    assert texts(plain, "Where do I work?", mode="lexical")[:3] == list(JOBS)


def test_an_old_record_without_a_newer_rival_keeps_its_place(make: Make) -> None:
    memory = make(embedder=HashEmbedder(dim=256))
    tell(memory, "My passport number is X123", *JOBS, "Passports are checked in Porto")
    assert texts(memory, "passport number")[0] == "My passport number is X123"


def test_what_yields_is_still_found(make: Make) -> None:
    memory = make(embedder=HashEmbedder(dim=256))
    tell(memory, "I work at Google as an engineer", "At Google I work as an engineer")
    assert len(texts(memory, "Where do I work as an engineer?")) == 2


@pytest.mark.parametrize("query", ["Where did I work before?", "When did I start to work?"])
def test_a_question_about_the_past_prefers_no_newer_record(make: Make, query: str) -> None:
    memory = make(embedder=HashEmbedder(dim=256))
    tell(memory, *JOBS)
    hits = memory.search(query, now=START + 400 * DAY, reinforce=False)
    assert all(hit.why.rival is None and hit.why.fresh == 1.0 for hit in hits)


def test_a_time_that_the_question_names_decides_instead(make: Make) -> None:
    memory = make(embedder=HashEmbedder(dim=256))
    tell(memory, *JOBS)
    assert texts(memory, "Where do I work in November 2023?")[0] == JOBS[0]


def test_the_questions_own_text_stays_first_and_its_repetition_is_no_answer(make: Make) -> None:
    memory = make(embedder=HashEmbedder(dim=256))
    tell(memory, *JOBS, "user: where do I work?")
    memory.add("I really had to work on a whole lot of things", now=START + 200 * DAY)
    assert texts(memory, "I work at Google")[0] == JOBS[0]
    hits = memory.search("where do I work", now=START + 400 * DAY, reinforce=False)
    asked = next(hit for hit in hits if hit.text.startswith("user:"))
    assert asked.why.fresh == 1.0
    assert all(hit.why.rival != asked.id for hit in hits)


def test_other_namespaces_have_no_part_in_it(make: Make) -> None:
    memory = make(namespace=("a", "1"), embedder=HashEmbedder(dim=256))
    mine = tell(memory, *JOBS[:2])
    before = memory.search("Where do I work?", now=START + 400 * DAY, reinforce=False)
    tell(memory, *JOBS, start=3, namespace=("a", "2"))
    after = memory.search("Where do I work?", now=START + 400 * DAY, reinforce=False)
    assert after == before
    both = memory.search("Where do I work?", namespace=("a",), now=START + 400 * DAY, k=9)
    rivals = {hit.id: hit.why.rival for hit in both}
    assert rivals[mine[0]] == mine[1]
    assert rivals[mine[1]] is None
    assert [hit.text for hit in both if hit.record.namespace == ("a", "2")] == [*reversed(JOBS)]


def test_the_newest_of_very_many_is_looked_at(make: Make) -> None:
    memory = make(embedder=HashEmbedder(dim=256))
    for i in range(150):
        memory.add(f"the colour key is shade{i}", now=START + i * DAY)
    assert texts(memory, "colour key", k=2) == [f"the colour key is shade{i}" for i in (149, 148)]


def test_explain_names_the_newer_record(make: Make) -> None:
    memory = make(embedder=HashEmbedder(dim=256))
    old, new = tell(memory, "I work at Google", "I work at Meta as an engineer")
    said = str(memory.explain("Where do I work?", now=START + 400 * DAY))
    first, second = memory.search("Where do I work?", now=START + 400 * DAY)
    assert f"a newer record about the same thing: {new}" in said
    assert (first.id, second.id, second.why.rival) == (new, old, new)
    assert first.why.fresh > 1.0 > second.why.fresh
    for hit in (first, second):
        assert hit.score == pytest.approx(hit.why.fused * hit.why.retention * hit.why.fresh)


def test_another_relevance_keeps_the_newer_first(memory: AgentMemory) -> None:
    [name] = memory.add("I work at Meta")
    hit = Hit(record=memory.get(name), score=0.5, why=Why(fused=0.4, fresh=1.25))
    assert rescored(hit, 0.8).score == pytest.approx(1.0)


@pytest.mark.parametrize("recall", [{"interference": 1.5}, {"shared": 0.0}, {"alike": 2.0}])
def test_settings_have_bounds(make: Make, recall: dict[str, float]) -> None:
    with pytest.raises(ConfigError, match=next(iter(recall))):
        make(recall=recall)


@pytest.mark.parametrize(
    ("query", "so"),
    [
        ("When did Ann move?", True),
        ("what was my former address", True),
        ("Where did I live before?", True),
        ("what did I use to drink two years ago", True),
        ("When is the next meeting?", False),
        ("where do I work", False),
        ("what should I do before lunch", False),
        ("the agony of choice", False),
    ],
)
def test_questions_about_the_past_are_known_by_their_words(query: str, so: bool) -> None:
    assert past(query) is so
