"""Which memory of a repeated game predicts what people do next?  Choices of people, no LLM.

    python bench/human.py [FOLDER] [--write] [--quick] [--seed N] [--out FOLDER]

The data (see `people.py`; not shipped here) are looked for in $AGENTMEM_HUMAN_PD and in a folder
shared/data/human_pd beside the project.  `--write` also writes the players, `human.json` beside
`agentmem/bench/surrogates/human.py`, and the observed averages that their tests use.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from human_page import answer, earlier, page
from human_players import SOURCE, parts, rounded, validated, write
from measure import arguments, circumstances, destination
from people import EARLIER, HALFLIVES, S3, Choices, Linear, People, choices, folder, read

from agentmem.bench.fitting import Array, Labels, folds, held_out, loss, mean_error
from agentmem.bench.surrogates.features import ALL, Form
from agentmem.bench.surrogates.human import LONG, human, name_of
from agentmem.errors import InputError

FOLDS = 10
REFERENCE = "memory-1"
WINDOWS = (1, 2, 3, 5, 10, ALL)
Model = Linear | S3


def shown(rounds: float) -> str:
    return "all" if rounds == ALL else f"{rounds:g}"


def models() -> dict[str, Model]:
    """What is compared on choices after the first round of a game."""
    linear = {
        "base rate": Form(),
        "own last move (inertia)": Form(inertia=True),
        "memory-1": Form(table=1),
        "memory-1 + round number": Form(table=1, rounds=True),
        **{f"window-{shown(n)}": Form(window=n, pull=True) for n in WINDOWS},
        **{f"decayed counts, half-life {shown(h)}": Form(halflife=h) for h in HALFLIVES},
        **{f"memory-1 + window-{shown(n)}": Form(table=1, window=n) for n in WINDOWS[1:]},
        "memory-1 + window-all, own too": Form(table=1, window=ALL, own=True),
        "memory-2": Form(table=2),
        "memory-2 + window-all": Form(table=2, window=ALL),
        "memory-2 + window-all, own too": Form(table=2, window=ALL, own=True),
    }
    chosen = {
        "decayed counts": Form(),
        "memory-1 + decayed": Form(table=1),
        "memory-1 + decayed, own too": Form(table=1, halflife=1, own=True),
        "memory-2 + decayed, own too": Form(table=2, halflife=1, own=True),
    }
    return {
        **{name: Linear(form=form) for name, form in linear.items()},
        **{name: Linear(form=form, halflives=HALFLIVES) for name, form in chosen.items()},
        "S3 (balance of evidence)": S3(),
        "S3 + inertia": S3(inertia=True),
    }


def carried(form: Form) -> dict[str, Model]:
    """The same memory of this game, and what is carried from earlier games."""
    sets: list[tuple[str, ...]] = [(), *((name,) for name in EARLIER)]
    sets += [("experience", "earlier partners"), ("experience", "own earlier games")]
    sets += [tuple(EARLIER)]
    return {" + ".join(("this game", *names)): Linear(form=form, earlier=names) for names in sets}


def together(model: Model, of: Choices, fold: Labels) -> Array:
    """Held-out losses (n,) of one fit to all treatments, which shift the log odds."""
    return loss(held_out(model.chooses(of, True), fold), of.chosen)


def apart(model: Model, of: Choices, fold: Labels) -> Array:
    """Held-out losses (n,) of a fit for each treatment."""
    treatment = of.people.treatment[of.side]
    losses = np.empty(len(of.side))
    for one in np.unique(treatment):
        here = treatment == one
        part = Choices(people=of.people, side=of.side[here], at=of.at[here])
        losses[here] = loss(held_out(model.chooses(part, False), fold[here]), part.chosen)
    return losses


def compare(
    of: Choices, tried: Mapping[str, Model], against: str, seed: int, count: int
) -> dict[str, Any]:
    """Rows of figures for each model, and the losses themselves."""
    person, treatment = of.person, of.people.treatment[of.side]
    fold = folds(person, treatment, count, seed)
    sessions = of.people.session[of.side]
    pooled = {name: together(model, of, fold) for name, model in tried.items()}
    parted = {name: apart(model, of, fold) for name, model in tried.items()}
    rows = []
    for name, model in tried.items():
        strange = together(model, of, sessions)
        rows.append(
            {
                "model": name,
                "parameters": model.parameters,
                "loss": pair(mean_error(pooled[name], person)),
                "difference": pair(mean_error(pooled[name] - pooled[against], person)),
                "other sessions": round(float(strange.mean()), 5),
                "by treatment": pair(mean_error(parted[name], person)),
                "by treatment, difference": pair(
                    mean_error(parted[name] - parted[against], person)
                ),
                "treatments": {
                    treated: round(float(parted[name][treatment == i].mean()), 4)
                    for i, treated in enumerate(of.people.treatments)
                },
            }
        )
    return {"rows": rows, "losses": pooled, "against": against}


def pair(figures: tuple[float, float]) -> list[float]:
    return [round(figure, 5) for figure in figures]


def choose(
    compared: Mapping[str, Any], tried: Mapping[str, Model], person: Labels
) -> dict[str, Any]:
    """The best linear model, and by the one-standard-error rule the simplest.

    Breiman et al. (1984), Classification and Regression Trees, 3.4.3: of fewest parameters among
    those whose loss is within one standard error of the best one's loss.  `gaps to the best` are
    paired, so that a small difference that is no chance is seen, too.
    """
    losses = {name: compared["losses"][name] for name, m in tried.items() if isinstance(m, Linear)}
    best = min(losses, key=lambda name: float(losses[name].mean()))
    limit = sum(mean_error(losses[best], person))
    near = [name for name, each in losses.items() if each.mean() <= limit]
    taken = min(near, key=lambda name: (tried[name].parameters, losses[name].mean()))
    gaps = {name: pair(mean_error(each - losses[best], person)) for name, each in losses.items()}
    return {"best": best, "simplest": taken, "limit": rounded(limit), "gaps to the best": gaps}


def measured(people: People, seed: int, count: int) -> dict[str, Any]:
    """All comparisons."""
    later, first = choices(people, False), choices(people, True)
    tried = models()
    compared = compare(later, tried, REFERENCE, seed, count)
    chosen = choose(compared, tried, later.person)
    rows = {row["model"]: row for row in compared["rows"]}
    games = carried(taken(chosen)[LONG].form)
    carry = compare(later, games, "this game", seed, count)["rows"]
    opening = compare(first, carried(Form()), "this game", seed, count)["rows"]
    return {
        "treatments": people.treatments,
        "persons": len(np.unique(people.person)),
        "sessions": len(np.unique(people.session)),
        "choices": {"first": len(first.side), "later": len(later.side)},
        "folds": count,
        "answer": [*answer(rows, chosen), earlier(carry, opening)],
        "chosen": chosen,
        "later": compared["rows"],
        "carried": carry,
        "first": opening,
    }


def taken(chosen: Mapping[str, Any]) -> dict[str, Linear]:
    """The models of the players, by the end of their names."""
    tried = models()
    found = {end: tried[chosen[which]] for end, which in (("", "simplest"), (LONG, "best"))}
    return {end: model for end, model in found.items() if isinstance(model, Linear)}


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("data", type=Path, nargs="?", default=folder())
    parser.add_argument("--write", action="store_true", help="write the players, too")
    options = parser.parse_args()
    try:
        people = read(options.data)
    except InputError as missing:
        print(f"Skipped: {missing}", file=sys.stderr)
        return
    facts = circumstances(options.seed, options.quick)
    found = measured(people, options.seed, 2 if options.quick else FOLDS)
    if options.write:
        write(people, taken(found["chosen"]))
    found["replay"] = {
        name: validated(some, human(name), options.seed)
        for end in ("", LONG)
        for treatment, some in parts(people).items()
        for name in (f"{name_of(treatment)}{end}",)
    }
    command = f"python bench/human.py{' --quick' if options.quick else ''} --seed {options.seed}"
    facts["versions"]["scipy"] = version("scipy")
    result = {"benchmark": "human", "command": command, "source": SOURCE, **facts, **found}
    out = destination(options.out, options.quick)
    out.mkdir(parents=True, exist_ok=True)
    (out / "human.json").write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    text = page(result)
    (out / "human.md").write_text(text, encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()
