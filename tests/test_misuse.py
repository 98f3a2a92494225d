"""What can go wrong around a run is told, before anything is written or lost."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from typer.testing import CliRunner

from agentmem.bench import again
from agentmem.bench.compare import compare
from agentmem.bench.estimate import estimates
from agentmem.bench.loading import load_suite
from agentmem.bench.log import Log
from agentmem.bench.run import play_suite, run_suite
from agentmem.bench.surrogates import model
from agentmem.cli import app
from agentmem.errors import BudgetExceeded, ConfigError, InputError
from tests.chaos import Chaos

RUN = "prisoners/surrogate:immune/self/window-2/0"
MOVE = json.dumps({"reasoning": "as ever", "action": "A"})


def plain(player: str = "surrogate:immune", **changes: Any) -> dict[str, Any]:
    """A suite of one short run."""
    small: dict[str, Any] = {
        "games": {"prisoners": {"rounds": 2}},
        "players": [player],
        "windows": [2],
        "seeds": 1,
    }
    return {**small, **changes}


def suite_of(folder: Path, **changes: Any) -> Path:
    path = folder / "small.yaml"
    path.write_text(json.dumps(plain(**changes)), encoding="utf-8")
    return path


class TestSecrets:
    @pytest.mark.parametrize(
        "spec",
        [
            "vllm:tiny@http://me:hidden-key@localhost:1/v1",
            "vllm:tiny@http://localhost:1/v1?api_key=hidden-key",
            "openai:tiny@https://localhost:1/sk-hidden-key/v1",
            "vllm:tiny@http://localhost:1/hidden-environment/v1",
        ],
    )
    def test_a_key_in_an_address_is_refused_and_not_repeated(
        self, spec: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("VLLM_API_KEY", "hidden-environment")
        for changes in ({"player": spec}, {"games": {"prisoners": {"opponents": [spec]}}}):
            with pytest.raises(ConfigError, match="leave keys, passwords and queries") as told:
                load_suite(suite_of(tmp_path, **changes))
            assert "hidden" not in str(told.value)
        asked = CliRunner().invoke(app, ["bench", "probe", spec, "--out", str(tmp_path / "probe")])
        assert (asked.exit_code, "leave keys" in asked.output) == (2, True)
        assert not (tmp_path / "probe").exists()

    def test_no_key_among_the_options_is_written_anywhere(self, tmp_path: Path) -> None:
        options = {
            "api_key": "hidden-1",
            "default_headers": {"Authorization": "hidden-2"},
            "model_kwargs": {"extra_headers": {"X-Key": "hidden-3"}},
            "temperature": 0.5,
        }
        with Chaos(answer=lambda _: MOVE) as server:
            path = suite_of(tmp_path, player=f"vllm:tiny@{server.url}", model=options)
            (tmp_path / "run").mkdir()
            play_suite(load_suite(path), tmp_path / "run")
        path.unlink()
        written = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
        assert b'"temperature": 0.5' in written
        assert b"hidden" not in written

    def test_an_estimate_needs_no_key_and_a_run_without_one_writes_nothing(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.delenv("OPENAI_API_KEY", raising=False)
        suite = load_suite(suite_of(tmp_path, player="openai:tiny"))
        assert estimates(suite)[0].calls == 4
        with pytest.raises(ConfigError, match="needs a key: set OPENAI_API_KEY"):
            play_suite(suite, tmp_path / "run")
        probe = ["probe", "openai:tiny", "--yes", "--samples", "1", "--out", str(tmp_path / "run")]
        asked = CliRunner().invoke(app, ["bench", *probe])
        assert (asked.exit_code, "needs a key" in asked.output) == (2, True)
        assert not (tmp_path / "run").exists()


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> list[bytes]:
    """The lines of a finished run's log."""
    folder = tmp_path_factory.mktemp("whole")
    play_suite(load_suite(suite_of(folder)), folder)
    return (folder / "events.jsonl").read_bytes().splitlines(keepends=True)


class TestDamage:
    @pytest.mark.parametrize(
        ("place", "line", "problem"),
        [
            (2, b"\0\0\0\n", "jsonl:3: no event of a run"),
            (2, b'{"type": "decision", "run": "prison\n', "jsonl:3: no event of a run"),
            (2, b'{"type": "decision", "run": "a\tb"}\n', "jsonl:3: not JSON"),
            (2, b'{"type": "decision", "run": "\xff"}\n', "jsonl:3: not JSON"),
            (2, b'{"type": "decision", "run": "%s", "ro\n', "event 2 in the log: not JSON"),
            (2, b'{"type": "decision", "run": "%s", "x": "\xff"}\n', "go apart at round 1"),
            (-1, b'{"type": "result", "run": "%s"}\n', "jsonl:9: a result without its row"),
            (-1, b'{"type": "result", "run": "%s", "row": 3}\n', "jsonl:9: a result without"),
            (-1, b'{"type": "result", "run": "%s", "row": {}, "asked": 3}\n', "jsonl:9: a result"),
        ],
    )
    def test_a_damaged_line_of_a_log_is_named(
        self, place: int, line: bytes, problem: str, log: list[bytes], tmp_path: Path
    ) -> None:
        suite = load_suite(suite_of(tmp_path))
        lines = log if place < 0 else log[:-1]
        lines = [*lines]
        lines[place] = line.replace(b"%s", RUN.encode())
        path = tmp_path / "events.jsonl"
        path.write_bytes(b"".join(lines))
        with pytest.raises(InputError, match=problem):
            play_suite(suite, tmp_path)
        assert path.read_bytes() == b"".join(lines)

    @pytest.mark.parametrize("text", ["", "[]", '{"suite": "of old"}'])
    def test_a_damaged_or_older_file_of_a_run_is_named(self, text: str, tmp_path: Path) -> None:
        folder = run_suite(suite_of(tmp_path), tmp_path, progress=False)
        whole = (folder / "result.json").read_bytes()
        meta = (folder / "meta.json").read_bytes()
        (folder / "result.json").write_text(text, encoding="utf-8")
        for use in (again.remake, lambda folder: compare(folder, folder)):
            with pytest.raises(InputError, match=r"result\.json: damaged"):
                use(folder)
        assert again.resume(folder, progress=False) == folder
        assert (folder / "result.json").read_bytes() == whole
        (folder / "meta.json").write_text(text, encoding="utf-8")
        for use in (again.remake, again.resume):
            with pytest.raises(InputError, match=r"meta\.json: damaged"):
                use(folder)
        (folder / "meta.json").write_bytes(meta)
        (folder / "spec.json").write_text("[]", encoding="utf-8")
        for use in (again.remake, lambda folder: compare(folder, folder)):
            with pytest.raises(InputError, match=r"spec\.json: damaged, or of another version"):
                use(folder)


HOSTILE = "f\u00fcr immer \U0001f91d </script><script>alert(1)</script> {} <!-- \u2028 \0 \ud83e"


class TestReplies:
    @pytest.mark.parametrize("more", [HOSTILE, "trust " * 50_000])
    def test_whatever_a_model_says_is_kept_and_answered_from_the_log(
        self, more: str, tmp_path: Path
    ) -> None:
        player = model("immune")

        def said(body: dict[str, Any]) -> str:
            return more + str(player.invoke(body["messages"], seed=body["seed"]).content)

        with Chaos(answer=said) as server:
            path = suite_of(tmp_path, player=f"vllm:tiny@{server.url}")
            folder = run_suite(path, tmp_path, progress=False)
            whole = {name: (folder / name).read_bytes() for name in ("events.jsonl", "result.json")}
            assert json.loads(whole["result.json"])["rows"][0]["invalid_rate"] == 0.0
            assert "<script>alert" not in (folder / "report.html").read_text("utf-8")
            (tmp_path / "answers.sqlite").unlink()
            lines = whole["events.jsonl"].splitlines(keepends=True)
            (folder / "events.jsonl").write_bytes(b"".join(lines[:-1]))
            server.contents.clear()
            run_suite(path, tmp_path, progress=False)
            assert not server.contents
        assert whole == {name: (folder / name).read_bytes() for name in whole}


class TestTheSame:
    """The bytes of a result do not depend on how it came about."""

    def test_whatever_the_concurrency_and_the_level_of_the_log(self, tmp_path: Path) -> None:
        player = model("gemma_tg")

        def said(body: dict[str, Any]) -> str:
            return str(player.invoke(body["messages"], seed=body["seed"]).content)

        results = set()
        with Chaos(answer=said) as server:
            served = {"player": f"vllm:tiny@{server.url}", "seeds": 3}
            for name, calls, level in (
                ("one", 1, "full"),
                ("many", 1000, "full"),
                ("moves", 8, "moves"),
                ("results", 8, "results"),
            ):
                (tmp_path / name / "run").mkdir(parents=True)  # answers are kept one folder above
                path = suite_of(tmp_path, **served, concurrency=calls, log=level)
                play_suite(load_suite(path), tmp_path / name / "run")
                results.add((tmp_path / name / "run" / "result.json").read_bytes())
            assert set(server.contents.values()) == {4}
        assert len(results) == 1


class TestAgain:
    def test_a_run_that_another_process_plays_is_not_begun_anew(self, tmp_path: Path) -> None:
        path = suite_of(tmp_path)
        folder = run_suite(path, tmp_path, progress=False)
        before = {file.name: file.read_bytes() for file in folder.iterdir()}
        other = Log.open(folder / "events.jsonl", "full")
        for resume in (True, False):
            with pytest.raises(InputError, match="is being written by another process"):
                run_suite(path, tmp_path, progress=False, resume=resume)
        assert {file.name: file.read_bytes() for file in folder.iterdir()} == before
        other.close()
        run_suite(path, tmp_path, progress=False, resume=False)
        again = (folder / "events.jsonl").read_bytes(), (folder / "result.json").read_bytes()
        assert again == (before["events.jsonl"], before["result.json"])

    def test_a_copy_of_a_report_goes_where_no_folder_was(self, tmp_path: Path) -> None:
        folder = run_suite(suite_of(tmp_path), tmp_path, progress=False)
        copy = again.remake(folder, tmp_path / "new" / "copy.html")
        assert copy.read_bytes() == (folder / "report.html").read_bytes()

    def test_a_limit_in_money_holds_until_another_is_given(self, tmp_path: Path) -> None:
        with Chaos(answer=lambda _: MOVE) as server:
            player = f"vllm:tiny@{server.url}"
            prices = {player: {"input": 1.0, "output": 1.0}}
            path = suite_of(tmp_path, player=player, prices=prices, budget={"cost": 9})
            folder = tmp_path / load_suite(path).spec_hash()
            with pytest.raises(BudgetExceeded, match="raise max_cost"):
                run_suite(path, tmp_path, progress=False, max_cost=0.0)
            for what in (folder, path):
                with pytest.raises(BudgetExceeded, match="raise max_cost"):
                    again.resume(what, tmp_path, progress=False)
            assert server.counts["ok"] == 0
            assert again.resume(folder, progress=False, max_cost=1.0) == folder

    def test_a_folder_that_was_moved_takes_its_answers_along(self, tmp_path: Path) -> None:
        with Chaos(answer=lambda _: MOVE) as server:
            path = suite_of(tmp_path, player=f"vllm:tiny@{server.url}")
            folder = run_suite(path, tmp_path / "here", progress=False)
            (tmp_path / "here").rename(tmp_path / "there")
            folder = tmp_path / "there" / folder.name
            whole = (folder / "result.json").read_bytes()
            log = (folder / "events.jsonl").read_bytes().splitlines(keepends=True)
            (folder / "events.jsonl").write_bytes(log[0])
            server.contents.clear()
            assert again.resume(folder, progress=False) == folder
            assert not server.contents
        assert (folder / "result.json").read_bytes() == whole

    def test_a_folder_that_is_no_run_is_named(self, tmp_path: Path) -> None:
        with pytest.raises(InputError, match=r"no folder of a run: it holds no meta\.json"):
            again.resume(tmp_path)

    @pytest.mark.parametrize("executor", ["local", "ray"])
    def test_no_worker_is_refused_before_anything_is_written(
        self, executor: str, tmp_path: Path
    ) -> None:
        path = suite_of(tmp_path)
        with pytest.raises(InputError, match="workers must be at least 1"):
            run_suite(path, tmp_path / "runs", progress=False, place=executor, workers=0)
        assert not (tmp_path / "runs").exists()


def test_ray_after_usearch_is_an_error_and_not_the_end_of_the_process(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from agentmem.bench.on_ray import library

    monkeypatch.setitem(sys.modules, "usearch", ModuleType("usearch"))
    monkeypatch.delitem(sys.modules, "ray", raising=False)
    with pytest.raises(InputError, match="import ray first"):
        library()
