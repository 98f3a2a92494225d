"""`agentmem bench check`: the oracles put to the library, and what a failure looks like."""

from __future__ import annotations

import json

import pytest
from typer.testing import CliRunner

from agentmem.bench import checks
from agentmem.bench.checks import Check, bargains, classics, curse, matrices
from agentmem.bench.checks.check import near, same
from agentmem.bench.surrogates.balance import PROFILES
from agentmem.bench.surrogates.published import Coefficients
from agentmem.cli import app

CURSED = curse.CELLS["gemma_tg"]


def failed(found: list[Check]) -> list[Check]:
    return [one for one in found if not one.passed]


def test_dilemmas_and_bargains_are_as_theory_says(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bargains, "SCENARIOS", 3)
    found = [*matrices.checks(), *bargains.checks()]
    assert not failed(found)
    assert len({one.what for one in found}) == len(found) > 40


def test_solved_minds_and_strategies_play_as_solved(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"SEEDS": 3, "LIVED": 40, "LIVED_WINDOWS": (2,), "MATCHES": 3}.items():
        monkeypatch.setattr(classics, name, value)
    for name, value in {"ROUNDS": 200, "PROVOKED": 1500, "SHOWN": (2,), "HALF_LIVES": ()}.items():
        monkeypatch.setattr(classics, name, value)
    assert not failed([*classics.checks()])


def test_a_changed_profile_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(curse, "OURS", 60)
    monkeypatch.setattr(curse, "CELLS", {"immune": curse.CELLS["immune"], "gemma_tg": CURSED})
    assert not failed([*curse.checks()])
    assert not curse._cells("immune", CURSED).passed
    assert len(curse.fixed_points(PROFILES["oss120b_tg"], 5)) == 3


def test_a_replay_follows_the_coefficients(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(curse, "REPEATS", 20)
    flat = (0.0,) * 7
    share, after = curse.replayed(
        Coefficients(first=0.0, after=(2.0, 0.0, 0.0, -2.0), bad=flat, good=flat)
    )
    assert after == pytest.approx([0.881, 0.5, 0.5, 0.119], abs=0.02)
    assert 0 < share < 1


def test_a_figure_passes_within_its_room_only() -> None:
    assert near("x", "", (1, 2), (1.1, 2), 0.2).passed
    assert not near("x", "", (1, 2), (1.1, 2), (0.05, 1)).passed
    assert not near("x", "", (1, 2), (1,), 1).passed
    assert not same("x", "", {1}, {2}).passed
    assert near("x", "", 0.5, 0.25, 0.3).expected == "0.5 +- 0.3"


def test_the_command_fails_if_a_check_does(monkeypatch: pytest.MonkeyPatch) -> None:
    good, bad = same("good", "theory", 1, 1), same("bad", "theory", 1, 2)
    monkeypatch.setattr(checks, "PARTS", [lambda: iter([good])])
    done = CliRunner().invoke(app, ["bench", "check"])
    assert done.exit_code == 0
    assert "1 of 1 hold" in done.output
    monkeypatch.setattr(checks, "PARTS", [lambda: iter([good, bad])])
    done = CliRunner().invoke(app, ["bench", "check"])
    assert done.exit_code == 1
    assert "FAILED" in done.output
    done = CliRunner().invoke(app, ["bench", "check", "--json"])
    assert [one["passed"] for one in json.loads(done.stdout)] == [True, False]


@pytest.mark.slow
def test_everything_holds() -> None:
    assert not failed(checks.checked())
