"""``agentsh serve --web`` in a process of its own."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from urllib.parse import urlsplit


class Served:
    """A server, and the link that it printed.

    Attributes:
        link: the link.
        name: the name of the server in it.
        port: its port.
    """

    def __init__(self, base: Path, *arguments: str) -> None:
        self.root = base / "workspace"
        self.root.mkdir(parents=True)
        self.data = base / "data"
        places = {"AGENTSH_DATA_DIR": str(self.data), "AGENTSH_CONFIG_DIR": str(base / "config")}
        self.environment = {**os.environ, **places}
        self._process = subprocess.Popen(
            [sys.executable, "-m", "agentsh", "serve", "--web", *arguments],
            cwd=self.root,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert self._process.stderr is not None
        self.said = ""
        for line in self._process.stderr:
            self.said += line
            if found := re.search(r"https?://\S+", line):
                self.link = found[0]
                break
        else:
            self.close()
            raise AssertionError(self.said)
        parts = urlsplit(self.link)
        self.name, self.port = parts.netloc, parts.port or 80
        self.origin = f"{parts.scheme}://{parts.netloc}"
        self.token = parts.query.removeprefix("token=")

    @property
    def pid(self) -> int:
        return self._process.pid

    def interfaces(self) -> list[int]:
        """The processes that it has started."""
        children = Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text()
        return [int(pid) for pid in children.split()]

    def close(self) -> int:
        """End it as Ctrl-C does."""
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGINT)
        assert self._process.stderr is not None
        self.said += self._process.stderr.read()
        self._process.stderr.close()
        return self._process.wait(30)
