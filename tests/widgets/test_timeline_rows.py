"""The rows of the timeline: found by number, folded, and tied to events both ways."""

from __future__ import annotations

import pytest

from dive_tui.widgets.outline import Outline
from dive_tui.widgets.timeline.rows import FEW_UNITS, RowList
from engine.replay.history import History
from tests.screens.histories import Writer, completed_order, failed_order, history_of, long_loop
from tests.widgets.samples import arranged, outlined


async def order(room: int = 100) -> tuple[History, RowList]:
    history = await history_of(*await failed_order())
    outline = Outline(history)
    outline.catch_up()
    return history, arranged(history, outline, room)


def names(rows: RowList) -> list[str]:
    found = []
    for index in range(len(rows)):
        row = rows[index]
        mark = "+" if row.folded else "-"
        found.append(f"  {row.units[0].step}" if row.units else f"{mark} {row.path.id}")
    return found


async def test_units_stand_under_their_paths() -> None:
    _, rows = await order()
    assert names(rows) == [
        "- main", "  Validate", "  Reserve Stock", "- payment", "  Charge Card", "- notify", "  Notify", "  Archive",
        "- warehouse", "  Pack",
    ]  # fmt: skip


async def test_a_path_folds_and_unfolds() -> None:
    history, rows = await order()
    rows.toggle("main")
    assert (len(rows), rows.wanted) == (8, 10)
    assert names(rows)[:3] == ["+ main", "- payment", "  Charge Card"]
    assert rows.row_of(history, 4) == 0
    rows.arrange()
    assert names(rows)[0] == "+ main"
    rows.toggle("main")
    assert len(rows) == 10


async def test_where_there_is_no_room_what_ended_well_is_folded() -> None:
    _, rows = await order(room=9)
    assert names(rows) == [
        "+ main", "- payment", "  Charge Card", "- notify", "  Notify", "  Archive", "- warehouse", "  Pack",
    ]  # fmt: skip
    rows.toggle("main")
    rows.arrange(5)
    assert names(rows)[0] == "- main"


async def test_every_row_leads_to_an_event_that_leads_back() -> None:
    for make in (failed_order, completed_order):
        history = await history_of(*await make())
        outline = Outline(history)
        outline.catch_up()
        for room in (1, 100):
            rows = arranged(history, outline, room)
            for index in range(len(rows)):
                for near in (1, len(history) // 2, len(history)):
                    assert rows.row_of(history, rows.sequence_of(history, index, near)) == index


async def test_events_about_the_whole_execution_stay_where_the_last_one_was() -> None:
    history, rows = await order()
    assert rows.row_of(history, 1) == 0
    assert rows.row_of(history, 27) == rows.row_of(history, 26)


def test_rows_that_do_not_exist_are_refused() -> None:
    history, outline = outlined(long_loop(10))
    rows = arranged(history, outline)
    for index in (-1, len(rows)):
        with pytest.raises(IndexError):
            rows[index]


def test_visits_of_a_step_share_a_row_once_there_are_many() -> None:
    history, outline = outlined(long_loop(2 + 2 * FEW_UNITS))
    assert len(arranged(history, outline)) == 1 + FEW_UNITS
    history, outline = outlined(long_loop(2 + 2 * (FEW_UNITS + 1)))
    rows = arranged(history, outline)
    assert names(rows) == ["- main", "  Poll", "  Handle"]
    assert [rows[index].unit for index in (1, 2)] == [None, None]
    assert [len(rows[index].units) for index in (1, 2)] == [51, 50]


def test_a_shared_row_leads_to_the_visit_nearest_the_cursor() -> None:
    history, outline = outlined(long_loop(2000))
    rows = arranged(history, outline)
    for near in (1, 3, 777, 2000):
        for index in range(3):
            sequence = rows.sequence_of(history, index, near)
            assert rows.row_of(history, sequence) == index
            if index:
                assert abs(sequence - near) <= 6
    assert rows.row_of(history, 1500) in (1, 2)


def test_rows_come_as_the_history_grows() -> None:
    writer = Writer()
    writer.begin()
    history, outline = outlined(writer.events)
    rows = arranged(history, outline)
    assert len(rows) == 1
    writer.start("main", "Work", at=1)
    history.extend(writer.events[2:])
    outline.catch_up()
    rows.arrange()
    assert names(rows) == ["- main", "  Work"]
    assert rows.row_of(history, 3) == 1
