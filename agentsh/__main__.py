"""``python -m agentsh`` is ``agentsh``."""

from __future__ import annotations

from agentsh.cli import main

if __name__ == "__main__":
    main()
