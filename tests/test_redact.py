"""Redaction: what is personal goes before anything is stored; what only looks like it stays."""

import re
import traceback
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agentmem import AgentMemory
from agentmem.config import dump, load_config
from agentmem.core import Redactor, Turn
from agentmem.errors import ConfigError, InputError, PluginError
from agentmem.redact.pii import KINDS, Pii, personal
from tests.conftest import Make
from tests.scripted import Scripted, asking

AWS = "AKIA" + "IOSFODNN7EXAMPLE"
GITHUB = "ghp_" + "a1B2" * 9
JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9P"
PEM = "-----BEGIN RSA PRIVATE KEY-----\nMIIEow\nxyz=\n-----END RSA PRIVATE KEY-----"


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("Write to Anna.Bell+x@mail.example.org!", "Write to [email]!"),
        (
            "see https://example.org/?who=anna@example.org&x=1",
            "see https://example.org/?who=[email]&x=1",
        ),
        ("<mailto:jürgen@bücher.example>", "<mailto:[email]>"),
        ("Call +49 170 1234567 or (415) 555-2671.", "Call [phone] or [phone]."),
        ("Ring 020 7946 0958 at noon", "Ring [phone] at noon"),
        ("card 4111 1111 1111 1111, 12/27", "card [card], 12/27"),
        ("card 4111-1111-1111-1111 12 27", "card [card] 12 27"),
        ("amex 378282246310005 and mc 5555555555554444", "amex [card] and mc [card]"),
        ("2 x 4242424242424242", "2 x [card]"),
        ("IBAN DE89 3704 0044 0532 0130 00 at the bank", "IBAN [iban] at the bank"),
        ("to gb82west12345698765432, now", "to [iban], now"),
        ("DE89370400440532013000 GB82WEST12345698765432 too", "[iban] [iban] too"),
        (
            "SSN 536-90-4399; social security number: 536904399",
            "SSN [ssn]; social security number: [ssn]",
        ),
        ("from 203.0.113.7:8080 and 2001:db8::8a2e:370:7334.", "from [ip]:8080 and [ip]."),
        (f"key {AWS} and {GITHUB}", "key [secret] and [secret]"),
        (f"token {JWT}", "token [secret]"),
        (f"a\n{PEM}\nb", "a\n[secret]\nb"),
        ("my password is hunter2!, ok", "my password is [secret]!, ok"),
        ("API_KEY='s3cr3t-v4lue' # set", "API_KEY='[secret]' # set"),
        ("Authorization: Bearer abc123def456", "Authorization: Bearer [secret]"),
        ("card 4111\u00a01111\u202f1111\u00a01111", "card [card]"),
        ("card ４１１１ １１１１ １１１１ １１１１", "card [card]"),
        ("IBAN DE89\u00a03704\u00a00044\u00a00532\u00a00130\u00a000!", "IBAN [iban]!"),
        ("IBAN DE89-3704-0044-0532-0130-00", "IBAN [iban]"),
        ("an\u200bna@example.org, is", "[email], is"),
        ("+49 170 1234567+49 170 1234567", "[phone][phone]"),
        ("tel:+491701234567, phone:+49 170 1234567.", "tel:[phone], phone:[phone]."),
        ("postgres://anna:pa55word@db.example.org/x", "postgres://anna:[secret]@db.example.org/x"),
    ],
)
def test_personal_data_and_secrets_go(text: str, left: str) -> None:
    assert Pii().redact(text) == left


NEGATIVES = [
    "On 2024-05-06 at 10:30:15, or 06.05.2024 10:30, or 5/6/2024.",
    "From 01.02.2024-03.04.2024 and 1.2.-3.4.2024 we were away.",
    "It costs $1,234.56, 1.234,56 € or 12 000 000 yen; 3.14159265358979 is pi; p = 0.123456789.",
    "Version 10.0.1.2, v1.2.3.4, build 1.2.3.4; localhost is 127.0.0.1, any is 0.0.0.0.",
    "At 10:30 +2 h, offset:+0200, ratio 3:+4, diff:+12 -7.",
    "std::vector, a::b, face::cafe, 10:20:30 and 12:30.",
    "Timestamp 1700000000000, serial 0001234567, order 4711, ticket ABC-123, #20240506.",
    "4111 1111 1111 1112 has a wrong check digit; so has DE89 3704 0044 0532 0130 01.",
    "1234567890123456 and 9999999999999999 are no cards; 000-12-3456 and 987-65-4320 no SSNs.",
    "ISBN 0-306-40615-2, ISBN-13: 978-3-16-148410-0.",
    "The password is wrong. Token: 5 minutes. The secret is patience. Password: please change it!",
    "She scored 120-80-60 and ran 100 m in 12 s; call me maybe; room 415.",
    "@anna said a@b is no address; 50 @ 3.20 each.",
    "3fa85f64-5717-4562-b3fc-2c963f66afa6 and sha256 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b.",
    "12345 67890 12345 67890 12345",
]


@pytest.mark.parametrize("text", NEGATIVES)
def test_what_only_looks_like_it_stays(text: str) -> None:
    assert Pii().redact(text) == text


def test_only_the_kinds_that_are_named_go() -> None:
    text = "anna@example.org, +49 170 1234567"
    assert Pii(kinds=("phone",)).redact(text) == "anna@example.org, [phone]"


def test_pseudonyms_tell_equal_values_from_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PEPPER", "one")
    pii = Pii(key_env="PEPPER")
    first, second, other = (
        pii.redact(f"mail {address}")
        for address in ("anna@example.org", "Anna@EXAMPLE.org", "ben@example.org")
    )
    assert re.fullmatch(r"mail \[email:[0-9a-f]{10}\]", first)
    assert first == second != other
    assert pii.redact("password: hunter22") == "password: [secret]"
    assert pii.redact(first) == first
    monkeypatch.setenv("PEPPER", "two")
    assert pii.redact("mail anna@example.org") not in (first, other)
    monkeypatch.delenv("PEPPER")
    with pytest.raises(ConfigError, match="PEPPER"):
        pii.redact("mail anna@example.org")


@pytest.mark.parametrize(
    ("options", "said"), [({"kinds": ()}, "give some of"), ({"key_env": "NO_SUCH_KEY"}, "not set")]
)
def test_mistakes_are_named(options: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        Pii(**options)


def test_an_unknown_kind_is_named() -> None:
    with pytest.raises(ConfigError, match="give some of secret"):
        Pii(kinds=("mail",))  # type: ignore[arg-type]


def test_nothing_of_it_reaches_the_files(make: Make, tmp_path: Path) -> None:
    with make(tmp_path / "m.db", redact=["pii"]) as memory:
        name = memory.add(Turn(observation="I am anna@example.org.", reply=f"Your key: {AWS}"))[0]
        memory.update(name, text="Now ben@example.org.", data={"to": "carl@example.org"})
        memory.add("Ring dora", key="dora@example.org", kind="chunk")
        assert memory.get(name).text == "Now [email]."
    found = b"".join(file.read_bytes() for file in tmp_path.iterdir())
    for trace in ("anna@", "ben@", "carl@", "dora@", AWS):
        assert trace.encode() not in found


def test_nothing_of_it_reaches_the_files_by_a_side_door(make: Make, tmp_path: Path) -> None:
    with make(policies=["trust"]) as plain:
        plain.add("Ben is ben@example.org", data={"ben@example.org": [1]}, source="ben@example.org")
        plain.export(tmp_path / "plain.jsonl")
    with make(tmp_path / "m.db", redact=["pii"], policies=["trust"]) as memory:
        assert memory.import_(tmp_path / "plain.jsonl") == 1
        (tmp_path / "plain.jsonl").unlink()
        assert memory.search("Ben")[0].text == "Ben is [email]"
        names = [
            *memory.add(Turn(observation="hi", reply="so?", speaker="anna@example.org")),
            *memory.add(Turn(observation="hi", reply="yes", name="anna@example.org")),
            *memory.add({"role": "anna@example.org", "content": "hello"}),
            *memory.add("Tea it is", source="carl@example.org", data={"carl@example.org": 1}),
        ]
        assert memory.get(names[0]).text == "[email]: hi\nassistant: so?"
        before = memory.get(names[3])
        memory.search("Tea", by="carl@example.org")  # still known for who it is
        assert memory.get(names[3]).uses == before.uses
        memory.forget(names[0], reason="dora@example.org asked")
        memory.restore(names[0], reason="dora@example.org asked")
        memory.erase(names[1], reason="dora@example.org asked")
    found = b"".join(file.read_bytes() for file in tmp_path.iterdir())
    for trace in ("anna@", "ben@", "carl@", "dora@"):
        assert trace.encode() not in found


def test_what_a_model_makes_of_a_text_goes_through_it_too(make: Make) -> None:
    told = "Write to anna (at) example.org"
    fact = {"number": 1, "fact": "Anna's address is anna@example.org", "quote": told}
    model = Scripted({"facts": [fact]}, {"text": "Anna told her address, anna@example.org."})
    memory = make(
        redact=["pii"],
        stores=["chunk", {"fact": {"by": "model"}}],
        consolidation=[{"summaries": {"by": "model"}}],
        policies=[{"window": {"n": 1, "remove": True, "kinds": ["chunk"]}}],
        removal_cap=1.0,
        **asking(model),
    )
    memory.add(told)
    assert memory.extract().done == 1
    assert [hit.text for hit in memory.search(where={"kind": "fact"})] == [
        "Anna's address is [email]"
    ]
    memory.add("And so on")
    memory.apply(memory.plan())
    assert model.replies == []
    texts = [hit.text for hit in memory.search(None, k=9)]
    assert "Anna told her address, [email]." in texts


def test_two_keys_that_become_one_are_refused(make: Make) -> None:
    with make(redact=["pii"]) as memory:
        with pytest.raises(InputError, match="two keys"):
            memory.add("So it is", data={"anna@example.org": 1, "ben@example.org": 2})
        assert not memory.search(None)


@dataclass(frozen=True, kw_only=True)
class Broken(Redactor):
    name = "broken"
    gives: Any = None

    def redact(self, text: str) -> str:
        if self.gives is None:
            raise ValueError(f"cannot read {text!r}")
        return self.gives(text)  # type: ignore[no-any-return]


@pytest.mark.parametrize("gives", [None, str.encode, lambda text: f"{text}\ud800"])
def test_the_error_of_a_redactor_quotes_nothing(make: Make, gives: Any) -> None:
    with make(redact=[Broken(gives=gives)]) as memory:
        with pytest.raises(PluginError, match="redactor 'broken'") as caught:
            memory.add("my secret")
        told = "".join(traceback.format_exception(caught.value))
        assert "my secret" not in told.replace('memory.add("my secret")', "")


def test_the_error_of_a_message_that_is_none_quotes_nothing(memory: AgentMemory) -> None:
    with pytest.raises(InputError, match="role: int, content: str") as caught:
        memory.add({"role": 1, "content": "my secret"})
    assert "my secret" not in str(caught.value)


PIECES = [
    "anna@example.org",
    "+49 170 1234567",
    "4111 1111 1111 1111",
    "DE89370400440532013000",
    "203.0.113.7",
    "536-90-4399",
    "2001:db8::1",
    AWS,
    "password: x1y2z3!",
    "Anna",
    "12",
    "-",
    ":",
    " ",
    "\n",
    ".",
    "0",
    "@",
    "[",
    "//",
    "2024-05-06",
]


@settings(deadline=None, max_examples=150)
@given(st.one_of(st.text(max_size=60), st.lists(st.sampled_from(PIECES), max_size=9).map("".join)))
def test_what_is_found_lies_in_the_text_once_and_goes(text: str) -> None:
    found = personal(text)
    assert all(one.kind in KINDS and text[one.start : one.end] for one in found)
    assert all(a.end <= b.start for a, b in pairwise(found))
    left = Pii().redact(text)
    assert personal(left) == []
    assert found or left == text


@settings(deadline=None, max_examples=60)
@given(st.lists(st.sampled_from([*PIECES[:9], *NEGATIVES]), max_size=4).map(" ; ".join))
def test_redacting_again_changes_nothing(text: str) -> None:
    once = Pii().redact(text)
    assert Pii().redact(once) == once
    for secret in (AWS, "anna@example.org", "x1y2z3", "203.0.113.7"):
        assert secret not in once


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 10**15 - 1))
def test_a_card_with_its_check_digit_goes_and_with_another_stays(body: int) -> None:
    stem = f"4{body:015d}"[:15]
    cards = [f"{stem}{digit}" for digit in range(10)]
    gone = [
        card for card in cards if Pii(kinds=("card",)).redact(f"card {card}.") == "card [card]."
    ]
    assert len(gone) == 1


def test_a_configuration_names_it_and_says_what_is_wrong() -> None:
    config = load_config({"redact": [{"pii": {"kinds": ["email"]}}]})
    assert config.redact == (Pii(kinds=("email",)),)
    assert dump(config) == {"redact": [{"pii": {"kinds": ["email"]}}]}
    with pytest.raises(ConfigError, match="kinds"):
        load_config({"redact": {"pii": {"kinds": ["mail"]}}})
