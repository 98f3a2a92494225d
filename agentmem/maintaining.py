"""The verbs of maintenance: plan, apply, undo."""

from __future__ import annotations

from collections.abc import Sequence

from agentmem.clock import Moment
from agentmem.consolidation import planned
from agentmem.core import Plan, Run
from agentmem.errors import InputError
from agentmem.handle import Handle
from agentmem.maintenance import apply_plan, reworded
from agentmem.steps import Steps, asynchronous, embed, sync
from agentmem.undoing import undoing


class Maintaining(Handle):
    """An open memory, kept in order."""

    def _plan(
        self, now: Moment | None = None, *, namespace: Sequence[str] | None = None
    ) -> Steps[Plan]:
        """What the policies would put away now, and consolidation make of it.

        Nothing happens until it is applied.  Raises ModelError if a consolidator's model fails.
        """
        prefix, at = self._prefix(namespace), self._now(now)
        caller = self.extraction.caller
        return (yield from planned(self._engine, self.config, caller, at, prefix))

    def _apply(self, plan: Plan, *, allow_mass: bool = False) -> Steps[Run]:
        """Do exactly what the plan says, in one transaction.

        StalePlan if its records have changed since; RemovalCap if it removes more than the share
        `removal_cap` of all active records, unless `allow_mass`.
        """
        if not isinstance(plan, Plan):
            raise InputError(f"apply takes a Plan, not {plan!r}")
        cap = 1.0 if allow_mass else self.config.removal_cap
        engine = self._engine
        texts = yield from self._work(lambda: reworded(engine, plan))
        found = yield from embed(engine.embedder, list(texts.values()))
        vectors = dict(zip(texts, found, strict=True))
        done = yield from self._change(lambda: apply_plan(engine, plan, cap, vectors))
        yield from self._catch_up()
        return done

    def _undo(self, run: Run | str, *, now: Moment | None = None) -> Steps[Run]:
        """Take a run back; CannotUndo if any of its records has changed since."""
        if not isinstance(run, Run | str):
            raise InputError(f"undo takes a Run or its id, not {run!r}")
        name, at = run if isinstance(run, str) else run.id, self._now(now)
        empty, engine = isinstance(run, Run) and not run.lines, self._engine
        texts = yield from self._work(lambda: undoing(engine, name, empty=empty).texts(engine))
        found = yield from embed(engine.embedder, list(texts.values()))
        vectors = dict(zip(texts, found, strict=True))
        done = yield from self._change(
            lambda: undoing(engine, name, empty=empty).apply(engine, at, vectors)
        )
        yield from self._catch_up()
        return done

    plan, aplan = sync(_plan), asynchronous(_plan)
    apply, aapply = sync(_apply), asynchronous(_apply)
    undo, aundo = sync(_undo), asynchronous(_undo)
