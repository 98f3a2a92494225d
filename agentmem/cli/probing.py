"""bench probe, check and power: answers without a match, theory, and how many seeds it takes."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from agentmem.cli.session import Session, YesOption, clean, columns
from agentmem.errors import InputError, nearest
from agentmem.models import resolve

if TYPE_CHECKING:
    from agentmem.bench.serving import Serving
    from agentmem.bench.stats import Row


def probe(
    session: Session,
    model: Annotated[str, typer.Argument(metavar="MODEL", help="As in openai:NAME.")],
    games: Annotated[list[str] | None, typer.Option(help="Repeatable; else all four.")] = None,
    out: Annotated[Path | None, typer.Option(help="Folder; else runs/probe-MODEL.")] = None,
    samples: Annotated[int, typer.Option(min=1, help="Answers to each memory.")] = 25,
    style: Annotated[Literal["cot", "direct"], typer.Option(help="With reasoning or not.")] = "cot",
    seed: Annotated[int, typer.Option(min=0)] = 0,
    serving: Annotated[
        Path | None, typer.Option(help="YAML: model, prices, budget, ..., as in a suite.")
    ] = None,
    max_cost: Annotated[float | None, typer.Option(min=0, help="Limit in money.")] = None,
    played: Annotated[
        Path | None, typer.Option(help="A result.json with self-play of the model.")
    ] = None,
    progress: Annotated[bool, typer.Option(help="Draw a bar on stderr.")] = True,
    yes: YesOption = False,
) -> None:
    """Ask a model about 41 remembered pasts a game: what it answers, and would do in matches."""
    from agentmem.bench.probe import GAMES, estimate, folder_of, plan
    from agentmem.bench.probe import probe as ask
    from agentmem.bench.serving import check_spec
    from agentmem.bench.suite import is_simulated

    check_spec(model)
    chosen = games or list(GAMES)
    how = _serving(serving, max_cost)
    rows = _rows(played)
    ahead = estimate(model, plan(chosen, style=style, samples=samples, seed=seed), how)
    money = "no price given" if ahead.cost is None else f"cost {ahead.cost:.2f}"
    told = (
        f"{ahead.calls:,} calls, {ahead.tokens_in:,} tokens in, {ahead.tokens_out:,} out, {money}"
    )
    if not is_simulated(model):
        typer.echo(told, file=sys.stderr)
        session.confirm(f"Ask {clean(model)}?", yes)
    resolve(model, **how.model)
    folder = folder_of(model) if out is None else out
    folder.mkdir(parents=True, exist_ok=True)
    with _bar(ahead.calls, shown=progress and not session.as_json) as advance:
        found = ask(
            model,
            chosen,
            style=style,
            samples=samples,
            seed=seed,
            serving=how,
            answers=folder / "answers.sqlite",
            played=rows,
            tell=lambda _: advance(),
        )
    found.write(folder)
    session.show({"folder": str(folder), **found.plain()}, found.text(), f"written to {folder}")


def check(session: Session) -> None:
    """The games and minds of the benchmark against what theory says. Exit code 1 if any fails."""
    from agentmem.bench.checks import checked

    found = checked()
    table = columns("what", "where from", "expected", "found", "")
    for one in found:
        verdict = "ok" if one.passed else "FAILED"
        table.add_row(one.what, one.source, clean(one.expected), clean(one.found), verdict)
    failed = sum(not one.passed for one in found)
    data = [{**asdict(one), "passed": one.passed} for one in found]
    session.show(data, table, f"{len(found) - failed} of {len(found)} hold")
    if failed:
        raise typer.Exit(1)


def power(
    session: Session,
    effect: Annotated[float | None, typer.Option(help="A difference to show; .2 is 20 pp.")] = None,
    seeds: Annotated[int | None, typer.Option(min=1, help="How many there are.")] = None,
    sd: Annotated[float, typer.Option(help="Of the paired differences between runs.")] = 0.3,
    chance: Annotated[float, typer.Option("--power", help="Of showing what is there.")] = 0.8,
    alpha: Annotated[float, typer.Option(help="Two-sided.")] = 0.05,
    family: Annotated[int, typer.Option(min=1, help="Tests declared together (Holm).")] = 1,
) -> None:
    """How many seeds a difference takes, or what difference so many seeds show."""
    from agentmem.bench.stats import Design, power_text

    design = Design(sd=sd, power=chance, alpha=alpha, family=family)
    text = power_text(design, effect=effect, seeds=seeds)
    shown = {"effect": effect, "seeds": seeds}
    if effect is not None:
        shown["seeds"] = design.seeds(effect)
    elif seeds is not None and seeds > 1:
        shown["effect"] = design.effect(seeds)
    session.show({**asdict(design), **shown, "text": text}, text)


@contextmanager
def _bar(calls: int, *, shown: bool) -> Iterator[Callable[[], None]]:
    """A bar on stderr; gives what to call with each answer."""
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(file=sys.stderr), disable=not shown) as progress:
        task = progress.add_task("answers", total=calls)
        yield lambda: progress.advance(task)


def _serving(path: Path | None, max_cost: float | None) -> Serving:
    """How a model is asked, from a file; ConfigError for what is wrong in it."""
    from agentmem.bench.serving import KEYS, Serving, read_serving
    from agentmem.reading import Reader

    found = Serving()
    if path is not None:
        reader, content = Reader.open(path)
        content = dict(reader.mapping(content, ""))
        found = read_serving(reader, content)
        for key in content:
            reader.problem(key, f"unknown key{nearest(key, KEYS)}")
        reader.finish()
    if max_cost is not None:
        found = replace(found, limits=replace(found.limits, cost=max_cost))
    return found


def _rows(path: Path | None) -> list[Row]:
    """The rows of a result file; InputError for another file."""
    if path is None:
        return []
    try:
        content: Any = json.loads(path.read_text(encoding="utf-8"))
        rows: list[Row] = content["rows"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(f"--played {path}: not a result.json of a suite ({error!r})") from error
    return rows
