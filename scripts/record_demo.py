"""Record the demonstration as an animated SVG: ``python scripts/record_demo.py docs/demo.svg``.

The demo runs on a pseudo-terminal, as it does for a person. What it printed, line by line, becomes a picture that
scrolls as a terminal does; only the pace is changed, so that it can be read.
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
ROWS = 32
SECONDS_A_LINE = 0.16
SECONDS_BEFORE_A_COMMAND = 1.4
SECONDS_AT_THE_END = 6.0

_UNSAFE = re.compile(r"\x1b(?!\[[0-9;]*m)[^\n]?|[\x00-\x08\x0b-\x1a\x1c-\x1f\x7f-\x9f]")
_FONT_FACE = re.compile(r"\s*@font-face \{.*?\}", re.DOTALL)


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


def wrapped(printed: str) -> list[Text]:
    """The lines as a terminal breaks them; anything but colours is dropped."""
    out: list[Text] = []
    for line in Text.from_ansi(_UNSAFE.sub("", printed)).split("\n", allow_blank=True):
        while line.cell_len > COLUMNS:
            line, rest = line.divide([COLUMNS])  # noqa: PLW2901 - a line wider than the terminal goes on below
            out.append(line)
            line = rest  # noqa: PLW2901
        out.append(line)
    while out and not out[-1].plain.strip():
        out.pop()
    return out


def timeline(lines: list[Text]) -> list[float]:
    """The second at which each line is there: a person gets time to read before each command."""
    times = []
    now = 0.5
    for line in lines:
        now += SECONDS_BEFORE_A_COMMAND if line.plain.startswith(("$ ", "# ")) else SECONDS_A_LINE
        times.append(now)
    return times


def picture(lines: list[Text]) -> str:
    """The animated SVG."""
    console = Console(record=True, width=COLUMNS, file=io.StringIO(), force_terminal=True, color_system="truecolor")
    for line in lines:
        console.print(line, highlight=False, soft_wrap=True)
    svg = console.export_svg(title="make demo", theme=MONOKAI, unique_id="demo", font_aspect_ratio=0.61)
    svg = _FONT_FACE.sub("", svg).replace("Fira Code", "ui-monospace, Menlo, Consolas, monospace")
    return scrolling(svg, timeline(lines))


def scrolling(svg: str, times: list[float]) -> str:
    """Cut the picture to the terminal's height and move the lines through it as they come."""
    height = 24.4  # of a line, as rich draws it: 20 px times 1.22
    total = times[-1] + SECONDS_AT_THE_END
    steps = [f"0% {{ transform: translateY({ROWS * height:.1f}px) }}"]
    for n, at in enumerate(times, 1):
        steps.append(f"{100 * at / total:.3f}% {{ transform: translateY({(ROWS - n) * height:.1f}px) }}")
    end = (ROWS - len(times)) * height
    steps.append(f"100% {{ transform: translateY({end:.1f}px) }}")
    style = (
        f".scroll {{ animation: scroll {total:.1f}s step-end infinite }}\n@keyframes scroll {{\n"
        + "\n".join(steps)
        + "\n}\n@media (prefers-reduced-motion) {"
        + f" .scroll {{ animation: none; transform: translateY({end:.1f}px) }} }}\n"
    )
    whole = len(times) * height
    window = ROWS * height
    taller = whole - window

    def cut(match: re.Match[str]) -> str:
        return f'{match[1]}{float(match[2]) - taller:.1f}"'

    svg = re.sub(r'(viewBox="0 0 [\d.]+ )([\d.]+)"', cut, svg, count=1)
    # The frame of the window and the clip of the terminal are the two rectangles about as high as all lines together.
    for found in set(re.findall(r'height="([\d.]+)"', svg)):
        if float(found) > whole - height:
            svg = svg.replace(f'height="{found}"', f'height="{float(found) - taller:.1f}"')
    svg = svg.replace("</style>", f"{style}</style>", 1)
    start, end_at = svg.index('clip-path="url(#demo-clip-terminal)">'), svg.rindex("</g>")
    start += len('clip-path="url(#demo-clip-terminal)">')
    return f'{svg[:start]}<g class="scroll">{svg[start:end_at]}</g>{svg[end_at:]}'


def main() -> int:
    """Record, and write the file if the demo held."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("target", type=Path)
    options = parser.parse_args()
    code, printed = record([sys.executable, str(Path(__file__).with_name("demo.py"))])
    if code != 0:
        sys.stderr.write(printed)
        return code
    options.target.write_text(picture(wrapped(printed)), encoding="utf-8")
    sys.stdout.write(f"wrote {options.target}, {options.target.stat().st_size:,} bytes\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
