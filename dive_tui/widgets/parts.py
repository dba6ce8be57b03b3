"""One-line widgets made of parts: what does not fit drops out by priority, whole, and nothing ever overlaps."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from rich.cells import cell_len
from rich.segment import Segment
from textual import events
from textual.strip import Strip
from textual.widget import Widget

from dive_tui.app.glyphs import UNICODE, Glyphs
from dive_tui.app.text import display_text, ellipsize
from dive_tui.app.themes import Palette, palette_of


@dataclass(frozen=True, slots=True)
class Part:
    """A stretch of a line that stays or goes as a whole; made by :func:`part`."""

    pieces: tuple[tuple[str, str], ...]
    """Text that is safe to show, each with the palette name of its style."""
    priority: int = 1
    """1 stays longest."""
    shrink: int = 0
    """Once it is next to go it is first cut down to this many cells; 0 means it goes at once."""
    right: bool = False
    """Whether it stands at the right end."""
    gap: int = 2
    """Cells left free before it."""
    verb: str = ""
    """The action a click runs."""

    @property
    def cells(self) -> int:
        """Its width without the gap."""
        return sum(cell_len(text) for text, _ in self.pieces)

    def cut(self, cells: int) -> Part:
        """The same with at most ``cells`` cells."""
        kept: list[tuple[str, str]] = []
        for text, style in self.pieces:
            if cells <= 0:
                break
            kept.append((ellipsize(text, cells), style))
            cells -= cell_len(text)
        return replace(self, pieces=tuple(kept))


def part(
    *pieces: str | tuple[str, str],
    priority: int = 1,
    shrink: int = 0,
    right: bool = False,
    gap: int = 2,
    verb: str = "",
) -> Part:
    """A part from pieces of any text, each alone or with a palette name (``("Charge Card", "bold failed")``)."""
    styled = [(piece, "text") if isinstance(piece, str) else piece for piece in pieces]
    shown = tuple((display_text(text, max_cells=400), style) for text, style in styled)
    return Part(shown, priority, shrink, right, gap, verb)


class Placed(NamedTuple):
    """A part and the cell it starts at."""

    start: int
    part: Part


def lay_out(parts: Iterable[Part], width: int) -> list[Placed]:
    """Fit parts into ``width`` cells: left ones from the left, right ones against the right end.

    As long as they do not fit, the least important part (of several the rightmost) shrinks as far as it may, and
    then goes. The last one left is cut.
    """
    kept = [each for each in parts if each.pieces]
    while kept and (excess := _needed(kept) - width) > 0:
        index = max(range(len(kept)), key=lambda at: (kept[at].priority, at))
        victim = kept[index]
        if victim.shrink and victim.cells > victim.shrink:
            kept[index] = victim.cut(max(victim.shrink, victim.cells - excess))
        elif len(kept) > 1:
            del kept[index]
        else:
            kept = [victim.cut(width)] if width > 0 else []
    left = [each for each in kept if not each.right]
    right = [each for each in kept if each.right]
    placed = _place(left, 0)
    return placed + _place(right, width - _span(right))


def _span(parts: Sequence[Part]) -> int:
    return sum(each.cells for each in parts) + sum(each.gap for each in parts[1:])


def _needed(parts: Sequence[Part]) -> int:
    left = [each for each in parts if not each.right]
    right = [each for each in parts if each.right]
    between = right[0].gap if left and right else 0
    return _span(left) + between + _span(right)


def _place(parts: Sequence[Part], start: int) -> list[Placed]:
    placed: list[Placed] = []
    for number, each in enumerate(parts):
        start += each.gap if number else 0
        placed.append(Placed(start, each))
        start += each.cells
    return placed


class PartsLine(Widget):
    """A line of parts. Give it parts with :meth:`set_parts`; a click on one with a verb runs that action."""

    ALLOW_SELECT = False

    DEFAULT_CSS = """
    PartsLine {
        height: 1;
        padding: 0 1;
    }
    """

    def __init__(self, *parts: Part, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self._parts: tuple[Part, ...] = parts

    @property
    def palette(self) -> Palette:
        """The styles of the current theme."""
        return palette_of(self.app)

    @property
    def glyphs(self) -> Glyphs:
        """The symbols of this terminal."""
        glyphs = getattr(self.app, "glyphs", UNICODE)
        assert isinstance(glyphs, Glyphs)
        return glyphs

    @property
    def parts(self) -> tuple[Part, ...]:
        """What the line is made of, before fitting."""
        return self._parts

    def set_parts(self, parts: Iterable[Part]) -> None:
        """Show these parts."""
        made = tuple(parts)
        if made != self._parts:
            self._parts = made
            self.refresh()

    def render_line(self, y: int) -> Strip:
        """Draw the line."""
        width = self.size.width
        segments: list[Segment] = []
        filled = 0
        for start, each in lay_out(self._parts, width):
            segments.append(Segment(" " * (start - filled)))
            segments += [Segment(text, self.palette[style]) for text, style in each.pieces]
            filled = start + each.cells
        return Strip(segments).crop_extend(0, width, None).apply_style(self.rich_style)

    async def on_click(self, event: events.Click) -> None:
        """Run the action of the part that was clicked."""
        offset = event.get_content_offset(self)
        if offset is None:
            return
        for start, each in lay_out(self._parts, self.size.width):
            if each.verb and start <= offset.x < start + each.cells:
                await self.app.run_action(each.verb)
                return


class HeaderLine(PartsLine):
    """The first line of a screen: what it shows, its state as a pill, and the answer in words."""

    DEFAULT_CSS = """
    HeaderLine {
        background: $panel;
        color: $foreground;
    }
    """


class Banner(PartsLine):
    """A one-line message under the header; takes no space while there is none."""

    DEFAULT_CSS = """
    Banner {
        background: $surface;
        color: $foreground;
        display: none;
    }
    """

    def show(self, kind: str, text: str, *, hint: str = "", verb: str = "") -> None:
        """Show a message of kind ``error``, ``warning`` or ``info`` and what to do, where a click runs ``verb``."""
        style = {"error": "failed", "warning": "waiting", "info": "accent"}[kind]
        glyph = {"error": self.glyphs.failed, "warning": self.glyphs.warning, "info": self.glyphs.info}[kind]
        parts = [part((f" {glyph} ", f"pill {style}")), part((text, style), shrink=10, priority=2)]
        if hint:
            parts.append(part((hint, "text" if verb else "dim"), shrink=10, priority=3, verb=verb))
        self.set_parts(parts)
        self.display = True

    def hide(self) -> None:
        """Take the message away."""
        self.display = False


class Remedy(PartsLine):
    """A line under a banner: the key that helps, and the commands that do the same; none while there is no need."""

    DEFAULT_CSS = """
    Remedy {
        background: $surface;
        color: $foreground;
        display: none;
    }
    """

    def show(self, key: str, words: str, verb: str, *commands: str) -> None:
        """Show a key with what it does, and commands to type elsewhere."""
        parts = [part(("    ", "text"), (key, "bold bright"), (f" {words}", "text"), verb=verb)]
        parts += [part((command, "dim"), priority=3 + place, gap=3) for place, command in enumerate(commands)]
        self.set_parts(parts)
        self.display = True
