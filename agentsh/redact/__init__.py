"""The one boundary that keeps secrets in: text and bytes -> the same without values. Pure: no input or output.

Everything that leaves for a model, a log, the journal's output or a screen passes through a :class:`Redactor`, which
replaces known values, in whatever encoding they come, by ``secret:NAME``, and what looks like a credential of somebody
else's by ``secret:KIND``.
"""

from agentsh.redact.detect import find_credentials
from agentsh.redact.redactor import Redacted, Redactor
from agentsh.redact.stream import RedactedStream

__all__ = ["Redacted", "RedactedStream", "Redactor", "find_credentials"]
