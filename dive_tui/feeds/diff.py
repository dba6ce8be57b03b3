"""Comparing two things a store knows: what is asked, and the answer, worked out in threads while progress is told."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Mapping
from typing import Any, Final

from textual.message import Message

from dive_tui.app.known_stores import short_place
from dive_tui.app.text import human_count
from dive_tui.app.trouble import Trouble, trouble
from dive_tui.definition_now import NoDefinitionError, read_definitions
from dive_tui.feeds.diff_questions import (
    Answer,
    CounterpartAsked,
    DefinitionAsked,
    ExecutionsAnswer,
    ExecutionsAsked,
    Moment,
    Question,
    Sides,
    SnapshotAsked,
    StatesAsked,
    ValuesAnswer,
    older_first,
)
from dive_tui.widgets.events.event_words import look_of
from dive_tui.widgets.wait_words import id_words
from engine.core.reduce import HistoryError
from engine.loading.problems import LoadError
from engine.model.snapshot import ExecutionSummary
from engine.replay.comparing.compare import Comparison, compare_executions
from engine.replay.comparing.related import counterpart
from engine.replay.comparing.words import divergence_words
from engine.replay.diffing.audit import audit_snapshot
from engine.replay.diffing.diff import Change, Differences, diff_values
from engine.replay.diffing.explain import explain
from engine.replay.diffing.states import comparable_view
from engine.replay.history import History
from engine.replay.loading import empty_history
from engine.store import DamagedHistoryError, ExecutionEventStore, StoreError

PIECE = 4_096
"""Events read at a time."""
MOST_CHANGES = 5_000
"""Differences that are told; more are only said to be there."""
MOST_EXPLAINED = 1_000
"""Differences for which the event that made them is looked for."""
_EXPLAINED_AT_ONCE = 20


class DiffAnswered(Message):
    """The comparison is done. Never changed once sent."""

    def __init__(self, answer: Answer) -> None:
        super().__init__()
        self.answer: Final = answer


class DiffProgressed(Message):
    """So much is done, of so much, of what; only the latest counts."""

    def __init__(self, done: int, total: int, what: str) -> None:
        super().__init__()
        self.done: Final = done
        self.total: Final = total
        self.what: Final = what

    def can_replace(self, message: Message) -> bool:
        """Only the latest counts."""
        return isinstance(message, DiffProgressed)


class DiffFailed(Message):
    """There is nothing to compare, or it cannot be read."""

    def __init__(self, trouble: Trouble) -> None:
        super().__init__()
        self.trouble: Final = trouble


class DiffError(Exception):
    """Why something cannot be compared: a sentence."""


class _StoppedError(Exception):
    """Nobody waits for the answer any more."""


class DiffFeed:
    """Answers one question. Histories that are known already are not read again; they may grow meanwhile."""

    def __init__(
        self,
        store: ExecutionEventStore,
        question: Question,
        post: Callable[[Message], object],
        histories: Mapping[str, History] | None = None,
    ) -> None:
        self._store = store
        self._question = question
        self._post = post
        self._histories = dict(histories or {})
        self._damage: dict[str, str] = {}
        self._stopped = False

    def use(self, store: ExecutionEventStore) -> None:
        """Read from this store from now on."""
        self._store = store

    def history(self, execution_id: str) -> History | None:
        """A history that was known or has been read."""
        return self._histories.get(execution_id)

    def stop(self) -> None:
        """Have it end at the next moment at which it tells how far it is."""
        self._stopped = True

    async def run(self, ignored: Collection[str] = ()) -> None:
        """Post `DiffProgressed`, and in the end `DiffAnswered` or `DiffFailed`."""
        self._stopped = False
        try:
            answer = await self._answer(frozenset(ignored))
        except _StoppedError:
            return
        except StoreError as error:
            self._post(DiffFailed(trouble(error)))
        except (DiffError, HistoryError) as error:
            self._post(DiffFailed(Trouble(str(error), "")))
        except Exception as error:  # whatever a store holds, the screen must say something
            self._post(DiffFailed(Trouble(f"{type(error).__name__}: {error}", "")))
        else:
            if not self._stopped:
                self._post(DiffAnswered(answer))

    async def _answer(self, ignored: frozenset[str]) -> Answer:
        if isinstance(self._question, CounterpartAsked):
            self._question = await self._related(self._question.execution_id)
        match self._question:
            case StatesAsked(left, right):
                return await self._states(left, right)
            case ExecutionsAsked(left_id, right_id, why):
                return await self._executions(left_id, right_id, why, ignored)
            case SnapshotAsked(execution_id):
                return await self._snapshot(execution_id)
            case DefinitionAsked(execution_id):
                return await self._definition(execution_id)
            case _:
                raise AssertionError(self._question)

    # Two executions

    async def _related(self, execution_id: str) -> ExecutionsAsked:
        summary = await self._summary(execution_id)
        found = await counterpart(self._store, summary)
        if found is None:
            raise DiffError(
                f"There is nothing to compare {id_words(execution_id)} with: it is no retry, has none, "
                f"and no other run of {summary.workflow_name} has completed"
            )
        left, right = older_first(found.summary, summary)
        return ExecutionsAsked(left.id, right.id, found.why)

    async def _executions(self, left_id: str, right_id: str, why: str, ignored: frozenset[str]) -> Answer:
        left, right = await self._history(left_id), await self._history(right_id)
        progress = self._telling("events compared")
        comparison = await asyncio.to_thread(compare_executions, left, right, ignore=ignored, progress=progress)
        names = [_execution_name(history) for history in (left, right)]
        workflows = [history.state_at(1).info.workflow_name for history in (left, right)]
        notes = [*comparison.notes, *self._notes(left_id, right_id)]
        sides = Sides(
            (names[0], names[1]),
            (left_id, right_id),
            workflows[0] if workflows[0] == workflows[1] else f"{workflows[0]} and {workflows[1]}",
            f"with {why}" if why else "two executions",
            tuple(notes),
            f"dive-tui diff {left_id} {right_id}",
            "Nothing differs but ids, times and how long things took.",
        )
        first = await asyncio.to_thread(_first_words, comparison)
        return ExecutionsAnswer(sides, comparison, first, ignored)

    # Values

    async def _states(self, left: Moment, right: Moment) -> Answer:
        histories = await self._history(left.execution_id), await self._history(right.execution_id)
        moments = [
            moment._replace(sequence=min(max(moment.sequence, 0), history.folded))
            for moment, history in zip((left, right), histories, strict=True)
        ]
        notes = self._notes(left.execution_id, right.execution_id)
        for wanted, found, history in zip((left, right), moments, histories, strict=True):
            if found.sequence < wanted.sequence:
                why = history.problem or "there are no more events"
                notes.append(f"The state is known up to event {human_count(found.sequence)}: {why}")
        self._telling("comparing")(0, 0)
        old, new, differences = await asyncio.to_thread(_compared, histories, moments)
        if differences.more:
            notes.append(f"There are more than {human_count(MOST_CHANGES)} differences; the others are not told")
        same = histories[0] is histories[1]
        by: tuple[int | None, ...] = ()
        if same:
            early, late = sorted(moment.sequence for moment in moments)
            by = await asyncio.to_thread(self._explain, histories[0], differences.changes, early, late)
        names = [_moment_name(*pair, alone=same) for pair in zip(histories, moments, strict=True)]
        arguments = f"@{moments[1].sequence}" if same else f"{moments[1].execution_id}@{moments[1].sequence}"
        sides = Sides(
            (names[0], names[1]),
            (left.execution_id, right.execution_id),
            histories[1].state_at(1).info.workflow_name,
            f"{id_words(right.execution_id)} at two events" if same else "two states",
            tuple(notes),
            f"dive-tui diff {left.execution_id}@{moments[0].sequence} {arguments}",
            "The two states are the same.",
        )
        return ValuesAnswer(sides, old, new, differences, by)

    def _explain(self, history: History, changes: list[Change], early: int, late: int) -> tuple[int | None, ...]:
        """The event that made each change, for as many as somebody may look at."""
        tell = self._telling("differences explained")
        total = min(len(changes), MOST_EXPLAINED)
        made: list[int | None] = []
        for start in range(0, total, _EXPLAINED_AT_ONCE):
            tell(start, total)
            part = changes[start : min(start + _EXPLAINED_AT_ONCE, total)]
            # Forwards or backwards, what differs was made between the two events.
            made += [explained.by for explained in explain(history, part, late, early)]
        return tuple(made)

    async def _snapshot(self, execution_id: str) -> Answer:
        history = await self._history(execution_id)
        if execution_id in self._damage:
            raise DiffError(f"{self._damage[execution_id]}; a snapshot can only be held against a whole history")
        self._telling("snapshot read")(0, 0)
        found = await audit_snapshot(self._store, execution_id, history)
        sentence = _as_sentence(found.sentence)
        if found.verdict in ("missing", "unusable"):
            raise DiffError(sentence)
        sides = Sides(
            ("stored snapshot", f"replayed to event {human_count(found.sequence or 0)}"),
            (execution_id, execution_id),
            history.state_at(1).info.workflow_name,
            f"snapshot of {id_words(execution_id)}",
            (f"{sentence}.",) if not found.equal or found.verdict == "older_reducer" else (),
            f"dive-tui diff {execution_id} snapshot",
            f"{sentence}.",
        )
        changes = [explained.change for explained in found.changes]
        by = tuple(explained.by for explained in found.changes)
        return ValuesAnswer(sides, found.stored, found.replayed, Differences(changes, found.more), by, found.verdict)

    async def _definition(self, execution_id: str) -> Answer:
        history = await self._history(execution_id)
        try:
            found = await asyncio.to_thread(read_definitions, history)
        except (NoDefinitionError, LoadError) as problem:
            raise DiffError(_as_sentence(str(problem).partition("\n")[0])) from problem
        differences = await asyncio.to_thread(found.differences, MOST_CHANGES)
        sides = Sides(
            (f"as recorded with {id_words(execution_id)}", f"now in {short_place(found.file)}"),
            (execution_id, execution_id),
            found.workflow,
            "definition",
            (),
            f"dive-tui diff {execution_id} definition",
            "The definition is still as it was recorded.",
        )
        return ValuesAnswer(sides, found.recorded, found.current, differences)

    # Reading

    async def _summary(self, execution_id: str) -> ExecutionSummary:
        summary = await self._store.get_summary(execution_id)
        if summary is None:
            raise DiffError(f"There is no execution {execution_id} in this store")
        return summary

    async def _history(self, execution_id: str) -> History:
        """A history that is here, or read now, as far as it can be read."""
        known = self._histories.get(execution_id)
        if known is not None:
            return known
        total = (await self._summary(execution_id)).last_event_seq
        tell = self._telling(f"events of {id_words(execution_id)} read")
        store = self._store
        history, events = empty_history(store, execution_id), []
        while True:
            tell(len(history), max(total, len(history)))
            try:
                events = await store.get_events(execution_id, len(history) + 1, PIECE)
            except DamagedHistoryError as error:
                self._damage[execution_id] = str(error)
                events = [event for event in error.readable if event.sequence > len(history)]
            await asyncio.to_thread(history.extend, events)
            if len(events) < PIECE or execution_id in self._damage:
                break
        if not history.folded:
            raise DiffError(self._damage.get(execution_id) or history.problem or "There are no events to compare")
        self._histories[execution_id] = history
        return history

    def _telling(self, what: str) -> Callable[[int, int], None]:
        def tell(done: int, total: int) -> None:
            if self._stopped:
                raise _StoppedError
            self._post(DiffProgressed(done, total, what))

        return tell

    def _notes(self, *ids: str) -> list[str]:
        return [self._damage[name] for name in dict.fromkeys(ids) if name in self._damage]


def _compared(
    histories: tuple[History, History], moments: list[Moment]
) -> tuple[dict[str, Any], dict[str, Any], Differences]:
    old, new = (comparable_view(history, moment.sequence) for history, moment in zip(histories, moments, strict=True))
    return old, new, diff_values(old, new, limit=MOST_CHANGES)


def _as_sentence(clause: str) -> str:
    return clause[:1].upper() + clause[1:]


def _moment_name(history: History, moment: Moment, *, alone: bool) -> str:
    """`@187 step failed  Charge Card`, after the id where there are two executions."""
    name = "" if alone else f"{id_words(moment.execution_id)} "
    if not moment.sequence:
        return f"{name}before the first event"
    columns = history.columns
    what = look_of(columns.kind(moment.sequence)).words
    return f"{name}@{human_count(moment.sequence)}  {what}  {columns.step(moment.sequence)}".rstrip()


def _execution_name(history: History) -> str:
    state = history.latest
    return f"{id_words(history.execution_id)}  {state.status}"


def _first_words(comparison: Comparison) -> tuple[str, str]:
    if comparison.first is None:
        return "", ""
    words = divergence_words(comparison, comparison.first)
    return words.where, words.what
