"""One-line widgets made of parts: what does not fit drops out by priority, whole, and nothing ever overlaps."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import NamedTuple

from rich.cells import cell_len
from rich.segment import Segment
from textual import events
from textual.strip import Strip
from textual.widget import Widget

from dive_tui.app.glyphs import UNICODE, Glyphs
from dive_tui.app.text import display_lines, display_text, ellipsize, shorten_path
from dive_tui.app.themes import Palette, palette_of

_MOST_LINES = 2
"""Lines of a trouble, and of its remedy."""


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

    def row(self, y: int) -> Sequence[Part]:
        """What a row of it is made of: it has only one."""
        return self._parts

    def render_line(self, y: int) -> Strip:
        """Draw the line."""
        width = self.size.width
        segments: list[Segment] = []
        filled = 0
        for start, each in lay_out(self.row(y), width):
            segments.append(Segment(" " * (start - filled)))
            segments += [Segment(text, self.palette[style]) for text, style in each.pieces]
            filled = start + each.cells
        return Strip(segments).crop_extend(0, width, None).apply_style(self.rich_style)

    async def on_click(self, event: events.Click) -> None:
        """Run the action of the part that was clicked."""
        offset = event.get_content_offset(self)
        if offset is None:
            return
        for start, each in lay_out(self.row(offset.y), self.size.width):
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
    """A message under the header; takes no space while there is none.

    Where one line is too short for a trouble and its remedy, they have lines of their own.
    """

    DEFAULT_CSS = """
    Banner {
        background: $surface;
        color: $foreground;
        display: none;
    }
    """

    def __init__(self) -> None:
        super().__init__()
        self._wraps = False
        self._rows: tuple[Sequence[Part], ...] = ()

    def show(self, kind: str, text: str, *, hint: str = "", verb: str = "") -> None:
        """Show a message of kind ``error``, ``warning`` or ``info`` and what to do, where a click runs ``verb``."""
        style = {"error": "failed", "warning": "waiting", "info": "accent"}[kind]
        glyph = {"error": self.glyphs.failed, "warning": self.glyphs.warning, "info": self.glyphs.info}[kind]
        if hint and text and text[-1] not in ".!?:":
            text = f"{text}."
        parts = [part((f" {glyph} ", f"pill {style}")), part((text, style), shrink=10, priority=2)]
        if hint:
            parts.append(part((hint, "text" if verb else "dim"), shrink=10, priority=3, verb=verb))
        self.set_parts(parts)
        self._wraps = kind != "info"
        self._arrange()
        self.display = True

    def row(self, y: int) -> Sequence[Part]:
        """What a row is made of."""
        return self._rows[y] if y < len(self._rows) else ()

    def on_resize(self) -> None:
        """Wrap to another width."""
        self._arrange()

    def _arrange(self) -> None:
        width = self.size.width
        self._rows = (self.parts,)
        if self._wraps and width and _needed(self.parts) > width:
            sign, *told = self.parts
            room = max(1, width - sign.cells - sign.gap)
            indent = part(" " * sign.cells)
            lines = [line for each in told for line in _wrapped(each, room)]
            self._rows = tuple((indent if number else sign, line) for number, line in enumerate(lines))
        self.styles.height = len(self._rows)
        self.refresh()

    def hide(self) -> None:
        """Take the message away."""
        self.display = False


def _wrapped(message: Part, width: int) -> list[Part]:
    """A message in lines of its own; a path in it is shortened before it takes another one."""
    [(text, style)] = message.pieces
    lines = list(islice(display_lines(shorten_path(text, width), width), _MOST_LINES + 1))
    if len(lines) > _MOST_LINES:
        lines[_MOST_LINES - 1 :] = [ellipsize(f"{lines[_MOST_LINES - 1]} {lines[_MOST_LINES]}", width)]
    return [replace(message, pieces=((line, style),)) for line in lines]


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
