"""The policies against their contract and against the literature's numbers."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentmem.core import Ask
from agentmem.errors import ConfigError
from agentmem.policies import age_weighted, ebbinghaus
from agentmem.policies.age_weighted import AgeWeighted
from agentmem.policies.budget import Budget
from agentmem.policies.ebbinghaus import Ebbinghaus
from agentmem.policies.none import NoForgetting
from agentmem.policies.window import Window
from tests.policy_contract import NOW, PolicyContract, make_view, views

DAY = 86400.0
HOUR = 3600.0


def ask(turn: int = 0, last_turn: int = 0) -> Ask:
    return Ask(now=NOW, namespace=("n",), turn=turn, last_turn=last_turn)


class TestNone(PolicyContract):
    policies = (NoForgetting(), NoForgetting(remove=True))
    time_fades = True

    def test_everything_keeps_weight_1(self):
        assert NoForgetting().weight(make_view(age=[0, 1e9])).tolist() == [1, 1]


class TestWindow(PolicyContract):
    policies = (Window(n=3), Window(n=0, remove=True), Window(n=2, remove=True), Window())

    def test_the_n_newest_count_and_the_others_are_suppressed(self):
        assert Window(n=2).weight(make_view(age=[30, 10, 20])).tolist() == [0, 1, 1]

    def test_a_window_of_0_sees_nothing(self):
        assert Window(n=0).weight(make_view(age=[1, 2])).tolist() == [0, 0]

    def test_each_namespace_has_its_own_window(self):
        view = make_view(age=[1, 2, 3, 4], namespace=[0, 0, 7, 7])
        assert Window(n=1).weight(view).tolist() == [1, 0, 1, 0]

    def test_among_equal_times_the_later_row_is_newer(self):
        assert Window(n=1).weight(make_view(age=[5, 5, 5])).tolist() == [0, 0, 1]

    def test_removal_says_how_many_were_newer(self):
        change = Window(n=1, remove=True).maintain(make_view(age=[3, 1, 2]), ask())
        assert set(change.archive) == {"r0", "r2"}
        assert change.scores == {"r0": 2.0, "r2": 1.0}
        assert "outside the window" in change.reason

    def test_it_looks_only_at_a_namespace_that_is_too_large(self):
        assert Window(n=3, remove=True).concerns(4, ask())
        assert not Window(n=3, remove=True).concerns(3, ask())
        assert not Window(n=3).concerns(4, ask())


class TestEbbinghaus(PolicyContract):
    policies = (
        Ebbinghaus(),
        Ebbinghaus(half_life=7 * DAY, floor=0.0, remove=True, gain=0.5),
        Ebbinghaus(stability=DAY, floor=0.1, remove=True, forget_below=0.3),
        Ebbinghaus(variant="published", floor=0.0),
        Ebbinghaus(variant="as_coded", remove=True, floor=0.0),
    )
    time_fades = True

    def test_half_life_halves_weight(self):
        policy = Ebbinghaus(half_life=7 * DAY, floor=0.0)
        weight = policy.weight(make_view(age=[0, 7 * DAY, 14 * DAY]))
        assert weight == pytest.approx([1, 0.5, 0.25])

    def test_stability_is_the_time_to_1_over_e(self):
        weight = Ebbinghaus(stability=DAY, floor=0.0).weight(make_view(age=[DAY]))
        assert weight == pytest.approx([1 / math.e])

    def test_the_default_half_life_is_30_days(self):
        assert Ebbinghaus().weight(make_view(age=[30 * DAY])) == pytest.approx([0.5])

    def test_a_recall_restarts_the_curve_and_adds_one_initial_stability(self):
        policy = Ebbinghaus(stability=DAY)
        update = policy.touch(make_view(age=[DAY, DAY], stability=[np.nan, 2 * DAY]))
        assert update.stability == pytest.approx([2 * DAY, 3 * DAY])
        assert update.used.tolist() == [NOW, NOW]

    def test_the_floor_keeps_old_records_findable(self):
        assert Ebbinghaus(floor=0.2).weight(make_view(age=[1e12])).tolist() == [0.2]

    @given(view=views())
    def test_expiry_is_where_retention_crosses_forget_below(self, view):
        policy = Ebbinghaus(half_life=7 * DAY, remove=True, forget_below=0.1, floor=0.5)
        expiry = policy.expiry(view)
        for row, at in enumerate(expiry.tolist()):
            for when, side in ((at - 1.0, np.greater), (at + 1.0, np.less)):
                retention = policy.retention(replace(view, now=when))[row]
                assert side(retention, 0.1)

    @given(strength=st.integers(1, 9), days=st.integers(0, 30))
    def test_expiry_of_the_coded_variant_falls_on_a_whole_day(self, strength, days):
        policy = Ebbinghaus(variant="as_coded", remove=True)
        view = make_view(age=[days * DAY], stability=strength * policy.initial)
        due = bool(policy.expiry(view)[0] <= view.now)
        assert due == bool(policy.retention(view)[0] <= policy.forget_below)

    def test_removal_gives_the_retention_as_its_reason(self):
        policy = Ebbinghaus(stability=DAY, remove=True)
        change = policy.maintain(make_view(age=[2 * DAY, 4 * DAY]), ask())
        assert change.archive == ("r1",)
        assert change.scores["r1"] == pytest.approx(math.exp(-4))
        assert "0.05" in change.reason

    @pytest.mark.parametrize(
        ("formula", "days", "strength", "expected"),
        [
            (ebbinghaus.published, 1, 1, 0.3679),
            (ebbinghaus.published, 5, 1, 0.0067),
            (ebbinghaus.published, 5, 2, 0.0821),
            (ebbinghaus.published, 5, 4, 0.2865),
            (ebbinghaus.published, 5, 10, 0.6065),
            (ebbinghaus.as_coded, 1, 1, 0.8187),
            (ebbinghaus.as_coded, 5, 1, 0.3679),
            (ebbinghaus.as_coded, 5, 2, 0.1353),
            (ebbinghaus.as_coded, 5, 4, 0.0183),
            (ebbinghaus.intended, 5, 1, 0.3679),
            (ebbinghaus.intended, 5, 2, 0.6065),
            (ebbinghaus.intended, 5, 4, 0.7788),
        ],
    )
    def test_memorybank_vectors(self, formula, days, strength, expected):
        found = formula(np.array([float(days)]), np.array([float(strength)]))
        assert found == pytest.approx([expected], abs=5e-5)

    @pytest.mark.parametrize(
        ("variant", "formula", "unit"),
        [
            ("published", ebbinghaus.published, DAY),
            ("as_coded", ebbinghaus.as_coded, 5 * DAY),
        ],
    )
    def test_a_variant_follows_its_formula_in_days(self, variant, formula, unit):
        policy = Ebbinghaus(variant=variant, floor=0.0)
        strength = np.array([1.0, 2.0, 4.0])
        view = make_view(age=[5 * DAY] * 3, stability=strength * unit)
        assert policy.weight(view) == pytest.approx(formula(np.full(3, 5.0), strength))

    def test_the_parenthesised_formula_is_a_stability_of_5_days(self):
        policy = Ebbinghaus(stability=5 * DAY, floor=0.0)
        strength = np.array([1.0, 2.0, 4.0])
        view = make_view(age=[5 * DAY] * 3, stability=strength * 5 * DAY)
        expected = ebbinghaus.intended(np.full(3, 5.0), strength)
        assert policy.weight(view) == pytest.approx(expected)

    def test_as_coded_forgets_the_stronger_first_and_intended_does_not(self):
        for variant, stronger_first in (("as_coded", True), ("intended", False)):
            policy = Ebbinghaus(variant=variant, floor=0.0)
            view = make_view(age=[9 * DAY] * 2, stability=np.array([1.0, 4.0]) * policy.initial)
            weak, strong = policy.weight(view)
            assert (strong < weak) == stronger_first

    @pytest.mark.parametrize(
        ("hours", "expected"), [(1, 0.995), (24, 0.8867), (168, 0.4308), (138.3, 0.5)]
    )
    def test_generative_agents_recency_is_this_curve(self, hours, expected):
        policy = Ebbinghaus(stability=-HOUR / math.log(0.995), floor=0.0)
        weight = policy.weight(make_view(age=[hours * HOUR]))
        assert weight == pytest.approx([expected], abs=1e-4)

    @pytest.mark.parametrize(("t", "expected"), [(10, 0.34868), (100, 0.00003)])
    def test_exponential_form_of_the_fsrs_curve(self, t, expected):
        policy = Ebbinghaus(stability=-DAY / math.log(0.9), floor=0.0)
        weight = policy.weight(make_view(age=[t * DAY]))
        assert weight == pytest.approx([expected], abs=5e-6)

    def test_all_values_out_of_range_are_named_at_once(self):
        with pytest.raises(ConfigError) as caught:
            Ebbinghaus(half_life=-1.0, floor=2.0, gain=math.nan)
        for part in ("half_life = -1.0", "seconds > 0", "floor = 2.0", "gain = nan"):
            assert part in str(caught.value)

    def test_half_life_and_stability_exclude_each_other(self):
        with pytest.raises(ConfigError, match="not both"):
            Ebbinghaus(half_life=DAY, stability=DAY)

    def test_a_variant_with_its_own_unit_takes_no_half_life(self):
        with pytest.raises(ConfigError, match="takes no half_life"):
            Ebbinghaus(half_life=DAY, variant="as_coded")

    def test_a_duration_in_text_is_refused_with_advice(self):
        with pytest.raises(ConfigError, match=r"duration\('7d'\)"):
            Ebbinghaus(half_life="7d")

    def test_an_unknown_variant_names_the_nearest(self):
        with pytest.raises(ConfigError, match="did you mean 'as_coded'"):
            Ebbinghaus(variant="as_code")


class TestAgeWeighted(PolicyContract):
    policies = (
        AgeWeighted(),
        AgeWeighted(remove=True, fraction=0.3),
        AgeWeighted(variant="published", beta=0.25),
    )

    @pytest.mark.parametrize(
        ("formula", "turns", "delta", "expected"),
        [
            (age_weighted.published, 0, 0, 1.5),
            (age_weighted.published, 0, 1, 1.0),
            (age_weighted.published, 100, 1, 0.8187),
            (age_weighted.published, 500, 0, 0.8679),
            (age_weighted.published, 500, 1, 0.3679),
            (age_weighted.intended, 100, 1, 1.3187),
            (age_weighted.intended, 500, 0, 0.3679),
            (age_weighted.intended, 500, 1, 0.8679),
        ],
    )
    def test_hema_vectors(self, formula, turns, delta, expected):
        found = formula(np.array([float(turns)]), np.array([float(delta)]), 1.0, 0.002, 0.5)
        assert found == pytest.approx([expected], abs=5e-5)

    def test_salience_counts_a_recall_within_100_turns(self):
        view = make_view(age=[1, 2, 3], turns=500, idle_turns=[100, 101, np.inf])
        assert AgeWeighted().salience(view) == pytest.approx([0.8679, 0.3679, 0.3679], abs=5e-5)
        published = AgeWeighted(variant="published").salience(view)
        assert published == pytest.approx([0.3679, 0.8679, 0.8679], abs=5e-5)

    def test_half_life_is_346_6_turns(self):
        weight = AgeWeighted(beta=0.0).weight(make_view(age=[1], turns=346.6))
        assert weight == pytest.approx([0.5], abs=1e-4)

    def test_of_400_chunks_exactly_the_2_least_salient_are_pruned(self):
        turns = np.arange(400.0)
        change = AgeWeighted(remove=True).maintain(make_view(age=turns, turns=turns), ask(400))
        assert set(change.archive) == {"r398", "r399"}

    def test_pruning_waits_for_the_next_multiple_of_100_turns(self):
        policy = AgeWeighted(remove=True)
        assert policy.concerns(400, ask(400, 399))
        assert not policy.concerns(400, ask(499, 400))
        assert policy.concerns(400, ask(500, 499))
        view = make_view(age=np.arange(400.0))
        assert not policy.maintain(view, ask(499, 400))

    def test_too_few_chunks_lose_none(self):
        policy = AgeWeighted(remove=True)
        assert not policy.concerns(199, ask(100))
        assert policy.concerns(200, ask(100))

    def test_a_range_error_names_the_field(self):
        with pytest.raises(ConfigError, match=r"age_weighted.every = 0: .*>= 1"):
            AgeWeighted(every=0)


class TestBudget(PolicyContract):
    policies = (
        Budget(max_records=3, half_life=30 * DAY),
        Budget(max_records=0),
        Budget(rank=True, half_life=DAY),
    )
    time_fades = True

    def test_the_most_valuable_stay(self):
        view = make_view(age=[0, 30 * DAY, 0, 60 * DAY], importance=[0.4, 1.0, 0.3, 1.0])
        change = Budget(max_records=2, half_life=30 * DAY).maintain(view, ask())
        assert set(change.archive) == {"r2", "r3"}
        assert change.scores == pytest.approx({"r2": 0.3, "r3": 0.25})

    def test_among_equals_the_older_goes_first(self):
        view = make_view(age=[1, 3, 2], idle=0.0)
        assert Budget(max_records=1).maintain(view, ask()).archive == ("r1", "r2")

    def test_each_namespace_has_its_own_budget(self):
        view = make_view(age=[1, 2, 3], namespace=[0, 0, 1])
        assert Budget(max_records=1).maintain(view, ask()).archive == ("r1",)

    def test_importance_decides_among_records_of_any_age(self):
        view = make_view(age=[1e12, 1e12 + 1], idle=1e12, importance=[0.1, 0.9])
        assert Budget(max_records=1).maintain(view, ask()).archive == ("r0",)

    def test_it_removes_and_does_not_rank_by_default(self):
        assert Budget().remove
        assert not Budget().rank

    def test_it_looks_only_at_a_namespace_over_its_budget(self):
        assert Budget(max_records=5).concerns(6, ask())
        assert not Budget(max_records=5).concerns(5, ask())
