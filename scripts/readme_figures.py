"""Copy the measured tables of bench/results/*.md into the pages that quote them.

    python scripts/readme_figures.py [--check]

A page quotes bench/results/NAME.md between `<!-- bench:NAME -->` and `<!-- /bench:NAME -->`:
everything below the title of that file, pictures aside; or, as `<!-- bench:NAME#policy -->`, how it
was made and the tables whose first column is headed "policy", or what the part of that title says
before its tables; `#summary` is what is said before all tables and parts.  A label goes along.
With --check nothing is written; exit 1 if a page is not up to date.
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Sequence
from itertools import takewhile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
RESULTS = ROOT / "bench" / "results"
MARKED = re.compile(
    r"(<!-- bench:([\w/-]+)(?:#([^>\n]+))? -->\n)(.*?)(<!-- /bench:\2 -->)", re.DOTALL
)
PICTURE = re.compile(r"^!\[.*\]\(.*\)\n+", re.MULTILINE)
SUMMARY = "summary"  # what is said before the first table or part
UNMEASURED = "Not measured yet: the figures come from `make bench`.\n"


def table(name: str, results: Path, headed: str | None = None) -> str:
    """What a result file says, without its title; or how it was made and some of its tables.

    ValueError if there is neither such a table nor a part of that title.
    """
    path = results / f"{name}.md"
    if not path.is_file():
        return UNMEASURED
    text = path.read_text(encoding="utf-8").strip()
    whole = re.sub(r"\A# .*\n+", "", PICTURE.sub("", text))
    if headed is None:
        return whole + "\n"
    parts = whole.split("\n\n")
    made = parts[: 1 + parts[0].startswith("*")]  # below a label
    if headed == SUMMARY or f"## {headed}" in parts:
        after = (
            parts[len(made) :] if headed == SUMMARY else parts[parts.index(f"## {headed}") + 1 :]
        )
        said = takewhile(lambda part: not part.startswith(("#", "|")), after)
        return "\n\n".join([*made, *said]) + "\n"
    wanted = [place for place, part in enumerate(parts) if part.startswith(f"| {headed} |")]
    if not wanted:
        raise ValueError(f"{path.name}: no table headed, and no part called {headed!r}")
    for place in wanted:
        made += [title(parts[:place]), parts[place]] if len(wanted) > 1 else [parts[place]]
    return "\n\n".join(filter(None, made)) + "\n"


def title(before: Sequence[str]) -> str:
    """The last heading of some paragraphs, with a colon; nothing without one."""
    found = [part.lstrip("#").strip() for part in before if part.startswith("#")]
    return f"{found[-1]}:" if found else ""


def filled(page: str, results: Path = RESULTS) -> str:
    """The page with the tables of today's results between its markers."""
    return MARKED.sub(
        lambda found: f"{found[1]}\n{table(found[2], results, found[3])}\n{found[5]}", page
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the pages, or check them; returns the exit code."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--check", action="store_true", help="write nothing; 1 if out of date")
    check = parser.parse_args(arguments).check
    stale = 0
    for path in (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))):
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
