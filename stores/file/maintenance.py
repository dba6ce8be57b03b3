"""Examining and mending the folder of a file store."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from engine.model.snapshot import ExecutionSummary
from engine.store import OwnedError
from stores.file.layout import CHANGES, DELETED, EVENTS, INBOX, OWNER, OWNERS, is_folder_name
from stores.file.mending import is_forgotten, is_temporary, lets_others_in, shut_others_out
from stores.file.owners import Owners
from stores.file.problems import ExecutionFiles, Problem, is_ours
from stores.files import GITIGNORE, MISSING, BusyError, is_regular, locked, open_inside
from stores.maintenance import Finding, Kind, Mended

_ROUNDS = 5
"""How often an area is looked at again, for one mend may bring another problem to light."""


class Maintenance:
    """What is wrong in a store, and doing something about it."""

    def __init__(self, base: Path, owners: Owners, summary: Callable[[str], ExecutionSummary | None]) -> None:
        self._base = base
        self._owners = owners
        self._summary = summary

    def execution_ids(self) -> list[str]:
        """The folders that are executions.

        Raises:
            OSError: the store cannot be read.
        """
        return [name for name in _folders(self._base) if is_folder_name(name) and _is_execution(self._base / name)]

    def examine_store(self) -> list[Finding]:
        """What is wrong apart from executions."""
        return [problem.finding for problem in self._of_store()]

    def examine(self, execution_id: str) -> list[Finding]:
        """What is wrong with an execution; nothing when there is none."""
        return [problem.finding for problem in self._of_execution(execution_id)]

    def repair_store(self) -> list[Mended]:
        """Mend what is wrong apart from executions."""
        return [Mended(problem.finding, problem.mend()) for problem in self._of_store() if problem.mend is not None]

    def repair(self, execution_id: str) -> list[Mended]:
        """Mend an execution that no living runner owns.

        Raises:
            BusyError: another process is writing to it just now.
            OSError: something could not be written.
        """
        findings = [problem.finding for problem in self._of_execution(execution_id) if problem.mend is not None]
        if not findings:
            return []
        try:
            with self._alone(execution_id):
                return list(self._mended(execution_id))
        except OwnedError as error:
            return [Mended(finding, f"left alone: {error}") for finding in findings]

    @contextmanager
    def _alone(self, execution_id: str) -> Iterator[None]:
        """Meanwhile nobody else owns the execution, appends to it or sends to it."""
        folder = self._base / execution_id
        with ExitStack() as held:
            held.enter_context(self._owners.unowned(execution_id))
            held.callback(self._clear_owner, execution_id)
            for name in (EVENTS, INBOX):
                if is_regular(folder / name):
                    fd = open_inside(folder, name, os.O_RDWR)
                    held.callback(os.close, fd)
                    held.enter_context(locked(fd, str(folder / name)))
            yield

    def _clear_owner(self, execution_id: str) -> None:
        """Remove the file that asking for the owner has made."""
        if self._owners.owner_of(execution_id) is None:
            (self._base / execution_id / OWNER).unlink(missing_ok=True)

    def _mended(self, execution_id: str) -> Iterator[Mended]:
        files = ExecutionFiles(self._base / execution_id, self._summary, quiet=True)
        for area in files.areas():
            for _ in range(_ROUNDS):
                problems = [(problem.finding, problem.mend) for problem in area() if problem.mend is not None]
                if not problems:
                    break
                for finding, mend in problems:
                    yield Mended(finding, mend())

    def _of_execution(self, execution_id: str) -> list[Problem]:
        folder = self._base / execution_id
        if folder.is_symlink() or not folder.is_dir() or not _is_execution(folder):
            return []
        problems = [problem for area in ExecutionFiles(folder, self._summary).areas() for problem in area()]
        if os.path.lexists(folder / OWNER) and not is_regular(folder / OWNER):
            # Who owns it cannot be told, so nobody may change it.
            return [Problem(problem.finding._replace(remedy="")) for problem in problems]
        return problems

    def _of_store(self) -> list[Problem]:
        problems = self._of_mode(self._base)
        for path in sorted(self._base.iterdir()):
            name = path.name
            if path.is_symlink():
                problems.append(_problem("unsafe", name, "it is a symbolic link, which no store follows"))
            elif name.startswith(DELETED) and path.is_dir():
                problems.append(self._leftover(path))
            elif is_temporary(name) and is_regular(path):
                problems += self._forgotten(path)
            elif name in (GITIGNORE, CHANGES) and is_regular(path):
                problems += self._of_mode(path)
            elif name == OWNERS and path.is_dir():
                problems += self._of_mode(path)
                problems += [problem for lock in sorted(path.iterdir()) for problem in self._of_lock(lock)]
            elif not (is_folder_name(name) and path.is_dir() and (_is_execution(path) or not any(path.iterdir()))):
                problems.append(_problem("foreign", name, "no store made it"))
        return problems

    def _of_lock(self, path: Path) -> list[Problem]:
        place = f"{OWNERS}/{path.name}"
        if path.is_symlink():
            return [_problem("unsafe", place, "it is a symbolic link, which no store follows")]
        return self._of_mode(path) if is_regular(path) else [_problem("foreign", place, "no store made it")]

    def _of_mode(self, path: Path) -> list[Problem]:
        try:
            mode = path.lstat().st_mode & 0o7777
        except MISSING:  # a runner that has just ended
            return []
        if not lets_others_in(mode):
            return []

        def mend() -> str:
            shut_others_out(path)
            return f"its mode is {path.lstat().st_mode & 0o7777:o} now"

        place = str(path.relative_to(self._base))
        return [_problem("unsafe", place, f"its mode {mode:o} lets other users in", "they are shut out", mend)]

    def _leftover(self, path: Path) -> Problem:
        def mend() -> str:
            shutil.rmtree(path)
            return "removed"

        what = "the removal of this execution was cut short"
        return _problem("torn", path.name, what, "the removal is finished", mend)

    def _forgotten(self, path: Path) -> list[Problem]:
        def mend() -> str:
            path.unlink(missing_ok=True)
            return "removed"

        if not is_forgotten(path):
            return []
        return [_problem("torn", path.name, "who wrote it died before it was whole", "it is removed", mend)]


def left_alone(findings: list[Finding], error: BusyError) -> list[Mended]:
    """What to tell of an execution that another process was writing to all the time."""
    return [Mended(finding, f"left alone: {error}") for finding in findings if finding.remedy]


def _problem(kind: Kind, place: str, problem: str, remedy: str = "", mend: Callable[[], str] | None = None) -> Problem:
    return Problem(Finding(kind, "", place, problem, remedy), mend)


def _folders(base: Path) -> list[str]:
    with os.scandir(base) as entries:
        return sorted(entry.name for entry in entries if entry.is_dir(follow_symlinks=False))


def _is_execution(folder: Path) -> bool:
    """Whether anything in a folder is what a store makes."""
    try:
        with os.scandir(folder) as entries:
            return any(is_ours(entry.name) or is_temporary(entry.name) for entry in entries)
    except MISSING:
        return False
    except PermissionError:
        return True  # which whoever looks into it is going to tell
