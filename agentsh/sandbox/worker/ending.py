"""Why a command could not run, or ended: what is said of it, and whether it was for want of memory."""

from __future__ import annotations

from typing import TYPE_CHECKING

import wasmtime as wt

from agentsh.core.sanitise import visible_line

if TYPE_CHECKING:
    from collections.abc import Sequence

_REFUSED = "agentsh_memory_refused"
"""Where a module of the userland notes that it was refused memory: `wasm_tools/common/memory.c`."""
_NEARLY_ALL = 0.75  # of its memory, in use by a command that failed: what it failed for


def memory_is_short(store: wt.Store, instance: wt.Instance, limit: int) -> bool:
    """Whether a command that failed was refused memory.

    The engine tells the module that it cannot grow, and nobody else. The userland's modules make a note of it. Of
    others, and of what a module's C library asks for itself, it is known only how much was in use.

    Args:
        store: the command's.
        instance: the command.
        limit: bytes of memory that it may have.
    """
    exports = instance.exports(store)
    memory, note = exports.get("memory"), exports.get(_REFUSED)
    if not isinstance(memory, wt.Memory):
        return False
    place = note.value(store) if isinstance(note, wt.Global) else None
    if isinstance(place, int) and place > 0 and any(memory.read(store, place, place + 4)):
        return True
    return memory.data_len(store) > limit * _NEARLY_ALL


def not_utf8(words: Sequence[str]) -> str:
    """Which word a module cannot be given, and how to do without."""
    bad = next((w for w in words if any("\udc80" <= c <= "\udcff" for c in w)), "")
    return (
        f"'{visible_line(bad)}' is not UTF-8, and commands take no other words; "
        "read such a file with '< FILE', remove it with find -delete or with its directory"
    )


def last_line(error: wt.WasmtimeError) -> str:
    """The engine's own words, without the frames above them."""
    return visible_line(str(error).strip().rpartition("\n")[2].strip())


def reason(trap: wt.Trap) -> str:
    """What a module did that it was ended for."""
    code = trap.trap_code
    if code is wt.TrapCode.STACK_OVERFLOW:
        return "stack overflow: its calls or its input are nested too deeply"
    return "a trap" if code is None else code.name.lower().replace("_", " ")
