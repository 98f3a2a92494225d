"""What an older defection costs is measured as a memory shows it, for any player."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from agentmem.bench.games import Prisoners, PublicGoods
from agentmem.bench.older import Older, asked, older
from agentmem.bench.seats import Recall
from agentmem.bench.surrogates import LABEL, Reply, model
from agentmem.config import build_policies
from agentmem.errors import InputError

RESULT = Path(__file__).resolve().parent.parent / "bench" / "results" / "older_defection.json"
GAME = Prisoners()
NOISY = model("gpt4o-pd-coopeval")


def window(n: int, *more: dict[str, Any]) -> Recall:
    return Recall(policies=tuple(build_policies([{"window": {"n": n}}, *more])))


def log_odds(p: float) -> float:
    return float(np.log(p / (1 - p)))


class Grudging:
    """A chat model that pays back any harm it can see, every second time it is asked."""

    def __init__(self) -> None:
        self.asked = 0

    def invoke(self, messages: Any, **_: Any) -> Reply:
        self.asked += 1
        harmed = "(0 pts)" in messages[1]["content"] and self.asked % 2
        kind, unkind = (
            ("A1", "A0")
            if "chooses A1: you get 2," in messages[0]["content"]
            else (
                "A0",
                "A1",
            )
        )
        return Reply(json.dumps({"action": unkind if harmed else kind}))


def test_a_window_that_hides_the_defection_hides_its_price() -> None:
    found = older(NOISY, window(2), GAME, lags=(3, 8), seeds=1)
    assert found.effect() == pytest.approx(0.0)


def test_a_visible_defection_has_the_published_price_at_any_lag() -> None:
    found = older(NOISY, window(80), GAME, lags=(3, 8), seeds=1)
    for with_one in found.by_lag.values():
        assert log_odds(with_one) - log_odds(found.without) == pytest.approx(-0.96)


def test_a_window_of_three_shows_lag_three_and_not_lag_four() -> None:
    found = older(NOISY, window(3), GAME)
    assert found.effect(3) < -0.05
    assert found.effect(4) == pytest.approx(0.0)
    assert found.effect() == pytest.approx(found.effect(3) / 2)


def test_those_who_do_not_mind_pay_nothing() -> None:
    assert older(model("forgiving"), window(80), GAME, seeds=1).effect() == pytest.approx(0.0)


def test_old_harms_that_are_let_go_cost_nothing() -> None:
    found = older(NOISY, window(80, {"bygones": {"turns": 5}}), GAME, lags=(4, 9), seeds=1)
    assert found.effect(4) < -0.03
    assert abs(found.effect(9)) < 0.005


def test_an_older_kindness_repairs_nothing_for_the_player_of_that_source() -> None:
    assert older(NOISY, window(80), GAME, mirror=True, seeds=1).effect() == pytest.approx(0.0)
    assert older(model("sticky"), window(5), GAME, mirror=True, seeds=1).effect() > 0.1


def test_any_chat_model_is_measured_by_its_answers() -> None:
    found = older(Grudging(), window(3), GAME, samples=10)
    assert found == Older(without=1.0, by_lag={3: 0.5, 4: 1.0})


def test_games_with_more_seats_work() -> None:
    found = older(model("gpt4o-pgg-coopeval"), window(5), PublicGoods(), seeds=1)
    assert found.effect() != 0


def test_what_is_asked_holds_the_rounds_as_the_memory_shows_them() -> None:
    what = asked(NOISY, window(4), GAME, history=(3, False, 0), rounds=6)
    assert what.prompt.count("[Round ") == 4
    assert "[Round 4] You: A0 (0 pts) | Player 2: A1 (3 pts)" in what.prompt
    assert "Round 7." in what.prompt


@pytest.mark.parametrize("lag", [1, 2, 16])
def test_recent_rounds_and_rounds_that_never_were_are_refused(lag: int) -> None:
    with pytest.raises(InputError, match="3 to 15"):
        older(NOISY, window(4), GAME, lags=(lag,))


def test_the_committed_page_says_what_its_players_are() -> None:
    result = json.loads(RESULT.read_text("utf-8"))
    assert result["label"] == LABEL
    assert LABEL in RESULT.with_suffix(".md").read_text("utf-8")
    full = [row for row in result["rows"] if row["arm"] == "p03-full" and row["lags"] == "near"]
    assert full[0]["players"]["gpt4o-pd-coopeval"]["effect"] < -3
    assert full[0]["players"]["sonnet-pd-coopeval"]["effect"] == 0
