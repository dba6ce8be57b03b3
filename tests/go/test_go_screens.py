"""The app on histories of the Go system, as they lie in its stores: every event of them can be stepped to."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.model.ids import short_id
from stores.go.detect import open_go_store
from tests.go.conftest import footprint, write
from tests.go.go_runs import branching, continuation, failing, killed, recovered
from tests.screens.execution_app import ExecutionApp, header, opened, press, screen_lines

WIDE = (140, 40)


@pytest.mark.parametrize("dialect", ["b", "d"])
async def test_every_event_can_be_stepped_to(originals: Path, dialect: str) -> None:
    runs = [make(dialect) for make in (branching, failing, recovered, continuation)]
    place = write(originals, "crashed", runs)
    before = footprint(originals)
    store = open_go_store(place)
    for run in runs:
        app = ExecutionApp(store, run.id, 1)
        async with app.run_test(size=WIDE) as pilot:
            screen = await opened(pilot)
            assert run.workflow in header(screen)
            await press(pilot, *["j"] * (len(run.events) - 1))
            assert screen.sequence == len(run.events)
            assert "makes no sense" not in "\n".join(screen_lines(app))
    await store.close()
    assert footprint(originals) == before


async def test_a_failure_is_where_it_happened(originals: Path) -> None:
    run = failing("d")
    app = ExecutionApp(open_go_store(write(originals, "database", [run])), run.id)
    async with app.run_test(size=WIDE) as pilot:
        screen = await opened(pilot)
        failed = next(event.sequence for event in run.events if event.event_type == "step_failed")
        assert screen.sequence == failed
        assert "FAILED" in header(screen) and "Left" in header(screen)


async def test_the_killed_are_shown_as_interrupted(originals: Path) -> None:
    run = killed("b")
    app = ExecutionApp(open_go_store(write(originals, "folder", [run])), run.id)
    async with app.run_test(size=WIDE) as pilot:
        screen = await opened(pilot)
        assert "INTERRUPTED" in header(screen) and "Write" in header(screen)
        assert short_id(run.id) in header(screen)
