"""Random histories: actions, the person's own edits, reverts, restores, kills, gc. Nothing is ever lost on the way."""

from __future__ import annotations

import os
import signal
import tempfile
from contextlib import suppress
from pathlib import Path

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from agentsh.core.errors import ConflictError
from agentsh.core.faults import COMMIT_POINTS
from agentsh.runtime.recover import recover
from agentsh.runtime.restore import plan_restore
from agentsh.runtime.revert import plan_revert
from agentsh.runtime.snapshot import take_snapshot
from tests.worlds import trees
from tests.worlds.scene import Scene, effects_between
from tests.worlds.strategies import contents, paths, successors, worlds


class Histories(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.home = tempfile.TemporaryDirectory()
        self.actions: list[str] = []
        self.seen: dict[str, trees.World] = {}

    @initialize(world=worlds)
    def start(self, world: trees.World) -> None:
        self.scene = Scene(Path(self.home.name), world)
        self.remember()

    def teardown(self) -> None:
        if hasattr(self, "scene"):
            for snapshot, world in self.seen.items():
                self.scene.commit(plan_restore(self.scene.store, self.scene.tree, snapshot), kind="restore")
                assert self.scene.world() == world
            assert self.scene.store.check().problems == ()
            self.scene.close()
        self.home.cleanup()

    def remember(self) -> None:
        self.seen[take_snapshot(self.scene.store, self.scene.tree).snapshot] = self.scene.world()

    @rule(data=st.data())
    def act(self, data: st.DataObject) -> None:
        after = data.draw(successors(self.scene.world()))
        self.actions.append(self.scene.become(after))
        assert self.scene.world() == after

    @rule(path=paths, content=contents)
    def edit(self, path: bytes, content: bytes) -> None:
        """The person writes a file, behind agentsh's back."""
        world = self.scene.world()
        trees.put(world, path, trees.file(content))
        trees.clear(self.scene.root)
        trees.build(world, self.scene.root)
        self.remember()

    @precondition(lambda self: self.actions)
    @rule(data=st.data())
    def revert(self, data: st.DataObject) -> None:
        chosen = data.draw(st.lists(st.sampled_from(self.actions), unique=True, min_size=1, max_size=3))
        before = self.scene.world()
        touched = {e.path for a in chosen for e in self.scene.store.action(a).changes}
        try:
            self.actions.append(self.scene.revert(*chosen))
        except ConflictError as e:
            conflict: tuple[bytes, ...] | None = e.paths
        else:
            conflict = None
        if conflict is not None:
            assert conflict
            assert self.scene.world() == before
            return
        after = self.scene.world()
        changed = {p for p in before.keys() | after.keys() if before.get(p) != after.get(p)}
        # Beside what the actions had touched, only directories that a path needs may have come.
        assert all(after.get(p, ("", b"", 0))[0] == "dir" and p not in before for p in changed - touched)
        self.remember()

    @precondition(lambda self: self.actions)
    @rule()
    def revert_the_last_action_at_once(self) -> None:
        before = self.scene.world()
        last = self.scene.become({**before, b"zz": trees.file(b"zz\0" + os.urandom(2))})
        self.scene.revert(last)
        assert self.scene.world() == before

    @rule(data=st.data(), point=st.sampled_from(COMMIT_POINTS), nth=st.integers(1, 4))
    def killed(self, data: st.DataObject, point: str, nth: int) -> None:
        before = self.scene.world()
        after = data.draw(successors(before))
        effects = effects_between(self.scene.store, before, after)
        self.scene.close()
        pid = os.fork()
        if pid == 0:
            os.environ["AGENTSH_FAULT"] = f"{point}:{nth}"
            code = 70
            try:
                with Scene(Path(self.home.name)) as scene:
                    scene.commit(effects)
                code = 0
            finally:
                os._exit(code)
        status = os.waitpid(pid, 0)[1]
        assert status == 0 or os.WTERMSIG(status) == signal.SIGKILL
        self.scene = Scene(Path(self.home.name))
        for done in recover(self.scene.store, self.scene.tree):
            assert done.outcome == "finished"
        assert self.scene.world() in (before, after)
        if status == 0:
            assert self.scene.world() == after

    @rule()
    def collect(self) -> None:
        before = self.scene.world()
        self.scene.store.gc()
        assert self.scene.world() == before

    @precondition(lambda self: self.actions)
    @rule(data=st.data())
    def plans_only_read(self, data: st.DataObject) -> None:
        before = self.scene.world()
        with suppress(ConflictError):
            plan_revert(self.scene.store, self.scene.tree, [data.draw(st.sampled_from(self.actions))])
        assert self.scene.world() == before

    @invariant()
    def no_temporary_files(self) -> None:
        if hasattr(self, "scene"):
            assert not [p for p in self.scene.world() if b".agentsh-" in p]


TestHistories = Histories.TestCase
TestHistories.settings = settings(
    max_examples=20, stateful_step_count=12, deadline=None, suppress_health_check=list(HealthCheck)
)
