"""The report: one page, safe, labelled, with runs to step through."""

from __future__ import annotations

import json
import re
from collections import Counter
from dataclasses import asdict, replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentmem.bench import load_suite, run_suite
from agentmem.bench.games import BUILTIN, Act, Prisoners, PublicGoods, Round, Ultimatum
from agentmem.bench.report import (
    as_script,
    drawing,
    glances,
    logged,
    methods,
    picked,
    picks,
    replayed,
    report_html,
    report_of,
    words,
)
from agentmem.bench.report.plots import front, policy_dots, tradeoff, window_curve
from agentmem.bench.report.runs import embedded
from agentmem.bench.report.tables import tables
from agentmem.bench.report.timeline import kindness, lanes, ranges, rebuilt, spoken, timeline
from agentmem.bench.surrogates import LABEL

SUITE = """
description: "<Tiny> & quick."
games:
  prisoners: {rounds: 8, opponents: [self, alld]}
  public_goods: {rounds: 6, tremble: 0.2, opponents: [self]}
players: ["surrogate:gemma_tg"]
windows: [2, 6]
arms:
  none: {k: 0}
  p07-bygones: p07-bygones
  mixed: {seats: [p01-window-2, p03-full, p03-full]}
seeds: 2
"""
HOSTILE = (
    "</script><script>alert(1)</script><img src=x onerror=alert(2)>{{7919*7907}} <!-- & \u2028"
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("report") / "tiny.yaml"
    two = SUITE.replace("  mixed: {seats: [p01-window-2, p03-full, p03-full]}\n", "")
    path.write_text(two.replace(two[two.index("  public") : two.index("players")], ""), "utf-8")
    return run_suite(path, path.parent / "runs", progress=False, workers=1)


@pytest.fixture(scope="module")
def mixed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("report") / "mixed.yaml"
    one = SUITE.replace(SUITE[SUITE.index("  prisoners") : SUITE.index("  public")], "")
    path.write_text(one, "utf-8")
    return run_suite(path, path.parent / "runs", progress=False, workers=1)


@pytest.fixture(scope="module")
def page(folder: Path) -> str:
    return report_of(folder, read(folder))


def read(folder: Path, name: str = "result") -> Any:
    return json.loads((folder / f"{name}.json").read_text("utf-8"))


class Page(HTMLParser):
    """Collects tags, ids, addresses, and the data that the page's script reads."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.ids: list[str] = []
        self.links: list[str] = []
        self.tags: Counter[str] = Counter()
        self.scripts: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags[tag] += 1
        if tag == "script":
            self.scripts.append("")
        for name, value in attrs:
            assert not name.startswith("on"), f"{tag} has {name}"
            if name == "id":
                self.ids.append(value or "")
            if name in ("href", "src", "xlink:href"):
                self.links.append(value or "")

    def handle_data(self, data: str) -> None:
        if self.cdata_elem == "script":
            self.scripts[-1] += data

    @property
    def data(self) -> Any:
        return json.loads(self.scripts[0])


def test_the_page_needs_no_network_and_its_ids_are_its_own(page: str) -> None:
    found = Page(page)
    assert "http:" not in page
    assert "https:" not in page
    assert found.links
    assert all(link.startswith("#") and link[1:] in found.ids for link in found.links)
    assert len(set(found.ids)) == len(found.ids)
    assert "default-src 'none'" in page
    assert "&lt;Tiny&gt; &amp; quick." in page
    assert "prefers-color-scheme: dark" in page
    assert {"header", "nav", "main"} <= found.tags.keys()
    assert found.tags["th"] == page.count('scope="col"') + page.count('scope="row"')


def test_every_plot_table_and_run_carries_the_label(page: str, folder: Path) -> None:
    plots = re.findall(r"<figure>.*?</figure>", page, re.DOTALL)
    assert len(plots) == 3  # curve, policies, trade-off
    assert all(LABEL in plot for plot in plots)
    shown = re.findall(r"<table>.*?</table>", page, re.DOTALL)
    labelled = [table for table in shown if f"<caption><span>{LABEL}" in table]
    assert len(shown) - len(labelled) == 1  # the list of arms
    runs = re.findall(r'<details class="run".*?<div class="viewer"', page, re.DOTALL)
    assert len(runs) == len(picked(read(folder), read(folder, "spec"))) == 4
    assert all(LABEL in run for run in runs)


def test_results_of_other_models_carry_no_label(folder: Path) -> None:
    text = report_html({**read(folder), "label": ""})
    assert LABEL not in text
    assert 'class="label"' not in text
    assert Page(text).tags["script"] == 0


def test_what_models_write_cannot_leave_the_data(folder: Path) -> None:
    result, spec = read(folder), read(folder, "spec")
    names = picked(result, spec)[:1]
    events = list(logged(folder / "events.jsonl", names))
    for event in events:
        if event["type"] == "decision":
            event |= {"replies": [HOSTILE, "\ud800"], "errors": [HOSTILE], "status": "reasked"}
            event["memory"] = HOSTILE
    text = report_html({**result, "description": HOSTILE}, spec, events)
    found = Page(text)
    assert found.tags["script"] == 2
    assert found.tags["img"] == 0
    assert "alert(1)" not in found.scripts[1]
    assert HOSTILE in found.data[0]["texts"]
    assert found.data[0]["memories"][0][0] == HOSTILE
    assert "<script>alert" not in text
    assert str(7919 * 7907) not in re.findall(r"<header>.*?</header>", text, re.DOTALL)[0]
    text.encode()  # lone surrogates stay escaped


@given(st.text())
def test_embedded_text_is_read_back_as_it_was_and_holds_no_markup(text: str) -> None:
    told = as_script([text])
    assert json.loads(told) == [text]
    assert not set("<>&\u2028\u2029") & set(told)


def test_the_data_give_back_what_each_seat_remembered_and_said(folder: Path, page: str) -> None:
    result, spec = read(folder), read(folder, "spec")
    names = picked(result, spec)
    for name, data in zip(names, Page(page).data, strict=True):
        events = [e for e in logged(folder / "events.jsonl", [name]) if e["type"] == "decision"]
        turns = [turn for played in data["rounds"] for turn in played["turns"]]
        assert len(turns) == len(events)
        for turn, event in zip(turns, events, strict=True):
            memory = [data["memories"][turn["seat"]][i] for i in unfolded(turn["memory"])]
            assert "\n".join(memory) == event["memory"]
            assert [data["texts"][i] for i in turn["replies"]] == event["replies"]
            ask = "\n".join(data["texts"][i] for i in unfolded(turn["ask"]))
            assert event["prompt"].endswith(ask)
            assert f"Round {event['round']}." in ask
            assert turn["move"] == event["move"]


def unfolded(text: str) -> list[int]:
    ends = [part.split("-") for part in text.split(",") if part]
    return [i for part in ends for i in range(int(part[0]), int(part[-1]) + 1)]


@given(st.lists(st.integers(0, 50)))
def test_ranges_are_read_back(numbers: list[int]) -> None:
    assert unfolded(ranges(numbers)) == numbers


def test_simulated_runs_are_replayed_as_they_were_logged(folder: Path) -> None:
    result, spec = read(folder), read(folder, "spec")
    suite = load_suite(read(folder, "meta")["suite"])
    names = picked(result, spec)
    logs = [e for e in logged(folder / "events.jsonl", names) if e["type"] != "result"]
    again = [e for e in replayed(suite, names) if e["type"] != "result"]
    assert json.loads(json.dumps(again)) == logs
    served = replace(suite, cells=tuple(replace(c, players=("openai:gpt",)) for c in suite.cells))
    assert list(replayed(served, {job.id for job in served.jobs()})) == []


def test_a_folder_with_a_log_of_moves_is_played_again_if_the_suite_is_given(
    folder: Path, tmp_path: Path, page: str
) -> None:
    for name in ("spec.json", "meta.json"):
        (tmp_path / name).write_bytes((folder / name).read_bytes())
    meta = {**read(tmp_path, "meta"), "log": "moves"}
    (tmp_path / "meta.json").write_text(json.dumps(meta))
    result = read(folder)
    names = picked(result, read(folder, "spec"))
    texts = {"systems", "shown", "memory", "prompt", "replies", "errors", "records"}
    moves = [
        {key: value for key, value in event.items() if key not in texts}
        for event in logged(folder / "events.jsonl", names)
    ]
    suite = load_suite(read(folder, "meta")["suite"])
    assert Page(report_of(tmp_path, result, suite)).data == Page(page).data
    bare = embedded(result, read(folder, "spec"), moves)[0]["data"]
    assert {turn["memory"] for turn in bare["rounds"][0]["turns"]} == {None}
    assert bare["rounds"][0]["acts"] == Page(page).data[0]["rounds"][0]["acts"]


def test_the_run_nearest_to_the_median_is_shown(folder: Path) -> None:
    result = read(folder)
    for pick in picks.chosen(result):
        alike = ("game", "player", "opponent", "arm")
        cell = [r for r in result["rows"] if all(r[key] == pick.row[key] for key in alike)]
        assert abs(pick.value - pick.middle) == min(
            abs(row["cooperation"] - pick.middle) for row in cell
        )
    assert [pick.row["arm"] for pick in picks.chosen(result, most=2)] == ["window-6", "p07-bygones"]
    assert [pick.role for pick in picks.chosen(result)] == ["full", "best", "short", "none"]


def test_a_long_run_with_a_long_window_stays_small() -> None:
    game = Prisoners(rounds=500).seeded(0)
    rounds = []
    for n in range(1, 501):
        moves = ("C" if n % 3 else "D", "C" if n % 7 else "D")
        played = Round(number=n, acts=(Act(0, moves[0]), Act(1, moves[1])))
        rounds.append(replace(played, payoffs=game.pay(played)))
    data = timeline(events(game, rounds, 80), game)
    assert len(as_script([data])) < 500_000
    assert data["rounds"][499]["turns"][1]["memory"] == "419-498"


def events(game: Any, rounds: list[Round], window: int) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = [{"type": "run", "systems": [game.rules(0), game.rules(1)]}]
    told = [[game.lines(played, seat)[0].text for played in rounds] for seat in (0, 1)]
    for at, played in enumerate(rounds):
        for act in played.acts:
            memory = "\n".join(told[act.seat][max(0, at - window) : at])
            found.append(
                {
                    "type": "decision",
                    "seat": act.seat,
                    "memory": memory,
                    "prompt": f"Earlier:\n{memory}\n\nRound {played.number}. Choose.\nEnd so.",
                    "replies": [f'Considering trust, risk, {at}.\n{{"action":"A0"}}'],
                    "status": "ok",
                    "move": act.move,
                    "tokens_in": 9,
                    "tokens_out": 9,
                }
            )
        acts = [[act.seat, act.move] for act in played.acts]
        shown = {"type": "round", "round": played.number, "valid": True, "acts": acts}
        found.append({**shown, "payoffs": list(played.payoffs), "trembled": [1]})
    return found


def test_lines_of_harm_are_marked_as_the_seat_reads_them() -> None:
    game = Prisoners(opening="poisoned")
    hurt = Round(number=2, acts=(Act(0, "C"), Act(1, "D")), payoffs=(0.0, 3.0))
    told = events(game, [hurt, replace(hurt, number=3)], 80)
    true, kind = (getattr(game.lines(hurt, 0)[0], name) for name in ("text", "friendly"))
    opened = game.fabricated(1, 0).text
    reworded = re.sub(r"A\d", "?", true)
    told[4]["memory"] = "\n".join([opened, true, kind, reworded, "Player 2 chose A1 twice."])
    data = timeline(told, game)
    assert [data["memories"][0][i] for i in data["harms"][0]] == [opened, true, reworded]
    assert data["harms"][1] == []
    assert data["rounds"][0]["acts"] == [[0, "C", 0, "cooperates"], [1, "D", 1, "defects"]]
    assert timeline(told, None)["harms"] == [[], []]


def test_acts_are_told_in_words() -> None:
    offer = Ultimatum().made(2, 3, "reject")
    assert spoken(Ultimatum(), offer) == ["offer 3", "rejects"]
    assert spoken(None, offer) == ["3", "rejects"]
    given = Round(number=1, acts=(Act(0, 20), Act(1, 10), Act(2, 0)))
    assert spoken(PublicGoods(payoffs="textbook"), given)[1] == "contribution 10"
    assert spoken(Prisoners(), given) == ["action 20", "action 10", "0"]  # of another game


def test_a_reply_that_is_too_long_loses_its_middle() -> None:
    hurt = Round(number=1, acts=(Act(0, "C"), Act(1, "D")), payoffs=(0.0, 3.0))
    told = events(Prisoners(), [hurt], 2)
    told[1]["replies"] = ["a" * 5000 + "b" * 5000]
    texts = timeline(told, None)["texts"]
    assert "a" * 1000 + "\n[... 8000 characters ...]\n" + "b" * 1000 in texts


def test_bars_are_as_high_as_a_seat_was_kind() -> None:
    units = PublicGoods(payoffs="textbook")
    given_away = Round(number=1, acts=(Act(0, 20), Act(1, 10), Act(2, 0)))
    assert kindness(units, given_away) == [1.0, 0.5, 0.0]
    insult = Ultimatum().made(1, 1, "reject")
    assert kindness(Ultimatum(), insult) == [0.0, 0.0]
    fair = Ultimatum().made(1, 5, "accept")
    assert kindness(Ultimatum(), fair) == [1.0, 1.0]
    rounds = [{"kind": [1.0, 0.0]}, {"kind": []}]
    assert lanes({"rounds": rounds}, 2) == [
        {"kind": "M0 0h1V1h-1z", "unkind": "", "none": "M1 0.9h1V1h-1z"},
        {"kind": "", "unkind": "M0 0.7h1V1h-1z", "none": "M1 0.9h1V1h-1z"},
    ]


def test_an_invalid_round_is_shown_as_one(folder: Path) -> None:
    result, spec = read(folder), read(folder, "spec")
    name = picked(result, spec)[0]
    told = [e for e in logged(folder / "events.jsonl", [name]) if e["type"] in ("run", "decision")]
    told = [*told[:2], {"type": "round", "run": name, "round": 1, "valid": False}]
    told[1] |= {"status": "invalid", "move": None, "errors": ["no"] * 4, "replies": ["?"] * 4}
    (run,) = embedded(result, spec, told)
    assert run["rows"] == [["1", "", "", "", "invalid"]]
    assert run["data"]["rounds"][0]["kind"] == []
    assert run["lanes"][0]["none"] == "M0 0.9h1V1h-1z"


@pytest.mark.parametrize("name", BUILTIN)
def test_games_are_rebuilt_from_a_specification(name: str) -> None:
    game = BUILTIN[name]()
    settings = json.loads(json.dumps(asdict(game)))
    assert rebuilt({"game": name, "settings": settings}, 1) == game.seeded(1)


def test_a_game_that_is_not_known_any_more_is_no_error() -> None:
    assert rebuilt({"game": "no_such_game", "settings": {}}, 0) is None
    assert rebuilt({"game": "prisoners", "settings": {"no_such_setting": 1}}, 0) is None


def test_seats_that_remember_in_different_ways_are_shown_one_by_one(mixed: Path) -> None:
    result, spec = read(mixed), read(mixed, "spec")
    text = report_of(mixed, result)
    assert words.mixed(spec) == {"mixed": ["window 2", "window 80", "window 80"]}
    assert "Who remembers what" in text
    assert "mixed: seats with window 2 minus seats with window 80: " in text
    line = next(line for line in result["summary"] if line["arm"] == "mixed")
    rows = [row for row in result["rows"] if row["arm"] == "mixed"]
    parts = words.by_seat(line, rows, words.mixed(spec)["mixed"])
    assert [part["values"] for part in parts] == [
        list(values) for values in zip(*(row["cooperation_by_seat"] for row in rows), strict=True)
    ]
    assert words.seat_gap(line, rows, ["window 2"] * 3) == ""
    assert picks.chosen(result, words.mixed(spec))[2].row["arm"] == "mixed"
    assert not any("of all policies mixed" in said for said in glances(result, spec))
    assert "trembled" in text
    assert "surrogate" not in re.sub(r"<script.*?</script>", "", text, flags=re.DOTALL)


def test_the_front_is_what_no_other_arm_beats() -> None:
    def arm(name: str, mean: float, exploited: float | None) -> dict[str, Any]:
        return {"arm": name, "mean": mean, "exploited": exploited}

    lines = [arm("a", 0.9, 0.9), arm("b", 0.9, 0.2), arm("c", 0.5, 0.1), arm("d", 0.4, 0.15)]
    lines += [arm("e", 0.99, None), arm("f", 0.9, 0.2)]
    assert [line["arm"] for line in front(lines)] == ["c", "b", "f"]


def test_the_best_policy_is_not_the_most_gullible_one() -> None:
    line = {"window": None, "mean": 0.98, "exploited": 0.7, "arm": "sanitized"}
    wise = {"window": None, "mean": 0.96, "exploited": 0.2, "arm": "bygones"}
    assert picks.best([line, wise, {**wise, "window": 5, "mean": 1.0}]) == wise
    assert picks.best([]) is None


GAP = {
    "role": "full",
    "arm": "p03-full",
    "mean": 0.4,
    "pp": 40.0,
    "interval": (0.3, 0.5),
    "n": 8,
    "p": 0.01,
    "delta": -0.0,
    "no_harm": {"verdict": "undecided", "p": 0.07},
    "p_holm": 0.0001,
    "q": None,
    "tests": 12,
}
LINE: dict[str, Any] = {
    "game": "prisoners",
    "player": "surrogate:immune",
    "opponent": "self",
    "arm": "wise",
    "window": None,
    "headline": "cooperation",
    "runs": 8,
    "mean": 0.5,
    "interval": (0.4, 0.6),
    "values": [0.1, 0.9],
    "bimodal": True,
    "exploited": 0.2,
    "exploited_interval": None,
    "welfare_norm": 0.5,
    "tokens_in": 100.0,
    "tokens_out": 20.0,
    "memory_tokens": 60.0,
    "cost": 0.0123,
    "invalid_rate": 0.01,
    "against": {"window-80": GAP},
    "exploited_against": {"window-80": {**GAP, "p_holm": None, "q": 0.03}},
    "rescue": {"value": None, "interval": None, "n": 8, "reason": "the slope is 0.010"},
}
WORDS = {
    "headline_words": "cooperation",
    "exploited_words": "sucker rate",
    "exploiter": "alld",
    "game": "prisoners",
    "rounds": "8",
}


def test_tables_say_what_was_declared_and_why_a_ratio_is_undefined() -> None:
    row = {"arm": "wise", "flr": 0.4, "forward_per_1000": 40.0}
    outcome, compared, conduct = tables([LINE], [row], WORDS)
    assert outcome["rows"] == [
        ["wise", "8", "0.50 [0.40, 0.60] *", "0.20", "0.50", "100", "20", "60", "0.0123", "0.010"]
    ]
    assert compared["rows"] == [
        [
            *("wise", "+40.0 [30.0, 50.0]", "<.001", "0.00", "undecided (p .070)"),
            *("undefined: the slope is 0.010", "+40.0 [30.0, 50.0], q .030"),
        ]
    ]
    assert "family of 12" in compared["note"]
    assert conduct["columns"] == ["arm", "FLR", "forward words per 1,000"]
    assert conduct["rows"] == [["wise", "0.40", "40.0"]]
    assert all(len(r) == len(t["columns"]) for t in (outcome, compared, conduct) for r in t["rows"])


@pytest.mark.parametrize(
    ("found", "said"),
    [
        ({"value": 1.046, "interval": (-0.2, 1.1), "reason": None}, "1.05 [−0.20, 1.10]"),
        ({"value": 0.5, "interval": None, "reason": "one seed"}, "0.50 (no interval: one seed)"),
        ({"value": None, "interval": None, "reason": "no slope"}, "undefined: no slope"),
    ],
)
def test_a_rescue_ratio_comes_with_its_interval_or_a_reason(
    found: dict[str, Any], said: str
) -> None:
    assert words.ratio(found) == said


def test_findings_are_told_with_their_price(folder: Path) -> None:
    said = glances(read(folder))
    assert said[0].startswith("gemma_tg, prisoners, self-play: cooperation 0.")
    assert "a window of 6 rounds" in said[0]
    found = words.rescued([LINE])
    assert "wise lies highest above its exploitability: +40.0 [30.0, 50.0] pp, and +40.0" in found
    assert words.rescued([{**LINE, "rescue": None}]) == ""


def test_a_curve_is_told_with_slope_and_regime() -> None:
    curve = {"slope": GAP, "area": {"mean": 0.7, "interval": (0.6, 0.8)}, "windows": [2, 80]}
    assert words.curve({**curve, "regime": "cursed"}) == (
        "Curse slope, 2 rounds minus 80: +40.0 [30.0, 50.0] pp (n = 8, p .010). Mean height over "
        "log2(1 + window): 0.70 [0.60, 0.80]. Regime: cursed: the interval of the slope lies "
        "above 0."
    )
    bare = {"slope": None, "area": None, "windows": [1, 5], "regime": "neither"}
    assert words.curve(bare) == "Regime: neither immune nor cursed."
    assert words.curve(None) == ""


def test_methods_are_made_from_the_specification(folder: Path) -> None:
    result, spec = read(folder), read(folder, "spec")
    told = dict(methods.paragraphs(result, spec))
    assert "0 of 128 rounds in 16 runs were invalid" in told["Exclusions"]
    assert "version 1" in told["Word lists"]
    assert LABEL[1:] in told["Simulated players"]
    (game,) = methods.games(spec)
    assert "rounds 8" in game["settings"]
    assert len(game["rules"]) == 1
    assert ("p07-bygones", "window 80 + bygones 5") in methods.arms(spec)
    assert ("none", "no memory") in methods.arms(spec)
    assert "Word lists" not in dict(methods.paragraphs(result, None))


def test_plots_take_their_colours_from_the_page(folder: Path) -> None:
    found = read(folder)
    lines = [x for x in found["summary"] if x["opponent"] == "self"]
    svg = window_curve(lines, 'a "b" <c> $d$', "cooperation", LABEL)
    assert svg.startswith('<svg role="img" aria-label="cooperation against window length: a &quot;')
    assert "$d$" in svg
    assert "var(--series)" in svg
    assert not set(drawing.STAND_INS) & set(re.findall(r"#\w{6}", svg))
    assert svg == window_curve(lines, 'a "b" <c> $d$', "cooperation", LABEL)


def test_two_modes_and_the_references_are_marked_in_the_plots() -> None:
    full = {**LINE, "arm": "p03-full", "against": {}, "bimodal": False, "exploited": None}
    svg = policy_dots([LINE, full], "title", WORDS, LABEL)
    assert "hollow: two modes" in svg
    assert svg.count(">p03-full<") == 2  # its lane, and the line at its mean
    assert "hollow" not in policy_dots([full], "title", WORDS, "")
    assert "60 tokens of memory" in tradeoff([LINE, full], "title", WORDS, LABEL)
