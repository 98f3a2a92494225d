"""A probe as a page."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from agentmem.bench.probe.verdict import FAR, RULES
from agentmem.bench.table import figure


def page(result: Mapping[str, Any]) -> str:
    """Markdown of a result as plain data."""
    games = result["games"]
    lines = [
        f"# Probe of {result['model']}",
        "",
        *([f"*{result['label']}*", ""] if result["label"] else []),
        f"{result['samples']} answers to each memory, answered as `{result['style']}`, seed "
        f"{result['seed']}.",
        "",
        "| game | memories | answers | re-asked | invalid | calls | tokens in | out | cost |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for game in games:
        taken = game["taken"]
        lines.append(
            f"| {game['game']} | {game['memories']} | {game['asked']} | {game['reasked']} "
            f"| {game['invalid']} | {game['calls']} | {taken['tokens_in']:,} "
            f"| {taken['tokens_out']:,} | {taken['cost']:.4f} |"
        )
    for game in games:
        lines += ["", *_game(game)]
    return "\n".join(lines) + "\n"


def _game(game: Mapping[str, Any]) -> list[str]:
    found = game["verdict"]
    return [
        f"## {game['game']}",
        "",
        f"Balance of evidence: {_outcome(found['falsified'])}; deviance {found['deviance']:.1f} "
        f"with {found['degrees']} degrees of freedom, dispersion {found['dispersion']:.2f}.",
        "",
        *_coefficients(found),
        "",
        *_regression(found["regression"]),
        "",
        *_rules(found),
        "",
        *_curve(found),
    ]


def _outcome(falsified: list[str]) -> str:
    return f"**falsified** ({', '.join(falsified)})" if falsified else "not falsified"


def _coefficients(found: Mapping[str, Any]) -> list[str]:
    lines = ["| coefficient | estimate | 95 % interval |", "|---|---|---|"]
    for name, one in found["coefficients"].items():
        ends = [figure(one[end], 3) if one[end] is not None else "open" for end in ("low", "high")]
        lines.append(f"| {name} | {one['value']:.3f} | {' .. '.join(ends)} |")
    if found["unidentified"]:
        what = ", ".join(found["unidentified"])
        lines += ["", f"Open: the answers do not bound {what} on that side."]
    return lines


def _regression(terms: Mapping[str, Any]) -> list[str]:
    lines = [
        "| logistic regression | log-odds | standard error, by memory |",
        "|---|---|---|",
    ]
    lines += [f"| {n} | {one['value']:.3f} | {one['error']:.3f} |" for n, one in terms.items()]
    return lines


def _rules(found: Mapping[str, Any]) -> list[str]:
    lines = ["| falsified if | p | p (Holm) | |", "|---|---|---|---|"]
    for name, rule in found["rules"].items():
        hit = "**yes**" if name in found["falsified"] else "no"
        lines.append(f"| {RULES[name]} | {rule['p']:.4f} | {rule['adjusted']:.4f} | {hit} |")
    return lines


def _curve(found: Mapping[str, Any]) -> list[str]:
    windows = list(found["curve"])
    lines = [
        f"| self-play, window | {' | '.join(map(str, windows))} |",
        f"|---|{'---|' * len(windows)}",
        f"| predicted | {' | '.join(figure(found['curve'][w]) for w in windows)} |",
    ]
    ends = [_ends(found["ends"].get(window)) for window in windows]
    lines.append(f"| 95 % interval | {' | '.join(ends)} |")
    if found["met"]:
        lines += ["", "| window | rounds | runs | played | predicted |", "|---|---|---|---|---|"]
    for one in found["met"]:
        lines.append(
            f"| {one['window']} | {one['rounds']} | {one['runs']} | {figure(one['played'], 3)} "
            f"| {figure(one['predicted'], 3)} |"
        )
    if found["met"]:
        verdict = _outcome([name for name in found["falsified"] if name == "played"])
        lines += ["", f"More than {FAR:.2f} apart at the longest window: {verdict}."]
    return lines


def _ends(ends: tuple[float, float] | None) -> str:
    return "" if ends is None else f"{ends[0]:.2f} .. {ends[1]:.2f}"
