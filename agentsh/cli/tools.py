"""``tools``: a person's own WASM tools and Python scripts, as commands of the sandbox."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from agentsh.cli.options import Command, json_option
from agentsh.cli.output import can_ask, data, data_json, is_terminal, say
from agentsh.core.errors import ApprovalNeeded
from agentsh.core.sanitise import visible_line

if TYPE_CHECKING:
    from collections.abc import Iterator

    from agentsh import ToolProposal, UserTool, UserTools
    from agentsh.cli.paint import Page

_STATES = {
    "changed": "its file is not the one that was added: it is not run",
    "hidden": "a command of the sandbox's own comes first: add it with --replace, or under another name",
}
_CAN = {
    "read": "read the workspace",
    "write": "change the workspace, for you to review",
    "clock": "read the time",
    "random": "draw random numbers",
}
_CANNOT = {
    "read": "see a file",
    "write": "change a file",
    "clock": "read the time",
    "random": "draw random numbers",
    "env": "see variables",
}


@click.group()
def tools() -> None:
    """Add your own WASM tools and Python scripts to the sandbox."""


@tools.command(
    cls=Command,
    examples="""
    agentsh tools add wordfreq.wasm --name wordfreq --capability read
    agentsh tools add tidy.py --name tidy --capability write --description 'sort the imports of FILE...'
    """,
)
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--name", required=True, metavar="N", help="What the tool is called, and its command.")
@click.option("--command", "commands", multiple=True, metavar="C", help="What actions call it by, instead of its name.")
@click.option(
    "--capability",
    "capabilities",
    multiple=True,
    metavar="C",
    help="What it may: read, write (the workspace), clock, random, env=NAME[,NAME...]. Nothing unless given.",
)
@click.option("--description", default="", metavar="TEXT", help="One line, for you and for models.")
@click.option("--replace", is_flag=True, help="Take the place of a command of the sandbox, or of a tool of that name.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@json_option
def add(
    *,
    file: Path,
    name: str,
    commands: tuple[str, ...],
    capabilities: tuple[str, ...],
    description: str,
    replace: bool,
    yes: bool,
    as_json: bool,
) -> int:
    """Add FILE, a WASM module (WASI preview 1) or a Python script, as a command that actions can call.

    It sees its arguments and standard streams. Every capability beyond that is yours to give. It can be called in every
    workspace.
    """
    shelf = _shelf()
    with _compiling(name, quiet=as_json):
        proposal = shelf.propose(
            file,
            name=name,
            commands=commands,
            capabilities=capabilities,
            description=description,
            replace=replace,
        )
    if not as_json:
        _show_proposal(proposal)
    if not yes:
        if as_json or not can_ask():
            raise ApprovalNeeded(
                f"Adding the tool '{name}' needs your word.",
                files="Nothing was added.",
                next_step="Say --yes when the capabilities are what you want.",
            )
        if not click.confirm("Add it?", err=True):
            say("Nothing was added.")
            return 1
    tool = shelf.keep(proposal)
    if as_json:
        data_json({"added": _fields(tool), "asks": list(proposal.asks), "replaces": list(proposal.replaces)})
    else:
        data(f"added {tool.name}")
    return 0


@tools.command("list", cls=Command, examples="agentsh tools list")
@json_option
def list_(*, as_json: bool) -> None:
    """List the tools that you added."""
    shelf = _shelf()
    found = shelf.list()
    if as_json:
        data_json({"tools": [{**_fields(t), "state": shelf.state(t)} for t in found]})
        return
    if not found:
        say("No tool was added.")
        return
    from agentsh.cli.paint import Page, Span, show  # noqa: PLC0415 - see agentsh.cli

    page = Page()
    rows = []
    for tool in found:
        state = shelf.state(tool)
        notes = [tool.description] if tool.description else []
        notes += [f"replaces {' '.join(tool.commands)}"] if tool.replace else []
        style = "" if state == "ok" else "bold yellow"
        notes += [] if state == "ok" else [f"! {state}: {_STATES[state]}"]
        rows.append(
            (
                Span(" ".join(tool.commands), "bold"),
                Span(" ".join(tool.capabilities.words()) or "-"),
                Span(visible_line("; ".join(notes)), style),
            )
        )
    page.table(rows)
    show(page)


@tools.command(cls=Command, examples="agentsh tools show wordfreq")
@click.argument("name")
@json_option
def show(*, name: str, as_json: bool) -> None:
    """Show the tool NAME: where it came from, its hash, what it may."""
    shelf = _shelf()
    tool = shelf.get(name)
    state = shelf.state(tool)
    if as_json:
        data_json({**_fields(tool), "state": state})
        return
    from agentsh.cli.paint import Page, Span  # noqa: PLC0415 - see agentsh.cli
    from agentsh.cli.paint import show as show_page  # noqa: PLC0415

    page = Page()
    _describe(page, tool)
    if state != "ok":
        page.add(Span(f"! {state}: {_STATES[state]}", "bold yellow"))
    show_page(page)


@tools.command(cls=Command, examples="agentsh tools remove wordfreq")
@click.argument("name")
@json_option
def remove(*, name: str, as_json: bool) -> None:
    """Remove the tool NAME."""
    tool = _shelf().remove(name)
    if as_json:
        data_json({"removed": tool.name})
    else:
        data(f"removed {tool.name}")


def _shelf() -> UserTools:
    from agentsh import UserTools  # noqa: PLC0415 - see agentsh.cli

    return UserTools()


def _fields(tool: UserTool) -> dict[str, Any]:
    return {
        "name": tool.name,
        "commands": list(tool.commands),
        "kind": tool.kind,
        "description": tool.description,
        "capabilities": list(tool.capabilities.words()),
        "sha256": tool.sha256,
        "size": tool.size,
        "source": tool.source,
        "replaces": tool.replace,
    }


def _show_proposal(proposal: ToolProposal) -> None:
    """What is about to be added, on stderr."""
    from agentsh.cli.paint import Page, Span, show  # noqa: PLC0415 - see agentsh.cli

    page = Page()
    _describe(page, proposal.tool)
    unmet = [a for a in proposal.asks if a in _denied(proposal.tool)]
    if unmet:
        page.add(Span(f"It is made for more than that: {', '.join(unmet)}. Without, calls for it fail.", "dim"))
    if proposal.replaces:
        page.add(Span(f"! It takes the place of the sandbox's own {', '.join(proposal.replaces)}.", "bold yellow"))
    if proposal.instead_of is not None:
        before = " ".join(proposal.instead_of.capabilities.words()) or "nothing"
        page.add(Span(f"! It takes the place of your tool '{proposal.tool.name}', which may: {before}.", "bold yellow"))
    show(page, stream=sys.stderr)


def _describe(page: Page, tool: UserTool) -> None:
    from agentsh.cli.paint import Span  # noqa: PLC0415 - see agentsh.cli

    what = "a WASM module" if tool.kind == "module" else "a Python script"
    allowed = [_CAN[word] for word in tool.capabilities.words() if word in _CAN]
    if tool.capabilities.write:
        allowed.remove(_CAN["read"])
        allowed[0] = "read and " + allowed[0]
    if tool.capabilities.env:
        allowed.append(f"see {', '.join(tool.capabilities.env)}")
    rows = [
        ("commands", " ".join(tool.commands)),
        ("from", tool.source),
        ("sha256", tool.sha256),
        ("may", "; ".join(allowed) or "nothing but use its arguments, stdin, stdout and stderr"),
        ("may not", "; ".join(_CANNOT[word] for word in _denied(tool)) or "-"),
    ]
    if tool.description:
        rows.insert(0, ("is for", tool.description))
    page.add(Span(tool.name, "bold"), Span(f": {what}, {_size(tool.size)}"))
    page.table([(Span(key, "dim"), Span(visible_line(value))) for key, value in rows], indent="  ")


def _denied(tool: UserTool) -> list[str]:
    given = tool.capabilities
    has = {"read": given.read, "write": given.write, "clock": given.clock, "random": given.random, "env": given.env}
    return [word for word in _CANNOT if not has[word]]


def _size(size: int) -> str:
    return f"{size / 1024:,.0f} KiB" if size >= 1024 else f"{size} bytes"


@contextmanager
def _compiling(name: str, *, quiet: bool) -> Iterator[None]:
    """Say that a module is being compiled, which takes seconds when it is large."""
    text = f"looking at {visible_line(name)[:80]} and compiling it"
    if quiet:
        yield
    elif not is_terminal(sys.stderr):
        say(text)
        yield
    else:
        from rich.console import Console  # noqa: PLC0415 - see agentsh.cli
        from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn  # noqa: PLC0415

        columns = (SpinnerColumn(), TextColumn("{task.description}", markup=False), TimeElapsedColumn())
        with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
            progress.add_task(text, total=None)
            yield
