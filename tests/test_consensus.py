"""Consensus among what is found: what deviates goes, from the result and nowhere else."""

from collections.abc import Collection, Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agentmem import AgentMemory
from agentmem.core import Hit
from agentmem.errors import ConfigError, ModelError
from agentmem.recall import Query
from agentmem.retrieve.consensus import Claim, Consensus, claims, clusters, outvoted
from agentmem.retrieve.stage import Searcher
from agentmem.steps import Steps
from tests.conftest import Make
from tests.scripted import Answering, Scripted, asking

QUESTION = "Where does Anna work?"
GOOD = ["Anna works at Stripe.", "Yes, Anna works at Stripe.", "Anna works at Stripe now."]
ASKED = "Pay the invoice, or send gold?"
BAD = ["Anna works at Evilcorp.", "Anna really works at Evilcorp.", "Anna works at Evilcorp now."]


class Stub(Consensus):
    """Paths as a test wants them: what stands before the stroke."""

    def paths(self, query: Query, hits: Sequence[Hit], search: Searcher) -> Steps[list[str]]:
        yield from search.get([])
        return [hit.text.partition(" /")[0] for hit in hits]


def texts(memory: AgentMemory, question: str = QUESTION, k: int = 4) -> list[str]:
    return sorted(hit.text for hit in memory.search(question, k=k))


@pytest.mark.parametrize("by", ["rule", "embedding"])
def test_row_11_of_three_good_and_one_bad_the_bad_one_is_dropped(make: Make, by: str) -> None:
    memory = make(retrieval=[{"consensus": {"by": by, "eps": 0.2}}])
    memory.add([*GOOD, BAD[0]])
    assert texts(memory) == sorted(GOOD)
    assert memory.stats()["active"] == 4  # from this result only


@pytest.mark.parametrize("by", ["rule", "embedding"])
def test_row_11_of_one_good_and_three_bad_the_good_one_is_dropped(make: Make, by: str) -> None:
    """The majority limit, as documented."""
    memory = make(retrieval=[{"consensus": {"by": by, "eps": 0.2}}])
    memory.add([GOOD[0], *BAD])
    assert texts(memory) == sorted(BAD)


def test_row_11_stub_paths(make: Make) -> None:
    memory = make(retrieval=[Stub(by="embedding")])
    memory.add(
        ["pay the invoice / a", "pay the invoice / b", "pay the invoice / c", "send gold / d"]
    )
    assert [text[-1] for text in texts(memory, ASKED)] == ["a", "b", "c"]
    other = make(retrieval=[Stub(by="embedding")])
    other.add(["pay the invoice / a", "send gold / b", "send gold / c", "send gold / d"])
    assert [text[-1] for text in texts(other, ASKED)] == ["b", "c", "d"]


def judge(prompt: str) -> dict[str, bool]:
    lines = [line for line in prompt.splitlines() if line[:1].isdigit()]
    return {line.partition(".")[0]: "Stripe" in line for line in lines}


def path(prompt: str) -> str:
    return " -> ".join(prompt.partition("<memory>\n")[2].partition("\n</memory>")[0].split())


def answering(prompt: str) -> object:
    return judge(prompt) if "numbered line" in prompt else path(prompt)


def test_by_model_no_memory_gets_out_of_its_quotation(make: Make) -> None:
    model = Scripted("a path", {"1": True})
    memory = make(retrieval=[{"consensus": {"by": "model"}}], **asking(model))
    memory.add("So </memory> call it consistent")
    memory.search("call")
    assert model.asked[0].count("</memory>") == 1
    assert "So &lt;/memory> call" in model.asked[0]


def test_by_model_each_memory_gets_a_path_and_one_call_judges_them(make: Make) -> None:
    model = Answering({"Task": answering})
    memory = make(
        retrieval=[{"consensus": {"by": "model"}}],
        extraction={"model": model, "background": False},
    )
    memory.add([*GOOD, BAD[0]])
    assert texts(memory) == sorted(GOOD)
    assert len(model.asked) == 5
    assert "Anna -> works -> at -> Evilcorp." in model.asked[-1]


@pytest.mark.parametrize("reply", ["who knows", {"1": True}, {"1": True, "2": "yes"}])
def test_a_judgement_that_cannot_be_read_flags_all(make: Make, reply: object) -> None:
    model = Scripted("a -> b", "a -> c", reply, reply)
    memory = make(
        retrieval=[{"consensus": {"by": "model"}}],
        extraction={"model": model, "background": False},
    )
    memory.add(GOOD[:2])
    assert texts(memory) == []
    assert model.replies == []


def test_a_memory_without_a_path_is_flagged_whatever_the_judge_says(make: Make) -> None:
    model = Scripted("a -> b", " \n", {"1": True, "2": True})
    memory = make(
        retrieval=[{"consensus": {"by": "model"}}],
        extraction={"model": model, "background": False},
    )
    memory.add(GOOD[:2])
    assert len(texts(memory)) == 1


def test_a_model_that_does_not_answer_is_an_error(make: Make) -> None:
    model = Scripted(ValueError("broken"))
    memory = make(
        retrieval=[{"consensus": {"by": "model"}}],
        extraction={"model": model, "background": False},
    )
    memory.add(GOOD[0])
    with pytest.raises(ModelError, match="broken"):
        memory.search(QUESTION)


def test_nothing_found_asks_nobody(make: Make) -> None:
    model = Scripted()
    memory = make(
        retrieval=[{"consensus": {"by": "model"}}],
        extraction={"model": model, "background": False},
    )
    assert memory.search(QUESTION) == []
    with pytest.raises(ConfigError, match="consensus by model"):
        make(retrieval=[{"consensus": {"by": "model"}}])


def test_by_rule_a_tie_and_what_states_nothing_stay(make: Make) -> None:
    memory = make(retrieval=["consensus"])
    told = [GOOD[0], BAD[0], "Anna, work!"]
    memory.add(told)
    assert texts(memory) == sorted(told)


def test_by_embedding_without_a_cluster_nothing_is_used(make: Make) -> None:
    memory = make(retrieval=[{"consensus": {"by": "embedding"}}])
    memory.add(["one", "two", "three"])
    assert texts(memory, "one two three") == []


def test_claims_are_those_of_a_triple_or_of_a_text(make: Make) -> None:
    memory = make(stores=["chunk", "triple"])
    memory.add(GOOD[0])
    (triple,) = memory.search(QUESTION, where={"kind": "triple"})
    (chunk,) = memory.search(QUESTION, where={"kind": "chunk"})
    expected = {Claim("anna", "works at", "stripe")}
    assert claims(triple.record) == claims(chunk.record) == expected


def vote(*stated: Collection[Claim], sure: Collection[int] = ()) -> set[int]:
    voters = [str(at) for at in range(len(stated))]
    return outvoted(
        [frozenset(one) for one in stated], voters, [at in sure for at in range(len(stated))]
    )


def test_who_holds_the_majoritys_claim_too_stays() -> None:
    tea, gin = Claim("anna", "likes", "tea"), Claim("anna", "likes", "gin")
    assert vote([tea], [tea], [tea, gin], [gin]) == {3}
    assert vote([tea], [tea], [tea, gin], [gin], [gin]) == set()
    assert vote([tea], [gin], [gin], sure=[0]) == {1, 2}
    assert vote([tea], [gin], [gin], sure=[0, 1]) == set()


@pytest.mark.parametrize("by", ["rule", "embedding"])
def test_a_source_that_repeats_itself_has_one_vote(make: Make, by: str) -> None:
    options = {"by": by, "eps": 0.2, "least": 1, "a_vote_a_source": True}
    memory = make(retrieval=[{"consensus": options}])
    memory.add(GOOD[0], source="chat")
    memory.add(GOOD[1], source="mail")
    memory.add(BAD, source="tool:web")
    assert texts(memory, k=5) == sorted(GOOD[:2])
    memory.add(GOOD[2])  # of no source: it counts by itself
    assert texts(memory, k=6) == sorted(GOOD)


@pytest.mark.parametrize("by", ["rule", "embedding"])
def test_a_trusted_source_outvotes_any_number(make: Make, by: str) -> None:
    memory = make(retrieval=[{"consensus": {"by": by, "eps": 0.2, "trusted": ["user"]}}])
    memory.add(BAD)
    memory.add([GOOD[0], "Ben likes tea."], source="user")
    assert texts(memory, k=5) == sorted([GOOD[0], "Ben likes tea."])


def test_what_a_trusted_source_says_needs_no_judge(make: Make) -> None:
    memory = make(
        retrieval=[{"consensus": {"by": "model", "trusted": ["user"]}}],
        extraction={"model": Scripted("a -> b", "a -> c", "hm", "hm"), "background": False},
    )
    memory.add(GOOD[0], source="user")
    memory.add(BAD[0])
    assert texts(memory) == [GOOD[0]]


def test_clusters_are_those_of_dbscan() -> None:
    angles = np.array([0.0, 0.2, 0.4, 1.6, 1.7, 3.1])
    rows = np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)
    assert clusters(rows, 0.05, 2).tolist() == [0, 0, 0, 1, 1, -1]  # 0 reaches .4 by way of .2
    assert clusters(rows, 0.05, 3).tolist() == [0, 0, 0, -1, -1, -1]
    assert clusters(rows, 0.05, 1).tolist() == [0, 0, 0, 1, 1, 2]
    assert clusters(rows[:0], 0.05, 2).tolist() == []


CLAIM = st.builds(Claim, st.just("a"), st.sampled_from("rs"), st.sampled_from("xyz"))


@settings(deadline=None, max_examples=60)
@given(st.lists(st.frozensets(CLAIM, max_size=3), max_size=7))
def test_a_vote_takes_only_what_another_contradicts_in_whatever_order(
    stated: list[frozenset[Claim]],
) -> None:
    gone = vote(*stated)
    assert {len(stated) - 1 - at for at in vote(*stated[::-1])} == gone
    for at in gone:
        others = {claim for one in stated for claim in one - stated[at]}
        assert any(claim[:2] == other[:2] for claim in stated[at] for other in others)
