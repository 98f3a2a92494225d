"""Triples <head; relation; tail> of a fact, by verb pattern, offline.

    >>> triples("Anna works at Stripe.")
    [Triple(head='Anna', relation='works at', tail='Stripe')]

Binary relations in the manner of ReVerb (Fader et al. 2011: verb, or verb and preposition, between
two noun phrases); at most 7 words a triple, as in Structural Memory (Zeng et al. 2024).  English
only.  When in doubt no triple: none with a pronoun for head or tail, none of "if", of reported
speech ("thinks that ...") or of a clause without complement ("snores").
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from agentmem.extract import english as en
from agentmem.extract import grammar
from agentmem.extract.english import Token, tokens
from agentmem.extract.timing import time_at
from agentmem.extract.verbs import verb_group

__all__ = ["Triple", "triples"]

WORDS = 7  # in head, relation and tail together


class Triple(NamedTuple):
    """Two things and how they relate; negation and tense stay in the relation."""

    head: str
    relation: str
    tail: str


_ATTRIBUTES = en.word_set("""
    name birthday age job email number address hobby hobbies hometown color colour food goal dream
    major nationality occupation profession employer title anniversary nickname password username
    passion religion language
""")
_VAGUE = en.word_set("someday anymore again soon now then either instead too already yet")
_OPEN = en.word_set("a an the all some any every each both no")  # never end a tail
_NEGATED = frozenset({"not", "cannot"})
_OFTEN = en.word_set("always usually often really only just quite very")
_CAUSES = en.word_set("make makes made making let lets keep keeps kept")  # "makes Anna happy"
_STOP = (en.SUBORDINATORS - {"as", "than", "once"}) | en.word_set("and but or")


def triples(fact_text: str) -> list[Triple]:
    """The triples a fact states in its main clause: at most one, and one more for the time.

    "X's sister is Y" and "X's dog is called Y" give <X; sister; Y>.  A time is no part of the
    tail: "moved to Lisbon in 2019" gives <Anna; moved to; Lisbon> and <Anna; moved in; 2019>.
    """
    words = tokens(fact_text)
    while words and not (words[-1].text[-1].isalnum() or words[-1].text == ")"):
        words.pop()
    early = time_at(words, 0) if words else None
    start = _main_start(words, early[1] if early else 0)
    main = None if start is None else grammar.subject_verb(words, start, len(words))
    if main is None:
        return []
    head = _head(words, main[0], main[1])
    if not head:
        return []
    found = _of(words, head, main[1])
    verb = _verb_text(words, main[1])
    if early and found and verb:
        when = _text(words[: early[1]])
        found.append(Triple(head, verb, when))
    return [t for t in found if len(" ".join(t).split()) <= WORDS]


def _main_start(words: Sequence[Token], start: int) -> int | None:
    """Where the main clause begins, after a fronted one; None under a condition."""
    start += start < len(words) and words[start].text == ","
    begin = grammar.after_adverbs(words, start)
    if begin >= len(words) or words[begin].low in ("if", "unless"):
        return None
    if words[begin].low in _STOP and grammar.starts_clause(words, begin + 1, len(words)):
        last = min(len(words), begin + grammar.REACH)
        return next((i + 1 for i in range(begin, last) if words[i].text == ","), None)
    return begin


def _head(words: Sequence[Token], first: int, end: int) -> str:
    """The subject in words[first:end]; "" if it is a pronoun, empty or joined by commas."""
    own = words[first:end]
    marks = [i for i, word in enumerate(own) if word.text == ","]
    if len(marks) == 2 and marks[1] == len(own) - 1:  # "Anna's oldest, Ben,": the name
        named = own[marks[0] + 1 : marks[1]]
        own = [] if any(word.text in {w.text for w in named} for word in own[: marks[0]]) else named
    elif marks:
        return ""
    if not own or own[0].low in en.PREPOSITIONS or any(w.low in en.SUBORDINATORS for w in own):
        return ""
    if len(own) == 1 and own[0].low in en.PRONOUNS | en.DETERMINERS:
        return ""
    if any(_runs_on(own, at) for at in range(1, len(own))):
        return ""
    return _text(own)


def _runs_on(own: Sequence[Token], at: int) -> bool:
    """Whether a name follows a plain noun, as in "this book Anna": a clause without "that"."""
    before = own[at - 1]
    noun = before.text == before.low and before.low not in en.CLOSED | en.KIN | {"and"}
    return grammar.is_name(own[at]) and own[at].text[0].isalpha() and noun


def _of(words: Sequence[Token], head: str, verb: int) -> list[Triple]:
    relation, at, copula = verb_group(words, verb)
    hedged = not _NEGATED.isdisjoint(relation) and any(w.low in _OFTEN for w in words[verb:at])
    if not relation or hedged:  # "is not always easy" does not say that it is not
        return []
    stem = " ".join(relation)
    if at < len(words) and words[at].low in en.PARTICLES and not copula:
        stem, at = f"{stem} {words[at].low}", at + 1
    end = _tail_end(words, at)
    if end is None:
        return []
    if copula:
        found = _copular(words, head, relation, at, end)
    else:
        found = _verbal(words, head, stem, at, end)
    time = None if end >= len(words) else time_at(words, end)
    inner = any(_infinitive(words, i) for i in range(at, end))
    if time and (found or end == at) and not copula and not inner:
        prep, after = time
        begin = end + bool(prep)
        found.append(Triple(head, f"{stem} {prep}".strip(), _text(words[begin:after])))
    return found


def _verb_text(words: Sequence[Token], verb: int) -> str:
    relation, _, copula = verb_group(words, verb)
    return "" if copula else " ".join(relation)


def _tail_end(words: Sequence[Token], at: int) -> int | None:
    """Where the complement from `at` ends: at a time, a mark, a clause; None if it holds one."""
    for place in range(at, min(len(words), at + grammar.REACH)):
        low = words[place].low
        if low in ',;:()"-—–' or time_at(words, place):
            return place
        if (
            place > at
            and low in ("and", "or")
            and not grammar.starts_clause(words, place + 1, len(words))
        ):
            joins = grammar.verb_first(words, place + 1, len(words)) is None
            if joins:
                continue
            return place
        if low == "so" and not grammar.starts_clause(words, place + 1, len(words)):
            continue
        after = low in en.PREPOSITIONS  # "after Tom" goes on, "after Tom left" is a clause
        if after and not grammar.starts_clause(words, place + 1, len(words)):
            continue
        if low in _STOP - {"that"} or low in _VAGUE:
            return None if place > at and words[place - 1].low in en.GERUNDS else place
        if grammar.finite(words, place) or low == "that" or low in en.SUBJECTS - {"it", "you"}:
            return None
    return min(len(words), at + grammar.REACH)


def _copular(
    words: Sequence[Token], head: str, relation: list[str], at: int, end: int
) -> list[Triple]:
    own = words[grammar.after_adverbs(words, at) : end]
    if not own:
        time = time_at(words, end) if end < len(words) else None
        own = words[end : time[1]] if time else own
    owner, _, noun = head.partition("'s ")
    progressive = bool(own) and own[0].low.endswith("ing") and own[0].low not in en.VALUES
    if progressive or _infinitive(own, 1):
        return []  # of a verb that is not listed; "is blessed to have them"
    plain = relation in (["is"], ["was"], ["are"])
    if not own or own[0].low in en.PRONOUNS - {"one"} or _infinitive(own, 0):
        return []
    if noun and plain and _is_attribute(noun, own[0]):
        return _fit(owner, noun, own)
    stem = " ".join(relation)
    while own[0].low in en.PREPOSITIONS and len(own) > 1:  # "is up for"
        stem, own = f"{stem} {own[0].low}", own[1:]
    if stem != " ".join(relation):
        return _fit(head, stem, own)
    closed = own[0].low in en.DETERMINERS or grammar.is_name(own[0]) or own[0].text[0].isdigit()
    if len(own) > 2 and not closed and own[1].low in en.PREPOSITIONS - {"like", "than"}:
        return _fit(head, f"{stem} {own[0].low} {own[1].low}", own[2:])
    return _fit(head, stem, own)


def _infinitive(own: Sequence[Token], at: int) -> bool:
    return at + 1 < len(own) and own[at].low == "to" and own[at + 1].low in en.BASES


def _is_attribute(noun: str, first: Token) -> bool:
    """Whether "X's noun is Y" names the noun: a relative with a name, or a listed attribute."""
    last = noun.split()[-1].lower()
    if last in en.KIN:
        return grammar.is_name(first)
    return last in _ATTRIBUTES or noun.lower().startswith(("favorite ", "favourite "))


def _verbal(words: Sequence[Token], head: str, stem: str, at: int, end: int) -> list[Triple]:
    own = words[at:end]
    if not own:
        return []
    if stem in ("is called", "is named", "was called", "was named"):
        owner, _, noun = head.partition("'s ")
        return _fit(owner, noun, own) if noun else _fit(head, stem, own)
    if own[0].low in en.PREPOSITIONS:
        stem, own = f"{stem} {own[0].low}", own[1:]
    vague = en.PRONOUNS - en.DETERMINERS - {"there"}
    if not own or own[0].low in vague or (stem.split()[-1] in _CAUSES and grammar.is_name(own[0])):
        return []
    if own[0].low in en.PRONOUNS and len(own) > 1 and own[1].low in en.PREPOSITIONS:
        return []
    return _fit(head, stem, own)


def _fit(head: str, relation: str, tail: Sequence[Token]) -> list[Triple]:
    """The triple, its tail shortened by whole prepositional phrases to the bound; else none."""
    own = list(tail)
    while own:
        while own and (grammar.is_adverb(own[-1]) or not own[-1].text[-1].isalnum()):
            own.pop()
        triple = Triple(head, relation, _text(own))
        if own and (own[-1].low in _OPEN or (len(own) == 1 and own[0].low in en.PRONOUNS)):
            return []
        if own and len(" ".join(triple).split()) <= WORDS:
            return [triple]
        phrases = (i for i, w in enumerate(own) if w.low in en.PREPOSITIONS and w.low != "of")
        own = own[: max(phrases, default=0)]
        if own and own[-1].low in en.GERUNDS:  # "keep on believing", but in whom?
            return []
    return []


def _text(own: Sequence[Token]) -> str:
    """Tokens as they were written, a leading article in lower case."""
    out = ""
    for at, word in enumerate(own):
        gap = at and (word.start > own[at - 1].end)
        out += (" " if gap else "") + word.text
    first, _, rest = out.partition(" ")
    return f"{first.lower()} {rest}" if rest and first.lower() in en.DETERMINERS else out
