"""Quotations: where in a text the words stand that somebody says it contains."""

from __future__ import annotations

import re

from agentmem.text import caseless

__all__ = ["Passage"]

_PLAIN = str.maketrans("‘’‚“”„«»‐‑‒–—−", '\'\'""""""------')
_MARKS = "\"'` \t\r\n"
_ELLIPSIS = ("...", "…")


class Passage:
    """A text in which quotations are looked for; read once, in time linear in its length."""

    def __init__(self, text: str) -> None:
        letters = _letters(text)
        self._plain = "".join(letter for letter, _ in letters)
        self._places = [place for _, place in letters]

    def locate(self, quote: str) -> tuple[int, int] | None:
        """The span [start, end) in characters of the first place that has a quote's words.

        Case, spacing and the style of quotation marks and dashes are let pass, and so are marks
        around the quote.  None if the text does not have it: then the quote is made up.
        """
        wanted = "".join(letter for letter, _ in _letters(_stripped(quote))).strip()
        found = re.search(_bounded(wanted), self._plain) if wanted else None
        if not found:
            return None
        return self._places[found.start()], self._places[found.end() - 1] + 1


def _stripped(quote: str) -> str:
    quote = quote.translate(_PLAIN).strip(_MARKS)
    for dots in _ELLIPSIS:
        quote = quote.removeprefix(dots).removesuffix(dots)
    return quote.strip(_MARKS)


def _letters(text: str) -> list[tuple[str, int]]:
    """The folded letters of a text and where each came from; a run of white space is one blank."""
    letters: list[tuple[str, int]] = []
    for place, mark in enumerate(text.translate(_PLAIN)):
        if not mark.isspace():
            letters += [(letter, place) for letter in caseless(mark)]
        elif letters and letters[-1][0] != " ":
            letters.append((" ", place))
    return letters


def _bounded(wanted: str) -> str:
    """A pattern for some words that are not parts of longer ones (in scripts with spaces)."""
    before = r"(?<![a-z0-9])" if re.match(r"[a-z0-9]", wanted) else ""
    after = r"(?![a-z0-9])" if re.search(r"[a-z0-9]$", wanted) else ""
    return before + re.escape(wanted) + after
