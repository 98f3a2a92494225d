"""supersede, forget, restore, erase."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from agentmem.cli.plans import iso
from agentmem.cli.session import Session, WhereOption, YesOption, command, filters
from agentmem.errors import InputError
from agentmem.memory import AgentMemory
from agentmem.receipt import Receipt
from agentmem.results import Forgotten
from agentmem.selection import CLOSE, Width

SHOWN = 20  # records of a dry run that are listed
IdsArgument = Annotated[list[str] | None, typer.Argument(metavar="[ID]...", help="Record ids.")]
Ids = Annotated[list[str], typer.Argument(metavar="ID...", help="Record ids.")]
ReasonOption = Annotated[str | None, typer.Option(help="Kept in the journal.")]
DryRunOption = Annotated[bool, typer.Option(help="Only list what would go.")]
MassOption = Annotated[bool, typer.Option(help="Even beyond the removal cap.")]


def _listing(memory: AgentMemory, found: Forgotten) -> list[str]:
    """The first records that would go, and why each."""
    lines = [f"{len(found)} would go:"]
    for record in map(memory.get, found[:SHOWN]):
        score = found.scores.get(record.id)
        why = found.reasons[record.id] + ("" if score is None else f" {score:.2f}")
        lines.append(f"{record.id}  {iso(record.created)[:10]}  {record.text}  ({why})")
    rest = len(found) - SHOWN
    return [*lines, f"... and {rest} more"] if rest > 0 else lines


def supersede(
    session: Session,
    old: Annotated[str, typer.Argument(help="An id, or a query that means one record.")],
    text: Annotated[str, typer.Argument(help="The new text.")],
    dry_run: Annotated[bool, typer.Option(help="Only say which record is meant.")] = False,
) -> None:
    """Replace a record by a new text. Prints the id of the new one."""
    with session.memory() as memory:
        new = memory.supersede(old, text, dry_run=dry_run)
        was = memory.get(new.old)
    told = {"id": str(new), "old": new.old, "score": new.score, "dry_run": dry_run}
    session.show(told, f"{new}  {'would replace' if dry_run else 'replaces'}  {was.id}  {was.text}")


def forget(
    session: Session,
    ids: IdsArgument = None,
    where: WhereOption = None,
    query: Annotated[str | None, typer.Option(help="Those that match it closely.")] = None,
    about: Annotated[str | None, typer.Option(help="Those about one entity.")] = None,
    width: Annotated[
        Width, typer.Option(help="With --about: mentioned, or the subject only.")
    ] = "mention",
    threshold: Annotated[float, typer.Option(help="With --query: least relevance, 0..1.")] = CLOSE,
    reason: ReasonOption = None,
    dry_run: DryRunOption = False,
    allow_mass: MassOption = False,
    yes: YesOption = False,
) -> None:
    """Archive records, by id, filter, query or entity: out of recall, restorable."""
    chosen, names = filters(where), tuple(ids or ())
    if sum((bool(names), chosen is not None, query is not None, about is not None)) != 1:
        raise InputError("give ids, --where, --query or --about, one of them")
    with session.memory() as memory:

        def go(*, dry_run: bool) -> Forgotten:
            return memory.forget(
                *names,
                where=chosen,
                query=query,
                about=about,
                width=width,
                threshold=threshold,
                reason=reason or "forget",
                dry_run=dry_run,
                allow_mass=allow_mass,
            )

        found = go(dry_run=True)
        if dry_run or not (names or yes):
            lines = _listing(memory, found)
            if dry_run:
                why = {"reasons": found.reasons, "scores": found.scores}
                session.show({"would_forget": found, **why}, *lines)
                return
            if not session.as_json:
                session.show(None, *lines)
            session.confirm(f"Forget {len(found)} records?", yes)
        gone = go(dry_run=False) if found else found
    undo = [f"to take it back: agentmem undo {gone.run}"] if gone.run and not names else []
    session.show({"forgotten": gone, "run": gone.run}, *(gone or ["nothing to forget"]), *undo)


def restore(session: Session, ids: Ids, reason: ReasonOption = None) -> None:
    """Bring archived or superseded records back. Prints which came back."""
    with session.memory() as memory:
        back = memory.restore(*ids, reason=reason or "restore")
    session.show({"restored": back}, *(back or ["nothing to restore"]))


def erase(
    session: Session,
    ids: IdsArgument = None,
    identifier: Annotated[
        str | None, typer.Option(help="An address, number, handle or name; in any spelling.")
    ] = None,
    about: Annotated[
        str | None, typer.Option(help="An entity, under all names that only it has.")
    ] = None,
    reason: ReasonOption = None,
    dry_run: DryRunOption = False,
    allow_mass: MassOption = False,
    verify: Annotated[bool, typer.Option(help="Ask every path again.")] = True,
    yes: YesOption = False,
) -> None:
    """Destroy records, and what was derived from them alone. There is no way back."""
    names = tuple(dict.fromkeys(ids or ()))
    if sum((bool(names), identifier is not None, about is not None)) != 1:
        raise InputError("give ids, --identifier or --about, one of them")
    with session.memory() as memory:
        told = memory.erase(*names, identifier=identifier, about=about, dry_run=True)
        if dry_run:
            session.show(_data(told), *_would(told))
            return
        if not names and not (yes or session.as_json):
            session.show(None, *_would(told))
        session.confirm(f"Erase {len(told.erased)} records for ever?", yes)
        receipt = memory.erase(
            *names,
            identifier=identifier,
            about=about,
            reason=reason or "erase",
            allow_mass=allow_mass,
            verify=verify,
        )
    session.show(_data(receipt), *_lines(receipt))


def _data(receipt: Receipt) -> dict[str, object]:
    return asdict(receipt) | {"verified": receipt.verified, "digest": receipt.digest}


def _would(receipt: Receipt) -> list[str]:
    also = f"; {len(receipt.derived)} derived from them alone with them"
    places = (
        f"{name}  named in {', '.join(where)}"
        for name, where in list(receipt.places.items())[:SHOWN]
    )
    return [f"{len(receipt.erased)} would go{also if receipt.derived else ''}:", *places]


def _lines(receipt: Receipt) -> list[str]:
    lines = [
        f"erased: {', '.join(receipt.erased) or 'none'}",
        f"erased with them, as derived from them alone: {', '.join(receipt.derived) or 'none'}",
        f"flagged, as derived from them among others: {', '.join(receipt.flagged) or 'none'}",
    ]
    if not receipt.scrubbed:
        lines.append("another reader keeps the log: erased bytes may stay until it closes")
    if receipt.checks:
        asked = sum(one.asked for one in receipt.checks)
        left = [f"{one.path} ({one.found})" for one in receipt.checks if not one.verified]
        told = f"still there: {', '.join(left)}" if left else "nothing found"
        lines.append(f"asked again, {asked} questions on {len(receipt.checks)} paths: {told}")
        lines.append(f"receipt {receipt.digest}")
    return lines


def register(app: typer.Typer) -> None:
    """Add these commands."""
    for body in (supersede, forget, restore, erase):
        command(app, body.__name__, body)
