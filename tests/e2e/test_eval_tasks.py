"""``eval --tasks DIR`` as a person runs it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

from tests.e2e.conftest import PROGRAM

TASKS = Path(__file__).resolve().parents[1] / "tasks"
NAMES = ("count-python-files", "rename-file", "delete-backups")


def some(directory: Path, *names: str) -> str:
    directory.mkdir()
    for name in names or NAMES:
        (directory / f"{name}.toml").write_bytes((TASKS / f"{name}.toml").read_bytes())
    return str(directory)


def test_the_recorded_solutions_solve_them_and_nothing_of_the_person_is_touched(agentsh: Any, tmp_path: Path) -> None:
    (agentsh.root / "mine.txt").write_text("mine\n")
    before = agentsh.state()
    tasks = some(tmp_path / "tasks")
    report = agentsh.json("eval", "--tasks", tasks, "--model", "replay")
    assert (report["tasks"], report["solved"], report["left"]) == (3, 3, 0)
    assert report["levels"] == {"easy": {"solved": 3, "tasks": 3}}
    assert {r["name"] for r in report["results"]} == set(NAMES)
    assert all(r["steps"] == 2 and r["actions"] == 1 and r["completion_tokens"] > 0 for r in report["results"])
    assert agentsh.state() == before
    assert agentsh.json("log")["entries"] == []
    shown = agentsh("eval", "--tasks", tasks, "--model", "replay", "--limit", "2")
    assert b"solved" in shown.stdout
    assert b"100%" in shown.stdout
    assert shown.stderr.count(b"solved easy") == 2


def test_a_model_that_fails_is_reported_and_is_no_error(agentsh: Any, tmp_path: Path) -> None:
    says = tmp_path / "says.json"
    says.write_text(json.dumps({"agentsh_recording": 1, "turns": [{"text": "It is 4."}]}))
    report = agentsh.json("eval", "--tasks", some(tmp_path / "tasks"), "--model", f"replay:{says}")
    assert (report["tasks"], report["solved"]) == (3, 0)
    assert all(r["why"] for r in report["results"])


def test_what_was_done_before_it_was_stopped_is_kept(agentsh: Any, tmp_path: Path) -> None:
    tasks = some(tmp_path / "tasks")
    text = (TASKS / "rename-file.toml").read_text()
    slow = text.replace('does = ["mv report-final-v2.txt report.txt"]', 'does = ["sleep 100"]')
    assert slow != text
    (tmp_path / "tasks" / "rename-file.toml").write_text(slow)  # the last by name
    results = tmp_path / "results.jsonl"
    command = [*PROGRAM, "eval", "--tasks", tasks, "--model", "replay", "--results", str(results), "--json"]
    environment = {**os.environ, **agentsh.environment, "AGENTSH_DATA_DIR": str(agentsh.data)}
    with subprocess.Popen(command, cwd=agentsh.root, env=environment, stdout=subprocess.PIPE) as process:
        until = time.monotonic() + 60
        while not (results.exists() and results.read_bytes().count(b"\n") == 2):
            assert process.poll() is None
            assert time.monotonic() < until
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        out, _ = process.communicate(timeout=60)
    assert process.returncode == 130
    report = json.loads(out)
    assert (report["solved"], report["left"]) == (2, 1)
    (tmp_path / "tasks" / "rename-file.toml").write_text(text)
    again = agentsh("eval", "--tasks", tasks, "--model", "replay", "--results", str(results))
    assert again.stderr.count(b"(from the results file)") == 2
    assert results.read_bytes().count(b"\n") == 3


def test_what_cannot_be_evaluated_is_told(agentsh: Any, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    assert b"no tasks" in agentsh("eval", "--tasks", str(tmp_path / "empty"), code=2).stderr
    tasks = some(tmp_path / "tasks")
    assert b"single lines" in agentsh("eval", "--tasks", tasks, "--mode", "copy", code=2).stderr
    assert b"--tasks" in agentsh("eval", "--results", "x", code=2).stderr
    assert b"There is no model" in agentsh("eval", "--tasks", tasks, "--model", "nobody", code=2).stderr
