"""``doctor``: what this machine offers, and whether agentsh can use it."""

from __future__ import annotations
import click


@click.command()
def doctor() -> None:
    pass
