"""Parts that change with every key draw only what changed."""

from __future__ import annotations

from rich.segment import Segment
from textual.strip import Strip

from dive_tui.widgets.steady import SteadyPane, SteadyView
from tests.screens.execution_app import lines_of, settle, text_of
from tests.widgets.hosting import Host, noted


class Lines(SteadyView):
    """As many lines as it is told."""

    count = 3

    @property
    def row_count(self) -> int:
        return self.count

    def render_row(self, index: int, width: int, selected: bool) -> Strip:
        return Strip([Segment(f"line {index} of {self.count}")])

    def row_key(self, index: int) -> tuple[int, int]:
        return index, self.count


async def test_a_title_draws_only_the_border_anew() -> None:
    lines = Lines()
    pane = SteadyPane(lines, title="Events", fact="1 of 2")
    app = Host(pane)
    async with app.run_test(size=(40, 10)) as pilot:
        await settle(pilot)
        drawn: list[int] = []
        lines.render_line = noted(drawn, lines.render_line)  # type: ignore[method-assign]
        pane.set_title("Events @7")
        pane.set_fact("7 of 9")
        pane.set_tabs(["Event", "State"], 1)
        await settle(pilot)
        assert drawn == []
        shown = [line.text for line in app.screen._compositor.render_strips()]
        assert "Event │ State" in shown[0]
        assert "7 of 9" in shown[-1]


async def test_what_is_the_same_is_not_written_again() -> None:
    pane = SteadyPane(Lines(), title="Events", fact="1 of 2")
    async with Host(pane).run_test(size=(40, 10)) as pilot:
        await settle(pilot)
        written: list[int] = []
        pane._write_border = noted(written, pane._write_border)  # type: ignore[method-assign]
        pane.set_title("Events")
        pane.set_fact("1 of 2")
        assert written == []
        pane.set_tabs(["a", "b"], 0)
        pane.set_tabs(["a", "b"], 0)
        pane.set_title("Events")
        assert len(written) == 2


async def test_a_list_that_fits_moves_nothing_when_it_changes() -> None:
    lines = Lines()
    app = Host(lines)
    async with app.run_test(size=(40, 10)) as pilot:
        await settle(pilot)
        laid_out: list[int] = []
        app.host._refresh_layout = noted(laid_out, app.host._refresh_layout)  # type: ignore[method-assign]
        for count in (1, 9, 0, 10):
            lines.count = count
            lines.rows_changed(cursor=0)
            await settle(pilot)
            assert text_of(lines).count("line") == count
        assert laid_out == []
        lines.count = 40
        lines.rows_changed(cursor=0)
        await settle(pilot)
        assert laid_out
        assert lines.max_scroll_y == 30
        await pilot.resize_terminal(40, 50)
        await settle(pilot)
        assert lines.max_scroll_y == 0
        assert "line 39" in lines_of(lines)[39]
