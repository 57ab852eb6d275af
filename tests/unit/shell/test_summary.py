from __future__ import annotations

import pytest

from agentsh.shell import Summary, parse, summarise


def summary(source: str) -> Summary:
    return summarise(parse(source))


def names(source: str) -> list[str]:
    return [c.name for c in summary(source).commands]


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("ls -l | wc", ["ls", "wc"]),
        ("a && b || c; d &", ["a", "b", "c", "d"]),
        ("cd x && pwd", []),
        ("/usr/bin/git x", ["git"]),
        ("echo $(a $(b)) `c`", ["echo", "a", "b", "c"]),
        ('echo "${x:-$(a)}" $((1+$(b)))', ["echo", "a", "b"]),
        ("x=$(a) y[$(b)]=1 export z=$(c)", ["c", "a", "b"]),
        ("cat <<E\n$(a)\nE", ["cat", "a"]),
        ("cat <<'E'\n$(a)\nE", ["cat"]),
        ("[[ -f $(a) ]] && ((x=$(b)))", ["a", "b"]),
        ("for i in $(a); do b; done; while c; do d; done", ["a", "b", "c", "d"]),
        ("case $(a) in $(b)) c;; esac", ["a", "b", "c"]),
        ("if a; then b; elif c; then d; else e; fi", ["a", "b", "c", "d", "e"]),
        ("env -u B A=1 git x", ["env", "git"]),
        ("env -S 'A=1 rm x' y; env -iS 'rm x'", ["env", "rm", "env", "rm"]),
        ("diff <(rm a) <(b) > >(c); tee >(d)", ["diff", "rm", "b", "c", "tee", "d"]),
        ("timeout -k 1 5 nohup nice -n 3 curl", ["timeout", "nohup", "nice", "curl"]),
        ("a | xargs -0 -n 1 rm -f", ["a", "xargs", "rm"]),
        ("xargs -I{} mv {} {}.bak", ["xargs", "mv"]),
        ("find . -name x -exec grep a {} \\; -execdir b {} +", ["find", "grep", "b"]),
        ("xargs -0I a b a", ["xargs", "b"]),
        ("xargs -0n1 a", ["xargs", "a"]),
        ("xargs -i a {}", ["xargs", "a"]),
        ("xargs --replace a {}", ["xargs", "a"]),
        ("xargs --max-args 2 --arg-file x a", ["xargs", "a"]),
        ("xargs -l a; xargs -E a b", ["xargs", "a", "xargs", "b"]),
        ("env - a; env -i -u B - a; env -C x a", ["env", "a", "env", "a", "env", "a"]),
        ("nice --adjustment 5 a; nohup -- a", ["nice", "a", "nohup", "a"]),
        ("find . -name -exec -exec a {} \\;", ["find", "-exec", "a"]),
        ("find -exec a + b \\;", ["find", "a"]),
        ("sh -c 'a; b' name", ["sh", "a", "b"]),
        ("bash -euo pipefail -c 'a'", ["bash", "a"]),
        ("eval 'a' b '; c'", ["eval", "a", "c"]),
        ("trap 'a' EXIT", ["a"]),
        ("command -v a; command b; exec c", ["command", "command", "b", "exec", "c"]),
        ("a < <(b) > >(c)", ["a", "b", "c"]),
        ("f() { a; }; f", ["a"]),
        ("env f; f() { a; }; env f", ["env", "f", "a", "env", "f"]),
        ("f; f() { a; }", ["f", "a"]),
        ("(f() { a; }); f", ["a", "f"]),
        ("x && f() { a; }; f", ["x", "a", "f"]),
        ("f() { a; }; unset -f f; f", ["a", "f"]),
    ],
)
def test_every_command_is_found(source: str, expected: list[str]) -> None:
    found = summary(source)
    assert [c.name for c in found.commands] == expected
    assert not found.opaque


@pytest.mark.parametrize(
    "source",
    [
        "$x a",
        "$(a) b",
        "{rm,-rf} x",
        "r* x",
        "eval $x",
        'sh -c "$x"',
        "sh script.sh",
        "cat x | sh",
        "./run.sh",
        "source lib.sh",
        ". lib.sh",
        "env $x rm",
        'env "$x" rm',
        'env -S "rm $X"',
        "timeout $t a",
        "xargs $x",
        "xargs -I{} {} x",
        "xargs sh -c",
        "xargs -Z a b",
        "nohup -a a b",
        'xargs -I "$x" a b',
        'timeout "$x" 5 a',
        'find . "$x" a {} \\;',
        'find . "$x" a {} \\; -exec b {} \\;',
        'find . -name -name "$x" a {} \\;',
        "find . $x",
        "find . -exec $x \\;",
        "find . -exec {} \\;",
        "find . -exec sh {} \\;",
        'trap "$x" EXIT',
        "eval 'if'",
        "echo $(sh <<< a)",
        "command $x",
        "exec $x",
        "awk 'BEGIN { system(\"a\") }'",
        "awk '{ print | \"a\" }' f",
        "awk 'BEGIN { \"a\" | getline }'",
        'awk \'BEGIN { "a"|||"b" }\'',
        "awk -f program.awk f",
        "awk -F: -vx=1 '{ print|x }'",
        'awk "$program" f',
        "awk -F $separator '{ print }'",
        "awk $options '{ print }'",
        "awk --file=x f",
        "env awk 'BEGIN { system(\"a\") }'",
        "find . -exec gawk '{ print | \"a\" }' {} +",
    ],
)
def test_what_cannot_be_known_is_opaque(source: str) -> None:
    assert summary(source).opaque


@pytest.mark.parametrize(
    "source",
    [
        'find "$d" -name "$p"',
        'find "$d" -name "$p" -exec a {} \\;',
        'timeout "$t" a',
        "grep $x",
        "rm *",
        "echo {a,b}",
        'xargs -n "$n" rm',
        "awk -F: -v x=1 '$1 || $2 { print $3 }' *.csv",
        """awk -v n="$n" -- '/a/ || /b/' f""",
        "awk -F '$x' '{ print }' $files",
    ],
)
def test_unknown_arguments_alone_are_not_opaque(source: str) -> None:
    assert not summary(source).opaque


def test_argv_has_none_for_what_is_not_known() -> None:
    assert [c.argv for c in summary("rm -rf \"$x\" 'a b' *").commands] == [("rm", "-rf", None, "a b", None)]


def test_files_of_redirections() -> None:
    found = summary("a < in > out 2>> err <> both &> all 2>&1 > /dev/null < $x; { b; } > group; cat <<E\nx\nE")
    assert found.reads == ("in", "both")
    assert found.writes == ("out", "err", "both", "all", "group")
    assert found.opaque_paths
    assert not found.opaque
    assert not summary("a > out").opaque_paths


def test_evals_in_evals_end() -> None:
    assert summary("eval " * 10_000 + "ls").opaque


@pytest.mark.parametrize(
    "line", ["git status -s", "git -C dir log --oneline -- a", "git diff > out", "git grep -n x | head"]
)
def test_reading_git_is_reading(line: str):
    """The sandbox's git runs no program that a configuration names, so its verbs hide nothing."""
    found = summarise(parse(line))
    assert not found.opaque
    assert found.commands[0].name == "git"
    assert found.writes == (("out",) if ">" in line else ())
