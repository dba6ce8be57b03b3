"""What an execution can be compared with: what is offered, and what a person may type instead."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from dive_tui.app.text import human_count
from dive_tui.feeds.diff_questions import (
    DefinitionAsked,
    ExecutionsAsked,
    Moment,
    Question,
    SnapshotAsked,
    StatesAsked,
    older_first,
)
from dive_tui.widgets.events.event_words import look_of
from dive_tui.widgets.wait_words import id_words
from engine.core.references import ReferenceProblem, resolve_reference, split_position
from engine.model.snapshot import ExecutionSummary
from engine.replay.comparing.related import last_good_run, newest_retry, source_of
from engine.replay.history import History
from engine.store import ExecutionEventStore

_MOST_MARKS = 4


class Choice(NamedTuple):
    """Something to compare with."""

    words: str
    told: str
    """What that is now, in a few words."""
    question: Question


class Here(NamedTuple):
    """Where a person stands when they ask."""

    summary: ExecutionSummary
    history: History
    sequence: int
    marks: Mapping[str, int]
    """Sequences by name."""

    @property
    def moment(self) -> Moment:
        """The event one stands on."""
        return Moment(self.summary.id, self.sequence)

    def with_event(self, sequence: int) -> StatesAsked:
        """The states at another event and here, the earlier one left."""
        left, right = sorted((sequence, self.sequence))
        return StatesAsked(Moment(self.summary.id, left), Moment(self.summary.id, right))

    def told(self, sequence: int) -> str:
        """An event in a few words."""
        if not sequence:
            return "nothing has happened yet"
        columns = self.history.columns
        what, step = look_of(columns.kind(sequence)).words, columns.step(sequence)
        return f"event {human_count(sequence)}  {what}  {step}".rstrip()


def choices_here(here: Here) -> list[Choice]:
    """What is known at once: other events of the execution, its snapshot, its definition."""
    history, at = here.history, here.sequence
    step = history.index.previous_step(at)
    places = [("the event before", at - 1)]
    if step is not None and step != at - 1:
        places.append(("where the step before began" if step < at - 1 else "the step before", step))
    places += [(f"mark {name}", sequence) for name, sequence in list(here.marks.items())[:_MOST_MARKS]]
    if at > 2:
        places.append(("the beginning", 1))
    if at < history.folded:
        places.append(("the newest event", history.folded))
    made = [
        Choice(f"State at {words}", here.told(sequence), here.with_event(sequence))
        for words, sequence in places
        if 0 <= sequence <= history.folded and sequence != at
    ]
    made.append(Choice("Stored snapshot", "against the replayed state", SnapshotAsked(here.summary.id)))
    made.append(Choice("Definition of today", "against the recorded one", DefinitionAsked(here.summary.id)))
    return made


async def related_choices(store: ExecutionEventStore, summary: ExecutionSummary) -> list[Choice]:
    """Other executions that belong to it.

    Raises:
        StoreError: the store cannot be read.
    """
    found = [
        await source_of(store, summary),
        await newest_retry(store, summary),
        await last_good_run(store, summary),
    ]
    made: dict[str, Choice] = {}
    for related in found:
        if related is not None and related.summary.id not in made:
            left, right = older_first(related.summary, summary)
            told = f"{id_words(related.summary.id)}, {related.summary.shown_status}"
            words = f"{related.why[:1].upper()}{related.why[1:]}"
            made[related.summary.id] = Choice(words, told, ExecutionsAsked(left.id, right.id, related.why))
    return list(made.values())


async def asked(text: str, here: Here, store: ExecutionEventStore) -> Question:
    """What a person means by a text: an event, a mark, `snapshot`, `definition`, an execution, one at an event.

    Raises:
        ValueError: nothing of that; the message says why.
        StoreError: the store cannot be read.
    """
    text = text.strip()
    if text in here.marks:
        return here.with_event(here.marks[text])
    number = text.removeprefix("@").removeprefix("#")
    if number.isascii() and number.isdigit() and (number == "0" or not number.startswith("0")):
        sequence = int(number[:19])
        if sequence > here.history.folded:
            raise ValueError(f"There is no state at event {number[:19]}: it is known up to {here.history.folded:,}.")
        if sequence == here.sequence:
            raise ValueError("That is the event you stand on.")
        return here.with_event(sequence)
    if text in ("snapshot", "definition"):
        return SnapshotAsked(here.summary.id) if text == "snapshot" else DefinitionAsked(here.summary.id)
    try:
        reference, position = split_position(text)
        summaries = await store.list_executions()
        found = resolve_reference(reference.removeprefix("~"), summaries)
    except ReferenceProblem as problem:
        raise ValueError(f"{str(problem)[:1].upper()}{str(problem)[1:]}.") from problem
    if position is not None:
        return StatesAsked(Moment(found, position), here.moment)
    if found == here.summary.id:
        raise ValueError("That is this execution; a number compares with its state at another event.")
    other = next(summary for summary in summaries if summary.id == found)
    left, right = older_first(other, here.summary)
    return ExecutionsAsked(left.id, right.id)
