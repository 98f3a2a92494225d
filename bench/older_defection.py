"""What an older defection costs at equal recent play, under every arm of the catalogue.

    python bench/older_defection.py [--quick] [--seed N] [--out FOLDER]

Forty rounds of the prisoner's dilemma in which both were kind, but for one defection of the partner
at lag 3 to 39; each arm's memory shows them as it does, and players that are simulated decide.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from measure import arguments, circumstances, destination

from agentmem import catalogue
from agentmem.bench.games import Prisoners
from agentmem.bench.loading import read_suite
from agentmem.bench.older import Asked, asked, chance_of
from agentmem.bench.suite import Arm
from agentmem.bench.surrogates import LABEL, model
from agentmem.reading import Reader

ROUNDS = 40
NEAR = (3, 4)  # as in the source
FAR = (5, 6, 8, 12, 20, 39)
SEEDS = 12
PLAYERS = (
    "gpt4o-pd-coopeval",
    "qwen-pd-coopeval",
    "gpt5.2-pd-coopeval",
    "gemini-io-pd-coopeval",
    "sonnet-pd-coopeval",
    "llama3-pd-nicer",
    "s4-gpt4o-pd",
    "oss20b_pd",
    "immune",
)
NOTES = """\
Points of cooperation that one defection of the partner costs after its last two moves were kind:
P(cooperate) with it minus P(cooperate) without it, each as the arm's memory renders 40 rounds.
`seen`: share of the prompts in which that round stands as it was, in percent.

- The first five players are fitted to CoopEval's dilemma; at lag 3-4, where it is visible, gpt4o,
  qwen and gpt5.2 have the source's log-odds (-.96, -1.2, -1.3; pooled -7.6 points), Gemini and
  Sonnet none. Beyond lag 4, and with more than 4 visible rounds, that is extrapolation.
- Fitted players read lines of play only: counts and notes without lines leave them at their first
  move. `oss20b_pd`, `immune` and `s4-gpt4o-pd` read totals and words as well.
- The player itself was kind in all rounds, where cooperation is near its ceiling, so that the same
  log-odds are fewer points here than in the source, which averages over own moves.
- A zero has two causes: the memory hides the round, or the player does not mind it.
- Under `random` and `shuffled` the last visible move need not be the last one played, so what is
  older may stand where the recent stands.
- Left out: arms that ask the player's own model for a summary.
"""
MIRROR = """\
## The mirror

One kind move at lag 3-4 before unkind ones, under `p03-full`; the source finds no repair.
"""

Asks = Mapping[tuple[int, int], Asked]  # by lag (0: none) and seed


def arms() -> list[Arm]:
    """Every arm of the catalogue that asks no model."""
    content = {
        "games": {"prisoners": {}},
        "players": [f"surrogate:{PLAYERS[0]}"],
        "arms": list(catalogue.entries("arms")),
    }
    found = read_suite(Reader("older_defection"), content, "older_defection").arms
    return sorted((arm for arm in found if not arm.recall(0).asks_model), key=lambda arm: arm.name)


def render(arm: Arm, lags: Sequence[int], seeds: Sequence[int], *, mirror: bool = False) -> Asks:
    """What a seat under an arm is asked after each history."""
    any_model = model(PLAYERS[0])
    return {
        (lag, seed): asked(
            any_model, arm.recall(0), Prisoners(), history=(lag, mirror, seed), rounds=ROUNDS
        )
        for lag in (0, *lags)
        for seed in seeds
    }


def seen(asks: Asks, lags: Sequence[int]) -> float:
    """0..1: how often the odd round stands in the prompt as it was."""
    hits = []
    for (lag, _), what in asks.items():
        if lag in lags:
            number = ROUNDS + 1 - lag
            odd = what.game.uniform(number, kind=False, but={0: True})
            hits.append(what.game.lines(odd, 0)[0].text in what.prompt)
    return sum(hits) / len(hits)


def effects(asks: Asks, player: str, lags: Sequence[int]) -> dict[str, float]:
    """P(cooperate) without and with the odd move, and the difference, in points."""
    who = model(player)
    without = [chance_of(who, what) for (lag, _), what in asks.items() if not lag]
    with_one = [chance_of(who, what) for (lag, _), what in asks.items() if lag in lags]
    means = [100 * sum(part) / len(part) for part in (without, with_one)]
    return {
        "without": round(means[0], 1),
        "with": round(means[1], 1),
        "effect": round(means[1] - means[0], 1) + 0.0,  # no negative zero
    }


def measured(quick: bool, seed: int) -> dict[str, Any]:
    far = FAR[:1] if quick else FAR
    seeds = range(seed, seed + (1 if quick else SEEDS))
    rows, mirror = [], []
    for arm in arms():
        asks = render(arm, (*NEAR, *far), seeds)
        for where, lags in (("near", NEAR), ("far", far)):
            found = {player: effects(asks, player, lags) for player in PLAYERS}
            shown = round(100 * seen(asks, lags), 1)
            rows.append({"arm": arm.name, "lags": where, "seen": shown, "players": found})
        if arm.name == "p03-full":
            turned = render(arm, NEAR, seeds, mirror=True)
            mirror = [{"player": p, **effects(turned, p, NEAR)} for p in PLAYERS]
    return {"near": NEAR, "far": far, "rows": rows, "mirror": mirror}


def table(result: Mapping[str, Any], where: str) -> list[str]:
    lines = [
        f"| arm | seen | {' | '.join(PLAYERS)} |",
        f"|---|---|{'---|' * len(PLAYERS)}",
    ]
    for row in result["rows"]:
        if row["lags"] == where:
            cells = [f"{row['players'][player]['effect']:.1f}" for player in PLAYERS]
            lines.append(f"| {row['arm']} | {row['seen']:.0f} | {' | '.join(cells)} |")
    return lines


def markdown(result: Mapping[str, Any]) -> str:
    """The result as a page."""
    quick = " --quick" if result["quick"] else ""
    lines = [
        "# What an older defection costs at equal recent play",
        "",
        f"**{result['label']}**",
        "",
        f"Made by `python bench/older_defection.py{quick}` on {result['date']}; seed "
        f"{result['seed']}; {result['platform']}; Python {result['python']}.",
        "",
        NOTES,
        "## At lag 3-4",
        "",
        *table(result, "near"),
        "",
        f"## At lag {result['far'][0]}-{result['far'][-1]}",
        "",
        *table(result, "far"),
        "",
        MIRROR,
        "| player | without | with | points |",
        "|---|---|---|---|",
        *(
            f"| {row['player']} | {row['without']:.1f} | {row['with']:.1f} | {row['effect']:.1f} |"
            for row in result["mirror"]
        ),
    ]
    return "\n".join(lines) + "\n"


def main(argv: Sequence[str] | None = None) -> None:
    options = arguments(__doc__).parse_args(argv)
    result = {
        "benchmark": "older_defection",
        "label": LABEL,
        **circumstances(options.seed, options.quick),
        **measured(options.quick, options.seed),
    }
    out = destination(options.out, options.quick)
    out.mkdir(parents=True, exist_ok=True)
    text = json.dumps(result, indent=1) + "\n"
    (out / "older_defection.json").write_text(text, encoding="utf-8")
    page = markdown(result)
    (out / "older_defection.md").write_text(page, encoding="utf-8")
    print(page)


if __name__ == "__main__":
    main()
