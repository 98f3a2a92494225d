"""A cell of a suite as a task of Inspect: its models, logs, limits and viewer, our matches.

    # games.py                              $ inspect eval games.py --model openai/gpt-4o-mini
    from inspect_ai import task
    from agentmem.bench.adapters.inspect import suite_task

    @task
    def memory_curse():
        return suite_task("smoke", "prisoners")

UK AI Security Institute, "Inspect AI" (https://inspect.aisi.org.uk); extra `inspect`.  The model
that Inspect provides takes the place of the suite's players.  Calls, retries, limits, prices and
caches are Inspect's own; games, memories, partners and seeds are as in a suite that we run.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from agentmem.bench.adapters.inspect_parts import (
    SCORER,
    conversation,
    happened,
    library,
    sample_id,
    score,
    setting,
)
from agentmem.bench.events import Event
from agentmem.bench.loading import load_suite
from agentmem.bench.once import play
from agentmem.bench.playing import direct
from agentmem.bench.suite import Cell, Job, Suite, is_model, is_simulated
from agentmem.bench.surrogates import LABEL
from agentmem.bench.voices import Answer, Key, Messages, Voice
from agentmem.budget import Usage
from agentmem.errors import InputError, nearest
from agentmem.steps import Steps, Wait, arun

PREFIX = "inspect:"  # begins the spec of the model that Inspect provides


def suite_task(suite: str | Path, cell: str | None = None) -> Any:
    """A game of a suite as an `inspect_ai.Task`; `cell` is its label, where there are several.

    A sample is a run: an opponent, an arm and a seed.  Its score has two values: the game's
    headline figure, and `exploited` (NaN but against the opponent that shows it); its metadata is
    the row of the run.  Means and standard errors are by opponent and arm.

    ConfigError for an unknown suite; InputError for an unknown cell, and for an opponent that
    another server plays; MissingExtra without Inspect.
    """
    inspect, data = library(), library("dataset")
    found = load_suite(suite)
    chosen = _cell(found, cell)
    jobs = {sample_id(job.opponent, job.arm.name, job.seed): job for job in _jobs(found, chosen)}
    samples = [
        data.Sample(
            input=job.cell.game.seeded(job.seed).rules(job.players.index("self")),
            id=name,
            metadata={"setting": setting(job.opponent, job.arm.name), "seed": job.seed},
        )
        for name, job in jobs.items()
    ]
    simulated = any(map(is_simulated, chosen.opponents))
    return inspect.Task(
        dataset=data.MemoryDataset(samples, name=found.name),
        solver=_solver(found, jobs),
        scorer=_scorer(chosen),
        name=f"{found.name}-{chosen.label}",
        tags=[LABEL] if simulated else None,
    )


def _cell(suite: Suite, label: str | None) -> Cell:
    cells = {cell.label: cell for cell in suite.cells}
    if label is None and len(cells) > 1:
        raise InputError(f"{suite.name} has several games: choose one of {', '.join(cells)}")
    label = label or next(iter(cells))
    if label not in cells:
        raise InputError(f"{suite.name} has no game {label!r}{nearest(label, cells)}")
    for opponent in cells[label].opponents:
        if is_model(opponent) and not is_simulated(opponent):
            raise InputError(
                f"{suite.name}.{label}: {opponent!r} is served elsewhere; in a task of Inspect "
                "opponents are `self`, scripted or simulated"
            )
    return cells[label]


def _jobs(suite: Suite, cell: Cell) -> Iterator[Job]:
    """The runs of a cell, once for all its players."""
    return replace(suite, cells=(replace(cell, players=cell.players[:1]),)).jobs()


def _solver(suite: Suite, jobs: Mapping[str, Job]) -> Any:
    """Plays the match of a sample."""
    solver, model, log = library("solver"), library("model"), library("log")

    async def solve(state: Any, generate: Any) -> Any:
        player = f"{PREFIX}{state.model}"
        job = replace(jobs[state.sample_id], player=player)
        voice = Provided(model=model.get_model())
        events: list[Event] = []

        def voices(spec: str) -> Voice:
            return voice if spec == player else direct(spec)

        def emit(event: Event) -> None:
            events.append(event)
            if event["type"] == "round":
                log.transcript().info(happened(event), source=SCORER)

        row = await arun(play(suite, job, voices, emit))
        seat = row["seats"][0]
        first = job.cell.asking.rules == "system"
        state.messages = conversation(events, seat, events[0]["systems"][seat] if first else "")
        state.output = model.ModelOutput.from_content(player, state.messages[-1].text)
        state.metadata["row"] = row
        return state

    def match() -> Any:
        return solve

    return solver.solver(name="match")(match)()


def _scorer(cell: Cell) -> Any:
    """Reads the figures off the row of a run."""
    scorer = library("scorer")
    game = type(cell.game)

    async def scored(state: Any, target: Any) -> Any:
        return score(game, state.metadata["row"])

    def figures() -> Any:
        return scored

    metrics = [_grouped("mean", scorer.mean()), _grouped("stderr", scorer.stderr())]
    return scorer.scorer(metrics={"*": metrics}, name=SCORER)(figures)()


def _grouped(name: str, metric: Any) -> Any:
    """A metric by setting; Inspect keeps one of each name."""
    scorer = library("scorer")

    def made() -> Any:
        return scorer.grouped(metric, "setting", all=False)

    return scorer.metric(name)(made)()


@dataclass(frozen=True, kw_only=True)
class Provided:
    """The model that Inspect provides, as the seats reach it."""

    model: Any

    def _ask(
        self, messages: Messages, *, seed: int | None, key: Key, **options: Any
    ) -> Steps[Answer]:
        answer: Answer = yield Wait(_blocked, lambda: self._answer(messages, seed, options))
        return answer

    async def _answer(
        self, messages: Messages, seed: int | None, options: Mapping[str, Any]
    ) -> Answer:
        chat = library("model")
        kinds = {
            "system": chat.ChatMessageSystem,
            "user": chat.ChatMessageUser,
            "assistant": chat.ChatMessageAssistant,
        }
        output = await self.model.generate(
            [kinds[message["role"]](content=message["content"]) for message in messages],
            config=chat.GenerateConfig(seed=seed, **_config(options)),
        )
        said = output.usage
        cached = said.input_tokens_cache_read or 0
        written = said.input_tokens_cache_write or 0
        usage = Usage(
            tokens_in=said.input_tokens + cached + written,
            tokens_out=said.output_tokens,
            cached=cached,
        )
        return Answer(
            text=output.completion,
            usage=usage,
            latency=output.time or 0.0,
            cost=said.total_cost or 0.0,
        )


def _config(options: Mapping[str, Any]) -> dict[str, Any]:
    """Options of a call in Inspect's terms: a schema that the reply is to fit has another name."""
    found = dict(options)
    asked = found.pop("response_format", None)
    if asked is not None:
        chat, form = library("model"), asked["json_schema"]
        found["response_schema"] = chat.ResponseSchema(
            name=form["name"], json_schema=form["schema"], strict=form["strict"]
        )
    return found


def _blocked() -> None:
    """Inspect runs its solvers in an event loop."""
    raise AssertionError("a model of Inspect is awaited")
