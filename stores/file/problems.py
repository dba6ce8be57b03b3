"""What is wrong with the files of one execution, and what mends it."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import NamedTuple

from engine.core.reduce import HistoryError, fold, initial_state
from engine.model.snapshot import ExecutionSnapshot, ExecutionSummary
from engine.model.state import ENDED, STATE_VERSION
from engine.store import StoreError
from stores.codec import encode_signal
from stores.file import index
from stores.file.inbox import Messages, read_messages
from stores.file.layout import EVENTS, INBOX, INDEX, OWNER, SNAPSHOT
from stores.file.lines import START, Mark, Place, Reading, Stamp, between_appends, find_line, read_pieces, survey_once
from stores.file.mending import (
    cut,
    is_forgotten,
    is_temporary,
    keep,
    lets_others_in,
    shut_others_out,
    write_anew,
)
from stores.file.salvage import (
    Stretch,
    continuing_lines,
    copied,
    readable_messages,
    received_messages,
)
from stores.file.snapshots import StoredSnapshot, load_snapshot, save_snapshot
from stores.files import MISSING, is_regular, reading
from stores.folding import is_damaged
from stores.inboxes import renumbered
from stores.maintenance import Finding, Kind

_KNOWN = frozenset({EVENTS, SNAPSHOT, INDEX, INBOX, OWNER})
_KEPT = tuple(f"{name}.{kind}-" for name in ("events", "inbox") for kind in ("torn", "damaged"))
_LONG = 10_000
"""From how many events on a missing snapshot is missed: folding fewer takes no time to speak of."""


class Problem(NamedTuple):
    """A finding, and what mends it, which returns what was done; None when nothing can."""

    finding: Finding
    mend: Callable[[], str] | None = None


def is_ours(name: str) -> bool:
    """Whether a store makes files of this name in an execution's folder."""
    return name in _KNOWN or name.startswith(_KEPT)


class ExecutionFiles:
    """Looks for problems in one execution's folder.

    The mends change files without asking: `quiet` says that meanwhile nobody else appends, sends or owns.
    """

    def __init__(self, folder: Path, summary: Callable[[str], ExecutionSummary | None], *, quiet: bool = False) -> None:
        self._folder = folder
        self._summary = summary
        self._quiet = quiet
        self._surveyed: tuple[Stamp, Reading] | None = None

    def areas(self) -> Iterator[Callable[[], list[Problem]]]:
        """What to look for, one after the other: what is found in a later area depends on mends in earlier ones."""
        for area in (self._in_history, self._in_inbox, self._in_caches, self._in_folder):
            yield partial(self._surely, area)

    def _surely(self, area: Callable[[], list[Problem]]) -> list[Problem]:
        try:
            return area()
        except (*MISSING, StoreError):  # gone meanwhile, or no regular file, which is told as such
            return []
        except OSError as error:
            if error.errno == errno.ELOOP:  # a symbolic link, told as such as well
                return []
            return [self._problem("damaged", Path(error.filename or "").name, f"it cannot be read: {error.strerror}")]

    def _problem(
        self, kind: Kind, place: str, problem: str, remedy: str = "", mend: Callable[[], str] | None = None
    ) -> Problem:
        return Problem(Finding(kind, self._folder.name, place, problem, remedy), mend)

    # The history

    def _in_history(self) -> list[Problem]:
        with reading(self._folder, EVENTS) as fd:
            found = self._survey(fd)
            if found.damage is None:
                return [] if found.torn is None else [self._torn(EVENTS, "events", found.torn, "an append")]
            more = continuing_lines(fd, self._folder.name, found.end, found.sealed)
        last = found.end.sequence - 1
        remedy = f"all from event {last + 1} on is cut off and kept beside it"
        if more:
            remedy = f"events {last + 1} to {last + len(more)} are put in order, the rest is cut out and kept beside it"
        mend = partial(self._mend_history, found.end, more)
        return [self._problem("damaged", found.damage.place, found.damage.problem, remedy, mend)]

    def _survey(self, fd: int) -> Reading:
        stamp = Stamp.of(os.fstat(fd))
        if self._surveyed is not None and self._surveyed[0] == stamp:
            return self._surveyed[1]
        found = survey_once(fd, self._folder.name)
        if not self._quiet and (found.damage is not None or found.torn is not None):
            with between_appends(fd):
                stamp = Stamp.of(os.fstat(fd))
                found = survey_once(fd, self._folder.name)
        self._surveyed = stamp, found
        return found

    def _mend_history(self, end: Place, more: list[Stretch]) -> str:
        kept = keep(self._folder, EVENTS, end.offset, "events.damaged")
        if not more:
            cut(self._folder, EVENTS, end.offset)
            return f"{end.sequence - 1} events are left, what followed is kept as {kept}"
        with reading(self._folder, EVENTS) as fd:
            # Each line with its end, which the very last one of a history written by hand may lack.
            lines = (part for line in more for part in (*copied(fd, [line]), b"\n"))
            write_anew(self._folder, EVENTS, _chain(copied(fd, [Stretch(0, end.offset)]), lines))
        return f"{end.sequence - 1 + len(more)} events are left, all from byte {end.offset} on is kept as {kept}"

    def _torn(self, name: str, stem: str, offset: int, what: str) -> Problem:
        def mend() -> str:
            kept = keep(self._folder, name, offset, f"{stem}.torn")
            cut(self._folder, name, offset)
            return f"cut off and kept as {kept}"

        problem = f"{what} was cut short here, and never acknowledged"
        return self._problem("torn", f"{name}, byte {offset}", problem, "it is cut off and kept beside it", mend)

    # The inbox

    def _in_inbox(self) -> list[Problem]:
        try:
            with reading(self._folder, INBOX) as fd:
                found = self._messages(fd)
        except FileNotFoundError:
            found = Messages(START)
        mend = partial(self._mend_inbox, found.end.offset) if is_regular(self._folder / EVENTS) else None
        remedy = "messages that can be read are kept in order, the rest is kept beside it" if mend else ""
        if found.damage is not None:
            return [self._problem("damaged", found.damage.place, found.damage.problem, remedy, mend)]
        if found.torn is not None:
            return [self._torn(INBOX, "inbox", found.torn, "a message")]
        summary, last = self._summary(self._folder.name), found.end.sequence - 1
        if summary is None or summary.status in ENDED or is_damaged(summary) or summary.inbox <= last:
            return []
        problem = f"the history has received message {summary.inbox}, but the last one here is {last}"
        return [self._problem("damaged", INBOX, problem, "received messages are taken from the history", mend)]

    def _messages(self, fd: int) -> Messages:
        found = read_messages(fd, START)
        if self._quiet or (found.damage is None and found.torn is None):
            return found
        with between_appends(fd):
            return read_messages(fd, START)

    def _mend_inbox(self, end: int) -> str:
        with reading(self._folder, EVENTS) as fd:
            received = received_messages(fd, self._folder.name)
        readable, kept = [], ""
        if is_regular(self._folder / INBOX):
            with reading(self._folder, INBOX) as fd:
                readable = readable_messages(fd)
                size = os.fstat(fd).st_size
            if size > end:
                kept = f", all from byte {end} on is kept as {keep(self._folder, INBOX, end, 'inbox.damaged')}"
        messages = renumbered(readable, received)
        write_anew(self._folder, INBOX, map(encode_signal, messages))
        return f"{len(messages)} messages are left{kept}"

    # What can be made anew

    def _in_caches(self) -> list[Problem]:
        with reading(self._folder, EVENTS) as fd:
            found = self._survey(fd)
            if found.damage is not None or found.torn is not None:
                return []  # which are mended first
            problems = []
            wrong = self._wrong_snapshot(fd)
            if wrong:
                remedy = "it is made anew, or removed when the history does not make sense"
                problems.append(self._problem("stale", SNAPSHOT, wrong, remedy, self._mend_snapshot))
            if found.sealed is not False and not index.is_sound(fd, self._folder, list(index.due_entries(fd))):
                wrong = "it does not tell where the events are"
                problems.append(self._problem("stale", INDEX, wrong, "it is made anew", self._mend_index))
        return [problem for problem in problems if not self._is_odd(problem.finding.place)]

    def _is_odd(self, name: str) -> bool:
        """Whether something that is no file stands there, which is not ours to replace."""
        return os.path.lexists(self._folder / name) and not is_regular(self._folder / name)

    def _wrong_snapshot(self, history: int) -> str:
        stored = load_snapshot(self._folder)
        if stored is None:
            if is_regular(self._folder / SNAPSHOT):
                return "it cannot be read"
            summary = self._summary(self._folder.name)
            missed = summary is not None and summary.last_event_seq >= _LONG and not is_damaged(summary)
            return "it is missing" if missed else ""
        if not stored.fits(history):
            return f"its event {stored.mark.place.sequence} is not in the history"
        if stored.snapshot.state.get("state_version") != STATE_VERSION:
            return ""  # made by another version, and made anew when it is needed
        return "" if stored.snapshot.restore_state() is not None else "its state cannot be used"

    def _mend_snapshot(self) -> str:
        with reading(self._folder, EVENTS) as fd:
            stored = _snapshot_of(fd, self._folder.name)
        if stored is None:
            (self._folder / SNAPSHOT).unlink()
            return "removed"
        save_snapshot(self._folder, stored)
        return f"made anew at event {stored.mark.place.sequence}"

    def _mend_index(self) -> str:
        with reading(self._folder, EVENTS) as fd:
            index.rebuild(fd, self._folder)
        return "made anew"

    # Everything else

    def _in_folder(self) -> list[Problem]:
        with os.scandir(self._folder) as entries:
            found = sorted(entries, key=lambda entry: entry.name)
        problems = self._of_mode(self._folder, "")
        for entry in found:
            path = self._folder / entry.name
            if entry.is_symlink():
                problems.append(self._problem("unsafe", entry.name, "it is a symbolic link, which no store follows"))
            elif is_temporary(entry.name):
                problems += self._forgotten(path)
            elif not is_ours(entry.name):
                problems.append(self._problem("foreign", entry.name, "no store made it"))
            elif not entry.is_file():
                problems.append(self._problem("foreign", entry.name, "it is not a regular file"))
            else:
                problems += self._of_mode(path, entry.name)
        return problems

    def _of_mode(self, path: Path, name: str) -> list[Problem]:
        mode = path.lstat().st_mode & 0o7777
        if not lets_others_in(mode):
            return []

        def mend() -> str:
            shut_others_out(path)
            return f"its mode is {path.lstat().st_mode & 0o7777:o} now"

        what = f"its mode {mode:o} lets other users in"
        return [self._problem("unsafe", name or ".", what, "they are shut out", mend)]

    def _forgotten(self, path: Path) -> list[Problem]:
        def mend() -> str:
            path.unlink(missing_ok=True)
            return "removed"

        if not is_forgotten(path):
            return []
        return [self._problem("torn", path.name, "who wrote it died before it was whole", "it is removed", mend)]


def _snapshot_of(history: int, execution_id: str) -> StoredSnapshot | None:
    """The snapshot at the last event; None when there is no event, or they do not fit together."""
    state, workflow, mark = initial_state(execution_id), None, None
    try:
        for piece in read_pieces(history, execution_id):
            if not piece.events:
                break
            workflow = piece.events[0].data["workflow"] if workflow is None else workflow
            state = fold(state, piece.events)
            last = piece.events[-1]
            mark = Mark(find_line(history, last.sequence, piece.last_batch) or START, last.id)
        if workflow is None or mark is None:
            return None
        return StoredSnapshot(ExecutionSnapshot.of(state, workflow), mark)
    except (HistoryError, KeyError):
        return None


def _chain(*parts: Iterator[bytes]) -> Iterator[bytes]:
    for each in parts:
        yield from each
