"""What to say about a command that is not there."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

_NETWORK = "an action has no network"
_READS_WEB = "commands have no network; the http tool reads from hosts that the person allows ('agentsh http')"
_INSTALL = "packages cannot be installed from inside the sandbox; the person installs them outside"
_NO_HOST = "host programs cannot be reached"
_KNOWN = {
    **dict.fromkeys(["curl", "wget", "http", "https", "aria2c"], _READS_WEB),
    **dict.fromkeys(["ssh", "scp", "rsync", "nc", "ping", "telnet", "ftp"], _NETWORK),
    **dict.fromkeys(
        [
            "pip",
            "pip3",
            "uv",
            "poetry",
            "conda",
            "npm",
            "npx",
            "yarn",
            "pnpm",
            "apt",
            "apt-get",
            "brew",
            "cargo",
            "gem",
        ],
        _INSTALL,
    ),
    "pytest": "write python -m pytest",
    **dict.fromkeys(["gh", "hub", "glab"], "an action has no network; git here reads the repository of the workspace"),
    **dict.fromkeys(["sudo", "su", "doas"], "there is no other user; run the command itself"),
    **dict.fromkeys(["docker", "podman", "systemctl", "service", "kubectl"], _NO_HOST),
    **dict.fromkeys(["gcc", "cc", "clang", "make", "cmake", "go", "rustc", "javac", "java"], _NO_HOST),
    **dict.fromkeys(
        ["vi", "vim", "nano", "emacs", "man"],
        "it needs a terminal; read with cat or head, edit with sed or a here-document",
    ),
    **dict.fromkeys(["ps", "top", "htop", "kill", "pkill", "killall"], "there are no other processes to see or signal"),
    "alias": "aliases are not supported; write a function: name() { ...; }",
    "mkfifo": "FIFOs cannot be kept or committed; use a pipeline or a file",
    "mknod": "devices cannot be kept or committed",
}
_INSTEAD = {
    "python3": ("python",),
    "egrep": ("grep",),
    "rg": ("grep",),
    "ack": ("grep",),
    "fd": ("find",),
    "gawk": ("awk",),
    "gsed": ("sed",),
    "bat": ("cat",),
    "vi": ("sed",),
    "ll": ("ls",),
}


def unknown_command(name: str, names: Iterable[str]) -> str:
    """One sentence: it is not there, why, and what is near."""
    known = sorted(names)
    message = f"{name}: command not found"
    reason = _KNOWN.get(name)
    if reason is not None:
        message = f"{name}: not in this sandbox; {reason}"
    instead = [n for n in _INSTEAD.get(name, ()) if n in known]
    near = instead or difflib.get_close_matches(name, known, n=3, cutoff=0.7)
    if near:
        message += f" (there is {', '.join(near)})"
    elif reason is None:
        message += " (every command is a WASM module here; 'type -a' and 'which' tell what exists)"
    return message
