"""The encrypted file: it keeps, it opens with its passphrase alone, and it cannot be changed unseen."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from keyring.errors import PasswordDeleteError

from agentsh.core.errors import ActionFailed, ConfigError
from agentsh.secrets import Keychain
from agentsh.secrets.sealed import SealedFile, ask_passphrase

VALUE = "sk-0123456789abcdef"


@pytest.fixture
def place(tmp_path: Path) -> Path:
    return tmp_path / "config" / "secrets.sealed"


def sealed(place: Path, passphrase: str = "correct horse") -> SealedFile:  # noqa: S107 - a test's
    return SealedFile(place, lambda: passphrase)


@pytest.fixture
def made(place: Path) -> Path:
    box = sealed(place)
    box.create()
    box.set_password("agentsh", "KEY", VALUE)
    return place


def test_what_is_stored_comes_back_in_another_process(made: Path) -> None:
    box = sealed(made)
    assert box.get_password("agentsh", "KEY") == VALUE
    assert box.get_password("agentsh", "OTHER") is None
    box.delete_password("agentsh", "KEY")
    assert sealed(made).get_password("agentsh", "KEY") is None
    with pytest.raises(PasswordDeleteError):
        box.delete_password("agentsh", "KEY")


def test_neither_names_nor_values_stand_in_the_file(made: Path) -> None:
    raw = made.read_bytes()
    assert VALUE.encode() not in raw
    assert b"KEY" not in raw
    assert made.stat().st_mode & 0o777 == 0o600


def test_a_wrong_passphrase_opens_nothing(made: Path) -> None:
    with pytest.raises(ActionFailed, match="passphrase is wrong"):
        sealed(made, "wrong horse").get_password("agentsh", "KEY")


@pytest.mark.parametrize("part", ["salt", "nonce", "sealed"])
def test_a_changed_byte_is_noticed(made: Path, part: str) -> None:
    whole = json.loads(made.read_text())
    holder = whole["header"] if part == "salt" else whole
    first = holder[part][0]
    holder[part] = ("A" if first != "A" else "B") + holder[part][1:]
    made.write_text(json.dumps(whole))
    with pytest.raises(ActionFailed, match="changed"):
        sealed(made).get_password("agentsh", "KEY")


def test_cheaper_parameters_are_not_taken_from_the_file(made: Path) -> None:
    whole = json.loads(made.read_text())
    whole["header"]["passes"] = 1
    made.write_text(json.dumps(whole))
    with pytest.raises(ActionFailed, match="damaged"):
        sealed(made).get_password("agentsh", "KEY")


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"header": 1}', b"\xff\xfe"])
def test_a_damaged_file_is_said_to_be_that(made: Path, content: bytes) -> None:
    made.write_bytes(content)
    with pytest.raises(ActionFailed, match="damaged"):
        sealed(made).get_password("agentsh", "KEY")


def test_a_file_that_others_can_read_is_not_used(made: Path) -> None:
    made.chmod(0o644)
    with pytest.raises(ConfigError, match="Others"):
        sealed(made).get_password("agentsh", "KEY")


def test_a_symlink_in_its_place_is_not_followed(made: Path) -> None:
    made.rename(made.with_name("elsewhere"))
    made.symlink_to(made.with_name("elsewhere"))
    with pytest.raises(ActionFailed, match="cannot be read"):
        sealed(made).get_password("agentsh", "KEY")


def test_it_is_not_made_twice(made: Path) -> None:
    with pytest.raises(ConfigError, match="already"):
        sealed(made).create()


def test_a_keychain_keeps_secrets_in_it(made: Path) -> None:
    keychain = Keychain(sealed(made))
    assert keychain.backend().usable
    keychain.set("TOKEN", VALUE)
    assert Keychain(sealed(made)).names() == ("TOKEN",)


def test_the_passphrase_comes_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AGENTSH_PASSPHRASE", "correct horse")
    assert ask_passphrase() == "correct horse"
