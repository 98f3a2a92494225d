"""The seam of the memory structures: how what was said becomes records of one kind.

What is said is kept first, word for word, as chunks; a store then derives its own records from
each chunk, at once by rule, or later with a chat model.  It never writes: it returns the change.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import nan
from typing import Any, ClassVar, Protocol

from agentmem.core import Change, Floats, Hit, Namespace, Record, Turn, Vectors
from agentmem.fields import check
from agentmem.steps import Steps

__all__ = ["Around", "Consolidator", "Overview", "Source", "Store", "Updater"]


class Around(Protocol):
    """What a store may see and ask while it derives: one namespace, at one moment.

    A method that returns Steps is called as `found = yield from around.recent(...)`.
    """

    @property
    def now(self) -> float:
        """Seconds since the epoch: when the newest of the sources was said."""
        ...

    @property
    def namespace(self) -> Namespace: ...

    @property
    def target(self) -> Record | None:
        """The record that is to be made anew, because one of its sources has gone; else None."""
        ...

    def said(self, record: Record) -> str:
        """The text of a source, without what merely repeats what had been recalled for it."""
        ...

    def record(
        self,
        text: str,
        sources: Sequence[Record],
        *,
        kind: str | None = None,
        key: str | None = None,
        links: Sequence[str] = (),
        data: Mapping[str, Any] | None = None,
        created: float | None = None,
        importance: float = nan,
    ) -> Record:
        """A new record, of the store's kind if no other is given; InputError without sources.

        Its id, namespace, source, time and valence follow from its sources (`created`: that of the
        latest); it is found by `key`, if given.  NaN: estimate the importance from the text.
        """
        ...

    def recent(self, n: int, *, kind: str | None = None) -> Steps[list[Record]]:
        """The newest n active records of a kind (the store's own), oldest first."""
        ...

    def similar(
        self, text: str, k: int, *, kind: str | None = None, where: Mapping[str, Any] | None = None
    ) -> Steps[list[Hit]]:
        """The k active records of a kind (the store's own) most relevant to a text, best first."""
        ...

    def get(self, ids: Sequence[str]) -> Steps[list[Record]]:
        """The records of some ids, whatever their status, in order; those erased are left out."""
        ...

    def matching(self, where: Mapping[str, Any], *, kind: str | None = None) -> Steps[list[Record]]:
        """The active records of a kind (the store's own) that meet a filter, oldest first."""
        ...

    def holding(self, phrases: Sequence[str], *, kind: str | None = None) -> Steps[list[Record]]:
        """The active records of a kind (the store's own) that hold one of some phrases.

        In the order in which they were stored, the latest `around.MOST` of them.  A phrase is found
        by its words in a row, other forms of their stems included.
        """
        ...

    def embed(self, texts: Sequence[str]) -> Steps[Vectors]:
        """Unit vectors, shape (len(texts), dim)."""
        ...

    def say(self, prompt: str, **values: str) -> Steps[str]:
        """The model's reply to a prompt of `agentmem/prompts`, filled in.  Raises ModelError."""
        ...

    def ask(self, prompt: str, schema: Mapping[str, Any], **values: str) -> Steps[Any]:
        """The same as JSON that fits a schema: one repair, then BadReply."""
        ...


@dataclass(frozen=True, kw_only=True)
class Store:
    """A structure.  Its name is the kind of its records; its fields are its configuration.

    `mixes`: whether one text of its rests on several sources together (a summary), so that it has
    to be made anew when one of them goes.  Otherwise (a fact) any one source supports it.
    `searched`: whether a search looks at its records without being asked for their kind.
    """

    name: ClassVar[str] = "store"
    mixes: ClassVar[bool] = False
    searched: ClassVar[bool] = True

    def __post_init__(self) -> None:
        check(self)

    @property
    def kind(self) -> str:
        return self.name

    @property
    def asks_model(self) -> bool:
        """Whether deriving takes a chat model: then it happens in the background.

        A store that can do both has a field `by: Literal["rule", "model"] = "rule"`.
        """
        return getattr(self, "by", "rule") == "model"

    def derive(self, new: Sequence[Record], around: Around) -> Steps[Change]:
        """The change that follows from new chunks, oldest first: usually one of them.

        Several come together where a record of theirs, `around.target`, has lost a source: then
        they are all that is left of its sources.  A change may add records (`around.record`),
        update existing ones (`dataclasses.replace`, same id; their lifecycle is left alone, but
        `created` may follow the newest source), archive or supersede; it is written
        whole or, if what it updates has changed meanwhile, not at all, and asked for again.
        A source may come twice (after a crash): deriving again must lead to the same records.
        Raises ModelError if the model fails: the source is kept, and the work stays due.
        """
        yield from ()
        return Change(reason="derive", policy=self.name)


@dataclass(frozen=True, kw_only=True)
class Source(Store):
    """A store that keeps what was said itself, in texts: the one the others derive from."""

    def extract(self, turn: Turn) -> Sequence[str]:
        """The texts to remember of a turn, in order; none of a blank turn."""
        return [str(turn)] if str(turn) else []

    def split(self, text: str) -> Sequence[str]:
        """The texts to remember of a plain text, in order."""
        return [text] if text else []


class Overview(Around, Protocol):
    """What a consolidator sees besides: a whole namespace, as the plan so far leaves it."""

    def staying(self) -> Steps[list[Record]]:
        """The records that will be active, oldest first, those that the plan adds included."""
        ...

    def standing(self, ids: Sequence[str]) -> Steps[list[Record]]:
        """Those of some records that still count: active, or put away by maintenance alone.

        What was forgotten, superseded or erased by anybody else does not.
        """
        ...

    def vectors(self, records: Sequence[Record]) -> Steps[Vectors]:
        """The unit vectors of some records, shape (len(records), dim)."""
        ...

    def retention(self, records: Sequence[Record]) -> Steps[Floats]:
        """Product of the policies' weights now, shape (len(records),), in [0, 1].

        1 for a record that the plan adds.
        """
        ...


@dataclass(frozen=True, kw_only=True)
class Consolidator(Store):
    """What becomes of records when maintenance lets them go: they are merged or condensed.

    Asked when a plan is made, so nothing has happened yet; what it returns is part of the plan.
    Asked again right after the plan has been applied, it returns an empty change.  A text that it
    makes is a record of its own kind.  It outlasts sources that maintenance puts away, but not
    those that are erased or forgotten: then `derive` makes it anew of what is left.  Policies put
    no such record away unless their `kinds` name it.
    """

    lasting: ClassVar[bool] = True  # a policy that archives its sources leaves it as it is
    final: ClassVar[bool] = False  # asked after the others, wherever it is listed

    def concerns(self, staying: int, leaving: int) -> bool:
        """Cheap test: does it have to see a namespace of which so many records stay, and leave?"""
        return leaving > 0

    def consolidate(self, leaving: Sequence[Record], around: Overview) -> Steps[Change]:
        """The change that goes with the plan: records to add, update, archive or supersede.

        `leaving`: the records of one namespace that the plan so far puts away, oldest first;
        `around` shows the rest.  Raises ModelError if the model fails: then there is no plan.
        """
        yield from ()
        return Change(reason="consolidate", policy=self.name)


@dataclass(frozen=True, kw_only=True)
class Updater:
    """How new statements meet what is known: duplicate, supersede, merge, append or pass.

    `kinds`: of the records it looks at, those said and those derived; (): all.  `across`: whether
    what comes from one source may replace what came from another; then a planted text can.
    """

    name: ClassVar[str] = "updater"

    kinds: tuple[str, ...] = ("chunk", "fact", "triple")
    across: bool = False

    def __post_init__(self) -> None:
        check(self)

    @property
    def asks_model(self) -> bool:
        """Whether resolving takes a chat model: then it happens in the background.

        Otherwise it happens in the transaction that writes what is new: keep it quick.
        """
        return getattr(self, "by", "rule") == "model"

    def resolve(self, new: Sequence[Record], around: Around) -> Steps[Sequence[Change]]:
        """What new records supersede or archive: one change, and one reason, for each decision.

        `new`: records of one kind and namespace, just written, oldest first; they may be
        superseded or archived themselves.  A reason that quotes a record does so in quotation
        marks: it goes when the record is erased.  Raises ModelError if the model fails: then the
        work stays due.
        """
        yield from ()
        return ()
