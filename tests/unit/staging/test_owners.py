"""Without root, an overlay cannot change what belongs to another user or group: such a workspace is copied."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

# Everything is imported before the rights are given up: the interpreter may lie where nobody else may look.
_UNPRIVILEGED = """
import codecs, json, os, sys
from pathlib import Path
from agentsh.sandbox import open_staging
from agentsh.sandbox.staging import copying, files, index, overlay, probe, view
codecs.lookup("unicode_escape"), codecs.lookup("latin-1")
home = Path(sys.argv[1])
os.setgroups([]); os.setgid(65534); os.setuid(65534)
view = open_staging(home / "staging", home / "workspace")
again = open_staging(home / "staging", home / "workspace")
print(json.dumps([view.kind, view.reason, again.kind, again.reason]))
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to become nobody")
def test_a_foreign_group_means_a_copy_and_says_so() -> None:
    with tempfile.TemporaryDirectory() as home:
        Path(home).chmod(0o777)
        workspace = Path(home) / "workspace"
        (workspace / "deep").mkdir(parents=True)
        (workspace / "deep/shared").write_text("x")
        for path in (workspace, workspace / "deep"):
            os.chown(path, 65534, 65534)
        os.chown(workspace / "deep/shared", 65534, 0)
        run = subprocess.run([sys.executable, "-c", _UNPRIVILEGED, home], capture_output=True, text=True, check=False)
        assert run.returncode == 0, run.stderr
        assert "deep/shared belongs to another user or group" in run.stdout
        assert '"copy"' in run.stdout
        assert run.stdout.count("deep/shared") == 2
