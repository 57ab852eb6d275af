"""``python -m benchmarks.run``: measures what the goals name, beside native tools and peers, in the same run.

Every ratio is between medians of interleaved rounds, so it holds on any machine; the absolute times hold on this one.
"""

from __future__ import annotations

import argparse
import compileall
import json
import os
import platform
import sys
import tempfile
from dataclasses import asdict, replace
from pathlib import Path

import agentsh
import agentsh_tools
from benchmarks import lines, model, subjects
from benchmarks.measure import Row, table

BENCHMARKS = {
    "cold": subjects.cold,
    "warm": subjects.warm,
    "grep": subjects.grep,
    "staging": subjects.staging,
    "snapshot": subjects.snapshot,
    **{name: lines.line_benchmark(name) for name in lines.LINES},
    "python": lines.python,
    "merge": subjects.merge,
    "model": lambda context: model.speed(model.Settings(rounds=min(context.rounds, 5), peers=context.peers)),
}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", action="append", choices=sorted(BENCHMARKS), help="this one; may be repeated")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the rows as JSON too")
    parser.add_argument("--peers", type=Path, default=Path(".peers"), help="where 'make bench-peers' put the peers")
    parser.add_argument("--rounds", type=int, default=15, help="rounds of each benchmark (default: 15)")
    options = parser.parse_args()
    for place in (agentsh, agentsh_tools):  # as an installation has it; here sources may have changed since
        compileall.compile_dir(Path(place.__file__).parent, quiet=1)
    rows: list[Row] = []
    with tempfile.TemporaryDirectory(prefix="agentsh-bench-") as place:
        for name in options.only or [n for n in BENCHMARKS if n != "model"]:  # that takes longer than all others
            scratch = Path(place) / name
            scratch.mkdir()
            context = subjects.Context(scratch, options.peers.absolute(), options.rounds)
            with context:
                found = BENCHMARKS[name](context)
            rows += [replace(row, benchmark=name) for row in found]
            print(f"{name} done", file=sys.stderr)
    print(f"{platform.platform()}, {os.cpu_count()} CPUs, Python {platform.python_version()}\n")
    print(table(rows))
    if options.json:
        options.json.write_text(
            json.dumps({"schema": 1, "rows": [asdict(r) for r in rows]}, indent=1), encoding="utf-8"
        )
    return 1 if any(row.met is False for row in rows) else 0


if __name__ == "__main__":
    sys.exit(main())
