"""Which records a call means: by query, by entity; and what is put in their place."""

import pytest

from agentmem import SimulatedClock, Turn
from agentmem.core import Redactor
from agentmem.embed.static import StaticEmbedder
from agentmem.errors import (
    AmbiguousMatch,
    CannotUndo,
    InputError,
    NotFound,
    PluginError,
    RemovalCap,
)
from tests.conftest import DAY, START, Make

SAID = ["Anna lives in Rome.", "Bob lives in Paris.", "I like green tea in the morning"]


@pytest.fixture
def memory(make: Make):
    return make(embedder=StaticEmbedder())


# --- supersede


def test_one_record_that_matches_is_superseded(memory) -> None:
    ids = memory.add(SAID)
    told = memory.supersede("where Anna lives", "Anna lives in Porto.", dry_run=True)
    assert (told.old, memory.stats()["records"]) == (ids[0], 3)
    assert told.score > 0.6
    new = memory.supersede("where Anna lives", "Anna lives in Porto.")
    assert (new, new.old) == (told, ids[0])
    assert memory.get(ids[0]).status == "superseded"
    assert memory.supersede(ids[1], "Bob lives in Nice.").score is None


def test_several_that_match_are_listed_and_nothing_is_written(memory) -> None:
    ids = memory.add(["Anna lives in Rome.", "Anna lived in Rome."])
    seq = memory._engine.ledger.seq()
    with pytest.raises(AmbiguousMatch, match="about equally") as caught:
        memory.supersede("Anna in Rome", "Anna lives in Porto.")
    assert all(name in str(caught.value) for name in ids)
    assert memory._engine.ledger.seq() == seq


def test_the_very_text_is_meant_whatever_else_matches(memory) -> None:
    ids = memory.add(["Anna lives in Rome", "Anna lives in Rome now"])
    assert memory.supersede("anna lives in rome", "Anna moved", dry_run=True).old == ids[0]


def test_none_that_matches_is_told_with_the_closest(memory) -> None:
    with pytest.raises(NotFound, match=r"closely \(relevance 0.6\)$"):
        memory.supersede("quantum physics", "x")
    memory.add(SAID)
    with pytest.raises(NotFound, match=r"the closest: .*Anna lives in Rome"):
        memory.supersede("Anna's employer", "x")
    with pytest.raises(NotFound):
        memory.supersede("Anna lives in Rome.", "x", namespace=("other",))
    with pytest.raises(NotFound):
        memory.supersede("0" * 32, "x")
    with pytest.raises(InputError):
        memory.supersede("  ", "x")


def test_a_fact_and_its_source_are_no_rivals(make: Make) -> None:
    memory = make(embedder=StaticEmbedder(), stores=["chunk", "fact"])
    memory.add("user: Anna lives in Rome.")
    meant = memory.supersede("Anna lives in Rome", "Anna lives in Porto.", dry_run=True)
    assert memory.get(meant.old).text in ("Anna lives in Rome.", "user: Anna lives in Rome.")


def test_the_new_record_does_not_expire_with_the_old(memory) -> None:
    [old] = memory.add("Anna is in Rome", expires=START + DAY, verify_by=START + DAY)
    new = memory.get(memory.supersede(old, "Anna is in Porto"))
    assert (new.expires, new.verify_by) == (None, None)


# --- forget


def test_what_matches_a_query_closely_is_forgotten(memory) -> None:
    ids = memory.add(SAID)
    told = memory.forget(query="green tea", dry_run=True)
    assert told == [ids[2]]
    assert told.scores[ids[2]] > 0.6
    assert told.run == ""
    assert memory.stats()["active"] == 3
    assert set(memory.forget(query="green tea", threshold=0.0, dry_run=True)) == set(ids)
    assert memory.forget(query="green tea", threshold=1.0) == []
    gone = memory.forget(query="green tea")
    assert gone == told
    assert memory.history(ids[2])[-1].score == pytest.approx(told.scores[ids[2]])
    memory.undo(gone.run)
    assert memory.stats()["active"] == 3
    with pytest.raises(CannotUndo):
        memory.undo(gone.run)


def test_age_does_not_decide_what_a_query_means(make: Make, clock: SimulatedClock) -> None:
    memory = make(embedder=StaticEmbedder(), policies=[{"ebbinghaus": {"floor": 0.0}}])
    [name] = memory.add("I like green tea in the morning")
    clock.advance(5000 * DAY)
    assert memory.forget(query="green tea", dry_run=True) == [name]


def test_what_is_about_an_entity_is_forgotten_and_its_like_stays(memory) -> None:
    berg, met, mail, bergson, ann = memory.add(
        [
            "Anna Berg lives in Rome.",
            "Bob met Anna Berg yesterday.",
            "her mail",
            "Anna Bergson lives in Rome.",
            "Ann lives in Rome.",
        ]
    )
    memory.update(mail, data={"of": "Anna Berg"})
    told = memory.forget(about="anna berg", dry_run=True)
    assert set(told) == {berg, met, mail}
    assert told.reasons[mail] == "'anna berg' in its data"
    assert memory.forget(about="Anna Berg", width="subject", dry_run=True) == [berg, mail]
    assert set(memory.forget(about="Anna Berg")) == {berg, met, mail}
    assert {hit.id for hit in memory.search("Rome", k=9)} == {bergson, ann}


def test_what_was_derived_goes_along_and_comes_back(make: Make) -> None:
    memory = make(stores=["chunk", "fact"])
    memory.add(["user: Anna lives in Rome.", "user: Bob likes tea."])
    gone = memory.forget(about="Anna")
    assert all("Anna" not in hit.text for hit in memory.search("Anna Rome", k=9))
    memory.undo(gone.run)
    assert len(memory.search("Anna lives in Rome", k=9)) == 4


def test_much_at_once_needs_leave(memory) -> None:
    ids = memory.add([f"Anna has {i} cats" for i in range(30)])
    for given in ({"about": "Anna"}, {"query": "Anna has cats", "threshold": 0.3}):
        with pytest.raises(RemovalCap):
            memory.forget(**given)
        assert len(memory.forget(**given, dry_run=True)) == 30
    assert len(memory.forget(about="Anna", allow_mass=True)) == len(ids)


def test_what_to_forget_is_said_one_way(memory) -> None:
    for given in ({}, {"query": "x", "about": "x"}, {"where": {"turn": 1}, "query": "x"}):
        with pytest.raises(InputError, match="one of them"):
            memory.forget(**given)
    with pytest.raises(InputError, match="did you mean 'subject'"):
        memory.forget(about="x", width="subjet")
    with pytest.raises(InputError, match="threshold"):
        memory.forget(query="x", threshold=2.0)
    assert memory.forget(query="x") == []


# --- dates and redaction at the border


def test_dates_of_expiry_and_of_review_are_kept_and_corrected(memory, clock) -> None:
    [name] = memory.add("here until noon", expires=START + DAY, verify_by=START + 2 * DAY)
    record = memory.get(name)
    assert (record.expires, record.verify_by) == (START + DAY, START + 2 * DAY)
    clock.advance(2 * DAY)
    assert memory.search("noon") == []
    memory.update(name, expires=START + 9 * DAY)
    assert memory.search("noon")[0].record.expires == START + 9 * DAY
    with pytest.raises(InputError, match="expires or verify_by"):
        memory.update(name)


class Starred(Redactor):
    name = "starred"

    def redact(self, text: str) -> str:
        return text.replace("1234", "****")


class Broken(Redactor):
    name = "broken"

    def redact(self, text: str) -> str:
        if "raise" in text:
            raise RuntimeError("no")
        return 5  # type: ignore[return-value]


def test_redactors_come_before_everything(make: Make, tmp_path) -> None:
    memory = make(tmp_path / "m.db", redact=[Starred()])
    [plain] = memory.add("PIN 1234", data={"deep": [{"pin": "1234", "n": 5}]}, key="pin 1234")
    turn = Turn(observation="mine is 1234", reply="1234 it is")
    memory.add([turn, {"role": "user", "content": "again 1234"}])
    memory.update(plain, text="now 1234", data={"pin": "1234"})
    memory.supersede(plain, "at last 1234")
    texts = {hit.text for hit in memory.search(None, k=9)}
    assert {"user: mine is ****\nassistant: **** it is", "at last ****"} <= texts
    memory.close()
    assert all(b"1234" not in path.read_bytes() for path in tmp_path.iterdir())


def test_what_is_imported_is_redacted_too(make: Make, tmp_path) -> None:
    plain = make()
    [name] = plain.add("PIN 1234", key="pin 1234", data={"pin": ["1234"]})
    plain.export(tmp_path / "out.jsonl")
    memory = make(redact=[Starred()])
    assert memory.import_(tmp_path / "out.jsonl") == 1
    record = memory.get(name)
    assert (record.text, record.key, record.data) == ("PIN ****", "pin ****", {"pin": ["****"]})
    assert memory.import_(tmp_path / "out.jsonl") == 0


def test_a_redactor_that_breaks_its_word_is_named_and_nothing_is_stored(make: Make) -> None:
    memory = make(redact=[Broken()])
    for text in ("raise", "not a text"):
        with pytest.raises(PluginError, match="'broken'"):
            memory.add(text)
    assert memory.stats()["records"] == 0
