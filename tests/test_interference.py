"""Streams of key-value updates, who is right about them, and a memory that keeps the last."""

from collections import Counter
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agentmem import AgentMemory
from agentmem.bench.interference import Update, last_values, read_words, score, stream
from agentmem.errors import InputError
from tests.conftest import Make

WORDS = {f"key {chr(97 + i)}": [f"word{i}x{j}" for j in range(40)] for i in range(23)}


@settings(max_examples=40, deadline=None)
@given(st.integers(2, 23), st.integers(1, 40), st.integers(0, 2**31))
def test_each_key_has_exactly_its_updates_and_never_twice_running(keys, updates, seed) -> None:
    words = dict(list(WORDS.items())[:keys])
    items = stream(words, updates, seed=seed)
    assert len(items) == keys * updates
    assert Counter(item.key for item in items) == dict.fromkeys(words, updates)
    assert all(one.key != other.key for one, other in pairwise(items))
    assert len(set(items)) == len(items)  # drawn without replacement
    assert all(item.value in words[item.key] for item in items)


def test_the_same_seed_gives_the_same_stream() -> None:
    assert stream(WORDS, 5, seed=3) == stream(WORDS, 5, seed=3)
    assert stream(WORDS, 5, seed=3) != stream(WORDS, 5, seed=4)


@pytest.mark.parametrize("words", [{"a": ["x", "y"]}, {"a": ["x", "X"], "b": ["x", "y"]}, {}])
def test_too_few_keys_or_values_are_refused(words: dict[str, list[str]]) -> None:
    with pytest.raises(InputError, match="2 updates of"):
        stream(words, 2, seed=0)


def test_words_are_read_from_a_json_object_of_lists(tmp_path: Path) -> None:
    path = tmp_path / "words.json"
    path.write_text('{"a": ["x"]}')
    assert read_words(path) == {"a": ["x"]}
    for wrong in ("[1]", '{"a": [1]}', "{"):
        path.write_text(wrong)
        with pytest.raises(InputError, match=r"words\.json"):
            read_words(path)


def test_row_12_the_scorer_gives_1_for_last_values_and_0_for_previous_ones() -> None:
    items = stream(WORDS, 7, seed=1)
    last = last_values(items)
    previous = {item.key: item.value for item in items if item.value != last[item.key]}
    assert score(last, items) == 1.0
    assert score({key: f" {value.upper()}" for key, value in last.items()}, items) == 1.0
    assert score(previous, items) == 0.0
    assert score({}, items) == 0.0


def test_row_12_of_every_key_only_the_last_value_is_recalled(make: Make) -> None:
    items = stream(dict(list(WORDS.items())[:8]), 12, seed=2)
    memory = make(updates=["keyed"])
    names = {item: memory.add(str(item))[0] for item in items}
    found = {hit.text for hit in memory.search(None, k=100)}
    assert found == {str(Update(*pair)) for pair in last_values(items).items()}
    top = {key: memory.search(f"What is the current value of {key}?")[0] for key in WORDS}
    assert score({key: hit.text.split(": ")[1] for key, hit in top.items()}, items) == 1.0
    assert memory.stats()["superseded"] == len(items) - 8
    assert all(memory.history(name) for name in names.values())


def test_row_12_without_updates_earlier_values_are_recalled_too(make: Make) -> None:
    items = stream(dict(list(WORDS.items())[:4]), 6, seed=2)
    memory: AgentMemory = make(updates=[])
    for item in items:
        memory.add(str(item))
    assert len(memory.search(None, k=100)) == len(items)
