"""The stages of retrieval, each around the single search of a small memory."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, ClassVar, cast

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agentmem import AgentMemory, SimulatedClock
from agentmem.caller import Caller
from agentmem.core import Change, Hit, Policy, Record, View, Why
from agentmem.errors import (
    BadReply,
    ConfigError,
    MissingExtra,
    ModelError,
    ModelUnavailable,
    PluginError,
)
from agentmem.identity import record_id
from agentmem.recall import Query
from agentmem.retrieve.coarse import CoarseToFine, softmax
from agentmem.retrieve.everything import FullHistory
from agentmem.retrieve.iterative import Iterative, expansion
from agentmem.retrieve.pipeline import Pipeline, pack
from agentmem.retrieve.rerank import Rerank, asking, phrases
from agentmem.retrieve.sources import Sources
from agentmem.retrieve.stage import Searcher, Stage, ask_query, best, found, rescored
from agentmem.retrieve.when import When
from agentmem.steps import Steps, arun, run
from tests.conftest import DAY, START, Make
from tests.scripted import Scripted

HOME = ("default",)


def put(
    memory: AgentMemory,
    text: str,
    *,
    kind: str = "chunk",
    sources: Sequence[str] = (),
    created: float | None = None,
    namespace: tuple[str, ...] = HOME,
) -> str:
    """Write one record of any kind, as a store would; returns its id."""
    engine, now = memory._engine, memory.clock.now()
    at = now if created is None else created
    record = Record(
        id=record_id(kind, namespace, "", text),
        kind=kind,
        text=text,
        namespace=namespace,
        created=at,
        ingested=now,
        used=at,
        sources=tuple(sources),
    )
    vectors = {record.id: engine.embedder.embed([text])[0]}
    with engine.writing():
        engine.commit(Change(reason="test", add=(record,)), at=now, vectors=vectors)
    return record.id


def query(memory: AgentMemory, text: str | None, k: int = 8, **more: Any) -> Query:
    vector = None if text is None else memory._engine.embedder.embed([text])[0]
    made = Query(text=text, vector=vector, prefix=HOME, now=memory.clock.now(), k=k)
    return replace(made, **more)


def search(
    memory: AgentMemory,
    asked: str | Query | None,
    *stages: Stage,
    model: Scripted | None = None,
    k: int = 8,
) -> list[Hit]:
    caller = None if model is None else Caller(model=model, retries=0)
    pipeline = Pipeline(engine=memory._engine, stages=stages, caller=caller)
    asked = asked if isinstance(asked, Query) else query(memory, asked, k)
    return run(pipeline.search(asked))


def texts(hits: Sequence[Hit]) -> list[str]:
    return [hit.text for hit in hits]


# -- the pipeline ---------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class Tagged(Stage):
    """Says that it was here, and how deep."""

    name: ClassVar[str] = "tagged"

    tag: str = ""
    log: tuple[list[str], ...] = ()

    def retrieve(self, query: Query, search: Searcher) -> Steps[list[Hit]]:
        self.log[0].append(f"+{self.tag}")
        hits = yield from search(query)
        self.log[0].append(f"-{self.tag}")
        return hits


@dataclass(frozen=True, kw_only=True)
class Canned(Stage):
    """Hands on what it is told to, or asks what it is told to."""

    name: ClassVar[str] = "canned"

    gives: tuple[Any, ...] = ()
    asks: tuple[Query, ...] = ()
    lists: bool = False

    def retrieve(self, query: Query, search: Searcher) -> Steps[list[Hit]]:
        for asked in self.asks:
            yield from search(asked) if not self.lists else search.all(asked)
        return list(self.gives)


def test_without_stages_the_pipeline_is_the_single_search(memory: AgentMemory) -> None:
    memory.add(["tea in the morning", "coffee at noon"])
    assert search(memory, "tea") == memory.search("tea", reinforce=False)


def test_a_neutral_stage_changes_nothing(memory: AgentMemory) -> None:
    memory.add(["tea in the morning", "coffee at noon"])
    assert search(memory, "tea", Stage()) == search(memory, "tea")


def test_stages_run_from_the_outside_in(memory: AgentMemory) -> None:
    memory.add("tea")
    log: list[str] = []
    search(memory, "tea", Tagged(tag="a", log=(log,)), Tagged(tag="b", log=(log,)))
    assert log == ["+a", "+b", "-b", "-a"]


def test_the_async_pipeline_finds_the_same(memory: AgentMemory) -> None:
    import asyncio

    memory.add(["tea in the morning", "coffee at noon"])
    pipeline = Pipeline(engine=memory._engine, stages=(Rerank(), Sources()))
    asked = query(memory, "tea")
    assert asyncio.run(arun(pipeline.search(asked))) == run(pipeline.search(asked))


@pytest.mark.parametrize("lists", [False, True])
def test_a_stage_cannot_widen_the_namespace(memory: AgentMemory, lists: bool) -> None:
    put(memory, "another's secret", namespace=("other",))
    wide = replace(query(memory, "secret"), prefix=())
    with pytest.raises(PluginError, match="not inside"):
        search(memory, "secret", Canned(asks=(wide,), lists=lists))


def test_a_hit_from_elsewhere_is_refused(memory: AgentMemory) -> None:
    put(memory, "another's secret", namespace=("other",))
    [strange] = search(memory, replace(query(memory, "secret"), prefix=("other",)))
    with pytest.raises(PluginError, match="outside"):
        search(memory, "secret", Canned(gives=(strange,)))


def test_a_stage_may_narrow_the_namespace_and_is_then_held_to_it(memory: AgentMemory) -> None:
    put(memory, "tea", namespace=("default", "inner"))
    inner = replace(query(memory, "tea"), prefix=("default", "inner"))
    [hit] = search(memory, "tea", Canned(asks=(inner,)), Stage()) or search(memory, "tea")
    assert hit.record.namespace == ("default", "inner")


@pytest.mark.parametrize(
    ("gives", "message"),
    [
        (("tea",), "list of Hit"),
        ("twice", "a record twice"),
        ("nan", "the score nan"),
    ],
)
def test_a_stage_that_breaks_its_word_is_named(
    memory: AgentMemory, gives: Any, message: str
) -> None:
    memory.add("tea")
    [hit] = search(memory, "tea")
    given = {"twice": (hit, hit), "nan": (replace(hit, score=float("nan")),)}
    with pytest.raises(PluginError, match=f"stage 'canned'.*{message}"):
        search(memory, "tea", Canned(gives=given.get(gives, gives)))


def test_what_is_archived_does_not_come_back_through_a_stage(memory: AgentMemory) -> None:
    memory.add(["tea in the morning", "tea at noon"])
    hits = search(memory, "tea")
    memory.forget(hits[0].id)
    assert search(memory, "tea", Canned(gives=tuple(hits))) == hits[1:]


@dataclass(frozen=True, kw_only=True)
class LastOnly(Policy):
    """Suppresses all but the newest turn."""

    name: ClassVar[str] = "last_only"

    def weight(self, view: View) -> Any:
        return (view.turns == 0).astype(np.float64)


def test_what_a_policy_suppresses_does_not_come_back_through_a_stage(make: Make) -> None:
    memory = make(policies=[LastOnly()])
    old = memory.add("tea in the morning")[0]
    memory.add("tea at noon")
    assert texts(search(memory, "tea", FullHistory())) == ["tea at noon"]
    fact = put(memory, "tea at all times", kind="fact", sources=[old])
    asked = query(memory, "tea", where={"kind": "fact"})
    assert [hit.id for hit in search(memory, asked, Sources())] == [fact]


@dataclass(frozen=True, kw_only=True)
class Curious(Stage):
    """Keeps what the model says."""

    name: ClassVar[str] = "curious"

    def retrieve(self, query: Query, search: Searcher) -> Steps[list[Hit]]:
        said = yield from search.say("agent", name="Ann", speaker="Ben")
        return [hit for hit in (yield from search(query)) if hit.text == said]


def test_a_stage_can_have_the_model_say_something(memory: AgentMemory) -> None:
    memory.add(["tea", "tea, strong"])
    assert texts(search(memory, "tea", Curious(), model=Scripted("tea, strong"))) == ["tea, strong"]
    with pytest.raises(ConfigError, match="stage of retrieval asks a chat model"):
        search(memory, "tea", Curious())


def test_a_budget_passes_over_what_does_not_fit(memory: AgentMemory) -> None:
    long, short = found_hit("a very long text about many things and more", 0.9), found_hit("tea")
    assert pack([long, short], 3) == [short]
    assert pack([long, short], None) == [long, short]


def found_hit(text: str, score: float = 0.5, **more: Any) -> Hit:
    record = Record(id=text, text=text, namespace=HOME, created=0.0, ingested=0.0, used=0.0)
    return found(replace(record, **more), score)


def test_the_best_of_several_lists_has_each_record_once() -> None:
    a, b = found_hit("a", 0.2), found_hit("b", 0.5)
    assert [(hit.text, hit.score) for hit in best([a, b, replace(a, score=0.9), b])] == [
        ("a", 0.9),
        ("b", 0.5),
    ]


def test_another_relevance_keeps_retention_and_an_exact_match_keeps_its_place() -> None:
    hit = found_hit("a")
    faded = replace(hit, why=Why(fused=0.3, weights={"decay": 0.5}))
    assert rescored(faded, 0.8).score == pytest.approx(0.4)
    exact = replace(hit, score=1.0, why=Why(fused=1.0, weights={"decay": 0.5}, exact=True))
    assert rescored(exact, 0.1) == exact


# -- rerank ---------------------------------------------------------------------------------------


def test_the_questions_phrases_count_by_their_rarity() -> None:
    question = "Who saw the red kite over Porto?"
    held = phrases(
        question, ["the red kite over there", "a kite, red", "over porto", "", "the red"]
    )
    assert held[0] > held[2] > held[1] == held[3] == 0.0
    assert held[0] > held[4] > 0.0
    assert phrases("the red kite", ["the red kite"]).tolist() == [1.0]
    assert phrases("", ["a"]).tolist() == phrases("who is it", ["who is it"]).tolist() == [0.0]


def test_how_much_of_a_text_asks() -> None:
    assert asking("And you?") == 1.0
    assert asking("I was there.") == asking("") == 0.0
    assert asking("Yes, sure. And you?") == pytest.approx(8 / 18)


def test_by_rule_wording_counts_and_questions_do_not_answer(memory: AgentMemory) -> None:
    memory.add(["Do you like the red kite?", "I like the red kite.", "I like the kite in red."])
    hits = search(memory, "Who does like the red kite", Rerank())
    assert texts(hits)[0] == "I like the red kite."
    assert all(0.0 <= hit.score <= 1.0 for hit in hits)


def test_by_rule_a_time_answers_when(memory: AgentMemory) -> None:
    memory.add(["the kite was in Porto", "the kite was in May"])
    assert texts(search(memory, "When was the kite?", Rerank()))[0] == "the kite was in May"


def test_never_more_than_k_come_out_of_a_rerank(memory: AgentMemory) -> None:
    memory.add([f"tea number {i}" for i in range(9)])
    assert len(search(memory, "tea", Rerank(keep=5), k=3)) == 3
    assert len(search(memory, "tea", Rerank(keep=2), k=3)) == 2
    assert len(search(memory, "tea", Rerank(), k=3)) == 3
    assert len(search(memory, None, Rerank(), k=3)) == 3


def test_the_questions_own_text_stays_on_top_of_a_rerank(memory: AgentMemory) -> None:
    memory.add(["tea", *(f"tea and tea number {i}" for i in range(5))])
    reply = {str(i): 10 for i in range(1, 7)} | {"1": 1}
    hits = search(memory, "tea", Rerank(by="model"), model=Scripted(reply))
    assert hits[0].text == "tea"
    assert hits[0].why.exact


def test_the_model_scores_ten_notes_a_call(memory: AgentMemory) -> None:
    memory.add([f"note number {i} on tea" for i in range(12)])
    before = texts(search(memory, "which tea", k=12))
    tens = {str(i): 1 for i in range(1, 11)}
    model = Scripted(tens, {"1": 2, "2": 9})
    hits = search(memory, "which tea", Rerank(by="model"), model=model, k=12)
    assert hits[0].text == before[11]
    assert hits[0].score == pytest.approx(0.9)
    assert texts(hits)[2:] == before[:10]  # equal points: in the order of the search
    assert len(model.asked) == 2
    assert "10. " in model.asked[0]
    assert "3. " not in model.asked[1].split("Notes:")[1].split("Rate")[0]


@pytest.mark.parametrize(
    "wrong", [{"1": 5}, {"1": 5, "2": 5, "3": 5}, {"1": 5, "2": 11}, {"1": 5, "7": 5}, "prose"]
)
def test_points_that_do_not_fit_are_asked_for_once_more(memory: AgentMemory, wrong: Any) -> None:
    memory.add(["green tea", "black tea"])
    model = Scripted(wrong, {"1": 1, "2": 9})
    before = texts(search(memory, "what tea"))
    assert texts(search(memory, "what tea", Rerank(by="model"), model=model)) == before[::-1]
    with pytest.raises(BadReply):
        search(memory, "what tea", Rerank(by="model"), model=Scripted(wrong, wrong))


def test_on_error_keep_leaves_the_order_and_says_so(
    memory: AgentMemory, caplog: pytest.LogCaptureFixture
) -> None:
    memory.add(["green tea", "black tea"])
    kept = Rerank(by="model", on_error="keep")
    before = search(memory, "what tea")
    assert search(memory, "what tea", kept, model=Scripted("no", "no")) == before
    assert "not reranked" in caplog.text
    with pytest.raises(ModelError):
        search(memory, "what tea", Rerank(by="model"), model=Scripted(ModelUnavailable("gone")))


class Longest:
    """A cross-encoder that likes long texts."""

    def predict(self, pairs: Sequence[tuple[str, str]]) -> list[float]:
        return [float(len(text)) for _, text in pairs]


class Sure(Longest):
    """The same as probabilities."""

    def predict(self, pairs: Sequence[tuple[str, str]]) -> list[float]:
        return [length / 100.0 for length in super().predict(pairs)]


class Broken:
    def predict(self, pairs: Sequence[tuple[str, str]]) -> list[float]:
        return [float("nan")] * len(pairs)


def test_a_cross_encoder_decides_by_its_own_numbers(memory: AgentMemory) -> None:
    memory.add(["green tea", "black tea, and very long", "tea of some length"])
    stage = Rerank(by="cross-encoder", encoder=f"{__name__}:Longest")
    hits = search(memory, "what tea", stage)
    assert texts(hits) == ["black tea, and very long", "tea of some length", "green tea"]
    assert 1.0 >= hits[0].score > hits[1].score > hits[2].score > 0.5


def test_probabilities_of_a_cross_encoder_are_taken_as_they_are(memory: AgentMemory) -> None:
    memory.add(["green tea", "black tea"])
    hits = search(memory, "what", Rerank(by="cross-encoder", encoder=f"{__name__}:Sure"))
    assert [hit.score for hit in hits] == pytest.approx([0.09, 0.09])


def test_a_cross_encoder_that_cannot_be_used_is_named(memory: AgentMemory) -> None:
    memory.add("green tea")
    with pytest.raises(PluginError, match="finite numbers"):
        search(memory, "tea?", Rerank(by="cross-encoder", encoder=f"{__name__}:Broken"))
    with pytest.raises(PluginError, match="cannot be loaded"):
        search(memory, "tea?", Rerank(by="cross-encoder", encoder="agentmem:Nothing"))


def test_without_its_extra_a_named_cross_encoder_says_what_to_install(
    memory: AgentMemory, monkeypatch: pytest.MonkeyPatch
) -> None:
    import sys

    memory.add("green tea")
    monkeypatch.setitem(sys.modules, "sentence_transformers", None)
    with pytest.raises(MissingExtra, match=r"\[sentence-transformers\]"):
        search(memory, "tea?", Rerank(by="cross-encoder", encoder="some/cross-encoder"))


def test_a_named_cross_encoder_comes_from_sentence_transformers(
    memory: AgentMemory, monkeypatch: pytest.MonkeyPatch
) -> None:
    import sys
    from types import SimpleNamespace

    library = SimpleNamespace(CrossEncoder=lambda name: Longest())
    monkeypatch.setitem(sys.modules, "sentence_transformers", library)
    memory.add(["green tea", "black tea, and very long"])
    hits = search(memory, "what tea", Rerank(by="cross-encoder", encoder="another/cross-encoder"))
    assert texts(hits)[0].startswith("black")


# -- iterative ------------------------------------------------------------------------------------


def two_hops(memory: AgentMemory) -> None:
    memory.add("Maya's brother is Tomas Ruiz")
    memory.add("Tomas Ruiz moved to Lisbon in spring")
    memory.add([f"Maya's favourite colour in year {i} was another one" for i in range(12)])


def test_row_3_iterative_finds_the_two_hop_fact_that_single_step_misses(
    memory: AgentMemory,
) -> None:
    two_hops(memory)
    question, fact = "Where does Maya's brother live?", "Tomas Ruiz moved to Lisbon in spring"
    assert fact not in texts(search(memory, question, k=3))
    refined = {"thought": "Her brother is Tomas Ruiz.", "query": "Tomas Ruiz moved to"}
    model = Scripted(refined)
    stage = Iterative(by="model", rounds=1)
    assert texts(search(memory, question, stage, model=model, k=3))[0] == fact
    assert "Maya's brother is Tomas Ruiz" in model.asked[0]


def test_as_coded_the_query_is_the_question_and_the_last_thought(memory: AgentMemory) -> None:
    two_hops(memory)
    log: list[str] = []

    class Spy(Stage):
        def retrieve(self, query: Query, search: Searcher) -> Steps[list[Hit]]:
            log.append(query.text or "")
            return (yield from search(query))

    thought = "I know her brother. He is Tomas Ruiz."
    stage = Iterative(by="model", rounds=1, variant="as_coded")
    reply = {"thought": thought, "query": "anything"}
    question = "Where does Maya's brother live?"
    found = search(memory, question, stage, Spy(), model=Scripted(reply), k=3)
    assert log == [question, f"{question} He is Tomas Ruiz."]
    assert "Tomas Ruiz moved to Lisbon in spring" in texts(found)


def test_the_paper_keeps_the_last_round_the_code_the_union(memory: AgentMemory) -> None:
    memory.add("alpha one")
    cast(SimulatedClock, memory.clock).advance(DAY)  # another session: neighbours lend it nothing
    memory.add("beta two")
    reply = {"thought": "beta", "query": "beta"}

    def ask(variant: Any) -> list[str]:
        stage = Iterative(by="model", rounds=1, variant=variant)
        asked = query(memory, "alpha x", k=2, mode="lexical")
        return texts(search(memory, asked, stage, model=Scripted(reply)))

    assert ask("paper") == ["beta two"]
    assert set(ask("as_coded")) == {"alpha one", "beta two"}


def test_an_empty_query_from_the_model_ends_the_rounds(memory: AgentMemory) -> None:
    two_hops(memory)
    model = Scripted({"thought": "All is known.", "query": " "})
    hits = search(memory, "Maya's brother?", Iterative(by="model", rounds=4), model=model, k=3)
    assert hits == search(memory, "Maya's brother?", k=3)
    assert len(model.asked) == 1


def test_the_questions_own_text_survives_every_round(memory: AgentMemory) -> None:
    memory.add(["tea?", *(f"something else {i}" for i in range(5))])
    reply = {"thought": "", "query": "something else"}
    hits = search(memory, "tea?", Iterative(by="model", rounds=1), model=Scripted(reply), k=2)
    assert hits[0].text == "tea?"


def test_by_rule_the_words_of_the_best_hits_lead_on(memory: AgentMemory) -> None:
    clock = cast(SimulatedClock, memory.clock)
    for text in ("Maya's brother is Tomas Ruiz", "Tomas Ruiz moved to Lisbon", "Ben likes tea"):
        memory.add(text)
        clock.advance(DAY)
    stage = Iterative(rounds=1, feedback=1, terms=2, beta=0.0)
    asked = query(memory, "Who is Maya's brother?", mode="lexical")
    assert texts(search(memory, asked)) == ["Maya's brother is Tomas Ruiz"]
    assert texts(search(memory, asked, stage))[1:] == ["Tomas Ruiz moved to Lisbon"]


def test_by_rule_the_vector_moves_towards_the_best_hits(memory: AgentMemory) -> None:
    memory.add(["red kite", "kite green"])
    asked = query(memory, "red", mode="dense")
    before = {hit.text: hit.score for hit in search(memory, asked)}
    stage = Iterative(rounds=1, feedback=1, terms=0, beta=1.0)
    after = {hit.text: hit.score for hit in search(memory, asked, stage)}
    assert after["kite green"] > before["kite green"]
    assert after["red kite"] > before["red kite"]


def test_the_words_added_are_those_that_tell_the_nearest_from_the_rest() -> None:
    hits = ["the kite is red", "the kite is blue", "the sky is blue", "the sea is blue"]
    assert expansion("kite", hits[:1], hits, 2) == ["red", "the"]
    assert expansion("kite", [], hits, 2) == []
    assert expansion("kite", hits[:1], hits, 0) == []


def test_without_hits_or_a_question_there_is_nothing_to_refine(memory: AgentMemory) -> None:
    assert search(memory, "tea", Iterative()) == []
    memory.add("tea")
    assert search(memory, None, Iterative()) == search(memory, None)


# -- coarse to fine -------------------------------------------------------------------------------


class Reader(Stage):
    """Counts the searches of single records that pass through it."""

    name: ClassVar[str] = "reader"

    def __init__(self) -> None:
        super().__init__()
        object.__setattr__(self, "opened", 0)

    def retrieve(self, query: Query, search: Searcher) -> Steps[list[Hit]]:
        if query.where is not None:
            object.__setattr__(self, "opened", getattr(self, "opened") + 1)  # noqa: B009
        return (yield from search(query))


def chapters(memory: AgentMemory, m: int = 6) -> list[str]:
    """m summaries of two turns each; returns the turns."""
    turns = []
    for i in range(m):
        ids = [put(memory, f"topic{i} detail{j}") for j in range(2)]
        put(memory, f"about topic{i} and shared matters", kind="summary", sources=ids)
        turns += [f"topic{i} detail{j}" for j in range(2)]
    return turns


def test_row_23_detail_reader_is_called_k_times_not_m(memory: AgentMemory) -> None:
    chapters(memory, m=6)
    reader = Reader()
    hits = search(memory, "what about topic3 and detail1 of shared", CoarseToFine(open=2), reader)
    assert reader.opened == 2  # type: ignore[attr-defined]
    assert hits[0].text == "topic3 detail1"
    assert all(hit.record.kind == "chunk" for hit in hits)


def test_relevance_weights_are_normalised_over_what_was_opened() -> None:
    weights = softmax([0.9, 0.5], 0.1)
    assert weights.sum() == pytest.approx(1.0)
    assert weights[0] / weights[1] == pytest.approx(np.exp(4.0))
    assert softmax([0.3], 1.0).tolist() == [1.0]


def test_details_score_by_the_weight_of_their_summary(memory: AgentMemory) -> None:
    chapters(memory, m=3)
    hits = search(memory, "topic1 shared matters", CoarseToFine(open=1))
    assert texts(hits) == ["topic1 detail0", "topic1 detail1"]
    inside = {"id": {"$in": [hit.id for hit in hits]}}
    alone = search(memory, query(memory, "topic1 shared matters", where=inside))
    assert [hit.score for hit in hits] == [
        hit.score for hit in alone
    ]  # one opened: its weight is 1


def test_without_summaries_the_search_goes_on_as_before(memory: AgentMemory) -> None:
    memory.add(["tea", "coffee"])
    put(memory, "a summary of nothing", kind="summary")
    assert search(memory, "tea", CoarseToFine()) == search(memory, "tea")


def test_coarse_to_fine_keeps_the_callers_filter(memory: AgentMemory) -> None:
    chapters(memory, m=2)
    asked = query(memory, "topic1 detail0", where={"kind": {"$ne": "other"}})
    assert texts(search(memory, asked, CoarseToFine(open=1)))[0] == "topic1 detail0"


# -- time -----------------------------------------------------------------------------------------


def day(year: int, month: int, date: int) -> float:
    return datetime(year, month, date, 12, tzinfo=UTC).timestamp()


def trips(memory: AgentMemory) -> None:
    for month in range(1, 10):
        put(memory, f"a trip to the lake, number {month}", created=day(2023, month, 7))
    put(memory, "a quiet day", created=day(2023, 5, 20))


def test_a_month_in_the_question_brings_its_records_up(memory: AgentMemory) -> None:
    trips(memory)
    question = "Which trip to the lake was in May 2023?"
    hits = search(memory, question, When())
    assert hits[0].text == "a trip to the lake, number 5"
    assert hits[0].score > hits[1].score
    assert len(hits) == 8  # the others follow
    strict = search(memory, question, When(strict=True))
    assert texts(strict) == ["a trip to the lake, number 5", "a quiet day"]


def test_last_week_is_counted_from_the_querys_now(make: Make) -> None:
    memory = make(clock=SimulatedClock(day(2023, 6, 14)))  # a Wednesday
    put(memory, "swimming with Ann", created=day(2023, 6, 7))
    put(memory, "swimming with Ben", created=day(2023, 5, 31))
    hits = search(memory, "Who was I swimming with last week?", When(strict=True))
    assert texts(hits) == ["swimming with Ann"]


def test_of_several_times_the_shortest_is_meant_and_of_equal_ones_the_last(
    memory: AgentMemory,
) -> None:
    trips(memory)
    may = "Which trip in 2023 was on 7 May 2023?"
    assert texts(search(memory, may, When(strict=True))) == ["a trip to the lake, number 5"]
    june = "Not on 7 May 2023 but on 7 June 2023"
    assert texts(search(memory, june, When(strict=True))) == ["a trip to the lake, number 6"]


def test_what_is_said_a_day_later_still_counts(memory: AgentMemory) -> None:
    put(memory, "yesterday I saw a kite", created=day(2023, 5, 8))
    question = "What did I see on 7 May 2023?"
    assert search(memory, question, When(strict=True))
    assert not search(memory, question, When(strict=True, slack=0.0))


def test_the_caller_can_give_the_time_and_a_filter(memory: AgentMemory) -> None:
    trips(memory)
    may = (day(2023, 5, 1), day(2023, 6, 1))
    asked = query(memory, "a trip", when=may, where={"created": {"$lt": day(2023, 5, 10)}})
    hits = search(memory, asked, When(strict=True))
    assert texts(hits) == ["a trip to the lake, number 5"]


def test_a_question_without_a_time_is_searched_as_ever(memory: AgentMemory) -> None:
    trips(memory)
    assert search(memory, "a trip", When()) == search(memory, "a trip")
    assert search(memory, None, When()) == search(memory, None)


def test_a_time_zone_that_does_not_exist_is_an_error() -> None:
    with pytest.raises(ConfigError, match=r"when\.zone = 'Mars/Base'"):
        When(zone="Mars/Base")


# -- sources, and everything ----------------------------------------------------------------------


def test_row_3_memory_doc_returns_the_parents_of_the_hits_once(memory: AgentMemory) -> None:
    home = put(memory, "Ann: I live in Porto and I like the sea there")
    work = put(memory, "Ann: I work at a bank")
    put(memory, "Ann lives in Porto", kind="fact", sources=[home])
    put(memory, "Ann likes the sea", kind="fact", sources=[home])
    put(memory, "Ann works at a bank in Porto", kind="fact", sources=[work, home])
    asked = query(memory, "What does Ann like in Porto?", kinds=("fact",))
    hits = search(memory, asked, Sources())
    assert sorted(hit.id for hit in hits) == sorted([home, work])
    scores = {hit.text: hit.score for hit in search(memory, asked)}
    assert hits[0].score == max(scores.values())


def test_sources_of_sources_are_followed_to_what_was_said(memory: AgentMemory) -> None:
    said = put(memory, "it rained")
    fact = put(memory, "rain", kind="fact", sources=[said])
    put(memory, "weather of the day: rain", kind="summary", sources=[fact, said])
    hits = search(memory, query(memory, "weather", kinds=("summary",)), Sources())
    assert [hit.id for hit in hits] == [said]


def test_a_hit_whose_sources_are_gone_stands_for_itself(memory: AgentMemory) -> None:
    said = put(memory, "it rained")
    memory.forget(said)
    fact = put(memory, "rain", kind="fact", sources=[said])
    asked = query(memory, "rain", kinds=("fact",))
    assert [hit.id for hit in search(memory, asked, Sources())] == [fact]
    assert [hit.record.sources for hit in search(memory, "it", Sources())] == [(said,)]


def test_no_more_than_k_sources(memory: AgentMemory) -> None:
    said = [put(memory, f"turn {i}") for i in range(5)]
    put(memory, "all turns", kind="summary", sources=said)
    hits = search(memory, query(memory, "all", k=3, kinds=("summary",)), Sources())
    assert [hit.id for hit in hits] == said[:3]


def test_full_history_is_everything_newest_first(memory: AgentMemory) -> None:
    clock = memory.clock
    assert isinstance(clock, SimulatedClock)
    for i in range(12):
        put(memory, f"turn {i}", created=START + i * DAY)
    hits = search(memory, "whatever", FullHistory(), k=2)
    assert texts(hits) == [f"turn {i}" for i in range(11, -1, -1)]
    assert [hit.score for hit in hits] == sorted((hit.score for hit in hits), reverse=True)


def test_full_history_cuts_the_oldest_off_and_leaves_no_gap(memory: AgentMemory) -> None:
    put(memory, "short", created=START)
    put(memory, "a text of many words that takes up most of the window", created=START + 1)
    put(memory, "the newest", created=START + 2)
    assert texts(search(memory, "x", FullHistory(budget=5))) == ["the newest"]
    assert len(search(memory, "x", FullHistory(budget=50))) == 3
    assert search(memory, "x", FullHistory(budget=0)) == []


def test_full_history_keeps_to_the_filter_and_the_kinds(memory: AgentMemory) -> None:
    put(memory, "a turn", created=START)
    put(memory, "a fact", kind="fact", created=START + 1)
    asked = query(memory, "x", kinds=("fact",))
    assert texts(search(memory, asked, FullHistory())) == ["a fact"]
    asked = query(memory, "x", where={"created": {"$lt": START + 1}})
    assert texts(search(memory, asked, FullHistory())) == ["a turn"]


# -- all of them ----------------------------------------------------------------------------------

EVERY: tuple[Stage, ...] = (
    Rerank(),
    Iterative(rounds=1),
    Iterative(variant="as_coded", rounds=1),
    CoarseToFine(open=1),
    When(),
    Sources(),
    FullHistory(),
)


@settings(max_examples=25, deadline=None)
@given(chosen=st.lists(st.sampled_from(EVERY), max_size=3), k=st.integers(1, 4))
def test_any_pipeline_is_deterministic_and_stays_in_its_namespace(
    chosen: list[Stage], k: int
) -> None:
    with AgentMemory.open(
        clock=SimulatedClock(START), embedder={"hash": {"dim": 16}}, policies=[]
    ) as memory:
        turns = chapters(memory, m=2)
        put(memory, "topic1 detail0 of somebody else", namespace=("other",))
        memory.forget(record_id("chunk", HOME, "", turns[0]))
        asked = query(memory, "What about topic1 last week?", k)
        hits = search(memory, asked, *chosen)
        assert hits == search(memory, asked, *chosen)
        assert {hit.record.namespace for hit in hits} <= {HOME}
        assert turns[0] not in texts(hits)
        assert len({hit.id for hit in hits}) == len(hits)


@pytest.mark.parametrize(
    ("stage", "options"),
    [
        (Rerank, {"by": "magic"}),
        (Rerank, {"depth": 0}),
        (Rerank, {"keep": 0}),
        (Iterative, {"rounds": 0}),
        (Iterative, {"variant": "best"}),
        (CoarseToFine, {"open": 0}),
        (CoarseToFine, {"temperature": 0.0}),
        (When, {"slack": -1.0}),
        (FullHistory, {"budget": -1}),
    ],
)
def test_a_field_out_of_range_is_named(stage: type[Stage], options: dict[str, Any]) -> None:
    field = next(iter(options))
    with pytest.raises(ConfigError, match=rf"{stage.name}\.{field} = "):
        stage(**options)


def test_a_refined_query_is_embedded_anew(memory: AgentMemory) -> None:
    class Other(Stage):
        def retrieve(self, query: Query, search: Searcher) -> Steps[list[Hit]]:
            return (yield from search((yield from ask_query("coffee", query, search))))

    memory.add(["tea", "coffee"])
    assert search(memory, "tea", Other()) == search(memory, "coffee")


def test_the_prompts_quote_notes_as_they_are(memory: AgentMemory) -> None:
    memory.add("costs $5 and ${more}")
    model = Scripted({"1": 5})
    search(memory, "what costs $5?", Rerank(by="model"), model=model)
    assert "1. costs $5 and ${more}" in model.asked[0]


# -- through the facade ---------------------------------------------------------------------------


def test_a_configuration_names_its_stages(make: Make) -> None:
    memory = make(retrieval=["when", {"rerank": {"keep": 2}}, "sources"])
    memory.add([f"tea number {i}" for i in range(5)])
    assert [type(stage) for stage in memory.config.retrieval] == [When, Rerank, Sources]
    hits = memory.search("which tea")
    assert len(hits) == 2
    assert memory.get(hits[0].id).uses == 1


def test_every_name_in_the_configuration_is_the_stages_own(make: Make) -> None:
    names = ["coarse_to_fine", "full_history", "iterative", "rerank", "sources", "when"]
    memory = make(retrieval=names)
    assert [stage.name for stage in memory.config.retrieval] == names


def test_the_budget_of_tokens_holds_after_the_stages(make: Make) -> None:
    memory = make(retrieval=["full_history"])
    memory.add([f"tea number {i}" for i in range(5)])
    assert len(memory.search("tea", k=1)) == 5
    assert len(memory.search("tea", budget_tokens=6)) == 2


def test_a_stage_asks_the_configured_model(make: Make) -> None:
    model = Scripted({"1": 1, "2": 9})
    memory = make(
        retrieval=[{"rerank": {"by": "model"}}],
        extraction={"model": model, "background": False},
    )
    memory.add(["green tea", "black tea"])
    before = texts(memory.search("what tea", reinforce=False, mode="lexical", k=1))
    assert len(before) == 1
    assert model.replies == []
    with pytest.raises(ConfigError, match="rerank"):
        make(retrieval=[{"rerank": {"by": "model"}}])


def test_explain_speaks_of_the_search_that_the_stages_make(make: Make) -> None:
    memory = make(stores=["fact"], retrieval=["when", "sources"])
    memory.add("Ana: I work at Stripe and live in Rome.")
    hits = memory.search("Where does Ana work?", k=1, reinforce=False)
    told = memory.explain("Where does Ana work?", k=1)
    assert [hit.id for hit in told.hits] == [hit.id for hit in hits]
    assert told.hits[0].record.kind == "chunk"
    assert {one.record.kind for one in told.missed} <= {"fact"}


def test_explain_knows_the_time_that_the_query_names(make: Make) -> None:
    memory = make(retrieval=["when"])
    may, june = 1_714_600_000.0, 1_718_000_000.0
    for at, place in ((may, "Rome"), (june, "Oslo")):
        memory.add(f"We went to {place}.", now=at)
    query = "Where did we go in June 2024?"
    (hit,) = memory.search(query, k=1, reinforce=False, now=june + 1e7)
    told = memory.explain(query, k=1, now=june + 1e7)
    assert told.hits[0].why == hit.why
    assert "Oslo" in hit.text
