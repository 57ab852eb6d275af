"""However a value is encoded, cut up and surrounded: it does not get through, and nothing else is lost before it."""

from __future__ import annotations

import base64
import codecs
import gzip
import html
import json
import string
import zlib
from itertools import pairwise
from urllib.parse import quote, quote_plus

from hypothesis import given
from hypothesis import strategies as st

from agentsh.core.secret import Secret
from agentsh.redact import RedactedStream, Redactor

VALUES = st.text(alphabet=string.ascii_letters + string.digits + "/+=_-.!$&'\"\\ %#é", min_size=12, max_size=60).map(
    lambda s: f"K{s.strip()}7q"
)
AROUND = st.binary(max_size=12)


def _b64(v: bytes) -> bytes:
    return base64.b64encode(v)


ENCODINGS = {
    "as it is": lambda v: v,
    "reversed": lambda v: v[::-1],
    "hex": lambda v: v.hex().encode(),
    "HEX": lambda v: v.hex().upper().encode(),
    "base64 twice": lambda v: _b64(_b64(v)),
    "base64 for URLs": base64.urlsafe_b64encode,
    "base64 in lines": base64.encodebytes,
    "URL": lambda v: quote(v.decode(), safe="").encode(),
    "URL, form": lambda v: quote_plus(v.decode()).encode(),
    "URL, every byte": lambda v: "".join(f"%{b:02x}" for b in v).encode(),
    "JSON": lambda v: json.dumps(v.decode()).encode(),
    "Python": lambda v: repr(v.decode()).encode(),
    "HTML": lambda v: html.escape(v.decode()).encode(),
    "escapes": lambda v: "".join(f"\\x{b:02x}" for b in v).encode(),
    "octal": lambda v: "".join(f"\\{b:03o}" for b in v).encode(),
    "rot13": lambda v: codecs.encode(v.decode(), "rot13").encode(),
    "UTF-16": lambda v: v.decode().encode("utf-16-le"),
    "gzip": gzip.compress,
    "gzip, base64": lambda v: _b64(gzip.compress(v)),
    "gzip, base64 in lines": lambda v: base64.encodebytes(gzip.compress(v * 3)),
    "zlib, base64": lambda v: _b64(zlib.compress(v)),
    "gzip, hex": lambda v: gzip.compress(v).hex().encode(),
    "xxd": lambda v: b" ".join(v.hex().encode()[i : i + 4] for i in range(0, len(v) * 2, 4)),
}


@given(value=VALUES, how=st.sampled_from(sorted(ENCODINGS)), before=AROUND, after=AROUND)
def test_every_encoding_is_found(value: str, how: str, before: bytes, after: bytes) -> None:
    redactor = Redactor([Secret("KEY", value)])
    encoded = ENCODINGS[how](value.encode())
    out = redactor.redact(before + b"\n[" + encoded + b"]\n" + after)
    assert out.names == ("KEY",)
    assert encoded not in out.data
    assert value.encode() not in out.data


@given(value=VALUES, before=st.binary(max_size=8), after=st.binary(max_size=8), encode=st.sampled_from(["b64", "b32"]))
def test_a_value_within_a_longer_encoded_text_is_found_at_every_position(
    value: str, before: bytes, after: bytes, encode: str
) -> None:
    encoder = base64.b64encode if encode == "b64" else base64.b32encode
    out = Redactor([Secret("KEY", value)]).redact(encoder(before + value.encode() + after))
    assert out.names == ("KEY",)


@given(value=VALUES, width=st.integers(1, 9), style=st.sampled_from(["lines", "numbered", "quoted", "spaced"]))
def test_a_value_in_pieces_is_found(value: str, width: int, style: str) -> None:
    raw = value.encode()
    pieces = [raw[i : i + width] for i in range(0, len(raw), width)]
    text = {
        "lines": b"\n".join(pieces),
        "numbered": b"\n".join(b"%6d\t%s" % (n, p) for n, p in enumerate(pieces, 1)),
        "quoted": b'"' + b'" +\n  "'.join(pieces) + b'"',
        "spaced": b" ".join(pieces),
    }[style]
    out = Redactor([Secret("KEY", value)]).redact(b"listing\n" + text + b"\n.")
    assert out.names == ("KEY",)


@given(data=st.binary(max_size=400))
def test_what_holds_no_value_is_left_as_it_is(data: bytes) -> None:
    assert Redactor([Secret("KEY", "a value that stands nowhere")]).redact(data).data == data


@given(value=VALUES, before=AROUND, after=AROUND, cuts=st.lists(st.integers(0, 100), max_size=8))
def test_a_stream_gives_what_the_whole_gives(value: str, before: bytes, after: bytes, cuts: list[int]) -> None:
    redactor = Redactor([Secret("KEY", value)])
    data = before + b"|" + value.encode() + b"|" + after
    edges = sorted({0, len(data), *(c for c in cuts if c < len(data))})
    stream = RedactedStream(redactor)
    out = b"".join(stream.feed(data[a:b]) for a, b in pairwise(edges)) + stream.end()
    assert value.encode() not in out
    assert b"secret:KEY" in out
