"""Staging views: the workspace plus uncommitted effects, shown by overlay, clone or copy."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from agentsh.sandbox.staging.view import Kind, StagingView, check_places

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["Kind", "StagingView", "open_staging"]


def open_staging(directory: Path, workspace: Path, *, kind: Literal["auto"] | Kind = "auto") -> StagingView:
    """Open, or make, the staging view of a workspace.

    Args:
        directory: its place on disk, outside the workspace; created, for the person's eyes alone.
        workspace: the directory the person works in.
        kind: how to show the workspace; ``auto`` takes what the view was made with, or the fastest that works here.

    Raises:
        ConfigError: the two places overlap, or the workspace is missing.
        SandboxError: ``kind`` does not work here.
    """
    from agentsh.sandbox.staging import probe  # noqa: PLC0415 - needed only past the checks

    check_places(directory, workspace)
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    directory.chmod(0o700)
    chosen, reason = probe.choose(directory, workspace, kind)
    view: StagingView
    if chosen == "overlay":
        from agentsh.sandbox.staging.overlay import OverlayView  # noqa: PLC0415 - only the kind that is used

        view = OverlayView(directory, workspace)
    else:
        from agentsh.sandbox.staging.copying import CopyView  # noqa: PLC0415 - only the kind that is used

        view = CopyView(directory, workspace, chosen)
    view.reason = "; ".join(filter(None, (reason, view.bare)))
    return view
