"""The page of `bench/profiles.py`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

NOTES = """\
`A -> B`: percent in the source's logs, then in the replay. After: own/partner's last move CC, CD,
DC, DD. By D, by C: visible defections and cooperations of the partners, 0/1/2/3/4-5/6-10/>10.
The last columns are the largest deviations in points among cells with at least .5 % of the
decisions.

What the tables do not identify:

- A profile has up to 18 coefficients for as many published cells: agreement shows that the fit
  found the cells, no more. Not fitted to: the last table, and cooperation overall.
- In a full window C and D add up to its length, so how the levels of C and of D share an effect is
  open; a small ridge decides. Their joint effect at the source's own window is what is fixed.
- Windows longer than the source's (3 in CoopEval, 10 in Nicer than Humans and FAIRGAME) are
  extrapolation: beyond the levels seen there, a level is as the one before.
- Partners react in all sources but Nicer than Humans; there, coefficients are associations.
- Whose runs differ (two personas in FAIRGAME, prompts, six models pooled) averages to a player that
  no single run resembles; differences between runs and slow drifts over rounds are lost. FAIRGAME's
  dilemma is left out: its personas are mixtures of near-certain cooperators and defectors, or its
  labels do not agree with what was played.
- Akata's mix of partners is assumed; the lifetime totals that Nicer than Humans prints are ignored.
- Any answer to bargaining is set by hand: no source bargains.
"""

INERTIA = """\
## S4: the balance of evidence with own-move inertia

S3 carries the published cells of the memory curse, S4 the logs. "As estimated" puts the source's
estimates together as they are (o halved, for +1 and -1): it overshoots, since b, g and r were
estimated without own moves. "Fitted" has b, g and r by replay and is what ships. One term for own
moves cannot make the partner's move matter more after own cooperation than after own defection, so
CD stays too high and DD too low; the profiles above do not have that limit.
"""

OLDER = """\
## An older defection, at equal recent play

P(cooperate) where the partner's last two moves are kind and one at lag 3-4 is not, hidden by the
window and visible. `adjusted`: the mean change by it, all else equal. An older cooperation after
two defections repairs nothing measurable in the source (log-odds -.24, standard error .27); in
these six players it adds nothing.
"""

CHECKS = """\
## Against a partner that always defects

Nothing was fitted to these.
"""


def markdown(result: Mapping[str, Any]) -> str:
    """The result as a page."""
    quick = " --quick" if result["quick"] else ""
    wanted = result["wanted"]
    lines = [
        "# Fitted players beside the play they were fitted to",
        "",
        f"**{result['label']}**",
        "",
        f"Made by `python bench/profiles.py{quick}` on {result['date']}; seed {result['seed']}; "
        f"{result['platform']}; Python {result['python']}.",
        "",
        NOTES,
        *_within(result["rows"]),
        "",
        *_table(result["rows"], "type"),
        "",
        INERTIA,
        *_table(result["inertia"], "how"),
        "",
        OLDER,
        "| player | log-odds | hidden | visible | adjusted, points |",
        "|---|---|---|---|---|",
        f"| the source, all six | -.92 | {wanted['hidden']} | {wanted['visible']} "
        f"| {wanted['adjusted']} |",
        *map(_older, result["older"]),
        "",
        CHECKS,
        *_table(result["checks"], None),
        "",
        "## Sources",
        "",
        *(
            f"- {one['citation']}; {one['repository']}; {one['licence']}. Design: {one['design']}."
            for one in result["sources"].values()
        ),
    ]
    return "\n".join(lines) + "\n"


def _within(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """How many players are near their table."""
    lines = [
        "| largest deviation | players | within 3 points | within 5 points |",
        "|---|---|---|---|",
    ]
    for key, words in (("first", "first move"), ("after", "after"), ("bad", "D"), ("good", "C")):
        gaps = [row["deviation"][key] for row in rows if row["deviation"][key] is not None]
        near = [sum(gap <= bound for gap in gaps) for bound in (3, 5)]
        lines.append(f"| {words} | {len(gaps)} | {near[0]} | {near[1]} |")
    return lines


def _older(row: Mapping[str, Any]) -> str:
    return (
        f"| {row['name']} | {row.get('odds', '')} | {100 * row['hidden']:.1f} "
        f"| {100 * row['visible']:.1f} | {100 * row['adjusted']:.1f} |"
    )


def _table(rows: Sequence[Mapping[str, Any]], extra: str | None) -> list[str]:
    head = f" {extra} |" if extra else ""
    lines = [
        f"| player |{head} cooperation | first | after | by D | by C | first | after | D | C |",
        f"|---|{'---|' if extra else ''}---|---|---|---|---|---|---|---|---|",
    ]
    for row in rows:
        cells = [row["name"], *([row[extra] or ""] if extra else [])]
        cells += [f"{row[key][0]:g} -> {row[key][1]:g}" for key in ("cooperation", "first")]
        cells += [" -> ".join(map(_column, row[key])) for key in ("after", "bad", "good")]
        gaps = row["deviation"]
        cells += [_gap(gaps[key]) for key in ("first", "after", "bad", "good")]
        lines.append(f"| {' | '.join(cells)} |")
    return lines


def _column(values: Sequence[float | None]) -> str:
    shown = list(values)
    while shown and shown[-1] is None:
        shown.pop()
    return "/".join("-" if v is None else f"{v:.0f}" for v in shown)


def _gap(value: float | None) -> str:
    return "-" if value is None else f"{value:.1f}"
