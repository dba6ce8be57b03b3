"""Jump mode: a letter on everything in sight, and the way there."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot

from dive_tui.app.shell import Shell
from dive_tui.screens.execution.panes import PaneName
from dive_tui.screens.execution.screen import ExecutionScreen
from dive_tui.widgets.executions_list import ExecutionsList
from dive_tui.widgets.jump_labels import LETTERS, JumpScreen, _Label, labels_for, targets_on
from tests.screens.execution_app import failed, opened, press, said, settle
from tests.screens.store_app import SAY, app_on, filled, lines_of, listed, until


def labels(app: Shell) -> dict[tuple[int, int], str]:
    """Every label by the cell (row, column) it stands in."""
    return {(label.region.y, label.region.x): label.text for label in app.screen.query(_Label) if label.display}


async def jumping(pilot: Pilot[Any]) -> dict[tuple[int, int], str]:
    await pilot.press("J")
    await until(pilot, lambda: isinstance(pilot.app.screen, JumpScreen) and pilot.app.screen.query(_Label))
    await pilot.pause()
    app = pilot.app
    assert isinstance(app, Shell)
    return labels(app)


@pytest.mark.parametrize("count", [0, 1, len(LETTERS), len(LETTERS) + 1, 300])
def test_no_label_begins_another(count: int) -> None:
    made = labels_for(count)
    assert len(made) == len(set(made)) == count
    assert not any(one != other and other.startswith(one) for one in made for other in made)
    assert all(letter in LETTERS for label in made for letter in label)


async def test_a_row_of_the_list_is_two_keys_away(tmp_path: Path) -> None:
    await filled(tmp_path / "store", *[SAY] * 5)
    async with app_on(tmp_path / "store") as (app, pilot):
        await until(pilot, lambda: len(listed(app)) == 5)
        listing = app.screen.query_one(ExecutionsList)
        row = listing.region.y + 3
        shown = await jumping(pilot)
        assert lines_of(app)[row][listing.region.x] == shown[row, listing.region.x], "the label stands at its row"
        await pilot.press(shown[row, listing.region.x])
        await until(pilot, lambda: not isinstance(app.screen, JumpScreen))
        assert listing.cursor == 3
        assert listing.has_focus


@pytest.mark.parametrize("key", ["escape", "space", "9", "down"])
async def test_escape_and_any_other_key_stay(tmp_path: Path, key: str) -> None:
    await filled(tmp_path / "store", SAY, SAY)
    async with app_on(tmp_path / "store") as (app, pilot):
        await until(pilot, lambda: len(listed(app)) == 2)
        await jumping(pilot)
        await pilot.press(key)
        await until(pilot, lambda: not isinstance(app.screen, JumpScreen))
        assert app.screen.query_one(ExecutionsList).cursor == 0
        assert not app.screen.query_one(ExecutionsList).marked, "the key does nothing else"


async def test_panes_and_tabs_have_letters() -> None:
    app = await failed()
    async with app.run_test(size=(120, 36)) as pilot:
        screen = await opened(pilot)
        await settle(pilot)
        frames = screen.panes._frames
        inspector, timeline = frames[PaneName.EVENT], frames[PaneName.TIMELINE]
        starts = inspector.tab_starts
        assert len(starts) == 3
        shown = await jumping(pilot)
        await press(pilot, shown[inspector.region.y, inspector.region.x + starts[1]])
        assert isinstance(app.screen, ExecutionScreen)
        assert screen.panes.current is PaneName.STATE
        shown = await jumping(pilot)
        await press(pilot, shown[timeline.region.y, timeline.region.x + 1])
        assert screen.panes.timeline.rows.has_focus


async def test_the_tabs_of_a_narrow_terminal_have_letters() -> None:
    app = await failed()
    async with app.run_test(size=(80, 24)) as pilot:
        screen = await opened(pilot)
        await settle(pilot)
        shown = await jumping(pilot)
        tabs = [shown[place] for place in sorted(shown) if place[0] == 2]
        assert len(tabs) == 5
        await press(pilot, tabs[4])
        assert screen.panes.current is PaneName.CHANGES


async def test_the_cursor_of_the_screen_follows_a_jump_to_an_event() -> None:
    app = await failed()
    async with app.run_test(size=(120, 36)) as pilot:
        screen = await opened(pilot)
        await settle(pilot)
        first = screen.panes.events.region
        top = screen.panes.events.scroll_offset.y
        shown = await jumping(pilot)
        await press(pilot, shown[first.y, first.x])
        assert screen.sequence == top + 1


async def test_with_more_targets_than_letters_labels_are_pairs(tmp_path: Path) -> None:
    await filled(tmp_path / "store", *[SAY] * 60)
    async with app_on(tmp_path / "store", (120, 80)) as (app, pilot):
        await until(pilot, lambda: len(listed(app)) == 60)
        listing = app.screen.query_one(ExecutionsList)
        row = listing.region.y + 40
        shown = await jumping(pilot)
        pair = shown[row, listing.region.x]
        assert len(pair) == 2
        await pilot.press(pair[0])
        assert all(text[0] == pair[0] for text in labels(app).values())
        await pilot.press(pair[1])
        await until(pilot, lambda: not isinstance(app.screen, JumpScreen))
        assert listing.cursor == 40


async def test_where_there_is_nowhere_to_go_it_says_so() -> None:
    app = Shell(ascii_only=False)
    async with app.run_test() as pilot:
        assert targets_on(app.screen) == []
        await pilot.press("J")
        await pilot.pause()
        assert said(app) == "There is nowhere to jump to here."
        assert not isinstance(app.screen, JumpScreen)
