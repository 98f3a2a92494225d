"""Ideas for a better ranking, each tried against the one that `agentmem` has; no LLM.

    python bench/ideas.py PATH/locomo.json [--out FOLDER]

A plain re-implementation of the default ranking over whole arrays, on the questions of
`bench/locomo.py` (without forgetting), to which each idea adds one thing.  Figures differ a little
from those of `bench/locomo.py`: here stems are told apart once, and no candidate is cut off.
"""

from __future__ import annotations

import argparse
import json
import re
import sqlite3
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from locomo import CATEGORIES, KS, evidence
from measure import circumstances, destination
from numpy.typing import NDArray

from agentmem.embed.static import StaticEmbedder
from agentmem.index.stopwords import STOPWORDS
from agentmem.text import words

Floats = NDArray[np.float64]
TEMPORAL = re.compile(
    r"\b(yesterday|today|tonight|tomorrow|last|next|ago|week|weekend|month|years?|days?|recently|"
    r"(mon|tues|wednes|thurs|fri|satur|sun)day|january|february|march|april|may|june|july|august|"
    r"september|october|november|december|20\d\d)\b",
    re.IGNORECASE,
)


def stems(texts: Sequence[str]) -> list[list[str]]:
    """The Porter stems of each text, in order, as SQLite has them."""
    base = sqlite3.connect(":memory:")
    base.execute(
        "CREATE VIRTUAL TABLE t USING fts5(x, tokenize='porter unicode61 remove_diacritics 2')"
    )
    spelled = [(i + 1, " ".join(words(text))) for i, text in enumerate(texts)]
    base.executemany("INSERT INTO t(rowid, x) VALUES (?, ?)", spelled)
    base.execute("CREATE VIRTUAL TABLE v USING fts5vocab(t, 'instance')")
    found: list[list[str]] = [[] for _ in texts]
    for term, doc, _ in base.execute("SELECT term, doc, offset FROM v ORDER BY doc, offset"):
        found[doc - 1].append(term)
    return found


class Chat:
    """One conversation as arrays: n turns, q questions."""

    def __init__(self, sample: Mapping[str, Any]) -> None:
        chat = sample["conversation"]
        keys = sorted(
            (key for key in chat if re.fullmatch(r"session_\d+", key)),
            key=lambda key: int(key.split("_")[1]),
        )
        turns = [(number, turn) for number, key in enumerate(keys) for turn in chat[key]]
        self.texts = [f"{turn['speaker']}: {turn['text']}" for _, turn in turns]
        self.session = np.array([number for number, _ in turns])
        self.asks = np.array([text.rstrip().endswith("?") for text in self.texts])
        place = {turn["dia_id"]: i for i, (_, turn) in enumerate(turns)}
        kept = [q for q in sample["qa"] if q["category"] in CATEGORIES and evidence(q)]
        self.asked = [words(q["question"]) for q in kept]
        self.wanted = [[place.get(name, -1) for name in evidence(q)] for q in kept]
        self.stems = stems(self.texts)
        self.length = np.array([len(one) for one in self.stems], dtype=float)
        held: dict[str, dict[int, int]] = defaultdict(dict)
        for i, one in enumerate(self.stems):
            for stem, count in Counter(one).items():
                held[stem][i] = count
        self.held = held
        common = {stem for one in stems(sorted(STOPWORDS)) for stem in one}
        whole = stems([q["question"] for q in kept])
        self.whole = [list(dict.fromkeys(one)) for one in whole]
        self.terms = [[stem for stem in one if stem not in common] for one in self.whole]
        self.common = common
        embed = StaticEmbedder().embed
        self.vectors = embed(self.texts).astype(float)
        self.cosine = np.maximum(embed([q["question"] for q in kept]) @ self.vectors.T, 0.0)
        speakers = [turn["speaker"].lower() for _, turn in turns]
        self.named = np.array([[name in ws for name in speakers] for ws in self.asked], dtype=float)

    def idf(self, stem: str) -> float:
        n, holding = len(self.texts), len(self.held.get(stem, ()))
        return float(np.log1p((n - holding + 0.5) / (holding + 0.5)))

    def word(self, stem: str, k1: float, b: float, tf: bool) -> Floats:
        """BM25 without idf, shape (n,), at most 1 for a single occurrence."""
        found = np.zeros(len(self.texts))
        at = np.array(list(self.held.get(stem, {})), dtype=int)
        counts = np.array(list(self.held.get(stem, {}).values()), dtype=float) if tf else 1.0
        norm = k1 * (1 - b + b * self.length[at] / self.length.mean())
        found[at] = (1 + k1 * (1 - b)) * counts / (counts + norm)
        return found

    def spread(
        self, found: Floats, fading: float, reach: int, question: float, sums: bool
    ) -> Floats:
        """With what neighbours in the session lend, over the last axis."""
        total = found.copy()
        join = np.add if sums else np.maximum
        for step in range(1, reach + 1):
            same = self.session[step:] == self.session[:-step]
            ahead = np.full(same.shape, fading**step)
            if step == 1:
                ahead = np.where(self.asks[:-1], question, ahead)
            total[..., step:] = join(total[..., step:], found[..., :-step] * same * ahead)
            back = found[..., step:] * same * fading**step
            total[..., :-step] = join(total[..., :-step], back)
        return total

    def shares(
        self,
        *,
        k1: float = 0.9,
        b: float = 0.4,
        tf: bool = False,
        power: float = 1.0,
        stop: bool = True,
        fading: float = 0.7,
        reach: int = 4,
        question: float = 1.0,
        sums: bool = False,
    ) -> Floats:
        """Lexical share with context, shape (q, n)."""
        found = np.zeros((len(self.terms), len(self.texts)))
        for i, terms in enumerate(self.terms if stop else self.whole):
            weights = [self.idf(stem) ** power for stem in terms]
            for stem, weight in zip(terms, weights, strict=True):
                one = self.word(stem, k1, b, tf)
                found[i] += weight / sum(weights) * self.spread(one, fading, reach, question, sums)
        return found


def score(chat: Chat, lexical: Floats, extra: Floats | float = 0.0, dense: float = 0.5) -> Floats:
    factor = np.where(chat.named > 0, 1.0, 0.6)
    return np.asarray((lexical + dense * chat.cosine + extra) * factor)


def best(chat: Chat, k: int) -> NDArray[np.int64]:
    return np.argsort(-score(chat, chat.shares()), axis=1, kind="stable")[:, :k]


def rocchio(chat: Chat, k: int) -> Floats:
    """Cosine with the mean vector of the k best."""
    mean = chat.vectors[best(chat, k)].mean(axis=1)
    mean /= np.linalg.norm(mean, axis=1, keepdims=True)
    cosines: Floats = np.maximum(mean @ chat.vectors.T, 0.0)
    return cosines


def feedback(chat: Chat, k: int, most: int) -> Floats:
    """RM3: the share of the words that the k best have in common."""
    found = np.zeros((len(chat.terms), len(chat.texts)))
    for i, rows in enumerate(best(chat, k)):
        known = {*chat.common, *chat.terms[i]}
        counts = Counter(s for row in rows for s in set(chat.stems[row]) if s not in known)
        chosen = sorted(counts, key=lambda s: (-counts[s] * chat.idf(s), s))[:most]
        total = sum(chat.idf(stem) for stem in chosen) or 1.0
        for stem in chosen:
            found[i] += chat.idf(stem) / total * counts[stem] / k * chat.word(stem, 0.9, 0.4, False)
    return found


def bigrams(chat: Chat) -> Floats:
    """Share of the neighbouring words of a query that are neighbours in a turn too."""
    found = np.zeros((len(chat.terms), len(chat.texts)))
    pairs = [set(pairwise(one)) for one in chat.stems]
    for i, whole in enumerate(chat.whole):
        wanted = [p for p in pairwise(whole) if not chat.common & set(p)]
        if wanted:
            found[i] = [sum(pair in held for pair in wanted) / len(wanted) for held in pairs]
    return found


def sessions(chat: Chat) -> Floats:
    """The best share in each turn's session."""
    shares = chat.shares()
    found = np.zeros_like(shares)
    for number in np.unique(chat.session):
        here = chat.session == number
        found[:, here] = shares[:, here].max(axis=1, keepdims=True)
    return found


def temporal(chat: Chat) -> Floats:
    """1 where a query asks when, or how long, and a turn holds a word of time."""
    when = [["when" in ws or {"how", "long"} <= set(ws)] for ws in chat.asked]
    timed: Floats = np.array(when) * np.array([bool(TEMPORAL.search(text)) for text in chat.texts])
    return timed


def lent(chat: Chat, fading: float) -> Floats:
    """The cosines with those of neighbours, in place of the plain ones."""
    more: Floats = 0.5 * (chat.spread(chat.cosine, fading, 1, fading, True) - chat.cosine)
    return more


IDEAS: dict[str, Callable[[Chat], Floats]] = {
    "the ranking of agentmem": lambda c: score(c, c.shares()),
    "with stop words": lambda c: score(c, c.shares(stop=False)),
    "with stop words, idf squared": lambda c: score(c, c.shares(stop=False, power=2.0)),
    "term frequency": lambda c: score(c, c.shares(tf=True)),
    "k1 1.2, b 0.75": lambda c: score(c, c.shares(k1=1.2, b=0.75)),
    "idf to the power of 1.5": lambda c: score(c, c.shares(power=1.5)),
    "idf squared": lambda c: score(c, c.shares(power=2.0)),
    "no context": lambda c: score(c, c.shares(reach=0)),
    "context 0.5 a turn": lambda c: score(c, c.shares(fading=0.5)),
    "context 0.8 a turn": lambda c: score(c, c.shares(fading=0.8)),
    "context of six turns": lambda c: score(c, c.shares(reach=6)),
    "context summed up, 0.5 a turn": lambda c: score(c, c.shares(fading=0.5, sums=True)),
    "context summed up, 0.7 a turn": lambda c: score(c, c.shares(sums=True)),
    "a question is like any turn": lambda c: score(c, c.shares(question=0.7)),
    "questions count 0.1 less": lambda c: score(c, c.shares(question=0.7), -0.1 * c.asks),
    "cosines of neighbours, 0.1": lambda c: score(c, c.shares(), lent(c, 0.1)),
    "cosines of neighbours, 0.3": lambda c: score(c, c.shares(), lent(c, 0.3)),
    "no vectors": lambda c: score(c, c.shares(), dense=0.0),
    "vectors weigh 1": lambda c: score(c, c.shares(), dense=1.0),
    "best of the session, 0.2": lambda c: score(c, c.shares(), 0.2 * sessions(c)),
    "bigrams, 0.1": lambda c: score(c, c.shares(), 0.1 * bigrams(c)),
    "words of time when asked when, 0.1": lambda c: score(c, c.shares(), 0.1 * temporal(c)),
    "longer turns, 0.05 log": lambda c: score(c, c.shares(), 0.05 * np.log1p(c.length)),
    "RM3, 5 turns, 10 words, 0.2": lambda c: score(c, c.shares(), 0.2 * feedback(c, 5, 10)),
    "RM3, 10 turns, 20 words, 0.2": lambda c: score(c, c.shares(), 0.2 * feedback(c, 10, 20)),
    "Rocchio, 3 turns, 0.2": lambda c: score(c, c.shares(), 0.2 * rocchio(c, 3)),
    "Rocchio, 10 turns, 0.2": lambda c: score(c, c.shares(), 0.2 * rocchio(c, 10)),
}


def recall(chats: Sequence[Chat], idea: Callable[[Chat], Floats]) -> list[float]:
    """Mean evidence recall at each k."""
    found = []
    for chat in chats:
        order = np.argsort(-idea(chat), axis=1, kind="stable")
        for ranked, wanted in zip(order, chat.wanted, strict=True):
            found.append([len(set(wanted) & set(ranked[:k].tolist())) / len(wanted) for k in KS])
    return [round(float(value), 4) for value in np.mean(found, axis=0)]


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("--out", type=Path, default=None)
    options = parser.parse_args()
    chats = [Chat(one) for one in json.loads(options.data.read_text(encoding="utf-8"))]
    rows = {name: recall(chats, idea) for name, idea in IDEAS.items()}
    base = np.mean(next(iter(rows.values())))
    facts = circumstances(0, False)
    out = destination(options.out, False)
    result = {"benchmark": "ideas", **facts, "recall_at": KS, "rows": rows}
    (out / "ideas.json").write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    lines = [
        "# ideas",
        "",
        f"Made by `python bench/ideas.py {options.data.name}` on {facts['date']}: {len(chats)} "
        f"conversations, {sum(len(chat.terms) for chat in chats)} questions of categories 1-4; "
        "no LLM, nothing random. The last column is the mean of the three, in points, against "
        "the first row.",
        "",
        "| idea | recall@5 | recall@10 | recall@20 | points |",
        "|---|---|---|---|---|",
    ]
    lines += [
        f"| {name} | {' | '.join(f'{value:.3f}' for value in row)} | "
        f"{100 * (float(np.mean(row)) - base):+.1f} |"
        for name, row in rows.items()
    ]
    (out / "ideas.md").write_text("\n".join(lines) + "\n", encoding="utf-8")
    print("\n".join(lines))


if __name__ == "__main__":
    main()
