"""Serve a recording to any OpenAI-compatible client until Ctrl-C, or make one with --record."""

from __future__ import annotations

import argparse
import os
import sys
from contextlib import ExitStack
from pathlib import Path

from agentsh.config import ModelProfile
from agentsh.core.errors import AgentshError, UsageError
from agentsh.core.secret import Secret
from agentsh.llm.endpoint import EndpointModel
from agentsh.llm.replay.recorder import Recorder
from agentsh.llm.replay.recording import Recording, demo_recording, load_recording
from agentsh.llm.replay.server import ReplayServer


def main(argv: list[str] | None = None) -> int:
    """Serve until interrupted; the exit code."""
    parser = argparse.ArgumentParser(prog="python -m agentsh.llm.replay", description=__doc__)
    parser.add_argument("file", nargs="?", type=Path, help="a recording; the packaged demonstration by default")
    parser.add_argument("--port", type=int, default=0, help="port on 127.0.0.1; a free one by default")
    parser.add_argument("--token", help="bearer token; a random one by default")
    parser.add_argument("--record", metavar="URL", help="write FILE: pass conversations on to this base_url")
    parser.add_argument("--model", help="with --record: the model's name there")
    parser.add_argument("--key", metavar="NAME", help="with --record: environment variable that holds the key there")
    options = parser.parse_args(argv)
    with ExitStack() as stack:
        try:
            player = _recorder(options, stack) if options.record else _recording(options.file)
            server = ReplayServer(player, port=options.port, token=options.token)
        except AgentshError as e:
            sys.stderr.write(f"{e.what} {e.next_step}\n")
            return e.exit_code
        except OSError as e:
            sys.stderr.write(f"Port {options.port} cannot be used: {e.strerror}.\n")
            return 2
        stack.callback(server.stop)
        # For the person who started it, who needs both to connect.
        sys.stdout.write(f"base_url = {server.url}\ntoken = {server.token}\nmodel = {player.name}\n")
        sys.stdout.flush()
        try:
            server.serve()
        except KeyboardInterrupt:
            return 130
    return 0


def _recording(path: Path | None) -> Recording:
    return load_recording(path) if path else demo_recording()


def _recorder(options: argparse.Namespace, stack: ExitStack) -> Recorder:
    if options.file is None or not options.model:
        raise UsageError("--record needs the FILE to write and --model NAME.")
    key = None
    if options.key:
        value = os.environ.get(options.key, "").strip()
        if not value:
            raise UsageError(f"The environment variable {options.key} is not set.")
        key = Secret(options.key, value)
    profile = ModelProfile(name="record", model=options.model, base_url=options.record, key=options.key or "")
    model = stack.enter_context(EndpointModel(profile, key))
    return Recorder(model, options.file, name=options.model)


if __name__ == "__main__":
    sys.exit(main())
