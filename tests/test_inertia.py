"""S4: S3 and the pull of the own last move."""

from __future__ import annotations

from dataclasses import replace
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentmem.bench.surrogates import model
from agentmem.bench.surrogates.balance import Balance
from agentmem.bench.surrogates.inertia import Inertia, inertia, mind, names
from agentmem.bench.surrogates.published import facts
from agentmem.bench.surrogates.reading import Dilemma, Line
from agentmem.errors import ConfigError

BENCH = Path(__file__).resolve().parent.parent / "bench"
EMPTY = Dilemma(
    kind="tokens",
    number=2,
    good="A0",
    bad="A1",
    low=0,
    high=1,
    lines=(),
    totals=(),
    forward=0,
    history=0,
)
MOVES = st.lists(st.tuples(st.sampled_from(["A0", "A1"]), st.sampled_from(["A0", "A1"])))


def seen(moves: list[tuple[str, str]]) -> Dilemma:
    lines = tuple(Line(i, own, (other,)) for i, (own, other) in enumerate(moves, start=1))
    return replace(EMPTY, lines=lines)


@given(MOVES, st.booleans())
def test_without_inertia_it_is_s3(moves: list[tuple[str, str]], deliberate: bool) -> None:
    one = inertia("s4-gpt4o-pd")
    plain = Balance(profile=one.profile).chance(seen(moves), deliberate=deliberate)
    free = Inertia(profile=one.profile, o=0.0).chance(seen(moves), deliberate=deliberate)
    assert free == pytest.approx(plain)


@pytest.mark.parametrize("name", names())
def test_the_own_last_move_shifts_the_log_odds_by_twice_o(name: str) -> None:
    one = inertia(name)
    after = [one.chance(seen([(own, "A0")]), deliberate=True) for own in ("A0", "A1")]
    odds = np.log(np.array(after) / (1 - np.array(after)))
    assert odds[0] - odds[1] == pytest.approx(2 * one.o, rel=1e-6)
    assert one.o > 0


@given(MOVES.filter(bool))
def test_bare_counts_and_prompts_agree(moves: list[tuple[str, str]]) -> None:
    one, shown = inertia("s4-all6-td"), seen(moves)
    evidence = shown.evidence
    own = 2 * shown.own[-1] - 1
    bare = one.cooperate(evidence.good, evidence.bad, evidence.momentum, own)
    assert one.chance(shown, deliberate=True) == pytest.approx(float(bare))


def test_nothing_visible_leaves_nothing_to_stick_to() -> None:
    one = inertia("s4-qwen-pd")
    assert one.chance(seen([]), deliberate=True) == pytest.approx(
        float(one.cooperate(0.0, 0.0, 0.0, 0.0))
    )


def test_estimates_are_kept_beside_what_was_fitted_and_only_b_g_and_r_moved() -> None:
    for one in facts()["inertia"].values():
        for name in ("k", "u"):
            assert one["fitted"][name] == one["estimated"][name]
        assert one["fitted"]["o"] == one["estimated"]["o"] / 2


def test_fitting_brings_the_rate_of_cooperation_to_the_sources(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.syspath_prepend(str(BENCH))
    profiles, balancing = import_module("profiles"), import_module("balancing")
    [group] = [g for g in profiles.groups(facts()["profiles"]) if "all6-td-coopeval" in g.names]
    one = facts()["inertia"]["s4-all6-td"]
    wanted = facts()["profiles"][one["of"]]["table"]
    found = balancing.balance(group, [None], 0, one["estimated"], wanted, 0.1)
    made, [got] = import_module("matching").replayed(
        group, balancing.put(group, [None], 0, found), 0.3
    )
    assert 100 * got["cooperation"] == pytest.approx(wanted["cooperation"], abs=4)
    raw = balancing.put(group, [None], 0, balancing.coded(one["estimated"]))
    off = import_module("matching").replayed(group, raw, 0.3)[1][0]["cooperation"]
    assert abs(100 * off - wanted["cooperation"]) > 20
    assert made.chance.min() > 0


def test_it_is_a_simulated_player() -> None:
    assert isinstance(model("surrogate:s4-gpt4o-pd").mind, Inertia)
    with pytest.raises(ConfigError, match="s4-gpt4o-pd"):
        inertia("s4-gpt4o-pdd")
    assert mind({"b": 0, "k": 1, "r": 0, "g": 1, "u": 0, "o": 2}).profile.e == 0
