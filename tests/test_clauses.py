import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agentmem.extract.clauses import facts, turns
from tests import labelled


def said(text, speaker="Anna", other="Tom"):
    return [fact.text for fact in facts(text, speaker, other)]


@pytest.mark.parametrize(
    ("held_out", "precision", "recall"), [(False, 0.98, 0.98), (True, 0.85, 0.9)]
)
def test_facts_match_the_labels(held_out, precision, recall):
    # measured: 1.00 and 1.00 on the sentences tuned on, 0.88 and 0.92 on those held out
    rows = labelled.sentences(held_out=held_out)
    measured = labelled.precision_recall(
        (set(said(r["text"], r["speaker"], r["other"])), {f["fact"] for f in r["facts"]})
        for r in rows
    )
    assert measured[0] >= precision
    assert measured[1] >= recall


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "I live in Berlin and work at Stripe.",
            ["Anna lives in Berlin.", "Anna works at Stripe."],
        ),
        ("By the way, I like tea.", ["Anna likes tea."]),
        ("I like tea and coffee.", ["Anna likes tea and coffee."]),
        ("I want to move to Rome and open a bar.", ["Anna wants to move to Rome and open a bar."]),
        (
            "I've lived in Rome and worked in Milan.",
            ["Anna has lived in Rome.", "Anna has worked in Milan."],
        ),
        (
            "I'm learning Greek and taking a dance class.",
            ["Anna is learning Greek.", "Anna is taking a dance class."],
        ),
        ("I can sing and dance.", ["Anna can sing and dance."]),
        (
            "I got up late, made coffee and went to work.",
            ["Anna got up late, made coffee.", "Anna went to work."],
        ),
        ("She works here; he doesn't.", ["She works here."]),
        (
            "I stayed because it rained and the roads were closed.",
            ["Anna stayed because it rained and the roads were closed."],
        ),
        ("If it rains, I stay home and read.", ["If it rains, Anna stays home and read."]),
        (
            "My boss, a former pilot, and her son lived in Rome.",
            ["Anna's boss, a former pilot, and her son lived in Rome."],
        ),
        (
            "We saw Ana, a nurse, and Paul, a cook, at the bar.",
            ["Anna saw Ana, a nurse, and Paul, a cook, at the bar."],
        ),
        (
            "The flat, which my aunt sold, was big.",
            ["The flat, which Anna's aunt sold, was big."],
        ),
        (
            "I got the job, which has been great.",
            ["Anna got the job, which has been great."],
        ),
        (
            "I got the job, which is great.",
            ["Anna got the job, which is great."],
        ),
        (
            "I said that I was tired and that I wanted to go.",
            ["Anna said that Anna was tired and that Anna wanted to go."],
        ),
        (
            "I know the man that runs the shop and sells bread.",
            ["Anna knows the man that runs the shop and sells bread."],
        ),
    ],
)
def test_clauses_are_cut_where_each_keeps_its_sense(text, expected):
    assert said(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "Hi there!",
        "Thanks a lot, Tom!",
        "How are you?",
        "Do you like it",
        "What a day!",
        "Please call me.",
        "Take a look at this.",
        "That's great.",
        "It's raining.",
        "I'm so happy for you!",
        "I'm sorry to hear that.",
        "I hope you like it.",
        "I don't know.",
        "I can't wait to see it!",
        "You're so kind!",
        "Neither do I.",
        "I haven't.",
        "Glad you like it.",
        "Two cats and a dog.",
        "Congratulations on the new job!",
        "Good morning.",
        "If you need help, call me.",
        "",
        "?!...",
    ],
)
def test_what_states_nothing_is_no_fact(text):
    assert said(text) == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("I'm tall.", "Anna is tall."),
        ("I've moved.", "Anna has moved."),
        ("I don't smoke.", "Anna doesn't smoke."),
        ("I was ill.", "Anna was ill."),
        ("We were ill.", "Anna was ill."),
        ("I'll go to Rome.", "Anna will go to Rome."),
        ("I'd eaten there before.", "Anna had eaten there before."),
        ("I'd like a cat.", "Anna would like a cat."),
        ("I’m tall.", "Anna is tall."),
        ("I usually study at night.", "Anna usually studies at night."),
        ("I put salt in it.", "Anna put salt in it."),
        ("I read a lot.", "Anna reads a lot."),
        ("I read it yesterday.", "Anna read it yesterday."),
        ("I haven't seen you.", "Anna hasn't seen Tom."),
        ("You're a doctor.", "Tom is a doctor."),
        ("My sister and I live in Rome.", "Anna's sister and Anna live in Rome."),
        ("My bike is mine.", "Anna's bike is Anna's."),
        ("I taught myself Greek.", "Anna taught Anna Greek."),
        ("Your mother called me.", "Tom's mother called Anna."),
    ],
)
def test_first_and_second_person_become_names_that_agree(text, expected):
    assert said(text) == [expected]


@pytest.mark.parametrize(
    ("text", "last"),
    [
        ("My sister lives in Rome. She has two cats.", "Anna's sister has two cats."),
        ("My brother is ill. He's seen a doctor.", "Anna's brother has seen a doctor."),
        ("My dog is called Rex. He's brown.", "Rex is brown."),
        ("My parents moved. They like it there.", "Anna's parents like it there."),
        ("Maria met Paul. She likes him.", "Maria likes Paul."),
        ("I work at Stripe. It grew a lot.", "Stripe grew a lot."),
        ("Julia lost her keys.", "Julia lost her keys."),
        ("He works here.", "He works here."),
        ("Tom's dog bit Paul. His arm hurts.", "Paul's arm hurts."),
        ("The dentist was late. He'll call me.", "The dentist will call Anna."),
        ("I met Yuki Tanaka. She paints.", "Yuki Tanaka paints."),
        ("Our boss is Jo Smith. I like her.", "Anna likes Jo Smith."),
        ("Do you know Paul? He paints.", "Paul paints."),
        ("I saw Anna. She waved at me.", "She waved at Anna."),
    ],
)
def test_third_persons_go_back_to_the_last_that_fits(text, last):
    assert said(text)[-1] == last


def test_without_a_speaker_pronouns_stay():
    assert said("I live in Berlin and you live in Rome.", None, None) == [
        "I live in Berlin.",
        "You live in Rome.",
    ]


def test_a_role_gets_its_article_and_the_other_party_is_who_spoke_before():
    text = "user: I live in Berlin.\nassistant: You said you have a dog.\nuser: I told you so."
    assert said(text, None, None) == [
        "The user lives in Berlin.",
        "The user said the user has a dog.",
        "The user told the assistant so.",
    ]


def test_the_first_turn_addresses_the_next_speaker():
    assert said("Ana: You live in Rome.\nBob: Yes.", None, None) == ["Bob lives in Rome."]


def test_turns_are_told_by_names_at_the_start_of_lines():
    text = "before\nAna Maria: hello\nmore: of it\nNote: no one\nplayer_1: yes\nuser:\n"
    assert turns(text) == [
        (None, "before\n", 0),
        ("Ana Maria", "hello\nmore: of it\nNote: no one\n", 18),
        ("player_1", "yes\n", text.index("yes")),
        ("user", "\n", len(text) - 1),
    ]
    assert turns("") == []


def test_a_fact_names_the_span_it_was_read_from():
    text = "user: Hello! I live in Berlin, and work at Stripe. My cat, who is old, sleeps a lot."
    spans = [text[fact.start : fact.end] for fact in facts(text, None)]
    assert spans == [
        "I live in Berlin",
        "work at Stripe",
        "My cat, who is old, sleeps a lot",
        "My cat, who is old",
    ]


WORDS = """
    I you he her my live lives works at Rome Anna and but , ; . ? ! who which is 's n't do to
    because when not a nurse user: two was Tom ' " 2019 …
"""
TEXTS = st.lists(st.sampled_from([*WORDS.split(), "\n"]) | st.text(max_size=4), max_size=40).map(
    " ".join
)


@settings(max_examples=60, deadline=None)
@given(TEXTS, st.none() | st.text(max_size=5))
def test_every_fact_is_a_sentence_with_a_span_inside_the_text(text, speaker):
    for fact in facts(text, speaker):
        assert 0 <= fact.start < fact.end <= len(text)
        assert fact.text[-1] in ".!?"
        assert fact.text[0] == fact.text[0].upper()[:1] or not fact.text[0].isalpha()
    for _, spoken, start in turns(text):
        assert text[start:].startswith(spoken)


@pytest.mark.parametrize("unit", ["I run and ", "My sister, who ", "because she ", "n't ", "Aa:\n"])
def test_hostile_text_takes_linear_time(unit):
    text = unit * (20_000 // len(unit))
    began = time.process_time()
    facts(text, "Anna", "Tom")
    assert time.process_time() - began < 4  # 0.03 to 0.2 s


def test_a_verb_followed_by_adverbs_alone_is_no_fact():
    assert facts("Bob: Saves both never.", None) == []
