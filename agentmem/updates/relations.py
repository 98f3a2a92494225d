"""What a person has one of at a time, and the sentences that say so.

Each pattern is matched against a whole fact of `extract.clauses` ("Anna now works at Meta"), time
and full stop cut off.  `what` is the value.  English only.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from agentmem.extract.english import word_set

__all__ = ["ATTRIBUTES", "COMPANIES", "COUNTRIES", "PATTERNS", "TOPICS", "Form"]

COMPANIES = frozenset(
    word_set("""
    accenture adobe airbnb airbus alphabet amazon amd anthropic apple atlassian barclays bayer bcg
    bmw boeing bosch cern cisco citi cohere databricks deepmind deloitte dropbox facebook ford
    github gitlab google hsbc ibm intel jpmorgan klarna kpmg linkedin lyft mastercard mckinsey meta
    microsoft mistral mozilla nasa netflix novartis nvidia openai oracle palantir paypal pfizer
    pwc reddit roche salesforce samsung sap shopify siemens snowflake sony spacex spotify stripe
    tesla toyota twitter uber unilever visa volkswagen xai zalando
    """)
    | {"hugging face", "goldman sachs", "morgan stanley", "deutsche bank", "general motors"}
)

# What one also joins and leaves as a user.
SERVICES = frozenset(word_set("airbnb dropbox facebook gitlab github linkedin lyft netflix paypal"))
SERVICES |= {"reddit", "spotify", "twitter", "uber"}

# A city lies in one of these: "lives in Germany" does not contradict "lives in Berlin".
COUNTRIES = frozenset(
    word_set("""
    afghanistan africa alabama alaska albania algeria america argentina arizona arkansas armenia
    asia australia austria azerbaijan bangladesh bavaria belarus belgium bolivia botswana brazil
    britain bulgaria california cambodia cameroon canada catalonia chile china colombia colorado
    connecticut croatia cuba cyprus czechia delaware denmark ecuador egypt england estonia ethiopia
    europe finland florida france georgia germany ghana greece guatemala hawaii honduras hungary
    iceland idaho illinois india indiana indonesia iowa iran iraq ireland israel italy jamaica
    japan jordan kansas kazakhstan kentucky kenya korea kuwait latvia lebanon libya lithuania
    louisiana luxembourg maine malaysia malta maryland massachusetts mexico michigan minnesota
    mississippi missouri moldova mongolia montana morocco nebraska nepal netherlands nevada
    nicaragua nigeria norway ohio oklahoma ontario oregon pakistan panama paraguay pennsylvania
    peru philippines poland portugal quebec romania russia scotland senegal serbia slovakia
    slovenia spain sweden switzerland syria taiwan tanzania tennessee texas thailand tunisia turkey
    tuscany uganda uk ukraine uruguay us usa utah uzbekistan venezuela vermont vietnam virginia
    wales wisconsin wyoming yemen zambia zimbabwe
    """)
    | {"new zealand", "south africa", "south korea", "north carolina", "south carolina"}
    | {"united states", "united kingdom", "saudi arabia", "sri lanka", "costa rica", "new jersey"}
    | {"new mexico", "czech republic", "north america", "south america", "latin america"}
)

ATTRIBUTES = (
    r"(?:(?:first|last|full|middle) )?name|nickname|age|birthday|phone(?: number)?|number"
    r"|e-?mail(?: address)?|address|job(?: title)?|title|position|role|occupation|profession"
    r"|employer|boss|manager|password|pin|username|(?:relationship )?status|time ?zone|home ?town"
    r"|salary|rent|weight|height|budget|deadline|diet|favou?rite [\w-]+(?: [\w-]+)?"
)


class Form(NamedTuple):
    """A sentence form: what it tells of which topic, and whether it says that it is so."""

    topic: str
    holds: bool
    pattern: re.Pattern[str]


# Phrases that find what was said of a topic, in the lexical index, by stems.
TOPICS = {
    "residence": (
        "live in", "live at", "moved to", "moved back to", "moved away", "moved out", "relocated",
        "based in", "reside in",
    ),
    "employer": (
        "work at", "work for", "employed at", "employed by", "position at", "role at", "job at",
        "joined", "moved to", "transferred", "is at", "m at", "now at",
        "quit", "resigned", "left", "employer",
    ),
    "partner": (
        "married", "engaged to", "dating", "relationship with", "divorced", "broke up", "split up",
        "separated", "single",
    ),
    "job": ("work as", "job", "occupation", "profession", "title", "position", "role"),
    "age": ("years old", "turned", "age is"),
    "email": ("email", "e mail"),
    "timezone": ("timezone", "time zone"),
    "hometown": ("hometown", "home town"),
}  # fmt: skip

_WHO = r"(?P<who>[^,:;]{1,60}?)"
_ADV = r"(?:(?:just|recently|now|already|finally|also|currently|still|officially) )*"
_DID = rf"{_ADV}(?:has {_ADV})?"  # before a participle: "has just", "recently"
_IS = rf"{_ADV}is {_ADV}"
_BEEN = rf"{_ADV}has {_ADV}"
_NOT = rf"{_ADV}(?:no longer|does not|doesn't|is not|isn't|is no longer)"
_NAME = r"(?P<what>(?-i:[A-Z])[\w'.&-]*(?: (?-i:[A-Z])[\w'.&-]*){0,3})"
_FIRM = rf"(?P<what>{'|'.join(sorted(COMPANIES - SERVICES))})"
_SOME = r"(?:a|an|the|[\w ]{1,30}'s) (?:new |old )?"


def _forms(topic: str, holds: bool, *tails: str, who: str = _WHO) -> list[Form]:
    return [Form(topic, holds, re.compile(f"{who} {tail}", re.IGNORECASE)) for tail in tails]


PATTERNS: tuple[Form, ...] = (
    *_forms(
        "employer",
        True,
        rf"(?:{_ADV}works|{_IS}(?:working|employed)|{_BEEN}(?:worked|been working)) "
        rf"(?:at|for|by) {_NAME}",
        rf"{_DID}started working (?:at|for) {_NAME}",
        rf"{_DID}(?:got|started|took|accepted) {_SOME}(?:job|position|role) (?:at|with) {_NAME}",
        rf"{_DID}(?:joined|(?:moved|transferred)(?: from [\w.& -]+?)? to) {_FIRM}",
        rf"{_IS}at {_FIRM}",
    ),
    *_forms(
        "employer",
        False,
        rf"{_NOT} (?:works?|working|employed) (?:at|for|by) {_NAME}",
        rf"{_NOT} (?:with|at) {_FIRM}",
        rf"{_DID}(?:quit|left|resigned from) {_FIRM}",
        rf"{_DID}(?:quit|left|lost) {_SOME}job at {_NAME}",
        rf"{_DID}stopped working (?:at|for) {_NAME}",
    ),
    *_forms(
        "residence",
        True,
        rf"(?:{_ADV}(?:lives|resides)|{_IS}(?:living|based)|{_BEEN}(?:lived|been living)) "
        rf"(?:in|at) {_NAME}",
        rf"{_DID}(?:moved|relocated)(?: back)?(?: from [\w. -]+?)? to {_NAME}",
    ),
    *_forms(
        "residence",
        False,
        rf"{_NOT} (?:lives?|living|based|resides?) (?:in|at) {_NAME}",
        rf"{_DID}moved (?:away from|out of) {_NAME}",
    ),
    *_forms(
        "partner",
        True,
        rf"{_IS}(?:married to|engaged to|dating|in a relationship with) {_NAME}",
        rf"{_DID}(?:married|got married to|got engaged to|started dating) {_NAME}",
    ),
    *_forms(
        "partner",
        False,
        rf"{_DID}(?:divorced|broke up with|split up with|separated from) {_NAME}",
        rf"{_NOT} (?:married to|engaged to|dating|together with) {_NAME}",
        rf"{_IS}(?P<what>single|divorced)",
        rf"{_DID}got (?P<what>divorced)",
    ),
    *_forms(
        "job",
        True,
        rf"(?:{_ADV}works|{_IS}working) as (?P<what>(?:an? )?[\w -]{{2,40}})",
    ),
    *_forms(
        "age",
        True,
        rf"{_IS}(?P<what>\d{{1,3}}) years old",
        rf"{_DID}turned (?P<what>\d{{1,3}})",
    ),
    *_forms(
        "",
        True,
        rf"(?:new |current )?(?P<topic>{ATTRIBUTES}) is {_ADV}"
        r"(?P<what>(?!not |no |to |an? |so |very |really |too |the same)\S.{0,60})",
        who=f"{_WHO}'s",
    ),
)
