"""Secrets: the keyring holds the values, everything else knows names."""
