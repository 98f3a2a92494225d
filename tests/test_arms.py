"""Each arm of the catalogue shows exactly what it says of eighty rounds of a dilemma."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from agentmem import AgentMemory, catalogue
from agentmem.bench import lexicon, load_suite
from agentmem.bench.games import Act, Line, Prisoners, Round, Ultimatum
from agentmem.bench.once import memory_config
from agentmem.bench.prompting import question, tokens
from agentmem.bench.seats import ModelSeat, Recall, Turn
from agentmem.bench.suite import Arm
from agentmem.bench.surrogates import Reply
from agentmem.bench.surrogates.reading import Evidence, read_dilemma
from agentmem.bench.voices import Direct
from agentmem.clock import SimulatedClock
from agentmem.errors import ConfigError
from agentmem.steps import run

HARMS = (7, 20, 33, 50, 60, 70, 76, 79)  # rounds in which the other defected
GAME = Prisoners(rounds=100, order="plain")
FULL = [
    f"[Round {n}] You: A0 (0 pts) | Player 2: A1 (3 pts)"
    if n in HARMS
    else f"[Round {n}] You: A0 (2 pts) | Player 2: A0 (2 pts)"
    for n in range(1, 81)
]
KIND = [f"[Round {n}] You: A0 (2 pts) | Player 2: A0 (2 pts)" for n in range(1, 81)]
COUNTS = [
    "Player 2 chose A0 in 72 of 80 earlier rounds",
    "Player 2 chose A1 in 8 of 80 earlier rounds",
]


class Summariser:
    """A chat model that makes the same of everything."""

    def invoke(self, messages: Any, **_: Any) -> Reply:
        return Reply('{"text": "Both have mostly chosen A0."}')


@pytest.fixture(scope="module")
def arms(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Arm]:
    """Every arm of the catalogue, by the first part of its name where that is its own."""
    names = ", ".join(catalogue.entries("arms"))
    path = tmp_path_factory.mktemp("arms") / "all.yaml"
    path.write_text(f"games: {{prisoners: }}\nplayers: ['surrogate:immune']\narms: [{names}]")
    return {arm.name: arm for arm in load_suite(path).arms}


@pytest.fixture
def seated(arms: dict[str, Arm]) -> Iterator[Callable[[str], ModelSeat]]:
    """A seat that has been through the eighty rounds under an arm."""
    memories: list[AgentMemory] = []

    def sit(name: str, rounds: int = 80) -> ModelSeat:
        recall, clock = arms[name].recall(0), SimulatedClock()
        memory = AgentMemory(memory_config(recall, Summariser()), clock=clock)
        memories.append(memory)
        seat = ModelSeat(
            voice=Direct(model=Summariser()),
            memory=memory,
            clock=clock,
            recall=recall,
            rules=GAME.rules(0),
        )
        for number in range(1, rounds + 1):
            clock.advance(3600.0)
            other = "D" if number in HARMS else "C"
            played = Round(number=number, acts=(Act(0, "C"), Act(1, other)))
            (line,) = GAME.lines(replace(played, payoffs=GAME.pay(played)), 0)
            run(seat._learn(number, line))
        clock.advance(3600.0)
        return seat

    yield sit
    for memory in memories:
        memory.close()


def lines(seat: ModelSeat, *, number: int = 81, seed: int = 3) -> list[str]:
    """What the seat's model is shown before a round."""
    played = Round(number=number)
    stage = GAME.stage(played)
    assert stage is not None
    turn = Turn(game=GAME, seed=seed, seat=0, step=0, stage=stage, played=played, past=())
    shown = seat.shown(turn)
    return [
        *([shown.heading] if shown.heading else []),
        *(h.text for h in shown.hits),
        *shown.notes,
    ]


EXACT = {
    "p00-none": [],
    "p01-window-2": FULL[-2:],
    "p02-window-5": FULL[-5:],
    "p03-full": FULL,
    "p05-decay": FULL[46:],
    "p06-salience": [line for n, line in enumerate(FULL, 1) if n in HARMS or n >= 66],
    "p07-bygones": [line for n, line in enumerate(FULL, 1) if n not in HARMS or n > 75],
    "p10-counts": COUNTS,
    "p13-sanitized": KIND[:-2] + FULL[-2:],
    "p16-labels-hidden": [re.sub(r"A\d", "?", line) for line in FULL],
}


@pytest.mark.parametrize("name", EXACT)
def test_the_arm_shows_exactly(seated: Callable[[str], ModelSeat], name: str) -> None:
    assert lines(seated(name)) == EXACT[name]


def test_random_k_is_five_of_the_eighty_drawn_by_seed_and_round(
    seated: Callable[[str], ModelSeat],
) -> None:
    seat = seated("p04-random")
    drawn = lines(seat)
    assert len(drawn) == 5
    assert drawn == [line for line in FULL if line in drawn]
    assert lines(seat) == drawn
    assert lines(seat, seed=4) != drawn
    assert lines(seat, number=82) != drawn


def test_similarity_shows_five_rounds(seated: Callable[[str], ModelSeat]) -> None:
    shown = lines(seated("p08-similar"))
    assert len(shown) == 5
    assert shown == [line for line in FULL if line in shown]


def test_a_summary_by_the_model_stands_beside_the_last_two_rounds(
    seated: Callable[..., ModelSeat],
) -> None:
    shown = lines(seated("p09-summary"))
    assert shown == [*FULL[-2:], "Both have mostly chosen A0."]


def test_a_brief_or_its_placebo_stands_beside_the_last_two_rounds(
    seated: Callable[..., ModelSeat],
) -> None:
    found = []
    for name in ("p09-brief", "p09-brief-placebo"):
        first, *last = sorted(lines(seated(name, rounds=12), number=13), key=FULL[10:12].count)
        assert last == FULL[10:12]
        found.append(first)
    brief, placebo = found
    assert len(placebo.splitlines()) == len(brief.splitlines())
    assert lexicon.count(placebo) == (0, 0)
    assert "A0" not in placebo


def test_the_notes_are_of_one_length_and_only_one_asks_for_cooperation(
    seated: Callable[[str], ModelSeat],
) -> None:
    (*count, placebo), (*same, asking) = (
        lines(seated(name)) for name in ("p11-counts-placebo", "p12-counts-cooperative")
    )
    assert count == same == COUNTS
    assert len(placebo) == len(asking)
    assert lexicon.count(placebo) == (0, 0)
    assert lexicon.count(asking)[0] >= 4


def test_filler_is_as_long_as_the_full_history_and_shows_two_rounds(
    seated: Callable[[str], ModelSeat],
) -> None:
    shown = lines(seated("p14-filler"))
    assert shown[-2:] == FULL[-2:]
    assert [len(line) for line in shown] == [len(line) for line in FULL]
    assert not any("Round" in line or re.search(r"A\d", line) for line in shown[:-2])
    assert lexicon.count("\n".join(shown)) == (0, 0)


def test_shuffled_rounds_are_the_same_rounds(seated: Callable[[str], ModelSeat]) -> None:
    seat = seated("p15-shuffled")
    shown = lines(seat)
    assert shown != FULL
    assert sorted(shown) == sorted(FULL)
    assert lines(seat) == shown
    assert lines(seat, number=82) != shown


@pytest.mark.parametrize("name", ["p13-sanitized", "p14-filler", "p15-shuffled"])
def test_controls_of_length_have_the_length_of_the_full_history(
    seated: Callable[[str], ModelSeat], name: str
) -> None:
    assert tokens("\n".join(lines(seated(name)))) == tokens("\n".join(FULL))


def test_a_simulated_player_reads_counts_and_the_friendly_past() -> None:
    def evidence(shown: list[str]) -> Evidence:
        rules = Prisoners(order="plain").rules(0)
        seen = read_dilemma(rules, question(shown, "Round 9. Choose.", ""))
        assert seen is not None
        return seen.evidence

    totals = (pytest.approx(72**0.5), pytest.approx(8**0.5))
    seen = evidence(COUNTS)
    assert (seen.good, seen.bad) == totals
    seen = evidence(["80 earlier turns: 72 helped, 8 harmed, 0 did neither."])
    assert (seen.good, seen.bad) == totals
    assert evidence(EXACT["p13-sanitized"]).good == 79


GIFTS = [
    "[Round 1] You sent 5 of 10; Player 2 returned 6 of 15 (you 11, Player 2 9)",
    "[Round 2] You sent 5 of 10; Player 2 returned 6 of 15 (you 11, Player 2 9)",
    "[Round 3] You sent 2 of 10; Player 2 returned 0 of 6 (you 8, Player 2 6)",
]
NUMBERS = ["[Round 1] You: 4 (6 pts) | Player 2: 5 (2 pts) | Player 3: 20 (1.5 pts)"]
OFFERS = [
    "[Round 1] Player 2 offered you 4 of 10; you accepted (you 4, Player 2 6)",
    "[Game 2, turn 1] of books 1 (worth 7 each to you) you asked for books 1: 7 of 10 points; "
    "Player 2 did not agree",
]


@pytest.mark.parametrize(
    ("name", "texts", "expected"),
    [
        (
            "p10-counts",
            GIFTS,
            [
                "Player 2 returned 0 of 6 in 1 of 3 earlier rounds",
                "Player 2 returned 6 of 15 in 2 of 3 earlier rounds",
            ],
        ),
        (
            "p10-counts",
            NUMBERS,
            [f"Player {n} chose {m} in 1 of 1 earlier rounds" for n, m in ((2, 5), (3, 20))],
        ),
        (
            "p10-counts",
            OFFERS,
            [
                "Player 2 offered you 4 in 1 of 1 earlier rounds",
                "Player 2 did not agree in 1 of 1 earlier rounds",
            ],
        ),
        (
            "p16-labels-hidden",
            GIFTS[2:],
            ["[Round 3] You sent ? of 10; Player 2 returned ? (you 8, Player 2 6)"],
        ),
        (
            "p16-labels-hidden",
            NUMBERS,
            ["[Round 1] You: ? (6 pts) | Player 2: ? (2 pts) | Player 3: ? (1.5 pts)"],
        ),
        (
            "p16-labels-hidden",
            OFFERS,
            [OFFERS[0].replace("accepted", "?"), OFFERS[1].replace("did not agree", "?")],
        ),
    ],
)
def test_patterns_know_the_records_of_all_games(
    seated: Callable[..., ModelSeat], name: str, texts: list[str], expected: list[str]
) -> None:
    seat = seated(name, rounds=0)
    for number, text in enumerate(texts, start=1):
        seat.clock.advance(3600.0)
        run(seat._learn(number, Line(text=text, valence=1.0)))
    assert lines(seat, number=len(texts) + 1) == expected


def test_every_arm_from_0_to_16_is_there_and_described() -> None:
    numbers = {int(name[1:3]) for name in catalogue.entries("arms")}
    assert numbers == set(range(17))
    page = (catalogue.folder("arms") / "README.md").read_text(encoding="utf-8")
    for name, text in catalogue.describe("arms").items():
        assert f"| `{name}` | {text} |" in page


def test_a_sanitized_ultimatum_shows_halves_accepted() -> None:
    game = Ultimatum()
    (found,) = game.lines(game.made(3, 9, "reject"), 0)
    line = "[Round 3] You offered Player 2 5 of 10; Player 2 accepted (you 5, Player 2 5)"
    assert found.friendly == line


SUITE = "games: {prisoners: }\nplayers: ['surrogate:immune']\n"


def write(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def test_a_suite_may_rename_an_arm_and_bring_a_file_of_its_own(tmp_path: Path) -> None:
    write(tmp_path, "mine.yaml", "description: Three.\npolicies: [{window: {n: 3}}]\n")
    text = f"{SUITE}arms: {{forgiving: p07-bygones, own: ./mine.yaml, small: {{k: 3}}}}"
    arms = {arm.name: arm for arm in load_suite(write(tmp_path, "s.yaml", text)).arms}
    assert list(arms) == ["own", "forgiving", "small"]
    assert arms["own"].window == 3
    assert arms["forgiving"].window is None


def test_a_summary_beside_a_window_is_no_plain_window(arms: dict[str, Arm]) -> None:
    assert arms["p01-window-2"].window == 2
    assert arms["p09-summary"].window is arms["p09-brief"].window is None
    assert isinstance(arms["p09-brief"].recall(0), Recall)


@pytest.mark.parametrize(
    ("arms", "message"),
    [
        ("[p07-bygone]", r"arms.p07-bygone: no 'p07-bygone' in the catalogue .*'p07-bygones'"),
        ("[p03-full, p03-full]", "the same name twice"),
        ("{a: ./none.yaml}", "arms.a: .*none.yaml: cannot be read"),
        ("{a: ./bad.yaml}", r"bad.yaml: store: unknown key; did you mean 'stores'"),
        ("{a: {policies: [windw]}}", r"arms.a.policies\[0\]: 'windw': unknown name"),
    ],
)
def test_a_mistake_in_an_arm_is_named(tmp_path: Path, arms: str, message: str) -> None:
    write(tmp_path, "bad.yaml", "store: [chunk]\n")
    with pytest.raises(ConfigError, match=message):
        load_suite(write(tmp_path, "s.yaml", f"{SUITE}arms: {arms}"))
