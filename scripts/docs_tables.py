"""Write the option tables of README.md and docs/*.md from the code.

    python scripts/docs_tables.py [--check]

`<!-- cli -->` ... `<!-- /cli -->` holds every command; `<!-- fields:DOTTED:NAME -->` ...
`<!-- /fields -->` the options of one component; `<!-- table:NAME -->` ... `<!-- /table -->` one of
`TABLES`, of what the games' laboratory has.  With --check nothing is written; exit 1 if a page is
not up to date.
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import MISSING, Field, fields
from importlib import import_module
from pathlib import Path
from typing import Any

from typer.main import get_command

from agentmem import catalogue
from agentmem.bench.games import BUILTIN as GAMES
from agentmem.bench.games import Game
from agentmem.bench.loading import load_suite
from agentmem.bench.players import BUILTIN as SCRIPTED
from agentmem.bench.players import DILEMMAS
from agentmem.bench.surrogates import FAMILIES
from agentmem.cli import app
from agentmem.core import Policy
from agentmem.fields import hints, label

ROOT = Path(__file__).resolve().parent.parent
CLI = re.compile(r"(<!-- cli -->\n)(.*?)(<!-- /cli -->)", re.DOTALL)
FIELDS = re.compile(r"(<!-- fields:([\w.]+:\w+) -->\n)(.*?)(<!-- /fields -->)", re.DOTALL)
TABLE = re.compile(r"(<!-- table:(\w+) -->\n)(.*?)(<!-- /table -->)", re.DOTALL)
GIVEN = "dim"  # what an index gets from the embedder
EVERYWHERE = ("kinds", "within")  # options of every policy, told once
SHARED = ("as_json", "config", "db", "namespace", "now", "help")


def cell(text: object) -> str:
    """A text that may stand in a table."""
    return " ".join(str(text).split()).replace("|", "\\|")


def row(parameter: Any) -> str:
    """One option or argument of a command."""
    if parameter.param_type_name == "argument":
        shown = f"`{parameter.metavar or parameter.name.upper()}`"
    else:
        shown = ", ".join(f"`{one}`" for one in (*parameter.opts, *parameter.secondary_opts))
    default = parameter.default
    plain = default if isinstance(default, str | int | float | Path) else None
    named = plain not in (None, "", False) and not parameter.required
    fallback = f" Default: `{default}`." if named and default is not True else ""
    fallback += " On by default." if default is True else ""
    variable = f" Or `${parameter.envvar}`." if getattr(parameter, "envvar", None) else ""
    needed = " Required." if parameter.required else ""
    text = cell(getattr(parameter, "help", None) or "")
    return f"| {shown} | {text}{fallback}{variable}{needed} |"


def commands(command: Any, path: str) -> Iterator[tuple[str, Any]]:
    """Every command with its full name, in the order of the help."""
    for name, one in getattr(command, "commands", {}).items():
        if getattr(one, "commands", None):
            yield from commands(one, f"{path} {name}")
        else:
            yield f"{path} {name}", one


def cli() -> str:
    """All commands: a heading, what it does, and its options."""
    found = list(commands(get_command(app), "agentmem"))
    shared = {p.name: p for _, one in found for p in one.params if p.name in SHARED}
    parts = ["### Options that commands share", "", "| option | meaning |", "|---|---|"]
    parts += [row(shared[name]) for name in SHARED if name in shared]
    for path, one in found:
        parts += ["", f"### {path}", "", cell(one.help or "")]
        own = [p for p in one.params if p.name not in SHARED]
        if own:
            parts += ["", "| option | meaning |", "|---|---|", *map(row, own)]
        names = {p.name for p in one.params}
        if "db" not in names:
            parts += ["", "Of the shared options only `--json`."]
    return "\n".join(parts) + "\n"


def options(path: str) -> str:
    """The fields of a component: what each may be, and its default.

    What it gets without being configured (an index: the dimension) is no option.
    """
    module, _, name = path.partition(":")
    cls = getattr(import_module(module), name)
    words = hints(cls)
    lines = ["| option | allowed | default |", "|---|---|---|"]
    for one in fields(cls):
        if one.init:
            default = one.default
            if default is MISSING:
                factory = one.default_factory
                default = factory() if factory is not MISSING else "required"
            if one.name == GIVEN and default == "required":
                continue
            if one.name in EVERYWHERE and issubclass(cls, Policy):
                continue
            if shared(cls, one):
                continue
            lines.append(f"| `{one.name}` | {cell(label(words[one.name]))} | `{cell(default)}` |")
    if len(lines) == 2:
        return "It has no options.\n"
    return "\n".join(lines) + "\n"


def shared(cls: type, one: Field[Any]) -> bool:
    """Whether an option is one of every game, with the same default there."""
    if cls is Game or not issubclass(cls, Game):
        return False
    same = {option.name: option.default for option in fields(Game)}
    return one.name in same and same[one.name] == one.default


def grid(heads: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A table."""
    lines = [f"| {' | '.join(heads)} |", f"|{'---|' * len(heads)}"]
    lines += [f"| {' | '.join(map(cell, one))} |" for one in rows]
    return "\n".join(lines) + "\n"


def first_line(of: Any) -> str:
    return (of.__doc__ or "").strip().partition("\n")[0].rstrip(".")


def named(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


def games() -> str:
    """Every game: what it is, its size, what it is judged by, and who shows its gullibility."""
    rows = []
    for name, game in GAMES.items():
        made = game()
        rows.append((f"`{name}`", first_line(game), made.seats, made.rounds, game.headline_words))
    return grid(("game", "what happens in a round", "seats", "rounds", "headline"), rows)


def scripted() -> str:
    """Every scripted player, once for all games in which it is the same."""
    found: dict[tuple[str, str], list[str]] = {}
    for (game, name), player in SCRIPTED.items():
        found.setdefault((name, first_line(player)), []).append(game)
    rows = [
        (f"`{name}`", "the dilemmas" if set(of) >= set(DILEMMAS) else named(of), about)
        for (name, about), of in found.items()
    ]
    return grid(("player", "games", "what it does"), rows)


def minds() -> str:
    """Every simulated player, by family."""
    rows = [(f"`{name}`", one.about, named(one.names)) for name, one in FAMILIES.items()]
    return grid(("family", "what it is", "players"), rows)


def suites() -> str:
    """Every suite of the catalogue, with its size."""
    rows = []
    for name, about in catalogue.describe("bench").items():
        jobs = list(load_suite(name).jobs())
        rounds = sum(job.cell.game.rounds for job in jobs)
        rows.append((f"`{name}`", about, f"{len(jobs):,}", f"{rounds:,}"))
    return grid(("suite", "what it plays", "runs", "rounds"), rows)


TABLES: Mapping[str, Callable[[], str]] = {
    "games": games,
    "scripted": scripted,
    "minds": minds,
    "suites": suites,
}


def filled(page: str) -> str:
    """The page with the tables of today's code between its markers."""
    page = CLI.sub(lambda found: f"{found[1]}\n{cli()}\n{found[3]}", page)
    page = TABLE.sub(lambda found: f"{found[1]}\n{TABLES[found[2]]()}\n{found[4]}", page)
    return FIELDS.sub(lambda found: f"{found[1]}\n{options(found[2])}\n{found[4]}", page)


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the pages, or check them; returns the exit code."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--check", action="store_true", help="write nothing; 1 if out of date")
    check = parser.parse_args(arguments).check
    stale = 0
    for path in sorted((ROOT / "docs").glob("*.md")):
        old = path.read_text(encoding="utf-8")
        new = filled(old)
        if new != old:
            stale += 1
            print(f"{path.relative_to(ROOT)}: {'out of date' if check else 'written'}")
            if not check:
                path.write_text(new, encoding="utf-8")
    return 1 if check and stale else 0


if __name__ == "__main__":
    raise SystemExit(main())
