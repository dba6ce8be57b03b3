"""`snapshot.json`: a sealed cache of an execution at one event, which also says where to find that event."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from engine.model.snapshot import ExecutionSnapshot
from engine.store import StoreError
from stores.codec import LineError, seal, unseal
from stores.file.layout import SNAPSHOT
from stores.file.lines import Mark, Place, read_history
from stores.files import read_all, reading, replace_file


class StoredSnapshot(NamedTuple):
    """A snapshot, and the event that it was taken at."""

    snapshot: ExecutionSnapshot
    mark: Mark

    def fits(self, history: int) -> bool:
        """Whether the history open at this file descriptor has that event at that place."""
        events = read_history(history, self.snapshot.id, self.mark.place, limit=1).events
        return bool(events) and events[0].id == self.mark.event_id


def save_snapshot(folder: Path, stored: StoredSnapshot) -> None:
    """Put it in the place of the one before."""
    record = stored.snapshot.to_dict() | {"offset": stored.mark.place.offset, "event_id": stored.mark.event_id}
    replace_file(folder, SNAPSHOT, seal(record) + b"\n")


def load_snapshot(folder: Path) -> StoredSnapshot | None:
    """The snapshot as it is stored, not yet compared with the history; None when it is missing or cannot be used."""
    try:
        with reading(folder, SNAPSHOT) as fd:
            record = unseal(read_all(fd).removesuffix(b"\n"))
        snapshot = ExecutionSnapshot.from_dict(record)
        mark = Mark(Place(snapshot.last_event_seq, record["offset"]), record["event_id"])
    except (OSError, StoreError, LineError, ValueError, KeyError):
        return None
    sequence, offset = mark.place
    sound = (
        snapshot.id == folder.name
        and type(snapshot.state) is dict
        and type(sequence) is type(offset) is int
        and sequence > 0
        and offset >= 0
    )
    return StoredSnapshot(snapshot, mark) if sound else None
