"""The words of agentmem: values, and the policy that moves them.  No I/O, no clock, no model.

Times are float64 seconds since the Unix epoch, UTC.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import blake2b
from typing import Any, ClassVar, Literal, NamedTuple

import numpy as np

from agentmem.seams import Clock, Embedder, Index, Redactor
from agentmem.views import Floats, Ints, Update, Vectors, View

__all__ = [
    "Ask",
    "Change",
    "Clock",
    "Embedder",
    "Floats",
    "Hit",
    "Index",
    "Ints",
    "Namespace",
    "Plan",
    "Policy",
    "Record",
    "Redactor",
    "Run",
    "Shown",
    "Status",
    "Task",
    "Touch",
    "Turn",
    "Update",
    "Vectors",
    "View",
    "Why",
    "content_id",
]

Namespace = tuple[str, ...]
Status = Literal["active", "archived", "superseded"]


def content_id(*parts: str) -> str:
    """128-bit BLAKE2b of the length-prefixed parts, as 32 hex digits: the same in every process."""
    digest = blake2b(digest_size=16)
    for part in parts:
        raw = part.encode()
        digest.update(len(raw).to_bytes(8, "big") + raw)
    return digest.hexdigest()


@dataclass(frozen=True, kw_only=True)
class Record:
    """One memory."""

    id: str
    text: str
    namespace: Namespace
    kind: str = "chunk"
    created: float  # event time: when it happened
    ingested: float  # when it was stored
    used: float  # last recall; `created` until the first one
    uses: int = 0  # number of recalls
    stability: float | None = None  # seconds; None until a policy sets it
    importance: float = 0.5  # 0..1; NaN in an add: estimate it from the text's surprisal
    valence: float = 0.0  # -1 harmed me .. +1 helped me
    status: Status = "active"
    source: str = ""  # where it came from ("chat", "tool:web"); part of the identity
    sources: tuple[str, ...] = ()  # ids of the records it was derived from
    links: tuple[str, ...] = ()  # ids of related records
    data: Mapping[str, Any] = field(default_factory=dict)  # JSON metadata of the caller
    turn: int = 0  # ordinal of the add within the namespace
    used_turn: int | None = None  # turn at the last recall
    version: int = 1
    key: str | None = None  # what it is found by, where that is not its text
    expires: float | None = None  # from then on it is out of recall, whatever the policies say
    verify_by: float | None = None  # when somebody should look whether it is still true

    @property
    def found_by(self) -> str:
        """The text that is embedded and indexed."""
        return self.text if self.key is None else self.key

    def expired(self, now: float) -> bool:
        """Has its own date of expiry, if any, passed?"""
        return self.expires is not None and self.expires <= now

    @property
    def created_at(self) -> datetime:
        return datetime.fromtimestamp(self.created, UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """One exchange of an agent: what it saw, what it answered, and when."""

    observation: str
    reply: str = ""
    number: int = 0
    now: float | None = None  # seconds; None: the clock's now
    speaker: str = "user"
    name: str = "assistant"
    valence: float | None = None
    recalled: tuple[str, ...] = ()  # ids of the records that were before the model

    def __str__(self) -> str:
        said = f"{self.speaker}: {self.observation}" if self.observation else ""
        answered = f"{self.name}: {self.reply}" if self.reply else ""
        return "\n".join(part for part in (said, answered) if part)


class Touch(NamedTuple):
    """What a recall leaves of a record: its new lifecycle."""

    id: str
    used: float
    used_turn: int
    uses: int
    stability: float | None
    expiry: float | None  # when it is due for removal; None for never


class Task(NamedTuple):
    """Work that a store owes: to derive its records from a record just stored, or anew."""

    store: str
    record: str  # id of the first record to derive from
    rest: tuple[str, ...] = ()  # ids of more, where several are taken together
    target: str = ""  # id of the record to be made anew in its place; "": none
    state: Literal["pending", "failed", "done"] = "pending"
    error: str = ""  # why it failed


@dataclass(frozen=True, kw_only=True)
class Change:
    """The only way a memory changes.  One change is one transaction and one journal line."""

    reason: str
    policy: str = ""
    add: tuple[Record, ...] = ()
    update: tuple[Record, ...] = ()  # whole new versions under the same id
    touch: tuple[Touch, ...] = ()  # recalled
    archive: tuple[str, ...] = ()
    supersede: tuple[tuple[str, str], ...] = ()  # (old id, new id)
    restore: tuple[Record, ...] = ()  # as they are to be once active again
    erase: tuple[str, ...] = ()
    bury: tuple[tuple[str, str, Namespace], ...] = ()  # tombstones of another ledger's erasures
    derive: tuple[str, ...] = ()  # stores that are to derive records from what is added
    tasks: tuple[Task, ...] = ()  # work of theirs that is now due, done or failed
    scores: Mapping[str, float] = field(default_factory=dict)  # the numbers behind it, by id
    namespace: Namespace | None = None  # of a removal confined to one namespace ...
    turn: int | None = None  # ... and the turn it was decided at

    @property
    def ids(self) -> tuple[str, ...]:
        """Every record that exists already and would change."""
        whole = tuple(record.id for record in self.update + self.restore)
        whole += tuple(touched.id for touched in self.touch)
        replaced = tuple(old for old, _ in self.supersede)
        return whole + self.archive + replaced + self.erase

    def __bool__(self) -> bool:
        return bool(self.add or self.ids or self.bury or self.tasks)


@dataclass(frozen=True, kw_only=True)
class Why:
    """Why a record scored as it did."""

    dense: float | None = None  # cosine, -1..1
    dense_rank: int | None = None  # 1 is best; None: outside the candidates of this leg
    lexical: float | None = None  # share of the query that its own words hold (BM25), 0..1
    lexical_rank: int | None = None
    context: float | None = None  # share that the turns around it add; lexical + context <= 1
    speaker: float = 1.0  # factor; < 1: somebody else is named
    when: float = 1.0  # factor; < 1: another time is meant
    fresh: float = 1.0  # factor; < 1: yields its place to a newer record about the same thing
    rival: str | None = None  # id of the newest of these
    fused: float = 0.0  # relevance: all of these together, 0..1
    weights: Mapping[str, float] = field(default_factory=dict)  # each policy's factor
    exact: bool = False  # the query's own text: exempt from fading

    @property
    def retention(self) -> float:
        """Product of the policies' weights; 1 for an exact match."""
        return 1.0 if self.exact else float(np.prod(list(self.weights.values())))


@dataclass(frozen=True, kw_only=True)
class Hit:
    """One recalled record: score = fused relevance x retention x fresh."""

    record: Record
    score: float
    why: Why

    @property
    def id(self) -> str:
        return self.record.id

    @property
    def text(self) -> str:
        return self.record.text


@dataclass(frozen=True, kw_only=True)
class Ask:
    """The circumstances a policy is asked in."""

    now: float
    namespace: Namespace
    turn: int = 0  # turns so far in the namespace
    last_turn: int = 0  # turn at this policy's last removal there; 0 if none


@dataclass(frozen=True, kw_only=True)
class Shown:
    """What is about to be put before the model: hits, oldest first unless a policy reorders."""

    hits: tuple[Hit, ...]
    notes: tuple[str, ...] = ()  # texts that follow the records: counts, summaries, hints
    heading: str = ""  # text that goes before the records
    seed: int = 0  # of whatever a policy draws: the same seed, the same view


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What maintenance would do.  Nothing has happened yet."""

    id: str  # hash of what it would do
    now: float
    changes: tuple[Change, ...]
    versions: Mapping[str, int]  # journal line that last changed each record named

    @property
    def removes(self) -> int:
        return sum(len(c.archive) + len(c.supersede) for c in self.changes)

    def __bool__(self) -> bool:
        return any(self.changes)


@dataclass(frozen=True, kw_only=True)
class Run:
    """An applied plan: what `undo` takes back."""

    id: str
    now: float
    added: int = 0  # by consolidation
    archived: int = 0
    superseded: int = 0
    updated: int = 0
    lines: tuple[int, ...] = ()  # journal lines


@dataclass(frozen=True, kw_only=True)
class Policy:
    """How records fade, strengthen, go and are shown.  Neutral: override what you need.

    `rank` and `remove` are chosen separately: whether `weight` multiplies relevance, and whether
    `maintain` may archive.  `kinds` and `within` confine a policy to records of some kinds, and to
    those under a namespace prefix: it is asked about no others.  A policy is arithmetic: it holds
    no store, clock or model.
    """

    name: ClassVar[str] = "policy"
    sweep: ClassVar[Literal["due", "all"]] = "due"  # which records `maintain` has to see
    traces: ClassVar[bool] = False  # whether `View.recalls` has to be filled

    rank: bool = True
    remove: bool = False
    kinds: tuple[str, ...] = ()  # of the records concerned; (): all
    within: tuple[str, ...] = ()  # namespace prefix of the records concerned; (): all

    @property
    def scoped(self) -> bool:
        """Is it confined to some records?"""
        return bool(self.kinds or self.within)

    @property
    def separable(self) -> bool:
        """Is every weight above 0 and a matter of its own row?  Then a search asks only for those
        of its candidates, not of all records.
        """
        return False

    def weight(self, view: View) -> Floats:
        """Retention factor of each record, shape (n,), in [0, 1]; 0 keeps it out of recall."""
        return np.ones(len(view))

    def touch(self, view: View) -> Update:
        """The records after being recalled now."""
        used = np.full(len(view), view.now)
        return Update(used=used, uses=view.uses + 1.0, stability=view.stability)

    def expiry(self, view: View) -> Floats:
        """Second at which each record is due for removal, shape (n,); inf for never."""
        return np.full(len(view), np.inf)

    def concerns(self, active: int, ask: Ask) -> bool:
        """Cheap test, for sweep = "all": could anything go from a namespace of `active` records?"""
        return True

    def maintain(self, view: View, ask: Ask) -> Change:
        """What should go.  With sweep = "due" the view holds only records past their expiry."""
        due = self.expiry(view) <= view.now
        weights = self.weight(view)
        names = view.names(due)
        scores = dict(zip(names, weights[due].tolist(), strict=True))
        return Change(archive=names, reason="expired", policy=self.name, scores=scores)

    def present(self, shown: Shown, ask: Ask) -> Shown:
        """What the model gets to see of what was recalled."""
        return shown
