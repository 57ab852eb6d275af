"""Record the demonstration as an SVG: ``python scripts/record_demo.py docs/demo.svg``.

The demo runs on a pseudo-terminal, as it does for a person, and what it printed becomes the picture.
"""

from __future__ import annotations

import argparse
import fcntl
import io
import os
import pty
import re
import struct
import sys
import termios
from pathlib import Path

from rich.console import Console
from rich.terminal_theme import MONOKAI
from rich.text import Text

COLUMNS = 110
ROWS = 50
_UNSAFE = re.compile(r"\x1b(?!\[[0-9;]*m)[^\n]?|[\x00-\x08\x0b-\x1a\x1c-\x1f\x7f-\x9f]")


def record(command: list[str]) -> tuple[int, str]:
    """Run ``command`` on a terminal of its own; its exit code and what it printed."""
    pid, master = pty.fork()
    if pid == 0:
        fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
        os.environ.update(TERM="xterm-256color", COLORTERM="truecolor", COLUMNS=str(COLUMNS), LINES=str(ROWS))
        os.environ.pop("NO_COLOR", None)
        os.execv(command[0], command)  # noqa: S606 - the demo itself
    parts = []
    while True:
        try:
            part = os.read(master, 65536)
        except OSError:  # Linux: the other side is gone
            break
        if not part:
            break
        parts.append(part)
    os.close(master)
    _, status = os.waitpid(pid, 0)
    return os.waitstatus_to_exitcode(status), b"".join(parts).decode("utf-8", "replace").replace("\r\n", "\n")


def picture(printed: str) -> str:
    """The SVG of what was printed; anything but colours is dropped."""
    console = Console(record=True, width=COLUMNS, file=io.StringIO(), force_terminal=True, color_system="truecolor")
    console.print(Text.from_ansi(_UNSAFE.sub("", printed)), highlight=False)
    return console.export_svg(title="make demo", theme=MONOKAI, unique_id="agentsh-demo")


def main() -> int:
    """Record, and write the file if the demo held."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("target", type=Path)
    options = parser.parse_args()
    code, printed = record([sys.executable, str(Path(__file__).with_name("demo.py"))])
    if code != 0:
        sys.stderr.write(printed)
        return code
    options.target.write_text(picture(printed), encoding="utf-8")
    sys.stdout.write(f"wrote {options.target}, {options.target.stat().st_size:,} bytes\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
