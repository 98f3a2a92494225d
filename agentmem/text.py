"""Words, tokens, and the form in which two texts count as equal."""

from __future__ import annotations

import re
from itertools import groupby
from unicodedata import combining, normalize

# Scripts written without spaces: each character counts as a word.  Han, kana, Thai, Lao, Myanmar,
# Khmer; after NFKC no half-width forms are left.
UNSPACED = (
    "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3005-\u3007\u3040-\u30ff\u31f0-\u31ff"
    "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
)
_ASCII_WORD = re.compile(r"[a-z0-9]+")
_WORD = re.compile(rf"(?![_\W])(?:[{UNSPACED}]|[^\W_{UNSPACED}]+)")
# More combining marks in a row than any language needs (UAX 15, D3: 30), or as many other signs.
_MARKS = re.compile("(?:[^\x00-\x7f\\w\\s]|[\uff9e\uff9f]){31}")


def nfkc(text: str) -> str:
    """Unicode's normal form KC in linear time.

    CPython puts a run of combining marks in order by insertion, which takes quadratic time; where
    there is a long one, it gets them in order (by their class, stably: UAX 15, D109) already.
    """
    if _MARKS.search(text):
        chars = "".join(normalize("NFKD", char) for char in text)
        runs = groupby(chars, key=lambda char: combining(char) > 0)
        text = "".join("".join(sorted(run, key=combining) if marks else run) for marks, run in runs)
    return normalize("NFKC", text)


def caseless(text: str) -> str:
    """NFKC and case folding, repeated once because either may undo the other (UAX 31, R5)."""
    if text.isascii():
        return text.lower()
    for _ in range(2):
        text = nfkc(text.casefold())
    return text


def words(text: str) -> list[str]:
    """The words of a text in order: runs of letters and digits, case and variant forms folded.

    Punctuation, the apostrophe included, and `_` separate words, as in SQLite's full-text index.
    """
    folded = caseless(text)
    return (_ASCII_WORD if folded.isascii() else _WORD).findall(folded)


def fold(text: str) -> str:
    """The form in which two texts count as equal: case, compatibility forms and spacing aside."""
    return " ".join(caseless(text).split())


def count_tokens(text: str) -> int:
    """Word pieces of a text by the bundled tokenizer: what a token budget counts, >= 0.

    Chat models have tokenizers of their own; theirs usually find somewhat fewer tokens in English.
    """
    from agentmem.embed.static import model  # loads the bundled tokenizer

    return len(model().pieces(text))
