"""Games and scripted players of somebody else: by entry point and by dotted path, in a suite."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from agentmem.bench import run_suite
from agentmem.bench.games import BUILTIN as GAMES
from agentmem.bench.loading import OF_A_CELL, load_suite
from agentmem.bench.players import scripted
from agentmem.errors import ConfigError, InputError, PluginError

CODE = '''
from dataclasses import dataclass
from typing import ClassVar

from agentmem.bench.games import Dilemma, Prisoners
from agentmem.bench.prompting import fill

POINTS = {("C", "C"): 4, ("C", "D"): 0, ("D", "C"): 3, ("D", "D"): 2}


@dataclass(frozen=True, kw_only=True)
class Stag(Dilemma):
    name: ClassVar[str] = "stag"

    def play(self, seat):
        return fill("dilemma_play")

    def points(self, seat):
        lines = [
            f"- You choose {a}, Player 2 chooses {b}: you get {POINTS[mine, other]}, "
            f"Player 2 gets {POINTS[other, mine]}."
            for a, mine in self.tokens.items()
            for b, other in self.tokens.items()
        ]
        return fill("dilemma_points", payoffs="\\n".join(lines))

    def pay(self, played):
        first, second = played.moves[0], played.moves[1]
        return float(POINTS[first, second]), float(POINTS[second, first])


class Dear(Prisoners):
    """A kind of prisoner's dilemma, under the same name."""


@dataclass(frozen=True, kw_only=True)
class Crowd(Prisoners):
    """What it calls players no suite could set."""

    players: int = 2


class Twice:
    """Defects every third round."""

    name = "twice"
    game = "stag"

    def move(self, seen):
        return "D" if seen.number % 3 == 0 else "C"


class Cheat(Twice):
    name = "cheat"

    def move(self, seen):
        return "B"


class Shapeless:
    pass


class Parrot:
    def __init__(self, name="parrot"):
        self.name = name

    def invoke(self, messages, **kwargs):
        raise AssertionError
'''
SUITE = """
games:
  hunt: {game: GAME, rounds: 6, opponents: [self, alld, "SCRIPT"]}
players: ["surrogate:immune"]
windows: [2]
seeds: 2
"""


@pytest.fixture
def foreign(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An installed package with a game under an entry point."""
    (tmp_path / "foreign_play.py").write_text(CODE, encoding="utf-8")
    info = tmp_path / "foreign_play-1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: foreign-play\nVersion: 1\n")
    (info / "entry_points.txt").write_text(
        "[agentmem.games]\nstag = foreign_play:Stag\n"
        "[agentmem.players]\nparrot = foreign_play:Parrot\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    yield tmp_path
    sys.modules.pop("foreign_play", None)


def played(
    folder: Path, game: str, script: str = "script:foreign_play:Twice"
) -> list[dict[str, Any]]:
    path = folder / "suite.yaml"
    text = SUITE.replace("GAME", game).replace("SCRIPT", script)
    path.write_text(text, encoding="utf-8")
    done = run_suite(path, out=folder / "runs", workers=1, progress=False)
    rows: list[dict[str, Any]] = json.loads((done / "result.json").read_text("utf-8"))["rows"]
    return rows


@pytest.mark.parametrize("game", ["stag", "'foreign_play:Stag'"])
def test_a_foreign_game_is_played_with_classics_and_with_scripts_of_its_own(
    foreign: Path, game: str
) -> None:
    rows = played(foreign, game)
    assert [row["opponent"] for row in rows[::2]] == ["self", "alld", "script:foreign_play:Twice"]
    assert rows[2]["reward"] <= 2  # against who always defects
    spec = load_suite(foreign / "suite.yaml").spec()
    assert list(spec["foreign"]) == ["foreign_play"]


@pytest.mark.parametrize("player", ["surrogate:parrot", "foreign_play:Parrot", "surrogate:s1"])
def test_the_hash_covers_the_code_of_a_foreign_model(foreign: Path, player: str) -> None:
    path = foreign / "suite.yaml"
    path.write_text(f"games: {{prisoners: }}\nplayers: ['{player}']\nwindows: [2]\n")
    covered = list(load_suite(path).spec()["foreign"])
    assert covered == ([] if player == "surrogate:s1" else ["foreign_play"])


def test_an_illegal_move_of_a_script_is_a_clear_error(foreign: Path) -> None:
    with pytest.raises(InputError, match="the script at seat 1 moved 'B', which is not A0 or A1"):
        played(foreign, "stag", "script:foreign_play:Cheat")


def test_a_game_may_not_take_the_words_of_a_suite(foreign: Path) -> None:
    with pytest.raises(ConfigError, match="has a field 'players', which a suite says of every"):
        played(foreign, "'foreign_play:Crowd'")
    assert not [name for name, of in GAMES.items() if OF_A_CELL & of.__dataclass_fields__.keys()]


def test_what_plays_a_game_plays_its_kinds(foreign: Path) -> None:
    from foreign_play import Dear, Stag

    assert scripted(Dear, "tft") == scripted("prisoners", "tft")
    assert scripted(Stag, "wsls") == scripted("prisoners", "wsls")
    with pytest.raises(ConfigError, match="no scripted player 'fair' for stag; allowed: allc"):
        scripted(Stag, "fair")


@pytest.mark.parametrize(
    ("name", "error", "words"),
    [
        ("script:foreign_play:Shapeless", PluginError, "it needs name, game and move"),
        ("script:foreign_play:Nobody", PluginError, "AttributeError"),
        ("script:no_such_module:Nobody", PluginError, "ModuleNotFoundError"),
        ("script:foreign_play", PluginError, "cannot be made"),
    ],
)
def test_what_is_no_scripted_player_is_refused(
    foreign: Path, name: str, error: type[Exception], words: str
) -> None:
    with pytest.raises(error, match=words):
        scripted("prisoners", name)


def test_a_script_for_another_game_is_refused(foreign: Path) -> None:
    with pytest.raises(ConfigError, match="plays stag, not prisoners"):
        scripted("prisoners", "script:foreign_play:Twice")
