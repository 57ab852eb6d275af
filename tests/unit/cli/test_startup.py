"""``agentsh --help`` is quick because it loads nothing heavy."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

HEAVY = {
    "agentsh.runtime",
    "agentsh.sandbox",
    "blake3",
    "keyring",
    "openai",
    "platformdirs",
    "rich",
    "sqlite3",
    "sqlite_utils",
    "textual",
    "torch",
    "wasmtime",
    "zstandard",
}


@pytest.mark.parametrize("arguments", [["--help"], ["exec", "--help"], ["run", "--help"], ["nonsense"], []])
def test_help_and_usage_errors_load_nothing_heavy(arguments: list[str]) -> None:
    code = (
        "import json, sys\n"
        "from agentsh.cli.boundary import run\n"
        f"code = run({arguments!r})\n"
        "sys.stderr.write('\\n' + json.dumps([code, sorted(sys.modules)]))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    exit_code, modules = json.loads(done.stderr.splitlines()[-1])
    assert HEAVY.isdisjoint(modules)
    assert exit_code == (0 if "--help" in arguments else 2)
