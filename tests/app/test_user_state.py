"""How the app was left: what is remembered, for whom, and that a bad file does no harm."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import pytest

from dive_tui.app import themes
from dive_tui.app.user_state import Memory, UserState
from dive_tui.widgets.executions_list import ExecutionsHead, ExecutionsList, ListTime
from dive_tui.widgets.filter_bar import FilterBar
from tests.screens.store_app import FAIL, SAY, app_on, filled, listed, until


def test_what_was_saved_is_there_again_for_its_owner_only(tmp_path: Path) -> None:
    file = tmp_path / "state" / "app.json"
    memory = Memory(file)
    assert memory.state == UserState()
    assert memory.change(theme="dive-light", columns=("id", "status"), order="took", times="ago")
    assert memory.filter_changed("/a", "status:failed")
    memory.save()
    assert not memory.change(order="took"), "nothing new to save"
    assert Memory(file).state == memory.state
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert [path.name for path in file.parent.iterdir()] == ["app.json"]


def test_filters_are_those_of_the_stores_used_last() -> None:
    memory = Memory()
    for number in range(30):
        memory.filter_changed(f"/{number}", "x")
    memory.filter_changed("/29", "")
    memory.filter_changed("/20", "y")
    assert list(memory.state.filters)[-1] == "/20"
    assert memory.state.filters["/20"] == "y"
    assert "/29" not in memory.state.filters
    assert len(memory.state.filters) <= 12


@pytest.mark.parametrize(
    "content",
    [b"", b"[]", b"{", b'{"columns": 3, "filters": [], "theme": 7}', b"\xff", b"[" * 50_000, b'{"columns": [[1]]}'],
)
def test_a_bad_file_is_nothing_remembered(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "app.json"
    file.write_bytes(content)
    assert Memory(file).state == UserState()


def test_where_nothing_can_be_written_nothing_happens(tmp_path: Path) -> None:
    (tmp_path / "state").write_text("a file in the way")
    memory = Memory(tmp_path / "state" / "app.json")
    memory.change(theme="dive-light")
    memory.save()
    assert Memory(tmp_path / "state" / "app.json").state == UserState()


async def test_the_list_comes_back_as_it_was_left(tmp_path: Path) -> None:
    store, file = tmp_path / "store", tmp_path / "app.json"
    await filled(store, SAY, FAIL, SAY)
    async with app_on(store, memory=Memory(file)) as (app, pilot):
        await until(pilot, lambda: len(listed(app)) == 3)
        await pilot.press("S", "t", "slash", *"fail", "enter")
        await until(pilot, lambda: len(listed(app)) == 1)
        await pilot.press("c", "j", "space", "enter")
        app.choose_theme(themes.LIGHT.name)
        await until(pilot, lambda: Memory(file).state.theme == themes.LIGHT.name and Memory(file).state.columns)
        await until(pilot, lambda: Memory(file).state.filters)
    async with app_on(store, memory=Memory(file)) as (app, pilot):
        await until(pilot, lambda: len(listed(app)) == 1)
        listing = app.screen.query_one(ExecutionsList)
        assert listing.time_form is ListTime.LOCAL
        assert "workflow" not in listing.chosen
        assert "status" in listing.chosen
        assert app.screen.query_one(FilterBar).text == "fail"
        assert "TOOK ↓" in app.screen.query_one(ExecutionsHead).render_row(0, 100, False).text
        assert app.theme == themes.LIGHT.name
    async with app_on(store, memory=Memory(file), theme=themes.DARK.name) as (app, pilot):
        assert app.theme == themes.DARK.name, "what is asked for now comes before what is remembered"
        await until(pilot, lambda: listed(app))
        await pilot.press("escape")
        await until(pilot, lambda: len(listed(app)) == 3)


async def test_what_is_remembered_and_makes_no_sense_any_more_is_left_out(tmp_path: Path) -> None:
    store, file = tmp_path / "store", tmp_path / "app.json"
    await filled(store, SAY)
    record = {"theme": "gone", "order": "gone", "times": "gone", "columns": ["gone", "id"]}
    file.write_text(json.dumps(record | {"filters": {str(store): "status:("}}))
    async with app_on(store, memory=Memory(file)) as (app, pilot):
        await until(pilot, lambda: listed(app))
        assert app.theme == themes.DARK.name
        assert app.screen.query_one(ExecutionsList).chosen == ("id",)
        assert app.screen.query_one(FilterBar).error is None
