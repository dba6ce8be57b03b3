"""One row per figure: ours, the probe's, and their ratio, which is what carries to another machine."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import re
import statistics
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from types import ModuleType
from typing import NamedTuple

RESULTS = Path(__file__).parent / "RESULTS.md"
INTRODUCTION = """# Results

Written by `make bench` (and `make bench-peers`), each part when it was measured. Figures are medians of at least three
rounds, with the lowest and the highest; ours and the probe take turns. Absolute figures belong to the machine they were
taken on and to what else ran there; the ratios carry."""
_PACKAGES = ("textual", "rich", "pydantic", "orjson", "watchfiles", "pydantic-monty")


class Row(NamedTuple):
    """A figure with its unit, the raw probe beside it, and what the two mean together."""

    what: str
    ours: str
    probe: str = "–"
    ratio: str = "–"
    goal: str = ""


def per_second(rounds: Sequence[float]) -> str:
    """The median of some rates, with the range."""
    return f"{statistics.median(rounds):,.0f}/s ({min(rounds):,.0f}–{max(rounds):,.0f})"


def micros(rounds: Sequence[float], digits: int = 0) -> str:
    """The median of some durations in seconds, with the range, in microseconds."""
    low, middle, high = (
        f"{value * 1e6:,.{digits}f}" for value in (min(rounds), statistics.median(rounds), max(rounds))
    )
    return f"{middle} µs ({low}–{high})"


def ratio(ours: Sequence[float], probe: Sequence[float], digits: int = 2) -> str:
    """The median of the ratios of rounds that were taken side by side."""
    return f"{statistics.median(mine / other for mine, other in zip(ours, probe, strict=True)):,.{digits}f}"


def table(rows: Sequence[Row]) -> str:
    """The rows as a Markdown table."""
    head = ["| what | ours | probe, same run | ratio | goal |", "|---|---:|---:|---:|---|"]
    return "\n".join(head + [f"| {r.what} | {r.ours} | {r.probe} | {r.ratio} | {r.goal} |" for r in rows])


def section(area: ModuleType) -> tuple[str, str]:
    """Measure an area: its title, and its part of the results. Its `NOTES`, if any, follow the table."""
    load = os.getloadavg()[0]
    rows: list[Row] = area.measure()
    versions = ", ".join(f"{name} {importlib.metadata.version(name)}" for name in _PACKAGES)
    where = f"{platform.system()} {platform.machine()}, {os.cpu_count()} processors, load {load:.1f} at the start"
    today = datetime.now(UTC).date().isoformat()
    title = area.__name__.removeprefix("benchmarks.")
    parts = [
        f"## {title}",
        (area.__doc__ or "").strip(),
        f"{today}, {where}, Python {sys.version.split()[0]}, {versions}.",
        table(rows),
        getattr(area, "NOTES", ""),
    ]
    return title, "\n\n".join(part for part in parts if part)


def merged(document: str, renewed: Mapping[str, str], order: Sequence[str]) -> str:
    """A results file with some of its parts renewed or added; the others stay, those not in `order` at the end."""
    parts = {body.split("\n", 1)[0]: body.strip() for body in re.split(r"^## ", document, flags=re.MULTILINE)[1:]}
    parts |= {title: body.removeprefix("## ") for title, body in renewed.items()}
    titles = sorted(parts, key=lambda title: order.index(title) if title in order else len(order))
    return "\n\n".join([INTRODUCTION, *(f"## {parts[title]}" for title in titles)]) + "\n"
