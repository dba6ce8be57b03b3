"""What a person can compare with: the dialog of the execution screen, and what is typed there."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot

from dive_tui.feeds import diff_choices
from dive_tui.feeds.diff_choices import Here, asked, choices_here, related_choices
from dive_tui.feeds.diff_questions import (
    DefinitionAsked,
    ExecutionsAsked,
    Moment,
    Question,
    SnapshotAsked,
    StatesAsked,
    ValuesAnswer,
)
from dive_tui.screens.diff.opening import open_counterpart, open_diff
from dive_tui.screens.diff.screen import DiffScreen
from dive_tui.screens.execution.screen import ExecutionScreen
from dive_tui.screens.steered import UsesStore
from dive_tui.widgets.dialogs.choice import Words
from dive_tui.widgets.diff.diff_dialog import DiffDialog
from dive_tui.widgets.diff.diff_heading import DiffHeading
from dive_tui.widgets.text_field import TextField
from engine.model.snapshot import ExecutionSummary
from engine.model.state import STATE_VERSION
from engine.store import DamagedHistoryError, StoreError
from stores.memory import MemoryExecutionEventStore
from tests.app.diff_app import ComparingApp, answered, header, orders, rows, said
from tests.app.diff_app import asked as shown_answer
from tests.screens.execution_app import opened, press, screen_lines, settle
from tests.screens.histories import history_of

WIDE = (120, 40)


async def here(*amounts: float, at: int = 13, marks: dict[str, int] | None = None) -> tuple[Here, Any]:
    store, ids = await orders(*amounts)
    summary = await store.get_summary(ids[-1])
    assert summary is not None
    return Here(summary, await history_of(store, ids[-1]), at, marks or {}), store


async def dialog_on(pilot: Pilot[Any]) -> DiffDialog:
    await opened(pilot)
    await press(pilot, "d")
    await settle(pilot, lambda: isinstance(pilot.app.screen, DiffDialog))
    assert isinstance(pilot.app.screen, DiffDialog)
    return pilot.app.screen


def problem(dialog: DiffDialog) -> str:
    words = dialog.query_one("#problem", Words)
    return words.text if words.display else ""


# What is offered


async def test_what_is_offered_at_an_event() -> None:
    place, _ = await here(118.2, at=13, marks={"a": 5})
    offered = {choice.words: choice.question for choice in choices_here(place)}
    me = place.summary.id

    def between(left: int, right: int) -> StatesAsked:
        return StatesAsked(Moment(me, left), Moment(me, right))

    assert offered["State at the event before"] == between(12, 13)
    assert offered["State at mark a"] == between(5, 13)
    assert offered["State at the beginning"] == between(1, 13)
    assert offered["State at the newest event"] == between(13, place.history.folded)
    step = place.history.index.previous_step(13)
    assert step is not None
    assert between(step, 13) in offered.values()
    assert offered["Stored snapshot"] == SnapshotAsked(me)
    assert offered["Definition of today"] == DefinitionAsked(me)


async def test_nothing_is_offered_twice_or_against_itself() -> None:
    for at in (1, 2, 3):
        place, _ = await here(42.0, at=at, marks={"x": at})
        questions = [choice.question for choice in choices_here(place)]
        assert len(set(questions)) == len(questions)
        for question in questions:
            assert not isinstance(question, StatesAsked) or question.left != question.right
    place, _ = await here(42.0, at=1)
    assert choices_here(place)[0].told == "nothing has happened yet"


async def test_related_executions_are_offered_the_older_one_left() -> None:
    place, store = await here(42.0, 118.2)
    (good,) = await related_choices(store, place.summary)
    ids = [summary.id for summary in await store.list_executions()]
    assert good.question == ExecutionsAsked(ids[1], ids[0], "the last good run before it")
    assert good.words == "The last good run before it"
    assert good.told == "…00001, completed"


# What is typed


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("5", (5, 13)),
        ("@5", (5, 13)),
        ("#5", (5, 13)),
        ("20", (13, 20)),
        ("a", (7, 13)),
        ("0", (0, 13)),
    ],
)
async def test_events_and_marks_can_be_typed(text: str, wanted: tuple[int, int]) -> None:
    place, store = await here(118.2, marks={"a": 7})
    me = place.summary.id
    assert await asked(text, place, store) == StatesAsked(Moment(me, wanted[0]), Moment(me, wanted[1]))


async def test_executions_can_be_typed() -> None:
    place, store = await here(42.0, 50.0, 118.2)
    newest, middle, oldest = [summary.id for summary in await store.list_executions()]
    assert place.summary.id == newest
    wanted: dict[str, Question] = {
        "last-1": ExecutionsAsked(middle, newest),
        "last-2": ExecutionsAsked(oldest, newest),
        oldest[-5:]: ExecutionsAsked(oldest, newest),
        f"…{oldest[-5:]}": ExecutionsAsked(oldest, newest),
        f"{oldest}@4": StatesAsked(Moment(oldest, 4), Moment(newest, 13)),
        "snapshot": SnapshotAsked(newest),
        " definition ": DefinitionAsked(newest),
    }
    for text, question in wanted.items():
        assert await asked(text, place, store) == question, text


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("13", "That is the event you stand on."),
        ("999999999999999999999999", "There is no state at event 9999999999999999999"),
        ("nonsense", "No execution's id begins or ends with 'nonsense'."),
        ("last", "That is this execution; a number compares"),
        ("last@x", "'x' after '@' is no event number"),
        ("last-9", "There is only 1 execution; last-9 is not among them."),
        ("²", "No execution's id"),
    ],
)
async def test_what_cannot_be_meant_is_one_sentence(text: str, sentence: str) -> None:
    place, store = await here(118.2)
    with pytest.raises(ValueError, match=r".") as raised:
        await asked(text, place, store)
    assert str(raised.value).startswith(sentence)
    assert str(raised.value).count("\n") == 0


# The dialog


async def test_d_asks_and_shows_what_was_chosen() -> None:
    store, (good, bad) = await orders(42.0, 118.2)
    app = ComparingApp(store, bad)
    async with app.run_test(size=WIDE) as pilot:
        await dialog_on(pilot)
        assert any("The last good run before it" in line for line in screen_lines(app))
        await press(pilot, "G", "enter")
        screen = await answered(pilot)
        assert screen._answer is not None
        assert screen._answer.sides.executions == (good, bad)
        assert screen._answer.sides.command == f"dive-tui diff {good} {bad}"
        await press(pilot, "q")
        assert app.screen is app.execution


async def test_q_closes_the_dialog_and_compares_nothing() -> None:
    store, (bad,) = await orders(118.2)
    app = ComparingApp(store, bad)
    async with app.run_test(size=WIDE) as pilot:
        await dialog_on(pilot)
        await press(pilot, "q")
        assert app.screen is app.execution


async def test_what_cannot_be_understood_is_said_in_the_dialog() -> None:
    store, (bad,) = await orders(118.2)
    app = ComparingApp(store, bad)
    async with app.run_test(size=WIDE) as pilot:
        dialog = await dialog_on(pilot)
        await press(pilot, "tab")
        assert isinstance(dialog.focused, TextField)
        await press(pilot, "enter")
        assert problem(dialog) == "It needs an event or an execution."
        await press(pilot, *"nowhere", "enter")
        assert problem(dialog) == "No execution's id begins or ends with 'nowhere'."
        await press(pilot, *["backspace"] * 7, "3", "enter")
        screen = await answered(pilot)
        assert isinstance(screen._answer, ValuesAnswer)
        assert screen.query_one(DiffHeading).names[0].startswith("@3")


async def test_marks_of_the_screen_are_offered() -> None:
    store, (bad,) = await orders(118.2)
    app = ComparingApp(store, bad, 5)
    async with app.run_test(size=WIDE) as pilot:
        await opened(pilot)
        await press(pilot, "m", "end", "d")
        name = next(iter(app.execution.named_marks))
        assert any(f"State at mark {name}" in line for line in screen_lines(app))


async def test_other_executions_that_cannot_be_listed_are_no_accident(monkeypatch: pytest.MonkeyPatch) -> None:
    async def broken(*args: object) -> list[Any]:
        raise StoreError("the disk is on fire")

    monkeypatch.setattr(diff_choices, "newest_retry", broken)
    store, (bad,) = await orders(118.2)
    app = ComparingApp(store, bad)
    async with app.run_test(size=WIDE) as pilot:
        dialog = await dialog_on(pilot)
        assert problem(dialog) == "Other executions cannot be looked for: the disk is on fire"
        await press(pilot, "enter")
        assert isinstance(await answered(pilot), DiffScreen)


async def test_without_a_history_there_is_nothing_to_compare() -> None:
    store, (bad,) = await orders(118.2)
    app = ComparingApp(store, bad)
    async with app.run_test(size=WIDE):
        assert app.execution.why_not_compare() in (None, "The history is not here yet.")
        app.execution._growing._loaded = None
        assert app.execution.why_not_compare() == "The history is not here yet."


# The audit and the definition


async def audited(pilot: Pilot[Any], execution_id: str) -> DiffScreen:
    return await shown_answer(pilot, SnapshotAsked(execution_id))


async def test_a_snapshot_that_equals_the_replayed_state() -> None:
    store, (bad,) = await orders(118.2)
    app = ComparingApp(store, bad)
    async with app.run_test(size=WIDE) as pilot:
        screen = await audited(pilot, bad)
        assert " ✓ EQUAL " in header(screen)
        assert any("equals the replayed state" in line for line in screen_lines(app))


async def test_a_snapshot_that_has_drifted_names_the_event_behind_it() -> None:
    store, (bad,) = await orders(118.2)
    snapshot = await store.get_snapshot(bad)
    assert snapshot is not None
    await store.save_snapshot(replace(snapshot, status="completed"))
    app = ComparingApp(store, bad)
    async with app.run_test(size=WIDE) as pilot:
        screen = await audited(pilot, bad)
        assert " ✗ DRIFT " in header(screen)
        assert any("differs from the replayed state: 1 difference" in line for line in screen_lines(app))
        row = next(row.removeprefix("> ") for row in rows(screen) if "status" in row)
        assert row.startswith('~ status "completed" "failed" changed by #')


async def test_a_snapshot_of_an_older_reducer_is_no_drift() -> None:
    store, (bad,) = await orders(118.2)
    snapshot = await store.get_snapshot(bad)
    assert snapshot is not None
    await store.save_snapshot(replace(snapshot, state={**snapshot.state, "state_version": STATE_VERSION - 1}))
    app = ComparingApp(store, bad)
    async with app.run_test(size=WIDE) as pilot:
        screen = await audited(pilot, bad)
        assert " ↻ OLDER REDUCER " in header(screen)
        assert any("is of an older reducer" in line for line in screen_lines(app))


async def test_no_snapshot_is_said() -> None:
    store, (bad,) = await orders(118.2)
    bare = MemoryExecutionEventStore()
    await bare.append_events(await store.get_event_history(bad))
    app = ComparingApp(bare, bad)
    async with app.run_test(size=WIDE) as pilot:
        screen = await audited(pilot, bad)
        assert "There is no stored snapshot" in header(screen)


DEFINITION = """
name: order
steps:
  - name: Validate
    action: Orders.Validate
    parameters: {order: {customer: k3rg2}}
"""


async def test_the_definition_of_today_is_compared_by_step(tmp_path: Path) -> None:
    file = tmp_path / "order.yaml"
    file.write_text(DEFINITION)
    store, (bad,) = await orders(118.2, source={"kind": "file", "ref": str(file), "workflow": "order"})
    app = ComparingApp(store, bad)
    async with app.run_test(size=WIDE) as pilot:
        screen = await shown_answer(pilot, DefinitionAsked(bad))
        told = "\n".join(rows(screen))
        assert "Charge Card" in told and "removed" in told
        assert "[0] Validate" in told
        assert "definition" in header(screen)


@pytest.mark.parametrize(
    ("source", "sentence"),
    [
        (None, "does not say which file its definition came from"),
        ({"kind": "module", "ref": "shop:order", "workflow": "order"}, "looking at it runs no code"),
        ({"kind": "file", "ref": "/no/such.yaml", "workflow": "order"}, "which is no longer there"),
    ],
)
async def test_a_definition_that_cannot_be_had_is_said(source: dict[str, Any] | None, sentence: str) -> None:
    store, (bad,) = await orders(118.2, source=source)
    app = ComparingApp(store, bad)
    async with app.run_test(size=WIDE) as pilot:
        screen = await shown_answer(pilot, DefinitionAsked(bad))
        assert sentence in header(screen)


async def test_a_definition_that_is_wrong_now_is_said(tmp_path: Path) -> None:
    file = tmp_path / "order.yaml"
    file.write_text("name: order\nsteps: 3\n")
    store, (bad,) = await orders(118.2, source={"kind": "file", "ref": str(file), "workflow": "order"})
    app = ComparingApp(store, bad)
    async with app.run_test(size=WIDE) as pilot:
        screen = await shown_answer(pilot, DefinitionAsked(bad))
        assert "order.yaml:2" in header(screen)


# From other screens


async def test_two_executions_can_be_compared_from_anywhere() -> None:
    store, (good, bad) = await orders(42.0, 118.2)
    app = ComparingApp(store, bad)
    async with app.run_test(size=WIDE) as pilot:
        open_diff(app, store, good, bad)
        screen = await answered(pilot)
        assert screen._answer is not None
        assert screen._answer.sides.executions == (good, bad)
        await press(pilot, "q")
        summary = await store.get_summary(good)
        assert isinstance(summary, ExecutionSummary)
        open_counterpart(app, store, summary)
        screen = await answered(pilot)
        assert "no other run of order has completed" in header(screen)


async def test_an_execution_that_is_gone_is_said_when_it_is_to_be_opened() -> None:
    store, (good, bad) = await orders(42.0, 118.2)
    app = ComparingApp(store, bad)
    async with app.run_test(size=WIDE) as pilot:
        open_diff(app, store, good, bad)
        screen = await answered(pilot)
        await press(pilot, "n", "right", "down")
        await store.delete_execution(bad)
        await press(pilot, "enter")
        await settle(pilot, lambda: bool(said(app)))
        assert said(app)[-1] == f"{bad} is no longer in the store."
        assert app.screen is screen


async def test_it_goes_on_with_another_store_at_the_same_place() -> None:
    store, (good, bad) = await orders(42.0, 118.2)
    app = ComparingApp(store, bad)
    async with app.run_test(size=WIDE) as pilot:
        open_diff(app, store, good, bad)
        screen = await answered(pilot)
        assert isinstance(screen, UsesStore)
        again = MemoryExecutionEventStore()
        await again.append_events(await store.get_event_history(bad))
        await store.delete_execution(bad)
        screen.use_store(again)
        await pilot.press("n", "right", "down", "enter")
        await settle(pilot, lambda: isinstance(app.screen, ExecutionScreen))
        assert not said(app)


async def test_a_damaged_history_is_compared_as_far_as_it_goes() -> None:
    store, (good, bad) = await orders(42.0, 118.2)
    events = await store.get_event_history(good)

    class Damaged(MemoryExecutionEventStore):
        async def get_events(self, execution_id: str, from_seq: int = 1, limit: int | None = None) -> Any:
            if execution_id == good:
                raise DamagedHistoryError("its checksum is wrong", place="line 9", readable=events[:8])
            return await super().get_events(execution_id, from_seq, limit)

    damaged = Damaged()
    for name in (good, bad):
        await damaged.append_events(await store.get_event_history(name))
    app = ComparingApp(damaged, bad)
    async with app.run_test(size=WIDE) as pilot:
        open_diff(app, damaged, good, bad)
        screen = await answered(pilot)
        assert screen._answer is not None
        assert "its checksum is wrong" in " ".join(screen._answer.sides.notes)
        assert rows(screen)
