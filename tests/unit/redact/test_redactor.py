"""What is taken out, what is left, and what stands in its place."""

from __future__ import annotations

import base64
import gzip
import json
import zlib

import pytest

from agentsh.core.secret import Secret
from agentsh.redact import RedactedStream, Redactor

VALUE = 's3cr3t/Value+with=chars&"q"'
RAW = VALUE.encode()


@pytest.fixture
def redactor() -> Redactor:
    return Redactor([Secret("KEY", VALUE), Secret("OTHER", "another-value-entirely")])


def test_text_without_values_is_left_as_it_is(redactor: Redactor) -> None:
    text = "def main() -> int:\n    return 0  # 100 % ordinary \\x41 &#65; H4sI 1f8b08 x\x9c\n"
    assert redactor.text(text) == text
    assert redactor.redact(text.encode()).names == ()


def test_a_value_becomes_its_name_and_the_rest_stays(redactor: Redactor) -> None:
    out = redactor.redact(b"a " + RAW + b" b another-value-entirely c")
    assert out.data == b"a secret:KEY b secret:OTHER c"
    assert out.names == ("KEY", "OTHER")


def test_a_value_that_was_cut_up_leaves_the_lines_in_place(redactor: Redactor) -> None:
    cut = b"\n".join(RAW[i : i + 5] for i in range(0, len(RAW), 5))
    out = redactor.redact(b"first\n" + cut + b"\nlast\n")
    assert out.names == ("KEY",)
    assert out.data.startswith(b"first\nsecret:KEY\n")
    assert out.data.endswith(b"\nlast\n")
    assert not any(RAW[i : i + 5] in out.data for i in range(0, 15, 5))


def test_a_compressed_value_goes_with_all_that_it_was_packed_with(redactor: Redactor) -> None:
    packed = base64.encodebytes(gzip.compress(b"config:\n" + RAW * 2 + b"\nend"))
    out = redactor.redact(b"$ cat x | gzip | base64\n" + packed + b"$ \n")
    assert out.names == ("KEY",)
    assert out.data.startswith(b"$ cat x | gzip | base64\nsecret:KEY")


def test_a_damaged_archive_tells_what_it_held_before_the_damage(redactor: Redactor) -> None:
    packed = bytearray(zlib.compress(RAW + b"-" * 50 + bytes(range(256)) * 40, 1))
    packed[-40:] = b"\0" * 40
    assert redactor.redact(bytes(packed)).names == ("KEY",)


def test_json_is_searched_through_keys_and_lists(redactor: Redactor) -> None:
    value = {"a": [VALUE, 1, None], VALUE: {"b": "x" + VALUE}}
    assert redactor.value(value) == {"a": ["secret:KEY", 1, None], "secret:KEY": {"b": "xsecret:KEY"}}
    json.dumps(redactor.value(value))


def test_lone_surrogates_survive(redactor: Redactor) -> None:
    assert redactor.text(f"\udc80 {VALUE} \ud800") == "\udc80 secret:KEY \ud800"


def test_short_values_are_named_rather_than_looked_for() -> None:
    redactor = Redactor([Secret("PIN", "1234"), Secret("KEY", VALUE)])
    assert redactor.unprotected == ("PIN",)
    assert redactor.text("1234") == "1234"


def test_a_line_of_a_private_key_is_a_secret_of_its_own() -> None:
    body = "MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQC7"
    redactor = Redactor([Secret("PEM", f"-----BEGIN PRIVATE KEY-----\n{body}\nxyz\n-----END PRIVATE KEY-----\n")])
    assert redactor.text(f"grep says: {body}") == "grep says: secret:PEM"


def test_nothing_to_look_for_costs_nothing() -> None:
    redactor = Redactor()
    assert redactor.idle
    text = "as it is"
    assert redactor.text(text) is text


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("token ghp_" + "a1B2" * 9, "github-token"),
        ("AKIA" + "IOSFODNN7EXAMPL2", "aws-access-key"),
        ("postgres://app:hunter22@db/x", "basic-auth-credentials"),
        ("sk_live_" + "4eC39HqLyjWDarjtT1zdp7dc", "stripe-access-key"),
        ("-----BEGIN OPENSSH PRIVATE KEY-----\nabc\n-----END OPENSSH PRIVATE KEY-----", "private-key"),
        ("sk-ant-api03-" + "aB3_" * 12, "anthropic-key"),
    ],
)
def test_credentials_that_nobody_told_of_are_known_by_their_form(text: str, kind: str) -> None:
    out = Redactor().redact(f"see {text} there".encode(), detect=True)
    assert out.names == (kind,)
    assert f"secret:{kind}".encode() in out.data


def test_ordinary_text_is_no_credential() -> None:
    text = b"git commit 3f1c2a9d8e7b6a5c4d3e2f1a0b9c8d7e6f5a4b3c\nhttps://example.org:8080/a?b=c\nsk-learn eyJ\n"
    assert Redactor().redact(text, detect=True).data == text


@pytest.mark.parametrize("size", [1, 3, 7, 64])
def test_a_stream_holds_back_what_may_be_the_beginning_of_a_value(redactor: Redactor, size: int) -> None:
    value = b"another-value-entirely"
    data = b"x" * 20 + value + b" middle " + value.hex().encode() + b"\nend"
    stream = RedactedStream(redactor)
    out = b"".join(stream.feed(data[i : i + size]) for i in range(0, len(data), size)) + stream.end()
    assert out == b"x" * 20 + b"secret:OTHER middle secret:OTHER\nend"


def test_a_stream_passes_on_at_once_what_is_no_beginning(redactor: Redactor) -> None:
    stream = RedactedStream(redactor)
    assert stream.feed(b"$ ls ~\n") == b"$ ls ~\n"
    assert stream.feed(b"total ~\n" + RAW[:4]) == b"total ~\n"
    assert stream.end() == RAW[:4]
