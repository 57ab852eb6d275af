"""What in the engine's configuration changes compiled code; apart from the engine, so that keys need no engine."""

SETTINGS = "epochs"
"""Part of the key of everything that is compiled."""
