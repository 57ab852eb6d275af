"""Secrets in a real keyring backend, one that lives in this process."""

from __future__ import annotations

import copy
import dataclasses
import json
import pickle

import keyring.backends.fail
import keyring.backends.null
import pytest
from keyring.backend import KeyringBackend
from keyring.backends.chainer import ChainerBackend
from keyring.errors import KeyringLocked, PasswordDeleteError

from agentsh.core.errors import ActionFailed, ConfigError, NotFoundError, UsageError
from agentsh.secrets import SERVICE, Keychain, Secret

VALUE = "sk-0123456789abcdef"


class MemoryKeyring(KeyringBackend):
    """Keeps values in this process."""

    priority = 0.1  # type: ignore[assignment]  # keyring's own examples set a number

    def __init__(self) -> None:
        super().__init__()
        self.entries: dict[tuple[str, str], str] = {}

    def get_password(self, service: str, username: str) -> str | None:
        return self.entries.get((service, username))

    def set_password(self, service: str, username: str, password: str) -> None:
        self.entries[service, username] = password

    def delete_password(self, service: str, username: str) -> None:
        if self.entries.pop((service, username), None) is None:
            raise PasswordDeleteError(username)


class LockedKeyring(MemoryKeyring):
    def get_password(self, service: str, username: str) -> str | None:
        raise KeyringLocked(f"{service} {username} {VALUE}")


class ForgetfulKeyring(MemoryKeyring):
    def set_password(self, service: str, username: str, password: str) -> None: ...


class PlaintextKeyring(MemoryKeyring):
    """Named as the one of keyrings.alt that writes a readable file."""


@pytest.fixture
def backend():
    return MemoryKeyring()


@pytest.fixture
def keychain(backend: MemoryKeyring):
    return Keychain(backend, environ={})


def test_set_get_list_delete(keychain: Keychain, backend: MemoryKeyring):
    keychain.set("B_KEY", VALUE)
    keychain.set("A_KEY", "other")
    keychain.set("A_KEY", "newer")
    assert keychain.names() == ("A_KEY", "B_KEY")
    found = keychain.get("A_KEY")
    assert found is not None
    assert found.reveal() == "newer"
    assert {service for service, _ in backend.entries} == {SERVICE}
    keychain.delete("A_KEY")
    assert keychain.get("A_KEY") is None
    assert keychain.names() == ("B_KEY",)


def test_another_process_sees_the_same(backend: MemoryKeyring):
    Keychain(backend).set("A_KEY", VALUE)
    assert Keychain(backend).names() == ("A_KEY",)


def test_deleting_what_is_not_there(keychain: Keychain):
    with pytest.raises(NotFoundError):
        keychain.delete("NONE")


def test_a_name_whose_value_went_away_elsewhere_can_be_deleted(keychain: Keychain, backend: MemoryKeyring):
    keychain.set("A_KEY", VALUE)
    backend.delete_password(SERVICE, "A_KEY")
    with pytest.raises(NotFoundError):
        keychain.delete("A_KEY")
    assert keychain.names() == ()


@pytest.mark.parametrize("name", ["", "a b", "agentsh:names", "\x1b[0m", "x" * 129, "1abc", "a\n"])
def test_names_that_are_none(keychain: Keychain, name: str):
    for use in (keychain.get, keychain.api_key, keychain.delete, lambda n: keychain.set(n, VALUE)):
        with pytest.raises(UsageError, match="cannot name a secret"):
            use(name)


@pytest.mark.parametrize("value", ["", "a\0b", "x" * 70_000])
def test_values_that_cannot_be_stored(keychain: Keychain, value: str):
    with pytest.raises(UsageError, match="not stored"):
        keychain.set("A_KEY", value)


def test_the_environment_comes_second_and_for_keys_alone(backend: MemoryKeyring):
    keychain = Keychain(backend, environ={"A_KEY": f" {VALUE}\n", "EMPTY": ""})
    found = keychain.api_key("A_KEY")
    assert found is not None
    assert found.reveal() == VALUE
    assert keychain.get("A_KEY") is None
    assert keychain.api_key("EMPTY") is None
    keychain.set("A_KEY", "stored")
    found = keychain.api_key("A_KEY")
    assert found is not None
    assert found.reveal() == "stored"


@pytest.mark.parametrize("value", ["a\r\nX-Header: b", "caf\u00e9", "  "])
def test_a_key_that_no_header_can_carry(backend: MemoryKeyring, value: str):
    with pytest.raises(UsageError, match="cannot be an API key") as caught:
        Keychain(backend, environ={"A_KEY": value}).api_key("A_KEY")
    assert value.strip() == "" or value not in str(caught.value.to_json())


def chain(*members: KeyringBackend) -> KeyringBackend:
    class Chain(ChainerBackend):
        backends = members  # type: ignore[assignment]  # computed in the base class

    return Chain()


@pytest.mark.parametrize(
    ("bad", "why"),
    [
        (keyring.backends.fail.Keyring(), "no keyring on this machine"),
        (keyring.backends.null.Keyring(), "switched off"),
        (PlaintextKeyring(), "plain text"),
        (chain(MemoryKeyring(), PlaintextKeyring()), "plain text"),
        (chain(), "no keyring on this machine"),
    ],
    ids=["fail", "null", "plaintext", "chain with plaintext", "empty chain"],
)
def test_backends_that_may_not_hold_secrets(bad: KeyringBackend, why: str):
    keychain = Keychain(bad, environ={"A_KEY": VALUE})
    info = keychain.backend()
    assert not info.usable
    assert why in info.reason
    for use in (lambda: keychain.set("A_KEY", VALUE), lambda: keychain.get("A_KEY"), keychain.names):
        with pytest.raises(ConfigError, match=why) as caught:
            use()
        assert VALUE not in str(caught.value.to_json())
    found = keychain.api_key("A_KEY")
    assert found is not None
    assert found.reveal() == VALUE


def test_a_fit_chain_is_used():
    keychain = Keychain(chain(MemoryKeyring()))
    assert keychain.backend().usable
    keychain.set("A_KEY", VALUE)
    assert keychain.names() == ("A_KEY",)


def test_a_locked_keyring_is_an_error_that_quotes_nothing():
    with pytest.raises(ActionFailed, match="KeyringLocked") as caught:
        Keychain(LockedKeyring(), environ={}).api_key("A_KEY")
    assert VALUE not in str(caught.value.to_json())
    assert caught.value.__suppress_context__


def test_a_locked_keyring_gives_way_to_the_environment():
    found = Keychain(LockedKeyring(), environ={"A_KEY": VALUE}).api_key("A_KEY")
    assert found is not None


def test_a_keyring_that_keeps_nothing_is_noticed():
    with pytest.raises(ActionFailed, match="did not keep"):
        Keychain(ForgetfulKeyring()).set("A_KEY", VALUE)


def test_a_damaged_list_of_names_is_an_error(keychain: Keychain, backend: MemoryKeyring):
    backend.set_password(SERVICE, "agentsh:names", "{")
    with pytest.raises(ActionFailed, match="damaged"):
        keychain.names()


def test_the_backend_is_named(keychain: Keychain):
    assert keychain.backend().name.endswith("MemoryKeyring")
    assert keychain.backend().usable


@dataclasses.dataclass
class Holder:
    key: Secret


def test_no_way_of_printing_or_copying_shows_the_value():
    secret = Secret("A_KEY", VALUE)
    shown = [repr(secret), str(secret), f"{secret}", f"{secret:>30}", "%s %r" % (secret, secret), repr(Holder(secret))]  # noqa: UP031
    shown.append(repr([{"key": secret}]))
    assert all("secret:A_KEY" in s and VALUE not in s for s in shown)
    for spread in (
        lambda: pickle.dumps(secret),
        lambda: copy.copy(secret),
        lambda: copy.deepcopy(secret),
        lambda: json.dumps(secret),
        lambda: dataclasses.asdict(Holder(secret)),
        lambda: vars(secret),
    ):
        with pytest.raises(TypeError) as caught:
            spread()
        assert VALUE not in str(caught.value)
