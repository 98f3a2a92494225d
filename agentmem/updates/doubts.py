"""What makes it doubtful that a sentence tells how things now are: when in doubt, nothing goes.

What holds at times, for a while or besides; what somebody else is said to have said; what is no
value of its attribute ("my boss is angry", "my phone is dead"); whom there may be several of.
"""

from __future__ import annotations

import re

from agentmem.extract import english as en

__all__ = ["fits", "one_of_some", "passing", "quoted", "taken_back", "tells_change"]

_SPELL = r"(?:days?|nights?|weeks?|weekends?|months?|years?|summer|winter|spring|fall|autumn|while)"
_HEDGED = re.compile(
    r"\b(?:if|but|might|(?-i:may)|would|could|should|will|wants?|hopes?|plans?|thinks?|also|sometimes|often"
    r"|usually|partly|part of the|part[- ]time|temporarily|until|till|when|while|after|before|once"
    r"|every|during|weekends|[a-z]+days|practically|basically|technically|officially|almost|nearly"
    r"|virtually|kind of|sort of|probably|maybe|perhaps|apparently|supposedly|mentally|then"
    r"|as an? (?:child|kid|boy|girl|student|teenager|teen|baby))\b"
    rf"|\b(?:is|works?|lives?)\b.*\b(?:today|tonight|tomorrow|this {_SPELL}|right now)\b",
    re.IGNORECASE,
)
_STAY = re.compile(rf"\bfor (?:an?|the|one|two|three|some|\d+) (?:\w+ )?{_SPELL}\b", re.IGNORECASE)
_LASTING = re.compile(r"\bhas (?:\w+ ){0,2}(?:lived|been|worked)\b|\b(?:quit|left|stopped|no)\b")
_CHANGE = re.compile(
    r"\b(?:now|nowadays|currently|any ?more|no longer|again|new|moved|relocated|transferred"
    r"|switched|joined|started|took|accepted|got|quit|left|lost|resigned|turned"
    r"|(?<!is )married|divorced|broke up|split up|separated|stopped|gave up)\b",
    re.IGNORECASE,
)
_QUOTING = re.compile(
    r"(?:^|\n)\s*>[^\n]*$|[\"“„«‘]\s*$"
    r"|\b(?:said|says|say|saying|told|tells|wrote|writes|claims?|claimed|according|heard|quote|lyrics"
    r"|translate|translation|example|sings?|goes|poem|novel|dream\w*|joke\w*|joking|imagine|suppose"
    r"|pretend|let's|roleplay|RT)\b[^.!?\n]*$",
    re.IGNORECASE,
)
_ONE = en.word_set("""
    user wife husband mother mum mom mommy father dad daddy girlfriend boyfriend fiance fiancee
    spouse partner boss manager employer
""")
_SOME = en.word_set("a an another any every everyone everybody each no one some somebody someone")
_NOWHERE = en.CALENDAR | en.word_set("""
    home work bed hell heaven fear peace harmony sin hope chaos denial luxury poverty night noon
    slack teams discord signal whatsapp telegram linux ubuntu windows mac macos android ios python
    java rust typescript postgres github gitlab notion chrome firefox team plan level seat room
    floor group section chapter page step stage phase part act tier sales marketing engineering
    finance legal hr support management excel zoom jira azure vim emacs neovim react vue angular
    svelte kubernetes docker substack bitwarden obsidian wordpress mastodon bluesky row
    figma trello asana confluence outlook gmail gate grade class lane
""")
_ACRONYM = re.compile(r"(?!(?:USA?|UK|UAE|LA|NYC|DC|SF)\b)[A-Z]{2,}\b")
_MOMENTARY = (
    en.VALUES
    | en.FEELINGS
    | en.PREPOSITIONS
    | en.word_set("""
    angry ill sick late early busy away back here there gone over ready closed open broken dead down
    full empty low high unknown unchanged due overdue soon tomorrow today strict visible private
    secret public losing winning coming going killing showing playing missing working boring
    stressful demanding clear cold hot new old better worse same different changing wrong weak
    expired lost stolen blocked locked pending flexible negotiable more less done safe long short
    ours mine secure fake final obvious odd weird boring
    """)
)
_NUMBERS = frozenset({"rent", "salary", "weight", "height", "budget", "age", "birthday"})
_NAMES = frozenset({"name", "first name", "last name", "full name", "middle name"}) | {
    "boss", "manager", "employer", "hometown",
}  # fmt: skip
_WHEN = re.compile(r"\d|\b(?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)day\b|\b[A-Z][a-z]+(?:ary|ber)\b")
_APART = re.compile(r" (?:for|at|on) (?!\d)|\b(?:more|less|above|below|than)\b", re.IGNORECASE)
_TAKEN_BACK = re.compile(r"^[^.!?\n]*\b(?:but|then|until|only to|just kidding)\b", re.IGNORECASE)


def passing(sentence: str) -> bool:
    """Is it wished, conditional, at times, besides, or for a while?"""
    if _HEDGED.search(sentence):
        return True
    return bool(_STAY.search(sentence)) and not _LASTING.search(sentence)


def quoted(before: str) -> bool:
    """Does what stands before a clause make it a quotation, a report or a fancy?"""
    return bool(_QUOTING.search(before))


def taken_back(after: str) -> bool:
    """Does what stands after a clause in its sentence qualify it ("but", "then", "until")?"""
    return bool(_TAKEN_BACK.search(after))


def tells_change(sentence: str) -> bool:
    """Does it say that something has become otherwise ("now", "moved", "no longer")?"""
    return bool(_CHANGE.search(sentence))


def one_of_some(who: str) -> bool | None:
    """May there be several such ("my cousin", "the company")?  None: no telling whom."""
    own = re.findall(r"[\w-]+", who)
    if not own or own[0].lower() in _SOME:
        return None
    if own[-1].lower() in _ONE and own[0].lower() in ("the", "my", "his", "her"):
        return False
    return not all(word[0].isupper() or word == "s" for word in own) or own[0] == "The"


def fits(topic: str, value: str) -> bool:
    """Can it be a value of what it is said of?"""
    first = (re.findall(r"[\w-]+", value.lower()) or [""])[0]
    digits = sum(char.isdigit() for char in value)
    if topic in ("residence", "employer") and first in _NOWHERE:
        return False
    if topic == "residence" and _ACRONYM.match(value):
        return False
    if topic in ("residence", "partner"):
        return True
    if (first in _MOMENTARY and not value[0].isupper()) or _APART.search(value):
        return False
    if value == first and first.endswith(("ing", "ed")) and not topic.startswith("favorite"):
        return False
    if topic in _NUMBERS:
        return digits > 0
    if topic == "deadline":
        return bool(_WHEN.search(value))
    if topic in _NAMES:
        return value[:1].isupper()
    if topic == "phone":
        return digits > 3
    return topic != "email" or "@" in value
