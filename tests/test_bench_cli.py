"""The commands `agentmem bench ...`: what they print, what they leave, how they exit."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from agentmem.bench.surrogates import LABEL, model
from agentmem.cli import app
from tests.chaos import Chaos

GAMES = {"prisoners": {"rounds": 3}}


def call(*arguments: object, code: int = 0, stdin: str | None = None) -> Any:
    result = CliRunner().invoke(app, ["bench", *map(str, arguments)], input=stdin)
    assert result.exit_code == code, (result.output, result.exception)
    return result


def ask(*arguments: object) -> Any:
    return json.loads(call(*arguments, "--json").stdout)


def fail(*arguments: object, code: int) -> str:
    error = json.loads(call(*arguments, "--json", code=code).stderr)["error"]
    return f"{error['type']}: {error['message']}"


def suite(folder: Path, player: str, **changes: Any) -> Path:
    path = folder / f"{player.partition(':')[2][:6]}.yaml"
    plain = {"games": GAMES, "players": [player], "windows": [1, 2], "seeds": 2, **changes}
    path.write_text(json.dumps(plain))
    return path


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Two runs, of different players."""
    home = tmp_path_factory.mktemp("runs")
    folders = []
    for player in ("surrogate:gemma_tg", "surrogate:immune"):
        path = suite(home, player)
        folders.append(Path(ask("run", path, "--out", home / "out", "--log", "moves")["folder"]))
    return folders


def test_the_level_of_the_log_is_chosen(runs: list[Path]) -> None:
    lines = (runs[0] / "events.jsonl").read_text("utf-8").splitlines()
    assert json.loads(lines[0]) == {"type": "log", "level": "moves"}
    assert "move" in lines[2]
    assert not {"prompt", "memory", "replies"} & json.loads(lines[2]).keys()


def test_a_finished_run_is_gone_on_with_and_its_report_made_again(runs: list[Path]) -> None:
    before = (runs[0] / "result.json").read_bytes()
    assert ask("resume", runs[0])["folder"] == str(runs[0])
    assert (runs[0] / "result.json").read_bytes() == before
    copy = runs[0].parent / "copy.html"
    assert ask("report", runs[0], "--out", copy)["report"] == str(copy)
    assert LABEL in copy.read_text("utf-8")
    assert "holds no meta.json" in fail("report", runs[0].parent, code=2)


def test_two_runs_are_set_side_by_side(runs: list[Path]) -> None:
    shown = call("diff", *runs).stdout
    assert LABEL in shown
    assert "cells[prisoners].players" in shown
    found = ask("diff", *runs)
    assert [line["arm"] for line in found["figures"]] == ["window-1", "window-2"]
    assert "same specification" in call("diff", runs[0], runs[0]).stdout


def test_a_suite_is_shown_with_what_it_comes_to(runs: list[Path]) -> None:
    path = runs[0].parent.parent / "gemma_.yaml"
    found = ask("show", path)
    assert (found["runs"], found["rounds"]) == (4, 12)
    assert found["hash"] == runs[0].name
    assert f"4 runs, 12 rounds; specification {found['hash']}" in call("show", path).stdout
    assert ask("show", path, "--seeds", 3, "--rounds", 5)["rounds"] == 30


def test_power_answers_either_question() -> None:
    assert call("power", "--effect", "0.2").stdout.startswith("18 paired seeds show 20 pp")
    assert ask("power", "--seeds", "20")["effect"] == pytest.approx(0.188, abs=0.001)
    assert "give exactly one" in fail("power", code=2)


def test_nothing_is_estimated_of_simulated_players(runs: list[Path]) -> None:
    path = runs[0].parent.parent / "gemma_.yaml"
    assert "nothing will be paid" in call("estimate", path).stdout


def said(body: dict[str, Any]) -> str:
    return model("immune").invoke(body["messages"], seed=body["seed"]).content


def test_a_served_model_is_asked_only_after_a_yes(tmp_path: Path) -> None:
    with Chaos(answer=said) as server:
        player = f"vllm:tiny@{server.url}"
        path = suite(tmp_path, player, prices={player: {"input": 1.0, "output": 9.0}})
        out = tmp_path / "out"
        assert fail("run", path, "--out", out, code=3).startswith("Refused: not confirmed")
        refused = call("run", path, "--out", out, stdin="n\n", code=3)
        assert "nothing was done" in refused.stderr
        assert "24" in refused.stdout  # calls
        assert not out.exists()
        assert sum(server.contents.values()) == 0
        spent = fail("run", path, "--out", out, "--yes", "--max-cost", "0.0005", code=1)
        assert spent.startswith("BudgetExceeded: ")
        assert "Go on with: agentmem bench resume" in spent
        folder = spent.rpartition(" ")[2]
        assert ask("resume", folder, "--max-cost", "1")["folder"] == folder
        assert set(server.contents.values()) == {1}
        assert ask("estimate", path)[0]["calls"] == 24


def test_who_interrupts_is_told_how_to_go_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*given: Any, **options: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("agentmem.bench.run.run_suite", interrupted)
    path = suite(tmp_path, "surrogate:immune")
    result = CliRunner().invoke(app, ["bench", "run", str(path), "--out", str(tmp_path)])
    assert result.exit_code != 0
    assert f"go on with: agentmem bench resume {tmp_path}" in result.stderr


def test_a_limit_in_money_needs_a_price(tmp_path: Path) -> None:
    path = suite(tmp_path, "vllm:tiny@http://127.0.0.1:1/v1")
    message = fail("run", path, "--max-cost", "1", "--out", tmp_path / "out", code=2)
    assert "needs a price" in message


def test_reasoning_becomes_a_set_and_a_recipe_is_checked(tmp_path: Path) -> None:
    path = suite(tmp_path, "surrogate:immune", seeds=4)
    folder = ask("run", path, "--out", tmp_path / "out")["folder"]
    out = tmp_path / "set.jsonl"
    shown = call("traces", folder, out).stdout
    assert "traces of" in shown
    assert LABEL in shown
    assert ask("traces", folder, out, "--total", "2")["traces"] == 2
    wrong = fail("finetune", out, "model", tmp_path / "adapter", "--recipe", '{"rang": 1}', code=2)
    assert "unknown key; did you mean 'rank'" in wrong
