"""`dive-tui events`: what was recorded, event by event."""

from __future__ import annotations

from typing import Annotated

from cyclopts import Parameter

from dive_tui.cli.columns import Column, print_columns
from dive_tui.cli.options import Common, Execution, Json
from dive_tui.cli.printing import Printer, print_json
from dive_tui.cli.problems import UsageError
from dive_tui.cli.reading import events_around
from dive_tui.cli.selecting import find_execution, opened_store
from dive_tui.widgets.events.event_words import elapsed_text
from engine.core.expression_errors import shown_text, suggestion
from engine.model.events import KNOWN_TYPES, ExecutionEvent
from engine.model.times import seconds_between
from engine.replay.searching.event_query import EventQuery, parse_event_query
from engine.store import DamagedHistoryError, DamagedStoreError, ExecutionEventStore, StoreError


async def events(
    execution: Execution,
    /,
    *,
    first: Annotated[int, Parameter(name="--from", metavar="N")] = 1,
    last: Annotated[int | None, Parameter(name="--to", metavar="N")] = None,
    kinds: Annotated[str, Parameter(name="--type", metavar="TYPE,...")] = "",
    search: Annotated[str, Parameter(name="--search", metavar="QUERY")] = "",
    json: Json = False,
    common: Common = Common(),  # noqa: B008 - immutable
) -> int:
    """Show the events of an execution.

    Parameters
    ----------
    first
        The first event to show.
    last
        The last event to show.
    kinds
        Only these types, such as step_failed,path_failed.
    search
        Only events that hold these words, or fit terms like type:failed, step:Charge*, attempt:3, after:+3.5s,
        data.output.total:>100, /regex/; -term turns one round.
    json
        Print each event's envelope as one line of JSON.
    """
    wanted = {kind.strip() for kind in kinds.split(",") if kind.strip()}
    query = parse_event_query(search)
    if first < 1 or (last is not None and last < first):
        raise UsageError("--from and --to are event numbers from 1, --to not before --from")
    async with opened_store(common) as store:
        execution_id = await find_execution(store, execution)
        found, damage = await _read(store, execution_id, first, last)
        start = found if first == 1 else (await _read(store, execution_id, 1, 1))[0]
    of_type = [event for event in found if not wanted or event.event_type in wanted]
    chosen = [event for event in of_type if query.matches(event, _seconds(start, event))] if query else of_type
    if not chosen and damage is None:
        raise UsageError(
            _no_match(execution_id, query) if of_type else _nothing(execution_id, wanted, first, bool(found))
        )
    if json:
        for event in chosen:
            print_json(event.to_dict(), indented=False)
    elif chosen:
        _print_events(Printer(ascii_only=common.ascii), chosen, start)
    if damage is not None:
        raise damage
    return 0


async def _read(
    store: ExecutionEventStore, execution_id: str, first: int, last: int | None
) -> tuple[list[ExecutionEvent], StoreError | None]:
    """The events of a range, and why there are not more of them."""
    try:
        return await store.get_events(execution_id, first, None if last is None else last - first + 1), None
    except (DamagedHistoryError, DamagedStoreError) as error:
        there = await events_around(store, execution_id, error)
        return [event for event in there if first <= event.sequence <= (last or event.sequence)], error


def _nothing(execution_id: str, wanted: set[str], first: int, some: bool) -> str:
    for kind in sorted(wanted - KNOWN_TYPES):
        known = sorted(map(str, KNOWN_TYPES))
        hint = suggestion(kind, known) or f"; there are {', '.join(known)}"
        return f"there is no event type {kind!r}{hint}"
    if some:
        return f"{execution_id} has no event of type {' or '.join(sorted(wanted))} there; see all without --type"
    return f"{execution_id} has no event {first:,}; without --from all are shown"


def _no_match(execution_id: str, query: EventQuery) -> str:
    return f"{execution_id} has no event there that fits {shown_text(query.text)}; see all without --search"


def _print_events(printer: Printer, chosen: list[ExecutionEvent], start: list[ExecutionEvent]) -> None:
    told = [printer.event(event) for event in chosen]
    columns = [
        Column("EVENT", [str(event.sequence) for event in chosen], rank=0, align="right"),
        Column("AFTER", [_after(start, event) for event in chosen], rank=4, align="right"),
        Column("WHAT", [what for what, _, _, _ in told], rank=1),
        Column("WHERE", [printer.within(path, step) for _, path, step, _ in told], rank=2, least=12),
        Column("DETAIL", [said for _, _, _, said in told], rank=3, least=16),
    ]
    print_columns(printer, columns)


def _after(start: list[ExecutionEvent], event: ExecutionEvent) -> str:
    return elapsed_text(_seconds(start, event)) if start else ""


def _seconds(start: list[ExecutionEvent], event: ExecutionEvent) -> float:
    """Since the first event, if there is one to count from."""
    return seconds_between(start[0].timestamp, event.timestamp) if start else 0.0
