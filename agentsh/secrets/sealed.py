"""An encrypted file in place of a keyring, for machines that have none: servers, containers, CI.

One file holds all entries. Its key is made of a passphrase by Argon2id (RFC 9106, the second recommended setting: three
passes over 64 MiB), which also bounds how fast passphrases can be tried by who gets hold of the file. The entries are
sealed with ChaCha20-Poly1305 (RFC 8439), the header with the parameters bound to them, so that neither can be changed.
"""

from __future__ import annotations

import base64
import getpass
import json
import os
import stat
from pathlib import Path
from typing import TYPE_CHECKING, Any

from keyring.backend import KeyringBackend
from keyring.errors import PasswordDeleteError

from agentsh.config import config_dir
from agentsh.core.errors import ActionFailed, ConfigError
from agentsh.core.lock import FileLock

if TYPE_CHECKING:
    from collections.abc import Callable

PASSPHRASE_VARIABLE = "AGENTSH_PASSPHRASE"  # noqa: S105 - the name of a variable

_KIND = "agentsh sealed secrets 1"
_MOST = 16 << 20
_MEMORY_KIB, _PASSES, _LANES = 64 << 10, 3, 4
_SALT, _NONCE, _KEY = 16, 12, 32


class SealedFile(KeyringBackend):
    """Entries in a sealed file.

    Args:
        path: the file.
        passphrase: asked for the passphrase, once, when the file is first read or made.
    """

    def __init__(self, path: Path, passphrase: Callable[[], str]) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # as the package has it
        self._path = path
        self._passphrase = passphrase
        self._key: tuple[bytes, bytes] | None = None  # salt and key: deriving takes its time on purpose

    priority = -1  # never chosen by the keyring package: agentsh opens it by itself

    def create(self) -> None:
        """Make an empty file.

        Raises:
            ConfigError: there is one already.
        """
        if self._path.exists():
            raise ConfigError(
                f"There is a file of sealed secrets already: {self._path}.",
                next_step="Use it, or remove it together with what it holds.",
            )
        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with FileLock(self._path.with_suffix(".lock")):
            self._write({})

    def get_password(self, service: str, username: str) -> str | None:
        """The value of an entry; None when there is none."""
        return self._read().get(f"{service}\0{username}")

    def set_password(self, service: str, username: str, password: str) -> None:
        """Store an entry."""
        with FileLock(self._path.with_suffix(".lock")):
            self._write({**self._read(), f"{service}\0{username}": password})

    def delete_password(self, service: str, username: str) -> None:
        """Remove an entry."""
        with FileLock(self._path.with_suffix(".lock")):
            entries = self._read()
            if entries.pop(f"{service}\0{username}", None) is None:
                raise PasswordDeleteError(username)
            self._write(entries)

    def _read(self) -> dict[str, str]:
        from cryptography.exceptions import InvalidTag  # noqa: PLC0415 - heavy

        header, nonce, sealed = self._parts()
        salt = base64.b64decode(header["salt"])
        try:
            opened = _cipher(self._derived(salt)).decrypt(nonce, sealed, _bound(header))
        except InvalidTag:
            self._key = None
            raise ActionFailed(
                f"The sealed secrets in {self._path} cannot be opened: the passphrase is wrong, or they were changed.",
                next_step=f"Try again; {PASSPHRASE_VARIABLE} holds the passphrase where there is no terminal.",
            ) from None
        entries: dict[str, str] = json.loads(opened)
        return entries

    def _parts(self) -> tuple[dict[str, Any], bytes, bytes]:
        try:
            descriptor = os.open(self._path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
            with os.fdopen(descriptor, "rb") as f:
                st = os.fstat(descriptor)
                if not stat.S_ISREG(st.st_mode) or st.st_uid not in (os.geteuid(), 0) or st.st_mode & 0o077:
                    raise ConfigError(
                        f"Others can get at the sealed secrets in {self._path}; they are not used.",
                        next_step=f"Look at who owns it, then: chmod 600 {self._path}",
                    )
                whole = json.loads(f.read(_MOST))
            header = _known(whole["header"])
            return header, base64.b64decode(whole["nonce"]), base64.b64decode(whole["sealed"])
        except OSError as e:
            raise ActionFailed(f"The sealed secrets in {self._path} cannot be read: {e.strerror}.") from e
        except (ValueError, KeyError, TypeError, RecursionError) as e:
            raise ActionFailed(
                f"The sealed secrets in {self._path} are damaged.",
                files="Your files are unchanged. What the file held cannot be read without it being whole.",
                next_step="Put back a copy of it, or remove it and store the secrets again.",
            ) from e

    def _write(self, entries: dict[str, str]) -> None:
        salt = self._key[0] if self._key is not None else os.urandom(_SALT)
        header = {
            "kind": _KIND,
            "salt": base64.b64encode(salt).decode(),
            "memory_kib": _MEMORY_KIB,
            "passes": _PASSES,
            "lanes": _LANES,
        }
        nonce = os.urandom(_NONCE)
        sealed = _cipher(self._derived(salt)).encrypt(nonce, json.dumps(entries).encode(), _bound(header))
        whole = {"header": header, "nonce": _text(nonce), "sealed": _text(sealed)}
        beside = self._path.with_suffix(".new")
        beside.unlink(missing_ok=True)
        descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "wb") as f:
            f.write(json.dumps(whole).encode())
            f.flush()
            os.fsync(f.fileno())
        beside.replace(self._path)

    def _derived(self, salt: bytes) -> bytes:
        if self._key is None or self._key[0] != salt:
            from cryptography.hazmat.primitives.kdf.argon2 import Argon2id  # noqa: PLC0415 - heavy

            kdf = Argon2id(salt=salt, length=_KEY, iterations=_PASSES, lanes=_LANES, memory_cost=_MEMORY_KIB)
            self._key = (salt, kdf.derive(self._passphrase().encode()))
        return self._key[1]


_COST = (_MEMORY_KIB, _PASSES, _LANES)


def _known(header: dict[str, Any]) -> dict[str, Any]:
    """``header`` itself when it is as this version writes it: a file cannot ask for cheaper parameters."""
    if header["kind"] != _KIND or (header["memory_kib"], header["passes"], header["lanes"]) != _COST:
        raise ValueError("another kind of file")
    return header


def sealed_file() -> Path:
    """Where the sealed secrets are, if there are any."""
    return config_dir() / "secrets.sealed"


def ask_passphrase() -> str:
    """The passphrase: from the environment, or typed unseen on the terminal.

    Raises:
        ConfigError: neither is there.
    """
    if given := os.environ.get(PASSPHRASE_VARIABLE):
        return given
    try:
        with Path("/dev/tty").open("r+b", buffering=0):
            return getpass.getpass("Passphrase of the sealed secrets: ")
    except OSError as e:
        raise ConfigError(
            "Secrets are sealed with a passphrase, and there is no terminal to ask for it.",
            next_step=f"Set {PASSPHRASE_VARIABLE}.",
        ) from e


def _cipher(key: bytes) -> Any:
    from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305  # noqa: PLC0415 - heavy

    return ChaCha20Poly1305(key)


def _bound(header: dict[str, Any]) -> bytes:
    return json.dumps(header, sort_keys=True).encode()


def _text(raw: bytes) -> str:
    return base64.b64encode(raw).decode()
