"""The command line: `agentmem COMMAND ...`.

Exit codes: 0 done; 1 an error (nothing of that name, a ledger or a model that fails); 2 wrong usage
or configuration; 3 refused (a stale plan, the removal cap, a tombstone, or an answer "no").
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

import typer

from agentmem.cli import bench, choices, lab, records, removals, talk, upkeep
from agentmem.cli.session import USAGE, USAGE_ERROR, report

__all__ = ["app", "main"]

HELP = """Memory for LLM agents: add, search, forget, restore, erase, and see why.

The memory is one file: --db, else $AGENTMEM_DB, else the `path` of the configuration, else
agentmem.db here. Policies and all else come from a YAML file: --config or $AGENTMEM_CONFIG.

Exit codes: 0 done; 1 error; 2 wrong usage or configuration; 3 refused (stale plan, removal cap,
tombstone, or answered "no").
"""

app = typer.Typer(
    help=HELP, no_args_is_help=True, pretty_exceptions_enable=False, rich_markup_mode=None
)


@app.callback()
def _root() -> None:
    """Typer calls this before each command."""


for part in (records, removals, upkeep, lab, talk, choices, bench):
    part.register(app)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command line; returns the exit code.  `agentmem` starts here."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    try:
        code = app(args=given, prog_name="agentmem", standalone_mode=False)
    except USAGE_ERROR as error:
        message = f"{error.format_message()} (see agentmem --help)"
        report(error, message, USAGE, as_json="--json" in given)
        return USAGE
    except typer.Abort:
        return 130
    except BrokenPipeError:  # the reader of a pipe has gone: nobody is left to be told
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    return code if isinstance(code, int) else 0
