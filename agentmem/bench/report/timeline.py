"""A run, round by round: what each seat remembered when it chose, and what it chose.

The builder reads events as mappings, wherever they come from.  What repeats is kept once: lines of
memory and other texts are numbered, and a memory is written as ranges of numbers ("0-79,81").
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import count
from typing import Any

from agentmem.bench.games import BUILTIN, Act, Dilemma, Game, Move, Round
from agentmem.bench.games.base import mean
from agentmem.reading import Reader
from agentmem.registry import find

LONGEST = 2000  # characters of a reply that are shown

MOVES: Mapping[Move, str] = {
    "C": "cooperates",
    "D": "defects",
    "accept": "accepts",
    "reject": "rejects",
    "agree": "agrees",
}

Data = dict[str, Any]


@dataclass(kw_only=True)
class Texts:
    """Texts by number, each kept once."""

    numbers: dict[str, int] = field(default_factory=dict)

    def number(self, text: str) -> int:
        return self.numbers.setdefault(text, len(self.numbers))

    def lines(self, text: str) -> list[int]:
        return [self.number(line) for line in text.split("\n")] if text else []


def timeline(events: Iterable[Mapping[str, Any]], game: Game | None) -> Data:
    """The data of a run for the page's script and for its plain table.

    `game` is as `seeded` gives it; without one nothing is known of harms and of kindness.
    `rounds` holds, for each: `n` its number, `acts` as [seat, move, trembled, words], `pay`, `kind`
    (0..1 for each seat, None where unknown) and `turns`, the decisions of models.
    """
    texts = Texts()
    memories = [Texts() for _ in range(game.seats if game is not None else 0)]
    data: Data = {"systems": [], "rounds": []}
    turns: list[Data] = []
    rounds: list[Round] = []
    for event in events:
        there = [act[0] for act in event.get("acts") or ()] + [event.get("seat", -1)]
        memories += [Texts() for _ in range(1 + max(there) - len(memories))]
        if event["type"] == "run":
            data["systems"] = [texts.number(text) for text in event.get("systems", ())]
        elif event["type"] == "decision":
            turns.append(_turn(event, texts, memories[event["seat"]]))
        elif event["type"] == "round":
            played = _played(event)
            rounds.append(played)
            data["rounds"].append(_round(played, turns, game))
            turns = []
    told = [_valences(game, rounds, seat) for seat in range(len(memories))]
    data["texts"] = list(texts.numbers)
    data["memories"] = [list(one.numbers) for one in memories]
    data["harms"] = [
        [number for line, number in one.numbers.items() if _harm(line, told[seat])]
        for seat, one in enumerate(memories)
    ]
    return data


def _turn(event: Mapping[str, Any], texts: Texts, memory: Texts) -> Data:
    """A decision; `memory` and `ask` are None where the log leaves the texts out."""
    remembered, prompt = event.get("memory"), event.get("prompt")
    ask = None
    if prompt is not None:
        ask = prompt.partition(remembered)[2] if remembered else prompt
    replies = [_cut(reply) for reply in event.get("replies") or ()]
    return {
        "seat": event["seat"],
        "memory": None if remembered is None else ranges(memory.lines(remembered)),
        "ask": None if ask is None else ranges(texts.lines(ask.strip("\n"))),
        "replies": [texts.number(reply) for reply in replies],
        "errors": [texts.number(error) for error in event.get("errors") or ()],
        "status": event["status"],
        "move": event["move"],
        "tokens": [event["tokens_in"], event["tokens_out"]],
    }


def _cut(text: str) -> str:
    """A text that is too long, without its middle."""
    if len(text) <= LONGEST:
        return text
    half = LONGEST // 2
    return f"{text[:half]}\n[... {len(text) - 2 * half} characters ...]\n{text[-half:]}"


def ranges(numbers: Sequence[int]) -> str:
    """Whole numbers in order, runs of consecutive ones as `first-last`."""
    found: list[list[int]] = []
    for number in numbers:
        if found and number == found[-1][1] + 1:
            found[-1][1] = number
        else:
            found.append([number, number])
    return ",".join(str(a) if a == b else f"{a}-{b}" for a, b in found)


def _played(event: Mapping[str, Any]) -> Round:
    """A round as the log tells it; what was said with an act may be missing."""
    return Round(
        number=event["round"],
        acts=tuple(Act(*act) for act in event.get("acts") or ()),
        payoffs=tuple(event.get("payoffs") or ()),
        trembled=tuple(event.get("trembled") or ()),
        valid=event["valid"],
    )


def _round(played: Round, turns: Sequence[Data], game: Game | None) -> Data:
    said = spoken(game, played)
    acts = [
        [act.seat, act.move, int(i in played.trembled), said[i]]
        for i, act in enumerate(played.acts)
    ]
    return {
        "n": played.number,
        "valid": played.valid,
        "acts": acts,
        "pay": list(played.payoffs),
        "kind": kindness(game, played) if game is not None and played.valid else [],
        "turns": list(turns),
    }


def spoken(game: Game | None, played: Round) -> list[str]:
    """Each act in words: `cooperates`, `offer 4`."""
    found: list[str] = []
    while game is not None and len(found) < len(played.acts):
        stage = game.stage(replace(played, acts=played.acts[: len(found)], payoffs=()))
        if stage is None:
            break
        acts = played.acts[len(found) : len(found) + len(stage.seats)]
        found += [MOVES.get(act.move, f"{stage.key} {act.move}") for act in acts]
    return found + [MOVES.get(act.move, str(act.move)) for act in played.acts[len(found) :]]


def kindness(game: Game, played: Round) -> list[float | None]:
    """0..1 for each seat: how cooperative it was in a dilemma, else how the others remember it."""
    if isinstance(game, Dilemma):
        shares = game.shares(played)
        return [shares.get(seat) for seat in range(game.seats)]
    felt = [game.lines(played, seat) for seat in range(game.seats)]
    ends = [(lines[-1].valence + 1) / 2 if lines else None for lines in felt]
    found = []
    for seat in range(game.seats):
        known = [end for other in game.others(seat) if (end := ends[other]) is not None]
        found.append(mean(known))
    return found


def _valences(game: Game | None, rounds: Sequence[Round], seat: int) -> dict[str, float]:
    """What the lines that a seat may remember tell of: by text, and by what they begin with.

    A policy may reword a line, but a harm that it turns into a kindness is none any more.
    """
    if game is None or seat >= game.seats:
        return {}
    lines = [line for r in rounds if r.valid for line in game.lines(r, seat)]
    opened = (game.fabricated(n, seat) for n in range(1, game.opened + 1) if game.opening)
    lines += [line for line in opened if line is not None]
    heads = {_head(line.text): line.valence for line in lines}
    kind = {line.friendly: 1.0 for line in lines if line.friendly}
    return heads | kind | {line.text: line.valence for line in lines}


def _head(line: str) -> str:
    return line.partition("]")[0]


def _harm(line: str, told: Mapping[str, float]) -> bool:
    return told.get(line, told.get(_head(line), 0.0)) < 0


def rebuilt(cell: Mapping[str, Any], seed: int) -> Game | None:
    """The game of a cell of a specification, as played under a seed.

    None if this installation does not know it, or not with these settings: then the report shows
    the run without colours.
    """
    reader = Reader("spec")
    name = cell["game"]
    made = reader.attempt(lambda: BUILTIN.get(name) or find("games", name), "game")
    if made is None:
        return None
    game: Game | None = reader.construct(made, cell["settings"], "settings")
    return None if game is None else game.seeded(seed)


def lanes(data: Mapping[str, Any], seats: int) -> list[dict[str, str]]:
    """SVG paths for each seat, a unit wide for each round: kind, unkind, and not known.

    A bar is as high as the seat was kind, and never without any height.
    """
    found = []
    for seat in range(seats):
        paths = {"kind": "", "unkind": "", "none": ""}
        for place, played in zip(count(), data["rounds"], strict=False):
            kind = played["kind"][seat] if played["kind"] else None
            height = 0.1 if kind is None else round(0.3 + 0.7 * kind, 2)
            which = "none" if kind is None else "kind" if kind >= 0.5 else "unkind"
            paths[which] += f"M{place} {1 - height:g}h1V1h-1z"
        found.append(paths)
    return found
