"""The tables of a report: what an arm does and costs, how it compares, how its players behave."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from agentmem.bench.report.picks import Row
from agentmem.bench.report.words import against, chance, number, points, ratio
from agentmem.bench.stats.summary import average
from agentmem.bench.table import figure, short, spread

Table = dict[str, Any]  # title, note, columns, rows of text
TWO_MODES = " *"
LEVEL = "[95\u00a0%]"
HABITS = {  # figure of a row: how a table heads it, and its digits
    "flr": ("FLR", 2),
    "forward_per_1000": ("forward words per 1,000", 1),
    "history_per_1000": ("history words per 1,000", 1),
    "grudge_lifetime": ("grudge lifetime (decisions)", 1),
    "recovery_rate": ("recovery", 2),
    "lock_in": ("lock-in", 2),
    "first_defection_round": ("first defection (round)", 1),
    "retaliation": ("retaliation", 2),
    "claim_share": ("claim share", 2),
    "mean_offer": ("mean offer", 2),
    "own_share": ("own share", 2),
    "efficiency": ("efficiency", 2),
    "fairness": ("fairness", 2),
    "nash_ratio": ("Nash ratio", 2),
    "pareto_distance": ("Pareto distance", 2),
    "rounds_to_deal": ("rounds to a deal", 1),
    "spe_distance": ("distance to SPE", 2),
    "forgiveness_latency": ("forgiveness latency (rounds)", 1),
    "gini": ("Gini", 2),
    "trembles": ("trembles", 1),
}


def tables(lines: Sequence[Row], rows: Sequence[Row], words: Mapping[str, str]) -> list[Table]:
    """The tables of one setting; `lines` of its summary, `rows` its runs."""
    who = f"{short(lines[0]['player'])}, {lines[0]['game']}, {against(lines[0]['opponent'])}"
    runs = {line["arm"]: [row for row in rows if row["arm"] == line["arm"]] for line in lines}
    found = [_outcomes(lines, words, who)]
    if any(gap for line in lines for gap in line["against"].values()):
        found.append(_comparisons(lines, words, who))
    found.append(_conduct(runs, who))
    return found


def _outcomes(lines: Sequence[Row], words: Mapping[str, str], who: str) -> Table:
    columns = {
        "arm": [line["arm"] for line in lines],
        "runs": [str(line["runs"]) for line in lines],
        f"{words['headline_words']} {LEVEL}": [
            spread(line["mean"], line["interval"]) + (TWO_MODES if line["bimodal"] else "")
            for line in lines
        ],
        f"{words['exploited_words'] or 'exploitability'} {LEVEL}": [
            spread(line["exploited"], line["exploited_interval"]) for line in lines
        ],
        "welfare": [figure(line["welfare_norm"]) for line in lines],
        "tokens in": [figure(line["tokens_in"], 0) for line in lines],
        "tokens out": [figure(line["tokens_out"], 0) for line in lines],
        "memory tokens": [figure(line["memory_tokens"], 0) for line in lines],
        "cost": [figure(line["cost"], 4) if line["cost"] else "0" for line in lines],
        "invalid rounds": [figure(line["invalid_rate"], 3) for line in lines],
    }
    known = {head: cells for head, cells in columns.items() if set(cells) != {"-"}}
    return {
        "title": f"Outcome and price: {who}",
        "note": "* two modes: some runs below .2, others above .8; the mean describes none. "
        "Tokens are means per decision; cost is that of a run. An arm whose seats remember in "
        "different ways meets the exploiter in seat 1, or, where seats have different parts, in "
        "each of them.",
        "columns": list(known),
        "rows": [list(cells) for cells in zip(*known.values(), strict=True)],
    }


def _comparisons(lines: Sequence[Row], words: Mapping[str, str], who: str) -> Table:
    gaps = [gap for line in lines for gap in line["against"].values() if gap]
    arms = {role: gap["arm"] for role in ("short", "full") for gap in gaps if gap["role"] == role}
    columns = ["arm"]
    for arm in arms.values():
        columns += [f"pp against {arm} {LEVEL}", "p", "δ", "no harm"]
    columns.append(f"rescue ratio {LEVEL}")
    exploited = any(line["exploited_against"] for line in lines)
    if exploited:
        columns += [f"exploitability: pp against {arm} {LEVEL}" for arm in arms.values()]
    rows = []
    for line in lines:
        cells = [line["arm"]]
        for role in arms:
            cells += _compared(_gap(line["against"], role))
        cells.append("reference" if line["rescue"] is None else ratio(line["rescue"]))
        if exploited:
            cells += [_tested(_gap(line["exploited_against"], role)) for role in arms]
        rows.append(cells)
    tests = {gap["tests"] for gap in gaps if gap["p_holm"] is not None}
    family = f"p is Holm's over a family of {max(tests)}; " if tests else ""
    return {
        "title": f"Paired differences in {words['headline_words']}: {who}",
        "note": f"{family}q, marked so, is Benjamini and Hochberg's over all that is exploratory. "
        "δ is Cliff's. No harm: equivalence within ±3 pp, asked where the reference is at .95 or "
        "above.",
        "columns": columns,
        "rows": rows,
    }


def _gap(gaps: Mapping[str, Row | None], role: str) -> Row | None:
    return next((gap for gap in gaps.values() if gap and gap["role"] == role), None)


def _compared(gap: Row | None) -> list[str]:
    """Difference, p or q, Cliff's delta and the verdict of the equivalence test."""
    if gap is None:
        return ["-"] * 4
    test = gap["no_harm"]
    verdict = test["verdict"] if test else "-"
    if verdict not in ("-", "harm"):
        verdict += f" (p {chance(test['p'])})"
    return [points(gap), _chance(gap), number(gap["delta"], 2, sign=True), verdict]


def _chance(gap: Row) -> str:
    return f"q {chance(gap['q'])}" if gap["p_holm"] is None else chance(gap["p_holm"])


def _tested(gap: Row | None) -> str:
    return "-" if gap is None else f"{points(gap)}, {_chance(gap)}"


def _conduct(runs: Mapping[str, Sequence[Row]], who: str) -> Table:
    """Words and habits; figures that a game does not have are left out."""
    heads = {
        key: head
        for key, head in HABITS.items()
        if any(row.get(key) is not None for rows in runs.values() for row in rows)
    }
    return {
        "title": f"Words and habits: {who}",
        "note": "Means over the runs that have the figure. FLR: forward-looking words among "
        "forward- and backward-looking ones. Recovery: breaks of mutual cooperation mended within "
        "5 rounds. Lock-in: mutual defection in the last 50 rounds. Retaliation: chance of a "
        "hostile move with a harm in view minus that without.",
        "columns": ["arm", *(head for head, _ in heads.values())],
        "rows": [
            [arm, *(figure(average(rows, key), digits) for key, (_, digits) in heads.items())]
            for arm, rows in runs.items()
        ],
    }
