"""What a report says in words: findings, memories and figures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from agentmem.bench.report.picks import Row, best
from agentmem.bench.report.plots import front
from agentmem.bench.stats.bootstrap import bca
from agentmem.bench.stats.estimands import paired
from agentmem.bench.suite import SELF
from agentmem.bench.table import short, signed

REGIMES = {
    "immune": "immune: 95 % or more at every window",
    "cursed": "cursed: the interval of the slope lies above 0",
    "neither": "neither immune nor cursed",
}


def against(opponent: str) -> str:
    return "self-play" if opponent == SELF else f"against {short(opponent)}"


def points(gap: Row | None) -> str:
    """A difference in percentage points: `+47.1 [31.7, 58.6]`."""
    if gap is None:
        return "-"
    interval = gap["interval"]
    spread = f" [{', '.join(number(100 * end) for end in interval)}]" if interval else ""
    return number(gap["pp"], sign=True) + spread


def number(value: float, digits: int = 1, *, sign: bool = False) -> str:
    """A number with a real minus; no sign before zero."""
    text = f"{value:{'+' if sign else ''}.{digits}f}".replace("-", "−")
    bare = text.lstrip("+−")
    return bare if float(bare) == 0 else text


def chance(p: float | None) -> str:
    """A p or q: `.012`, or `<.001`."""
    if p is None:
        return "-"
    return "<.001" if p < 0.0005 else f"{p:.3f}".removeprefix("0")


def glance(line: Row, result: Mapping[str, Any]) -> str:
    """A sentence on what a long window does, for the arm with the longest one; else nothing."""
    windows = [x["window"] for x in result["summary"] if x["window"] is not None]
    gap = line["against"].get("window-2")
    if line["opponent"] != SELF or gap is None or line["window"] != max(windows, default=0):
        return ""
    words = result["games"][line["game"]]["headline_words"]
    interval = gap["interval"]
    spread = f" [{signed(interval[0])}, {signed(interval[1])}]" if interval else ""
    modes = "; two modes: the mean describes no run" if line["bimodal"] else ""
    return (
        f"{short(line['player'])}, {line['game']}, self-play: {words} {line['mean']:.2f} with a "
        f"window of {line['window']} rounds, {signed(gap['mean'])}{spread} compared with "
        f"2 rounds{modes}."
    )


def rescued(lines: Sequence[Row]) -> str:
    """A sentence on the best policy: what it wins back, and what that makes it open to."""
    policy = best(lines)
    if policy is None or policy["rescue"] is None:
        return ""
    gaps = [x for x in policy["exploited_against"].values() if x and x["role"] == "full"]
    price = f", and {points(gaps[0])} pp of exploitability" if gaps else ""
    gaps = [x for x in policy["against"].values() if x and x["role"] == "full"]
    won = f" {points(gaps[0])} pp{price} against {gaps[0]['arm']};" if gaps else ""
    return (
        f"{short(policy['player'])}, {policy['game']}, {against(policy['opponent'])}: of all "
        f"policies {policy['arm']} lies highest above its exploitability:{won} rescue ratio "
        f"{ratio(policy['rescue'])}."
    )


def ratio(found: Row) -> str:
    """A rescue ratio with its interval, or why there is none."""
    if found["value"] is None:
        return f"undefined: {found['reason']}"
    if found["interval"] is None:
        return f"{number(found['value'], 2)} (no interval: {found['reason']})"
    low, high = found["interval"]
    return f"{number(found['value'], 2)} [{number(low, 2)}, {number(high, 2)}]"


def curve(found: Row | None) -> str:
    """Slope, area and regime of a window curve."""
    if found is None:
        return ""
    parts = []
    slope, area = found["slope"], found["area"]
    if slope is not None:
        ends = f"2 rounds minus {found['windows'][-1]}"
        parts.append(
            f"Curse slope, {ends}: {points(slope)} pp (n = {slope['n']}, p {chance(slope['p'])})."
        )
    if area is not None:
        ends = area["interval"]
        spread = f" [{ends[0]:.2f}, {ends[1]:.2f}]" if ends else ""
        parts.append(f"Mean height over log2(1 + window): {area['mean']:.2f}{spread}.")
    parts.append(f"Regime: {REGIMES[found['regime']]}.")
    return " ".join(parts)


def on_front(lines: Sequence[Row]) -> str:
    """Which arms lie on the front of the trade-off."""
    names = ", ".join(line["arm"] for line in front(lines))
    return f"On the front, no arm being both more cooperative and less exploitable: {names}."


def memory(recall: Mapping[str, Any]) -> str:
    """How a seat remembers, from a specification: `window 80 + bygones 5`."""
    if recall["k"] == 0:
        return "no memory"
    parts = [_part(one) for key in PARTS for one in recall[key]]
    parts = [part for part in parts if part != "none"] or [f"the last {recall['k']} records"]
    if recall["query"] == "observation":
        parts.append(f"the {recall['k']} most similar")
    return " + ".join(parts)


PARTS = ("stores", "consolidation", "policies", "retrieval")


def _part(dumped: Any) -> str:
    if isinstance(dumped, str):
        return dumped
    return " ".join(f"{name} {_options(options)}".strip() for name, options in dumped.items())


def _options(options: Any) -> str:
    if not isinstance(options, Mapping):
        return str(options)
    if len(options) == 1 and not isinstance(value := next(iter(options.values())), str):
        return str(value)
    return ", ".join(f"{name} {value}" for name, value in options.items())


def mixed(spec: Mapping[str, Any] | None) -> dict[str, list[str]]:
    """The arms with a memory for each seat, and these memories in words."""
    arms = (spec or {}).get("arms", ())
    return {
        arm["name"]: [memory(one) for one in arm["seats"]] for arm in arms if len(arm["seats"]) > 1
    }


def by_seat(line: Row, rows: Sequence[Row], memories: Sequence[str]) -> list[dict[str, Any]]:
    """The headline figure of each seat of an arm, over the runs that tell it seat by seat."""
    name = f"{line['headline']}_by_seat"
    told = [row for row in rows if len(row.get(name) or ()) == len(row["seats"])]
    found = []
    for seat in sorted({seat for row in told for seat in row["seats"]}):
        values = [row[name][row["seats"].index(seat)] for row in told if seat in row["seats"]]
        found.append(
            {
                "arm": line["arm"],
                "seat": f"seat {seat + 1}",
                "memory": memories[seat],
                "values": values,
                "mean": sum(values) / len(values),
                "interval": bca(values),
            }
        )
    return found


def seat_gap(line: Row, rows: Sequence[Row], memories: Sequence[str]) -> str:
    """The difference between the seats of an arm with two kinds of memory, paired within runs."""
    name = f"{line['headline']}_by_seat"
    kinds = list(dict.fromkeys(memories))
    sides: list[dict[int, float]] = [{}, {}]
    for row in rows:
        if len(kinds) == 2 and len(row.get(name) or ()) == len(row["seats"]) == len(memories):
            for side, kind in zip(sides, kinds, strict=True):
                own = [
                    row[name][i] for i, seat in enumerate(row["seats"]) if memories[seat] == kind
                ]
                side[row["seed"]] = sum(own) / len(own)
    gap = paired(*sides)
    if gap is None:
        return ""
    return f"{line['arm']}: seats with {kinds[0]} minus seats with {kinds[1]}: {points(gap)} pp."
