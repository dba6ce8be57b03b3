"""The list of events."""

from __future__ import annotations

from dive_tui.widgets.events.event_words import TimeFormat
from dive_tui.widgets.events.events_list import EventsList
from dive_tui.widgets.outline import Outline
from engine.replay.history import History
from engine.replay.searching.search import Hits, parse_event_query
from tests.screens.execution_app import lines_of, settle, text_of
from tests.screens.histories import HOSTILE, failed_order, history_of, hostile_events, long_each
from tests.widgets.hosting import Host, noted
from tests.widgets.samples import outlined


async def order() -> tuple[History, Outline]:
    history = await history_of(*await failed_order())
    outline = Outline(history)
    outline.catch_up()
    return history, outline


async def test_a_line_tells_number_time_kind_place_and_more() -> None:
    view = EventsList()
    async with Host(view).run_test(size=(120, 30)) as pilot:
        view.show(*await order(), 23)
        await settle(pilot)
        lines = [" ".join(line.split()) for line in lines_of(view)]
        assert lines[0] == "1 +0.00s ▸ execution started order"
        assert lines[2].startswith("3 +0.00s ▸ step started main › Validate order {customer:")
        assert (
            lines[8]
            == '9 +0.84s ✓ step completed main › Reserve Stock item 2 400ms {item: "bulb", shelf: "A-4", left: 6}'
        )
        assert lines[12] == "13 +1.29s · path branched main › Reserve Stock into payment, notify, warehouse"
        assert lines[22] == "▌23 +2.95s ✗ step failed payment › Charge Card CardDeclined: insufficient funds (402)"
        assert lines[23] == "24 +2.95s ✗ path failed payment caused by 23"
        assert lines[26] == "27 +2.95s ✗ execution failed caused by 23"


async def test_columns_stand_under_each_other_and_shrink_with_the_width() -> None:
    view = EventsList()
    async with Host(view).run_test(size=(80, 30)) as pilot:
        view.show(*await order(), 1)
        await settle(pilot)
        lines = lines_of(view)
        starts = [line.index(word) for line in lines for word in ("step started", "path failed") if word in line]
        assert len(starts) > 5
        assert len(set(starts)) == 1
        assert "execution" not in lines[26]
        await pilot.resize_terminal(50, 30)
        await settle(pilot)
        assert "step" not in lines_of(view)[22]
        assert "✗ failed" in lines_of(view)[22]
        for width in (30, 12, 3):
            await pilot.resize_terminal(width, 30)
            await settle(pilot)
            assert all(len(line) <= width for line in lines_of(view))


async def test_times_are_shown_as_asked() -> None:
    view = EventsList()
    async with Host(view).run_test(size=(100, 30)) as pilot:
        view.show(*await order(), 1)
        view.set_time_format(TimeFormat.UTC)
        await settle(pilot)
        assert "09:14:04.950" in lines_of(view)[22]
        view.set_time_format(TimeFormat.ELAPSED)
        await settle(pilot)
        assert "+2.95s" in lines_of(view)[22]


async def test_a_persons_moves_are_wishes() -> None:
    view = EventsList()
    app = Host(view)
    async with app.run_test(size=(100, 10)) as pilot:
        view.show(*await order(), 5)
        view.focus()
        await pilot.press("down", "G", "g", "pageup")
        await settle(pilot)
        assert app.host.asked == [6, 27, 1, 1]
        assert view.cursor == 4
        view.set_cursor(27)
        await settle(pilot)
        assert view.cursor == 26
        assert "27" in lines_of(view)[-1]
        await pilot.press("down")
        await settle(pilot)
        assert app.host.asked == [6, 27, 1, 1], "below the last there is nothing"


async def test_a_hundred_thousand_events_are_there_at_once() -> None:
    view = EventsList()
    async with Host(view).run_test(size=(100, 10)) as pilot:
        history, outline = outlined(long_each(100_000))
        drawn: list[int] = []
        view.render_row = noted(drawn, view.render_row)  # type: ignore[method-assign]
        view.show(history, outline, 99_998)
        await settle(pilot)
        assert "99998" in text_of(view)
        assert len(set(drawn)) <= 20


async def test_hostile_events_are_listed_safely() -> None:
    view = EventsList()
    async with Host(view).run_test(size=(140, 12)) as pilot:
        view.show(*outlined(hostile_events()), 1)
        await settle(pilot)
        lines = lines_of(view)
        assert all(line.isprintable() for line in lines)
        assert HOSTILE not in "".join(lines)
        assert "xxxx…" in "".join(lines)


async def test_in_ascii_lines_are_ascii() -> None:
    view = EventsList()
    async with Host(view, ascii_only=True).run_test(size=(120, 30)) as pilot:
        view.show(*await order(), 23)
        await settle(pilot)
        assert text_of(view).isascii()
        assert "ok step completed" in text_of(view)


async def test_hits_are_marked_or_listed_alone_with_the_cursor_on_the_nearest() -> None:
    view = EventsList()
    async with Host(view).run_test(size=(100, 30)) as pilot:
        history, outline = await order()
        view.show(history, outline, 5)
        hits = Hits(parse_event_query("type:step_completed"))
        hits.fill(history)
        view.show_hits(hits, only=False)
        await settle(pilot)
        assert [line.split("◂")[0].strip("▌ ") for line in lines_of(view) if "◂" in line] == [
            "4",
            "7",
            "9",
            "11",
            "12",
            "21",
        ]
        view.show_hits(hits, only=True)
        await settle(pilot)
        assert [line.split("◂")[0].strip("▌ ") for line in lines_of(view) if line] == ["4", "7", "9", "11", "12", "21"]
        for sequence, row in [(1, 0), (5, 0), (6, 1), (8, 1), (16, 4), (17, 5), (27, 5)]:
            view.set_cursor(sequence)
            assert (view.cursor, view.sequence_of(view.cursor)) == (row, list(hits)[row])
        view.show_hits(Hits(parse_event_query("nothing")), only=True)
        await settle(pilot)
        assert view.row_count == 0
        view.set_cursor(3)
        view.show_hits(None, only=False)
        assert (view.row_count, view.cursor) == (27, 2)
