"""The probe: what is shown, what is made of the answers, and when S3 is said to have failed."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from agentmem.bench.games import Investment, Prisoners, PublicGoods, Travelers, Trust
from agentmem.bench.playing import direct
from agentmem.bench.probe import estimate, folder_of, plan, probe, verdict
from agentmem.bench.probe.asking import Answered, Prober
from agentmem.bench.probe.grid import PLACES, Past, grid, placed
from agentmem.bench.probe.likelihood import LIMITS, NAMES, Counts, fit, interval, redrawn
from agentmem.bench.probe.verdict import Met, counted, regressed
from agentmem.bench.serving import Serving
from agentmem.bench.surrogates import LABEL, Reply
from agentmem.bench.surrogates.balance import PROFILES, Profile
from agentmem.bench.surrogates.predict import self_play
from agentmem.budget import Price
from agentmem.cli import app
from agentmem.errors import ConfigError, InputError

SMALL = (Past(()), placed(2, 1, "recent"), placed(5, 2, "spread"))


# What is shown.


def test_the_grid_holds_each_memory_once() -> None:
    pasts = grid()
    assert len(pasts) == len(set(pasts)) == 41
    assert Counter(past.rounds for past in pasts) == {0: 1, 2: 4, 5: 9, 20: 13, 80: 14}
    assert {past.bad for past in pasts if past.rounds == 80} == {0, 4, 16, 40, 80}


@given(st.integers(0, 80), st.data(), st.sampled_from(PLACES))
def test_harms_are_placed_as_many_as_asked(rounds: int, data: st.DataObject, place: str) -> None:
    harms = data.draw(st.integers(0, rounds))
    past = placed(rounds, harms, place)
    assert (past.rounds, past.bad, past.good) == (rounds, harms, rounds - harms)
    assert -1 <= past.place <= 1
    assert -1 <= past.momentum <= 1


def test_places_are_where_their_names_say() -> None:
    recent, old, clustered, spread = (placed(20, 4, place) for place in PLACES)
    assert recent.kind[-4:] == old.kind[:4] == (False,) * 4
    assert recent.place == -old.place == pytest.approx(16 / 19)
    assert abs(clustered.place) < 0.06
    assert abs(spread.place) < 0.06
    assert (recent.momentum, old.momentum) == (-1, 1)


def answers(game: Any, player: str, pasts: Sequence[Past] = SMALL, **rest: Any) -> list[Answered]:
    return Prober(game=game, pasts=pasts, **rest).ask(direct(f"surrogate:{player}"))


def test_a_prompt_is_that_of_a_match_whose_last_round_was_the_hundredth() -> None:
    found = answers(Prisoners(), "immune", samples=1)
    assert (
        "Earlier rounds:\nNo earlier rounds are shown.\n\nRound 101. " in found[0].event["prompt"]
    )
    lines = found[1].event["memory"].splitlines()
    assert [line.partition("]")[0] for line in lines] == ["[Round 99", "[Round 100"]
    assert "Player 2: A0 (" in lines[0]
    assert "Player 2: A1 (" in lines[1]
    assert found[1].event["status"] == "ok"


@pytest.mark.parametrize(
    "game", [Prisoners(), Trust(), Travelers(), PublicGoods(), PublicGoods(payoffs="textbook")]
)
def test_the_estimate_is_what_the_prompts_take(game: Any) -> None:
    prober = Prober(game=game, pasts=SMALL, samples=4)
    found = prober.ask(direct("surrogate:immune"))
    assert prober.calls == len(found) == 12
    assert prober.tokens()[0] == sum(one.event["tokens_in"] for one in found)


def test_orders_seats_and_own_moves_take_turns() -> None:
    found = answers(Trust(), "immune", SMALL[1:2], samples=8)
    prompts = Counter((one.event["seat"], one.event["prompt"]) for one in found)
    assert len(prompts) == 8
    assert sorted(seat for seat, _ in prompts) == [0] * 4 + [1] * 4
    assert sum(one.own for one in found) == 0


def test_no_two_samples_share_their_draws_and_a_seed_repeats_them() -> None:
    found = answers(Prisoners(), "gemma_tg", samples=9)
    keys = [one.event["key"] for one in found]
    assert len(set(keys)) == len(keys)
    again = answers(Prisoners(), "gemma_tg", samples=9)
    assert [one.share for one in again] == [one.share for one in found]
    other = answers(Prisoners(), "gemma_tg", samples=9, seed=1)
    assert not {one.event["key"] for one in other} & set(keys)


def test_a_game_of_several_steps_or_no_sample_is_refused() -> None:
    with pytest.raises(InputError, match="investment: a probe is for games in which all"):
        Prober(game=Investment())
    with pytest.raises(InputError, match="samples = 0"):
        Prober(game=Prisoners(), samples=0)
    with pytest.raises(ConfigError, match="no game to probe 'trsut'; did you mean 'trust'"):
        plan(["trsut"])
    with pytest.raises(ConfigError, match="no game to probe 'ultimatum'"):
        plan(["ultimatum"])


# What is made of the answers.


def expected(profile: Profile, own: float = 0.0, samples: float = 25.0) -> Counts:
    """The counts to be expected of S3, its odds shifted by own * (own last move)."""
    pasts = grid()
    cells = [(i, past, o) for i, past in enumerate(pasts) for o in ((-1.0, 1.0) if i else (0.0,))]
    good, bad = (np.array([float(getattr(p, n)) for _, p, _ in cells]) for n in ("good", "bad"))
    last = np.array([o for *_, o in cells])
    momentum = np.array([past.momentum for _, past, _ in cells])
    pull = profile.pull(profile.forward(good), profile.history(bad), momentum)
    return Counts(
        past=np.array([i for i, *_ in cells]),
        good=good,
        bad=bad,
        momentum=momentum,
        place=np.array([past.place for _, past, _ in cells]),
        own=last,
        kind=samples * np.asarray(profile.squash(pull + own * last)),
        asked=np.full(len(cells), samples),
    )


@pytest.mark.parametrize("name", PROFILES)
def test_the_profile_is_found_in_its_own_expectations(name: str) -> None:
    counts = expected(PROFILES[name])
    found = fit(counts)
    assert found.deviance < 0.01
    assert found.chance == pytest.approx(counts.share, abs=0.01)
    seats = 3 if name.endswith("_pg") else 2
    for window in (2, 80):
        mine = self_play(found.profile, window, seats=seats, runs=400).mean()
        theirs = self_play(PROFILES[name], window, seats=seats, runs=400).mean()
        assert mine == pytest.approx(theirs, abs=0.05)


def test_intervals_hold_the_truth_and_are_open_where_answers_do_not_tell() -> None:
    truth = PROFILES["oss20b_pd"]
    best = fit(expected(truth))
    for name in NAMES:
        low, high = interval(best, name)
        assert (LIMITS[name][0] if low is None else low) <= getattr(truth, name) + 1e-9
        assert getattr(truth, name) <= (LIMITS[name][1] if high is None else high) + 1e-9
    assert None not in interval(best, "r")
    silent = fit(expected(replace(truth, g=1e-9, u=1e-9)))  # k has nothing to weigh
    assert None in interval(silent, "k")


def test_more_answers_make_narrower_intervals() -> None:
    few, many = (interval(fit(expected(PROFILES["gemma_tg"], samples=n)), "r") for n in (12, 200))
    assert few[0] is not None
    assert many[0] is not None
    assert few[0] < many[0] < PROFILES["gemma_tg"].r


def test_the_rules_pass_the_balance_of_evidence_and_catch_what_it_lacks() -> None:
    rng = np.random.default_rng(0)
    for own, expects in ((0.0, False), (1.0, True)):
        best = fit(expected(PROFILES["oss120b_tg"], own))
        rules = verdict.tested(best, redrawn(best, 20, rng))
        assert rules["own"].falsified is expects
        assert not rules["rounds"].falsified
        assert not rules["place"].falsified
    met = [Met(window=80, rounds=9, predicted=0.5, played=played, runs=5) for played in (0.6, 0.7)]
    assert [one.falsified for one in met] == [False, True]
    assert not Met(window=2, rounds=9, predicted=0.5, played=0.9, runs=5).falsified


def test_too_few_prompts_identify_nothing() -> None:
    found = answers(Prisoners(), "immune", samples=1)
    with pytest.raises(InputError, match="3 different prompts"):
        fit(counted(found, SMALL))
    with pytest.raises(InputError, match="no valid answer"):
        counted([replace(one, share=None) for one in found], SMALL)


def test_the_regression_tells_harm_from_help() -> None:
    found = answers(Prisoners(), "oss20b_pd", grid()[::3], samples=6)
    terms = regressed(found, grid()[::3])
    assert terms["ln(1 + D)"].value < -2 * terms["ln(1 + D)"].error


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Fewer and shorter memories, and judging without its many matches."""
    monkeypatch.setattr("agentmem.bench.probe.grid.SIZES", (0, 2, 5))
    monkeypatch.setattr(verdict, "DRAWS", 3)
    monkeypatch.setattr(verdict, "RUNS", 4)
    monkeypatch.setattr(verdict, "DRAWN_RUNS", 2)
    grid.cache_clear()
    yield
    grid.cache_clear()


class Halting:
    """Answers A0, but nothing usable to every prompt that shows two rounds."""

    def invoke(self, messages: Any, **_: Any) -> Reply:
        shown = messages[1]["content"].count("[Round")
        return Reply("I would rather not." if shown == 2 else '{"action":"A0"}')


HALTING = f"{__name__}:Halting"


@pytest.mark.usefixtures("quick")
def test_what_stays_illegal_is_left_out_and_counted_and_nothing_is_paid_twice(
    tmp_path: Path,
) -> None:
    def run() -> Any:
        kept = tmp_path / "answers.sqlite"
        (found,) = probe(HALTING, ["prisoners"], samples=2, answers=kept).games
        return found

    found = run()
    assert (found.asked, found.invalid, found.reasked) == (28, 8, 0)
    assert found.calls == 28 + 3 * 8
    assert [one["cooperation"] for one in found.shares[1:5]] == [None] * 4
    assert {one["cooperation"] for one in found.shares[5:]} == {0.5}  # A0 under either order
    assert run() == found


@pytest.mark.usefixtures("quick")
def test_a_result_says_what_it_is_and_compares_with_what_was_played(tmp_path: Path) -> None:
    row = {"player": "surrogate:immune", "game": "prisoners", "opponent": "self", "rounds": 50}
    rows = [{**row, "window": 80, "cooperation": 0.1}, {**row, "window": None, "cooperation": 0.1}]
    result = probe("surrogate:immune", ["prisoners"], samples=5, played=rows)
    said = result.games[0].verdict
    assert set(said.unidentified) <= set(NAMES)
    assert set(said.curve) == set(verdict.WINDOWS)
    assert said.degrees == 27 - len(NAMES)  # own last moves of either kind, but for no rounds
    (met,) = said.met
    assert (met.window, met.rounds, met.played, met.falsified) == (80, 50, 0.1, True)
    result.write(tmp_path)
    data = json.loads((tmp_path / "probe.json").read_text(encoding="utf-8"))
    assert "played" in data["games"][0]["verdict"]["falsified"]
    assert data["label"] == LABEL
    page = (tmp_path / "probe.md").read_text(encoding="utf-8")
    assert LABEL in page
    assert "**falsified**" in page


def test_a_price_gives_a_cost() -> None:
    serving = Serving(prices={"openai:x": Price(input=1.0, output=10.0)})
    found = estimate("openai:x", plan(["prisoners"], samples=1), serving)
    assert found.calls == 41
    assert found.cost == pytest.approx((found.tokens_in + 10 * found.tokens_out) / 1e6)
    assert estimate("openai:x", plan(["prisoners"], samples=1)).cost is None
    assert folder_of("vllm:a/b@http://x").name == "probe-vllm-a-b-http-x"


@pytest.mark.usefixtures("quick")
def test_the_command_asks_before_it_pays_and_writes_what_it_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    call = ["bench", "probe", HALTING, "--games", "prisoners", "--samples", "1", "--out", "out"]
    refused = CliRunner().invoke(app, [*call, "--json"])
    assert refused.exit_code == 3
    (tmp_path / "s.yaml").write_text("concurrency: 2\nbudgt: {calls: 9}\n")
    wrong = CliRunner().invoke(app, [*call, "--yes", "--serving", "s.yaml"])
    assert wrong.exit_code == 2
    assert "did you mean 'budget'" in wrong.output
    (tmp_path / "s.yaml").write_text("concurrency: 2\n")
    (tmp_path / "r.json").write_text("[]")
    wrong = CliRunner().invoke(app, [*call, "--yes", "--played", "r.json"])
    assert "not a result.json" in wrong.output
    done = CliRunner().invoke(app, [*call, "--yes", "--json", "--serving", "s.yaml"])
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout)["games"][0]["asked"] == 14
    assert (tmp_path / "out" / "probe.md").exists()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("player", "game", "fails"),
    [("gemma_tg", "trust", False), ("oss20b_pd", "prisoners", False), ("sticky", "trust", True)],
)
def test_a_whole_probe_recovers_s3_and_refuses_what_is_not(
    player: str, game: str, fails: bool
) -> None:
    (found,) = probe(f"surrogate:{player}", [game]).games
    assert ("own" in found.verdict.falsified) is fails
    if not fails:
        for window, (low, high) in found.verdict.ends.items():
            truth = self_play(PROFILES[player], window, runs=400).mean()
            assert low - 0.02 <= truth <= high + 0.02
