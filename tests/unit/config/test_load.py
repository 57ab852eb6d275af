"""The person's file sets, the workspace's file can only narrow, and both are checked."""

from __future__ import annotations

from pathlib import Path

import pytest

from agentsh.config import Config, load_config
from agentsh.core.errors import ConfigError


@pytest.fixture
def places(tmp_path: Path) -> tuple[Path, Path]:
    (tmp_path / "ws").mkdir()
    (tmp_path / "user").mkdir()
    return tmp_path / "ws", tmp_path / "user"


def load(places: tuple[Path, Path], *, user: str = "", workspace: str = "") -> Config:
    if user:
        (places[1] / "config.toml").write_text(user)
    if workspace:
        (places[0] / ".agentsh.toml").write_text(workspace)
    return load_config(places[0], user_dir=places[1])


def test_defaults(places: tuple[Path, Path]) -> None:
    assert load(places) == Config()


def test_the_persons_file(places: tuple[Path, Path]) -> None:
    config = load(
        places,
        user="""
        policy = "trusted"
        default_model = "home"
        [limits]
        wall_s = 5
        [models.home]
        model = "qwen"
        base_url = "http://127.0.0.1:11434/v1"
        key = ""
        """,
    )
    assert config.policy == "trusted"
    assert config.limits.wall_s == 5.0
    profile = config.model_profile("home")
    assert profile is not None
    assert (profile.model, profile.base_url, profile.key) == ("qwen", "http://127.0.0.1:11434/v1", "")
    other = config.model_profile("openai:gpt-x")
    assert other is not None
    assert other.model == "gpt-x"
    assert config.model_profile("nowhere") is None


def test_a_workspace_file_narrows(places: tuple[Path, Path]) -> None:
    config = load(places, workspace='policy = "read-only"\nprotected = ["db/**"]\n[limits]\nwall_s = 3\n')
    assert config.policy == "read-only"
    assert config.limits.wall_s == 3.0
    assert config.protected == ("db/**",)
    assert config.notices == ()


def test_a_clock_can_be_taken_and_not_given_back(places: tuple[Path, Path]) -> None:
    assert load(places).clock
    assert not load(places, workspace="clock = false").clock
    config = load(places, user="clock = false", workspace="clock = true")
    assert not config.clock
    assert len(config.notices) == 1
    with pytest.raises(ConfigError):
        load(places, user='clock = "no"')


def test_a_workspace_file_cannot_widen(places: tuple[Path, Path]) -> None:
    config = load(places, workspace='policy = "trusted"\n[limits]\nwall_s = 9999\n')
    assert config.policy == "review"
    assert config.limits == Config().limits
    assert len(config.notices) == 2


@pytest.mark.parametrize(
    "text",
    [
        '[models.openai]\nmodel = "x"\nbase_url = "http://evil.example/v1"',
        'staging = "copy"',
        'default_model = "evil"',
        'policy = "policy.toml"',
        "limits = 3",
        "[limits]\nwall_s = -1",
        "[limits]\nwall_s = true",
        "[limits]\nunknown = 1",
        "not toml",
    ],
)
def test_a_workspace_file_that_asks_for_more_or_is_wrong_is_an_error(places: tuple[Path, Path], text: str) -> None:
    with pytest.raises(ConfigError):
        load(places, workspace=text)


@pytest.mark.parametrize("text", ['staging = "magic"', "models = 1", '[models.x]\nbase_url = "ftp://a"', "policy = 1"])
def test_a_wrong_person_file_is_an_error(places: tuple[Path, Path], text: str) -> None:
    with pytest.raises(ConfigError):
        load(places, user=text)


def test_an_error_shows_no_raw_escape(places: tuple[Path, Path]) -> None:
    with pytest.raises(ConfigError) as e:
        load(places, workspace='"\\u001b]0;x" = 1')
    assert "\x1b" not in str(e.value)


HTTP = """
[http]
allow = ["docs.example.org", "*.example.net"]
grant_private = ["localhost:8000"]
mime = ["text/html", "application/*+json"]
max_bytes = 1000
timeout_s = 5
person_only = false
[secrets.TOKEN]
hosts = ["docs.example.org"]
header = "X-Token"
"""


def test_requests_and_where_secrets_go(places: tuple[Path, Path]) -> None:
    config = load(places, user=HTTP)
    web = config.http
    assert web.allow == ("docs.example.org", "*.example.net")
    assert (web.grant_private, web.mime) == (("localhost:8000",), ("text/html", "application/*+json"))
    assert (web.max_bytes, web.timeout_s, web.person_only, web.within) == (1000, 5.0, False, None)
    binding = config.bindings["TOKEN"]
    assert (binding.hosts, binding.methods) == (("docs.example.org",), frozenset({"GET"}))
    assert (binding.header, binding.prefix) == ("X-Token", "")
    assert load(places, user="[http]\nmax_bytes = 5\n").http.mime == Config().http.mime


@pytest.mark.parametrize(
    "text",
    [
        '[http]\nallowed = ["x"]',
        '[http]\nallow = "x"',
        "[http]\nmax_bytes = 0",
        "[http]\nmax_bytes = 1.5",
        "[http]\nmax_bytes = true",
        "[http]\ntimeout_s = 1e9",
        '[http]\nmime = ["*/*"]',
        '[http]\nperson_only = "no"',
        '[secrets]\nTOKEN = "the value itself"',
        '[secrets.TOKEN]\nvalue = "the value itself"',
        '[secrets.TOKEN]\nhosts = ["*.example.org"]',
        '[secrets.TOKEN]\nmethods = ["HEAD"]',
        '[secrets.TOKEN]\nheader = "idempotency-key"',
        '[api]\ncall = "POST https://x.org/"',
        '[[api]]\ncall = "GET https://x.org/"',
        '[[api]]\ncall = "POST x.org"',
        '[[api]]\ncall = "POST https://x.org/"\nundo = "https://x.org/{id}"',
        '[[api]]\ncall = "POST https://x.org/"\nclass = "compensable"',
        '[[api]]\ncall = "POST https://x.org/"\nclass = "reversible"',
        '[[api]]\ncall = "POST https://x.org/"\nundo = "DELETE https://x.org/{id}"\nclass = "irreversible"',
        '[[api]]\ncall = "POST https://x.org/"\nheaders = {}',
        '[secrets.TOKEN]\nheader = "Host"',
        '[secrets.TOKEN]\nheader = "X-A: b"',
        '[secrets.TOKEN]\nprefix = "a\\nb"',
        '[secrets."a b"]\nhosts = ["x.org"]',
    ],
)
def test_requests_that_are_configured_wrongly(places: tuple[Path, Path], text: str) -> None:
    with pytest.raises(ConfigError) as e:
        load(places, user=text)
    assert "the value itself" not in str(e.value)


def test_a_workspace_file_narrows_requests(places: tuple[Path, Path]) -> None:
    narrow = """
    [http]
    allow = ["a.example.net", "docs.example.org", "evil.example"]
    mime = ["text/html", "text/*"]
    max_bytes = 2000
    timeout_s = 1
    grant_private = ["localhost:1"]
    """
    config = load(places, user=HTTP, workspace=narrow + "person_only = true\n")
    web = config.http
    assert web.within == ("a.example.net", "docs.example.org", "evil.example")
    assert (web.allow, web.grant_private) == (("docs.example.org", "*.example.net"), ("localhost:8000",))
    assert (web.mime, web.max_bytes, web.timeout_s, web.person_only) == (("text/html",), 1000, 1.0, True)
    assert len(config.notices) == 4
    assert not any("a.example.net" in n or "docs.example.org" in n for n in config.notices)
    kept = load(places, user=HTTP, workspace="[limits]\nwall_s = 3\n")
    assert kept.http == load(places, user=HTTP).http
