"""bench traces, finetune: a model made from what others said."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from agentmem.cli.session import Session, clean, command, parsed


def traces(
    session: Session,
    folder: Annotated[Path, typer.Argument(metavar="RUN", help="The folder of a run.")],
    out: Annotated[Path, typer.Argument(metavar="OUT", help="A file *.jsonl.")],
    threshold: Annotated[float, typer.Option(help="Least forward-looking ratio.")] = 0.5,
    words: Annotated[int, typer.Option(min=1, help="Least number of words of the lists.")] = 3,
    games: Annotated[list[str] | None, typer.Option("--game", help="Only these.")] = None,
    players: Annotated[list[str] | None, typer.Option("--player", help="Only these.")] = None,
    arms: Annotated[list[str] | None, typer.Option("--arm", help="Only these.")] = None,
    per_run: Annotated[int | None, typer.Option(min=1, help="At most, of each run.")] = None,
    total: Annotated[int | None, typer.Option(min=1, help="At most.")] = None,
    actions: Annotated[bool, typer.Option(help="Keep the answers.")] = False,
    seed: Annotated[int, typer.Option(min=0, help="Of the draws.")] = 0,
) -> None:
    """Forward-looking reasoning of a run as a fine-tuning set, with a manifest beside it."""
    from agentmem.bench.traces import Selection, export_traces

    selection = Selection(
        threshold=threshold,
        words=words,
        games=tuple(games or ()),
        players=tuple(players or ()),
        arms=tuple(arms or ()),
        per_run=per_run,
        total=total,
        actions=actions,
        seed=seed,
    )
    made = export_traces(folder, out, selection)
    flr = f"forward-looking ratio {made['flr']['mean']:.3f}"
    lines = [f"{made['traces']} traces of {made['runs']} runs in {out}, {flr}"]
    session.show(made, *lines, *(clean(made[name]) for name in ("label", "warning") if made[name]))


def finetune(
    session: Session,
    data: Annotated[Path, typer.Argument(metavar="DATA", help="Chats, as `traces` writes them.")],
    model: Annotated[str, typer.Argument(metavar="MODEL", help="A name or a folder.")],
    out: Annotated[Path, typer.Argument(metavar="OUT", help="The adapter's new folder.")],
    adapter: Annotated[Path | None, typer.Option(help="Go on from this one.")] = None,
    recipe: Annotated[str, typer.Option(help='JSON, as in {"epochs": 1, "rank": 8}.')] = "{}",
    progress: Annotated[bool, typer.Option(help="Draw a bar on stderr.")] = True,
) -> None:
    """Train a low-rank adapter (LoRA) on reasoning traces."""
    from agentmem.bench.lora import Recipe
    from agentmem.bench.lora import finetune as train
    from agentmem.reading import Reader

    reader = Reader("--recipe")
    chosen = reader.construct(Recipe, parsed("--recipe", recipe), "") or Recipe()
    reader.finish()
    shown = progress and not session.as_json
    done = train(data, model, out, chosen, adapter=adapter, progress=shown)
    session.show(done, f"adapter in {out}", json.dumps(asdict(chosen)))


def register(bench: typer.Typer) -> None:
    """Add these commands to the group `bench`."""
    for body in (traces, finetune):
        command(bench, body.__name__, body, "plain")
