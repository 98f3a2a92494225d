"""Proper names by rule: cleaned text, runs of capitals, speakers, the key of a name.

English function words decide what is no name.  Scripts without case show names only in speaker
position ("李雷: ...").  A name that only ever opens sentences ("Rose rose.") is not seen, and a
capitalised verb before a name ("Ask Anna") is taken for a part of it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from unicodedata import category, combining, name

from agentmem.extract.english import CALENDAR, word_set
from agentmem.text import caseless, nfkc

Span = tuple[int, int]

# Default_Ignorable_Code_Point: zero-width, bidi and variation marks, fillers, soft hyphen, tags.
_INVISIBLE = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e"
    "\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufff8\U000e0000-\U000e0fff]"
)
_MARKS = 30  # combining marks that belong to one letter at most (UAX 15, stream-safe format)
_WORD = re.compile(r"(?<!\w)[^\W\d_](?:\w|['’‐‑-](?=[^\W\d_]))*")
_SPEAKER = re.compile(
    r"^[ \t>*-]{0,4}([^\s:>*\[(-][^:\n\[(]{0,40}?)[ \t*]{0,3}"
    r"(?:[\[(][^\])\n]{0,40}[\])])?[ \t*]?:(?=\s|$)",
    re.MULTILINE,
)
_BREAK = re.compile(r"[.!?:;\n\r\"“”«»()\[\]{}…•*>—|\0]")
_CLITIC = re.compile(r"['’](?:s|m|d|ll|ve|re)$", re.IGNORECASE)
_NEGATED = re.compile(r"n['’]t$", re.IGNORECASE)
_JOIN = re.compile(r"[ \t\u00a0]{1,3}")
_DOTTED = re.compile(r"\.[ \t\u00a0]{0,3}")
_SAYS = re.compile(r",?\s{1,3}(?:said|says|asked|asks|replied|told|wrote|answered)\b")
_GAPS = re.compile(r"[\s._,;:/()\[\]{}<>‐‑‒–—-]+")
_QUOTES = re.compile(r"['’‘`´ʼ\"“”]")

_TITLES = word_set("dr prof professor doctor rev fr hon capt sgt lt col gen pres sen gov")
_FORMS = word_set("mr mrs ms miss mx sir madam dame lord lady herr frau mme")
_PARTICLES = word_set("of van von de der den del della di da dos du la le el bin ibn al ter")
_CALENDAR = CALENDAR | word_set(
    "jan feb mar apr jun jul aug sep sept oct nov dec mon tue tues wed thu thurs fri sat sun am pm"
)
_STOP = word_set(
    "a about absolutely actually after again all also although always am amazing an and "
    "another any anyway are as at awesome back be because been before being both but by bye "
    "can congrats congratulations cool could did do does dear during each either every "
    "everyone everything exactly few finally first for from glad good goodbye great had happy "
    "has have haha he hello her here hers hey hi his hmm how however i if in indeed instead "
    "is it its just last lately later let lets like look lots love many maybe me meanwhile "
    "might mine more most much must my never next nice no nobody none nope nor not nothing "
    "now of often oh ok okay on once one only or other our ours out over perhaps please ps "
    "quite really right say see several shall she should since so some someone something "
    "sometimes soon sorry sounds still such sure take tell thank thanks that the their theirs "
    "them then there these they this those though through thus to today together tomorrow "
    "tonight too totally true two under until up upon us very was we welcome well were what "
    "whatever when whenever where whereas whether which while who whom whose why wish with "
    "without would wow woohoo yay yeah yes yesterday yet you your yours "
    "answer edit example note notes nb q re subject summary tip todo update warning"
)


def clean(text: str) -> str:
    """NFKC without invisible characters."""
    return text if text.isascii() else nfkc(_INVISIBLE.sub("", text))


def shadow(text: str) -> tuple[str, list[Span]]:
    """The cleaned text and, for each of its characters, the span of `text` it comes from.

    Each letter is composed with the marks after it, so that patterns see what a reader sees; a
    slice `shadow[i:j]` stands at `(spans[i][0], spans[j - 1][1])`.
    """
    if text.isascii():
        return text, [(i, i + 1) for i in range(len(text))]
    seen: list[str] = []
    spans: list[Span] = []
    start = 0
    while start < len(text):
        end = start + 1
        while end < len(text) and end - start <= _MARKS and combining(text[end]):
            end += 1
        piece = clean(text[start:end])
        seen.append(piece)
        spans += [(start, end)] * len(piece)
        start = end
    return "".join(seen), spans


def name_key(text: str) -> str:
    """The key of a name: case, accents, script, separators and titles aside.

    Letters are transliterated by sound, one by one (anyascii): "José" is "jose", "Иван" "ivan",
    "Jürgen" "jurgen" and therefore not "Juergen", which nothing but a German reader could tell.
    A word that mixes Latin with Cyrillic or Greek is a forgery more often than a name and stays
    as it is.  A form of address before a lone surname stays too: it tells Mr from Mrs Smith.
    """
    folded = caseless(_QUOTES.sub("", clean(text)))
    parts = [_latin(word) for word in _GAPS.split(folded) if word]
    words = [word for part in parts for word in _GAPS.split(_QUOTES.sub("", part)) if word]
    while len(words) > 1 and (words[0] in _TITLES or (words[0] in _FORMS and len(words) > 2)):
        del words[0]
    return " ".join(words)


def capitalised(text: str) -> list[Span]:
    """Spans of the proper names of an already cleaned text, in order, none overlapping."""
    found = list(speakers(text))
    taken = iter(found)
    words: list[_Word] = []
    after, current, previous = 0, next(taken, None), None
    for match in _WORD.finditer(text):
        while current and current[1] <= match.start():
            after, previous, current = current[1], None, next(taken, None)
        if current and match.end() > current[0]:
            continue
        previous = _Word(text, match, after, previous)
        words.append(previous)
        after = match.end()
    known = {w.key for w in words if w.capital and not w.opens}
    known |= {caseless(w) for start, end in found for w in text[start:end].split()}
    small = {w.key for w in words if not w.capital}
    for run in _runs(text, words):
        kept = _trimmed(text, run, known, small)
        if kept:
            found.append((kept[0].start, kept[-1].end))
    return sorted(found)


def speakers(text: str) -> Iterator[Span]:
    """Spans of the names in speaker position: "Name: ..." or "Name (time): ..." opening a line."""
    for match in _SPEAKER.finditer(text):
        words = match[1].split()
        if len(words) > 4 or not words[0][0].isalpha():
            continue
        keys = [caseless(word).strip(".") for word in words]
        if not any(w[0].islower() for w in words if caseless(w) not in _PARTICLES) and not any(
            key in _STOP or key in _CALENDAR for key in keys
        ):
            yield match.span(1)


class _Word:
    """A word of a text: where it stands, and whether it could belong to a name."""

    __slots__ = ("capital", "end", "key", "opens", "start", "stop", "upper")

    def __init__(self, text: str, match: re.Match[str], after: int, previous: _Word | None) -> None:
        whole = match[0]
        word = _CLITIC.sub("", whole)
        self.start, self.end = match.start(), match.start() + len(word)
        self.key = caseless(word)
        self.capital = word[0].isupper() or word[0].istitle()
        self.upper = len(word) > 1 and word.isupper()
        self.stop = self.key in _STOP or bool(_NEGATED.search(whole))
        dotted = previous is not None and previous.abbreviates
        opening = _BREAK.search(text, after + dotted, self.start)
        self.opens = previous is None or opening is not None

    @property
    def abbreviates(self) -> bool:
        """Whether a full stop after it ends no sentence: an initial or a title."""
        one = self.capital and self.end - self.start == 1 and self.key != "i"
        return one or self.key in _TITLES or self.key in _FORMS


def _runs(text: str, words: list[_Word]) -> Iterator[list[_Word]]:
    """Capitalised words in a row, particles between them included."""
    run: list[_Word] = []
    waiting: list[_Word] = []  # particles that join if a capital follows
    for word in words:
        last = waiting[-1] if waiting else run[-1] if run else None
        if last and not _adjoins(text, last, word):
            yield run
            run, waiting, last = [], [], None
        if word.capital:
            run += [*waiting, word]
            waiting = []
        elif last and word.key in _PARTICLES and len(waiting) < 3:
            waiting.append(word)
        elif run:
            yield run
            run, waiting = [], []
    if run:
        yield run


def _adjoins(text: str, one: _Word, other: _Word) -> bool:
    if _JOIN.fullmatch(text, one.end, other.start):
        return True
    return one.abbreviates and bool(_DOTTED.fullmatch(text, one.end, other.start))


def _trimmed(text: str, run: list[_Word], known: set[str], small: set[str]) -> list[_Word]:
    """What of a run is a name; empty if nothing."""
    if len(run) > 3 and all(word.upper for word in run):
        return []  # somebody shouts
    first, last = 0, len(run)
    while first < last and (run[first].stop or not run[first].capital):
        first += 1
    while first < last and (run[last - 1].stop or not run[last - 1].capital):
        last -= 1
    if last - first > 1 and run[first].opens and run[first].key in small:
        first += 1  # an ordinary word that opens the sentence
    kept = run[first:last]
    if not kept or all(word.key in _CALENDAR for word in kept):
        return []
    if len(kept) == 1:
        only = kept[0]
        if only.abbreviates or (only.opens and only.key in small - known):
            return []
        if only.opens and only.key not in known and not _SAYS.match(text, only.end):
            return []
    return kept


def _latin(word: str) -> str:
    """A folded word in Latin letters, unless it mixes look-alike scripts or nothing is left."""
    if word.isascii():
        return word
    from anyascii import anyascii  # loads its tables

    scripts = {name(char, "").split(" ")[0] for char in word if char.isalpha()}
    if "LATIN" in scripts and scripts & {"CYRILLIC", "GREEK", "ARMENIAN", "CHEROKEE"}:
        return word
    latin = "".join(
        anyascii(char) if char.isalnum() or category(char)[0] == "M" else char for char in word
    )
    return latin.lower() or word
