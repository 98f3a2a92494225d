"""The Bernoulli draw, the power law and ACT-R, against their contract and the literature."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agentmem import SimulatedClock
from agentmem.core import Ask
from agentmem.errors import ConfigError
from agentmem.identity import record_id
from agentmem.policies import actr, ebbinghaus, power_law
from agentmem.policies._draw import uniform
from agentmem.policies.actr import ActR
from agentmem.policies.ebbinghaus import Bernoulli
from agentmem.policies.power_law import PowerLaw
from agentmem.views import KEPT
from tests.conftest import DAY, START, Make
from tests.policy_contract import NOW, PolicyContract, make_view, views

WORDS = ("boats", "trams", "keys", "rain", "bread", "wine", "maps", "lamps")
ASK = Ask(now=NOW, namespace=("n",))


def many(n: int, **columns):
    """A view of n records with ids as a ledger has them."""
    ids = [record_id("chunk", ("n",), "", str(i)).encode() for i in range(n)]
    return replace(make_view(age=np.zeros(n), **columns), ids=np.array(ids, dtype="S32"))


class TestBernoulli(PolicyContract):
    policies = (
        Bernoulli(),
        Bernoulli(rank=True, half_life=7 * DAY, seed=3),
        Bernoulli(variant="published", gain=0.5),
        Bernoulli(variant="as_coded", loads=3),
    )
    time_fades = True

    def test_the_share_that_survives_is_the_retention(self):
        view = many(4000, idle=7 * DAY)
        alive = Bernoulli(half_life=7 * DAY).weight(view)
        assert alive.mean() == pytest.approx(0.5, abs=0.03)

    def test_the_same_seed_keeps_the_same_records_and_another_seed_others(self):
        view = many(200, idle=30 * DAY)
        kept = [Bernoulli(seed=seed).weight(view).tolist() for seed in (5, 5, 6)]
        assert kept[0] == kept[1] != kept[2]

    def test_maintenance_every_day_keeps_what_maintenance_once_keeps(self):
        view, policy = many(300, idle=0.0), Bernoulli(half_life=5 * DAY)
        once = set(policy.maintain(replace(view, now=NOW + 9 * DAY), ASK).archive)
        gone: set[str] = set()
        for day in range(1, 10):
            gone |= set(policy.maintain(replace(view, now=NOW + day * DAY), ASK).archive)
        assert gone == once
        assert 0 < len(once) < 300

    @settings(max_examples=30)
    @given(view=views())
    def test_a_record_is_due_when_its_retention_has_fallen_to_its_draw(self, view):
        policy = Bernoulli(half_life=7 * DAY)
        draw = uniform(view.ids, 0)
        for row, at in enumerate(policy.expiry(view).tolist()):
            before = policy.survival(replace(view, now=at - 1.0))[row]
            after = policy.survival(replace(view, now=at + 1.0))[row]
            assert before > draw[row] > after

    def test_as_coded_survival_is_the_product_over_all_loads(self):
        days, ones = np.arange(1.0, 6.0), np.ones(5)
        each = ebbinghaus.as_coded(days, 2 * ones)
        assert ebbinghaus.redrawn(days, 2 * ones, 1) == pytest.approx(np.cumprod(each))
        assert ebbinghaus.redrawn(days, 2 * ones, 3) == pytest.approx(np.cumprod(each) ** 3)

    def test_as_coded_loses_more_the_more_often_the_index_is_loaded_and_intended_does_not(self):
        view = many(4000, idle=3 * DAY)
        seldom, often = (Bernoulli(variant="as_coded", loads=n).weight(view).mean() for n in (1, 4))
        assert seldom == pytest.approx(math.exp(-6 / 5), abs=0.03)
        assert often == pytest.approx(math.exp(-24 / 5), abs=0.03)
        assert Bernoulli(loads=1).weight(view).tolist() == Bernoulli(loads=4).weight(view).tolist()

    def test_as_coded_forgets_the_stronger_first(self):
        view = many(1000, idle=3 * DAY)
        for variant, stronger_first in (("as_coded", True), ("intended", False)):
            policy = Bernoulli(variant=variant)
            strong = replace(view, stability=np.full(1000, 4 * policy.curve.initial))
            assert (policy.weight(strong).sum() < policy.weight(view).sum()) == stronger_first

    @given(idle=st.integers(0, 60))
    @settings(max_examples=20)
    def test_as_coded_expiry_agrees_with_the_product(self, idle):
        policy = Bernoulli(variant="as_coded")
        view = many(50, idle=idle * DAY)
        alive = policy.survival(view) > uniform(view.ids, 0)
        assert (policy.weight(view) > 0).tolist() == alive.tolist()

    def test_draws_are_uniform_and_do_not_depend_on_their_neighbours(self):
        ids = many(5000).ids
        draws = uniform(ids, 1)
        assert np.histogram(draws, bins=10, range=(0, 1))[0] == pytest.approx(500, abs=100)
        assert uniform(ids[7:8], 1) == draws[7]
        assert abs(np.corrcoef(draws, uniform(ids, 2))[0, 1]) < 0.05

    def test_it_archives_what_its_draw_says(self, make: Make, clock):
        memory = make(policies=[{"bernoulli": {"half_life": "1d", "seed": 1}}])
        ids = [memory.add(f"fact number {i}")[0] for i in range(40)]
        clock.advance("1d")
        memory.apply(memory.plan())
        left = [name for name in ids if memory.get(name).status == "active"]
        assert 8 < len(left) < 32

    def test_a_variant_with_its_own_unit_takes_no_half_life(self):
        with pytest.raises(ConfigError, match=r"bernoulli: variant 'published' takes no half_life"):
            Bernoulli(half_life=DAY, variant="published")
        with pytest.raises(ConfigError, match=r"bernoulli\.seed = -1"):
            Bernoulli(seed=-1)


class TestPowerLaw(PolicyContract):
    policies = (
        PowerLaw(),
        PowerLaw(half_life=7 * DAY, floor=0.0, remove=True, forget_below=0.3, gain=0.5),
        PowerLaw(scale=DAY, exponent=1.5, remove=True, variant="published"),
        PowerLaw(exponent=0.01, remove=True, forget_below=1e-12),
    )
    time_fades = True

    @pytest.mark.parametrize("variant", ["intended", "published"])
    def test_half_life_halves_weight(self, variant):
        policy = PowerLaw(half_life=7 * DAY, floor=0.0, variant=variant)
        assert policy.weight(make_view(age=[7 * DAY])) == pytest.approx([0.5])

    def test_formulas(self):
        t = np.array([0.0, 1.0, 3.0, 99.0])
        assert power_law.intended(t, 0.9, 1.0, 0.5) == pytest.approx(
            [0.9, 0.63640, 0.45, 0.09], abs=1e-5
        )
        assert power_law.published(t, 0.9, 0.5) == pytest.approx(
            [0.9, 0.9, 0.51962, 0.09045], abs=1e-5
        )

    def test_the_curve_of_fsrs_is_a_power_law(self):
        policy = PowerLaw(scale=DAY * 81 / 19, exponent=0.5, floor=0.0)
        weight = policy.weight(make_view(age=[10 * DAY, 100 * DAY]))
        assert weight == pytest.approx([0.54671, 0.20221], abs=5e-6)

    @pytest.mark.parametrize("variant", ["intended", "published"])
    @pytest.mark.parametrize("exponent", [0.3, 0.5, 1.2])
    def test_log_retention_falls_with_log_time_at_the_exponent(self, variant, exponent):
        policy = PowerLaw(scale=60.0, exponent=exponent, floor=0.0, variant=variant)
        age = np.geomspace(1e5, 1e8, 20)
        slope = np.polyfit(np.log(age), np.log(policy.weight(make_view(age=age))), 1)[0]
        assert slope == pytest.approx(-exponent, abs=1e-3)

    def test_old_memories_fade_more_slowly_than_young_ones(self):
        """Jost's second law: what an exponential curve cannot show."""
        policy = PowerLaw(half_life=DAY, floor=0.0)
        young, old = policy.weight(make_view(age=[DAY, 30 * DAY]))
        later = policy.weight(make_view(age=[2 * DAY, 31 * DAY]))
        assert later[0] / young < later[1] / old

    def test_a_recall_restarts_the_curve_and_stretches_it(self):
        policy = PowerLaw(scale=DAY)
        update = policy.touch(make_view(age=[DAY, DAY], stability=[np.nan, 2 * DAY]))
        assert update.stability == pytest.approx([2 * DAY, 3 * DAY])

    @pytest.mark.parametrize("variant", ["intended", "published"])
    @settings(max_examples=30)
    @given(view=views())
    def test_expiry_is_where_retention_crosses_forget_below(self, variant, view):
        policy = PowerLaw(half_life=7 * DAY, remove=True, forget_below=0.2, variant=variant)
        for row, at in enumerate(policy.expiry(view).tolist()):
            assert policy.retention(replace(view, now=at - 60))[row] > 0.2
            assert policy.retention(replace(view, now=at + 60))[row] < 0.2

    def test_half_life_and_scale_exclude_each_other(self):
        with pytest.raises(ConfigError, match="not both"):
            PowerLaw(half_life=DAY, scale=DAY)


def used(*lags: float, created: float = 100 * DAY, uses: int | None = None):
    """A view of one record recalled so many seconds ago."""
    recalls = np.full((1, KEPT), np.nan)
    recalls[0, : len(lags)] = NOW - np.array(lags)
    idle = min(lags, default=created)
    return make_view(age=[created], idle=idle, uses=uses or len(lags), recalls=recalls)


class TestActR(PolicyContract):
    policies = (
        ActR(),
        ActR(half_life=7 * DAY, decay=0.3, noise=0.25, remove=True, floor=0.0),
        ActR(variant="approximate", remove=True),
        ActR(threshold=-0.8, remove=True, forget_below=0.5),
        ActR(decay=0.01, remove=True),
    )
    time_fades = True

    @pytest.mark.parametrize(
        ("lags", "expected"), [([1], 0.0), ([100], -2.3026), ([1, 10, 100], 0.3480), ([0], 0.0)]
    )
    def test_base_level_vectors(self, lags, expected):
        assert actr.base_level(np.array([lags], dtype=float)) == pytest.approx([expected], abs=5e-5)
        *recalled, created = sorted(lags)
        view = used(*recalled, created=created)
        assert ActR().activation(view) == pytest.approx([expected], abs=5e-5)

    def test_the_approximation_is_poor_for_bunched_uses(self):
        assert actr.approximate(np.array([3.0]), np.array([100.0])) == pytest.approx(
            [-0.5108], abs=5e-5
        )
        view = used(1, 10, created=100)
        assert ActR(variant="approximate").activation(view) == pytest.approx([-0.5108], abs=5e-5)

    def test_the_approximation_is_exact_enough_for_even_uses(self):
        lags = np.arange(1.0, 1001.0)[None, :]
        exact, rough = (
            actr.base_level(lags),
            actr.approximate(np.array([1000.0]), np.array([1000.0])),
        )
        assert rough == pytest.approx(exact, abs=0.05)

    def test_uses_beyond_the_kept_ones_count_by_petrovs_tail(self):
        lags = np.arange(1, 101) * DAY  # a use a day, for a hundred days
        exact = actr.base_level(lags[None, :])
        view = used(*lags[:KEPT], created=lags[-1], uses=99)
        assert ActR().activation(view) == pytest.approx(exact, abs=0.01)
        without = replace(view, uses=np.array([float(KEPT)]))
        assert ActR().activation(without) < exact - 0.3

    def test_the_tail_is_the_mean_of_the_power_between_two_lags(self):
        near, far = np.array([9.0, 5.0]), np.array([25.0, 5.0])
        assert actr.tail(np.array([2.0, 3.0]), near, far) == pytest.approx([0.5, 3 / 5**0.5])

    def test_a_record_that_was_never_traced_counts_its_last_recall(self):
        blind = replace(used(created=100 * DAY, uses=1), recalls=np.empty((1, 0)))
        blind = replace(blind, used=np.array([NOW - 3 * DAY]))
        assert ActR().activation(blind) == pytest.approx(ActR().activation(used(3 * DAY)))

    @pytest.mark.parametrize("lags", [(), (9 * DAY, 20 * DAY)])
    def test_a_restored_record_has_been_used_once_more(self, lags):
        back = replace(used(*lags, created=100 * DAY), used=np.array([NOW - DAY]))
        again = used(DAY, *lags, created=100 * DAY)
        assert ActR().activation(back) == pytest.approx(ActR().activation(again))

    def test_a_restored_record_stays_for_a_while(self, make: Make, clock):
        memory = make(policies=[{"actr": {"half_life": "1d", "remove": True}}])
        [name] = memory.add("Rex is my dog")
        clock.advance(100 * DAY)
        memory.apply(memory.plan())
        memory.restore(name)
        assert not memory.plan()
        clock.advance(100 * DAY)
        assert memory.plan().removes == 1

    def test_recall_is_as_likely_as_not_at_the_half_life(self):
        for variant in ("intended", "approximate"):
            policy = ActR(half_life=7 * DAY, floor=0.0, variant=variant)
            assert policy.weight(used(created=7 * DAY)) == pytest.approx([0.5])
        assert actr.probability(np.array([-0.8]), -0.8, 0.3) == pytest.approx([0.5])
        assert actr.probability(np.array([-1e6]), 0.0, 0.1).tolist() == [0.0]

    def test_spaced_recalls_last_longer_than_crammed_ones(self):
        spaced, crammed = used(20 * DAY, 40 * DAY, 60 * DAY), used(58 * DAY, 59 * DAY, 60 * DAY)
        late = NOW + 200 * DAY
        here = [ActR().activation(replace(view, now=late))[0] for view in (spaced, crammed)]
        assert here[0] > here[1]

    @given(lags=st.lists(st.floats(0, 1e7), max_size=KEPT), older=st.integers(0, 40))
    @settings(max_examples=40)
    def test_expiry_is_where_the_chance_of_recall_crosses_forget_below(self, lags, older):
        view = used(*sorted(lags), created=2e7, uses=len(lags) + older * bool(lags))
        policy = ActR(half_life=7 * DAY, remove=True)
        [at] = policy.expiry(view)
        assert policy.retention(replace(view, now=at - 60))[0] > 0.05
        assert policy.retention(replace(view, now=at + 60))[0] < 0.05
        [later] = policy.expiry(replace(view, now=NOW + 9 * DAY))
        assert later == pytest.approx(at, abs=1e-3)  # a matter of history, not of now

    def test_the_fan_makes_a_common_cue_tell_less(self):
        assert actr.fan(np.array([1.0, 2.0, 10.0]), 2.0) == pytest.approx(
            [2, 1.3069, -0.3026], abs=5e-5
        )

    def test_a_memory_under_it_keeps_what_is_used_and_archives_the_rest(self, make: Make, clock):
        memory = make(policies=[{"actr": {"half_life": "2d", "remove": True, "forget_below": 0.2}}])
        kept, lost = memory.add("The key is under the mat.")[0], memory.add("It rained today.")[0]
        for _ in range(20):
            clock.advance("1d")
            memory.search("key mat", k=1)
        memory.apply(memory.plan())
        assert [memory.get(name).status for name in (kept, lost)] == ["active", "archived"]

    def test_half_life_and_threshold_exclude_each_other(self):
        with pytest.raises(ConfigError, match="not both"):
            ActR(half_life=DAY, threshold=0.0)

    def test_a_hopeless_threshold_is_due_at_once_and_a_low_one_never(self):
        view = used(3 * DAY, 9 * DAY)
        assert (ActR(threshold=5.0, remove=True).expiry(view) < view.now).all()
        assert np.isposinf(ActR(threshold=-60.0, remove=True).expiry(view)).all()


REMOVING = [
    {"ebbinghaus": {"half_life": "3d", "remove": True, "forget_below": 0.2}},
    {"bernoulli": {"half_life": "3d", "rank": True}},
    {"bernoulli": {"variant": "as_coded"}},
    {"power_law": {"half_life": "1d", "remove": True, "forget_below": 0.3}},
    {"fsrs": {"remove": True, "forget_below": 0.8}},
    {"actr": {"half_life": "2d", "remove": True, "forget_below": 0.2}},
    {"actr": {"half_life": "2d", "remove": True, "forget_below": 0.2, "variant": "approximate"}},
    {"generative_agents": {"remove": True, "forget_below": 0.6}},
]


@pytest.mark.parametrize("policy", REMOVING, ids=lambda one: "-".join(map(str, *one.items())))
def test_maintenance_daily_or_once_leaves_the_same_records_with_the_same_weights(make, policy):
    left = []
    for daily in (True, False):
        clock = SimulatedClock(START)
        memory = make(policies=[policy], clock=clock)
        names = [memory.add(f"note {i} about {word}")[0] for i, word in enumerate(WORDS)]
        for day in range(20):
            clock.advance("1d")
            if daily:
                memory.apply(memory.plan())
            if day < 12:  # only two are recalled, before they are due
                memory.search(WORDS[day % 2], k=1)
        memory.apply(memory.plan())
        weights = {hit.id: hit.why.weights for hit in memory.search(None, k=50, reinforce=False)}
        left.append((weights, [memory.get(name).status for name in names]))
    assert left[0] == left[1]
    assert "archived" in left[0][1]
