from __future__ import annotations

import sqlite3
from time import process_time
from unicodedata import normalize

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agentmem.text import count_tokens, fold, nfkc, words


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Don't go, Ana!", ["don", "t", "go", "ana"]),
        ("ﬁne STRASSE Straße", ["fine", "strasse", "strasse"]),
        ("snake_case x2 3.5", ["snake", "case", "x2", "3", "5"]),
        ("Я люблю Москву", ["я", "люблю", "москву"]),
        ("我爱Python编程", ["我", "爱", "python", "编", "程"]),
        ("カタカナ ｶﾀ", ["カ", "タ", "カ", "ナ", "カ", "タ"]),
        ("안녕하세요 세계", ["안녕하세요", "세계"]),
        ("... _ 🙂", []),
        ("", []),
    ],
)
def test_words(text: str, expected: list[str]) -> None:
    assert words(text) == expected


@given(st.text(st.characters()))
def test_words_survive_a_second_reading(text: str) -> None:
    found = words(text)
    assert words(" ".join(found)) == found


@settings(max_examples=60)
@given(st.text(st.characters(codec="latin-1", exclude_characters="\0"), max_size=60))
def test_words_are_found_by_the_full_text_index(text: str) -> None:
    base = sqlite3.connect(":memory:")
    base.execute("CREATE VIRTUAL TABLE t USING fts5(text, tokenize='porter unicode61')")
    base.execute("INSERT INTO t(text) VALUES (?)", [" ".join(words(text))])
    for word in words(text):
        assert base.execute("SELECT count(*) FROM t WHERE t MATCH ?", [f'"{word}"']).fetchone()[0]
    base.close()


@pytest.mark.parametrize(
    ("one", "other"),
    [("  Hello\tWorld\n", "hello world"), ("ＦＵＬＬ width", "full width"), ("Straße", "STRASSE")],
)
def test_fold_equates(one: str, other: str) -> None:
    assert fold(one) == fold(other)


@pytest.mark.parametrize(("one", "other"), [("a b", "ab"), ("no", "no!"), ("2", "3")])
def test_fold_keeps_apart(one: str, other: str) -> None:
    assert fold(one) != fold(other)


@given(st.text(st.characters()))
def test_fold_is_idempotent(text: str) -> None:
    assert fold(fold(text)) == fold(text)


MARKS = st.sampled_from("a\u00e9\u1f82\u0300\u0316\u0334\u0345\u0f73\uff9e\u1161")


@given(st.text(st.characters(codec="utf-8")) | st.text(MARKS, min_size=40, max_size=120))
def test_the_normal_form_is_unicodes(text: str) -> None:
    assert nfkc(text) == normalize("NFKC", text)


def test_a_pile_of_marks_takes_no_longer_than_letters() -> None:
    started = process_time()
    assert fold("a" + "\u0301\u0323" * 50_000).startswith("\u1ea1\u0323")
    assert process_time() - started < 1.0  # seconds; Python alone: 10 and more


def test_tokens_are_word_pieces() -> None:
    assert count_tokens("") == 0
    assert count_tokens("hello world") == 2
    assert count_tokens("unbelievability") > 1
    assert count_tokens("word " * 1000) == 1000
