"""Relative clauses and appositions taken out of a sentence, each a sentence about its noun.

"My sister Ana, who lives in Rome, has two cats" holds "My sister Ana lives in Rome".  Only those
set off by commas: without them the clause says which sister is meant.
"""

from __future__ import annotations

from collections.abc import Sequence

from agentmem.extract import english as en
from agentmem.extract import grammar
from agentmem.extract.english import Token

_COMMENT = en.word_set("means meant made makes sucks helps helped")


def apart(tokens: Sequence[Token]) -> tuple[list[Token], list[list[Token]]]:
    """The sentence without its relative clauses and appositions, and those as sentences."""
    main: list[Token] = []
    others: list[list[Token]] = []
    at = 0
    while at < len(tokens):
        made = _relative(tokens, at, main) if tokens[at].text == "," and main else None
        if made is None:
            main.append(tokens[at])
            at += 1
            continue
        sentence, at = made
        others.append(sentence)
    return main, others


def _relative(
    tokens: Sequence[Token], comma: int, main: Sequence[Token]
) -> tuple[list[Token], int] | None:
    """The sentence in ", who lives in Rome," or ", a nurse," and where the main clause goes on."""
    if comma + 2 >= len(tokens):
        return None
    first = tokens[comma + 1].low
    end = next(
        (i for i in range(comma + 2, min(comma + 40, len(tokens))) if tokens[i].text in ",;."),
        min(comma + 40, len(tokens)),
    )
    after = end + (end < len(tokens) and tokens[end].text == ",")
    if first in ("who", "which"):
        verb = grammar.after_adverbs(tokens, comma + 2)
        if verb >= end or (first == "which" and _is_comment(tokens, verb)):
            return None
        known = tokens[verb].low in en.AUXILIARIES | en.THIRDS | en.PASTS | en.BASES
        noun = _antecedent(main, over=first == "who")
        if not known or not noun or (first == "which" and not _definite(noun[0])):
            return None
        return [*noun, *tokens[comma + 2 : end]], after
    return _apposition(tokens, comma, end, main)


def _apposition(
    tokens: Sequence[Token], comma: int, end: int, main: Sequence[Token]
) -> tuple[list[Token], int] | None:
    """A noun phrase in commas between a short subject and its verb: "is a former pilot"."""
    if tokens[comma + 1].low not in ("a", "an", "the") or not 0 < comma <= 6 or end - comma > 9:
        return None
    closed = end < len(tokens) - 1 and tokens[end].text == ","
    if not closed or len(main) != comma:
        return None
    if any(grammar.finite(main, i) for i in range(len(main))):
        return None
    if not grammar.finite([*main, *tokens[end + 1 : end + 6]], _verb_after(main, tokens, end)):
        return None
    place = tokens[comma].start
    return [*main, Token("is", place, place), *tokens[comma + 1 : end]], end + 1


def _verb_after(main: Sequence[Token], tokens: Sequence[Token], end: int) -> int:
    verb = grammar.after_adverbs(tokens, end + 1)
    return len(main) + min(verb, len(tokens) - 1, end + 5) - end - 1


def _is_comment(tokens: Sequence[Token], verb: int) -> bool:
    """Whether "which" comments on all that was said: ", which was great", ", which means"."""
    if tokens[verb].low in _COMMENT:
        return True
    follows = grammar.after_adverbs(tokens, verb + 1)
    if follows < len(tokens) and tokens[follows].low == "been":
        follows = grammar.after_adverbs(tokens, follows + 1)
    copula = tokens[verb].low in en.AUXILIARIES
    return copula and follows < len(tokens) and tokens[follows].low in en.VALUES


def _antecedent(main: Sequence[Token], over: bool) -> list[Token]:
    """The noun phrase at the end of `main`, at most 8 tokens; `over`: prepositions belong to it."""
    first = len(main)
    while first > max(0, len(main) - 8):
        low = main[first - 1].low
        stops = low in en.PREPOSITIONS and not (over and low in ("from", "of", "in", "at"))
        if stops or low in en.COORDINATORS or not (low[0].isalnum() or low == "'s"):
            break
        if low in en.SUBJECTS or low in en.AUXILIARIES or (first > 1 and _verb(main, first - 1)):
            break
        first -= 1
    return list(main[first:])


def _definite(first: Token) -> bool:
    return first.low in en.DETERMINERS or first.text[0].isupper()


def _verb(tokens: Sequence[Token], at: int) -> bool:
    return grammar.finite(tokens, at) or tokens[at].low in en.GERUNDS | en.SUBORDINATORS
