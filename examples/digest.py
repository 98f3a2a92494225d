"""What a run of the benchmark says about the length and the kind of memory, in one small table.

    agentmem bench run bench/suites/smoke.yaml > runs/smoke.txt
    python examples/digest.py runs/smoke.txt

The run's own tables are wider and have every opponent; the report has the plots.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table


def digest(result: dict[str, Any]) -> Table:
    """Mean over seeds and 95 % interval of each game's headline figure, in self-play."""
    lines = [line for line in result["summary"] if line["opponent"] == "self"]
    table = Table("memory", title=f"[bold red]{result['label']}[/]")
    column: dict[tuple[str, str], int] = {}
    for line in lines:
        key = (line["game"], line["player"])
        if key not in column:
            words = result["games"][line["game"]]["headline_words"]
            player = line["player"].removeprefix("surrogate:")
            column[key] = len(column)
            table.add_column(f"{line['game']}\n{player}\n{words}")
    rows: dict[str, list[str]] = {}
    for line in lines:
        cells = rows.setdefault(line["arm"], [""] * len(column))
        low, high = line["interval"] or (line["mean"], line["mean"])
        figures = f"{line['mean']:.2f} [dim]\\[{low:.2f},\u00a0{high:.2f}][/]"
        cells[column[line["game"], line["player"]]] = figures
    for arm, cells in rows.items():
        table.add_row(arm, *cells)
    return table


def main() -> None:
    output = Path(sys.argv[1])
    report = Path(output.read_text(encoding="utf-8").rstrip().rpartition("report: ")[2])
    result = json.loads((report.parent / "result.json").read_text(encoding="utf-8"))
    console = Console(soft_wrap=True)
    console.print(digest(result), soft_wrap=False)
    console.print(
        "Self-play, mean of the seeds with its 95 % interval; window-n: the last n rounds."
    )
    console.print("none: no memory at all. What the other arms do stands in the suite.")
    console.print(f"tables: {output}")
    console.print(f"report: {report}")


if __name__ == "__main__":
    main()
