"""The seam of the structures: what is owed, done once, redone when a source goes."""

import asyncio
import logging
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from agentmem import AgentMemory, Change, Record, Turn
from agentmem.core import Hit, Vectors
from agentmem.embed.hashing import HashEmbedder
from agentmem.errors import ConfigError, PluginError, QueueFull
from agentmem.steps import Steps
from agentmem.structure import Around
from tests.conftest import Make
from tests.scripted import Scripted
from tests.structures import Digest, Sayings


def texts(memory: AgentMemory, kind: str) -> list[str]:
    hits: list[Hit] = memory.search(k=50, where={"kind": kind}, reinforce=False)
    return sorted(hit.text for hit in hits)


def test_what_is_derived_is_found_at_once_and_cites_its_source(make: Make) -> None:
    memory = make(stores=["chunk", Sayings()])
    added = memory.add(Turn(observation="I like tea. Rex barks"))
    assert texts(memory, "saying") == ["I like tea", "Rex barks"]
    assert {memory.get(name).text for name in added.derived} == {"I like tea", "Rex barks"}
    assert all(memory.get(name).sources == tuple(added) for name in added.derived)


def test_a_search_sees_only_the_kinds_of_its_stores(make: Make) -> None:
    memory = make(stores=[Sayings()])
    (source,) = memory.add(Turn(observation="I like tea. Rex barks"))
    assert {hit.record.kind for hit in memory.search("tea")} == {"saying"}
    assert memory.get(source).kind == "chunk"
    assert [hit.id for hit in memory.search("tea", where={"kind": "chunk"})] == [source]


def test_the_same_text_from_two_sources_is_one_record_with_both(make: Make) -> None:
    memory = make(stores=[Sayings()])
    (first,) = memory.add(Turn(observation="I like tea. Rex barks"))
    (second,) = memory.add(Turn(observation="I like tea. Rex sleeps"))
    (tea,) = [hit.record for hit in memory.search("I like tea", k=1)]
    assert tea.sources == (first, second)
    memory.forget(first)
    assert memory.get(tea.id).status == "active"
    memory.forget(second)
    assert memory.get(tea.id).status == "archived"


def test_what_was_derived_goes_and_comes_back_with_its_only_source(make: Make) -> None:
    memory = make(stores=["chunk", Sayings()])
    added = memory.add(Turn(observation="Rex barks"))
    memory.forget(*added)
    assert texts(memory, "saying") == []
    memory.restore(*added)
    assert texts(memory, "saying") == ["Rex barks"]


def test_one_derived_record_is_superseded_while_its_sibling_stays(make: Make) -> None:
    memory = make(stores=[Sayings()])
    added = memory.add(Turn(observation="lives in Berlin. works at Stripe"))
    memory.supersede(added.derived[0], "lives in Rome")
    assert texts(memory, "saying") == ["lives in Rome", "works at Stripe"]


def test_a_mixed_text_is_made_anew_when_a_source_is_forgotten(make: Make) -> None:
    memory = make(stores=["chunk", Digest()])
    ids = [memory.add(text)[0] for text in ("one", "two", "three")]
    assert texts(memory, "digest") == ["one | two | three"]
    memory.forget(ids[1])
    assert texts(memory, "digest") == ["one | three"]
    memory.restore(ids[1])
    assert texts(memory, "digest") == ["one | three | two"]
    memory.forget(*ids)
    assert texts(memory, "digest") == []


def test_a_mixed_text_is_made_anew_when_a_source_is_corrected(make: Make) -> None:
    memory = make(stores=["chunk", Digest(), Sayings()])
    ids = [memory.add(Turn(observation=text))[0] for text in ("one", "two")]
    memory.update(ids[0], text="user: uno")
    assert texts(memory, "digest") == ["user: uno | user: two"]
    assert texts(memory, "saying") == ["two", "uno"]


def test_an_erased_source_is_nowhere_in_what_was_made_of_it(make: Make, tmp_path: Path) -> None:
    path = tmp_path / "m.db"
    memory = make(path, stores=["chunk", Digest(), Sayings()])
    ids = [memory.add(Turn(observation=t))[0] for t in ("alpha", "zanzibar", "gamma")]
    receipt = memory.erase(ids[1])
    assert receipt.scrubbed
    assert texts(memory, "digest") == ["user: alpha | user: gamma"]
    assert texts(memory, "saying") == ["alpha", "gamma"]
    memory.close()
    assert b"zanzibar" not in path.read_bytes()


def test_a_policy_that_archives_a_source_rebuilds_the_mixed_text(make: Make) -> None:
    memory = make(stores=["chunk", Digest()], policies=[{"window": {"n": 3, "remove": True}}])
    for i, text in enumerate(("one", "two", "three", "four")):
        memory.add(text, now=1_700_000_000.0 + i)
    run = memory.apply(memory.plan(), allow_mass=True)
    assert run.archived == 2
    assert "one" not in texts(memory, "digest")[0]
    memory.undo(run)
    assert "one" in texts(memory, "digest")[0]


def test_recalled_text_that_comes_back_in_a_reply_is_not_derived_again(make: Make) -> None:
    memory = make(stores=["chunk", Sayings()])
    (old,) = memory.add("user: Rex eats fish on Fridays")
    reply = "Noted! Rex eats fish on Fridays. Buy herring."
    turn = Turn(observation="What does Rex eat?", reply=reply, recalled=(old,))
    added = memory.add(turn)
    assert memory.get(added[0]).text.endswith(reply)
    derived = " ".join(memory.get(name).text for name in added.derived)
    assert "herring" in derived
    assert "Fridays" not in derived


def test_work_for_a_model_waits_until_it_is_called_for(make: Make) -> None:
    model = Scripted("A. B")
    options = {"model": model, "background": False}
    memory = make(stores=[Sayings(by="model")], extraction=options)
    memory.add("user: x")
    assert (model.asked, memory.stats()["pending"]) == ([], 1)
    done = memory.extract()
    assert (done.done, done.failed, done.pending) == (1, 0, 0)
    assert texts(memory, "saying") == ["A", "B"]
    assert memory.extract().done == 0


def test_the_background_worker_does_it_by_itself(make: Make) -> None:
    memory = make(stores=[Sayings(by="model")], extraction={"model": Scripted("A. B")})
    memory.add("user: x")
    assert memory.settle(10.0)
    assert texts(memory, "saying") == ["A", "B"]


def test_a_model_that_is_away_leaves_the_work_owed(make: Make) -> None:
    model = Scripted(*[ConnectionError("away")] * 3, "A")
    memory = make(stores=[Sayings(by="model")], extraction={"model": model, "background": False})
    (raw,) = memory.add("user: x")
    first = memory.extract()
    assert (first.done, first.failed, first.pending) == (0, 0, 1) or first.failed == 1
    assert memory.get(raw).text == "user: x"


def test_a_spent_budget_leaves_the_work_owed(make: Make) -> None:
    options = {"model": Scripted("A", "B"), "background": False, "max_calls": 1}
    memory = make(stores=[Sayings(by="model")], extraction=options)
    memory.add("user: x")
    memory.add("user: y")
    done = memory.extract()
    assert (done.done, done.pending) == (1, 1)
    assert "budget of 1 calls" in done.halted


def test_a_failure_of_a_store_is_counted_and_can_be_retried(
    make: Make, caplog: pytest.LogCaptureFixture
) -> None:
    memory = make(
        stores=[Sayings(by="model")],
        extraction={"model": Scripted("", "A. B"), "background": False},
    )

    class Broken(Sayings):
        def derive(self, new: Sequence[Record], around: Around) -> Steps[Change]:
            yield from ()
            raise KeyError("nobody home")

    memory._engine.stores["saying"] = Broken(by="model")
    (raw,) = memory.add("user: x")
    with caplog.at_level(logging.WARNING):
        assert memory.extract().failed == 1
    assert "nobody home" in caplog.text
    assert memory.stats()["failed"] == 1
    memory._engine.stores["saying"] = Sayings(by="model")
    assert memory.extract().done == 0
    memory.extract(retry=True)
    assert memory.extract(retry=True).failed == 0
    assert memory.get(raw).status == "active"


def test_a_full_queue_refuses_the_add_before_anything_is_written(make: Make) -> None:
    options = {"model": Scripted(), "background": False, "max_pending": 2}
    memory = make(stores=["chunk", Sayings(by="model")], extraction=options)
    memory.add("one")
    memory.add("two")
    with pytest.raises(QueueFull, match="nothing was added"):
        memory.add("three")
    assert len(memory.search(k=9)) == 2


def test_work_that_was_owed_at_the_end_is_done_after_the_next_start(
    make: Make, tmp_path: Path
) -> None:
    path = tmp_path / "m.db"
    options = {"background": False}
    with make(
        path, stores=[Sayings(by="model")], extraction={"model": Scripted(), **options}
    ) as one:
        one.add("user: x")
    two = make(path, stores=[Sayings(by="model")], extraction={"model": Scripted("A"), **options})
    assert two.extract().done == 1
    assert texts(two, "saying") == ["A"]


def test_a_task_begun_twice_is_written_once(make: Make, tmp_path: Path) -> None:
    path = tmp_path / "m.db"
    options: dict[str, Any] = {"stores": ["chunk", Digest()]}
    one, two = make(path, **options), make(path, **options)
    one.add("first")
    due = None
    one._engine.stores.clear()  # this handle owes nothing by itself: the other one is at it
    one._engine.stores["digest"] = Digest()
    quick, one.extraction.quick = one.extraction.quick, ()
    one.add("second")
    due = two.extraction._take(("digest",), ())
    assert due is not None
    one.extraction.quick = quick
    assert one.extract().done == 1
    assert two.extraction._write(due, Change(reason="late"), {}, two.extraction._erasures()) == []
    assert texts(two, "digest") == ["first | second"]


def test_the_journal_rebuilds_what_is_owed(make: Make, tmp_path: Path) -> None:
    from agentmem.ledger.ledger import Ledger
    from agentmem.ledger.replay import replay

    options = {"model": Scripted("A. B"), "background": False}
    memory = make(tmp_path / "m.db", stores=["chunk", Sayings(by="model")], extraction=options)
    memory.add("user: x")
    memory.extract()
    memory.add("user: y")
    engine = memory._engine
    copy = Ledger(str(tmp_path / "copy.db"), embedder="hash-64-v1", dim=64)
    replay(engine.ledger, copy, engine.embedder.embed)
    for table in ("task", "record", "derivation"):
        query = f"SELECT * FROM {table} ORDER BY 1, 2"
        assert copy.db.rows(query) == engine.ledger.db.rows(query)
    copy.close()


def test_a_store_that_asks_a_model_needs_one() -> None:
    with pytest.raises(ConfigError, match="saying by model: say which"):
        AgentMemory.open(stores=[Sayings(by="model")])


def test_a_store_cannot_write_elsewhere_or_without_a_source(make: Make) -> None:
    class Stray(Sayings):
        def derive(self, new: Sequence[Record], around: Around) -> Steps[Change]:
            yield from ()
            made = around.record("x", new)
            return Change(reason="stray", add=(replace(made, namespace=("other",)),))

    memory = make(stores=["chunk", Stray()])
    memory.add("one")
    assert memory.stats()["failed"] == 1
    assert len(memory.search(k=9, namespace=())) == 1
    with pytest.raises(PluginError, match="not a subclass"):
        AgentMemory.open(stores=["tests.test_extraction:Scripted"])


def test_a_key_is_what_a_record_is_found_by(make: Make) -> None:
    class Keyed(Sayings):
        def derive(self, new: Sequence[Record], around: Around) -> Steps[Change]:
            yield from ()
            return Change(
                reason="k", add=tuple(around.record(r.text, [r], key="umbrella") for r in new)
            )

    memory = make(stores=[Keyed()])
    memory.add("It rained.")
    memory.add("The sun shone.")
    hits = memory.search("umbrella", mode="lexical")
    assert {hit.text for hit in hits} == {"It rained.", "The sun shone."}
    assert memory.search("rained", mode="lexical") == []
    (hit,) = [hit for hit in hits if "rained" in hit.text]
    assert (hit.record.key, hit.record.found_by) == ("umbrella", "umbrella")


def test_the_tasks_of_an_erased_record_go_with_it(make: Make, tmp_path: Path) -> None:
    path = tmp_path / "m.db"
    options = {"model": Scripted(), "background": False}
    memory = make(path, stores=["chunk", Sayings(by="model")], extraction=options)
    (raw,) = memory.add("user: zanzibar")
    memory.erase(raw)
    assert memory.stats()["pending"] == 0
    assert memory.extract().done == 0
    with sqlite3.connect(path) as db:
        assert db.execute("SELECT count(*) FROM task").fetchone() == (0,)
    db.close()


def test_a_key_given_by_hand_travels_with_an_export(make: Make, tmp_path: Path) -> None:
    memory = make()
    (name,) = memory.add("It rained.", key="umbrella")
    memory.export(tmp_path / "out.jsonl")
    other = make()
    other.import_(tmp_path / "out.jsonl")
    assert [hit.id for hit in other.search("umbrella", mode="lexical")] == [name]
    assert other.update(name, text="It poured.").key is None
    assert other.search("umbrella", mode="lexical") == []


def test_what_a_corrected_source_still_says_stays(make: Make) -> None:
    memory = make(stores=["chunk", Sayings()])
    (raw,) = memory.add(Turn(observation="lives in Berlin. works at Stripe"))
    memory.update(raw, text="user: lives in Berlin. works at Adyen")
    assert texts(memory, "saying") == ["lives in Berlin", "works at Adyen"]


def test_what_went_with_its_source_comes_back_when_it_is_said_again(make: Make) -> None:
    memory = make(stores=["chunk", Sayings()])
    for remove in (memory.forget, memory.erase):
        (raw,) = memory.add(Turn(observation=f"likes tea. {remove.__name__} 1"))
        remove(raw)
        assert "likes tea" not in texts(memory, "saying")
        (raw,) = memory.add(Turn(observation=f"likes tea. {remove.__name__} 2"))
        assert "likes tea" in texts(memory, "saying")
        memory.forget(raw)


def test_what_was_forgotten_by_itself_does_not_come_back(make: Make) -> None:
    memory = make(stores=["chunk", Sayings()])
    added = memory.add(Turn(observation="likes tea. sleeps well"))
    memory.forget(added.derived[0])
    memory.add(Turn(observation="likes tea. sleeps late"))
    assert texts(memory, "saying") == ["sleeps late", "sleeps well"]


def test_what_was_erased_by_itself_comes_back_only_from_a_later_source(make: Make) -> None:
    memory = make(stores=["chunk", Sayings()])
    added = memory.add(Turn(observation="likes tea. sleeps well"))
    memory.erase(added.derived[0])
    memory.update(added[0], text="user: likes tea. sleeps late")
    assert texts(memory, "saying") == ["sleeps late"]
    memory.add(Turn(observation="likes tea. eats bread"))
    assert texts(memory, "saying") == ["eats bread", "likes tea", "sleeps late"]


def test_a_reworded_source_is_no_longer_cited_for_what_it_said(make: Make) -> None:
    memory = make(stores=["chunk", Sayings()])
    (first,) = memory.add(Turn(observation="likes tea. rex barks"))
    (second,) = memory.add(Turn(observation="likes tea. rex sleeps"))
    memory.update(first, text="user: likes milk")
    (tea,) = [hit.record for hit in memory.search("likes tea", k=1)]
    assert tea.sources == (second,)


def test_an_erased_source_is_in_no_earlier_version_of_a_mixed_text(
    make: Make, tmp_path: Path
) -> None:
    path = tmp_path / "m.db"
    memory = make(path, stores=["chunk", Digest()])
    ids = [memory.add(text)[0] for text in ("alpha", "zanzibar", "gamma")]
    memory.forget(ids[1])
    memory.erase(ids[1])
    assert texts(memory, "digest") == ["alpha | gamma"]
    memory.close()
    assert b"zanzibar" not in path.read_bytes()


def test_an_erasure_reaches_the_texts_of_stores_that_are_not_open(
    make: Make, tmp_path: Path
) -> None:
    path = tmp_path / "m.db"
    with make(path, stores=["chunk", "summary"]) as memory:
        ids = [memory.add(f"{name} lives here.")[0] for name in ("alpha", "zanzibar")]
        assert "zanzibar" in texts(memory, "summary")[0]
    with make(path) as memory:
        memory.erase(ids[1])
    assert b"zanzibar" not in path.read_bytes()
    memory = make(path, stores=["chunk", "summary"])
    memory.extract()
    assert texts(memory, "summary") == ["alpha lives here."]


def test_what_is_forgotten_by_the_user_is_not_made_anew_by_an_erasure(make: Make) -> None:
    memory = make(stores=["chunk", Digest()])
    ids = [memory.add(text)[0] for text in ("one", "two")]
    memory.forget(*(hit.id for hit in memory.search(where={"kind": "digest"})))
    memory.erase(ids[0])
    assert texts(memory, "digest") == []


def test_a_mixed_text_does_not_come_back_with_a_part_of_its_sources(make: Make) -> None:
    memory = make(stores=["chunk", Digest()])
    ids = [memory.add(text)[0] for text in ("one", "two", "three")]
    memory.forget(*ids)
    memory.restore(ids[0])
    assert texts(memory, "digest") == ["one"]
    memory.forget(ids[0])
    memory.restore(*ids)
    assert texts(memory, "digest") == ["one | two | three"]


def test_what_two_sources_said_comes_back_with_either(make: Make) -> None:
    memory = make(stores=["chunk", Sayings()])
    ids = [memory.add(Turn(observation=f"likes tea. {name}"))[0] for name in ("ann", "bob")]
    for name in ids:
        memory.forget(name)
    memory.restore(ids[0])
    assert texts(memory, "saying") == ["ann", "likes tea"]


@pytest.mark.parametrize(
    ("given", "said"),
    [({"text": "user: likes milk"}, ["likes milk"]), ({"importance": 0.9}, ["likes tea"])],
)
def test_a_source_that_was_changed_while_it_was_away_is_read_again(
    make: Make, given: dict[str, Any], said: list[str]
) -> None:
    memory = make(stores=["chunk", Sayings()])
    (raw,) = memory.add(Turn(observation="likes tea"))
    memory.forget(raw)
    memory.update(raw, **given)
    assert texts(memory, "saying") == []
    memory.restore(raw)
    assert texts(memory, "saying") == said


def test_what_several_sources_said_goes_with_the_last_of_them(make: Make) -> None:
    memory = make(stores=["chunk", Sayings()])
    ids = [memory.add(Turn(observation=f"likes tea. {name}"))[0] for name in ("ann", "bob", "cy")]
    memory.erase(ids[0])
    memory.forget(ids[1])
    assert texts(memory, "saying") == ["cy", "likes tea"]
    receipt = memory.erase(ids[2])
    assert texts(memory, "saying") == []
    assert len(receipt.flagged) == 1
    assert len(memory.erase(ids[1]).derived) == 2


def test_a_correction_is_derived_from_although_it_repeats_most_of_what_it_replaces(
    make: Make,
) -> None:
    memory = make(stores=["chunk", Sayings()])
    (raw,) = memory.add("user: my sister lives in Berlin")
    memory.supersede(raw, "user: my sister lives in Rome")
    assert texts(memory, "saying") == ["my sister lives in Rome"]


def test_what_the_caller_wrote_does_not_follow_the_records_it_cites(make: Make) -> None:
    for memory in (make(), make(stores=["chunk", Sayings()])):
        (raw,) = memory.add("one")
        (own,) = memory.add("my own summary", sources=[raw])
        memory.forget(raw)
        assert memory.get(own).status == "active"


def test_a_failing_embedder_costs_the_task_and_not_the_worker(make: Make) -> None:
    class Moody(HashEmbedder):
        def embed(self, texts: Sequence[str]) -> Vectors:
            if "A" in texts:
                raise RuntimeError("out of memory")
            return super().embed(texts)

    options = {"model": Scripted("A", "B")}
    memory = make(stores=[Sayings(by="model")], embedder=Moody(dim=64), extraction=options)
    memory.add("user: x")
    memory.add("user: y")
    assert memory.settle(10.0)
    assert (memory.stats()["failed"], texts(memory, "saying")) == (1, ["B"])


def test_a_record_whose_text_a_store_has_changed_is_stored(make: Make) -> None:
    class Shouting(Sayings):
        def derive(self, new: Sequence[Record], around: Around) -> Steps[Change]:
            change = yield from super().derive(new, around)
            return replace(change, add=tuple(replace(r, text=r.text + "!") for r in change.add))

    memory = make(stores=["chunk", Shouting()])
    memory.search()
    (raw,) = memory.add("user: Rex barks")
    assert texts(memory, "saying") == ["Rex barks!"]
    memory.forget(raw)
    memory.restore(raw)
    memory.add("user: Rex barks. Rex sleeps")
    assert texts(memory, "saying") == ["Rex barks!", "Rex sleeps!"]


def test_a_cancelled_extraction_leaves_the_task_free(make: Make) -> None:
    class Stuck:
        async def ainvoke(self, messages: Any, /, **kwargs: Any) -> Any:
            await asyncio.sleep(60)

        def invoke(self, messages: Any, /, **kwargs: Any) -> Any:
            return type("Message", (), {"content": "A", "usage_metadata": None})()

    options = {"model": Stuck(), "background": False}
    memory = make(stores=[Sayings(by="model")], extraction=options)
    memory.add("user: x")

    async def cancelled() -> None:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(memory.aextract(), 0.1)

    asyncio.run(cancelled())
    assert memory.extract().done == 1


def test_a_mixed_text_that_was_erased_with_one_source_is_made_of_the_others_again(
    make: Make,
) -> None:
    memory = make(stores=["chunk", Digest()])
    ids = [memory.add(text)[0] for text in ("one", "two")]
    memory.forget(ids[0])
    memory.erase(ids[1])
    assert texts(memory, "digest") == []
    memory.restore(ids[0])
    assert texts(memory, "digest") == ["one"]


@dataclass(frozen=True, kw_only=True)
class SlowDigest(Digest):
    """A digest that counts as made by a model: it is made anew when `extract` is called."""

    by: str = "model"


def test_a_text_that_waits_to_be_made_anew_is_out_of_recall(make: Make) -> None:
    options = {"model": Scripted(), "background": False}
    memory = make(stores=["chunk", SlowDigest()], extraction=options)
    ids = [memory.add(text)[0] for text in ("one", "two", "three")]
    memory.extract()
    assert texts(memory, "digest") == ["one | two | three"]
    memory.forget(ids[1])
    assert texts(memory, "digest") == []
    told = memory.explain("one two three", where={"kind": "digest"})
    (digest,) = [one for one in told.missed if one.record.kind == "digest"]
    assert (digest.verdict, digest.remedy) == ("suppressed", "extract()")
    memory.extract()
    assert texts(memory, "digest") == ["one | three"]
    memory.update(ids[0], text="uno")
    assert texts(memory, "digest") == []
    memory.extract()
    assert texts(memory, "digest") == ["uno | three"]


def test_a_text_forgotten_while_it_waits_stays_forgotten(make: Make) -> None:
    options = {"model": Scripted(), "background": False}
    memory = make(stores=["chunk", SlowDigest()], extraction=options)
    ids = [memory.add(text)[0] for text in ("one", "two")]
    memory.extract()
    (digest,) = [hit.id for hit in memory.search(k=9, where={"kind": "digest"})]
    memory.forget(ids[1])
    memory.restore(digest)
    memory.forget(digest)
    memory.extract()
    assert texts(memory, "digest") == []
