"""The result of `human.py` as a page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from human_players import FEW, OUTCOMES, SOURCE

from agentmem.bench.surrogates import LABEL
from agentmem.bench.surrogates.human import LONG


def answer(rows: Mapping[str, Mapping[str, Any]], chosen: Mapping[str, Any]) -> list[str]:
    """Which memory predicts people best, in sentences."""

    def said(name: str) -> str:
        gap, error = rows[name]["difference"]
        return f"{name} {gap:+.4f} +- {error:.4f}"

    def best(*starts: str) -> str:
        found = [name for name in rows if name.startswith(starts) and "own" not in name]
        return said(min(found, key=lambda name: float(rows[name]["loss"][0])))

    gap, error = chosen["gaps to the best"][chosen["simplest"]]
    return [
        f"Of all, {said(chosen['best'])}: the players whose names end in `{LONG}`.",
        f"Of fewest parameters within one standard error of its loss (up to {chosen['limit']:.4f}; "
        f"the rule of Breiman et al. 1984): {chosen['simplest']}, the other players. Paired, it is "
        f"{gap:+.4f} +- {error:.4f} from the best.",
        f"Remembering the partner alone, {best('window-')} and {best('decayed counts')}; one's own "
        f"last move alone, {said('own last move (inertia)')}; S3 fitted freely, "
        f"{said('S3 (balance of evidence)')}, {said('S3 + inertia')}.",
        f"Beside both last moves, longer counts of the partner: {best('memory-1 + window')}, "
        f"{said('memory-1 + decayed')}; of own moves too, "
        f"{said('memory-1 + window-all, own too')}.",
        f"Two rounds in their order: {said('memory-2')}; with counts of the partner "
        f"{said('memory-2 + window-all')}, of own moves too "
        f"{said('memory-2 + window-all, own too')}.",
    ]


def earlier(later: Sequence[Mapping[str, Any]], first: Sequence[Mapping[str, Any]]) -> str:
    """What memory of earlier games is worth, in a sentence."""
    names = ("earlier partners", "own earlier games")
    parts = []
    for title, rows in (("later choices", later), ("first moves", first)):
        gaps = {row["model"].removeprefix("this game + "): row["difference"] for row in rows}
        worth = ", ".join(f"{name} {gaps[name][0]:+.4f} +- {gaps[name][1]:.4f}" for name in names)
        parts.append(f"{title}, {worth}")
    return f"Of earlier games, against this game alone: {'; '.join(parts)}."


def table(rows: Sequence[Mapping[str, Any]], names: Sequence[str]) -> list[str]:
    """One table of models as lines of Markdown."""
    lines = [
        "| model | k | loss +- SE | against the reference | other sessions | a fit for each "
        f"treatment | against the reference | {' | '.join(names)} |",
        "|---|---|---|---|---|---|---|" + "---|" * len(names),
    ]
    for row in rows:
        cells = [f"{row['loss'][0]:.4f} +- {row['loss'][1]:.4f}"]
        cells += ["{:+.4f} +- {:.4f}".format(*row["difference"]), f"{row['other sessions']:.4f}"]
        cells += [f"{row['by treatment'][0]:.4f}"]
        cells += ["{:+.4f} +- {:.4f}".format(*row["by treatment, difference"])]
        cells += [f"{row['treatments'][name]:.4f}" for name in names]
        lines.append(f"| {row['model']} | {row['parameters']} | {' | '.join(cells)} |")
    return lines


def replay_table(found: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """People against their players, as lines of Markdown."""
    lines = [
        f"| player | {' | '.join(f'after {k}' for k in OUTCOMES)} | first move | replay: "
        "outcome, round | among themselves: outcome, round | one step ahead: outcome, round |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for name, one in found.items():
        real, made = one["people"], one["replay"]
        cells = [f"{real['after'][k][0]:.3f} / {made['after'][k][0]:.3f}" for k in OUTCOMES]
        cells += [f"{real['rounds'][0][0]:.3f} / {made['rounds'][0][0]:.3f}"]
        for gaps in one["distance"].values():
            cells += [f"{gaps['after']:.3f}, {gaps['round']:.3f}"]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return lines


def page(result: Mapping[str, Any]) -> str:
    """The result as a page."""
    names, choices_of = result["treatments"], result["choices"]
    lines = [
        "# human",
        "",
        f"Made by `{result['command']}` on {result['date']}; seed {result['seed']}; "
        f"{result['persons']} persons in {result['sessions']} sessions, {choices_of['first']:,} "
        f"first and {choices_of['later']:,} later choices; {result['folds']} folds of persons; "
        f"Python {result['python']}, numpy {result['versions']['numpy']}, "
        f"scipy {result['versions']['scipy']}.",
        "",
        f"Source: {SOURCE}",
        "",
        "Held-out log loss in nats per choice; `+-` is one standard error, clustered by person; "
        "differences are paired on the same choices, negative is better; k coefficients. One fit "
        "to all treatments has the chance of going on, R and their product beside the memory; "
        "`other sessions` is the loss where whole sessions are held out, not persons. A window or "
        "count reaches back within one game; a half-life without a figure is chosen in the "
        "training folds. A standard normal prior holds all coefficients but the constant.",
        "",
        "What counts of own moves add may be who somebody is rather than what they remember: "
        "within a person the two cannot be told apart here. Games had a mean of "
        f"{(choices_of['first'] + choices_of['later']) / choices_of['first']:.1f} rounds, so these "
        "data say little about long memories.",
        "",
        "## Which memory policy predicts people best?",
        "",
        "After the first round of a game, against memory-1 (nats per choice):",
        "",
        *(f"- {sentence}" for sentence in result["answer"]),
        "",
        *table(result["later"], names),
    ]
    for title, part in (("later choices", "carried"), ("first moves", "first")):
        lines += ["", f"## What is carried from earlier games: {title}", ""]
        lines += table(result[part], names)
    lines += ["", "## The players", "", f"{LABEL}; these are fitted to people.", ""]
    lines += [
        "Cooperation of people / of their player in the replay, and greatest distances after an "
        f"outcome and in a round of {FEW} choices or more. Replay: the player against the moves "
        "that people's partners made, which do not answer to it, so that memories longer than one "
        "round meet histories that nobody had. Among themselves: two players in games of the same "
        "lengths. One step ahead: the chance of each choice, along people's own histories.",
        "",
    ]
    return "\n".join([*lines, *replay_table(result["replay"])]) + "\n"
