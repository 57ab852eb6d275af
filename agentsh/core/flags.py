"""What a flag says to a person."""

from __future__ import annotations

from agentsh.core.effect import Flag

FLAG_REASONS = {
    Flag.GIT_INTERNALS: "writes inside .git",
    Flag.RUNS_CODE: "something runs this file later without asking",
    Flag.ESCAPING_SYMLINK: "a symlink that leads out of the workspace",
    Flag.EXECUTABLE: "becomes executable",
    Flag.SECRET_LIKE: "by its name it holds credentials",
    Flag.NOT_KEPT: "its content is not kept, so this cannot be reverted",
    Flag.SPECIAL: "a socket, device or FIFO: cannot be committed",
}
"""Why an effect with the flag deserves a second look."""
