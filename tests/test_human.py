"""Choice models fitted to people, and the simulated players made of them."""

from __future__ import annotations

import json
import sys
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from agentmem.bench import fitting
from agentmem.bench.fitting import (
    clustered,
    folds,
    held_out,
    logistic,
    loss,
    mean_error,
    sigmoid,
)
from agentmem.bench.surrogates import LABEL, model, names, reading
from agentmem.bench.surrogates.features import ALL, Form, decayed, momentum, recent
from agentmem.bench.surrogates.human import LONG, NAMES, NEUTRAL, TREATMENTS, human, name_of
from agentmem.errors import ConfigError, InputError

ROOT = Path(__file__).resolve().parent.parent
OBSERVED = json.loads((ROOT / "tests/data/human_pd.json").read_text(encoding="utf-8"))["observed"]
LAST = {"CC": (1, 1), "CD": (1, 0), "DC": (0, 1), "DD": (0, 0)}
POINTS = 0.03

moves = st.lists(st.tuples(st.integers(0, 1), st.integers(0, 1)), max_size=12)
FORMS = (
    Form(),
    Form(inertia=True, rounds=True),
    Form(window=3, pull=True),
    Form(halflife=1.5, own=True),
    Form(table=1, window=ALL, own=True),
    Form(table=2, halflife=4.0),
)


@pytest.fixture
def bench(monkeypatch):
    """Imports a module of bench/."""
    monkeypatch.syspath_prepend(str(ROOT / "bench"))
    return import_module


@pytest.fixture
def people(bench):
    """The choices of people; skips where they are not."""
    where = bench("people").folder()
    if not where.is_dir():
        pytest.skip("the data of Dal Bo & Frechette (2011) are not here: set AGENTMEM_HUMAN_PD")
    return bench("people").read(where)


def history(pairs):
    return np.array(pairs, dtype=float).reshape(len(pairs), 2).T


# What is remembered


@settings(max_examples=40)
@given(moves, st.sampled_from(FORMS))
def test_what_is_known_after_t_rounds_depends_on_those_rounds_alone(pairs, form):
    own, other = history(pairs)
    whole = form.terms(own, other)
    assert whole.shape == (len(pairs) + 1, len(form.names))
    for t in range(len(pairs) + 1):
        assert_allclose(form.terms(own[:t], other[:t])[-1], whole[t])


@settings(max_examples=40)
@given(moves, st.integers(1, 14), st.floats(0.2, 30))
def test_counts_are_sums_over_a_window_or_with_half_lives(pairs, window, halflife):
    own, _ = history(pairs)
    for t in range(len(own) + 1):
        assert recent(own, window)[t] == own[max(0, t - window) : t].sum()
        weights = 0.5 ** ((t - 1 - np.arange(t)) / halflife)
        assert decayed(own, halflife)[t] == pytest.approx(weights @ own[:t])


@settings(max_examples=40)
@given(moves)
def test_counts_that_hardly_fade_and_windows_that_never_fill_agree(pairs):
    own, other = history(pairs)
    slow, wide = Form(halflife=1e9, own=True), Form(window=ALL, own=True)
    assert_allclose(slow.terms(own, other), wide.terms(own, other), atol=1e-6)


@settings(max_examples=40)
@given(moves)
def test_momentum_is_that_of_the_simulated_players(pairs):
    _, other = history(pairs)
    assert momentum(other)[-1] == pytest.approx(reading.momentum((2 * other - 1).tolist()))
    assert momentum(other, 1)[-1] == pytest.approx(reading.momentum((2 * other - 1).tolist()[-1:]))


@pytest.mark.parametrize(("rounds", "courses"), [(1, 4), (2, 20)])
def test_a_table_has_a_chance_of_its_own_for_each_course_of_the_last_rounds(rounds, courses):
    bits = np.array(np.meshgrid(*[[0.0, 1.0]] * (2 * rounds))).reshape(2, rounds, -1)
    full = Form(table=rounds).terms(bits[0].T, bits[1].T)
    seen = full[:, 1:].reshape(-1, full.shape[-1])
    assert np.linalg.matrix_rank(seen) == courses == full.shape[-1]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"table": 3}, "1 or 2 rounds"),
        ({"window": -1}, "0 or more"),
        ({"window": 2, "halflife": 2.0}, "not both"),
        ({"own": True}, "neither is set"),
    ],
)
def test_a_form_that_cannot_be_is_refused(options, said):
    with pytest.raises(InputError, match=said):
        Form(**options)


# Fitting


def sample(n=400, persons=20, seed=0):
    rng = np.random.default_rng(seed)
    terms = np.column_stack([np.ones(n), rng.normal(size=n), rng.integers(0, 2, n)])
    chosen = (rng.random(n) < sigmoid(terms @ np.array([-0.5, 1.0, 0.8]))).astype(float)
    return terms, chosen, rng.integers(0, persons, n)


def test_logistic_regression_without_a_penalty_matches_a_table_exactly():
    terms = np.array([[1.0, 0.0], [1.0, 1.0]])
    found = logistic(terms, np.array([3.0, 8.0]), np.array([10.0, 10.0]), ridge=0.0)
    assert_allclose(sigmoid(terms @ found), [0.3, 0.8], atol=1e-6)


def test_at_the_fit_the_penalised_likelihood_is_flat():
    terms, chosen, _ = sample()
    found = logistic(terms, chosen, ridge=2.0)
    slope = terms.T @ (chosen - sigmoid(terms @ found)) - np.array([0, 2, 2]) * found
    assert_allclose(slope, 0, atol=1e-3)
    assert found[1] == pytest.approx(1.0, abs=0.3)


def test_counted_choices_are_fitted_as_single_ones():
    terms = np.array([[1.0, 0.0], [1.0, 1.0], [1.0, 2.0]])
    good, count = np.array([1, 2, 4]), np.array([4, 5, 5])
    each = np.repeat(terms, count, axis=0)
    chosen = np.concatenate([np.arange(n) < g for g, n in zip(good, count, strict=True)])
    assert_allclose(logistic(terms, good, count), logistic(each, chosen.astype(float)))


def test_separable_choices_have_finite_coefficients():
    terms = np.column_stack([np.ones(40), np.repeat([0.0, 1.0], 20)])
    found = logistic(terms, terms[:, 1])
    assert np.isfinite(found).all()
    assert sigmoid(terms @ found)[-1] > 0.8


def test_nothing_to_fit_and_no_end_are_refused(monkeypatch):
    with pytest.raises(InputError, match="no choices"):
        logistic(np.ones((0, 1)), np.ones(0))
    monkeypatch.setattr(fitting, "STEPS", 1)
    with pytest.raises(InputError, match="did not converge"):
        logistic(*sample()[:2])


def test_errors_clustered_by_person_do_not_shrink_when_choices_are_repeated():
    terms, chosen, person = sample()
    found = logistic(terms, chosen)
    once = clustered(terms, chosen, found, person)
    again = clustered(
        np.repeat(terms, 9, axis=0), np.repeat(chosen, 9), found, np.repeat(person, 9)
    )
    assert_allclose(again, once, rtol=0.1)
    assert mean_error(np.repeat(chosen, 9), np.repeat(person, 9)) == pytest.approx(
        mean_error(chosen, person)
    )


def test_with_a_choice_a_person_the_error_is_that_of_a_mean():
    values = np.array([0.0, 1.0, 1.0, 0.0, 1.0])
    error = values.std(ddof=1) / np.sqrt(5)
    assert mean_error(values, np.arange(5)) == pytest.approx((0.6, error))
    with pytest.raises(InputError, match="two persons"):
        mean_error(values, np.zeros(5, dtype=int))
    with pytest.raises(InputError, match="two persons"):
        clustered(np.ones((5, 1)), values, np.zeros(1), np.zeros(5, dtype=int))


@settings(max_examples=30)
@given(st.integers(2, 6), st.lists(st.integers(0, 2), min_size=6, max_size=30), st.integers(0, 9))
def test_folds_never_split_a_person_and_share_out_each_stratum(k, strata, seed):
    person = np.repeat(np.arange(len(strata)) * 3, 4)
    stratum = np.repeat(strata, 4)
    fold = folds(person, stratum, k, seed)
    whole = fold.reshape(-1, 4)
    assert (whole == whole[:, :1]).all()
    for one in set(strata):
        sizes = np.bincount(whole[np.array(strata) == one, 0], minlength=k)
        assert sizes.max() - sizes.min() <= 1


def test_more_folds_than_persons_are_refused():
    with pytest.raises(InputError, match="cannot be dealt"):
        folds(np.zeros(5, dtype=int), np.zeros(5, dtype=int), 2)


def test_a_held_out_chance_comes_from_a_fit_without_its_fold():
    fold = np.array([0, 1, 0, 2, 1])
    chance = held_out(lambda train: np.full(5, fold[~train][0], dtype=float), fold)
    assert_allclose(chance, fold)


def test_losses_are_nats():
    losses = loss(np.array([0.5, 0.25, 1.0]), np.array([1, 0, 1]))
    assert_allclose(losses, -np.log([0.5, 0.75, 1]), atol=1e-8)


# The players


def prompt(pairs):
    """A two-player prompt in which A1 is the kind move."""
    rules = [
        f"- You choose A{a}, Player 2 chooses A{b}: you get {points}."
        for (a, b), points in {(1, 1): 2, (1, 0): 0, (0, 1): 3, (0, 0): 1}.items()
    ]
    lines = [
        f"[Round {i + 1}] You: A{own} (0 pts) | Player 2: A{other} (0 pts)"
        for i, (own, other) in enumerate(pairs)
    ]
    shown = "Earlier rounds:\n" + "\n".join(lines) + "\n\n" if lines else ""
    return "\n".join(rules), f"{shown}Round {len(pairs) + 1}. Which do you choose, A0 or A1?"


def chance(name, pairs):
    rules, text = prompt(pairs)
    return human(name).chance(reading.read_dilemma(rules, f"{rules}\n{text}"), deliberate=True)


def test_every_player_can_be_named_and_plays():
    assert len(set(NAMES)) == 2 * (len(TREATMENTS) + 1)
    assert set(NAMES) <= set(names())
    assert LABEL.startswith("simulated players")
    for name in NAMES:
        said = model(f"surrogate:{name}").invoke(prompt([(1, 1), (0, 1)]), seed=1).content
        assert json.loads(said)["action"] in ("A0", "A1")
    with pytest.raises(ConfigError, match="human-df2011-d75r40"):
        model("human-df2011-d75r41")


@pytest.mark.parametrize("name", NAMES)
def test_with_nothing_visible_it_plays_as_people_do_at_first(name):
    plain = name.removesuffix(LONG)
    first = chance(name, [])
    assert 0 < first < 1
    if plain in OBSERVED:
        assert first == pytest.approx(OBSERVED[plain]["rounds"][0][0], abs=1e-3)


@pytest.mark.parametrize("treatment", TREATMENTS)
@pytest.mark.parametrize("outcome", LAST)
def test_after_each_outcome_it_cooperates_as_people_do(treatment, outcome):
    name = name_of(treatment)
    rate, error, _ = OBSERVED[name]["after"][outcome]
    assert abs(chance(name, [LAST[outcome]]) - rate) < min(POINTS, max(0.01, error))


@settings(max_examples=40)
@given(moves, st.tuples(st.integers(0, 1), st.integers(0, 1)))
def test_the_plain_player_knows_the_last_round_alone(pairs, last):
    assert chance("human", [*pairs, last]) == pytest.approx(chance("human", [last]))


def test_the_long_player_knows_older_rounds_too():
    name = f"human{LONG}"
    kept = chance(name, [(1, 1)] * 4)
    assert kept > chance(name, [(0, 0), (0, 0), (0, 0), (1, 1)])
    assert kept != pytest.approx(chance(name, [(1, 1)] * 2), abs=1e-3)


def test_words_and_bargaining_are_neutral():
    mind, seen = human("human"), reading.Evidence(good=3, bad=1)
    assert mind.ratio(seen, deliberate=True) == mind.goodwill(seen, deliberate=False) == NEUTRAL


def lengths(rounds, games=4000):
    """Lengths of games of which as many reach each round as in the experiment."""
    reached = np.array([n for _, _, n in rounds]) / rounds[0][2]
    return (np.arange(games)[:, None] < games * reached).sum(axis=1)


@pytest.mark.parametrize("name", [name for name in NAMES if name.removesuffix(LONG) in OBSERVED])
def test_players_meeting_each_other_cooperate_as_people_do(bench, name):
    tools, real = bench("human_players"), OBSERVED[name.removesuffix(LONG)]
    length = lengths(real["rounds"])
    one, two = tools.among(human(name), length, seed=0)
    made = tools.averages(one, one, two, length, np.arange(len(length)))
    for outcome, (rate, error, _) in real["after"].items():
        mean, noise, _ = made["after"][outcome]
        assert abs(mean - rate) < POINTS + 2 * noise, outcome
        assert error < 0.1
    for (mean, noise, _), (rate, error, n) in zip(made["rounds"], real["rounds"], strict=True):
        if n >= tools.FEW:
            assert abs(mean - rate) < max(POINTS, 3 * np.hypot(error, noise))


# The data


def table(path, head, rows):
    path.write_text("\n".join([head, *(",".join(map(str, row)) for row in rows)]) + "\n")


def two_people(folder, last="c"):
    """Two persons who meet twice: a cooperates always, b only in the second game."""
    rows = [
        (game, period, 1.5, 40, 0.75, int(who == 0 or game == 2), game, 1 + 2 * who + game)
        for game in (1, 2)
        for who in (0, 1)
        for period in (1, 2)
    ]
    table(folder / "DF2011all.csv", "supergame,period,date,r,delta,coop,group,id", rows)
    known = [("D75R40", 1, 2, 1, "c"), ("D75R40", 2, 2, 1, "c"), ("D75R40", 2, 2, 2, last)]
    table(folder / "data.DF2011.csv", "treatment,id,game,period,choice", known)


def test_persons_are_found_across_their_games(bench, tmp_path):
    two_people(tmp_path)
    found = bench("people").read(tmp_path)
    assert found.person.tolist() == [0, 0, 1, 1]
    assert found.treatments == ("D75R40",)
    assert found.own.tolist() == [[1, 1], [1, 1], [0, 0], [1, 1]]
    assert found.other.tolist() == [[0, 0], [1, 1], [1, 1], [1, 1]]
    # ln of the game's number; partners' first moves; ln of the last length; own first moves
    expected = [np.log(2), -1, -1, np.log(2), 1, 1]
    assert_allclose(
        found.earlier, [[0] * 6, expected, [0] * 6, [np.log(2), 1, 1, np.log(2), -1, -1]]
    )


def test_data_that_disagree_are_refused(bench, tmp_path):
    two_people(tmp_path, last="d")
    with pytest.raises(InputError, match="person 2 chose otherwise"):
        bench("people").read(tmp_path)


def test_without_data_the_benchmark_says_so_and_writes_nothing(
    bench, tmp_path, monkeypatch, capsys
):
    out = tmp_path / "out"
    monkeypatch.setattr(sys, "argv", ["human.py", str(tmp_path / "none"), "--out", str(out)])
    bench("human").main()
    assert "Skipped: no file" in capsys.readouterr().err
    assert not out.exists()


@pytest.mark.slow
def test_the_committed_players_are_those_of_a_refit(bench, people):
    tried, tools = bench("human").models(), bench("human_players")
    committed = bench("agentmem.bench.surrogates.human").fitted()
    for end, name in (("", "memory-1"), (LONG, "memory-2 + window-all, own too")):
        for player, one in tools.fit_players(people, {end: tried[name]})["players"].items():
            known = committed["players"][player]
            assert one["form"] == known["form"]
            assert one["first"] == pytest.approx(known["first"], abs=1e-4)
            assert one["weights"] == pytest.approx(known["weights"], abs=1e-3)
    for treatment, some in tools.parts(people).items():
        assert tools.observed(some)["after"] == OBSERVED[name_of(treatment)]["after"]


@pytest.mark.slow
def test_replayed_against_people_s_partners_it_cooperates_as_people_did(bench, people):
    tools = bench("human_players")
    for treatment, some in tools.parts(people).items():
        found = tools.validated(some, human(name_of(treatment)), seed=0)
        assert found["distance"]["replay"]["after"] < POINTS, treatment
        assert found["distance"]["replay"]["round"] < 2 * POINTS, treatment
        assert found["distance"]["ahead"]["after"] < POINTS, treatment
