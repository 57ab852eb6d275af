"""Builds the WASM userland: ``python wasm_tools/build.py``.

Every module is compiled with the C compiler of the ``ziglang`` package, so no other toolchain is needed. The same
sources give the same bytes in any directory: the result is held against the manifest, which records what each module is
made of, under which licence, and the hash that agentsh asks for before it loads it. What is up to date is left alone.
"""

from __future__ import annotations

import argparse
import fcntl
import hashlib
import itertools
import json
import os
import shutil
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import toybox_headers
import toybox_patches
from compiler import (
    EMULATED,
    HERE,
    LIBRARIES,
    OURS,
    TARGET,
    WORK,
    WRAPPED,
    ZIG_VERSION,
    BuildError,
    Unit,
    say,
    zig,
    zig_headers,
    ziglang_directory,
)
from libraries import LINKED, unpacked, user_flags
from licences import write_licences
from ports import PORTS, Port
from sources import Origin, Source, SourceError, obtain, sha256_file

if TYPE_CHECKING:
    from pathlib import Path

BIN = HERE / "agentsh_tools" / "bin"
MANIFEST = HERE / "agentsh_tools" / "manifest.json"

TOYBOX = Source(
    name="toybox-0.8.9",
    origins=(
        Origin("apt", "toybox", "16fb5967531e88ca33b8c9142376987617ebe52e34e2b3f3a779603674b7d07c"),
        Origin("upstream", "https://landley.net/toybox/downloads/toybox-0.8.9.tar.gz"),
    ),
    content=("Config.in", "LICENSE", "main.c", "toys.h", "lib/*.[ch]", "toys/*/*.c"),
    content_sha256="048022e9b0a2fc6adbc923d775d172f730904a49fa45c82ed19074039c5438d6",
)

# Its own build says too that characters have no sign.
THEIRS = ["-Os", "-w", "-funsigned-char", "-D__linux__", "-Dmain=toybox_start", "-D_WASI_EMULATED_PROCESS_CLOCKS"]


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


def port_units(port: Port) -> list[Unit]:
    """The translation units of another's program: its source, prepared by the port, and our layer below."""
    tree = WORK / "ports" / port.name
    shutil.rmtree(tree, ignore_errors=True)
    tree.parent.mkdir(parents=True, exist_ok=True)
    shutil.copytree(obtain(port.source, WORK / "sources", say), tree)
    return port.all_units(tree)


def inputs_digest(name: str, entry: dict[str, Any]) -> str:
    """A hash over everything that a module is made from: files, pins, the compiler, its commands."""
    digest = hashlib.sha256(f"{ZIG_VERSION}\0{sorted(entry['commands'])}\n".encode())
    files = [*HERE.glob("common/*"), HERE / "build.py", HERE / "compiler.py"]
    if name == "toybox":
        digest.update(repr(TOYBOX).encode())
        files += [*HERE.glob("toybox/**/*.[ch]"), *HERE.glob("toybox_*.py")]
    elif name in PORTS:
        digest.update(PORTS[name].pins().encode())
        files += PORTS[name].files()
    else:
        digest.update(repr(LINKED.get(name, ())).encode())
        files += [*our_files(name), *HERE.glob("applets/*.h")]
    for path in sorted(files):
        digest.update(f"{path.relative_to(HERE).as_posix()}\0{sha256_file(path)}\n".encode())
    return digest.hexdigest()


MAPS = (
    "-ffile-prefix-map=" + str(HERE) + "=/agentsh",
    "-Wno-builtin-macro-redefined",
    '-D__DATE__=""',
    '-D__TIME__=""',
)


def units_of(name: str, entry: dict[str, Any]) -> list[Unit]:
    """The translation units of a module, with what had to be fetched and generated for them."""
    if name == "toybox":
        return toybox_units(frozenset(entry["commands"]))
    return port_units(PORTS[name]) if name in PORTS else our_units(name)


def compile_all(modules: dict[str, list[Unit]]) -> dict[str, list[str]]:
    """Compile the units of several modules side by side, the large ones first.

    Returns:
        The object files of each module, in the order of its units.
    """
    jobs = []
    objects: dict[str, list[str]] = {}
    for name, units in modules.items():
        directory = WORK / "objects" / name
        shutil.rmtree(directory, ignore_errors=True)
        directory.mkdir(parents=True)
        objects[name] = [str(directory / f"{i:03}-{u.source.stem}.o") for i, u in enumerate(units)]
        jobs += list(zip(units, objects[name], strict=True))
    jobs.sort(key=lambda job: -job[0].source.stat().st_size)
    counter = itertools.count(1)

    def compile_one(job: tuple[Unit, str]) -> None:
        unit, out = job
        zig("-c", *TARGET, *WRAPPED, *unit.flags, *MAPS, str(unit.source), "-o", out)
        done = next(counter)
        if done % 20 == 0 or done == len(jobs):
            say(f"{done}/{len(jobs)} compiled, {unit.title}")

    with ThreadPoolExecutor(os.cpu_count() or 2) as pool:
        for _ in pool.map(compile_one, jobs):
            pass
    return objects


def link(name: str, objects: list[str]) -> str:
    """Link one module into ``bin``.

    Returns:
        The module's sha256.
    """
    linked = WORK / "objects" / name / f"{name}.wasm"
    extra = ("-Wl,--export=agentsh_memory_refused", *(PORTS[name].link if name in PORTS else ()))
    zig(*TARGET, "-O2", "-s", "-o", str(linked), *objects, *extra, *(f"-l{lib}" for lib in LIBRARIES))
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


def outdated(
    options: argparse.Namespace, manifest: dict[str, Any], stamps: dict[str, Any]
) -> dict[str, dict[str, str]]:
    """The modules that are to be built, with the stamp that each gets then."""
    wanted: dict[str, dict[str, str]] = {}
    for name in options.modules or manifest["modules"]:
        entry = manifest["modules"][name]
        stamp = {"inputs": inputs_digest(name, entry), "sha256": entry["sha256"]}
        target = BIN / f"{name}.wasm"
        fresh = stamps.get(name) == stamp and target.exists() and sha256_file(target) == stamp["sha256"]
        if options.force or not fresh:
            wanted[name] = stamp
    return wanted


def build_all(options: argparse.Namespace) -> int:
    """Build the modules that were asked for, one after the other; the exit code."""
    manifest = json.loads(MANIFEST.read_text("utf-8"))
    stamps_file = WORK / "stamps.json"
    stamps = json.loads(stamps_file.read_text("utf-8")) if stamps_file.exists() else {}
    start = time.monotonic()
    wrong: list[str] = []
    wanted = outdated(options, manifest, stamps)
    try:
        units = {name: units_of(name, manifest["modules"][name]) for name in wanted}
        for name, objects in compile_all(units).items():
            got = link(name, objects)
            say(f"{name}: {(BIN / f'{name}.wasm').stat().st_size // 1024} KiB, sha256 {got}")
            entry, stamp = manifest["modules"][name], wanted[name]
            if got != entry["sha256"] and options.update_manifest:
                entry["sha256"] = stamp["sha256"] = got
            if got != entry["sha256"]:
                wrong.append(name)
                continue
            stamps[name] = stamp
            stamps_file.write_text(json.dumps(stamps, indent=2), "utf-8")
    except (BuildError, SourceError, ValueError) as e:
        print(e, file=sys.stderr)
        return 1
    try:
        if not options.modules:  # a program's text is there when it has been built
            libraries = {library for linked in LINKED.values() for library in linked}
            texts = {
                f"{library.source.name}: {library.licence[0]}": WORK
                / "sources"
                / library.source.name
                / library.licence[1]
                for library in sorted(libraries, key=lambda library: library.source.name)
            }
            texts["toybox: 0BSD"] = WORK / "toybox/LICENSE"
            texts |= {title: path for port in PORTS.values() for title, path in port.licences(WORK / "sources")}
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
