"""The prompts of all games, step by step: neutral words, and no legal value in a format example."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

import pytest

from agentmem.bench.games import BUILTIN, Act, Game, Round, Stage
from agentmem.bench.prompting import form, question
from agentmem.errors import IllegalMove

LOADED = "cooperat defect dilemma betray trust fair unfair greedy insult punish"


def steps(game: Game, last: bool) -> Iterator[tuple[Round, Stage]]:
    """The steps of a round in which all make their first legal move, or their last one."""
    played = Round(number=1)
    while (stage := game.stage(played)) is not None:
        yield played, stage
        acts = tuple(Act(seat, stage.legal[-1 if last else 0]) for seat in stage.seats)
        played = replace(played, acts=(*played.acts, *acts))


@pytest.mark.parametrize("name", BUILTIN)
@pytest.mark.parametrize("last", [False, True])
def test_format_examples_hold_no_legal_value(name: str, last: bool) -> None:
    for game in (BUILTIN[name](), *textbooks(name)):
        for _, stage in steps(game, last):
            for style in ("cot", "direct"):
                how = form(style, stage.key, stage.placeholder, talk=stage.talk)  # type: ignore[arg-type]
                example = how[how.index("{") :]
                assert not set(re.findall(r"\w+", example)) & {str(v) for v in stage.answers}
                with pytest.raises(IllegalMove):
                    stage.parse(how)


def textbooks(name: str) -> list[Game]:
    found = [BUILTIN[name](payoffs="textbook")] if name in ("travelers", "public_goods") else []
    return [*found, *([BUILTIN[name](talk=True)] if name in ("ultimatum", "division") else [])]


@pytest.mark.parametrize("name", BUILTIN)
def test_what_players_read_is_neutral(name: str) -> None:
    for wording in range(4):
        game = BUILTIN[name](wording=wording)
        for _, stage in steps(game, last=False):
            for seat in stage.seats:
                text = f"{game.rules(seat)}\n{question([], stage.ask, '')}".lower()
                assert not [word for word in LOADED.split() if word in text]
                assert "player 1" not in text


@pytest.mark.parametrize("name", BUILTIN)
def test_every_legal_value_is_told_where_it_is_asked_for(name: str) -> None:
    """Words are named in what is asked, as no example may hold them."""
    for _, stage in steps(BUILTIN[name](), last=False):
        words = [v for v in stage.answers if isinstance(v, str) and v.isalnum()]
        for value in words:
            assert re.search(rf"\b{value}\b", stage.ask)
