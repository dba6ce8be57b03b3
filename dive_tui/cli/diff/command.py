"""`dive-tui diff`: what differs between two executions, two states, or a snapshot or definition and what is now."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

from cyclopts import Parameter

from dive_tui.cli.diff.values import DIFFERENT, ComparedValues, Options, tell, unexplained
from dive_tui.cli.options import Common, Json
from dive_tui.cli.printing import Printer, print_json, typed
from dive_tui.cli.problems import UsageError
from dive_tui.cli.reading import Reading, read_execution
from dive_tui.cli.selecting import find_execution, opened_store
from engine.core.references import split_position
from engine.replay.addressing.addresses import AddressError, parse_address
from engine.replay.diffing.diff import Differences, diff_values, not_ignored
from engine.store import ExecutionEventStore

if TYPE_CHECKING:
    from engine.replay.diffing.audit import Audit

MOST_CHANGES = 10_000
"""Differences that are told; more are only said to be there."""
_KEYWORDS = ("snapshot", "definition")


async def diff(
    execution: Annotated[
        str,
        Parameter(name="EXEC", help="An id, a part of one, last, last-failed, last-N; EXEC@SEQ is its state then."),
    ],
    other: Annotated[
        str | None,
        Parameter(name="OTHER", help="EXEC, EXEC@SEQ, @SEQ (of the same execution), snapshot or definition."),
    ] = None,
    /,
    *,
    ignore: Annotated[tuple[str, ...], Parameter(name="--ignore", metavar="ADDRESS", negative=())] = (),
    detail: Annotated[bool, Parameter(name="--detail")] = False,
    patch: Annotated[bool, Parameter(name="--patch")] = False,
    json: Json = False,
    common: Common = Common(),  # noqa: B008 - immutable
) -> int:
    """Compare executions, states, a snapshot or a definition.

    EXEC alone is compared with the run it is a retry of, its newest retry, or the last good run of its workflow;
    EXEC@SEQ with the state it has come to since. Nothing is run, and nothing is changed. Exit codes: 0 nothing
    differs, 1 something does, 2 there are no two things to compare.

    Parameters
    ----------
    ignore
        Leave out what differs at or below this address; items[*] stands for any place of a list. Can be repeated.
    detail
        Report in detail, lines of texts included, and with --json the delta.
    patch
        Print a JSON patch (RFC 6902) that makes the second out of the first.
    """
    check_ignored(ignore)
    if patch and ignore:
        raise UsageError("a patch needs all differences; leave out --ignore")
    options = Options(ignore, detail, patch, json, common.ascii, common.store)
    reference, position = split_position(execution)
    async with opened_store(common) as store:
        reading = await read_execution(store, await find_execution(store, reference))
        if other in _KEYWORDS:
            if position is not None:
                raise UsageError(f"EXEC@SEQ has no {other} of its own; leave out @{position}")
            audits = other == "snapshot"
            return await _snapshot(store, reading, options) if audits else _definition(reading, options)
        other_reference, other_position = split_position(other or "")
        if other is None and position is None:
            return await _with_counterpart(store, reading, options)
        if other is not None and not other_reference and other_position is None:
            raise UsageError("there is nothing after EXEC to compare it with: it is empty")
        other_id = await find_execution(store, other_reference) if other_reference else reading.summary.id
        against = reading if other_id == reading.summary.id else await read_execution(store, other_id)
        if position is None and other_position is None:
            if against is reading:
                raise UsageError(f"{other_id} is the same execution; name events of it: {other_id[-5:]}@1 @2")
            return _executions(reading, against, options)
        left, right = _at(reading, position), _at(against, other_position)
        return _states(_State(reading, left), _State(against, right), options)


class _State(NamedTuple):
    """An execution after one of its events."""

    reading: Reading
    sequence: int

    @property
    def words(self) -> str:
        return f"{self.reading.summary.workflow_name} after event {self.sequence:,}"

    def to_dict(self) -> dict[str, Any]:
        return {"execution_id": self.reading.summary.id, "sequence": self.sequence}


def check_ignored(addresses: Collection[str]) -> None:
    """See whether addresses to ignore can be any.

    Raises:
        UsageError: one cannot.
    """
    for address in addresses:
        try:
            parse_address(address.replace("[*]", "[0]"))
        except AddressError as error:
            raise UsageError(f"--ignore: {error}") from error


def _at(reading: Reading, sequence: int | None) -> int:
    """The event that is meant, by default the last one whose state is known."""
    if sequence is not None and sequence > len(reading.history) and not reading.damage:
        events = f"{reading.summary.id} has events 1 to {len(reading.history):,}"
        raise UsageError(f"{events}; there is no event {sequence:,}")
    return min(sequence or reading.last, reading.last)


# Two executions


async def _with_counterpart(store: ExecutionEventStore, reading: Reading, options: Options) -> int:
    from engine.replay.comparing.related import counterpart

    found = await counterpart(store, reading.summary)
    if found is None:
        name = reading.summary.workflow_name
        raise UsageError(
            f"{reading.summary.id} is no retry, has none, and no other run of {name!r} has completed: say what to "
            "compare it with"
        )
    other = await read_execution(store, found.summary.id)
    if found.relation == "retry":
        return _executions(reading, other, options, why="the run that the other one is a retry of")
    return _executions(other, reading, options, why=found.why)


def _executions(left: Reading, right: Reading, options: Options, why: str = "") -> int:
    from dive_tui.cli.diff.executions import diff_executions

    for name, given in (("--patch", options.patch), ("--detail", options.detail)):
        if given:
            raise UsageError(f"{name} is for two states, not for two executions; name their events: EXEC@SEQ EXEC@SEQ")
    return diff_executions(left, right, ignore=options.ignore, json=options.json, ascii_only=options.ascii, why=why)


# One execution and itself


def _states(left: _State, right: _State, options: Options) -> int:
    from engine.replay.diffing.explain import explain
    from engine.replay.diffing.states import comparable_view

    old, new = (comparable_view(state.reading.history, state.sequence) for state in (left, right))
    found = diff_values(old, new, limit=MOST_CHANGES)
    changes = not_ignored(found.changes, options.ignore)
    history = left.reading.history if left.reading is right.reading else None
    first, last = sorted((left.sequence, right.sequence))
    values = ComparedValues(
        old,
        new,
        found,
        unexplained(changes) if history is None else explain(history, changes, last, first),
        (left.words, right.words),
        {"left": left.to_dict(), "right": right.to_dict()},
        history,
    )
    code = tell(values, options)
    left.reading.complain()
    if right.reading is not left.reading:
        right.reading.complain()
    return code


async def _snapshot(store: ExecutionEventStore, reading: Reading, options: Options) -> int:
    from engine.replay.diffing.audit import audit_snapshot

    audit = (await audit_snapshot(store, reading.summary.id, reading.history)).without(options.ignore)
    if audit.verdict == "missing":
        raise UsageError(f"{reading.summary.id} has no stored snapshot; it is a cache, and nothing needs it")
    if audit.verdict == "unusable":
        return _unusable(audit, reading, options)
    values = ComparedValues(
        audit.stored,
        audit.replayed,
        Differences([explained.change for explained in audit.changes], audit.more),
        audit.changes,
        (f"{reading.summary.workflow_name} as stored at event {audit.sequence:,}", "replayed"),
        audit.to_dict(),
        reading.history,
        audit.sentence,
    )
    code = tell(values, options)
    reading.complain()
    return code


def _unusable(audit: Audit, reading: Reading, options: Options) -> int:
    if options.json:
        print_json(audit.to_dict())
    else:
        printer = Printer(ascii_only=options.ascii)
        printer.line((printer.glyphs.failed, "red"), f" {audit.sentence}")
        printer.hints(typed("verify", reading.summary.id[-5:], store=options.store), label="More")
    reading.complain()
    return DIFFERENT


def _definition(reading: Reading, options: Options) -> int:
    from dive_tui.definition_now import NoDefinitionError, read_definitions

    try:
        then_and_now = read_definitions(reading.history)
    except NoDefinitionError as error:
        raise UsageError(str(error)) from error
    found = then_and_now.differences(MOST_CHANGES)
    changes = not_ignored(found.changes, options.ignore)
    values = ComparedValues(
        then_and_now.recorded,
        then_and_now.current,
        found,
        unexplained(changes),
        (f"{then_and_now.workflow} as recorded", then_and_now.file),
        {"execution_id": reading.summary.id, "file": then_and_now.file, "workflow": then_and_now.workflow},
    )
    return tell(values, options)
