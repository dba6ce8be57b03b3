"""`dive-tui replay`: everything that was true at an event, what stops where, and who set a value; nothing is run."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import closing
from dataclasses import dataclass
from typing import Annotated, Any

from cyclopts import Parameter

from dive_tui.cli.options import Common, Execution, Json
from dive_tui.cli.printing import Printer, print_json, typed
from dive_tui.cli.problems import UsageError, tell
from dive_tui.cli.progress import shown_progress
from dive_tui.cli.reading import Reading, read_execution
from dive_tui.cli.replay.places import event_number, seek_place
from dive_tui.cli.replay.printing import print_changes, print_state, print_stops, print_watches, print_write
from dive_tui.cli.selecting import find_execution, opened_store
from engine.core.expression_errors import shown_text, suggestion
from engine.core.references import split_position
from engine.replay.addressing.addresses import MISSING, VARIABLES, Address, parse_address
from engine.replay.addressing.setting import Write, copied_from, previous_change
from engine.replay.addressing.values import cursor_path, look_up
from engine.replay.session.session import ReplaySession, Stop

NOTHING = 1
"""The exit code when no breakpoint stops, or nothing set a value."""


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What is to be told of a history."""

    to: str | None
    breakpoints: tuple[str, ...]
    back: bool
    every_stop: bool
    watches: tuple[str, ...]
    who: str | None

    def check(self) -> None:
        """Refuse what does not fit together.

        Raises:
            UsageError: it does not.
        """
        if (self.back or self.every_stop) and not self.breakpoints:
            raise UsageError(f"{'--back' if self.back else '--all'} needs a breakpoint, like --break type:step_failed")
        if self.every_stop and (self.who or self.watches):
            raise UsageError("--all lists where breakpoints stop; it goes with neither --watch nor --who")


async def replay(
    execution: Execution,
    /,
    *,
    to: Annotated[str | None, Parameter(name="--to", metavar="PLACE", allow_leading_hyphen=True)] = None,
    breakpoints: Annotated[tuple[str, ...], Parameter(name="--break", metavar="TEXT", negative=())] = (),
    back: Annotated[bool, Parameter(name="--back")] = False,
    every_stop: Annotated[bool, Parameter(name="--all")] = False,
    watches: Annotated[tuple[str, ...], Parameter(name="--watch", metavar="ADDRESS", negative=())] = (),
    who: Annotated[str | None, Parameter(name="--who", metavar="ADDRESS")] = None,
    json: Json = False,
    common: Common = Common(),  # noqa: B008 - immutable
) -> int:
    """Rebuild the state after an event, and what the event changed.

    Nothing is run: all of it comes from the recorded history. Exit code 1: no breakpoint stops, or nothing
    set the value.

    Parameters
    ----------
    to
        An event's number, +12.5s after the start, a time, or a step, where it first begins; by default the last event,
        or SEQ of EXEC@SEQ.
    breakpoints
        Go on from there (by default from the start) to where this stops: type:step_failed, step:Charge*,
        changes:cart.total, when: state.total > 100, ...
    back
        Go back instead, by default from the end.
    every_stop
        List every stop, a line each.
    watches
        Show the value at this address too, and what set it: cart.total, paths.main.status, ...
    who
        Show only the event that set the value at this address, and what it was before.
    """
    reference, position = split_position(execution)
    asked = Asked(
        to=str(position) if to is None and position is not None else to,
        breakpoints=breakpoints, back=back, every_stop=every_stop, watches=watches, who=who,
    )  # fmt: skip
    asked.check()
    number = event_number(asked.to)
    async with opened_store(common) as store:
        execution_id = await find_execution(store, reference)
        needs_all = bool(breakpoints) and not back
        reading = await read_execution(store, execution_id, None if needs_all else number)
        if number is not None and number > len(reading.history) and not reading.damage:
            raise UsageError(f"{execution_id} has events 1 to {len(reading.history):,}; there is no event {number:,}")
        session = _session(reading, asked)
        if every_stop:
            code = _tell_stops(session, asked, json, common)
        else:
            code = _tell(session, reading, asked, json, common, reference)
    reading.complain()
    return code


def _session(reading: Reading, asked: Asked) -> ReplaySession:
    """A session where the search for a stop begins, or at what is to be shown.

    Raises:
        UsageError: there is no such place.
        AddressError, BreakpointError: a text is none.
    """
    session = ReplaySession(reading.history, 1 if asked.breakpoints and not asked.back else None)
    if asked.to is not None:
        seek_place(session, asked.to)
    for text in asked.breakpoints:
        session.add_breakpoint(text)
    for text in asked.watches:
        session.add_watch(text)
    if asked.who is not None:
        parse_address(asked.who)
    return session


def _stops(session: ReplaySession, asked: Asked) -> Generator[Stop, None, None]:
    """The stops on the way; only where the event to start from was not named, it may be one."""
    with shown_progress("searching", "events") as progress:
        yield from session.stops(
            asked.back,
            inclusive=asked.to is None,
            progress=lambda done, total: progress(done, total, session.history.execution_id),
        )


def _tell_stops(session: ReplaySession, asked: Asked, json: bool, common: Common) -> int:
    stops = list(_stops(session, asked))
    if json:
        events = session.history
        print_json([_stop_record(stop) | {"event": events.event(stop.sequence).to_dict()} for stop in stops])
    elif stops:
        print_stops(Printer(ascii_only=common.ascii), session.history, stops)
    if not stops:
        _tell_nothing_stops(session)
    return 0 if stops else NOTHING


def _stop_record(stop: Stop) -> dict[str, Any]:
    return {"sequence": stop.sequence, "breakpoints": list(stop.breakpoints)}


def _tell_nothing_stops(session: ReplaySession) -> None:
    problems = [f"breakpoint {each.number}: {each.problem}" for each in session.breakpoints if each.problem]
    tell(["no event stops at a breakpoint", *problems])


def _tell(session: ReplaySession, reading: Reading, asked: Asked, json: bool, common: Common, reference: str) -> int:
    stop = None
    if asked.breakpoints:
        with closing(_stops(session, asked)) as stops:
            stop = next(stops, None)
        if stop is None:
            _tell_nothing_stops(session)
            if json:
                print_json(None)
            return NOTHING
        session.stop_at(stop)
    session.seek(min(session.sequence, reading.last))
    if asked.who is not None:
        return _tell_who(session, asked.who, json, common)
    result, watched = session.result().to_dict(), session.watches()
    if json:
        result |= {"stop": _stop_record(stop)} if stop is not None else {}
        result |= {"watches": [value.to_dict() for value in watched]} if asked.watches else {}
        print_json(result)
        return 0
    printer = Printer(ascii_only=common.ascii)
    print_state(printer, reading, result, stop)
    print_watches(printer, watched)
    print_changes(printer, reading, session.sequence)
    if session.sequence > 1:
        printer.line()
        printer.hints(typed("replay", reference, "--to", str(session.sequence - 1), store=common.store))
    return 0


def _tell_who(session: ReplaySession, text: str, json: bool, common: Common) -> int:
    history, at = session.history, session.sequence
    write = session.who_set(text)
    if write is None:
        tell([f"nothing has set {shown_text(text)} up to event {at:,}{_other_variable(session, text)}"])
        if json:
            print_json(None)
        return NOTHING
    address = parse_address(text).on_path(cursor_path(history, at))
    previous = previous_change(history, address, write.sequence)
    if json:
        record: dict[str, Any] = {"address": str(address), "at": at, "set": _write_record(session, write)}
        record["copied_from"] = copied_from(history, address, write)
        print_json(record | {"previous": None if previous is None else _write_record(session, previous)})
    else:
        origin = copied_from(history, address, write)
        print_write(Printer(ascii_only=common.ascii), history, str(address), write, origin, previous)
    return 0


def _write_record(session: ReplaySession, write: Write) -> dict[str, Any]:
    return write.to_dict() | {"event": session.history.event(write.sequence).to_dict()}


def _other_variable(session: ReplaySession, text: str) -> str:
    """What might have been meant, when a variable is not there at all."""
    address = parse_address(text)
    if not address.is_short or len(address.parts) < 2:
        return ""
    variables = look_up(session.history, Address((VARIABLES,)), session.sequence)
    return "" if variables is MISSING or address.parts[1] in variables else suggestion(address.parts[1], variables)
