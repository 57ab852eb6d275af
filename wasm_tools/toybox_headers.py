"""The headers that toybox's own build generates with its shell scripts and host programs, made here in Python.

toybox derives ``config.h``, ``newtoys.h``, ``flags.h``, ``globals.h``, ``tags.h`` and ``help.h`` from macros in its
sources. Its scripts need a native compiler and GNU tools; this needs neither, gives the same bytes on every machine,
and lets us add the GNU long options that toybox lacks (:data:`LONG_OPTIONS`).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

SETTINGS = ("TOYBOX", "TOYBOX_FLOAT", "TOYBOX_HELP", "TOYBOX_HELP_DASHDASH", "SORT_FLOAT", "TEST_GLUE")
"""Configuration symbols switched on beside the commands'."""

LONG_OPTIONS: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "base64": {"d": ("decode",), "i": ("ignore-garbage",), "w": ("wrap",)},
    "basename": {"a": ("multiple",), "s": ("suffix",)},
    "cmp": {"l": ("verbose",), "n": ("bytes",)},
    "cp": {
        "a": ("archive",),
        "f": ("force",),
        "i": ("interactive",),
        "l": ("link",),
        "n": ("no-clobber",),
        "r": ("recursive",),
        "s": ("symbolic-link",),
        "v": ("verbose",),
        "t": ("target-directory",),
        "T": ("no-target-directory",),
    },
    "du": {
        "a": ("all",),
        "c": ("total",),
        "d": ("max-depth",),
        "h": ("human-readable",),
        "s": ("summarize",),
        "b": ("bytes",),
    },
    "env": {"i": ("ignore-environment",), "0": ("null",), "u": ("unset",)},
    "expand": {"t": ("tabs",)},
    "fold": {"b": ("bytes",), "s": ("spaces",), "w": ("width",)},
    "ln": {"s": ("symbolic",), "f": ("force",), "n": ("no-dereference",), "r": ("relative",), "v": ("verbose",)},
    "mkdir": {"v": ("verbose",), "m": ("mode",)},
    "mv": {"f": ("force",), "i": ("interactive",), "n": ("no-clobber",), "t": ("target-directory",)},
    "paste": {"d": ("delimiters",), "s": ("serial",)},
    "rm": {"r": ("recursive",), "v": ("verbose",), "i": ()},
    "rmdir": {"p": ()},
    "seq": {"f": ("format",), "s": ("separator",), "w": ("equal-width",)},
    "tee": {"a": ("append",)},
    "truncate": {"s": ("size",), "c": ("no-create",)},
    "strings": {"n": ("bytes",), "a": ("all",)},
    "nl": {},
}
"""GNU's long names for short options that toybox already has, by command."""

_TOY = re.compile(r"^USE_(\w+)\((NEW|OLD)TOY\(([^,]+),\s*(.*),\s*([^,]*?)\)\)\s*$")
_PIECE = re.compile(r'USE_(\w+)\(\s*"((?:[^"\\]|\\.)*)"\s*\)|"((?:[^"\\]|\\.)*)"')
_NUMBERED = re.compile(r"[=<>]-?\d+")
# Before the first option a bound has one digit: in "<2>2321" the options are 3, 2 and 1.
_DIGIT = re.compile(r"[=<>]-?\d")


@dataclass(frozen=True)
class _Toy:
    """One command's declaration: ``symbol`` enables it, ``pieces`` are its option string by enabling symbol."""

    symbol: str
    name: str
    line: str
    pieces: tuple[tuple[str, str], ...]
    old: str = ""


@dataclass
class _Option:
    """One bit of the option word: a short letter, a long name, or both."""

    short: str = ""
    long: str = ""

    @property
    def flag(self) -> str:
        return self.short or self.long.replace("-", "_")


def _toys(sources: Iterable[Path]) -> list[_Toy]:
    found = []
    for source in sources:
        for line in source.read_text("utf-8", "replace").splitlines():
            m = _TOY.match(line)
            if not m:
                continue
            symbol, kind, name, options, _ = m.groups()
            pieces = tuple(
                (p.group(1) or "", p.group(2) if p.group(1) else p.group(3)) for p in _PIECE.finditer(options)
            )
            old = options.strip() if kind == "OLD" else ""
            found.append(_Toy(symbol, name.strip(), line, () if old else pieces, old))
    return sorted(found, key=lambda t: t.name.encode())


def _add_long(options: str, extra: Mapping[str, tuple[str, ...]]) -> str:
    """``options`` with the long names put behind their letters, where toybox's parser looks for them."""
    out, i = [], 0
    body, bracket, groups = options.partition("[")
    # '[' also stands for groups in the middle of nothing else: option strings end with them.
    while i < len(body):
        ch = body[i]
        if ch == "(":
            end = body.index(")", i) + 1
            out.append(body[i:end])
            i = end
            continue
        if ch in "=<>":
            m = _NUMBERED.match(body, i)
            end = m.end() if m else i + 1
            out.append(body[i:end])
            i = end
            continue
        out.append(ch)
        i += 1
        if ch in extra:
            out.extend(f"({name})" for name in extra[ch] if f"({name})" not in options)
    return "".join(out) + bracket + groups


def _digest(options: str) -> list[_Option]:
    """The options in the order of their bits, lowest first: from the last letter of the string to the first."""
    found: list[_Option] = []
    i = 0
    while i < len(options) and options[i] != "[":
        ch = options[i]
        if ch == "(":
            end = options.index(")", i)
            # A long name behind a letter is that letter's; one that stands alone has a bit of its own.
            if not (found and found[-1].short):
                found.append(_Option(long=options[i + 1 : end]))
            i = end + 1
        elif ch in "^-:#|@*; %." or (ch in "?&0" and not found):
            i += 1
        elif ch in "=<>":
            m = (_NUMBERED if found else _DIGIT).match(options, i)
            i = m.end() if m else i + 1
        else:
            found.append(_Option(short=ch))
            i += 1
    return found[::-1]


def _flags_header(toys: Iterable[_Toy], enabled: frozenset[str]) -> str:
    out = [
        "#undef FORCED_FLAG",
        "#ifdef FORCE_FLAGS",
        "#define FORCED_FLAG 1LL",
        "#else",
        "#define FORCED_FLAG 0LL",
        "#endif",
    ]
    uses = []
    for toy in toys:
        if toy.old:
            continue
        on = toy.symbol in enabled
        kept = "".join(text for symbol, text in toy.pieces if not symbol or (on and symbol in enabled))
        dropped = "".join(text for symbol, text in toy.pieces if symbol and symbol not in enabled)
        options = _add_long(kept, LONG_OPTIONS.get(toy.name, {}))
        out += [f"#undef OPTSTR_{toy.name}", f"#define OPTSTR_{toy.name} " + (f'"{options}"' if toy.pieces else "0")]
        bits = _digest(options)
        names = [b.flag for b in bits]
        out += [f"#ifdef CLEANUP_{toy.name}", f"#undef CLEANUP_{toy.name}", f"#undef FOR_{toy.name}"]
        gone = [o.flag for o in _digest(dropped) if o.flag not in names]
        out += [f"#undef FLAG_{flag}" for flag in names + gone]
        out.append("#endif")
        uses += [f"#ifdef FOR_{toy.name}", f"#define CLEANUP_{toy.name}", "#ifndef TT"]
        uses += [f"#define TT this.{toy.name}", "#endif"]
        value = "1LL" if on else "FORCED_FLAG"
        uses += [f"#define FLAG_{flag} ({value}<<{bit})" for bit, flag in enumerate(names)]
        uses += [f"#define FLAG_{flag} 0LL" for flag in gone]
        uses.append("#endif")
    return "\n".join(out + uses) + "\n"


def _globals_header(sources: Iterable[Path]) -> str:
    structs, members = [], []
    for source in sources:
        m = re.search(r"^GLOBALS\((.*?)^\)", source.read_text("utf-8", "replace"), re.DOTALL | re.MULTILINE)
        if m:
            name = source.stem
            structs.append(f"struct {name}_data {{{m.group(1)}}};\n")
            members.append(f"\tstruct {name}_data {name};")
    return "\n".join(structs) + "\nextern union global_union {\n" + "\n".join(members) + "\n} this;\n"


def _tags_header(sources: Iterable[Path]) -> str:
    out = []
    for source in sources:
        text = source.read_text("utf-8", "replace")
        for m in re.finditer(r"TAGGED_ARRAY\((\w+),(.*?)^\)", text, re.DOTALL | re.MULTILINE):
            for i, tag in enumerate(re.findall(r'\{\s*"([^"]*)"', m.group(2))):
                name = f"{m.group(1)}_{re.sub(r'[^A-Za-z0-9]', '_', tag)}"
                out += [f"#define {name} {i}", f"#define _{name} (1{'LL' if i > 31 else ''}<<{i})"]
    return "\n".join(out) + "\n"


def _help_header(sources: Iterable[Path], toys: Iterable[_Toy]) -> str:
    """Each command's help: the text of the configuration block that carries its name."""
    texts: dict[str, str] = {}
    for source in sources:
        text = source.read_text("utf-8", "replace")
        for m in re.finditer(r"^config (\w+)\n(.*?)(?=^config |^\*/)", text, re.DOTALL | re.MULTILINE):
            body = re.search(r"^ +help\n(.*)", m.group(2), re.DOTALL | re.MULTILINE)
            if body:
                lines = [line[4:] if line.startswith("    ") else line.strip() for line in body.group(1).splitlines()]
                texts[m.group(1).lower()] = "\n".join(lines).strip()
    out = []
    for toy in (t for t in toys if not t.old):
        text = texts.get(toy.name, f"usage: {toy.name}")
        quoted = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
        out.append(f'#define HELP_{toy.name} "{quoted}"')
    out.append('#define HELP_toybox "usage: toybox COMMAND [ARG...]"')
    return "\n".join(out) + "\n"


def generate(tree: Path, into: Path, commands: frozenset[str]) -> list[Path]:
    """Write the generated headers for ``commands``.

    Args:
        tree: the unpacked toybox source.
        into: the directory for the headers, on the include path as the parent of ``generated/``.
        commands: names of the commands to switch on.

    Returns:
        The command sources to compile, sorted.

    Raises:
        ValueError: a command that this toybox does not have.
    """
    sources = sorted(tree.glob("toys/*/*.c"))
    toys = _toys(sources)
    missing = commands - {t.name for t in toys}
    if missing:
        msg = f"toybox has no {', '.join(sorted(missing))}"
        raise ValueError(msg)
    symbols = set(re.findall(r"^config (\w+)", (tree / "Config.in").read_text("utf-8"), re.MULTILINE))
    for source in sources:
        symbols |= set(re.findall(r"^config (\w+)", source.read_text("utf-8", "replace"), re.MULTILINE))
    symbols |= {t.symbol for t in toys} | {"TOYBOX_ON_ANDROID", "TOYBOX_FORK"}
    # A command's symbol may also switch on an alias that we did not name (sha1sum is md5sum's): go by the name.
    enabled = frozenset({*SETTINGS, *(t.symbol for t in toys if t.name in commands)})
    config = [
        f"#define CFG_{s} {int(s in enabled)}\n#define USE_{s}(...) {'__VA_ARGS__' if s in enabled else ''}\n"
        for s in sorted(symbols)
    ]
    wanted = [t for t in toys if t.name in commands]
    newtoys = ["USE_TOYBOX(NEWTOY(toybox, 0, TOYFLAG_STAYROOT|TOYFLAG_NOHELP))", *(t.line for t in wanted)]
    generated = into / "generated"
    generated.mkdir(parents=True, exist_ok=True)
    for name, text in {
        "config.h": "".join(config),
        "newtoys.h": "\n".join(newtoys) + "\n",
        "flags.h": "#define OPTSTR_toybox 0\n" + _flags_header(toys, enabled),
        "globals.h": _globals_header(sources),
        "tags.h": _tags_header([*sources, *sorted(tree.glob("lib/*.c"))]),
        "help.h": _help_header(sources, toys),
    }.items():
        (generated / name).write_text(text, "utf-8")
    roots = {t.old or t.name for t in wanted}
    return [s for s in sources if any(t.name in roots and t.line in s.read_text("utf-8", "replace") for t in toys)]
