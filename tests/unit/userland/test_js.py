"""js: the part of Node's interface that is there works, and the rest says that it is not."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.unit.userland.conftest import plant

if TYPE_CHECKING:
    from tests.unit.userland.conftest import Result, Runner

ENV = {"HOME": "/workspace", "LANG": "C.UTF-8"}


def evaluate(run: Runner, code: str, *words: str, stdin: bytes = b"") -> Result:
    return run("js", "-e", code, *words, env=ENV, stdin=stdin)


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        (
            "console.log(1, 'a', [1, 'b'], { a: 1, b: { c: [] } }, null, -0, 1n)",
            "1 a [ 1, 'b' ] { a: 1, b: { c: [] } } null -0 1n\n",
        ),
        ("console.log({ a: { b: { c: { d: 1 } } } })", "{ a: { b: { c: [Object] } } }\n"),
        ("console.log([1, 2, 3, 4, 5, 6, 7, 8])", "[\n  1, 2, 3, 4,\n  5, 6, 7, 8\n]\n"),
        ("const o = {}; o.self = o; console.log(o)", "<ref *1> { self: [Circular *1] }\n"),
        (
            "console.log(new Map([['a', 1]]), new Set([1]), /x/g, class A {}, () => 1)",
            "Map(1) { 'a' => 1 } Set(1) { 1 } /x/g [class A] [Function (anonymous)]\n",
        ),
        ("console.log('%s is %d', 'x', 5, { a: 1 })", "x is 5 { a: 1 }\n"),
        (
            "console.log((1234567.891).toLocaleString(), new Date(0).toISOString())",
            "1,234,567.891 1970-01-01T00:00:00.000Z\n",
        ),
        (
            "const p = path; console.log(p.join('a', '..', 'b'), p.resolve('x'), p.relative('/a/b', '/a/c'))",
            "b /workspace/x ../c\n",
        ),
        ("console.log(Buffer.from('hé').toString('hex'), Buffer.from('aGk=', 'base64').toString())", "68c3a9 hi\n"),
        (
            """setImmediate(() => console.log('i')); process.nextTick(() => console.log('n'));
            Promise.resolve().then(() => console.log('p')); console.log('s')""",
            "s\nn\np\ni\n",
        ),
        ("let n = 0; const t = setInterval(() => { console.log(++n); if (n === 2) clearInterval(t) }, 1)", "1\n2\n"),
        ("const { promisify } = require('util'); promisify(setTimeout)(1).then(() => console.log('later'))", "later\n"),
        ("process.on('exit', (c) => console.log('bye', c))", "bye 0\n"),
        ("import { readdirSync } from 'node:fs'; console.log(readdirSync('.').length)", "0\n"),
    ],
)
def test_it_prints_as_node_does(run: Runner, code: str, expected: str) -> None:
    result = evaluate(run, code)
    assert (result.out.decode(), result.err, result.code) == (expected, b"", 0)


def test_files_are_written_read_listed_and_removed(run: Runner) -> None:
    code = """
    const fs = require('fs');
    fs.mkdirSync('d/e', { recursive: true });
    fs.writeFileSync('d/e/f', 'one\\n', { mode: 0o600 });
    fs.appendFileSync('d/e/f', 'two');
    fs.cpSync('d', 'copy', { recursive: true });
    fs.renameSync('d/e/f', 'd/g');
    fs.symlinkSync('d/g', 'link');
    fs.rmSync('copy/e', { recursive: true });
    console.log(fs.readFileSync('link', 'utf8'), fs.readdirSync('.'), fs.statSync('link').size);
    console.log(fs.lstatSync('link').isSymbolicLink(), fs.existsSync('copy/e'), fs.realpathSync('link'));
    """
    assert evaluate(run, code).out == b"one\ntwo [ 'copy', 'd', 'link' ] 7\ntrue false /workspace/d/g\n"
    assert (run.root / "d/g").stat().st_mode & 0o777 == 0o600


def test_an_error_of_a_file_has_nodes_code(run: Runner) -> None:
    code = "try { require('fs').readFileSync('no') } catch (e) { console.log(e.code, e.errno, e.syscall, e.message) }"
    assert evaluate(run, code).out == b"ENOENT -2 open ENOENT: no such file or directory, open 'no'\n"


def write(run: Runner, files: dict[str, str]) -> None:
    for name, text in files.items():
        (run.root / name).parent.mkdir(parents=True, exist_ok=True)
        (run.root / name).write_text(text)


def test_commonjs_modules_find_each_other(run: Runner) -> None:
    write(
        run,
        {
            "main.js": "const { add } = require('./lib'); console.log(add(1, 2), require('./d').x, require('pkg'), "
            "require('@o/p/sub'), process.argv[2], require.main === module, __filename)",
            "lib/index.js": "exports.add = (a, b) => a + b",
            "d.json": '{"x": 5}',
            "node_modules/pkg/package.json": '{"main": "out.js"}',
            "node_modules/pkg/out.js": "module.exports = 'pkg'",
            "node_modules/@o/p/package.json": '{"exports": {"./*": {"require": "./src/*.js"}}}',
            "node_modules/@o/p/src/sub.js": "module.exports = 'sub'",
        },
    )
    assert run("node", "main.js", "word", env=ENV).out == b"3 5 pkg sub word true /workspace/main.js\n"


def test_modules_of_ecmascript_import_each_other(run: Runner) -> None:
    write(
        run,
        {
            "main.mjs": "import fs, { existsSync } from 'fs'; import { v } from './v.js'; import c from './c.cjs';\n"
            "import d from './d.json' with { type: 'json' };\n"
            "console.log(existsSync('v.js'), v, c.w, d.x, (await import('./late.mjs')).default, import.meta.filename)",
            "v.js": "export const v = 'module by its text'",
            "c.cjs": "exports.w = 'common'",
            "d.json": '{"x": 5}',
            "late.mjs": "export default 'late'",
        },
    )
    assert run("js", "main.mjs", env=ENV).out == b"true module by its text common 5 late /workspace/main.mjs\n"


def test_a_ring_of_modules_ends(run: Runner) -> None:
    write(
        run,
        {"a.js": "exports.early = 1; console.log(require('./b').seen)", "b.js": "exports.seen = require('./a').early"},
    )
    assert run("js", "a.js", env=ENV).out == b"1\n"


@pytest.mark.parametrize(
    ("code", "status", "said"),
    [
        ("throw new Error('boom')", 1, "Error: boom"),
        ("Promise.reject(new TypeError('later'))", 1, "TypeError: later"),
        ("process.exit(7)", 7, ""),
        ("process.exitCode = 3", 3, ""),
        ("let x = ;", 1, "SyntaxError"),
        ("require('child_process').execSync('ls')", 1, "a program cannot start others here"),
        ("require('http')", 1, "the module 'http' of Node's is not there"),
        ("fetch('http://x')", 1, "a program has no network"),
        ("require('fs').createReadStream('a')", 1, "fs.createReadStream is not there"),
        ("require('crypto').createHash('md5')", 1, "sha256sum"),
        ("(5).toLocaleString('de')", 1, "en-US alone"),
        ("require('./nope')", 1, "Cannot find module './nope'"),
        ("require('fs').readFileSync('/etc/passwd')", 1, "ENOENT"),
        ("require('fs').writeFileSync('../out', '')", 1, "EPERM"),
    ],
)
def test_what_fails_says_so(run: Runner, code: str, status: int, said: str) -> None:
    result = evaluate(run, code)
    assert result.code == status
    assert said in result.err.decode()
    assert bool(result.err) == bool(said)


def test_an_option_that_is_not_there_is_an_error(run: Runner) -> None:
    result = run("node", "--test", env=ENV)
    assert (result.code, result.out) == (9, b"")
    assert b"--test" in result.err


def test_standard_input_is_a_program_or_its_data(run: Runner) -> None:
    assert run("js", stdin=b"console.log(1 + 1)", env=ENV).out == b"2\n"
    assert run("js", "-", "w", stdin=b"console.log(process.argv[2])", env=ENV).out == b"w\n"
    code = """let d = '';
    process.stdin.on('data', (c) => d += c); process.stdin.on('end', () => console.log(d.trim().length))"""
    assert evaluate(run, code, stdin=b"hello\n").out == b"5\n"
    assert evaluate(run, "console.log(require('fs').readFileSync('/dev/stdin', 'utf8'))", stdin=b"x").out == b"x\n"


def test_print_shows_the_value(run: Runner) -> None:
    plant(run.root)
    assert run("js", "-p", "JSON.parse(fs.readFileSync('src/pkg/data.json')).foo", env=ENV).out == b"[ 1, 2, 3 ]\n"
