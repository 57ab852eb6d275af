"""From ``agentsh`` to its first full frame on a terminal, beside a Textual program with nothing in it.

    python -m benchmarks.start --rounds 10

Both are started in turn, each in a process and on a pseudo-terminal of its own, so that a busy machine slows both. The
first frame is there when the text that only a painted screen has was sent: for agentsh its key bar, for the other its
one word. ``ready`` is when agentsh has looked at the workspace too.
"""

from __future__ import annotations

import argparse
import fcntl
import os
import pty
import select
import statistics
import struct
import subprocess
import sys
import tempfile
import termios
import time
from pathlib import Path

_BARE = """
from textual.app import App
from textual.widgets import Static
class Bare(App):
    def compose(self):
        yield Static("painted")
Bare().run()
"""


def until_sent(arguments: list[str], texts: list[bytes], *, cwd: Path, environment: dict[str, str]) -> list[float]:
    """Seconds from the start of a program until it has sent each text."""
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 120, 0, 0))
    began = time.perf_counter()
    program = subprocess.Popen(
        [sys.executable, *arguments],
        cwd=cwd,
        env={**os.environ, "TERM": "xterm-256color", "COLORTERM": "truecolor", **environment},
        stdin=slave,
        stdout=slave,
        stderr=slave,
        start_new_session=True,
    )
    os.close(slave)
    sent, found = b"", list[float]()
    try:
        while len(found) < len(texts):
            if not select.select([master], [], [], 60)[0]:
                raise TimeoutError(sent[-500:])
            sent += os.read(master, 1 << 16)
            while len(found) < len(texts) and texts[len(found)] in sent:
                found.append(time.perf_counter() - began)
    finally:
        program.kill()
        program.wait()
        os.close(master)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=10)
    rounds = parser.parse_args().rounds
    bare, first, ready = [], [], []
    with tempfile.TemporaryDirectory() as base:
        root = Path(base) / "workspace"
        root.mkdir()
        places = {"AGENTSH_DATA_DIR": f"{base}/data", "AGENTSH_CONFIG_DIR": f"{base}/config"}
        for _ in range(rounds):
            (seconds,) = until_sent(["-c", _BARE], [b"painted"], cwd=root, environment={})
            bare.append(seconds)
            seen = until_sent(["-m", "agentsh"], [b"Leave", b"nothing to review"], cwd=root, environment=places)
            first.append(seen[0])
            ready.append(seen[1])
    print(f"{'':24}{'fastest':>9}{'median':>9}  seconds, {rounds} rounds")
    for name, times in (("bare Textual program", bare), ("agentsh, first frame", first), ("agentsh, ready", ready)):
        print(f"{name:24}{min(times):9.3f}{statistics.median(times):9.3f}")
    print(f"agentsh's first frame is {statistics.median(first) / statistics.median(bare):.2f} times the bare one's")


if __name__ == "__main__":
    main()
