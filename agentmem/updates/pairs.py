"""Key-value statements: "visual art: cubism", "timeout = 30 s"; told from ordinary talk.

A text states pairs only if it is nothing but pairs.  A colon also follows who speaks ("Anna:
Pizza"), what something is ("Note: ...") and hours ("10:30"), so both sides have to look the part:
a key of a few words without pronouns or verbs, no label under which many things stand, no given
name; a value that is no question, no exclamation and does not speak of anybody.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple

from agentmem.extract import english as en
from agentmem.text import fold, words

__all__ = ["Pair", "head", "pairs"]


class Pair(NamedTuple):
    """What a text says of a key; `speaker`: who says it, "" if nobody is named."""

    speaker: str
    key: str
    value: str


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
    ingredient ingredients friend hobby hobbies allergy allergies language languages skill skills
    image photo picture video file attachment http https ftp mailto from to cc fwd important
    remember fyi tldr spoiler translation correction conclusion reason step option problem solution
    buy bought call visited read saw ate watch see plan plans goals thing things person people self
""")
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
    if not (_is_key(key) and _is_value(value)):
        return None
    return Pair(speaker, _normal(key), fold(value))


def _normal(key: str) -> str:
    """Key as it is compared: words folded, "my" and "the" left out."""
    own = words(key)
    while len(own) > 1 and own[0] in _LEADING:
        own = own[1:]
    return " ".join(own)


def _is_key(key: str) -> bool:
    own = _normal(key).split()
    return (
        0 < len(own) <= LONGEST_KEY
        and own[0] not in en.FEMALE | en.MALE
        and not (own[-1] in _LABELS and (len(own) == 1 or len(own[-1]) > 2))
        and not any(word in _PERSONAL or word in _CLOSED for word in own)
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
