"""A suite played by other players, for fewer rounds or seeds, and resumed as it was begun."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from agentmem.bench.again import resume
from agentmem.bench.loading import load_suite
from agentmem.bench.run import run_suite
from agentmem.bench.variant import Variant
from agentmem.cli import main
from agentmem.errors import InputError

SUITE = """
games:
  prisoners: {rounds: 30, players: ["surrogate:immune"]}
  trust:
players: ["surrogate:gemma_tg"]
windows: [2]
seeds: 9
"""


@pytest.fixture
def suite(tmp_path: Path) -> Path:
    path = tmp_path / "mine.yaml"
    path.write_text(SUITE, encoding="utf-8")
    return path


def test_other_players_rounds_and_seeds_take_the_place_of_the_suites_own(suite: Path) -> None:
    found = load_suite(suite, Variant(players=("surrogate:oss20b_pd",), seeds=2, rounds=3))
    assert [(cell.players, cell.game.rounds) for cell in found.cells] == [
        (("surrogate:oss20b_pd",), 3)
    ] * 2
    assert found.seeds == (0, 1)
    assert found.spec_hash() != load_suite(suite).spec_hash()


def test_a_variant_of_nothing_is_the_suite(suite: Path) -> None:
    assert load_suite(suite, Variant()).spec() == load_suite(suite).spec()


def test_a_price_is_that_of_the_players(suite: Path) -> None:
    spec = "vllm:tiny@http://localhost:1/v1"
    found = load_suite(suite, Variant(players=(spec,), price=(0.15, 0.6, 0.075)))
    price = found.serving.prices[spec]
    assert (price.input, price.output, price.cached) == (0.15, 0.6, 0.075)


@pytest.mark.parametrize("price", [(1.0,), (1.0, 2.0, 3.0, 4.0)])
def test_half_a_price_is_refused(price: tuple[float, ...]) -> None:
    with pytest.raises(InputError, match="two or three numbers"):
        Variant(players=("x:y",), price=price)


def test_a_price_of_nobody_is_refused() -> None:
    with pytest.raises(InputError, match="the players that they are of"):
        Variant(price=(1.0, 2.0))


def test_a_variant_is_resumed_as_it_was_begun(suite: Path, tmp_path: Path) -> None:
    variant = Variant(seeds=1, rounds=2)
    folder = run_suite(suite, tmp_path / "runs", progress=False, workers=1, variant=variant)
    before = (folder / "result.json").read_bytes()
    (folder / "result.json").unlink()
    assert resume(folder, progress=False, workers=1) == folder
    assert (folder / "result.json").read_bytes() == before
    assert json.loads((folder / "meta.json").read_text("utf-8"))["variant"]["rounds"] == 2


def test_the_command_line_plays_a_variant(
    suite: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = str(tmp_path / "runs")
    asked = ["bench", "run", str(suite), "--out", out, "--no-progress", "--seeds", "1"]
    assert main([*asked, "--rounds", "2", "--player", "surrogate:immune"]) == 0
    assert "immune" in capsys.readouterr().out
    assert main([*asked, "--price", "cheap", "--player", "surrogate:immune"]) != 0
    assert "give numbers as in" in capsys.readouterr().err
