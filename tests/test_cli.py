"""The command line: what it prints, what it leaves in the file, how it exits."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from types import SimpleNamespace

import pytest
import yaml
from typer.testing import CliRunner

from agentmem.cli import app, main
from agentmem.cli.plans import plan_data, plan_of
from agentmem.cli.session import filters
from agentmem.clock import SimulatedClock
from agentmem.core import Change, Plan, Record
from agentmem.errors import InputError, PlanError
from agentmem.memory import AgentMemory

JAN = "2026-01-01T00:00:00Z"
DEC = "2026-12-01T00:00:00Z"


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    """An empty folder, a small configuration, and none of the user's environment."""
    for name in [name for name in os.environ if name.startswith("AGENTMEM_")]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "c.yaml").write_text(
        "path: mem.db\nembedder: hash\n"
        "policies: [{ebbinghaus: {half_life: 7d, remove: true, forget_below: 0.1}}]\n"
    )
    monkeypatch.setenv("AGENTMEM_CONFIG", str(tmp_path / "c.yaml"))
    return tmp_path


def call(*arguments: str, stdin: str | None = None, code: int = 0):
    result = CliRunner().invoke(app, [*arguments], input=stdin)
    assert result.exit_code == code, (result.output, result.exception)
    return result


def ask(*arguments: str, stdin: str | None = None):
    """The JSON that a command answers."""
    return json.loads(call(*arguments, "--json", stdin=stdin).stdout)


def fail(*arguments: str, code: int, stdin: str | None = None) -> dict:
    """The error, as JSON from stderr; stdout stays empty."""
    result = call(*arguments, "--json", stdin=stdin, code=code)
    assert result.stdout == ""
    error = json.loads(result.stderr)["error"]
    assert error["exit_code"] == code
    return error


def add(text: str, *more: str) -> str:
    [name] = ask("add", text, *more)["ids"]
    return name


# --- remembering and recalling


def test_what_was_added_is_found():
    name = add("I moved to Lisbon.", "--source", "chat", "--data", '{"topic": "home"}')
    [hit] = ask("search", "Lisbon")
    assert hit["record"]["id"] == name
    assert hit["record"]["text"] == "I moved to Lisbon."
    assert hit["record"]["source"] == "chat"
    assert hit["record"]["data"] == {"topic": "home"}
    assert hit["record"]["created"].endswith("Z")
    assert hit["why"]["weights"]


def test_a_person_sees_text_and_id():
    name = call("add", "I moved to Lisbon.").stdout.strip()
    shown = call("search", "Lisbon").stdout
    assert name in shown
    assert "I moved to Lisbon." in shown
    assert call("search", "zebra", "--where", "kind=note").stdout == "nothing found\n"


@pytest.mark.parametrize("arguments", [("add", "-"), ("add",)])
def test_a_text_may_come_from_stdin(arguments):
    ask(*arguments, stdin="Tea, not coffee.")
    assert ask("search", "tea")[0]["record"]["text"] == "Tea, not coffee."


def test_a_text_may_come_from_a_file(home):
    (home / "note.txt").write_text("Tea, not coffee.")
    ask("add", "--file", "note.txt")
    assert len(ask("search", "tea")) == 1
    assert "not both" in fail("add", "x", "--file", "note.txt", code=2)["message"]
    assert "No such file" in fail("add", "--file", "none.txt", code=1)["message"]


def test_now_and_event_time_are_moments_with_a_zone():
    add("Old news.", "--now", DEC, "--event-time", "2026-01-01T01:00:00+01:00")
    [hit] = ask("search", "news", "--now", DEC)
    assert hit["record"]["created"] == JAN
    assert hit["record"]["ingested"] == DEC
    for option in ("--now", "--event-time"):
        assert "no zone" in fail("add", "x", option, "2026-01-01T00:00:00", code=2)["message"]
        assert "not ISO 8601" in fail("add", "x", option, "yesterday", code=2)["message"]


def test_a_namespace_keeps_its_records_to_itself():
    add("Lisbon.", "--namespace", "acme/ann")
    assert ask("search", "Lisbon", "-n", "acme/bob") == []
    assert len(ask("search", "Lisbon", "-n", "acme")) == 1
    assert ask("stats")["records"] == 0
    assert ask("stats", "--everywhere")["records"] == 1
    assert "not a namespace" in fail("search", "x", "-n", "acme//ann", code=2)["message"]


def test_filters_combine():
    add("Tea in Lisbon.", "--source", "chat", "--importance", "0.1")
    add("Wine in Lisbon.", "--source", "chat", "--importance", "0.9")
    add("Port in Lisbon.", "--source", "mail", "--importance", "0.9")
    chat = ("--where", "source=chat")
    assert len(ask("search", "Lisbon", *chat)) == 2
    [hit] = ask("search", "Lisbon", *chat, "--where", '{"importance": {"$gt": 0.5}}')
    assert hit["record"]["text"] == "Wine in Lisbon."


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (None, None),
        (["kind=chunk"], {"kind": "chunk"}),
        (["data.n = 3"], {"data.n": 3}),
        (["data.ok=true"], {"data.ok": True}),
        (['data.n="3"'], {"data.n": "3"}),
        (["a=b=c"], {"a": "b=c"}),
        (["a=1", '{"b": {"$gt": 2}}'], {"$and": [{"a": 1}, {"b": {"$gt": 2}}]}),
    ],
)
def test_a_filter_is_a_pair_or_an_object(given, expected):
    assert filters(given) == expected


def test_a_filter_that_is_neither_is_refused():
    assert "field=value" in fail("search", "x", "--where", "kind", code=2)["message"]
    assert "not JSON" in fail("search", "x", "--where", "{kind", code=2)["message"]
    assert "not a JSON object" in fail("add", "x", "--data", "[1]", code=2)["message"]


def test_a_search_may_leave_no_trace():
    name = add("Lisbon.")
    ask("search", "Lisbon", "--no-reinforce")
    assert len(ask("history", name)) == 1
    ask("search", "Lisbon")
    assert [entry["verbs"] for entry in ask("history", name)] == [["add"], ["touch"]]


def test_a_remembered_text_cannot_steer_the_terminal():
    add("Lisbon \x1b[31m[red]red[/red] \x9b2J")
    shown = call("search", "Lisbon").stdout
    assert "\x1b" not in shown
    assert "\x9b" not in shown
    assert "[red]red[/red]" in shown


# --- forgetting, and the way back


def test_forget_restore_and_history():
    name = add("Lisbon.")
    assert ask("forget", name, "--reason", "asked to")["forgotten"] == [name]
    assert ask("search", "Lisbon") == []
    assert "archived" in call("explain", "Lisbon").stdout
    assert ask("restore", name) == {"restored": [name]}
    lines = ask("history", name)
    assert [entry["verbs"] for entry in lines] == [["add"], ["archive"], ["restore"]]
    assert lines[1]["reason"] == "asked to"
    shown = call("history", name).stdout
    assert "archive" in shown
    assert "asked to" in shown


def test_forgetting_by_filter_lists_first_and_asks():
    names = {add("Tea."), add("Wine.")}
    result = call("forget", "--where", "kind=chunk", stdin="n\n", code=3)
    assert all(name in result.stdout for name in names)
    assert "2 would go" in result.stdout
    assert ask("stats")["active"] == 2
    error = fail("forget", "--where", "kind=chunk", code=3)
    assert "--yes" in error["message"]
    assert set(ask("forget", "--where", "kind=chunk", "--dry-run")["would_forget"]) == names
    assert ask("stats")["active"] == 2
    call("forget", "--where", "kind=chunk", stdin="y\n")
    assert ask("stats")["active"] == 0
    assert ask("forget", "--where", "kind=chunk", "--yes") == {"forgotten": [], "run": ""}


def test_a_long_dry_run_is_cut_short():
    with AgentMemory.from_config("c.yaml") as memory:
        memory.add([f"Fact number {number}." for number in range(21)])
    shown = call("forget", "--where", "kind=chunk", "--dry-run").stdout
    assert "21 would go" in shown
    assert "... and 1 more" in shown


def test_forget_takes_ids_or_a_filter():
    assert "one of them" in fail("forget", code=2)["message"]
    assert "one of them" in fail("forget", "x", "--where", "a=1", code=2)["message"]


def test_forgetting_by_query_and_entity_says_why_and_can_be_undone():
    anna, bob = add("Anna Berg lives in Rome."), add("Bob met Anna Berg.")
    add("Anna Bergson lives in Milan.")
    told = ask("forget", "--about", "Anna Berg", "--dry-run")
    assert set(told["would_forget"]) == {anna, bob}
    told = ask("forget", "--about", "Anna Berg", "--width", "subject", "--dry-run")
    assert told["would_forget"] == [anna]
    told = ask("forget", "--query", "Bob met Anna Berg", "--threshold", "0.8", "--dry-run")
    assert told["would_forget"] == [bob]
    assert told["scores"][bob] > 0.8
    shown = call("forget", "--about", "Anna Berg", stdin="y\n").stdout
    assert "'Anna Berg' in its text" in shown
    run = shown.split()[-1]
    assert ask("stats")["active"] == 1
    call("undo", run)
    assert ask("stats")["active"] == 3


def test_superseding_by_query_says_which_is_meant():
    old = add("Anna lives in Rome.")
    add("Bob lives in Paris.")
    told = ask("supersede", "where Anna lives", "Anna lives in Porto.", "--dry-run")
    assert (told["old"], told["dry_run"]) == (old, True)
    assert ask("stats")["active"] == 2
    assert "replaces" in call("supersede", old, "Anna lives in Porto.").stdout
    found = ask("search", "Anna", "-k", "1")
    assert [hit["record"]["text"] for hit in found] == ["Anna lives in Porto."]
    assert "closely" in fail("supersede", "quantum physics", "x", code=1)["message"]


def test_what_expires_is_out_of_recall():
    add("Here until noon.", "--expires", "2020-01-01T12:00:00Z")
    name = ask("add", "Check me.", "--verify-by", "2030-01-01T12:00:00Z")["ids"][0]
    assert [hit["record"]["id"] for hit in ask("search", "noon", "--by", "tool:web")] == [name]
    with AgentMemory.from_config("c.yaml") as memory:
        assert memory.get(name).verify_by is not None


def test_what_was_forgotten_is_not_added_again_unless_asked():
    name = add("Lisbon.")
    ask("forget", name)
    assert "--revive" in fail("add", "Lisbon.", code=3)["message"]
    assert ask("add", "Lisbon.", "--revive")["ids"] == [name]


def test_erase_asks_and_leaves_nothing(home):
    name = add("My PIN is 918273.")
    call("erase", name, stdin="n\n", code=3)
    call("erase", name, stdin="", code=3)
    assert len(ask("search", "PIN")) == 1
    assert ask("erase", name, "--yes")["erased"] == [name]
    for path in home.glob("mem.db*"):
        assert b"918273" not in path.read_bytes()
    call("erase", add("Another."), "--yes")


def test_erasing_by_identifier_lists_first_and_shows_the_receipt(home):
    name, other = add("Mail xqz@example.com."), add("Mail xqz@example.org.")
    told = ask("erase", "--identifier", "XQZ@example.com", "--dry-run")
    assert (told["erased"], told["places"], told["verified"]) == ([name], {name: ["text"]}, False)
    assert "named in text" in call("erase", "--identifier", "xqz@example.com", "--dry-run").stdout
    shown = call("erase", "--identifier", "xqz@example.com", stdin="y\n").stdout
    assert "1 would go" in shown
    assert "nothing found" in shown
    assert "receipt " in shown
    assert [hit["record"]["id"] for hit in ask("search", "mail")] == [other]
    assert "one of them" in fail("erase", code=2)["message"]
    done = ask("erase", "--about", "Xqzra", "--yes", "--no-verify")
    assert (done["erased"], done["checks"]) == ([], [])


def test_an_unknown_id_is_an_error_of_kind_1():
    add("x")
    for arguments in (("history", "nope"), ("forget", "nope"), ("erase", "nope", "--yes")):
        assert fail(*arguments, code=1)["type"] == "NotFound"


def test_reading_makes_no_file(home):
    assert "no memory at" in fail("search", "x", "--db", "other.db", code=1)["message"]
    assert not (home / "other.db").exists()
    add("x", "--db", "other.db")
    assert (home / "other.db").exists()


# --- plan, apply, undo


def test_a_plan_is_applied_and_undone(home):
    name = add("Old news.", "--now", JAN)
    shown = call("plan", "--now", DEC, "--out", "plan.json").stdout
    assert "1 to go" in shown
    assert name in shown
    assert ask("stats")["active"] == 1  # nothing has happened yet
    run = ask("apply", "plan.json", "--yes")
    assert run["archived"] == 1
    assert ask("stats")["active"] == 0
    assert ask("undo", run["id"])["archived"] == -1
    assert ask("stats")["active"] == 1
    assert fail("undo", run["id"], code=3)["type"] == "CannotUndo"
    assert fail("undo", "nope", code=1)["type"] == "NotFound"


def test_a_plan_may_come_through_a_pipe():
    add("Old news.", "--now", JAN)
    plan = call("plan", "--now", DEC, "--json").stdout
    assert ask("apply", "-", "--yes", stdin=plan)["archived"] == 1


def test_apply_shows_the_plan_and_asks(home):
    name = add("Old news.", "--now", JAN)
    call("plan", "--now", DEC, "--out", "plan.json")
    result = call("apply", "plan.json", stdin="n\n", code=3)
    assert name in result.stdout
    assert ask("stats")["active"] == 1
    assert "1 archived" in call("apply", "plan.json", stdin="y\n").stdout


def test_a_stale_plan_is_refused():
    add("Old news.", "--now", JAN)
    call("plan", "--now", DEC, "--out", "plan.json")
    ask("search", "news", "--now", DEC)
    assert fail("apply", "plan.json", "--yes", code=3)["type"] == "StalePlan"


def test_a_mass_removal_needs_a_word():
    with AgentMemory.from_config("c.yaml", clock=SimulatedClock(0)) as memory:
        memory.add([f"Old news number {number}." for number in range(101)])
    assert "and 91 more" in call("plan", "--now", DEC, "--out", "plan.json").stdout
    assert fail("apply", "plan.json", "--yes", code=3)["type"] == "RemovalCap"
    assert ask("apply", "plan.json", "--yes", "--allow-mass")["archived"] == 101
    assert ask("stats")["active"] == 0


def test_an_edited_plan_is_refused(home):
    add("Old news.", "--now", JAN)
    call("plan", "--now", DEC, "--out", "plan.json")
    data = json.loads((home / "plan.json").read_text())
    data["changes"][0]["archive"] = ["something-else"]
    (home / "plan.json").write_text(json.dumps(data))
    assert "edited" in fail("apply", "plan.json", "--yes", code=3)["message"]


def test_a_plan_is_not_written_over_a_file(home):
    add("x")
    (home / "plan.json").write_text("mine")
    assert "exists already" in fail("plan", "--out", "plan.json", code=2)["message"]
    assert (home / "plan.json").read_text() == "mine"


@pytest.mark.parametrize("text", ["{", "[]", "{}", '{"agentmem_plan": 99}'])
def test_what_is_no_plan_is_refused(text):
    assert "plan" in fail("apply", "-", "--yes", stdin=text, code=2)["message"]


def test_a_plan_with_whole_records_survives_the_file():
    record = Record(
        id="a",
        text="t",
        namespace=("n", "m"),
        created=1.0,
        ingested=2.0,
        used=3.0,
        sources=("b",),
        data={"k": [1]},
    )
    change = Change(
        reason="merged",
        policy="p",
        add=(record,),
        supersede=(("b", "a"),),
        archive=("c",),
        scores={"c": 0.5},
        namespace=("n",),
        turn=3,
    )
    plan = Plan(id="p", now=4.5, changes=(change, Change(reason="r")), versions={"b": 1, "c": 2})
    data = plan_data(plan)
    assert plan_of(json.dumps(data), "here") == plan
    with pytest.raises(PlanError, match="here: the plan was edited"):
        plan_of(json.dumps(data | {"now": 5.0}), "here")
    with pytest.raises(InputError, match="not a plan"):
        plan_of("3", "here")


# --- moving, looking


def test_export_and_import():
    name = add("Lisbon.", "-n", "acme/ann")
    assert ask("export", "out.jsonl", "--everywhere")["exported"] == 1
    assert "exists already" in fail("export", "out.jsonl", code=2)["message"]
    assert ask("import", "out.jsonl", "--db", "copy.db")["imported"] == 1
    assert ask("search", "Lisbon", "--db", "copy.db", "-n", "acme")[0]["record"]["id"] == name
    assert "0 new records" in call("import", "out.jsonl", "--db", "copy.db").stdout


def test_stats_for_a_person():
    add("Lisbon.")
    shown = call("stats").stdout
    assert "ebbinghaus" in shown
    assert "mem.db" in shown


def test_explain_gives_both_halves():
    add("Lisbon is sunny.")
    gone = add("Lisbon is old.")
    ask("forget", gone)
    found = ask("explain", "Lisbon")
    assert [hit["record"]["text"] for hit in found["hits"]] == ["Lisbon is sunny."]
    [missed] = found["missed"]
    assert missed["verdict"] == "archived"
    assert missed["record"]["id"] == gone
    assert missed["remedy"]


@pytest.mark.parametrize("group", ["policies", "stores"])
def test_every_listed_component_can_be_shown(group):
    listed = ask(group, "list")
    assert listed
    for entry in listed:
        assert entry["description"]
        shown = ask(group, "show", entry["name"])
        assert shown["components"]
    assert listed[0]["name"] in call(group, "list").stdout
    assert "did you mean" in fail(group, "show", listed[0]["name"] + "x", code=2)["message"]


def test_a_policy_shows_its_options_and_its_file():
    shown = call("policies", "show", "week").stdout
    assert "half_life: 7d" in shown
    assert "seconds > 0, or nothing" in shown
    options = {
        option["name"]: option
        for option in ask("policies", "show", "window")["components"][0]["options"]
    }
    assert options["n"] == {"name": "n", "allowed": "a whole number >= 0", "default": 20}


def test_config_check_names_every_mistake(home):
    assert ask("config", "check", "c.yaml")["config"]["embedder"] == "hash"
    assert "half_life" in call("config", "check", "c.yaml").stdout
    (home / "bad.yaml").write_text("polices: []\nembedder: hash\nrecall: {k: 0}\n")
    result = call("config", "check", "bad.yaml", code=2)
    assert "bad.yaml: polices: unknown key; did you mean 'policies'" in result.stderr
    assert "bad.yaml: recall.k: 0" in result.stderr
    assert fail("config", "check", "none.yaml", code=2)["type"] == "ConfigError"


def test_the_dumped_configuration_is_one(home):
    plain = ask("config", "check", "c.yaml")["config"]
    (home / "again.yaml").write_text(yaml.safe_dump(plain))
    assert ask("config", "check", "again.yaml")["config"] == plain


def test_the_suites_are_listed():
    names = [entry["name"] for entry in ask("bench", "list")]
    assert "smoke" in names
    assert "smoke" in call("bench", "list").stdout


def test_a_suite_is_played(home):
    suite = {
        "description": "Two rounds.",
        "seeds": 1,
        "games": {
            "prisoners": {"rounds": 2, "opponents": ["alld"], "players": ["surrogate:immune"]}
        },
        "memory": {"k": 2, "reinforce": False, "round": "1h"},
        "windows": [1],
        "arms": {"none": {"k": 0}},
    }
    (home / "tiny.yaml").write_text(yaml.safe_dump(suite))
    files = ask("bench", "run", "tiny.yaml", "--out", "results")["files"]
    assert json.loads((home / files["result"]).read_text())["rows"]
    assert "report.html" in call("bench", "run", "tiny.yaml", "--no-progress").stdout
    assert "did you mean 'smoke'" in fail("bench", "run", "smok", code=2)["message"]


def test_without_a_configuration_the_file_is_agentmem_db(home, monkeypatch):
    monkeypatch.delenv("AGENTMEM_CONFIG")
    add("Lisbon.")
    assert (home / "agentmem.db").exists()


# --- chat


@dataclass
class Echo:
    """A model that answers with what it was told last."""

    def invoke(self, messages, **options):
        said = messages[-1]["content"] if isinstance(messages[-1], dict) else messages[-1].content
        return SimpleNamespace(content=f"You said {said.splitlines()[-1]}", usage_metadata=None)


def test_a_chat_answers_and_remembers():
    result = call(
        "chat",
        "--model",
        f"{__name__}:Echo",
        "--no-stream",
        stdin="I like tea.\n\n/why\n/quit\nlost\n",
    )
    assert "You said" in result.stdout
    assert "nothing was recalled" in result.stdout
    assert "lost" not in result.stdout
    assert "tea" in ask("search", "tea")[0]["record"]["text"]


def test_a_chat_in_json_is_one_object_a_line():
    result = call(
        "chat", "--model", f"{__name__}:Echo", "--json", stdin="I like tea.\n/nope\n\n/quit\nlost\n"
    )
    first, second = map(json.loads, result.stdout.splitlines())
    assert first["said"] == "I like tea."
    assert first["answered"]
    assert first["text"].startswith("You said")
    assert not second["answered"]
    assert "/why" in second["text"]


def test_an_unknown_model_is_a_usage_error():
    assert fail("chat", "--model", "gpt", code=2)["type"] == "ConfigError"


# --- the program


def test_the_program_returns_exit_codes(capsys):
    assert main(["add", "Lisbon."]) == 0
    assert main(["history", "nope"]) == 1
    assert "error: " in capsys.readouterr().err
    assert main(["search", "-k", "x"]) == 2
    assert main(["serch"]) == 2
    assert "serch" in capsys.readouterr().err
    assert main(["--help"]) == 0


def test_wrong_usage_is_json_too_when_asked_for(capsys):
    assert main(["search", "--json", "--kk", "3"]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    error = json.loads(captured.err)["error"]
    assert error["exit_code"] == 2
    assert "--kk" in error["message"]


def test_a_reader_that_leaves_the_pipe_is_no_error(home):
    code = "import sys; from agentmem.cli import main; sys.exit(main(['policies', 'list']))"
    process = subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    process.stdout.close()
    error = process.stderr.read()
    process.stderr.close()
    assert process.wait() == 1
    assert error == b""


def test_extract_does_what_the_structures_owe(home):
    (home / "c.yaml").write_text(
        "path: mem.db\nembedder: hash\nstores: [chunk, tests.structures:Sayings: {by: model}]\n"
        "extraction: {model: 'tests.structures:Parrot'}\n".replace(
            "[chunk, tests.structures:Sayings: {by: model}]",
            "\n  - chunk\n  - tests.structures:Sayings: {by: model}",
        )
    )
    add("Rex barks.")
    assert ask("stats")["pending"] == 1
    assert call("extract").stdout.startswith("1 tasks done")
    assert ask("extract")["pending"] == 0


def test_reembed_changes_the_embedder_and_nothing_else(home):
    name = add("Lisbon is sunny.")
    assert ask("reembed", "{hash: {dim: 32}}") == {"reembedded": 1, "embedder": "hash-32-v1"}
    assert fail("search", "Lisbon", code=1)["type"] == "EmbedderMismatch"
    text = (home / "c.yaml").read_text().replace("embedder: hash", "embedder: {hash: {dim: 32}}")
    (home / "c.yaml").write_text(text)
    assert [hit["record"]["id"] for hit in ask("search", "Lisbon")] == [name]
