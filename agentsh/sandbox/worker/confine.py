"""What the worker gives up before it runs anything: privileges, descriptors, core dumps, the host's namespaces."""

from __future__ import annotations

import resource
import sys
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from agentsh.core.limits import Limits

_OWN_DESCRIPTORS = 64  # the least with which the worker itself can work


def confine() -> tuple[str, str]:
    """Enter own namespaces where the kernel lets us, and shed what is not needed.

    Returns:
        Why there are no own namespaces; empty when there are. (Modules have no way to the network or to other
        processes either way; the namespaces stand behind that, should a module ever escape.) And the directory of
        devices that modules may be given; empty where there is none.
    """
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if sys.platform != "linux":
        return "namespaces are part of Linux", ""
    from agentsh.sandbox.worker import linux  # noqa: PLC0415 - Linux alone

    # No PR_SET_PDEATHSIG: it fires when the *thread* that started us ends, which in a parent with threads is not its
    # end. The control socket's end of file tells the same thing without that trap.
    linux.no_new_privileges()
    why_not = devices = ""
    try:
        linux.enter_namespaces()
    except OSError as e:
        why_not = e.strerror or str(e)
    else:
        with suppress(OSError):  # modules then do without
            devices = linux.mount_devices()
    linux.not_dumpable()
    return why_not, devices


def set_job_limits(limits: Limits) -> None:
    """Apply a job's limits to this process: descriptors, and the size of one file.

    The soft limits alone move, so that the next job can have others. A write past the file size gives EFBIG: Python
    ignores SIGXFSZ.
    """
    _soft(resource.RLIMIT_NOFILE, max(limits.open_files, _OWN_DESCRIPTORS))
    _soft(resource.RLIMIT_FSIZE, limits.staged_bytes)


def _soft(which: int, value: int) -> None:
    _, hard = resource.getrlimit(which)
    if hard != resource.RLIM_INFINITY:
        value = min(value, hard)
    resource.setrlimit(which, (value, hard))
