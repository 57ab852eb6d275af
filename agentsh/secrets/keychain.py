"""The operating system's keyring as the one place that holds secret values.

A keyring cannot list what it holds, so the names (never values) are one more entry of ours, under a user name that no
secret can have.
"""

from __future__ import annotations

import json
import os
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from agentsh.config import keyring_mark
from agentsh.core.errors import ActionFailed, AgentshError, ConfigError, NotFoundError, UsageError
from agentsh.core.sanitise import visible_line
from agentsh.core.secret import Secret, check_secret_name

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from keyring.backend import KeyringBackend

T = TypeVar("T")

SERVICE = "agentsh"
"""The keyring's service name for everything of ours."""

_STORES = "agentsh:store:"  # before a store's name
_STORE_KEY = 32
_INDEX = "agentsh:names"  # the colon cannot be in a secret's name
_LONGEST_VALUE = 64 << 10


@dataclass(frozen=True, slots=True)
class BackendInfo:
    """The keyring in use.

    Attributes:
        name: its class, with the module.
        usable: whether it may hold secrets.
        reason: why not, one sentence; empty when it may.
    """

    name: str
    usable: bool
    reason: str = ""


class Keychain:
    """Named secrets.

    Args:
        backend: the keyring; the one that the keyring package chooses for this machine by default.
        environ: where API keys are looked up second; the process's environment by default.
    """

    def __init__(self, backend: KeyringBackend | None = None, *, environ: Mapping[str, str] | None = None) -> None:
        self._given = backend
        self._marks = backend is None
        self._environ = os.environ if environ is None else environ

    def backend(self) -> BackendInfo:
        """Which keyring is in use, and whether it is fit to hold secrets. Reads no secret."""
        backend = self._chosen()
        kind = type(backend)
        reason = _unfit(backend)
        return BackendInfo(f"{kind.__module__}.{kind.__qualname__}", not reason, reason)

    def get(self, name: str) -> Secret | None:
        """The secret ``name`` from the keyring; None when it holds none.

        Raises:
            UsageError: ``name`` cannot name a secret.
            ConfigError: the keyring is not fit to hold secrets.
            ActionFailed: the keyring failed, or stays locked.
        """
        check_secret_name(name)
        value = self._read(name)
        return None if value is None else Secret(name, value)

    def set(self, name: str, value: str) -> None:
        """Store a secret, in place of one of the same name.

        Raises:
            UsageError: the name or the value cannot be stored.
            ConfigError: the keyring is not fit to hold secrets.
            ActionFailed: the keyring failed, or stays locked.
        """
        check_secret_name(name)
        if not value or len(value) > _LONGEST_VALUE or "\0" in value:
            raise UsageError(f"The value for {name} is empty, too long, or has a NUL in it; it was not stored.")
        if self._marks:
            # First the mark: a value that nobody looks for is worse than a look for none.
            keyring_mark().parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            keyring_mark().touch(mode=0o600)
        self._write(name, value)
        if self._read(name) != value:
            raise ActionFailed(f"The keyring did not keep {name}.", next_step="'agentsh doctor' names the keyring.")
        names = self._index()
        if name not in names:
            self._write(_INDEX, json.dumps(sorted([*names, name])))

    def delete(self, name: str) -> None:
        """Remove a secret.

        Raises:
            NotFoundError: there is none of that name.
            ConfigError: the keyring is not fit to hold secrets.
            ActionFailed: the keyring failed, or stays locked.
        """
        check_secret_name(name)
        names = self._index()
        found = self._read(name) is not None
        if found:
            self._guarded(lambda backend: backend.delete_password(SERVICE, name))
        if name in names:
            self._write(_INDEX, json.dumps([n for n in names if n != name]))
        if not found:
            raise NotFoundError(f"The keyring has no secret {name}.", next_step="'agentsh secrets list' shows names.")

    def names(self) -> tuple[str, ...]:
        """The names of the secrets that were stored here, sorted.

        Raises:
            ConfigError: the keyring is not fit to hold secrets.
            ActionFailed: the keyring failed, or stays locked.
        """
        return tuple(self._index())

    def api_key(self, name: str) -> Secret | None:
        """The key ``name`` from the keyring, or else from the environment variable of that name.

        The environment is for machines without a keyring; it serves keys of model endpoints and nothing else.

        Raises:
            UsageError: ``name`` cannot name a secret.
            ActionFailed: the keyring failed or stays locked, and the environment has no such variable.
        """
        check_secret_name(name)
        failure: AgentshError | None = None
        try:
            if (secret := self.get(name)) is not None:
                return _as_key(secret)
        except ConfigError:
            pass  # no keyring on this machine: what the environment is for
        except ActionFailed as e:
            failure = e
        if value := self._environ.get(name, ""):
            return _as_key(Secret(name, value))
        if failure is not None:
            raise failure
        return None

    def store_key(self, store: str) -> bytes | None:
        """The key that a store's sealed content needs; None when there is none.

        Raises:
            ActionFailed: what the keyring has is no such key; or the keyring failed, or stays locked.
            ConfigError: the keyring is not fit to hold secrets.
        """
        value = self._read(_store_entry(store))
        if value is None:
            return None
        try:
            key = bytes.fromhex(value)
        except ValueError:
            key = b""
        if len(key) != _STORE_KEY:
            raise ActionFailed(
                f"The keyring's entry {_store_entry(store)} is no key of a store.",
                next_step="Put it back as it was.",
            )
        return key

    def make_store_key(self, store: str) -> bytes:
        """Make a random key for a store's sealed content; it is no secret that anything could name.

        Raises:
            ActionFailed: the keyring did not keep it, failed, or stays locked.
            ConfigError: the keyring is not fit to hold secrets.
        """
        key = os.urandom(_STORE_KEY)
        self._write(_store_entry(store), key.hex())
        if self.store_key(store) != key:
            raise ActionFailed("The keyring did not keep the key.", next_step="'agentsh doctor' names the keyring.")
        return key

    def _chosen(self) -> KeyringBackend:
        if self._given is None:
            import keyring  # noqa: PLC0415 - heavy

            self._given = keyring.get_keyring()
            if _unfit(self._given):
                from agentsh.secrets.sealed import SealedFile, ask_passphrase, sealed_file  # noqa: PLC0415 - the same

                if sealed_file().exists():
                    self._given = SealedFile(sealed_file(), ask_passphrase)
        return self._given

    def _index(self) -> list[str]:
        raw = self._read(_INDEX)
        if raw is None:
            return []
        try:
            names = json.loads(raw)
        except ValueError:
            names = None
        if not isinstance(names, list) or not all(isinstance(n, str) for n in names):
            raise ActionFailed(
                f"The list of names in the keyring (service {SERVICE}, user {_INDEX}) is damaged.",
                files="Your files and the secrets themselves are unchanged.",
                next_step="Remove that entry with the keyring's own program, then store a secret again.",
            )
        return sorted(names)

    def _read(self, user: str) -> str | None:
        return self._guarded(lambda backend: backend.get_password(SERVICE, user))

    def _write(self, user: str, value: str) -> None:
        self._guarded(lambda backend: backend.set_password(SERVICE, user, value))

    def _guarded(self, use: Callable[[KeyringBackend], T]) -> T:
        """Use the keyring when it is fit, its failures as errors of ours that quote no value."""
        from keyring.errors import KeyringError  # noqa: PLC0415 - heavy

        backend = self._chosen()
        if reason := _unfit(backend):
            raise ConfigError(
                reason,
                next_step="'agentsh secrets init' makes an encrypted file in its place; for the key of a model's "
                "endpoint alone, its environment variable will do.",
            )
        try:
            return use(backend)
        except KeyringError as e:
            # The exception's own text comes from a backend that saw the value: only its kind is told.
            raise ActionFailed(
                f"The keyring {type(backend).__name__} failed ({type(e).__name__}).",
                next_step="Unlock it, then try again; 'agentsh doctor' says which keyring is in use.",
            ) from None


def _store_entry(store: str) -> str:
    # The name comes out of a store's file, and must not lead to another entry.
    if not re.fullmatch(r"[0-9A-Za-z._-]{1,128}", store):
        raise ActionFailed("A store names a key by what cannot be a key's name.")
    return _STORES + store


def _unfit(backend: KeyringBackend) -> str:
    """Why ``backend`` may not hold secrets; empty when it may."""
    members = getattr(backend, "backends", None)
    if members is not None:  # a chain: it writes to the first that takes it, so all must be fit
        parts = list(members)
        return next((r for r in map(_unfit, parts) if r), "" if parts else "There is no keyring on this machine.")
    kind = type(backend)
    lineage = [f"{k.__module__}.{k.__qualname__}".lower() for k in kind.__mro__]
    if any(n.startswith("keyring.backends.fail.") for n in lineage):
        return "There is no keyring on this machine that could hold secrets."
    if any(n.startswith("keyring.backends.null.") for n in lineage):
        return "The keyring is switched off (the null backend keeps nothing)."
    name = visible_line(f"{kind.__module__}.{kind.__qualname__}")
    if any("plaintext" in n or "keyrings.alt.file.base" in n for n in lineage) and not _encrypts(lineage):
        return f"The keyring {name} keeps values in plain text; secrets are not stored there."
    if any(n.startswith("keyrings.alt.") for n in lineage) and not _encrypts(lineage):
        return f"The keyring {name} does not encrypt what it keeps; secrets are not stored there."
    return ""


def _encrypts(lineage: list[str]) -> bool:
    return any("encrypted" in n for n in lineage)


def _as_key(secret: Secret) -> Secret:
    """A key as it goes into a header: without the line end that pasting adds.

    Raises:
        UsageError: it has characters that no header can carry.
    """
    value = secret.reveal().strip()
    if not value or not value.isascii() or not value.isprintable():
        raise UsageError(
            f"The value of {secret.name} cannot be an API key: it is empty or has characters outside printable ASCII.",
            next_step=f"Store it again: 'agentsh secrets set {secret.name}'.",
        )
    return Secret(secret.name, value)
