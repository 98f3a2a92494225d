"""Key-value statements: "visual art: cubism", "timeout = 30 s"; told from ordinary talk.

A text states pairs only if it is nothing but pairs.  A colon also follows who speaks ("Anna:
Pizza"), what something is ("Note: ...") and hours ("10:30"), so both sides have to look the part:
a key of a few words without pronouns or verbs, no label under which many things stand, no given
name; a value that is no question, no exclamation and does not speak of anybody.

Of some keys there is one value at a time ("status: open", "timeout = 30"); of most nobody can tell
("cheese: brie", and next "cheese: gouda").  `Pair.lasting` says which.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

from agentmem.extract import english as en
from agentmem.text import fold, words

__all__ = ["Pair", "head", "pairs"]


class Pair(NamedTuple):
    """What a text says of a key.

    `speaker`: who says it, and of what, "" if that is not told.  `lasting`: is it a state, so that
    a newer value takes its place?  Else that is unknown.
    """

    speaker: str
    key: str
    value: str
    lasting: bool


LONGEST_KEY = 5  # words
LONGEST_VALUE = 40
REPLY = 12  # words of an assistant's answer that does not keep a turn from stating a pair
_ROLE = re.compile(
    r"\s*(user|human|assistant|ai|bot|agent|system|tool|[a-z]+[_-]?[0-9]+):\s+", re.IGNORECASE
)
_REPLIES = frozenset({"assistant", "ai", "bot", "agent", "system"})
_ITEM = re.compile(
    r"\s*(?P<key>[^\W\d_][\w'/&-]*(?:[ .][\w'/&-]+)*)"
    r"(?P<mark>:[ \t]+|[ \t]+=[ \t]+|=(?=[^\s=>~]))"
    r"(?P<value>\S.*?)[\s.,;]*"
)
_HEAD = re.compile(r"\s*([^\s:][^:\n]{0,59}):\s")
_BREAK = re.compile(r"\w{3,}\.\s+[A-Z]")  # another sentence
_LEADING = ("my", "the", "our", "current", "new")
_LABELS = en.word_set("""
    note notes ps update edit todo todos warning question answer q a re subject date time example
    tip summary today tomorrow yesterday fact facts list result hint idea ideas task tasks log
    error errors quote reminder message comment link links item items source joke event meeting
    purchase expense entry news topic rule recipe book movie song lesson feedback bug issue step
    ingredient friend hobby hobbies allergy allergies language skill image photo picture video file
    attachment http https ftp mailto from to cc fwd important remember fyi tldr spoiler translation
    correction conclusion reason option problem solution buy bought call visited read saw ate watch
    see plan goal thing person people self tag author title url uri reference citation word term
    definition participant attendee guest member contact speaker child kid order paid sale sold
    breakfast lunch dinner snack meal food workout run exercise sleep symptom medication diagnosis
    interest like dislike love hate fear wish wishlist shopping grocery groceries appointment trip
    travel flight day week month year morning afternoon evening night chapter page line section
    part paragraph verse round turn scene act info debug trace exception fatal stderr stdout commit
    fix feat docs chore test ticket import require requires change added removed fixed changed
    deprecated review complaint request requirement constraint assumption risk pro con feature
    decision insight observation finding hypothesis experiment advice thought dream memory mood
    highlight gratitude command query function class method action clue evidence quest offer bid
    transaction invoice payment post tweet caption article paper game show film album artist podcast
    restaurant quiz riddle trivia next also plus then and or but customer client
    boss doctor teacher student nurse interviewer interviewee narrator moderator host operator
    support player guide home away score goals name id row record vocabulary word
    notiz aufgabe frage antwort fehler einkauf erinnerung wichtig rezept kind termin nota tarea
    pregunta respuesta erreur remarque question tâche compito domanda risposta
""")
_OTHERS = en.KIN | en.word_set("mom mum mama papa dad daddy mommy")  # who speaks, or one of some
# The heads of keys of which there is one value at a time.
_STATES = en.word_set("""
    status state mode level timezone timeout deadline budget rent salary income weight height age
    address phone telephone email mail password pin username login nickname birthday location
    position residence hometown employer occupation profession job rank manager owner assignee
    priority severity version branch balance progress temperature humidity pressure speed
    brightness light lamp door window heating thermostat lock alarm battery power switch fan tv
    theme font currency locale host hostname port path folder directory database
    region model engine token diet health mana gold xp hp stamina ammo bankroll stance seat
    subscription tier availability visibility threshold interval frequency eta stage phase
""")
_STATED = ("time zone", "home town", "job title", "phone number")
_FIRST = en.word_set("current default preferred favourite favorite")  # "favourite food"
_PERSONAL = en.SUBJECTS | en.word_set("""
    me him her us them mine yours hers ours theirs myself yourself my your our his their im ive id
    youre dont cant lets whats thats
""")
_TALK = (en.INTERJECTIONS - {"well", "no", "sure"}) | en.word_set(
    "thanks thank please congrats congratulations yea bye goodbye cheers absolutely exactly "
    "definitely totally agreed"
)
_CLOSED = en.AUXILIARIES | en.NEGATIONS | en.SUBORDINATORS | en.QUESTION


@lru_cache(maxsize=4096)
def pairs(text: str) -> tuple[Pair, ...]:
    """The pairs that a text states, in order; none unless it states nothing else."""
    found: list[Pair] = []
    speaker, rest = "", 0
    for line in text.splitlines():
        role = _ROLE.match(line)
        if role:
            speaker, line = role[1].lower(), line[role.end() :]
        for item in line.split(";"):
            pair = _pair(item, speaker) if item.strip() else None
            if pair is not None:
                found.append(pair)
            elif item.strip() and not (found and speaker in _REPLIES):
                return ()
            elif item.strip():
                rest += len(words(item))
    return tuple(found) if rest <= REPLY else ()


def head(text: str) -> str:
    """What stands before the first colon, as a key: whose line it would be if somebody spoke."""
    role = _ROLE.match(text)
    found = _HEAD.match(text, role.end() if role else 0)
    return _normal(found[1]) if found else ""


def _pair(item: str, speaker: str) -> Pair | None:
    found = _ITEM.fullmatch(item)
    if found is None:
        return None
    key, value, colon = found["key"], found["value"], found["mark"].startswith(":")
    inner = _ITEM.fullmatch(value)
    if inner is not None and colon and not speaker:  # "Anna: colour: red"
        speaker, key, value = fold(key), inner["key"], inner["value"]
        colon = inner["mark"].startswith(":")
        if not en.PREPOSITIONS.isdisjoint(speaker.split()):
            return None
    own = words(key)
    if not (_is_key(own) and _is_value(value)):
        return None
    lasting = not colon or (_is_state(own) and " for " not in value)  # "port: 80 for the web"
    return None if _is_label(own) else Pair(speaker, _normal(key), fold(value), lasting)


def _normal(key: str) -> str:
    """Key as it is compared: words folded, "my" and "the" left out."""
    return " ".join(_bare(words(key)))


def _bare(own: Sequence[str]) -> Sequence[str]:
    while len(own) > 1 and own[0] in _LEADING:
        own = own[1:]
    return own


def _head(own: Sequence[str]) -> str:
    """The last word of a key, numbers and letters aside: of "step 2" "step"."""
    named = [word for word in _bare(own) if len(word) > 1 and not word.isdigit()]
    return (named or list(own))[-1]


def _is_key(own: Sequence[str]) -> bool:
    bare = _bare(own)
    return (
        0 < len(bare) <= LONGEST_KEY
        and bare[0] not in en.FEMALE | en.MALE
        and not any(word in _PERSONAL or word in _CLOSED for word in bare)
    )


def _is_state(own: Sequence[str]) -> bool:
    """Does a key name what there is one value of at a time?"""
    if " ".join(own[-2:]) in _STATED or _head(own) in _STATES:
        return True
    return len(own) > 1 and own[0] in _FIRST and not _head(own).endswith("s")


def _is_label(own: Sequence[str]) -> bool:
    """Is it something else than a key: a label, a day, who speaks, one of several?"""
    if _is_state(own):
        return False
    head = _head(own)
    single = head.removesuffix("s")
    return (
        not _LABELS.isdisjoint((head, single))
        or not _OTHERS.isdisjoint((head, single))
        or own[0] in en.PREPOSITIONS
        or not en.CALENDAR.isdisjoint(own)
    )


def _is_value(value: str) -> bool:
    own = words(value)
    return (
        0 < len(own) <= LONGEST_VALUE
        and own[0] not in _TALK
        and value.lower() not in ("no", "sure", "well")
        and not any(mark in value for mark in "?!")
        and not _BREAK.search(value)
        and ": " not in value
        and not any(word in _PERSONAL for word in own)
    )
