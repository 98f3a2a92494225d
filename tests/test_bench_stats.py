"""Statistics over runs: intervals, tests, corrections, estimands, power and the summary."""

from __future__ import annotations

import json
from itertools import product
from math import inf, log2
from statistics import mean
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from scipy import stats as scipy_stats

from agentmem.bench.stats import (
    Design,
    area,
    areas,
    bca,
    bca_difference,
    bca_ratio,
    benjamini_hochberg,
    bimodal,
    cliffs_delta,
    curse_slope,
    curves,
    holm,
    paired,
    paired_sd,
    power_text,
    rescue,
    sign_flip,
    summarise,
    tost,
)
from agentmem.bench.stats.bootstrap import RESAMPLES, weights
from agentmem.bench.stats.equivalence import t_tail
from agentmem.bench.stats.permutation import EXACT
from agentmem.bench.table import cells, signed, spread, table_text
from agentmem.errors import ConfigError, InputError

SHARES = st.floats(0, 1).map(lambda x: round(x, 3))
VALUES = st.lists(SHARES, min_size=2, max_size=12)
GAPS = st.lists(st.floats(-1, 1).map(lambda x: round(x, 3)), min_size=2, max_size=10)
PROBABILITIES = st.lists(st.floats(0, 1), min_size=1, max_size=20)
# Darwin's maize, eighths of an inch, crossed minus self-fertilised (Fisher 1935, par. 17).
DARWIN = [49, -67, 8, 16, 6, 23, 28, 41, 14, 29, 56, 24, 75, 60, -48]


@pytest.mark.parametrize("seed", range(3))
def test_bca_agrees_with_scipy(seed: int) -> None:
    values = np.random.default_rng(seed).beta(0.6, 0.5, 12)
    expected = scipy_stats.bootstrap(
        (values,),
        np.mean,
        n_resamples=10_000,
        method="BCa",
        random_state=np.random.default_rng(0),  # it draws as we do
    ).confidence_interval
    assert bca(values.tolist()) == pytest.approx((expected.low, expected.high), abs=1e-9)


@given(VALUES)
def test_the_interval_lies_within_the_data(values: list[float]) -> None:
    found = bca(values)
    assert found is not None
    assert min(values) - 1e-12 <= found[0] <= found[1] <= max(values) + 1e-12


def test_degenerate_data_have_plain_intervals() -> None:
    assert bca([]) is None
    assert bca([0.3]) is None
    assert bca([0.5, 0.5, 0.5]) == (0.5, 0.5)
    low, high = bca([0.0, 0.0, 0.0, 0.0, 1.0]) or (None, None)
    assert low == 0.0
    assert high is not None
    assert 0.2 < high <= 1.0


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([0.1, 0.9], True),
        ([0.1, 0.5, 0.7], False),
        ([0.9, 0.95], False),
        ([0.1] + [0.9] * 11, False),  # a twelfth is no mode
        ([], False),
    ],
)
def test_two_modes_are_flagged(values: list[float], expected: bool) -> None:
    assert bimodal(values) is expected


def test_a_symmetric_sample_has_its_mean_in_the_middle() -> None:
    low, high = bca([0.1, 0.3, 0.4, 0.5, 0.6, 0.7, 0.9]) or (inf, inf)
    assert (low + high) / 2 == pytest.approx(0.5, abs=0.01)


@given(GAPS)
@example([0.0, 0.0])
def test_the_interval_of_symmetric_data_holds_the_mean(gaps: list[float]) -> None:
    data = [*gaps, *(-gap for gap in gaps)]
    low, high = bca(data) or (inf, inf)
    assert low <= 1e-12
    assert high >= -1e-12


def test_resamples_are_common_to_all_figures_of_equally_many_runs() -> None:
    drawn = np.random.default_rng(0).integers(0, 3, (RESAMPLES, 3))
    assert weights(3)[7].tolist() == [np.mean(drawn[7] == place) for place in range(3)]
    assert np.allclose(weights(3).sum(axis=1), 1)
    shifted = bca([0.6, 0.2, 0.9])
    assert shifted == pytest.approx([end + 0.1 for end in bca([0.5, 0.1, 0.8]) or ()])


@pytest.mark.parametrize("seed", range(3))
def test_the_interval_of_a_ratio_agrees_with_scipy(seed: int) -> None:
    rng = np.random.default_rng(seed)
    over, under = rng.normal(0.4, 0.2, 12), rng.normal(0.6, 0.2, 12)

    def ratio(x: Any, y: Any, axis: int = -1) -> Any:
        return x.mean(axis=axis) / y.mean(axis=axis)

    expected = scipy_stats.bootstrap(
        (over, under),
        ratio,
        n_resamples=10_000,
        paired=True,
        method="BCa",
        random_state=np.random.default_rng(0),
    ).confidence_interval
    found = bca_ratio(over.tolist(), under.tolist())
    assert found == pytest.approx((expected.low, expected.high), abs=1e-3)  # ties by rounding


def test_a_ratio_without_a_safe_denominator_has_no_interval() -> None:
    assert bca_ratio([0.5], [0.5]) is None
    assert bca_ratio([0.5, 0.4], [-0.5, 0.4]) is None
    assert bca_ratio([0.5, 0.4, 0.3, 0.2], [0.9, -0.8, 0.5, -0.4]) is None  # now and then <= 0
    assert bca_ratio([0.2, 0.4, 0.3], [0.4, 0.8, 0.6]) == pytest.approx((0.5, 0.5))
    assert bca_ratio([1.0, 0.0], [2.0, 0.0]) is None  # nor has the jackknife without the first


def test_a_denominator_that_is_seldom_below_zero_leaves_an_interval() -> None:
    over, under = [0.5] * 7 + [0.1], [0.9] * 7 + [-0.5]
    resampled = weights(8) @ np.array(under)
    assert 0 < np.mean(resampled <= 0) < 0.001
    low, high = bca_ratio(over, under) or (inf, inf)
    assert low < mean(over) / mean(under) < high < inf


def test_differences_are_taken_seed_by_seed() -> None:
    mine, other = {1: 0.9, 2: 0.5, 3: 0.4}, {2: 0.4, 1: 0.6, 9: 0.0}
    found = paired(mine, other)
    assert found is not None
    assert found["mean"] == pytest.approx(0.2)
    assert found["pp"] == pytest.approx(20)
    assert found["n"] == 2
    assert found["sd"] == pytest.approx(np.std([0.3, 0.1], ddof=1))
    assert found["interval"] == bca_difference(mine, other) == bca([0.9 - 0.6, 0.5 - 0.4])
    assert (found["p"], found["delta"]) == (0.5, 0.5)
    assert paired({1: 0.9}, {2: 0.4}) is None


def test_flips_of_signs_give_fishers_p_for_darwins_maize() -> None:
    assert sum(DARWIN) == 314
    assert sign_flip(DARWIN) == 1726 / 2**15  # 5.267 %


def test_flips_of_signs_agree_with_scipy() -> None:
    gaps = np.random.default_rng(4).normal(0.2, 0.4, 9)
    expected = scipy_stats.permutation_test(
        (gaps, np.zeros(9)),
        lambda x, y, axis: np.mean(x - y, axis=axis),
        permutation_type="samples",
        n_resamples=inf,
    ).pvalue
    assert sign_flip(gaps.tolist()) == pytest.approx(expected)


def test_drawn_signs_come_near_to_all_signs() -> None:
    gaps = np.random.default_rng(2).normal(0.15, 0.4, EXACT + 2)
    total = np.zeros(1)
    for gap in gaps:
        total = np.concatenate([total + gap, total - gap])
    exact = np.mean(np.abs(total) >= abs(gaps.sum()) - 1e-12)
    assert sign_flip(gaps.tolist()) == pytest.approx(exact, abs=0.015)
    assert sign_flip([0.3] * 40) == 1 / 10_000  # the observed signs count among the drawn


@given(GAPS)
def test_a_p_is_above_zero_and_blind_to_the_sign(gaps: list[float]) -> None:
    p = sign_flip(gaps)
    assert 2.0 ** (1 - len(gaps)) <= p <= 1
    assert sign_flip([-gap for gap in gaps]) == p
    assert sign_flip([]) == sign_flip([0.0] * 5) == 1


@pytest.mark.parametrize("wrong", [inf, -inf, float("nan")])
def test_what_is_no_finite_number_is_never_a_finding(wrong: float) -> None:
    for figure in (sign_flip, bca):
        with pytest.raises(InputError, match="give finite numbers"):
            figure([0.1, wrong, 0.3])


def test_holm_on_a_worked_example() -> None:
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([]) == []


def test_false_discoveries_of_the_original_example() -> None:
    """15 tests after a heart attack: 4 claims, where Bonferroni makes 3 (Benjamini, Hochberg)."""
    p = [0.0001, 0.0004, 0.0019, 0.0095, 0.0201, 0.0278, 0.0298, 0.0344]
    p += [0.0459, 0.3240, 0.4262, 0.5719, 0.6528, 0.7590, 1.0]
    q = benjamini_hochberg(p)
    assert q == pytest.approx(scipy_stats.false_discovery_control(p))
    assert sum(value <= 0.05 for value in q) == 4
    assert sum(value <= 0.05 for value in holm(p)) == 3
    assert benjamini_hochberg([]) == []


@given(PROBABILITIES, st.randoms(use_true_random=False))
def test_corrections_keep_the_order_and_never_help(p: list[float], random: Any) -> None:
    for adjust in (holm, benjamini_hochberg):
        found = adjust(p)
        assert all(before - 1e-12 <= after <= 1 for before, after in zip(p, found, strict=True))
        by_p = [value for _, value in sorted(zip(p, found, strict=True))]
        assert by_p == sorted(by_p)
        order = random.sample(range(len(p)), len(p))
        assert adjust([p[i] for i in order]) == [found[i] for i in order]
    assert all(q <= h + 1e-12 for q, h in zip(benjamini_hochberg(p), holm(p), strict=True))


@pytest.mark.parametrize("wrong", [-0.1, 1.1, float("nan")])
def test_a_correction_wants_probabilities(wrong: float) -> None:
    with pytest.raises(InputError, match="from 0 to 1"):
        holm([0.5, wrong])


@given(VALUES, VALUES)
def test_cliffs_delta_is_antisymmetric_and_that_of_the_u_test(
    mine: list[float], other: list[float]
) -> None:
    delta = cliffs_delta(mine, other)
    assert delta is not None
    back = cliffs_delta(other, mine)
    assert back == -delta
    wins = sum((x > y) + (x == y) / 2 for x, y in product(mine, other))  # Mann-Whitney U
    assert delta == pytest.approx(2 * wins / (len(mine) * len(other)) - 1)
    assert cliffs_delta([], other) is None


@pytest.mark.parametrize("df", [1, 2, 3, 4, 9, 20, 99])
def test_tails_of_t_agree_with_scipy(df: int) -> None:
    for t in (-3.0, -0.4, 0.0, 0.7, 2.1, 12.0):
        assert t_tail(t, df) == pytest.approx(scipy_stats.t.sf(t, df), abs=1e-13)


def test_equivalence_agrees_with_two_t_tests() -> None:
    gaps = [0.01, -0.02, 0.0, 0.015, -0.005, 0.01, -0.01, 0.0]
    found = tost(gaps)
    assert found is not None
    sides = [
        scipy_stats.ttest_1samp(gaps, bound, alternative=side).pvalue
        for bound, side in ((-0.03, "greater"), (0.03, "less"))
    ]
    assert found["p"] == pytest.approx(max(sides))
    assert found["equivalent"] is True
    assert found["verdict"] == "no harm"
    assert found["interval"] == bca(gaps, 0.9)


@pytest.mark.parametrize(
    ("gaps", "verdict", "p"),
    [
        ([0.0] * 4, "undecided", 1 / 16),  # alike, but too few
        ([0.0] * 5, "no harm", 1 / 32),
        ([-0.2, -0.1, -0.15, -0.12], "harm", None),
        ([-0.5, 0.0, 0.0, 0.0, 0.0, 0.0], "undecided", None),  # one run fell
        ([-0.1] * 6, "harm", 1.0),
        ([0.2, 0.1, 0.15, 0.12], "undecided", None),  # no harm, but no equivalence either
    ],
)
def test_verdicts_of_equivalence(gaps: list[float], verdict: str, p: float | None) -> None:
    found = tost(gaps)
    assert found is not None
    assert found["verdict"] == verdict
    assert 0 < found["p"] <= 1
    assert p is None or found["p"] == p


@given(GAPS)
def test_equivalence_does_not_care_which_arm_comes_first(gaps: list[float]) -> None:
    here, there = tost(gaps), tost([-gap for gap in gaps])
    assert here is not None
    assert there is not None
    assert here["p"] == there["p"]
    wider = tost(gaps, margin=0.1)
    assert wider is not None
    assert wider["p"] <= here["p"]


def test_equivalence_wants_pairs_and_a_margin() -> None:
    assert tost([0.1]) is None
    for margin, alpha in ((0.0, 0.05), (0.03, 0.5)):
        with pytest.raises(InputError, match="margin"):
            tost([0.1, 0.2], margin=margin, alpha=alpha)


def test_the_area_lies_over_the_logarithm_of_the_window() -> None:
    assert area({0: 1.0, 1: 0.0, 3: 0.0}) == pytest.approx(0.25)  # axis 0, 1, 2
    assert area({2: 0.6, 80: 0.6}) == pytest.approx(0.6)
    assert area({1: 0.9, 0: 0.5, 80: 0.1}) == pytest.approx(
        (0.7 * 1 + 0.5 * (log2(81) - 1)) / log2(81)
    )
    assert area({2: 0.6}) is None


def test_areas_are_taken_under_each_seed_that_all_windows_have() -> None:
    found = areas({0: {0: 1.0, 1: 0.5, 2: 0.9}, 1: {0: 0.0, 1: 0.5}})
    assert found == {"mean": 0.5, "interval": (0.5, 0.5), "n": 2}
    assert areas({}) is None
    assert areas({0: {0: 1.0}, 1: {1: 1.0}}) is None


SHORT = {0: 0.9, 1: 1.0, 2: 0.8}
FULL = {0: 0.1, 1: 0.2, 2: 0.1}


def test_the_slope_of_the_curse_is_short_minus_full() -> None:
    slope = curse_slope(SHORT, FULL)
    assert slope is not None
    assert slope["mean"] == pytest.approx(mean([0.8, 0.8, 0.7]))
    assert slope["delta"] == 1


def test_rescue_is_all_for_the_short_window_and_nothing_for_the_full_one() -> None:
    assert rescue(SHORT, SHORT, FULL)["value"] == 1
    assert rescue(SHORT, SHORT, FULL)["interval"] == pytest.approx((1, 1))
    assert rescue(FULL, SHORT, FULL)["value"] == 0
    half = rescue({0: 0.5, 1: 0.6, 2: 0.45, 7: 0.0}, SHORT, FULL)
    assert half["value"] == pytest.approx(0.5)
    assert (half["n"], half["reason"]) == (3, None)


def test_rescue_is_undefined_where_nothing_is_lost() -> None:
    flat = rescue(SHORT, {s: v + 0.04 for s, v in FULL.items()}, FULL)
    assert (flat["value"], flat["interval"]) == (None, None)
    assert "0.040, below 0.05" in flat["reason"]
    assert "no seed is common" in rescue({8: 0.5}, SHORT, FULL)["reason"]
    one = rescue({0: 0.5}, SHORT, FULL)
    assert one["value"] == pytest.approx(0.5)
    assert one["reason"] == "one common seed"
    mixed = rescue({0: 0.5, 1: 0.5, 2: 0.5}, {0: 0.9, 1: 0.1, 2: 0.6}, {0: 0.1, 1: 0.9, 2: 0.2})
    assert mixed["value"] == pytest.approx(0.75)
    assert mixed["interval"] is None
    assert "cannot be told from 0" in mixed["reason"]


def test_seeds_that_a_claim_needs() -> None:
    assert Design(sd=0.3).seeds(0.2) == 18
    assert Design(sd=0.3).seeds(0.1) == 71
    assert Design(sd=0.3).effect(18) == pytest.approx(0.198, abs=1e-3)
    assert Design(sd=0.01).seeds(0.2) == Design().fewest == 6  # 2^-5 <= .05 < 2^-4
    assert Design(family=34).fewest == 11  # 34 / 2^10 <= .05
    assert Design(family=34).seeds(0.2) > 30


@given(st.floats(0.01, 0.5), st.floats(0.05, 0.5), st.floats(0.3, 0.95))
def test_power_runs_both_ways(effect: float, sd: float, power: float) -> None:
    design = Design(sd=sd, power=power)
    n = design.seeds(effect)
    assert design.effect(n) <= effect + 1e-12
    assert n == design.fewest or design.effect(n - 1) > effect


def test_common_random_numbers_narrow_a_difference() -> None:
    assert paired_sd(0.3, 0.5) == pytest.approx(0.3)
    assert paired_sd(0.3, 0) == pytest.approx(0.3 * 2**0.5)
    assert paired_sd(0.3, 1) == 0


def test_power_in_words() -> None:
    assert power_text(Design(), effect=0.2) == (
        "18 paired seeds show 20 pp (sd 0.3, power 80%, alpha 0.05 two-sided)."
    )
    said = power_text(Design(family=34), seeds=10)
    assert "34 tests in the family (Holm)" in said
    assert "needs at least 11" in said
    assert "needs" not in power_text(Design(), seeds=10)


def test_power_says_what_is_wrong() -> None:
    with pytest.raises(ConfigError, match=r"Design.sd = 0: .*> 0"):
        Design(sd=0)
    with pytest.raises(InputError, match="more than alpha"):
        Design(power=0.01, alpha=0.1)
    wrong: list[Any] = [
        lambda: Design().seeds(0),
        lambda: Design().effect(1),
        lambda: paired_sd(0.3, 1.2),
        lambda: power_text(Design()),
        lambda: power_text(Design(), effect=0.1, seeds=4),
    ]
    for ask in wrong:
        with pytest.raises(InputError, match="give"):
            ask()


GAMES = {
    "pd": {
        "headline": "cooperation",
        "exploiter": "alld",
        "exploited": "cooperation",
        "headline_words": "cooperation",
        "exploited_words": "sucker rate",
    }
}


def row(arm: str, window: int | None, seed: int, value: float, opponent: str = "self") -> Any:
    return {
        "game": "pd",
        "player": "surrogate:x",
        "opponent": opponent,
        "arm": arm,
        "window": window,
        "seed": seed,
        "cooperation": value,
        "invalid_rate": 0.0,
        "flr": None,
    }


ROWS = [
    *(row("window-2", 2, s, v) for s, v in enumerate([0.9, 0.8])),
    *(row("window-80", 80, s, v) for s, v in enumerate([0.1, 0.9])),
    *(row("decay", None, s, v) for s, v in enumerate([0.5, 0.5])),
    *(row("window-2", 2, s, v, "alld") for s, v in enumerate([0.3, 0.4])),
]


def test_a_summary_line_has_mean_modes_gullibility_and_paired_differences() -> None:
    short, long, decay, abused = summarise(ROWS, GAMES)
    assert short["mean"] == pytest.approx(mean([0.9, 0.8]))
    assert short["exploited"] == pytest.approx(0.35)
    assert list(short["against"]) == ["window-80"]
    assert (long["bimodal"], short["bimodal"]) == (True, False)
    assert long["against"]["window-2"]["mean"] == pytest.approx(-0.35)
    assert list(decay["against"]) == ["window-2", "window-80"]
    assert decay["exploited"] is None
    assert abused["exploited"] is None
    assert abused["mean"] == pytest.approx(0.35)
    assert short["flr"] is None
    assert short["invalid_rate"] == 0.0


def test_the_table_carries_the_label_under_each_part() -> None:
    result = {"games": GAMES, "summary": summarise(ROWS, GAMES), "label": "only simulated"}
    text = table_text(result)
    assert text.count("only simulated") == 2
    assert "pd: x against alld" in text
    assert "−0.35 vs 2" in text
    assert "*" in cells(result["summary"][1])[2]


def test_numbers_are_written_plainly() -> None:
    assert [signed(x) for x in (-0.001, 0.0, 0.126, -0.3)] == ["0.00", "0.00", "+0.13", "−0.30"]
    assert spread(0.5, None) == "0.50"
    assert spread(None, None) == "-"


def study(seeds: int = 8) -> list[Any]:
    """A cursed setting with arms of the catalogue, and an immune one."""
    rng = np.random.default_rng(5)
    noise = {(arm, s): float(rng.normal(0, 0.02)) for arm in range(4) for s in range(seeds)}
    arms = [("p01-window-2", 2, 0.9, 0.3), ("p03-full", 80, 0.2, 0.05)]
    arms += [("p07-bygones", None, 0.8, 0.3), ("p05-decay", None, 0.2, 0.05)]
    rows = []
    for place, (arm, window, coop, sucker) in enumerate(arms):
        for seed in range(seeds):
            shift = noise[place, seed]
            rows.append(row(arm, window, seed, coop + shift))
            rows.append(row(arm, window, seed, sucker + shift, "alld"))
            immune = row(arm, window, seed, 0.98 - (0.2 if place == 3 else 0) + shift / 10)
            rows.append(immune | {"player": "surrogate:immune", "tokens_in": 100 + place})
    return rows


def lines_of(found: list[Any], player: str, opponent: str = "self") -> dict[str, Any]:
    return {
        line["arm"]: line
        for line in found
        if (line["player"], line["opponent"]) == (f"surrogate:{player}", opponent)
    }


def test_references_are_found_by_what_they_show() -> None:
    lines = lines_of(summarise(study(), GAMES), "x")
    against = lines["p07-bygones"]["against"]
    assert {name: (gap["role"], gap["arm"]) for name, gap in against.items()} == {
        "window-2": ("short", "p01-window-2"),
        "window-80": ("full", "p03-full"),
    }
    assert list(lines["p01-window-2"]["against"]) == ["window-80"]
    again = [*study(), *(row("window-2", 2, s, 0.0) for s in range(8))]
    gap = lines_of(summarise(again, GAMES), "x")["p07-bygones"]["against"]["window-2"]
    assert gap["arm"] == "p01-window-2"  # the first of two arms that show the same


def test_declared_comparisons_are_corrected_within_their_setting() -> None:
    lines = lines_of(summarise(study(), GAMES), "x")
    gaps = [gap for line in lines.values() for gap in line["against"].values()]
    assert len(gaps) == 6
    assert {gap["tests"] for gap in gaps} == {5}  # short against full, asked both ways, is one
    assert all(gap["q"] is None for gap in gaps)
    short, full = lines["p01-window-2"]["against"], lines["p03-full"]["against"]
    assert short["window-80"]["p_holm"] == full["window-2"]["p_holm"]
    p = [gap["p"] for gap in gaps[1:]]
    assert [gap["p_holm"] for gap in gaps[1:]] == holm(p)


def test_whatever_was_not_declared_is_exploratory() -> None:
    found = summarise(study(), GAMES, family=["p07-bygones"])
    told = lines_of(found, "x")["p07-bygones"]["against"]["window-80"]
    untold = lines_of(found, "x")["p05-decay"]["against"]["window-80"]
    assert (told["tests"], told["q"]) == (2, None)
    assert told["p_holm"] == pytest.approx(2 * 2 / 2**8)
    assert untold["p_holm"] is None
    assert untold["tests"] == 3 * 3  # of 3 settings: decay twice, and short against full
    assert untold["p"] <= untold["q"] <= 1


def test_a_family_of_unknown_arms_is_an_error() -> None:
    with pytest.raises(InputError, match=r"'p07-bygone'.*did you mean 'p07-bygones'"):
        summarise(study(), GAMES, family=["p07-bygone"])


def test_another_figure_of_the_exploiter_is_exploratory() -> None:
    games = {"pd": GAMES["pd"] | {"exploited": "given_away"}}
    rows = [r | {"given_away": r["cooperation"] / 2} for r in study()]
    line = lines_of(summarise(rows, games), "x")["p07-bygones"]
    gap = line["exploited_against"]["window-80"]
    assert gap["mean"] == pytest.approx(0.125, abs=0.02)
    assert gap["p_holm"] is None
    assert gap["q"] is not None
    assert gap["no_harm"] is None


def test_the_price_of_a_rescue_stands_beside_it() -> None:
    lines = lines_of(summarise(study(), GAMES), "x")
    forgiving, fading = lines["p07-bygones"], lines["p05-decay"]
    assert forgiving["rescue"]["value"] == pytest.approx(0.86, abs=0.03)
    assert forgiving["exploited_against"]["window-80"]["pp"] == pytest.approx(25, abs=2)
    assert forgiving["exploited_against"]["window-80"]["p_holm"] is not None  # that of AllD's line
    assert fading["rescue"]["value"] == pytest.approx(0, abs=0.03)
    assert lines["p03-full"]["rescue"] is None
    assert forgiving["against"]["window-80"]["no_harm"] is None  # nobody was immune


def test_harm_is_looked_for_where_the_reference_is_immune() -> None:
    lines = lines_of(summarise(study(), GAMES), "immune")
    verdicts = {
        arm: line["against"]["window-80"]["no_harm"]["verdict"]
        for arm, line in lines.items()
        if "window-80" in line["against"]
    }
    assert verdicts == {"p01-window-2": "no harm", "p07-bygones": "no harm", "p05-decay": "harm"}
    assert "below 0.05" in lines["p07-bygones"]["rescue"]["reason"]
    assert lines["p03-full"]["tokens_in"] == 101
    assert lines["p03-full"]["exploited_against"] == {}


def test_cooperation_with_the_exploiter_is_no_health() -> None:
    rows = [row(a, w, s, 1.0, "alld") for a, w in (("a", 2), ("b", 80)) for s in range(6)]
    for line in summarise(rows, GAMES):
        assert all(gap["no_harm"] is None for gap in line["against"].values())


def test_curves_say_what_more_memory_does() -> None:
    cursed, abused, immune = sorted(
        curves(study(), GAMES), key=lambda x: (x["player"][-2:] == "ne", x["opponent"] == "alld")
    )
    assert (cursed["regime"], immune["regime"]) == ("cursed", "immune")
    assert abused["opponent"] == "alld"
    assert cursed["windows"] == [2, 80]
    assert cursed["slope"]["mean"] == pytest.approx(0.7, abs=0.02)
    assert cursed["area"]["mean"] == pytest.approx(mean(cursed["means"]))
    flat = [row(f"w{n}", n, s, 0.5) for n in (1, 5) for s in range(4)]
    [line] = curves(flat, GAMES)
    assert (line["slope"], line["regime"], line["area"]["mean"]) == (None, "neither", 0.5)
    assert curves(flat[:4], GAMES) == []
    unsure = [row(f"w{n}", n, s, s % 2 * 0.5 + n / 100) for n in (2, 5) for s in range(2)]
    unsure[0]["cooperation"] = 0.4
    [line] = curves(unsure, GAMES)
    assert line["slope"]["mean"] > 0
    assert line["regime"] == "neither"


def test_a_summary_bears_what_other_versions_write() -> None:
    rows = [row("mine", None, s, 0.5) | {"seats": ["a", "b"], "cost": 0.5} for s in (1, 1, 2)]
    rows[1]["cooperation"] = 0.7
    for part in rows:
        del part["window"]
    rows.append(row("broken", None, 3, 0.0) | {"cooperation": None})
    fine, broken = summarise(rows, GAMES)
    assert fine["values"] == [pytest.approx(0.6), 0.5]  # one value for each seed
    assert (fine["runs"], fine["window"], fine["cost"]) == (3, None, 0.5)
    assert (broken["mean"], broken["interval"], broken["sd"]) == (None, None, None)
    assert json.dumps([fine, broken], allow_nan=False)
    assert summarise([], GAMES) == []


def test_a_reference_without_a_common_seed_compares_with_nothing() -> None:
    rows = [row("window-2", 2, 1, 0.5), row("mine", None, 2, 0.5)]
    short, mine = summarise(rows, GAMES)
    assert mine["against"] == {"window-2": None}
    assert short["against"] == {}
    assert mine["rescue"] is None


def test_what_rounding_leaves_of_an_even_denominator_is_no_denominator() -> None:
    # Some resamples of these sum to 0 but for the last bit.
    assert bca_ratio([0.5, 0.1, 0.2, 0.2, 0.1], [0.2, -0.3, 0.2, 0.3, 0.7]) is None
