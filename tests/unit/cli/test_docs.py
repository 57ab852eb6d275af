"""The documents say what is there."""

from __future__ import annotations

import re
from pathlib import Path

import click
import pytest

from agentsh.cli.root import root
from agentsh.config import load_config
from agentsh.policy import parse_policy

HOME = Path(__file__).resolve().parents[3]
CONTEXT = click.Context(root)
COMMANDS = {name: root.get_command(CONTEXT, name) for name in root.list_commands(CONTEXT)}
PAGES = sorted([*HOME.glob("*.md"), *HOME.glob("docs/**/*.md")])


@pytest.mark.parametrize("page", PAGES, ids=lambda p: str(p.relative_to(HOME)))
def test_every_link_to_a_file_leads_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", page.read_text()):
        if "://" not in target:
            assert (page.parent / target).exists(), target


@pytest.mark.parametrize("page", PAGES, ids=lambda p: str(p.relative_to(HOME)))
def test_every_path_of_ours_that_is_named_exists(page: Path) -> None:
    for name in re.findall(r"`((?:agentsh|docs|tests|scripts|benchmarks|wasm_tools)/[\w/.]+)`", page.read_text()):
        assert (HOME / name).exists(), name


def test_the_reference_has_every_command_and_every_option() -> None:
    text = (HOME / "docs/cli.md").read_text()
    for name, command in COMMANDS.items():
        assert command is not None
        assert f"`{name}" in text, name
        for option in command.params:
            if isinstance(option, click.Option):
                long = max(option.opts, key=len)
                assert long in text or option.opts[0] in text, (name, long)


def test_every_command_that_a_document_shows_exists() -> None:
    for page in PAGES:
        for name in re.findall(r"(?:^ {4}|`)agentsh ([a-z]+)\b", page.read_text(), re.MULTILINE):
            assert name in COMMANDS, (page.name, name)


def test_every_hint_names_a_command_that_exists() -> None:
    for file in (HOME / "agentsh").rglob("*.py"):
        for name in re.findall(r"'agentsh ([a-z]+)", file.read_text()):
            assert name in COMMANDS, (file.name, name)


def test_the_configuration_that_is_shown_is_read(tmp_path: Path) -> None:
    blocks = re.findall(r"```toml\n(.*?)```", (HOME / "docs/configuration.md").read_text(), re.DOTALL)
    (tmp_path / "config.toml").write_text(blocks[0])
    config = load_config(tmp_path / "no-workspace", user_dir=tmp_path)
    assert config.default_model == "local"
    assert [r.name for r in parse_policy(blocks[1], name="p").rules][-2:] == ["migrations", "no-python"]


def test_the_model_of_the_readme_is_read(tmp_path: Path) -> None:
    (block,) = re.findall(r"```toml\n(.*?)```", (HOME / "README.md").read_text(), re.DOTALL)
    (tmp_path / "config.toml").write_text(block)
    profile = load_config(tmp_path / "no-workspace", user_dir=tmp_path).model_profile("local")
    assert profile is not None
    assert profile.key == ""
