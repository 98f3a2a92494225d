"""add, search, explain, forget, restore, erase, history."""

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
    YesOption,
    columns,
    command,
    filters,
    instant,
    parsed,
    read_text,
)
from agentmem.core import Hit, Record
from agentmem.errors import InputError, TombstoneWarning

SHOWN = 20  # records of a dry run that are listed
Mode = Literal["hybrid", "dense", "lexical"]
QueryArgument = Annotated[
    str | None, typer.Argument(help="What to look for; without it, what is best retained.")
]
IdsArgument = Annotated[list[str] | None, typer.Argument(metavar="[ID]...", help="Record ids.")]
Ids = Annotated[list[str], typer.Argument(metavar="ID...", help="Record ids.")]
CountOption = Annotated[int | None, typer.Option("-k", help="How many at most.")]
ModeOption = Annotated[Mode | None, typer.Option(help="How candidates are found.")]
ReasonOption = Annotated[str | None, typer.Option(help="Kept in the journal.")]


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
    revive: Annotated[bool, typer.Option(help="Even if it was forgotten or erased.")] = False,
) -> None:
    """Remember a text. Prints the ids of its records."""
    content = read_text(text, file)
    metadata = None if data is None else parsed("--data", data)
    at = None if event_time is None else instant("--event-time", event_time)
    with session.memory(make=True) as memory, warnings.catch_warnings():
        warnings.simplefilter("ignore", TombstoneWarning)  # `refused` says it
        added = memory.add(
            content,
            event_time=at,
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
        )
    lines = [hit_lines(place, hit) for place, hit in enumerate(hits, start=1)]
    session.show([hit_data(hit) for hit in hits], *(lines or ["nothing found"]))


def explain(
    session: Session,
    query: QueryArgument = None,
    k: CountOption = None,
    where: WhereOption = None,
    mode: ModeOption = None,
) -> None:
    """Why the hits came up, why others did not, and what would bring them back."""
    chosen = filters(where)
    with session.memory() as memory:
        found = memory.explain(query, k=k, where=chosen, mode=mode)
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
    session.show({"query": found.query, "hits": hits, "missed": missed}, str(found))


def _listing(records: list[Record]) -> list[str]:
    lines = [f"{one.id}  {iso(one.created)[:10]}  {one.text}" for one in records[:SHOWN]]
    rest = len(records) - SHOWN
    return [*lines, f"... and {rest} more"] if rest > 0 else lines


def forget(
    session: Session,
    ids: IdsArgument = None,
    where: WhereOption = None,
    reason: ReasonOption = None,
    dry_run: Annotated[bool, typer.Option(help="Only list what would go.")] = False,
    allow_mass: Annotated[bool, typer.Option(help="Even beyond the removal cap.")] = False,
    yes: YesOption = False,
) -> None:
    """Archive records, by id or by filter: out of recall, restorable."""
    chosen = filters(where)
    names = tuple(ids or ())
    if bool(names) == (chosen is not None):
        raise InputError("give ids or --where, one of them")
    with session.memory() as memory:
        found = memory.forget(*names, where=chosen, dry_run=True)
        if dry_run or (chosen is not None and not yes):
            records = [memory.get(name) for name in found]
            if dry_run:
                session.show({"would_forget": found}, f"{len(found)} would go:", *_listing(records))
                return
            if not session.as_json:
                session.show(None, f"{len(found)} would go:", *_listing(records))
            session.confirm(f"Forget {len(found)} records?", yes)
        gone = (
            memory.forget(
                *(found if chosen is None else ()),
                where=chosen,
                reason=reason or "forget",
                allow_mass=allow_mass,
            )
            if found
            else []
        )
    session.show({"forgotten": gone}, *(gone or ["nothing to forget"]))


def restore(session: Session, ids: Ids, reason: ReasonOption = None) -> None:
    """Bring archived or superseded records back. Prints which came back."""
    with session.memory() as memory:
        back = memory.restore(*ids, reason=reason or "restore")
    session.show({"restored": back}, *(back or ["nothing to restore"]))


def erase(session: Session, ids: Ids, reason: ReasonOption = None, yes: YesOption = False) -> None:
    """Destroy records, and what was derived from them alone. There is no way back."""
    with session.memory() as memory:
        session.confirm(f"Erase {len(set(ids))} records for ever?", yes)
        receipt = memory.erase(*ids, reason=reason or "erase")
    lines = [
        f"erased: {', '.join(receipt.erased)}",
        f"erased with them, as derived from them alone: {', '.join(receipt.derived) or 'none'}",
        f"flagged, as derived from them among others: {', '.join(receipt.flagged) or 'none'}",
    ]
    if not receipt.scrubbed:
        lines.append("another reader keeps the log: erased bytes may stay until it closes")
    session.show(asdict(receipt), *lines)


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
    for body in (add, search, explain, forget, restore, erase, history):
        command(app, body.__name__, body)
