"""Where a text may be cut: sentences, topic boundaries, and pieces of bounded size.

Every function returns slices of the text it was given; joined, they are that text again.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections import Counter
from collections.abc import Sequence
from itertools import accumulate, pairwise
from math import log, sqrt
from statistics import fmean, pstdev
from unicodedata import combining

from agentmem.text import words

__all__ = ["cohesion", "depths", "sentences", "split"]

WINDOW = 60  # words on either side of a gap that are compared
LETTERS = 12  # characters a word may have on average before a piece counts as too long

# Words whose full stop seldom ends a sentence, and those that are abbreviations before a number.
# Single letters and words with inner stops (e.g., U.S., z.B.) are told by their shape.
_TITLES = """
    mr mrs ms mx dr prof sr jr st mt vs etc cf al approx dept est inc ltd corp bros gen col sgt lt
    capt rev hon gov sen rep ca bzw usw bspw evtl ggf inkl mme mlle sra ud dott
"""
_NUMBERED = """
    no nos nr núm fig figs eq vol pp pág art cap tel str jan feb mar apr jun jul aug sep sept oct
    nov dec mon tue tues wed thu thur thurs fri sat sun
"""
ABBREVIATIONS = frozenset(_TITLES.split())
NUMBERED = frozenset(_NUMBERED.split())

_CLOSING = "\"'”’»›)\\]}）］」』】〉》"
_STOPS = ".!?…؟۔।॥።՞։"
_END = re.compile(
    rf"(?P<cjk>[。！？｡]+[{_CLOSING}]*\s*)"
    rf"|(?<![{_STOPS}])(?P<stop>[{_STOPS}]+)(?P<closing>[{_CLOSING}]*)(?P<space>\s+)"
    r"|(?P<line>\n\s*)"
)
_JOINED = "\u200d\ufe0e\ufe0f"  # joiner and variation selectors: part of the sign before
_LAST_WORD = re.compile(r"[^\W_]+(?:\.[^\W_]+)*$")
_LIST_NUMBER = re.compile(r"(?:^|\n)[^\S\n]*\(?(?:\d{1,3}|[^\W\d_])$")


def sentences(text: str) -> list[str]:
    """The sentences of a text, white space after each included.

    A full stop ends one unless it follows an abbreviation, an initial or a list number; the marks
    of Chinese and Japanese end one without a space; so do an empty line, and a new line unless it
    goes on in lower case.
    """
    found: list[str] = []
    start = 0
    for match in _END.finditer(text):
        end = match.end()
        if end < len(text) and text[start:end].strip() and _ends(text, start, match):
            found.append(text[start:end])
            start = end
    if start < len(text):
        found.append(text[start:])
    return found


def _ends(text: str, start: int, match: re.Match[str]) -> bool:
    """Whether the mark that matched ends the sentence begun at `start`."""
    follows = text[match.end()]
    if match["cjk"]:
        return True
    gap = match["space"] or match["line"]
    if gap.count("\n") > 1:
        return True
    if match["line"]:
        return not follows.islower()
    if match["stop"] != ".":
        quoted = bool(match["closing"]) or match["stop"] in ("...", "…")
        return not (quoted and follows.islower())
    before = text[max(start, match.start() - 40) : match.start()]
    word = _LAST_WORD.search(before)
    if word is None:
        return True
    abbreviated = "." in word[0] and not word[0].replace(".", "").isdigit()
    initial = len(word[0]) == 1 and word[0].isalpha() and word[0] not in "Iiaou"
    folded = word[0].casefold()
    known = folded in ABBREVIATIONS or (folded in NUMBERED and follows.isdigit())
    return not (abbreviated or initial or known or _LIST_NUMBER.search(before))


def cohesion(units: Sequence[Sequence[str]], window: int = WINDOW) -> list[float]:
    """Lexical cohesion at each gap between n units of words: shape (n - 1,), each in [0, 1].

    Cosine between the word counts of up to `window` words before and after the gap (TextTiling,
    Hearst 1997).  Counts are weighted by rarity among the units, log(n / units holding the word),
    instead of dropping a list of stop words, so that no language is assumed.
    """
    held = Counter(word for unit in units for word in set(unit))
    rarity = {word: log(len(units) / count) for word, count in held.items()}
    stream = [word for unit in units for word in unit]
    gaps = list(accumulate(len(unit) for unit in units))[:-1]
    sides = [(stream[max(0, at - window) : at], stream[at : at + window]) for at in gaps]
    return [_cosine(Counter(left), Counter(right), rarity) for left, right in sides]


def _cosine(left: Counter[str], right: Counter[str], rarity: dict[str, float]) -> float:
    inner = sum(count * right[word] * rarity[word] ** 2 for word, count in left.items())
    norms = [sum((c * rarity[w]) ** 2 for w, c in side.items()) for side in (left, right)]
    return min(inner / sqrt(norms[0] * norms[1]), 1.0) if all(norms) else 0.0


def depths(scores: Sequence[float]) -> list[float]:
    """How deep the valley at each gap is: the climb to the peak on either side, summed; >= 0."""
    left = _peaks(scores)
    right = _peaks(scores[::-1])[::-1]
    return [a + b - 2 * score for a, b, score in zip(left, right, scores, strict=True)]


def _peaks(scores: Sequence[float]) -> list[float]:
    """The height reached from each score by climbing backwards for as long as it goes up."""
    tops: list[float] = []
    for at, score in enumerate(scores):
        tops.append(tops[-1] if at and scores[at - 1] >= score else score)
    return tops


def split(text: str, *, max_words: int, min_words: int, topics: bool) -> list[str]:
    """Cut a text into pieces of at most `max_words` words, at topic and sentence boundaries.

    A text within the bound is one piece.  With `topics`, a gap is a boundary where its depth is at
    least the mean less half a standard deviation (Hearst 1997), deepest first, as long as both
    sides keep `min_words`.  What is still too long is halved at the deepest gap of its middle.
    """
    if _fits(text, max_words):
        return [text] if text else []
    units = [part for s in sentences(text) for part in _bounded(s, max_words)]
    spoken = [words(unit) for unit in units]
    ends = [0, *accumulate(len(unit) for unit in spoken)]
    sizes = [0, *accumulate(len(unit) for unit in units)]
    deep = depths(cohesion(spoken)) if topics else [0.0] * (len(units) - 1)
    cuts = _topic_cuts(deep, ends, min_words) if topics else [0, len(units)]
    pieces: list[str] = []
    todo = list(pairwise(cuts))[::-1]
    while todo:
        first, last = todo.pop()
        piece = text[sizes[first] : sizes[last]]
        if last - first == 1 or _fits(piece, max_words, ends[last] - ends[first]):
            pieces.append(piece)
        else:
            middle = _middle(deep, sizes, first, last)
            todo += [(middle, last), (first, middle)]
    return pieces


def _fits(piece: str, max_words: int, count: int | None = None) -> bool:
    if len(piece) > max_words * LETTERS:
        return False
    return (len(words(piece)) if count is None else count) <= max_words


def _topic_cuts(deep: Sequence[float], ends: Sequence[int], min_words: int) -> list[int]:
    """Unit numbers at which topics begin, 0 and the number of units included."""
    cuts = [0, len(deep) + 1]
    least = fmean(deep) - pstdev(deep) / 2 if deep else 0.0
    for gap in sorted(range(len(deep)), key=lambda g: (-deep[g], g)):
        if deep[gap] < least or deep[gap] <= 0.0:
            break
        at = bisect_left(cuts, gap + 1)
        before, after = cuts[at - 1], cuts[at]
        if min(ends[gap + 1] - ends[before], ends[after] - ends[gap + 1]) >= min_words:
            cuts.insert(at, gap + 1)
    return cuts


def _middle(deep: Sequence[float], sizes: Sequence[int], first: int, last: int) -> int:
    """The unit to halve at: the deepest gap in the middle half, or else the one nearest to it."""
    centre = (sizes[first] + sizes[last]) / 2
    quarter = (sizes[last] - sizes[first]) / 4
    gaps = range(first + 1, last)
    inside = [g for g in gaps if abs(sizes[g] - centre) <= quarter]
    if not inside:
        return min(gaps, key=lambda g: abs(sizes[g] - centre))
    return min(inside, key=lambda g: (-deep[g - 1], abs(sizes[g] - centre)))


def _bounded(sentence: str, max_words: int) -> list[str]:
    """A sentence in pieces within the bound: at white space, or through a word if there is none."""
    pieces: list[str] = []
    held, count = "", 0
    for run in re.findall(r"\s*\S+\s*|\s+", sentence):
        for part in _hard(run, max_words):
            more = len(words(part))
            if held and (count + more > max_words or len(held + part) > max_words * LETTERS):
                pieces.append(held)
                held, count = "", 0
            held, count = held + part, count + more
    return [*pieces, held] if held else pieces


def _hard(run: str, max_words: int) -> list[str]:
    """A run without white space in pieces within the bound, never before a combining mark."""
    if _fits(run, max_words):
        return [run]
    pieces: list[str] = []
    start = 0
    while start < len(run):
        cut = min(start + max_words, len(run))
        while start + 1 < cut < len(run) and (combining(run[cut]) or run[cut] in _JOINED):
            cut -= 1
        pieces.append(run[start:cut])
        start = cut
    return pieces
