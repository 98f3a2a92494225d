"""What a record discloses of whom, and rules over sets of attributes: values, no memory in here."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from typing import Any, NamedTuple

from agentmem.core import Record, Redactor
from agentmem.errors import ConfigError, InputError
from agentmem.extract.identifiers import identity
from agentmem.extract.names import clean
from agentmem.fields import check
from agentmem.intake import cleaned, nonempty
from agentmem.reading import Reader
from agentmem.redact.pii import personal
from agentmem.text import fold, words

__all__ = ["Fact", "Rule", "attribute_of", "facts_of", "known_as", "labels", "named", "rules_of"]


class Fact(NamedTuple):
    """That somebody learns an attribute of a subject: ("anna", "diagnosis").  No value."""

    subject: str
    attribute: str


@dataclass(frozen=True, kw_only=True)
class Rule:
    """Nobody may learn all of these attributes of one subject; with one attribute: not even that.

    `subjects`, `requesters`: whom it concerns; everybody where none is named.  ConfigError for a
    rule without a name or attributes.
    """

    name: str
    attributes: tuple[str, ...]
    subjects: tuple[str, ...] = ()
    requesters: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        check(self)
        lists = (self.attributes, self.subjects, self.requesters)
        sound = all(isinstance(one, tuple) for one in lists) and self.attributes
        if not sound or not all(map(named, (self.name, *chain(*lists)))):
            raise ConfigError(
                f"rule {self.name!r}: give a name and a list of attributes, none of them empty; "
                "subjects and requesters are lists too"
            )

    def bites(self, requester: str, facts: Iterable[Fact]) -> bool:
        """Whether a requester who knows these facts (all normalised) would know too much."""
        if self.requesters and requester not in map(identity, self.requesters):
            return False
        wanted = set(map(attribute_of, self.attributes))
        concerned = set(map(identity, self.subjects))
        held: dict[str, set[str]] = {}
        for subject, attribute in facts:
            held.setdefault(subject, set()).add(attribute)
        return any(
            wanted <= known
            for subject, known in held.items()
            if not concerned or subject in concerned
        )


def labels(record: Record) -> set[Fact]:
    """What a record itself discloses, by its `data`; InputError for labels that cannot be read.

    {"subject": "anna", "attributes": ["diagnosis"]}, or of several subjects {"attributes": {"anna":
    ["diagnosis"], "ben": ["age"]}}.  With one subject, the kinds of personal data that its text
    shows ("email", "phone", ...: `agentmem.redact.pii`) count too.
    """
    subject, told = record.data.get("subject"), record.data.get("attributes")
    if subject is None and told is None:
        return set()
    by_subject: dict[Any, Any] = {}
    if isinstance(told, Mapping):
        by_subject = dict(told)
    elif named(subject):
        by_subject = {subject: [] if told is None else told}
    sound = (subject is None or named(subject)) and (by_subject or isinstance(told, Mapping))
    if not sound or not all(map(_listed, by_subject.items())):
        raise InputError(
            f"record {record.id!r}: data['attributes'] must be a list of labels beside a "
            f"'subject', or labels by subject, not {told!r} beside {subject!r}"
        )
    found = {
        Fact(identity(who), attribute_of(what))
        for who, kinds in by_subject.items()
        for what in kinds
    }
    if isinstance(subject, str):
        found |= {Fact(identity(subject), one.kind) for one in personal(record.text)}
    return found


def _listed(item: tuple[object, object]) -> bool:
    who, kinds = item
    return named(who) and isinstance(kinds, list | tuple) and all(map(named, kinds))


def attribute_of(label: str) -> str:
    """The form in which two labels count as equal: its words; "post-code" is "Post code"."""
    return " ".join(words(clean(label))) or fold(label)


def facts_of(
    facts: Iterable[tuple[str, str]], redactors: Sequence[Redactor] = ()
) -> tuple[Fact, ...]:
    """Normalised, each once, sorted; subjects as the redactors leave them."""
    pairs = list(facts)
    if not all(isinstance(one, tuple | list) and len(one) == 2 for one in pairs):
        raise InputError(f"facts must be pairs of a subject and an attribute, not {pairs!r}")
    told = [(nonempty(who, "subject"), nonempty(what, "attribute")) for who, what in pairs]
    return tuple(sorted({Fact(known_as(who, redactors), attribute_of(what)) for who, what in told}))


def known_as(name: str, redactors: Sequence[Redactor]) -> str:
    """The form in which two names of somebody count as equal, as records hold them."""
    return identity(nonempty(cleaned(name, redactors), "name"))


def rules_of(
    rules: Sequence[Rule | Mapping[str, Any]], redactors: Sequence[Redactor] = ()
) -> tuple[Rule, ...]:
    """Rules, or what a file says of them, whom they name redacted; all mistakes at once."""
    reader = Reader("rules")
    given: object = rules
    if not isinstance(given, list | tuple) or not given:
        raise ConfigError(f"rules must be a list of rules, not {rules!r}")
    made = []
    for at, one in enumerate(rules):
        if isinstance(one, Rule):
            made.append(one)
        elif (read := reader.construct(Rule, one, f"[{at}]")) is not None:
            made.append(read)
    reader.finish()
    return tuple(
        replace(
            one,
            subjects=tuple(known_as(name, redactors) for name in one.subjects),
            requesters=tuple(known_as(name, redactors) for name in one.requesters),
        )
        for one in made
    )


def named(value: object) -> bool:
    """Whether a value is a text with something in it."""
    return isinstance(value, str) and bool(value.strip())
