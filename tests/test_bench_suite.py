"""Suites: what is accepted, what is refused and why, and what the hash covers."""

from __future__ import annotations

import json
from pathlib import Path
from textwrap import dedent

import pytest

from agentmem import catalogue
from agentmem.bench import load_suite
from agentmem.bench.games import Prisoners
from agentmem.bench.loading import game_class
from agentmem.bench.suite import Suite
from agentmem.errors import ConfigError
from agentmem.policies.budget import Budget

GOOD = """
description: A small one.
games:
  prisoners: {rounds: 5, opponents: [self, alld]}
  noisy: {game: prisoners, tremble: 0.05, players: ["surrogate:immune"]}
players: ["surrogate:gemma_tg", "surrogate:immune"]
windows: [5, 1]
arms:
  small: {policies: [{budget: {max_records: 3, half_life: 2h}}], reinforce: true}
  none: {k: 0}
memory: {k: 20, round: 30m}
seeds: [3, 1]
"""


def write(folder: Path, text: str, name: str = "mine.yaml") -> Path:
    path = folder / name
    path.write_text(dedent(text), encoding="utf-8")
    return path


def load(folder: Path, text: str = GOOD) -> Suite:
    return load_suite(write(folder, text))


def test_a_suite_spans_games_players_opponents_arms_and_seeds(tmp_path: Path) -> None:
    suite = load(tmp_path)
    assert suite.name == "mine"
    assert [arm.name for arm in suite.arms] == ["none", "window-1", "window-5", "small"]
    assert [arm.window for arm in suite.arms] == [0, 1, 5, None]
    jobs = list(suite.jobs())
    assert len(jobs) == (2 * 2 + 1 * 1) * 4 * 2
    assert len({job.id for job in jobs}) == len(jobs)
    assert jobs[0].id == "prisoners/surrogate:gemma_tg/self/none/3"
    assert suite.seeds == (3, 1)
    assert suite.memory.round == 1800
    assert suite.cells[1].game.tremble == 0.05


def test_arms_inherit_the_memory_settings_and_build_their_policies(tmp_path: Path) -> None:
    arms = {arm.name: arm for arm in load(tmp_path).arms}
    assert arms["small"].recall(0).policies == (Budget(max_records=3, half_life=7200.0),)
    assert (arms["small"].recall(0).k, arms["small"].recall(0).reinforce) == (20, True)
    assert (arms["none"].recall(0).k, arms["none"].recall(0).reinforce) == (0, False)


def test_the_shipped_suites_load_by_name_and_by_path() -> None:
    for name in catalogue.entries("bench"):
        assert list(load_suite(name).jobs())
    assert load_suite("bench/smoke.yaml").spec_hash() == load_suite("smoke").spec_hash()


def test_the_grid_is_every_arm_without_a_model_in_every_game() -> None:
    grid = load_suite("grid")
    assert {arm.name for arm in grid.arms} == set(catalogue.entries("arms")) - {"p09-summary"}
    assert [cell.game.name for cell in grid.cells] == [cell.label for cell in grid.cells]
    assert {cell.game.rounds for cell in grid.cells} == {500, 100, 30}
    assert len(list(grid.jobs())) == 18 * 8 * 20
    assert grid.simulated
    assert not grid.served


def test_bargaining_meets_itself_and_hard_partners() -> None:
    suite = load_suite("x09-bargaining")
    assert {cell.game.exploiter for cell in suite.cells} == {"hardboiled"}
    assert all({"self", "hardboiled"} <= set(cell.opponents) for cell in suite.cells)
    assert {arm.name[:3] for arm in suite.arms} == {f"p{n:02}" for n in (0, 1, 3, 5, 7, 9, 10, 11)}


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("windows:", "window:", "window: unknown key; did you mean 'windows'"),
        ("rounds: 5", "round: 5", "games.prisoners.round: unknown key; did you mean 'rounds'"),
        ("rounds: 5", "rounds: 0", "games.prisoners.rounds: 0: must be a whole number >= 1"),
        ("rounds: 5", "rounds: five", "games.prisoners.rounds: 'five':"),
        ("  prisoners:", "  prisoner:", "games.prisoner: unknown game 'prisoner'; did you mean"),
        ("alld", "aldl", r"games.prisoners.opponents\[1\]: no scripted player 'aldl'"),
        ("[self, alld]", "[self, self]", "the same name twice"),
        ("[self, alld]", "alld", "give a list of names"),
        ("gemma_tg", "gema_tg", r"players\[0\]: no simulated player 'gema_tg'; did you mean"),
        ("gemma_tg", "gemma_tg ", "no simulated player"),
        ("[5, 1]", "[5, 0]", r"windows\[1\]: 0: give different whole numbers >= 1"),
        ("[5, 1]", "[5, 5]", r"windows\[1\]: 5: give different"),
        ("  none:", "  window-5:", r"arms.window-5: is also windows\[0\]"),
        ("budget:", "bugdet:", "arms.small.policies.0..bugdet|unknown name 'bugdet'"),
        ("max_records: 3", "max_record: 3", "max_record: unknown key; did you mean 'max_records'"),
        ("reinforce: true", "reinforced: true", "arms.small.reinforced: unknown key; did you mean"),
        ("{k: 0}", "{k: -1}", "arms.none.k: -1: must be a whole number >= 0"),
        ("round: 30m", "round: 30 parsecs", "memory.round: '30 parsecs'"),
        ("seeds: [3, 1]", "seeds: [1, 1]", "a list of different numbers >= 0"),
        ("seeds: [3, 1]", "seeds: 0", "seeds = 0: give a number >= 1"),
        ("seeds: [3, 1]", "form: prose", "form: 'prose'"),
        ("tremble: 0.05", "payoffs: primry", "games.noisy: unknown payoffs 'primry'; did you mean"),
    ],
)
def test_mistakes_are_named_by_file_key_and_nearest_name(
    tmp_path: Path, old: str, new: str, message: str
) -> None:
    assert old in GOOD
    with pytest.raises(ConfigError, match=message) as caught:
        load(tmp_path, GOOD.replace(old, new))
    assert str(tmp_path / "mine.yaml") in str(caught.value)


def test_all_mistakes_are_reported_at_once(tmp_path: Path) -> None:
    text = (
        GOOD.replace("rounds: 5", "rounds: 0").replace("alld", "aldl").replace("{k: 0}", "{k: x}")
    )
    with pytest.raises(ConfigError) as caught:
        load(tmp_path, text)
    assert len(str(caught.value).splitlines()) == 3


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "games: give at least one game"),
        ("games: {prisoners: {}}\nwindows: [1]", "games.prisoners.players: give at least one"),
        ('games: {prisoners: {}}\nplayers: ["surrogate:immune"]', "arms: give at least one"),
        ("- a", "give a mapping"),
    ],
)
def test_a_suite_needs_a_game_a_player_and_an_arm(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        load(tmp_path, text)


def test_a_missing_suite_names_the_nearest(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="did you mean 'smoke'"):
        load_suite("smoek")
    with pytest.raises(ConfigError, match="no suite"):
        load_suite(tmp_path / "smoke.yaml")


def test_games_may_come_from_a_dotted_path() -> None:
    assert game_class("agentmem.bench.games:Prisoners") is Prisoners
    with pytest.raises(ConfigError, match="not a subclass"):
        game_class("agentmem.bench.players.dilemmas:AllD")


def test_the_hash_covers_what_matters_and_nothing_else(tmp_path: Path) -> None:
    first = load(tmp_path).spec_hash()
    assert len(first) == 16
    assert load(tmp_path, "# a comment\n" + GOOD).spec_hash() == first
    for old, new in [
        ("rounds: 5", "rounds: 6"),
        ("[5, 1]", "[5, 2]"),
        ("max_records: 3", "max_records: 4"),
        ("seeds: [3, 1]", "seeds: [3, 2]"),
        ("tremble: 0.05", "tremble: 0.06"),
        ("round: 30m", "round: 31m"),
        ("[self, alld]", "[self, tft]"),
    ]:
        assert load(tmp_path, GOOD.replace(old, new)).spec_hash() != first, new


def test_the_specification_is_plain_data_and_names_the_code(tmp_path: Path) -> None:
    spec = load(tmp_path).spec()
    assert json.loads(json.dumps(spec)) == spec
    assert len(spec["code"]) == 32
    assert spec["arms"][3]["seats"][0]["policies"] == [
        {"budget": {"max_records": 3, "half_life": 7200.0}}
    ]
