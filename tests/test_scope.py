"""Policies confined to some records, dates of expiry of single records, and traces of recalls."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar, Literal

import numpy as np
import pytest

from agentmem import AgentMemory, SimulatedClock
from agentmem.core import Change, Floats, Policy, Update, View
from agentmem.embed.hashing import HashEmbedder
from agentmem.errors import CannotUndo, ConfigError, TombstoneWarning
from agentmem.ledger.ledger import Ledger
from agentmem.ledger.replay import replay
from agentmem.views import KEPT
from tests.conftest import Make

DAY = 86400.0


@dataclass(frozen=True, kw_only=True)
class Half(Policy):
    """Weight one half, due at once, stability 7 after a recall: for all that it is asked about."""

    name: ClassVar[str] = "half"

    def weight(self, view: View) -> Floats:
        return np.full(len(view), 0.5)

    def touch(self, view: View) -> Update:
        return replace(super().touch(view), stability=np.full(len(view), 7.0))

    def expiry(self, view: View) -> Floats:
        return view.created + 1.0


@dataclass(frozen=True, kw_only=True)
class Tracing(Policy):
    """Weight 1 / (1 + recalls known)."""

    name: ClassVar[str] = "tracing"
    traces: ClassVar[bool] = True

    def weight(self, view: View) -> Floats:
        return 1.0 / (1.0 + np.count_nonzero(~np.isnan(view.recalls), axis=1))

    def touch(self, view: View) -> Update:
        self.seen.append((view.by, view.share.tolist()))
        return super().touch(view)

    seen: ClassVar[list[tuple[str, list[float]]]] = []


def weight_of(memory: AgentMemory, query: str, **options: object) -> float:
    hit = memory.search(query, k=1, reinforce=False, **options)[0]
    return hit.why.retention


def test_a_policy_confined_to_a_kind_weighs_only_that_kind(make: Make) -> None:
    memory = make(policies=[Half(kinds=("fact",))], stores=["chunk", "fact"])
    memory.add("Anna lives in Porto.")
    kinds = {hit.record.kind: hit.why.weights["half"] for hit in memory.search("where is Anna")}
    assert kinds == {"chunk": 1.0, "fact": 0.5}


def test_a_policy_confined_to_a_branch_weighs_touches_and_removes_only_there(make: Make) -> None:
    memory = make(policies=[Half(within=("acme",), remove=True)], removal_cap=1.0)
    [inside] = memory.add("Rex barks loudly", namespace=("acme", "ann"))
    [outside] = memory.add("Rex barks softly", namespace=("other",))
    weights = {h.id: h.why.weights["half"] for h in memory.search("Rex barks", namespace=())}
    assert weights == {inside: 0.5, outside: 1.0}
    kept = {i: memory.get(i, namespace=()).stability for i in (inside, outside)}
    assert kept == {inside: 7.0, outside: None}
    plan = memory.plan(now=memory.clock.now() + DAY, namespace=())
    assert [change.archive for change in plan.changes] == [(inside,)]


def test_several_policies_share_the_strengthening_by_what_concerns_them(make: Make) -> None:
    memory = make(policies=["ebbinghaus", Half(kinds=("fact",))], stores=["chunk", "fact"])
    memory.add("Anna lives in Porto.")
    found = {hit.record.kind: hit.id for hit in memory.search("where is Anna")}
    assert memory.get(found["fact"]).stability == 7.0
    assert memory.get(found["chunk"]).stability > DAY


def expiring(memory: AgentMemory, text: str, after: float) -> str:
    """A record that lasts so many seconds."""
    [name] = memory.add(text)
    record = memory.get(name)
    lasting = replace(record, expires=memory.clock.now() + after, version=record.version + 1)
    engine = memory._engine
    engine.commit(Change(update=(lasting,), reason="lasts"), at=memory.clock.now())
    return name


@pytest.mark.parametrize("policies", [[], ["ebbinghaus"], [{"ebbinghaus": {"remove": True}}]])
def test_an_expired_record_is_out_of_recall_and_goes_with_the_next_plan(
    make: Make, policies: list[object]
) -> None:
    memory = make(policies=policies)
    name = expiring(memory, "the door code is 4711", after=DAY)
    memory.add("the door is green")
    assert name in {hit.id for hit in memory.search("door code")}
    later = memory.clock.now() + 2 * DAY
    assert name not in {hit.id for hit in memory.search("door code", now=later)}
    missed = memory.explain("door code", now=later).missed
    assert [one.verdict for one in missed if one.record.id == name] == ["expired"]
    run = memory.apply(memory.plan(now=later))
    assert run.archived == 1
    assert memory.get(name).status == "archived"


def test_a_date_of_expiry_survives_other_policies(make: Make, tmp_path: Path) -> None:
    path = tmp_path / "m.db"
    with make(path, policies=[{"ebbinghaus": {"remove": True}}]) as memory:
        name = expiring(memory, "the door code is 4711", after=DAY)
    with make(path, policies=[]) as memory:
        assert memory.plan(now=memory.clock.now()).removes == 0
        plan = memory.plan(now=memory.clock.now() + 2 * DAY)
        assert plan.changes[0].archive == (name,)
        memory.apply(plan)


def test_the_times_of_the_latest_recalls_are_kept(make: Make, tmp_path: Path) -> None:
    path = tmp_path / "m.db"
    Tracing.seen.clear()
    with make(path, policies=[Tracing()]) as memory:
        memory.add("Rex barks")
        for day in range(KEPT + 3):
            memory.search("Rex", now=memory.clock.now() + day, by="tool:web")
        assert weight_of(memory, "Rex") == pytest.approx(1 / (1 + KEPT))
        then = memory.clock.now() + 1.5
        assert memory.search("Rex", as_of=then)[0].why.retention == pytest.approx(1 / 3)
    assert Tracing.seen[0] == ("tool:web", [1.0])
    with make(path, policies=[Tracing()]) as memory:  # from the file
        assert weight_of(memory, "Rex") == pytest.approx(1 / (1 + KEPT))
        copy = Ledger(":memory:", embedder="copy", dim=memory._engine.embedder.dim)
        replay(memory._engine.ledger, copy, HashEmbedder(dim=memory._engine.embedder.dim).embed)
        rows = "SELECT pos, slot, at FROM recall ORDER BY pos, slot"
        assert copy.db.rows(rows) == memory._engine.ledger.db.rows(rows)
        copy.close()
        [name] = [hit.id for hit in memory.search("Rex")]
        memory.erase(name)
        assert memory._engine.ledger.db.rows("SELECT * FROM recall") == []


def test_the_shares_of_a_recall_are_those_of_the_scores(make: Make) -> None:
    Tracing.seen.clear()
    memory = make(policies=[Tracing()])
    memory.add(["Rex barks at cats", "Rex sleeps"])
    hits = memory.search("Rex barks at cats")
    total = sum(hit.score for hit in hits)
    assert Tracing.seen[-1] == ("", pytest.approx([hit.score / total for hit in hits]))


@pytest.mark.parametrize("maintained", [False, True])
def test_what_has_expired_and_is_said_again_is_remembered_again(
    make: Make, clock: SimulatedClock, maintained: bool
) -> None:
    memory = make()
    [name] = memory.add("the door code is 4711", expires=clock.now() + DAY)
    clock.advance(2 * DAY)
    if maintained:
        memory.apply(memory.plan())
    assert memory.add("the door code is 4711", expires=clock.now() + DAY) == [name]
    assert [hit.id for hit in memory.search("door code")] == [name]
    assert memory.get(name).expires == clock.now() + DAY
    clock.advance(2 * DAY)
    assert memory.search("door code") == []
    assert memory.add("the door code is 4711") == [name]
    assert memory.get(name).expires is None


def test_what_was_forgotten_before_it_expired_stays_so(make: Make, clock: SimulatedClock) -> None:
    memory = make()
    [name] = memory.add("the door code is 4711", expires=clock.now() + DAY)
    memory.forget(name)
    clock.advance(2 * DAY)
    with pytest.warns(TombstoneWarning):
        assert memory.add("the door code is 4711") == []
    assert memory.add("the door code is 4711", revive=True) == [name]
    assert [hit.id for hit in memory.search("door code")] == [name]


def test_an_active_record_is_not_changed_by_saying_it_again(
    make: Make, clock: SimulatedClock
) -> None:
    memory = make()
    [name] = memory.add("the door code is 4711", expires=clock.now() + DAY)
    before = memory.get(name)
    memory.add("the door code is 4711", expires=clock.now() + 9 * DAY)
    assert memory.get(name) == before
    clock.advance(2 * DAY)
    memory.add("the door code is 4711", expires=clock.now() - 1.0)  # has expired already
    assert memory.get(name) == before


def test_what_is_restored_after_its_date_of_expiry_stays(make: Make, clock: SimulatedClock) -> None:
    memory = make()
    [name] = memory.add("the door code is 4711", expires=clock.now() + DAY)
    clock.advance(2 * DAY)
    run = memory.apply(memory.plan())
    assert memory.restore(name) == [name]
    assert [hit.id for hit in memory.search("door code")] == [name]
    assert (memory.get(name).expires, memory.get(name).version) == (None, 2)
    assert memory.plan().removes == 0
    with pytest.raises(CannotUndo):
        memory.undo(run)


def test_a_search_as_of_a_moment_honours_dates_of_expiry(make: Make, clock: SimulatedClock) -> None:
    memory = make()
    start = clock.now()
    [name] = memory.add("the door code is 4711", expires=start + DAY)
    clock.advance(5 * DAY)
    memory.apply(memory.plan())
    memory.restore(name)
    found = [len(memory.search("door code", as_of=start + day * DAY)) for day in (0.5, 2, 5)]
    assert found == [1, 0, 1]


def test_what_was_made_of_an_expired_text_goes_with_it(make: Make, clock: SimulatedClock) -> None:
    memory = make(stores=["chunk", "fact", "triple", "summary"])
    start = clock.now()
    memory.add("Anna lives in Porto.", expires=start + DAY)
    memory.add("Bruno lives in Lisbon.")
    clock.advance(2 * DAY)

    def about_anna(**options: object) -> set[str]:
        hits = memory.search("where does Anna live", **options)
        return {hit.record.kind for hit in hits if "Anna" in hit.text}

    assert about_anna() == set()  # before any maintenance ...
    assert "Anna" not in str(memory.graph().nodes(data=True))
    missed = memory.explain("where does Anna live").missed
    assert {one.verdict for one in missed if "Anna" in one.text} == {"expired"}
    assert about_anna(as_of=start + 1.0) >= {"chunk", "fact", "triple"}
    assert memory.plan().removes == 3
    run = memory.apply(memory.plan())
    assert about_anna() == set()  # ... and after
    texts = [hit.text for hit in memory.search("where does Bruno live", k=50)]
    assert not any("Anna" in text for text in texts)
    memory.undo(run)
    assert about_anna(now=start + 1.0) >= {"chunk", "fact", "triple"}


def test_what_is_said_again_without_a_date_keeps_what_was_made_of_it(
    make: Make, clock: SimulatedClock
) -> None:
    memory = make(stores=["chunk", "fact"])
    memory.add("Anna lives in Porto.", source="a", expires=clock.now() + DAY)
    memory.add("Anna lives in Porto.", source="b")
    clock.advance(2 * DAY)
    assert {hit.record.kind for hit in memory.search("Anna lives in Porto")} == {"chunk", "fact"}
    memory.apply(memory.plan())
    assert {hit.record.kind for hit in memory.search("Anna lives in Porto")} == {"chunk", "fact"}


def test_nothing_is_consolidated_of_what_has_expired(make: Make, clock: SimulatedClock) -> None:
    memory = make(consolidation=["summaries"])
    memory.add([f"the code of door {i} is 47{i}" for i in range(30)], expires=clock.now() + DAY)
    clock.advance(2 * DAY)
    run = memory.apply(memory.plan(), allow_mass=True)
    assert (run.added, run.archived) == (0, 30)


@dataclass(frozen=True, kw_only=True)
class Narrow(Half):
    """Cannot do with no records."""

    name: ClassVar[str] = "narrow"
    sweep: ClassVar[Literal["due", "all"]] = "all"

    def weight(self, view: View) -> Floats:
        return np.full(len(view), 0.5 * view.created.min() / view.created.min())

    def expiry(self, view: View) -> Floats:
        return view.created + view.age.min() + 1.0

    def touch(self, view: View) -> Update:
        assert len(view)
        return super().touch(view)


def test_a_policy_is_not_asked_where_no_record_concerns_it(make: Make) -> None:
    memory = make(policies=[Narrow(within=("acme",), remove=True)])
    memory.add("Rex barks")
    assert memory.search("Rex")[0].why.weights == {"narrow": 1.0}
    assert memory.plan().removes == 0
    assert memory.forecast() == []


@pytest.mark.parametrize("scope", [{"within": "acme"}, {"kinds": ["fact"]}, {"within": (1,)}])
def test_a_scope_that_would_match_nothing_is_an_error(make: Make, scope: object) -> None:
    with pytest.raises(ConfigError, match="tuple of strings"):
        make(policies=[Half(**scope)])


def test_a_scope_is_a_list_in_a_configuration(make: Make) -> None:
    memory = make(policies=[{"window": {"n": 1, "kinds": ["chunk"], "within": ["acme"]}}])
    memory.add(["Rex barks", "Rex sleeps"], namespace=("acme", "x"))
    memory.add(["Rex eats", "Rex runs"], namespace=("other",))
    assert len(memory.search("Rex", namespace=())) == 3


def test_what_has_expired_and_is_revived_lasts_as_long_as_is_now_said(
    make: Make, clock: SimulatedClock
) -> None:
    memory = make()
    [name] = memory.add("the door code is 4711", expires=clock.now() + DAY)
    clock.advance(2 * DAY)
    memory.apply(memory.plan())
    new = {"expires": clock.now() + DAY, "revive": True}
    assert memory.add(["the door code is 4711", "Rex barks"], **new)[0] == name
    assert memory.get(name).expires == clock.now() + DAY


def test_a_policy_confined_to_a_kind_that_nobody_keeps_is_an_error(make: Make) -> None:
    with pytest.raises(ConfigError, match="no store keeps 'fcat'; did you mean 'fact'"):
        make(policies=[Half(kinds=("fcat",))])
