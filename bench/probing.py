"""Does a probe of a player's answers find what the player is, and say so when it cannot?

    python bench/probing.py [--quick] [--seed N] [--out FOLDER] [--workers N]

Every simulated player is probed in the game that it was fitted to: 25 answers to each of 41
memories.  Those of the balance of evidence (S3) are to be recovered, the others refused.  Beside
what the probe predicts stands what the player does in matches against itself.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from measure import arguments, circumstances, destination

from agentmem.bench.games import BUILTIN
from agentmem.bench.loading import read_suite
from agentmem.bench.once import play
from agentmem.bench.playing import direct
from agentmem.bench.probe import probe
from agentmem.bench.probe.verdict import ALPHA, RULES
from agentmem.bench.stats import Row
from agentmem.bench.surrogates import FAMILIES, LABEL, PROFILES
from agentmem.bench.surrogates.predict import self_play
from agentmem.bench.surrogates.published import TYPES
from agentmem.reading import Reader
from agentmem.steps import run

SEEDS = 3  # probes of each player of S3, whose truth is known
SAMPLES = (25, 100)  # answers to each memory; the second for S3 alone
WINDOWS = (2, 80)
MATCHES, ROUNDS = 4, 100
NEAR = 0.05  # of the true cooperation
GAMES = {  # by a part of a player's name; else the prisoner's dilemma
    "tg": "trust",
    "investor": "trust",
    "trustee": "trust",
    "pg": "public_goods",
    "pgg": "public_goods",
    "td": "travelers",
}
NOTES = """\
`2`, `80`: cooperation in self-play under a window of 2 and of 80, predicted from the answers, and
true. True for S3: 400 runs of its own equation over 500 rounds, and the prediction has the 95 %
interval of answers drawn from the fit. True for the others: {matches} matches of {rounds} rounds
through the library, beside what is predicted for as many. `open`: coefficients whose interval has
no bound on one side. `falsified`: rules that fail at {alpha:g} after Holm's correction over the
four of a probe, and `played`.

- rounds: {rounds_rule}.
- place: {place}.
- own: {own}.
- fit: {fit}.
- played: matches are farther than .15 from what was predicted, under a window of 80. This one looks
  at matches, the others at answers alone.

How to read it:

- k, g and u trade off (a strong answer to a small ratio, a weak one to a large), and e shows only
  where answers come near 0 or 1: what is predicted is firmer than the coefficients behind it.
- Near a tipping point (`scout_pg`) a thousand answers leave the longest window open by .3 and more.
- "Not falsified" is not "true": who minds one harm as much as many (S1), or each a little (S2), can
  pass for S3, with another curve of self-play. A live check of a few matches belongs to a probe.
- Players whose own last move counts are refused, as they should be: the memories show own moves
  that are drawn, so that what is predicted of such a player is worth nothing.
"""


@dataclass(frozen=True, kw_only=True)
class Task:
    family: str
    player: str
    game: str
    seed: int
    samples: int


def tasks(quick: bool, seed: int) -> list[Task]:
    """Every probe, those of S3 under several seeds, then with more answers."""
    found = []
    for family, known in FAMILIES.items():
        for player in known.names[: 2 if quick else None]:
            own = family == "balance"
            if player in TYPES:  # another name of a player that is there
                continue
            for number in range(seed, seed + (SEEDS if own and not quick else 1)):
                several = own and number == seed and not quick
                found += [
                    Task(
                        family=family,
                        player=player,
                        game=game_of(player),
                        seed=number,
                        samples=samples,
                    )
                    for samples in (SAMPLES if several else SAMPLES[:1])
                ]
    return found


def game_of(player: str) -> str:
    """The game that a player was fitted to."""
    parts = player.replace("_", "-").split("-")
    return next((GAMES[part] for part in parts if part in GAMES), "prisoners")


def measured(task: Task) -> dict[str, Any]:
    """One probe, and the truth beside it."""
    spec = f"surrogate:{task.player}"
    played = [] if task.family == "balance" else matches(spec, task.game)
    result = probe(spec, [task.game], samples=task.samples, seed=task.seed, played=played)
    data = result.plain()["games"][0]
    found = data["verdict"]
    row = {
        **asdict(task),
        "asked": data["asked"],
        "invalid": data["invalid"],
        "coefficients": found["coefficients"],
        "open": found["unidentified"],
        "rules": found["rules"],
        "falsified": found["falsified"],
        "dispersion": found["dispersion"],
    }
    if task.family == "balance":
        seats = BUILTIN[task.game]().seats
        profile = PROFILES[task.player]
        row["truth"] = asdict(profile)
        row["windows"] = {
            window: {
                "predicted": found["curve"][window],
                "interval": found["ends"][window],
                "true": float(self_play(profile, window, seats=seats, runs=400).mean()),
            }
            for window in WINDOWS
        }
    else:
        row["windows"] = {
            met["window"]: {
                "predicted": met["predicted"],
                "interval": None,
                "true": met["played"],
            }
            for met in found["met"]
        }
    return row


def matches(spec: str, game: str) -> list[Row]:
    """Matches against itself, through the library."""
    body = {
        "games": {game: {"rounds": ROUNDS}},
        "players": [spec],
        "windows": list(WINDOWS),
        "seeds": MATCHES,
    }
    suite = read_suite(Reader("probing", Path()), body, "probing")
    return [run(play(suite, job, direct, lambda event: None)) for job in suite.jobs()]


def summary(rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The counts that the page opens with."""
    own = [row for row in rows if row["family"] == "balance" and row["samples"] == SAMPLES[0]]
    more = [row for row in rows if row["family"] == "balance" and row["samples"] != SAMPLES[0]]
    others = [row for row in rows if row["family"] != "balance"]
    inside = [
        _holds(one, row["truth"][name]) for row in own for name, one in row["coefficients"].items()
    ]
    return {
        "s3": len(own),
        "s3_falsified": sum(bool(row["falsified"]) for row in own),
        "coefficients": len(inside),
        "coefficients_inside": sum(inside),
        "coefficients_open": sum(len(row["open"]) for row in own),
        "near": _near(own),
        "near_more": _near(more),
        "covered": sum(
            one["interval"][0] - 0.01 <= one["true"] <= one["interval"][1] + 0.01
            for row in own
            for one in row["windows"].values()
        ),
        "others": len(others),
        "others_falsified": sum(bool(set(row["falsified"]) & set(RULES)) for row in others),
        "others_missed": [
            row["player"] for row in others if not set(row["falsified"]) & set(RULES)
        ],
        "misled": [
            row["player"]
            for row in others
            if not row["falsified"]
            and any(abs(one["predicted"] - one["true"]) > NEAR for one in row["windows"].values())
        ],
    }


def _near(rows: Sequence[Mapping[str, Any]]) -> list[int]:
    """Of the predictions, how many are within NEAR of the truth, and how many there are."""
    gaps = [abs(one["predicted"] - one["true"]) for row in rows for one in row["windows"].values()]
    return [sum(gap <= NEAR for gap in gaps), len(gaps)]


def _holds(one: Mapping[str, Any], truth: float) -> bool:
    low, high = one["low"], one["high"]
    return (low is None or low <= truth) and (high is None or truth <= high)


def page(result: Mapping[str, Any]) -> str:
    """The result as Markdown."""
    found = result["summary"]
    versions = ", ".join(f"{name} {number}" for name, number in result["versions"].items())
    flags = " --quick" if result["quick"] else ""
    lines = [
        "# probing",
        "",
        f"*{LABEL}*",
        "",
        f"Made by `python bench/probing.py{flags} --seed {result['seed']}` on {result['date']}; "
        f"{result['cores']} cores, {result['platform']}; Python {result['python']}, {versions}.",
        "",
        *_headline(found),
        "",
        NOTES.format(
            matches=MATCHES,
            rounds=ROUNDS,
            alpha=ALPHA,
            rounds_rule=RULES["rounds"],
            **{name: RULES[name] for name in ("place", "own", "fit")},
        ),
    ]
    for family, known in FAMILIES.items():
        rows = [row for row in result["rows"] if row["family"] == family]
        if rows:
            lines += [f"## {family}", "", known.about, "", *_table(rows), ""]
    lines += ["## Coefficients of S3", "", *_coefficients(result["rows"])]
    return "\n".join(lines) + "\n"


def _headline(found: Mapping[str, Any]) -> list[str]:
    near, more = found["near"], found["near_more"]
    lines = [
        f"- S3, {found['s3']} probes: {found['s3_falsified']} falsified (wrongly); "
        f"{found['coefficients_inside']} of {found['coefficients']} true coefficients lie in their "
        f"95 % interval, {found['coefficients_open']} of these intervals are open on a side.",
        f"- Predicted cooperation within {NEAR:g} of the true: {near[0]} of {near[1]}; "
        f"the truth in the interval, to .01: {found['covered']} of {near[1]}.",
    ]
    if more[1]:
        lines.append(
            f"- With {SAMPLES[1]} answers to a memory instead of {SAMPLES[0]}: "
            f"{more[0]} of {more[1]} within {NEAR:g}."
        )
    return [
        *lines,
        f"- Others, {found['others']} probes: {found['others_falsified']} refused by their "
        f"answers. Not refused: {', '.join(found['others_missed']) or 'none'}.",
        f"- Neither refused, nor by matches, and yet more than {NEAR:g} off at a window: "
        f"{', '.join(found['misled']) or 'none'}.",
    ]


def _table(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    lines = [
        "| player | game | answers | seed | 2: predicted | true | 80: predicted | true | falsified "
        "| open | dispersion |",
        "|---|---|---|---|---|---|---|---|---|---|---|",
    ]
    for row in rows:
        ends = [_window(row["windows"][window]) for window in WINDOWS]
        lines.append(
            f"| {row['player']} | {row['game']} | {row['samples']} | {row['seed']} "
            f"| {' | '.join(ends)} | {', '.join(row['falsified']) or '-'} "
            f"| {' '.join(row['open']) or '-'} | {row['dispersion']:.2f} |"
        )
    return lines


def _window(one: Mapping[str, Any]) -> str:
    ends = one["interval"]
    told = "" if ends is None else f" [{ends[0]:.2f}, {ends[1]:.2f}]"
    return f"{one['predicted']:.2f}{told} | {one['true']:.2f}"


def _coefficients(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """Estimates of the first seed beside the truth."""
    own = [row for row in rows if row["family"] == "balance"]
    first = [row for row in own if row["seed"] == own[0]["seed"]]
    names = list(first[0]["coefficients"])
    lines = [
        f"| player | answers | {' | '.join(names)} |",
        f"|---|---|{'---|' * len(names)}",
    ]
    for row in first:
        cells = []
        for name in names:
            one = row["coefficients"][name]
            ends = ["open" if one[end] is None else f"{one[end]:.3g}" for end in ("low", "high")]
            told = f"{one['value']:.3g} [{', '.join(ends)}] of {row['truth'][name]:g}"
            cells.append(told if _holds(one, row["truth"][name]) else f"**{told}**")
        lines.append(f"| {row['player']} | {row['samples']} | {' | '.join(cells)} |")
    return [*lines, "", "Estimate, 95 % interval, and truth; in bold where the truth is outside."]


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--workers", type=int, default=2)
    given = parser.parse_args()
    facts = circumstances(given.seed, given.quick)
    todo = tasks(given.quick, given.seed)
    with ProcessPoolExecutor(given.workers, get_context("spawn")) as pool:
        rows = []
        for task, row in zip(todo, pool.map(measured, todo), strict=True):
            rows.append(row)
            print(f"{len(rows)}/{len(todo)} {task.player}", file=sys.stderr)
    result = {"benchmark": "probing", "label": LABEL, **facts}
    result |= {"summary": summary(rows), "rows": rows}
    out = destination(given.out, given.quick)
    out.mkdir(parents=True, exist_ok=True)
    (out / "probing.json").write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    told = page(result)
    (out / "probing.md").write_text(told, encoding="utf-8")
    print(told)


if __name__ == "__main__":
    main()
