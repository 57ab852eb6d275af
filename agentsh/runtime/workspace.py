"""The workspace: the one public way to act on a directory, see the effects, answer, and undo."""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import replace
from math import inf
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from agentsh.config import cache_dir, config_dir, load_config, make_private, tools_dir, workspace_dir
from agentsh.config import data_dir as default_data_dir
from agentsh.core.action import ActionKind, ActionRecord, ActionSpec, OutputSink
from agentsh.core.errors import ConfigError, StoreDamaged, UsageError, WorkspaceBusy
from agentsh.runtime.answering import Answering
from agentsh.runtime.lasting import with_always
from agentsh.runtime.policies import load_policy
from agentsh.runtime.seeing import Seeing
from agentsh.runtime.upkeep import Upkeep

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from agentsh.core.limits import Limits
    from agentsh.runtime.trial import Trial


class Workspace(Seeing, Answering, Upkeep):
    """A directory in which actions run on a staged view, and land only when they are approved.

    Use it as a context manager. One instance serves one thread at a time; several processes may hold the same
    workspace, their actions take turns.

    Example:
        >>> with Workspace.open("project") as ws:
        ...     action = ws.exec("sed -i s/colour/color/ README.md")
        ...     print(ws.diff(action.id))
        ...     ws.approve([action.id])
        ...     ws.commit()
        ...     ws.revert([action.id])

    Attributes:
        path: the directory.
        config: the configuration that holds here.
        policy: the policy that decides.
        recovered: what opening had to put right after a process had died.
        on_wait: told, in a sentence, when a change has to wait for another process.
        stale: true when another process was changing the workspace as it was looked at last: what was taken for its
            state now is then the last one that is known whole.
    """

    @classmethod
    def open(
        cls,
        path: str | os.PathLike[str] = ".",
        *,
        policy: str | None = None,
        data_dir: Path | None = None,
        limits: Limits | None = None,
        damaged: bool = False,
    ) -> Self:
        """Open the workspace at ``path``, creating its store on first use.

        Args:
            path: the directory.
            policy: a preset's name or a policy file's path, instead of the configured one.
            data_dir: where stores and staging views live, instead of the platform's place.
            limits: instead of the configured ones.
            damaged: open it also when its store cannot be read, to check or repair that.

        Raises:
            UsageError: ``path`` is no directory.
            ConfigError: a configuration or policy file is wrong, or the workspace contains agentsh's own data.
            StoreDamaged: the store cannot be used.
        """
        try:
            real = Path(path).resolve(strict=True)
        except OSError as e:
            raise UsageError(f"There is no directory {os.fspath(path)!r}: {e.strerror}.") from e
        if not real.is_dir():
            raise UsageError(f"{os.fspath(path)!r} is not a directory.")
        base = (data_dir or default_data_dir()).absolute()
        for what, place, variable in (
            ("data", base, "AGENTSH_DATA_DIR"),
            ("configuration", config_dir(), "AGENTSH_CONFIG_DIR"),
            ("compiled modules", cache_dir(), "AGENTSH_CACHE_DIR"),
        ):
            # An action there could change what judges it, or what runs next.
            if place.resolve().is_relative_to(real):
                raise ConfigError(
                    f"The workspace contains agentsh's own {what} ({place}).",
                    next_step=f"Choose a smaller workspace, or move it with {variable}.",
                )
        if real.is_relative_to(tools_dir().resolve()):
            raise ConfigError(
                f"The workspace is where agentsh keeps your own tools ({tools_dir()}).",
                next_step="Choose another workspace; 'agentsh tools' adds and removes tools.",
            )
        config = load_config(real)
        if limits is not None:
            config = replace(config, limits=limits)
        home = workspace_dir(base, real)
        make_private(home)
        held = with_always(load_policy(policy or config.policy, protected=config.protected), real)
        ws = cls(real, home, config, held)
        try:
            ws._recover()
        except StoreDamaged:
            if not damaged:
                ws.close()
                raise
        except BaseException:
            ws.close()
            raise
        return ws

    def exec(
        self,
        line: str,
        *,
        timeout: float | None = None,
        on_output: OutputSink | None = None,
    ) -> ActionRecord:
        """Run a shell line on the staging view.

        Args:
            line: shell source; may be several lines.
            timeout: wall seconds, instead of the configured limit.
            on_output: receives output as it comes, as raw bytes.

        Raises:
            ShellSyntaxError: the line cannot be parsed; nothing ran.
        """
        return self.act(ActionSpec(ActionKind.SHELL, {"line": line}), timeout=timeout, on_output=on_output)

    def stage(self, path: str | bytes, content: bytes) -> ActionRecord:
        """Stage a whole file, as an action of its own.

        Args:
            path: relative to the workspace.
            content: raw bytes.

        Raises:
            UsageError: the name is not UTF-8; WASI, and so every action, knows no others.
        """
        try:
            name = path if isinstance(path, str) else path.decode()
            name.encode()
        except UnicodeError as e:
            raise UsageError(f"An action can only write names that are UTF-8, and {path!r} is not.") from e
        arguments = {"path": name, "content": content.decode("utf-8", "surrogateescape")}
        return self.act(ActionSpec(ActionKind.WRITE, arguments))

    def act(
        self,
        spec: ActionSpec,
        *,
        session: str | None = None,
        timeout: float | None = None,
        on_output: OutputSink | None = None,
    ) -> ActionRecord:
        """Run any action on the staging view.

        Returns:
            The record. A command that failed, a denied action and one that hit a limit are recorded, not raised:
            look at ``status``, ``exit_code``, ``stopped`` and ``decision``.

        Raises:
            ShellSyntaxError: a shell line cannot be parsed; nothing ran.
            ConflictError: the person changed what the action was changing, while it did.
            SandboxError: the sandbox broke.
            WorkspaceBusy: another process is working here.
        """
        limits = self.config.limits
        if timeout is not None:
            if not 0 < timeout < inf:
                raise UsageError("The time limit must be a number of seconds, more than 0.")
            limits = replace(limits, wall_s=timeout)
        actor = self._open_actor()
        with self._turn(settles=False):
            return actor.run(spec, limits=limits, session=session, on_output=on_output)

    def try_out(self, options: Sequence[Sequence[ActionSpec]]) -> list[Trial]:
        """What would come of each option, as if it alone were done: on a view that is thrown away.

        Nothing is staged or recorded, no request is sent, and together they use no more than one action may.

        Args:
            options: actions, to be done one after the other.

        Raises:
            WorkspaceBusy: another process is working here.
        """
        if not options:
            return []
        from agentsh.runtime.pending import STAGED, staged_states  # noqa: PLC0415 - not for a single action
        from agentsh.runtime.trial import share  # noqa: PLC0415

        many = sum(len(o) for o in options)
        with self._turn(settles=False):
            trials = self._open_trials()
            staged = staged_states(self._open_store().actions(status=STAGED))
            return [trials.run(option, share(self.config.limits, many), staged) for option in options]

    def interrupt(self) -> None:
        """Stop the running action, from another thread or a signal handler. It ends as interrupted."""
        if self._trials is not None:
            self._trials.interrupt()
        if self._actor is not None:
            self._actor.interrupt()

    def start_session(self, task: str, model: str) -> str:
        """Begin an agent's session and return its id (``r1``)."""
        with suppress(WorkspaceBusy):  # then it is found later
            self.catch_up()
        return self._open_store().start_session(task, model, self.policy.name)

    def end_session(self, session: str, status: str) -> None:
        """Record how a session ended: done, failed, interrupted or step-limit."""
        self._open_store().end_session(session, status)

    def clean(self, value: Any, *, found: set[str] | None = None) -> Any:
        """A JSON value without secrets, as a model and the journal may have it.

        Args:
            value: text, or anything made of text.
            found: gets the names of what was taken out: of secrets, and of kinds of credentials.
        """
        from agentsh.redact import Redactor  # noqa: PLC0415 - not for a single action

        redactor = self._redactor or Redactor()
        return redactor.value(value, detect=self.config.detect_credentials, found=found)

    def add_message(self, session: str, message: Mapping[str, Any]) -> None:
        """Append to a session's conversation."""
        self._open_store().add_message(session, dict(message))
