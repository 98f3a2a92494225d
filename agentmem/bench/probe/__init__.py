"""The probe: what a chat model does with memories of every length, content and order.

    from agentmem.bench.probe import probe

    found = probe("surrogate:gemma_tg", ["trust"])
    print(found.text())

Some 1,000 answers for each game, instead of matches of hundreds of rounds: they calibrate the
balance of evidence (S3) to a model, predict its self-play under each window, and say whether the
balance of evidence describes it at all.  Costs little enough to be done before any match.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from agentmem.bench.asking import Answers, Client
from agentmem.bench.files import write_whole
from agentmem.bench.games import BUILTIN, Dilemma
from agentmem.bench.probe.asking import Answered, Prober
from agentmem.bench.probe.page import page
from agentmem.bench.probe.verdict import Verdict, judge
from agentmem.bench.prompting import Form
from agentmem.bench.serving import Serving
from agentmem.bench.stats import Row
from agentmem.bench.suite import SELF, is_simulated
from agentmem.bench.surrogates import LABEL
from agentmem.bench.voices import Direct
from agentmem.budget import Usage
from agentmem.errors import ConfigError, nearest
from agentmem.foreign import redact
from agentmem.models import resolve

__all__ = [
    "GAMES",
    "Estimate",
    "GameProbe",
    "ProbeResult",
    "estimate",
    "folder_of",
    "plan",
    "probe",
]

FOLDER = Path("runs")
GAMES = ("prisoners", "travelers", "public_goods", "trust")
TAKEN = ("tokens_in", "tokens_out", "tokens_cached", "cost")


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """What a probe will take, re-asks aside; the length of replies is a guess."""

    calls: int
    tokens_in: int
    tokens_out: int
    cost: float | None  # None without a price


@dataclass(frozen=True, kw_only=True)
class GameProbe:
    """What came of one game."""

    game: str
    memories: int
    asked: int  # answers asked for
    reasked: int  # of them, those that took a re-ask
    invalid: int  # of them, those without a legal move after all re-asks: left out
    calls: int  # re-asks included
    taken: Mapping[str, float]  # tokens and cost
    shares: Sequence[Mapping[str, Any]]  # cooperation by memory
    verdict: Verdict


@dataclass(frozen=True, kw_only=True)
class ProbeResult:
    """What a probe found."""

    model: str
    label: str  # of simulated players; "" for others
    samples: int
    seed: int
    style: Form
    games: Sequence[GameProbe]

    def plain(self) -> dict[str, Any]:
        """All of it as plain data."""
        data = asdict(self)
        for game, found in zip(data["games"], self.games, strict=True):
            game["verdict"]["falsified"] = list(found.verdict.falsified)
            game["verdict"]["unidentified"] = list(found.verdict.unidentified)
        return data

    def text(self) -> str:
        """A page of Markdown."""
        return page(self.plain())

    def write(self, folder: Path) -> None:
        """Put `probe.json` and `probe.md` into a folder."""
        folder.mkdir(parents=True, exist_ok=True)
        write_whole(folder / "probe.json", json.dumps(self.plain(), indent=1) + "\n")
        write_whole(folder / "probe.md", self.text())


def plan(
    games: Sequence[str] = GAMES,
    *,
    style: Form = "cot",
    samples: int = 25,
    seed: int = 0,
    tell: Callable[[Answered], None] = lambda _: None,
) -> list[Prober]:
    """What will be asked.  ConfigError for an unknown game, InputError for one of several steps."""
    probers = []
    for name in games:
        game = BUILTIN.get(name)
        if game is None or not issubclass(game, Dilemma):
            raise ConfigError(f"no game to probe {name!r}{nearest(name, GAMES)}")
        probers.append(Prober(game=game(), style=style, samples=samples, seed=seed, tell=tell))
    return probers


def folder_of(model: str) -> Path:
    """Where the result of a model's probe goes, unless something else is said."""
    return FOLDER / f"probe-{re.sub(r'[^A-Za-z0-9._-]+', '-', redact(model))}"


def estimate(model: str, probers: Sequence[Prober], serving: Serving | None = None) -> Estimate:
    """What asking the model will take."""
    price = (serving or Serving()).prices.get(model)
    sizes = [prober.tokens() for prober in probers]
    tokens_in, tokens_out = (sum(size[side] for size in sizes) for side in (0, 1))
    cost = None if price is None else price.of(Usage(tokens_in=tokens_in, tokens_out=tokens_out))
    if is_simulated(model):
        cost = 0.0
    return Estimate(
        calls=sum(prober.calls for prober in probers),
        tokens_in=tokens_in,
        tokens_out=tokens_out,
        cost=cost,
    )


def probe(
    model: str,
    games: Sequence[str] = GAMES,
    *,
    style: Form = "cot",
    samples: int = 25,
    seed: int = 0,
    serving: Serving | None = None,
    answers: Path | None = None,
    played: Sequence[Row] = (),
    tell: Callable[[Answered], None] = lambda _: None,
) -> ProbeResult:
    """Ask a chat model `samples` times about each memory of the grid, in each game.

    `serving` says how a served model is asked and what it may cost; `answers` is a file that keeps
    what was paid for, so that an interrupted probe goes on where it stopped.  `played`: result rows
    of matches; those of this model's self-play under a window are compared with what is predicted.
    Raises what `plan` does, BudgetExceeded when the budget is spent, ModelError for a model that
    does not answer.
    """
    probers = plan(games, style=style, samples=samples, seed=seed, tell=tell)
    if is_simulated(model):
        found = [prober.ask(Direct(model=resolve(model))) for prober in probers]
    else:
        found = asyncio.run(_served(model, probers, serving or Serving(), answers))
    return ProbeResult(
        model=redact(model),
        label=LABEL if is_simulated(model) else "",
        samples=samples,
        seed=seed,
        style=style,
        games=[
            _judged(model, prober, some, played)
            for prober, some in zip(probers, found, strict=True)
        ],
    )


async def _served(
    model: str, probers: Sequence[Prober], serving: Serving, path: Path | None
) -> list[list[Answered]]:
    answers = None if path is None else Answers(path)
    try:
        client = Client(
            model=model,
            options=serving.model,
            service=serving.service,
            budget=serving.limits.budget(),
            prices=serving.prices,
            answers=answers,
        )
        async with client:
            return [await prober.aask(client) for prober in probers]
    finally:
        if answers is not None:
            answers.close()


def _judged(
    model: str, prober: Prober, answers: Sequence[Answered], played: Sequence[Row]
) -> GameProbe:
    name = prober.game.name
    events = [one.event for one in answers]
    return GameProbe(
        game=name,
        memories=len(prober.pasts),
        asked=len(answers),
        reasked=sum(event["status"] == "reasked" for event in events),
        invalid=sum(event["status"] == "invalid" for event in events),
        calls=sum(len(event["replies"]) for event in events),
        taken={what: sum(event[what] for event in events) for what in TAKEN},
        shares=[_shares(prober, place, answers) for place in range(len(prober.pasts))],
        verdict=judge(
            answers,
            prober.pasts,
            seats=prober.game.seats,
            played=_played(model, name, played),
            seed=prober.seed,
        ),
    )


def _shares(prober: Prober, place: int, answers: Sequence[Answered]) -> dict[str, Any]:
    """Cooperation under one memory."""
    past = prober.pasts[place]
    shares = [one.share for one in answers if one.past == place and one.share is not None]
    return {
        "rounds": past.rounds,
        "harms": past.bad,
        "place": round(past.place, 3),
        "momentum": past.momentum,
        "answers": len(shares),
        "cooperation": sum(shares) / len(shares) if shares else None,
    }


def _played(model: str, game: str, rows: Sequence[Row]) -> dict[tuple[int, int], list[float]]:
    """Cooperation of the runs of the model against itself, by window and number of rounds."""
    found: dict[tuple[int, int], list[float]] = {}
    for row in rows:
        who = (row["player"], row["game"], row["opponent"])
        if who == (model, game, SELF) and row["window"] is not None:
            found.setdefault((row["window"], row["rounds"]), []).append(row["cooperation"])
    return found
