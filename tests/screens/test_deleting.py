"""Deleting from the app: what must be typed, what is refused, and the look again at the last moment."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from textual import events
from textual.pilot import Pilot

from dive_tui.app.deleting import DeletionError, delete, doomed, why_not_delete
from dive_tui.app.main import DiveApp
from dive_tui.screens.execution.screen import ExecutionScreen
from dive_tui.screens.executions.screen import ExecutionsScreen
from dive_tui.widgets.dialogs.choice import Words
from dive_tui.widgets.dialogs.delete_dialog import DeleteDialog, SafeChoice
from dive_tui.widgets.text_field import TextField
from engine.lifecycle.engine import Engine
from engine.model.workflow import Workflow
from engine.store import StoreError
from engine.testing.ports import FakeClock
from stores.file.store import FileExecutionEventStore
from stores.memory import MemoryExecutionEventStore
from tests.screens.histories import HOSTILE
from tests.screens.store_app import (
    ASK,
    FAIL,
    SAY,
    app_on,
    filled,
    flip,
    last_toast,
    lines_of,
    listed,
    text_of,
    until,
)


async def asked(app: DiveApp, pilot: Pilot[int]) -> DeleteDialog:
    await pilot.press("D")
    await until(pilot, lambda: isinstance(app.screen, DeleteDialog))
    assert isinstance(app.screen, DeleteDialog)
    return app.screen


def said(dialog: DeleteDialog) -> str:
    return " ".join(dialog.query(Words).first().text.split())


def problem(dialog: DeleteDialog) -> str:
    return " ".join(dialog.query_one("#problem", Words).text.split())


async def test_only_the_right_characters_delete(tmp_path: Path) -> None:
    kept, doomed_one = await filled(tmp_path / "store", SAY, FAIL)
    async with app_on(tmp_path / "store") as (app, pilot):
        await until(pilot, lambda: listed(app) == [doomed_one, kept])
        dialog = await asked(app, pilot)
        assert f"fail {doomed_one}" in said(dialog)
        assert "It ended as failed, with" in said(dialog)
        assert "cannot be undone" in said(dialog)
        assert isinstance(dialog.focused, SafeChoice), "doing nothing stands ready"
        await pilot.press("tab", *"wrong", "enter")
        assert problem(dialog) == f"That is not {doomed_one[-5:]}. Nothing was deleted."
        dialog.query_one(TextField).value = ""
        await pilot.press(*doomed_one[-5:], "enter")
        await until(pilot, lambda: listed(app) == [kept])
        assert f"…{doomed_one[-5:]} is deleted: fail," in last_toast(app)
    assert not (tmp_path / "store" / doomed_one).exists()


@pytest.mark.parametrize("keys", [("enter",), ("escape",), ("tab", "enter"), ("tab", "tab", "enter")])
async def test_everything_else_changes_nothing(tmp_path: Path, keys: tuple[str, ...]) -> None:
    ids = await filled(tmp_path / "store", FAIL)
    async with app_on(tmp_path / "store") as (app, pilot):
        await until(pilot, lambda: listed(app) == ids)
        await asked(app, pilot)
        await pilot.press(*keys)
        await pilot.pause()
        if keys == ("tab", "enter"):
            await pilot.press("escape", "escape")
        await until(pilot, lambda: isinstance(app.screen, ExecutionsScreen))
    assert (tmp_path / "store" / ids[0]).exists()


@pytest.mark.parametrize("typed", ["q", "y", "Q?", " /:O"])
async def test_what_is_typed_goes_to_the_field_and_does_nothing_else(tmp_path: Path, typed: str) -> None:
    ids = await filled(tmp_path / "store", FAIL)
    async with app_on(tmp_path / "store") as (app, pilot):
        await until(pilot, lambda: listed(app) == ids)
        dialog = await asked(app, pilot)
        await pilot.press("backspace", *typed)
        assert app.screen is dialog
        assert dialog.query_one(TextField).value == typed
        await pilot.press(*["backspace"] * (len(typed) + 3))
        assert app.screen is dialog
        assert isinstance(dialog.focused, SafeChoice), "the way back stands ready again"
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, ExecutionsScreen))
    assert (tmp_path / "store" / ids[0]).exists()


async def test_the_characters_can_be_typed_or_pasted_at_once(tmp_path: Path) -> None:
    pasted, typed = await filled(tmp_path / "store", SAY, FAIL)
    async with app_on(tmp_path / "store") as (app, pilot):
        await until(pilot, lambda: listed(app) == [typed, pasted])
        await asked(app, pilot)
        await pilot.press(*typed[-5:], "enter")
        await until(pilot, lambda: listed(app) == [pasted])
        dialog = await asked(app, pilot)
        assert dialog.focused is not None
        dialog.focused.post_message(events.Paste(f"{pasted[-5:]}\nmore"))
        await until(pilot, lambda: dialog.query_one(TextField).value == pasted[-5:])
        await pilot.press("enter")
        await until(pilot, lambda: listed(app) == [])


async def test_from_the_execution_it_goes_back_to_the_list(tmp_path: Path) -> None:
    kept, doomed_one = await filled(tmp_path / "store", SAY, SAY)
    async with app_on(tmp_path / "store") as (app, pilot):
        await until(pilot, lambda: listed(app))
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, ExecutionScreen))
        await until(pilot, lambda: isinstance(app.screen, ExecutionScreen) and app.screen.history)
        await asked(app, pilot)
        await pilot.press("tab", *doomed_one[-5:], "enter")
        await until(pilot, lambda: isinstance(app.screen, ExecutionsScreen) and listed(app) == [kept])


async def test_what_has_not_ended_is_refused_with_what_to_do(tmp_path: Path) -> None:
    ids = await filled(tmp_path / "store", ASK)
    async with app_on(tmp_path / "store") as (app, pilot):
        await until(pilot, lambda: listed(app) == ids)
        await pilot.press("D")
        name = f"…{ids[0][-5:]}"
        assert last_toast(app) == f"{name} has not ended, it is waiting: x cancels it, then it can be deleted."
        assert isinstance(app.screen, ExecutionsScreen)


async def ended(store: MemoryExecutionEventStore) -> str:
    return (await Engine(store, clock=FakeClock()).run(Workflow.model_validate(SAY))).id


async def test_one_that_began_to_run_meanwhile_is_refused(tmp_path: Path) -> None:
    (one,) = await filled(tmp_path / "store", SAY)
    other = FileExecutionEventStore(tmp_path / "store")
    async with app_on(tmp_path / "store") as (app, pilot):
        await until(pilot, lambda: listed(app) == [one])
        dialog = await asked(app, pilot)
        # The same key was given again: the one that had ended is gone, and one that runs has its place.
        events = await other.get_event_history(one)
        await other.delete_execution(one)
        await other.append_events(events[:3])
        await other.acquire_owner(one, "runner_other")
        await pilot.press("tab", *one[-5:], "enter")
        await until(pilot, lambda: problem(dialog))
        assert "A runner drives" in problem(dialog)
        await other.release_owner(one, "runner_other")
        await pilot.press("enter")
        await until(pilot, lambda: "has not ended" in problem(dialog))
        await other.append_events(events[3:-1])
    assert len(await other.get_event_history(one)) == len(events) - 1
    await other.close()


async def test_one_that_is_another_by_now_gone_or_owned_is_refused() -> None:
    store = MemoryExecutionEventStore()
    one = await ended(store)
    summary = await store.get_summary(one)
    assert summary is not None
    frozen = (await doomed(store, summary)).summary
    with pytest.raises(DeletionError, match="has changed meanwhile: it had 3 events"):
        await delete(store, replace(frozen, last_event_seq=3))
    await store.acquire_owner(one, "runner_other")
    with pytest.raises(DeletionError, match="belongs to runner_other"):
        await delete(store, frozen)
    await store.release_owner(one, "runner_other")
    assert "is deleted" in await delete(store, frozen)
    with pytest.raises(DeletionError, match="no longer in the store"):
        await delete(store, frozen)


async def test_messages_that_were_never_received_are_told(tmp_path: Path) -> None:
    store = MemoryExecutionEventStore()
    engine = Engine(store, clock=FakeClock())
    waits = (await engine.run(Workflow.model_validate(ASK), linger=0)).id
    await engine.signal(waits, "other", 1)
    summary = await store.get_summary(waits)
    assert summary is not None
    assert (await doomed(store, summary)).messages == 1
    assert "x cancels it" in (why_not_delete(summary) or "")

    class Failing(MemoryExecutionEventStore):
        async def get_signals(self, *_: object, **__: object) -> list[object]:  # type: ignore[override]
            raise StoreError("the disk has gone away")

    with pytest.raises(DeletionError, match="the disk has gone away"):
        await doomed(Failing(), summary)


async def test_what_is_damaged_can_be_deleted_though_it_never_ended(tmp_path: Path) -> None:
    ids = await filled(tmp_path / "store", ASK)
    (tmp_path / "store" / ids[0] / "snapshot.json").unlink()
    flip(tmp_path / "store", ids[0], 2)
    async with app_on(tmp_path / "store") as (app, pilot):
        await until(pilot, lambda: listed(app) == ids)
        dialog = await asked(app, pilot)
        assert "It is damaged, with 2 events." in said(dialog)
        await pilot.press("tab", *ids[0][-5:], "enter")
        await until(pilot, lambda: listed(app) == [])


@pytest.mark.parametrize("size", [(60, 20), (80, 24)])
@pytest.mark.parametrize("ascii_only", [False, True])
async def test_it_fits_and_hostile_names_are_safe(tmp_path: Path, size: tuple[int, int], ascii_only: bool) -> None:
    ids = await filled(tmp_path / "store", {"name": HOSTILE[:80], "steps": [{"name": "Say", "pass": True}]})
    async with app_on(tmp_path / "store", size, ascii_only=ascii_only) as (app, pilot):
        await until(pilot, lambda: listed(app) == ids)
        await asked(app, pilot)
        await pilot.pause()
        shown = lines_of(app)
        assert all(line.isprintable() for line in shown)
        assert not ascii_only or all(line.isascii() for line in shown)
        assert "Go back, change nothing" in text_of(app)
        assert f"To delete it, type {ids[0][-5:]}" in text_of(app)
