"""Examining and mending a store's database and the files beside it."""

from __future__ import annotations

import stat
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from pathlib import Path

import apsw

from engine.model.ids import validate_execution_id
from engine.store import OwnedError
from stores.files import FILE_MODE, FOLDER_MODE, GITIGNORE, MISSING
from stores.maintenance import Finding, Mended, Progress
from stores.runners import Runners
from stores.sqlite import owners
from stores.sqlite.aside import Aside
from stores.sqlite.connection import Connections
from stores.sqlite.problems import Problem, problems_of
from stores.sqlite.rebuilding import rebuild
from stores.sqlite.schema import MOST_EXECUTIONS, SEQUENCE_BITS

OWN_NAME = "store.db"
"""Of a database that has its folder for itself."""
_WAIT_MS = 5_000
"""How long a mend waits for others that are writing: beginning anew would forget what was done already."""
_ROUNDS = 5
"""How often an execution is looked at again, for one mend may bring another problem to light."""
_TEXTS = (
    "SELECT id, status, workflow_name, start_time, end_time, wake_at, children, continues FROM executions",
    "SELECT id FROM messages",
    "SELECT execution_id, runner, host FROM owners",
)
_REBUILD = "all that can be read is written into a new database, and this one is kept"


class Maintenance:
    """What is wrong in a store, and doing something about it."""

    def __init__(self, connections: Connections, runners: Runners, announce: Callable[..., None]) -> None:
        self._connections = connections
        self._runners = runners
        self._announce = announce
        self._path = connections.path
        self._aside = Aside(connections.path)

    def examine(self, execution_id: str | None, progress: Progress | None) -> list[Finding]:
        """What is wrong; of one execution or of all, and then of the database too."""
        findings = []
        if execution_id is not None:
            validate_execution_id(execution_id)
        else:
            findings += [problem.finding for problem in self._of_files()]
            if (damage := self._damage()) is not None:
                return [*findings, damage]
            with self._connections.reading() as connection:
                findings += [problem.finding for problem in _of_tables(connection, self._aside)]
        for number, name in self._executions(execution_id, progress):
            with self._connections.reading() as connection:
                findings += [problem.finding for problem in problems_of(connection, number, name, self._aside)]
        return findings

    def repair(self, execution_id: str | None, progress: Progress | None) -> list[Mended]:
        """Mend what has a remedy.

        Raises:
            OwnedError: the database must be written anew, and runners live that use it.
        """
        mended = []
        if execution_id is not None:
            validate_execution_id(execution_id)
        else:
            mended += [
                Mended(problem.finding, problem.mend()) for problem in self._of_files() if problem.mend is not None
            ]
            if (damage := self._damage()) is not None:
                live = self._runners.live()
                if live:
                    raise OwnedError(f"{damage.place} must be written anew, but runner {min(live)} is alive")
                mended.append(Mended(damage, rebuild(self._connections, self._aside)))
                self._announce(*(str(name) for _, name in self._executions(None, None)))
            with self._connections.writing(wait_ms=_WAIT_MS) as connection:
                mended += _mend_all(list(_of_tables(connection, self._aside)))
        for number, name in self._executions(execution_id, progress):
            mended += self._repair(number, name)
        return mended

    def _repair(self, number: int, name: object) -> list[Mended]:
        with self._connections.reading() as connection:
            findings = [problem.finding for problem in problems_of(connection, number, name, self._aside)]
        if not any(finding.remedy for finding in findings):
            return []
        done: list[Mended] = []
        try:
            with self._connections.writing(wait_ms=_WAIT_MS) as connection:
                self._runners.check_free(str(name), owners.owner_of(connection, str(name)))
                for _ in range(_ROUNDS):
                    problem = next(_mendable(connection, number, name, self._aside), None)
                    if problem is None or problem.mend is None:
                        break
                    done.append(Mended(problem.finding, problem.mend()))
                _drop_if_empty(connection, number)
        except OwnedError as error:
            return [Mended(finding, f"left alone: {error}") for finding in findings if finding.remedy]
        self._announce(str(name))
        return done

    def _executions(self, execution_id: str | None, progress: Progress | None) -> Iterator[tuple[int, object]]:
        with self._connections.reading() as connection:
            rows: list[tuple[int, object]] = list(
                connection.execute("SELECT number, id FROM executions ORDER BY number")
            )
        if execution_id is not None:
            rows = [(number, name) for number, name in rows if name == execution_id]
        for done, (number, name) in enumerate(rows):
            if progress is not None:
                progress(done, len(rows), str(name))
            yield number, name
        if progress is not None:
            progress(len(rows), len(rows), "")

    def _damage(self) -> Finding | None:
        """What SQLite itself says about the structure of the file."""
        try:
            with self._connections.reading() as connection:
                said = [row[0] for row in connection.execute("PRAGMA integrity_check(5)")]
                for query in _TEXTS if said == ["ok"] else ():  # which it does not look into
                    for _ in connection.execute(query):
                        pass
        except (apsw.CorruptError, apsw.NotADBError, UnicodeDecodeError) as error:
            said = [str(error)]
        if said == ["ok"]:
            return None
        return Finding(
            "damaged", "", str(self._path), "; ".join(" ".join(str(line).split()) for line in said), _REBUILD
        )

    def _of_files(self) -> Iterator[Problem]:
        if self._path.name == OWN_NAME:
            yield from _of_mode(self._path.parent)
            yield from self._beside()
        # The files that come and go with an open database have its mode: one finding is enough.
        yield from _of_mode(self._path, Path(f"{self._path}-wal"), Path(f"{self._path}-shm"))
        for suffix in ("-changes", "-owners", "-damaged"):
            path = Path(f"{self._path}{suffix}")
            yield from _of_mode(path)
            if suffix == "-owners" and path.is_dir() and not path.is_symlink():
                for lock in sorted(path.iterdir()):
                    yield from _of_mode(lock)

    def _beside(self) -> Iterator[Problem]:
        """What else is in a folder that is the store's own."""
        for path in sorted(self._path.parent.iterdir()):
            if path.name.startswith((self._path.name, GITIGNORE, f".{GITIGNORE}.")):
                continue
            if path.is_symlink():
                yield Problem(Finding("unsafe", "", str(path), "it is a symbolic link, which no store follows"))
            else:
                yield Problem(Finding("foreign", "", str(path), "no store made it"))


def _mend_all(problems: Iterable[Problem]) -> list[Mended]:
    return [Mended(problem.finding, problem.mend()) for problem in problems if problem.mend is not None]


def _of_mode(path: Path, *like_it: Path) -> Iterator[Problem]:
    try:
        status = path.lstat()
    except MISSING:
        return
    if stat.S_ISLNK(status.st_mode):
        yield Problem(Finding("unsafe", "", str(path), "it is a symbolic link, which no store follows"))
        return
    mode = stat.S_IMODE(status.st_mode)
    if not mode & 0o077:
        return

    def mend() -> str:
        path.chmod(FOLDER_MODE if stat.S_ISDIR(status.st_mode) else FILE_MODE)
        for other in like_it:
            with suppress(*MISSING):
                other.chmod(FILE_MODE)
        return f"its mode is {stat.S_IMODE(path.lstat().st_mode):o} now"

    yield Problem(Finding("unsafe", "", str(path), f"its mode {mode:o} lets other users in", "they are shut out"), mend)


def _mendable(connection: apsw.Connection, number: int, name: object, aside: Aside) -> Iterator[Problem]:
    return (problem for problem in problems_of(connection, number, name, aside) if problem.mend is not None)


def _drop_if_empty(connection: apsw.Connection, number: int) -> None:
    """An execution of which no event is left is none."""
    row = connection.execute("SELECT last_sequence FROM executions WHERE number = ?", (number,)).fetchone()
    if row is not None and row[0] == 0:
        for statement in (
            "DELETE FROM snapshots WHERE number = ?",
            "DELETE FROM messages WHERE number = ?",
            "DELETE FROM executions WHERE number = ?",
        ):
            connection.execute(statement, (number,))


def _of_tables(connection: apsw.Connection, aside: Aside) -> Iterator[Problem]:
    """What is wrong apart from executions and what belongs to them."""
    yield from _orphans(connection, aside)
    for row in connection.execute("SELECT execution_id, runner, host, crc FROM owners").fetchall():
        if not owners.is_whole(row):
            yield _unreadable_owner(connection, row[0])


def _unreadable_owner(connection: apsw.Connection, execution_id: object) -> Problem:
    def mend() -> str:
        connection.execute("DELETE FROM owners WHERE execution_id IS ?", (execution_id,))
        return "removed"

    what = "it cannot be told which runner owns an execution"
    place = f"table owners, row {execution_id!r}"
    # Whoever owned it and still lives finds out at its next append, when another one has gone on.
    return Problem(Finding("damaged", "", place, what, "the row is removed: then nobody owns it"), mend)


def _orphans(connection: apsw.Connection, aside: Aside) -> Iterator[Problem]:
    """Rows of executions that there are none of."""
    known = {number for (number,) in connection.execute("SELECT number FROM executions")}
    for number in _numbers_of_events(connection):
        if number not in known:
            yield _orphan(connection, aside, "events", number, (number << SEQUENCE_BITS, (number + 1) << SEQUENCE_BITS))
    for table in ("messages", "snapshots"):
        numbers: list[int] = [row[0] for row in connection.execute(f"SELECT DISTINCT number FROM {table}")]  # noqa: S608
        for number in numbers:
            if number not in known:
                yield _orphan(connection, aside, table, number, (number, number + 1))


def _orphan(connection: apsw.Connection, aside: Aside, table: str, number: int, span: tuple[int, int]) -> Problem:
    key = "position" if table == "events" else "number"
    where = f"FROM {table} WHERE {key} >= ? AND {key} < ?"  # names of our own tables

    def mend() -> str:
        rows = connection.execute(f"SELECT line {where}", span)
        kept = aside.keep(f"{number}.{table}", (line for (line,) in rows))
        connection.execute(f"DELETE {where}", span)
        return f"cut out; {kept}"

    what = f"there is no execution of number {number}"
    return Problem(Finding("damaged", "", f"table {table}", what, "these rows are cut out and kept"), mend)


def _numbers_of_events(connection: apsw.Connection) -> Iterator[int]:
    """The executions there are events of, by jumping from each to the next."""
    at = -(1 << 63)
    while True:
        row = connection.execute("SELECT min(position) FROM events WHERE position >= ?", (at,)).fetchone()
        if row is None or row[0] is None:
            return
        number = row[0] >> SEQUENCE_BITS
        yield number
        if number >= MOST_EXECUTIONS:
            return
        at = (number + 1) << SEQUENCE_BITS
