"""What a hash covers beyond the words of a suite: data, files, and foreign code."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

import pytest

from agentmem.bench import provenance
from agentmem.bench.games import Division
from agentmem.bench.loading import load_suite

SUITE = """
games: GAME
players: ["surrogate:immune"]
arms: {one: {k: 5}}
"""
LINE = "<input> 1 4 1 4 1 2 </input> <partner_input> 1 2 1 4 1 4 </partner_input>\n"
GAMES = """
from agentmem.bench.games import Prisoners
class Mild(Prisoners):
    pass
class Stern(Prisoners):
    pass
"""


def hashed(folder: Path, game: str) -> str:
    path = folder / "suite.yaml"
    path.write_text(SUITE.replace("GAME", game), encoding="utf-8")
    return load_suite(path).spec_hash()


def test_a_hash_covers_the_data_of_the_package(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Fits of simulated players, priorities of CaSiNo: they make results as code does."""
    read = Path.read_text

    def changed(path: Path, *args: str, **more: str) -> str:
        return read(path, *args, **more) + (" " if path.name == "published.json" else "")

    before = provenance.source_hash()
    provenance.source_hash.cache_clear()
    monkeypatch.setattr(Path, "read_text", changed)
    try:
        assert provenance.source_hash() != before
    finally:
        provenance.source_hash.cache_clear()


def test_each_source_of_scenarios_has_a_hash() -> None:
    assert Division(rounds=1, scenarios="casino").material != Division(rounds=1).material


def test_files_of_one_name_with_other_scenarios_differ(tmp_path: Path) -> None:
    found = set()
    for folder, values in (("a", "1 4 1 4 1 2"), ("b", "1 5 1 3 1 2")):
        (tmp_path / folder).mkdir()
        path = tmp_path / folder / "data.txt"
        path.write_text(LINE.replace("1 4 1 4 1 2", values), encoding="utf-8")
        found.add(Division(rounds=1, scenarios=f"dealornodeal:{path}").material)
    assert len(found) == 2


def test_a_hash_covers_the_class_and_the_code_of_a_foreign_game(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    (tmp_path / "foreign_games.py").write_text(GAMES, encoding="utf-8")
    mild, stern = "{it: {game: 'foreign_games:Mild'}}", "{it: {game: 'foreign_games:Stern'}}"
    first = hashed(tmp_path, mild)
    assert hashed(tmp_path, mild) == first
    assert hashed(tmp_path, stern) != first
    (tmp_path / "foreign_games.py").write_text(f"{GAMES}# changed\n", encoding="utf-8")
    importlib.reload(sys.modules["foreign_games"])
    assert hashed(tmp_path, mild) != first
    monkeypatch.delitem(sys.modules, "foreign_games")
