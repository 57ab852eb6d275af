"""Secrets through the real program, on a machine without a keyring."""

from __future__ import annotations

from tests.e2e.conftest import Program

VALUE = b"sk-Tr0ub4dor-and-3-horses"
NO_KEYRING = {"PYTHON_KEYRING_BACKEND": "keyring.backends.fail.Keyring"}
OPEN = {**NO_KEYRING, "AGENTSH_PASSPHRASE": "correct horse"}


def test_from_no_keyring_to_a_secret_that_nothing_shows(agentsh: Program) -> None:
    refused = agentsh("secrets", "set", "TOKEN", stdin=VALUE, code=2, **NO_KEYRING)
    assert b"agentsh secrets init" in refused.stderr
    agentsh("secrets", "init", **OPEN)
    agentsh("secrets", "set", "TOKEN", stdin=VALUE + b"\n", **OPEN)
    assert agentsh("secrets", "list", **OPEN).stdout == b"TOKEN\n"
    assert b"SealedFile" in agentsh("secrets", "test", "TOKEN", **OPEN).stderr

    (agentsh.root / ".env").write_bytes(b"TOKEN=" + VALUE + b"\n")
    done = agentsh("exec", "cat .env; base64 .env; sed 's/T/t/' .env > copy", **OPEN)
    assert done.stdout.startswith(b"TOKEN=secret:TOKEN\n")
    assert b"secret:TOKEN" in done.stderr
    for command in (["diff"], ["show", "a1"], ["show", "a1", "--output", "stdout"], ["log"], ["show", "a1", "--json"]):
        shown = agentsh(*command, **OPEN)
        assert VALUE not in shown.stdout + shown.stderr
    agentsh("approve", "a1", **OPEN)
    agentsh("commit", **OPEN)
    assert (agentsh.root / "copy").read_bytes() == b"tOKEN=" + VALUE + b"\n"

    wrong = agentsh("exec", "cat .env", code=1, **{**OPEN, "AGENTSH_PASSPHRASE": "wrong"})
    assert VALUE not in wrong.stdout + wrong.stderr
    assert b"passphrase" in wrong.stderr
    agentsh("secrets", "rm", "TOKEN", **OPEN)
    assert agentsh("exec", "cat .env", **OPEN).stdout == b"TOKEN=" + VALUE + b"\n"
