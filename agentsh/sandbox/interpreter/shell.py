"""One shell: statements, pipelines and compound commands. Simple commands are in :mod:`commands`."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING, Any

from agentsh.sandbox.interpreter import commands, concurrency, process_files, timing
from agentsh.sandbox.interpreter.conditions import condition
from agentsh.sandbox.interpreter.control import CommandError, ExitSignal, LoopSignal, ReturnSignal
from agentsh.sandbox.interpreter.expansion import Expander
from agentsh.sandbox.interpreter.patterns import matches
from agentsh.sandbox.interpreter.redirection import Redirections
from agentsh.sandbox.interpreter.run import Run, write_all
from agentsh.sandbox.interpreter.state import State, encode
from agentsh.shell.tree import (
    ArithmeticCommand,
    ArithmeticFor,
    Body,
    Case,
    Command,
    Condition,
    For,
    Function,
    Group,
    If,
    Pipeline,
    SimpleCommand,
    Statement,
    Subshell,
    While,
)

if TYPE_CHECKING:
    from collections.abc import Callable

MAX_DEPTH = 1000
"""Function calls, evals and sources inside each other."""

_TIMES = "\nreal\t%3lR\nuser\t%3lU\nsys\t%3lS"
_PORTABLE = "real %2R\nuser %2U\nsys %2S"

_EXPANSION = 127
"""The status of an expansion that failed, which is not the same for every kind of shell."""
_CHECKED = (SimpleCommand, Subshell, Condition, ArithmeticCommand)
"""Commands whose failure ends a shell under ``set -e``; the others' bodies have been checked inside."""


class Shell:
    """Runs commands against a state of its own.

    Args:
        run: what it shares with the other shells of the same run.
        state: its own; nobody else may use it.
        depth: how deep in calls it begins.
    """

    def __init__(self, run: Run, state: State, depth: int = 0) -> None:
        self.run = run
        self.state = state
        self.expander = Expander(self)
        self.depth = depth
        self.owned: list[int] = []
        self.held: list[process_files.Held] = []
        self.jobs: dict[str, concurrency.Job] = {}
        self.jobs_above: dict[str, concurrency.Job] = {}  # of the shell that this is a subshell of: to be listed

    def fork(self) -> Shell:
        """A subshell with a copy of the state."""
        below = Shell(self.run, self.state.copy(), self.depth)
        below.jobs_above = self.jobs or self.jobs_above
        return below

    # --- output ----------------------------------------------------------------------------------------------------

    def write(self, fd: int, text: str) -> None:
        """Write text to one of the shell's descriptors.

        Raises:
            BrokenPipeError: nobody reads it any more.
            CommandError: the descriptor is closed, or cannot be written.
        """
        real = self.state.fds.get(fd)
        if real is None:
            raise CommandError("write error: Bad file descriptor")
        try:
            write_all(real, encode(text))
        except BrokenPipeError:
            raise
        except OSError as e:
            raise CommandError(f"write error: {os.strerror(e.errno or 0)}") from None

    def complain(self, message: str) -> None:
        """A line on stderr; a stderr that is closed or broken takes nothing."""
        real = self.state.fds.get(2)
        if real is None:
            return
        try:
            write_all(real, encode(f"agentsh: {message}\n"))
        except OSError:
            # There is nowhere left to say it; the exit status still tells.
            return

    # --- statements ------------------------------------------------------------------------------------------------

    def body(self, body: Body) -> int:
        """Run statements in order; the status of the last."""
        status = 0
        for statement in body:
            status = self.statement(statement)
        return status

    def statement(self, s: Statement) -> int:
        """Run pipelines joined by ``&&`` and ``||``."""
        if s.background:
            return concurrency.start_job(self, s)
        if not s.rest:
            return self.pipeline(s.first)
        status = self.unchecked(self.pipeline, s.first)
        last = len(s.rest) - 1
        for n, (operator, pipeline) in enumerate(s.rest):
            if (operator == "&&") == (status == 0):
                status = self.pipeline(pipeline) if n == last else self.unchecked(self.pipeline, pipeline)
        return status

    def unchecked(self, function: Callable[[Any], int], argument: object) -> int:
        """Run something whose failure is an answer: ``set -e`` does not look at it."""
        self.state.condition_depth += 1
        try:
            return function(argument)
        finally:
            self.state.condition_depth -= 1

    def pipeline(self, p: Pipeline) -> int:
        """Run a pipeline: one command here, several all at once."""
        if p.timed:
            return self._timed(p)
        if p.negated:
            status = int(self.unchecked(self._stages, p) == 0)
            self.state.status = status
            return status
        status = self._stages(p)
        if status and (len(p.commands) > 1 or isinstance(p.commands[0], _CHECKED)):
            self._failed(status)
        return status

    def _stages(self, p: Pipeline) -> int:
        state = self.state
        if len(p.commands) == 1:
            status = self.command(p.commands[0])
            state.pipe_status = (status,)
        else:
            state.pipe_status = concurrency.run_stages(self, p.commands)
            status = state.pipe_status[-1]
            if "pipefail" in state.options:
                status = next((s for s in reversed(state.pipe_status) if s), 0)
        state.status = status
        return status

    def _failed(self, status: int) -> None:
        if self.state.condition_depth:
            return
        trap = self.state.traps.get("ERR")
        if trap is not None and (not self.state.frames or "E" in self.state.options):
            self.state.traps.pop("ERR")
            self.state.line_stays = True
            try:
                self.body(trap)
            finally:
                self.state.line_stays = False
                self.state.traps["ERR"] = trap
            self.state.status = status
        if "e" in self.state.options:
            raise ExitSignal(status)

    def _timed(self, p: Pipeline) -> int:
        wall, before = time.monotonic(), os.times()
        try:
            return self.pipeline(Pipeline(p.commands, p.negated))
        finally:
            after = os.times()
            spent = time.monotonic() - wall, after.user - before.user, after.system - before.system
            given = self.state.get("TIMEFORMAT")
            self.write(2, timing.text(_PORTABLE if p.portable else _TIMES if given is None else given, *spent))

    # --- commands --------------------------------------------------------------------------------------------------

    def command(self, command: Command) -> int:
        """Run one command; its status."""
        mark = len(self.held)
        try:
            return self._command(command)
        finally:
            if len(self.held) > mark:
                process_files.release(self, mark)

    def _command(self, command: Command) -> int:
        if isinstance(command, SimpleCommand):
            return commands.run_simple(self, command)
        handler = _HANDLERS[type(command)]
        try:
            redirects = getattr(command, "redirects", ())
            if not redirects:
                return handler(self, command)
            with Redirections(self, redirects):
                return handler(self, command)
        except CommandError as e:
            return self.report(e)

    def report(self, e: CommandError) -> int:
        """Say a command's error; its status.

        Raises:
            ExitSignal: the error ends the shell.
        """
        self.complain(e.message)
        status = self.state.fatal_status if e.fatal and e.status == _EXPANSION else e.status
        self.state.status = status
        if e.fatal:
            raise ExitSignal(status)
        return status

    def _group(self, c: Group) -> int:
        return self.body(c.body)

    def _subshell(self, c: Subshell) -> int:
        return concurrency.run_subshell(self.fork(), c.body)

    def _if(self, c: If) -> int:
        for test, body in c.branches:
            if self.unchecked(self.body, test) == 0:
                return self.body(body)
        return self.body(c.otherwise) if c.otherwise is not None else 0

    def _for(self, c: For) -> int:
        values = list(self.state.parameters) if c.words is None else self.expander.fields(c.words)
        status = 0
        self.state.loops += 1
        try:
            for value in values:
                self.run.turn()
                self.state.set(c.name, value)
                status, stop = self._turn(c.body)
                if stop:
                    break
        finally:
            self.state.loops -= 1
        return status

    def _turn(self, body: Body) -> tuple[int, bool]:
        """One turn of a loop: its status, and whether the loop ends."""
        try:
            return self.body(body), False
        except LoopSignal as signal:
            if signal.levels > 1 and self.state.loops > 1:
                signal.levels -= 1
                raise
            return 0, not signal.again

    def _while(self, c: While) -> int:
        status = 0
        self.state.loops += 1
        try:
            while True:
                self.run.turn()
                try:
                    met = (self.unchecked(self.body, c.condition) == 0) != c.until
                except LoopSignal as signal:
                    if signal.levels > 1 and self.state.loops > 1:
                        signal.levels -= 1
                        raise
                    if signal.again:
                        continue
                    return 0
                if not met:
                    return status
                status, stop = self._turn(c.body)
                if stop:
                    return status
        finally:
            self.state.loops -= 1

    def _arithmetic_for(self, c: ArithmeticFor) -> int:
        evaluate = self.expander.arithmetic
        status = 0
        self.state.loops += 1
        try:
            if c.start is not None:
                evaluate(c.start)
            while c.condition is None or evaluate(c.condition):
                self.run.turn()
                status, stop = self._turn(c.body)
                if stop:
                    break
                if c.step is not None:
                    evaluate(c.step)
        finally:
            self.state.loops -= 1
        return status

    def _case(self, c: Case) -> int:
        value = self.expander.text(c.word)
        fold = "nocasematch" in self.state.shell_options
        status = 0
        falls = False
        for item in c.items:
            if not falls and not any(
                matches(self.expander.segments(p), value, ignore_case=fold) for p in item.patterns
            ):
                continue
            status = self.body(item.body)
            if item.end == ";;":
                return status
            falls = item.end == ";&"
        return status

    def _function(self, c: Function) -> int:
        self.state.functions[c.name] = c.body
        return 0

    def _condition(self, c: Condition) -> int:
        return int(not condition(self, c.test))

    def _arithmetic(self, c: ArithmeticCommand) -> int:
        try:
            return int(self.expander.arithmetic(c.text) == 0)
        except CommandError as e:
            # Unlike $((...)), an error here is a failed command, not the end of the shell.
            raise CommandError(f"((: {e.message}", 1) from None

    # --- calls -----------------------------------------------------------------------------------------------------

    def enter(self, name: str) -> None:
        """Count a call, an eval or a source.

        Raises:
            CommandError: too many inside each other.
        """
        self.depth += 1
        if self.depth > MAX_DEPTH:
            self.depth -= 1
            raise CommandError(f"{name}: more than {MAX_DEPTH} calls inside each other", 1, fatal=True)

    def leave(self) -> None:
        """Count it off."""
        self.depth -= 1

    def call(self, name: str, body: Command, arguments: list[str]) -> int:
        """Call a function."""
        state = self.state
        self.enter(name)
        parameters, loops = state.parameters, state.loops
        state.parameters, state.loops = arguments, 0
        state.frames.append({})
        state.call_names.append(name)
        try:
            return self.command(body)
        except ReturnSignal as signal:
            return signal.status
        finally:
            state.call_names.pop()
            state.pop_frame()
            state.parameters, state.loops = parameters, loops
            self.leave()

    def substitute(self, body: Body) -> str:
        """The output of ``$(...)``."""
        return concurrency.substitute(self, body)


_HANDLERS: dict[type, Callable[[Shell, Any], int]] = {
    Group: Shell._group,  # noqa: SLF001 - the class's own table
    Subshell: Shell._subshell,  # noqa: SLF001
    If: Shell._if,  # noqa: SLF001
    For: Shell._for,  # noqa: SLF001
    While: Shell._while,  # noqa: SLF001
    ArithmeticFor: Shell._arithmetic_for,  # noqa: SLF001
    Case: Shell._case,  # noqa: SLF001
    Function: Shell._function,  # noqa: SLF001
    Condition: Shell._condition,  # noqa: SLF001
    ArithmeticCommand: Shell._arithmetic,  # noqa: SLF001
}
