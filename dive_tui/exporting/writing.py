"""An execution as a file: private, whole or not there, and never in the place of another one unless asked."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from io import BufferedWriter
from pathlib import Path, PurePath

from dive_tui.exporting.as_jsonl import recorded_events
from dive_tui.exporting.formats import Format, Scope, pieces, suggested_name
from engine.model.snapshot import ExecutionSummary
from engine.replay.history import History

FILE_MODE = 0o600


def write(
    chosen: Format,
    history: History,
    summary: ExecutionSummary,
    target: Path,
    *,
    force: bool = False,
    scope: Scope = Scope(),  # noqa: B008 - immutable
) -> list[Path]:
    """Write an execution to a file, or under its suggested name into a folder; the files that were written.

    What is made of several files goes into a folder, which is made if need be; none is written when one of them is
    there already.

    Raises:
        FileExistsError: the file is there, and `force` was not given.
        OSError: it cannot be written; its `filename` says what.
        ValueError: no test can be made of events that leave out the first one; one sentence.
        StoreError: the events cannot be read any more.
    """
    if not chosen.single:
        return _write_case(history, summary, target, force, scope)
    file = target / suggested_name(summary, chosen) if target.is_dir() else target
    write_file(file, (piece.encode() for piece in pieces(chosen.name, history, summary, scope)), force=force)
    return [file]


def _write_case(history: History, summary: ExecutionSummary, folder: Path, force: bool, scope: Scope) -> list[Path]:
    from dive_tui.cli.pytest_case import pytest_case

    made = pytest_case(recorded_events(history, scope), summary.workflow_name)
    files = {folder / PurePath(name).name: text for name, text in made.items()}
    if folder.exists() and not folder.is_dir():
        raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), str(folder))
    folder.mkdir(exist_ok=True)
    if not force:
        for file in filter(os.path.lexists, files):
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(file))
    for file, text in files.items():
        write_file(file, [text.encode()], force=force)
    return list(files)


def write_file(file: Path, content: Iterable[bytes], *, force: bool = False) -> None:
    """Write a file only its owner can read; when it cannot be written whole nothing is left of it.

    Raises:
        FileExistsError: it is there, and `force` was not given.
        OSError: it cannot be written; its `filename` says what.
    """
    place = file.with_name(f".{file.name}.{os.getpid()}-{os.urandom(4).hex()}") if force else file
    with _created(place, file) as stream:
        stream.writelines(content)
        stream.flush()
        os.fsync(stream.fileno())
        if force:
            place.replace(file)


@contextmanager
def _created(place: Path, shown: Path) -> Iterator[BufferedWriter]:
    """A new file, removed again when writing it goes wrong; errors name what was asked for."""
    try:
        fd = os.open(place, os.O_WRONLY | os.O_CREAT | os.O_EXCL, FILE_MODE)
    except OSError as error:
        error.filename = str(shown)
        raise
    try:
        with os.fdopen(fd, "wb") as stream:
            yield stream
    except BaseException as error:
        with suppress(OSError):
            place.unlink()
        if isinstance(error, OSError) and error.filename is None:
            error.filename = str(shown)
        raise
