"""Random scripts of what both understand: the interpreter and bash must agree on output, status and tree."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.unit.interpreter.native import bash, listing, run_or_refuse

pytestmark = pytest.mark.skipif(shutil.which("bash") is None, reason="needs bash to compare with")

NAMES = st.sampled_from(["a", "b", "c"])
TEXT = st.text(alphabet="ab *?[]:/.-\\'\"$x", max_size=8)
PLAIN = st.sampled_from(
    ["x", "a b", "", "*", "a:b::c", " lead trail ", "aXbXc", "./f/g.h", "b*", "[ab]", "-n", "7", "a\\b"]
)


def single(text: str) -> str:
    return "'" + text.replace("'", "'\\''") + "'"


NEW = st.sampled_from(["-", "", "[&]", "$a"])
PATTERN = st.sampled_from(
    ["*", "a*", "*b", "?", "[ab]", "[!a]*", "*X*", "'*'", "*.*", "a", "[[:alpha:]]*", "''", '"$b"', "$c", "*/"]
)


@st.composite
def expansions(draw: st.DrawFn) -> str:
    name = draw(NAMES | st.sampled_from(["1", "2", "@", "*", "#", "unset", "arr", "arr[@]", "arr[1]"]))
    kind = draw(st.integers(0, 8))
    if kind == 0 and name.isalnum():
        body = f"${name}" if len(name) == 1 else f"${{{name}}}"
    elif kind == 1:
        default = draw(st.sampled_from([":-", "-", ":+", "+"])) + draw(st.sampled_from(["d", "d e", "$a", "*"]))
        body = f"${{{name}{default}}}"
    elif kind == 2:
        body = f"${{{name}{draw(st.sampled_from(['#', '##', '%', '%%']))}{draw(PATTERN)}}}"
    elif kind == 3:
        slash = draw(st.sampled_from(["/", "//", "/#", "/%"]))
        body = f"${{{name}{slash}{draw(PATTERN)}/{draw(NEW)}}}"
    elif kind == 4 and name != "#":
        body = f"${{{name}:{draw(st.integers(0, 3))}:{draw(st.integers(0, 3))}}}"
    elif kind == 5 and name != "#":
        body = f"${{#{name}}}"
    elif kind == 6:
        body = f"${{{name}{draw(st.sampled_from(['^', '^^', ',', ',,']))}}}" if name != "#" else "$#"
    else:
        body = f"${{{name}}}"
    return f'"{body}"' if draw(st.booleans()) else body


@st.composite
def arithmetic(draw: st.DrawFn, depth: int = 0) -> str:
    if depth > 2 or draw(st.booleans()):
        return draw(st.sampled_from(["0", "1", "2", "7", "-3", "n", "m", "0x1f", "010", "9223372036854775807"]))
    left, right = draw(arithmetic(depth + 1)), draw(arithmetic(depth + 1))
    kind = draw(st.integers(0, 3))
    if kind == 0:
        return f"({left} {draw(st.sampled_from(['+', '-', '*', '/', '%']))} {right})"
    if kind == 1:
        return (
            f"{left} {draw(st.sampled_from(['<', '<=', '==', '!=', '&&', '||', '&', '|', '^', '<<', '>>']))} ({right})"
        )
    if kind == 2:
        return f"({left} ? {right} : {draw(arithmetic(depth + 1))})"
    return f"{draw(st.sampled_from(['!', '~', '- ', '+ ']))}({left})"


WORDS = st.one_of(
    expansions(),
    TEXT.map(single),
    st.sampled_from(
        [
            "*",
            "f*",
            "?",
            "{a,b}c",
            "{1..3}",
            "x{,y}z",
            "~",
            "$(printf 'p q\\n\\n')",
            "`echo bq`",
            "$?",
            "a\\ b",
            '"$@"',
            "$*",
        ]
    ),
)


@st.composite
def commands(draw: st.DrawFn, depth: int = 0) -> str:
    words = " ".join(draw(st.lists(WORDS, min_size=1, max_size=4)))
    show = f"printf '<%s>' {words}; echo"
    kind = draw(st.integers(0, 19)) if depth < 2 else 0
    inner = draw(commands(depth + 1)) if kind > 3 else ""
    word = draw(WORDS)
    given = draw(st.sampled_from(["-b v", "-bv", "-x", "--"]))
    shapes = {
        1: f"{draw(NAMES)}={word}; {show}",
        2: f"echo $(( {draw(arithmetic())} ))",
        3: f"IFS={single(draw(st.sampled_from([':', ' ', 'X', ':X ', ''])))}; {show}",
        4: f'for i in {words}; do echo "$i"; {inner}; done',
        5: f"if [[ {draw(expansions())} == {draw(PATTERN)} ]]; then {inner}; else echo no; fi",
        6: f"case {draw(expansions())} in {draw(PATTERN)}) {inner};; *) echo other;; esac",
        7: f"( {inner} ); echo $?",
        8: f"{{ {inner}; }} | cat -n",
        9: f"{{ {inner}; }} > f{draw(st.integers(1, 3))}; cat f*",
        10: f"set -- {words}; {inner}",
        11: f'f() {{ local a=L; {inner}; return 3; }}; f {words}; echo $? "$a"',
        12: f'x=$( {inner} ); echo "$x"',
        14: f"trap 'echo \"T $LINENO\"' ERR; {inner}; false; trap - ERR",
        15: f'mapfile -t lines < <( {inner} ); echo ${{#lines[@]}} "${{lines[@]: -1}}"',
        16: f'while read -r x y; do echo "$y|$x"; done <<< {draw(expansions())}',
        17: f'declare -A map=([k]={word}); ref=\'map[k]\'; echo "${{!ref}}" "${{map[@]@A}}" ${{map@a}}; {inner}',
        18: f'x={draw(expansions())}; echo "${{x@Q}}" "${{x@A}}"; eval "y=${{x@Q}}"; [[ $x == "$y" ]] && echo same',
        19: f"while getopts ab: o -a {given} r; do echo $o $OPTARG; done; echo $OPTIND",
        13: f"cat <<E\n{draw(expansions())} $(( {draw(arithmetic())} ))\nE\n{inner}",
    }
    if kind == 12 and "<<E" in inner:
        # bash 5.2 joins the commands after a here-document in $( ): "a; echo" becomes "a echo".
        return show
    return shapes.get(kind, show)


@st.composite
def scripts(draw: st.DrawFn) -> str:
    a, b, c = (single(draw(PLAIN)) for _ in range(3))
    parts = draw(st.lists(commands(), min_size=1, max_size=3))
    return f"a={a}; b={b}; c={c}; n=5; m=-2; arr=({a} two {c}); set -- {b} 'p q'\n" + "\n".join(parts)


@given(scripts())
@settings(max_examples=120, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
def test_random_scripts_agree_with_bash(script: str) -> None:
    with tempfile.TemporaryDirectory() as mine_dir, tempfile.TemporaryDirectory() as theirs_dir:
        for root in (Path(mine_dir), Path(theirs_dir)):
            (root / "fa").write_text("1\n")
            (root / "a b").write_text("2\n")
        mine = run_or_refuse(script, Path(mine_dir))
        theirs = bash(script, Path(theirs_dir))
        assert (mine.stdout, mine.status) == (theirs.stdout, theirs.status), (mine.stderr, theirs.stderr)
        assert listing(Path(mine_dir)) == listing(Path(theirs_dir))
