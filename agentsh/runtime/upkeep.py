"""Upkeep: is the store sound, can it be mended, may something go."""

from __future__ import annotations

from typing import TYPE_CHECKING

from agentsh.runtime.parts import Parts

if TYPE_CHECKING:
    from agentsh.core.report import CheckReport, GcReport, RepairReport


class Upkeep(Parts):
    """Looks after the store."""

    def check(self) -> CheckReport:
        """Verify the store: every blob, reference and journal row."""
        from agentsh.runtime.mend import examine  # noqa: PLC0415 - not for acting

        return examine(self._open_store)

    def repair(self) -> RepairReport:
        """Make a sound store of a damaged one, with all that can be saved; the damaged file is kept beside it.

        Raises:
            StoreDamaged: nothing of it can be read.
            WorkspaceBusy: another process is working here.
        """
        from agentsh.runtime.mend import repair_store  # noqa: PLC0415 - not for acting

        with self._lock:
            end = self.check()  # what is known of it before it is made anew
            if self._store is not None:
                self._store.close()
                self._store, self._actor = None, None
            if self._sandbox is not None:  # the next actor brings its own
                self._sandbox.close()
                self._sandbox = None
            report = repair_store(self._home / "store.db", self._tree, "; ".join(end.problems[:20]), self._seals())
            self._put_right(self._open_store())
        return report

    def gc(self, *, dry_run: bool = False) -> GcReport:
        """Free what nothing needs, and let go of what is older than the configuration keeps.

        What is pending, the present state of every path, and all records stay.

        Args:
            dry_run: only say what would go.
        """
        from agentsh.runtime.tidy import note  # noqa: PLC0415 - not for acting

        with self._turn():
            report = self._open_store().gc(self.config.keep, dry_run=dry_run)
            if not dry_run:
                note(self._home)
            return report
