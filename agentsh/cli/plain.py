"""``tui --plain``: the same work on lines alone, for screen readers, slow lines and simple terminals.

Nothing moves the cursor, nothing is said by a colour or a mark, and every answer is a word.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from agentsh.cli import sentences
from agentsh.cli.output import Passage, say, write_bytes
from agentsh.cli.words import count, ids
from agentsh.core.errors import AgentshError, Interrupted, UsageError
from agentsh.core.request import RequestState
from agentsh.core.sanitise import visible, visible_line, visible_path

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from agentsh import Workspace
    from agentsh.core.action import ActionRecord, StreamName
    from agentsh.core.report import CommitResult

HELP = (
    ("!LINE", "run a shell line"),
    ("anything else", "is a task for the model"),
    ("list", "what waits for an answer, effect by effect"),
    ("diff [ACTION]", "every line that would change"),
    ("output ACTION", "what an action printed"),
    ("approve ACTION [PATH]", "approve it, or one file of it; 'approve all' for everything"),
    ("reject ACTION [WHY]", "drop it, with a word about why"),
    ("commit", "write what is approved to your files"),
    ("revert ACTION", "take back what was committed"),
    ("undo", "take back the last commit"),
    ("log [NUMBER]", "the newest entries of what happened"),
    ("new", "begin a new session with the model"),
    ("help", "these words"),
    ("quit", "leave; what is staged stays staged"),
)
_LAST = 10


class Plain:
    """A person at a prompt.

    Args:
        workspace: the workspace.
        model: as ``agentsh run --model`` takes it; empty for the configured default.
    """

    def __init__(self, workspace: Workspace, model: str = "") -> None:
        self._workspace = workspace
        self._model = model
        self._session: str | None = None
        self._seen: dict[str, str] = {}
        self._leaving = False
        # For each word: what does it, and how many words it may take; None for the rest of the line as one.
        self._words: dict[str, tuple[Callable[..., None], int | None]] = {
            "help": (self._help, 0),
            "list": (self._list, 0),
            "diff": (self._diff, 1),
            "output": (self._output, 1),
            "approve": (self._approve, 2),
            "reject": (self._reject, None),
            "commit": (self._commit, 0),
            "revert": (self._revert, 1),
            "undo": (self._undo, 0),
            "log": (self._log, 1),
            "new": (self._new, 0),
            "quit": (self._quit, 0),
        }

    def run(self) -> int:
        """Answer until the person leaves; the exit code."""
        status = self._workspace.status()
        where, policy = visible_line(status.workspace), visible_line(status.policy)
        say(f"agentsh, in plain lines. Workspace {where}, policy {policy}.")
        for notice in self._workspace.config.notices:
            say(f"Notice: {visible(notice)}")
        say(_waits(len(status.pending)))
        say("Type help for the words.")
        while not self._leaving:
            line = _ask("agentsh: ")
            if line is None:
                break
            try:
                self.answer(line.strip())
            except AgentshError as e:
                tell_error(e)
            except KeyboardInterrupt:
                say("Stopped.")
        say("What is staged stays staged.")
        return 0

    def answer(self, line: str) -> None:
        """Do what a line says.

        Raises:
            AgentshError: it could not be done.
        """
        if not line:
            return
        if line.startswith("!"):
            self._run(line[1:].strip())
            return
        first, _, rest = line.partition(" ")
        known = self._words.get(first)
        taken = rest.split()
        if known is None:
            self._work(line)
        elif known[1] is None:
            known[0](*rest.split(maxsplit=1))
        elif len(taken) > known[1]:
            # 'commit the changes' might be meant for the model, and might be meant as it is: nothing is guessed.
            raise UsageError(
                f"'{first}' is one of the words here, and does not take so many.",
                files="Nothing was done.",
                next_step=f"Type {first} as help shows it; a task for the model begins with another word.",
            )
        else:
            known[0](*taken)

    # -- acting --------------------------------------------------------------------------------------------------

    def _run(self, line: str) -> None:
        if not line:
            raise UsageError("There is no command behind the !.", files="Nothing was run.")
        from agentsh.cli.act import interruptible  # noqa: PLC0415 - only for this

        passage = Passage()
        with interruptible(self._workspace):
            record = self._workspace.exec(line, on_output=passage)
        passage.close()
        self._tell(record)

    def _work(self, task: str) -> None:
        from agentsh.cli.plain_events import Teller  # noqa: PLC0415 - only for models
        from agentsh.cli.run import Stopper  # noqa: PLC0415
        from agentsh.runtime.agent import run_task  # noqa: PLC0415
        from agentsh.runtime.models import model_for  # noqa: PLC0415

        stopper = Stopper(self._workspace, Teller())
        with model_for(self._model, self._workspace.config) as mind, stopper.listening():
            result = run_task(
                self._workspace, mind, task, on_event=stopper.on_event, resume=self._session, stop=stopper.stop
            )
        self._session = result.session
        if result.error is not None:
            tell_error(result.error)
        elif result.status != "done":
            say(f"It ended early: {result.status}. What it staged is kept.")
        say(_waits(len(self._workspace.status().pending)))

    def _new(self) -> None:
        self._session = None
        say("The next task begins a new session. What is staged stays.")

    def _quit(self) -> None:
        self._leaving = True

    def _help(self) -> None:
        for words, does in HELP:
            say(f"{words}: {does}.")

    # -- seeing --------------------------------------------------------------------------------------------------

    def _tell(self, record: ActionRecord) -> None:
        """Say what an action is and does; an approval after this is about that."""
        _lines(sentences.action(record, self._workspace.diff(record.id)))
        self._seen[record.id] = record.changes.digest

    def _list(self) -> None:
        pending = self._workspace.status().pending
        for record in pending:
            self._tell(record)
        say(_waits(len(pending)))

    def _diff(self, action: str | None = None) -> None:
        records = [self._workspace.show(action)] if action else list(self._workspace.status().pending)
        for record in records:
            say(f"Action {record.id}:")
            _lines(sentences.difference(self._workspace.diff(record.id)))
            self._tell_requests(record)
            self._seen[record.id] = record.changes.digest
        if not records:
            say(_waits(0))

    def _tell_requests(self, record: ActionRecord) -> None:
        from agentsh.cli.paint import Page  # noqa: PLC0415 - few actions have some
        from agentsh.cli.requests import full  # noqa: PLC0415

        if record.changes.requests:
            page = Page()
            full(page, self._workspace, record.changes.requests, fold=False)
            write_bytes(page.plain().encode("utf-8", "backslashreplace"), sys.stderr)

    def _output(self, action: str = "") -> None:
        record = self._workspace.show(action)
        streams: tuple[StreamName, ...] = ("stdout", "stderr")
        for stream in streams:
            text = visible(self._workspace.output(record.id, stream).decode("utf-8", "surrogateescape"))
            say(f"{stream}: " + (f"{len(text.splitlines())} lines" if text else "nothing"))
            _lines(text.splitlines())

    def _log(self, number: str = str(_LAST)) -> None:
        if not (number.isascii() and number.isdigit() and int(number[:6]) > 0 and len(number) < 7):
            raise UsageError("log takes a number of entries.", files="Nothing was done.")
        entries = self._workspace.log(limit=int(number))
        _lines(sentences.entry(e) for e in entries)
        if not entries:
            say("Nothing happened here yet.")

    # -- answering -----------------------------------------------------------------------------------------------

    def _approve(self, action: str = "", path: str = "") -> None:
        if not action:
            raise UsageError("approve takes an action, such as a1, or all.", files="Nothing was approved.")
        records = list(self._workspace.status().pending) if action == "all" else [self._workspace.show(action)]
        for record in records:
            if not self._shown(record, path):
                say(f"{record.id} is left as it is.")
                continue
            paths = [path] if path else ()
            seen = {record.id: record.changes.digest}
            (answered,) = self._workspace.approve([record.id], paths=paths, below=False, seen=seen)
            self._seen[record.id] = answered.changes.digest
            say(f"Approved {visible_line(path) + ' of ' if path else ''}{record.id}. 'commit' writes it.")
        if not records:
            say(_waits(0))

    def _shown(self, record: ActionRecord, path: str) -> bool:
        """Whether the person knows what they say yes to: it was said before, as it is now, or it is said and asked."""
        sends = not path and any(r.state is RequestState.HELD for r in record.changes.requests)
        if self._seen.get(record.id) == record.changes.digest and not sends:
            return True
        self._tell(record)
        if sends:
            self._tell_requests(record)
        return _yes(f"Approve {record.id}?")

    def _reject(self, action: str = "", why: str = "") -> None:
        if not action:
            raise UsageError("reject takes an action, such as a1.", files="Nothing was rejected.")
        records = self._workspace.reject([action], reason=why)
        say(f"Rejected {ids(records)}. Your files are unchanged.")

    def _commit(self) -> None:
        result = self._workspace.commit()
        if result.commit is None:
            say("Nothing is staged, so nothing was written.")
        else:
            say(f"Committed {' '.join(result.actions)} as {result.commit}. {_wrote(result)}")

    def _revert(self, action: str = "") -> None:
        if not action:
            raise UsageError("revert takes an action, such as a1.", files="Nothing was reverted.")
        preview = self._workspace.revert([action], dry_run=True)
        if not preview.conflicts:
            _lines(sentences.effect(d) for d in preview.diffs)
            _lines(f"It would send {visible_line(r.title)}" for r in preview.requests)
            if not preview.diffs and not preview.requests:
                say("There is nothing to take back.")
                return
            if not _yes(f"Revert {action}?"):
                say("Nothing was reverted.")
                return
        self._told(self._workspace.revert([action]), f"Reverted {visible_line(action)}")

    def _undo(self) -> None:
        self._told(self._workspace.undo(), "Took back the last commit")

    def _told(self, result: CommitResult, done: str) -> None:
        say(f"{done} as {result.commit}. {_wrote(result)}" if result.commit else "There was nothing to write.")


def tell_error(error: AgentshError) -> None:
    """What happened, what it means for the files, what to do next."""
    say(f"Error: {visible(error.what)}")
    for part in (error.files, error.next_step):
        if part:
            say(visible(part))
    for conflict in getattr(error, "conflicts", ()):
        say(f"Conflict in {visible_path(conflict.path)}: {visible_line(conflict.why)}")


def _wrote(result: CommitResult) -> str:
    sent = f" {count(len(result.requests), 'request')} sent." if result.requests else ""
    return f"{count(len(result.paths), 'path')} written.{sent}"


def _waits(number: int) -> str:
    return f"{count(number, 'action')} waits for an answer." if number else "Nothing waits for an answer."


def _lines(lines: Iterable[str]) -> None:
    for line in lines:
        say(line)


def _ask(question: str) -> str | None:
    """A line that is typed; None at the end of the input. Ctrl-C at the prompt gives up the line alone."""
    write_bytes(question.encode(), sys.stderr)
    try:
        line = sys.stdin.readline()
    except KeyboardInterrupt:
        say()
        return ""
    return line or None


def _yes(question: str) -> bool:
    """Whether the person says yes; at the end of the input they have not."""
    while True:
        answer = _ask(f"{question} yes or no: ")
        if answer is None:
            raise Interrupted("Nobody answered.")
        if answer.strip().lower() in ("yes", "y", "no", "n"):
            return answer.strip().lower() in ("yes", "y")
