"""Whether a dead process has left something begun: asked before every action."""

from __future__ import annotations

from typing import TYPE_CHECKING

from agentsh.core.action import ActionKind, ActionSpec, ActionStatus
from agentsh.store import Store, owner

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


def test_an_action_counts_from_its_process_s_death_to_its_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with Store.open(tmp_path / "store.db") as store:
        assert not store.unfinished()
        action = store.begin_action(ActionSpec(ActionKind.SHELL, {"line": "true"}))
        assert not store.unfinished()  # it runs, in this process
        monkeypatch.setattr(owner, "is_alive", lambda _owner: False)
        assert store.unfinished()
        store.finish_action(action, status=ActionStatus.DONE, exit_code=0)
        assert not store.unfinished()
