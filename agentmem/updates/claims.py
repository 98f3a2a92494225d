"""What facts claim: of whom, on what, and whether it holds; and which claims exclude each other.

A claim has a topic of which a person has one value at a time (`relations`), or is a plain statement
("likes sushi") that can be taken back ("does not like sushi any more").  When in doubt, no claim:
past states ("worked at Meta", "used to live in Rome") are history and claim nothing; what happened
in a year before the one in which it is told is claimed weakly, and replaces nothing.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple

from agentmem.extract import english as en
from agentmem.extract.clauses import facts, turns
from agentmem.extract.names import name_key
from agentmem.extract.triples import triples
from agentmem.text import fold, words
from agentmem.updates.doubts import fits, one_of_some, passing, quoted, taken_back, tells_change
from agentmem.updates.relations import COUNTRIES, PATTERNS, TOPICS

__all__ = ["Claim", "Stated", "stated"]


class Claim(NamedTuple):
    """One claim of one fact.  `holds`: that it is so; else that it is so no longer."""

    who: str  # normalised
    topic: str  # "residence"; of a plain statement the verb and its object
    value: str  # normalised; "" where any value is meant
    holds: bool
    year: int | None  # when it came about, if that is told: in other years it replaces nothing
    phrases: tuple[str, ...]  # by which to find what was said of the topic
    firm: bool = True  # else it can be replaced, and replaces nothing

    @property
    def plain(self) -> bool:
        """Is it a statement that leaves room for others beside it ("likes tea")?"""
        return self.phrases == (self.value,)

    def excludes(self, older: Claim) -> bool:
        """Is what was claimed earlier no longer so, if this is?"""
        if not self.firm or (self.who, self.topic) != (older.who, older.topic):
            return False
        if not (self.holds or older.holds):
            return False
        if self.holds and older.holds:
            return not _agree(self, older)
        return not (self.value and older.value) or self.value == older.value


class Stated(NamedTuple):
    """What a text states: the claims of each of its facts, and how many words are no fact.

    `doubted`: the claims of clauses that are quoted, qualified, or told of somebody else; what is
    derived from the text has lost that.
    """

    facts: tuple[tuple[Claim, ...], ...]
    rest: int
    doubted: frozenset[Claim] = frozenset()


NEAR = 120  # characters before and after a clause that may say how it is meant
REPLY = 12  # words of an assistant's answer that tell nothing
_END = re.compile(
    r"[,\s]*\b(any ?more|any longer|no more|again|now|currently|nowadays|these days|instead"
    r"|at the moment|too|already)$",
    re.IGNORECASE,
)
_MONTH = (
    r"(?:January|February|March|April|May|June|July|August|September|October|November|December)"
)
_COUNT = r"(?:\d+|an?|one|two|three|four|five|six|ten|few|several|many|some|couple|of)"
_SPELL = r"(?:days?|weeks?|weekends?|months?|years?|decades?|summer|winter|spring|fall|autumn)"
_TIME = re.compile(
    r"(?:[,;].*"
    r"|\s+(?P<prep>since|for|in|back in|until|around|on|during|last|this|next) "
    rf"(?:(?:the|early|late|mid|about|almost|over|last|past|{_COUNT}|{_MONTH}|\d+(?:st|nd|rd|th)) "
    rf"){{0,4}}(?:(?P<year>(?:19|20)\d\d)|{_SPELL}|{_MONTH}|[A-Z][a-z]+days?|Christmas)\b.*"
    r"|\s+(?:yesterday|today|tonight)\b.*"
    rf"|\s+(?:{_COUNT} ){{0,3}}{_SPELL} ago\b.*"
    r"|\s+(?:because|after|before|when|while|which|where|and|but|so|to be)\b.*)$"
)
_AGO = re.compile(r"\b(?:years|decades) ago\b", re.IGNORECASE)
_ENDED = re.compile(
    r"(?P<who>[^,:;]{1,60}?) (?:(?:does not|doesn't|no longer|is no longer|is not|isn't) "
    r"(?P<verb>[a-z]+)|(?:has )?(?:just |recently )?(?:stopped|quit|gave up) (?P<ing>[a-z]+ing))"
    r"(?P<what> [\w' -]{1,60})",
)
_NOBODY = en.PRONOUNS | en.SUBORDINATORS | en.PREPOSITIONS
_DENIED = frozenset({"not", "longer", "never", "doesn't", "isn't"})
_ASSISTANTS = frozenset({"assistant", "ai", "bot", "agent", "system"})
_INFINITIVE = {en.third(base): base for base in en.BASES}
_GERUND = dict(zip(map(en.gerund, sorted(en.BASES)), sorted(en.BASES), strict=True))


@lru_cache(maxsize=4096)
def stated(text: str) -> Stated:
    """The claims of a text, fact by fact; "I" without a named speaker is "the user"."""
    found = facts(text, "user")
    spoken = turns(text)
    starts = [start for _, _, start in spoken]
    told = sum(len(words(text[fact.start : fact.end])) for fact in found)
    rest = 0
    for name, said, start in spoken:
        inside = any(start <= fact.start < start + len(said) for fact in found)
        count = len(words(said))
        answer = name is not None and name.lower() in _ASSISTANTS and not inside
        rest += 0 if answer and count <= REPLY else count
    claims: list[tuple[Claim, ...]] = []
    doubted: set[Claim] = set()
    for fact in found:
        name, _, start = spoken[max(bisect_right(starts, fact.start) - 1, 0)]
        before = text[max(start, fact.start - NEAR) : fact.start]
        after = text[fact.end : fact.end + NEAR]
        bare = tuple(_claims(fact.text))
        claims.append(() if quoted(before) or taken_back(after) else _told(name, bare))
        doubted.update(bare)
    doubted -= {claim for known in claims for claim in known}
    return Stated(tuple(claims), max(rest - told, 0), frozenset(doubted))


def _told(speaker: str | None, claims: tuple[Claim, ...]) -> tuple[Claim, ...]:
    """The claims of one fact; nobody replaces what another person said of himself."""
    if speaker is None or speaker.lower() in ("user", "human"):
        return claims
    own = name_key(speaker)
    return tuple(c if c.who.startswith(own) else c._replace(firm=False) for c in claims)


def _claims(fact: str) -> Iterator[Claim]:
    """The claims of one fact in the third person."""
    plain = fact.rstrip(".! ").replace("’", "'")
    if passing(plain):
        return
    changed = tells_change(plain)
    while end := _END.search(plain):
        plain = plain[: end.start()]
    time = _TIME.search(plain)
    dated = time and time["year"] and time["prep"] not in ("since", "for")
    year = int(time["year"]) if time and dated else (0 if _AGO.search(plain) else None)
    short = plain[: time.start()] if time else plain
    for form in PATTERNS:
        match = form.pattern.fullmatch(short)
        if match and _DENIED.isdisjoint(match["who"].split()):
            topic = form.topic or _topic(match["topic"])
            value = _value(match["what"])
            some = "" if value in ("single", "divorced") else value
            if fits(topic, match["what"]):
                sure = one_of_some(match["who"]) is False and " is at " not in short
                firm = changed or not form.holds or sure
                found = _claim(match["who"], topic, some, form.holds, year, _found_by(topic))
                yield from (claim._replace(firm=firm) for claim in found)
            return
    yield from _plain(short, year)


def _plain(short: str, year: int | None) -> Iterator[Claim]:
    """As in "likes sushi", "does not like sushi (any more)", "stopped eating sushi"."""
    match = _ENDED.fullmatch(short)
    if match:
        verb = match["verb"] or _GERUND.get(match["ing"] or "", "")
        if verb in en.BASES and not (match["verb"] and verb in ("be", "have", "do")):
            yield from _statement(match["who"], verb, match["what"], False, year)
        return
    for head, relation, tail in triples(f"{short}.")[:1]:
        verb, _, preposition = relation.partition(" ")
        perfect = verb == "has" and preposition
        if verb in _INFINITIVE and verb != "is" and not perfect and len(preposition.split()) < 2:
            yield from _statement(head, _INFINITIVE[verb], f"{preposition} {tail}", True, year)


def _statement(who: str, verb: str, what: str, holds: bool, year: int | None) -> Iterator[Claim]:
    value = _value(what)
    return _claim(who, f"{verb} {value}", value, holds, year, (value,))


def _claim(
    who: str, topic: str, value: str, holds: bool, year: int | None, phrases: tuple[str, ...]
) -> Iterator[Claim]:
    named = words(who)
    if (
        one_of_some(who) is not None
        and named[0] not in en.PRONOUNS | en.SUBORDINATORS | en.PREPOSITIONS
    ):
        yield Claim(name_key(who), topic, value, holds, year, phrases)


def _topic(attribute: str) -> str:
    """One name for one attribute: "E-mail address" and "email" are the same."""
    low = attribute.lower().replace("-", "").replace("favourite", "favorite")
    low = low.replace("colour", "color")
    same = {
        "phone number": "phone", "number": "phone", "email address": "email", "job title": "job",
        "title": "job", "occupation": "job", "profession": "job", "time zone": "timezone",
        "home town": "hometown",
    }  # fmt: skip
    return same.get(low, low)


def _found_by(topic: str) -> tuple[str, ...]:
    british = topic.replace("favorite", "favourite").replace("color", "colour")
    return TOPICS.get(topic) or tuple(dict.fromkeys((topic, british)))


def _value(text: str) -> str:
    if "@" in text:
        return fold(text)
    own = words(text)
    while len(own) > 1 and own[0] in ("a", "an", "the", "my", "his", "her", "their"):
        own = own[1:]
    return " ".join(own)


def _agree(new: Claim, old: Claim) -> bool:
    """May both be so: the same value, more or less precisely, or a city and a country?"""
    one, other = set(new.value.split()), set(old.value.split())
    if one <= other or other <= one:
        return True
    return new.topic == "residence" and ((new.value in COUNTRIES) != (old.value in COUNTRIES))
