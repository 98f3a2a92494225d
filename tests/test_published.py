"""Players fitted to published play: they reproduce its tables, and read only visible lines."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentmem.bench.surrogates import names
from agentmem.bench.surrogates.published import (
    LEVELS,
    TYPES,
    Past,
    coefficients,
    facts,
    level,
    past_of,
    published,
)
from agentmem.bench.surrogates.reading import Dilemma, Evidence, Line
from agentmem.errors import ConfigError

BENCH = Path(__file__).resolve().parent.parent / "bench"
PROFILES = facts()["profiles"]

Bench = Callable[[str], ModuleType]


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch) -> Bench:
    """Imports a module of bench/."""
    monkeypatch.syspath_prepend(str(BENCH))
    return import_module


def seen(lines: str, **more: Any) -> Dilemma:
    """A prompt's dilemma; `lines` such as "CC CD", own move first, the others' after it."""
    shown = [Line(i, one[0], tuple(one[1:])) for i, one in enumerate(lines.split(), start=1)]
    plain = {"kind": "tokens", "number": 9, "good": "C", "bad": "D", "low": 0, "high": 1}
    rest = {"lines": tuple(shown), "totals": (), "forward": 0, "history": 0}
    return Dilemma(**{**plain, **rest, **more})


def chance(name: str, lines: str) -> float:
    return published(name).chance(seen(lines), deliberate=True)


def log_odds(p: float) -> float:
    return float(np.log(p / (1 - p)))


def near(row: dict[str, Any], bounds: dict[str, float]) -> dict[str, float]:
    """The deviations that are too large."""
    return {key: row["deviation"][key] for key in bounds if row["deviation"][key] > bounds[key]}


@pytest.mark.parametrize("which", ["llama3-pd-nicer", "gpt4o-pd-coopeval", "all6-trustee-coopeval"])
def test_replays_are_near_the_published_tables(bench: Bench, which: str) -> None:
    profiles = bench("profiles")
    [group] = [group for group in profiles.groups(PROFILES) if which in group.names]
    players = [coefficients(PROFILES[name]["fitted"]) for name in group.names]
    _, tables = bench("matching").replayed(group, players, 0.3, seed=5)
    for name, got in zip(group.names, tables, strict=True):
        row = profiles.row(name, PROFILES[name]["table"], got)
        # Cells of half a percent of the decisions vary by some points between draws.
        assert not near(row, {"first": 1.0, "after": 4.0, "bad": 6.0}), name
        assert row["cooperation"][1] == pytest.approx(row["cooperation"][0], abs=5)


def test_the_committed_replay_keeps_what_the_fit_promises() -> None:
    result = json.loads((BENCH / "results" / "profiles.json").read_text("utf-8"))
    rows = result["rows"]
    assert {row["name"] for row in rows} == set(PROFILES)
    assert all(row["deviation"]["first"] <= 3 for row in rows)
    assert sum(row["deviation"]["after"] <= 3 for row in rows) >= 0.9 * len(rows)
    assert sum(row["deviation"]["bad"] <= 5 for row in rows) >= 0.9 * len(rows)
    assert max(row["deviation"]["after"] for row in rows) <= 5


def test_fitting_finds_a_table_from_scratch(bench: Bench) -> None:
    matching, profiles = bench("matching"), bench("profiles")
    name = "all6-td-coopeval"
    [group] = [group for group in profiles.groups(PROFILES) if name in group.names]
    players = matching.fit(group, PROFILES, 0.2, steps=60)
    _, [got] = matching.replayed(group, players, 0.2)
    row = profiles.row(name, PROFILES[name]["table"], got)
    assert not near(row, {"first": 0.5, "after": 3.0, "bad": 3.0, "good": 3.0})


@pytest.mark.parametrize(
    "name", [name for name, one in PROFILES.items() if one["older"] is not None]
)
def test_an_older_defection_costs_what_the_source_found_at_equal_recent_play(name: str) -> None:
    older = PROFILES[name]["older"]
    with_one, without = chance(name, "CD CC CC"), chance(name, "CC CC")
    # The third visible cooperation is hidden with the defection: compare at the same count of C.
    assert log_odds(with_one) - log_odds(without) == pytest.approx(older)
    assert chance(name, "CC CD CC CC") - chance(name, "CC CC CC") == pytest.approx(
        chance(name, "DD CC CC CC") - chance(name, "CC CC CC")
    )


@pytest.mark.parametrize(
    "name", [name for name, one in PROFILES.items() if one["older"] is not None]
)
def test_an_older_cooperation_repairs_nothing_after_two_defections(name: str) -> None:
    assert chance(name, "CC CD CD") == pytest.approx(chance(name, "CD CD"))


def test_the_replay_shows_the_published_sign_hidden_against_visible(bench: Bench) -> None:
    profiles, replay = bench("profiles"), bench("replay")
    [group] = [g for g in profiles.groups(PROFILES) if "gpt4o-pd-coopeval" in g.names]
    players = [coefficients(PROFILES[name]["fitted"]) for name in group.names]
    made, _ = bench("matching").replayed(group, players, 0.5, seed=3)
    shifts = {i: PROFILES[name]["older"] for i, name in enumerate(group.names)}
    found = replay.older_effect(made, shifts)
    wanted = facts()["older"]
    assert 100 * found["adjusted"] == pytest.approx(wanted["adjusted"], abs=2.0)
    gap = 100 * (found["visible"] - found["hidden"])
    assert gap == pytest.approx(wanted["visible"] - wanted["hidden"], abs=5)
    for i, name in enumerate(group.names):
        alone = replay.older_effect(made, {i: shifts[i]})["adjusted"]
        assert (alone < -0.05) == (shifts[i] < 0), name


def test_what_a_player_does_depends_on_its_own_last_move_too() -> None:
    assert chance("sticky", "CC") > chance("sticky", "DC") + 0.5
    assert chance("grim", "CC CC") > 0.95
    assert chance("grim", "CC CD") < 0.05


def test_without_visible_lines_it_opens_as_published() -> None:
    for name, one in PROFILES.items():
        assert chance(name, "") == pytest.approx(one["table"]["first"] / 100, abs=0.006)


@given(forward=st.integers(0, 50), history=st.integers(0, 50), times=st.integers(0, 80))
def test_only_visible_lines_are_read(forward: int, history: int, times: int) -> None:
    mind = published("noisy")
    bare = mind.chance(seen("CC CD"), deliberate=True)
    more = seen("CC CD", forward=forward, history=history, totals=(("D", times, 80),), number=3)
    assert mind.chance(more, deliberate=False) == bare


def test_of_several_partners_all_must_be_kind_and_each_counts() -> None:
    past = past_of(seen("CCD CCC"))
    assert past == Past(own=True, last=True, before=False, rounds=2, good=3, bad=1)


def test_contributions_count_as_kind_from_half_on() -> None:
    bare = seen("", kind="contribution", high=20)
    shown = replace(bare, lines=(Line(1, "9", ("10", "20")),))
    assert past_of(shown) == Past(own=False, last=True, before=False, rounds=1, good=2, bad=0)


def test_levels_are_the_columns_of_the_tables() -> None:
    assert list(level([0, 1, 2, 3, 4, 5, 6, 10, 11, 500])) == [0, 1, 2, 3, 4, 4, 5, 5, 6, 6]
    assert len(LEVELS) == 6


@given(
    own=st.booleans(),
    last=st.booleans(),
    before=st.booleans(),
    good=st.integers(0, 200),
    bad=st.integers(0, 200),
)
def test_arrays_and_single_decisions_agree(
    own: bool, last: bool, before: bool, good: int, bad: int
) -> None:
    for name in TYPES:
        fitted = published(name).fitted
        past = Past(own=own, last=last, before=before, rounds=2, good=good, bad=bad)
        many = Past(
            own=np.array([own, own]),
            last=np.array([last, last]),
            before=np.array([before, before]),
            rounds=np.array([2, 2]),
            good=np.array([good, good]),
            bad=np.array([bad, bad]),
        )
        alone = float(fitted.chance(past))
        assert 0 <= alone <= 1
        assert fitted.chance(many) == pytest.approx([alone, alone])


def test_every_profile_is_a_simulated_player_with_a_source_and_whole_columns() -> None:
    sources = facts()["sources"]
    for name, one in PROFILES.items():
        assert name in names()
        assert sources[one["source"]]["licence"]
        fitted = coefficients(one["fitted"])
        assert (len(fitted.after), len(fitted.bad), len(fitted.good)) == (4, 7, 7)
        assert fitted.bad[0] == fitted.good[0] == 0
    assert set(TYPES) < set(names())


def test_goodwill_follows_the_record_and_words_are_even() -> None:
    mind = published("noisy")
    kind, unkind = Evidence(good=4.0, bad=0.0), Evidence(good=0.0, bad=4.0)
    assert mind.goodwill(kind, deliberate=True) > mind.goodwill(unkind, deliberate=True)
    assert mind.goodwill(Evidence(), deliberate=True) == mind.fitted.opening()
    assert mind.ratio(kind, deliberate=True) == 0.5


def test_an_unknown_player_is_told_the_nearest_name() -> None:
    with pytest.raises(ConfigError, match="gpt4o-pd-coopeval"):
        published("gpt4o-pd-coopevil")
