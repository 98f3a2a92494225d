"""Needs that recur as a power of the lag, and a store with room for few of the things needed.

    python bench/need.py [--quick] [--seed N] [--out FOLDER]

The world (`agentmem/bench/need.py`): 500 things are learned over half a year; the hazard that one
is needed falls as a power of the hours since it was needed last, and things differ in demand.  A
thing that is still there when it is needed is a hit, and recalled; otherwise it comes back (as by
`restore`) and something else must go.  Told is the share of the clairvoyant keeper's hits: that of
Belady, which drops what is needed latest.  Every registered policy plays, through its own arrays.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import mean
from typing import Any, ClassVar

import numpy as np
from keepers import Keeper, keeper, keepers, records
from measure import arguments, circumstances, destination
from picture import dots

from agentmem.bench.need import HOUR, Needs, clairvoyant, needs, slope
from agentmem.core import Floats, Policy, View
from agentmem.views import KEPT

ROOMS = (0.05, 0.1, 0.2)  # of the things there are
HEAD = 0.1  # the room of the plot
DECAYS = {0.5: 0.015, 0.8: 0.07, 1.0: 0.13}  # and the rate that gives about as many needs
MAIN = 0.8
WORLDS = 3
GOAL = 0.85
CLAIRVOYANT, INFORMED = "*clairvoyant*", "*informed of the law*"
TUNED: dict[str, tuple[str, dict[str, Any]]] = {  # with options of this world
    "actr, decay 0.8": ("actr", {"decay": 0.8}),
}


@dataclass(frozen=True, kw_only=True)
class Informed(Policy):
    """Knows the world's law and numbers, but not the future: the best that can be hoped for.

    The hazard expected of each thing now: the mean of its demand, by the gamma prior and what was
    seen of it (needs, and the integral of u ** -decay over its lags), times lag ** -decay.
    """

    name: ClassVar[str] = "informed"
    decay: float
    rate: float
    shape: float = 1.0

    def weight(self, view: View) -> Floats:
        learned = np.where(view.uses > KEPT, np.nan, view.created)  # else a gap follows it
        seen = np.sort(np.column_stack([learned, view.recalls]), axis=1)  # NaN last
        now = np.full((len(view), 1), view.now)
        until = np.fmin(np.column_stack([seen[:, 1:], now]), view.now)
        lags = np.maximum((until - seen) / HOUR, 1.0)
        risk = np.log(lags) if self.decay == 1.0 else lags ** (1.0 - self.decay) - 1.0
        risk /= 1.0 if self.decay == 1.0 else 1.0 - self.decay
        needed = self.shape + np.isfinite(seen).sum(axis=1) - 1.0
        demand = needed / (self.shape + self.rate * np.nansum(risk, axis=1))
        expected: Floats = demand * np.maximum(view.idle / HOUR, 1.0) ** -self.decay
        return expected / (expected + 1.0)


class Store:
    """The lifecycle of all things, and which are kept."""

    def __init__(self, one: Keeper, items: int) -> None:
        self.keeper = one
        self.all = records(0.0, items)
        self.added = np.zeros(items)  # turn
        self.recalled = np.full(items, -np.inf)  # turn
        self.kept: list[int] = []
        self.known: set[int] = set()

    def view(self, rows: Sequence[int], now: float, turn: int) -> View:
        chosen = self.all.take(np.array(rows, dtype=np.int64))
        return replace(
            chosen,
            now=now,
            turns=turn - self.added[rows],
            idle_turns=turn - self.recalled[rows],
        )

    def need(self, item: int, now: float, turn: int) -> bool:
        """Was it there?  It is afterwards, unless the policy thinks little of it."""
        hit = item in self.kept
        if item not in self.known:
            self.known.add(item)
            self.all.created[item] = self.all.used[item] = now
            self.added[item] = turn
        else:
            self._recall(item, now, turn)
        if not hit:
            self.kept.append(item)
        if len(self.kept) > self.keeper.room:
            out = self.keeper.going(self.view(self.kept, now, turn), turn)
            self.kept = [row for row, gone in zip(self.kept, out.tolist(), strict=True) if not gone]
        return hit

    def _recall(self, item: int, now: float, turn: int) -> None:
        asked = replace(self.view([item], now, turn), share=np.ones(1))
        after = asked.at(self.keeper.policy.touch(asked))
        for name in ("used", "uses", "stability", "recalls"):
            getattr(self.all, name)[item] = getattr(after, name)[0]
        self.recalled[item] = turn


def hits(one: Keeper, world: Needs) -> int:
    """How many needs a keeper meets."""
    store = Store(one, len(world.demand))
    pairs = zip(world.item.tolist(), world.at.tolist(), strict=True)
    return sum(store.need(item, now, turn) for turn, (item, now) in enumerate(pairs, start=1))


def arms(room: int, seed: int, world: Needs) -> dict[str, Keeper]:
    """Every policy, some with other options than their own, and the informed keeper."""
    found = keepers(room, seed)
    informed = Informed(decay=world.decay, rate=DECAYS[world.decay])
    found[INFORMED] = Keeper(informed, room, False)
    for label, (name, options) in TUNED.items():
        made = keeper(name, room, options)
        if made is not None:
            found[label] = made
    return found


def measure(worlds: Sequence[Needs], share: float) -> list[dict[str, Any]]:
    """One room, all arms: share of the clairvoyant's hits, over some worlds; the best first."""
    room = round(share * len(worlds[0].demand))
    shares: dict[str, list[float]] = {}
    bounds: list[float] = []
    for seed, world in enumerate(worlds):
        most = int(clairvoyant(world.item, room).sum())
        bounds.append(most / int(world.again.sum()))
        for label, one in arms(room, seed, world).items():
            met = hits(one, world)
            if one.chose:
                shares.setdefault(label, []).append(met / most)
    rows = [
        {
            "policy": label,
            "of bound": round(mean(values), 4),
            "hit rate": round(mean(v * b for v, b in zip(values, bounds, strict=True)), 4),
            "least": round(min(values), 4),
            "most": round(max(values), 4),
        }
        for label, values in shares.items()
    ]
    rows.append({"policy": CLAIRVOYANT, "of bound": 1.0, "hit rate": round(mean(bounds), 4)})
    return sorted(rows, key=lambda row: -row["of bound"])


def table(results: Mapping[str, Mapping[str, list[dict[str, Any]]]]) -> list[str]:
    """Policies by room, and by decay; those that do the same share a line."""
    main = results[str(MAIN)]
    columns = [(f"decay {MAIN}, room {room}", rows) for room, rows in main.items()]
    columns += [
        (f"decay {decay}, room {HEAD}", rooms[str(HEAD)])
        for decay, rooms in results.items()
        if decay != str(MAIN)
    ]
    alike: dict[tuple[str, ...], list[str]] = {}
    for row in main[str(HEAD)]:
        cells = tuple(of_bound(rows, row["policy"]) for _, rows in columns)
        alike.setdefault(cells, []).append(row["policy"])
    rates = [
        f"{one['hit rate']:.3f}"
        for _, rows in columns
        for one in rows
        if one["policy"] == CLAIRVOYANT
    ]
    return [
        "| policy | " + " | ".join(head for head, _ in columns) + " |",
        "|---|" + "---|" * len(columns),
        *(f"| {', '.join(names)} | " + " | ".join(cells) + " |" for cells, names in alike.items()),
        "| *hit rate of the clairvoyant* | " + " | ".join(rates) + " |",
    ]


def of_bound(rows: Sequence[Mapping[str, Any]], policy: str) -> str:
    """A cell; "-" where the room is too small for the policy."""
    return next((f"{row['of bound']:.3f}" for row in rows if row["policy"] == policy), "-")


def main() -> None:
    options = arguments(__doc__).parse_args()
    facts = circumstances(options.seed, options.quick)
    many = 1 if options.quick else WORLDS
    items = 100 if options.quick else 500
    results: dict[str, dict[str, list[dict[str, Any]]]] = {}
    slopes: dict[str, float] = {}
    counts: dict[str, float] = {}
    for decay, rate in DECAYS.items():
        worlds = [
            needs(items=items, decay=decay, rate=rate, seed=options.seed + i) for i in range(many)
        ]
        slopes[str(decay)] = round(mean(slope(world) for world in worlds), 3)
        counts[str(decay)] = round(mean(len(world) / items for world in worlds), 2)
        rooms = ROOMS if decay == MAIN else (HEAD,)
        results[str(decay)] = {str(room): measure(worlds, room) for room in rooms}
    head = results[str(MAIN)][str(HEAD)]
    best = next(row for row in head if row["policy"] not in (CLAIRVOYANT, INFORMED))
    out = destination(options.out, options.quick)
    out.mkdir(parents=True, exist_ok=True)
    result = {
        "benchmark": "need",
        **facts,
        "worlds": many,
        "items": items,
        "measured slope": slopes,
        "needs an item": counts,
        "goal": {"what": f"best at room {HEAD}", "bound": GOAL, "met": best["of bound"] >= GOAL},
        "share of the clairvoyant's hits": results,
    }
    (out / "need.json").write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    quick = " --quick" if options.quick else ""
    lines = [
        "# need",
        "",
        f"Made by `python bench/need.py{quick}` on {facts['date']}; seed {facts['seed']}, {many} "
        f"worlds of {items} things each; Python {facts['python']}, numpy "
        f"{facts['versions']['numpy']}. Share of the clairvoyant keeper's hits (1 is the bound); "
        "measured slopes of log need against log lag: "
        + ", ".join(f"{value} (decay {decay})" for decay, value in slopes.items())
        + ".",
        "",
        *table(results),
        "",
        f"Goal: the best policy reaches {GOAL} of the bound with room for a tenth: "
        f"{best['policy']}, {best['of bound']:.3f}.",
    ]
    (out / "need.md").write_text("\n".join(lines) + "\n", encoding="utf-8")
    picture = dots(
        [row for row in head if row["policy"] != CLAIRVOYANT],
        "of bound",
        "Recurring needs met, of the most possible",
        f"room for {HEAD:.0%} of the things; {many} worlds; need falls as lag^-{MAIN}",
    )
    (out / "need.svg").write_text(picture, encoding="utf-8")
    print("\n".join(lines))


if __name__ == "__main__":
    main()
