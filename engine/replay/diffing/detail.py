"""The detailed report on what differs between two values, and the delta that leads from one to the other, by DeepDiff.

It takes a hundred times as long as the walk, so it sees only the parts that differ, in a thread, for a limited time.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from engine.replay.diffing.alignment import is_same
from engine.replay.diffing.diff import Differences, diff_values

LONGEST_TEXT = 100_000
"""Characters of a text that is compared line by line. That cannot be broken off, so longer ones are not."""


@dataclass(frozen=True, slots=True)
class DetailedReport:
    """What DeepDiff says of two values."""

    text: str
    """For people, a difference per line or more; empty when there is none."""
    delta: dict[str, Any] | None
    """JSON of the delta that, added to the old value, gives the new one; None when there is none."""
    changes: Differences
    """What the walk found."""
    note: str = ""
    """Why there is less than there could be, as a sentence: it took too long; else empty."""


class _StoppedError(Exception):
    """Nobody waits for the result any more."""


def detailed_report(old: Any, new: Any, *, deadline: float | None = 10.0) -> DetailedReport:
    """Compare two JSON values in detail.

    Args:
        old: the value before.
        new: the value after.
        deadline: seconds after which the walk's changes are told instead; None waits however long it takes.
    """
    changes = diff_values(old, new)
    if changes.equal:
        return DetailedReport("", {}, changes)
    if any(_is_too_long(change.old, change.new) for change in changes.changes):
        note = f"texts of more than {LONGEST_TEXT:,} characters are not compared in detail"
        return DetailedReport(_told(changes), None, changes, f"{note}; these are the plain differences")
    work = _Work(*differing_parts(old, new))
    work.start()
    work.join(deadline)
    if work.report is None:
        work.stopped.set()
        note = (
            f"the detailed report took longer than {deadline:g} s"
            if work.error is None
            else f"there is no detailed report: {work.error}"
        )
        return DetailedReport(_told(changes), None, changes, f"{note}; these are the plain differences")
    text, delta, note = work.report
    return DetailedReport(text, delta, changes, note)


def differing_parts(old: Any, new: Any) -> tuple[Any, Any]:
    """Both values without the members of objects that are the same; lists are kept whole, as places count."""
    if not isinstance(old, Mapping) or not isinstance(new, Mapping):
        return old, new
    before, after = {}, {}
    for key, was in old.items():
        if key not in new:
            before[key] = was
        elif not is_same(was, new[key]):
            before[key], after[key] = differing_parts(was, new[key])
    after |= {key: now for key, now in new.items() if key not in old}
    return before, after


class _Work(threading.Thread):
    def __init__(self, old: Any, new: Any) -> None:
        super().__init__(name="detailed report", daemon=True)
        self.stopped = threading.Event()
        self.report: tuple[str, dict[str, Any] | None, str] | None = None
        self.error: str | None = None
        self._values = old, new

    def run(self) -> None:
        """Leave the report, or why there is none."""
        try:
            self.report = _compared(*self._values, self.stopped)
        except _StoppedError:
            return
        except Exception as error:  # whatever another library makes of odd values, there are still the differences
            self.error = f"{type(error).__name__}: {error}"


def _compared(old: Any, new: Any, stopped: threading.Event) -> tuple[str, dict[str, Any] | None, str]:
    from deepdiff import DeepDiff, Delta
    from deepdiff.serialization import json_dumps, json_loads

    def passes_by(value: Any, path: str) -> bool:
        if stopped.is_set():
            raise _StoppedError
        return False

    difference = DeepDiff(
        _plain(old), _plain(new), exclude_obj_callback=passes_by, ignore_private_variables=False, verbose_level=2
    )
    text = difference.pretty()
    delta: Any = Delta(difference, serializer=json_dumps)
    encoded = delta.dumps()
    # Not every key can be told in its paths. What was written a moment ago is safe to read.
    again = Delta(encoded, deserializer=json_loads, raise_errors=False, log_errors=False) + _plain(old)
    if not diff_values(again, new).equal:
        return text, None, "its delta does not lead from the old value to the new one, so it is left out"
    return text, orjson.loads(encoded), ""


def _is_too_long(old: Any, new: Any) -> bool:
    return isinstance(old, str) and isinstance(new, str) and max(len(old), len(new)) > LONGEST_TEXT


def _plain(value: Any) -> Any:
    """A copy in the types that JSON is read into: another library must not tell an enumeration from its text."""
    return orjson.loads(orjson.dumps(value, default=dict))


def _told(changes: Differences) -> str:
    lines = [f"{change.kind} {change.address}" for change in changes.changes]
    return "\n".join([*lines, *(["and more"] if changes.more else [])])
