"""Atomic facts of what was said: one clause, one fact, with names for pronouns; by rule, offline.

    >>> [fact.text for fact in facts("I live in Berlin and work at Stripe.", "Anna")]
    ['Anna lives in Berlin.', 'Anna works at Stripe.']

English only, by word lists and word order.  Not done: sentences whose verb is not listed and
follows no pronoun; coreference beyond the last name or relative that fits; a dropped "I" ("Just
moved to Oslo!"); irony.  "we" counts as the speaker.  Objects joined under one verb stay one fact:
no rule tells "tea and coffee" from "fish and chips".
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from agentmem.extract import english as en
from agentmem.extract import grammar
from agentmem.extract.english import Token, tokens
from agentmem.extract.pronouns import Mentions, Resolver, display
from agentmem.extract.splitting import Clause, clauses, main_clause
from agentmem.stores.segment import sentences

__all__ = ["Fact", "facts", "turns"]


@dataclass(frozen=True, slots=True)
class Fact:
    """One statement, and the span [start, end) in characters of the clause it was read from.

    A shared subject is outside the span; a relative clause's begins at its noun.
    """

    text: str
    start: int
    end: int


_SPEAKER = re.compile(
    r"^[ \t]*(?P<name>(?:[A-Z][\w'-]*(?:[ ][A-Z0-9][\w'-]*){0,2}"
    r"|user|assistant|system|human|ai|bot|agent|[a-z]+[_-]?[0-9]+)):(?:[ \t]+|$)",
    re.MULTILINE,
)
_LABELS = en.word_set(
    "note ps update edit todo warning question answer q a re subject date time example tip summary "
    "today tomorrow fact facts list result hint"
)


def turns(text: str) -> list[tuple[str | None, str, int]]:
    """The turns of a chunk as (speaker, what was said, where that starts in the text).

    A line "Name: ..." opens a turn: a role ("user"), a numbered one ("player_1"), or up to three
    words with capitals; labels such as "Note:" do not.  Before the first one the speaker is None.
    """
    marks = [m for m in _SPEAKER.finditer(text) if m["name"].lower() not in _LABELS]
    starts = [m.start() for m in marks] + [len(text)]
    found: list[tuple[str | None, str, int]] = []
    if text[: starts[0]].strip():
        found.append((None, text[: starts[0]], 0))
    for mark, end in zip(marks, starts[1:], strict=True):
        found.append((mark["name"], text[mark.end() : end], mark.end()))
    return found


def facts(text: str, speaker: str | None, other: str | None = None) -> list[Fact]:
    """The facts stated in a text, in order; empty if it states none.

    `speaker` is who says "I", `other` who is "you"; lines "Name: ..." take their place, the other
    party then being the one who spoke last or else next.  A role is named with its article: "user"
    gives "The user lives in Berlin."  None leaves the pronoun.  Questions, greetings, thanks,
    imperatives and small talk are no facts.
    """
    spoken = turns(text)
    parties = [display(name or speaker) for name, _, _ in spoken]
    given = [display(speaker), display(other)]
    mentions = Mentions(frozenset(p.lower() for p in [*parties, *given] if p))
    found: list[Fact] = []
    others = _others(parties, given)
    for me, you, (_, said, start) in zip(parties, others, spoken, strict=True):
        found += _said(said, start, Resolver(me, you, mentions))
    return found


def _others(parties: Sequence[str | None], given: Sequence[str | None]) -> list[str | None]:
    """Whom each turn addresses: who spoke before, else who speaks next, else who is given."""

    def nearest(order: Sequence[str | None]) -> Iterator[str | None]:
        last: str | None = None
        previous: str | None = None
        for party in order:
            if party != last:
                previous, last = last, party
            yield previous

    before = list(nearest(parties))
    after = list(nearest(parties[::-1]))[::-1]
    found: list[str | None] = []
    for me, last, following in zip(parties, before, after, strict=True):
        others = (last, following, given[1], given[0])
        found.append(next((you for you in others if you and you != me), None))
    return found


def _said(said: str, start: int, resolver: Resolver) -> Iterator[Fact]:
    at = start
    for sentence in sentences(said):
        plain = sentence.rstrip().rstrip("\"'”’)")
        for clause in clauses(_opened(tokens(sentence)), asked=plain.endswith("?")):
            own = _trimmed(clause)
            named = resolver.resolve(own.tokens)  # a question too mentions whom "he" goes back to
            if not own.asked and _states(own.tokens):
                yield Fact(_written(named), at + own.start, at + own.end)
        at += len(sentence)


_OPENING = en.INTERJECTIONS | en.word_set("and but so also plus")
_CHEERS = en.word_set("thank thanks congrats congratulations")
_TAGS = en.word_set("right haha lol too though huh lol hey thanks yeah ok okay")


def _opened(words: Sequence[Token]) -> list[Token]:
    """The tokens without what opens a sentence: "Yes,", "Hey Tom,", "Well, so", a list mark."""
    at = 0
    while at < len(words):
        low = words[at].low
        if not low[0].isalnum():
            at += 1
        elif low in ("no", "well", "sure") and not _marked(words, at + 1):
            break
        elif low == "by" and [w.low for w in words[at + 1 : at + 3]] == ["the", "way"]:
            at += 3
        elif low in _OPENING:
            at += 1
            vocative = at < len(words) and grammar.is_name(words[at]) and _marked(words, at + 1)
            at += vocative
        elif grammar.is_name(words[at]) and _called(words, at):
            at += 1
        elif low in _CHEERS or (low == "good" and at + 1 < len(words)):
            skipped = _after_comma(words, at)
            if skipped is None:
                break
            at = skipped
        else:
            break
    return list(words[at:])


def _marked(words: Sequence[Token], at: int) -> bool:
    return at < len(words) and words[at].text in ",!.-—"


def _called(words: Sequence[Token], at: int) -> bool:
    """Whether the word is a person called: "Tom, I moved" and not "Tom, a nurse, has ..."."""
    if at + 2 >= len(words) or words[at + 1].text != ",":
        return False
    return words[at + 2].low in en.SUBJECTS or words[at + 2].low in ("so", "my", "that")


def _after_comma(words: Sequence[Token], at: int) -> int | None:
    last = min(len(words), at + grammar.REACH)
    return next((i + 1 for i in range(at, last) if words[i].text in ",!;"), None)


def _trimmed(clause: Clause) -> Clause:
    """The clause without marks at its ends and without a tag such as ", right"."""
    own = list(clause.tokens)
    while own and not (own[0].text[0].isalnum() or own[0].text in '"“('):
        own.pop(0)
    while own and not _closes(own):
        own.pop()
    if not own:
        return clause
    end = max(clause.start, own[-1].end)
    return Clause(tuple(own), clause.start, end, clause.asked)


def _closes(own: Sequence[Token]) -> bool:
    """Whether the last token may end a fact: a word, a closing mark, no tag."""
    last = own[-1].text
    if len(own) > 2 and own[-1].low in _TAGS and own[-2].text == ",":
        return False
    return last[-1].isalnum() or last[-1] in ')"”%'


# Over the words of a clause, clitics apart, in lower case.
_ADVERBS = r"(?:(?:so|really|very|just|also|still|always|totally|absolutely|truly|all|super) )*"
_SMALL_TALK = re.compile(
    r"(?:that|this|it|these|those)(?: all| both)? (?:'s|is|was|were|are|'ll|will|would|must|sounds?"
    r"|sounded|looks?|looked|seems?|seemed|feels?|felt|means?|meant|does|did|has|had|can|could"
    r"|makes|made|depends|works)\b"
    rf"|i {_ADVERBS}(?:hope|wish|bet|guess|see|agree|understand|appreciate|apologi[sz]e|mean"
    r"|wonder|swear)\b(?! (?:my|a|the) )"
    r"|i (?:know|remember|get|hear)(?: (?:you|that|what|how|it|right|exactly)\b|$)"
    r"|i (?:do|did) n't (?:know|mind|care|think so)\b|i had no idea"
    r"|i (?:ca|could) n't (?:wait|believe|imagine)"
    rf"|(?:i|we) (?:'m|am|'re|are) {_ADVERBS}(?:{'|'.join(sorted(en.FEELINGS))})"
    r"(?:$| (?:for|of) you\b| to (?:hear|see)\b| about (?:that|it)\b| (?:that|you|it)\b)"
    r"|(?:i|we) (?:'ll|will) (?:see|talk|let|keep|call|text|be there|check|try|do)\b"
    r"|you (?:must|should|can|could|will|'ll|might|may|deserve|look|sound|know|see|rock|got this)\b"
    rf"|you (?:'re|are) {_ADVERBS}(?:{'|'.join(sorted(en.VALUES | en.FEELINGS))})\b"
    r"|(?:so|neither|nor) (?:do|am|did|have|was|can|would) |let 's\b"
    r"|i 'm here (?:for|if)\b|we (?:should|could|can)\b|here (?:is|are|'s)\b|what an?\b"
)


def _states(words: Sequence[Token]) -> bool:
    """Whether a clause is a statement: a subject, then a finite verb, and not small talk."""
    if not words or words[0].low in en.QUESTION - {"when"}:
        return False
    if _SMALL_TALK.match(" ".join(word.low for word in words[:12])):
        return False
    if grammar.orders(words, grammar.after_adverbs(words, 0)):
        return False
    if words[0].low in en.FEELINGS or words[-1].low in en.AUXILIARIES | en.NEGATIONS:
        return False  # "Glad you like it", "I haven't"
    if any(word.text == "," for word in words) and main_clause(words, 0) == (None, True):
        return False  # "If you need help, call me"
    return grammar.subject_verb(words, 0, len(words)) is not None


def _written(words: Sequence[Token]) -> str:
    """The tokens as a sentence: spaces as in the source, capital first, a full stop at the end."""
    out: list[str] = []
    for at, word in enumerate(words):
        joined = at > 0 and words[at - 1].end == word.start and not word.text[0].isalpha()
        joined = joined or (
            at > 0 and words[at - 1].end == word.start and not words[at - 1].text[-1].isalnum()
        )
        if at and not joined and word.text not in (",", "n't"):
            out.append(" ")
        out.append(word.text)
    text = "".join(out)
    return text[:1].upper() + text[1:] + ("" if text.endswith((".", "!", "?")) else ".")
