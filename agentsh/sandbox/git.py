"""``git``, the verbs that read: a Python program of ours in the sandbox's own Python.

Everything that a repository holds is hostile input: packs, indexes, references, configuration, links. So it is parsed
in a WASM instance that is handed the staging view to read alone, never by a git of the host.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from agentsh.core.tool import Capabilities
from agentsh.sandbox.contract import GUEST_ROOT
from agentsh.sandbox.door import define_door
from agentsh.sandbox.guest import GUEST_AT, git_bundle
from agentsh.sandbox.python import PROGRAM
from agentsh.sandbox.python_files import bundle_archive

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    import wasmtime as wt

    from agentsh.core.tree import Tree
    from agentsh.sandbox.python import Python
    from agentsh.sandbox.worker.program import Unavailable

_START = (
    "import os, sys; os.chdir({place!r}); sys.path.insert(0, {code!r}); "
    "from agentsh_git.program import main; sys.exit(main(sys.argv[1:]))"
)


def load_git(python: Python | Unavailable, cache_dir: Path) -> Git | Unavailable:
    """The command, or why it cannot run and what to do about it.

    Args:
        python: the sandbox's Python.
        cache_dir: as given to the sandbox.
    """
    from agentsh.sandbox.worker.program import Unavailable  # noqa: PLC0415 - loaded in the worker alone

    if isinstance(python, Unavailable):
        why = python.message.replace("not installed", "git runs in Python, which is not installed")
        return Unavailable(why.replace("not compiled", "git runs in Python, which is not compiled"), python.status)
    archive = bundle_archive(cache_dir, git_bundle())
    if archive is None:
        return Unavailable(
            "not compiled for this version of agentsh yet; the person can run: agentsh doctor --prepare", 126
        )
    return Git(python, archive)


class Git:
    """The command.

    Args:
        python: the interpreter that it runs in.
        archive: the program.
    """

    ends_without_reader = False
    capabilities = Capabilities(read=True, clock=True, random=True, env=None)
    takes_here = False

    def __init__(self, python: Python, archive: Path) -> None:
        self._python = python
        self.module = python.module
        self._code = f"{GUEST_AT}/{archive.name}"
        others = (p for p in python.preopens if p[1] != GUEST_AT)
        self.preopens: Sequence[tuple[str, str]] = (*others, (str(archive.parent), GUEST_AT))

    def argv(self, argv: Sequence[str], cwd: bytes) -> list[str]:
        """Start the program in the action's directory."""
        place = os.fsdecode(GUEST_ROOT + b"/" + cwd if cwd else GUEST_ROOT)
        return [PROGRAM, "-c", _START.format(place=place, code=self._code), *argv[1:]]

    def env(self, env: Mapping[str, str]) -> dict[str, str]:
        """What git itself looks at; nothing that would change how Python starts."""
        return {k: v for k, v in env.items() if not k.startswith("PYTHON")}

    def define(self, linker: wt.Linker, tree: Tree) -> None:
        """The door, with the status of many paths at once behind it."""
        define_door(linker, tree)

    def run(self, store: wt.Store, instance: wt.Instance) -> int:
        """As Python does."""
        return self._python.run(store, instance)
