"""How a result was made, in words, from its specification."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from agentmem.bench.report.timeline import rebuilt
from agentmem.bench.report.words import memory
from agentmem.bench.stats.bootstrap import RESAMPLES
from agentmem.bench.stats.contrasts import IMMUNE, REFERENCE
from agentmem.bench.stats.equivalence import MARGIN
from agentmem.bench.stats.estimands import HIGH, LEAST, LOW
from agentmem.bench.table import short

Paragraph = tuple[str, str]  # heading, text

PLAY = (
    "Each seat that is played by a model has a memory of its own: it is told of every round as it "
    "ends, is asked before each decision, under the arm's policies, and puts what it finds before "
    "the model, oldest first unless a policy reorders it. The model is told the rules, that text "
    "and the question, no more. A reply that names no legal move is asked for again up to three "
    "times with the error; then the round is invalid: it stays out of every figure and of every "
    "memory, and is never filled in."
)
NUMBERS = (
    "A run is one match under one seed and counts as one observation; rounds within a run are one "
    "cluster. A seed fixes the order of the action tokens, the chance of scripted players, "
    "trembles and the sampler, by (seed, game, round, seat) and never by arm: arms are compared "
    "seed by seed."
)
FIGURES = (
    f"Intervals are 95 % bias-corrected accelerated bootstrap intervals over runs ({RESAMPLES:,} "
    "resamples). Differences are paired by seed and given in percentage points, with p by flips of "
    "signs and Cliff's δ. Declared before the runs: in the headline figure, each policy against "
    f"the window of {REFERENCE} rounds and against the longest window, a family for each game, "
    "player and opponent; its p are Holm's. All else is exploratory, with Benjamini and Hochberg's "
    "q. The curse slope is the short window minus the longest. The rescue ratio is (policy − "
    f"longest) / (short − longest), undefined where the slope is below {LEAST}. Where a reference "
    f"is at {IMMUNE} or above, two one-sided t tests ask whether a policy stays within "
    f"±{100 * MARGIN:g} pp of it. An arm has two modes where a tenth of its runs or more end below "
    f"{LOW} and a tenth above {HIGH}."
)
MEASURES = (
    "Exploitability is what the game's own exploiter gets out of the same arm: cooperation with an "
    "unconditional defector, or the share of the pie that a hard bargainer takes. The grudge "
    "lifetime is the mean number of decisions at which a record of a harm stays in the prompt, cut "
    "off by the end of the match. Tokens are those the server reports, else characters / 4."
)
SIMULATED = (
    "Simulated players are equations that read nothing but the prompt text; their coefficients "
    "were set or fitted to published figures, and what they do follows from them."
)


def paragraphs(result: Mapping[str, Any], spec: Mapping[str, Any] | None) -> list[Paragraph]:
    """The methods, as headings with a text each."""
    rows = result["rows"]
    invalid = sum(round(row["invalid_rate"] * row["rounds"]) for row in rows if "rounds" in row)
    played = sum(row["rounds"] for row in rows if "rounds" in row)
    found = [("How it was played", PLAY)]
    if spec is not None:
        found.append(("How players were asked", _asked(spec)))
    found += [
        ("Runs and random numbers", f"{NUMBERS} Seeds: {', '.join(map(str, result['seeds']))}."),
        ("Statistics", f"{FIGURES} {_family(spec)}".rstrip()),
        ("Figures", MEASURES),
        ("Exclusions", f"{invalid} of {played} rounds in {len(rows)} runs were invalid."),
    ]
    if spec is not None:
        words = f"Forward- and backward-looking words: dictionaries of version {spec['lexicon']}."
        found.append(("Word lists", words))
    if result["label"]:
        label = result["label"]
        found.append(("Simulated players", f"{SIMULATED} {label[:1].upper()}{label[1:]}."))
    return found


def _family(spec: Mapping[str, Any] | None) -> str:
    if spec is None:
        return ""
    return f"The declared policies: {', '.join(spec.get('family') or ['all'])}."


def _asked(spec: Mapping[str, Any]) -> str:
    hours = spec["round_seconds"] / 3600
    seeds = "with" if spec["sampler_seed"] else "without"
    options = settings(spec.get("serving", {}).get("model", {}))
    return (
        f"A round is {hours:g} h of simulated time. Models are called {seeds} a sampler seed. "
        "Direct: only the JSON answer is asked for; cot: a reasoning before it."
        + (f" Served models: {options}." if options else "")
    )


def games(spec: Mapping[str, Any] | None) -> list[dict[str, Any]]:
    """Each game with its settings, who plays it, and the rules as the seats are told them."""
    return [_game(cell) for cell in spec["cells"]] if spec else []


def _game(cell: Mapping[str, Any]) -> dict[str, Any]:
    game = rebuilt(cell, 0)
    told = []
    if game is not None:
        told = list(dict.fromkeys(game.rules(seat) for seat in range(game.seats)))
    place = "before the memory" if cell.get("rules", "system") == "system" else "after the memory"
    return {
        "label": cell["label"],
        "settings": settings(cell["settings"]),
        "who": ", ".join(short(player) for player in cell["players"]),
        "opponents": ", ".join(short(one) for one in cell["opponents"]),
        "asked": f"{cell.get('form', 'cot')}, rules {place}",
        "rules": told,
    }


def settings(found: Mapping[str, Any]) -> str:
    """A game's settings in a line, with what is not set left out."""
    said = {name: value for name, value in found.items() if value not in (None, "", 0)}
    if found.get("opening") is None:
        said.pop("opened", None)
    return ", ".join(f"{name} {_plain(value)}" for name, value in said.items())


def _plain(value: Any) -> str:
    if isinstance(value, Mapping):
        return " ".join(f"{name}={one}" for name, one in value.items())
    return str(value)


def arms(spec: Mapping[str, Any] | None) -> list[tuple[str, str]]:
    """Each arm with how it remembers; seat by seat, where seats differ."""
    if spec is None:
        return []
    found = []
    for arm in spec["arms"]:
        words = [memory(recall) for recall in arm["seats"]]
        seats = [f"seat {place}: {word}" for place, word in enumerate(words, start=1)]
        found.append((arm["name"], words[0] if len(words) == 1 else "; ".join(seats)))
    return found
