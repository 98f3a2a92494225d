"""What every policy must do.  Subclass `PolicyContract`, name some policies, inherit the tests."""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agentmem.config import build_policies, dump
from agentmem.core import Ask, Policy, View
from agentmem.views import KEPT

NOW = 1.7e9
# Several classes inherit one test: each run draws its own examples and keeps none.
inherited = settings(
    max_examples=20,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.differing_executors],
)
PLAIN = ("now", "kinds", "origins", "by")
ARRAYS = tuple(name for name in View.__dataclass_fields__ if name not in PLAIN)


def make_view(
    *,
    age=(),
    idle=None,
    uses=0.0,
    stability=np.nan,
    importance=0.5,
    turns=0.0,
    idle_turns=np.inf,
    namespace=0,
    valence=0.0,
    kind=0,
    source=0,
    verify_by=np.nan,
    words=10.0,
    recalls=None,
    share=np.nan,
    by="",
) -> View:
    """A view of `len(age)` records; scalars are repeated."""
    age = np.asarray(age, dtype=float)
    n = len(age)

    def full(value, dtype=float):
        return np.broadcast_to(np.asarray(value, dtype=dtype), (n,)).copy()

    return View(
        now=NOW,
        created=NOW - age,
        used=NOW - (age if idle is None else full(idle)),
        uses=full(uses),
        stability=full(stability),
        importance=full(importance),
        valence=full(valence),
        turns=full(turns),
        idle_turns=full(idle_turns),
        namespace=full(namespace, np.int64),
        ids=np.array([f"r{i}".encode() for i in range(n)], dtype="S32"),
        kind=full(kind, np.int64),
        source=full(source, np.int64),
        verify_by=full(verify_by),
        words=full(words),
        recalls=np.full((n, KEPT), np.nan) if recalls is None else np.asarray(recalls, dtype=float),
        share=full(share),
        kinds=("chunk", "fact"),
        origins=("", "chat", "tool:web"),
        by=by,
    )


def random_view(size: int, seed: int) -> View:
    """A view with distinct event times, so that row order decides nothing."""
    rng = np.random.default_rng(seed)
    age = rng.choice(400 * 86400, size=size, replace=False, shuffle=True).astype(float)
    turns = rng.integers(0, 2000, size)
    return make_view(
        age=age,
        idle=age * rng.choice([0.0, 1.0, rng.random()], size),
        uses=rng.integers(0, 50, size),
        stability=np.where(rng.random(size) < 0.5, np.nan, 10 ** rng.uniform(2, 8, size)),
        importance=rng.choice([0.0, 0.5, 1.0, rng.random()], size),
        turns=turns,
        idle_turns=np.where(rng.random(size) < 0.5, np.inf, np.floor(turns * rng.random(size))),
        namespace=rng.integers(0, 3, size),
        valence=rng.choice([-1.0, 0.0, 1.0], size),
        source=rng.integers(0, 3, size),
        verify_by=np.where(rng.random(size) < 0.5, np.nan, NOW + rng.normal(0.0, 1e7, size)),
    )


def views() -> st.SearchStrategy[View]:
    """Drawn by size and seed: an order faster than drawing each number."""
    return st.builds(random_view, size=st.integers(0, 12), seed=st.integers(0, 2**32 - 1))


def same(left: np.ndarray, right: np.ndarray) -> None:
    np.testing.assert_array_equal(left, right)


class PolicyContract:
    """Inherit and set `policies`; `time_fades` where weight must not rise with idle time."""

    policies: ClassVar[tuple[Policy, ...]]
    time_fades: ClassVar[bool] = False
    ask: ClassVar[Ask] = Ask(now=NOW, namespace=("n",), turn=200, last_turn=0)

    def each(self):
        assert self.policies
        return self.policies

    @inherited
    @given(view=views())
    def test_weights_have_one_value_per_record_between_0_and_1(self, view):
        for policy in self.each():
            weight = policy.weight(view)
            assert weight.shape == (len(view),)
            assert weight.dtype == np.float64
            assert ((weight >= 0) & (weight <= 1)).all()

    @inherited
    @given(view=views())
    def test_a_separable_policy_weighs_each_record_by_itself_and_suppresses_none(self, view):
        for policy in self.each():
            if policy.separable:
                whole = policy.weight(view)
                assert (whole > 0.0).all()
                alone = [policy.weight(view.take(np.array([i])))[0] for i in range(len(view))]
                same(whole, np.array(alone))

    @inherited
    @given(view=views())
    def test_a_policy_is_pure(self, view):
        before = {name: getattr(view, name).copy() for name in ARRAYS}
        for policy in self.each():
            first = policy.weight(view), policy.expiry(view), policy.touch(view)
            change = policy.maintain(view, self.ask)
            again = policy.weight(view), policy.expiry(view), policy.touch(view)
            same(first[0], again[0])
            same(first[1], again[1])
            same(first[2].stability, again[2].stability)
            assert policy.maintain(view, self.ask) == change
        for name, array in before.items():
            same(getattr(view, name), array)

    @inherited
    @given(view=views(), seed=st.integers(0, 2**32 - 1))
    def test_the_order_of_records_does_not_matter(self, view, seed):
        order = np.random.default_rng(seed).permutation(len(view))
        shuffled = view.take(order)
        for policy in self.each():
            same(policy.weight(view)[order], policy.weight(shuffled))
            same(policy.expiry(view)[order], policy.expiry(shuffled))
            here = policy.maintain(view, self.ask).archive
            assert set(here) == set(policy.maintain(shuffled, self.ask).archive)

    @inherited
    @given(view=views(), longer=st.floats(0, 1e8))
    def test_weight_does_not_rise_with_idle_time(self, view, longer):
        if not self.time_fades:
            return
        later = replace(view, used=view.used - longer)
        for policy in self.each():
            assert (policy.weight(later) <= policy.weight(view)).all()

    @inherited
    @given(view=views())
    def test_a_recall_never_lowers_the_weight(self, view):
        recalled = replace(view, idle_turns=np.zeros(len(view)))
        for policy in self.each():
            touched = recalled.at(policy.touch(recalled))
            before = policy.weight(recalled)
            assert (policy.weight(touched) >= before).all()
            same(touched.used, np.full(len(view), view.now))
            same(touched.uses, view.uses + 1)

    @inherited
    @given(view=views())
    def test_maintenance_names_records_of_the_view_and_gives_their_scores(self, view):
        ids = {name.decode() for name in view.ids.tolist()}
        for policy in self.each():
            change = policy.maintain(view, self.ask)
            assert set(change.ids) == set(change.archive) <= ids
            assert set(change.scores) == set(change.archive)
            assert change.policy == policy.name
            assert change.reason

    @inherited
    @given(view=views())
    def test_maintenance_twice_is_maintenance_once(self, view):
        for policy in self.each():
            gone = set(policy.maintain(view, self.ask).archive)
            kept = np.array([name.decode() not in gone for name in view.ids.tolist()], dtype=bool)
            ask = replace(self.ask, last_turn=self.ask.turn)
            assert not policy.maintain(view.take(kept), ask)

    @inherited
    @given(view=views())
    def test_without_remove_nothing_goes(self, view):
        for policy in self.each():
            quiet = replace(policy, remove=False)
            assert not quiet.maintain(view, self.ask)
            assert np.isposinf(quiet.expiry(view)).all()

    @inherited
    @given(view=views(), active=st.integers(0, 50))
    def test_an_unconcerned_policy_removes_nothing(self, view, active):
        small = view.take(np.arange(min(active, len(view))))
        one_namespace = replace(small, namespace=np.zeros(len(small), dtype=np.int64))
        for policy in self.each():
            if not policy.concerns(len(small), self.ask):
                assert not policy.maintain(one_namespace, self.ask)

    def test_its_configuration_survives_a_round_trip(self):
        for policy in self.each():
            assert build_policies(dump(policy)) == (policy,)

    def test_it_cannot_be_changed(self):
        for policy in self.each():
            with pytest.raises(AttributeError):
                policy.rank = not policy.rank
