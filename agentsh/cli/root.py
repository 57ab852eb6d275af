"""The command tree: names, help, and the modules that hold the commands."""

from __future__ import annotations

import sys
from importlib import import_module

import click

from agentsh import __version__
from agentsh.cli.output import is_terminal
from agentsh.core.errors import UsageError

_PLACES = {
    "tui": "screen.tui",
    "serve": "serve.serve",
    "run": "run.run",
    "exec": "act.exec_",
    "http": "http.http",
    "status": "status.status",
    "diff": "see.diff",
    "log": "see.log",
    "show": "see.show",
    "approve": "answer.approve",
    "reject": "answer.reject",
    "commit": "answer.commit",
    "outbox": "outbox.outbox",
    "discard": "answer.discard",
    "revert": "undo.revert",
    "restore": "undo.restore",
    "undo": "undo.undo",
    "export": "export.export",
    "check": "upkeep.check",
    "gc": "upkeep.gc",
    "doctor": "doctor.doctor",
    "policy": "policy.policy",
    "secrets": "secrets.secrets",
    "tools": "tools.tools",
    "api": "api.api",
    "model": "model.model",
    "eval": "evaluate.evaluate",
    "version": "upkeep.version",
}
"""Where each command is, in the order in which a person meets them; its module loads when it is asked for."""


class Root(click.Group):
    """The program."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Every name."""
        del ctx
        return list(_PLACES)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of that name."""
        del ctx
        if cmd_name not in _PLACES:
            return None
        module, _, attribute = _PLACES[cmd_name].partition(".")
        command: click.Command = getattr(import_module(f"agentsh.cli.{module}"), attribute)
        return command

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """As every group does, and an option that only commands take is said to be that."""
        try:
            return super().parse_args(ctx, args)
        except click.NoSuchOption as e:
            commands = (self.get_command(ctx, name) for name in self.list_commands(ctx))
            if any(e.option_name in p.opts for c in commands if c is not None for p in c.params):
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
@click.version_option(__version__, "--version", message="agentsh %(version)s")
@click.pass_context
def root(ctx: click.Context) -> int:
    """An agent shell that people can trust.

    Every action runs in a WASM sandbox on a staged view of your files. You see its effect as a diff, approve it, and it
    is committed as one unit; later you can revert it.

    \b
    Start here:
      agentsh                                    see everything on one screen, and work there
      agentsh exec 'echo hello > greeting.txt'   run one action; nothing is written yet
      agentsh diff                               see what it would change
      agentsh approve a1 && agentsh commit       keep it
      agentsh undo                               and take it back
    """  # noqa: D301 - click takes the control character as 'keep these lines'
    if ctx.invoked_subcommand is not None:
        return 0
    if not (is_terminal(sys.stdin) and is_terminal(sys.stdout)):
        raise UsageError("No command was given.", files="Nothing was run.", next_step="'agentsh --help' lists them.")
    from agentsh.cli.screen import open_screen  # noqa: PLC0415 - brings Textual

    return open_screen(".", model=None, policy=None, data_dir=None)
