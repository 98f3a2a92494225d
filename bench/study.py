"""The offline study: every suite of the experiments, played by simulated players.

    python bench/study.py [--quick] [--seeds N] [--only SUITE ...] [--workers N] [--runs FOLDER]

Plays the suites `x00` to `x10` of `bench/suites/` and writes their summaries to
`bench/results/study/`: a table and the figures behind it for each suite, and an index with what was
asked, what came out and how long it took.  Where the specification of a player gives a table of its
own, the page sets the two side by side.  Simulated players test mechanism and harness; nothing here
is evidence about language models.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import mean
from typing import Any

from measure import RESULTS, arguments, circumstances, destination

from agentmem import catalogue
from agentmem.bench import load_suite, run_suite
from agentmem.bench.surrogates import LABEL, PROFILES
from agentmem.bench.surrogates.predict import self_play
from agentmem.bench.table import figure, spread
from agentmem.bench.variant import Variant

WINDOWS = (0, 1, 2, 3, 5, 10, 20, 40, 80)
SWEEP: Mapping[str, Sequence[float]] = {  # cooperation as simulated with the fits, 200 runs
    "gemma_tg": (0.64, 0.59, 0.516, 0.44, 0.31, 0.20, 0.14, 0.11, 0.095),
    "oss20b_pd": (0.93, 0.95, 0.949, 0.95, 0.93, 0.63, 0.25, 0.19, 0.181),
    "oss120b_tg": (0.89, 0.92, 0.935, 0.92, 0.80, 0.25, 0.15, 0.12, 0.111),
    "scout_pg": (0.70, 0.84, 0.873, 0.87, 0.85, 0.83, 0.75, 0.61, 0.520),
    "llama33_tg": (0.89, 0.93, 0.933, 0.92, 0.82, 0.25, 0.12, 0.10, 0.092),
    "immune": (0.89, 0.96, 0.980, 0.98, 0.98, 0.98, 0.98, 0.98, 0.978),
}
FITTED_IN = {  # the game in which the sweep plays a profile that was fitted there
    "gemma_tg": "trust",
    "oss20b_pd": "prisoners",
    "oss120b_tg": "trust",
    "scout_pg": "public_goods",
    "llama33_tg": "trust",
    "immune": "prisoners",
}
PLAYERS = ("gemma_tg", "oss20b_pd", "oss120b_tg", "immune")
# Self-play of each of PLAYERS, then oss20b_pd against AllD, 16 seeds.
POLICIES: Mapping[str, Sequence[float]] = {
    "p00-none": (0.647, 0.927, 0.887, 0.890, 0.936),
    "p01-window-2": (0.520, 0.949, 0.935, 0.981, 0.384),
    "p02-window-5": (0.319, 0.929, 0.821, 0.982, 0.195),
    "p03-full": (0.098, 0.144, 0.085, 0.979, 0.049),
    "p04-random": (0.321, 0.934, 0.884, 0.984, 0.195),
    "decay-at-random": (0.168, 0.343, 0.131, 0.983, 0.092),
    "p06-salience": (0.097, 0.142, 0.088, 0.856, 0.071),
    "p07-bygones": (0.680, 0.978, 0.952, 0.986, 0.195),
    "two-and-totals": (0.221, 0.352, 0.140, 0.976, 0.122),
    "p13-sanitized": (0.833, 0.982, 0.972, 0.986, 0.714),
}
Result = Mapping[str, Any]


def suites(only: Sequence[str]) -> list[str]:
    """The experiments, or those whose names begin as asked."""
    names = [name for name in sorted(catalogue.entries("bench")) if name.startswith("x")]
    return [n for n in names if not only or any(n.startswith(start) for start in only)]


def played(name: str, seeds: int | None, runs: Path, workers: int | None) -> tuple[Result, float]:
    """The result of a suite, with another number of seeds if asked, and the seconds it took."""
    begun = time.perf_counter()
    variant = Variant(seeds=seeds)
    found = run_suite(name, runs, workers=workers, log="results", variant=variant)
    wall = time.perf_counter() - begun
    return json.loads((found / "result.json").read_text("utf-8")), wall


def cell(result: Result, player: str, arm: str, opponent: str = "self", game: str = "") -> Any:
    """The line of a summary; None if there is none."""
    for line in result["summary"]:
        at = (line["player"].removeprefix("surrogate:"), line["arm"], line["opponent"])
        if at == (player, arm, opponent) and game in ("", line["game"]):
            return line
    return None


def sweep(result: Result) -> list[str]:
    """Cooperation by window: through the library, over arrays, and as specified."""
    lines = ["", "## Beside the specified table", "", "Cooperation in self-play by window: through"]
    lines[-1] += " the library's memory and prompts; the same equation over arrays, 1,000 runs; the"
    lines[-1] += " specification's own simulation, 200 runs."
    lines += ["", "| profile, game | | " + " | ".join(map(str, WINDOWS)) + " |"]
    lines += ["|---" * (len(WINDOWS) + 2) + "|"]
    for name, game in FITTED_IN.items():
        arms = ["p00-none", *(f"window-{n}" for n in WINDOWS[1:])]
        found = [cell(result, name, arm, game=game) for arm in arms]
        seats = 3 if game == "public_goods" else 2
        arrays = [self_play(PROFILES[name], n, seats=seats, runs=1000).mean() for n in WINDOWS]
        for what, row in (
            ("library", [None if one is None else one["mean"] for one in found]),
            ("arrays", arrays),
            ("specified", SWEEP[name]),
        ):
            lines.append(
                f"| {name}, {game} | {what} | " + " | ".join(figure(x, 3) for x in row) + " |"
            )
    return lines


def reference(result: Result) -> list[str]:
    """The policies of the library beside the specified table."""
    lines = ["", "## Beside the specified table", "", "`measured / specified`, the last column is"]
    lines[-1] += " the cooperation of oss20b_pd with AllD (sucker rate)."
    lines += ["", "| policy | " + " | ".join((*PLAYERS, "oss20b_pd v AllD")) + " |"]
    lines += ["|---" * (len(PLAYERS) + 2) + "|"]
    for arm, expected in POLICIES.items():
        found = [cell(result, player, arm) for player in PLAYERS]
        found.append(cell(result, "oss20b_pd", arm, "alld"))
        pairs = (
            f"{line['mean']:.3f} / {value:.3f}" for line, value in zip(found, expected, strict=True)
        )
        lines.append(f"| {arm} | " + " | ".join(pairs) + " |")
    return lines


def seats(result: Result) -> list[str]:
    """Cooperation by seat, for arms with a memory for each."""
    lines = ["", "## By seat", "", "| arm | seat 1 | seat 2 | seat 3 |", "|---|---|---|---|"]
    by_arm: dict[str, list[list[float]]] = {}
    for row in result["rows"]:
        by_arm.setdefault(row["arm"], []).append(row["cooperation_by_seat"])
    for arm, rows in by_arm.items():
        means = [figure(mean(column), 3) for column in zip(*rows, strict=True)]
        lines.append(f"| {arm} | " + " | ".join(means) + " |")
    return lines


CLAIMS = (  # what has to hold in sign: less, more
    ("p03-full", "p01-window-2"),
    ("p05-decay", "p07-bygones"),
    ("p03-full", "p07-bygones"),
)


def audit(result: Result) -> list[str]:
    """In how many cells each contrast holds in sign."""
    lines = ["", "## Does the sign hold?", "", "| less | more | cells | holds in |"]
    lines += ["|---|---|---|---|"]
    for less, more in CLAIMS:
        means = {
            (line["game"], line["player"], line["arm"]): line["mean"]
            for line in result["summary"]
            if line["opponent"] == "self"
        }
        cells = [(g, p) for g, p, arm in means if arm == less and (g, p, more) in means]
        holds = sum(means[(*at, less)] < means[(*at, more)] for at in cells)
        lines.append(f"| {less} | {more} | {len(cells)} | {holds} |")
    return lines


EXTRAS = {"x00": reference, "x02": sweep, "x06": seats, "x10": audit}


def page(name: str, result: Result, facts: Mapping[str, Any]) -> str:
    """A suite's page: how it was made, its table, and what is particular to it."""
    lines = [f"# {name}", "", f"> {result['label']}", "", result["description"].strip(), ""]
    otherwise = "" if facts["asked_seeds"] is None else f" --seeds {facts['asked_seeds']}"
    lines += [
        f"Made by `python bench/study.py --only {name}{otherwise}` on {facts['date']}; "
        f"{facts['runs']:,} "
        f"runs, {facts['decisions']:,} decisions in {facts['wall_s']:.0f} s, "
        f"{facts['cores']} cores; "
        f"seeds {result['seeds'][0]} to {result['seeds'][-1]}; spec {result['spec_hash']}; "
        f"Python {facts['python']}, agentmem {facts['versions']['agentmem-forgetting']}, "
        f"numpy {facts['versions']['numpy']}.",
        "",
    ]
    for game, words in result["games"].items():
        lines += [f"## {game}", ""]
        heads = ["player", "opponent", "arm", words["headline_words"], words["exploited_words"]]
        heads += ["paired difference to window 2 (pp)", "welfare", "FLR", "grudge (rounds)"]
        heads += ["memory tokens"]
        lines += ["| " + " | ".join(heads) + " |", "|---" * len(heads) + "|"]
        lines += [row(line) for line in result["summary"] if line["game"] == game]
        lines.append("")
    extra = EXTRAS.get(name[:3])
    return "\n".join([*lines[:-1], *(extra(result) if extra else [])]) + "\n"


def row(line: Mapping[str, Any]) -> str:
    short = next((gap for gap in line["against"].values() if gap and gap["role"] == "short"), None)
    gap = "-"
    if short is not None:
        p = short["p_holm"] if short["p_holm"] is not None else short["q"]
        low, high = short["interval"] or (short["mean"], short["mean"])
        gap = f"{short['pp']:+.1f} [{100 * low:+.1f}, {100 * high:+.1f}]"
        gap += "" if p is None else f", {'p' if short['p_holm'] is not None else 'q'} {p:.3f}"
    cells = (
        line["player"].removeprefix("surrogate:"),
        line["opponent"],
        line["arm"],
        spread(line["mean"], line["interval"]) + (" two modes" if line["bimodal"] else ""),
        spread(line["exploited"], line["exploited_interval"]),
        gap,
        figure(line["welfare_norm"]),
        figure(line["flr"]),
        figure(line["grudge_lifetime"], 1),
        figure(line["memory_tokens"], 0),
    )
    return "| " + " | ".join(cells) + " |"


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--seeds", type=int, default=None, help="instead of the suite's own")
    parser.add_argument("--only", nargs="*", default=[], help="suites that begin like this")
    parser.add_argument("--workers", type=int, default=None)
    parser.add_argument("--runs", type=Path, default=RESULTS.parent.parent / "runs")
    asked = parser.parse_args()
    out = destination(asked.out, asked.quick) / "study"
    out.mkdir(parents=True, exist_ok=True)
    for name in suites(asked.only):
        load_suite(name)  # wrong suites are told before the first is played
    for name in suites(asked.only):
        facts = circumstances(0, asked.quick)
        result, wall = played(name, 2 if asked.quick else asked.seeds, asked.runs, asked.workers)
        facts |= {"suite": name, "runs": len(result["rows"]), "wall_s": round(wall, 1)}
        facts["asked_seeds"] = asked.seeds
        facts["decisions"] = sum(one["decisions"] for one in result["rows"])
        (out / f"{name}.md").write_text(page(name, result, facts), encoding="utf-8")
        kept = {key: value for key, value in result.items() if key != "rows"}
        (out / f"{name}.json").write_text(
            json.dumps({**facts, "label": LABEL, **kept}, indent=1) + "\n", encoding="utf-8"
        )
        rate = facts["decisions"] / wall
        print(f"{name}: {facts['decisions']:,} decisions in {wall:.0f} s, {rate:,.0f}/s")
    index(out)


def index(out: Path) -> None:
    """The list of what was played, from the files that are there."""
    lines = [
        f"> {LABEL}",
        "",
        "| suite | what | runs | decisions | seconds | decisions/s |",
        "|---|---|---|---|---|---|",
    ]
    for path in sorted(out.glob("x*.json")):
        one = json.loads(path.read_text("utf-8"))
        lines.append(
            f"| [{one['suite']}]({one['suite']}.md) | {' '.join(one['description'].split())} | "
            f"{one['runs']:,} | {one['decisions']:,} | {one['wall_s']:,.0f} | "
            f"{one['decisions'] / one['wall_s']:,.0f} |"
        )
    (out / "index.md").write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
