"""Programs of others: where their source comes from, and how it becomes a module. One file a program."""

from ports import awk, jq, js, sqlite
from ports.port import Port

PORTS = {port.name: port for port in (awk.PORT, jq.PORT, js.PORT, sqlite.PORT)}

__all__ = ["PORTS", "Port"]
