"""Give a store the key of its sealed content: from the keyring, and nowhere else."""

from __future__ import annotations

from typing import TYPE_CHECKING

from agentsh.core.errors import ActionFailed, ConfigError, SealedError
from agentsh.core.lock import FileLock
from agentsh.policy import sealed
from agentsh.store import Seals

if TYPE_CHECKING:
    from pathlib import Path

    from agentsh.core.limits import Keep
    from agentsh.secrets import Keychain


def seals_of(home: Path, keep: Keep) -> Seals:
    """How the store in ``home`` seals."""
    return Seals(KeyringKeys(home), home.name, sealed(keep))


class KeyringKeys:
    """Keys of stores in the keyring, read when first needed.

    Args:
        home: the workspace's place; two processes there make one key.
        keychain: the keyring; that of this machine by default.
    """

    def __init__(self, home: Path, keychain: Keychain | None = None) -> None:
        self._home = home
        self._keychain = keychain
        self._keys: dict[str, bytes] = {}

    def __call__(self, name: str, *, make: bool) -> bytes:
        """The key of this name.

        Raises:
            SealedError: it cannot be had.
        """
        if name not in self._keys:
            self._keys[name] = self._had(name, make=make)
        return self._keys[name]

    def _had(self, name: str, *, make: bool) -> bytes:
        if self._keychain is None:
            from agentsh.secrets import Keychain  # noqa: PLC0415 - brings the keyring package

            self._keychain = Keychain()
        try:
            with FileLock(self._home / "seal.lock"):
                key = self._keychain.store_key(name)
                if key is None and make:
                    key = self._keychain.make_store_key(name)
        except ConfigError as e:
            raise SealedError(
                f"The key of this workspace's sealed content cannot be had. {e.what}",
                next_step="'agentsh secrets init' makes an encrypted file that holds keys where there is no keyring. "
                "To seal nothing more, take 'seal' and 'seal_secret_like' out of '[store]' in the configuration.",
            ) from e
        except ActionFailed as e:
            raise SealedError(
                f"The key of this workspace's sealed content cannot be had. {e.what}", next_step=e.next_step
            ) from e
        if key is None:
            raise SealedError(
                f"The keyring has no key for this workspace's sealed content (service agentsh, agentsh:store:{name}).",
                next_step="Use the keyring of the machine or login that it was sealed with, or put that entry back. "
                "To go on without sealing more, take 'seal' and 'seal_secret_like' out of '[store]'.",
            )
        return key
