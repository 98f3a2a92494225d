"""Personal data and secrets by rule: what has a form of its own, and check digits where it can.

Found are e-mail addresses, phone numbers, payment cards (Luhn), IBANs (ISO 13616, modulo 97), IP
addresses, US social security numbers, and secrets: keys and tokens by their issuer's form, private
keys, and what is said to be a password.  Not found are names, postal addresses, birthdays and
whatever else has no form: for these take a recogniser of entities, as a redactor of your own.
Precision goes first: dates, times, prices, versions and plain numbers stay.
"""

from __future__ import annotations

import hmac
import os
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from ipaddress import ip_address
from itertools import chain
from typing import ClassVar, Literal, NamedTuple, get_args

from agentmem.core import Redactor
from agentmem.errors import ConfigError
from agentmem.extract.identifiers import identify, normalise
from agentmem.extract.names import shadow
from agentmem.fields import check

__all__ = ["Found", "Kind", "Pii", "personal"]

Kind = Literal["secret", "iban", "card", "ssn", "ip", "email", "phone"]  # the surest first
KINDS: tuple[Kind, ...] = get_args(Kind)
PASSES = 16  # over a text, at most; one that finds nothing is the last
HEX = 10  # digits of a pseudonym: 40 bits


class Found(NamedTuple):
    """Something personal: `text[start:end]`, and the one form of all its forms."""

    kind: Kind
    value: str
    start: int
    end: int


@dataclass(frozen=True, kw_only=True)
class Pii(Redactor):
    """Typed placeholders in the place of personal data and secrets: "[email]".

    With `key_env`, the environment variable that holds a key, the placeholder tells equal values
    from others, "[email:3f2a91c4d0]": HMAC-SHA-256 of the normalised value, which without the key
    confirms no guess.  Secrets get none.  ConfigError for an unknown kind, or a variable that is
    not set.
    """

    name: ClassVar[str] = "pii"

    kinds: tuple[Kind, ...] = KINDS
    key_env: str = ""

    def __post_init__(self) -> None:
        check(self)
        unknown = [kind for kind in self.kinds if kind not in KINDS]
        if unknown or not self.kinds:
            allowed = ", ".join(KINDS)
            raise ConfigError(f"pii.kinds = {list(self.kinds)!r}: give some of {allowed}")
        self._key()  # say at once that it is missing

    def redact(self, text: str) -> str:
        for _ in range(PASSES):  # what is gone may have hidden what stood close to it
            before, text = text, self._once(text)
            if text == before:
                break
        return text

    def _once(self, text: str) -> str:
        parts, last = [], 0
        for one in personal(text):
            if one.kind in self.kinds:
                parts += [text[last : one.start], self._placeholder(one)]
                last = one.end
        return "".join([*parts, text[last:]])

    def _placeholder(self, one: Found) -> str:
        key = self._key()
        if not key or one.kind == "secret":
            return f"[{one.kind}]"
        digest = hmac.new(key, f"{one.kind}\0{one.value}".encode(), "sha256").hexdigest()
        return f"[{one.kind}:{digest[:HEX]}]"

    def _key(self) -> bytes:
        if not self.key_env:
            return b""
        key = os.environ.get(self.key_env, "").encode()
        if not key:
            raise ConfigError(f"pii.key_env: environment variable {self.key_env!r} is not set")
        return key


def personal(text: str) -> list[Found]:
    """What is personal or secret in a text, in order, none overlapping; the surer kind wins.

    Compatibility forms (full-width digits, hard spaces) and invisible characters hide nothing.
    """
    seen, places = shadow(text)
    chosen: list[Found] = []
    taken = bytearray(len(text))
    for one in chain.from_iterable(finder(seen) for finder in _FINDERS):
        start, end = places[one.start][0], places[one.end - 1][1]
        if taken.find(1, start, end) < 0:
            taken[start:end] = b"\1" * (end - start)
            chosen.append(one._replace(start=start, end=end))
    return sorted(chosen, key=lambda one: one.start)


_TOKEN = re.compile(
    r"-----BEGIN [A-Z ]{0,30}PRIVATE KEY-----[^-]{0,20000}(?:-----END [A-Z ]{0,30}-----)?"
    r"|(?<![\w-])(?:(?:AKIA|ASIA)[0-9A-Z]{16}|gh[oprsu]_\w{36,255}|github_pat_\w{22,255}"
    r"|glpat-[\w-]{20,255}|sk-[\w-]{20,255}|[prs]k_(?:live|test)_\w{16,255}|xox[a-z]-[\w-]{10,255}"
    r"|AIza[\w-]{35}|hf_\w{30,255}|npm_\w{36}|pypi-[\w-]{50,255}"
    r"|eyJ[\w-]{10,4096}\.[\w-]{10,4096}\.[\w-]{10,4096})(?![\w-])"
)
_LOGIN = re.compile(r"(?<=://)[^\s/:@]{1,255}:([^\s/@\[][^\s/@]{0,255})(?=@)")
_LABELLED = re.compile(
    r"\b(?:pass(?:word|wd|phrase|code)|pwd|secret|(?:api|access|secret|private)[ _-]?key"
    r"|(?:(?:access|auth|refresh|api|bearer|client)[ _-])?(?:token|secret)|bearer)\b[\"']?"
    r"(?:\s*(?::=?|=>?)\s*|\s+(?:is|was)\s+|(?<=bearer)\s+)[\"'`]?([^\s\"'`,;]{6,4096})",
    re.IGNORECASE,
)
_SIGNS = re.compile(r"[!@#$%^&*+=?~|]")
_GAP = re.compile("[ -]")
_CARD = re.compile(r"(?<![\w.,])(?=((?:\d[ -]?){13,18}\d)(?!\d))")
_NETWORKS = re.compile(
    r"4\d{15}(?:\d{3})?|5[1-5]\d{14}|2(?:22[1-9]|2[3-9]\d|[3-6]\d\d|7[01]\d|720)\d{12}"
    r"|3[47]\d{13}|3(?:0[0-5]|[68]\d)\d{11}|6(?:011|5\d\d|4[4-9]\d)\d{12}"
    r"|35(?:2[89]|[3-8]\d)\d{12}|62\d{14,17}"
)
_IBAN = re.compile(
    r"(?<![\w-])(?=([A-Z]{2}\d\d(?:[ -]?[A-Z0-9]){11,30})(?![A-Z0-9]))", re.IGNORECASE | re.ASCII
)
_SSN = re.compile(
    r"(?:(?<![\w-])|\b(?:SSN|social security (?:number|no\.?))\W{0,2}\s*(?:is\s+)?(?P<told>))"
    r"(?P<ssn>(?!000|666|9)\d{3}(?P<gap>[ -]?)(?!00)\d\d(?P=gap)(?!0000)\d{4})(?![\w-]|\.\d)",
    re.IGNORECASE,
)
_V4 = re.compile(r"(?<![\w.])(?:\d{1,3}\.){3}\d{1,3}(?!\w|\.\d)")
_V6 = re.compile(r"(?<![\w:.])(?=[A-F:]{0,38}\d)[0-9A-F:]{6,39}(?![\w:]|\.\d)", re.IGNORECASE)
_VERSION = re.compile(r"(?:\bv|\bversion|release|build|firmware|section|chapter|§)\s*$", re.I)
_EMAIL = re.compile(r"(?<![\w.+-])\w[\w.+-]{0,63}@(?:[\w-]{1,63}\.){1,8}[^\W\d_]{2,63}(?![\w-])")
_NUMBER = re.compile(  # what looks like one to be dialled, but is a share, a serial, two dates
    r"0\.\d+|000[\d -]*|\d\d?\.\d\d?\.(?:\d{4})? ?[-–] ?\d\d?\.\d\d?\.(?:\d{4})?"
)
_TOLD = re.compile(r"(?<=:)\+\d[\d ./()-]{5,22}\d")  # "tel:+49...": no time of day has a plus
_BOOK = re.compile(r"\bISBN(?:-1[03])?:? ?$", re.IGNORECASE)


def _secrets(text: str) -> Iterator[Found]:
    for pattern in (_TOKEN, _LOGIN):
        for match in pattern.finditer(text):
            start, end = match.span(pattern.groups)
            yield Found("secret", text[start:end], start, end)
    for match in _LABELLED.finditer(text):
        value = match[1].rstrip(".,;:!?)]}")
        lettered = any(map(str.isalpha, value))
        odd = any(map(str.isdecimal, value)) or _SIGNS.search(value)
        if len(value) >= 6 and value[0] != "[" and lettered and odd:
            yield Found("secret", value, match.start(1), match.start(1) + len(value))


def _checked(
    kind: Kind, pattern: re.Pattern[str], sound: Callable[[str], bool], text: str
) -> Iterator[Found]:
    """Runs of groups: the longest part from the start that is sound, cut between two groups."""
    for match in pattern.finditer(text):
        run, start = match[pattern.groups], match.start(pattern.groups)
        while run:
            bare = _GAP.sub("", run).upper()
            if sound(bare):
                yield Found(kind, bare, start, start + len(run))
                break
            run = run[: max(run.rfind(" "), run.rfind("-"), 0)]


def _card(digits: str) -> bool:
    """ISO/IEC 7812: a number of a known network whose check digit (Luhn) is right."""
    if not _NETWORKS.fullmatch(digits):
        return False
    values = [int(digit) * (2 - at % 2) for at, digit in enumerate(digits[::-1], start=1)]
    return sum(value - 9 if value > 9 else value for value in values) % 10 == 0


def _iban(bare: str) -> bool:
    """ISO 13616: letters as 10..35, the first four characters last, remainder 1 modulo 97."""
    if not 15 <= len(bare) <= 34:
        return False
    return int("".join(str(int(char, 36)) for char in bare[4:] + bare[:4])) % 97 == 1


def _ssns(text: str) -> Iterator[Found]:
    """With dashes; or in another form, where the text says what it is."""
    for match in _SSN.finditer(text):
        if match["told"] is not None or match["gap"] == "-":
            yield Found("ssn", re.sub(r"\D", "", match["ssn"]), *match.span("ssn"))


def _ips(text: str) -> Iterator[Found]:
    """Addresses of somebody's machine: neither of this one (127.0.0.1) nor a version."""
    for match in chain(_V4.finditer(text), _V6.finditer(text)):
        try:
            address = ip_address(match[0])
        except ValueError:
            continue
        vague = address.is_loopback or address.is_unspecified
        if not vague and not _VERSION.search(text[max(0, match.start() - 12) : match.start()]):
            yield Found("ip", str(address), *match.span())


def _reached_by(text: str) -> Iterator[Found]:
    for match in _EMAIL.finditer(text):  # in URLs too
        yield Found("email", normalise("email", match[0]), *match.span())
    for match in _TOLD.finditer(text):
        for one in identify(match[0])[:1]:
            if one.kind == "phone":
                start = match.start()
                yield Found("phone", one.value, start + one.start, start + one.end)
    for one in identify(text):
        if one.kind == "email":
            yield Found("email", one.value, one.start, one.end)
        elif one.kind == "phone":
            book = _BOOK.search(text[max(0, one.start - 12) : one.start])
            if not book and not _NUMBER.fullmatch(text[one.start : one.end]):
                yield Found("phone", one.value, one.start, one.end)


_FINDERS: tuple[Callable[[str], Iterator[Found]], ...] = (
    _secrets,
    partial(_checked, "iban", _IBAN, _iban),
    partial(_checked, "card", _CARD, _card),
    _ssns,
    _ips,
    _reached_by,
)
