"""The full-screen interface: see what an agent does, answer about it, and take it back.

Nothing here is imported before it is asked for; Textual takes longer to load than ``agentsh exec`` to run.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


def run_tui(
    directory: str,
    *,
    model: str = "",
    policy: str | None = None,
    data_dir: Path | None = None,
    watch: str | None = None,
) -> int:
    """Open the interface on a terminal until the person leaves it.

    Args:
        directory: the workspace.
        model: as ``agentsh run --model`` takes it; empty for the configured default.
        policy: a preset's name or a policy file's path, instead of the configured one.
        data_dir: where stores live, instead of the platform's place.
        watch: the session to look on at, and nothing else; empty for the newest one.

    Returns:
        The exit code.

    Raises:
        AgentshError: the workspace cannot be opened.
    """
    from agentsh.tui.app import AgentshApp  # noqa: PLC0415 - brings Textual

    app = AgentshApp(directory, model=model, policy=policy, data_dir=data_dir, watch=watch)
    app.run()
    if app.failure is not None:
        raise app.failure
    return app.return_code or 0


__all__ = ["run_tui"]
