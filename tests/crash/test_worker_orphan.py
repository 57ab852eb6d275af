"""A worker whose parent dies while it is being stopped ends, too, although what it runs never would."""

from __future__ import annotations

import os
import select
import subprocess
import sys
from pathlib import Path

import pytest

PARENT = """
import os, signal, sys
from pathlib import Path
from agentsh.config import cache_dir
from agentsh.core.limits import Limits
from agentsh.sandbox import Job, Sandbox, open_staging

base = Path(sys.argv[1])
sandbox = Sandbox(open_staging(base / "staging", base / "workspace"), cache_dir=cache_dir())
sandbox.run(Job(script="true"))
print(sandbox._worker.pid, flush=True)

# It asks the worker to stop, and dies when it is about to kill what did not.
os.killpg = lambda *_: os.kill(os.getpid(), signal.SIGKILL)

# A pattern that a shell's own matching takes for ever over, in the worker's Python.
script = "x=$(printf 'a%.0s' {1..40})b; case $x in +(+(a))) ;; esac"
sandbox.run(Job(script=script, limits=Limits(wall_s=0.5, cpu_s=600)))
"""


@pytest.mark.skipif(not hasattr(os, "pidfd_open"), reason="waits for a process that is no child (Linux)")
def test_a_worker_ends_when_its_parent_is_killed_in_the_middle_of_a_stop(tmp_path: Path) -> None:
    (tmp_path / "workspace").mkdir()
    parent = subprocess.Popen([sys.executable, "-c", PARENT, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    with parent, parent.stdout:
        worker = os.pidfd_open(int(parent.stdout.readline()))
        try:
            assert parent.wait(timeout=60) == -9
            assert select.select([worker], [], [], 30)[0], "the worker goes on without its parent"
        finally:
            os.close(worker)
