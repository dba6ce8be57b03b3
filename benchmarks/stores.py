"""The stores: bulk appends, durable steps, workflows at once, lists of 100,000, histories of a million events."""

from __future__ import annotations

from benchmarks import store_reading, store_writing
from benchmarks.report import Row

NOTES = """The probes write the very lines of the run in the same commits: into one bare table in WAL mode with the same
`synchronous`, or into one bare file, with `fdatasync` where the store syncs; they keep no index, no summary and no
owner. What is read lies in memory (tmpfs); lists are beside the same query on the same database, whose rows nobody
takes apart. A text or glob looks at every summary, for it may stand anywhere in a name."""


def measure() -> list[Row]:
    """Writing, then reading."""
    return [*store_writing.measure(), *store_reading.measure()]
