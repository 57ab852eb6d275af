"""``serve``: the interface for a browser."""

from __future__ import annotations

import asyncio
import ipaddress
import os
import secrets
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import click

from agentsh.cli.options import Command, policy_option, workspace_option
from agentsh.cli.output import is_terminal, say
from agentsh.core.errors import UsageError
from agentsh.core.sanitise import visible_line, visible_path

if TYPE_CHECKING:
    import ssl


@click.command(
    cls=Command,
    examples="""
    agentsh serve --web
    agentsh serve --web --port 8765 -w project --model openai:gpt-4.1
    ssh -L 8765:127.0.0.1:8765 host agentsh serve --web --port 8765
    """,
)
@click.option("--web", is_flag=True, help="Serve the full-screen interface to a browser.")
@click.option("--port", type=click.IntRange(0, 65535), default=0, metavar="N", help="A free one unless given.")
@click.option("--bind", "address", default="127.0.0.1", metavar="ADDRESS", help="Another than loopback needs TLS.")
@click.option("--name", default=None, metavar="HOST", help="The name in the link; one that only this run has, if none.")
@click.option("--tls-cert", "certificate", type=click.Path(dir_okay=False), metavar="FILE", help="A certificate (PEM).")
@click.option("--tls-key", "key", type=click.Path(dir_okay=False), metavar="FILE", help="Its key (PEM).")
@click.option("--model", default=None, metavar="M", help="openai:NAME, a configured name, or replay.")
@policy_option
@workspace_option
def serve(
    *,
    web: bool,
    port: int,
    address: str,
    name: str | None,
    certificate: str | None,
    key: str | None,
    model: str | None,
    policy: str | None,
    directory: str,
    data_dir: Path | None,
) -> int:
    """Serve the full-screen interface to your own browser.

    It prints a link that lets one browser in, once. Whoever has been let in can approve and commit, as you can: give
    the link to nobody. It listens on this machine alone; from elsewhere, go through ssh -L.
    """
    if not web:
        raise UsageError("There is nothing to serve.", files="Nothing was run.", next_step="Say 'agentsh serve --web'.")
    if find_spec("textual_serve") is None:
        raise UsageError(
            "The interface for browsers is not installed.",
            files="Nothing was run.",
            next_step="pip install 'agentsh[web]' adds it; 'agentsh' in a terminal needs nothing more.",
        )
    if not Path(directory).is_dir():
        raise UsageError(
            f"{visible_path(os.fsencode(directory))} is not a directory.", next_step="Name the workspace with -w DIR."
        )
    tls = _tls(certificate, key)
    if not _loopback(address) and tls is None:
        raise UsageError(
            f"{visible_line(address)} can be reached from other machines, and nothing would be encrypted.",
            files="Nothing was run.",
            next_step="Leave --bind out and use ssh -L, or give --tls-cert, --tls-key and --name.",
        )
    if tls is not None and not name:
        raise UsageError("A certificate is for a name.", files="Nothing was run.", next_step="Give it with --name.")
    # Cookies know no ports: under a name that no other server on this machine has, none of them is sent ours.
    host = name or f"agentsh-{secrets.token_hex(4)}.localhost"
    if not all(c.isalnum() or c in "-.:[]" for c in host) or not host.isascii():
        raise UsageError(f"{visible_line(host)} is no name of a host.", files="Nothing was run.")
    program = [sys.executable, "-P", "-m", "agentsh", "tui", "-w", os.path.abspath(directory)]  # noqa: PTH100
    for option, value in (("--model", model), ("--policy", policy), ("--data-dir", data_dir and str(data_dir))):
        program += [option, value] if value else []
    return _serve(program, address=address, port=port, host=host.lower(), tls=tls)


def _serve(program: list[str], *, address: str, port: int, host: str, tls: ssl.SSLContext | None) -> int:
    from agentsh.tui.web.guard import LINK_SECONDS, Guard  # noqa: PLC0415 - the extra is there, and it takes a while
    from agentsh.tui.web.server import WebServer, listen, run  # noqa: PLC0415

    listening = listen(address, port)
    scheme, usual = ("https", 443) if tls is not None else ("http", 80)
    taken = listening.getsockname()[1]
    guard = Guard(f"{scheme}://{host}" + ("" if taken == usual else f":{taken}"))

    def tell() -> None:
        say(f"  {guard.link()}")

    def ready() -> None:
        say("The interface is at this link, for one browser, once:")
        tell()
        say(f"It can be opened for {LINK_SECONDS / 60:.0f} minutes. Enter prints another link, Ctrl-C ends.")
        if is_terminal(sys.stdin):
            asyncio.get_running_loop().add_reader(sys.stdin, answer)

    def answer() -> None:
        if sys.stdin.readline():
            tell()
        else:
            asyncio.get_running_loop().remove_reader(sys.stdin)

    server = WebServer(guard, program, on_enter=lambda: say("A browser was let in."))
    asyncio.run(run(server, listening, tls=tls, ready=ready))
    say("Ended. What is staged stays staged.")
    return 0


def _loopback(address: str) -> bool:
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return False


def _tls(certificate: str | None, key: str | None) -> ssl.SSLContext | None:
    if certificate is None and key is None:
        return None
    if certificate is None or key is None:
        raise UsageError("--tls-cert and --tls-key go together.", files="Nothing was run.")
    import ssl  # noqa: PLC0415 - seldom needed

    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    try:
        context.load_cert_chain(certificate, key)
    except (OSError, ssl.SSLError) as e:
        raise UsageError(
            f"The certificate or its key cannot be used: {e.strerror or e}.", files="Nothing was run."
        ) from e
    return context
