"""Secrets: the keyring holds the values, everything else their names."""

from agentsh.core.secret import Secret, check_secret_name
from agentsh.secrets.keychain import SERVICE, BackendInfo, Keychain

__all__ = ["SERVICE", "BackendInfo", "Keychain", "Secret", "check_secret_name"]
