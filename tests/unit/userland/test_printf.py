"""printf is bash's own where that and the program of the same name differ: %q, %(...)T, \\c in a format."""

from __future__ import annotations

import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.unit.userland.conftest import Runner

LINES = (
    ("%q\\n", "a b"),
    ("%q ", "plain", "it's", "", "a$b", "tab\there", "~x", "a~", "a=~b", "#a", "a#", "a\nb", "{a,b}", "grüße", "a\\b"),
    ("%10q|%-8q|", "a b", "c"),
    ("a\\cb",),
    ("%b|", "x\\cy", "z"),
    ("%(%Y-%m-%d %H:%M:%S)T\\n", "0"),
    ("%(%s)T\\n", "1600000000"),
    ("%5.1f|%-5s|%05d\\n", "3.14159", "ab", "42"),
    ("%s\\n", "a", "b", "c"),
    ("%d\\n", "abc"),
    ("%d %d\\n", "0x1F", "'A"),
    ("%z\\n", "1"),
    ("\\u00e9\\U0001F600\\x41\\101\\n",),
    ("%",),
    (),
)


@pytest.mark.parametrize("words", LINES, ids=" ".join)
def test_agrees_with_bash(run: Runner, words: tuple[str, ...]) -> None:
    bash = shutil.which("bash")
    if bash is None:
        pytest.skip("this machine has no bash")
    environment = {"LC_ALL": "C.UTF-8", "TZ": "UTC"}
    theirs = subprocess.run(
        [bash, "-c", 'printf "$@"', "bash", *words], capture_output=True, check=False, env=environment, timeout=20
    )
    ours = run("printf", *words)
    assert (ours.out, ours.code, bool(ours.err)) == (theirs.stdout, theirs.returncode, bool(theirs.stderr)), (
        f"ours said {ours.err!r}, theirs {theirs.stderr!r}"
    )
