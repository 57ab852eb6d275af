"""What an action may use at most. A limit hit stops the action with exit code 6 and a sentence that names it."""

from __future__ import annotations

from agentsh.core.record import record

KIB = 1024
MIB = 1024 * KIB
GIB = 1024 * MIB


@record(frozen=True, slots=True)
class Keep:
    """How much the store keeps. 0 is no bound; with several, the strictest decides. What is pending always stays.

    Attributes:
        days: content that nothing needed for so many days may go.
        snapshots: the newest so many snapshots can be restored, and what ran since the oldest of them reverted.
        max_bytes: of the store; beyond it the oldest content goes first.
        exclude: path patterns whose content is not kept at all, but while an action on it waits.
        exclude_secret_like: the same for files that by their name hold credentials.
        seal: path patterns whose content is encrypted in the store.
        seal_secret_like: the same for files that by their name hold credentials.
    """

    days: int = 0
    snapshots: int = 0
    max_bytes: int = 0
    exclude: tuple[str, ...] = ()
    exclude_secret_like: bool = False
    seal: tuple[str, ...] = ()
    seal_secret_like: bool = False

    @property
    def excludes(self) -> bool:
        """True when the content of some paths is not to be kept."""
        return bool(self.exclude or self.exclude_secret_like)

    @property
    def seals(self) -> bool:
        """True when the content of some paths is to be encrypted."""
        return bool(self.seal or self.seal_secret_like)

    @property
    def bounded(self) -> bool:
        """True when anything may go for its age or size."""
        return bool(self.days or self.snapshots or self.max_bytes)


@record(frozen=True, slots=True)
class Limits:
    """Resource limits of one action.

    Attributes:
        wall_s: seconds from start to end.
        cpu_s: seconds of processor time, of all its commands and threads together. Measured on Linux alone.
        memory_bytes: linear memory of one module instance.
        output_bytes: what is kept and passed on of stdout and of stderr, each.
        open_files: descriptors of the worker process, its own included.
        staged_bytes: bytes of disk that the action may add to the staging view.
        staged_files: paths that the action may add to the staging view.
        processes: commands that one action may start, pipelines and loops included.
        loop_iterations: turns of all the loops of one shell line.
    """

    wall_s: float = 120.0
    cpu_s: float = 240.0
    memory_bytes: int = 1 * GIB
    output_bytes: int = 16 * MIB
    open_files: int = 256
    staged_bytes: int = 4 * GIB
    staged_files: int = 200_000
    processes: int = 10_000
    loop_iterations: int = 1_000_000
