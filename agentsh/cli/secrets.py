"""``secrets``: names and values in the keyring, or in an encrypted file. A value is never printed."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

import click

from agentsh.cli.options import Command, json_option
from agentsh.cli.output import can_ask, data, data_json, say

if TYPE_CHECKING:
    from agentsh.secrets import Keychain


@click.group()
def secrets() -> None:
    """Store secrets under names: in the keyring, or in an encrypted file."""


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
    keychain = _keychain()
    keychain.set(name, value)
    if as_json:
        data_json({"stored": name, "backend": keychain.backend().name})
    else:
        say(f"stored {name} in {keychain.backend().name}")


@secrets.command(
    "init",
    cls=Command,
    examples="""
    agentsh secrets init
    AGENTSH_PASSPHRASE=... agentsh secrets init
    """,
)
@json_option
def init(*, as_json: bool) -> None:
    """Make an encrypted file for secrets, on a machine without a keyring.

    It opens with a passphrase: typed on the terminal, or in the variable AGENTSH_PASSPHRASE. Nobody can read the file
    without it, not even you.
    """
    from agentsh.secrets.sealed import PASSPHRASE_VARIABLE, SealedFile, ask_passphrase, sealed_file  # noqa: PLC0415

    def chosen() -> str:
        if PASSPHRASE_VARIABLE in os.environ or not can_ask():
            return ask_passphrase()
        return str(click.prompt("Passphrase", hide_input=True, confirmation_prompt=True, err=True))

    SealedFile(sealed_file(), chosen).create()
    if as_json:
        data_json({"file": str(sealed_file())})
    else:
        say(f"made {sealed_file()}; where there is no keyring, secrets go there")


@secrets.command("test", cls=Command, examples="agentsh secrets test OPENAI_API_KEY")
@click.argument("name")
@json_option
def test(*, name: str, as_json: bool) -> None:
    """Say whether NAME can be read, and where it is kept. The value is not shown."""
    from agentsh.core.errors import NotFoundError  # noqa: PLC0415 - see agentsh.cli

    keychain = _keychain()
    secret = keychain.get(name)
    if secret is None:
        raise NotFoundError(f"There is no secret {name}.", next_step="'agentsh secrets list' shows names.")
    from agentsh.redact import Redactor  # noqa: PLC0415 - see agentsh.cli

    guarded = secret.name not in Redactor([secret]).unprotected
    if as_json:
        data_json({"name": name, "backend": keychain.backend().name, "kept_out_of_output": guarded})
        return
    say(f"{name} can be read from {keychain.backend().name}")
    if not guarded:
        say("  It is too short to be told from ordinary text, so it is not taken out of output.")


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


@secrets.command("rm", cls=Command, examples="agentsh secrets rm OPENAI_API_KEY")
@click.argument("name")
@json_option
def rm(*, name: str, as_json: bool) -> None:
    """Remove NAME from the keyring."""
    _keychain().delete(name)
    if as_json:
        data_json({"removed": name})
    else:
        say(f"removed {name}")


def _keychain() -> Keychain:
    from agentsh.secrets import Keychain  # noqa: PLC0415 - brings the keyring package

    return Keychain()
