"""Simulated players read nothing but the prompt: not how the memory behind it is named or kept.

A match is played again with everything renamed that a prompt does not show: policies, namespaces,
sources (and so the records' ids), the order of metadata and more of it.  Every prompt, reply and
payoff has to be the same.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from functools import cache
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentmem.bench.adapters.seating import model_seat
from agentmem.bench.games import BUILTIN, Prisoners, Round
from agentmem.bench.match import Match
from agentmem.bench.once import memory_config
from agentmem.bench.prompting import form, question
from agentmem.bench.seats import ModelSeat, Recall
from agentmem.bench.surrogates import FAMILIES, model
from agentmem.clock import SimulatedClock
from agentmem.config import build_policies
from agentmem.core import Policy
from agentmem.memory import AgentMemory
from agentmem.models import ChatModel

POLICIES = [{"ebbinghaus": {"half_life": "10h"}}, {"window": {"n": 4, "remove": True}}]
GAMES = ("prisoners", "investment", "rubinstein")


@dataclass(frozen=True, kw_only=True)
class Overheard:
    """A model, and all that it is handed."""

    model: ChatModel
    heard: list[tuple[Any, dict[str, Any]]]

    def invoke(self, messages: Any, /, **options: Any) -> Any:
        self.heard.append(([dict(message) for message in messages], options))
        return self.model.invoke(messages, **options)


class Elsewhere(AgentMemory):
    """A memory that files under other names, with metadata in another order and more of it."""

    def add(self, content: Any, **settings: Any) -> Any:
        data = {"zz_suite": "immune", **dict(reversed(settings.pop("data").items())), "aa": [1]}
        return super().add(content, **{**settings, "data": data, "source": "cooperate always"})


def renamed(policy: Policy) -> Policy:
    """The policy under another name."""
    kind = type("Cooperative", (type(policy),), {"name": f"cooperative-{policy.name}"})
    return kind(**{one.name: getattr(policy, one.name) for one in fields(policy) if one.init})


def other_seat(seat: ModelSeat, place: int) -> ModelSeat:
    """The same seat, with everything renamed that it does not say."""
    recall = replace(seat.recall, policies=tuple(renamed(one) for one in seat.recall.policies))
    seat.memory.close()
    config = memory_config(recall, seat.voice.model)
    config = replace(config, namespace=("always-defect", f"z{9 - place}", "window-1"))
    return replace(seat, recall=recall, memory=Elsewhere(config, clock=seat.clock))


def played(
    name: str, game_name: str, *, other: bool = False
) -> tuple[list[dict[str, Any]], list[tuple[Any, dict[str, Any]]]]:
    """The events of a match of a simulated player with itself, and what it was handed."""
    game = BUILTIN[game_name](rounds=6, tremble=0.2).seeded(1)
    clock = SimulatedClock()
    heard: list[tuple[Any, dict[str, Any]]] = []
    recall = Recall(policies=build_policies(POLICIES))
    seats = []
    for place in range(game.seats):
        chat = Overheard(model=model(name), heard=heard)
        seat = model_seat(chat, recall, game, place, clock)
        seats.append(other_seat(seat, place) if other else seat)
    events: list[dict[str, Any]] = []
    Match(game=game, seats=seats, seed=1, clock=clock, emit=events.append).play()
    for seat in seats:
        seat.memory.close()
    return events, heard


def told(events: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The events without the ids of records, and without the time that they took."""
    left_out = ("shown", "records", "latency_s")
    return [{key: event[key] for key in event if key not in left_out} for event in events]


def ids(events: Sequence[Mapping[str, Any]]) -> set[str]:
    return {one for event in events for one in event.get("shown", ())}


def check(family: str, game: str) -> None:
    name = FAMILIES[family].names[0]
    here, heard = played(name, game)
    there, heard_there = played(name, game, other=True)
    assert told(here) == told(there)
    assert heard == heard_there
    assert ids(here)
    assert not ids(here) & ids(there)  # so the renaming was one


@pytest.mark.parametrize("game", GAMES)
@pytest.mark.parametrize("family", sorted(FAMILIES))
def test_a_match_is_the_same_whatever_the_memory_is_called(family: str, game: str) -> None:
    check(family, game)


@pytest.mark.slow
@pytest.mark.parametrize("game", sorted(set(BUILTIN) - set(GAMES)))
@pytest.mark.parametrize("family", sorted(FAMILIES))
def test_that_holds_in_all_other_games(family: str, game: str) -> None:
    check(family, game)


def test_a_player_is_handed_roles_texts_and_a_seed() -> None:
    _, heard = played("s1", "prisoners")
    for messages, options in heard:
        assert [set(message) for message in messages] == [{"role", "content"}] * len(messages)
        assert set(options) == {"seed"}
        assert "ebbinghaus" not in str(messages)
        assert "window" not in str(messages)


@pytest.mark.parametrize("family", sorted(FAMILIES))
def test_what_the_prompt_shows_does_change_play(family: str) -> None:
    game, player = Prisoners(), model(FAMILIES[family].names[0])
    cooperations = []
    for kind in (True, False):
        lines = [
            game.lines(game.uniform(number, kind=True, but={1: kind}), 0)[0].text
            for number in range(1, 9)
        ]
        ask = game.stage(Round(number=9)).ask
        prompt = question(lines, ask, form("direct", "action", '"<token>"'))
        messages = [
            {"role": "system", "content": game.rules(0)},
            {"role": "user", "content": prompt},
        ]
        replies = [player.invoke(messages, seed=seed).content for seed in range(60)]
        cooperations.append(sum("A0" in reply for reply in replies))
    assert cooperations[0] > cooperations[1] + 6


@cache
def asked(family: str) -> tuple[Any, dict[str, Any]]:
    """The last thing that a player of the family is handed in a match."""
    return played(FAMILIES[family].names[0], "prisoners")[1][-1]


EXTRAS = st.dictionaries(
    st.sampled_from(["id", "name", "policy", "namespace", "arm", "window", "metadata"]),
    st.one_of(st.text(max_size=12), st.integers(), st.lists(st.integers(), max_size=2)),
)


@given(st.sampled_from(sorted(FAMILIES)), EXTRAS, EXTRAS, st.booleans())
def test_nothing_beside_the_texts_changes_a_reply(
    family: str, beside: dict[str, Any], options: dict[str, Any], turned: bool
) -> None:
    messages, settings = asked(family)
    player = model(FAMILIES[family].names[0])
    plain = player.invoke(messages, **settings).content
    dressed = [{**beside, **message} for message in messages]
    if turned:
        dressed = [dict(reversed(message.items())) for message in dressed]
    assert player.invoke(dressed, **options, **settings).content == plain
