"""plan, apply, undo, stats, extract, reembed, export, import."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
import yaml

from agentmem.cli.plans import iso, plan_data, plan_of, read_plan
from agentmem.cli.session import EverywhereOption, Session, YesOption, columns, command
from agentmem.config import build_embedder
from agentmem.core import Change, Plan, Record, Run
from agentmem.errors import InputError
from agentmem.reembed import reembed as make_vectors


def _summary(plan: Plan) -> list[str]:
    lines = [f"plan {plan.id} for {iso(plan.now)}: {plan.removes} to go"]
    for change in plan.changes:
        count = len(change.archive) + len(change.supersede)
        lines.append(f"  {change.policy}: {count}, {change.reason}")
        lines += [
            f"    {verb}: {' '.join(one.text.split())[:80]}" for verb, one in _written(change)
        ]
        for name in change.archive[:10]:
            score = change.scores.get(name)
            lines.append(f"    {name}" + ("" if score is None else f"  {score:.4g}"))
        if len(change.archive) > 10:
            lines.append(f"    ... and {len(change.archive) - 10} more")
    return lines


def _written(change: Change) -> Iterator[tuple[str, Record]]:
    """What consolidation would write: the first ten texts."""
    made = [("new", one) for one in change.add] + [("anew", one) for one in change.update]
    yield from made[:10]


def plan(
    session: Session,
    out: Annotated[Path | None, typer.Option(help="Write the plan here, for `apply`.")] = None,
    everywhere: EverywhereOption = False,
) -> None:
    """What the policies would put away now. Nothing happens until the plan is applied."""
    with session.memory() as memory:
        made = memory.plan(namespace=() if everywhere else None)
    data = plan_data(made)
    if out is not None:
        if out.exists():
            raise InputError(f"{out} exists already; choose another name or remove it first")
        out.write_text(json.dumps(data) + "\n", encoding="utf-8")
    session.show(data, *_summary(made))


def _outcome(session: Session, run: Run) -> None:
    verb = "archived" if run.archived >= 0 else "back"
    text = f"run {run.id}: {abs(run.archived)} {verb}, {abs(run.superseded)} superseded"
    if run.added or run.updated:
        text += f", {abs(run.added)} added, {abs(run.updated)} updated"
    session.show(asdict(run) | {"now": iso(run.now)}, text)


def apply(
    session: Session,
    file: Annotated[Path, typer.Argument(metavar="PLAN", help="A plan's file; `-`: stdin.")],
    allow_mass: Annotated[bool, typer.Option(help="Even beyond the removal cap.")] = False,
    yes: YesOption = False,
) -> None:
    """Do exactly what a plan says. Prints the run, which `undo` takes back."""
    made = plan_of(sys.stdin.read(), "stdin") if str(file) == "-" else read_plan(file)
    with session.memory() as memory:
        if not session.as_json and not yes:
            session.show(None, *_summary(made))
        session.confirm(f"Put away {made.removes} records?", yes)
        run = memory.apply(made, allow_mass=allow_mass)
    _outcome(session, run)


def undo(
    session: Session, run: Annotated[str, typer.Argument(metavar="RUN", help="The run's id.")]
) -> None:
    """Take a run back, unless one of its records has changed since."""
    with session.memory() as memory:
        back = memory.undo(run)
    _outcome(session, back)


def stats(session: Session, everywhere: EverywhereOption = False) -> None:
    """Counts by status, sizes, embedder and policies."""
    with session.memory() as memory:
        found = memory.stats(namespace=() if everywhere else None)
    table = columns("what", "value")
    for name, value in found.items():
        shown = ", ".join(map(str, value)) if isinstance(value, list) else str(value)
        table.add_row(name.replace("_", " "), shown)
    session.show(found, table)


def extract(
    session: Session,
    limit: Annotated[int | None, typer.Option(min=1, help="At most so many tasks.")] = None,
    retry: Annotated[bool, typer.Option(help="Try again what failed.")] = False,
    everywhere: EverywhereOption = False,
) -> None:
    """Do what the structures owe: facts, summaries and so on, where they take a model."""
    with session.memory() as memory:
        done = memory.extract(namespace=() if everywhere else None, limit=limit, retry=retry)
    text = f"{done.done} tasks done, {len(done.ids)} records written"
    more = [f"{done.failed} failed"] if done.failed else []
    more += [f"{done.pending} still owed"] if done.pending else []
    more += [f"stopped: {done.halted}"] if done.halted else []
    session.show(asdict(done), "; ".join([text, *more]))


def reembed(
    session: Session,
    embedder: Annotated[str, typer.Argument(help="A name, as in `static`, or {name: options}.")],
) -> None:
    """Make all vectors anew with another embedder; then name it in the configuration.

    Nothing is extracted again. The old vectors are in force until all are made.
    """
    settings = session.settings()
    key = None if settings.encryption is None else settings.encryption.key()
    made = build_embedder(yaml.safe_load(embedder))
    count = make_vectors(settings.path, made, key=key)
    text = f"{count} vectors by {made.name}; open the memory with that embedder from now on"
    session.show({"reembedded": count, "embedder": made.name}, text)


def export(
    session: Session,
    path: Annotated[Path, typer.Argument(help="A new JSON-lines file.")],
    everywhere: EverywhereOption = False,
) -> None:
    """Write all records of the namespace to a file."""
    with session.memory() as memory:
        count = memory.export(path, namespace=() if everywhere else None)
    session.show({"exported": count, "path": str(path)}, f"{count} records in {path}")


def import_(
    session: Session, path: Annotated[Path, typer.Argument(help="A file of `export`.")]
) -> None:
    """Take over an export, all of it or nothing."""
    with session.memory(make=True) as memory:
        count = memory.import_(path)
    session.show({"imported": count, "path": str(path)}, f"{count} new records from {path}")


def register(app: typer.Typer) -> None:
    """Add these commands."""
    for body in (plan, apply, undo, stats, extract, reembed, export):
        command(app, body.__name__, body)
    command(app, "import", import_)
