"""`dive-tui migrate`: a store of the Go system Dive, translated into one of ours."""

from __future__ import annotations

import os
from collections import Counter
from contextlib import aclosing
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from dive_tui.cli.options import Common, Json
from dive_tui.cli.printing import Printer, one_line, print_json, typed
from dive_tui.cli.problems import UsageError
from dive_tui.cli.progress import shown_progress
from dive_tui.cli.several import counted
from engine.store import StoreNotFoundError
from stores.copying import Copied, is_same_place
from stores.go.detect import is_go_database, is_go_folder
from stores.go.migrating import Migration, Unmigrated
from stores.location import open_store, resolve_location

FINDINGS = 1


async def migrate(
    source: Annotated[str, Parameter(name="SRC", help="Its folder or SQLite file; it is only read.")],
    target: Annotated[
        str | None, Parameter(name="DST", help="The store to write into, made when nothing is there; else --store.")
    ] = None,
    /,
    *,
    json: Json = False,
    common: Common = Common(),  # noqa: B008 - immutable
) -> int:
    """Translate a store of the Go system Dive into one of ours.

    Event by event, with the same ids of executions and the same sequences; what was written is read back and compared.
    Executions that are there already are compared and left as they are, so a migration that was stopped is completed by
    another one. Exit codes: 0 all are there, 1 some could not be migrated, 2 SRC is no such store, 4 a store failed.
    """
    if target is not None and common.store is not None:
        raise UsageError(f"two stores to write into are named, {target!r} and {common.store!r}; give one")
    place = Path(source).expanduser()
    _check_source(place, source)
    location = resolve_location(target if target is not None else common.store, os.environ, Path.cwd()).text
    _check_target(source, place, location)
    printer = Printer(ascii_only=common.ascii)
    results: list[Copied] = []
    migration = Migration(place)
    try:
        store = open_store(location, create=True, offload=False)
        try:
            with shown_progress("migrating", "events") as progress:
                async with aclosing(migration.run(store, progress)) as copies:
                    results = [copied async for copied in copies]
        finally:
            await store.close()
    finally:
        await migration.close()
    if json:
        print_json(
            {
                "source": str(place.resolve()),
                "target": location,
                "executions": [{"id": copied.execution_id, **_outcome(copied)} for copied in results],
                "findings": [problem._asdict() for problem in migration.problems],
            }
        )
    else:
        _tell(printer, results, migration.problems, location, target or common.store)
    return FINDINGS if migration.problems else 0


def _check_source(place: Path, named: str) -> None:
    if not named:
        raise UsageError("SRC: the path of the store is empty")
    if is_go_folder(place) or is_go_database(place):
        return
    if not place.exists():
        raise StoreNotFoundError(f"there is nothing at {place}")
    raise UsageError(f"{place} is no store of the Go system Dive: dive-tui copy takes executions from other stores")


def _check_target(named: str, source: Path, location: str) -> None:
    path = Path(location.removeprefix("file:").removeprefix("sqlite:"))
    if is_same_place(str(source), location):
        raise UsageError(
            f"SRC and DST are the same place, or one is inside the other: {named} and {path}; a store of the Go system "
            "is never changed, name another DST"
        )
    if is_go_folder(path) or is_go_database(path):
        raise UsageError(f"{path} is a store of the Go system Dive itself, which is never changed; name another DST")


def _outcome(copied: Copied) -> dict[str, object]:
    return {"outcome": copied.outcome, "events": copied.events, "problem": copied.problem}


def _tell(
    printer: Printer, results: list[Copied], problems: list[Unmigrated], location: str, named: str | None
) -> None:
    outcomes = Counter(copied.outcome for copied in results)
    facts = [
        f"{outcomes['continued']:,} completed" if outcomes["continued"] else "",
        f"{outcomes['unchanged']:,} there already" if outcomes["unchanged"] else "",
        counted(sum(copied.events for copied in results), "event"),
    ]
    migrated = counted(outcomes["copied"], "execution")
    printer.line(f"Migrated {migrated} to {location}  ", (printer.beside(*facts), "dim"))
    for problem in problems:
        printer.line(
            (f"{printer.glyphs.failed} {printer.short_id(problem.execution_id)}", "red"),
            f"  {one_line(problem.problem)}",
        )
    if results:
        printer.hints(typed("list", store=named))
