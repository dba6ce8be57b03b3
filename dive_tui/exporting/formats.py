"""Which formats there are, and an execution as text in one of them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib import import_module
from typing import NamedTuple

from engine.core.expression_errors import suggestion
from engine.model.snapshot import ExecutionSummary
from engine.replay.history import History


class Format(NamedTuple):
    """One way to write an execution down."""

    name: str
    extension: str
    """With its dot; empty for what is written to a folder."""
    title: str
    description: str
    readable: bool = True
    """Whether a person can read it in a terminal."""
    single: bool = True
    """Whether it is one file; else it is several in a folder."""


FORMATS = (
    Format("json", ".json", "JSON", "everything in one object: summary, inputs, outputs, error, definition, events"),
    Format("jsonl", ".jsonl", "JSON lines", "the events, one a line; `dive-tui check` reads such files"),
    Format("markdown", ".md", "Markdown report", "to paste into an issue: what failed where, steps, state, timeline"),
    Format("svg", ".svg", "SVG picture", "header, timeline and failure as an image", readable=False),
    Format("html", ".html", "HTML page", "the same picture as a page whose text can be selected", readable=False),
    Format("trace", ".trace.json", "Chrome trace", "for ui.perfetto.dev and chrome://tracing", readable=False),
    Format("pytest", "", "pytest case", "a test that fails when a changed definition breaks the history", single=False),
)
_HOMES = {
    "json": "as_json",
    "jsonl": "as_jsonl",
    "markdown": "as_markdown",
    "svg": "as_svg",
    "html": "as_html",
    "trace": "as_trace",
}


@dataclass(frozen=True, slots=True)
class Scope:
    """Which part of an execution is written."""

    first: int = 1
    """The first event."""
    last: int | None = None
    """The last event; None for all there are."""
    states: bool = False
    """JSON only: the whole state at the last event, too."""
    damage: str = ""
    """Why something is missing, as a sentence; it is written down with the rest."""


class UnknownFormatError(ValueError):
    """There is no such format; the message is one sentence."""


def find_format(name: str) -> Format:
    """The format of this name.

    Raises:
        UnknownFormatError: there is none.
    """
    for known in FORMATS:
        if known.name == name:
            return known
    names = [known.name for known in FORMATS]
    hint = suggestion(name, names) or f"; there are {', '.join(names)}"
    raise UnknownFormatError(f"there is no format {name!r}{hint}")


def format_of(file_name: str) -> Format | None:
    """The format that the ending of a file's name stands for; the longest ending counts."""
    fitting = [known for known in FORMATS if known.single and file_name.lower().endswith(known.extension)]
    return max(fitting, key=lambda known: len(known.extension), default=None)


def suggested_name(summary: ExecutionSummary, chosen: Format) -> str:
    """A name for the file, or the folder, safe on every system: `order-k3rg2.md`."""
    workflow = re.sub(r"[^A-Za-z0-9]+", "-", summary.workflow_name)[:60].strip("-").lower() or "execution"
    short = re.sub(r"[^A-Za-z0-9]+", "", summary.id[-5:])
    stem = f"{workflow}-{short}" if short else workflow
    return f"{stem}{chosen.extension}"


def pieces(
    format_name: str,
    history: History,
    summary: ExecutionSummary,
    scope: Scope = Scope(),
) -> Iterator[str]:
    """The text of a file, a piece at a time: of a long history only a part is held at once.

    Raises:
        UnknownFormatError: there is no such format, or it is made of several files, which `write` makes.
        StoreError: events are not kept in the history and cannot be read any more.
    """
    if not find_format(format_name).single:
        raise UnknownFormatError(f"{format_name} is made of several files; write it to a folder")
    module = import_module(f"dive_tui.exporting.{_HOMES[format_name]}")
    made: Callable[[History, ExecutionSummary, Scope], Iterator[str]] = module.pieces
    return made(history, summary, scope)


def render(
    format_name: str,
    history: History,
    summary: ExecutionSummary,
    scope: Scope = Scope(),
) -> str:
    """The whole text of a file.

    Raises:
        UnknownFormatError, StoreError: as `pieces`.
    """
    return "".join(pieces(format_name, history, summary, scope))
