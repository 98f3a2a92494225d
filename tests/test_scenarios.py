"""What the division game divides: its own scenarios, and those of negotiations between people."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from agentmem.bench.games import Division
from agentmem.bench.games.scenarios import Scenario, best, drawn, scenarios
from agentmem.errors import InputError

FIRST = (
    Scenario(pool=(1, 2, 4), values=((2, 2, 1), (4, 1, 1))),
    Scenario(pool=(1, 3, 1), values=((5, 0, 5), (5, 1, 2))),
)
ORDER = (686, 750, 45)
DATA = Path(__file__).parents[1].parent / "shared" / "data"


def test_own_scenarios_keep_the_published_rules() -> None:
    own = scenarios("own")
    assert len(set(own.all)) == len(own.all) == 1000
    for one in own.all:
        assert 5 <= sum(one.pool) <= 7
        assert min(one.pool) >= 1
        for side in one.values:
            assert sum(map(int.__mul__, one.pool, side)) == 10
        assert all(max(both) for both in zip(*one.values, strict=True))
        assert any(min(both) for both in zip(*one.values, strict=True))


def test_own_scenarios_are_like_those_of_openspiel() -> None:
    """Its 1,000 have means of 15.12 (most welfare), 56.12 (Nash product), 6.60 (max-min) and 4.35
    points on the frontier.
    """
    could = [best(one, 0) for one in scenarios("own").all]
    assert np.mean([one.division.welfare for one in could]) == pytest.approx(15.12, abs=0.2)
    assert np.mean([one.nash for one in could]) == pytest.approx(56.12, abs=1)
    assert np.mean([one.division.egalitarian for one in could]) == pytest.approx(6.60, abs=0.1)
    assert np.mean([len(one.division.frontier) for one in could]) == pytest.approx(4.35, abs=0.1)
    assert {len(one.division.allocations) for one in could} <= set(range(16, 37))


def test_the_first_scenarios_stay_what_they_are() -> None:
    assert scenarios("own").all[:2] == FIRST
    assert drawn(1000, 0)[:3] == ORDER


def test_priorities_of_casino_come_with_the_package() -> None:
    casino = scenarios("casino")
    assert len(casino.all) == 601
    assert casino.walk_away == 5
    assert all(sorted(side) == [3, 4, 5] for one in casino.all for side in one.values)
    assert casino.all[0] == Scenario((3, 3, 3), ((4, 3, 5), (3, 5, 4)))
    assert best(casino.all[0], 5).total == (36, 36)


def negotiation(*priorities: str) -> dict[str, object]:
    """High, medium and low of each side, as `FWO`."""
    names = {"F": "Food", "W": "Water", "O": "Firewood"}
    sides = [
        {"value2issue": dict(zip(("High", "Medium", "Low"), map(names.get, one), strict=True))}
        for one in priorities
    ]
    return {"participant_info": {f"agent_{i}": side for i, side in enumerate(sides)}}


def test_a_file_of_casino_is_read(tmp_path: Path) -> None:
    path = tmp_path / "casino.json"
    path.write_text(json.dumps([negotiation("FWO", "OFW")]), encoding="utf-8")
    (one,) = scenarios(f"casino:{path}").all
    assert one == Scenario((3, 3, 3), ((5, 4, 3), (4, 3, 5)))


LINE = (
    "<input> 1 6 3 0 2 2 </input> <dialogue> THEM: deal <eos> </dialogue> <output> item0=1 "
    "</output> <partner_input> 1 2 3 2 2 1 </partner_input>\n"
)
MIRRORED = "<input> 1 2 3 2 2 1 </input> <partner_input> 1 6 3 0 2 2 </partner_input>\n"


def test_a_file_of_deal_or_no_deal_is_read_and_each_dialogue_counts_once(tmp_path: Path) -> None:
    path = tmp_path / "val.txt"
    path.write_text(LINE + MIRRORED, encoding="utf-8")
    found = scenarios(f"dealornodeal:{path}")
    assert found.all == (Scenario((1, 3, 2), ((6, 0, 2), (2, 2, 1))),)
    game = Division(scenarios=f"dealornodeal:{path}", rounds=1)
    assert game.best(1).total == (10, 10)


@pytest.mark.parametrize(
    ("source", "text", "words"),
    [
        ("casno", "", "unknown scenarios 'casno'; did you mean 'casino'"),
        ("dealornodeal", "", "allowed: .*dealornodeal:PATH"),
        ("casino:{}", "{", "not a file of CaSiNo: JSONDecodeError"),
        ("casino:{}", '[{"chat": 1}]', "not a file of CaSiNo: KeyError 'participant_info'"),
        ("dealornodeal:{}", LINE + "<input> 1 2 </input>\n", r":2: not a line of Deal or No Deal"),
        ("dealornodeal:{}", LINE.replace("> 1 2 3", "> 2 2 3"), ":1: .*different pools"),
        ("dealornodeal:{}", "", "no scenarios in it"),
        ("dealornodeal:{}.gone", "", "cannot be read from"),
    ],
)
def test_unfit_scenarios_are_refused_with_the_place(
    source: str, text: str, words: str, tmp_path: Path
) -> None:
    path = tmp_path / "scenarios.txt"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match=words):
        Division(scenarios=source.format(path))


@pytest.mark.skipif(not DATA.is_dir(), reason="the corpora lie beside the checkout")
def test_the_corpora_themselves_are_read() -> None:
    assert scenarios(f"casino:{DATA / 'casino' / 'casino_dev.json'}") == scenarios("casino")
    found = scenarios(f"dealornodeal:{DATA / 'dealornodeal' / 'val.txt'}")
    assert len(found.all) == 200
    for one in found.all:
        assert best(one, 0).total == (10, 10)
