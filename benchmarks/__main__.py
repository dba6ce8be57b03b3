"""Run the benchmarks (or those named as arguments), print the table, and write `benchmarks/RESULTS.md`."""

from __future__ import annotations

import importlib
import sys

from benchmarks.report import RESULTS, Row, document, table

AREAS = ("steps", "replay", "terminal")


def main(names: list[str]) -> None:
    unknown = [name for name in names if name not in AREAS]
    if unknown:
        sys.exit(f"there is no benchmark {unknown[0]!r}; there are {', '.join(AREAS)}")
    rows: list[Row] = []
    for name in names or AREAS:
        sys.stderr.write(f"measuring {name} …\n")
        rows += importlib.import_module(f"benchmarks.{name}").measure()
    sys.stdout.write(table(rows) + "\n")
    if not names:
        RESULTS.write_text(document(rows), encoding="utf-8")


main(sys.argv[1:])
