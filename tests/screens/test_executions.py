"""The list of executions: reading, following, filtering, sorting, and what it says when there is nothing to show."""

from __future__ import annotations

import os
import shutil
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest
from textual.pilot import Pilot

from dive_tui import Engine, ExecutionEvent, Step, Workflow
from dive_tui.app.main import DiveApp
from dive_tui.screens.executions.screen import ExecutionsScreen
from dive_tui.screens.welcome import workflow_files
from dive_tui.widgets.dialogs.choice import ChoiceDialog
from dive_tui.widgets.execution_peek import ExecutionPeek
from dive_tui.widgets.executions_columns import Widths, columns
from dive_tui.widgets.executions_list import ExecutionsHead, ExecutionsList
from dive_tui.widgets.filter_bar import FilterBar
from dive_tui.widgets.parts import Banner, HeaderLine, PartsLine
from engine.testing.ports import FakeClock, SequentialIds
from stores.file.store import FileExecutionEventStore
from stores.location import Location

NOW = datetime(2026, 3, 1, 9, 20, tzinfo=UTC)
GOOD = Workflow(name="order", steps=[Step(name="Say", action="Print", parameters={"message": "hello"})])
BAD = Workflow(name="import", steps=[Step(name="Read", action="Document.Read", parameters={"path": "/no/such"})])


class Filled:
    """A store on disk and an engine that adds executions to it, one second apart."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.clock = FakeClock()
        self.store = FileExecutionEventStore(folder, create=True)
        self.engine = Engine(self.store, clock=self.clock, ids=SequentialIds())

    async def add(self, workflow: Workflow) -> str:
        self.clock.advance(1)
        return (await self.engine.run(workflow)).id


@pytest.fixture
async def filled(tmp_path: Path) -> AsyncIterator[Filled]:
    made = Filled(tmp_path / "store")
    for workflow in (GOOD, BAD, GOOD):
        await made.add(workflow)
    yield made
    await made.store.close()


async def until(pilot: Pilot[int], happened: Callable[[], object]) -> None:
    """Wait until something is so; the test's own time limit ends a wait for what never happens."""
    while not happened():
        await pilot.pause(0.01)


def words(line: PartsLine) -> str:
    return "  ".join("".join(text for text, _ in each.pieces) for each in line.parts)


def shown(app: DiveApp) -> list[str]:
    listed = app.screen.query_one(ExecutionsList)
    return [listed.render_row(row, 100, False).text for row in range(listed.row_count)]


@asynccontextmanager
async def running(folder: Path, size: tuple[int, int] = (120, 36)) -> AsyncIterator[tuple[DiveApp, Pilot[int]]]:
    app = DiveApp(Location(str(folder), ""), now=lambda: NOW)
    async with app.run_test(size=size) as pilot:
        yield app, pilot


def listing(app: DiveApp) -> ExecutionsList:
    return app.screen.query_one(ExecutionsList)


async def test_all_executions_are_listed_newest_first(filled: Filled) -> None:
    async with running(filled.folder) as (app, pilot):
        await until(pilot, lambda: listing(app).row_count == 3)
        assert [row.split()[1] for row in shown(app)] == ["order", "import", "order"]
        assert "✗ failed" in shown(app)[1]
        header = words(app.screen.query_one(HeaderLine))
        assert "✗ 1 failed" in header
        assert "✓ 2 completed" in header


async def test_a_new_execution_shows_up_and_the_cursor_follows_it(filled: Filled) -> None:
    async with running(filled.folder) as (app, pilot):
        await until(pilot, lambda: listing(app).row_count == 3)
        added = await filled.add(GOOD)
        await until(pilot, lambda: listing(app).row_count == 4)
        assert listing(app).current.id == added  # type: ignore[union-attr]


async def test_moving_away_holds_the_cursor_and_counts_what_is_new(filled: Filled) -> None:
    async with running(filled.folder) as (app, pilot):
        await until(pilot, lambda: listing(app).row_count == 3)
        await pilot.press("down")
        held = listing(app).current
        await filled.add(GOOD)
        await until(pilot, lambda: listing(app).row_count == 4)
        assert listing(app).current == held
        assert "1 new" in words(app.screen.query_one("FooterLine", PartsLine))
        await pilot.press("f")
        assert listing(app).cursor == 0
        assert "new" not in words(app.screen.query_one("FooterLine", PartsLine))


async def test_the_filter_narrows_while_typing_and_says_what_is_wrong(filled: Filled) -> None:
    async with running(filled.folder) as (app, pilot):
        await until(pilot, lambda: listing(app).row_count == 3)
        await pilot.press("slash", *"status:failed")
        await until(pilot, lambda: listing(app).row_count == 1)
        await pilot.press(*"x")
        bar = app.screen.query_one(FilterBar)
        await until(pilot, lambda: bar.error is not None)
        assert listing(app).row_count == 1
        await pilot.press("escape")
        await until(pilot, lambda: listing(app).row_count == 3)
        assert app.focused is listing(app)


async def test_sorting_goes_through_the_columns(filled: Filled) -> None:
    async with running(filled.folder) as (app, pilot):
        await until(pilot, lambda: listing(app).row_count == 3)
        await pilot.press("S", "S")
        assert [row.split()[1] for row in shown(app)] == ["import", "order", "order"]
        assert "STATUS ↓" in app.screen.query_one(ExecutionsHead).render_row(0, 100, False).text


async def test_the_footer_offers_only_what_works_here(filled: Filled) -> None:
    async with running(filled.folder) as (app, pilot):
        await until(pilot, lambda: listing(app).row_count == 3)
        assert "/ filter" in words(app.screen.query_one("FooterLine", PartsLine))
        await pilot.press("enter")
        await until(pilot, lambda: "event" in words(app.screen.query_one("FooterLine", PartsLine)))
        assert "filter" not in words(app.screen.query_one("FooterLine", PartsLine))


async def test_next_failed_goes_round(filled: Filled) -> None:
    async with running(filled.folder) as (app, pilot):
        await until(pilot, lambda: listing(app).row_count == 3)
        await pilot.press("F")
        assert listing(app).cursor == 1
        await pilot.press("F")
        assert listing(app).cursor == 1


async def test_a_missing_store_says_how_to_begin_and_is_noticed_when_it_appears(tmp_path: Path) -> None:
    async with running(tmp_path / "store") as (app, pilot):
        text = listing(app)
        await until(pilot, lambda: any("no store" in line for line, _ in text._placeholder_lines(100)))
        assert any("dive-tui demo" in line for line, _ in text._placeholder_lines(100))
        made = Filled(tmp_path / "store")
        await made.add(GOOD)
        await until(pilot, lambda: listing(app).row_count == 1)
        await made.store.close()


async def test_an_empty_store_names_the_workflows_that_lie_around(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "flow.yaml").write_text("name: x\nsteps:\n  - {name: A, action: Print}\n")
    (tmp_path / "other.yaml").write_text("a: 1\n")
    (tmp_path / "gone.yaml").symlink_to(tmp_path / "nowhere")
    assert [str(path) for path in workflow_files(tmp_path)] == ["flow.yaml"]
    monkeypatch.chdir(tmp_path)
    store = FileExecutionEventStore(tmp_path / "store", create=True)
    async with running(tmp_path / "store") as (app, pilot):
        text = listing(app)
        await until(pilot, lambda: any("run flow.yaml" in line for line, _ in text._placeholder_lines(100)))
    await store.close()


async def test_a_foreign_file_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("hello")
    async with running(tmp_path / "notes.txt") as (app, pilot):
        text = listing(app)
        await until(pilot, lambda: any("notes.txt" in line for line, _ in text._placeholder_lines(100)))


async def test_a_store_that_goes_away_leaves_its_rows_under_a_banner(filled: Filled) -> None:
    async with running(filled.folder) as (app, pilot):
        await until(pilot, lambda: listing(app).row_count == 3)
        away = filled.folder.with_name("away")
        shutil.move(filled.folder, away)
        await until(pilot, lambda: app.screen.query_one(Banner).display)
        assert listing(app).row_count == 3
        shutil.move(away, filled.folder)
        await until(pilot, lambda: not app.screen.query_one(Banner).display)
        assert listing(app).row_count == 3


async def test_hostile_names_do_no_harm(filled: Filled) -> None:
    hostile = "[/bold]\x1b]52;c;aGk=\x07\u202e" + "x" * 100_000
    started = (await filled.store.list_executions())[0]
    first = (await filled.store.get_event_history(started.id))[0]
    data = {**first.data, "workflow_name": hostile, "labels": {hostile[:50]: hostile}}
    await filled.store.append_events(
        [ExecutionEvent("event_x", "exec_hostile", "", 1, first.timestamp, "execution_started", "", data)]
    )
    async with running(filled.folder) as (app, pilot):
        await until(pilot, lambda: listing(app).row_count == 4)
        for row in range(4):
            listing(app).move_to(row)
            await pilot.pause()
        assert all(text.isprintable() for text in shown(app))


@pytest.mark.parametrize("width", range(1, 200, 7))
def test_columns_never_need_more_than_there_is(width: int) -> None:
    made = columns(width, Widths(28, 28, 11))
    needed = sum(size for _, size in made) + 2 * (len(made) - 1)
    assert needed <= max(width, 41)
    assert made[0][0] == "EXECUTION"


def test_what_is_waited_for_is_read_to_its_end_where_there_is_room() -> None:
    made = dict(columns(77, Widths(14, 20, 8)))
    assert made["AT STEP"] == 20
    assert made["WORKFLOW"] >= 12
    assert "TRY" not in made
    roomy = dict(columns(100, Widths(14, 20, 8)))
    assert (roomy["EXECUTION"], roomy["WORKFLOW"], roomy["TRY"]) == (9, 14, 3)


async def test_narrow_and_low_terminals_keep_the_list(filled: Filled) -> None:
    for size in ((60, 12), (80, 24), (250, 70)):
        async with running(filled.folder, size) as (app, pilot):
            await until(pilot, lambda app=app: listing(app).row_count == 3)
            assert isinstance(app.screen, ExecutionsScreen)
            assert app.screen.query_one("#peek-pane").display == (size[0] >= 100)


async def test_times_of_other_days_and_zones(filled: Filled, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(os.environ, "TZ", "UTC")
    async with running(filled.folder) as (app, pilot):
        await until(pilot, lambda: listing(app).row_count == 3)
        assert "09:14:05" in shown(app)[0]
        await pilot.press("t", "t")
        assert "5m55 ago" in shown(app)[0]


# Waiting


@pytest.fixture
async def waiting(tmp_path: Path) -> AsyncIterator[Filled]:
    made = Filled(tmp_path / "store")
    for steps in (
        [{"name": "Ask", "wait_signal": "approve", "timeout": "1h"}],
        [{"name": "Nap", "sleep": "30m"}],
        [{"name": "Say", "action": "Print", "parameters": {"message": "hello"}}],
    ):
        made.clock.advance(1)
        await made.engine.run(Workflow.model_validate({"name": "waits", "steps": steps}), linger=0)
    yield made
    await made.store.close()


async def test_waiting_ones_say_what_for_and_how_long_still(waiting: Filled) -> None:
    async with running(waiting.folder) as (app, pilot):
        await until(pilot, lambda: listing(app).row_count == 3)
        rows = shown(app)
        assert "◔ waiting" in rows[1]
        assert "sleep in 24m" in rows[1]
        assert "signal approve in 54m" in rows[2]
        listing(app).move_to(2)
        await pilot.pause()
        peek = app.screen.query_one(ExecutionPeek)
        text = "\n".join(peek.render_row(row, 38, False).text for row in range(peek.row_count))
        assert "waits for signal approve" in text
        assert "until     2026-03-01 10:14:03" in text
        assert "in 54m" in text
        assert "s sends the signal." in text
        assert "Nobody drives it: dive-tui work" in text


async def test_only_rows_whose_time_goes_on_are_drawn_anew(waiting: Filled) -> None:
    async with running(waiting.folder) as (app, pilot):
        await until(pilot, lambda: listing(app).row_count == 3)
        drawn: list[range | None] = []
        listing(app).refresh_rows = drawn.append  # type: ignore[method-assign]
        listing(app).tick()
        assert drawn == [range(1, 2), range(2, 3)]


async def test_the_one_under_the_cursor_is_paused_from_the_list(waiting: Filled) -> None:
    async with running(waiting.folder) as (app, pilot):
        await until(pilot, lambda: listing(app).row_count == 3)
        listing(app).move_to(1)
        await pilot.press("p")
        await until(pilot, lambda: "‖ paused" in shown(app)[1])
        await pilot.press("x")
        await until(pilot, lambda: isinstance(app.screen, ChoiceDialog))
        await pilot.press("down", "enter")
        await until(pilot, lambda: not isinstance(app.screen, ChoiceDialog))
        await until(pilot, lambda: "⊘ cancelled" in shown(app)[1])


async def test_in_an_empty_list_there_is_nothing_to_steer(tmp_path: Path) -> None:
    FileExecutionEventStore(tmp_path / "store", create=True)
    async with running(tmp_path / "store") as (app, pilot):
        await pilot.press("x")
        await until(pilot, lambda: app._notifications)
        assert next(iter(app._notifications)).message == "There is no execution here."
