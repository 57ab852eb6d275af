"""``python -m agentsh.llm.replay FILE``: serve a recording to any OpenAI-compatible client until Ctrl-C."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from agentsh.core.errors import AgentshError
from agentsh.llm.replay.recording import demo_recording, load_recording
from agentsh.llm.replay.server import ReplayServer


def main(argv: list[str] | None = None) -> int:
    """Serve until interrupted; the exit code."""
    parser = argparse.ArgumentParser(prog="python -m agentsh.llm.replay", description=__doc__)
    parser.add_argument("file", nargs="?", type=Path, help="a recording; the packaged demonstration by default")
    parser.add_argument("--port", type=int, default=0, help="port on 127.0.0.1; a free one by default")
    parser.add_argument("--token", help="bearer token; a random one by default")
    options = parser.parse_args(argv)
    try:
        recording = load_recording(options.file) if options.file else demo_recording()
        server = ReplayServer(recording, port=options.port, token=options.token)
    except AgentshError as e:
        sys.stderr.write(f"{e.what} {e.next_step}\n")
        return e.exit_code
    except OSError as e:
        sys.stderr.write(f"Port {options.port} cannot be used: {e.strerror}.\n")
        return 2
    # For the person who started it, who needs both to connect.
    sys.stdout.write(f"base_url = {server.url}\ntoken = {server.token}\nmodel = {recording.name}\n")
    sys.stdout.flush()
    try:
        server.serve()
    except KeyboardInterrupt:
        return 130
    finally:
        server.stop()
    return 0


if __name__ == "__main__":
    sys.exit(main())
