"""The picture of an execution, drawn with rich and recorded: the same for SVG and HTML, in the colours of the app."""

from __future__ import annotations

from collections.abc import Iterator
from io import StringIO
from itertools import groupby

from rich.console import Console
from rich.terminal_theme import TerminalTheme
from rich.text import Text

from dive_tui.app.glyphs import UNICODE
from dive_tui.app.text import display_lines, display_text, fit, human_duration
from dive_tui.cli.printing import last_frame
from dive_tui.exporting.facts import Failure, answer, event_lines, facts, failure_of
from dive_tui.exporting.formats import Scope
from dive_tui.exporting.timeline import ALIVE, CUT, FAILED, NOTHING, REST, WAIT, WORK, Bar, timeline
from engine.model.snapshot import ExecutionSummary
from engine.replay.history import History

WIDTH = 112
COLOURS = {
    "background": "#131418",
    "border": "#3c3f48",
    "text": "#d0d4dc",
    "bright": "#f1f2f3",
    "dim": "#8a91a0",
    "accent": "#7aa8ff",
    "ok": "#7fc97f",
    "failed": "#ff7a85",
    "running": "#7aa8ff",
    "waiting": "#e5b567",
}
"""The app's dark theme, written down here because reading it there loads a terminal toolkit."""
PATHS = ("#c49bff", "#7cc8c0", "#d9a1c4", "#a9b8e8", "#cdb48a")
_STATUS = {
    "completed": "ok", "failed": "failed", "running": "running", "retrying": "running", "waiting": "waiting",
    "paused": "waiting", "interrupted": "waiting", "continued": "accent",
}  # fmt: skip
_LABEL = 24
_MOST_MESSAGE = 8


def _rgb(colour: str) -> tuple[int, int, int]:
    red, green, blue = bytes.fromhex(colour.removeprefix("#"))
    return red, green, blue


THEME = TerminalTheme(
    _rgb(COLOURS["background"]),
    _rgb(COLOURS["text"]),
    [_rgb(COLOURS[name]) for name in ("background", "failed", "ok", "waiting", "accent", "accent", "accent", "text")],
    [_rgb(COLOURS[name]) for name in ("dim", "failed", "ok", "waiting", "accent", "accent", "accent", "bright")],
)


def draw(history: History, summary: ExecutionSummary, scope: Scope) -> Console:
    """A console that holds the picture, ready to be exported."""
    # Nothing of the terminal this runs in may change the picture.
    console = Console(
        record=True, file=StringIO(), width=WIDTH, force_terminal=True, color_system="truecolor",
        legacy_windows=False, markup=False, emoji=False, highlight=False,
    )  # fmt: skip
    for line in _lines(history, summary, scope):
        console.print(line, no_wrap=True, overflow="ellipsis", crop=True)
    return console


def title(summary: ExecutionSummary) -> str:
    """What stands above the picture."""
    return display_text(answer(summary), max_cells=90)


def _lines(history: History, summary: ExecutionSummary, scope: Scope) -> Iterator[Text]:
    status = summary.shown_status
    yield _line(
        (f"{UNICODE.status(status)} {status.upper()}", f"bold {_colour(status)}"), ("  ", ""),
        (display_text(summary.workflow_name, max_cells=60), f"bold {COLOURS['bright']}"),
        (f"  {display_text(summary.id, max_cells=40)}", COLOURS["dim"]),
    )  # fmt: skip
    told = [f"{name.lower()} {value}" for name, value in facts(history, summary, scope)][3:]
    yield _line((display_text(f" {UNICODE.separator} ".join(told), max_cells=WIDTH), COLOURS["dim"]))
    if scope.damage:
        yield _line((display_text(f"{UNICODE.warning} {scope.damage}", max_cells=WIDTH), COLOURS["waiting"]))
    yield from _timeline(history, scope)
    failure = failure_of(history, scope)
    if failure is not None:
        yield from _failure(failure)
    yield from _events(history, scope)


def _heading(words: str) -> Iterator[Text]:
    yield Text()
    yield _line((f"{words} ", COLOURS["bright"]), (UNICODE.rail * (WIDTH - len(words) - 1), COLOURS["border"]))


def _timeline(history: History, scope: Scope) -> Iterator[Text]:
    room = WIDTH - _LABEL - 9
    bars, more = timeline(history, scope, room)
    yield from _heading("Timeline")
    numbers: dict[str, int] = {}
    for bar in bars:
        hue = PATHS[numbers.setdefault(bar.path, len(numbers)) % len(PATHS)]
        label = (bar.label(_LABEL), COLOURS["text"] if bar.step else f"bold {hue}")
        mark = (f"{UNICODE.status(bar.status)}", _colour(bar.status))
        yield _line(label, mark, (f"{human_duration(bar.seconds):>6}  ", COLOURS["dim"]), *_cells(bar, hue))
    if more:
        yield _line((f"and {more:,} rows more", COLOURS["dim"]))


def _cells(bar: Bar, hue: str) -> Iterator[tuple[str, str]]:
    looks = {
        WORK: (UNICODE.eighths[-1], _colour("completed" if bar.status == "failed" else bar.status)),
        FAILED: (UNICODE.eighths[-1], COLOURS["failed"]),
        WAIT: (UNICODE.wait_fill, COLOURS["waiting"]),
        REST: (UNICODE.idle_fill, COLOURS["dim"]),
        ALIVE: (UNICODE.rail, hue),
        CUT: (UNICODE.idle_break, COLOURS["border"]),
        NOTHING: (" ", ""),
    }
    for kind, cells in groupby(bar.cells):
        glyph, style = looks[kind]
        yield glyph * len(list(cells)), style


def _failure(failure: Failure) -> Iterator[Text]:
    event = failure.event
    yield from _heading(failure.title)
    where = f" {UNICODE.within} ".join(name for name in (event.path_id, event.step_name) if name)
    place = " ".join(filter(None, [where, failure.attempt, f"event {event.sequence}", last_frame(failure.traceback)]))
    yield _line((display_text(place, max_cells=WIDTH), COLOURS["dim"]))
    said = f"{failure.error_type}: {failure.message}" if failure.error_type else failure.message
    for number, line in enumerate(display_lines(said, WIDTH - 2)):
        if number == _MOST_MESSAGE:
            yield _line(("  and more", COLOURS["dim"]))
            return
        yield _line((f"  {line}", COLOURS["failed"]))


def _events(history: History, scope: Scope) -> Iterator[Text]:
    lines = event_lines(history, scope, UNICODE)
    yield from _heading("Events")
    failure = history.failure_sequence()
    for line in lines:
        here = line.sequence == failure
        yield _line(
            (UNICODE.cursor if here else " ", COLOURS["failed"]),
            (f"{line.sequence:>7,} {line.elapsed:>9}  ", COLOURS["dim"]),
            (fit(f"{line.glyph} {line.what}", 20), COLOURS.get(line.style, COLOURS["text"])),
            (f" {fit(line.where, 26)} ", COLOURS["text"]),
            (line.said, COLOURS["failed"] if line.failed else COLOURS["dim"]),
        )


def _line(*made: tuple[str, str]) -> Text:
    text = Text()
    for words, style in made:
        text.append(words, style or None)
    return text


def _colour(status: str) -> str:
    return COLOURS[_STATUS.get(status, "dim")]
