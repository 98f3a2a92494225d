"""Which texts speak of an entity."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentmem.errors import InputError
from agentmem.extract.mentions import is_subject, mentions

CASES = {
    "anna@example.com": {
        "mail Anna@Example.com.": True,
        "https://x.org/?u=anna@example.com": True,
        "u=anna%40example.com&x": True,
        "<anna@example.com>": True,
        "xanna@example.com": False,
        "anna@example.com.au": False,
        "anna.b@example.com": False,
    },
    "+49 151 1234 5678": {
        "call +49 (0)151 12345678 now": True,
        "0049 151/1234-5678": True,
        "+49 151 1234 56789": False,
        "0151 12345678": False,
    },
    "0151 12345678": {"ring 0151/12345678": True, "10151 12345678": False},
    "https://Example.com/anna/": {
        "see example.com/anna.": True,
        "HTTPS://EXAMPLE.COM/anna#x": True,
        "https://example.com/anna/photos": False,
    },
    "DE89 3704 0044 0532 0130 00": {
        "iban de89370400440532013000": True,
        "DE89 3704 0044 0532 0130 001": False,
    },
    "123e4567-e89b-42d3-a456-426614174000": {
        "id 123E4567-E89B-42D3-A456-426614174000.": True,
        "123e4567-e89b-42d3-a456-426614174001": False,
    },
    "@anna_b": {"follow @Anna_B!": True, "@anna_bc": False, "mail x@anna_b.com": False},
    "ABC-123": {"ticket abc-123 is open": True, "ABC-1234": False},
    "Anna Berg": {
        "Ask Anna Berg about it.": True,
        "anna berg said": True,
        "Dr. Anna Berg came": True,
        "Anna Berg's dog": True,
        "met Anna Berg Monday": True,
        "ÁNNA BERG!": True,
        "anna_berg": True,
        "Anna Bergström": False,
        "Anna Berg-Larsen": False,
        "We saw Maria Anna Berg there": False,
        "anna.berg@example.com": False,
        "see https://x.org/anna-berg/now": False,
        "Anna, Bob and Berg": False,
    },
    "Anna": {
        "Anna: hi": True,
        "anna moved": True,
        "user: I told anna about NASA": True,
        "Anna's here": True,
        "Anna Bergström came": False,
        "Jo-Anna": False,
        "Anna Bergson likes tea, anna.b@example.com": False,
        "Anna Bergson, anna-lena and tea": False,
        "Ann and Annabel": False,
        "#anna and @anna": False,
    },
    "Rose": {"prices rose": False, "Rose came": True, "rose: hello": True, "rose": True},
    "Иван": {"We met Ivan there": True, "Иван пришёл": True, "Ивана": False},
    "李雷": {"李雷喜欢茶": True, "李四": False},
}


@pytest.mark.parametrize(
    ("value", "text", "meant"),
    [(value, text, meant) for value, texts in CASES.items() for text, meant in texts.items()],
)
def test_an_identity_is_found_and_a_likeness_is_not(value: str, text: str, meant: bool) -> None:
    assert mentions(value, [text]) == [meant]


def test_a_shorter_name_counts_if_nobody_else_has_it() -> None:
    texts = ["Anna moved to Rome", "We met Anna Berg", "Berg was late", "the weather was fine"]
    assert mentions("Anna Berg", texts, aliases=True) == [True, True, True, False]
    assert mentions("Anna Berg", [*texts, "and Anna Bergson"], aliases=True)[:3] == [
        False,
        True,
        True,
    ]
    assert mentions("Anna Berg", [*texts, "an iceberg, a berg"], aliases=True)[2] is False
    assert mentions("Anna", texts, aliases=True) == [True, True, False, False]


def test_a_name_is_somebody_elses_whatever_else_the_text_says() -> None:
    texts = ["Anna Berg lives in Rome.", "Anna Bergson likes tea, anna@example.com"]
    assert mentions("Anna Berg", texts, aliases=True) == [True, False]
    assert mentions("Anna Berg", [texts[0], "Anna Bergson and joanna, banana"], aliases=True)[
        1:
    ] == [False]


def test_nothing_identifies_nobody() -> None:
    for value in ("", "  ", "..."):
        with pytest.raises(InputError, match="identifies nobody"):
            mentions(value, ["text"])


@pytest.mark.parametrize(
    ("text", "subject"),
    [
        ("Anna lives in Rome", True),
        ("Anna: I like tea", True),
        ("Bob left and Anna moved to Rome", True),
        ("Anna's dog is called Rex", True),
        ("user: my sister Anna works at Stripe", True),
        ("Bob met Anna", False),
        ("Bob: I like Anna", False),
    ],
)
def test_who_is_spoken_of(text: str, subject: bool) -> None:
    assert is_subject("Anna", text) is subject


@given(st.text(max_size=60), st.text(min_size=1, max_size=20))
def test_any_text_can_be_asked(text: str, value: str) -> None:
    try:
        [found] = mentions(value, [text], aliases=True)
    except InputError:
        return
    assert found in (True, False)
    is_subject(value, text)
