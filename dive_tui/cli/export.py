"""`dive-tui export`: an execution as a file for other people and other tools."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from dive_tui.app.text import human_bytes
from dive_tui.cli.options import Common, Execution
from dive_tui.cli.printing import Printer
from dive_tui.cli.problems import UsageError
from dive_tui.cli.reading import Reading, read_execution
from dive_tui.cli.selecting import find_execution, opened_store
from dive_tui.exporting import (
    FORMATS,
    Format,
    Scope,
    UnknownFormatError,
    find_format,
    format_of,
    pieces,
    suggested_name,
    write,
)
from engine.core.references import split_position

_DEFAULT = "json"
_NAMES = ", ".join(known.name for known in FORMATS)


async def export(
    execution: Execution,
    /,
    *,
    format: Annotated[str, Parameter(name="--format", metavar="FORMAT")] = "",
    to: Annotated[str, Parameter(name="--to", metavar="FILE|FOLDER|-", allow_leading_hyphen=True)] = "",
    first: Annotated[int, Parameter(name="--from", metavar="N")] = 1,
    last: Annotated[int | None, Parameter(name="--until", metavar="N")] = None,
    states: Annotated[bool, Parameter(name="--states")] = False,
    force: Annotated[bool, Parameter(name="--force")] = False,
    common: Common = Common(),  # noqa: B008 - immutable
) -> int:
    """Write an execution as JSON, report, picture, trace or test.

    Parameters
    ----------
    format
        json, jsonl, markdown, svg, html, trace or pytest; by default as the name of the file says, else json.
    to
        Where to: a file, a folder, or - for standard output.
    first
        The first event that is told of.
    last
        The last event that is told of; by default the last one, or SEQ of EXEC@SEQ.
    states
        In json, the whole state at the last event, too.
    force
        Write over a file that is there.
    """
    reference, position = split_position(execution)
    last = position if last is None else last
    if first < 1 or (last is not None and last < first):
        raise UsageError("--from and --until are event numbers from 1, --until not before --from")
    chosen = _chosen_format(format, to)
    if states and chosen.name != "json":
        raise UsageError(f"--states goes with --format json, not with {chosen.name}")
    async with opened_store(common) as store:
        reading = await read_execution(store, await find_execution(store, reference))
        _check_range(reading, first, last)
        # A long history is not held: its events are read again while they are written.
        _export(common, chosen, reading, to, force, Scope(first, last, states, reading.damage))
    reading.complain()
    return 0


def _export(common: Common, chosen: Format, reading: Reading, to: str, force: bool, scope: Scope) -> None:
    if _to_stdout(chosen, to, reading):
        for piece in pieces(chosen.name, reading.history, reading.summary, scope):
            sys.stdout.buffer.write(piece.encode())
        return
    if chosen.single and to.endswith("/") and not Path(to).is_dir():
        raise UsageError(f"cannot write {to}: there is no such folder")
    _write(Printer(ascii_only=common.ascii), chosen, reading, Path(to or "."), force, scope)


def _chosen_format(name: str, to: str) -> Format:
    if name:
        try:
            return find_format(name)
        except UnknownFormatError as problem:
            raise UsageError(str(problem)) from problem
    if to in ("", "-") or to.endswith("/") or Path(to).is_dir():
        return find_format(_DEFAULT)
    found = format_of(to)
    if found is None:
        raise UsageError(f"the name {to!r} does not tell the format; add --format with one of {_NAMES}")
    return found


def _check_range(reading: Reading, first: int, last: int | None) -> None:
    count = len(reading.history)
    asked = last if last is not None and last > count else first
    if asked > count and not (reading.damage and first <= count):
        raise UsageError(f"{reading.summary.id} has events 1 to {count:,}; there is no event {asked:,}")


def _to_stdout(chosen: Format, to: str, reading: Reading) -> bool:
    """Whether it goes to standard output.

    Raises:
        UsageError: it cannot go there.
    """
    if to not in ("", "-"):
        return False
    if not chosen.single:
        if to:
            raise UsageError(f"{chosen.name} is made of several files; name a folder with --to")
        return False
    if not to and sys.stdout.isatty() and not chosen.readable:
        name = suggested_name(reading.summary, chosen)
        raise UsageError(f"{chosen.name} is nothing to read in a terminal; write it to a file: --to {name}")
    return True


def _write(printer: Printer, chosen: Format, reading: Reading, target: Path, force: bool, scope: Scope) -> None:
    try:
        files = write(chosen, reading.history, reading.summary, target, force=force, scope=scope)
    except FileExistsError as error:
        raise UsageError(f"{error.filename} is there already; --force writes over it") from error
    except OSError as error:
        raise UsageError(f"cannot write {error.filename or target}: {error.strerror or error}") from error
    except ValueError as problem:
        raise UsageError(str(problem)) from problem
    for file in files:
        size = human_bytes(file.stat().st_size)
        printer.line((printer.glyphs.completed, "green"), f" {file}", (f"  {size}", "dim"))
