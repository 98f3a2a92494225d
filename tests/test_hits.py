"""What a search hands out is put together by short cuts: it is what the long way gives."""

from dataclasses import FrozenInstanceError, replace
from typing import Any

import numpy as np
import pytest

from agentmem.core import Hit, Record, Why
from agentmem.index.exact import ExactIndex
from agentmem.interference import Contest, Rules, settle
from agentmem.values import built, changed
from tests.conftest import DAY, START, Make


def test_a_value_put_together_is_the_value_that_is_made() -> None:
    plain = {"id": "a", "text": "b", "namespace": ("c",), "created": 1.0, "ingested": 2.0}
    made = Record(**plain, used=1.0)
    other = built(Record, {**vars(made)})
    assert other == made
    assert repr(other) == repr(made)
    assert changed(made, text="d") == replace(made, text="d")
    loose: Any = other
    with pytest.raises(FrozenInstanceError):
        loose.text = "e"


def test_every_hit_of_a_fading_memory_has_its_own_reason(make: Make) -> None:
    memory = make(policies=[{"ebbinghaus": {"half_life": "1d"}}])
    for i in range(4):
        memory.add(f"number {i}", now=START + i * DAY)
    hits = memory.search(None, k=3, now=START + 4 * DAY, reinforce=False)
    assert [hit.text for hit in hits] == ["number 3", "number 2", "number 1"]
    for hit in hits:
        assert hit.why == Why(fused=1.0, weights={"ebbinghaus": hit.score})
        assert hit == Hit(record=memory.get(hit.id), score=hit.score, why=hit.why)
    assert len({hit.score for hit in hits}) == 3


@pytest.mark.parametrize("policies", [[], [{"window": {"n": 2}}]])
def test_hits_that_weigh_the_same_say_so(make: Make, policies: list[object]) -> None:
    memory = make(policies=policies)
    memory.add([f"number {i}" for i in range(4)])
    hits = memory.search(None, reinforce=False)
    weights = {"window": 1.0} if policies else {}
    assert [hit.why for hit in hits] == [Why(fused=1.0, weights=weights)] * len(hits)
    assert len(hits) == (2 if policies else 4)
    assert make(policies=policies).search(None) == []


def test_a_record_that_the_budget_leaves_out_is_not_strengthened(make: Make) -> None:
    memory = make()
    [short, long] = memory.add(["one two", "one two three four five six seven eight nine ten"])
    for budget, uses in ((0, {short: 0, long: 0}), (4, {short: 1, long: 0})):
        hits = memory.search("one two", budget_tokens=budget)
        assert len(hits) == sum(uses.values())
        assert {name: memory.get(name).uses for name in uses} == uses


def test_the_index_gives_the_vectors_of_the_ledger() -> None:
    index = ExactIndex(2)
    index.put(np.array([1, 3]), np.array([[1.0, 0.0], [0.0, 1.0]], dtype=np.float32))
    rows = np.array([0, 3, 1, 9999])
    assert index.vectors(rows).tolist() == [[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [0.0, 0.0]]
    index.drop(np.array([3]))
    assert not index.vectors(np.array([3])).any()


@pytest.mark.parametrize("seed", range(20))
def test_rivals_are_those_of_the_whole_matrix_of_likeness(seed: int) -> None:
    rng = np.random.default_rng(seed)
    n, w = 30, 4
    vectors = rng.standard_normal((n, 3)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    contest = Contest(
        scores=np.round(rng.random(n), 1),
        created=rng.permutation(n).astype(np.float64),
        group=rng.integers(0, 2, n),
        able=rng.random(n) < 0.9,
        held=rng.random((n, w)) < 0.8,
        telling=np.full(w, 1 / w),
        vectors=lambda some: vectors[some],
    )
    rules = Rules(strength=0.5, shared=0.5, alike=0.3)
    places = settle(contest, rules)
    newest = np.full(n, -1)
    left = [
        i
        for i in np.lexsort((np.arange(n), -contest.scores)).tolist()
        if contest.able[i] and contest.scores[i] > 0.0
        if contest.held[i] @ contest.telling >= rules.shared
    ]
    while left:
        best = left[0]
        rivals = [
            i
            for i in left
            if i == best
            or (contest.group[i] == contest.group[best])
            & (contest.scores[i] >= (1 - rules.strength) * contest.scores[best])
            & ((contest.held[i] & contest.held[best]) @ contest.telling >= rules.shared)
            & (vectors[i] @ vectors[best] >= rules.alike)
        ]
        latest = max(rivals, key=lambda i: contest.created[i])
        for i in rivals:
            newest[i] = latest if i != latest else -1
        left = [i for i in left if i not in rivals]
    assert places.newest.tolist() == newest.tolist()
    assert (newest >= 0).any()
