"""The rules of the design, each as a property over random histories."""

import re
import string
import warnings
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agentmem import AgentMemory, SimulatedClock
from agentmem.embed.hashing import HashEmbedder
from agentmem.errors import InputError, NotFound, TombstoneWarning
from agentmem.explain import SHOWN
from agentmem.index.exact import ExactIndex
from agentmem.ledger.ledger import Ledger
from agentmem.ledger.replay import replay
from tests.conftest import START

EMBEDDER = HashEmbedder(dim=16)
WORDS = ["rex", "dog", "tea", "blue", "key", "safe", "sea", "car", "sun", "owl", "ink", "zoo"]
SAID = st.lists(st.sampled_from(WORDS), min_size=1, max_size=5).map(" ".join)
TEXT = st.builds("{}{}{}".format, st.sampled_from(["", "", "Owl: "]), SAID, st.sampled_from("? "))
SECRET = st.lists(st.sampled_from(string.ascii_lowercase), min_size=12, max_size=12)
HOURS = st.integers(min_value=0, max_value=24 * 60)
ADD = st.tuples(st.just("add"), TEXT, HOURS)
SEARCH = st.tuples(st.just("search"), TEXT, HOURS)
FORGET = st.tuples(st.just("forget"), st.integers(0, 50), HOURS)
RESTORE = st.tuples(st.just("restore"), st.integers(0, 50), HOURS)
ERASE = st.tuples(st.just("erase"), st.integers(0, 50), HOURS)
UPDATE = st.tuples(st.just("update"), st.integers(0, 50), HOURS, TEXT)
SUPERSEDE = st.tuples(st.just("supersede"), st.integers(0, 50), HOURS, TEXT)
MAINTAIN = st.tuples(st.just("maintain"), st.just(0), HOURS)
EVERYTHING = st.one_of(ADD, SEARCH, FORGET, RESTORE, ERASE, UPDATE, SUPERSEDE, MAINTAIN)
QUICK = settings(
    max_examples=30, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True
)
REMOVING = [
    {"ebbinghaus": {"half_life": "3d", "remove": True, "forget_below": 0.1}},
    {"budget": {"max_records": 6}},
]


def opened(policies: Any = (), path: str = ":memory:", **options: Any) -> AgentMemory:
    options = {"clock": SimulatedClock(START), "embedder": EMBEDDER, **options}
    return AgentMemory.open(path, policies=list(policies), **options)


def play(memory: AgentMemory, history: Sequence[tuple[Any, ...]], namespace: Any = None) -> None:
    """Do what a random history says; ids are picked from what has been added so far."""
    clock = memory.clock
    names: list[str] = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", TombstoneWarning)
        for verb, what, hours, *more in history:
            clock.advance(hours * 3600)
            if verb == "add":
                names += memory.add(what, namespace=namespace)
            elif verb == "search":
                memory.search(what, k=3, namespace=namespace)
            elif verb == "maintain":
                memory.apply(memory.plan(namespace=namespace))
            elif names:
                pick(memory, verb, names[what % len(names)], names, more, namespace)


def pick(memory: AgentMemory, verb: str, name: str, names: list, more: list, ns: Any) -> None:
    try:
        record = memory.get(name, namespace=ns)
    except NotFound:
        return
    if verb == "supersede":
        if record.status == "active" and record.text != more[0]:
            with suppress(InputError):  # the new text was forgotten earlier
                names.append(memory.supersede(name, more[0], namespace=ns))
    elif verb == "update":
        memory.update(name, text=more[0], namespace=ns)
    else:
        getattr(memory, verb)(name, namespace=ns)


def retention(memory: AgentMemory) -> dict[str, dict[str, float]]:
    """Every active record's weights, without touching anything."""
    hits = memory.search(None, k=1000, reinforce=False)
    return {hit.id: dict(hit.why.weights) for hit in hits}


TABLES = ("record", "vector", "namespace", "term", "mention", "derivation", "tombstone", "journal")


def dump(ledger: Ledger) -> dict[str, list[tuple[Any, ...]]]:
    tables = {t: sorted(ledger.db.rows(f"SELECT * FROM {t}"), key=repr) for t in TABLES}
    match = "SELECT rowid FROM lexicon WHERE lexicon MATCH :w"
    return tables | {f"lexicon {word}": ledger.db.rows(match, w=word) for word in WORDS}


@QUICK
@given(
    st.lists(st.one_of(ADD, SEARCH), min_size=1, max_size=12), st.lists(st.booleans(), max_size=12)
)
def test_maintenance_changes_no_retention_value(history, pauses) -> None:
    """Rule 1: run maintenance twice, or never, at any moment: the survivors' weights agree."""
    policies = [{"ebbinghaus": {"half_life": "40d", "remove": True, "forget_below": 0.001}}]
    calm, busy = opened(policies), opened(policies)
    play(calm, history)
    for i, event in enumerate(history):
        play(busy, [event])
        if i < len(pauses) and pauses[i]:
            busy.apply(busy.plan())
            busy.apply(busy.plan())
    kept = retention(busy)
    everything = retention(calm)
    assert all(everything[name] == weights for name, weights in kept.items())


@QUICK
@given(st.lists(EVERYTHING, max_size=14))
def test_planning_changes_nothing(history) -> None:
    memory = opened(REMOVING)
    play(memory, history)
    before = dump(memory._engine.ledger)
    assert memory.plan() == memory.plan()
    assert dump(memory._engine.ledger) == before


@QUICK
@given(st.lists(EVERYTHING, min_size=4, max_size=20))
def test_apply_does_exactly_the_plan_and_undo_takes_it_back(history) -> None:
    """Rule 4."""
    memory = opened(REMOVING)
    play(memory, history)
    memory.clock.advance("20d")
    records = {hit.id: hit.record for hit in memory.search(None, k=1000, reinforce=False)}
    plan = memory.plan()
    named = {name for change in plan.changes for name in change.archive}
    run = memory.apply(plan)
    left = {hit.id for hit in memory.search(None, k=1000, reinforce=False)}
    assert left == records.keys() - named
    assert run.archived == len(named) == plan.removes
    if named:
        memory.undo(run)
    after = {hit.id: hit.record for hit in memory.search(None, k=1000, reinforce=False)}
    assert after == records


@QUICK
@given(st.lists(EVERYTHING, max_size=20))
def test_replaying_the_journal_rebuilds_the_memory_byte_for_byte(history) -> None:
    """Rule 5."""
    memory = opened(REMOVING)
    play(memory, history)
    source = memory._engine.ledger
    target = Ledger(":memory:", embedder=EMBEDDER.name, dim=EMBEDDER.dim)
    assert replay(source, target, EMBEDDER.embed) == source.seq()
    assert dump(target) == dump(source)


@QUICK
@given(st.lists(EVERYTHING, max_size=20))
def test_the_arrays_equal_the_ledger(history) -> None:
    """Rule 6: what follows the ledger step by step equals what is rebuilt from it."""
    memory = opened(REMOVING)
    memory.search("warm up")
    play(memory, history)
    engine = memory._engine
    engine.refresh()
    followed = engine.columns
    engine.columns, engine._seen = type(followed)(ExactIndex(EMBEDDER.dim)), -1
    engine.refresh()
    rebuilt = engine.columns
    rows = rebuilt.rows(None, status=None)
    assert rows.tolist() == followed.rows(None, status=None).tolist()
    for name, column in rebuilt.floats.items():
        np.testing.assert_array_equal(column[rows], followed.floats[name][rows], err_msg=name)
    np.testing.assert_array_equal(rebuilt.status[rows], followed.status[rows])
    for name in ("ids", "kind", "speaker", "asks"):
        np.testing.assert_array_equal(
            getattr(rebuilt, name)[rows], getattr(followed, name)[rows], err_msg=name
        )
    query = EMBEDDER.embed(["rex dog tea"])[0]
    np.testing.assert_array_equal(
        rebuilt.dense.scores(query, rows), followed.dense.scores(query, rows)
    )


@QUICK
@given(st.lists(EVERYTHING, max_size=12), st.lists(EVERYTHING, max_size=12), TEXT)
def test_a_namespace_neither_shows_nor_feels_another(mine, theirs, query) -> None:
    """Rule: searches stay within their namespace; scores do not depend on other tenants."""
    alone, shared = opened(REMOVING), opened(REMOVING)
    play(alone, mine, ("acme", "ann"))
    play(shared, theirs, ("acme", "bob"))
    shared.clock.set(START)
    play(shared, mine, ("acme", "ann"))
    for mode in ("hybrid", "dense", "lexical"):
        options = {"namespace": ("acme", "ann"), "mode": mode, "reinforce": False, "k": 50}
        expected, found = alone.search(query, **options), shared.search(query, **options)
        assert [(h.text, h.score, h.why) for h in found] == [
            (h.text, h.score, h.why) for h in expected
        ]


@QUICK
@given(
    st.lists(EVERYTHING, max_size=10),
    st.lists(st.sampled_from(string.ascii_lowercase), min_size=12, max_size=12),
)
def test_an_erased_text_can_be_found_nowhere_in_the_files(
    tmp_path_factory, history, letters
) -> None:
    """Rule 3."""
    folder: Path = tmp_path_factory.mktemp("erase")
    secret = "".join(letters) + "xqz"
    memory = opened(REMOVING, str(folder / "m.db"))
    play(memory, history)
    [first] = memory.add(f"the code is {secret}", data={"note": secret}, source=f"from {secret}")
    memory.search(secret)
    memory.update(first, text=f"the old code was {secret}", data={"again": secret})
    second = memory.supersede(first, f"now it is {secret}")
    memory.forget(second)
    play(memory, history)
    receipt = memory.erase(first, second)
    assert receipt.scrubbed
    found = [f.name for f in folder.iterdir() if secret.encode() in f.read_bytes().lower()]
    assert found == []
    assert memory.search(secret, mode="lexical") == []
    memory.close()


@QUICK
@given(st.lists(EVERYTHING, min_size=6, max_size=20), TEXT, st.integers(1, 3), st.booleans())
def test_what_explain_says_would_bring_a_record_back_does(history, query, k, filtered) -> None:
    """Rule 5."""
    for number in range(SHOWN):
        memory = opened([{"ebbinghaus": {"half_life": "2d"}}, {"window": {"n": 4}}])
        play(memory, history)
        where = {"version": {"$gte": 2}} if filtered else None
        missed = memory.explain(query, k=k, where=where).missed
        if number >= len(missed):
            break
        steps = missed[number].remedy
        if "restore(" in steps:
            memory.restore(missed[number].record.id)
        if "filter" in steps:
            where = None
        for size in re.findall(r"k >= (\d+)", steps):
            k = int(size)
        if "window" in steps:
            memory._engine.policies = memory._engine.policies[:1]
            memory._engine.labels = memory._engine.labels[:1]
        found = {hit.id for hit in memory.search(query, k=k, where=where, reinforce=False)}
        assert missed[number].record.id in found, steps


@QUICK
@given(st.lists(EVERYTHING, max_size=14))
def test_planning_writes_nothing_even_after_other_policies_have_written(history) -> None:
    memory = opened(REMOVING)
    play(memory, history)
    engine = memory._engine
    engine.expiries = "as another process with other policies sees it"
    before = dump(engine.ledger), engine.ledger.db.rows("SELECT * FROM meta")
    plan = memory.plan()
    assert (dump(engine.ledger), engine.ledger.db.rows("SELECT * FROM meta")) == before
    memory.apply(plan)
    assert engine.timed


@QUICK
@given(st.lists(EVERYTHING, min_size=4, max_size=20), TEXT, st.integers(2, 6))
def test_a_recall_strengthens_its_hits_and_nothing_else(history, query, k) -> None:
    memory = opened()
    play(memory, history)
    memory.clock.advance("1h")
    before = {hit.id: hit.record for hit in memory.search(None, k=1000, reinforce=False)}
    recalled = {hit.id for hit in memory.search(query, k=k)}
    for name, record in before.items():
        now = memory.get(name)
        if name in recalled:
            assert (now.uses, now.used) == (record.uses + 1, memory.clock.now())
        else:
            assert now == record
