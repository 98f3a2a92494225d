"""Which texts speak of an entity: by its normalised identity, never by likeness.

An address (e-mail, phone number, URL, UUID, IBAN, @handle) counts wherever its form stands, inside
a URL or percent-encoded too, and nowhere as a part of a longer one.  A name counts in every script
and spelling that `identity` puts together; part of a longer name ("Anna Berg" in "Anna Berg
Larsen", "Anna" in "Anna Bergström") it is somebody else.  A name that is an English word as well
("Rose") needs its capital.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple
from urllib.parse import unquote

from agentmem.errors import InputError
from agentmem.extract import grammar
from agentmem.extract.clauses import facts
from agentmem.extract.english import CALENDAR, CLOSED, tokens, word_set
from agentmem.extract.identifiers import identify, identity, resolve
from agentmem.extract.names import capitalised, clean, name_key
from agentmem.text import UNSPACED, caseless

__all__ = ["is_subject", "mentions"]

_TOKEN = re.compile(r"[^\W_]+(?:['’`´][^\W_]+)*")
_CLITIC = re.compile(r"['’](?:s|m|d|ll|ve|re)?$", re.IGNORECASE)
_HANDLE = re.compile(r"@\w[\w.]{0,63}")
_UNSPACED = re.compile(f"[{UNSPACED}]")
_OPENING = re.compile(r"(?:^|[.!?:;\n\r\"“”«»()\[\]…*>—|])\s*$")
_PAUSE = "[ ./()‐‑‒–—-]"
_NEXT = re.compile(r"(?:[ \u00a0]{1,2}|[-‐‑])([^\W\d_][^\W_]+)")
_SPEAKER = re.compile(r"^\s*([^\s:][^:\n]{0,60}?)\s*:(?=\s|$)")
_AMBIGUOUS = word_set("""
    amber angel april art august autumn avery baker basil bay bear bill bishop black blossom blue
    bob brook brown buck candy carol cash chance chase christian chuck cliff cook crystal dale dawn
    dean destiny dove drew earl eve faith fern fisher fox frank gene ginger glen grace grant gray
    green guy hale harmony hazel heath heaven hill holly hope hunter iris ivory ivy jack jade jay
    jewel joy june justice king lane lark laurel law leaf lily lord love mark mason max may melody
    mercy merit miles mill moon moss noble north ocean olive page paris park patience pat pearl
    penny piper poppy porter price prince queen rain ray red reed rich river rob robin rock rod rose
    ruby rue sage sandy shepherd short sky snow star stern stone storm summer tanner taylor trinity
    unity van violet virginia wade walker ward west white will winter wolf wood wren young
""")


class _Token(NamedTuple):
    key: str
    start: int
    end: int
    capital: bool


def mentions(value: str, texts: Sequence[str], *, aliases: bool = False) -> list[bool]:
    """Which of some texts speak of whom or what `value` identifies.

    `aliases`: a name also in the shorter and longer forms that, among these texts, nobody else has
    ("Anna" and "Berg" for "Anna Berg", if there is one Anna and one Berg).  InputError: no value.
    """
    key = identity(value)
    if not key:
        raise InputError(f"{value!r} identifies nobody: give a name, an address or a number")
    found = next((one.kind for one in identify(key) if one.value == key), "name")
    handle = _HANDLE.fullmatch(clean(value).strip())
    if handle:
        return [_holds(_literal(handle[0].lower()), clean(text).lower()) for text in texts]
    if _address(key) or found != "name":
        return [_addressed(key, text) for text in texts]
    if _UNSPACED.search(value):
        bare = caseless(clean(value)).strip()
        return [bare in caseless(clean(text)) for text in texts]
    return _named(key, texts, aliases)


def is_subject(value: str, text: str) -> bool:
    """Is the entity who speaks in a text, or the subject of a clause of it, by rule (English)?"""
    speaker = _SPEAKER.match(text)
    if speaker and mentions(value, [speaker[1]])[0]:
        return True
    said = text[speaker.end() :] if speaker else text
    return any(mentions(value, [_subject(fact.text)])[0] for fact in facts(said, None))


def _subject(clause: str) -> str:
    """What stands before the verb of a clause; "" if no verb is seen."""
    found = tokens(clause)
    main = grammar.subject_verb(found, 0, len(found)) if found else None
    return "" if main is None else clause[found[main[0]].start : found[main[1]].start]


# --- addresses


def _address(key: str) -> bool:
    """Has a key the form of something that routes or counts, not of a name?"""
    return "@" in key[1:] or "://" in key or not any(map(str.islower, key)) or _hexadecimal(key)


def _hexadecimal(key: str) -> bool:
    return re.fullmatch(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", key) is not None


def _addressed(key: str, text: str) -> bool:
    seen = clean(text)
    if any(one.value == key for one in identify(seen) if one.kind != "name"):
        return True
    pattern = _written(key)
    return _holds(pattern, seen) or ("%" in seen and _holds(pattern, unquote(seen)))


def _holds(pattern: re.Pattern[str], text: str) -> bool:
    return pattern.search(text) is not None


def _written(key: str) -> re.Pattern[str]:
    """How an address may be written in running text."""
    if "://" in key:
        rest = re.escape(key.split("://", 1)[1])
        return re.compile(rf"(?<![\w.@-]){rest}/?(?![\w/?%=&-]|\.\w)", re.IGNORECASE)
    if "@" in key:
        return _literal(key)
    number = key.partition(";")[0]
    if re.fullmatch(r"\+?\d+", number):
        digits = rf"(?:{_PAUSE}|\(0\)){{0,4}}".join(number.lstrip("+"))
        lead = r"(?<!\d)(?:\+|00)\(?" if number.startswith("+") else r"(?<![\d+])(?<!\d[-./])"
        return re.compile(rf"{lead}{digits}(?!\d|-\d)")
    spelt = "[ -]?".join(re.escape(char) for char in key.replace("-", ""))
    return re.compile(rf"(?<![^\W_]){spelt}(?![^\W_])", re.IGNORECASE)


def _literal(key: str) -> re.Pattern[str]:
    return re.compile(rf"(?<![\w.%+~@-]){re.escape(key)}(?![\w@-]|\.\w)", re.IGNORECASE)


# --- names


def _named(key: str, texts: Sequence[str], aliases: bool) -> list[bool]:
    """A name among texts; with `aliases`, as `resolve` groups what these texts call by it."""
    forms = {key, *(_parts(key) if aliases else ())}
    seen = [_forms_in(text, key, forms) for text in texts]
    if not aliases:
        return [key in found for found, _ in seen]
    small = set[str]().union(*(small for _, small in seen))
    every = {name for found, _ in seen for name in found if name not in small} | {key}
    groups = resolve(sorted(every)).values()
    mine = {name for group in groups if key in group for name in group}
    return [not mine.isdisjoint(found) for found, _ in seen]


def _parts(key: str) -> Iterator[str]:
    words = key.split(" ")
    for size in range(1, len(words)):
        yield " ".join(words[:size])
        yield " ".join(words[-size:])


def _forms_in(text: str, key: str, forms: set[str]) -> tuple[set[str], set[str]]:
    """(the names with such a form that a text mentions, the aliases it writes small)."""
    found, small = set[str](), set[str]()
    if text.isascii():
        lower = text.lower()
        forms = {form for form in forms if all(word in lower for word in form.split(" "))}
    if not forms:
        return found, small
    seen = _masked(clean(text))
    tokens = list(_tokens(seen))
    for form in sorted(forms):
        for first, last in _runs(tokens, form.split(" ")):
            if _bound(seen, first.start, last.end):
                continue
            if form != key and not first.capital:
                small.add(form)
            elif _as_name(seen, form, first):
                found.add(_longest(seen, form, first.start, last.end))
    return found, small


def _tokens(seen: str) -> Iterator[_Token]:
    for match in _TOKEN.finditer(seen):
        word = _CLITIC.sub("", match[0])
        end = match.start() + len(word)
        for key in name_key(word).split(" "):
            yield _Token(key, match.start(), end, word[:1].isupper() or word[:1].istitle())


def _runs(tokens: Sequence[_Token], words: Sequence[str]) -> Iterator[tuple[_Token, _Token]]:
    """(first, last) of each place where some words stand in a row."""
    size = len(words)
    for at in range(len(tokens) - size + 1):
        own = tokens[at : at + size]
        if [token.key for token in own] == list(words) and all(
            other.start - one.end <= 3 for one, other in pairwise(own)
        ):
            yield own[0], own[-1]


def _as_name(seen: str, form: str, first: _Token) -> bool:
    """Is it the name and not the word it is spelt like?"""
    if first.capital or form not in _AMBIGUOUS:
        return True
    return seen[: first.start].strip() == "" and seen[first.end :].lstrip()[:1] in (":", "")


def _bound(seen: str, start: int, end: int) -> bool:
    """Part of a handle, a tag, a compound."""
    before, after = seen[start - 1 : start] if start else "", seen[end : end + 1]
    return before in ("_", "@", "#", "-", "‐", "‑") or after in ("_", "@")


def _masked(seen: str) -> str:
    """A text with its addresses blanked: what is in them names nobody."""
    if any(sign in seen for sign in ("@", "://", "www.")):
        for one in identify(seen):
            if one.kind in ("email", "url"):
                seen = seen[: one.start] + "\0" * (one.end - one.start) + seen[one.end :]
    return seen


def _longest(seen: str, form: str, start: int, end: int) -> str:
    """The name that stands here: the form, or the longer one of which it is a part.

    A capital that only opens a sentence ("Ask Anna"), a title, a day behind it are no part of it.
    """
    for low, high in capitalised(seen):
        if low <= start < high:
            whole = name_key(seen[low : max(high, end)])
            before, after = seen[low:start].split(), seen[end:high].strip(" '’s")
            opens = len(before) == 1 and _OPENING.search(seen[:low]) is not None
            follows = [word for word in _TOKEN.findall(after) if caseless(word) not in CALENDAR]
            if whole == form or (not follows and (opens or not before)):
                return form
            return whole
    following = _NEXT.match(seen, end)  # no run of capitals is seen: "Anna Bergson ... anna ..."
    word = following[1] if following else ""
    joined = following is not None and following[0][0] in "-‐‑" and seen[start].islower()
    if joined or (word[:1].isupper() and caseless(word) not in CALENDAR | CLOSED):
        return f"{form} {name_key(word)}"  # "anna-lena" too
    return form
