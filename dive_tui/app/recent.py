"""Which stores a person opened lately: a small file of the user's, never in a store."""

from __future__ import annotations

import json
import os
import tempfile
from contextlib import suppress
from pathlib import Path

from dive_tui.app.known_stores import path_of

MOST = 12
_MOST_BYTES = 64 << 10


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
        try:
            with self._file.open("rb") as file:
                held = json.loads(file.read(_MOST_BYTES))
        except (OSError, ValueError, RecursionError):
            return []
        stores = held.get("stores") if isinstance(held, dict) else None
        return [text for text in stores if isinstance(text, str)][:MOST] if isinstance(stores, list) else []

    def add(self, location: str) -> None:
        """Put a location first; a place has one name, without `..`."""
        location = _normal(location)
        stores = [location, *(known for known in self.all() if known != location)][:MOST]
        with suppress(OSError, ValueError):  # no folder to write to: then nothing is remembered
            self._file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            descriptor, name = tempfile.mkstemp(prefix=".stores-", dir=self._file.parent)
            try:
                with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                    json.dump({"stores": stores}, file, indent=1)
                Path(name).replace(self._file)
            except BaseException:
                Path(name).unlink(missing_ok=True)
                raise


def _normal(location: str) -> str:
    place = path_of(location)
    if ".." not in place.parts:
        return location
    with suppress(OSError, ValueError, RuntimeError):
        return f"{location.removesuffix(str(place))}{place.resolve()}"
    return location
