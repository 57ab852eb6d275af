"""Programs of others under the sandbox's limits: what runs away is stopped, and the next command runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from agentsh.shell.parser import parse
from agentsh.shell.summary import summarise

if TYPE_CHECKING:
    from tests.unit.sandbox.conftest import Box

MIB = 1 << 20


@pytest.mark.parametrize(
    "script",
    [
        "awk 'BEGIN { while (1) {} }'",
        "jq -n 'last(range(infinite))'",
        "sqlite3 :memory: 'with recursive c(x) as (select 1 union all select 1 from c) select count(*) from c'",
        "js -e 'for (;;);'",
        'awk \'BEGIN { s = sprintf("%60000s", ""); gsub(/ /, "a", s); while (1) match(s, /(a*)*b/) }\'',
    ],
)
def test_what_does_not_end_is_stopped(box: Box, script: str) -> None:
    outcome = box.run(script, wall_s=0.6)
    assert outcome.stopped == "wall_s"
    assert box.run("echo on").stdout == b"on\n"


@pytest.mark.parametrize(
    "script",
    [
        "awk 'BEGIN { while (1) a[n++] = \"a long text that takes room, again and again\" n }'",
        "jq -n 'def f: 1 + f; f'",
        "jq -n '[range(infinite)] | length'",
        "js -e 'const a = []; for (;;) a.push(\"x\".repeat(1000) + a.length)'",
        "sqlite3 :memory: 'create table t as with recursive c as (select 1 union all select 1 from c) select * from c'",
        "bc <<< 'while (1) a[i++] = i'",
        # One request that is too large, with most of the memory free.
        "js -e 'new Uint8Array(300e6)'",
        "sqlite3 :memory: 'select length(hex(zeroblob(400000000)))'",
        "head -c 60M /dev/zero | awk '{ print length($0) }'",
        "head -c 60M /dev/zero | sed s/a/b/",
        "head -c 60M /dev/zero | jq -R length",
        "head -c 60M /dev/zero | sort",
        "head -c 60M /dev/zero | cut -c1",
        "head -c 60M /dev/zero | uniq",
        "head -c 60M /dev/zero > a; grep -f a a",
    ],
)
def test_what_takes_all_memory_is_stopped(box: Box, script: str) -> None:
    outcome = box.run(script, memory_bytes=48 * MIB)
    assert (outcome.stopped, outcome.exit_code) == ("memory_bytes", 6)
    assert outcome.stderr
    assert box.run("echo on").stdout == b"on\n"


def test_what_copes_with_less_memory_goes_on(box: Box) -> None:
    script = "js -e 'try { new Uint8Array(300e6) } catch (e) { console.log(e.message) }'"
    outcome = box.run(script, memory_bytes=48 * MIB)
    assert (outcome.stdout, outcome.exit_code, outcome.stopped) == (b"out of memory\n", 0, "")


def test_a_stack_that_is_full_is_not_called_a_want_of_memory(box: Box) -> None:
    outcome = box.run("awk 'function f(n) { return f(n + 1) } BEGIN { f(1) }'", memory_bytes=24 * MIB)
    assert (outcome.exit_code, outcome.stopped) == (134, "")
    assert b"nested too deeply" in outcome.stderr


@pytest.mark.parametrize(
    "script",
    [
        "awk 'function f(n) { return f(n + 1) } BEGIN { f(1) }'",
        "js -e 'function f() { return f() + 1 } f()'",
        "js -e 'let o = []; for (let i = 0; i < 1e6; i++) o = [o]; JSON.stringify(o)'",
        "js -e 'let s = \"[\".repeat(1e6); JSON.parse(s)'",
        'awk \'BEGIN { s = sprintf("%100000s", ""); gsub(/ /, "(", s); print ("x" ~ s) }\'',
        "awk \"BEGIN { print $(printf '%0100000d' 0 | tr 0 '(')1 }\"",
        "printf '%0100000d' 0 | tr 0 '[' | jq .",
        "sqlite3 :memory: \"select $(printf '%0100000d' 0 | tr 0 '(')\"",
        "grep -E \"$(printf '%0100000d' 0 | tr 0 '(')\" /dev/null",
        "sed -E \"s/$(printf '%0100000d' 0 | tr 0 '(')/x/\" /dev/null",
        "bc <<< \"$(printf '%0100000d' 0 | tr 0 '(')1\"",
    ],
)
def test_deep_recursion_fails_and_the_session_goes_on(box: Box, script: str) -> None:
    outcome = box.run(script, memory_bytes=256 * MIB)
    assert outcome.exit_code != 0
    assert outcome.stderr
    assert box.run("echo on").stdout == b"on\n"


def test_deep_recursion_of_javascript_says_what_it_is(box: Box) -> None:
    outcome = box.run("js -e 'function f() { return f() + 1 } f()'")
    assert (outcome.exit_code, outcome.stderr) == (1, b"Uncaught RangeError: Maximum call stack size exceeded\n")


def test_a_pattern_with_many_brackets_says_so(box: Box) -> None:
    outcome = box.run('awk \'BEGIN { s = sprintf("%100000s", ""); gsub(/ /, "(", s); print ("x" ~ s) }\'')
    assert outcome.exit_code == 2
    assert b"more than 1000 brackets" in outcome.stderr


def test_writers_of_a_database_side_by_side_lose_nothing(box: Box) -> None:
    script = """
    sqlite3 a.db 'create table t(a)'
    for i in 1 2 3 4 5 6; do
      sqlite3 -cmd '.timeout 20000' a.db "begin immediate; insert into t values ($i); commit" &
    done
    wait
    sqlite3 a.db 'select count(*), sum(a) from t; pragma integrity_check'
    ls
    """
    outcome = box.run(script)
    assert (outcome.stdout, outcome.stderr) == (b"6|21\nok\na.db\n", b"")


def test_a_program_of_the_workspace_runs_by_its_first_line(box: Box) -> None:
    script = """
    printf '#!/usr/bin/env node\\nconsole.log(process.argv[2])\\n' > a.js
    printf '#!/usr/bin/awk -f\\nBEGIN { print ARGV[1] }\\n' > b
    chmod +x a.js b; ./a.js one; ./b two
    """
    assert box.run(script).stdout == b"one\ntwo\n"


def test_they_join_in_pipelines(box: Box) -> None:
    script = """printf 'a,1\\nb,2\\n' |
    awk -F, '{ printf "{\\"n\\":\\"%s\\",\\"v\\":%d}\\n", $1, $2 }' | jq -c 'select(.v > 1)' |
    js -p 'JSON.parse(fs.readFileSync(0, "utf8")).n'"""
    assert box.run(script).stdout == b"b\n"


@pytest.mark.parametrize(
    "script",
    [
        "sqlite3 :memory: '.shell touch made'",
        "sqlite3 :memory: '.output |touch made' 'select 1'",
        'js -e \'require("child_process").execSync("touch made")\'',
        "node -e 'process.binding(\"spawn_sync\")'",
    ],
)
def test_what_the_summary_does_not_see_does_not_run(box: Box, script: str) -> None:
    """The policy sees the program alone, and that is all that runs: a program cannot start another."""
    summary = summarise(parse(script))
    assert ([c.name for c in summary.commands], summary.opaque) == ([script.split(maxsplit=1)[0]], False)
    outcome = box.run(f"{script}; status=$?; test -e made && echo made; exit $status")
    assert outcome.exit_code != 0
    assert b"made" not in outcome.stdout
    assert outcome.stderr


def test_a_reader_of_output_ends_with_its_command(box: Box) -> None:
    """Waiting for the reader before the command has begun would be waiting for ever."""
    outcome = box.run("echo out > >(cat); echo x 2> >(sed s/^/e:/) | tr x y; ls nothing 2> >(sed s/^.*/e/)", wall_s=20)
    assert (outcome.stdout, outcome.stopped) == (b"out\ny\ne\n", "")


def test_what_head_does_not_print_is_left_to_the_next(box: Box) -> None:
    script = (
        "seq 5 > n; { head -n 2; echo -; cat; } < n; { head -c 3; tail -n 1; } < n; seq 5 | { head -n 1; cat > rest; }"
    )
    assert box.run(script).stdout == b"1\n2\n-\n3\n4\n5\n1\n25\n1\n"
