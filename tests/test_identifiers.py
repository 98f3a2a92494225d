from __future__ import annotations

import subprocess
import sys
import time
from unicodedata import normalize as unicode_form

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentmem.errors import InputError
from agentmem.extract.identifiers import identify, identity, names, normalise, resolve

WORD = st.text("abcxyz019", min_size=1, max_size=8)
LOCAL = st.tuples(WORD, st.sampled_from(["", ".", "_", "+", "-"]), WORD).map("".join)
HOST = st.tuples(WORD, st.sampled_from([".", ".x-1.", ".a."]), st.sampled_from(["de", "example"]))
HOST = HOST.map("".join)
FIRST = st.sampled_from(["Anna", "Béla", "Иван", "Zoë", "Tomáš", "Ελένη", "Mary-Jane", "D'Arcy"])
LAST = st.sampled_from(["Müller", "Novák", "Smith", "Петров", "van der Berg", "O'Brien"])
PRONE = st.text("aA1 09+-./:@#()wWhtps\u0430Éß\u0301\u200bＡ１İ;=extEDr'’\n", max_size=40)


@pytest.mark.parametrize(
    "forms",
    [
        [
            "Info@Acme.example ",
            "info@acme.example",
            "ｉｎｆｏ＠ａｃｍｅ．ｅｘａｍｐｌｅ",
            "mailto:info@acme.example.",
        ],
        ["Anna <Info@acme.example>", "info@acme.example", "(info@acme.example)"],
        ["in\u200bfo@acme.example", "\ufeffINFO@ACME.EXAMPLE", "<info@acme.example>"],
        ["info@BÜCHER.example", "info@bücher.example", "info@xn--bcher-kva.example"],
        [
            "Jürgen Müller",
            "JÜRGEN  MÜLLER",
            "jurgen\tmuller",
            "Dr. Jürgen Müller",
            "Mr Jürgen Müller",
        ],
        ["José", "Jose", "Jose\u0301", "ＪＯＳＥ"],
        ["Иван Петров", "ivan petrov", "Ivan-Petrov", "Ivan_Petrov"],
        ["O’Brien", "O'Brien", "obrien"],
        ["J. R. R. Tolkien", "j.r.r. tolkien"],
        [
            "+49 30 1234567",
            "0049-30-1234567",
            "+49 (0)30 123 45 67",
            "＋49 30 １２３４５６７",
            "٠٠٤٩ ٣٠ ١٢٣٤٥٦٧",
        ],
        ["+1 650 253 0000 ext. 12", "+1-650-253-0000x12"],
        ["030 1234567", "0301234567", "(030) 123-4567"],
        ["HTTPS://Acme.Example:443/a/#top", "https://acme.example/a"],
        ["www.acme.example", "https://www.acme.example/"],
        ["{550E8400-E29B-41D4-A716-446655440000}", "urn:uuid:550e8400-e29b-41d4-a716-446655440000"],
        ["DE89 3704 0044 0532 0130 00", "de89370400440532013000"],
        ["ABC-123", "abc 123", "Abc_123"],
    ],
)
def test_forms_of_one_identity(forms: list[str]) -> None:
    assert len({identity(form) for form in forms}) == 1


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("info@acme.example", "info.sales@acme.example"),
        ("info@acme.example", "inf\u043e@acme.example"),  # Cyrillic o
        ("info@acme.example", "info@\u0430cme.example"),  # Cyrillic a
        ("strasse@acme.example", "straße@acme.example"),
        ("Anna", "\u0410nna"),  # Cyrillic A before Latin letters: a forgery
        ("Jürgen", "Juergen"),
        ("Mr. Smith", "Mrs. Smith"),
        ("+49 30 1234567", "030 1234567"),
        ("+1 650 253 0000", "+1 650 253 0000 x12"),
        ("http://acme.example:8080", "http://acme.example"),
        ("http://acme.example/A", "http://acme.example/a"),
        ("C++", "C"),
        ("192.168.1.20", "192.168.12.0"),
        ("2023-05-08", "20230508"),
    ],
)
def test_two_identities_stay_two(one: str, other: str) -> None:
    assert identity(one) != identity(other)


def test_what_has_no_letters_left_keeps_its_own_form() -> None:
    assert [identity(value) for value in ("🙂", "", "  ", "Dr.", "李雷")] == [
        "🙂",
        "",
        "",
        "dr",
        "lilei",
    ]
    assert identity("http://acme.example:port/") == "http://acme.example:port/"
    assert identity("info@a\u2010b.example") != identity("info@ab.example")
    assert normalise("email", "nobody") == "nobody"
    assert normalise("url", "http://[::1]:80/") == "http://[::1]"
    assert normalise("url", "ftp://me@Acme.Example:21/x?q=A") == "ftp://me@acme.example/x?q=A"
    assert normalise("email", "a@-ü_.de") == "a@-ü_.de"
    assert normalise("id", " #ab – 12 ") == "AB-12"


def test_letters_that_read_as_a_number_are_that_number() -> None:
    assert identity("\U00014487\u00b8") == identity(identity("\U00014487\u00b8"))
    assert identity("ь0049301234567") == "+49301234567"
    assert identity("٣٤٥") == "345"


def test_an_unknown_kind_is_named() -> None:
    with pytest.raises(InputError, match="unknown kind 'mail'; did you mean 'email'"):
        normalise("mail", "x")  # type: ignore[arg-type]


@given(st.one_of(PRONE, st.text(max_size=30)))
def test_an_identity_is_its_own_identity(value: str) -> None:
    assert identity(identity(value)) == identity(value)


@given(
    st.one_of(PRONE, st.text(max_size=30)), st.sampled_from(["email", "id", "name", "phone", "url"])
)
def test_a_normal_form_is_its_own_normal_form(value: str, kind: str) -> None:
    once = normalise(kind, value)  # type: ignore[arg-type]
    assert normalise(kind, once) == once  # type: ignore[arg-type]


@given(LOCAL, HOST, st.sampled_from(["", " ", "\t", "\u200b", "\u00a0\n"]))
def test_case_and_blanks_make_no_other_address(local: str, host: str, blank: str) -> None:
    assert identity(f"{blank}{local.upper()}@{host.title()}{blank}") == f"{local}@{host}"


@given(LOCAL, LOCAL, HOST)
def test_distinct_local_parts_stay_distinct(one: str, other: str, host: str) -> None:
    assert (identity(f"{one}@{host}") == identity(f"{other}@{host}")) == (one == other)


@given(FIRST, LAST, st.sampled_from(["NFC", "NFD"]), st.sampled_from([" ", "  ", "\t", " \u200b"]))
def test_names_survive_case_spacing_and_form(first: str, last: str, form: str, gap: str) -> None:
    said = unicode_form(form, f" {first}{gap}{last}")  # type: ignore[arg-type]
    assert identity(said) == identity(said.upper()) == identity(f"{first} {last}")


@given(st.text(max_size=60))
def test_spans_slice_the_text(text: str) -> None:
    found = identify(text + " Ｉ met Jose\u0301 Ruiz\u200b (info@acme.example), ﬁne?")
    whole = text + " Ｉ met Jose\u0301 Ruiz\u200b (info@acme.example), ﬁne?"
    last = 0
    for kind, value, start, end in found:
        assert last <= start < end <= len(whole)
        assert normalise(kind, whole[start:end]) == value
        last = end
    assert "info@acme.example" in {one.value for one in found}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Mail Bob.Smith@x.org, or (c@d.example).", ["bob.smith@x.org", "c@d.example"]),
        ("See https://en.wikipedia.org/wiki/A_(b). Then", ["https://en.wikipedia.org/wiki/A_(b)"]),
        ("(at www.acme.example/x/)", ["https://www.acme.example/x"]),
        ("call +49 30 1234567.", ["+49301234567"]),
        ("call (650) 253-0000 or 030 1234567 now", ["6502530000", "0301234567"]),
        ("order no. 4711-AB, JIRA-123 and #998", ["4711-AB", "JIRA-123", "998"]),
        ("pay DE89 3704 0044 0532 0130 00 now", ["DE89370400440532013000"]),
        ("id 550e8400-E29B-41d4-a716-446655440000!", ["550e8400-e29b-41d4-a716-446655440000"]),
        ("to a@b, @anna, a @ b.example", []),
        ("on 2023-05-08 or 05.08.2023, 10/10, 3.11.7, 192.168.1.20", []),
        ("1234567 people paid $1234567 in 2019 2020 and (12", []),
        ("pay DE00 3704 0044 0532 0130 00 now", []),
        ("in order to 12 it, the case is closed", []),
    ],
)
def test_addresses_in_running_text(text: str, expected: list[str]) -> None:
    assert [found.value for found in identify(text) if found.kind != "name"] == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "Yesterday Anna met Dr. John F. Kennedy in New York.",
            ["Anna", "Dr. John F. Kennedy", "New York"],
        ),
        ("Hey Mel! How's Ludwig van Beethoven doing in May?", ["Mel", "Ludwig van Beethoven"]),
        ("Anna: hi!\nBob (10:30): Anna called.", ["Anna", "Bob", "Anna"]),
        ("李雷: 你好\nuser: I like Rome.", ["李雷", "Rome"]),
        ("Agent 1: I offer Agent-X two.", ["Agent 1", "Agent-X"]),
        ("Rose rose early. I gave Rose a rose.", ["Rose", "Rose"]),
        ("Rose rose early.", []),
        ("Caroline said no.", ["Caroline"]),
        ("Anna's dog bit Tom's. I don't mind, Tom'll live.", ["Tom", "Tom"]),
        ("Don't go. I can't. When did it rain?", []),
        ("She flew to the United States of America of course.", ["United States of America"]),
        ("Dogs bark. Cats purr at dogs.", []),
        ("Dogs Trust helps dogs.", ["Trust"]),
        ("12 Angry Men: a film", ["Angry Men"]),
        ("PLEASE CALL ME BACK NOW", []),
        ("We work for NASA and IBM.", ["NASA", "IBM"]),
        ("On Monday I saw Dr. in May.", []),
        ("Note: buy milk\nShopping list: milk\n12:30: lunch", []),
        ("Mail Info@Acme.example to Ann.", ["Ann"]),
        ("We met José Ruiz.", ["José Ruiz"]),
    ],
)
def test_names_by_rule(text: str, expected: list[str]) -> None:
    assert [text[found.start : found.end] for found in names(text)] == expected


def test_a_first_name_joins_the_only_full_name() -> None:
    mentions = [
        "Anna Schmidt",
        "Anna",
        "ANNA",
        "Dr. Schmidt",
        "a@x.org",
        "Ana Maria",
        "Ana",
        "Ana Maria Lopez",
    ]
    assert resolve(mentions) == {
        "anna schmidt": ("Anna Schmidt", "Anna", "ANNA", "Dr. Schmidt"),
        "a@x.org": ("a@x.org",),
        "ana maria lopez": ("Ana Maria", "Ana", "Ana Maria Lopez"),
    }


def test_an_ambiguous_first_name_stays_apart() -> None:
    assert set(resolve(["Bob", "Bob Lee", "Bob Ray"])) == {"bob", "bob lee", "bob ray"}
    assert resolve([]) == {}


@given(
    st.lists(st.sampled_from(["Ann", "Ann Lee", "Bob Lee", "Lee", "Bob", "Ann Marie Lee", "ann"]))
)
def test_resolving_loses_no_mention_and_needs_no_order(mentions: list[str]) -> None:
    groups = resolve(mentions)
    assert sorted(m for group in groups.values() for m in group) == sorted(set(mentions))
    turned = resolve(reversed(mentions))
    assert {k: set(v) for k, v in groups.items()} == {k: set(v) for k, v in turned.items()}


@pytest.mark.parametrize(
    "unit", ["last ", "1", "@", "a@b.", "1 ", "https://", "\u0301\u0316", "x:\n"]
)
def test_hostile_text_takes_linear_time(unit: str) -> None:
    text = (unit * 40_000)[:40_000]
    before = time.perf_counter()
    identify(text)
    identity(text)
    assert time.perf_counter() - before < 3.0  # about 0.1 s; quadratic would take far more


def test_the_tables_are_loaded_on_first_use_only() -> None:
    code = (
        "import sys, agentmem.extract.identifiers as found\n"
        "found.identity('anna@acme.example')\n"
        "assert not {'anyascii', 'idna'} & set(sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], timeout=60).returncode == 0
