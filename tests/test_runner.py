"""The runner: served models in lockstep, failures, budgets, estimates, comparisons, workers."""

from __future__ import annotations

import json
from collections import Counter, deque
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import islice, pairwise
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from agentmem.bench import again, on_ray
from agentmem.bench.asking import Client, Figures
from agentmem.bench.compare import compare
from agentmem.bench.desk import Desk, DeskAnswers, DeskBudget
from agentmem.bench.estimate import estimates, least, shared
from agentmem.bench.executors import Local, Work, by_name
from agentmem.bench.loading import load_suite, read_suite
from agentmem.bench.meta import commit, described
from agentmem.bench.playing import Clients, Task, Told
from agentmem.bench.progress import bar, served
from agentmem.bench.run import play_suite
from agentmem.bench.serving import Limits
from agentmem.bench.suite import Suite
from agentmem.bench.surrogates import model
from agentmem.budget import Price, Usage
from agentmem.errors import BudgetExceeded, ConfigError, InputError, ModelError, ModelUnavailable
from agentmem.reading import Reader
from tests.chaos import Chaos

PLAYER = model("gemma_tg")
SEEDS = 3


def said(body: dict[str, Any]) -> str:
    """A served model's answer; one of model `mute` or to some prompts is no legal move."""
    if body["model"] == "mute" or int(body.get("seed") or 1) % 11 == 0:
        return "hm"
    return PLAYER.invoke(body["messages"], seed=body.get("seed")).content


@pytest.fixture(scope="module")
def server() -> Iterator[Chaos]:
    with Chaos(answer=said) as found:
        yield found


def read(plain: dict[str, Any]) -> Suite:
    return read_suite(Reader("test"), plain, "test")


def content(url: str, **changes: Any) -> dict[str, Any]:
    return {
        "games": {"prisoners": {"rounds": 5}},
        "players": [f"vllm:tiny@{url}"],
        "windows": [2],
        "seeds": SEEDS,
        **changes,
    }


def events(folder: Path, kind: str) -> list[dict[str, Any]]:
    lines = (folder / "events.jsonl").read_text("utf-8").splitlines()
    return [event for event in map(json.loads, lines) if event["type"] == kind]


class TestServed:
    def test_what_was_asked_is_counted_right(self, server: Chaos, tmp_path: Path) -> None:
        player = f"vllm:tiny@{server.url}"
        price = {"input": 1.0, "cached": 0.5, "output": 4.0}
        server.contents.clear()
        result = play_suite(read(content(server.url, prices={player: price})), tmp_path)
        decisions = events(tmp_path, "decision")
        replies = [reply for event in decisions for reply in event["replies"]]
        assert sum(server.contents.values()) == len(replies)
        assert len(decisions) == SEEDS * 5 * 2
        kinds = Counter(event["status"] for event in decisions)
        assert kinds["reasked"] == sum(len(event["replies"]) > 1 for event in decisions) > 0
        total = sum(event["cost"] for event in decisions)
        assert sum(row["cost"] for row in result["rows"]) == pytest.approx(total)
        meta = json.loads((tmp_path / "meta.json").read_text("utf-8"))
        assert meta["spent"]["cost"] == pytest.approx(total)
        assert meta["spent"]["calls"] == len(replies)
        assert meta["sessions"][0]["answers"] == len(replies)
        assert all(0 < row["tokens_cached"] < row["tokens_in"] for row in result["rows"])

    def test_replies_that_name_no_move_are_reported(self, server: Chaos, tmp_path: Path) -> None:
        mute = content(server.url, players=[f"vllm:mute@{server.url}"], seeds=1)
        [row] = play_suite(read(mute), tmp_path)["rows"]
        assert row["invalid_rate"] == 1.0
        assert row["cooperation"] is None
        assert {event["status"] for event in events(tmp_path, "decision")} == {"invalid"}

    def test_prompts_of_a_seat_begin_alike(self, server: Chaos, tmp_path: Path) -> None:
        plain = content(server.url, windows=[80], seeds=1, games={"prisoners": {"rounds": 8}})
        play_suite(read(plain), tmp_path)
        [begun] = events(tmp_path, "run")
        for seat in (0, 1):
            mine = [event for event in events(tmp_path, "decision") if event["seat"] == seat]
            assert begun["systems"][seat]
            for before, after in pairwise(mine):
                assert after["memory"].startswith(before["memory"])
                assert shared(before["prompt"], after["prompt"]) >= len(before["memory"])

    def test_the_same_question_under_two_arms_is_asked_once(
        self, server: Chaos, tmp_path: Path
    ) -> None:
        server.contents.clear()
        play_suite(read(content(server.url, windows=[1, 2, 3])), tmp_path)
        assert set(server.contents.values()) == {1}
        first = [event for event in events(tmp_path, "decision") if event["round"] == 1]
        assert len(first) == 3 * SEEDS * 2
        assert len({(event["seat"], event["key"]) for event in first}) == SEEDS * 2

    def test_models_play_each_other(self, server: Chaos, tmp_path: Path) -> None:
        other = f"vllm:other@{server.url}"
        opponents = [other, "surrogate:immune", "tft"]
        games = {"prisoners": {"rounds": 3, "opponents": opponents}}
        result = play_suite(read(content(server.url, games=games, seeds=2)), tmp_path)
        assert [row["opponent"] for row in result["rows"][::2]] == opponents
        assert all(row["decisions"] == 3 for row in result["rows"])
        asked = [set(event.get("asked", {})) for event in events(tmp_path, "result")]
        assert {frozenset(names) for names in asked} == {
            frozenset({f"vllm:tiny@{server.url}"}),
            frozenset({f"vllm:tiny@{server.url}", other}),
        }

    def test_a_model_that_fails_does_not_take_the_others_along(
        self, server: Chaos, tmp_path: Path
    ) -> None:
        gone = "tests.test_runner:Failing"
        plain = content(server.url, players=[f"vllm:tiny@{server.url}", gone], seeds=2)
        with pytest.raises(ModelError, match=r"2 runs are not finished.*2 failed.*bench resume"):
            play_suite(read(plain), tmp_path)
        assert len(events(tmp_path, "result")) == 2
        assert not (tmp_path / "result.json").exists()

    def test_a_spent_budget_stops_and_a_larger_one_goes_on(
        self, server: Chaos, tmp_path: Path
    ) -> None:
        folder = tmp_path / "run"
        folder.mkdir()
        plain = content(server.url, concurrency=2, windows=[2, 3])
        server.contents.clear()
        with pytest.raises(BudgetExceeded, match=r"budget of 20 calls is spent.*bench resume"):
            play_suite(read({**plain, "budget": {"calls": 20}}), folder)
        assert sum(server.contents.values()) == 20
        with pytest.raises(BudgetExceeded, match="budget of 30 calls is spent"):
            play_suite(read({**plain, "budget": {"calls": 30}}), folder)
        assert sum(server.contents.values()) == 30  # what was spent before counts
        play_suite(read(plain), folder)
        assert set(server.contents.values()) == {1}
        meta = json.loads((folder / "meta.json").read_text("utf-8"))
        # What an unfinished run shared with a finished one counts twice, to be on the safe side.
        twice = meta["spent"]["calls"] - sum(server.contents.values())
        assert 0 <= twice <= 2 * SEEDS * 2  # two rounds look alike under both windows
        assert meta["sessions"][2]["runs"] > 0

    @pytest.mark.slow
    def test_a_bad_server_is_survived(self, tmp_path: Path) -> None:
        with Chaos(answer=said, busy=0.05, hang=0.02, garbage=0.02) as server:
            plain = content(server.url, seeds=20, games={"prisoners": {"rounds": 20}})
            result = play_suite(read({**plain, "timeout": "2s"}), tmp_path)
            decisions = events(tmp_path, "decision")
            replies = sum(len(event["replies"]) for event in decisions)
            assert server.counts["ok"] >= replies
            assert min(server.counts[kind] for kind in ("busy", "hang", "garbage")) > 0
            meta = json.loads((tmp_path / "meta.json").read_text("utf-8"))
            [session] = meta["sessions"]
            assert session["answers"] == replies
            assert session["refusals"] == server.counts["busy"]
            assert session["failures"] >= server.counts["hang"] + server.counts["garbage"]
        assert len(result["rows"]) == 20
        assert len(decisions) == 20 * 20 * 2
        invalid = [event for event in events(tmp_path, "round") if not event["valid"]]
        rate = sum(row["invalid_rate"] for row in result["rows"]) / 20
        assert rate == pytest.approx(len(invalid) / 400)


class Failing:
    """A model that is never there."""

    def invoke(self, messages: Any, /, **options: Any) -> Any:
        raise PermissionError("no such key")


class TestSuite:
    def test_what_is_wrong_with_serving_is_told(self) -> None:
        player = "vllm:tiny@http://127.0.0.1:1/v1"
        plain = content("http://127.0.0.1:1/v1")
        wrong = {
            "budget": {"cost": 1, "costs": 2},
            "prices": {"vllm:tini@http://127.0.0.1:1/v1": {"input": 1, "output": 1}},
            "concurrency": 0,
            "family": ["window-3"],
        }
        with pytest.raises(ConfigError) as caught:
            read({**plain, **wrong})
        text = str(caught.value)
        assert "budget.costs: unknown key; did you mean 'cost'" in text
        assert "concurrency: 0" in text
        assert f"did you mean '{player}'" in text
        assert "no arm 'window-3'; did you mean 'window-2'" in text
        with pytest.raises(ConfigError, match=r"a limit in money needs prices\.vllm:tiny"):
            read({**plain, "budget": {"cost": 1}})
        with pytest.raises(ConfigError, match=r"model: unknown model option 'temperatur'"):
            read({**plain, "model": {"temperatur": 1}})

    def test_options_and_prices_are_part_of_the_specification_and_keys_and_limits_are_not(
        self,
    ) -> None:
        plain = content("http://127.0.0.1:1/v1")
        base = read(plain).spec_hash()
        assert read({**plain, "model": {"temperature": 0.7}}).spec_hash() != base
        for same in ({"model": {"api_key": "sk"}}, {"budget": {"calls": 9}}, {"concurrency": 3}):
            assert read({**plain, **same}).spec_hash() == base

    def test_a_declared_family_is_what_is_compared(self, tmp_path: Path) -> None:
        plain = content("", players=["surrogate:gemma_tg"], windows=[1, 2, 3])
        roles = []
        for family in ([], ["window-1"]):
            folder = tmp_path / str(len(family))
            folder.mkdir()
            result = play_suite(read({**plain, "family": family}), folder)
            roles.append(json.dumps(result["summary"]))
        assert roles[0] != roles[1]


class TestEstimate:
    def test_it_counts_as_the_suite_then_does(self, server: Chaos, tmp_path: Path) -> None:
        player = f"vllm:tiny@{server.url}"
        plain = content(server.url, prices={player: {"input": 1.0, "cached": 0.1, "output": 2.0}})
        suite = read(plain)
        [one] = estimates(suite, reply=25)
        assert (one.model, one.runs, one.calls) == (player, SEEDS, SEEDS * 10)
        assert one.cost is not None
        assert one.cost_uncached is not None
        assert one.cost < one.cost_uncached
        rows = play_suite(suite, tmp_path)["rows"]
        assert one.tokens_in / one.calls == pytest.approx(rows[0]["tokens_in"], rel=0.25)
        assert one.tokens_out == 25 * one.calls

    def test_what_a_memory_asks_is_counted(self) -> None:
        plain = content("http://127.0.0.1:1/v1", arms=["p09-summary"])
        [both], [one] = estimates(read(plain)), estimates(read({**plain, "arms": {}}))
        assert both.calls > 2 * one.calls
        assert one.cost is None

    def test_simulated_players_are_asked_nothing(self) -> None:
        assert estimates(read(content("", players=["surrogate:immune"]))) == []

    def test_the_least_value_of_a_schema(self) -> None:
        kinds = {name: {"type": name} for name in ("array", "integer", "boolean", "string")}
        schema = {"type": "object", "properties": {**kinds, "one": {"enum": ["x", "y"]}}}
        found = {"array": [], "integer": 0, "boolean": False, "string": "t", "one": "x"}
        assert least(schema, "t") == found


class TestAgain:
    @pytest.fixture
    def made(self, tmp_path: Path) -> Path:
        path = tmp_path / "two.yaml"
        path.write_text(json.dumps(content("", players=["surrogate:gemma_tg"])))
        return path

    def test_what_was_never_begun_cannot_be_gone_on_with(self, made: Path) -> None:
        with pytest.raises(InputError, match="nothing was begun"):
            again.resume(made, made.parent)
        with pytest.raises(InputError, match=r"no folder of a run: it holds no meta\.json"):
            again.remake(made.parent)

    def test_answers_are_looked_for_where_they_were_kept(
        self, server: Chaos, tmp_path: Path
    ) -> None:
        path = tmp_path / "served.yaml"
        path.write_text(json.dumps(content(server.url, seeds=1)))
        suite = load_suite(path)
        folder = tmp_path / "runs" / suite.spec_hash()
        folder.mkdir(parents=True)
        play_suite(suite, folder, log="moves", answers=tmp_path / "elsewhere.sqlite")
        log = folder / "events.jsonl"
        log.write_text("".join(log.read_text("utf-8").splitlines(keepends=True)[:5]))
        server.contents.clear()
        assert again.resume(folder, progress=False) == folder
        assert not server.contents

    def test_a_run_is_gone_on_with_by_its_suite_or_its_folder(self, made: Path) -> None:
        suite = load_suite(made)
        folder = made.parent / "runs" / suite.spec_hash()
        folder.mkdir(parents=True)
        whole = play_suite(suite, folder)
        log = folder / "events.jsonl"
        lines = log.read_text("utf-8").splitlines(keepends=True)
        (folder / "result.json").unlink()
        log.write_text("".join(lines[:20]))
        with pytest.raises(InputError, match=r"no folder of a finished run.*result\.json"):
            compare(folder, folder)
        assert again.remake(folder, made.parent / "copy.html").name == "copy.html"
        assert f"UNFINISHED: 1 of {SEEDS} runs" in (made.parent / "copy.html").read_text("utf-8")
        log.write_text("".join(lines[:9]))
        with pytest.raises(InputError, match="no run is finished"):
            again.remake(folder)
        assert again.resume(made, made.parent / "runs", progress=False) == folder
        assert again.resume(folder, progress=False) == folder
        assert json.loads((folder / "result.json").read_text("utf-8"))["rows"] == whole["rows"]
        assert again.remake(folder) == folder / "report.html"
        made.write_text(json.dumps(content("", players=["surrogate:immune"])))
        with pytest.raises(InputError, match="has changed since"):
            again.resume(folder)


class TestCompare:
    def test_two_players_are_set_against_each_other(self, tmp_path: Path) -> None:
        for name in ("gemma_tg", "immune"):
            (tmp_path / name).mkdir()
            play_suite(read(content("", players=[f"surrogate:{name}"])), tmp_path / name)
        found = compare(tmp_path / "gemma_tg", tmp_path / "immune")
        assert [part["key"] for part in found["spec"]] == ["cells[prisoners].players"]
        [line] = found["figures"]
        assert line["player"] == "surrogate:gemma_tg | surrogate:immune"
        assert line["difference"]["n"] == SEEDS
        gap = line["means"][1] - line["means"][0]
        assert line["difference"]["mean"] == pytest.approx(gap)
        assert found["only"] == []

    def test_settings_of_one_side_are_named(self, tmp_path: Path) -> None:
        for name, windows in (("a", [1, 2]), ("b", [2])):
            (tmp_path / name).mkdir()
            plain = content("", players=["surrogate:immune"], windows=windows)
            play_suite(read(plain), tmp_path / name)
        found = compare(tmp_path / "a", tmp_path / "b")
        assert found["only"] == [["prisoners", "surrogate:immune", "self", "window-1"]]
        assert [line["difference"]["mean"] for line in found["figures"]] == [0.0]


class TestMeta:
    def test_a_served_model_is_described_without_its_secrets(self) -> None:
        spec = "vllm:org/tiny@http://me:pass@host:1/v1"
        found = described(spec)
        assert (found["provider"], found["model"]) == ("vllm", "org/tiny")
        assert "pass" not in found["address"]
        assert described("openai:gpt-4o-mini") == {"provider": "openai", "model": "gpt-4o-mini"}

    def test_the_commit_of_a_checkout(self, tmp_path: Path) -> None:
        assert commit(tmp_path) is None
        git = tmp_path / ".git"
        (git / "refs/heads").mkdir(parents=True)
        (git / "HEAD").write_text("ref: refs/heads/main\n")
        assert commit(tmp_path) is None
        (git / "packed-refs").write_text("# pack-refs\nabc refs/heads/main\n")
        assert commit(tmp_path) == "abc"
        (git / "refs/heads/main").write_text("def\n")
        assert commit(tmp_path) == "def"
        (git / "HEAD").write_text("012\n")
        assert commit(tmp_path) == "012"


FIGURES = Figures(
    answers=9,
    reused=0,
    calls=9,
    tokens_in=2_000_000,
    cached=500_000,
    tokens_out=7,
    cost=1.25,
    limit=4,
    active=3,
    waiting=0,
    refusals=2,
    failures=1,
)


class TestProgress:
    def test_it_says_what_served_models_have_taken(self) -> None:
        said = "cost 1.2500, 25% of 2.00M prompt tokens cached, 3 of 4 calls, 2 refused, 1 failed"
        assert served(FIGURES) == said
        assert served(None) == ""

    def test_it_counts_runs_rounds_and_decisions(self, capsys: pytest.CaptureFixture[str]) -> None:
        jobs = list(read(content("", players=["surrogate:immune"])).jobs())
        with bar(jobs, jobs[:1], lambda: FIGURES, shown=True) as tell:
            for job in jobs[1:]:
                tell(Told(run=job.id, rounds=5, decisions=10, row={}))
        assert f"{SEEDS}/{SEEDS} runs" in capsys.readouterr().err


class FakeActor:
    """Its methods are called through `remote`."""

    def __init__(self, made: Any) -> None:
        self.made = made

    def __getattr__(self, name: str) -> Any:
        return SimpleNamespace(remote=getattr(self.made, name))


class FakeRay:
    """As much of Ray as the executor asks for, in this process; some workers die."""

    class RayError(Exception):
        pass

    class RayTaskError(RayError):
        def __init__(self, cause: Exception) -> None:
            self.cause = cause

    def __init__(self, deaths: list[int]) -> None:
        self.exceptions = SimpleNamespace(RayError=self.RayError, RayTaskError=self.RayTaskError)
        affinity = SimpleNamespace(NodeAffinitySchedulingStrategy=lambda **where: where)
        self.util = SimpleNamespace(scheduling_strategies=affinity)
        self.deaths = deaths  # news after which the first, second, ... batch is lost
        self.submitted: list[list[Task]] = []
        self.up = False
        self.cancelled: list[Any] = []

    def is_initialized(self) -> bool:
        return self.up

    def init(self, **options: Any) -> None:
        self.up = True

    def shutdown(self) -> None:
        self.up = False

    def cluster_resources(self) -> dict[str, float]:
        return {"CPU": 2.0}

    def get_runtime_context(self) -> Any:
        return SimpleNamespace(get_node_id=lambda: "here")

    def put(self, value: Any) -> Any:
        return value

    def remote(self, **options: Any) -> Callable[..., Any]:
        if "max_retries" not in options:
            assert options["scheduling_strategy"] == {"node_id": "here", "soft": False}
            return lambda kind: SimpleNamespace(remote=lambda *given: FakeActor(kind(*given)))
        assert options["max_retries"] == 0
        return lambda body: SimpleNamespace(remote=lambda *given: self.stream(body, *given))

    def stream(self, body: Any, suite: Any, level: Any, tasks: Any, desk: Any) -> Iterator[Any]:
        death = self.deaths[len(self.submitted)] if len(self.submitted) < len(self.deaths) else None
        self.submitted.append([replace(task, held=list(task.held)) for task in tasks])
        return self._news(body(suite, level, tasks, desk), death)

    def _news(self, news: Iterator[Any], death: int | None) -> Iterator[Any]:
        if death is not None:
            yield from islice(news, death)
            yield self.RayError("the node died")
        else:
            yield from news

    def get(self, value: Any) -> Any:
        if isinstance(value, Exception):
            raise value
        return value

    def cancel(self, stream: Any, *, force: bool) -> None:
        assert force
        self.cancelled.append(stream)

    def wait(self, streams: list[Any], **options: Any) -> tuple[list[Any], list[Any]]:
        return streams[:1], streams[1:]


def driven(deaths: list[int]) -> tuple[on_ray.Driver, list[Told], FakeRay]:
    """Six runs on a fake cluster of one worker, in batches of one."""
    suite = read(content("", players=["surrogate:gemma_tg"], seeds=6))
    tasks = [Task(job=job) for job in suite.jobs()]
    told: list[Told] = []
    ray = FakeRay(deaths)
    clients = Clients(suite, None)
    work = Work(suite=suite, level="full", tasks=tasks, clients=clients, answers=None)
    driver = on_ray.Driver.begin(ray, work, 1, told.append)
    driver.waiting = deque([[run for batch in driver.waiting for run in batch]])
    return driver, told, ray


class TestWorkers:
    @pytest.fixture(autouse=True)
    def _without_ray(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.ray = FakeRay([])
        monkeypatch.setattr(on_ray, "library", lambda: self.ray)

    @pytest.mark.parametrize("deaths", [[], [0, 0]])
    def test_a_cluster_gives_the_same_result(
        self, server: Chaos, deaths: list[int], tmp_path: Path
    ) -> None:
        self.ray.deaths = deaths
        player = f"vllm:tiny@{server.url}"
        suite = read(content(server.url, players=[player, "surrogate:immune"], seeds=2))
        for name in ("here", "there"):
            (tmp_path / name / "run").mkdir(parents=True)
        server.contents.clear()
        there = play_suite(suite, tmp_path / "there" / "run", executor=by_name("ray"))
        assert set(server.contents.values()) == {1}
        assert len(self.ray.submitted) == 4 + len(deaths)
        assert not self.ray.is_initialized()
        assert play_suite(suite, tmp_path / "here" / "run") == there

    def test_a_cluster_is_not_made_for_nothing(self, tmp_path: Path) -> None:
        suite = read(content("", players=["surrogate:immune"], seeds=1))
        play_suite(suite, tmp_path)
        play_suite(suite, tmp_path, executor=by_name("ray"))
        assert self.ray.submitted == []

    def test_what_a_lost_worker_left_goes_to_another(self) -> None:
        driver, told, ray = driven(deaths=[2, 1])
        driver.drive()
        assert [len(tasks) for tasks in ray.submitted] == [6, 4, 3]
        assert len(told) == len({one.run for one in told}) == 6
        assert all(one.row is not None for one in told)

    def test_lines_that_arrived_are_handed_on(self) -> None:
        driver, _, _ = driven(deaths=[])
        run = next(iter(driver.jobs))
        driver.hear(Told(run=run, lines="a\nb\n"))
        driver.hear(Told(run=run, lines="c\n"))
        assert driver.held[run] == ["a\n", "b\n", "c\n"]

    def test_runs_under_which_workers_keep_dying_fail(self) -> None:
        driver, told, _ = driven(deaths=[0] * 9)
        driver.drive()
        assert {type(one.failure) for one in told} == {ModelUnavailable}
        assert "6 workers were lost under it, the last: the node died" in str(told[0].failure)

    def test_after_an_error_of_the_code_no_worker_goes_on(self) -> None:
        driver, _, ray = driven(deaths=[])
        streams = [iter([ray.RayTaskError(InputError("wrong"))]), iter([])]
        driver.under_way = {stream: [] for stream in streams}
        with pytest.raises(InputError, match="wrong"):
            driver.drive()
        assert ray.cancelled == streams

    def test_what_a_thread_tells_is_heard_in_order_and_its_error_raised(self) -> None:
        def play(tell: Callable[[Told], None]) -> None:
            for number in range(100):
                tell(Told(run=str(number)))
            raise InputError("at the end")

        heard: list[str] = []
        with pytest.raises(InputError, match="at the end"):
            heard.extend(told.run for some in on_ray.heard(play) for told in some)
        assert heard == [str(number) for number in range(100)]

    def test_a_client_at_a_desk_shares_answers_and_budget(self, tmp_path: Path) -> None:
        limits = Limits(calls=3, cost=1.0)
        desk = Desk(str(tmp_path / "answers.sqlite"), limits, (1, Usage(tokens_in=5), 0.25))

        def ask(method: str, *given: Any) -> Any:
            return getattr(desk, method)(*given)

        answers = DeskAnswers("desk", ask)
        clients = [
            Client(
                model=Echo(),
                name="echo",
                answers=answers,
                budget=DeskBudget(limits, ask),
                prices={"echo": Price(input=1.0, output=1.0)},
            )
            for _ in range(2)
        ]
        question = [{"role": "user", "content": "A0?"}]
        first = clients[0].ask(question, seed=1, key=(1,))
        again = clients[1].ask(question, seed=1, key=(1,))
        assert (first.text, again.text, again.reused) == ("A0?", "A0?", True)
        clients[1].ask(question, seed=2, key=(1,))
        clients[1].account.charge(0, Usage(tokens_in=1))
        with pytest.raises(BudgetExceeded, match="budget of 3 calls is spent"):
            clients[0].ask(question, seed=3, key=(1,))
        answers.close()
        assert answers.get("none") is None
        assert Desk(None, limits, (0, Usage(), 0.0)).get("none") is None

    def test_an_unknown_executor_is_refused(self) -> None:
        assert by_name("local", 2) == Local(workers=2)
        with pytest.raises(ConfigError, match="unknown executor 'rey'; did you mean 'ray'"):
            by_name("rey")


class Echo:
    """Says what it is asked."""

    def invoke(self, messages: Any, /, **options: Any) -> Any:
        return SimpleNamespace(content=messages[-1]["content"])
