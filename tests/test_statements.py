"""Statements about people: what excludes what was said before replaces it; the rest is kept."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from agentmem import AgentMemory
from agentmem.core import Turn
from agentmem.updates.claims import Claim, stated
from tests.conftest import DAY, Make


@pytest.fixture
def memory(make: Make) -> AgentMemory:
    return make(updates=["statements"])


def told(memory: AgentMemory, *said: Any) -> list[str]:
    """What is recalled after some texts, a day apart; in the order in which they were stored."""
    for one in said:
        memory.add(one)
        memory.clock.advance(DAY)
    hits = memory.search(None, k=100, reinforce=False)
    found = sorted(hits, key=lambda hit: hit.record.created)
    return [hit.text for hit in found if hit.record.kind == "chunk"]


def kept(memory: AgentMemory, kind: str) -> set[str]:
    return {hit.text for hit in memory.search(None, k=100) if hit.record.kind == kind}


@pytest.mark.parametrize(
    "said",
    [
        ("I work at Google.", "I moved to Meta.", "I'm now at Anthropic."),
        ("I work for Acme.", "I work for Stripe now.", "I got a new job at Fiat."),
        ("I live in Berlin.", "I've moved to Porto!", "I live in Rome now."),
        ("Anna: I live in Berlin.", "Anna: I moved from Berlin to Porto."),
        ("I'm married to Tom.", "I divorced Tom."),
        ("I'm dating Tom.", "I broke up with Tom.", "I'm dating Tom again."),
        ("I'm 30 years old.", "I turned 31."),
        ("My favourite colour is blue.", "My favorite color is now green."),
        ("My phone number is 555 1234.", "My new phone number is 555 4321."),
        ("My e-mail address is a@b.example.", "My email is c@b.example"),
        ("I work as a nurse.", "My job title is surgeon."),
        ("My sister lives in Rome.", "My sister moved to Oslo."),
        ("I like sushi.", "I don't like sushi any more.", "I like sushi again."),
        ("I drink coffee.", "I stopped drinking coffee."),
        ("I work at Google.", "I'm not at Google any more."),
        ("I work at Google.", "I no longer work at Google."),
        ("I work at Google.", "I quit my job at Google last week."),
        ("I moved to Rome in 2015.", "I live in Paris."),
    ],
)
def test_only_the_newest_of_a_chain_is_recalled_and_the_older_are_in_history_and_as_of(
    memory: AgentMemory, said: tuple[str, ...]
) -> None:
    start = memory.clock.now()
    names = {}
    for place, text in enumerate(said):
        [names[text]] = memory.add(text, now=start + place * DAY)
    memory.clock.advance(len(said) * DAY)
    assert {hit.text for hit in memory.search(None, k=9)} == {said[-1]}
    for place, text in enumerate(said):
        then = memory.search(None, k=9, as_of=start + (place + 0.5) * DAY)
        assert {hit.text for hit in then} == {text}
        if place < len(said) - 1:
            gone = [e for e in memory.history(names[text]) if "supersede" in e.verbs]
            assert gone[0].policy == "statements"
            assert names[said[place + 1]] in gone[0].reason


@pytest.mark.parametrize(
    "said",
    [
        ("I work at Google.", "I worked at Meta in 2020."),
        ("I work at Google.", "I used to work at Meta."),
        ("I live in Berlin.", "I lived in Porto for two years."),
        ("I live in Berlin.", "I will move to Porto.", "I might move to Rome."),
        ("I live in Berlin.", "Do I live in Porto?"),
        ("I live in Berlin.", "I moved to Porto in 2015."),
        ("I live in Berlin.", "I live in Germany."),
        ("I live in Berlin.", "Anna lives in Porto.", "My sister lives in Rome."),
        ("I like sushi.", "I like tea.", "I don't like coffee any more."),
        ("I know Tom.", "I know Ben.", "I visited Rome.", "I visited Oslo."),
        ("I have a dog.", "I have a cat."),
        ("My friend is Tom.", "My friend is Ben."),
        ("My job is hard.", "My job is to teach."),
        ("I work at Google.", "I'm at Starbucks now."),
        ("I work at Google.", "I joined the gym.", "I left the party."),
        ("I live in Berlin.", "She lives in Porto.", "They moved to Rome."),
        ("My name is Anna.", "My dog's name is Rex."),
    ],
)
def test_what_may_hold_beside_it_or_is_past_replaces_nothing(
    memory: AgentMemory, said: tuple[str, ...]
) -> None:
    assert told(memory, *said) == list(said)


@pytest.mark.parametrize(
    ("known", "said"),
    [
        ("I live in Berlin.", "I moved to Rome when I was five."),
        ("I live in Berlin.", "I moved to Rome for a year."),
        ("I live in Berlin.", "I live in Rome on weekends."),
        ("I live in Berlin.", "I also live in Rome."),
        ("I live in Berlin.", "I practically live in Starbucks."),
        ("I live in Berlin.", "> I live in Rome."),
        ("I live in Berlin.", "She told me, I live in Rome."),
        ("I live in Berlin.", 'Anna said: "I live in Rome."'),
        ("I live in Berlin.", "assistant: You live in Rome."),
        ("Anna: I live in Berlin.", "Ben: Anna lives in Rome."),
        ("I drink coffee.", "I stopped drinking coffee but relapsed."),
        ("I drink coffee.", "I stopped drinking coffee and then started again."),
        ("My rent is 900.", "My rent is 50 more than last year."),
        ("My job is teacher.", "My job is exhausting."),
        ("I live in Berlin.", "We moved to Slack."),
        ("I live in Berlin.", "We moved to AWS."),
        ("I live in Berlin.", "I moved to Team B."),
        ("A friend lives in Berlin.", "A friend lives in Rome."),
        ("My cousin lives in Berlin.", "My cousin lives in Rome."),
        ("My cat's name is Tom.", "My cat's name is Minka."),
        ("The company is based in Berlin.", "The company is based in Rome."),
        ("My son is 4 years old.", "My son is 7 years old."),
        ("I work at Google.", "I'm working at Starbucks today."),
        ("I work at Google.", "I'm at Apple."),
        ("I work at Google.", "I work at Home."),
        ("I work at Google.", "I joined Reddit."),
        ("I work at Google.", "I switched to Apple."),
        ("My boss is Tom.", "My boss is ill."),
        ("My name is Anna.", "My name is pronounced Ah-na."),
        ("My rent is 900.", "My rent is overdue."),
        ("My salary is 50k.", "My salary is low."),
        ("My phone is 555 1234.", "My phone is dead."),
        ("My email is a@b.example.", "My email is down."),
        ("My job is nurse.", "My job is stressful."),
        ("My birthday is May 3.", "My birthday is soon."),
        ("My deadline is Friday.", "My deadline is Monday for the other project."),
        ("My favourite restaurant is Luigi.", "My favourite restaurant is closed."),
    ],
)
def test_what_is_doubtful_replaces_nothing(memory: AgentMemory, known: str, said: str) -> None:
    assert told(memory, known, said) == [known, said]


@pytest.mark.parametrize(
    ("known", "said"),
    [
        ("My cousin lives in Berlin.", "My cousin moved to Rome."),
        ("My wife works at Google.", "My wife works at Meta."),
        ("My son is 4 years old.", "My son turned 5."),
        ("My address is Main St 1.", "My address is High St 2."),
        ("My birthday is May 3.", "My birthday is May 4."),
        ("My boss is Tom.", "My boss is now Ben."),
        ("Ben: Anna lives in Berlin.", "Anna: I moved to Rome."),
    ],
)
def test_what_tells_of_a_change_or_of_one_person_replaces(
    memory: AgentMemory, known: str, said: str
) -> None:
    assert told(memory, known, said) == [said]


def test_a_text_that_says_more_stays_and_only_its_derived_fact_goes(make: Make) -> None:
    memory = make(updates=["statements"], stores=["chunk", "fact", "triple"])
    both = "Anna: I live in Berlin and work at Stripe."
    assert told(memory, both, "Anna: I moved to Porto.") == [both, "Anna: I moved to Porto."]
    assert kept(memory, "fact") == {"Anna works at Stripe.", "Anna moved to Porto."}
    assert kept(memory, "triple") == {"Anna; works at; Stripe", "Anna; moved to; Porto"}
    memory.add("Anna: I joined Meta.")
    assert both not in kept(memory, "chunk")  # by now all that it states is replaced
    assert kept(memory, "fact") == {"Anna moved to Porto.", "Anna joined Meta."}


@pytest.mark.parametrize(
    "said", ["Ben: Anna lives in Rome.", 'Ben: She told me: "Anna lives in Rome."']
)
def test_what_is_derived_from_hearsay_replaces_nothing_either(make: Make, said: str) -> None:
    memory = make(updates=["statements"], stores=["chunk", "fact", "triple"])
    told(memory, "Anna: I live in Berlin.", said)
    assert "Anna lives in Berlin." in kept(memory, "fact")
    assert "Anna; lives in; Berlin" in kept(memory, "triple")
    memory.add("Anna: I live in Oslo.")
    assert "Anna lives in Berlin." not in kept(memory, "fact")
    assert "Anna lives in Rome." not in kept(memory, "fact")


def test_words_that_are_no_fact_keep_a_text(memory: AgentMemory) -> None:
    long = "I live in Berlin. What a lovely morning with coffee on the balcony!"
    assert told(memory, long, "I moved to Porto.") == [long, "I moved to Porto."]


def test_a_short_answer_of_the_assistant_keeps_no_turn(memory: AgentMemory) -> None:
    first = Turn(observation="I work at Google.", reply="Nice!")
    second = Turn(observation="I joined Meta.", reply="Congratulations!")
    assert told(memory, first, second) == [str(second)]


def test_what_rested_on_the_replaced_text_goes_or_is_made_anew(make: Make) -> None:
    memory = make(updates=["statements"], stores=["chunk", "fact", "summary"])
    [old] = memory.add("Anna: I live in Berlin.")
    memory.add("Anna: I play the cello.")
    [fact] = [h.id for h in memory.search("Berlin", k=9) if h.text == "Anna lives in Berlin."]
    memory.add("Anna: I moved to Porto.")
    assert memory.get(old).status == "superseded"
    assert memory.get(fact).status == "archived"
    [summary] = kept(memory, "summary")
    assert "Berlin" not in summary
    assert "cello" in summary
    memory.restore(old)
    assert memory.get(fact).status == "active"


def test_a_fact_that_is_said_more_fully_takes_the_place_of_the_poorer(make: Make) -> None:
    memory = make(updates=["statements"], stores=["chunk", "fact"])
    memory.add("I live in Berlin.")
    memory.add("I live in Berlin, Germany.")
    assert kept(memory, "fact") == {"I live in Berlin, Germany."}
    memory = make(updates=["statements"], stores=["chunk", "fact"])
    memory.add("I live in Berlin, Germany.")
    memory.add("I live in Berlin!")
    assert kept(memory, "fact") == {"I live in Berlin, Germany."}


def test_what_was_said_earlier_does_not_replace_what_was_said_later(memory: AgentMemory) -> None:
    memory.add("I live in Porto.")
    memory.add("I live in Berlin.", event_time=memory.clock.now() - DAY)
    assert {hit.text for hit in memory.search(None)} == {"I live in Porto."}


def test_what_another_source_says_replaces_nothing_unless_it_may(make: Make) -> None:
    said = {"I live in Berlin.", "I live in Porto."}
    for across, left in ((False, said), (True, {"I live in Porto."})):
        memory = make(updates=[{"statements": {"across": across}}])
        memory.add("I live in Berlin.", source="chat")
        memory.add("I live in Porto.", source="tool:web")
        assert {hit.text for hit in memory.search(None)} == left


def test_namespaces_do_not_meet(memory: AgentMemory) -> None:
    memory.add("I live in Berlin.", namespace=("a",))
    memory.add("I live in Porto.", namespace=("a", "b"))
    assert len(memory.search(None, namespace=("a",))) == 2


def test_statements_of_one_add_replace_each_other(memory: AgentMemory) -> None:
    memory.add(["I live in Berlin.", "I like tea.", "I moved to Porto."])
    assert {hit.text for hit in memory.search(None)} == {"I like tea.", "I moved to Porto."}


def claims(text: str) -> list[Claim]:
    return [claim for fact in stated(text).facts for claim in fact]


@pytest.mark.parametrize(
    ("text", "topic", "value", "holds"),
    [
        ("I have lived in Paris since 2019.", "residence", "paris", True),
        ("My title is CTO.", "job", "cto", True),
        ("I got divorced.", "partner", "", False),
        ("Anna's favourite food is pad thai.", "favorite food", "pad thai", True),
        ("I left Google last month.", "employer", "google", False),
        ("I gave up smoking cigars.", "smoke cigars", "cigars", False),
    ],
)
def test_what_a_sentence_claims(text: str, topic: str, value: str, holds: bool) -> None:
    [claim] = claims(text)
    assert (claim.topic, claim.value, claim.holds) == (topic, value, holds)


def test_the_year_of_what_happened_is_told(clock: Any) -> None:
    [claim] = claims("We moved to Rome in 2019.")
    assert claim.year == 2019
    assert claims("I moved to Rome years ago.")[0].year == 0
    assert datetime.fromtimestamp(clock.now(), UTC).year > 2019


def test_two_endings_do_not_exclude_each_other() -> None:
    [gone], [past] = claims("I quit Google."), claims("I no longer work at Google.")
    assert not gone.excludes(past)
