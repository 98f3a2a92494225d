"""Why one record does not come up, and what can be told of what is gone."""

import pytest

from agentmem import SimulatedClock
from agentmem.errors import NotFound
from agentmem.explain import Erased
from tests.conftest import DAY, START, Make


def test_one_record_is_accounted_for_however_far_from_the_query(make: Make) -> None:
    memory = make(recall={"depth": 1})
    [tea, far] = memory.add(["tea in Porto", "the quantum of action"])
    told = memory.explain("tea in Porto", record=far, k=1)
    assert [hit.id for hit in told.hits] == [tea]
    [missed] = told.missed
    assert (missed.record.id, missed.verdict) == (far, "below k")
    assert "k >= 2" in missed.remedy or "ask more precisely" in missed.remedy
    assert memory.explain("tea in Porto", record=tea).missed == ()


def test_every_obstacle_of_one_record_is_named(make: Make, clock: SimulatedClock) -> None:
    memory = make(stores=["chunk", "fact"])
    [name] = memory.add("user: Ana lives in Rome", expires=START + DAY)
    fact = memory.search(where={"kind": "fact"})[0]
    clock.advance(2 * DAY)
    [missed] = memory.explain("Rome", record=name).missed
    assert missed.verdict == "expired"
    assert missed.remedy.startswith(f"update('{name}', expires=")
    memory.update(name, expires=START + 9 * DAY)
    assert name in [hit.id for hit in memory.search("Rome")]
    memory.forget(name)
    [missed] = memory.explain("Rome", record=name, where={"turn": 7}).missed
    assert "archived: forget" in missed.reason
    assert "does not meet" in missed.reason
    assert memory.explain("Rome", record=fact.id).missed[0].verdict == "archived"


def test_a_record_of_a_kind_that_is_not_searched_is_told_so(make: Make, tmp_path) -> None:
    with make(tmp_path / "m.db", stores=["chunk", "fact"]) as memory:
        memory.add("user: Ana lives in Rome")
        [fact] = memory.search(where={"kind": "fact"})
    memory = make(tmp_path / "m.db")
    [missed] = memory.explain("where is Ana", record=fact.id).missed
    assert (missed.verdict, missed.reason) == ("filtered", "no fact is searched for")
    assert memory.search("where is Ana", where={"kind": "fact"})[0].id == fact.id


def test_of_what_was_erased_only_numbers_are_told(make: Make, clock: SimulatedClock) -> None:
    memory = make()
    names = memory.add(["a secret of mine", "another secret", "no secret"])
    memory.erase(names[0])
    clock.advance(DAY)
    memory.erase(names[1])
    told = memory.explain("secret")
    gone = Erased(namespace=("default",), records=2, first=START, last=START + DAY)
    assert told.erased == (gone,)
    assert "2 records of default (2023-11-14 to 2023-11-15); cannot be brought back" in str(told)
    assert "mine" not in str(told)
    assert memory.explain("secret", namespace=("other",)).erased == ()
    memory.add("another secret", revive=True)
    assert memory.explain("secret").erased[0].records == 1


def test_a_record_that_is_not_there_cannot_be_explained(make: Make) -> None:
    memory = make()
    [name] = memory.add("one")
    memory.erase(name)
    for missing, why in ((name, "was erased"), ("0" * 32, "no record")):
        with pytest.raises(NotFound, match=why):
            memory.explain("one", record=missing)
    [other] = memory.add("one", namespace=("other",))
    with pytest.raises(NotFound):
        memory.explain("one", record=other)
