"""Histories that the Go system wrote are exported and searched like ours."""

from __future__ import annotations

import json
from pathlib import Path
from xml.etree import ElementTree

import pytest

from dive_tui.exporting import render
from engine.model.events import ExecutionEvent
from engine.model.snapshot import summarize
from engine.replay.history import History
from engine.replay.searching.search import parse_event_query, search
from stores.location import open_store
from tests.go.go_runs import RUNS
from tests.go.go_stores import DIALECTS, write_folder


@pytest.mark.parametrize("dialect", DIALECTS)
async def test_every_run_in_every_format(tmp_path: Path, dialect: str) -> None:
    folder = write_folder(tmp_path / "executions", [make(dialect) for make in RUNS])
    store = open_store(str(folder), offload=False)
    try:
        summaries = await store.list_executions()
        assert len(summaries) == len(RUNS)
        for summary in summaries:
            events = await store.get_event_history(summary.id)
            history = History(summary.id, events)
            lines = render("jsonl", history, summary).splitlines()
            assert [ExecutionEvent.from_dict(json.loads(line)) for line in lines] == events
            assert len(json.loads(render("json", history, summary))["events"]) == len(events)
            named = {one["name"] for one in json.loads(render("trace", history, summary))["traceEvents"]}
            assert {unit.step for unit in history.index.units()} <= named
            ElementTree.fromstring(render("svg", history, summary))
            report = render("markdown", history, summarize(history.latest))
            assert all(f"`{unit.step}`" in report for unit in history.index.units())
            assert render("html", history, summary).endswith("</html>\n")
            started = [event.sequence for event in events if event.event_type == "step_started"]
            assert list(search(history, parse_event_query("type:step_started"))) == started
    finally:
        await store.close()
