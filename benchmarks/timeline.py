"""The timeline of 10,000 actions in the full-screen interface."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from agentsh.config import make_private, workspace_dir
from agentsh.core.action import ActionKind, ActionSpec, ActionStatus
from agentsh.core.effect import EffectState, FileEffect, change_set
from agentsh.core.entry import Entry, EntryType
from agentsh.core.tree import Tree
from agentsh.runtime.commit import commit_effects
from agentsh.store import Store

if TYPE_CHECKING:
    from pathlib import Path

PAINT_GOAL, KEY_GOAL = 0.5, 0.05
_FILES, _EVERY = 50, 10
_KEYS = ("down", "up", "pagedown", "pageup", "end", "home", "j", "k", "space")


def fill(root: Path, data: Path, actions: int) -> None:
    """A workspace in which ``actions`` actions happened, every tenth of which was committed, with those before it."""
    home = workspace_dir(data, root)
    make_private(home)
    names = [b"src/f%02d.txt" % n for n in range(_FILES)]
    (root / "src").mkdir()
    for name in names:
        (root / os.fsdecode(name)).write_bytes(b"line 0\n")
    with Store.open(home / "store.db") as store:
        tree = Tree(root)
        now: dict[bytes, Entry] = {}
        first = Entry(EntryType.FILE, 0o644, 7, store.put_bytes(b"line 0\n"))
        for number in range(1, actions + 1):
            name = names[number % _FILES]
            text = b"line %d\n" % number
            after = Entry(EntryType.FILE, 0o644, len(text), store.put_bytes(text))
            kept = number % _EVERY == 0
            spec = ActionSpec(ActionKind.SHELL, {"line": f"sed -i 's/[0-9]*$/{number}/' {os.fsdecode(name)}"})
            changes = change_set([FileEffect(name, now.get(name, first), after)])
            with store.batch(durable=False):
                action = store.begin_action(spec)
                status = ActionStatus.APPROVED if kept else ActionStatus.DISCARDED
                store.finish_action(action, status=status, exit_code=0, changes=changes)
                if kept:
                    store.approve(action, change_set_digest=changes.digest, comment="")
                else:
                    store.set_effect_states(action, None, EffectState.DISCARDED)
            if kept:
                now[name] = after
                commit_effects(store, tree, kind="commit", actions=[action], effects=changes.effects)
        tree.close()
