"""Executions from one store into another, whatever kinds they are of: whole, compared, and gone on with later."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Literal, NamedTuple

import orjson

from engine.core.reduce import HistoryError
from engine.model.signals import ExecutionSignal
from engine.model.snapshot import ExecutionSnapshot, ExecutionSummary
from engine.runtime.ports import TypeIdSource
from engine.store import ConflictError, DamagedHistoryError, DamagedInboxError, ExecutionEventStore, OwnedError
from stores.codec import decode_line, encode_batch, encode_signal, events_left
from stores.maintenance import Bulk, Progress
from stores.verifying import rebuild_snapshot

Outcome = Literal["copied", "continued", "unchanged", "conflict", "unreadable", "gone"]
"""`continued`: its beginning was there already. `conflict`: what is there is another history, or is being written.
`unreadable`: the source is damaged. `gone`: deleted meanwhile. """
SUCCESSES: frozenset[Outcome] = frozenset({"copied", "continued", "unchanged"})

_FIRST_PIECE, _LARGEST_PIECE = 16, 2_048
_PIECE_BYTES = 2**22
"""About how much of a history is held at a time: events may be of any size."""
_BATCH = 16
"""How many events of a store that does not tell of its batches become one: damage costs the batch it is in."""
_CHECKSUM = b',"crc"'


class Copied(NamedTuple):
    """What became of one execution."""

    execution_id: str
    outcome: Outcome
    events: int = 0
    """How many were written."""
    messages: int = 0
    """How many were written into its inbox."""
    live: bool = False
    """Whether a runner was driving it in the source: there will be more to copy."""
    problem: str = ""
    """A sentence, unless it is a success."""


class _DifferError(Exception):
    """The target does not hold what the source does."""


async def copy_executions(
    source: ExecutionEventStore,
    target: ExecutionEventStore,
    summaries: Sequence[ExecutionSummary],
    progress: Progress | None = None,
) -> AsyncGenerator[Copied, None]:
    """Copy these executions of the source, each as far as it has come by then, and tell of each.

    What the target has already is compared, event by event, and only continued; what was written is read back and
    compared. While an execution is written nobody else may drive it in the target; who drives it in the source is not
    copied. Stopping at any moment is safe: another copy goes on from there. `progress` counts events.

    Raises:
        StoreError: one of the stores failed as a whole.
    """
    done, total = 0, sum(summary.last_event_seq for summary in summaries)
    runner_id = TypeIdSource().new("runner")
    for summary in summaries:

        def tell(count: int, execution_id: str = summary.id, before: int = done) -> None:
            if progress is not None:
                progress(before + count, max(total, before + count), execution_id)

        copy = _Copy(source, target, summary.id, runner_id, tell)
        try:
            await copy.run()
        except (_DifferError, ConflictError, OwnedError) as error:
            copy.fail("conflict", error)
        except (DamagedHistoryError, DamagedInboxError, ValueError) as error:
            copy.fail("unreadable", error)
        done += summary.last_event_seq
        yield copy.result._replace(live=summary.live is True)


def is_same_place(one: str, other: str) -> bool:
    """Whether two locations, as `open_store` takes them, are one store, or one lies inside the other's folder."""
    first, second = _path_of(one), _path_of(other)
    if first.exists() and second.exists() and first.samefile(second):
        return True
    return first in (second, *second.parents) or second in first.parents


def _path_of(location: str) -> Path:
    kind, colon, path = location.partition(":")
    return Path(path if colon and kind in ("file", "sqlite") else location).expanduser().resolve()


class _Copy:
    """One execution on its way, in pieces."""

    def __init__(
        self,
        source: ExecutionEventStore,
        target: ExecutionEventStore,
        execution_id: str,
        runner_id: str,
        tell: Callable[[int], None],
    ) -> None:
        self.result = Copied(execution_id, "unchanged")
        self._source = source
        self._target = target
        self._id = execution_id
        self._runner_id = runner_id
        self._tell = tell
        """Called with the number of events that are there by then."""
        self._limit = _FIRST_PIECE

    def fail(self, outcome: Outcome, error: Exception) -> None:
        """It ends here."""
        self.result = self.result._replace(outcome=outcome, problem=str(error))

    async def run(self) -> None:
        """Compare what is there, write what is missing, read it back."""
        known = await self._compare(1)
        lines = await self._read(known + 1)
        if not lines and not known:
            self.result = self.result._replace(outcome="gone", problem="it was deleted in the source meanwhile")
            return
        if lines:
            await self._target.acquire_owner(self._id, self._runner_id)
            try:
                written = await self._write(lines, known)
            finally:
                await self._target.release_owner(self._id, self._runner_id)
            if await self._compare(known + 1, until=written) < written:
                raise _DifferError("not all that was written can be read back")
        await self._send_messages()
        if self.result.messages:
            await self._compare_messages()
        if self.result.events or self.result.messages:
            self.result = self.result._replace(outcome="continued" if known else "copied")

    async def _compare(self, sequence: int, until: int | None = None) -> int:
        """The last event up to which both stores have the same from `sequence` on, looking as far as `until`.

        Raises:
            _DifferError: they have different ones.
        """
        while until is None or sequence <= until:
            wanted = await self._read(sequence)
            found = await self._lines(self._target, sequence, len(wanted)) if wanted else []
            for place, (one, other) in enumerate(zip(wanted, found, strict=False), start=sequence):
                if not _is_same(one, other):
                    raise _DifferError(f"event {place} is another one there")
            sequence += len(found)
            await self._report(sequence - 1)
            if len(found) < len(wanted) or not wanted:
                break
        return sequence - 1

    async def _write(self, lines: list[bytes], known: int) -> int:
        """Append these lines and what follows them in the source; returns the last event.

        The messages go as soon as there is somebody to send to: what has been received must have been sent.
        """
        snapshot = await self._source.get_snapshot(self._id)
        while lines:
            until_snapshot = snapshot.last_event_seq - known if snapshot is not None else 0
            reached = 0 < until_snapshot <= len(lines)
            if reached and _ends_batch(lines[until_snapshot - 1]):
                lines = lines[:until_snapshot]
            first, known = not self.result.events, known + len(lines)
            await self._append(lines, snapshot if until_snapshot == len(lines) else None)
            if reached and snapshot is not None:
                await self._target.save_snapshot(snapshot)
            self.result = self.result._replace(events=self.result.events + len(lines))
            if first:
                await self._send_messages()
            await self._report(known)
            lines = await self._read(known + 1)
        if snapshot is None:
            with suppress(HistoryError):  # it is copied as it is, whatever sense it makes
                await rebuild_snapshot(self._target, self._id)
        return known

    async def _report(self, count: int) -> None:
        self._tell(count)
        await asyncio.sleep(0)  # stores may work without ever giving way, and a person may want to stop

    async def _append(self, lines: Sequence[bytes], snapshot: ExecutionSnapshot | None) -> None:
        if isinstance(self._target, Bulk):
            await self._target.append_lines(self._id, lines, snapshot)
        else:
            await self._target.append_events([decode_line(line[:-1])[0] for line in lines])

    async def _read(self, sequence: int) -> list[bytes]:
        """The next piece of the source, the one after it larger or smaller by the size of this one's events."""
        lines = await self._lines(self._source, sequence, self._limit)
        if lines:
            while not _ends_batch(lines[-1]):
                left = events_left(lines[-1][:-1])
                more = await self._lines(self._source, sequence + len(lines), left)
                if not more:  # a repair may have cut off the rest of it
                    break
                lines += more
            fitting = _PIECE_BYTES * len(lines) // sum(map(len, lines))
            self._limit = max(1, min(fitting, 4 * self._limit, _LARGEST_PIECE))
        return lines

    async def _lines(self, store: ExecutionEventStore, sequence: int, limit: int) -> list[bytes]:
        if isinstance(store, Bulk):
            return await store.get_lines(self._id, sequence, limit)
        events = await store.get_events(self._id, sequence, limit)
        batches = [events[first : first + _BATCH] for first in range(0, len(events), _BATCH)]
        return [line for batch in batches for line in encode_batch(batch)]

    async def _send_messages(self) -> None:
        for message in await self._compare_messages():
            ordinal = await self._target.send_signal(self._id, message)
            if ordinal != message.ordinal:
                raise _DifferError(f"message {message.ordinal} became message {ordinal} there")
            self.result = self.result._replace(messages=self.result.messages + 1)

    async def _compare_messages(self) -> list[ExecutionSignal]:
        """Those that are not there yet.

        Raises:
            _DifferError: those that are there are others.
        """
        wanted, found = await self._source.get_signals(self._id), await self._target.get_signals(self._id)
        for one, other in zip(wanted, found, strict=False):
            if encode_signal(one) != encode_signal(other):
                raise _DifferError(f"message {one.ordinal} is another one there")
        return wanted[len(found) :]


def _ends_batch(line: bytes) -> bool:
    return events_left(line[:-1]) == 0


def _is_same(one: bytes, other: bytes) -> bool:
    """Whether two lines are the same event: their checksums differ with the batch they were written in."""
    return _body(one) == _body(other) or _canonical(one) == _canonical(other)


def _body(line: bytes) -> bytes:
    return line[: line.rfind(_CHECKSUM)]


def _canonical(line: bytes) -> bytes:
    return orjson.dumps(decode_line(line[:-1])[0].to_dict(), option=orjson.OPT_SORT_KEYS)
