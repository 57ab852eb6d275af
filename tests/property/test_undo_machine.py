"""Random histories of whole and partial answers, undos, edits by the person and kills, against a plain model.

Every line that anyone ever writes is unique, so the model need only know who wrote it: whatever happens, no line of the
person's, and none of an action that is not being undone, may go without a conflict that names its action and path.

A long run: ``AGENTSH_HISTORIES=2000 pytest tests/property/test_undo_machine.py``.
"""

from __future__ import annotations

import os
import signal
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from agentsh.core.action import ActionKind, ActionSpec, ActionStatus
from agentsh.core.effect import EffectState, FileEffect, change_set
from agentsh.core.errors import ApprovalNeeded, ConflictError, NotFoundError
from agentsh.core.faults import COMMIT_POINTS
from agentsh.core.history import Resolution
from agentsh.policy import preset
from agentsh.runtime.diff import diff_effects, numbered
from agentsh.runtime.hunks import Choice
from agentsh.runtime.observe import observe
from agentsh.runtime.outbox import Sender
from agentsh.runtime.pending import STAGED, open_effects, staged_states
from agentsh.runtime.recover import recover
from agentsh.runtime.review import Reviewer
from agentsh.runtime.snapshot import take_snapshot
from tests.worlds import trees
from tests.worlds.scene import Scene, no_web

if TYPE_CHECKING:
    from agentsh.core.entry import Entry
    from agentsh.core.report import CommitResult

pytestmark = pytest.mark.slow

PATHS = (b"a", b"b\n\xff", b"d/c")
EXAMPLES = int(os.environ.get("AGENTSH_HISTORIES", "12"))
_SPACING = 8
"""Lines of a new file: edits at its ends are hunks of their own."""

paths = st.sampled_from(PATHS)
edits = st.tuples(
    st.sampled_from(["insert", "replace", "delete", "insert", "replace", "remove file"]), st.integers(0, 30)
)


class Undoing(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.home = tempfile.TemporaryDirectory()
        self.lines = 0
        self.landed: list[str] = []
        self.seen: dict[str, trees.World] = {}

    # -- the world ---------------------------------------------------------------------------------------------------

    @initialize()
    def start(self) -> None:
        world: trees.World = {b"d": trees.directory()}
        for path in PATHS[:2]:
            world[path] = trees.file(b"".join(self.new_line() for _ in range(2 * _SPACING)))
        self.scene = Scene(Path(self.home.name), world)
        self.known = world
        self.open()
        self.remember()

    def open(self) -> None:
        policy = preset("review")
        assert policy is not None
        self.reviewer = Reviewer(
            store=self.scene.store,
            tree=self.scene.tree,
            policy=policy,
            restage=lambda: None,
            sender=Sender(self.scene.store, no_web),
        )

    def teardown(self) -> None:
        if hasattr(self, "scene"):
            for snapshot, world in self.seen.items():
                self.reviewer.restore(snapshot, paths=[], dry_run=False)
                assert self.scene.world() == world
            assert self.scene.store.check().problems == ()
            self.scene.close()
        self.home.cleanup()

    def new_line(self) -> bytes:
        self.lines += 1
        return b"line %d\n" % self.lines

    def edited(self, content: bytes | None, edit: tuple[str, int]) -> bytes | None:
        """A change that somebody may make to a file."""
        kind, where = edit
        if content is None:
            return b"".join(self.new_line() for _ in range(2 * _SPACING))
        if kind == "remove file":
            return None
        lines = content.splitlines(keepends=True)
        at = where % (len(lines) + 1)
        if kind == "insert":
            lines[at:at] = [self.new_line()]
        elif lines:
            lines[at % len(lines)] = self.new_line() if kind == "replace" else b""
        return b"".join(lines)

    def remember(self) -> None:
        self.known = self.scene.world()
        self.seen[take_snapshot(self.scene.store, self.scene.tree).snapshot] = self.known

    def content(self, entry: Entry | None) -> bytes | None:
        return None if entry is None or entry.digest is None else self.scene.store.read_blob(entry.digest)

    @staticmethod
    def written(world: trees.World) -> set[bytes]:
        return {line for _, body, *_ in world.values() for line in body.splitlines()}

    # -- the person --------------------------------------------------------------------------------------------------

    @rule(path=paths, edit=edits)
    def i_edit(self, path: bytes, edit: tuple[str, int]) -> None:
        full = Path(os.fsdecode(os.fsencode(self.scene.root) + b"/" + path))
        full.parent.mkdir(exist_ok=True)
        new = self.edited(full.read_bytes() if full.exists() else None, edit)
        if new is None:
            full.unlink()
        else:
            full.write_bytes(new)
        self.known = self.scene.world()

    # -- actions and answers -----------------------------------------------------------------------------------------

    @rule(data=st.data())
    def act(self, data: st.DataObject) -> None:
        """An action on the staged view: the workspace with all that is uncommitted."""
        store, effects = self.scene.store, []
        staged = staged_states(store.actions(status=STAGED))
        for path in data.draw(st.lists(paths, min_size=1, max_size=2, unique=True)):
            before = staged[path] if path in staged else observe(self.scene.tree, path, store.put_fd)
            content = self.content(before)
            for edit in data.draw(st.lists(edits, min_size=1, max_size=3)):
                content = self.edited(content, edit)
            after = None if content is None else self.file(content)
            if before != after:
                effects.append(FileEffect(path, before, after))
        action = store.begin_action(ActionSpec(ActionKind.SHELL, {"line": "x"}))
        status = ActionStatus.PENDING if effects else ActionStatus.DONE
        store.finish_action(action, status=status, exit_code=0, changes=change_set(effects))

    def file(self, content: bytes) -> Entry:
        from tests.worlds.scene import entry  # noqa: PLC0415

        made = entry(self.scene.store, trees.file(content))
        assert made is not None
        return made

    def staged(self) -> list[str]:
        return [a.id for a in self.scene.store.actions(status=STAGED)]

    @precondition(lambda self: self.staged())
    @rule(data=st.data())
    def approve(self, data: st.DataObject) -> None:
        action = self.scene.store.action(data.draw(st.sampled_from(self.staged())))
        how = data.draw(st.sampled_from(["whole", "path", "hunks", "hunks"]))
        path = data.draw(st.sampled_from([e.path for e in open_effects(action)]))
        choices = self.choose(data, action.id, path, {"pending"}) if how == "hunks" else None
        if how == "hunks" and choices is None:
            return
        chosen = [path] if how == "path" else []
        self.reviewer.approve([action.id], paths=chosen, comment="", choices=choices and {path: choices[0]})
        if choices is None:
            return
        first = next(
            e for e in self.scene.store.action(action.id).changes if e.path == path and e.state is EffectState.APPROVED
        )
        before, after = (set((self.content(e) or b"").splitlines()) for e in (first.before, first.after))
        _, added, removed = choices
        assert added <= after - before
        assert removed <= before - after

    def choose(
        self, data: st.DataObject, action: str, path: bytes, states: set[str]
    ) -> tuple[Choice, set[bytes], set[bytes]] | None:
        """Some hunks as a person sees them: by number, with the lines that they add and remove."""
        store = self.scene.store
        diffs = numbered(diff_effects(store.action(action).changes, store.read_blob))
        hunks = [
            h for d in diffs if d.path == path and d.state is not None and d.state.value in states for h in d.hunks
        ]
        if not hunks:
            return None
        some = data.draw(st.lists(st.sampled_from(hunks), min_size=1, unique_by=lambda h: h.number))
        lines = [(line.tag, line.text.rstrip(b"\n")) for h in some for line in h.lines]
        return (
            Choice(frozenset(h.number for h in some)),
            {text for tag, text in lines if tag == "+"},
            {text for tag, text in lines if tag == "-"},
        )

    @precondition(lambda self: self.staged())
    @rule(data=st.data())
    def reject(self, data: st.DataObject) -> None:
        action = data.draw(st.sampled_from(self.staged()))
        try:
            self.reviewer.reject([action], reason="", status=ActionStatus.REJECTED)
        except ConflictError as e:
            self.refused(e)

    def refused(self, error: ConflictError) -> None:
        """A conflict names its paths, and nothing has changed."""
        assert error.paths
        assert self.scene.world() == self.known

    @rule()
    def commit(self) -> None:
        expected = self.after_commit()
        try:
            result = self.reviewer.commit()
        except ApprovalNeeded:
            return
        except ConflictError as e:
            self.refused(e)
            return
        # It went through, so what it was based on was still there; and nothing else has changed.
        assert self.scene.world() == expected
        self.landed += [a for a in result.actions if a not in self.landed]
        self.remember()

    def after_commit(self) -> trees.World:
        world = dict(self.known)
        for action in self.scene.store.actions(status=STAGED):
            for effect in action.changes:
                if effect.state is not EffectState.APPROVED:
                    continue
                if effect.after is None:
                    trees.remove(world, effect.path)
                else:
                    trees.put(world, effect.path, trees.file(self.content(effect.after) or b"", effect.after.mode))
        return world

    @rule(point=st.sampled_from(COMMIT_POINTS), nth=st.integers(1, 3))
    def commit_is_killed(self, point: str, nth: int) -> None:
        before, expected = self.known, self.after_commit()
        self.scene.close()
        pid = os.fork()
        if pid == 0:
            os.environ["AGENTSH_FAULT"] = f"{point}:{nth}"
            code = 70
            try:
                self.scene = Scene(Path(self.home.name))
                self.open()
                with suppress(ConflictError, ApprovalNeeded):
                    self.reviewer.commit()
                code = 0
            finally:
                os._exit(code)
        status = os.waitpid(pid, 0)[1]
        assert status == 0 or os.WTERMSIG(status) == signal.SIGKILL
        self.scene = Scene(Path(self.home.name))
        self.open()
        recover(self.scene.store, self.scene.tree)
        assert self.scene.world() in (before, expected)
        self.landed += [a.id for a in self.scene.store.actions() if a.commit and a.id not in self.landed]
        self.remember()

    # -- undo --------------------------------------------------------------------------------------------------------

    @precondition(lambda self: self.landed)
    @rule(data=st.data(), side=st.sampled_from([None, None, "ours", "theirs"]))
    def revert(self, data: st.DataObject, side: str | None) -> None:
        before, store = self.known, self.scene.store
        how = data.draw(st.sampled_from(["whole", "path", "hunks"]))
        most = 3 if how == "whole" else 1
        actions = data.draw(st.lists(st.sampled_from(self.landed), min_size=1, max_size=most, unique=True))
        touched = sorted({x.effect.path for x in store.landings(actions)})
        path = data.draw(st.sampled_from(touched))
        choices = self.choose(data, actions[0], path, {"committed"}) if how == "hunks" else None
        if how == "hunks" and choices is None:
            return
        theirs = choices[1] if choices else self.added(actions, None if how == "whole" else path)
        answers = [Resolution(side)] if side else []  # type: ignore[arg-type]
        arguments = {"paths": [path] if how == "path" else [], "choices": choices and {path: choices[0]}}
        plan = self.reviewer.revert(actions, dry_run=True, **arguments)  # type: ignore[arg-type]
        assert self.scene.world() == before
        for conflict in plan.conflicts:
            assert conflict.action in actions
            assert conflict.path in touched
        try:
            result = self.reviewer.revert(actions, dry_run=False, answers=answers, **arguments)  # type: ignore[arg-type]
        except ConflictError as e:
            self.refused(e)
            self.told(plan, e)
            return
        after = self.scene.world()
        lost = self.written(before) - self.written(after) - theirs
        asked = {c.path for c in plan.conflicts} if side == "theirs" else set()
        for line in lost:
            assert any(line in before[p][1].splitlines() for p in asked if p in before), (line, actions)
        if not plan.conflicts:
            assert not lost
        only = {path} if how != "whole" else set(touched)
        changed = {p for p in before.keys() | after.keys() if before.get(p) != after.get(p)}
        assert all(p in only or after.get(p, ("",))[0] == "dir" for p in changed)
        if result.actions:
            self.landed.append(result.actions[-1])
        self.remember()

    @staticmethod
    def told(plan: CommitResult, error: ConflictError) -> None:
        """What is refused was in the preview, but for what the answers to the others have brought about."""
        assert plan.conflicts
        assert {c.path for c in error.conflicts} == set(error.paths)

    def added(self, actions: list[str], path: bytes | None) -> set[bytes]:
        """The lines that actions have put into the workspace."""
        found: set[bytes] = set()
        for landing in self.scene.store.landings(actions):
            e = landing.effect
            if path is None or e.path == path:
                old, new = (set((self.content(x) or b"").splitlines()) for x in (e.before, e.after))
                found |= new - old
        return found

    @precondition(lambda self: self.landed)
    @rule(data=st.data())
    def revert_and_revert_that(self, data: st.DataObject) -> None:
        """At once, so nothing can be in the way: all is as it was."""
        before = self.known
        try:
            result = self.reviewer.revert([data.draw(st.sampled_from(self.landed))], dry_run=False)
        except ConflictError:
            return
        if result.actions:
            self.reviewer.revert(result.actions, dry_run=False)
            assert self.scene.world() == before

    @rule(data=st.data())
    def restore(self, data: st.DataObject) -> None:
        snapshot = data.draw(st.sampled_from(sorted(self.seen)))
        path = data.draw(st.one_of(st.none(), paths))
        before, target = self.known, self.seen[snapshot]
        try:
            result = self.reviewer.restore(snapshot, paths=[path] if path else [], dry_run=False)
        except NotFoundError:
            assert path not in before.keys() | target.keys()
            return
        after = self.scene.world()
        expected = target if path is None else {**before, **{p: n for p, n in target.items() if p == path}}
        if path is not None and path not in target:
            expected.pop(path, None)
        assert {p: n for p, n in after.items() if n[0] != "dir"} == {p: n for p, n in expected.items() if n[0] != "dir"}
        if result.actions:
            self.landed.append(result.actions[-1])
        self.remember()

    @rule()
    def collect(self) -> None:
        self.scene.store.gc()

    @invariant()
    def nothing_changes_by_itself(self) -> None:
        if hasattr(self, "scene"):
            assert self.scene.world() == self.known


TestUndoing = Undoing.TestCase
TestUndoing.settings = settings(
    max_examples=EXAMPLES, stateful_step_count=25, deadline=None, suppress_health_check=list(HealthCheck)
)
