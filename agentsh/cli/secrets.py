"""``secrets``: names and values in the operating system's keyring. A value is never printed."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from agentsh.cli.options import Command, json_option
from agentsh.cli.output import can_ask, data, data_json, say

if TYPE_CHECKING:
    from agentsh.secrets import Keychain


@click.group()
def secrets() -> None:
    """Store keys in the keyring, under names."""


@secrets.command(
    "set",
    cls=Command,
    examples="""
    agentsh secrets set OPENAI_API_KEY
    pass show openai | agentsh secrets set OPENAI_API_KEY
    """,
)
@click.argument("name")
@json_option
def set_(*, name: str, as_json: bool) -> None:
    """Store the value of NAME: typed unseen, or the first line of stdin."""
    if can_ask():
        value = str(click.prompt(f"Value of {name}", hide_input=True, err=True))
    else:
        value = sys.stdin.readline().rstrip("\r\n")
    _keychain().set(name, value)
    if as_json:
        data_json({"stored": name})
    else:
        say(f"stored {name} in the keyring")


@secrets.command("list", cls=Command, examples="agentsh secrets list")
@json_option
def list_(*, as_json: bool) -> None:
    """List the names that are stored."""
    names = _keychain().names()
    if as_json:
        data_json({"names": list(names)})
        return
    for name in names:
        data(name)
    if not names:
        say("No secret is stored.")


@secrets.command("delete", cls=Command, examples="agentsh secrets delete OPENAI_API_KEY")
@click.argument("name")
@json_option
def delete(*, name: str, as_json: bool) -> None:
    """Remove NAME from the keyring."""
    _keychain().delete(name)
    if as_json:
        data_json({"deleted": name})
    else:
        say(f"deleted {name} from the keyring")


def _keychain() -> Keychain:
    from agentsh.secrets import Keychain  # noqa: PLC0415 - brings the keyring package

    return Keychain()
