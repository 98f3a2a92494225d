"""The demo: the first code that a newcomer runs."""

import importlib.util
import json
import re
from io import StringIO
from pathlib import Path
from types import ModuleType

import pytest
from rich.console import Console

from agentmem.bench import run_suite
from agentmem.bench.surrogates import LABEL

ROOT = Path(__file__).parent.parent
DATA = ROOT / "examples" / "data"


def load(name: str = "demo") -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, ROOT / "examples" / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def shown(width: int) -> str:
    console = Console(file=StringIO(), width=width, record=True, color_system=None)
    load().run(console)
    return console.export_text()


@pytest.fixture(scope="module")
def text() -> str:
    return shown(120)


def marks(text: str, words: str) -> list[str]:
    """What became of the memory that is quoted with these words, in the comparison."""
    [line] = [line for line in text.splitlines() if words in line and line.startswith("  ")]
    return [word for word in line.split() if word in ("recalled", "forgotten", "suppressed")]


@pytest.fixture(scope="module")
def comparison(text: str) -> str:
    return text[text.index("data set's questions") : text.index("Why")]


def test_every_question_is_asked_of_three_policies(comparison: str) -> None:
    questions = json.loads((DATA / "emily.json").read_text(encoding="utf-8"))["questions"]
    assert len(questions) == 7
    joined = re.sub(r"\s+", " ", comparison)
    assert all(f"{n}. {question}" in joined for n, question in enumerate(questions, start=1))
    assert all(name in comparison for name in ("none", "ebbinghaus", "window"))


def test_the_policies_differ_in_what_they_recall(comparison: str) -> None:
    assert marks(comparison, '"Taxi Driver".') == ["recalled", "recalled", "suppressed"]
    assert marks(comparison, "should definitely come to") == ["recalled", "forgotten", "suppressed"]


def test_plan_apply_and_undo_add_up(text: str) -> None:
    [planned] = re.findall(r"Plan: (\d+) to go", text)
    [(archived, active)] = re.findall(r"Applied: (\d+) archived, (\d+) active", text)
    [restored] = re.findall(r"Undone: (\d+) active", text)
    assert int(planned) == int(archived) > 0
    assert int(archived) + int(active) == int(restored) == 49


def test_reasons_and_lives_are_told(text: str) -> None:
    assert re.search(r"relevance 0\.\d\d, but archived by ebbinghaus: .*restore\(", text, re.DOTALL)
    assert "weight 0 by window" in text
    assert "touch: recall" in text
    assert "restore by undo" in text


def test_no_line_is_wider_than_the_screen() -> None:
    assert max(map(len, shown(60).splitlines())) <= 60


@pytest.mark.slow
def test_it_always_says_the_same(text: str) -> None:
    assert shown(120) == text


def test_the_data_comes_with_its_licence_and_is_whole() -> None:
    assert "Copyright (c) 2023 Wanjun Zhong" in (DATA / "LICENSE-memorybank").read_text()
    history = json.loads((DATA / "emily.json").read_text(encoding="utf-8"))["history"]
    assert sum(map(len, history.values())) == 49
    assert list(history) == sorted(history)


def test_the_digest_has_a_row_per_memory_and_the_label_of_simulated_players(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    suite = tmp_path / "tiny.yaml"
    suite.write_text(
        "games: {prisoners: {rounds: 3, opponents: [self, alld]}}\n"
        "players: ['surrogate:gemma_tg']\nwindows: [1, 2]\narms: {none: {k: 0}}\nseeds: 2\n"
    )
    folder = run_suite(suite, tmp_path / "runs", progress=False, workers=1)
    output = tmp_path / "smoke.txt"
    output.write_text(f"tables\nreport: {folder}/report.html\n")
    monkeypatch.setattr("sys.argv", ["digest.py", str(output)])
    monkeypatch.setenv("COLUMNS", "100")
    load("digest").main()
    said = capsys.readouterr().out
    assert LABEL in " ".join(said.split())
    for line in json.loads((folder / "result.json").read_text())["summary"]:
        if line["opponent"] == "self":
            low, high = line["interval"]
            figures = f"{line['mean']:.2f} [{low:.2f},\u00a0{high:.2f}]"
            assert re.search(rf"{line['arm']}\s*│ {re.escape(figures)}", said)
    assert f"report: {folder}/report.html" in said
