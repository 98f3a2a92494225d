"""Matches: what a model is shown, asked again, and remembers."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest

from agentmem.bench.events import Event
from agentmem.bench.games import Prisoners, Ultimatum
from agentmem.bench.match import Match, Played
from agentmem.bench.players import scripted
from agentmem.bench.seats import ModelSeat, Recall, ScriptedSeat
from agentmem.bench.surrogates import Reply, model
from agentmem.bench.voices import Direct
from agentmem.clock import SimulatedClock
from agentmem.config import build_policies
from agentmem.core import Ask, Policy, Shown
from agentmem.memory import AgentMemory


@dataclass
class Scribe:
    """A chat model that answers from a list (the last answer for ever) and keeps what it read."""

    answers: list[str]
    read: list[list[dict[str, str]]] = field(default_factory=list)
    seeds: list[Any] = field(default_factory=list)

    def invoke(self, messages: Sequence[dict[str, str]], **kwargs: Any) -> Reply:
        self.read.append([dict(message) for message in messages])
        self.seeds.append(kwargs.get("seed"))
        return Reply(self.answers[min(len(self.read), len(self.answers)) - 1])


COOPERATE = 'Fine.\n{"action":"A0"}'


def seat(
    chat: Any, game: Any, clock: SimulatedClock, policies: Sequence[Policy] = (), **recall: Any
) -> ModelSeat:
    policies = tuple(policies) or build_policies(["none"])
    return ModelSeat(
        voice=Direct(model=chat),
        memory=AgentMemory.open(policies=policies, clock=clock),
        clock=clock,
        recall=Recall(policies=policies, **recall),
        rules=game.rules(0),
    )


def match(
    chat: Any, opponent: str = "alld", rounds: int = 4, policies: Any = (), **recall: Any
) -> tuple[list[Event], ModelSeat, Played]:
    game = Prisoners(rounds=rounds, order="plain")
    clock = SimulatedClock()
    mine = seat(chat, game, clock, policies, **recall)
    other = ScriptedSeat(player=scripted("prisoners", opponent))
    events: list[Event] = []
    found = Match(game=game, seats=(mine, other), seed=3, clock=clock, emit=events.append)
    return events, mine, found.play()


def memory_block(messages: list[dict[str, str]]) -> str:
    return messages[-1]["content"].split("\n\n")[0].removeprefix("Earlier rounds:\n")


def test_a_model_reads_rules_then_its_past_oldest_first() -> None:
    scribe = Scribe([COOPERATE])
    match(scribe)
    assert scribe.read[0][0]["content"].startswith("You are playing a repeated game")
    assert memory_block(scribe.read[0]) == "No earlier rounds are shown."
    assert memory_block(scribe.read[3]).split("\n") == [
        f"[Round {n}] You: A0 (0 pts) | Player 2: A1 (3 pts)" for n in (1, 2, 3)
    ]


@pytest.mark.parametrize(("n", "shown"), [(1, [5]), (2, [4, 5]), (40, [1, 2, 3, 4, 5])])
def test_a_window_shows_the_last_rounds(n: int, shown: list[int]) -> None:
    scribe = Scribe([COOPERATE])
    match(scribe, rounds=6, policies=build_policies([{"window": {"n": n}}]))
    told = memory_block(scribe.read[5]).split("\n")
    assert told == [f"[Round {i}] You: A0 (0 pts) | Player 2: A1 (3 pts)" for i in shown]


def test_no_memory_shows_nothing_but_keeps_everything() -> None:
    scribe = Scribe([COOPERATE])
    _, mine, _ = match(scribe, k=0)
    assert memory_block(scribe.read[-1]) == "No earlier rounds are shown."
    assert len(mine.memory.search(None, k=10)) == 4


def test_k_caps_what_is_shown_at_the_newest() -> None:
    scribe = Scribe([COOPERATE])
    match(scribe, rounds=5, k=2)
    assert [line[:9] for line in memory_block(scribe.read[-1]).split("\n")] == [
        "[Round 3]",
        "[Round 4]",
    ]


def test_a_query_by_observation_searches_for_the_question() -> None:
    scribe = Scribe([COOPERATE])
    match(scribe, rounds=4, k=3, by_observation=True)
    assert memory_block(scribe.read[-1]).count("[Round") == 3


def test_what_a_policy_presents_is_what_is_shown() -> None:
    class Backwards(Policy):
        def present(self, shown: Shown, ask: Ask) -> Shown:
            return Shown(hits=shown.hits[::-1])

    scribe = Scribe([COOPERATE])
    match(scribe, rounds=3, policies=(Backwards(),))
    assert [line[:9] for line in memory_block(scribe.read[-1]).split("\n")] == [
        "[Round 2]",
        "[Round 1]",
    ]


def test_a_removing_policy_empties_the_memory_itself() -> None:
    scribe = Scribe([COOPERATE])
    policies = build_policies([{"budget": {"max_records": 2, "half_life": "1h"}}])
    _, mine, _ = match(scribe, rounds=6, policies=policies)
    assert memory_block(scribe.read[-1]).count("[Round") == 2
    assert len(mine.memory.search(None, k=10)) == 2


def test_records_carry_valence_and_the_round() -> None:
    _, mine, _ = match(Scribe([COOPERATE]), opponent="alternator", rounds=2)
    hits = mine.memory.search(None, k=5)
    assert [(h.record.data["round"], h.record.valence) for h in hits] == [(2, -1.0), (1, 1.0)]
    assert {h.record.source for h in hits} == {"game"}


def test_an_illegal_reply_is_asked_for_again_with_the_error() -> None:
    scribe = Scribe(["I refuse", COOPERATE])
    found, mine, played = match(scribe, rounds=1)
    assert played.rounds[0].valid
    again = scribe.read[1]
    assert [m["role"] for m in again] == ["system", "user", "assistant", "user"]
    assert again[2]["content"] == "I refuse"
    assert "does not end with a JSON object" in again[3]["content"]
    assert scribe.seeds[0] != scribe.seeds[1]
    event = found[0]
    assert (event["status"], event["move"], len(event["errors"])) == ("reasked", "C", 1)
    assert mine.spent.invalid == 0


def test_three_more_illegal_replies_void_the_round() -> None:
    scribe = Scribe(["no", "no", "no", "no", COOPERATE])
    found, mine, played = match(scribe, rounds=2)
    assert [r.valid for r in played.rounds] == [False, True]
    assert len(played.valid) == 1
    assert [c.number for c in played.choices] == [2]
    assert (mine.spent.invalid, len(scribe.read)) == (1, 5)
    assert found[0]["status"] == "invalid"
    assert memory_block(scribe.read[-1]) == "No earlier rounds are shown."


def test_events_hold_what_was_shown_asked_and_said() -> None:
    found, _, _ = match(Scribe([COOPERATE]), rounds=2)
    first, closed, second, _ = found
    assert closed["records"]["0"] == second["shown"]
    assert closed["acts"] == [[0, "C"], [1, "D"]]
    assert second["prompt"].startswith("Earlier rounds:\n[Round 1] You: A0")
    assert first["memory_hash"] != second["memory_hash"]
    assert second["replies"] == [COOPERATE]
    assert second["tokens_in"] > first["tokens_in"] > 0
    json.dumps(found)


def test_a_harm_is_counted_as_long_as_it_is_shown() -> None:
    _, mine, played = match(
        Scribe([COOPERATE]), rounds=6, policies=build_policies([{"window": {"n": 2}}])
    )
    assert (mine.spent.harms, mine.spent.harms_shown) == (6, 9)  # 0 + 1 + 2 + 2 + 2 + 2
    assert [c.harm for c in played.choices] == [False, True, True, True, True, True]


def test_a_trembled_move_is_played_logged_and_not_the_decision() -> None:
    game = Prisoners(rounds=300, tremble=0.2, order="plain")
    players = (scripted("prisoners", "allc"), scripted("prisoners", "allc"))
    seats = (ScriptedSeat(player=players[0]), ScriptedSeat(player=players[1]))
    clock = SimulatedClock()
    rounds = Match(game=game, seats=seats, seed=1, clock=clock, emit=len).play().rounds
    for r in rounds:
        assert [seat for seat, move in r.moves.items() if move == "D"] == list(r.trembled)
    assert sum(len(r.trembled) for r in rounds) / 600 == pytest.approx(0.2, abs=0.05)


def decisions(policies: Any, name: str = "x", k: int = 80) -> list[tuple[Any, ...]]:
    game = Ultimatum(rounds=12)
    clock = SimulatedClock()
    seats = tuple(seat(model("gemma_tg"), game, clock, policies, k=k) for _ in range(2))
    events: list[Event] = []
    Match(game=game, seats=seats, seed=7, clock=clock, emit=events.append).play()
    chosen = [e for e in events if e["type"] == "decision"]
    return [(e["prompt"], e["replies"], e["move"], e["key"]) for e in chosen]


@pytest.fixture
def renamed() -> Callable[[], tuple[Policy, ...]]:
    """The window of 3 under other names: another class, another label, another path to it."""
    from agentmem.policies.window import Window

    class Amnesty(Window):
        name = "amnesty"

    return lambda: (Amnesty(n=3, remove=True),)


def test_a_policy_under_another_name_gets_the_same_answers(
    renamed: Callable[[], tuple[Policy, ...]],
) -> None:
    plain = decisions(build_policies([{"window": {"n": 3}}]))
    assert decisions(renamed()) == plain
    assert decisions(build_policies(["none"]), k=3) == plain
    assert decisions(build_policies([{"window": {"n": 8}}])) != plain


def test_random_numbers_do_not_depend_on_the_arm() -> None:
    short = decisions(build_policies([{"window": {"n": 1}}]))
    long = decisions(build_policies([{"window": {"n": 8}}]))
    assert [d[3] for d in short] == [d[3] for d in long]
    assert len({d[3] for d in short}) == len(short)


def test_a_model_that_takes_no_seed_is_given_none() -> None:
    scribe = Scribe([COOPERATE])
    game = Prisoners(rounds=1, order="plain")
    clock = SimulatedClock()
    mine = seat(scribe, game, clock)
    mine.sampler_seed = False
    other = ScriptedSeat(player=scripted("prisoners", "tft"))
    Match(game=game, seats=(mine, other), seed=0, clock=clock, emit=len).play()
    assert scribe.seeds == [None]
