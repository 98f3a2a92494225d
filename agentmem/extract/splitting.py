"""One sentence, in tokens, to its clauses: each with a subject and one finite verb.

A subordinate clause stays with the main clause: apart from it "because I got a new job" or "if it
rains" would say something else.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from agentmem.extract import english as en
from agentmem.extract import grammar
from agentmem.extract.english import Token
from agentmem.extract.relatives import apart

_FRONTED = en.word_set(
    "when while if because since although though after before as until once unless"
)
_OPENERS = _FRONTED | en.word_set(
    "that whether who which what how why where whenever whereas whose"
)
_REPORTS = en.word_set(
    "think thinks thought say says said tell tells told hope hopes hoped know knows knew believe "
    "believes believed guess guessed hear heard feel feels felt mean means bet realize realized "
    "learned found promised decided wish wishes"
)
_COORDINATORS = en.word_set("and but yet")
_DASHES = frozenset(";—–")
_SPLICED = en.SUBJECTS | {"this", "that", "here", "there"}  # may open a clause after a comma
_SINGULAR = en.THIRDS | {"was"}


@dataclass(frozen=True, slots=True)
class Clause:
    """Tokens of one clause, a shared subject repeated, and the span [start, end) of its own."""

    tokens: tuple[Token, ...]
    start: int
    end: int
    asked: bool = False  # it is a question


Main = tuple[int, int, int]  # first place of the subject, place after it, place of the verb


def clauses(tokens: Sequence[Token], asked: bool = False) -> list[Clause]:
    """The clauses of a sentence in order; `asked`: it ends in "?", its last clause is a question.

    Cut at "and", "but", ";" and a comma splice where a verb of its own follows; ", who ...",
    ", which ..." and ", a nurse," become clauses about the noun before them.
    """
    main, others = apart(tokens)
    found = _cut(main, asked)
    if asked and found:
        found[-1] = replace(found[-1], asked=True)
    return sorted([*found, *(c for part in others for c in _cut(part, False))], key=_place)


def _place(clause: Clause) -> tuple[int, int]:
    return clause.tokens[0].start, clause.start


def _cut(tokens: Sequence[Token], asked: bool) -> list[Clause]:
    """The clauses of a sentence without relatives, by one scan."""
    found: list[Clause] = []
    carried: list[Token] = []
    start, end = 0, len(tokens)
    main, fronted = main_clause(tokens, start)
    nested = False
    at = start
    while at < end:
        cut = _boundary(tokens, at, main, asked, fronted, nested)
        if cut is None:
            nested = nested or _opens(tokens, at, main)
            at += 1
            continue
        found += _clause(carried, tokens[start:at])
        start, shared = cut
        if shared is None or main is None:
            carried = []
            main, fronted = main_clause(tokens, start)
        else:
            carried = shared
            main = (main[0], main[1], grammar.after_adverbs(tokens, start))
        nested = False
        at = start
    return [*found, *_clause(carried, tokens[start:end])]


def _clause(carried: Sequence[Token], own: Sequence[Token]) -> list[Clause]:
    if not own:
        return []
    return [Clause((*carried, *own), own[0].start, own[-1].end)]


def main_clause(tokens: Sequence[Token], start: int) -> tuple[Main | None, bool]:
    """Subject and verb of the main clause from `start`, and whether a subordinate one precedes."""
    end = len(tokens)
    begin = grammar.after_adverbs(tokens, start)
    if (
        begin < end
        and tokens[begin].low in _FRONTED
        and grammar.starts_clause(tokens, begin + 1, end)
    ):
        last = min(end, begin + grammar.REACH)
        comma = next((i for i in range(begin, last) if tokens[i].text == ","), None)
        after = None if comma is None else grammar.subject_verb(tokens, comma + 1, end)
        return after, True
    return grammar.subject_verb(tokens, start, end), False


def _opens(tokens: Sequence[Token], at: int, main: Main | None) -> bool:
    """Whether a subordinate clause opens at `at`, after the verb: what follows belongs to it."""
    if main is None or at < main[2]:
        return False
    low = tokens[at].low
    end = len(tokens)
    if low in _REPORTS:
        return any(grammar.starts_clause(tokens, i, end) for i in (at + 1, at + 2))
    if low not in _OPENERS and low != "so":
        return False
    if low in ("who", "which", "that") and grammar.verb_first(tokens, at + 1, end) is not None:
        return True
    return grammar.starts_clause(tokens, at + 1, end)


def _boundary(
    tokens: Sequence[Token], at: int, main: Main | None, asked: bool, fronted: bool, nested: bool
) -> tuple[int, list[Token] | None] | None:
    """Where the next clause starts if one ends before `at`, and the subject it shares, if any."""
    mark = tokens[at].low
    follows = at + 1
    spliced = mark in _DASHES or mark in (",", "-")
    if not (spliced or mark in _COORDINATORS) or main is None or at <= main[2]:
        return None
    joined = mark if mark in _COORDINATORS else ""
    if spliced and follows < len(tokens) and tokens[follows].low in _COORDINATORS:
        joined = tokens[follows].low
        follows += 1
    if follows >= len(tokens):
        return None
    if asked and _asks(tokens, follows):
        return follows, None
    strong = mark in _DASHES or joined in ("but", "yet")
    if (fronted and not strong) or (nested and not strong and not (spliced and joined)):
        return None
    bare = mark in (",", "-") and not joined
    if grammar.starts_clause(tokens, follows, len(tokens)):
        pronoun = tokens[grammar.after_adverbs(tokens, follows)].low in _SPLICED
        return None if bare and not pronoun else (follows, None)
    if nested:
        return None
    shared = _shared(tokens, at, follows, main, bare)
    return None if shared is None else (follows, shared)


def _asks(tokens: Sequence[Token], at: int) -> bool:
    low = tokens[at].low
    if low in en.QUESTION or (low == "you" and at == len(tokens) - 1):
        return True
    return (
        low in en.AUXILIARIES
        and at + 1 < len(tokens)
        and tokens[at + 1].low in en.PRONOUNS | {"n't"}
    )


def _shared(
    tokens: Sequence[Token], at: int, follows: int, main: Main, bare: bool
) -> list[Token] | None:
    """What a predicate without subject at `follows` shares with the main clause; None: no cut.

    The two verbs must have like forms: "lives ... and works", "is learning ... and taking".  Base
    forms after "to" or a modal depend on it and stay.
    """
    place = grammar.verb_first(tokens, follows, len(tokens))
    if place is None or tokens[follows].low in ("so", "neither"):  # "but so does he"
        return None
    word, verb = tokens[place].low, tokens[main[2]].low
    subject = list(tokens[main[0] : main[1]])
    if any(t.text == "," or t.low in en.SUBORDINATORS for t in subject):
        return None
    lexical = grammar.after_adverbs(tokens, main[2] + 1)
    second = tokens[lexical].low if lexical < at else ""
    ends = place + 1 >= len(tokens) or not tokens[place + 1].text[0].isalnum()
    if ends and at - 1 != main[2] and word not in en.AUXILIARIES:
        return None  # "likes walks and hikes" is no second verb
    if word in en.GERUNDS:
        both = verb in en.BE and second in en.GERUNDS and not bare
        return [*subject, *tokens[main[2] : lexical]] if both else None
    if bare and (word in en.BASES or word in en.PARTICIPLES):
        return None
    if verb in en.HAVE and second in en.PARTICIPLES and word in en.PARTICIPLES:
        return [*subject, *tokens[main[2] : lexical]]
    return subject if _alike(tokens, at, main, word, second) else None


def _alike(tokens: Sequence[Token], at: int, main: Main, word: str, second: str) -> bool:
    """Whether a finite `word` can be a second verb beside the main one, by their forms."""
    verb = tokens[main[2]].low
    singular = verb in _SINGULAR and verb != "was"
    if word in en.AUXILIARIES - en.HAVE - en.DO:
        return word not in ("be", "been", "being")
    if word in en.THIRDS:
        return singular
    if word in en.BASES and (verb in en.BASES or verb in ("'m", "am", "'re", "are", "'ve")):
        bound = {"to", "let", "help", "make", "n't", "not"} | en.MODALS
        return not any(t.low in bound for t in tokens[main[2] : at][-grammar.REACH :])
    if word not in en.PASTS or verb in en.MODALS or verb in en.DO:
        return False
    return not (verb in en.BE and second in en.PARTICIPLES and word in en.PARTICIPLES)
