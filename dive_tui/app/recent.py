"""Which stores a person opened lately: a small file of the user's, never in a store."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from dive_tui.app.known_stores import path_of
from dive_tui.app.state_file import read_record, write_record

MOST = 12


class RecentStores:
    """Remembers locations in a file, the latest first. What cannot be read or written is not remembered, no more."""

    def __init__(self, file: Path) -> None:
        self._file = file

    @classmethod
    def of_user(cls) -> RecentStores:
        """Those in the user's folder for such things."""
        from platformdirs import user_state_path

        return cls(user_state_path("dive-tui") / "stores.json")

    def all(self) -> list[str]:
        """The locations, as `open_store` takes them."""
        stores = read_record(self._file).get("stores")
        return [text for text in stores if isinstance(text, str)][:MOST] if isinstance(stores, list) else []

    def add(self, location: str) -> None:
        """Put a location first; a place has one name, without `..`."""
        location = _normal(location)
        stores = [location, *(known for known in self.all() if known != location)][:MOST]
        write_record(self._file, {"stores": stores})


def _normal(location: str) -> str:
    place = path_of(location)
    if ".." not in place.parts:
        return location
    with suppress(OSError, ValueError, RuntimeError):
        return f"{location.removesuffix(str(place))}{place.resolve()}"
    return location
