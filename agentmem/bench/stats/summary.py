"""What the runs of a suite say: one line for each arm, one curve for each setting."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np

from agentmem.bench.stats.bootstrap import bca
from agentmem.bench.stats.contrasts import (
    IMMUNE,
    Groups,
    Question,
    Row,
    Setting,
    Words,
    by_seed,
    contrasts,
    groups,
    references,
    windows,
)
from agentmem.bench.stats.estimands import areas, bimodal, curse_slope, rescue

FIGURES = (
    "welfare_norm",
    "reward",
    "flr",
    "grudge_lifetime",
    "memory_tokens",
    "tokens_in",
    "tokens_out",
    "cost",
    "invalid_rate",
)


def summarise(
    rows: Sequence[Row], games: Words, family: Collection[str] | None = None
) -> list[Row]:
    """One line per (game, player, opponent, arm): what the runs of all seeds say.

    `games` gives, by label, the names of the headline figure (`headline`), of the scripted
    opponent that shows gullibility (`exploiter`) and of the figure that shows it (`exploited`).
    `family` names the arms whose comparisons with the references were declared before the runs;
    None: all.  InputError for an arm without runs.

    `mean`, `interval`, `sd`, `bimodal`, `values` are of the headline figure, a value for each seed.
    `against` holds, by `window-N`, the paired difference from that reference (`role`: `short` or
    `full`), as `contrasts` gives it.  `rescue` is None for the references themselves.  `exploited`
    and `exploited_against` come from the arm's runs against the exploiter.  Tokens are means per
    decision.
    """
    found = groups(rows)
    answers = contrasts(found, games, family)
    return [
        _line(found, answers, setting, arm, games) for setting in found for arm in found[setting]
    ]


def _line(
    found: Groups, answers: Mapping[Question, Row], setting: Setting, arm: str, games: Words
) -> Row:
    game, player, opponent = setting
    words = games[game]
    runs = found[setting][arm]
    own = _measured(runs, words["headline"])
    abusive = (game, player, words["exploiter"])
    abused = [] if setting == abusive else found.get(abusive, {}).get(arm, [])
    lost = _measured(abused, words["exploited"])
    return {
        "game": game,
        "player": player,
        "opponent": opponent,
        "arm": arm,
        "window": runs[0].get("window"),
        "headline": words["headline"],
        "runs": len(runs),
        **own,
        "bimodal": bimodal(own["values"]),
        "against": _against(found, answers, setting, arm, words["headline"]),
        "rescue": _rescue(found[setting], arm, words["headline"]),
        "exploited": lost["mean"],
        "exploited_interval": lost["interval"],
        "exploited_against": (
            _against(found, answers, abusive, arm, words["exploited"]) if abused else {}
        ),
        **{name: average(runs, name) for name in FIGURES},
    }


def average(rows: Sequence[Mapping[str, Any]], name: str) -> float | None:
    """Mean of a figure over the runs that have it."""
    values = [row[name] for row in rows if row.get(name) is not None]
    return float(np.mean(values)) if values else None


def _measured(runs: Sequence[Row], figure: str) -> dict[str, Any]:
    values = list(by_seed(runs, figure).values())
    return {
        "values": values,
        "mean": float(np.mean(values)) if values else None,
        "interval": bca(values),
        "sd": float(np.std(values, ddof=1)) if len(values) > 1 else None,
    }


def _against(
    found: Groups, answers: Mapping[Question, Row], setting: Setting, arm: str, figure: str
) -> dict[str, Row | None]:
    """The differences from the references; None from one without a seed in common."""
    against: dict[str, Row | None] = {}
    for name, (role, other) in references(found[setting]).items():
        if other != arm:
            answer = answers.get(Question(setting, arm, other, figure))
            against[name] = None if answer is None else {"role": role, **answer}
    return against


def _rescue(arms: Mapping[str, Sequence[Row]], arm: str, figure: str) -> Row | None:
    """The rescue ratio of an arm, where the setting has both references and it is neither."""
    by_role = dict(references(arms).values())
    if len(by_role) < 2 or arm in by_role.values():
        return None
    short, full = (by_seed(arms[by_role[role]], figure) for role in ("short", "full"))
    return rescue(by_seed(arms[arm], figure), short, full)


def curves(rows: Sequence[Row], games: Words) -> list[Row]:
    """One line per (game, player, opponent) with several windows: what more memory does.

    `windows` and `means` are the curve; `slope` is short minus longest window (None without
    both); `area` the mean height over log2(1 + window).  `regime` is `immune` (every mean >= .95),
    `cursed` (the slope's interval lies above 0) or `neither`.
    """
    found = []
    for (game, player, opponent), arms in groups(rows).items():
        headline = games[game]["headline"]
        measured = {n: by_seed(arms[arm], headline) for n, arm in windows(arms).items()}
        curve = {n: values for n, values in measured.items() if values}
        if len(curve) < 2:
            continue
        by_role = dict(references(arms).values())
        slope = None
        if len(by_role) == 2:
            short, full = (by_seed(arms[by_role[role]], headline) for role in ("short", "full"))
            slope = curse_slope(short, full)
        means = [float(np.mean(list(values.values()))) for values in curve.values()]
        found.append(
            {
                "game": game,
                "player": player,
                "opponent": opponent,
                "headline": headline,
                "windows": list(curve),
                "means": means,
                "slope": slope,
                "area": areas(curve),
                "regime": _regime(means, slope),
            }
        )
    return found


def _regime(means: Sequence[float], slope: Row | None) -> str:
    if min(means) >= IMMUNE:
        return "immune"
    interval = slope and slope["interval"]
    return "cursed" if interval and interval[0] > 0 else "neither"
