"""Rules, and the policy that they make. deny > ask > allow, whatever their order."""

from __future__ import annotations

import re
from dataclasses import field
from functools import lru_cache
from typing import TYPE_CHECKING

from agentsh.core.action import ActionKind
from agentsh.core.decision import Decision, Verdict
from agentsh.core.errors import ShellSyntaxError, UsageError
from agentsh.core.record import record
from agentsh.policy.flags import fold

if TYPE_CHECKING:
    from collections.abc import Sequence

    from agentsh.core.action import ActionSpec, Origin
    from agentsh.core.effect import ChangeSet, EffectKind, FileEffect, Flag
    from agentsh.core.provenance import Source, Traced
    from agentsh.core.sql import SqlVerb, TableUse
    from agentsh.shell import CommandUse, Summary

_MOST_TOLD = 5
_RANK = {Verdict.ALLOW: 0, Verdict.ASK: 1, Verdict.DENY: 2}


def summary_of(spec: ActionSpec) -> Summary | None:
    """What an action's shell line runs; None for an action that is none. A line that cannot be read is opaque."""
    return _summary_of(str(spec.arguments.get("line", ""))) if spec.kind is ActionKind.SHELL else None


@lru_cache(maxsize=256)
def _summary_of(line: str) -> Summary:
    from agentsh.shell import Summary, parse, summarise  # noqa: PLC0415 - few rules ask

    try:
        return summarise(parse(line))
    except ShellSyntaxError:  # an older version's line, or one that names a secret where its value was
        return Summary(opaque=True)


@lru_cache(maxsize=4096)
def glob_pattern(glob: str) -> re.Pattern[str]:
    """A path pattern as a regular expression over folded paths.

    ``*`` and ``?`` stay within a name, ``**`` crosses names, and as a whole name stands for any number of them, also
    none; a pattern without a slash matches the name anywhere; a
    pattern that matches a directory matches what is below it (as in a ``.gitignore``).

    A pattern can come from the workspace, so none may take long: between two ``**`` the first match is as good as any
    later one, and so is what a ``*`` skips first. Atomic groups keep the engine from trying the others.
    """
    text = fold(glob.encode("utf-8", "surrogateescape")).strip("/")
    if "/" not in text:
        text = f"**/{text}"
    stretches = [_stretch(s) for s in _DOUBLE_STAR.split(f"{text}\0")]
    skips = ["(?:.*?/)??" if s.endswith("/") else ".*?" for s in _DOUBLE_STAR.findall(text)]
    out = stretches[0]
    for skip, stretch in zip(skips, stretches[1:], strict=True):
        out += f"(?>{skip}{stretch})"
    return re.compile(out, re.DOTALL)


@lru_cache(maxsize=4096)
def _any_of(globs: tuple[str, ...]) -> re.Pattern[str]:
    return re.compile("|".join(f"(?:{glob_pattern(g).pattern})" for g in globs), re.DOTALL)


@lru_cache(maxsize=4096)
def word_pattern(glob: str) -> re.Pattern[str]:
    """A pattern of a command's word: ``*`` stands for any characters, ``?`` for one; as quick as a path pattern."""
    first, *others = ("".join("." if ch == "?" else re.escape(ch) for ch in piece) for piece in glob.split("*"))
    if not others:
        return re.compile(first, re.DOTALL)
    *middle, last = others
    return re.compile(first + "".join(f"(?>.*?{piece})" for piece in middle) + ".*" + last, re.DOTALL)


_DOUBLE_STAR = re.compile(r"(?:(?<![^/])\*\*/)+|\*{2,}")
_END = "(?:/.*)?\\Z"


def _stretch(text: str) -> str:
    """What stands between two ``**``, the end of the pattern written as NUL, which no path holds."""
    first, *others = (
        "".join("[^/]" if ch == "?" else _END if ch == "\0" else re.escape(ch) for ch in piece)
        for piece in text.split("*")
    )
    return first + "".join(f"(?>[^/]*?{piece})" for piece in others)


@record(frozen=True, slots=True)
class Rule:
    """One rule. It matches when everything that it names matches; what it leaves empty matches anything.

    A rule that names ``paths`` or ``flags`` is about effects; one that does not is about actions.

    Attributes:
        name: what a decision cites.
        verdict: what it decides.
        reason: why, one sentence for people.
        kinds: kinds of action.
        origins: who asked.
        commands: command names in a shell line; of a rule about effects, in the line that had them. A line that cannot
            be known beforehand counts as every command for 'ask' and 'deny', and as none for 'allow'.
        paths: path patterns of effects (see :func:`glob_pattern`).
        flags: flags of effects.
        arguments: patterns of words of a command (``*`` and ``?``), any of which it must have. A word that cannot be
            known beforehand counts as every word for 'ask' and 'deny', and as none for 'allow'.
        effects: kinds of effects.
        larger_than: bytes of content that an effect must leave behind to count; negative for any.
        hosts: patterns of hosts that a request goes to; one without a port means any.
        methods: methods of requests, in capitals.
        exact: paths of effects, each as it is written: no pattern, and nothing below it. 'allow' takes them byte for
            byte, 'ask' and 'deny' also in another case or normal form.
        unflagged: only effects without any flag count.
        came_from: where a host or address that the action names came from. One that the person named is theirs,
            whatever else named it; of what 'allow' is about, all must have come from there.
        connections: names of connections to database servers.
        verbs: what an SQL statement does to a table. A statement of which that cannot be known counts as every verb on
            every table for 'ask' and 'deny', and as none for 'allow', which is about all that a statement does.
        tables: patterns of tables, ``schema.table`` (``*`` and ``?``); without a schema, in any. 'allow' takes names as
            they are, 'ask' and 'deny' also in another case.
    """

    name: str
    verdict: Verdict
    reason: str
    kinds: frozenset[ActionKind] = frozenset()
    origins: frozenset[Origin] = frozenset()
    commands: frozenset[str] = frozenset()
    paths: tuple[str, ...] = ()
    flags: frozenset[Flag] = frozenset()
    arguments: tuple[str, ...] = ()
    effects: frozenset[EffectKind] = frozenset()
    larger_than: int = -1
    hosts: tuple[str, ...] = ()
    methods: frozenset[str] = frozenset()
    exact: tuple[str, ...] = ()
    unflagged: bool = False
    came_from: frozenset[Source] = frozenset()
    connections: frozenset[str] = frozenset()
    verbs: frozenset[SqlVerb] = frozenset()
    tables: tuple[str, ...] = ()

    @property
    def about_sql(self) -> bool:
        """Whether the rule looks at SQL statements for a server alone."""
        return bool(self.connections or self.verbs or self.tables)

    @property
    def about_requests(self) -> bool:
        """Whether the rule looks at requests over HTTP alone."""
        return bool(self.hosts or self.methods)

    @property
    def about_effects(self) -> bool:
        """Whether the rule looks at effects rather than at actions."""
        return bool(self.paths or self.flags or self.effects or self.larger_than >= 0 or self.exact or self.unflagged)

    def _matches_spec(self, spec: ActionSpec) -> bool:
        return (
            (not self.kinds or spec.kind in self.kinds)
            and (not self.origins or spec.origin in self.origins)
            and (not self.came_from or bool(self.met(spec)))
        )

    def met(self, spec: ActionSpec) -> tuple[Traced, ...]:
        """The destinations of an action that came from where the rule names."""
        found = tuple(t for t in spec.trace if t.came_from & self.came_from)
        return found if self.verdict is not Verdict.ALLOW or len(found) == len(spec.trace) else ()

    def matches_action(self, spec: ActionSpec, summary: Summary | None) -> bool:
        """Whether the rule speaks about an action that has not run."""
        if self.about_effects or not self._matches_spec(spec):
            return False
        if self.about_requests and not self._matches_request(spec):
            return False
        if self.about_sql and not self._matches_sql(spec):
            return False
        return self._matches_line(summary)

    def _matches_line(self, summary: Summary | None) -> bool:
        """Whether what a shell line runs is what the rule names; None stands for no shell line."""
        if not self.commands and not self.arguments:
            return True
        if summary is None:
            return False
        strict = self.verdict is not Verdict.ALLOW
        if summary.opaque:
            return strict
        hits = [self._matches_command(c, strict=strict) for c in summary.commands]
        return any(hits) if strict else bool(hits) and all(hits)

    def _matches_request(self, spec: ActionSpec) -> bool:
        if spec.kind is not ActionKind.HTTP:
            return False
        given = spec.arguments
        if self.methods and str(given.get("method", "GET")) not in self.methods:
            return False
        if not self.hosts:
            return True
        from agentsh.policy.destination import host_pattern, parse_url  # noqa: PLC0415 - for requests alone

        try:
            goal = parse_url(str(given.get("url", "")))
        except UsageError:
            return self.verdict is not Verdict.ALLOW
        patterns = map(host_pattern, self.hosts)
        return any(p.covers_host(goal.host) and p.port in (None, goal.port) for p in patterns)

    def _matches_sql(self, spec: ActionSpec) -> bool:
        from agentsh.policy.sql import reading_of  # noqa: PLC0415 - for statements alone

        reading = reading_of(spec)
        if reading is None or (self.connections and spec.arguments.get("connection") not in self.connections):
            return False
        strict = self.verdict is not Verdict.ALLOW
        if reading.opaque:
            return strict
        hits = [self._matches_use(use, strict=strict) for use in reading.uses]
        return any(hits) if strict else bool(hits) and all(hits)

    def _matches_use(self, use: TableUse, *, strict: bool) -> bool:
        if self.verbs and use.verb not in self.verbs:
            return False
        if not self.tables:
            return True
        if not use.table:
            return not strict
        return any(_matches_table(pattern, use, strict=strict) for pattern in self.tables)

    def _matches_command(self, command: CommandUse, *, strict: bool) -> bool:
        if self.commands and command.name not in self.commands:
            return False
        if not self.arguments:
            return True
        words = command.argv[1:]
        if None in words and strict:
            return True
        known = [w for w in words if w is not None]
        return any(word_pattern(p).fullmatch(w) for p in self.arguments for w in known)

    def matches_effect(self, spec: ActionSpec, effect: FileEffect) -> bool:
        """Whether the rule speaks about one effect of an action that has run."""
        if not self.about_effects or not self._matches_spec(spec) or not self._matches_state(effect):
            return False
        if self.commands and not self._matches_line(summary_of(spec)):
            return False
        if self.paths and _any_of(self.paths).fullmatch(fold(effect.path)) is None:
            return False
        return not self.exact or self._names_exactly(effect.path)

    def _matches_state(self, effect: FileEffect) -> bool:
        """Whether an effect is of the kind, with the flags and of the size that the rule names."""
        if self.flags and not self.flags.intersection(effect.flags):
            return False
        if (self.unflagged and effect.flags) or (self.effects and effect.kind not in self.effects):
            return False
        return self.larger_than < 0 or (effect.after is not None and effect.after.size > self.larger_than)

    def _names_exactly(self, path: bytes) -> bool:
        named = (p.encode("utf-8", "surrogateescape") for p in self.exact)
        if self.verdict is Verdict.ALLOW:
            return path in named
        return fold(path) in map(fold, named)


def _matches_table(pattern: str, use: TableUse, *, strict: bool) -> bool:
    place, dot, table = pattern.rpartition(".")
    pairs = [(table, use.table), *([(place, use.schema)] if dot else [])]
    if strict:
        pairs = [(p.lower(), name.lower()) for p, name in pairs]
    return all(word_pattern(p).fullmatch(name) for p, name in pairs)


@record(frozen=True, slots=True)
class Policy:
    """What holds: rules, and what is decided when none speaks.

    Attributes:
        name: the preset's name, or the file's path.
        rules: in any order; the strictest that matches decides.
        run: verdict on running an action that no rule speaks about.
        land: verdict on an effect that no rule speaks about reaching the workspace.
        send: verdict on sending a request that changes something, where no rule speaks about such requests. No preset
            allows any: what left cannot be called back.
        query: verdict on an SQL statement for a database server, where no rule speaks about such statements. No preset
            allows any: the account on the server may be a powerful one.
    """

    name: str
    rules: tuple[Rule, ...] = ()
    run: Decision = field(default=Decision(Verdict.ALLOW, "default", "Actions run on the staging view."))
    land: Decision = field(default=Decision(Verdict.ASK, "default", "Effects need a person's approval."))
    send: Decision = field(
        default=Decision(Verdict.ASK, "outbox", "A request that changes something needs a person's approval.")
    )

    query: Decision = field(
        default=Decision(Verdict.ASK, "sql", "A statement for a database needs a person's approval.")
    )

    @property
    def reads_commands(self) -> bool:
        """Whether any rule asks what a shell line runs; without, nobody needs to find out."""
        return any(r.commands for r in self.rules)

    def judge_action(self, spec: ActionSpec, summary: Summary | None = None) -> Decision:
        """Decide whether an action may run in the sandbox.

        Args:
            spec: the action.
            summary: what its shell line will run, for shell actions; may be left out unless :attr:`reads_commands`.
        """
        if spec.kind is ActionKind.SQL:
            return self._judge_statement(spec)
        return _strictest(self.rules_on_action(spec, summary), self.run, spec)

    def _judge_statement(self, spec: ActionSpec) -> Decision:
        """Decide about an SQL statement. A rule allows one only when it names verbs and tables."""
        from agentsh.policy.sql import reading_of  # noqa: PLC0415 - for statements alone

        reading = reading_of(spec)
        if reading is None or reading.refused:
            return Decision(Verdict.DENY, "sql.statement", reading.refused if reading else "There is no statement.")
        rules = self.rules_on_action(spec)
        decision = _strictest(
            [r for r in rules if r.verdict is not Verdict.ALLOW or (r.verbs and r.tables)], self.query, spec
        )
        if decision.verdict is Verdict.ASK and self.query.verdict is Verdict.DENY:
            return self.query  # where nobody can be asked
        if reading.opaque and decision.verdict is not Verdict.DENY:
            return Decision(Verdict.ASK, "sql.opaque", f"What it does cannot be known beforehand: {reading.opaque}.")
        return decision

    def judge_effect(self, spec: ActionSpec, effect: FileEffect) -> Decision:
        """Decide whether one (flagged) effect may reach the workspace."""
        return _strictest(self.rules_on_effect(spec, effect), self.land, spec)

    def judge_request(self, spec: ActionSpec) -> Decision:
        """Decide whether a request that changes something may be sent; 'ask' holds it for the person.

        A rule allows it only when it names hosts and methods: none that is about something wider was meant for this.
        """
        rules = self.rules_on_action(spec)
        return _strictest(
            [r for r in rules if r.verdict is not Verdict.ALLOW or (r.hosts and r.methods)], self.send, spec
        )

    def rules_on_action(self, spec: ActionSpec, summary: Summary | None = None) -> list[Rule]:
        """The rules that speak about an action, in the policy's order."""
        return [r for r in self.rules if r.matches_action(spec, summary)]

    def rules_on_effect(self, spec: ActionSpec, effect: FileEffect) -> list[Rule]:
        """The rules that speak about an effect, in the policy's order."""
        return [r for r in self.rules if r.matches_effect(spec, effect)]

    def judge_effects(self, spec: ActionSpec, changes: ChangeSet) -> Decision:
        """The strictest decision over all effects of an action; the first effect that got it names the reason."""
        worst: Decision | None = None
        for effect in changes:
            decision = self.judge_effect(spec, effect)
            if worst is None or _RANK[decision.verdict] > _RANK[worst.verdict]:
                worst = decision
        return worst or Decision(Verdict.ALLOW, "no-effects", "Nothing was changed.")


def decided(rule: Rule, spec: ActionSpec) -> Decision:
    """What a rule that matches decides, and about which destinations, where it is about those."""
    met = rule.met(spec) if rule.came_from else ()
    told = "; ".join(f"{t.value} from the {', the '.join(sorted(t.came_from))}" for t in met[:_MOST_TOLD])
    return Decision(rule.verdict, rule.name, f"{rule.reason} ({told})" if told else rule.reason)


def _strictest(rules: Sequence[Rule], default: Decision, spec: ActionSpec) -> Decision:
    if not rules:
        return default
    rule = max(rules, key=lambda r: _RANK[r.verdict])
    return decided(rule, spec)
