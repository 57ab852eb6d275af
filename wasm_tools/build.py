"""Builds the WASM userland: ``python wasm_tools/build.py``.

Every module is compiled with the C compiler of the ``ziglang`` package, so no other toolchain is needed. The same
sources give the same bytes in any directory: the result is held against the manifest, which records what each module is
made of, under which licence, and the hash that agentsh asks for before it loads it. What is up to date is left alone.
"""

from __future__ import annotations

import argparse
import fcntl
import hashlib
import importlib.metadata
import importlib.util
import itertools
import json
import os
import shutil
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import toybox_headers
import toybox_patches
from libraries import LINKED, unpacked, user_flags
from licences import write_licences
from sources import Source, SourceError, obtain, sha256_file

HERE = Path(__file__).resolve().parent
WORK = HERE / ".build"
BIN = HERE / "agentsh_tools" / "bin"
MANIFEST = HERE / "agentsh_tools" / "manifest.json"
ZIG_VERSION = "0.17.1"

TOYBOX = Source(
    name="toybox-0.8.9",
    package="toybox=0.8.9+dfsg-1",
    tarball_sha256="16fb5967531e88ca33b8c9142376987617ebe52e34e2b3f3a779603674b7d07c",
    url="https://landley.net/toybox/downloads/toybox-0.8.9.tar.gz",
    content=("Config.in", "LICENSE", "main.c", "toys.h", "lib/*.[ch]", "toys/*/*.c"),
    content_sha256="048022e9b0a2fc6adbc923d775d172f730904a49fa45c82ed19074039c5438d6",
)

TARGET = ["--target=wasm32-wasi", "-msimd128"]
OURS = ["-std=gnu17", "-O2", "-Wall", "-Wextra", "-Werror"]
THEIRS = ["-Os", "-w", "-D__linux__", "-Dmain=toybox_start", "-D_WASI_EMULATED_PROCESS_CLOCKS"]
EMULATED = ["-D_WASI_EMULATED_SIGNAL", "-D_WASI_EMULATED_MMAN", "-D_WASI_EMULATED_GETPID"]
LIBRARIES = ["wasi-emulated-signal", "wasi-emulated-mman", "wasi-emulated-process-clocks", "wasi-emulated-getpid"]


class BuildError(Exception):
    """The build cannot go on; the message says why."""


@dataclass(frozen=True)
class Unit:
    """One translation unit: where it is, what it is called in messages, and its flags."""

    source: Path
    title: str
    flags: tuple[str, ...]


def ziglang_directory() -> Path:
    """Where the ``ziglang`` package is.

    Raises:
        BuildError: it is missing, or of another version than the manifest's hashes.
    """
    spec = importlib.util.find_spec("ziglang")
    if spec is None or not spec.submodule_search_locations:
        raise BuildError(f"the package ziglang is missing: pip install ziglang=={ZIG_VERSION}")
    version = importlib.metadata.version("ziglang")
    if version != ZIG_VERSION:
        raise BuildError(
            f"ziglang is {version}, the manifest's hashes are of {ZIG_VERSION}: pip install ziglang=={ZIG_VERSION}"
        )
    return Path(spec.submodule_search_locations[0])


def zig_headers(*names: str) -> list[str]:
    """Header directories of zig's own libc collection."""
    base = ziglang_directory() / "lib/libc/include"
    return [str(base / name) for name in names]


def zig(*args: str) -> None:
    """Run zig's C compiler.

    Raises:
        BuildError: it failed; with what it said.
    """
    env = {**os.environ, "ZIG_LOCAL_CACHE_DIR": str(WORK / "zig-cache")}
    command = [sys.executable, "-m", "ziglang", "cc", *args]
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
    if done.returncode:
        raise BuildError(f"zig cc {' '.join(args)}\n{done.stderr.strip()}")


def say(line: str) -> None:
    """One line of progress."""
    print(line, flush=True)


def our_files(name: str) -> list[Path]:
    """The sources of one of our own modules: ``NAME.c`` and ``NAME_*.c``, and what all of ours share."""
    applets, common = HERE / "applets", HERE / "common"
    return [applets / f"{name}.c", *sorted(applets.glob(f"{name}_*.c")), *sorted(common.glob("*.c"))]


def our_units(name: str) -> list[Unit]:
    """The translation units of one of our own modules, and of the libraries in it."""
    libraries = LINKED.get(name, ())
    trees = [unpacked(library, WORK, say) for library in libraries]
    using = tuple(flag for library in libraries for flag in user_flags(library, WORK))
    flags = (*OURS, *using, "-I", str(HERE / "common"))
    units = [Unit(p, p.relative_to(HERE).as_posix(), flags) for p in our_files(name)]
    for library, tree in zip(libraries, trees, strict=True):
        theirs = ("-O2", "-w", *user_flags(library, WORK))
        units += [Unit(tree / f, f"{library.source.name} {f}", theirs) for f in library.files]
    return units


def toybox_units(commands: frozenset[str]) -> list[Unit]:
    """The translation units of toybox: patched sources, generated headers, and our layer below."""
    pristine = obtain(TOYBOX, WORK / "sources", say)
    tree, generated = WORK / "toybox", WORK / "generated"
    for old in (tree, generated):
        shutil.rmtree(old, ignore_errors=True)
    shutil.copytree(pristine, tree)
    toybox_patches.apply(tree)
    toys = toybox_headers.generate(tree, generated, commands)
    musl, linux = zig_headers("generic-musl", "any-linux-any")
    shared = ("-I", str(HERE / "common"), *EMULATED)
    # Behind WASI's own headers: the declarations that it leaves out.
    behind = ("-idirafter", musl, "-idirafter", linux)
    include = ("-I", str(HERE / "toybox/include"), "-I", str(generated), "-I", str(tree))
    flags = (*THEIRS, *shared, *include, "-include", str(HERE / "toybox/shim.h"), *behind)
    names = (
        "args",
        "commas",
        "deflate",
        "dirtree",
        "env",
        "lib",
        "llist",
        "password",
        "portability",
        "tty",
        "utf8",
        "xwrap",
    )
    theirs = [tree / "main.c", *(tree / f"lib/{n}.c" for n in names), *toys]
    units = [Unit(p, f"toybox {p.relative_to(tree).as_posix()}", flags) for p in theirs]
    ours = [*sorted((HERE / "common").glob("*.c")), *sorted((HERE / "toybox").glob("*.c"))]
    return units + [Unit(p, p.relative_to(HERE).as_posix(), (*OURS, *shared, *behind)) for p in ours]


def inputs_digest(name: str, entry: dict[str, Any]) -> str:
    """A hash over everything that a module is made from: files, pins, the compiler, its commands."""
    digest = hashlib.sha256(f"{ZIG_VERSION}\0{sorted(entry['commands'])}\n".encode())
    files = [*HERE.glob("common/*"), HERE / "build.py"]
    if name == "toybox":
        digest.update(repr(TOYBOX).encode())
        files += [*HERE.glob("toybox/**/*.[ch]"), *HERE.glob("toybox_*.py")]
    else:
        digest.update(repr(LINKED.get(name, ())).encode())
        files += [*our_files(name), *HERE.glob("applets/*.h")]
    for path in sorted(files):
        digest.update(f"{path.relative_to(HERE).as_posix()}\0{sha256_file(path)}\n".encode())
    return digest.hexdigest()


def build(name: str, entry: dict[str, Any]) -> str:
    """Compile and link one module into ``bin``.

    Returns:
        The module's sha256.
    """
    units = toybox_units(frozenset(entry["commands"])) if name == "toybox" else our_units(name)
    objects = WORK / "objects" / name
    shutil.rmtree(objects, ignore_errors=True)
    objects.mkdir(parents=True)
    maps = (
        "-ffile-prefix-map=" + str(HERE) + "=/agentsh",
        "-Wno-builtin-macro-redefined",
        '-D__DATE__=""',
        '-D__TIME__=""',
    )

    counter = itertools.count(1)

    def compile_one(numbered: tuple[int, Unit]) -> str:
        number, unit = numbered
        out = objects / f"{number:03}-{unit.source.stem}.o"
        zig("-c", *TARGET, *unit.flags, *maps, str(unit.source), "-o", str(out))
        done = next(counter)
        if done % 10 == 0 or done == len(units):
            say(f"{name}: {done}/{len(units)} compiled, {unit.title}")
        return str(out)

    with ThreadPoolExecutor(os.cpu_count() or 2) as pool:
        compiled = list(pool.map(compile_one, enumerate(units)))
    linked = objects / f"{name}.wasm"
    zig(*TARGET, "-O2", "-s", "-o", str(linked), *compiled, *(f"-l{lib}" for lib in LIBRARIES))
    BIN.mkdir(parents=True, exist_ok=True)
    target = BIN / f"{name}.wasm"
    temporary = target.with_suffix(".new")
    shutil.copyfile(linked, temporary)
    temporary.replace(target)
    return sha256_file(target)


def main(argv: list[str] | None = None) -> int:
    """Build what is not up to date; 0 when every module is what the manifest says."""
    parser = argparse.ArgumentParser(prog="build.py", description="Build the WASM userland.")
    parser.add_argument("modules", nargs="*", help="which to build; all by default")
    parser.add_argument("--force", action="store_true", help="build also what is up to date")
    parser.add_argument("--update-manifest", action="store_true", help="accept the results: write their hashes")
    options = parser.parse_args(argv)
    manifest = json.loads(MANIFEST.read_text("utf-8"))
    unknown = set(options.modules) - set(manifest["modules"])
    if unknown:
        parser.error(f"no module {', '.join(sorted(unknown))}; there are {', '.join(manifest['modules'])}")
    WORK.mkdir(exist_ok=True)
    with (WORK / "lock").open("w") as lock:
        # Two at once would delete each other's work: the second one waits, and finds nothing left to do.
        fcntl.flock(lock, fcntl.LOCK_EX)
        return build_all(options)


def build_all(options: argparse.Namespace) -> int:
    """Build the modules that were asked for, one after the other; the exit code."""
    manifest = json.loads(MANIFEST.read_text("utf-8"))
    stamps_file = WORK / "stamps.json"
    stamps = json.loads(stamps_file.read_text("utf-8")) if stamps_file.exists() else {}
    start = time.monotonic()
    wrong = []
    for name in options.modules or manifest["modules"]:
        entry = manifest["modules"][name]
        stamp = {"inputs": inputs_digest(name, entry), "sha256": entry["sha256"]}
        target = BIN / f"{name}.wasm"
        if (
            not options.force
            and stamps.get(name) == stamp
            and target.exists()
            and sha256_file(target) == stamp["sha256"]
        ):
            continue
        try:
            got = build(name, entry)
        except (BuildError, SourceError) as e:
            print(f"{name}: {e}", file=sys.stderr)
            return 1
        say(f"{name}: {target.stat().st_size // 1024} KiB, sha256 {got}")
        if got != entry["sha256"] and options.update_manifest:
            entry["sha256"] = stamp["sha256"] = got
        if got != entry["sha256"]:
            wrong.append(name)
            continue
        stamps[name] = stamp
        stamps_file.write_text(json.dumps(stamps, indent=2), "utf-8")
    try:
        if not options.modules:  # toybox's text is there when toybox has been built
            libraries = {library for linked in LINKED.values() for library in linked}
            texts = {
                f"{library.source.name}: {library.licence[0]}": WORK
                / "sources"
                / library.source.name
                / library.licence[1]
                for library in sorted(libraries, key=lambda library: library.source.name)
            }
            texts["toybox: 0BSD"] = WORK / "toybox/LICENSE"
            write_licences(BIN / "LICENCES.txt", ziglang=ziglang_directory(), others=texts)
    except (BuildError, OSError) as e:
        print(f"The licence texts are not complete: {e}", file=sys.stderr)
        return 1
    if options.update_manifest:
        MANIFEST.write_text(json.dumps(manifest, indent=2) + "\n", "utf-8")
    for name in wrong:
        print(
            f"{name}: the result is not the one in {MANIFEST.relative_to(HERE.parent)}; "
            "agentsh will refuse to load it. If you changed its source, accept it with --update-manifest.",
            file=sys.stderr,
        )
    say(f"userland up to date ({time.monotonic() - start:.1f} s)" if not wrong else "userland not as recorded")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
