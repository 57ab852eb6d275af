"""The command tree: names, help, and the modules that hold the commands."""

from __future__ import annotations

import sys

import click

from agentsh.cli import act, answer, doctor, run, secrets, see, upkeep
from agentsh.cli.output import is_terminal, say
from agentsh.core.errors import UsageError


class Root(click.Group):
    """The program. Commands are listed in the order in which a person meets them."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The order in which they were added."""
        del ctx
        return list(self.commands)

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """As every group does, and an option that only commands take is said to be that."""
        try:
            return super().parse_args(ctx, args)
        except click.NoSuchOption as e:
            if any(e.option_name in p.opts for c in self.commands.values() for p in c.params):
                right = f"agentsh COMMAND {e.option_name} ..."
                raise click.UsageError(f"{e.option_name} goes after the command: {right}", ctx) from e
            raise


@click.group(
    "agentsh",
    cls=Root,
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Exit codes: 0 done, 1 failed, 2 usage, 3 denied by policy, 4 approval needed, 5 conflict, 6 limit, "
    "7 store damaged, 130 interrupted.",
)
@click.version_option(None, "--version", package_name="agentsh", message="agentsh %(version)s")
@click.pass_context
def root(ctx: click.Context) -> int:
    """An agent shell that people can trust.

    Every action runs in a WASM sandbox on a staged view of your files. You see its effect as a diff, approve it, and it
    is committed as one unit; later you can revert it.

    \b
    Start here:
      agentsh exec 'echo hello > greeting.txt'   run one action; nothing is written yet
      agentsh diff                               see what it would change
      agentsh approve a1 && agentsh commit       keep it
      agentsh undo                               and take it back
    """  # noqa: D301 - click takes the control character as 'keep these lines'
    if ctx.invoked_subcommand is not None:
        return 0
    if not is_terminal(sys.stdout):
        raise UsageError("No command was given.", files="Nothing was run.", next_step="'agentsh --help' lists them.")
    say("agentsh has no full-screen interface in this version; it works through commands.")
    say("  agentsh run 'TASK'     let a model work, then review what it did")
    say("  agentsh exec 'LINE'    run one shell line")
    say("  agentsh status         what waits for your answer")
    say("  agentsh --help         everything else")
    return 0


for _command in (
    run.run,
    act.exec_,
    see.status,
    see.diff,
    see.log,
    see.show,
    answer.approve,
    answer.reject,
    answer.commit,
    answer.discard,
    answer.revert,
    answer.restore,
    answer.undo,
    upkeep.check,
    upkeep.gc,
    doctor.doctor,
    secrets.secrets,
    upkeep.version,
):
    root.add_command(_command)
