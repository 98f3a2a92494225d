"""Who and what a text names: names, e-mail addresses, phone numbers, URLs and ids.

What counts as one identity differs by kind.  An address (e-mail, URL, id) routes: a letter of
another script, however alike it looks, is another owner, so addresses are never transliterated.  A
name is spoken: the same person writes it in several scripts, with and without accents, so names
are.  For all kinds, compatibility forms (full-width letters), invisible characters and blanks
around carry no meaning and go.

Phone numbers are put into E.164 by their digits alone: `+`, `00` and `(0)` are understood; a
national number stays national, because without a country nobody can tell.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Literal, NamedTuple, get_args
from urllib.parse import urlsplit, urlunsplit

from agentmem.errors import InputError, nearest
from agentmem.extract.names import Span, capitalised, clean, name_key, shadow

__all__ = ["Identifier", "Kind", "identify", "identity", "names", "normalise", "resolve"]

Kind = Literal["email", "id", "name", "phone", "url"]


class Identifier(NamedTuple):
    """Something a text calls an entity by: `text[start:end]`, and the one form of all its forms."""

    kind: Kind
    value: str  # normalised
    start: int
    end: int


_LABEL = r"[^\W_](?:[\w-]{0,61}[^\W_])?"
_HOST = rf"(?:{_LABEL}\.){{1,8}}(?:xn--[\w-]{{1,59}}|[^\W\d_]{{2,63}})(?![\w-])"
_EMAIL = re.compile(rf"(?<![\w.%+&~@-])[\w+][\w.%+&'~-]{{0,63}}@{_HOST}")
_MAILBOX = re.compile(rf"(?:[^<>@]{{0,99}}<|mailto:)?{_EMAIL.pattern}[>.]?", re.IGNORECASE)
_URL = re.compile(r"(?<![\w@])(?:(?:https?|ftp)://|www\.)[^\s<>\"'\0«»“”]{2,2000}", re.IGNORECASE)
_PHONE = re.compile(
    r"(?<![\w+./:#$€£-])(?:\+ ?|\(\+?)?\d[\d ./()‐‑‒–-]{5,22}\d"
    r"(?:(?: ?(?:ext\.? ?|x)|;ext=)\d{1,6})?(?![\w/:@-]|[.,]\d)",
    re.IGNORECASE,
)
_EXTENSION = re.compile(r"(?: ?(?:ext\.? ?|x)|;ext=)(\d{1,6})$", re.IGNORECASE)
_DIALLED = re.compile(r"(?:\+|00|\(\+|\(0|0)[1-9(]?|\(\d|1?[ .-]?\(?\d{3}\)?[ .-]\d{3}[ .-]\d{4}$")
_PAUSES = re.compile(r"[ ./()‐‑‒–-]{4}|[/.]{2}|[ /.‐‑‒–-]$|^\d{4}[./‐‑–-]\d\d?[./‐‑–-]\d\d?$")
_DATED = re.compile(r"\d{1,2}[./-]\d{1,2}[./-]\d{2,4}$|\d{1,3}(?:\.\d{1,3}){3}$")
_UUID = re.compile(
    r"(?<![\w-])[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}(?![\w-])",
    re.IGNORECASE,
)
_IBAN = re.compile(r"(?<![\w-])[A-Z]{2}\d\d(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,3})?(?![\w-])")
_TICKET = re.compile(r"(?<![\w/-])(?:[A-Z][A-Z0-9]{1,9}-\d{1,9}|#\d{2,12})(?![\w-]|\.\d)")
_LABELLED = re.compile(
    r"\b(?:order|ticket|invoice|case|booking|reservation|reference|ref|customer|account|tracking"
    r"|contract|confirmation)(?: ?(?:number|no\.?|nr\.?|id|code))?(?: ?[:#]| is)? ?"
    r"((?=[A-Z-]{0,12}\d)[A-Z0-9](?:[A-Z0-9]|[-/](?=[A-Z0-9])){1,23})(?![\w-]|\.\d)",
    re.IGNORECASE,
)
_PORTS = {"http": 80, "https": 443, "ftp": 21}
_DASHES = re.compile("[‐‑‒–—−]")
_PAIRS = ("<>", "()", "[]", "{}", '""', "''", "“”", "«»")
_NO_PART = str.maketrans("", "", " \t\n\"'<>()[]{},;")


def identify(text: str) -> tuple[Identifier, ...]:
    """Everything in a text that an entity could be known by, in order, none overlapping."""
    seen, places = shadow(text)
    found = list(_addresses(seen))
    masked = _masked(seen, [span for _, span in found])
    every = found + [("name", span) for span in capitalised(masked)]
    result: list[Identifier] = []
    last = 0
    for kind, (first, after) in sorted(every, key=lambda item: item[1]):
        start, end = places[first][0], places[after - 1][1]
        if start >= last:  # else both lie in one character, such as a ligature
            result.append(Identifier(kind, normalise(kind, text[start:end]), start, end))
            last = end
    return tuple(result)


def names(text: str) -> list[Identifier]:
    """The proper names of a text by rule (see `agentmem.extract.names`), in order.

    A capitalised run counts if it does not merely open a sentence; a single word that does counts
    if it is capitalised elsewhere too, is followed by "said", or is a speaker ("Anna: ...").
    """
    return [found for found in identify(text) if found.kind == "name"]


def normalise(kind: Kind, value: str) -> str:
    """The one form of all forms of a value of that kind; idempotent.  InputError: unknown kind."""
    if kind not in _NORMAL:
        raise InputError(f"unknown kind {kind!r}{nearest(kind, get_args(Kind))}")
    return _NORMAL[kind](clean(value).strip())


def identity(value: str) -> str:
    """The canonical key of anything somebody calls an entity by; idempotent.

    The kind is told from the shape: an e-mail address, a URL, a UUID, an IBAN with valid check
    digits, a phone number; anything else is a name, ticket numbers included ("ABC-123" and
    "abc 123" are one).  `Info@Acme.example ` is `info@acme.example`; `info.sales@acme.example` is
    somebody else.
    """
    bare = clean(value).strip()
    if bare[:1] + bare[-1:] in _PAIRS:
        bare = bare[1:-1].strip()
    kind = _kind(bare)
    key = _NORMAL[kind](bare)
    latin = _kind(key) if kind == "name" else kind  # in Latin letters it may read as a number
    return key if latin == kind else _NORMAL[latin](key)


def resolve(mentions: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """Mentions grouped into entities: key of the fullest name -> the mentions, first seen first.

    A shorter name joins a longer one that begins or ends with it ("Anna", "Schmidt", "Anna
    Schmidt") if only one entity has such a name; one that could be two people stays apart.
    """
    spellings: dict[str, dict[str, None]] = {}
    for mention in mentions:
        spellings.setdefault(identity(mention), {})[mention] = None
    owner = {key: key for key in spellings}
    longer: dict[str, set[str]] = {}
    for key in sorted(spellings, key=lambda key: -key.count(" ")):
        owners = {owner[whole] for whole in longer.get(key, ())}
        if len(owners) == 1:
            owner[key] = owners.pop()
        for part in _parts(key):
            longer.setdefault(part, set()).add(key)
    groups: dict[str, dict[str, None]] = {}
    for key, spelt in spellings.items():
        groups.setdefault(owner[key], {}).update(spelt)
    return {key: tuple(spelt) for key, spelt in groups.items()}


def _parts(key: str) -> Iterator[str]:
    """Beginnings and ends of a name, up to eight words."""
    words = key.split(" ")
    for size in range(1, min(len(words), 9)):
        yield " ".join(words[:size])
        yield " ".join(words[-size:])


def _kind(bare: str) -> Kind:
    if _MAILBOX.fullmatch(bare):
        return "email"
    if _URL.fullmatch(bare):
        return "url"
    if _UUID.fullmatch(bare.lower().removeprefix("urn:uuid:")) or _is_iban(bare.upper()):
        return "id"
    if any(_PHONE.fullmatch(form) and _dialled(form, whole=True) for form in (bare, _id(bare))):
        return "phone"
    lettered = not any(map(str.isdecimal, bare)) or any(map(str.isalpha, bare))
    return "name" if lettered else "id"


def _addresses(seen: str) -> Iterator[tuple[Kind, Span]]:
    """Everything but names, the surer kinds first."""
    taken = bytearray(len(seen))
    for kind, pattern in _FINDERS:
        for match in pattern.finditer(seen):
            start, end = match.span(pattern.groups)
            end = start + len(_untrailed(seen[start:end])) if kind == "url" else end
            if taken.find(1, start, end) >= 0 or not _sound(kind, pattern, seen[start:end]):
                continue
            taken[start:end] = b"\1" * (end - start)
            yield kind, (start, end)


def _sound(kind: Kind, pattern: re.Pattern[str], found: str) -> bool:
    if kind == "phone":
        return _dialled(found, whole=False)
    return pattern is not _IBAN or _is_iban(found)


def _dialled(value: str, *, whole: bool) -> bool:
    """Whether digits are meant to be dialled; in running text their form must say so."""
    base = _EXTENSION.sub("", value)
    digits = sum(char.isdecimal() for char in base)
    shaped = whole or _DIALLED.match(base)
    odd = _PAUSES.search(base) or _DATED.match(base) or base.count("(") != base.count(")")
    return bool(7 <= digits <= 17 and shaped and not odd)


def _is_iban(value: str) -> bool:
    """ISO 13616: letters as 10..35, the first four characters last, remainder 1 modulo 97."""
    bare = value.replace(" ", "")
    if not (value.isascii() and _IBAN.fullmatch(value)) or not 15 <= len(bare) <= 34:
        return False
    return int("".join(str(int(char, 36)) for char in bare[4:] + bare[:4])) % 97 == 1


def _untrailed(url: str) -> str:
    """A URL without the punctuation of the sentence around it."""
    while url and url[-1] in ".,;:!?*_)]}":
        pair = {")": "(", "]": "[", "}": "{"}.get(url[-1])
        if pair and url.count(pair) >= url.count(url[-1]):
            break
        url = url[:-1]
    return url


def _masked(seen: str, spans: Iterable[Span]) -> str:
    parts, last = [], 0
    for start, end in sorted(spans):
        parts += [seen[last:start], "\0" * (end - start)]
        last = end
    return "".join([*parts, seen[last:]])


def _email(value: str) -> str:
    """Lower case, IDNA host.  RFC 5321 lets a host tell case in the local part; none does."""
    bare = clean(value.lower())
    address = _EMAIL.search(bare)
    local, _, host = (address[0] if address else bare).rpartition("@")
    return f"{local}@{_host(host)}" if local else bare


def _host(host: str) -> str:
    """A host in ASCII (IDNA 2008 with UTS 46); one that IDNA does not allow, in lower case."""
    if host.isascii():
        return clean(host.lower())
    import idna  # loads its tables

    try:
        return idna.encode(host, uts46=True).decode("ascii")
    except idna.IDNAError:
        return clean(host.lower())


def _url(value: str) -> str:
    """Scheme and host in lower case; no default port, fragment, closing slash; `www.` is https."""
    url = "".join(value.split())
    url = url if "://" in url else f"https://{url}"
    try:
        parts = urlsplit(url)
        port, host = parts.port, parts.hostname or ""
    except ValueError:  # a port or a bracketed host that is none: nothing to take apart
        return url
    if not host:
        return url
    host = f"[{host}]" if ":" in host else _host(host)
    user = parts.netloc.rpartition("@")[0]
    shown = "" if port in (None, _PORTS.get(parts.scheme)) else f":{port}"
    netloc = (f"{user}@" if user else "") + host + shown
    return urlunsplit((parts.scheme, netloc, parts.path.rstrip("/"), parts.query, ""))


def _phone(value: str) -> str:
    """E.164 (`+` and digits) if international, else the digits; `;ext=` as in RFC 3966."""
    extension = _EXTENSION.search(value)
    base = value[: extension.start()] if extension else value
    international = base.lstrip("( ").startswith("+")
    base = base.replace("(0)", "") if international or base.startswith("00") else base
    digits = "".join(str(int(char)) for char in base if char.isdecimal())
    if international or (digits.startswith("00") and len(digits) > 8):
        digits = "+" + digits.lstrip("0")
    return f"{digits};ext={extension[1]}" if extension else digits


def _id(value: str) -> str:
    """UUIDs in lower case; others in capitals without blanks, brackets or `#`, dashes alike."""
    bare = clean("".join(value.upper().translate(_NO_PART).split()))
    if _UUID.fullmatch(bare.removeprefix("URN:UUID:")):
        return bare.removeprefix("URN:UUID:").lower()
    digits = "".join(str(int(char)) if char.isdecimal() else char for char in bare)
    return _DASHES.sub("-", digits).strip("#")


_NORMAL = {"email": _email, "id": _id, "name": name_key, "phone": _phone, "url": _url}
_FINDERS: tuple[tuple[Kind, re.Pattern[str]], ...] = (
    ("url", _URL),
    ("email", _EMAIL),
    ("id", _UUID),
    ("id", _IBAN),
    ("id", _LABELLED),
    ("id", _TICKET),
    ("phone", _PHONE),
)
