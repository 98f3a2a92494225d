"""How near the fitted players come to the published play that they were fitted to.

    python bench/profiles.py [--fit] [--quick] [--seed N] [--out FOLDER]

Replays each source's design with its fitted players and puts the replay beside the source's table.
`--fit` first fits them again and writes `agentmem/bench/surrogates/published.json`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from balancing import balance, coded, put
from matching import (
    Group,
    against_defector,
    akata,
    fit,
    itself,
    nicer,
    numbers,
    replayed,
    roles,
    round_robin,
    threes,
)
from measure import arguments, circumstances, destination
from pages import markdown
from replay import Table, older_effect

import agentmem.bench.surrogates.published as fitted
from agentmem.bench.surrogates import LABEL
from agentmem.bench.surrogates.published import coefficients, facts

FILE = Path(fitted.__file__).with_name("published.json")
SHOWN = 0.005  # share of decisions from which a cell counts in the largest deviation
COLUMNS = ("after", "bad", "good", "fifths")
FACT_LISTS = re.compile(r"\[[^\[\]{}]*\]")

Facts = dict[str, Any]


def groups(profiles: Mapping[str, Any]) -> list[Group]:
    """Who was fitted with whom, and under what design."""
    of = partial(_ending, profiles)
    alone: list[tuple[str, Callable[..., Any]]] = [
        ("-pd-nicer", nicer),
        ("-stag-coopeval", partial(itself, window=3, rounds=15)),
        ("-td-coopeval", partial(itself, window=3, rounds=15)),
        ("-fairgame", partial(itself, window=10, rounds=10)),
        ("-akata", akata),
    ]
    together = [("-pd-coopeval", round_robin), ("-pgg-coopeval", threes)]
    return [
        *(Group(names=(name,), arrange=how) for end, how in alone for name in of(end)),
        *(Group(names=of(end), arrange=how) for end, how in together),
        Group(names=(*of("-investor-coopeval"), *of("-trustee-coopeval")), arrange=roles),
    ]


def _ending(profiles: Mapping[str, Any], end: str) -> tuple[str, ...]:
    return tuple(name for name in profiles if name.endswith(end))


def fit_all(found: Facts, size: float) -> None:
    """Fits every profile and every S4 of `found`, in place."""
    profiles = found["profiles"]
    for group in groups(profiles):
        players = fit(group, profiles, size)
        for name, player in zip(group.names, players, strict=True):
            profiles[name]["fitted"] = asdict(player)
        for one in found["inertia"].values():
            if one["of"] in group.names:
                place, wanted = group.names.index(one["of"]), profiles[one["of"]]["table"]
                one["fitted"] = balance(group, players, place, one["estimated"], wanted, size / 2)


def write(found: Facts) -> None:
    """The data file, each list on a line of its own."""
    text = json.dumps(found, indent=1, ensure_ascii=False)
    flat = FACT_LISTS.sub(lambda hit: re.sub(r"\s+", " ", hit[0]).replace("[ ", "["), text)
    FILE.write_text(flat.replace(" ]", "]") + "\n", encoding="utf-8")


def row(name: str, wanted: Mapping[str, Any], got: Table) -> Facts:
    """The source's table and the replay's, in percent, and the largest deviations, in points."""
    line: Facts = {
        "name": name,
        "cooperation": [wanted["cooperation"], _percent(got["cooperation"])],
    }
    line["first"] = [wanted["first"], _percent(got["first"])]
    line["deviation"] = {"first": round(abs(line["first"][0] - line["first"][1]), 1)}
    for column in COLUMNS:
        gap = np.abs(100 * (numbers(wanted[column]) - got[column]))
        gap[got["share"][column] < SHOWN] = np.nan
        line["deviation"][column] = None if np.isnan(gap).all() else round(float(np.nanmax(gap)), 1)
        line[column] = [wanted[column], [_percent(v) for v in got[column]]]
        line.setdefault("share", {})[column] = [_percent(v) for v in got["share"][column]]
    return line


def _percent(chance: float) -> float | None:
    return None if np.isnan(chance) else round(100 * float(chance), 1)


def measured(found: Facts, size: float, seed: int) -> Facts:
    """Every row of the page."""
    rows, inertia, older = [], [], []
    profiles = found["profiles"]
    for group in groups(profiles):
        players = [coefficients(profiles[name]["fitted"]) for name in group.names]
        made, tables = replayed(group, players, size, seed)
        for name, got in zip(group.names, tables, strict=True):
            rows.append({**row(name, profiles[name]["table"], got), "type": profiles[name]["type"]})
        for name, one in found["inertia"].items():
            if one["of"] in group.names:
                place, wanted = group.names.index(one["of"]), profiles[one["of"]]["table"]
                for how, of in (
                    ("fitted", one["fitted"]),
                    ("as estimated", coded(one["estimated"])),
                ):
                    got = replayed(group, put(group, players, place, of), size, seed)[1][place]
                    inertia.append({**row(name, wanted, got), "how": how})
        shifts = {i: profiles[name]["older"] for i, name in enumerate(group.names)}
        if None not in shifts.values():
            older.append({"name": "all six", **older_effect(made, shifts)})
            older += [
                {"name": name, "odds": shifts[i], **older_effect(made, {i: shifts[i]})}
                for i, name in enumerate(group.names)
            ]
    return {"rows": rows, "inertia": inertia, "older": older, "checks": checks(found, size, seed)}


def checks(found: Facts, size: float, seed: int) -> list[Facts]:
    """Against partners that always defect, which nothing was fitted to."""
    rows = []
    for name, one in found["checks"].items():
        arrange = partial(against_defector, window=one["window"])
        player = coefficients(found["profiles"][one["player"]]["fitted"])
        [got] = replayed(Group(names=(name,), arrange=arrange), [player], size, seed)[1]
        rows.append(row(name, one["table"], got))
    return rows


def main(argv: Sequence[str] | None = None) -> None:
    parser = arguments(__doc__)
    parser.add_argument("--fit", action="store_true", help="fit again and write the data file")
    options = parser.parse_args(argv)
    size = 0.1 if options.quick else 1.0
    found: Facts = dict(facts())
    if options.fit:
        fit_all(found, size)
        write(found)
    # Fitting draws with seed 0: the replay takes other draws.
    result = {
        "benchmark": "profiles",
        "label": LABEL,
        **circumstances(options.seed, options.quick),
        **measured(found, size, options.seed + 1),
        "sources": found["sources"],
        "wanted": found["older"],
    }
    out = destination(options.out, options.quick)
    out.mkdir(parents=True, exist_ok=True)
    (out / "profiles.json").write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    page = markdown(result)
    (out / "profiles.md").write_text(page, encoding="utf-8")
    print(page)


if __name__ == "__main__":
    main()
