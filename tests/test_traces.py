"""Forward-looking reasoning taken out of events, as chat JSONL that a trainer can read."""

from __future__ import annotations

import json
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentmem.bench import run_suite
from agentmem.bench.events import line
from agentmem.bench.lexicon import FORWARD, HISTORY, VERSION
from agentmem.bench.lora import read_chats
from agentmem.bench.prompting import form, question
from agentmem.bench.reasoning import reasoning_only, split_answer
from agentmem.bench.surrogates import LABEL
from agentmem.bench.traces import SERVED, WARNING, Selection, export_traces
from agentmem.errors import ConfigError, InputError

HOPE = "Mutual trust can rebuild what we had, and sustain it."  # four words, all looking forward
GRUDGE = "Player 2 defected and exploited me; I must punish that risk."
MEMORY = ["[Round 1] You: A0 (2 pts) | Player 2: A1 (3 pts)"]
RULES = ["You are the first.", "You are the second."]
MODEL = "openai:small"


def asked(style: Any = "cot") -> str:
    return question(MEMORY, "Round 2. Choose one action.", form(style, "action", "<token>"))


def decision(said: str, /, answer: str = '{"action":"A0"}', **changes: Any) -> dict[str, Any]:
    event = {"type": "decision", "round": 2, "step": 0, "seat": 0, "prompt": asked()}
    event |= {"replies": [f"{said}\n{answer}"], "errors": [], "status": "ok", "move": "C"}
    return event | changes


def run(name: str, *decisions: dict[str, Any], done: bool = True, **row: Any) -> list[Any]:
    """The events of a run."""
    row = {"opponent": "self", "arm": "full", "seed": 3, "seats": [0, 1]} | row
    row = {"game": "pg", "player": MODEL} | row
    return [
        {"type": "run", "run": name, "systems": RULES, "order": "plain"},
        *({**event, "run": name} for event in decisions),
        {"type": "round", "run": name, "round": 2},
        *([{"type": "result", "run": name, "row": row}] if done else []),
    ]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The folder of a run, whose events a test writes."""
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "spec.json").write_text(json.dumps({"name": "mine", "version": "1"}))
    return tmp_path / "run"


def log(folder: Path, *runs: list[Any]) -> None:
    lines = [json.dumps(event) + "\n" for events in runs for event in events]
    (folder / "events.jsonl").write_text("".join(lines))


def export(folder: Path, **selection: Any) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """The examples and the manifest."""
    out = folder.parent / "sets" / "forward.jsonl"
    manifest = export_traces(folder, out, Selection(**selection))
    assert json.loads(out.with_suffix(".manifest.json").read_text()) == manifest
    assert sha256(out.read_bytes()).hexdigest() == manifest["sha256"]
    return [json.loads(line) for line in out.read_text().splitlines()], manifest


def said(examples: list[dict[str, Any]]) -> list[str]:
    return [example["messages"][-1]["content"] for example in examples]


def hopes(n: int) -> list[dict[str, Any]]:
    return [decision(f"{HOPE} Take {i}.", round=i) for i in range(1, n + 1)]


# ---------------------------------------------------------------- what an example is


def test_an_example_is_the_seats_rules_what_it_was_shown_and_its_reasoning(folder: Path) -> None:
    log(folder, run("r", decision(HOPE, seat=1)))
    [example], _ = export(folder)
    assert [message["role"] for message in example["messages"]] == ["system", "user", "assistant"]
    system, user, assistant = (message["content"] for message in example["messages"])
    assert system == RULES[1]
    assert MEMORY[0] in user
    assert assistant == HOPE
    assert example["meta"] == {
        "game": "pg",
        "player": MODEL,
        "arm": "full",
        "seed": 3,
        "run": "r",
        "round": 2,
        "step": 0,
        "seat": 1,
        "move": "C",
        "flr": 1.0,
    }


def test_without_action_labels_the_prompt_asks_for_no_answer_either(folder: Path) -> None:
    log(folder, run("r", decision(HOPE)))
    [bare], _ = export(folder)
    [whole], _ = export(folder, actions=True)
    assert bare["messages"][1]["content"].endswith("\nThink step by step.")
    assert not any("{" in message["content"] for message in bare["messages"])
    assert whole["messages"][1]["content"] == asked()
    assert said([whole]) == [HOPE + '\n{"action":"A0"}']


def test_the_set_is_what_the_trainer_reads(folder: Path) -> None:
    log(folder, run("r", *hopes(3)))
    examples, manifest = export(folder)
    chats = read_chats(folder.parent / "sets" / manifest["data"])
    assert chats == [example["messages"] for example in examples]


@given(st.text(), st.dictionaries(st.text(max_size=5), st.integers() | st.text(max_size=5)))
def test_an_answer_is_taken_off_whole(before: str, answer: dict[str, Any]) -> None:
    before = before.replace("{", "(")
    assert split_answer(f"{before}\n{json.dumps(answer)}\n") == (before.strip(), answer)


@pytest.mark.parametrize(
    ("reply", "reasoning", "answer"),
    [
        ('We trust.\n```json\n{"action": "A0"}\n```', "We trust.", {"action": "A0"}),
        ('{"a": {"b": [1]}}', "", {"a": {"b": [1]}}),
        ('A set {x} it is. {"claim": 4}', "A set {x} it is.", {"claim": 4}),
        ("Nothing here.", "Nothing here.", None),
        ('{"action": "A0"} as I said', '{"action": "A0"} as I said', None),
        ("{" + "[" * 100_000, "{" + "[" * 100_000, None),
    ],
)
def test_where_an_answer_begins(reply: str, reasoning: str, answer: Any) -> None:
    assert split_answer(reply) == (reasoning, answer)


def test_only_a_prompt_that_asks_for_reasoning_is_changed() -> None:
    assert reasoning_only(asked("direct")) is None
    assert str(reasoning_only(asked())).startswith("Earlier rounds:\n[Round 1]")


# ---------------------------------------------------------------- which are taken


def test_only_reasoning_that_looks_forward_is_taken(folder: Path) -> None:
    half = f"{HOPE} {GRUDGE}"
    log(folder, run("r", decision(HOPE), decision(GRUDGE), decision(half), decision("Mutual.")))
    examples, manifest = export(folder)
    assert said(examples) == [HOPE, half]
    assert manifest["left_out"] == {"below the threshold": 1, "few words of the lists": 1}
    assert manifest["flr"] == {"mean": 0.75, "least": 0.5}
    assert said(export(folder, threshold=0.9)[0]) == [HOPE]
    assert said(export(folder, threshold=0.9, words=1)[0]) == [HOPE, "Mutual."]


def test_what_was_not_a_plain_reasoned_answer_is_left_out_and_counted(folder: Path) -> None:
    log(
        folder,
        run(
            "r",
            decision(HOPE),
            decision(HOPE, status="invalid"),
            decision(HOPE, status="reasked", replies=["?", f'{HOPE}\n{{"action":"A0"}}']),
            decision("", prompt=asked("direct")),
            decision(HOPE, answer=""),
        ),
        run("cut", decision(f"{HOPE} Later."), done=False),
    )
    examples, manifest = export(folder)
    assert said(examples) == [HOPE]
    assert manifest["decisions"] == 6
    assert manifest["left_out"] == {
        "status invalid": 1,
        "status reasked": 1,
        "no reasoning": 1,
        "no answer at its end": 1,
        "run unfinished": 1,
    }


def test_games_players_and_arms_can_be_chosen(folder: Path) -> None:
    log(
        folder,
        run("a", decision(f"{HOPE} a")),
        run("b", decision(f"{HOPE} b"), game="trust"),
        run("c", decision(f"{HOPE} c"), player="openai:large"),
        run("d", decision(f"{HOPE} d"), arm="none"),
    )
    taken = {
        name: [text[-1] for text in said(export(folder, **{name: (value,)})[0])]
        for name, value in (("games", "pg"), ("players", "openai:large"), ("arms", "none"))
    }
    assert taken == {"games": ["a", "c", "d"], "players": ["c"], "arms": ["d"]}
    with pytest.raises(InputError, match="no finished run of game 'trus'; did you mean 'trust'"):
        export(folder, games=("trus",))


def test_a_trace_is_that_of_the_model_in_its_seat(folder: Path) -> None:
    both = (decision(f"{HOPE} a"), decision(f"{HOPE} b", seat=1))
    log(folder, run("r", *both, opponent="openai:large", seats=[0]))
    examples, manifest = export(folder)
    assert [example["meta"]["player"] for example in examples] == [MODEL, "openai:large"]
    examples, manifest = export(folder, players=("openai:large",))
    assert [example["meta"]["seat"] for example in examples] == [1]
    assert manifest["left_out"] == {"another player": 1}


def test_rules_that_stood_in_the_prompt_are_no_system_message(folder: Path) -> None:
    prompt = question(MEMORY, "Round 2.", form("cot", "action", "<token>"), rules=RULES[0])
    log(folder, run("r", decision(HOPE, prompt=prompt)))
    [example], _ = export(folder)
    assert [message["role"] for message in example["messages"]] == ["user", "assistant"]


def test_the_same_text_is_taken_once(folder: Path) -> None:
    log(folder, run("a", decision(HOPE), decision(HOPE)), run("b", decision(HOPE)))
    examples, manifest = export(folder)
    assert [example["meta"]["run"] for example in examples] == ["a"]
    assert manifest["left_out"] == {"the same text": 2}


def test_a_draw_is_seeded_keeps_the_order_and_counts_what_is_left(folder: Path) -> None:
    log(folder, run("a", *hopes(20)), run("b", decision(f"{HOPE} b")))
    examples, manifest = export(folder, per_run=4, seed=1)
    rounds = [example["meta"]["round"] for example in examples]
    assert len(rounds) == 5
    assert rounds[:4] == sorted(rounds[:4])
    assert manifest["left_out"] == {"not drawn": 16}
    assert export(folder, per_run=4, seed=1) == (examples, manifest)
    assert export(folder, per_run=4, seed=2)[0] != examples
    assert len(export(folder, total=3)[0]) == 3


def test_a_run_begun_again_counts_once(folder: Path) -> None:
    log(folder, run("a", decision(HOPE), done=False), run("a", decision(f"{HOPE} Again?")))
    assert len(export(folder)[0]) == 1


# ---------------------------------------------------------------- the manifest


def test_a_manifest_says_what_was_chosen_by_what_from_what(folder: Path) -> None:
    named = decision(f"{HOPE} So I choose A0.")
    log(folder, run("a", decision(HOPE), named))
    _, manifest = export(folder)
    assert (manifest["traces"], manifest["runs"]) == (2, 1)
    assert manifest["naming_their_answer"] == 1
    assert manifest["players"] == {MODEL: 2}
    assert manifest["selection"]["threshold"] == 0.5
    assert manifest["lexicon"] == {
        "version": VERSION,
        "forward": list(FORWARD),
        "history": list(HISTORY),
    }
    assert manifest["source"]["suite"] == "mine"
    assert len(manifest["source"]["spec_hash"]) == 16


def test_traces_of_simulated_players_are_labelled(folder: Path) -> None:
    log(folder, run("a", decision(HOPE)))
    _, manifest = export(folder)
    assert (manifest["label"], manifest["warning"]) == (SERVED, "")
    log(folder, run("a", decision(HOPE), player="surrogate:immune"))
    _, manifest = export(folder)
    assert (manifest["label"], manifest["warning"]) == (LABEL, WARNING)


def test_a_real_run_is_read_as_it_was_written(tmp_path: Path) -> None:
    suite = tmp_path / "tiny.yaml"
    suite.write_text(
        "{games: {prisoners: {rounds: 6}}, players: ['surrogate:immune'], windows: [2], seeds: 1}"
    )
    folder = run_suite(suite, tmp_path, progress=False)
    examples, manifest = export(folder, threshold=0.0)
    assert len(examples) == manifest["decisions"] == 12
    assert manifest["source"]["spec_hash"] == folder.name
    assert all(text.startswith("Considering ") and "{" not in text for text in said(examples))


# ---------------------------------------------------------------- what cannot be read


@pytest.mark.parametrize("lacking", ["events.jsonl", "spec.json"])
def test_a_folder_of_no_run_is_refused(folder: Path, lacking: str) -> None:
    log(folder, run("a", decision(HOPE)))
    (folder / lacking).unlink()
    with pytest.raises(InputError, match=f"is no folder of a run: it holds no {lacking}"):
        export(folder)


@pytest.mark.parametrize("level", ["moves", "results"])
def test_a_log_without_prompts_is_refused(folder: Path, level: Any) -> None:
    lines = [line(event, level) for event in run("a", decision(HOPE))]
    head = json.dumps({"type": "log", "level": level}) + "\n"
    (folder / "events.jsonl").write_text(head + "".join(lines))
    with pytest.raises(InputError, match=f"jsonl:1: logged with log: {level}, without prompts"):
        export(folder)


def test_if_nothing_is_left_it_says_why_and_writes_nothing(folder: Path) -> None:
    log(folder, run("a", decision(GRUDGE), decision(HOPE, status="invalid")))
    with pytest.raises(InputError, match=r"none of 2 decisions is left.*below the threshold: 1"):
        export(folder)
    assert not (folder.parent / "sets").exists()


@pytest.mark.parametrize(
    ("wrong", "complaint"),
    [
        ("{]", "not JSON"),
        ("3", "None event without a str 'type'"),
        ('{"type": "run", "run": "x"}', "run event without a list 'systems'"),
        ('{"type": "result", "run": "x"}', "result event without a dict 'row'"),
        ('{"type": "result", "run": "x", "row": {}}', "the row has no 'game'"),
        (json.dumps(decision(HOPE)), "decision event without a str 'run'"),
        (json.dumps(decision(HOPE, run="a", prompt=None)), "decision event without a str 'prompt'"),
        (json.dumps(decision(HOPE, run="x")), "before that run began"),
        (json.dumps(decision(HOPE, run="a", seat=2)), "no system message of seat 2"),
    ],
)
def test_a_line_that_cannot_be_read_is_named(folder: Path, wrong: str, complaint: str) -> None:
    begun = run("a", decision(HOPE), done=False)
    log(folder, begun)
    events = folder / "events.jsonl"
    events.write_text(events.read_text() + wrong + "\n")
    with pytest.raises(InputError, match=complaint) as caught:
        export(folder)
    assert f"events.jsonl:{len(begun) + 1}:" in str(caught.value)


def test_a_last_line_without_an_end_is_not_read(folder: Path) -> None:
    log(folder, run("a", decision(HOPE)))
    with (folder / "events.jsonl").open("a") as events:
        events.write('{"type": "deci')
    assert len(export(folder)[0]) == 1


@pytest.mark.parametrize(
    "wrong", [{"threshold": 1.1}, {"words": 0}, {"per_run": 0}, {"total": 0}, {"threshold": "x"}]
)
def test_a_selection_refuses_values_out_of_range(wrong: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match=next(iter(wrong))):
        Selection(**wrong)


def test_a_set_is_written_as_json_lines_only(folder: Path) -> None:
    with pytest.raises(InputError, match=r"to a file \*.jsonl"):
        export_traces(folder, folder / "set.json")
