"""add, search, explain, history."""

from __future__ import annotations

import warnings
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from agentmem.cli.plans import hit_data, iso, record_data
from agentmem.cli.session import (
    Refused,
    Session,
    WhereOption,
    columns,
    command,
    filters,
    instant,
    parsed,
    read_text,
)
from agentmem.core import Hit
from agentmem.errors import TombstoneWarning

Mode = Literal["hybrid", "dense", "lexical"]
QueryArgument = Annotated[
    str | None, typer.Argument(help="What to look for; without it, what is best retained.")
]
CountOption = Annotated[int | None, typer.Option("-k", help="How many at most.")]
ModeOption = Annotated[Mode | None, typer.Option(help="How candidates are found.")]


def add(
    session: Session,
    text: Annotated[str | None, typer.Argument(help="The text; `-` or nothing: stdin.")] = None,
    file: Annotated[Path | None, typer.Option(help="Read the text from a file.")] = None,
    event_time: Annotated[
        str | None, typer.Option(help="When it happened: ISO 8601 with zone.")
    ] = None,
    importance: Annotated[float | None, typer.Option(help="0..1; else estimated.")] = None,
    valence: Annotated[float | None, typer.Option(help="-1 harmed me .. 1 helped me.")] = None,
    source: Annotated[str, typer.Option(help="Where it comes from.")] = "",
    data: Annotated[str | None, typer.Option(help="Metadata, a JSON object.")] = None,
    expires: Annotated[str | None, typer.Option(help="Out of recall from then on: ISO.")] = None,
    verify_by: Annotated[str | None, typer.Option(help="When to ask if it is still true.")] = None,
    revive: Annotated[bool, typer.Option(help="Even if it was forgotten or erased.")] = False,
) -> None:
    """Remember a text. Prints the ids of its records."""
    content = read_text(text, file)
    metadata = None if data is None else parsed("--data", data)
    given = {"--event-time": event_time, "--expires": expires, "--verify-by": verify_by}
    times = {name: text and instant(name, text) for name, text in given.items()}
    with session.memory(make=True) as memory, warnings.catch_warnings():
        warnings.simplefilter("ignore", TombstoneWarning)  # `refused` says it
        added = memory.add(
            content,
            event_time=times["--event-time"] or None,
            expires=times["--expires"] or None,
            verify_by=times["--verify-by"] or None,
            importance=importance,
            valence=valence,
            source=source,
            data=metadata,
            revive=revive,
        )
    if added.refused and not added:
        how = " and ".join(sorted(set(added.refused.values())))
        raise Refused(f"not added: {how} earlier; --revive brings it back")
    lines = [*added, *(f"{name} not added: {why} earlier" for name, why in added.refused.items())]
    session.show({"ids": list(added), "refused": added.refused}, *lines)


def hit_lines(place: int, hit: Hit) -> str:
    """A hit in two lines."""
    record = hit.record
    head = f"{place}. {hit.score:.3f}  {iso(record.created)[:10]}  {record.id}  {record.kind}"
    return f"{head}\n   {record.text}"


def search(
    session: Session,
    query: QueryArgument = None,
    k: CountOption = None,
    where: WhereOption = None,
    mode: ModeOption = None,
    budget_tokens: Annotated[int | None, typer.Option(help="Cap on the hits' tokens.")] = None,
    reinforce: Annotated[bool, typer.Option(help="Whether the hits count as recalled.")] = True,
    by: Annotated[str, typer.Option(help="Who asks, as in tool:web.")] = "",
) -> None:
    """Recall: relevance x retention, best first."""
    chosen = filters(where)
    with session.memory() as memory:
        hits = memory.search(
            query,
            k=k,
            where=chosen,
            mode=mode,
            budget_tokens=budget_tokens,
            reinforce=reinforce,
            by=by,
        )
    lines = [hit_lines(place, hit) for place, hit in enumerate(hits, start=1)]
    session.show([hit_data(hit) for hit in hits], *(lines or ["nothing found"]))


def explain(
    session: Session,
    query: QueryArgument = None,
    k: CountOption = None,
    where: WhereOption = None,
    mode: ModeOption = None,
    record: Annotated[str | None, typer.Option(help="An id: why this one did or did not.")] = None,
) -> None:
    """Why the hits came up, why others did not, and what would bring them back."""
    chosen = filters(where)
    with session.memory() as memory:
        found = memory.explain(query, record=record, k=k, where=chosen, mode=mode)
    missed = [
        {
            "record": record_data(one.record),
            "verdict": one.verdict,
            "why": asdict(one.why) | {"retention": one.why.retention},
            "reason": one.reason,
            "remedy": one.remedy,
        }
        for one in found.missed
    ]
    hits = [hit_data(hit) for hit in found.hits]
    erased = [asdict(one) for one in found.erased]
    told = {"query": found.query, "hits": hits, "missed": missed, "erased": erased}
    session.show(told, str(found))


def history(
    session: Session, name: Annotated[str, typer.Argument(metavar="ID", help="A record's id.")]
) -> None:
    """Every journal line that speaks of a record, oldest first."""
    with session.memory() as memory:
        entries = memory.history(name)
    table = columns("line", "at", "what", "policy", "reason", "score")
    for entry in entries:
        score = "" if entry.score is None else f"{entry.score:.4g}"
        cells: list[Any] = [entry.seq, iso(entry.at), ", ".join(entry.verbs), entry.policy]
        table.add_row(*map(str, cells), entry.reason, score)
    session.show([asdict(entry) | {"at": iso(entry.at)} for entry in entries], table)


def register(app: typer.Typer) -> None:
    """Add these commands."""
    for body in (add, search, explain, history):
        command(app, body.__name__, body)
