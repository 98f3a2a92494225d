"""The client that many matches ask at once: slots, retries, money, kept answers, the wire."""

from __future__ import annotations

import asyncio
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agentmem.bench.asking import Answer, Answers, Client, Figures, Limiter, Service
from agentmem.budget import Budget, Price, Usage
from agentmem.errors import (
    BadReply,
    BudgetExceeded,
    ConfigError,
    LedgerCorrupt,
    LedgerReadOnly,
    MissingExtra,
    ModelError,
    ModelUnavailable,
)
from agentmem.models import resolve
from tests import asker
from tests.chaos import Chaos
from tests.loopback import Answer as Said
from tests.loopback import Garbage, Hang, Item, Loopback, Status

QUICK = Service(backoff=0.001, timeout=0.5)
PRICE = Price(input=1.0, cached=0.5, output=2.0)


def ask(text: object = "A0 or A1?") -> list[dict[str, str]]:
    return [{"role": "system", "content": "rules"}, {"role": "user", "content": str(text)}]


class Busy(Exception):
    """What an SDK raises over a 429."""

    status_code = 429

    def __init__(self, retry_after: float | None = None) -> None:
        super().__init__("busy")
        headers = {} if retry_after is None else {"retry-after": str(retry_after)}
        self.response = SimpleNamespace(headers=headers)


class Fake:
    """A model at the seam: answers, or raises, what a function makes of the call's number."""

    def __init__(self, make: Callable[[int], object] = str, delay: float = 0.0) -> None:
        self.make, self.delay = make, delay
        self.calls = self.active = self.most_active = 0
        self.seeds: list[object] = []
        self.asked: list[str] = []

    def invoke(self, messages: Any, /, **kwargs: Any) -> Any:
        self.seeds.append(kwargs.get("seed"))
        self.asked.append(messages[-1]["content"])
        self.calls += 1
        said = self.make(self.calls)
        if isinstance(said, BaseException):
            raise said
        usage = {"input_tokens": 10, "output_tokens": 5, "input_token_details": {"cache_read": 4}}
        return SimpleNamespace(content=said, usage_metadata=usage)

    async def ainvoke(self, messages: Any, /, **kwargs: Any) -> Any:
        self.active += 1
        self.most_active = max(self.most_active, self.active)
        try:
            await asyncio.sleep(self.delay)
            return self.invoke(messages, **kwargs)
        finally:
            self.active -= 1


def fake(model: Fake, **options: Any) -> Client:
    return Client(model=model, name="fake", **{"service": QUICK, **options})


def at_once(client: Client, n: int) -> list[Any]:
    """The outcomes of n asks at the same time: answers and errors."""

    async def main() -> list[Any]:
        async with client:
            asks = [client.aask(ask(i), seed=i, key=(i,)) for i in range(n)]
            return list(await asyncio.gather(*asks, return_exceptions=True))

    return asyncio.run(main())


@pytest.fixture
def kept(tmp_path: Path) -> Iterator[Answers]:
    with closing(Answers(tmp_path / "answers.sqlite")) as answers:
        yield answers


class TestLimiter:
    def test_slots_are_given_in_the_order_of_asking(self) -> None:
        async def main() -> list[int]:
            limiter, order = Limiter(2), []

            async def one(number: int) -> None:
                slot = await limiter.aenter()
                order.append(number)
                await asyncio.sleep(0)
                limiter.leave(slot)

            await asyncio.gather(*(one(number) for number in range(50)))
            assert (limiter.active, limiter.waiting) == (0, 0)
            return order

        assert asyncio.run(main()) == list(range(50))

    def test_refusals_of_one_round_trip_halve_it_once(self) -> None:
        limiter = Limiter(8)

        async def main() -> None:
            together = [await limiter.aenter() for _ in range(3)]
            for slot in together:
                limiter.refused(slot)
                limiter.leave(slot)
            assert (limiter.limit, limiter.refusals) == (4, 3)
            later = await limiter.aenter()
            limiter.refused(later)
            limiter.leave(later)
            assert limiter.limit == 2

        asyncio.run(main())

    def test_it_grows_by_one_after_as_many_answers_as_the_limit(self) -> None:
        limiter = Limiter(4)
        slot = limiter.enter()
        limiter.refused(slot)
        limiter.leave(slot)
        limits = []
        for _ in range(9):
            limiter.answered()
            limits.append(limiter.limit)
        assert limits == [2, 3, 3, 3, 4, 4, 4, 4, 4]

    @settings(max_examples=60, deadline=None)
    @given(st.lists(st.sampled_from(["ok", "busy", "cancel"]), max_size=60), st.integers(1, 9))
    def test_no_slot_is_lost_and_none_is_given_beyond_the_limit(
        self, fates: list[str], most: int
    ) -> None:
        async def main() -> None:
            limiter = Limiter(most)

            async def one(fate: str) -> None:
                slot = await limiter.aenter()
                assert limiter.active <= most
                try:
                    await asyncio.sleep(0)
                    limiter.answered() if fate == "ok" else limiter.refused(slot)
                finally:
                    limiter.leave(slot)

            tasks = [asyncio.create_task(one(fate)) for fate in fates]
            for fate, task in zip(fates, tasks, strict=True):
                await asyncio.sleep(0)
                if fate == "cancel":
                    task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            assert 1 <= limiter.limit <= most
            assert (limiter.active, limiter.waiting) == (0, 0)

        asyncio.run(main())

    def test_a_slot_given_while_its_task_is_cancelled_goes_to_the_next(self) -> None:
        async def main() -> None:
            limiter = Limiter(1)
            first = await limiter.aenter()
            second = asyncio.create_task(limiter.aenter())
            third = asyncio.create_task(limiter.aenter())
            await asyncio.sleep(0)
            limiter.leave(first)  # the second has it now, and does not know yet
            second.cancel()
            assert limiter.waiting == 1
            limiter.leave(await third)
            assert second.cancelled()
            assert limiter.active == 0

        asyncio.run(main())

    def test_a_pause_that_the_server_asks_for_holds_everybody(self) -> None:
        limiter = Limiter(2)
        begun = time.monotonic()
        slot = limiter.enter()
        limiter.refused(slot, pause=0.03)
        limiter.leave(slot)
        limiter.leave(asyncio.run(limiter.aenter()))
        assert time.monotonic() - begun >= 0.03
        slot = limiter.enter()
        limiter.refused(slot, pause=0.03)
        limiter.leave(slot)
        limiter.leave(limiter.enter())
        assert time.monotonic() - begun >= 0.06

    def test_a_task_cancelled_in_a_pause_gives_its_slot_back(self) -> None:
        async def main() -> None:
            limiter = Limiter(1)
            slot = await limiter.aenter()
            limiter.refused(slot, pause=60.0)
            limiter.leave(slot)
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(limiter.aenter(), 0.01)
            assert limiter.active == 0

        asyncio.run(main())

    def test_threads_go_one_at_a_time(self) -> None:
        limiter, seen = Limiter(9), []

        def one() -> None:
            slot = limiter.enter()
            seen.append(limiter.active)
            time.sleep(0.001)
            limiter.leave(slot)

        threads = [threading.Thread(target=one) for _ in range(5)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert seen == [1] * 5

    @pytest.mark.parametrize("most", [0, True])
    def test_a_limit_that_cannot_be_is_refused(self, most: int) -> None:
        with pytest.raises(ConfigError, match="whole number >= 1"):
            Limiter(most)


class TestMoney:
    def test_a_price_counts_cached_tokens_apart(self) -> None:
        usage = Usage(tokens_in=1_000_000, cached=400_000, tokens_out=500_000)
        assert PRICE.of(usage) == pytest.approx(0.6 + 0.2 + 1.0)
        assert Price(input=1.0, output=2.0).of(usage) == pytest.approx(2.0)

    def test_a_price_below_zero_is_refused(self) -> None:
        with pytest.raises(ConfigError, match=r"Price\.output"):
            Price(input=0.0, output=-1.0)

    def test_models_with_prices_of_their_own_share_a_budget(self) -> None:
        whole = Budget(max_cost=10.0)
        dear = Budget(price=Price(input=6e6, output=0.0), within=whole)
        cheap = Budget(price=Price(input=1e6, output=0.0), within=whole)
        dear.hold(1)
        cheap.hold(3)
        with pytest.raises(BudgetExceeded, match=r"9 of 10 are spent or in flight.*raise max_cost"):
            cheap.hold(2)
        dear.settle(1, Usage(tokens_in=1))
        cheap.settle(3, None)
        assert (whole.cost, whole.calls, whole.spent.tokens_in) == (6.0, 2, 1)
        assert (dear.cost, cheap.cost) == (6.0, 0.0)
        cheap.hold(4)

    def test_what_the_larger_budget_refuses_is_not_counted_in_the_smaller(self) -> None:
        inner = Budget(within=Budget(max_calls=0))
        with pytest.raises(BudgetExceeded, match="raise max_calls"):
            inner.hold(1)
        assert inner.calls == 0

    def test_a_limit_in_money_needs_a_price(self) -> None:
        with pytest.raises(ConfigError, match="price"):
            Budget(within=Budget(max_cost=1.0)).hold(1)

    @pytest.mark.parametrize("limit", [-0.1, float("nan"), float("inf"), True])
    def test_a_limit_that_cannot_be_is_refused(self, limit: float) -> None:
        with pytest.raises(ConfigError, match="max_cost"):
            Budget(max_cost=limit)

    def test_a_client_names_the_nearest_price(self) -> None:
        prices = {"openai:gpt-4o-mini": PRICE}
        with pytest.raises(ConfigError, match="did you mean 'openai:gpt-4o-mini'"):
            Client(model="openai:gpt-4o-mimi", budget=Budget(max_cost=1.0), prices=prices)

    def test_simulated_players_are_free_and_not_kept(self, kept: Answers) -> None:
        budget = Budget(max_cost=0.0)
        client = Client(model="surrogate:immune", budget=budget, answers=kept)
        pays = {
            ("A0", "A0"): (2, 2),
            ("A0", "A1"): (0, 3),
            ("A1", "A0"): (3, 0),
            ("A1", "A1"): (1, 1),
        }
        rules = "\n".join(
            f"- You choose {mine}, Player 2 chooses {theirs}: you get {got}, Player 2 gets {given}."
            for (mine, theirs), (got, given) in pays.items()
        )
        game = [{"role": "system", "content": rules}, {"role": "user", "content": "Round 1."}]
        for _ in range(2):
            assert not client.ask(game, seed=1, key=(1,)).reused
        assert (budget.calls, budget.cost, len(kept)) == (2, 0.0, 0)

    def test_no_more_calls_are_made_than_allowed(self) -> None:
        model = Fake()
        outcomes = at_once(fake(model, budget=Budget(max_calls=100)), 400)
        refused = [one for one in outcomes if isinstance(one, BudgetExceeded)]
        assert (model.calls, len(refused)) == (100, 300)
        assert "100 calls is spent" in str(refused[0])
        assert "raise max_calls and resume the suite" in str(refused[0])

    def test_money_stops_calls_but_for_the_replies_in_flight(self) -> None:
        budget = Budget(max_cost=200 * PRICE.of(Usage(tokens_in=10, cached=4, tokens_out=5)))
        service = Service(concurrency=8)
        client = fake(Fake(), budget=budget, prices={"fake": PRICE}, service=service)
        outcomes = at_once(client, 300)
        answers = [one for one in outcomes if isinstance(one, Answer)]
        assert 185 <= len(answers) <= 208
        assert sum(one.cost for one in answers) == pytest.approx(budget.cost)
        assert client.account.cost == pytest.approx(budget.cost)


class TestAsking:
    def test_a_thousand_at_once_stay_within_the_slots(self) -> None:
        model = Fake()
        client = fake(model, service=Service(concurrency=32))
        outcomes = at_once(client, 1000)
        assert all(isinstance(one, Answer) for one in outcomes)
        assert model.most_active == 32
        assert model.asked == [str(i) for i in range(1000)]
        assert model.seeds == list(range(1000))
        figures = client.figures()
        assert (figures.answers, figures.calls, figures.reused) == (1000, 1000, 0)
        assert (figures.active, figures.waiting, figures.limit) == (0, 0, 32)

    def test_an_answer_says_what_it_took(self) -> None:
        client = fake(Fake(lambda n: "" if n == 1 else "A0"), prices={"fake": PRICE})
        answer = client.ask(ask(), seed=None, key=(1,))
        assert (answer.text, answer.retries, answer.reused) == ("A0", 1, False)
        assert answer.usage == Usage(tokens_in=10, cached=4, tokens_out=5)
        assert answer.cost == pytest.approx((6 * 1.0 + 4 * 0.5 + 5 * 2.0) / 1e6)
        assert answer.latency > 0.0
        assert client.spent == Usage(tokens_in=20, cached=8, tokens_out=10)  # the empty one too
        assert client.account.cost == pytest.approx(2 * answer.cost)

    def test_refusals_are_waited_out_and_more_often_than_failures(self) -> None:
        service = Service(backoff=0.001, max_backoff=0.002)
        client = fake(Fake(lambda n: Busy(0.001) if n < 12 else "A0"), service=service)
        assert client.ask(ask(), seed=1, key=()).retries == 11
        assert (client.figures().refusals, client.figures().failures) == (11, 0)
        assert client.figures().limit == 2

    def test_a_server_that_only_refuses_is_given_up(self) -> None:
        service = Service(backoff=0.001, patience=0.02)
        outcomes = at_once(fake(Fake(lambda _: Busy()), service=service), 20)
        assert {type(one) for one in outcomes} == {ModelUnavailable}
        assert "refusals and 0 other failures" in str(outcomes[0])

    def test_a_longer_pause_than_patience_is_not_waited_for(self) -> None:
        client = fake(Fake(lambda n: Busy(3600.0) if n == 1 else "A0"))
        with pytest.raises(ModelUnavailable, match="after 1 refusals"):
            client.ask(ask(), seed=1, key=())
        assert client.ask(ask(), seed=1, key=()).text == "A0"

    @pytest.mark.parametrize(
        ("failure", "kind"),
        [
            (TimeoutError(), ModelUnavailable),
            (ConnectionError(), ModelUnavailable),
            (" \n", BadReply),
            (ValueError("got str: <html>"), BadReply),
        ],
    )
    def test_failures_that_may_pass_are_tried_again_up_to_a_number(
        self, failure: object, kind: type[ModelError]
    ) -> None:
        service = Service(backoff=0.0, retries=2)
        model = Fake(lambda n: failure if n < 3 else "A0")
        assert fake(model, service=service).ask(ask(), seed=1, key=()).retries == 2
        model = Fake(lambda n: failure)
        with pytest.raises(kind, match="fake: no answer after 0 refusals and 3 other failures"):
            fake(model, service=service).ask(ask(), seed=1, key=())
        assert model.calls == 3

    def test_an_answer_that_takes_too_long_is_not_waited_for(self) -> None:
        service = Service(backoff=0.0, retries=1, timeout=0.01)
        [outcome] = at_once(fake(Fake(delay=30.0), service=service), 1)
        assert isinstance(outcome, ModelUnavailable)
        assert "2 other failures; the last: the model did not answer in time" in str(outcome)

    def test_an_error_that_will_not_pass_is_raised_at_once(self) -> None:
        model = Fake(lambda _: RuntimeError("no such model"))
        with pytest.raises(ModelError, match="no such model"):
            fake(model).ask(ask(), seed=1, key=())
        assert model.calls == 1

    def test_one_match_that_fails_leaves_no_task_and_no_slot_behind(self) -> None:
        model = Fake(lambda n: RuntimeError("broken") if n == 30 else "A0", delay=0.001)
        client = fake(model, service=Service(concurrency=8))

        async def match(number: int) -> None:
            for turn in range(10):
                await client.aask(ask(), seed=1, key=(number, turn))

        async def matches() -> None:
            async with client, asyncio.TaskGroup() as group:
                for number in range(50):
                    group.create_task(match(number))

        async def main() -> None:
            with pytest.raises(ExceptionGroup) as caught:
                await matches()
            assert caught.group_contains(ModelError, match="broken")
            assert asyncio.all_tasks() == {asyncio.current_task()}

        asyncio.run(main())
        figures = client.figures()
        assert (figures.active, figures.waiting, client.account._held) == (0, 0, 0)
        assert figures.calls < 60

    def test_figures_add_up(self) -> None:
        one, two = fake(Fake()), fake(Fake(), service=Service(concurrency=3))
        two.ask(ask(), seed=1, key=())
        both = sum([two.figures()], start=one.figures())
        assert isinstance(both, Figures)
        assert (both.calls, both.tokens_in, both.limit) == (1, 10, 67)

    def test_a_model_that_retries_by_itself_is_refused(self) -> None:
        model = resolve("vllm:tiny@http://127.0.0.1:9/v1", retries=2)
        with pytest.raises(ConfigError, match="max_retries=0"):
            Client(model=model)

    def test_settings_out_of_range_are_named(self) -> None:
        with pytest.raises(ConfigError, match=r"Service\.concurrency = 0"):
            Service(concurrency=0)

    def test_without_the_sdk_the_extra_is_named(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(sys.modules, "openai", None)
        with pytest.raises(MissingExtra, match=r"\[openai\]"):
            Client(model="vllm:tiny@http://127.0.0.1:9/v1")


class TestAnswers:
    def test_an_answer_is_paid_for_once(self, kept: Answers) -> None:
        budget = Budget(max_calls=1)
        prices = {"fake": PRICE}
        first = fake(Fake(), answers=kept, prices=prices).ask(ask(), seed=1, key=(1, "pd"))
        again = fake(Fake(lambda _: "other"), answers=kept, prices=prices, budget=budget)
        second = again.ask(ask(), seed=1, key=(1, "pd"))
        assert (second.text, second.usage, second.cost) == (first.text, first.usage, first.cost)
        assert second.reused
        assert not first.reused
        assert (again.account.calls, again.account.cost, again.figures().reused) == (0, 0.0, 1)

    def test_another_question_is_another_answer(self, kept: Answers) -> None:
        model = Fake()

        def said(**changed: Any) -> str:
            question: dict[str, Any] = {"messages": ask(), "seed": 1, "key": (1, "pd", 3)}
            question |= changed
            return fake(model, answers=kept).ask(**question).text

        texts = [
            said(),
            said(seed=2),
            said(seed=None),
            said(key=(1, "pd", 4)),
            said(key=(1, "pd", "3")),
            said(messages=ask("A1 or A0?")),
        ]
        assert len(set(texts)) == len(texts) == len(kept)
        assert said() == texts[0]

    def test_model_address_and_options_are_part_of_the_question_and_the_key_is_not(self) -> None:
        def identity(spec: str, **options: Any) -> str:
            return Client(model=spec, options=options)._identity

        base = identity("vllm:tiny@http://127.0.0.1:9/v1", temperature=0.7)
        assert base == identity("vllm:tiny@http://127.0.0.1:9/v1", temperature=0.7, api_key="sk-1")
        assert base != identity("vllm:tiny@http://127.0.0.1:9/v1", temperature=0.8)
        assert base != identity("vllm:tiny@http://127.0.0.1:8/v1", temperature=0.7)
        assert base != identity("vllm:huge@http://127.0.0.1:9/v1", temperature=0.7)

    def test_the_answer_that_was_first_stands(self, kept: Answers) -> None:
        mine = Answer(text="first", usage=Usage(tokens_in=3, estimated=True), cost=0.5)
        assert kept.put("k", "m", mine) == mine
        late = kept.put("k", "m", Answer(text="second", usage=Usage(tokens_in=4)))
        assert (late.text, late.usage.tokens_in, late.reused) == ("first", 3, False)
        found = kept.get("k")
        assert found is not None
        assert (found.text, found.usage, found.cost) == ("first", mine.usage, 0.5)
        assert found.reused

    def test_another_kind_of_file_is_left_alone(self, tmp_path: Path) -> None:
        path = tmp_path / "other.sqlite"
        with closing(sqlite3.connect(path)) as db:
            db.execute("CREATE TABLE x (y)")
        with pytest.raises(LedgerCorrupt, match="not a file of answers"):
            Answers(path)
        with closing(sqlite3.connect(path)) as db:
            assert db.execute("SELECT name FROM sqlite_master").fetchall() == [("x",)]
        with pytest.raises(LedgerReadOnly):
            Answers(tmp_path / "no" / "folder")

    def test_killed_processes_on_one_file_agree_and_lose_nothing(self, tmp_path: Path) -> None:
        path = tmp_path / "answers.sqlite"
        command = [sys.executable, "-m", "tests.asker", str(path)]
        root = Path(__file__).parent.parent
        askers = [
            subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=root) for _ in "12"
        ]
        said = []
        for process in askers:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
        for process in askers:
            assert process.stdout is not None
            begun = "".join(process.stdout.readline() for _ in range(6))
            process.send_signal(signal.SIGKILL)
            said.append((begun + process.communicate()[0]).split("\n")[:-1])
        most = max(said, key=len)
        assert all(lines == most[: len(lines)] for lines in said)
        with closing(Answers(path)) as kept:
            client = asker.client(kept)
            for number, text in enumerate(most, 1):
                answer = client.ask(asker.ASK, seed=number, key=(0, number))
                assert (answer.text, answer.reused) == (text, True)


class TestWire:
    def test_what_a_served_model_says_and_what_was_cached(self) -> None:
        with Loopback([Said("A0", tokens_in=20, cached=16)]) as server:
            spec = f"vllm:tiny@{server.url}"
            client = Client(model=spec, options={"temperature": 0.7}, prices={spec: PRICE})
            answer = client.ask(ask(), seed=7, key=(7,))
        assert (answer.text, answer.usage.tokens_in, answer.usage.cached) == ("A0", 20, 16)
        assert answer.cost == pytest.approx((4 + 16 * 0.5 + 7 * 2) / 1e6)
        assert (server.requests[0]["seed"], server.requests[0]["temperature"]) == (7, 0.7)

    @pytest.mark.parametrize(
        "item",
        [
            Status(429, retry_after=0.01),
            Status(503),
            Hang(5.0),
            Garbage(),
            Garbage(b"{}"),
            Garbage(b'{"choices": []}'),
            Garbage(b'{"choi'),
            Said("", refusal="I would rather not play."),
        ],
    )
    def test_one_bad_response_costs_one_retry(self, item: Item) -> None:
        service = Service(backoff=0.001, timeout=0.1)
        with Loopback([item, Said("A0")]) as server:
            [answer] = at_once(Client(model=f"vllm:tiny@{server.url}", service=service), 1)
        assert isinstance(answer, Answer)
        assert (answer.text, answer.retries, len(server.requests)) == ("A0", 1, 2)

    def test_an_unknown_model_is_an_error_at_once(self) -> None:
        with Loopback([Status(404)]) as server:
            client = Client(model=f"vllm:tiny@{server.url}")
            with pytest.raises(ModelError, match="404"):
                client.ask(ask(), seed=1, key=())
        assert len(server.requests) == 1

    def test_many_asks_at_once_survive_a_bad_server(self, kept: Answers) -> None:
        with Chaos(busy=0.05, hang=0.02, garbage=0.02, empty=0.02, seed=2) as server:
            service = Service(concurrency=32, backoff=0.001, timeout=1.0)
            client = Client(model=f"vllm:tiny@{server.url}", service=service, answers=kept)
            outcomes = at_once(client, 100)
            assert outcomes == [kept_text(one, i) for i, one in enumerate(outcomes)]
            assert server.counts.total() > 105
            figures = client.figures()
            assert figures.calls == 100 + figures.refusals + figures.failures
            assert figures.refusals == server.counts["busy"]
            again = at_once(Client(model=f"vllm:tiny@{server.url}", answers=kept), 100)
            assert [one.text for one in again] == [one.text for one in outcomes]
            assert all(one.reused for one in again)

    def test_the_limit_comes_down_to_what_the_server_bears(self) -> None:
        with Chaos(capacity=3, delay=0.04) as server:
            service = Service(concurrency=32, backoff=0.001)
            client = Client(model=f"vllm:tiny@{server.url}", service=service)
            outcomes = at_once(client, 40)
        assert all(isinstance(one, Answer) for one in outcomes)
        assert server.most_active == 3
        assert client.limiter.limit <= 12

    @pytest.mark.slow
    def test_a_thousand_asks_at_once_survive_a_bad_server(self, kept: Answers) -> None:
        with Chaos(busy=0.05, hang=0.02, garbage=0.02, delay=0.01) as server:
            service = Service(concurrency=256, backoff=0.01, timeout=3.0)
            client = Client(model=f"vllm:tiny@{server.url}", service=service, answers=kept)
            outcomes = at_once(client, 1000)
        assert outcomes == [kept_text(one, i) for i, one in enumerate(outcomes)]
        assert len(kept) == 1000
        assert server.most_active > 8


def kept_text(one: object, number: int) -> Answer:
    """The outcome, if it is the answer to its own question."""
    assert isinstance(one, Answer), one
    assert one.text == f"hello {number} {number}"
    return one
