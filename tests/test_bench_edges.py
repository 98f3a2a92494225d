"""Runs at the edges: players who are never asked, rounds that come to nothing, odd replies."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from agentmem.bench.events import Event
from agentmem.bench.loading import load_suite
from agentmem.bench.once import play
from agentmem.bench.stats import Row
from agentmem.bench.surrogates import Reply
from agentmem.bench.surrogates.reading import read_dilemma
from agentmem.bench.voices import Direct
from agentmem.errors import ConfigError
from agentmem.models import resolve
from agentmem.steps import run

Say = Callable[[str], str]  # what a model answers to the last message


class Saying:
    """A chat model that answers what a function says."""

    def __init__(self, say: Say) -> None:
        self.say = say

    def invoke(self, messages: Sequence[dict[str, str]], **_: Any) -> Reply:
        return Reply(self.say(messages[-1]["content"]))


@pytest.fixture
def plays(tmp_path: Path) -> Callable[..., list[tuple[list[Event], Row]]]:
    """Plays a suite given as YAML without its players: the events and the row of each run."""

    def played(games: str, *, arm: str = "{k: 5}", seeds: int = 1, say: Say | None = None) -> Any:
        text = f"games: {{{games}}}\nplayers: ['surrogate:immune']\narms: {{one: {arm}}}\n"
        path = tmp_path / "suite.yaml"
        path.write_text(f"{text}seeds: {seeds}\n", encoding="utf-8")
        suite = load_suite(path)
        found = []
        for job in suite.jobs():
            events: list[Event] = []
            voice = Direct(model=Saying(say) if say else resolve(job.player))
            row = run(play(suite, job, lambda _, voice=voice: voice, events.append))
            found.append((events, row))
        return found

    return played


def test_who_is_sent_nothing_is_never_asked_and_has_no_figures(plays: Any) -> None:
    """Against a sender who keeps everything a trustee has no say."""
    runs = plays("investment: {rounds: 4, opponents: [alld]}", seeds=3)
    (_, sender), _, (events, trustee) = runs
    assert sender["seats"] == [0]
    assert sender["tokens_in"] > 0
    assert trustee["seats"] == [1]
    assert trustee["decisions"] == 0
    assert trustee["reward"] == 0.0
    assert {trustee[name] for name in ("cooperation", "tokens_in", "upkeep_calls")} == {None}
    json.dumps(events)


def test_made_up_rounds_do_not_count_as_played(plays: Any) -> None:
    """A script defects in the first round that is played, and figures count from there."""
    game = "prisoners: {rounds: 4, opening: blessed, opened: 3, opponents: [defect-once, alld]}"
    (events, once), (_, always) = plays(game, say=lambda _: '{"action":"A0"}')
    rounds = [event for event in events if event["type"] == "round"]
    assert [event["round"] for event in rounds] == [4, 5, 6, 7]
    assert [event["acts"][1][1] for event in rounds] == ["D", "C", "C", "C"]
    assert once["first_defection_round"] is None
    assert always["rounds"] == 4
    (_, mean), *_ = plays(game, say=lambda _: '{"action":"A1"}')
    assert mean["first_defection_round"] == 1


def test_figures_by_seat_stand_in_the_order_of_the_seats(plays: Any) -> None:
    """A trustee who was sent nothing has a place, and no figure."""
    ((_, row),) = plays("investment: {rounds: 3}", say=lambda _: '{"send":0}')
    assert row["seats"] == [0, 1]
    assert row["cooperation_by_seat"] == [0.0, None]


def test_the_memory_of_a_seat_has_no_seats_of_its_own(plays: Any) -> None:
    arm = "{seats: [{k: 1}, {seats: [{k: 1}, {k: 2}]}]}"
    with pytest.raises(ConfigError, match=r"arms.one.seats\[1\]: has seats of its own"):
        plays("prisoners: {rounds: 1}", arm=arm)


def test_rounds_that_are_filled_up_to_a_length_are_read(plays: Any) -> None:
    """Where a friendly round has fewer digits than the real one, blanks stand after it."""
    game = "public_goods: {members: 4, rounds: 6, opponents: [alternator]}"
    ((events, _),) = plays(game, arm="p13-sanitized")
    prompt = [event["prompt"] for event in events if event["type"] == "decision"][-1]
    seen = read_dilemma(events[0]["systems"][0], f"{events[0]['systems'][0]}\n{prompt}")
    assert seen is not None
    assert " \n[Round" in prompt
    assert [line.number for line in seen.lines] == [1, 2, 3, 4, 5]
