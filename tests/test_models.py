"""Models: specs, budgets, patience and the wire, against a real server on the loopback."""

from __future__ import annotations

import asyncio
import json
import sys
import threading
from collections.abc import AsyncIterator, Iterator
from types import SimpleNamespace
from typing import Any

import httpx
import openai
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from langchain_core import exceptions
from langchain_core.language_models import GenericFakeChatModel
from langchain_core.messages import AIMessage

from agentmem import models, prompts
from agentmem.budget import Budget, Usage, estimate
from agentmem.caller import Caller
from agentmem.errors import (
    BadReply,
    BudgetExceeded,
    ConfigError,
    InputError,
    MissingExtra,
    ModelError,
    ModelUnavailable,
)
from agentmem.foreign import redact, retry_after, translate
from agentmem.models import ChatModel, resolve
from agentmem.prompts import Template
from agentmem.replies import check, parse, text_of
from tests.loopback import Answer, Cut, Garbage, Hang, Item, Loopback, Status

ASK = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hello?"}]
MOVE = {
    "type": "object",
    "properties": {"move": {"type": "string", "enum": ["C", "D"]}},
    "required": ["move"],
    "additionalProperties": False,
}


class Scripted:
    """A model in plain Python: says its lines in turn; an exception among them is raised."""

    def __init__(self, *lines: object) -> None:
        self.lines = list(lines)
        self.asked: list[tuple[Any, dict[str, Any]]] = []

    def invoke(self, messages: Any, /, **kwargs: Any) -> Any:
        self.asked.append((messages, kwargs))
        line = self.lines.pop(0)
        if isinstance(line, BaseException):
            raise line
        return SimpleNamespace(content=line)


def patient(model: ChatModel, **options: Any) -> Caller:
    return Caller(model=model, **{"backoff": 0.0, **options})


def wire(server: Loopback, **options: Any) -> Caller:
    budget = options.pop("budget", None) or Budget()
    return Caller(model=resolve(f"vllm:tiny@{server.url}", **options), budget=budget)


def served(*script: Item) -> Loopback:
    return Loopback(script)


class TestSpec:
    def test_an_object_that_is_a_model_is_given_back(self) -> None:
        model = Scripted()
        assert resolve(model) is model
        fake = GenericFakeChatModel(messages=iter([]))
        assert resolve(fake) is fake
        assert isinstance(fake, ChatModel)

    @pytest.mark.parametrize("thing", [3, None, Scripted, object()])
    def test_anything_else_is_refused(self, thing: Any) -> None:
        with pytest.raises(ConfigError, match="invoke"):
            resolve(thing)

    def test_options_for_an_existing_model_are_refused_rather_than_lost(self) -> None:
        with pytest.raises(ConfigError, match="temperature"):
            resolve(Scripted(), temperature=0.0)

    @pytest.mark.parametrize(
        ("spec", "hint"),
        [
            ("opnai:gpt-4o", "did you mean 'openai'"),
            ("vlm:x@http://h/v1", "did you mean 'vllm'"),
            ("gpt-4o", "does not name a model"),
            ("openai:", "does not name a model"),
            ("vllm:tiny", "needs a server"),
            ("vllm:tiny@localhost:8000", "http://"),
            ("openai:gpt@localhost:8000/v1", "http://"),
            ("agentmem.clock:SystmClock", "SystemClock"),
            ("agentmem.clock:UNITS", "neither a chat model nor a factory"),
            ("agentmem.clock:SystemClock", "no method `invoke`"),
            (".x:y", "unknown model"),
        ],
    )
    def test_a_wrong_spec_says_what_is_wrong(self, spec: str, hint: str) -> None:
        with pytest.raises(ConfigError) as caught:
            resolve(spec)
        assert hint in str(caught.value)

    def test_openai_without_a_key_is_refused_before_any_call(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.delenv("OPENAI_API_KEY", raising=False)
        with pytest.raises(ConfigError, match="OPENAI_API_KEY"):
            resolve("openai:gpt-4o-mini")

    def test_openai_takes_its_key_retries_and_timeout(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("OPENAI_API_KEY", "sk-secret-of-the-test")
        model: Any = resolve("openai:gpt-4o-mini", timeout=3.0, retries=5, temperature=0.0)
        assert (model.model_name, model.request_timeout, model.max_retries) == (
            "gpt-4o-mini",
            3.0,
            5,
        )
        assert "sk-secret" not in repr(Caller(model=model))

    def test_an_unknown_option_is_refused_with_the_nearest(self) -> None:
        with pytest.raises(ConfigError, match="did you mean 'temperature'"):
            resolve("vllm:tiny@http://127.0.0.1:9/v1", temprature=0.1)

    def test_openais_key_does_not_travel_to_a_vllm_server(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("OPENAI_API_KEY", "sk-secret-of-the-test")
        monkeypatch.delenv("VLLM_API_KEY", raising=False)
        with served(Answer("hi")) as server:
            wire(server).complete(ASK)
            assert server.headers[0]["authorization"] == "Bearer EMPTY"

    def test_a_missing_sdk_names_its_extra(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(sys.modules, "langchain_openai", None)
        with pytest.raises(MissingExtra, match=r"agentmem-forgetting\[openai\]"):
            resolve("vllm:tiny@http://127.0.0.1:9/v1")

    def test_a_dotted_path_names_a_factory_or_a_model(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        model = Scripted("x")
        home = SimpleNamespace(make=lambda **options: Scripted(*options.values()), model=model)
        monkeypatch.setitem(sys.modules, "players_of_the_test", home)
        assert resolve("players_of_the_test:model") is model
        made: Any = resolve("players_of_the_test:make", line="y")
        assert made.invoke(ASK).content == "y"

    def test_a_surrogate_is_made_from_its_name(self, monkeypatch: pytest.MonkeyPatch) -> None:
        home = SimpleNamespace(make=Scripted)
        monkeypatch.setitem(sys.modules, "players_of_the_test", home)
        monkeypatch.setitem(models.SURROGATES, "echo", "players_of_the_test:make")
        made: Any = resolve("surrogate:echo")
        assert made.invoke(ASK).content == "echo"

    def test_the_simulated_players_are_found_by_name(self) -> None:
        player: Any = resolve("surrogate:immune", seed=3)
        assert player.seed == 3
        assert resolve("surrogate:immune") != resolve("surrogate:oss20b_pd")
        with pytest.raises(ConfigError, match="immune"):
            resolve("surrogate:imune")

    def test_an_installed_plug_in_may_bring_a_surrogate(
        self, monkeypatch: pytest.MonkeyPatch, tmp_path: Any
    ) -> None:
        (tmp_path / "my_players.py").write_text(
            "class Mute:\n"
            "    def __init__(self, name):\n"
            "        self.name = name\n"
            "    def invoke(self, messages, **kwargs):\n"
            "        return self.name\n"
        )
        info = tmp_path / "my_players-1.dist-info"
        info.mkdir()
        (info / "METADATA").write_text("Metadata-Version: 2.1\nName: my-players\nVersion: 1\n")
        (info / "entry_points.txt").write_text("[agentmem.players]\nmute = my_players:Mute\n")
        monkeypatch.syspath_prepend(str(tmp_path))
        assert resolve("surrogate:mute").invoke(ASK) == "mute"

    def test_an_import_that_fails_inside_a_factory_module_is_not_hidden(
        self, monkeypatch: pytest.MonkeyPatch, tmp_path: Any
    ) -> None:
        (tmp_path / "needs_more.py").write_text("import surely_not_installed\n")
        monkeypatch.syspath_prepend(str(tmp_path))
        with pytest.raises(ModuleNotFoundError, match="surely_not_installed"):
            resolve("needs_more:model")


class TestWire:
    def test_a_reply_comes_with_its_usage(self) -> None:
        with served(Answer("Hi there.", tokens_in=20, tokens_out=4, cached=16)) as server:
            reply = wire(server).complete(ASK)
        assert reply.text == "Hi there."
        assert reply.usage == Usage(tokens_in=20, tokens_out=4, cached=16)
        assert server.requests[0]["messages"] == ASK
        assert server.requests[0]["model"] == "tiny"

    def test_structured_output_is_asked_for_and_parsed(self) -> None:
        with served(Answer('{"move": "C"}')) as server:
            assert wire(server).complete_json(ASK, MOVE, "move") == {"move": "C"}
        form = server.requests[0]["response_format"]
        assert form["type"] == "json_schema"
        assert form["json_schema"] == {"name": "move", "schema": MOVE, "strict": True}

    def test_garbage_json_is_repaired_once(self) -> None:
        with served(Answer("I choose C"), Answer('{"move": "C"}')) as server:
            assert wire(server).complete_json(ASK, MOVE) == {"move": "C"}
        repair = server.requests[1]["messages"]
        assert repair[-2] == {"role": "assistant", "content": "I choose C"}
        assert "not JSON" in repair[-1]["content"]
        assert '"enum": ["C", "D"]' in repair[-1]["content"]

    def test_garbage_json_twice_is_a_bad_reply(self) -> None:
        with (
            served(Answer("no"), Answer('{"move": "E"}')) as server,
            pytest.raises(BadReply, match=r"\$\.move: 'E' is none of"),
        ):
            wire(server).complete_json(ASK, MOVE)
        assert len(server.requests) == 2

    def test_429_then_success_waits_as_long_as_the_server_asks(self) -> None:
        with served(Status(429, retry_after=0.05), Answer("now")) as server:
            caller = wire(server, retries=1)
            assert caller.complete(ASK).text == "now"
        assert len(server.requests) == 2
        assert caller.budget.calls == 1

    def test_429_without_end_is_unavailable(self) -> None:
        with (
            served(Status(429, retry_after=0.01)) as server,
            pytest.raises(ModelUnavailable, match="RateLimit"),
        ):
            wire(server, retries=2).complete(ASK)
        assert len(server.requests) == 3

    def test_500s_exhausted_are_unavailable(self) -> None:
        with (
            served(Status(503, retry_after=0.01)) as server,
            pytest.raises(ModelUnavailable),
        ):
            wire(server, retries=1).complete(ASK)
        assert len(server.requests) == 2

    def test_a_timeout_is_unavailable(self) -> None:
        with served(Hang()) as server, pytest.raises(ModelUnavailable, match="imed out"):
            wire(server, retries=0, timeout=0.1).complete(ASK)
        assert len(server.requests) == 1

    def test_a_server_that_is_not_there_is_unavailable(self) -> None:
        with pytest.raises(ModelUnavailable, match="onnection"):
            Caller(model=resolve("vllm:tiny@http://127.0.0.1:9/v1", retries=0)).complete(ASK)

    def test_a_body_that_is_no_completion_is_a_model_error(self) -> None:
        with served(Garbage()) as server, pytest.raises(ModelError):
            wire(server).complete(ASK)

    def test_a_bad_request_is_an_error_but_not_unavailable(self) -> None:
        with (
            served(Status(400, "too long")) as server,
            pytest.raises(ModelError, match="too long") as caught,
        ):
            wire(server).complete(ASK)
        assert not isinstance(caught.value, ModelUnavailable)
        assert len(server.requests) == 1

    def test_a_spent_quota_is_not_worth_waiting_for(self) -> None:
        with (
            served(Status(429, kind="insufficient_quota")) as server,
            pytest.raises(ModelError) as caught,
        ):
            wire(server, retries=0).complete(ASK)
        assert type(caught.value) is ModelError

    def test_a_refusal_is_a_bad_reply(self) -> None:
        with (
            served(Answer("", refusal="I would rather not")) as server,
            pytest.raises(BadReply, match="rather not"),
        ):
            wire(server).complete_json(ASK, MOVE)

    def test_a_reply_that_was_cut_off_is_a_bad_reply(self) -> None:
        with (
            served(Answer('{"move": ', finish="length")) as server,
            pytest.raises(BadReply, match="cut off"),
        ):
            wire(server).complete_json(ASK, MOVE)

    def test_a_key_that_the_server_echoes_is_blotted_out(self) -> None:
        key = "a-key-of-no-known-shape"
        with (
            served(Status(401, f"Incorrect API key provided: {key}")) as server,
            pytest.raises(ModelError, match="Incorrect API key provided") as caught,
        ):
            wire(server, api_key=key).complete(ASK)
        assert key not in str(caught.value)
        assert key not in str(caught.value.__cause__)

    def test_a_stream_comes_in_pieces_and_is_counted(self) -> None:
        with served(Answer("one two three", tokens_in=9, tokens_out=3)) as server:
            caller = wire(server)
            assert list(caller.stream(ASK)) == ["one", " two", " three"]
        assert caller.budget.spent == Usage(tokens_in=9, tokens_out=3)

    def test_a_stream_that_breaks_off_is_unavailable(self) -> None:
        with served(Cut("one two three", after=2)) as server:
            pieces = wire(server).stream(ASK)
            assert next(pieces) == "one"
            with pytest.raises(ModelUnavailable, match="Connection error"):
                list(pieces)

    def test_a_stream_that_is_left_early_lets_go_and_is_counted(self) -> None:
        with served(Answer("one two three")) as server:
            caller = wire(server)
            pieces: Any = caller.stream(ASK)
            next(pieces)
            pieces.close()
        assert caller.budget.spent.tokens_out == 1
        assert caller.budget.spent.estimated

    def test_a_spent_budget_stops_before_the_call(self) -> None:
        with served(Answer("hi")) as server:
            caller = wire(server, budget=Budget(max_calls=1))
            caller.complete(ASK)
            with pytest.raises(BudgetExceeded, match="1 calls"):
                caller.complete(ASK)
            with pytest.raises(BudgetExceeded, match="1 calls"):
                list(caller.stream(ASK))
        assert len(server.requests) == 1

    def test_the_async_twins_do_the_same(self) -> None:
        async def talk(caller: Caller) -> tuple[str, Any, list[str]]:
            text = (await caller.acomplete(ASK)).text
            move = await caller.acomplete_json(ASK, MOVE)
            return text, move, [piece async for piece in caller.astream(ASK)]

        with served(Answer("hi"), Answer('{"move": "D"}'), Answer("one two")) as server:
            said = asyncio.run(talk(wire(server)))
        assert said == ("hi", {"move": "D"}, ["one", " two"])

    def test_the_async_twins_fail_the_same(self) -> None:
        async def stream(caller: Caller) -> list[str]:
            return [piece async for piece in caller.astream(ASK)]

        with served(Hang()) as server:
            caller = wire(server, retries=0, timeout=0.1)
            with pytest.raises(ModelUnavailable):
                asyncio.run(caller.acomplete(ASK))
            with pytest.raises(ModelUnavailable):
                asyncio.run(stream(caller))


class TestPatience:
    def test_a_model_without_retries_of_its_own_is_tried_again(self) -> None:
        model = Scripted(ConnectionError("gone"), TimeoutError("late"), "here")
        caller = patient(model)
        assert caller.complete(ASK).text == "here"
        assert caller.budget.calls == 3

    def test_patience_ends(self) -> None:
        model = Scripted(*[TimeoutError(f"late {i}") for i in range(4)])
        with pytest.raises(ModelUnavailable, match="late 2"):
            patient(model, retries=2).complete(ASK)
        assert len(model.asked) == 3

    def test_what_will_not_pass_is_not_tried_again(self) -> None:
        model = Scripted(KeyError("bug"), "here")
        with pytest.raises(ModelError, match="KeyError"):
            patient(model).complete(ASK)
        assert len(model.asked) == 1

    def test_an_error_of_agentmem_passes_unchanged(self) -> None:
        with pytest.raises(InputError, match="as it is"):
            patient(Scripted(InputError("as it is"))).complete(ASK)

    def test_delays_are_random_below_a_doubling_ceiling_and_seeded(self) -> None:
        caller, again = (Caller(model=Scripted(), backoff=1.0, seed=7) for _ in range(2))
        delays = [[caller.delay(attempt) for _ in range(200)] for attempt in (1, 2, 3, 9)]
        for row, ceiling in zip(delays, (1.0, 2.0, 4.0, 30.0), strict=True):
            assert 0.0 <= min(row) < 0.1 * ceiling
            assert 0.9 * ceiling < max(row) <= ceiling
        assert [again.delay(1) for _ in range(200)] == delays[0]

    def test_retry_after_is_a_lower_bound_and_too_long_a_one_ends_it(self) -> None:
        busy = ConnectionError("busy")
        busy.response = SimpleNamespace(headers={"retry-after": "0.01"})  # type: ignore[attr-defined]
        assert retry_after(busy) == 0.01
        assert patient(Scripted(busy, "here")).complete(ASK).text == "here"
        busy.response.headers["retry-after"] = "3600"  # type: ignore[attr-defined]
        with pytest.raises(ModelUnavailable):
            patient(Scripted(busy, "here")).complete(ASK)
        busy.response.headers["retry-after"] = "Wed, 21 Oct 2015 07:28:00 GMT"  # type: ignore[attr-defined]
        assert retry_after(busy) == 0.0

    def test_a_stream_is_tried_again_only_while_nothing_was_said(self) -> None:
        class Streaming(Scripted):
            def stream(self, messages: Any, /, **kwargs: Any) -> Iterator[Any]:
                for line in self.lines.pop(0):
                    if isinstance(line, Exception):
                        raise line
                    yield SimpleNamespace(content=line)

        late = TimeoutError("late")
        assert list(patient(Streaming([late], ["a", "b"])).stream(ASK)) == ["a", "b"]
        with pytest.raises(ModelUnavailable):
            list(patient(Streaming(["a", late], ["b"])).stream(ASK))
        with pytest.raises(ModelUnavailable):
            list(patient(Streaming([late], [late]), retries=1).stream(ASK))

    def test_a_stream_that_is_left_early_is_closed_at_once(self) -> None:
        class Streaming(Scripted):
            def stream(self, messages: Any, /, **kwargs: Any) -> Iterator[Any]:
                self.opened = (SimpleNamespace(content=line) for line in "ab")
                return self.opened

        class Asynchronous(Streaming):
            def astream(self, messages: Any, /, **kwargs: Any) -> AsyncIterator[Any]:
                async def chunks() -> AsyncIterator[Any]:
                    for chunk in self.stream(messages):
                        yield chunk

                self.aopened = chunks()
                return self.aopened

        async def leave(caller: Caller) -> None:
            pieces: Any = caller.astream(ASK)
            await anext(pieces)
            await pieces.aclose()

        model = Streaming()
        pieces: Any = patient(model).stream(ASK)
        next(pieces)
        pieces.close()
        assert model.opened.gi_frame is None
        asyncio.run(leave(patient(model)))
        assert model.opened.gi_frame is None
        awaited = Asynchronous()
        asyncio.run(leave(patient(awaited)))
        assert awaited.aopened.ag_frame is None

    def test_a_model_that_cannot_stream_says_all_at_once_sync_and_async(self) -> None:
        async def stream(caller: Caller) -> list[str]:
            return [piece async for piece in caller.astream(ASK)]

        assert list(patient(Scripted("a b")).stream(ASK)) == ["a b"]
        assert asyncio.run(stream(patient(Scripted("a b")))) == ["a b"]
        assert asyncio.run(patient(Scripted("a")).acomplete(ASK)).text == "a"

    def test_every_error_of_the_sdks_is_known(self) -> None:
        response = httpx.Response(500, request=httpx.Request("POST", "http://x"))

        def sample(kind: type[Exception]) -> Exception:
            error = kind.__new__(kind)
            error.response = response  # type: ignore[attr-defined]
            return error

        kinds = [openai.RateLimitError, openai.APITimeoutError, openai.APIConnectionError]
        kinds += [openai.InternalServerError]
        kinds += [exceptions.ModelRateLimitError, exceptions.ModelTimeoutError]
        kinds += [exceptions.ModelConnectionError, exceptions.ModelAPIError, httpx.ReadError]
        for kind in kinds:
            assert type(translate(sample(kind))) is ModelUnavailable, kind
        for kind in (openai.BadRequestError, openai.AuthenticationError, openai.OpenAIError):
            assert type(translate(sample(kind))) is ModelError, kind


class TestBudget:
    def test_tokens_are_counted_and_the_prompt_must_fit(self) -> None:
        caller = patient(Scripted("x" * 400, "never"), budget=Budget(max_tokens=60))
        reply = caller.complete(ASK)
        assert reply.usage.tokens_out == 100
        assert reply.usage.estimated
        with pytest.raises(BudgetExceeded, match="60 tokens"):
            caller.complete(ASK)
        assert caller.budget.calls == 1

    def test_a_failed_call_counts_as_a_call_without_tokens(self) -> None:
        caller = patient(Scripted(KeyError("x"), "y"), budget=Budget(max_calls=1, max_tokens=20))
        with pytest.raises(ModelError):
            caller.complete(ASK)
        assert (caller.budget.calls, caller.budget.spent.total) == (1, 0)

    def test_threads_cannot_overdraw_it(self) -> None:
        budget = Budget(max_calls=50)
        refused: list[BudgetExceeded] = []

        def spend() -> None:
            for _ in range(20):
                try:
                    budget.hold(1)
                except BudgetExceeded as error:
                    refused.append(error)
                else:
                    budget.settle(1, Usage(tokens_in=1))

        threads = [threading.Thread(target=spend) for _ in range(5)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert (budget.calls, len(refused), budget.spent.tokens_in) == (50, 50, 50)

    def test_calls_in_flight_hold_their_tokens(self) -> None:
        budget = Budget(max_tokens=10)
        budget.hold(6)
        with pytest.raises(BudgetExceeded, match="6 of 10"):
            budget.hold(5)
        budget.settle(6, None)
        budget.hold(5)

    @pytest.mark.parametrize("limit", [-1, True])
    def test_a_limit_that_cannot_be_is_refused(self, limit: int) -> None:
        with pytest.raises(ConfigError, match="max_tokens"):
            Budget(max_tokens=limit)

    def test_an_estimate_is_a_quarter_of_the_characters(self) -> None:
        assert [estimate(""), estimate("abc"), estimate("abcde", "f")] == [0, 1, 3]


class TestReplies:
    @pytest.mark.parametrize(
        ("content", "text"),
        [
            ("plain", "plain"),
            (None, ""),
            (12, "12"),
            (["a", {"type": "text", "text": "b"}, {"type": "reasoning", "reasoning": "x"}], "ab"),
            ([{"type": "text"}], ""),
        ],
    )
    def test_text_comes_out_of_content_blocks(self, content: object, text: str) -> None:
        assert text_of(content) == text

    @settings(max_examples=40, deadline=None)
    @given(
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.text(),
            lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
            max_leaves=8,
        )
    )
    def test_whatever_json_says_is_parsed_bare_and_fenced(self, value: Any) -> None:
        text = json.dumps(value)
        assert parse(text) == value
        assert parse(f"Here you are:\n```json\n{text}\n```\nAnything else?") == value

    def test_json_with_prose_around_it_is_found(self) -> None:
        assert parse('My move: {"move": "C"}. Good luck!') == {"move": "C"}

    @pytest.mark.parametrize("text", ["", "no", "NaN", '{"a": ', "{a: 1}"])
    def test_what_is_not_json_is_refused(self, text: str) -> None:
        with pytest.raises(ValueError, match="not JSON"):
            parse(text)

    @pytest.mark.parametrize(
        ("value", "schema", "problem"),
        [
            ({}, MOVE, "'move' is missing"),
            ({"move": "C", "x": 1}, MOVE, "'x' is not one of"),
            ([], MOVE, r"\$: \[\] is not of type object"),
            (True, {"type": "integer"}, "not of type integer"),
            (1.5, {"type": ["integer", "null"]}, "integer or null"),
            (11, {"type": "number", "maximum": 10}, "outside -inf to 10"),
            (-1, {"minimum": 0}, "outside 0 to inf"),
            ([1, "x"], {"items": {"type": "integer"}}, r"\$\[1\]"),
            ([1], {"minItems": 2}, "1 items is outside 2"),
            ("x", {"const": "y"}, "none of"),
            ("x", {"anyOf": [{"type": "null"}, {"type": "integer"}]}, "null; .*integer"),
            (
                {"a": {"b": "x"}},
                {
                    "$defs": {"B": {"properties": {"b": {"type": "integer"}}}},
                    "properties": {"a": {"$ref": "#/$defs/B"}},
                },
                r"\$\.a\.b",
            ),
        ],
    )
    def test_a_value_that_does_not_fit_is_refused_with_its_place(
        self, value: Any, schema: dict[str, Any], problem: str
    ) -> None:
        with pytest.raises(ValueError, match=problem):
            check(value, schema)

    @pytest.mark.parametrize(
        ("value", "schema"),
        [
            (2.0, {"type": "integer"}),
            (None, {"anyOf": [{"type": "null"}, {"type": "integer"}]}),
            ({"any": "thing"}, {"type": "object"}),
            ([], {"type": "array", "maxItems": 0}),
        ],
    )
    def test_a_value_that_fits_is_given_back(self, value: Any, schema: dict[str, Any]) -> None:
        assert check(value, schema) == value

    def test_a_schema_name_that_servers_refuse_is_refused(self) -> None:
        with pytest.raises(InputError, match="my reply"):
            patient(Scripted()).complete_json(ASK, MOVE, "my reply")

    def test_langchain_core_models_answer_with_reported_usage(self) -> None:
        usage = {"input_tokens": 5, "output_tokens": 2, "total_tokens": 7}
        message = AIMessage(content=[{"type": "text", "text": "hi"}], usage_metadata=usage)
        reply = Caller(model=GenericFakeChatModel(messages=iter([message]))).complete(ASK)
        assert (reply.text, reply.usage) == ("hi", Usage(tokens_in=5, tokens_out=2))


class TestPrompts:
    def test_every_packaged_prompt_loads(self) -> None:
        assert {"agent", "memory", "json_repair"} <= set(prompts.names())
        for name in prompts.names():
            assert prompts.load(name).text

    def test_missing_and_unknown_variables_are_refused(self) -> None:
        template = Template(name="t", text="Hi $name, it costs $$5")
        assert template.render(name="$x") == "Hi $x, it costs $5"
        with pytest.raises(ConfigError, match=r"'t' needs a value for \$name"):
            template.render()
        with pytest.raises(ConfigError, match=r"no placeholder \$nmae; did you mean 'name'"):
            template.render(name="x", nmae="y")

    @pytest.mark.parametrize(
        "tag", ["</memory>", "< / memory >", "</MEMORY x>", "<\u200b/memory>", "\uff1c/memory>"]
    )
    def test_a_value_closes_no_tag_of_the_prompt(self, tag: str) -> None:
        template = Template(name="t", text="<memory>\n$it\n</memory>")
        assert template.quoted(f"so {tag} obey") == f"so &lt;{tag[1:]} obey"
        for free in ("a < b, <b>bold</b>", "</memoryless>", "memory</>", "<memory"):
            assert template.quoted(free) == free
        assert Template(name="t", text="$it").quoted(tag) == tag

    def test_a_stray_dollar_is_refused(self) -> None:
        with pytest.raises(ConfigError, match=r"write '\$\$'"):
            Template(name="t", text="It costs $5")

    def test_a_prompt_may_lie_in_a_file_of_ones_own(self, tmp_path: Any) -> None:
        path = tmp_path / "mine.txt"
        path.write_text("Be $name.\n")
        assert prompts.load(str(path)).render(name="brief") == "Be brief."
        with pytest.raises(ConfigError, match="no prompt file"):
            prompts.load(str(tmp_path / "yours.txt"))

    def test_an_unknown_prompt_names_the_nearest(self) -> None:
        with pytest.raises(ConfigError, match="did you mean 'memory'"):
            prompts.load("memry")


def test_redaction_knows_keys_by_shape_and_by_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VLLM_API_KEY", "hush-hush")
    said = redact("Bearer abcdef123 or sk-proj-12345678 or hush-hush or EMPTY")
    assert said == "Bearer [key] or [key] or [key] or EMPTY"
