"""The list lines of a file store: a snapshot and the events after it, folded once per change of a history."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from engine.core.reduce import initial_state
from engine.model.snapshot import ExecutionSummary
from engine.model.state import ExecutionState
from engine.model.times import EPOCH, format_time
from engine.store import StoreError
from stores.file_layout import EVENTS, MISSING, is_folder_name, reading
from stores.file_lines import START, Place, between_appends, read_pieces
from stores.file_owners import Owner, Owners
from stores.file_snapshots import load_snapshot
from stores.folding import Folded, fold_as_far_as_possible, summary_of


class _Stamp(NamedTuple):
    """Changes whenever a history does."""

    inode: int
    size: int
    modified_ns: int

    @classmethod
    def of(cls, status: os.stat_result) -> _Stamp:
        return cls(status.st_ino, status.st_size, status.st_mtime_ns)


class _Known(NamedTuple):
    """What was found out about a history as it was at a stamp."""

    stamp: _Stamp
    summary: ExecutionSummary | None
    """None while its first batch is not whole."""
    state: ExecutionState | None
    """To go on from; None when no more is to come, or the history is damaged."""
    end: Place


class Summaries:
    """Summaries of a store's executions, remembered until the history changes; ownership is looked at each time."""

    def __init__(self, base: Path, owners: Owners) -> None:
        self._base = base
        self._owners = owners
        self._known: dict[str, _Known] = {}

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
        for gone in self._known.keys() - set(names):
            self._known.pop(gone, None)
        liveness: dict[Owner, bool] = {}
        found = (self._with_owner(self._summary(name), liveness) for name in names if is_folder_name(name))
        return [summary for summary in found if summary is not None]

    def _summary(self, execution_id: str) -> ExecutionSummary | None:
        folder = f"{self._base}/{execution_id}"  # a text: making a Path costs more than all else when nothing changed
        try:
            stamp = _Stamp.of(os.lstat(f"{folder}/{EVENTS}"))
            known = self._known.get(execution_id)
            if known is None or known.stamp != stamp:
                with reading(Path(folder), EVENTS) as fd:
                    known = self._known[execution_id] = _find_out(fd, Path(folder), known)
            return known.summary
        except MISSING:
            return None
        except (OSError, StoreError) as error:
            return summary_of(Folded(ExecutionState(execution_id), str(error)), _changed_at(folder))

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
    for state, place in _beginnings(fd, folder, before, status):
        folded, end = _fold(fd, state, place)
        if not folded.problem and end.sequence > folded.state.sequence:
            break
    else:
        # Read to the problem while somebody was writing, perhaps: look again before calling the history damaged.
        with between_appends(fd):
            folded, end = _fold(fd, initial_state(folder.name), START)
    summary = None
    if folded.problem or folded.state.sequence:
        summary = summary_of(folded, _time_of(status))
    more_to_come = not folded.problem and not folded.state.ended
    return _Known(_Stamp.of(status), summary, folded.state if more_to_come else None, end)


def _beginnings(
    fd: int, folder: Path, before: _Known | None, status: os.stat_result
) -> Iterator[tuple[ExecutionState, Place]]:
    """States to fold on from, the shortest way first, each with a place at or before the first event to fold."""
    if before is not None and before.state is not None:
        if before.stamp.inode == status.st_ino and before.end.offset <= status.st_size:
            yield before.state, before.end
    elif (stored := load_snapshot(folder)) is not None and (state := stored.snapshot.restore_state()) is not None:
        yield state, stored.place
    yield initial_state(folder.name), START


def _fold(fd: int, state: ExecutionState, start: Place) -> tuple[Folded, Place]:
    folded, end = Folded(state), start
    for piece in read_pieces(fd, state.execution_id, start):
        folded, end = fold_as_far_as_possible(folded.state, piece.events), piece.end
        if not folded.problem and piece.damage is not None:
            folded = Folded(folded.state, f"{piece.damage.place}: {piece.damage.problem}")
        if folded.problem:
            break
    return folded, end


def _changed_at(folder: str) -> str:
    try:
        return _time_of(os.lstat(folder))
    except OSError:
        return format_time(EPOCH)


def _time_of(status: os.stat_result) -> str:
    return format_time(datetime.fromtimestamp(status.st_mtime, UTC))
