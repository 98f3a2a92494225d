"""The hand-labelled dialogue sentences, and precision and recall of an extractor on them.

Labelled before the rules were written; every third sentence is held out: no rule was changed after
looking at what it gets wrong there.
"""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

_FILE = Path(__file__).parent / "data" / "dialogue_facts.jsonl"


def sentences(*, held_out: bool) -> list[dict[str, Any]]:
    rows = [json.loads(line) for line in _FILE.read_text(encoding="utf-8").splitlines()]
    return [row for i, row in enumerate(rows) if (i % 3 == 2) is held_out]


def precision_recall(pairs: Iterable[tuple[set[Any], set[Any]]]) -> tuple[float, float]:
    """Over all (found, labelled) pairs together."""
    hits = found = labelled = 0
    for got, want in pairs:
        hits, found, labelled = hits + len(got & want), found + len(got), labelled + len(want)
    return hits / found, hits / labelled
