"""Which runner may append to an execution: its file `owner` names the runner and its host."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import orjson

from stores.checks import check_runner
from stores.file.layout import OWNER
from stores.files import is_linked, locked, make_folder, open_inside, replace_file
from stores.runners import Owner, Runners


class Owners:
    """Ownership in one store."""

    def __init__(self, base: Path, runners: Runners) -> None:
        self._base = base
        self._runners = runners

    def acquire(self, execution_id: str, runner_id: str, *, take_over: bool = False) -> bool:
        """Make this runner the owner; False when it already was. `take_over`: also after a runner of another host.

        Raises:
            OwnedError: another runner that lives owns it, or may for all we know.
        """
        mine = self._runners.begin_life(runner_id)
        make_folder(self._base / execution_id)
        with self._deciding(execution_id) as current:
            if current == mine:
                return False
            self._runners.check_free(execution_id, current, take_over=take_over)
            record = orjson.dumps({"runner": mine.runner, "host": mine.host})
            replace_file(self._base / execution_id, OWNER, record + b"\n")
        return True

    def release(self, execution_id: str, runner_id: str) -> bool:
        """Give ownership up; False when this runner is not the owner."""
        mine = self._runners.here(runner_id)
        if self.owner_of(execution_id) != mine:
            return False
        with self._deciding(execution_id) as current:
            if current != mine:
                return False
            (self._base / execution_id / OWNER).unlink()
        return True

    @contextmanager
    def unowned(self, execution_id: str) -> Iterator[None]:
        """Meanwhile nobody can become the owner of the execution.

        Raises:
            OwnedError: a runner that lives owns it.
        """
        with self._deciding(execution_id) as current:
            self._runners.check_free(execution_id, current)
            yield

    def owner_of(self, execution_id: str) -> Owner | None:
        """Who owns an execution, alive or not."""
        try:
            fd = os.open(f"{self._base}/{execution_id}/{OWNER}", os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
            try:
                return _parse(_content(fd))
            finally:
                os.close(fd)
        except OSError:
            return None

    def is_live(self, owner: Owner) -> bool:
        """Whether a runner lives; one of another host is taken to."""
        return self._runners.is_live(owner)

    @contextmanager
    def _deciding(self, execution_id: str) -> Iterator[Owner | None]:
        """The present owner, which meanwhile only we can change."""
        folder = self._base / execution_id
        while True:
            fd = open_inside(folder, OWNER, os.O_RDWR | os.O_CREAT)
            try:
                with locked(fd, f"the ownership of {execution_id}"):
                    # Whoever held the lock before us may have put another file in this one's place.
                    if is_linked(fd, folder / OWNER):
                        yield _parse(_content(fd))
                        return
            finally:
                os.close(fd)


def _content(fd: int) -> bytes:
    return os.pread(fd, 4096, 0)  # more than that is not ours


def _parse(content: bytes) -> Owner | None:
    try:
        record = orjson.loads(content)
        return Owner(check_runner(record["runner"]), str(record["host"]))
    except (ValueError, TypeError, KeyError):
        return None
