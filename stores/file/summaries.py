"""The list lines of a file store: a snapshot and the events after it, folded once per change of a history."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from engine.core.reduce import initial_state
from engine.model.snapshot import ExecutionSummary
from engine.model.state import ExecutionState
from engine.model.times import EPOCH, format_time
from stores.file.layout import EVENTS, is_folder_name
from stores.file.lines import START, Mark, Stamp, between_appends, read_pieces
from stores.file.owners import Owners
from stores.file.snapshots import load_snapshot
from stores.files import MISSING, reading
from stores.folding import Folded, fold_as_far_as_possible, summary_of
from stores.runners import Owner

_MAX_KNOWN = 20_000
_SAME_TICK_NS = 50_000_000
"""Times of files advance in ticks, of some milliseconds: what changes twice within one may look unchanged."""


class _Known(NamedTuple):
    """What was found out about a history as it was at a stamp."""

    stamp: Stamp
    settled: bool
    """Whether the stamp was old enough that no later change can have the same."""
    summary: ExecutionSummary | None
    """None while its first batch is not whole."""
    state: ExecutionState
    """To fold on from."""
    mark: Mark | None
    """To begin reading at, as long as it is there; None when everything must be read again."""


class _Beginning(NamedTuple):
    """A state to fold on from, and an event to begin reading at; what the state has already is skipped."""

    state: ExecutionState
    mark: Mark | None
    """None: the first event, whichever that is."""


class Summaries:
    """Summaries of a store's executions, remembered until the history changes; ownership is looked at each time."""

    def __init__(self, base: Path, owners: Owners) -> None:
        self._base = base
        self._owners = owners
        self._known: dict[str, _Known] = {}
        self._lock = threading.Lock()

    def get(self, execution_id: str) -> ExecutionSummary | None:
        """The list line of an execution; None while it has no events."""
        return self._with_owner(self._summary(execution_id), {})

    def all(self) -> list[ExecutionSummary]:
        """The list lines of all executions, in no order; one that cannot be read is there with an error.

        Raises:
            OSError: the store cannot be read.
        """
        with os.scandir(self._base) as entries:
            names = [entry.name for entry in entries if entry.is_dir(follow_symlinks=False)]
        for gone in set(self._known) - set(names):
            self._known.pop(gone, None)
        liveness: dict[Owner, bool] = {}
        found = (self._with_owner(self._summary(name), liveness) for name in names if is_folder_name(name))
        return [summary for summary in found if summary is not None]

    def _summary(self, execution_id: str) -> ExecutionSummary | None:
        folder = f"{self._base}/{execution_id}"  # a text: making a Path costs more than all else when nothing changed
        try:
            stamp = Stamp.of(os.lstat(f"{folder}/{EVENTS}"))
            known = self._known.get(execution_id)
            if known is None or known.stamp != stamp or not known.settled:
                with reading(Path(folder), EVENTS) as fd:
                    known = _find_out(fd, Path(folder), known)
                self._remember(execution_id, known)
            return known.summary
        except MISSING:
            return None
        except Exception as error:  # made-up data can fail in any way, and one execution must not hide the others
            return summary_of(Folded(ExecutionState(execution_id), f"{error}" or repr(error)), _changed_at(folder))

    def _remember(self, execution_id: str, known: _Known) -> None:
        with self._lock:
            # A list goes through all in the same order each time: were the oldest to go, nothing would ever be found.
            while len(self._known) >= _MAX_KNOWN and execution_id not in self._known:
                self._known.popitem()
            self._known[execution_id] = known

    def _with_owner(self, summary: ExecutionSummary | None, liveness: dict[Owner, bool]) -> ExecutionSummary | None:
        if summary is None:
            return None
        owner = self._owners.owner_of(summary.id)
        live: bool | None = None
        if summary.end_time is None:
            live = False
            if owner is not None:
                live = liveness[owner] = liveness[owner] if owner in liveness else self._owners.is_live(owner)
        if owner is None and live is None:
            return summary
        return replace(summary, owner=owner and owner.runner, live=live)


def _find_out(fd: int, folder: Path, before: _Known | None) -> _Known:
    status = os.fstat(fd)
    stamp, settled = Stamp.of(status), time.time_ns() - status.st_mtime_ns > _SAME_TICK_NS
    for beginning in _beginnings(folder, before):
        folded, mark = _fold(fd, beginning)
        if not folded.problem and (mark is not None or beginning.mark is None):
            break
    else:
        # Read to the problem while somebody was writing, perhaps: look again before calling the history damaged.
        with between_appends(fd):
            folded, mark = _fold(fd, _Beginning(initial_state(folder.name), None))
    summary = None
    if folded.problem or folded.state.sequence:
        summary = summary_of(folded, _time_of(status))
    if folded.problem or (settled and folded.state.ended):  # then there is nothing to go on with
        return _Known(stamp, settled, summary, initial_state(folder.name), None)
    return _Known(stamp, settled, summary, folded.state, mark)


def _beginnings(folder: Path, before: _Known | None) -> Iterator[_Beginning]:
    """The shortest way first; each may turn out to be wrong but the last, which reads everything."""
    if before is not None and before.mark is not None:
        yield _Beginning(before.state, before.mark)
    if (stored := load_snapshot(folder)) is not None and (state := stored.snapshot.restore_state()) is not None:
        yield _Beginning(state, stored.mark)
    yield _Beginning(initial_state(folder.name), None)


def _fold(fd: int, beginning: _Beginning) -> tuple[Folded, Mark | None]:
    """The state at the end, and a mark to begin at next time; None when no event is where the beginning says."""
    folded, mark = Folded(beginning.state), None
    for piece in read_pieces(fd, folded.state.execution_id, beginning.mark.place if beginning.mark else START):
        if mark is None and beginning.mark and piece.events and piece.events[0].id != beginning.mark.event_id:
            return folded, None
        mark = piece.mark or mark
        folded = fold_as_far_as_possible(folded.state, piece.events)
        if not folded.problem and piece.damage is not None:
            folded = Folded(folded.state, f"{piece.damage.place}: {piece.damage.problem}")
        if folded.problem:
            break
    return folded, mark


def _changed_at(folder: str) -> str:
    try:
        return _time_of(os.lstat(folder))
    except OSError:
        return format_time(EPOCH)


def _time_of(status: os.stat_result) -> str:
    return format_time(datetime.fromtimestamp(status.st_mtime, UTC))
