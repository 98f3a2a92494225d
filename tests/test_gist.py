import re
import time
from math import ceil

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agentmem.errors import InputError
from agentmem.extract.gist import compress, keywords, summary
from agentmem.text import count_tokens

CHAT = (
    "user: I moved to Berlin in 2019 and I really love the Italian restaurants, especially "
    "the one near the Brandenburg Gate.\nassistant: That is not bad! The Italian restaurants there "
    "are well known for their lasagna."
)
TOKENS = re.compile(r"\n|[^\W_]+(?:['’\-][^\W_]+)*|[^\w\s]|_")


def test_key_phrases_are_what_is_said_often_and_together():
    found = keywords(CHAT, 4)
    assert found[0] == "Italian restaurants"
    assert "Brandenburg Gate" in found
    assert keywords(CHAT, 4) == keywords(CHAT, 100)[:4]


def test_stop_words_alone_give_no_key_phrase():
    assert keywords("I have been there and so have you.", 5) == []
    assert keywords("", 5) == []
    assert keywords(CHAT, 0) == []


def test_key_phrases_have_at_most_three_words():
    long = "blue whale songs echo across deep ocean trenches"
    assert all(len(phrase.split()) <= 3 for phrase in keywords(long, 9))


def test_a_negative_number_of_key_phrases_is_refused():
    with pytest.raises(InputError, match="n = -1"):
        keywords("a", -1)


SENTENCES = [
    "Hello there.",
    "Anna adopted a dog from the shelter.",
    "The dog from the shelter is called Rex.",
    "It rained.",
    "Rex the dog loves Anna.",
]


def test_the_summary_is_the_central_sentence():
    assert summary(SENTENCES, 9) in SENTENCES[1:3]


def test_a_summary_keeps_the_order_and_the_bound():
    short = summary(SENTENCES, 20)
    assert count_tokens(short) <= 20
    places = [SENTENCES.index(s + ".") for s in short.rstrip(".").split(". ")]
    assert places == sorted(places)
    assert len(places) > 1


def test_a_sentence_said_already_is_not_said_again():
    assert summary(["Anna has a dog.", "A dog, Anna has.", "Tom sails boats."], 99) == (
        "Anna has a dog. Tom sails boats."
    )


def test_weights_decide_between_sentences():
    assert summary(SENTENCES, 9, [0, 0, 0, 1, 0]).startswith("It rained.")


def test_no_sentence_that_fits_gives_no_summary():
    assert summary(SENTENCES, 1) == ""
    assert summary([], 5) == ""
    assert summary([" "], 5) == ""


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("one text", 5), "not one text"),
        ((["a"], 0), "max_tokens = 0"),
        ((["a"], 5, [1.0, 2.0]), "2 weights for 1 sentences"),
        ((["a"], 5, [-1.0]), "finite"),
        ((["a"], 5, [float("nan")]), "finite"),
    ],
)
def test_a_summary_refuses_what_it_cannot_weigh(arguments, message):
    with pytest.raises(InputError, match=message):
        summary(*arguments)


def test_compression_drops_the_words_that_say_least():
    assert compress(CHAT, 0.3) == (
        "user: Berlin 2019 Italian restaurants Brandenburg Gate.\n"
        "assistant: not! Italian restaurants lasagna."
    )


def test_negations_numbers_tags_and_forced_words_stay():
    short = compress("ana: I don't have the 2 keys of it, no.", 0.01, force=["keys"])
    assert short == "ana: don't 2 keys no"


def test_given_weights_rank_the_words():
    idf = {"whale": 0.1, "of": 5.0, "song": 4.0}
    assert compress("whale song of of", 0.75, idf=idf) == "song of of"
    assert compress("whale krill song", 0.4, idf=idf) == "krill song"


def test_all_is_kept_at_rate_one():
    assert compress("  a , b\n\tc", 1.0) == "  a , b\n\tc"
    assert compress("") == ""


@pytest.mark.parametrize("keep", [0, -0.1, 1.1, float("nan")])
def test_a_rate_outside_0_to_1_is_refused(keep):
    with pytest.raises(InputError, match="keep"):
        compress("a", keep)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.sampled_from(
            [
                "the",
                "of",
                "dog",
                "not",
                "don't",
                "2019",
                "user:",
                "Rex",
                ",",
                ".",
                "!",
                "?",
                "\n",
                "-",
                "'",
                "lasagna",
            ]
        )
        | st.text(max_size=5),
        max_size=30,
    ).map(" ".join),
    st.floats(0.05, 1.0),
)
def test_what_is_kept_is_a_subsequence_and_no_less_than_asked(text, keep):
    short = compress(text, keep)
    before, after = TOKENS.findall(text), TOKENS.findall(short)
    rest = iter(before)
    assert all(token in rest for token in after)
    assert short == compress(text, keep)
    said = [sum(t[0].isalnum() for t in tokens) for tokens in (before, after)]
    assert said[1] >= ceil(keep * said[0] - 1e-6)
    assert [t for t in before if t in "\n.!?"] == [t for t in after if t in "\n.!?"]


def test_hostile_text_takes_linear_time():
    began = time.process_time()
    for unit in ("a", "Aa ", "A b c:\n", "'", "I am. "):
        text = unit * (10_000 // len(unit))
        compress(text, 0.5)
        keywords(text, 5)
        summary([text[i : i + 10] for i in range(0, len(text), 10)], 50)
    assert time.process_time() - began < 3
