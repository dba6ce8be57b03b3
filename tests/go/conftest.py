"""Stores of the Go system with every run in them, and what their files are, byte for byte."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from tests.go.go_runs import RUNS
from tests.go.go_stores import DIALECTS, GoExecution, write_database, write_folder

KINDS = ("folder", "database", "crashed")
"""`crashed` is a database beside which a process that was killed left its log."""


def footprint(place: Path) -> dict[str, tuple[object, ...]]:
    """Everything below a folder: kind, mode, time of change and content."""
    found: dict[str, tuple[object, ...]] = {}
    for path in sorted([place, *place.rglob("*")]):
        status = path.lstat()
        content = hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else ""
        found[str(path)] = (status.st_mode, status.st_mtime_ns, status.st_ctime_ns, status.st_size, content)
    return found


def write(place: Path, kind: str, runs: list[GoExecution]) -> Path:
    """A store of these runs."""
    if kind == "folder":
        return write_folder(place / "executions", runs)
    return write_database(place / "executions.db", runs, crashed=kind == "crashed")


@pytest.fixture
def originals(tmp_path: Path) -> Path:
    """A folder for stores that nothing may touch."""
    folder = tmp_path / "originals"
    folder.mkdir()
    return folder


@pytest.fixture(params=[(kind, dialect) for kind in KINDS for dialect in DIALECTS], ids=lambda param: "-".join(param))
def stored(request: pytest.FixtureRequest, originals: Path) -> tuple[Path, list[GoExecution]]:
    """A store in each kind and dialect, with one run of each sort."""
    kind, dialect = request.param
    runs = [make(dialect) for make in RUNS]
    return write(originals, kind, runs), runs
