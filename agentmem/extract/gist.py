"""The gist of a text without a model: key phrases, a short summary, a shortened key.

Rules of counting only: nothing is rephrased.  Stop words are English; in other languages key
phrases and summaries still come out, of less use.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from functools import lru_cache
from math import log, log2, sqrt

from agentmem.errors import InputError
from agentmem.extract.english import CLOSED, INTERJECTIONS, NEGATIONS, word_set
from agentmem.text import caseless, count_tokens, words

__all__ = ["compress", "forget_words", "keywords", "summary"]

FORCE = ("\n", ".", "!", "?", ":")
PHRASE = 3  # words in a key phrase at most
COVERED = 0.7  # a sentence with more of its weight said already is not added to a summary

STOP_WORDS = (
    CLOSED
    | INTERJECTIONS
    | word_set("""
    s t d m ll re ve don didn doesn isn wasn aren couldn wouldn won go goes going went gone get gets
    getting got make makes made take takes took know knows knew think thinks thought say says said
    want wants wanted let lets thing things lot lots way bit kind good great nice more less own such
    am pm mr mrs ms user assistant
    """)
)

_PIECE = re.compile(r"[^\W_]+(?:['’.\-][^\W_]+)*|\S")
_KEPT = re.compile(r"\n|[^\W_]+(?:['’\-][^\W_]+)*|[^\w\s]|_")
_CLOSING = "\n,.;:!?)]}…"  # no space before these
_ROLE = re.compile(r"^[ \t]*([^\W_][\w' -]{0,40}):(?=\s|$)", re.MULTILINE)


def keywords(text: str, n: int) -> list[str]:
    """At most `n` key phrases of 1 to 3 words, best first, as first written.

    RAKE (Rose et al. 2010): candidates are runs of words between stop words and marks; a word
    scores degree / frequency, its neighbours in candidates included, a phrase the sum of its words
    times the logarithm of 1 + its count, which YAKE (Campos et al. 2020) holds against long
    phrases said once.  Raises InputError if n < 0.
    """
    if n < 0:
        raise InputError(f"keywords: n = {n}; 0 or more are needed")
    phrases = _candidates(text)
    frequency: Counter[str] = Counter()
    degree: Counter[str] = Counter()
    for phrase in phrases:
        keys = [caseless(word) for word in phrase]
        frequency.update(keys)
        degree.update({key: len(keys) for key in set(keys)})
    counts: Counter[str] = Counter(caseless(" ".join(phrase)) for phrase in phrases)
    written: dict[str, str] = {}
    for phrase in phrases:
        written.setdefault(caseless(" ".join(phrase)), " ".join(phrase))
    score = {
        key: log(1 + counts[key])
        * sum(degree[w] / frequency[w] for w in key.split() if w in degree)
        for key in written
    }
    return [written[key] for key in sorted(written, key=lambda k: -score[k])][:n]


def _candidates(text: str) -> list[list[str]]:
    """Runs of 1 to 3 content words; longer runs in pieces of three."""
    runs: list[list[str]] = [[]]
    for match in _PIECE.finditer(text):
        word = match[0]
        key = caseless(word).replace("’", "'")
        stop = key in STOP_WORDS or key.partition("'")[0] in STOP_WORDS
        if stop or not word[0].isalnum() or (len(word) < 3 and not word.isupper()):
            runs.append([])
        elif len(runs[-1]) == PHRASE:
            runs.append([word])
        else:
            runs[-1].append(word)
    return [run for run in runs if run]


def summary(
    sentences: Sequence[str], max_tokens: int, weights: Sequence[float] | None = None
) -> str:
    """The most central sentences within `max_tokens`, in their order, joined by a space.

    Centrality is the cosine of a sentence with the centroid of all, over content words, counts
    times log(1 + n / sentences holding the word) (Radev et al. 2004, MEAD), times its weight if
    `weights`, n values >= 0, are given.  A sentence of which most is said already is left out
    (their redundancy penalty, by words).  "" if none fits.  Raises InputError on other weights and
    on max_tokens < 1.
    """
    _check(sentences, max_tokens, weights)
    bags = [Counter(w for w in words(s) if w not in STOP_WORDS) for s in sentences]
    held = Counter(word for bag in bags for word in bag)
    rarity = {word: log(1 + len(bags) / count) for word, count in held.items()}
    vectors = [{w: c * rarity[w] for w, c in bag.items()} for bag in bags]
    centroid: Counter[str] = Counter()
    for vector in vectors:
        centroid.update(vector)
    scores = [_cosine(v, centroid) * (weights[i] if weights else 1) for i, v in enumerate(vectors)]
    chosen: list[int] = []
    said: set[str] = set()
    left = max_tokens
    for i in sorted(range(len(bags)), key=lambda i: -scores[i]):
        if left < 1:
            break
        total = sum(vectors[i].values())
        again = sum(x for w, x in vectors[i].items() if w in said)
        if chosen and (not total or again > COVERED * total):
            continue
        size = count_tokens(sentences[i])
        if sentences[i].strip() and size <= left:
            chosen.append(i)
            said |= vectors[i].keys()
            left -= size
    return " ".join(sentences[i].strip() for i in sorted(chosen))


def _check(sentences: Sequence[str], max_tokens: int, weights: Sequence[float] | None) -> None:
    if isinstance(sentences, str):
        raise InputError(f"summary takes a list of sentences, not one text: {sentences[:40]!r}")
    if max_tokens < 1:
        raise InputError(f"summary: max_tokens = {max_tokens}; at least 1 is needed")
    if weights is not None and len(weights) != len(sentences):
        raise InputError(f"summary: {len(weights)} weights for {len(sentences)} sentences")
    if weights is not None and not all(0 <= weight < float("inf") for weight in weights):
        raise InputError("summary: each weight must be finite and at least 0")


def _cosine(vector: Mapping[str, float], centroid: Mapping[str, float]) -> float:
    """Cosine with the centroid up to its length, which is the same for all sentences."""
    norm = sqrt(sum(x * x for x in vector.values()))
    return sum(x * centroid[w] for w, x in vector.items()) / norm if norm else 0.0


def compress(
    text: str,
    keep: float = 0.9,
    force: Collection[str] = FORCE,
    idf: Mapping[str, float] | None = None,
) -> str:
    """The text without its least informative words: a key for an index, not for reading.

    The place of SeCom's compression (Pan et al. 2025: LLMLingua-2 at rate 0.9), by rule: words
    and marks of least self-information -log2 p go first, the later of equals first, until
    1 - `keep` of the number of words are gone, rounded down.  p follows Zipf's law over the
    bundled vocabulary, which is in order of frequency; or else `idf`, folded word -> weight, ranks
    words, one that it lacks being as rare as the rarest.  Always kept: what `force` names, speaker
    tags ("user:"), negations and words with a digit.  Raises InputError unless 0 < keep <= 1.
    """
    if not 0 < keep <= 1:
        raise InputError(f"compress: keep = {keep!r}; a share above 0 and at most 1 is needed")
    pieces = list(_KEPT.finditer(text))
    tags = [(m.start(1), m.end()) for m in _ROLE.finditer(text)]
    forced = {caseless(word) for word in force}
    plain = [caseless(m[0]).replace("’", "'") for m in pieces]
    total = sum(m[0][0].isalnum() for m in pieces)
    drops = total - _ceil(keep * total)
    tagged = _within(pieces, tags)
    loose = [
        i
        for i, word in enumerate(plain)
        if word not in forced and i not in tagged and not _reserved(word)
    ]
    value = _information([plain[i] for i in loose], idf)
    order = sorted(loose, key=lambda i: (value[plain[i]], -i))
    return _without(text, pieces, frozenset(order[:drops]))


def _ceil(number: float) -> int:
    """Rounded up, an error of floating point (0.9 * 10 = 9.000000000000002) aside."""
    return -int(-(number - 1e-9) // 1)


def _reserved(word: str) -> bool:
    negative = (
        word in NEGATIONS or word.endswith("n't") or word in ("no", "cannot", "nor", "without")
    )
    return negative or any(c.isdigit() for c in word)


def _within(pieces: Sequence[re.Match[str]], spans: Sequence[tuple[int, int]]) -> set[int]:
    """Numbers of the pieces inside the spans; both in order."""
    found: set[int] = set()
    following = iter(spans)
    start, end = next(following, (0, 0))
    for i, piece in enumerate(pieces):
        while piece.start() >= end and end:
            start, end = next(following, (0, 0))
        if end and piece.start() >= start:
            found.add(i)
    return found


def _information(found: Sequence[str], idf: Mapping[str, float] | None) -> dict[str, float]:
    """Self-information of words in bits, or their idf; marks have none."""
    distinct = {word for word in found if word[0].isalnum()}
    value = dict.fromkeys(found, 0.0)
    if idf is not None:
        rarest = max(idf.values(), default=0.0)
        return value | {word: idf.get(word, rarest) for word in distinct}
    return value | {word: _bits(word) for word in distinct}


@lru_cache(maxsize=4096)
def _bits(word: str) -> float:
    """Self-information of a word by Zipf's law: that of its pieces, together."""
    from agentmem.embed.static import model  # loads the bundled vocabulary

    pieces = model().pieces
    first = pieces("the")[0]  # the most frequent word; marks and letters come before it
    return sum(log2(1 + max(1, piece - first + 1)) for piece in pieces(word))


def forget_words() -> None:
    """Empty the cache of words: they may be those of what has been erased."""
    _bits.cache_clear()


def _without(text: str, pieces: Sequence[re.Match[str]], dropped: frozenset[int]) -> str:
    """The text without some pieces, one space where they stood; the rest as it was."""
    out: list[str] = []
    at, gap = 0, False
    for i, piece in enumerate(pieces):
        if i in dropped:
            gap = True
            continue
        if not gap:
            out.append(text[at : piece.start()])
        elif out and out[-1] != "\n" and piece[0] not in _CLOSING:
            out.append(" ")
        out.append(piece[0])
        at, gap = piece.end(), False
    return "".join(out) + ("" if gap else text[at:])
