"""What a bounded store still knows: half or a quarter of a long chat kept, without any LLM.

    python bench/budget.py PATH/locomo.json [--out FOLDER]

LoCoMo (Maharana et al. 2024, arXiv 2402.17753; CC BY-NC 4.0, not shipped here): turns are the
units, added in order with their dates; a day after the last session a policy keeps a share of them.
Told is how much of the evidence is still there: for each question of categories 1-4 the share of
its evidence turns that were kept, on average over all questions.  Nobody knows the questions
beforehand, except the clairvoyant, who keeps what serves most of them: the bound.

Every registered policy keeps through its own arrays (`bench/keepers.py`).  The parts of importance
are left out in turn, and its settings chosen without the conversation they are then tried on; the
cues themselves (questions, answers, dates) were found by looking at these conversations.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Mapping, Sequence
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
from keepers import keepers
from locomo import ask, row
from locomo import table as recall_table
from measure import circumstances, destination
from picture import curves
from told import DEFAULT, Chat, Setting, chat

from agentmem.core import Floats

SHARES = (0.1, 0.2, 0.25, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)
HEADS = (0.5, 0.25)
GOALS = {0.5: 0.84, 0.25: 0.62}
CLAIRVOYANT, NEWEST, SURPRISAL = "clairvoyant", "newest first", "surprisal alone"
MARKED = {CLAIRVOYANT: "ink", "budget": "series", SURPRISAL: "alt", NEWEST: "alt--"}
GRID = tuple(product((0.01, 0.001, 0.0001), (0.0, 0.25, 0.5, 1.0), (1, 1.25, 1.5, 2), (1, 1.5, 2)))
PARTS = {
    "all parts": DEFAULT,
    "questions count whole": (*DEFAULT[:1], 1.0, *DEFAULT[2:]),
    "answers count once": (*DEFAULT[:2], 1.0, *DEFAULT[3:]),
    "dates count once": (*DEFAULT[:3], 1.0),
    "none of these cues": (DEFAULT[0], 1.0, 1.0, 1.0),
}


def kept_by(chats: Sequence[Chat], share: float) -> dict[str, float]:
    """Evidence still stored, by policy."""
    shares: dict[str, list[float]] = {}
    for one in chats:
        room = int(share * len(one.kept))
        for name, keeper in keepers(room).items():
            if name == "random":
                continue
            out = keeper.going(one.view, len(one.kept))
            if not keeper.chose:
                continue
            shares.setdefault(name, []).append(float(one.need[~out].sum()))
        plain = np.array([turn.plain() for turn in one.said])
        newest = np.arange(float(len(one.kept)))
        for name, value in ((CLAIRVOYANT, one.need), (SURPRISAL, plain), (NEWEST, newest)):
            shares.setdefault(name, []).append(one.stored(value, room))
        shares.setdefault("random (expected)", []).append(room / len(one.kept))
    asked = [one.questions for one in chats]
    return {name: round(float(np.average(v, weights=asked)), 4) for name, v in shares.items()}


def by_setting(chats: Sequence[Chat], setting: Setting) -> list[list[float]]:
    """Evidence still stored at each of HEADS, by conversation."""
    values = [np.array([turn.told(setting) for turn in one.said]) for one in chats]
    return [
        [one.stored(value, int(share * len(one.kept))) for share in HEADS]
        for one, value in zip(chats, values, strict=True)
    ]


def choice(chats: Sequence[Chat]) -> list[dict[str, Any]]:
    """Does choosing the settings on these data flatter them?  Each conversation once."""
    found = np.array([by_setting(chats, setting) for setting in GRID])  # (settings, chats, heads)
    asked = np.array([one.questions for one in chats], dtype=np.float64)
    rows = []
    held_out = np.zeros(len(HEADS))
    for i, one in enumerate(chats):
        others = np.arange(len(chats)) != i
        score = (found.mean(axis=2) * asked)[:, others].sum(axis=1)
        best = int(score.argmax())
        held_out += found[best, i] * asked[i] / asked.sum()
        rows.append(line(f"{one.name}, by the best setting of the others", found[best, i]))
    default = np.array(by_setting(chats, DEFAULT))
    score = (found.mean(axis=2) * asked).sum(axis=1)
    pooled = (found * asked[:, None]).sum(axis=1) / asked.sum()
    return [
        line("**held out: chosen without the conversation asked about**", held_out),
        *rows,
        line("the default", (default * asked[:, None]).sum(axis=0) / asked.sum()),
        line("best on all conversations", pooled[score.argmax()]),
        line("worst on all conversations", pooled[score.argmin()]),
    ]


def found(samples: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """What a search still finds of the evidence: memory, policy, plan and search together."""
    rows = []
    for head in (1.0, *HEADS):
        policies = [{"budget": {"max_records": head}}] if head < 1.0 else []
        rows.append(row(f"{head:.0%} of the turns kept", ask(samples, {"policies": policies})))
    return rows


def line(arm: str, values: Sequence[float] | Floats) -> dict[str, Any]:
    return {"arm": arm, **{str(h): round(float(v), 4) for h, v in zip(HEADS, values, strict=True)}}


def parts(chats: Sequence[Chat]) -> list[dict[str, Any]]:
    """Importance with a part left out."""
    asked = [one.questions for one in chats]
    return [
        line(name, np.average(by_setting(chats, setting), axis=0, weights=asked))
        for name, setting in PARTS.items()
    ]


def by_length(chats: Sequence[Chat]) -> list[dict[str, Any]]:
    """A share of the words kept instead of the turns."""

    def density(one: Chat) -> Floats:
        return one.view.importance / (1.0 - one.view.importance) / one.view.words

    values: dict[str, Callable[[Chat], Floats]] = {
        "told a word (`word_budget`)": density,
        "importance": lambda one: one.view.importance,
        "the newest": lambda one: np.arange(float(len(one.kept))),
    }
    asked = [one.questions for one in chats]
    rows = []
    for name, value in values.items():
        found = [[one.stored_words(value(one), head) for head in HEADS] for one in chats]
        rows.append(line(name, np.average(found, axis=0, weights=asked)))
    return rows


def table(title: str, rows: Sequence[Mapping[str, Any]]) -> list[str]:
    heads = [str(head) for head in HEADS]
    lines = [
        "",
        f"| {title} | " + " | ".join(f"{float(h):.0%}" for h in heads) + " |",
        "|---|---|---|",
    ]
    return lines + [
        f"| {r['arm']} | " + " | ".join(f"{r[h]:.3f}" for h in heads) + " |" for r in rows
    ]


def grouped(curve: Mapping[str, Mapping[str, float]]) -> list[tuple[str, Mapping[str, float]]]:
    """Policies that keep the same share one line; the best first."""
    alike: dict[tuple[float, ...], list[str]] = {}
    for name, values in curve.items():
        alike.setdefault(tuple(values.values()), []).append(name)
    lines = [(", ".join(sorted(names)), curve[names[0]]) for names in alike.values()]
    return sorted(lines, key=lambda one: -sum(one[1][str(head)] for head in HEADS))


def page(result: Mapping[str, Any], data: str) -> str:
    lines = [
        "# budget",
        "",
        f"Made by `python bench/budget.py {data}` on {result['date']}: {result['conversations']} "
        f"conversations, {result['turns']} turns, {result['questions']} questions of categories "
        "1-4; no LLM, nothing random. Told is the share of the questions' evidence that is still "
        "stored when so much of a conversation is kept. The settings of importance are held out "
        "below; its cues (questions, answers, dates) were found on these conversations.",
        "",
        "| policy | " + " | ".join(f"{share:.0%}" for share in SHARES) + " |",
        "|---|" + "---|" * len(SHARES),
    ]
    for name, values in grouped(result["curve"]):
        cells = " | ".join(f"{values[str(share)]:.3f}" for share in SHARES)
        lines.append(f"| {name} | {cells} |")
    for title, rows in result["tables"].items():
        lines += table(title, rows)
    lines += recall_table("what a search finds, by default settings", result["found"])
    lines += ["", "| goal | measured | bound | met |", "|---|---|---|---|"]
    for goal in result["goals"]:
        met = "yes" if goal["met"] else "**no**"
        lines.append(f"| {goal['what']} | {goal['value']:.3f} | >= {goal['bound']} | {met} |")
    return "\n".join(lines) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n\n")[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("--out", type=Path, default=None)
    options = parser.parse_args()
    samples = json.loads(options.data.read_text(encoding="utf-8"))
    chats = [chat(sample) for sample in samples]
    at = {share: kept_by(chats, share) for share in SHARES}
    curve = {name: {str(share): at[share][name] for share in SHARES} for name in at[SHARES[0]]}
    chosen = choice(chats)
    result = {
        "benchmark": "budget",
        "conversations": len(chats),
        "turns": sum(len(one.kept) for one in chats),
        "questions": sum(one.questions for one in chats),
        **circumstances(0, False),
        "curve": curve,
        "tables": {
            "importance, a part left out": parts(chats),
            f"choice among {len(GRID)} settings": chosen,
            "a share of the words": by_length(chats),
        },
        "found": found(samples),
        "goals": [
            {
                "what": f"held out, {head:.0%} of the turns kept",
                "value": chosen[0][str(head)],
                "bound": bound,
                "met": chosen[0][str(head)] >= bound,
            }
            for head, bound in GOALS.items()
        ],
    }
    out = destination(options.out, False)
    out.mkdir(parents=True, exist_ok=True)
    (out / "budget.json").write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    text = page(result, options.data.name)
    (out / "budget.md").write_text(text, encoding="utf-8")
    shown = {name: [curve[name][str(share)] for share in SHARES] for name in curve}
    picture = curves(
        SHARES,
        shown,
        MARKED,
        "What a bounded store still knows",
        ("share of the turns kept", "share of the evidence still stored"),
        f"LoCoMo, {len(chats)} conversations, {result['questions']} questions",
    )
    (out / "budget.svg").write_text(picture, encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()
