"""Builtins about background jobs: ``wait``, ``kill``, ``jobs``, and those of job control that scripts also write."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from agentsh.core.sanitise import visible_line
from agentsh.sandbox.interpreter.control import CommandError
from agentsh.sandbox.interpreter.registry import strings
from agentsh.sandbox.interpreter.signals import NAMES, signal_number

if TYPE_CHECKING:
    from agentsh.sandbox.interpreter.concurrency import Job
    from agentsh.sandbox.interpreter.registry import Builtin, Words
    from agentsh.sandbox.interpreter.shell import Shell

_TERM = 15
_POLL_S = 0.01


def _number(shell: Shell, word: str) -> str:
    """The number that ``$!`` has for the job that ``%n``, ``%%`` or the number itself names."""
    if not word.startswith("%"):
        return word
    if word in ("%", "%%", "%+"):
        return shell.state.last_job
    return next((n for n, job in reversed(shell.jobs.items()) if str(job.place) == word[1:]), word)


def _ended(shell: Shell, job: Job) -> int:
    """A job's status, with the word that a shell says of one that was killed."""
    status = job.wait()
    if job.signal:
        name = {9: "Killed", 15: "Terminated"}.get(job.signal, NAMES[job.signal].capitalize())
        shell.complain(f"job {job.number}: {name}")
    return status


def _wait(shell: Shell, arguments: Words) -> int:
    words = strings(arguments)
    if words[:1] == ["-n"]:
        return _wait_for_next(shell, [_number(shell, w) for w in words[1:]])
    if words[:1] and words[0].startswith("-") and words[0] != "--":
        raise CommandError(f"wait: {visible_line(words[0])}: option not supported", 2)
    if not words:
        for job in list(shell.jobs.values()):
            _ended(shell, job)
        shell.jobs.clear()
        return 0
    status = 0
    for word in words:
        number = _number(shell, word)
        known = shell.jobs.pop(number) if number in shell.jobs else None
        if known is None:
            shell.complain(f"wait: {visible_line(word)}: not a job of this shell")
            status = 127
        else:
            status = _ended(shell, known)
    return status


def _wait_for_next(shell: Shell, numbers: list[str]) -> int:
    """``wait -n``: the first job to end."""
    wanted = [shell.jobs[n] for n in (numbers or list(shell.jobs)) if n in shell.jobs]
    if not wanted:
        return 127
    while True:
        for job in wanted:
            if not job.task.thread.is_alive():
                del shell.jobs[job.number]
                return _ended(shell, job)
        shell.run.tick()
        time.sleep(_POLL_S)


def _signal(words: list[str]) -> int:
    """Take the signal off the words."""
    if words[:1] in (["-s"], ["-n"]):
        if len(words) < 2:
            raise CommandError("kill: -s: option requires an argument", 2)
        words.pop(0)
        return signal_number(words.pop(0), "kill")
    if words and words[0].startswith("-") and words[0] not in ("-", "--"):
        return signal_number(words.pop(0)[1:], "kill")
    return _TERM


def _translated(word: str) -> str:
    """A number's name, a name's number; a status of a killed command has its signal in the lower bits."""
    if word.isdigit() and len(word) < 4:
        return NAMES[signal_number(str(int(word) & 127), "kill")]
    return str(signal_number(word, "kill"))


def _kill(shell: Shell, arguments: Words) -> int:
    """Stop jobs: there is no other process, and a job has no way to catch it."""
    words = strings(arguments)
    if words[:1] in (["-l"], ["-L"]):
        shell.write(1, "\n".join([_translated(w) for w in words[1:]] or NAMES[1:]) + "\n")
        return 0
    number = _signal(words)
    if words[:1] == ["--"]:
        words.pop(0)
    if not words:
        raise CommandError("kill: usage: kill [-s sigspec | -sigspec] job ...", 2)
    status = 0
    for word in words:
        job = shell.run.jobs.get(_number(shell, word))
        if job is None or not job.task.thread.is_alive():
            shell.complain(f"kill: ({visible_line(word)}) - No such process (an action can stop its own jobs alone)")
            status = 1
        elif number:
            job.kill(number)
    return status


def _jobs(shell: Shell, arguments: Words) -> int:
    """The jobs that run. Whether bash still tells of one that has ended depends on luck; here it is never listed."""
    words = strings(arguments)
    letters = {letter for w in words if w[:1] == "-" for letter in w[1:]}
    named = [_number(shell, w) for w in words if w[:1] != "-"]
    if letters - set("lpr"):
        raise CommandError("jobs: the options are -l, -p and -r", 2)
    jobs = dict(shell.jobs or shell.jobs_above)
    marks = dict(zip(reversed(jobs), "+-", strict=False))
    for number, job in jobs.items():
        if (named and number not in named) or not job.task.thread.is_alive():
            continue
        if "p" in letters:
            shell.write(1, f"{number}\n")
            continue
        place = f"[{job.place}]{marks.get(number, ' ')} " + (f"{number:>5} " if "l" in letters else " ")
        shell.write(1, f"{place}{'Running':<24}{job.text} &\n")
    missing = next((n for n in named if n not in jobs), None)
    if missing is not None:
        raise CommandError(f"jobs: {visible_line(missing)}: no such job")
    return 0


def _disown(shell: Shell, arguments: Words) -> int:
    """The shell forgets jobs; the action still ends when they do."""
    words = [_number(shell, w) for w in strings(arguments) if w not in ("-a", "-r", "-h", "--")]
    for number in words or list(shell.jobs):
        shell.jobs.pop(number, None)
    return 0


def _no_control(name: str) -> Builtin:
    def builtin(shell: Shell, arguments: Words) -> int:
        del shell, arguments
        raise CommandError(f"{name}: no job control")

    return builtin


TABLE: dict[str, Builtin] = {
    "wait": _wait,
    "kill": _kill,
    "jobs": _jobs,
    "disown": _disown,
    "fg": _no_control("fg"),
    "bg": _no_control("bg"),
}
