"""One row per figure: ours, the probe's, and their ratio, which is what carries to another machine."""

from __future__ import annotations

import importlib.metadata
import platform
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

RESULTS = Path(__file__).parent / "RESULTS.md"
_PACKAGES = ("textual", "rich", "pydantic", "orjson", "watchfiles")


class Row(NamedTuple):
    """A figure with its unit, the raw probe beside it, and what the two mean together."""

    what: str
    ours: str
    probe: str
    ratio: str
    goal: str


def table(rows: Sequence[Row]) -> str:
    """The rows as a Markdown table."""
    head = ["| what | ours | raw probe, same run | ratio | goal |", "|---|---:|---:|---:|---|"]
    return "\n".join(head + [f"| {r.what} | {r.ours} | {r.probe} | {r.ratio} | {r.goal} |" for r in rows])


def document(rows: Sequence[Row]) -> str:
    """The results file: where, when, with which versions, and the table."""
    versions = ", ".join(f"{name} {importlib.metadata.version(name)}" for name in _PACKAGES)
    today = datetime.now(UTC).date().isoformat()
    return "\n".join(
        [
            "# Results",
            "",
            "Written by `make bench`. Absolute figures belong to the machine they were taken on; the ratios carry.",
            "",
            f"{today}, {platform.system()} {platform.machine()}, Python {sys.version.split()[0]}, {versions}.",
            "",
            table(rows),
            "",
        ]
    )
