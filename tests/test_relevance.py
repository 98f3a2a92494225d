"""How relevant a record is: its words, its neighbours', its speaker, its time."""

import re
from dataclasses import dataclass, replace
from random import Random
from typing import ClassVar

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentmem import AgentMemory, SimulatedClock
from agentmem.core import Floats, Hit, Policy, Record, View
from agentmem.embed.hashing import HashEmbedder
from agentmem.explain import explain
from agentmem.index.columns import Columns
from agentmem.index.context import Context, lend
from agentmem.index.cues import asks, named, speaker
from agentmem.index.exact import ExactIndex
from agentmem.index.lexical import find
from agentmem.policies.ebbinghaus import Ebbinghaus
from agentmem.recall import Query, search
from tests.conftest import DAY, START, Make

DULL = [f"nothing of note {i}" for i in range(12)]


def say(
    memory: AgentMemory, *texts: str, apart: float = 60.0, namespace: object = None
) -> list[str]:
    """Turns of a conversation, some seconds apart."""
    names = []
    for text in texts:
        memory.clock.advance(apart)
        names += memory.add(text, namespace=namespace, source=str(memory.clock.now()))
    return names


def hit(memory: AgentMemory, query: str, text: str, **options: object) -> Hit:
    found = memory.search(query, k=50, reinforce=False, **options)
    return next(one for one in found if one.text == text)


def context(memory: AgentMemory, query: str, text: str, **options: object) -> float:
    return hit(memory, query, text, mode="lexical", **options).why.context or 0.0


def test_a_turn_is_found_by_the_words_of_the_turns_around_it(make: Make) -> None:
    memory = make()
    say(memory, *DULL)
    say(memory, "we went to Porto", "how lovely", "it rained", "for a week", "all day", "oh no")
    own = hit(memory, "Porto", "we went to Porto").why.lexical
    assert own is not None
    for turns, text in enumerate(["how lovely", "it rained", "for a week", "all day"], 1):
        assert context(memory, "Porto", text) == pytest.approx(own * 0.7**turns)
    found = {one.text for one in memory.search("Porto", k=50, mode="lexical")}
    assert "oh no" not in found, "five turns away"


def test_the_strongest_occurrence_of_a_word_counts_not_their_sum(make: Make) -> None:
    memory = make()
    say(memory, *DULL)
    say(memory, "Porto again", "and what", "Porto again", apart=1.0)
    once = hit(memory, "Porto", "Porto again", mode="lexical").why
    assert once.context is None, "its own word is as strong as any"
    assert context(memory, "Porto", "and what") == pytest.approx(0.7 * (once.lexical or 0.0))


def test_a_question_hands_its_words_on_to_the_answer_undiminished(make: Make) -> None:
    memory = make()
    say(memory, *DULL)
    say(memory, "where in Porto?", "by the river")
    question = hit(memory, "Porto", "where in Porto?").why.lexical
    assert context(memory, "Porto", "by the river") == pytest.approx(question)


def test_a_long_silence_ends_the_session(make: Make) -> None:
    memory = make()
    say(memory, *DULL)
    say(memory, "we went to Porto")
    say(memory, "good morning", apart=3601.0)
    assert "good morning" not in [one.text for one in memory.search("Porto", mode="lexical")]
    patient = make(recall={"session_gap": "2h"})
    say(patient, *DULL)
    say(patient, "we went to Porto")
    say(patient, "good morning", apart=3601.0)
    assert context(patient, "Porto", "good morning") > 0.0


def test_context_stays_in_its_namespace(make: Make) -> None:
    memory = make(namespace=("acme",))
    for i in range(12):
        say(memory, f"dull {i}", namespace=("acme", "ann" if i % 2 else "bob"))
    say(memory, "we went to Porto", namespace=("acme", "ann"))
    say(memory, "bob says hello", namespace=("acme", "bob"))
    say(memory, "it rained", namespace=("acme", "ann"))
    everywhere = memory.search("Porto", k=50, mode="lexical", reinforce=False)
    assert "bob says hello" not in [one.text for one in everywhere]
    assert context(memory, "Porto", "it rained") > 0.0, "the next turn of its own namespace"


@pytest.mark.parametrize("way", ["erase", "forget", "window"])
def test_what_is_gone_lends_nothing(make: Make, way: str) -> None:
    memory = make(policies=[{"window": {"n": 4}}] if way == "window" else [])
    say(memory, "it rained", "we went to Porto", "by train")
    assert context(memory, "Porto", "by train") > 0.0
    if way == "window":
        say(memory, "one", "two")
    else:
        [name] = [one.id for one in memory.search("we went to Porto", k=1)]
        getattr(memory, way)(name)
    if way == "window":
        say(memory, "three")
    assert memory.search("Porto", k=50, mode="lexical", reinforce=False) == []


def columns_of(kinds: list[str]) -> Columns:
    """One record of each kind, a second apart, in one namespace."""
    columns = Columns(ExactIndex(4))
    for pos, kind in enumerate(kinds):
        record = Record(
            id=f"{pos:032}",
            text=f"text {pos}",
            namespace=("n",),
            kind=kind,
            created=float(pos),
            ingested=0.0,
            used=0.0,
        )
        columns.add(pos, 0, record, np.zeros(4, dtype=np.float32))
    return columns


def test_only_what_was_said_has_neighbours() -> None:
    columns = columns_of(["chunk", "fact", "chunk", "fact"])
    rows = np.arange(4)
    held = [np.array([0, 3])]  # the word stands in the first chunk and in the last fact
    found = find(held, rows, columns.lengths(rows))
    lent = lend(found, rows, columns, Context(), mixed=False)
    assert lent.at.tolist() == [0, 2, 3], "from chunk to chunk, past the fact between them"
    assert lent.lent[[0, 2]].tolist() == [0.0, 0.0]
    assert lent.lent[1] == pytest.approx(0.7 * lent.own[0])


def test_without_context_a_row_has_its_own_words_only() -> None:
    columns, rows = columns_of(["chunk"] * 4), np.arange(4)
    found = find([np.array([1])], rows, columns.lengths(rows))
    for context in (Context(fading=0.0), Context(reach=0)):
        alone = lend(found, rows, columns, context, mixed=False)
        assert (alone.at.tolist(), alone.lent.tolist()) == ([1], [0.0])


@given(
    st.lists(st.lists(st.integers(0, 30), max_size=20), max_size=4),
    st.lists(st.booleans(), min_size=31, max_size=31),
    st.floats(0.0, 1.0),
    st.integers(0, 5),
)
def test_shares_stay_within_their_bounds(held, said, fading: float, reach: int) -> None:
    columns = columns_of(["chunk" if one else "fact" for one in said])
    rows = np.arange(31)
    found = find(
        [np.unique(np.array(h, dtype=np.int64)) for h in held], rows, columns.lengths(rows)
    )
    lent = lend(found, rows, columns, Context(fading=fading, reach=reach), mixed=False)
    assert (lent.own >= 0.0).all()
    assert (lent.lent >= 0.0).all()
    assert (lent.own + lent.lent <= 1.0 + 1e-9).all()
    assert (np.diff(lent.at) > 0).all()


def test_what_a_named_speaker_said_comes_before_what_others_said(make: Make) -> None:
    memory = make()
    say(memory, "Ann Lee: a dog would be nice", "Bob: a dog would be nice, too")
    first, second = memory.search("does ann lee want a dog", k=2, reinforce=False)
    assert (first.text[:3], first.why.speaker, second.why.speaker) == ("Ann", 1.0, 0.6)
    first, second = memory.search("does Bob want a dog", k=2, reinforce=False)
    assert (first.text[:3], first.why.speaker, second.why.speaker) == ("Bob", 1.0, 0.6)
    nobody = memory.search("does Carl want a dog", k=2, reinforce=False)
    assert {one.why.speaker for one in nobody} == {1.0}
    indifferent = make(recall={"speaker": 1.0})
    say(indifferent, "Ann: a dog", "Bob: a dog")
    assert {one.why.speaker for one in indifferent.search("Ann dog")} == {1.0}


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("Ann: hello", "ann"),
        ("  Ann Lee:\nhello", "ann lee"),
        ("user_7: hello", "user 7"),
        ("http://example.com", None),
        ("at 12:30 sharp", None),
        ("the four of us agreed: no", None),
        (": nothing", None),
        ("", None),
    ],
)
def test_who_speaks_stands_before_the_first_colon(text: str, name: str | None) -> None:
    assert speaker(text) == (
        0 if name is None else named(name)[0] if " " not in name else speaker(text)
    )
    if name is not None:
        assert speaker(text) in named(f"what did {name} say")


def test_a_question_ends_as_one_in_any_script() -> None:
    assert all(asks(text) for text in ("who?", "who? ", "谁\uff1f", "من\u061f"))
    assert not any(asks(text) for text in ("who", "who? me", ""))


def query_of(memory: AgentMemory, text: str, when: tuple[float, float]) -> Query:
    [vector] = memory._engine.embedder.embed([text])
    config, now = memory.config.recall, memory.clock.now()
    return Query(
        text=text, vector=vector, prefix=("default",), now=now, k=3, when=when, config=config
    )


def asked(
    memory: AgentMemory, text: str, when: tuple[float, float], **options: object
) -> list[Hit]:
    memory._engine.refresh()
    return search(memory._engine, replace(query_of(memory, text, when), **options))[0]


@pytest.mark.parametrize("mode", ["hybrid", "dense", "lexical"])
def test_what_happened_at_the_time_meant_comes_first(make: Make, mode: str) -> None:
    memory = make(recall={"depth": 1})
    then = START - 100 * DAY
    [meant] = memory.add("a walk in the park", event_time=then)
    memory.add([f"a walk in the park {i}" for i in range(60)], event_time=START - 9 * DAY)
    first, second, *_ = asked(memory, "walk park", (then, then + DAY), mode=mode)
    assert (first.id, first.why.when, second.why.when) == (meant, 1.0, 0.5)
    late = asked(memory, "walk park", (then - DAY, then), mode=mode)
    assert {one.why.when for one in late} == {0.5}, "the interval is half open"


def test_only_the_kinds_asked_for_are_searched(make: Make) -> None:
    memory = make()
    say(memory, "we went to Porto")
    whole = (0.0, 2 * START)
    assert asked(memory, "Porto", whole, kinds=("fact",)) == []
    assert len(asked(memory, "Porto", whole, kinds=("fact", "chunk"))) == 1


def test_stop_words_count_only_where_nothing_else_is_known(make: Make) -> None:
    memory = make()
    say(memory, "what is it", "the dog is here", *DULL)
    assert hit(memory, "what is the dog", "what is it").why.lexical is None
    assert hit(memory, "what is the zebra", "what is it").why.lexical is not None


def test_reciprocal_ranks_are_one_way_to_combine_the_legs(make: Make) -> None:
    memory = make(recall={"fusion": "rrf", "context": 0.0})
    say(memory, "the key of the safe", "the key of the car", "a cup of tea")
    first, second, third = memory.search("key safe", k=3, reinforce=False)
    assert first.why.fused == 1.0, "first in both legs"
    assert second.why.fused == pytest.approx(21 / 22)
    assert third.why.fused < 0.5, "in one leg only"


@dataclass(frozen=True, kw_only=True)
class Counting(Policy):
    """Notes how many records it is asked to weigh."""

    name: ClassVar[str] = "counting"
    seen: ClassVar[list[int]] = []
    alone: bool = True

    @property
    def separable(self) -> bool:
        return self.alone

    def weight(self, view: View) -> Floats:
        self.seen.append(len(view))
        return np.full(len(view), 0.5)


@pytest.mark.parametrize(("alone", "weighed"), [(True, 50), (False, 150)])
def test_a_separable_policy_weighs_candidates_only(
    clock: SimulatedClock, alone: bool, weighed: int
) -> None:
    with AgentMemory.open(
        policies=[Counting(alone=alone)], clock=clock, embedder=HashEmbedder(dim=64)
    ) as memory:
        memory.add([f"note {i}" for i in range(150)], event_time=START)
        Counting.seen.clear()
        [best] = memory.search("cup", k=1, reinforce=False)
        assert Counting.seen == [weighed]
        assert best.why.weights == {"counting": 0.5}


class Shy(Ebbinghaus):
    """Hides what is uneven."""

    def weight(self, view: View) -> Floats:
        return np.zeros(len(view))


def test_a_curve_is_separable_only_above_a_floor_and_as_it_is() -> None:
    assert Ebbinghaus(floor=0.1).separable
    assert not Ebbinghaus(floor=0.0).separable
    assert not Shy(floor=0.1).separable
    assert not Policy().separable


def test_a_larger_k_brings_back_what_explain_says_it_would(make: Make) -> None:
    """A larger k asks the legs for more candidates: they may come before what was missed."""
    memory = make(recall={"depth": 1}, policies=[{"ebbinghaus": {"floor": 0.1}}])
    random = Random(3)
    for _ in range(120):
        memory.clock.advance(random.choice([60.0, DAY]))
        memory.add(" ".join(random.choices(["cat", "dog", "tea", "sun", "key", "zoo"], k=3)))
    for query in ("cat tea", "dog", "sun key zoo"):
        for missed in memory.explain(query, k=1).missed:
            [k] = [int(found) for found in re.findall(r"k >= (\d+)", missed.remedy)]
            found = {one.id for one in memory.search(query, k=k, reinforce=False)}
            assert missed.record.id in found


def test_an_explanation_tells_every_part_of_a_relevance(make: Make) -> None:
    memory = make()
    say(memory, "Ann: shall we see the dog?", "Bob: by all means", "Ann: a dog", "Bob: my dog")
    told = str(memory.explain("what did Ann say of the dog", k=2))
    for part in ("relevance", "words", "context", "cosine", "somebody else is named"):
        assert f"{part} 0." in told
    then = (0.0, START)
    assert "another time is meant 0.5" in str(
        explain(memory._engine, query_of(memory, "dog", then))
    )
