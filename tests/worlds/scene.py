"""A workspace with its store, acted on by effects that are given outright."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, NoReturn, Self

from agentsh.core.action import ActionKind, ActionSpec, ActionStatus
from agentsh.core.effect import EffectState, FileEffect, change_set
from agentsh.core.entry import Entry, EntryType
from agentsh.core.tree import Tree
from agentsh.runtime.commit import commit_effects
from agentsh.runtime.revert import plan_revert
from agentsh.store import Store
from tests.worlds import trees

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from agentsh.core.report import CommitResult


def no_web() -> NoReturn:
    """In place of what sends requests, where there are none."""
    raise AssertionError("Nothing here sends anything.")


def entry(store: Store, node: trees.Node | None) -> Entry | None:
    """A node as an entry, its content kept."""
    if node is None:
        return None
    kind, body, mode, attributes = node
    if kind == "dir":
        return Entry(EntryType.DIRECTORY, mode, xattrs=attributes)
    if kind == "link":
        return Entry(EntryType.SYMLINK, target=body)
    return Entry(EntryType.FILE, mode, len(body), store.put_bytes(body), xattrs=attributes)


def effects_between(store: Store, before: trees.World, after: trees.World) -> list[FileEffect]:
    return [
        FileEffect(p, entry(store, before.get(p)), entry(store, after.get(p)))
        for p in sorted(before.keys() | after.keys())
        if before.get(p) != after.get(p)
    ]


class Scene:
    def __init__(self, home: Path, world: trees.World | None = None) -> None:
        self.root = home / "workspace"
        self.path = home / "data" / "store.db"
        if not self.root.exists():
            self.root.mkdir(parents=True)
            trees.build(world or {}, self.root)
        self.store = Store.open(self.path)
        self.tree = Tree(self.root)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self.tree.close()
        self.store.close()

    def world(self) -> trees.World:
        return trees.read(self.root)

    def act(self, effects: Sequence[FileEffect], kind: ActionKind = ActionKind.SHELL) -> str:
        """Record an action with these effects, approved."""
        action = self.store.begin_action(ActionSpec(kind, {"line": "test"}))
        changes = change_set([replace(e, state=EffectState.PENDING) for e in effects])
        self.store.finish_action(action, status=ActionStatus.PENDING, exit_code=0, changes=changes)
        self.store.approve(action, change_set_digest=changes.digest)
        return action

    def commit(
        self, effects: Sequence[FileEffect], kind: str = "commit", *, seen: Mapping[bytes, Entry | None] | None = None
    ) -> tuple[str, CommitResult]:
        action = self.act(effects)
        return action, commit_effects(self.store, self.tree, kind=kind, actions=[action], effects=effects, seen=seen)

    def become(self, after: trees.World) -> str:
        """Commit whatever leads from the present world to ``after``."""
        return self.commit(effects_between(self.store, self.world(), after))[0]

    def revert(self, *actions: str) -> str:
        effects = plan_revert(self.store, self.tree, actions)
        return self.commit(effects, kind="revert")[0]
