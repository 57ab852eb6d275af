"""How much of the disk a running job takes."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from agentsh.core.limits import Limits
    from agentsh.sandbox.staging import StagingView

_SCAN_SHARE = 0.1  # of the time, at most, goes into exact scans of what is staged
_SCAN_EVERY_S = 2.0


class DiskWatch:
    """How much a job stages: a cheap look at the whole file system often, an exact one when that moves."""

    def __init__(self, staging: StagingView, limits: Limits) -> None:
        self._staging = staging
        self._limits = limits
        self._free, self._paths = self._statvfs()
        self._scan_after = time.monotonic() + _SCAN_EVERY_S

    def _statvfs(self) -> tuple[int, int]:
        st = os.statvfs(self._staging.directory)
        return st.f_bavail * st.f_frsize, st.f_favail

    def exceeded(self, *, exact: bool = False) -> str:
        """The limit that is exceeded; empty when none is.

        Args:
            exact: look at every file, however recently that was done.
        """
        free, paths = self._statvfs()
        now = time.monotonic()
        moved = (
            self._free - free > self._limits.staged_bytes // 2 or self._paths - paths > self._limits.staged_files // 2
        )
        if not exact and (now < self._scan_after if not moved else now < self._scan_after - _SCAN_EVERY_S):
            return ""
        try:
            size, count = self._staging.usage()
        except OSError:
            return ""  # the job is moving things under the scan; the next look comes soon
        took = time.monotonic() - now
        self._scan_after = time.monotonic() + _SCAN_EVERY_S + took / _SCAN_SHARE
        if size > self._limits.staged_bytes:
            return "staged_bytes"
        return "staged_files" if count > self._limits.staged_files else ""
