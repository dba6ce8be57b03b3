"""Run the benchmarks (or those named as arguments), print their tables, and renew their parts of `RESULTS.md`."""

from __future__ import annotations

import importlib
import sys

from benchmarks.report import RESULTS, merged, section

AREAS = ("steps", "control", "many", "scripts", "core", "replay", "stores", "terminal", "million")
EXTRAS = ("peers",)
"""Measured only when they are named."""


def main(names: list[str]) -> None:
    known = (*AREAS, *EXTRAS)
    unknown = [name for name in names if name not in known]
    if unknown:
        sys.exit(f"there is no benchmark {unknown[0]!r}; there are {', '.join(known)}")
    for name in names or AREAS:
        sys.stderr.write(f"measuring {name} …\n")
        area = importlib.import_module(f"benchmarks.{name}")
        title, body = section(area)
        sys.stdout.write(f"{body}\n\n")
        # Written after each area: what takes minutes is not lost to a mistake in the next one.
        old = RESULTS.read_text(encoding="utf-8") if RESULTS.exists() else ""
        RESULTS.write_text(merged(old, {title: body}, known), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
