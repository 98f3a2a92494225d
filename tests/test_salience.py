"""Importance: how much a text tells, when it is added."""

from __future__ import annotations

from math import log2

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentmem import salience
from agentmem.salience import asks, importance, shares, surprisal
from tests.conftest import Make


def told(text: str, held: int = 0, records: int = 100, **cues: bool) -> float:
    """Importance of a text each of whose words `held` records hold."""
    words = shares(text)
    return importance(words, [held] * len(words), records, **cues)


def test_bits_of_a_word_by_hand() -> None:
    assert surprisal(0, 0) == pytest.approx(log2(1000.0))
    assert surprisal(0, 99) == pytest.approx(log2(100.0 / 0.001))
    assert surprisal(49, 99) == pytest.approx(log2(100.0 / 49.001))
    assert surprisal(100, 99) == 0.0  # held more often than there are records: no surprise


def test_importance_is_the_bits_squashed() -> None:
    bits = 3 * log2(100.0 / 0.001)
    assert told("Rex eats grass", records=99) == pytest.approx(bits / (bits + 128.0))
    assert told("", records=99) == 0.0


def test_what_says_more_is_worth_more_and_saturates() -> None:
    words = [f"w{i}" for i in range(3000)]
    values = [told(" ".join(words[:n])) for n in (1, 10, 100, 3000)]
    assert values == sorted(values)
    assert values[-1] < 1.0


def test_a_word_said_twice_counts_once() -> None:
    assert told("no no no no no") == told("no")


def test_rare_words_tell_more_than_common_ones() -> None:
    assert told("Rex eats grass", held=0) > told("Rex eats grass", held=50)


def test_the_first_texts_of_a_namespace_tell_nearly_as_much_as_later_ones() -> None:
    assert told("Rex eats grass", records=0) > 0.6 * told("Rex eats grass", records=500)


@pytest.mark.parametrize("mark", ["?", "\uff1f", "\u061f", "\u037e", "??", "?!"])
def test_a_sentence_that_asks_tells_a_quarter(mark: str) -> None:
    assert shares(f"Rex eats{mark} Grass grows.") == {
        "rex": 0.25,
        "eats": 0.25,
        "grass": 1.0,
        "grows": 1.0,
    }


def test_a_word_that_is_stated_too_counts_whole() -> None:
    assert shares("Grass? Yes, grass.") == {"grass": 1.0, "yes": 1.0}
    assert shares("I like grass. Do you like grass?")["grass"] == 1.0


def test_an_answer_and_a_date_double_what_is_told() -> None:
    plain, answer = told("Rex eats grass"), told("Rex eats grass", answers=True)
    odds = answer / (1 - answer) / (plain / (1 - plain))
    assert odds == pytest.approx(2.0)
    dated, other = told("Rex ate yesterday"), told("Rex ate carefully")
    assert dated / (1 - dated) / (other / (1 - other)) == pytest.approx(2.0)


@given(st.text(max_size=80), st.integers(0, 50), st.integers(0, 1000), st.booleans())
def test_importance_lies_between_0_and_1(text: str, held: int, more: int, answers: bool) -> None:
    assert 0.0 <= told(text, held, held + more, answers=answers) < 1.0


@given(st.text(alphabet=st.sampled_from("ab .?!\n\uff1f\u3002"), max_size=40))
def test_every_word_has_a_share_and_questions_alone_lower_it(text: str) -> None:
    found = shares(text)
    assert list(found) == list(dict.fromkeys(salience.words(text)))
    assert set(found.values()) <= ({1.0, 0.25} if asks(text) else {1.0})


def test_the_memory_knows_an_answer_by_the_question_before_it(make: Make) -> None:
    memory = make()
    hour = 3600.0

    def add(text: str, now: float, name: str) -> float:
        [made] = memory.add(text, now=now, namespace=(name,))
        return memory.get(made, namespace=(name,)).importance

    add("Where do you live?", 1e9, "asked")
    add("You live somewhere.", 1e9, "told")
    add("Where do you live?", 1e9, "later")
    answer = add("In Lisbon now", 1e9 + hour, "asked")
    assert answer > add("In Lisbon now", 1e9 + hour, "told")
    assert answer > add("In Lisbon now", 1e9 + hour + 1, "later")


def test_within_one_add_the_question_before_counts_too(make: Make) -> None:
    memory = make()
    texts = ["Where do you live?", "Lisbon it is"]
    at_once = [memory.get(name).importance for name in memory.add(texts, now=1e9)]
    told_first = [memory.get(name).importance for name in memory.add("Porto it is", now=1e9)]
    assert at_once[1] > told_first[0]
    assert at_once[1] > at_once[0]


def test_a_given_importance_stays(make: Make) -> None:
    memory = make()
    [name] = memory.add("Where do you live?", importance=0.9)
    assert memory.get(name).importance == 0.9
