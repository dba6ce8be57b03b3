"""Marks and columns of the list of executions."""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from dive_tui.app.main import DiveApp
from dive_tui.screens.diff.screen import DiffScreen
from dive_tui.widgets.dialogs.columns_dialog import ColumnsDialog
from dive_tui.widgets.executions_columns import BY_NAME, COLUMNS, USUAL, Widths, columns
from dive_tui.widgets.executions_list import ExecutionsHead, ExecutionsList
from dive_tui.widgets.pane import Pane
from tests.screens.store_app import FAIL, SAY, app_on, filled, last_toast, listed, text_of, until


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Path]:
    await filled(tmp_path / "store", SAY, FAIL, SAY, FAIL)
    yield tmp_path / "store"


def listing(app: DiveApp) -> ExecutionsList:
    return app.screen.query_one(ExecutionsList)


def marked(app: DiveApp) -> list[int]:
    """The rows that wear a mark."""
    return [row for row in range(listing(app).row_count) if "•" in listing(app).render_row(row, 100, False).text]


def fact(app: DiveApp) -> str:
    return app.screen.query_one("#list-pane", Pane)._fact


async def test_space_marks_and_takes_the_mark_away(store: Path) -> None:
    async with app_on(store) as (app, pilot):
        await until(pilot, lambda: len(listed(app)) == 4)
        assert marked(app) == []
        await pilot.press("space", "j", "j", "space")
        assert marked(app) == [0, 2]
        assert fact(app) == "4 executions   2 marked"
        assert "2 marked" in text_of(app)
        heads = app.screen.query_one(ExecutionsHead).render_row(0, 100, False).text
        assert heads.index("WORKFLOW") == listing(app).render_row(0, 100, False).text.index("fail")
        await pilot.press("space")
        assert marked(app) == [0]
        await pilot.press("k", "k", "space")
        assert marked(app) == []
        assert fact(app) == "4 executions"


async def test_v_marks_from_the_last_mark_to_the_cursor_either_way(store: Path) -> None:
    async with app_on(store) as (app, pilot):
        await until(pilot, lambda: len(listed(app)) == 4)
        await pilot.press("v")
        assert "no execution shown here is marked" in last_toast(app)
        await pilot.press("j", "space", "j", "j", "v")
        assert marked(app) == [1, 2, 3]
        await pilot.press("escape", "space", "k", "v")
        assert marked(app) == [2, 3]


async def test_marks_stay_with_their_executions(store: Path) -> None:
    async with app_on(store) as (app, pilot):
        await until(pilot, lambda: len(listed(app)) == 4)
        await pilot.press("space", "j", "space")
        ids = list(listing(app).marked)
        assert ids == listed(app)[:2]
        await pilot.press("S", "S", "S")
        assert [listed(app)[row] for row in marked(app)] == [each for each in listed(app) if each in ids]
        await pilot.press("slash", *"workflow:say", "enter")
        await until(pilot, lambda: len(listed(app)) == 2)
        assert fact(app) == "2 of 4 executions   2 marked (1 not shown)"
        await pilot.press("escape")
        assert listing(app).marked == {}, "escape takes the marks away first"
        assert len(listed(app)) == 2
        await pilot.press("escape")
        await until(pilot, lambda: len(listed(app)) == 4)


async def test_the_mark_of_what_was_deleted_is_gone(store: Path) -> None:
    async with app_on(store) as (app, pilot):
        await until(pilot, lambda: len(listed(app)) == 4)
        await pilot.press("space", "j", "space")
        gone = listed(app)[0]
        assert app._store is not None
        await app._store.delete_execution(gone)
        await until(pilot, lambda: len(listed(app)) == 3)
        assert list(listing(app).marked) == [listed(app)[0]]


@pytest.fixture
def compared(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What was asked to be compared, in place of the screen that does it."""
    calls: list[Any] = []
    stand_in = ModuleType("dive_tui.screens.diff.opening")
    stand_in.open_diff = lambda app, store, left, right, **_: calls.append((left, right))  # type: ignore[attr-defined]
    stand_in.open_counterpart = lambda app, store, summary, **_: calls.append(summary.id)  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "dive_tui.screens.diff.opening", stand_in)
    return calls


async def test_d_compares_the_marked_with_the_older_one_left(store: Path, compared: list[Any]) -> None:
    async with app_on(store) as (app, pilot):
        await until(pilot, lambda: len(listed(app)) == 4)
        newest, second, third, oldest = listed(app)
        await pilot.press("space", "G", "space", "g", "d")
        assert compared == [(oldest, newest)]
        await pilot.press("j", "space", "d")
        assert compared == [(oldest, newest)]
        assert last_toast(app) == "3 are marked, and two can be compared; esc takes the marks away."
        await pilot.press("escape", "space", "j", "d")
        assert compared[1:] == [(third, second)]
        await pilot.press("k", "d")
        assert compared[2:] == [second], "the only mark is under the cursor"
        await pilot.press("escape", "d")
        assert compared[3:] == [second]


async def test_where_there_is_nothing_to_mark_or_compare_it_says_so(tmp_path: Path) -> None:
    await filled(tmp_path / "store")
    async with app_on(tmp_path / "store") as (app, pilot):
        await until(pilot, lambda: "no execution" in text_of(app).lower())
        for key, said in (("space", "There is no execution to mark."), ("d", "There is no execution to compare.")):
            await pilot.press(key)
            assert last_toast(app) == said


# Columns


@pytest.mark.parametrize("width", range(1, 260, 9))
@pytest.mark.parametrize("chosen", [(), ("id", "labels"), tuple(BY_NAME), ("error", "took", "ended", "from")])
def test_columns_never_need_more_than_there_is(width: int, chosen: tuple[str, ...]) -> None:
    made = columns(width, Widths(28, 28, 11, 40, 90), chosen)
    needed = sum(size for _, size in made) + 2 * (len(made) - 1)
    assert needed <= max(width, 41 if not chosen else 1)
    assert all(size > 0 for _, size in made)


def test_chosen_columns_stand_in_their_order_and_the_last_ones_go_first() -> None:
    wanted = Widths(14, 20, 8)
    assert [name for name, _ in columns(100, wanted, ("took", "workflow", "id"))] == ["TOOK", "WORKFLOW", "ID"]
    assert [name for name, _ in columns(30, wanted, ("took", "workflow", "id"))] == ["TOOK", "WORKFLOW"]
    roomy = dict(columns(100, wanted, ("took", "workflow", "id")))
    assert roomy["ID"] == 31
    assert sum(roomy.values()) + 4 == 100, "the room that is left is used"


def test_a_wide_terminal_shows_more_by_itself() -> None:
    narrow = [name for name, _ in columns(120, Widths(20, 20, 8, 12, 30))]
    wide = dict(columns(180, Widths(40, 20, 8, 12, 30)))
    assert "EVENTS" not in narrow
    assert {"EVENTS", "LABELS", "ERROR"} <= wide.keys()
    assert wide["WORKFLOW"] == 40
    assert "LABELS" not in dict(columns(180, Widths(40, 20, 8, 0, 30))), "no labels, no column"


async def test_columns_are_chosen_moved_and_put_back(store: Path) -> None:
    async with app_on(store, (160, 40)) as (app, pilot):
        await until(pilot, lambda: len(listed(app)) == 4)
        await pilot.press("c")
        await until(pilot, lambda: isinstance(app.screen, ColumnsDialog))
        assert "the end of its id" in text_of(app)
        await pilot.press("space", "j", "greater_than_sign", "G", "space", "enter")
        await until(pilot, lambda: not isinstance(app.screen, ColumnsDialog))
        assert listing(app).chosen == ("status", "workflow", *USUAL[3:], "id")
        head = app.screen.query_one(ExecutionsHead).render_row(0, 150, False).text
        assert head.split()[:2] == ["STATUS", "WORKFLOW"]
        assert listed(app)[0] in listing(app).render_row(0, 200, False).text
        await pilot.press("c", "space", "q")
        assert listing(app).chosen[0] == "status", "q changes nothing"
        await pilot.press("c", "0", "enter")
        await until(pilot, lambda: not isinstance(app.screen, ColumnsDialog))
        assert listing(app).chosen == ()


async def test_at_least_one_column_stays(store: Path) -> None:
    async with app_on(store) as (app, pilot):
        await until(pilot, lambda: len(listed(app)) == 4)
        await pilot.press("c", *["space", "j"] * len(COLUMNS))
        await pilot.press("c")
        await pilot.press("g", "0", *["space", "j"] * len(USUAL), "enter")
        assert isinstance(app.screen, ColumnsDialog)
        assert last_toast(app).startswith("At least one column must stay")


async def test_every_column_shows_what_it_says(store: Path) -> None:
    async with app_on(store, (250, 40)) as (app, pilot):
        await until(pilot, lambda: len(listed(app)) == 4)
        rows = listing(app)
        summary = dataclasses.replace(
            rows.rows[0],
            labels={"team": "shop", "tier": 1},
            lineage={"kind": "retry", "execution_id": "exec_source12345"},
            end_time=None,
            path_count=1234,
            attempt=2,
        )
        cells = {column.heading: rows._cell(column.heading, summary) for column in COLUMNS}
        assert cells["LABELS"] == "team=shop tier=1"
        assert cells["FROM"] == "…12345"
        assert cells["ID"] == summary.id
        assert cells["PATHS"] == "1,234"
        assert cells["ENDED"] == "-"
        assert cells["TRY"] == "2"
        assert cells["EVENTS"] == str(summary.last_event_seq)
        assert cells["ERROR"].startswith("DocumentError") or "no/such" in cells["ERROR"]


@pytest.mark.parametrize(("size", "more"), [((120, 36), False), ((250, 70), True)])
async def test_a_high_terminal_tells_more_of_the_one_under_the_cursor(
    store: Path, size: tuple[int, int], more: bool
) -> None:
    async with app_on(store, size) as (app, pilot):
        await until(pilot, lambda: len(listed(app)) == 4)
        await until(pilot, lambda: "workflow  fail" in text_of(app))
        assert ("ended     2026-03-01" in text_of(app)) == more
        assert ("failed    Read" in text_of(app)) == more


async def test_the_comparison_of_two_marked_ones_opens_and_comes_back(store: Path) -> None:
    async with app_on(store) as (app, pilot):
        await until(pilot, lambda: len(listed(app)) == 4)
        await pilot.press("space", "j", "j", "space", "d")
        await until(pilot, lambda: isinstance(app.screen, DiffScreen))
        await pilot.press("q")
        await until(pilot, lambda: len(listed(app)) == 4)
        assert len(listing(app).marked) == 2
