"""Finite verbs and their subjects in a list of tokens, by word class and position.

A shallow parse of English: no tagger, no tree.  Every look-around is bounded, so that a scan over
n tokens is O(n).
"""

from __future__ import annotations

from collections.abc import Sequence

from agentmem.extract import english as en
from agentmem.extract.english import Token

REACH = 24  # tokens in which a subject and its verb are sought
_NOT_AFTER = en.PREPOSITIONS | en.DETERMINERS | {"to", "'s", "and", "or", "my", "your"}
_OWNERS = en.word_set("a an the my your our their his every no")
_IS_BEFORE_S = en.word_set("he she it that there who what where here this everything everyone")
_OBJECTS = en.word_set("me you him her us them it the a an my your our his their")
_WHENS = en.word_set("last next this every each one today yesterday") | en.CALENDAR
# Participles that follow a noun more often than they are its verb: "a kitten named Luna".
_REDUCED = en.word_set("called named based located born made written known given taken")


def is_adverb(token: Token) -> bool:
    low = token.low
    if low in en.ADVERBS or low in en.NEGATIONS:
        return True
    return low.endswith("ly") and len(low) > 4 and low not in en.NOT_ADVERBS and token.text == low


def after_adverbs(tokens: Sequence[Token], at: int) -> int:
    """The first place from `at` on, at most 4 further, that holds no adverb or negation."""
    last = min(at + 4, len(tokens))
    while at < last and is_adverb(tokens[at]):
        at += 1
    return at


def before_adverbs(tokens: Sequence[Token], at: int) -> int:
    """The last place before `at`, at most 5 back, that holds no adverb; -1 if there is none."""
    last = max(at - 5, -1)
    at -= 1
    while at > last and is_adverb(tokens[at]):
        at -= 1
    return at


def is_name(token: Token) -> bool:
    """Whether a token within a sentence looks like a proper name: capital first, no weekday."""
    low = token.low
    return (
        token.text[0].isupper()
        and low not in en.CALENDAR
        and low not in en.LANGUAGES
        and low not in en.PRONOUNS
        and low not in en.CLOSED
    )


def finite(tokens: Sequence[Token], at: int) -> bool:
    """Whether the token at `at` is a finite verb there: the first verb after its subject."""
    token = tokens[at]
    low = token.low
    if not (low[0].isalpha() or low[0] == "'") or at == 0:
        return False
    before = before_adverbs(tokens, at)
    if before < 0:
        return False
    prev = tokens[before].low
    if low == "'s":
        return _is_for_s(tokens, at, prev)
    if low in en.AUXILIARIES:
        if token.text != low or prev in _OWNERS or prev in en.MODALS or prev == "to":
            return False
        return low not in ("be", "been", "being", "having")
    if prev in en.SUBJECTS or prev == "who":
        ruled = before > 0 and tokens[before - 1].low in en.PREPOSITIONS  # "talk to you later"
        return not (ruled and prev in ("you", "it")) and _after_pronoun(token)
    if prev in _NOT_AFTER or (not tokens[before].text[-1].isalnum() and prev != ","):
        return False
    if token.text != low:
        return False
    if low in _REDUCED:
        return at + 1 < len(tokens) and tokens[at + 1].low in _OBJECTS  # "called me"
    if low in en.THIRDS or low in en.PASTS:
        return prev not in en.AUXILIARIES
    if low.endswith("ed") and len(low) > 4 and low not in en.BASES:
        return prev not in en.AUXILIARIES
    return low in en.BASES and _plural(tokens, before)


def _after_pronoun(token: Token) -> bool:
    """After "I", "she": any word is the verb that is of no closed class and not written large."""
    low = token.low
    verb = low in en.BASES or low in en.THIRDS or low in en.PASTS
    return verb or (token.text == low and low.isalpha() and low not in en.CLOSED)


def _is_for_s(tokens: Sequence[Token], at: int, prev: str) -> bool:
    """Whether 's is a verb, "Tom's a nurse", and not the genitive, "Tom's dog"."""
    if prev in _IS_BEFORE_S:
        return True
    follows = after_adverbs(tokens, at + 1)
    if follows >= len(tokens):
        return False
    word = tokens[follows].low
    moved = follows > at + 1
    return moved or word in ("a", "an", "the", "been", "got", "going") or word in en.PREPOSITIONS


def _plural(tokens: Sequence[Token], at: int) -> bool:
    """Whether the noun at `at` takes a base form: kids, people, "Tom and Ana"."""
    low = tokens[at].low
    if low in en.KIN_P or low == "people":
        return True
    return is_name(tokens[at]) and at > 1 and tokens[at - 1].low == "and"


def subject_verb(
    tokens: Sequence[Token], start: int, end: int, reach: int = REACH
) -> tuple[int, int, int] | None:
    """First place of the subject, place after it, and place of the verb in tokens[start:end].

    None if no finite verb with a subject before it is found within `reach` tokens.
    """
    for at in range(start + 1, min(end, start + reach)):
        low = tokens[at].low
        if low in (";", ".", "!", "?"):
            return None
        if finite(tokens, at):
            last = before_adverbs(tokens, at)
            first = _subject_start(tokens, start, last)
            open_comma = tokens[last].text == "," and not _closing(tokens, first, last)
            under = last > start + 1 and tokens[last - 1].low in en.SUBORDINATORS
            return None if first > last or open_comma or under else (first, last + 1, at)
    return None


def _closing(tokens: Sequence[Token], first: int, last: int) -> bool:
    """Whether the comma at `last` closes an apposition that a comma from `first` on opened."""
    return any(tokens[at].text == "," for at in range(first, last))


def orders(tokens: Sequence[Token], at: int) -> bool:
    """Whether a verb stands where a subject should begin: "Find a trainer", "Sounds good"."""
    if at + 1 >= len(tokens):
        return True
    low = tokens[at].low
    verb = low in en.BASES or low in en.THIRDS or low in en.AUXILIARIES
    if not verb or low in en.MALE or low in en.FEMALE:
        return False
    following = after_adverbs(tokens, at + 1) if at + 2 < len(tokens) else at + 1
    return following == len(tokens) or not finite(tokens, following)


def _subject_start(tokens: Sequence[Token], start: int, last: int) -> int:
    """Where the subject that ends with tokens[last] begins, fronted adverbials left out."""
    if tokens[last].low in en.SUBJECTS:
        joined = last - 1 > start and tokens[last - 1].low == "and"
        return start if joined else last
    commas = [at for at in range(start, last) if tokens[at].text == ","]
    fronted = tokens[start].low in en.PREPOSITIONS or tokens[start].low in en.CALENDAR
    if commas and tokens[last].text != "," and (fronted or len(commas) == 1):
        return commas[-1] + 1
    first = after_adverbs(tokens, start)
    return first if first <= last else start


def starts_clause(tokens: Sequence[Token], at: int, end: int) -> bool:
    """Whether a clause with a subject of its own begins at `at`: "he works", "my sister is"."""
    at = after_adverbs(tokens, at)
    if at >= end:
        return False
    first = tokens[at].low
    if first in en.SUBORDINATORS - {"that", "so", "than", "once", "as"}:
        return False
    if first in en.PREPOSITIONS or not tokens[at].text[0].isalnum():
        return False
    bare = tokens[at].low in en.BASES or tokens[at].low in en.THIRDS
    named = 0
    for verb in range(at + 1, min(end, at + 8)):
        low = tokens[verb].low
        if low == "," and (named or _named(tokens, verb)):
            named += 1  # "my oldest, Ben, just started"
            continue
        if low in (",", ";", "and", "but", "or") or low in en.SUBORDINATORS - {"that"}:
            return False
        if finite(tokens, verb):
            last = before_adverbs(tokens, verb)
            inner = last > at and tokens[last].low in en.SUBJECTS  # "the song I wrote"
            plain = inner and first not in _WHENS and tokens[last - 1].low != "and"
            return not plain and (not bare or last == at)
    return False


def _named(tokens: Sequence[Token], comma: int) -> bool:
    closed = comma + 2 < len(tokens) and tokens[comma + 2].text == ","
    return closed and is_name(tokens[comma + 1])


def verb_first(tokens: Sequence[Token], at: int, end: int) -> int | None:
    """The place of the verb that a predicate without subject begins with at `at`, adverbs aside."""
    at = after_adverbs(tokens, at)
    if at >= end:
        return None
    token = tokens[at]
    low = token.low
    known = low in en.BASES or low in en.THIRDS or low in en.PASTS or low in en.AUXILIARIES
    if known and low not in ("'s", "'d", "'m", "'re", "'ve", "'ll") and token.text == low:
        return at
    return at if low in en.GERUNDS else None
