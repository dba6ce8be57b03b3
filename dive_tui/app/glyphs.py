"""The glyph table: every symbol the app draws, with its ASCII twin.

Each Unicode glyph is one cell wide, not an emoji, and present in common monospace fonts. The twins serve ``--ascii``
and terminals whose locale is not UTF-8. Glyphs never stand alone: a word and a colour say the same.
"""

from __future__ import annotations

import locale
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Glyphs:
    """One complete set of symbols; the defaults are the Unicode set."""

    ascii: bool = False
    completed: str = "✓"
    failed: str = "✗"
    skipped: str = "↷"
    running: str = "●"
    waiting: str = "◔"
    paused: str = "‖"
    pending: str = "○"
    cancelled: str = "⊘"
    continued: str = "»"
    interrupted: str = "◌"
    retry: str = "↻"
    replay: str = "◄◄"
    live: str = "●"
    ended: str = "■"
    started: str = "▸"
    event: str = "·"
    signal: str = "◆"
    joined: str = "┬"
    keyframe: str = "●"
    mark: str = "◈"
    breakpoint: str = "◉"
    hit: str = "◂"
    marked: str = "•"
    person: str = "▲"
    cursor: str = "▌"
    folded: str = "▸"
    unfolded: str = "▾"
    separator: str = "·"
    within: str = "›"
    arrow: str = "→"
    up: str = "↑"
    down: str = "↓"
    left: str = "←"
    right: str = "→"
    tab_line: str = "│"
    ellipsis: str = "…"
    added: str = "+"
    removed: str = "-"
    changed: str = "~"
    warning: str = "!"
    info: str = "i"
    wait_fill: str = "░"
    attempt_fill: str = "▒"
    idle_fill: str = "┄"
    idle_break: str = "┊"
    cursor_line: str = "┃"
    rail: str = "─"
    progress: str = "━"
    rail_start: str = "├"
    rail_end: str = "┤"
    eighths: str = " ▏▎▍▌▋▊▉█"
    """A bar's last cell by eighths: index 0 is empty, index 8 full."""
    levels: str = " ▁▂▃▄▅▆▇█"
    """Density by eighths of a cell's height: index 0 is empty, index 8 full."""

    def status(self, name: str) -> str:
        """The glyph of an execution, path, unit or attempt status; an unknown status gets that of a plain event."""
        glyph: str = getattr(self, _STATUS_FIELDS.get(name, "event"))
        return glyph

    def status_cell(self, name: str) -> str:
        """The same, padded to the width that all statuses of this set share, for columns."""
        return self.status(name).ljust(2 if self.ascii else 1)


_STATUS_FIELDS = {
    "completed": "completed",
    "failed": "failed",
    "skipped": "skipped",
    "running": "running",
    "retrying": "retry",
    "waiting": "waiting",
    "paused": "paused",
    "pending": "pending",
    "cancelled": "cancelled",
    "continued": "continued",
    "interrupted": "interrupted",
    "damaged": "warning",
}

UNICODE = Glyphs()

ASCII = Glyphs(
    ascii=True,
    completed="ok",
    failed="x",
    skipped="k",
    running="*",
    waiting="w",
    paused="=",
    pending=".",
    cancelled="-",
    continued=">",
    interrupted="?",
    retry="r",
    replay="<<",
    live="*",
    ended="#",
    started=">",
    event=".",
    signal="S",
    joined="V",
    keyframe="*",
    mark="M",
    breakpoint="B",
    hit="<",
    marked="+",
    person="Y",
    cursor=">",
    folded="+",
    unfolded="-",
    separator="-",
    within=">",
    arrow=">",
    up="^",
    down="v",
    left="<",
    right=">",
    tab_line="|",
    ellipsis="~",
    wait_fill=":",
    attempt_fill="%",
    idle_fill=".",
    idle_break=":",
    cursor_line="|",
    rail="-",
    progress="=",
    rail_start="|",
    rail_end="|",
    eighths="    #####",
    levels=" ..--==##",
)


def choose(ascii_only: bool | None = None) -> Glyphs:
    """The set to use: as asked, or by itself ASCII when the locale's encoding is not UTF-8."""
    if ascii_only is None:
        ascii_only = locale.getencoding().lower().replace("-", "") != "utf8"
    return ASCII if ascii_only else UNICODE
