"""Counterfactual replay, tuning, forecasts, health and assertions."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from math import isnan
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agentmem import AgentMemory, SimulatedClock
from agentmem.config import build_policies
from agentmem.core import Floats, Policy, View
from agentmem.counterfactual import clairvoyant, lived
from agentmem.embed.hashing import HashEmbedder
from agentmem.errors import ConfigError, InputError, PluginError
from agentmem.testing import assert_forgets, assert_healthy, assert_keeps
from agentmem.trace import Event, Items, Trace
from agentmem.tuning import choices, tune
from tests.conftest import Make

DAY = 86400.0
START = 1_700_000_000.0


def items(created: list[float]) -> Items:
    """Items of one namespace."""
    n = len(created)
    return Items(
        ids=np.array([f"r{i}".encode() for i in range(n)], dtype="S32"),
        created=np.array(created),
        used=np.array(created),
        uses=np.zeros(n),
        stability=np.full(n, np.nan),
        importance=np.full(n, 0.5),
        valence=np.zeros(n),
        turn=np.arange(1.0, n + 1.0),
        words=np.full(n, 5.0),
        tokens=np.full(n, 7.0),
        verify_by=np.full(n, np.nan),
        namespace=np.zeros(n, dtype=np.int64),
        kind=np.zeros(n, dtype=np.int64),
        source=np.zeros(n, dtype=np.int64),
        kinds=("chunk",),
        origins=("",),
    )


def script(text: str) -> Trace:
    """`+0 +1 ?0 x1`: item 0 is added, item 1 too, 0 is needed, 1 has become stale; an hour each."""
    what = {"+": "add", "?": "need", "x": "stale", "-": "gone", "<": "back"}
    clock = count(START, 3600.0)
    events = [
        Event(at, what[step[0]], tuple(int(i) for i in step[1:].split(",")))
        for at, step in zip(clock, text.split(), strict=False)
    ]
    added = {item: event.at for event in events if event.what == "add" for item in event.items}
    return Trace(items=items([added[item] for item in sorted(added)]), events=events)


def under(trace: Trace, *policies: object, budget: int | None = None):
    return lived(trace, build_policies(list(policies)), budget=budget)


def test_nothing_is_missed_where_nothing_goes():
    outcome = under(script("+0 +1 +2 ?0 ?1,2"), "none")
    assert (outcome.needs, outcome.recall, outcome.bound, outcome.regret) == (3, 1.0, 1.0, 0.0)
    assert isnan(outcome.false_forget)
    assert (outcome.records, outcome.tokens) == (pytest.approx(12 / 5), pytest.approx(84 / 5))


def test_what_is_removed_and_needed_later_is_forgotten_wrongly():
    trace = script("+0 +1 +2 ?0 ?2")
    outcome = under(trace, {"window": {"n": 1, "remove": True}})
    assert (outcome.recall, outcome.removed, outcome.false_forget) == (0.5, 2, 0.5)
    assert outcome.bound == 0.5  # one place, and two things needed after the last came
    assert outcome.regret == 0.0


def test_a_clairvoyant_keeper_keeps_what_is_needed_next():
    trace = script("+0 +1 +2 +3 ?0 ?0 ?3")
    assert clairvoyant(trace, [2] * 7) == 1.0
    assert clairvoyant(trace, [1] * 7) == pytest.approx(2 / 3)
    newest = under(trace, {"window": {"n": 2, "remove": True}})
    assert (newest.recall, newest.bound) == (pytest.approx(1 / 3), 1.0)
    assert newest.regret == pytest.approx(2 / 3)


def test_what_is_suppressed_is_not_found_but_not_removed_either():
    outcome = under(script("+0 +1 ?0 ?1"), {"window": {"n": 1}})
    assert (outcome.recall, outcome.removed) == (0.5, 0)


def test_the_stale_share_counts_what_is_still_visible_and_superseded():
    trace = script("+0 +1 x0 ?1")
    assert under(trace, "none").stale == 0.5
    assert under(trace, {"window": {"n": 1}}).stale == 0.0


def test_a_budget_makes_a_keeper_of_a_policy_that_only_ranks():
    trace = script("+0 ?0 ?0 +1 +2 ?0")
    strong = under(trace, {"ebbinghaus": {"half_life": "1h", "gain": 50}}, budget=2)
    weak = under(trace, {"ebbinghaus": {"half_life": "1h", "gain": 0}}, budget=2)
    assert (strong.recall, weak.recall) == (1.0, pytest.approx(2 / 3))


def test_what_the_user_forgot_is_gone_under_every_policy():
    outcome = under(script("+0 -0 ?0"), "none")
    assert (outcome.recall, outcome.bound, outcome.removed) == (0.0, 0.0, 0)


def test_what_came_back_is_there_again_and_fresh():
    outcome = under(script("+0 +1 x0 -0 <0 ?0"), {"window": {"n": 2, "remove": True}})
    assert (outcome.recall, outcome.bound, outcome.stale) == (1.0, 1.0, 0.0)


def test_what_is_not_found_outweighs_nothing():
    trace = script("+0 +1 +2 ?0 ?2")
    assert under(trace, {"window": {"n": 1}}).auc == 0.5  # one of two is found, before all others
    assert under(trace, {"window": {"n": 1, "remove": True, "rank": False}}).auc == 0.0
    assert under(trace, "none").auc == 0.5


def test_an_empty_trace_has_nothing_to_count():
    outcome = under(Trace(items=items([]), events=[]), "none")
    assert outcome.needs == 0
    assert isnan(outcome.recall)


@st.composite
def traces(draw: st.DrawFn) -> Trace:
    n = draw(st.integers(1, 6))
    steps = [f"+{i}" for i in range(n)]
    for _ in range(draw(st.integers(0, 8))):
        item = draw(st.integers(0, n - 1))
        sign = draw(st.sampled_from("???x-<"))
        steps.insert(draw(st.integers(steps.index(f"+{item}") + 1, len(steps))), f"{sign}{item}")
    return script(" ".join(steps))


@settings(max_examples=60, deadline=None)
@given(traces(), st.integers(1, 4), st.sampled_from(["ebbinghaus", "window", "none", "budget"]))
def test_nobody_beats_the_clairvoyant_keeper_of_the_same_budget(trace, budget, policy):
    outcome = under(trace, policy, budget=budget)
    assert isnan(outcome.regret) or outcome.regret >= -1e-12


@pytest.fixture
def lively(make: Make, clock: SimulatedClock) -> AgentMemory:
    """Twenty facts; one of them asked for every day, one corrected, one erased."""
    memory = make(policies=["ebbinghaus"])
    names = memory.add([f"fact number {i} about topic{i}" for i in range(20)])
    for _ in range(15):
        clock.advance(DAY)
        memory.search("topic7", k=1)
    memory.supersede(names[3], "another fact about topic3")
    memory.erase(names[5])
    return memory


def test_the_trace_of_a_memory_holds_what_happened_and_nothing_erased(lively: AgentMemory):
    trace = lively.trace()
    assert len(trace.items) == 20  # 19 of the first and the correction
    assert trace.needs == 15
    assert [event.what for event in trace.events].count("stale") == 1
    assert lived(trace, lively.policies).recall == 1.0
    early = lively.trace(until=lively.clock.now() - 10 * DAY)
    assert early.needs == 5


def outcome_of(memory: AgentMemory, *policies: object, **options: object):
    return under(memory.trace(**options), *(policies or ("none",)))


def test_what_the_caller_forgot_and_restored_is_needed_again(make: Make, clock: SimulatedClock):
    memory = make()
    [name, other] = memory.add(["Rex barks", "Tom purrs"])
    gone = memory.forget(name)
    assert [e.what for e in memory.trace().events] == ["add", "gone"]
    memory.undo(gone.run)
    memory.search("Rex barks", k=1)
    memory.forget(other)
    clock.advance(1.0)
    memory.restore(other)
    memory.search("Tom purrs", k=1)
    whats = [event.what for event in memory.trace().events]
    assert whats == ["add", "gone", "back", "need", "gone", "back", "need"]
    assert outcome_of(memory).recall == 1.0


def test_what_maintenance_did_and_took_back_has_not_happened(make: Make, clock: SimulatedClock):
    memory = make(policies=[{"window": {"n": 1, "remove": True}}], removal_cap=1.0)
    memory.add(["Rex barks", "Tom purrs"])
    memory.undo(memory.apply(memory.plan()))
    assert [event.what for event in memory.trace().events] == ["add"]


def test_what_has_expired_is_gone_under_every_policy(make: Make, clock: SimulatedClock):
    memory = make(policies=["none"])
    start = clock.now()
    memory.add("the code is 4711", expires=start + DAY)
    memory.add("Rex barks")
    clock.advance(2 * DAY)
    memory.search("Rex")
    trace = memory.trace()
    assert [(e.what, e.at - start) for e in trace.events if e.what == "gone"] == [("gone", DAY)]
    memory.add("the code is 4711")  # again: it lasts
    clock.advance(DAY)
    memory.search("code 4711", k=1)
    assert outcome_of(memory).recall == 1.0


def test_what_flips_back_is_not_stale_any_more(make: Make, clock: SimulatedClock):
    memory = make()
    [berlin] = memory.add("Anna lives in Berlin")
    porto = memory.supersede(berlin, "Anna lives in Porto", now=clock.now() + 1.0)
    memory.supersede(porto, "Anna lives in Berlin", now=clock.now() + 2.0)
    memory.search("Anna", k=1, now=clock.now() + 3.0)
    assert [e.what for e in memory.trace().events] == [
        *("add", "add", "stale"),
        *("stale", "back", "need"),
    ]
    assert outcome_of(memory).stale == 0.5


def test_what_is_imported_brings_its_lifecycle_and_what_was_put_away_stays_so(
    make: Make, clock: SimulatedClock, tmp_path: Path
):
    memory = make(policies=["ebbinghaus"])
    name, other = memory.add(["Rex barks", "Tom purrs"])
    memory.search("Rex", k=1, now=clock.now() + DAY)
    memory.forget(other)
    memory.export(tmp_path / "m.jsonl")
    copy = make()
    copy.import_(tmp_path / "m.jsonl")
    trace = copy.trace()
    assert [(e.what, len(e.items)) for e in trace.events] == [("add", 2), ("gone", 1)]
    kept = trace.items.ids.tolist().index(name.encode())
    assert trace.items.uses[kept] == 1.0
    assert trace.items.used[kept] == clock.now() + DAY
    assert trace.items.stability[kept] > 0.0


def test_one_recall_of_several_namespaces_is_a_need_in_each(make: Make):
    memory = make()
    for place in ("ann", "bob"):
        memory.add(f"{place} has a dog", namespace=("home", place))
    memory.add("a dog elsewhere", namespace=("work",))
    memory.search("dog", namespace=("home",))
    trace = memory.trace(namespace=("home",))
    assert [e.what for e in trace.events] == ["add", "add", "need", "need"]
    inside = {"window": {"n": 0, "within": ["home", "ann"]}}
    assert under(trace, inside).recall == 0.5
    assert memory.trace(namespace=("work",)).needs == 0


def test_a_search_dated_before_the_record_came_needs_nothing(make: Make, clock: SimulatedClock):
    memory = make()
    memory.add("Rex barks")
    memory.search("Rex", now=clock.now() - DAY)
    assert memory.trace().needs == 0


def test_what_consolidation_made_is_spared_as_in_the_memory(make: Make, clock: SimulatedClock):
    fading = {"ebbinghaus": {"half_life": "1d", "remove": True}}
    memory = make(policies=[fading], consolidation=["summaries"], removal_cap=1.0)
    memory.add([f"fact number {i} about topic{i}" for i in range(4)])
    clock.advance(30 * DAY)
    memory.apply(memory.plan())
    memory.search("fact number topic1", now=clock.now() + 90 * DAY)
    assert outcome_of(memory, fading).recall == 1.0


def test_a_window_that_shows_nearly_nothing_is_no_fit(lively: AgentMemory):
    assert tune(lively.trace(), "window", {"n": [1, 50]}).options == {"n": 50}


def test_tuning_finds_what_serves_and_tells_what_it_wins_where_it_was_not_fitted(
    lively: AgentMemory,
):
    found = tune(lively.trace(), "ebbinghaus", {"half_life": ["1h", "7d"], "floor": [0.0]})
    assert found.tried == 2
    assert found.held_out == pytest.approx(1.0)  # what is recalled outweighs all the rest
    assert found.gain == pytest.approx(found.held_out - found.default)


def test_too_few_recalls_are_an_error(make: Make):
    memory = make()
    memory.add("one thing")
    with pytest.raises(InputError, match="too few"):
        tune(memory.trace(), "ebbinghaus", {"half_life": ["1d"]})
    with pytest.raises(InputError, match="tail"):
        tune(memory.trace(), "ebbinghaus", {}, tail=1.0)


def test_a_lone_record_leaves_nothing_to_compare(make: Make, clock: SimulatedClock):
    memory = make()
    memory.add("one thing")
    for _ in range(12):
        clock.advance(DAY)
        memory.search("thing")
    with pytest.raises(InputError, match="nothing to compare"):
        tune(memory.trace(), "ebbinghaus", {"half_life": ["1d"]})
    kept = tune(memory.trace(), "ebbinghaus", {"half_life": ["1d"]}, objective="recall", tail=1e-17)
    assert kept.held_out == 1.0


@pytest.mark.parametrize(
    ("grid", "said"),
    [
        ({"halflife": ["1d"]}, "did you mean 'half_life'"),
        ({"half_life": ["soon"]}, "half_life: 'soon'"),
        ({"variant": ["other"]}, "intended"),
        ({"remove": ["yes"]}, "remove"),
    ],
)
def test_options_that_a_policy_does_not_take_are_named(lively, grid, said: str):
    with pytest.raises(ConfigError, match=said):
        tune(lively.trace(), "ebbinghaus", grid)


def test_no_values_are_an_error(lively: AgentMemory):
    with pytest.raises(InputError, match="no value to try for 'half_life'"):
        tune(lively.trace(), "ebbinghaus", {"half_life": []})


@pytest.mark.parametrize(
    "text", ["1d..inf", "a..b", "1d..", "2d..1d:3", "0..1d", "1d..2d:one", "1d..2d:1"]
)
def test_a_range_that_is_none_is_an_error(text: str):
    with pytest.raises(InputError):
        choices(text)


def test_a_range_is_even_on_a_log_scale_and_a_list_is_a_list():
    assert choices("1d..100d:3") == [DAY, 10 * DAY, 100 * DAY]
    assert choices("7d, 30d") == ["7d", "30d"]
    assert choices("true, 0.5, text") == [True, 0.5, "text"]
    assert choices("0.1..0.9:3") == [0.1, 0.3, 0.9]
    assert choices("10..1000:4") == [10, 46, 215, 1000]
    assert choices("1..3:9") == [1, 2, 3]


# --- forecasts


def test_a_closed_form_tells_the_second(make: Make, clock: SimulatedClock):
    memory = make(policies=[{"ebbinghaus": {"half_life": "1d", "remove": True}}])
    memory.add("Rex barks")
    [one] = memory.forecast()
    assert (one.text, one.how, one.by) == ("Rex barks", "archived", "ebbinghaus")
    just_before = memory.plan(now=one.at - 1.0)
    assert (just_before.removes, memory.plan(now=one.at + 1e-3).removes) == (0, 1)
    assert memory.forecast(horizon="1d") == []


@dataclass(frozen=True, kw_only=True)
class Cliff(Policy):
    """Out of sight after a week; without a closed form."""

    name: ClassVar[str] = "cliff"

    def weight(self, view: View) -> Floats:
        return np.where(view.age > 7 * DAY, 0.0, 1.0)


def test_other_policies_are_looked_ahead_to_within_a_hundredth(make: Make, clock: SimulatedClock):
    memory = make(policies=[Cliff()])
    for day in range(3):
        memory.add(f"Rex barks {day}", now=clock.now() + day * DAY)
    found = memory.forecast(now=clock.now() + 2 * DAY, horizon="30d")
    assert [one.text for one in found] == ["Rex barks 0", "Rex barks 1", "Rex barks 2"]
    for day, one in enumerate(found):
        ahead = one.at - (clock.now() + 2 * DAY)
        assert ahead == pytest.approx((5 + day) * DAY, rel=0.011)
        assert one.how == "suppressed"
    assert len(memory.forecast(horizon="30d", limit=1)) == 1


def test_a_limit_of_number_lets_go_of_what_is_beyond_it_at_once(make: Make, clock: SimulatedClock):
    memory = make(policies=[{"window": {"n": 1, "remove": True, "rank": False}}])
    memory.add(["the older", "the newer"])
    assert [(one.how, one.at) for one in memory.forecast()] == [("archived", clock.now())]


def test_nothing_will_be_forgotten_where_nothing_fades(make: Make):
    memory = make()
    memory.add("Rex barks")
    assert memory.forecast() == []


REMOVING = st.sampled_from(
    [
        {"ebbinghaus": {"half_life": "3d", "remove": True}},
        {"power_law": {"remove": True}},
        {"fsrs": {"remove": True}},
        {"bernoulli": {"remove": True}},
        {"window": {"n": 3, "remove": True}},
        {"budget": {"max_records": 4, "half_life": "2d"}},
        {"age_weighted": {"remove": True}},
        {"ebbinghaus": {"half_life": "1d", "remove": True, "kinds": ["chunk"]}},
        {"lru": {"max_records": 5}},
    ]
)


@settings(max_examples=15, deadline=None)
@given(st.lists(REMOVING, min_size=1, max_size=3), st.lists(st.integers(0, 20), max_size=6))
def test_a_plan_puts_away_what_was_forecast_at_that_time_and_not_before(policies, recalls):
    clock = SimulatedClock(START)
    options = {"embedder": HashEmbedder(dim=16), "clock": clock, "policies": policies}
    with AgentMemory.open(":memory:", **options) as memory:
        for i in range(7):
            expires = clock.now() + 9 * DAY if i == 3 else None
            memory.add(f"fact number {i} about topic{i}", expires=expires)
            clock.advance(DAY / 3)
        for day in recalls:
            memory.search(f"topic{day % 7}", k=1, now=clock.now() + day * DAY / 10)
        clock.advance(2 * DAY)
        for one in memory.forecast(horizon="60d"):
            ahead = max(60.0, 0.011 * (one.at - clock.now())) + 0.01
            if one.how != "suppressed":
                assert one.record.id in put_away(memory, one.at + ahead)
                if one.at > clock.now():
                    assert one.record.id not in put_away(memory, one.at - ahead)


def put_away(memory: AgentMemory, at: float) -> set[str]:
    return {name for change in memory.plan(now=at).changes for name in change.archive}


def test_a_forecast_knows_policies_by_their_labels(make: Make):
    window = {"window": {"n": 1, "remove": True, "rank": False}}
    memory = make(policies=[{"window": {"n": 5}}, window])
    memory.add(["the older", "the newer"])
    assert [one.by for one in memory.forecast()] == ["window#2"]


def test_what_consolidation_made_is_not_forecast_to_go_under_policies_that_spare_it(
    make: Make, clock: SimulatedClock
):
    fading = {"ebbinghaus": {"half_life": "1d", "remove": True}}
    memory = make(policies=[fading], consolidation=["summaries"], removal_cap=1.0)
    memory.add([f"fact number {i} about topic{i}" for i in range(4)])
    clock.advance(30 * DAY)
    assert memory.apply(memory.plan()).added == 1
    assert memory.forecast() == []


def test_the_moment_of_expiry_is_known(make: Make, clock: SimulatedClock):
    memory = make()
    [name] = memory.add("the code is 4711", expires=clock.now() + DAY)
    assert [(one.record.id, one.at, one.how, one.by) for one in memory.forecast()] == [
        (name, clock.now() + DAY, "expired", "")
    ]
    assert memory.forecast(horizon="1h") == []


# --- health


def codes(memory: AgentMemory, **options: object) -> list[str]:
    return [one.code for one in memory.doctor(**options)]


def full(make: Make, **options: object) -> AgentMemory:
    memory = make(**options)
    memory.add([f"fact number {i} about topic{i}" for i in range(30)])
    return memory


def test_a_fresh_memory_is_well(make: Make):
    assert codes(make()) == []
    assert codes(full(make, policies=["ebbinghaus"])) == []


def test_everything_at_the_floor_is_told_with_its_share(make: Make, clock: SimulatedClock):
    memory = full(make, policies=[{"ebbinghaus": {"half_life": "1d"}}])
    memory.search("topic7", k=2, now=clock.now() + 365 * DAY)
    [floor] = memory.doctor(now=clock.now() + 365 * DAY)
    assert (floor.code, floor.share) == ("below-floor", pytest.approx(28 / 30))
    assert "93% of the records are at the floor of ebbinghaus (0.2)" in floor.message


def test_a_decay_that_orders_nothing_is_inert(make: Make):
    assert codes(full(make, policies=[{"ebbinghaus": {"half_life": "1000y"}}])) == ["decay-inert"]
    assert codes(full(make, policies=[{"ebbinghaus": {"floor": 1.0}}])) == ["decay-inert"]


def test_two_policies_that_write_over_each_other_are_told(make: Make):
    [both] = full(make, policies=["ebbinghaus", {"trust": {"half_life": "9d"}}]).doctor()
    assert (both.code, both.level, both.share) == ("stability-contested", "warning", 1.0)
    assert "ebbinghaus and trust strengthen the same records" in both.message
    apart = {"memoria": {"kinds": ["fact"]}}
    for agreed in (["ebbinghaus", "actr"], ["ebbinghaus", apart], ["ebbinghaus", "bernoulli"]):
        assert codes(full(make, policies=agreed)) == []


def test_a_memory_that_nobody_searched_is_told(make: Make, clock: SimulatedClock):
    memory = full(make)
    assert codes(memory, now=clock.now() + 2 * DAY) == ["never-reinforced"]
    memory.search("topic7")
    assert codes(memory, now=clock.now() + 2 * DAY) == []


def test_a_window_that_hides_nearly_all_is_told(make: Make):
    levels = {one.code: one.level for one in full(make, policies=[{"window": {"n": 2}}]).doctor()}
    assert levels == {"suppressed": "note"}
    [hidden] = full(make, policies=[Cliff()]).doctor(now=START + 9 * DAY)[:1]
    assert (hidden.code, hidden.level) == ("suppressed", "warning")


def test_maintenance_that_never_ran_is_told(make: Make, clock: SimulatedClock):
    memory = full(make, policies=[{"ebbinghaus": {"half_life": "1d", "remove": True}}])
    memory.search("topic7")
    found = codes(memory, now=clock.now() + 60 * DAY)
    assert "maintenance-overdue" in found
    assert "beyond-cap" in found
    memory.apply(memory.plan(now=clock.now() + 60 * DAY), allow_mass=True)
    assert codes(memory, now=clock.now() + 60 * DAY) == []


def test_an_old_memory_under_the_default_policies_is_well(make: Make, clock: SimulatedClock):
    memory = full(make, policies=None)
    memory.search("topic7")
    findings = memory.doctor(now=clock.now() + 900 * DAY)
    assert {one.level for one in findings} <= {"note"}
    assert_healthy(memory, now=clock.now() + 900 * DAY)


@pytest.mark.parametrize(
    "policy",
    ["memoria", "valence", "review", "trust", "age_weighted", "surprisal", {"window": {"n": 50}}],
)
def test_a_policy_that_has_nothing_to_tell_apart_yet_is_not_inert(make: Make, policy: object):
    assert "decay-inert" not in codes(full(make, policies=[policy]))


def test_imported_records_that_are_old_are_not_taken_for_never_searched(
    make: Make, clock: SimulatedClock
):
    memory = make()
    texts = [f"fact number {i} about topic{i}" for i in range(30)]
    memory.add(texts, event_time=clock.now() - 300 * DAY)
    assert codes(memory) == []


def test_expired_records_that_are_still_there_are_told(make: Make, clock: SimulatedClock):
    memory = make()
    memory.add([f"fact {i} about topic{i}" for i in range(3)], expires=clock.now() + DAY)
    later = clock.now() + 12 * DAY
    [overdue] = memory.doctor(now=later)
    assert (overdue.code, overdue.share) == ("maintenance-overdue", 1.0)
    assert "3 records are due since up to 11 days" in overdue.message


def test_the_cap_is_that_of_each_namespace(make: Make, clock: SimulatedClock):
    memory = make(policies=[{"ebbinghaus": {"half_life": "1d", "remove": True}}])
    memory.add([f"fact {i} about topic{i}" for i in range(30)], namespace=("a",))
    fresh = [f"thing {i} about topic{i}" for i in range(300)]
    memory.add(fresh, namespace=("b",), now=clock.now() + 60 * DAY)
    memory.search("topic7", namespace=())
    found = memory.doctor(now=clock.now() + 60 * DAY, namespace=())
    assert ["'a'" in one.message for one in found if one.code == "beyond-cap"] == [True]


def test_dates_by_which_to_verify_are_told_when_they_have_passed(make: Make, clock: SimulatedClock):
    memory = make()
    memory.add("the key lies under the mat", verify_by=clock.now() + DAY)
    assert codes(memory) == []
    [due] = memory.doctor(now=clock.now() + 2 * DAY)
    assert (due.code, due.level, due.share) == ("review-due", "note", 1.0)


@dataclass(frozen=True, kw_only=True)
class Ranked(Policy):
    """Weighs by rank among those shown, but says that rows stand alone."""

    name: ClassVar[str] = "ranked"
    separable: ClassVar[bool] = True

    def weight(self, view: View) -> Floats:
        return 1.0 / (1.0 + view.newer)


def test_a_separable_policy_that_compares_records_is_an_error(make: Make):
    memory = make(policies=[Ranked()])
    memory.add(["Rex barks", "Rex sleeps", "Rex eats"])
    [error] = memory.doctor()
    assert (error.code, error.level) == ("company-dependent", "error")


@dataclass(frozen=True, kw_only=True)
class Broken(Policy):
    """Fails."""

    name: ClassVar[str] = "broken"

    def weight(self, view: View) -> Floats:
        return np.full(len(view), np.nan)


def test_a_broken_policy_is_named(make: Make):
    memory = make(policies=[Broken()])
    memory.add("Rex barks")
    for ask in (memory.doctor, memory.forecast, lambda: lived(script("+0 ?0"), memory.policies)):
        with pytest.raises(PluginError, match="broken"):
            ask()


@dataclass(frozen=True, kw_only=True)
class Compounding(Policy):
    """Weighs less each time it is asked."""

    name: ClassVar[str] = "compounding"
    asked: ClassVar[Iterator[int]] = count(1)

    def weight(self, view: View) -> Floats:
        return np.full(len(view), 1.0 / next(self.asked))


def test_a_policy_that_depends_on_the_schedule_is_an_error(make: Make):
    memory = make(policies=[Compounding()])
    memory.add("Rex barks")
    [error] = memory.doctor()
    assert (error.code, error.level) == ("schedule-dependent", "error")


# --- assertions


def test_assertions_hold_or_tell_why(make: Make, clock: SimulatedClock):
    memory = make(policies=[{"ebbinghaus": {"half_life": "1d", "remove": True}}], removal_cap=1.0)
    memory.add(["you cheated me", "we split the profit"])
    assert assert_keeps(memory, "profit", "SPLIT the profit").text == "we split the profit"
    assert_forgets(memory, "who cheated", "you cheated me", after="30d")
    with pytest.raises(AssertionError, match="not found after 30d"):
        assert_keeps(memory, "profit", "split", after="30d")
    with pytest.raises(AssertionError, match="is found now"):
        assert_forgets(memory, "who cheated", "cheated")
    where = {"source": "elsewhere"}
    with pytest.raises(AssertionError, match="not found now"):
        assert_keeps(memory, "profit", "split", where=where)
    assert memory.plan().removes == 0
    assert memory.search("profit", reinforce=False)[0].record.uses == 0


def test_a_failed_assertion_names_the_policy_that_would_put_the_record_away(make: Make):
    memory = make(policies=[{"ebbinghaus": {"half_life": "1d", "remove": True}}])
    memory.add("we split the profit")
    with pytest.raises(AssertionError, match="put away by ebbinghaus: 'we split the profit'"):
        assert_keeps(memory, "profit", "split", after="30d")
    with pytest.raises(AssertionError, match="not found"):
        assert_keeps(memory, "profit", "split", after="30d", budget_tokens=50)


def test_a_filter_by_kind_still_asks_for_that_kind(make: Make, tmp_path: Path):
    with make(tmp_path / "m.db", stores=["chunk", "fact"]) as memory:
        memory.add("Anna lives in Porto.")
    fading = {"ebbinghaus": {"half_life": "1d", "remove": True, "kinds": ["chunk"]}}
    memory = make(tmp_path / "m.db", policies=[fading], removal_cap=1.0)  # facts no longer made
    assert_keeps(memory, "Anna", "Porto", after="30d", where={"kind": "fact"})
    assert_forgets(memory, "Anna", "Porto", after="30d", where={"kind": "chunk"})


def test_a_healthy_memory_passes_and_another_does_not(make: Make, clock: SimulatedClock):
    memory = full(make)
    assert_healthy(memory)
    later = clock.now() + 2 * DAY
    with pytest.raises(AssertionError, match="nothing was ever reinforced"):
        assert_healthy(memory, now=later)
    assert_healthy(memory, now=later, allow=["never-reinforced"])


# --- the command line


@pytest.fixture
def file(lively: AgentMemory, tmp_path: Path) -> Path:
    """The same memory in a file."""
    path = tmp_path / "m.db"
    clock = SimulatedClock(START)
    with AgentMemory.open(path, policies=["ebbinghaus"], clock=clock) as memory:
        memory.add([f"fact number {i} about topic{i}" for i in range(20)])
        for _ in range(15):
            clock.advance(DAY)
            memory.search("topic7", k=1)
    return path


def test_the_command_line_replays_tunes_and_forecasts(file: Path, capsys):
    import json

    from agentmem.cli import main

    when = ["--db", str(file), "--now", "2023-12-01T00:00:00Z", "--json"]
    assert main(["replay", "none", "{window: {n: 2, remove: true}}", "window+budget", *when]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert [row["recall"] for row in rows] == [1.0, 0.0, 1.0]
    assert (rows[0]["false_forget"], rows[1]["regret"]) == (None, 1.0)
    assert main(["tune", "ebbinghaus", "--vary", "half_life=1h..7d:3", *when]) == 0
    best = json.loads(capsys.readouterr().out)
    assert best["tried"] == 3
    assert best["policies"][0]["ebbinghaus"]["half_life"] > 0
    assert main(["forecast", *when]) == 0
    assert json.loads(capsys.readouterr().out) == []
    assert main(["doctor", *when]) == 0  # all is at the floor, as is meant of a nudge: a note
    assert [one["code"] for one in json.loads(capsys.readouterr().out)] == ["below-floor"]
    bare = {"policies": [{"ebbinghaus": {"half_life": "1d"}}]}
    (file.parent / "bare.json").write_text(json.dumps(bare), encoding="utf-8")
    assert main(["doctor", "--config", str(file.parent / "bare.json"), *when]) == 1
    assert main(["tune", "ebbinghaus", "--vary", "half_life", *when]) == 2
    assert main(["replay", "no-such-policy", *when]) == 2
    for wrong in (["replay", "{window"], ["tune", "window", "--vary", "n=[1"]):
        capsys.readouterr()
        assert main([*wrong, *when]) == 2
        assert "is not YAML" in capsys.readouterr().err


def test_the_doctor_tells_of_another_embedder(tmp_path: Path, make: Make, capsys):
    from agentmem.cli import main

    make(tmp_path / "m.db").add("Rex barks")  # by another embedder than the default
    assert main(["doctor", "--db", str(tmp_path / "m.db")]) == 1
    assert "embedder-mismatch" in capsys.readouterr().out
