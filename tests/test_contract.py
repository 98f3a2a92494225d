"""A policy that breaks its contract is named; the memory stays as it was and goes on working."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from agentmem import Change, Policy, Update, View
from agentmem.errors import PluginError
from tests.conftest import Make


def policy_with(method: str, answer: Callable[..., Any], **settings: Any) -> Policy:
    @dataclass(frozen=True, kw_only=True)
    class Odd(Policy):
        name = "odd"
        sweep = "all"

    setattr(Odd, method, lambda self, view, *_: answer(view))
    return Odd(**settings)


def touch_with(**arrays: Any) -> Callable[[View], Update]:
    return lambda view: replace(Policy().touch(view), **arrays)


def write_into(view: View) -> Any:
    view.used[:] = 0.0
    return np.ones(len(view))


def rename(view: View) -> Any:
    view.ids[:] = b"zz"
    return np.ones(len(view))


@pytest.mark.parametrize(
    ("method", "answer", "message"),
    [
        ("weight", lambda view: "abc", "gave no numbers"),
        ("weight", lambda view: None, "with NaN"),
        ("weight", lambda view: np.ones(len(view) + 1), "must give 2 numbers"),
        ("weight", lambda view: np.full(len(view), np.nan), "with NaN"),
        ("weight", lambda view: np.full(len(view), 1.5), r"within \[0, 1\]"),
        ("weight", lambda view: np.full(len(view), -0.5), r"within \[0, 1\]"),
        ("weight", lambda view: 1 / 0, "ZeroDivisionError"),
        ("weight", write_into, "read-only"),
        ("weight", rename, "read-only"),
        ("touch", lambda view: None, "must give an Update"),
        ("touch", touch_with(uses=np.ones(5)), "must give 2 numbers"),
        ("touch", touch_with(uses=np.full(2, -10.0)), "cannot be"),
        ("touch", touch_with(uses=np.full(2, 1e30)), "cannot be"),
        ("touch", touch_with(uses=np.full(2, np.nan)), "with NaN"),
        ("touch", touch_with(used=np.full(2, np.inf)), "cannot be"),
        ("touch", touch_with(stability=np.full(2, -1.0)), "stability below 0"),
    ],
)
def test_a_breach_while_recalling(make: Make, method: str, answer: Any, message: str) -> None:
    memory = make(policies=[policy_with(method, answer)])
    names = memory.add(["Rex is my dog", "Tea, not coffee"])
    before = [memory.get(name) for name in names]
    with pytest.raises(PluginError, match=rf"policy 'odd'.*{message}"):
        memory.search("dog", k=2)
    assert [memory.get(name) for name in names] == before
    assert memory.add("more")


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (lambda view: None, "must give a Change"),
        (lambda view: Change(reason="r", erase=view.names(np.arange(1))), "archive and supersede"),
        (lambda view: Change(reason="r", archive=("nope",)), "which it was not shown"),
        (lambda view: Change(reason="r", scores={"nope": 1.0}), "which it was not shown"),
        (
            lambda view: Change(reason="r", supersede=((view.names(np.arange(1))[0], "nope"),)),
            "which it was not shown",
        ),
        (lambda view: Change(reason="r", archive=view.names(np.zeros(2, dtype=int))), "twice"),
        (
            lambda view: Change(reason="r", supersede=(view.names(np.zeros(2, dtype=int)),)),
            "or its heir",
        ),
        (lambda view: view.names(np.array([9])), "IndexError"),
    ],
)
def test_a_breach_while_planning(make: Make, answer: Any, message: str) -> None:
    memory = make(policies=[policy_with("maintain", answer, remove=True)])
    memory.add(["Rex is my dog", "Tea, not coffee"])
    with pytest.raises(PluginError, match=rf"policy 'odd'.*{message}"):
        memory.plan()
    assert len(memory.search("dog tea")) == 2


def test_scores_of_any_number_type_are_journalled(make: Make) -> None:
    def answer(view: View) -> Change:
        [name] = view.names(np.array([0]))
        return Change(reason="r", archive=(name,), scores={name: np.float32(0.25)})

    memory = make(policies=[policy_with("maintain", answer, remove=True)])
    [name] = memory.add("Rex is my dog")
    memory.apply(memory.plan())
    assert memory.history(name)[-1].score == 0.25


@pytest.mark.parametrize("stability", [0.0, 5e-324, 1.7e308])
def test_no_stability_leaves_the_numbers_there_are(
    make: Make, tmp_path: Path, stability: float
) -> None:
    curves = ["ebbinghaus", "power_law", {"trust": {"trust": {"*": 0.1}}}]
    last = policy_with("touch", touch_with(stability=np.full(2, stability)))
    memory = make(policies=[*curves, last])
    memory.add(["Rex is my dog", "Tea, not coffee"])
    memory.search("dog", k=2)
    assert len(memory.search("dog", k=2, now=memory.clock.now() + 1e9)) == 2
    memory.export(tmp_path / "all.jsonl")
    assert make(policies=curves).import_(tmp_path / "all.jsonl") == 2


def test_an_expiry_of_minus_infinity_is_refused(make: Make) -> None:
    @dataclass(frozen=True, kw_only=True)
    class Past(Policy):
        name = "past"

        def expiry(self, view: View) -> Any:
            return np.full(len(view), -np.inf)

    memory = make(policies=[Past(remove=True)])
    with pytest.raises(PluginError, match="-inf"):
        memory.add("x")
    assert memory.stats()["records"] == 0


def test_undoing_a_run_that_did_nothing_does_nothing(make: Make) -> None:
    memory = make()
    memory.add("x")
    run = memory.apply(memory.plan())
    assert memory.undo(run).archived == 0
    assert memory.stats()["journal_lines"] == 1
