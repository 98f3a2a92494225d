"""Freshness against recall, without any LLM: does what is newer come first, and at what price?

    python bench/freshness.py PATH/memorycode.jsonl PATH/locomo.json [--out FOLDER]

MemoryCode (Rakotonirina et al. 2025, arXiv 2502.13791; Apache-2.0): mentors give coding
instructions over up to 50 sessions and change some of them later.  An instruction with two or more
versions is a case.  It is asked for by the words that all its versions have in common, in their
order; the last session that sets it is fresh, the earlier ones are stale.  A case counts if the
best hit of the fresh session, among the first 20, comes before any of a stale one.  Sessions are
fed a week apart, in two ways: message by message, a second apart (the headline), and as one text,
which the default store cuts into pieces.

LoCoMo is fed and asked as in `locomo.py`; what is fed is kept, so that each policy opens a copy.
Each policy is measured twice: with the newer going before the older of records about the same thing
(`recall: {interference: ...}`), as is the default, and without.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from itertools import product
from operator import attrgetter
from pathlib import Path
from statistics import mean
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

from fed import BOUNDS, Asked, Told, ask, feed_chats, feed_code
from frontier import frontier
from locomo import CATEGORIES, KS
from measure import circumstances, destination

from agentmem import registry
from agentmem.core import Policy

ROOM = 0.5  # share of the records, or of their words, that a bounded policy has room for
SETTINGS: dict[str, list[dict[str, Any]]] = {  # other than each policy's own
    "ebbinghaus": [{"floor": 0.9}, {"floor": 0.5}, {"floor": 0.2}],
    "ttl": [{"ttl": "90d"}],
    "window": [{"n": 200}],
}
VERBS = ("weight", "expiry", "maintain")  # how a policy ranks or removes
NONE = "no forgetting"
NEWER = "policy, newer before older"
ALONE = "policy alone (`recall: {interference: 0}`)"
POINT = 0.01  # of recall@10 that freshness may cost
PLAIN = {"recall": {"interference": 0.0}}
GRID = [
    {"recall": {"interference": interference, "shared": shared, "alike": alike}}
    for interference, shared, alike in product((0.3, 0.4), (0.5, 0.66, 0.75), (0.0, 0.45))
]


def arms() -> dict[str, list[Any]]:
    """Every registered policy that ranks or removes, by itself."""
    found: dict[str, list[Any]] = {NONE: []}
    for name in registry.names("policies"):
        cls: Any = registry.find("policies", name)
        if not any(getattr(cls, verb) is not getattr(Policy, verb) for verb in VERBS):
            continue  # it only presents
        bounds = {one.name: ROOM for one in fields(cls) if one.name in BOUNDS}
        own = {**bounds, "remove": True} if bounds else {}
        for more in SETTINGS.get(name, [{}]):
            shown = ", ".join(f"{k} {v}" for k, v in {**bounds, **more}.items())
            found[f"{name} ({shown})" if shown else name] = [{name: {**own, **more}}]
    return found


class Measured(NamedTuple):
    """All questions under one configuration."""

    code: list[Asked]
    whole: list[Asked]
    chats: list[Asked]


@dataclass(frozen=True)
class Bench:
    """What has been fed."""

    code: Sequence[Told]
    whole: Sequence[Told]
    chats: Sequence[Told]

    def measure(self, options: Mapping[str, Any]) -> Measured:
        return Measured(*(ask(told, options) for told in (self.code, self.whole, self.chats)))


def share(asked: Sequence[Asked], at: int = 0) -> float:
    return mean(one.figures[at] for one in asked)


def row(arm: str, measured: Measured) -> dict[str, Any]:
    """One line of a table."""
    line: dict[str, Any] = {"arm": arm, "cases": len(measured.code)}
    for key, asked in (("fresh", measured.code), ("fresh, whole sessions", measured.whole)):
        line[key] = round(share(asked), 4)
        line[f"{key}, count"] = round(sum(one.figures[0] for one in asked))
    line["questions"] = len(measured.chats)
    return line | {f"recall@{k}": round(share(measured.chats, i), 4) for i, k in enumerate(KS)}


def kinds(measured: Measured) -> list[dict[str, Any]]:
    """The questions of LoCoMo by category."""
    parts = {
        kind: [one for one in measured.chats if one.kind == kind] for kind in CATEGORIES.values()
    }
    return [row(kind, measured._replace(chats=asked)) for kind, asked in parts.items()]


def held_out(bench: Bench) -> list[dict[str, Any]]:
    """Does choosing the settings on these data flatter them?

    The questions of each conversation of LoCoMo, and those of an equal part of the MemoryCode
    histories, are asked with that setting of GRID which is freshest on the other parts, of those
    that lose at most POINT of recall@10 on the other conversations.
    """
    plain = bench.measure(PLAIN)
    tried = [bench.measure(options) for options in GRID]
    folds = len(bench.chats)

    def fitness(one: Measured, fold: int) -> tuple[bool, float]:
        fresh = [each for each in one.code + one.whole if each.source % folds != fold]
        recall, bound = (
            share([each for each in asked if each.source != fold], KS.index(10))
            for asked in (one.chats, plain.chats)
        )
        return recall >= bound - POINT, share(fresh)

    best = []
    for fold in range(folds):
        ratings = [fitness(one, fold) for one in tried]
        best.append(tried[ratings.index(max(ratings))])
    asked = Measured(
        *(
            [each for i, one in enumerate(best) for each in part(one) if each.source % folds == i]
            for part in (attrgetter(name) for name in Measured._fields)
        )
    )
    names = [", ".join(f"{k} {v:g}" for k, v in options["recall"].items()) for options in GRID]
    return [
        row("chosen on the other parts", asked),
        *(row(name, measured) for name, measured in zip(names, tried, strict=True)),
    ]


def table(title: str, rows: Sequence[Mapping[str, Any]]) -> list[str]:
    head = " | ".join(f"LoCoMo recall@{k}" for k in KS)
    lines = [
        "",
        f"| {title} | fresh first, by messages | fresh first, whole sessions | {head} |",
        f"|---|---|---|{'---|' * len(KS)}",
    ]
    for one in rows:
        parts = [
            f"{one[key]:.3f} ({one[f'{key}, count']} of {one['cases']})"
            for key in ("fresh", "fresh, whole sessions")
        ]
        parts += [f"{one[f'recall@{k}']:.3f}" for k in KS]
        lines.append(f"| {one['arm']} | {' | '.join(parts)} |")
    return lines


def tables(bench: Bench) -> dict[str, list[dict[str, Any]]]:
    """Every table; the two of the policies are aligned and begin with the default."""
    default, without = bench.measure({}), bench.measure(PLAIN)
    plain, newer = [row("default", without)], [row("default", default)]
    for arm, policies in arms().items():
        plain.append(row(arm, bench.measure({"policies": policies, **PLAIN})))
        newer.append(row(arm, bench.measure({"policies": policies})))
    return {
        "default configuration": [row("all questions", default), *kinds(default)],
        "the same without `interference`": [row("all questions", without), *kinds(without)],
        NEWER: newer,
        ALONE: plain,
        f"choice among {len(GRID)} settings": held_out(bench),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n\n")[0])
    parser.add_argument("memorycode", type=Path)
    parser.add_argument("locomo", type=Path)
    parser.add_argument("--out", type=Path, default=None)
    options = parser.parse_args()
    facts = circumstances(0, False)
    with TemporaryDirectory() as folder:
        bench = Bench(
            code=list(feed_code(options.memorycode, Path(folder), whole=False)),
            whole=list(feed_code(options.memorycode, Path(folder), whole=True)),
            chats=list(feed_chats(options.locomo, Path(folder))),
        )
        found = tables(bench)
    out = destination(options.out, False)
    result = {"benchmark": "freshness", **facts, "tables": found}
    (out / "freshness.json").write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    command = f"python bench/freshness.py {options.memorycode.name} {options.locomo.name}"
    (out / "freshness.svg").write_text(drawn(found, command), encoding="utf-8")
    first = found[NEWER][0]
    lines = [
        "# freshness",
        "",
        f"Made by `{command}` on {facts['date']}: {first['cases']} updated instructions of "
        f"{len(bench.code)} MemoryCode histories, {first['questions']} LoCoMo questions of "
        f"categories 1-4 in {len(bench.chats)} conversations; no LLM, nothing random.  What is "
        f"bounded by number or words has room for {ROOM:g} of them.",
        "",
        "![Freshness against recall](freshness.svg)",
    ]
    lines += [line for title, rows in found.items() for line in table(title, rows)]
    (out / "freshness.md").write_text("\n".join(lines) + "\n", encoding="utf-8")
    print("\n".join(lines))


def drawn(found: Mapping[str, Sequence[Mapping[str, Any]]], command: str) -> str:
    """The plot of the two tables of policies."""
    plain, newer = found[ALONE], found[NEWER]
    note = f"{command}: {newer[0]['cases']} cases, {newer[0]['questions']} questions; no LLM"
    least = next(one["recall@10"] for one in plain if one["arm"] == NONE) - POINT
    return frontier(plain, newer, least, note)


if __name__ == "__main__":
    main()
