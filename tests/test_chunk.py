from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agentmem.core import Turn
from agentmem.errors import ConfigError
from agentmem.stores.chunk import ChunkStore
from agentmem.stores.segment import cohesion, depths, sentences, split
from agentmem.structure import Source
from agentmem.text import words

COOKING = [
    "The sauce needs ripe tomatoes, garlic and basil.",
    "Chop the garlic and fry it in olive oil.",
    "Add the tomatoes to the garlic and let the sauce simmer.",
    "Fresh basil goes into the sauce at the end.",
]
SAILING = [
    "The boat left the harbour with a torn sail.",
    "Wind from the north pushed the boat towards the rocks.",
    "We took down the sail and waited for the wind to turn.",
    "At dusk the wind turned and the boat reached the harbour.",
]
UNICODE = st.text(
    st.one_of(st.characters(), st.sampled_from(" \n\t.!?。！…\"'-1aA。「」\u0301\u200d")),
    max_size=400,
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("He came. She left! Why? Ok", ["He came. ", "She left! ", "Why? ", "Ok"]),
        ("Dr. Ng paid 3.50 to J. R. Hu. He left.", ["Dr. Ng paid 3.50 to J. R. Hu. ", "He left."]),
        (
            "It is in the U.S. today, e.g. Ohio. Yes.",
            ["It is in the U.S. today, e.g. Ohio. ", "Yes."],
        ),
        ("Oh no. He fell. See no. 5 there.", ["Oh no. ", "He fell. ", "See no. 5 there."]),
        ('"Really?" he asked. "No." He sat.', ['"Really?" he asked. ', '"No." ', "He sat."]),
        ("i went home. then i slept... and woke", ["i went home. ", "then i slept... and woke"]),
        ("我爱你。「真的？」他问。当然！", ["我爱你。", "「真的？」", "他问。", "当然！"]),
        ("1. Wash it\n2. Dry it\n- done", ["1. Wash it\n", "2. Dry it\n", "- done"]),
        ("A title\n\nthen text\nthat wraps.", ["A title\n\n", "then text\nthat wraps."]),
        ("Ana: hi\nBen: hello", ["Ana: hi\n", "Ben: hello"]),
        ("नमस्ते। आप कैसे हैं?", ["नमस्ते। ", "आप कैसे हैं?"]),
        ("   ", ["   "]),
        ("", []),
    ],
)
def test_sentences(text: str, expected: list[str]) -> None:
    assert sentences(text) == expected


def test_cohesion_dips_where_the_topic_changes() -> None:
    scores = cohesion([words(s) for s in COOKING + SAILING], window=25)
    assert len(scores) == 7
    assert all(0.0 <= score <= 1.0 for score in scores)
    assert min(range(7), key=scores.__getitem__) == 3


def test_depth_is_the_climb_to_both_peaks() -> None:
    assert depths([0.5, 0.2, 0.4, 0.4, 0.1]) == pytest.approx([0.0, 0.5, 0.0, 0.0, 0.3])
    assert depths([0.3]) == [0.0]
    assert depths([]) == []


def test_long_text_is_cut_where_the_topic_changes() -> None:
    text = " ".join(COOKING + SAILING)
    pieces = split(text, max_words=60, min_words=20, topics=True)
    assert [piece.strip() for piece in pieces] == [" ".join(COOKING), " ".join(SAILING)]


def test_text_within_the_bound_stays_whole() -> None:
    text = " ".join(COOKING + SAILING)
    assert ChunkStore(max_words=len(words(text))).split(text) == [text]


def test_without_topics_only_length_cuts() -> None:
    text = " ".join(COOKING * 10)
    pieces = split(text, max_words=100, min_words=20, topics=False)
    assert "".join(pieces) == text
    assert all(50 <= len(words(piece)) <= 100 for piece in pieces)


def test_no_topic_is_shorter_than_the_least() -> None:
    text = " ".join((COOKING + SAILING) * 6)
    pieces = split(text, max_words=400, min_words=30, topics=True)
    assert len(pieces) >= 8
    assert all(len(words(piece)) >= 30 for piece in pieces)


@settings(max_examples=150, deadline=None)
@given(
    text=UNICODE, max_words=st.integers(1, 12), min_words=st.integers(1, 12), topics=st.booleans()
)
def test_pieces_joined_are_the_text(
    text: str, max_words: int, min_words: int, topics: bool
) -> None:
    pieces = split(text, max_words=max_words, min_words=min_words, topics=topics)
    assert "".join(pieces) == text
    assert all(pieces)


@settings(max_examples=150, deadline=None)
@given(text=UNICODE, max_words=st.integers(2, 12))
def test_no_piece_is_too_long(text: str, max_words: int) -> None:
    for piece in split(text, max_words=max_words, min_words=1, topics=True):
        assert len(words(piece)) <= max(max_words, 18)  # one ligature may hide 18 letters
        assert len(piece) <= max_words * 12


@pytest.mark.parametrize("text", ["x" * 100_000, "." * 100_000, " " * 100_000, "。" * 50_000])
def test_degenerate_text_is_cut_in_linear_time(text: str) -> None:
    pieces = ChunkStore().split(text)
    assert "".join(pieces) == text
    assert max(map(len, pieces)) <= 2400


def test_a_sign_keeps_its_combining_marks() -> None:
    pieces = split("e\u0301" * 20, max_words=3, min_words=1, topics=False)
    assert all(piece[0] == "e" for piece in pieces)


def test_satisfies_the_protocol() -> None:
    store = ChunkStore()
    assert isinstance(store, Source)
    assert store.kind == "chunk"


def test_a_turn_is_one_chunk_with_its_speakers() -> None:
    turn = Turn(observation="Where is the key?", reply="Under the mat.", speaker="Ana")
    assert ChunkStore().extract(turn) == ["Ana: Where is the key?\nassistant: Under the mat."]


def test_messages_may_be_chunks_of_their_own() -> None:
    turn = Turn(observation="Where is the key?", reply="Under the mat.", speaker="Ana")
    assert ChunkStore(unit="message").extract(turn) == [
        "Ana: Where is the key?",
        "assistant: Under the mat.",
    ]


def test_each_piece_of_a_long_turn_bears_its_speaker() -> None:
    turn = Turn(observation=" ".join(COOKING + SAILING), reply="Good.", name="Ben")
    chunks = ChunkStore(max_words=60, min_words=20).extract(turn)
    assert chunks == [f"user: {' '.join(COOKING)}", f"user: {' '.join(SAILING)}", "Ben: Good."]


def test_an_observation_alone_is_one_chunk() -> None:
    assert ChunkStore().extract(Turn(observation="Rain.")) == ["user: Rain."]


@pytest.mark.parametrize("unit", ["turn", "message"])
def test_a_blank_turn_leaves_nothing(unit: str) -> None:
    store = ChunkStore(unit=unit)  # type: ignore[arg-type]  # parametrised
    assert list(store.extract(Turn(observation=" \n"))) == []


def test_zero_words_means_never_split() -> None:
    text = "word " * 5000
    store = ChunkStore(max_words=0)
    assert store.split(text) == [text]
    assert store.split("") == []
    assert store.extract(Turn(observation=text)) == [f"user: {text}"]


def test_a_wrong_unit_names_the_nearest() -> None:
    with pytest.raises(ConfigError, match="did you mean 'message'"):
        ChunkStore(unit="mesage")  # type: ignore[arg-type]  # the mistake under test


@pytest.mark.parametrize(
    ("key", "value"), [("max_words", -1), ("min_words", 0), ("max_words", 2.5), ("min_words", True)]
)
def test_a_wrong_bound_is_refused(key: str, value: object) -> None:
    with pytest.raises(ConfigError, match=key):
        ChunkStore(**{key: value})  # type: ignore[arg-type]  # the mistake under test
