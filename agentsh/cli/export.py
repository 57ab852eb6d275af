"""``export``: the history as commits on a new git branch, or as patches."""

from __future__ import annotations

from pathlib import Path

import click

from agentsh.cli.options import Command, json_option, opened, workspace_option
from agentsh.cli.output import data, data_json, say
from agentsh.core.errors import UsageError
from agentsh.core.sanitise import visible_line


@click.command(
    cls=Command,
    examples="""
    agentsh export --git-branch agent-work
    agentsh export --git-branch agent-work --onto v1.2
    agentsh export --patches ../patches
    """,
)
@click.option("--git-branch", "branch", metavar="NAME", help="A new branch of the git repository that this is in.")
@click.option("--onto", default="HEAD", metavar="REV", help="With --git-branch: the commit to start from (HEAD).")
@click.option("--patches", metavar="DIR", help="A new directory of patches that 'git am' takes.")
@workspace_option
@json_option
def export(
    *, branch: str | None, onto: str, patches: str | None, directory: str, data_dir: Path | None, as_json: bool
) -> None:
    """Write what was committed, one commit each, as a git branch or as patches.

    Neither the working tree nor the index is touched. What you changed yourself in between comes as commits of its own.
    """
    if (branch is None) == (patches is None):
        raise UsageError("Say where to: --git-branch NAME, or --patches DIR.", files="Nothing was written.")
    with opened(directory, data_dir) as workspace:
        if branch is not None:
            done = workspace.export_branch(branch, onto=onto)
        else:
            done = workspace.export_patches(Path(patches or "").absolute())
    if as_json:
        from agentsh.cli.encode import text_fields  # noqa: PLC0415 - see agentsh.cli

        left = [text_fields("path", p) for p in done.left_out]
        data_json({"place": done.place, "commits": done.commits, "left_out": left})
        return
    from agentsh.cli.words import count, names  # noqa: PLC0415 - see agentsh.cli

    of = count(done.commits, "commit") if branch else count(done.commits, "patch", "patches")
    data(f"{visible_line(done.place)}: {of}")
    if done.left_out:
        say(f"left out (ignored by git, sealed, in a .git, or in a nested repository): {names(done.left_out)}")
