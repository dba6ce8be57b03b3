"""What a store that keeps data in files can tell about them, mend, and move in bulk."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal, NamedTuple, Protocol, runtime_checkable

from engine.model.snapshot import ExecutionSnapshot

Kind = Literal["damaged", "torn", "stale", "foreign", "unsafe"]
"""`damaged`: something recorded cannot be read, or makes no sense. `torn`: the remains of a write that was never
acknowledged. `stale`: a cache (snapshot, summary, index) that does not fit the history it was made from. `foreign`:
something that is not the store's. `unsafe`: a mode that lets other users in, or a symbolic link."""

Progress = Callable[[int, int, str], None]
"""Called with how much is done, of how much, and what is being looked at."""


class Finding(NamedTuple):
    """Something wrong in a store."""

    kind: Kind
    execution_id: str
    """Empty when it is about the store as a whole."""
    place: str
    """File and byte, or table and row."""
    problem: str
    """A clause: what is so."""
    remedy: str = ""
    """What `repair` will do about it; empty when it can do nothing."""


class Mended(NamedTuple):
    """What was done about a finding."""

    finding: Finding
    outcome: str
    """A clause: what was done, and where what was cut out is kept."""


@runtime_checkable
class Maintainable(Protocol):
    """A store that can examine and mend its own files."""

    async def examine(self, execution_id: str | None = None, progress: Progress | None = None) -> list[Finding]:
        """What is wrong with the files, of one execution or of all; changes nothing.

        What the histories *say* is not judged here, only whether they are stored whole.

        Raises:
            StoreError: the store cannot be read at all.
        """
        ...

    async def repair(self, execution_id: str | None = None, progress: Progress | None = None) -> list[Mended]:
        """Do something about all that `examine` finds and that has a remedy.

        What is cut out of a history or an inbox is kept beside it, byte for byte; what can be rebuilt is rebuilt.
        Executions that a living runner owns are left alone, and so told.

        Raises:
            StoreError: the store cannot be written.
        """
        ...


@runtime_checkable
class Bulk(Protocol):
    """A store that moves whole histories without taking each event apart.

    A line is an event as `stores.codec.encode_batch` gives it: its JSON, sealed with its checksum, with its line end.
    """

    async def get_lines(self, execution_id: str, from_seq: int = 1, limit: int | None = None) -> list[bytes]:
        """The lines of events with sequence >= `from_seq`, at most `limit`; empty for an unknown execution.

        Raises:
            DamagedHistoryError: one of them cannot be read; its `readable` stays empty.
        """
        ...

    async def append_lines(
        self, execution_id: str, lines: Sequence[bytes], snapshot: ExecutionSnapshot | None = None
    ) -> None:
        """Make lines durable, as `append_events` does with the events they stand for.

        They stay in the batches that their marks tell of, byte for byte; only what is there of a batch that lacks its
        end is sealed anew, as a batch of its own. They are kept or refused all together, but when the process dies in
        the middle whole batches of them may be left, from the first on. `snapshot`: that of the execution at the last
        of these events, which saves folding them.

        Raises:
            ConflictError: they do not continue the history.
            ValueError: they have gaps, are of another execution, or are no sealed lines.
            StoreError: they could not be written.
        """
        ...
