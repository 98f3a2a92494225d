"""Statistics over runs."""

from __future__ import annotations

from statistics import mean
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats as scipy_stats

from agentmem.bench import stats
from agentmem.bench.stats import bca, bimodal, paired, summarise
from agentmem.bench.table import cells, signed, spread, table_text

VALUES = st.lists(st.floats(0, 1).map(lambda x: round(x, 3)), min_size=2, max_size=12)


@pytest.mark.parametrize("seed", range(3))
def test_bca_agrees_with_scipy(seed: int) -> None:
    values = np.random.default_rng(seed).beta(0.6, 0.5, 12)
    expected = scipy_stats.bootstrap(
        (values,), np.mean, n_resamples=10_000, method="BCa", random_state=1
    ).confidence_interval
    assert bca(values.tolist()) == pytest.approx((expected.low, expected.high), abs=0.015)


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


def test_differences_are_taken_seed_by_seed() -> None:
    found = paired({1: 0.9, 2: 0.5, 3: 0.4}, {2: 0.4, 1: 0.6, 9: 0.0})
    assert found is not None
    assert found["mean"] == pytest.approx(0.2)
    assert found["n"] == 2
    assert paired({1: 0.9}, {2: 0.4}) is None


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


def test_resamples_are_the_same_in_every_process() -> None:
    assert stats._draws(3)[0].tolist() == np.random.default_rng(0).integers(0, 3, 3).tolist()
