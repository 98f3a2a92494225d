"""The report of a benchmark, as a browser shows it."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from agentmem.bench import run_suite
from agentmem.bench.report import logged, picked, report_html
from tests.browser import NAMES, Tab, browser, program

pytestmark = pytest.mark.slow

SUITE = """
games:
  prisoners: {rounds: 12, opponents: [self, alld]}
  public_goods: {rounds: 5}
players: ["surrogate:gemma_tg"]
windows: [1, 2, 8]
arms:
  none: {k: 0}
  p07-bygones: p07-bygones
  of three kinds: {seats: [p01-window-2, p03-full, {k: 0}]}
seeds: 2
"""
HOSTILE = "</script><script>window.hit = 1</script><img src=x onerror='window.hit = 2'>"
WIDER = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
NOW = "document.querySelector('.now').textContent"
SEEN = """[...document.querySelectorAll('.run[open] .seat')].map((seat) =>
  [...seat.querySelectorAll('.remembered li')].map((line) => line.lastChild.data).join('\\n'))
"""
EMPTY = """[...document.querySelectorAll('figure > svg, .lanes svg')].filter((one) =>
  one.checkVisibility() && one.getBoundingClientRect().width < 200).length"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("browser")
    suite = folder / "tiny.yaml"
    text = SUITE.replace("  public_goods: {rounds: 5}\n", "")
    suite.write_text(text.replace("  of three kinds:", "  # of three kinds:"), encoding="utf-8")
    return run_suite(suite, folder / "runs", progress=False, workers=1)


@pytest.fixture(scope="module")
def tab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tab]:
    found = program()
    if found is None:
        pytest.skip(f"no browser to look at the report with: none of {', '.join(NAMES)}")
    with browser(found, tmp_path_factory.mktemp("profile")) as tab:
        yield tab


def read(folder: Path, name: str) -> Any:
    return json.loads((folder / f"{name}.json").read_text("utf-8"))


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("width", [390, 1200])
def test_the_report_is_drawn_without_a_network(
    folder: Path, tab: Tab, width: int, dark: bool
) -> None:
    tab.look(folder / "report.html", width, dark=dark)
    tab.value("document.querySelectorAll('details').forEach((one) => { one.open = true; })")
    assert tab.value("innerWidth") == width
    assert tab.value(WIDER) <= 0
    assert tab.value(EMPTY) == 0
    assert tab.value("document.querySelectorAll('figure > svg').length") == 3
    assert tab.value("document.querySelectorAll('parsererror').length") == 0
    paper = tab.value("getComputedStyle(document.body).backgroundColor")
    assert paper == ("rgb(21, 23, 26)" if dark else "rgb(251, 251, 249)")
    assert tab.requests() == []
    assert tab.complaints() == []


def test_three_seats_fit_a_phone(tmp_path: Path, tab: Tab) -> None:
    suite = tmp_path / "three.yaml"
    text = SUITE.replace("  prisoners: {rounds: 12, opponents: [self, alld]}\n", "")
    suite.write_text(text, encoding="utf-8")
    tab.look(run_suite(suite, tmp_path, progress=False, workers=1) / "report.html", 390)
    tab.value("document.querySelectorAll('details').forEach((one) => { one.open = true; })")
    assert tab.value(WIDER) <= 0
    assert tab.value("document.querySelectorAll('.run .seat').length") % 3 == 0
    assert tab.complaints() == []


def test_a_run_is_stepped_through_by_keyboard(folder: Path, tab: Tab) -> None:
    tab.look(folder / "report.html", 1200)
    name = picked(read(folder, "result"), read(folder, "spec"))[0]
    events = [e for e in logged(folder / "events.jsonl", [name]) if e["type"] == "decision"]
    memories = [[e["memory"] for e in events if e["round"] == n] for n in range(1, 13)]
    tab.value("document.querySelector('.viewer input').focus()")
    tab.press("Home")
    assert tab.value(NOW).startswith("Round 1 of 12: seat 1 ")
    assert tab.value("document.querySelector('.viewer button').disabled") is True
    for number in range(1, 13):
        assert tab.value(NOW).startswith(f"Round {number} of 12")
        assert tab.value(SEEN) == memories[number - 1]
        tab.press("ArrowRight")
    assert tab.value(NOW).startswith("Round 12 of 12")
    tab.value("document.querySelector('.run[open] .seat summary').focus()")
    tab.press("Home")
    assert tab.value(NOW).startswith("Round 1 of 12")
    assert tab.value("document.activeElement.type") == "range"  # as the card is gone
    tab.press("End")
    assert tab.value(NOW).startswith("Round 12 of 12")
    assert tab.complaints() == []


def test_changes_are_found_by_their_keys(folder: Path, tab: Tab) -> None:
    tab.look(folder / "report.html", 1200)
    name = picked(read(folder, "result"), read(folder, "spec"))[0]
    acts = [e["acts"] for e in logged(folder / "events.jsonl", [name]) if e["type"] == "round"]
    changes = [n for n in range(2, 13) if acts[n - 1] != acts[n - 2]]
    tab.value("document.querySelector('.viewer input').focus()")
    tab.press("Home")
    seen = []
    for _ in changes:
        tab.press("n")
        seen.append(int(tab.value(NOW).split()[1]))
    assert seen == changes
    tab.press("p")
    assert int(tab.value(NOW).split()[1]) == [1, *changes][-2]


def test_harms_that_are_remembered_are_marked(folder: Path, tab: Tab) -> None:
    tab.look(folder / "report.html", 1200)
    marked = (
        "[...document.querySelectorAll('.run[open] .harm')].map((x) => x.lastChild.textContent)"
    )
    lines = tab.value(marked)  # it opens where a harm is first remembered
    assert lines
    assert all("(0 pts) | Player 2" in line or "(1 pts) | Player 2" in line for line in lines)


def test_what_models_write_stays_text(folder: Path, tmp_path: Path, tab: Tab) -> None:
    result, spec = read(folder, "result"), read(folder, "spec")
    events = list(logged(folder / "events.jsonl", picked(result, spec)))
    for event in events:
        if event["type"] == "decision":
            event |= {"replies": [HOSTILE], "memory": HOSTILE}
    page = tmp_path / "hostile.html"
    page.write_text(report_html(result, spec, events), encoding="utf-8")
    tab.look(page, 1200)
    assert tab.value(SEEN) == [HOSTILE, HOSTILE]
    assert tab.value("typeof window.hit") == "undefined"
    assert tab.value("document.images.length") == 0
    tab.value(
        "document.body.append(Object.assign(document.createElement('script'), {text: 'hit=3'}))"
    )
    assert tab.value("typeof window.hit") == "undefined"  # the page's policy allows its own only
    assert tab.requests() == []


def test_without_scripts_there_is_a_table_of_rounds(folder: Path, tab: Tab) -> None:
    tab.call("Emulation.setScriptExecutionDisabled", value=True)
    tab.look(folder / "report.html", 390)
    tab.call("Emulation.setScriptExecutionDisabled", value=False)
    assert tab.value("document.querySelector('.viewer').checkVisibility()") is False
    assert tab.value("document.querySelector('.rounds table').rows.length") == 13
    assert tab.value("document.querySelector('.lanes path').getBoundingClientRect().width") > 0
