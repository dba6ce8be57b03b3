"""`snapshot.json`: a sealed cache of an execution at one event, which also says where that event's line begins."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from engine.model.snapshot import ExecutionSnapshot
from engine.store import StoreError
from stores.codec import LineError, seal, unseal
from stores.file_layout import SNAPSHOT, read_all, reading, replace_file
from stores.file_lines import Place, read_history


class StoredSnapshot(NamedTuple):
    """A snapshot, and where the event lies that it was taken at."""

    snapshot: ExecutionSnapshot
    place: Place

    def fits(self, history: int) -> bool:
        """Whether the history open at this file descriptor has that event at that place."""
        return bool(read_history(history, self.snapshot.id, self.place, limit=1).events)


def save_snapshot(folder: Path, stored: StoredSnapshot) -> None:
    """Put it in the place of the one before."""
    record = stored.snapshot.to_dict() | {"offset": stored.place.offset}
    replace_file(folder, SNAPSHOT, seal(record) + b"\n")


def load_snapshot(folder: Path) -> StoredSnapshot | None:
    """The snapshot as it is stored, not yet compared with the history; None when it is missing or cannot be used."""
    try:
        with reading(folder, SNAPSHOT) as fd:
            record = unseal(read_all(fd).removesuffix(b"\n"))
        snapshot = ExecutionSnapshot.from_dict(record)
        place = Place(snapshot.last_event_seq, record["offset"])
    except (OSError, StoreError, LineError, ValueError, KeyError):
        return None
    sound = (
        snapshot.id == folder.name
        and type(snapshot.state) is dict
        and type(place.sequence) is type(place.offset) is int
        and place.sequence > 0
        and place.offset >= 0
    )
    return StoredSnapshot(snapshot, place) if sound else None
