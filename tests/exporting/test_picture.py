"""The pictures: well-formed, of themselves only, in the colours of the app; and the timeline in them."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from typing import Any
from xml.etree import ElementTree

import pytest

from dive_tui.app.themes import DARK
from dive_tui.exporting import Scope, render
from dive_tui.exporting.picture import COLOURS, PATHS
from dive_tui.exporting.timeline import ALIVE, CUT, FAILED, NOTHING, REST, WAIT, WORK, timeline
from tests.app.hostile import hostile_strings
from tests.cli.histories import event
from tests.exporting.samples import EVIL, Sample, golden, hostile, repeated, sample, stamp
from tests.replay.golden_runs import RUNS


def svg_text(picture: str) -> str:
    """What stands in an SVG, a line for each piece of text."""
    found = ElementTree.fromstring(picture).iter("{http://www.w3.org/2000/svg}text")
    return "\n".join((one.text or "").replace("\xa0", " ") for one in found)


class Page(HTMLParser):
    """Tags, their attributes and the text of a page."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.text = ""
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes.update(name for name, _ in attributes)

    def handle_data(self, text: str) -> None:
        self.text += text


def test_colours_are_those_of_the_app() -> None:
    assert {name: getattr(DARK, name) for name in COLOURS} == COLOURS
    assert DARK.paths == PATHS


async def test_what_a_picture_shows() -> None:
    one = await golden("failing")
    text = svg_text(render("svg", one.history, one.summary))
    page = Page(render("html", one.history, one.summary)).text
    assert "failing failed at Read All" in text and "failing failed at Read All" in page
    for words in (
        "✗ FAILED", "exec_00000000000000000000000001", "took 6.2 s", "Timeline", "Failure",
        "main-2 › Read All item 2 attempt 1 event 22", "ValueError: notes.txt is no Python file", "+5.50s",
    ):  # fmt: skip
        assert words in text and words in page
    for colour in (COLOURS["failed"], COLOURS["ok"], *PATHS[:3]):
        assert colour in render("svg", one.history, one.summary)
    damaged = Page(render("html", one.history, one.summary, Scope(damage="event 3 is lost")))
    assert "! event 3 is lost" in damaged.text


@pytest.mark.parametrize("name", RUNS)
async def test_pictures_are_well_formed_and_name_nothing_outside(name: str) -> None:
    one = await golden(name)
    for made in (render("svg", one.history, one.summary), render("html", one.history, one.summary)):
        addresses = re.findall(r"\b[a-z]+://[^\s\"'<]+", made)
        assert set(addresses) <= {"http://www.w3.org/2000/svg"}
        assert "@font-face" not in made and "@import" not in made and "url(http" not in made
    ElementTree.fromstring(render("svg", one.history, one.summary))


@pytest.mark.parametrize("text", [EVIL, "{0} {code}", "<b>&lt;'", *hostile_strings(30, seed=8)])
def test_recorded_text_is_only_text(text: str) -> None:
    one = hostile(text.encode("utf-8", "replace").decode())
    svg = render("svg", one.history, one.summary)
    tags = {element.tag.rpartition("}")[2] for element in ElementTree.fromstring(svg).iter()}
    assert tags == {"svg", "style", "defs", "clipPath", "rect", "g", "circle", "text"}
    page = Page(render("html", one.history, one.summary))
    assert page.tags == {"html", "head", "meta", "title", "style", "body", "pre", "code", "span"}
    assert page.attributes == {"lang", "charset", "http-equiv", "content", "class", "style"}
    for mark in "\x00\x07\x1b\x7f\u202e\u200b\ufffe":
        assert mark not in svg and mark not in page.text


def cells(one: Sample, width: int, scope: Scope = Scope()) -> dict[str, str]:  # noqa: B008 - immutable
    """Rows of a timeline by name, a letter for each cell."""
    letters = {WORK: "w", FAILED: "f", WAIT: "z", REST: "r", ALIVE: "-", CUT: "!", NOTHING: "."}
    bars, _ = timeline(one.history, scope, width)
    return {bar.step or bar.path: "".join(letters[kind] for kind in bar.cells) for bar in bars}


async def test_the_timeline() -> None:
    # 6.25 s in 25 cells: a cell is 0.25 s, an event.
    assert cells(await golden("failing"), 25) == {
        "main": ".--------................",
        "Measure": "..wwwww..................",
        "report": "..........--------------.",
        "Report": "............ww...........",
        "Publish": "................wwwwwwww.",
        "main-2": "...........------------..",
        "Check": ".............ww..........",
        "Read All": ".................wwwwf...",
    }


def tried(gap: float) -> Sample:
    """A step that fails, waits for its next try so many seconds, and works."""
    at = [0.0, 0.0, 0.0, 4.0, 4.0, 4.0 + gap, 8.0 + gap, 8.0 + gap, 8.0 + gap]
    step: dict[str, Any] = {"step": "Try", "visit": 1}
    start: dict[str, Any] = {"step_type": "action", "step_params": {}, "inputs_hash": "h", "effect_key": "k", **step}
    events = [
        event(1, "execution_started", workflow_name="w", workflow={}, workflow_hash="h", inputs={}, inputs_hash="h",
              engine_version="1"),
        event(2, "path_started", current_step="Try"),
        event(3, "step_started", attempt=1, **start),
        event(4, "step_failed", attempt=1, phase="run", error="no", error_type="E", outcome="known",
              retry={"policy": 0}, **step),
        event(5, "step_retry_scheduled", attempt=2, policy=0, delay_ms=1, due_at="2026-03-01T09:14:02.000000Z", **step),
        event(6, "step_started", attempt=2, **start),
        event(7, "step_completed", attempt=2, output=1, edges=[], duration_ms=1, **step),
        event(8, "path_completed", final_step="Try", reason="end"),
        event(9, "execution_completed", outputs={}),
    ]  # fmt: skip
    return sample(one._replace(timestamp=stamp(seconds)) for one, seconds in zip(events, at, strict=True))


def test_tries_and_the_time_between_them() -> None:
    assert tried(0.5).history.problem is None
    assert cells(tried(0.5), 17) == {"main": "-" * 17, "Try": "ffffffff" + "r" + "wwwwwwww"}


def test_long_stretches_without_work_are_cut() -> None:
    assert cells(tried(3600), 19) == {"main": "--------" + "-!-" + "--------", "Try": "ffffffff" + "r!r" + "wwwwwwww"}


def test_the_timeline_of_a_part() -> None:
    assert cells(tried(0.5), 8, Scope(1, 4)) == {"main": "-" * 8, "Try": "f" * 8}
    assert cells(tried(0.5), 8, Scope(1, 3)) == {"main": "-" + "." * 7, "Try": "w" + "." * 7}


def test_many_visits_of_a_step_share_a_row() -> None:
    assert [bar.visits for bar in timeline(repeated(20).history, Scope(), 40)[0]] == [1] * 21
    bars, more = timeline(repeated(300).history, Scope(), 40)
    assert [(bar.path, bar.step, bar.status, bar.visits) for bar in bars] == [
        ("main", "", "failed", 1), ("main", "Count", "failed", 300),
    ]  # fmt: skip
    assert more == 0 and bars[1].seconds == 300
    assert bars[1].cells[-1] == FAILED and bars[1].cells.count(FAILED) == 1 and bars[1].cells.count(WORK) == 39
    assert (bars[1].label(20), bars[1].label(10)) == ("  Count ×300".ljust(20), "  Co… ×300")


def test_what_matters_least_is_left_out() -> None:
    bars, more = timeline(repeated(20).history, Scope(), 40, most=10)
    assert len(bars) == 10 and more == 11
    assert (bars[0].step, bars[0].status) == ("", "failed")
    assert bars[-1].status == "failed" and FAILED in bars[-1].cells
    assert [bar.status for bar in bars[1:-1]] == ["completed"] * 8
    assert CUT not in {cell for bar in bars for cell in bar.cells}
