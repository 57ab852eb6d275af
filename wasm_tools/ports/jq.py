"""jq, with its regular expressions (oniguruma) and its decimal numbers."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from ports.port import PORTS_DIRECTORY, Port, own_units, patch, their_units
from sources import Origin, Source

if TYPE_CHECKING:
    from pathlib import Path

    from compiler import Unit

SOURCE = Source(
    name="jq-1.8.2",
    origins=(
        Origin(
            "pip",
            "jq==1.13.0",
            "e62bdddeab3b8a0a404581a7bb6f1e8c4cc6082280870031f746074f4cac52c0",
            inner="deps/jq-1.8.2.tar.gz",
        ),
        Origin("upstream", "https://github.com/jqlang/jq/releases/download/jq-1.8.2/jq-1.8.2.tar.gz"),
    ),
    content=(
        "COPYING",
        "src/*.[ch]",
        "src/builtin.jq",
        "vendor/decNumber/*.[ch]",
        "vendor/decNumber/ICU-license.html",
        "vendor/oniguruma/COPYING",
        "vendor/oniguruma/src/*.[ch]",
    ),
    content_sha256="70ca788c1112b1f660ff35eb4a78759fbdcdf69d86b5b791c52fb7d9b1791a17",
)

_JQ = (
    "builtin bytecode compile execute jv jv_alloc jv_aux jv_dtoa jv_file jv_parse jv_print jv_unicode linker locfile util "
    "jv_dtoa_tsd lexer parser main"
).split()
# Of oniguruma's encodings jq uses the first three.
_ONIGURUMA = (
    "ascii utf8 unicode regparse regcomp regexec regenc regerror regext regsyntax regtrav regversion st onig_init "
    "unicode_unfold_key unicode_fold1_key unicode_fold2_key unicode_fold3_key"
).split()

# What WASI's C library has of what configure looks for; of mathematics, all that jq knows.
_HAS = (
    "ISATTY SETLOCALE STRPTIME STRFTIME TIMEGM GMTIME_R GMTIME LOCALTIME_R LOCALTIME MKTIME GETTIMEOFDAY TM_TM_GMT_OFF "
    "TM_TM_ZONE MEMMEM EXP10 LGAMMA_R ALLOCA ALLOCA_H LIBONIG STDINT_H SYS_TYPES_H UNISTD_H"
).split()
_LACKS = frozenset(["GAMMA", "SIGNIFICAND", "PTHREAD", "PTHREAD_KEY_CREATE", "PTHREAD_ONCE", "_ISATTY", "__THREAD"])

_CHANGES = (
    # jq tests itself in a thread.
    (
        "src/main.c",
        "int jq_testsuite(jv lib_dirs, int verbose, int argc, char* argv[]);\n",
        "static int jq_testsuite(jv dirs, int verbose, int argc, char **argv) { jv_free(dirs); "
        'fprintf(stderr, "jq: --run-tests is not there\\n"); return 2; }\n',
    ),
)


def _builtins(tree: Path) -> None:
    """The library that is written in jq, as bytes; what make would do with sed."""
    numbers = ",".join(map(str, (tree / "src/builtin.jq").read_bytes()))
    (tree / "src/builtin.inc").write_text(f"{numbers},\n", "utf-8")
    (tree / "src/config_opts.inc").write_text('#define JQ_CONFIG "agentsh"\n', "utf-8")


def units(tree: Path) -> list[Unit]:
    """Generate what make would; the translation units."""
    patch(tree, _CHANGES)
    _builtins(tree)
    wanted = set(re.findall(r"HAVE_([A-Z0-9_]+)", (tree / "src/libm.h").read_text("utf-8")))
    have = [f"-DHAVE_{name}=1" for name in sorted((wanted | set(_HAS)) - _LACKS)]
    config = '#define PACKAGE "onig"\n#define PACKAGE_VERSION "0"\n#define SIZEOF_INT 4\n#define SIZEOF_LONG 4\n'
    (tree / "vendor/oniguruma/src/config.h").write_text(config + "#define SIZEOF_LONG_LONG 8\n#define SIZEOF_VOIDP 4\n")
    flags = (
        *("-O2", *have, "-DUSE_DECNUM=1", "-DDECUSE64=1", "-DIEEE_8087=1", "-DONIG_STATIC", "-DHAVE_CONFIG_H"),
        *(
            "-I",
            str(tree),
            "-I",
            str(tree / "src"),
            "-I",
            str(tree / "vendor"),
            "-I",
            str(tree / "vendor/oniguruma/src"),
        ),
        *("-D_WASI_EMULATED_PROCESS_CLOCKS",),
    )
    names = [f"src/{n}.c" for n in _JQ]
    names += ["vendor/decNumber/decContext.c", "vendor/decNumber/decNumber.c"]
    names += [f"vendor/oniguruma/src/{n}.c" for n in _ONIGURUMA]
    return their_units(tree, names, *flags) + own_units((PORTS_DIRECTORY / "jq").glob("*.c"))


PORT = Port(
    name="jq",
    source=SOURCE,
    units=units,
    licence_texts=(
        ("jq: MIT; its manual and the decimal numbers of ICU", "COPYING"),
        ("oniguruma: BSD-2-Clause", "vendor/oniguruma/COPYING"),
    ),
)
