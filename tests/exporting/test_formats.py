"""The list of formats, names of files, and the three formats that hold everything as data."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import defaultdict
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from dive_tui.exporting import (
    FORMATS,
    Scope,
    UnknownFormatError,
    find_format,
    format_of,
    pieces,
    render,
    suggested_name,
)
from engine.model.events import ExecutionEvent
from engine.replay.view import full_view
from tests.exporting.samples import EVIL, golden, hostile, repeated
from tests.replay.golden_runs import RUNS

SINGLE = [known.name for known in FORMATS if known.single]


def test_formats_are_told_apart_by_name_and_ending() -> None:
    assert [known.name for known in FORMATS] == ["json", "jsonl", "markdown", "svg", "html", "trace", "pytest"]
    assert len({known.extension for known in FORMATS}) == len(FORMATS)
    for known in FORMATS:
        assert find_format(known.name) == known
        assert known.single is bool(known.extension)
        assert not known.single or format_of(f"a.b{known.extension.upper()}") == known
    assert format_of("x.trace.json") == find_format("trace") and format_of("x.json") == find_format("json")
    assert format_of("x.txt") is None
    with pytest.raises(UnknownFormatError, match=r"there is no format 'markdwn'; did you mean 'markdown'\?"):
        find_format("markdwn")
    with pytest.raises(UnknownFormatError, match="there are json, jsonl, markdown, svg, html, trace, pytest"):
        find_format("zzz")


async def test_suggested_names_are_safe_everywhere() -> None:
    summary = (await golden("loop")).summary
    assert suggested_name(summary, find_format("markdown")) == "loop-00001.md"
    assert suggested_name(summary, find_format("pytest")) == "loop-00001"
    for name, shown in (("../../etc/passwd", "etc-passwd"), (EVIL, None), ("日本", "execution"), ("x" * 300, "x" * 60)):
        made = suggested_name(replace(summary, workflow_name=name), find_format("svg"))
        assert Path(made).name == made and made.isascii() and made.isprintable() and " " not in made
        assert shown is None or made == f"{shown}-00001.svg"


async def test_several_files_are_no_text() -> None:
    sample = await golden("loop")
    with pytest.raises(UnknownFormatError, match="pytest is made of several files; write it to a folder"):
        render("pytest", sample.history, sample.summary)


@pytest.mark.parametrize("name", RUNS)
async def test_json_lines_are_the_events(name: str) -> None:
    sample = await golden(name)
    lines = render("jsonl", sample.history, sample.summary).splitlines()
    assert [ExecutionEvent.from_dict(json.loads(line)) for line in lines] == sample.events
    part = render("jsonl", sample.history, sample.summary, Scope(3, 5)).splitlines()
    assert part == lines[2:5]


@pytest.mark.parametrize("name", RUNS)
async def test_json_holds_everything(name: str) -> None:
    sample = await golden(name)
    made = json.loads(render("json", sample.history, sample.summary))
    state = sample.history.latest
    assert made["kind"] == "dive-tui execution" and made["version"] == 1
    assert made["execution"] == json.loads(json.dumps(sample.summary.to_dict()))
    assert (made["inputs"], made["outputs"], made["error"]) == (state.inputs, state.outputs, state.error)
    assert made["definition"] == sample.events[0].data["workflow"]
    assert [ExecutionEvent.from_dict(envelope) for envelope in made["events"]] == sample.events
    assert "state" not in made and "damage" not in made


async def test_json_of_a_part_with_its_state() -> None:
    sample = await golden("failing")
    scope = Scope(4, 9, states=True, damage="the rest is gone")
    made = json.loads(render("json", sample.history, sample.summary, scope))
    assert [envelope["sequence"] for envelope in made["events"]] == [4, 5, 6, 7, 8, 9]
    assert made["state"] == json.loads(json.dumps(full_view(sample.history, 9)))
    assert made["damage"] == "the rest is gone" and made["error"] is None


@pytest.mark.parametrize("name", ["json", "jsonl", "trace"])
def test_data_survives_whatever_it_holds(name: str) -> None:
    sample = hostile()
    text = render(name, sample.history, sample.summary)
    assert not any(mark in text for mark in "\x00\x07\x1b\x7f\u202e\u200b")
    made = [json.loads(line) for line in text.splitlines()] if name == "jsonl" else json.loads(text)
    assert json.dumps(made).count(json.dumps(EVIL)[1:-1]) >= 10


# Traces


async def trace(name: str, scope: Scope = Scope()) -> list[dict[str, Any]]:  # noqa: B008 - immutable
    sample = await golden(name)
    made = json.loads(render("trace", sample.history, sample.summary, scope))
    assert made["displayTimeUnit"] == "ms" and made["otherData"]["execution"] == sample.summary.id
    events: list[dict[str, Any]] = made["traceEvents"]
    return events


@pytest.mark.parametrize("name", RUNS)
async def test_traces_are_well_formed(name: str) -> None:
    events = await trace(name)
    threads = {one["tid"]: one["args"]["name"] for one in events if one["name"] == "thread_name"}
    sample = await golden(name)
    assert list(threads.values()) == ["execution", *sample.history.index.paths]
    span = sample.history.columns.seconds(len(sample.events)) * 1e6
    slices = defaultdict(list)
    for one in events:
        assert one["pid"] == 1 and one["tid"] in threads
        if one["ph"] != "M":
            assert 0 <= one["ts"] <= span + 1 and type(one["ts"]) is int
        if one["ph"] == "X":
            assert one["dur"] >= 0
            slices[one["tid"]].append((one["ts"], one["ts"] + one["dur"]))
    for within in slices.values():  # viewers stack slices of a thread: they may lie in one another, never overlap
        for start, end in within:
            assert not any(other < start < over < end for other, over in within)
    for begin, end in (("s", "f"), ("b", "e")):
        pairs = {
            kind: {(one["cat"], one["id"]): one["ts"] for one in events if one["ph"] == kind} for kind in (begin, end)
        }
        assert pairs[begin].keys() == pairs[end].keys()
        assert all(since <= pairs[end][pair] for pair, since in pairs[begin].items())


async def test_what_a_trace_tells() -> None:
    events = await trace("failing")
    named = defaultdict(list)
    for one in events:
        named[one["ph"], one["name"]].append(one)
    (check,) = named["X", "Check"]
    assert (check["ts"], check["dur"]) == (3_250_000, 500_000) and check["cat"] == "attempt"
    assert check["args"] == {"status": "completed", "visit": 1, "attempt": 1, "sequence": 14, "ended": 16}
    (read,) = named["X", "Read All"]
    assert read["args"]["status"] == "failed" and read["args"]["items"] == 3
    assert [one["args"]["item"] for one in named["b", "Read All"]] == [1, 2]
    assert named["b", "Read All"][1]["args"]["error"] == "notes.txt is no Python file"
    assert [one["tid"] for one in named["f", "fork"]] == [2, 3] and [one["tid"] for one in named["s", "fork"]] == [1, 1]
    (failed,) = named["i", "step failed"]
    assert failed["args"] == {
        "sequence": 22, "step": "Read All", "error_type": "ValueError", "error": "notes.txt is no Python file",
    }  # fmt: skip
    assert [one["s"] for one in named["i", "execution failed"]] == ["p"]
    waits = await trace("waiting")
    assert [one["dur"] for one in waits if one["name"] == "waiting: signal answer"] == [5_000_000]
    assert [one["args"]["signal_type"] for one in waits if one["name"] == "signal received"] == [
        "answer", "$pause", "unheard", "$resume",
    ]  # fmt: skip


async def test_a_trace_of_a_part_ends_where_the_part_ends() -> None:
    events = await trace("failing", Scope(1, 15))
    slices = {one["name"]: one for one in events if one["ph"] == "X"}
    assert "Read All" not in slices and "Publish" not in slices
    assert slices["Check"]["args"]["status"] == "running"
    assert slices["Check"]["ts"] + slices["Check"]["dur"] == 3_500_000
    later = await trace("failing", Scope(17))
    assert "Measure" not in {one["name"] for one in later}


# All


@pytest.mark.parametrize("name", SINGLE)
async def test_the_same_execution_gives_the_same_text(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    sample = await golden("failing")
    first = render(name, sample.history, sample.summary)
    for variable in ("NO_COLOR", "FORCE_COLOR", "COLUMNS"):
        monkeypatch.setenv(variable, "40")
    again = await golden("failing")
    assert render(name, again.history, again.summary) == first
    assert "".join(pieces(name, sample.history, sample.summary)) == first


@pytest.mark.parametrize("name", SINGLE)
def test_long_histories(name: str) -> None:
    sample = repeated(1_000)
    text = render(name, sample.history, sample.summary)
    assert sample.history.problem is None
    if name in ("json", "jsonl", "trace"):
        assert text.count("step_failed" if name != "trace" else '"cat":"attempt"') == (1 if name != "trace" else 1_000)
    else:
        assert len(text) < 60_000
        shown = text.replace("&#160;", " ")
        assert "Count ×1,000" in shown and "E: no" in shown


def test_no_export_loads_a_terminal_toolkit() -> None:
    code = f"""
import sys
from tests.exporting.samples import hostile
from dive_tui.exporting import render
import dive_tui.cli.export
sample = hostile()
for name in {SINGLE!r}:
    assert render(name, sample.history, sample.summary)
print({{"textual", "deepdiff"}} & {{name.partition(".")[0] for name in sys.modules}})
"""
    root = Path(__file__).parents[2]
    ran = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True)
    assert ran.stdout == "set()\n"
