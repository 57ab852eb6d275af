"""All builtins: only what concerns the shell's own state, or must know what the shell knows."""

from __future__ import annotations

from agentsh.sandbox.interpreter.builtins_declare import TABLE as DECLARE
from agentsh.sandbox.interpreter.builtins_find import TABLE as FIND
from agentsh.sandbox.interpreter.builtins_flow import TABLE as FLOW
from agentsh.sandbox.interpreter.builtins_jobs import TABLE as JOBS
from agentsh.sandbox.interpreter.builtins_names import TABLE as NAMES
from agentsh.sandbox.interpreter.builtins_read import TABLE as READ
from agentsh.sandbox.interpreter.builtins_state import TABLE as STATE
from agentsh.sandbox.interpreter.builtins_timeout import TABLE as TIMEOUT
from agentsh.sandbox.interpreter.builtins_wrap import TABLE as WRAP
from agentsh.sandbox.interpreter.builtins_xargs import TABLE as XARGS
from agentsh.sandbox.interpreter.conditions import TABLE as CONDITIONS
from agentsh.sandbox.interpreter.registry import BUILTINS

for table in (FIND, FLOW, STATE, DECLARE, READ, NAMES, JOBS, WRAP, TIMEOUT, XARGS, CONDITIONS):
    BUILTINS.update(table)

__all__ = ["BUILTINS"]
