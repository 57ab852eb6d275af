"""When a policy must know what a shell line runs."""

from __future__ import annotations

import pytest

from agentsh.policy import parse_policy, preset


@pytest.mark.parametrize("name", ["review", "read-only", "trusted"])
def test_presets_do_not_ask_what_a_line_runs(name: str) -> None:
    assert not preset(name).reads_commands


def test_a_rule_about_commands_asks_and_one_about_paths_does_not() -> None:
    about = parse_policy('[[rule]]\nname = "r"\nverdict = "deny"\ncommands = ["rm"]\n', name="p")
    assert about.reads_commands
    paths = parse_policy('[[rule]]\nname = "r"\nverdict = "deny"\npaths = ["a/**"]\n', name="p")
    assert not paths.reads_commands
