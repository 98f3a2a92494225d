"""Two minds whose play can be solved: windowed grudge (S1) and linear retaliation (S2)."""

from __future__ import annotations

from contextlib import ExitStack

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agentmem.bench.games import Prisoners
from agentmem.bench.match import Match
from agentmem.bench.once import memory_config
from agentmem.bench.oracles.grudge import Grudge
from agentmem.bench.oracles.retaliation import Retaliation, exponential, lifetime, window
from agentmem.bench.prompting import form, question
from agentmem.bench.seats import ModelSeat, Recall
from agentmem.bench.surrogates import FAMILIES, model
from agentmem.bench.surrogates.reading import Evidence, read_dilemma
from agentmem.bench.surrogates.retaliation import Retaliating
from agentmem.bench.surrogates.windowed import Windowed
from agentmem.bench.visibility import visibility
from agentmem.bench.voices import Direct
from agentmem.clock import SimulatedClock
from agentmem.config import build_policies
from agentmem.errors import ConfigError, InputError
from agentmem.memory import AgentMemory
from agentmem.models import resolve

RULES = """- You choose A0, Player 2 chooses A0: you get 2, Player 2 gets 2.
- You choose A0, Player 2 chooses A1: you get 0, Player 2 gets 3.
- You choose A1, Player 2 chooses A0: you get 3, Player 2 gets 0.
- You choose A1, Player 2 chooses A1: you get 1, Player 2 gets 1."""
CROWD = """- You choose A0 and 2 of the 2 others choose A0: you get 1.5.
- You choose A0 and 0 of the 2 others choose A0: you get 0.5.
- You choose A1 and 2 of the 2 others choose A1: you get 1."""
TOKENS = "Round 9. Choose one action, A0 or A1."
NUMBERS = "Round 9. Name your contribution, a whole number from 0 to 20."
CLAIM = "Round 9. Name your claim, a whole number from 2 to 5."


def dilemma(lines, rules: str = RULES, ask: str = TOKENS):
    how = form("direct", "action", "<token>")
    found = read_dilemma(rules, f"{rules}\n{question(lines, ask, how)}")
    assert found is not None
    return found


def rounds(moves: str, own: str = "A0") -> list[str]:
    """Record lines from the partner's moves, C or D."""
    return [
        f"[Round {i}] You: {own} (2 pts) | Player 2: {'A0' if m == 'C' else 'A1'} (2 pts)"
        for i, m in enumerate(moves, 1)
    ]


@pytest.mark.parametrize(
    ("window", "stationary", "early", "field"),
    [
        (0, 0.9900, 0.9900, 0.9900),
        (1, 0.9859, 0.9861, 0.9859),
        (2, 0.9778, 0.9779, 0.9766),
        (5, 0.9052, 0.9080, 0.7883),
        (10, 0.7295, 0.7556, 0.7094),
        (20, 0.7003, 0.7312, 0.7002),
        (80, 0.7000, 0.7309, 0.7000),
    ],
)
def test_longer_windows_keep_grudges_alive(window, stationary, early, field) -> None:
    grudge = Grudge(window=window)
    assert grudge.self_play() == pytest.approx(stationary, abs=5e-5)
    assert grudge.mean_field() == pytest.approx(field, abs=5e-5)
    # Published from 500 simulated rounds, with the error of a simulation.
    assert grudge.self_play(500) == pytest.approx(early, abs=1.5e-3)


def test_a_forgiving_mind_hardly_minds_a_long_window() -> None:
    assert Grudge(window=80, forgive=0.97).self_play() == pytest.approx(0.9725, abs=5e-5)
    assert Grudge(window=5).threshold == pytest.approx(1 / 0.29)
    assert Grudge(window=10).provoked == pytest.approx(2.9)
    assert Grudge(window=10, forgive=1).threshold == float("inf")


def test_cooperation_with_a_partner_that_defects_at_random() -> None:
    assert Grudge(window=10).against(0.05) == pytest.approx(0.8736, abs=5e-5)
    assert Grudge(window=0).against(1) == pytest.approx(0.99)
    assert Grudge(window=1).against(1) == pytest.approx(0.7)
    with pytest.raises(InputError, match="chance from 0 to 1"):
        Grudge(window=1).against(1.5)


@settings(max_examples=30)
@given(st.integers(0, 6), st.floats(0.01, 0.5), st.floats(0.05, 0.95), st.integers(1, 12))
def test_the_chain_is_the_process_it_stands_for(h, slip, forgive, rounds) -> None:
    """Against a plain enumeration of what both sides may do, for a round or two."""
    grudge = Grudge(window=h, slip=slip, forgive=forgive)
    first = 1 - slip
    clear = first if h else 1.0  # the partner cooperated in round 1, or it cannot be seen
    second = clear * (1 - slip) + (1 - clear) * forgive
    assert grudge.self_play(1) == pytest.approx(first)
    assert grudge.self_play(2) == pytest.approx((first + second) / 2)
    assert 0 <= grudge.self_play(rounds) <= 1


def test_what_never_settles_is_told(monkeypatch) -> None:
    monkeypatch.setattr("agentmem.bench.oracles.grudge.PATIENCE", 50)
    with pytest.raises(InputError, match="not settled after 50 rounds"):
        Grudge(window=5, slip=0.001).self_play()
    with pytest.raises(InputError, match="rounds 0"):
        Grudge(window=5).self_play(0)
    with pytest.raises(ConfigError, match="forgive"):
        Grudge(window=5, forgive=1.5)


@pytest.mark.parametrize("window", [0, 2, 5, 20])
def test_a_small_simulation_agrees_with_the_chain(window: int) -> None:
    grudge = Grudge(window=window)
    found = grudge.simulate(200, 300, np.random.default_rng(1))
    assert found == pytest.approx(grudge.self_play(300), rel=0.02)


@pytest.mark.slow
@pytest.mark.parametrize("window", [0, 1, 2, 5, 10, 20, 80])
def test_a_large_simulation_agrees_with_the_chain(window: int) -> None:
    grudge = Grudge(window=window)
    found = grudge.simulate(200, 6000, np.random.default_rng(0))
    assert found == pytest.approx(grudge.self_play(6000), rel=0.005)


@pytest.mark.parametrize(
    ("visible", "rate"),
    [
        (window(0), 0.0050),
        (window(2), 0.0052),
        (window(10), 0.0062),
        (window(20), 0.0083),
        (window(40), 0.0250),
        (exponential(3), 0.00542),
        (exponential(10), 0.00693),
        (exponential(30), 0.03464),
    ],
)
def test_grudge_lifetime_gives_the_rate_of_defection(visible, rate: float) -> None:
    assert Retaliation().defection(lifetime(visible)) == pytest.approx(rate, abs=5.1e-5)


@given(st.floats(0.5, 50))
def test_lifetime_of_exponential_forgetting_in_closed_form(half_life: float) -> None:
    s = 2 ** (-1 / half_life)
    assert lifetime(exponential(half_life)) == pytest.approx(s / (1 - s), rel=1e-4)


def test_what_multiplies_without_end_has_no_long_run() -> None:
    with pytest.raises(InputError, match=r"provokes 1\.6 others.*below 50"):
        Retaliation().defection(80)
    with pytest.raises(InputError, match="rounds -1"):
        window(-1)
    with pytest.raises(InputError, match="half-life 0"):
        exponential(0)
    with pytest.raises(InputError, match="visibility"):
        lifetime([0.5, 1.5])
    with pytest.raises(InputError, match="rounds 0"):
        Retaliation().self_play(window(2), 0)
    with pytest.raises(ConfigError, match="cap"):
        Retaliation(cap=0)


@given(st.lists(st.floats(0, 1), max_size=8), st.floats(0.01, 0.1))
@settings(max_examples=30)
def test_the_renewal_equation_leads_to_the_stationary_rate(visible, retort: float) -> None:
    mind = Retaliation(base=0.01, retort=retort)
    assert mind.self_play(visible, 1) == 0.01
    start, end = mind.self_play(visible, 200), mind.self_play(visible, 400)
    assert 2 * end - start == pytest.approx(mind.defection(lifetime(visible)), rel=1e-3)


@pytest.mark.slow
@pytest.mark.parametrize(
    "visible",
    [*map(window, (0, 2, 10, 20, 40)), *map(exponential, (3, 10, 30))],
    ids=[f"window-{n}" for n in (0, 2, 10, 20, 40)] + [f"half-life-{n}" for n in (3, 10, 30)],
)
def test_lifetime_predicts_simulated_defection(visible) -> None:
    mind = Retaliation()
    assert mind.provoked(lifetime(visible)) < 0.9
    found = mind.simulate(visible, 200, 6000, np.random.default_rng(0))
    # Long lifetimes take a while to build up: the exact start counts, and is near the long run.
    assert found == pytest.approx(mind.self_play(visible, 6000), rel=0.05)
    assert found == pytest.approx(mind.defection(lifetime(visible)), rel=0.08)


@pytest.mark.slow
def test_beyond_one_defections_multiply_up_to_the_cap() -> None:
    found = Retaliation().simulate(window(80), 20, 6000, np.random.default_rng(0))
    assert found > 0.85


FORGETTING = {
    "window": ([{"window": {"n": 10}}], 80, 10.0),
    "removed at the half-life": (
        [{"ebbinghaus": {"half_life": "10h", "remove": True, "forget_below": 0.5}}],
        80,
        10.0,
    ),
    "fading, of which 20 are shown": ([{"ebbinghaus": {"half_life": "10h"}}], 20, 20.0),
    "surviving by chance": ([{"bernoulli": {"half_life": "10h"}}], 80, 13.93),
    "harms go after five rounds": (["bygones-5"], 80, 5.0),
    "nothing shown": (["none"], 0, 0.0),
}


@pytest.mark.parametrize(
    "name",
    ["window", "removed at the half-life", "nothing shown"]
    + [pytest.param(name, marks=pytest.mark.slow) for name in list(FORGETTING)[2:5]],
)
def test_measured_lifetime_of_a_policy_predicts_defection(name: str) -> None:
    policies, k, expected = FORGETTING[name]
    recall = Recall(policies=build_policies(policies), k=k)
    visible = visibility(recall, ages=40, rounds=100)
    measured = lifetime(visible)
    # Of about thirty records that survive by chance, the mean lifetime is off by a fifth.
    assert measured == pytest.approx(expected, rel=0.5 if "chance" in name else 1e-9)
    mind = Retaliation(base=0.02, retort=0.04)
    assert mind.provoked(measured) < 0.9
    found = mind.simulate(visible, 200, 1500, np.random.default_rng(0))
    assert found == pytest.approx(mind.defection(measured), rel=0.05)


def self_play(spec: str, recall: Recall, seed: int, rounds: int) -> list[str]:
    """The moves of two chat models with a memory each, in a match of ours."""
    clock = SimulatedClock()
    game = Prisoners(rounds=rounds).seeded(seed)
    chat = resolve(spec)
    with ExitStack() as stack:
        seats = [
            ModelSeat(
                voice=Direct(model=chat),
                memory=stack.enter_context(AgentMemory(memory_config(recall, chat), clock=clock)),
                clock=clock,
                recall=recall,
                rules=game.rules(seat),
                style="direct",
            )
            for seat in (0, 1)
        ]
        match = Match(game=game, seats=seats, seed=seed, clock=clock, emit=lambda event: None)
        return [str(move) for played in match.play().rounds for move in played.moves.values()]


@pytest.mark.slow
@pytest.mark.parametrize("name", ["window", "removed at the half-life"])
def test_matches_of_chat_models_end_where_the_measured_lifetime_says(name: str) -> None:
    policies, k, _ = FORGETTING[name]
    recall = Recall(policies=build_policies(policies), k=k)
    visible = visibility(recall, ages=40, rounds=100)
    made = [
        move for seed in range(8) for move in self_play("surrogate:s2-touchy", recall, seed, 200)
    ]
    expected = Retaliation(base=0.05, retort=0.05).self_play(visible, 200)
    assert made.count("D") / len(made) == pytest.approx(expected, rel=0.2)


@pytest.mark.slow
@pytest.mark.parametrize("n", [2, 10])
def test_matches_of_chat_models_follow_the_chain(n: int) -> None:
    recall = Recall(policies=build_policies([{"window": {"n": n}}]), k=n)
    made = [move for seed in range(4) for move in self_play("surrogate:s1", recall, seed, 200)]
    expected = Grudge(window=n).self_play(200)
    assert made.count("C") / len(made) == pytest.approx(expected, abs=0.06 if n > 5 else 0.015)


def test_visibility_needs_time_to_look() -> None:
    recall = Recall(policies=build_policies(["none"]))
    with pytest.raises(InputError, match="ages 50"):
        visibility(recall, ages=50, rounds=50)
    with pytest.raises(InputError, match="no harm"):
        visibility(recall, ages=5, rounds=8, cooperate=1.0)


def test_one_visible_defection_decides_a_windowed_grudge() -> None:
    mind = Windowed(slip=0.01, forgive=0.7)
    chances = {
        moves: mind.chance(dilemma(rounds(moves)), deliberate=True)
        for moves in ("", "CCC", "DCC", "DDD")
    }
    assert chances == {"": 0.99, "CCC": 0.99, "DCC": 0.7, "DDD": 0.7}
    mine = rounds("CC", own="A1")  # one's own defections are no grudge
    assert mind.chance(dilemma(mine), deliberate=False) == 0.99


@pytest.mark.parametrize(
    ("total", "chance"),
    [
        ("Player 2 chose A1 in 0 of 9 earlier rounds.", 0.99),
        ("Player 2 chose A1 in 1 of 9 earlier rounds.", 0.7),
        ("Player 2 chose A0 in 9 of 9 earlier rounds.", 0.99),
        ("Player 2 chose A0 in 8 of 9 earlier rounds.", 0.7),
    ],
)
def test_a_total_shows_a_defection_too(total: str, chance: float) -> None:
    assert Windowed().chance(dilemma([total]), deliberate=True) == chance


def test_in_a_crowd_one_defector_is_enough_and_half_a_contribution_is_none() -> None:
    one = ["[Round 1] You: A0 (1 pts) | Player 2: A0 (1 pts) | Player 3: A1 (2 pts)"]
    assert Windowed().chance(dilemma(one, rules=CROWD), deliberate=True) == 0.7
    some = ["[Round 1] You: 20 (9 pts) | Player 2: 11 (9 pts) | Player 3: {} (9 pts)"]
    for given_, chance in ((10, 0.99), (9, 0.7)):
        seen = dilemma([some[0].format(given_)], rules="", ask=NUMBERS)
        assert Windowed().chance(seen, deliberate=True) == chance


def test_each_visible_defection_adds_the_same_to_retaliation() -> None:
    mind = Retaliating(base=0.1, retort=0.2, cap=0.6)
    chances = [mind.chance(dilemma(rounds("D" * n + "CC")), deliberate=True) for n in range(5)]
    assert chances == pytest.approx([0.9, 0.7, 0.5, 0.4, 0.4])


def test_retaliation_weighs_a_total_less_and_partners_by_their_share() -> None:
    mind = Retaliating(base=0, retort=0.1)
    total = dilemma(["Player 2 chose A1 in 4 of 9 earlier rounds."])
    assert mind.chance(total, deliberate=True) == pytest.approx(1 - 0.1 * 2)  # sqrt(4)
    one = ["[Round 1] You: A0 (1 pts) | Player 2: A0 (1 pts) | Player 3: A1 (2 pts)"]
    assert mind.chance(dilemma(one, rules=CROWD), deliberate=True) == pytest.approx(0.95)
    low = ["[Round 1] You: 5 (2 pts) | Player 2: 2 (6 pts)"]
    assert mind.chance(dilemma(low, rules="", ask=CLAIM), deliberate=True) == pytest.approx(0.9)


@pytest.mark.parametrize("mind", [Windowed(), Retaliating(base=0.01, retort=0.29)])
def test_goodwill_and_words_follow_what_is_visible(mind) -> None:
    for of in (mind.ratio, mind.goodwill):
        assert of(Evidence(good=3), deliberate=True) == pytest.approx(0.99)
        assert of(Evidence(good=3, bad=1), deliberate=False) == pytest.approx(0.7)


@pytest.mark.parametrize("family", ["grudge", "retaliation"])
def test_both_are_chat_models_by_name(family: str) -> None:
    for name in FAMILIES[family].names:
        chat = model(f"surrogate:{name}")
        text = question(rounds("CCC"), TOKENS, form("direct", "action", "<token>"))
        said = [
            chat.invoke([{"content": RULES}, {"content": text}], seed=i).content for i in range(9)
        ]
        assert said.count('{"action":"A0"}') >= 6


def test_a_mind_with_an_impossible_chance_is_told() -> None:
    with pytest.raises(ConfigError, match="slip"):
        Windowed(slip=1.1)
    with pytest.raises(ConfigError, match="retort"):
        Retaliating(retort=-1)
