"""How a row of a comparison is drawn: in two columns, or in one where there is less room."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import islice
from typing import Any, NamedTuple

from rich.cells import cell_len
from rich.segment import Segment
from textual.strip import Strip

from dive_tui.app.glyphs import Glyphs
from dive_tui.app.text import display_text, ellipsis, ellipsize, fit, human_count, pad
from dive_tui.app.themes import STATUS_TOKENS, Palette
from dive_tui.widgets.diff.diff_rows import MISSING, Row
from dive_tui.widgets.json.json_text import preview

_MEASURED = 400
"""Rows that are looked at for how wide the columns have to be."""
_GAP = 2
_SIGN = 2
_LEAST_LABEL, _LEAST_SIDE, _LEAST_WORDS = 16, 24, 17
_BEFORE = 10
"""Characters shown before the place where two long texts part."""
_OTHER_SIDE = {"added": "removed", "removed": "added", "left": "right", "right": "left"}
_LOOKS = {
    "added": "added",
    "right": "added",
    "removed": "removed",
    "left": "removed",
    "changed": "changed",
    "moved": "changed",
}
_WORDS = {"left": "only left", "right": "only right"}


class Side(NamedTuple):
    """One side of a pair of steps."""

    status: str
    words: str
    more: str = ""
    """What is told besides where there is room."""


@dataclass(frozen=True, slots=True)
class Grid:
    """Cells of the columns: what a row is about, left, right, and the words at the end."""

    label: int
    left: int
    right: int
    words: int

    @staticmethod
    def of(rows: Iterable[Row], width: int, *, swapped: bool = False) -> Grid:
        """The columns for these rows."""
        first = list(islice(rows, _MEASURED))
        label = max(
            (2 * row.depth + 2 + len(row.label) for row in first if row.kind not in ("text", "branch")), default=0
        )
        words = max((cell_len(words_of(row, swapped=swapped)) for row in first), default=0)
        words = min(words, max(_LEAST_WORDS, width * 3 // 10))
        label = min(label, max(_LEAST_LABEL, width * 3 // 10))
        room = max(2, width - _SIGN - label - words - 3 * _GAP)
        wanted = [max((_wanted(value, room) for value in values), default=0) for values in _values(first, swapped)]
        half = room // 2
        left = min(max(wanted[0], _LEAST_SIDE), max(half, room - max(wanted[1], _LEAST_SIDE)))
        return Grid(label, left, max(1, min(max(wanted[1], _LEAST_SIDE), room - left)), words)


def _values(rows: list[Row], swapped: bool) -> tuple[list[Any], list[Any]]:
    """What stands left and right in these rows."""
    shown = [sides_of(row, swapped=swapped) for row in rows if row.kind != "branch"]
    return [left for left, _ in shown], [right for _, right in shown]


def _wanted(value: Any, cells: int) -> int:
    """How many cells a value would take."""
    if isinstance(value, Side):
        return cell_len(value.words) + cell_len(value.more) + 4
    return cell_len(_short(value, cells))


@dataclass(frozen=True, slots=True)
class Look:
    """With what rows are drawn."""

    palette: Palette
    glyphs: Glyphs
    swapped: bool


def words_of(row: Row, *, swapped: bool = False) -> str:
    """What stands at the end of a row: what became of it, and which event did that."""
    kind = kind_of(row, swapped=swapped)
    if row.ignored:
        return "ignored"
    if row.words:
        return display_text(row.words, max_cells=60)
    if row.inner or kind in ("stretch", "text", "same", "pair") or (kind == "branch" and not row.count):
        return ""
    if kind == "branch":
        return f"{human_count(row.count)} change{'' if row.count == 1 else 's'}"
    return f"{_WORDS.get(kind, kind)}{_by(row, swapped=swapped)}"


def _by(row: Row, *, swapped: bool) -> str:
    left, right = reversed(row.by) if swapped else row.by
    if left is None or right is None or left == right:
        event = left if right is None else right
        return "" if event is None else f" by #{event}"
    return f" by #{left} | #{right}"


def kind_of(row: Row, *, swapped: bool) -> str:
    """The kind of a row as it is seen, where left and right may be swapped."""
    return _OTHER_SIDE.get(row.kind, row.kind) if swapped else row.kind


def sides_of(row: Row, *, swapped: bool) -> tuple[Any, Any]:
    """What stands left and right."""
    return (row.new, row.old) if swapped else (row.old, row.new)


def draw_side(row: Row, look: Look, grid: Grid, width: int) -> Strip:
    """A row in two columns."""
    if row.kind == "stretch" or (row.kind == "text" and row.label):
        return Strip(_fold_line(row, look, width))
    left, right = sides_of(row, swapped=look.swapped)
    if row.kind == "branch":  # has no values of its own, so that its name may be as long as it is
        room = grid.label + grid.left + grid.right + 2 * _GAP
        return Strip(
            [
                _sign(row, look),
                Segment(fit(_label(row, look), room) + " " * _GAP, look.palette[_label_style(row)]),
                Segment(ellipsize(words_of(row, swapped=look.swapped), grid.words), look.palette["dim"]),
            ]
        )
    old, new = _texts(row, left, right, look, grid.left, grid.right)
    label = "" if row.kind == "text" else fit(_label(row, look), grid.label)
    segments = [
        _sign(row, look),
        Segment(pad(label, grid.label) + " " * _GAP, look.palette[_label_style(row)]),
        Segment(pad(old[0], grid.left) + " " * _GAP, look.palette[old[1]]),
        Segment(pad(new[0], grid.right) + " " * _GAP, look.palette[new[1]]),
        Segment(ellipsize(words_of(row, swapped=look.swapped), grid.words), look.palette["dim"]),
    ]
    return Strip(segments)


def draw_unified(row: Row, look: Look, grid: Grid, width: int) -> Strip:
    """A row in one column: `old → new`, with the words at the right end."""
    if row.kind == "stretch" or (row.kind == "text" and row.label):
        return Strip(_fold_line(row, look, width))
    words = words_of(row, swapped=look.swapped)
    words = ellipsize(words, min(grid.words, max(0, width // 3)))
    label = _label(row, look) if row.kind != "text" else "  " * row.depth
    label = ellipsize(label, max(8, width // 2))
    segments = [_sign(row, look), Segment(label, look.palette[_label_style(row)])]
    if row.kind != "branch" or not row.is_open:
        room = width - _SIGN - cell_len(label) - 2 * _GAP - cell_len(words)
        segments += [Segment(" " * _GAP), *_one_column(row, look, max(4, room))]
    used = sum(cell_len(segment.text) for segment in segments)
    gap = max(_GAP, width - used - cell_len(words)) if words else 0
    return Strip([*segments, Segment(" " * gap), Segment(words, look.palette["dim"])])


def _one_column(row: Row, look: Look, room: int) -> list[Segment]:
    left, right = sides_of(row, swapped=look.swapped)
    if row.kind in ("same", "unknown", "branch", "text") or left is MISSING or right is MISSING:
        at_left, at_right = _texts(row, left, right, look, room, room)
        text, style = at_left if right is MISSING else at_right
        return [Segment(text, look.palette[style])]
    arrow = f" {look.glyphs.arrow} "
    room = max(2, room - cell_len(arrow))
    half = room // 2
    old, new = _texts(row, left, right, look, half, half)
    if cell_len(old[0]) < half or cell_len(new[0]) < half:
        old, new = _texts(
            row, left, right, look, room - min(half, cell_len(new[0])), room - min(half, cell_len(old[0]))
        )
    return [
        Segment(old[0], look.palette[old[1]]),
        Segment(arrow, look.palette["dim"]),
        Segment(new[0], look.palette[new[1]]),
    ]


def _texts(
    row: Row, left: Any, right: Any, look: Look, left_cells: int, right_cells: int
) -> tuple[tuple[str, str], tuple[str, str]]:
    """What stands left and right, each with the palette name of its style."""
    kind = kind_of(row, swapped=look.swapped)
    if isinstance(left, Side) or isinstance(right, Side):
        return _step(left, look, left_cells), _step(right, look, right_cells)
    if row.kind == "branch":
        return ("", "dim"), ("", "dim")
    if row.kind == "text":
        same = left == right
        old = "" if left is MISSING else display_text(left, max_cells=left_cells)
        new = "" if right is MISSING else display_text(right, max_cells=right_cells)
        return (old, "dim" if same else "removed"), (new, "dim" if same else "added")
    if kind == "moved":
        return (_place(left, left_cells), "dim"), (_place(right, right_cells), "changed")
    if isinstance(left, str) and isinstance(right, str) and kind == "changed":
        left, right = _parting(left, right, min(left_cells, right_cells))
    faded = row.ignored or kind in ("same", "unknown")
    old_style = "dim" if faded else "removed"
    new_style = "dim" if faded else "added"
    if row.inner:
        old_style, new_style = (f"half {style}" if style != "dim" else style for style in (old_style, new_style))
    return (_short(left, left_cells), old_style), (_short(right, right_cells), new_style)


def _parting(old: str, new: str, cells: int) -> tuple[str, str]:
    """Two texts from shortly before the place where they part, when that would not be seen otherwise."""
    if max(len(old), len(new)) <= cells - 2:
        return old, new
    low, high = 0, min(len(old), len(new))
    while low < high:  # the longest common beginning
        middle = (low + high + 1) // 2
        if old[low:middle] == new[low:middle]:
            low = middle
        else:
            high = middle - 1
    start = low - _BEFORE
    if start <= 0 or low < cells - 2 - _BEFORE:
        return old, new
    return f"{ellipsis()}{old[start:]}", f"{ellipsis()}{new[start:]}"


def _place(address: Any, cells: int) -> str:
    """Where a member of a list stands: the end of its address."""
    return display_text(str(address)[str(address).rfind("[") :], max_cells=cells)


def _short(value: Any, cells: int) -> str:
    return "" if value is MISSING else preview(value, cells)


def _step(side: Any, look: Look, cells: int) -> tuple[str, str]:
    if not isinstance(side, Side):
        return "", "dim"
    words = f"{look.glyphs.status_cell(side.status)} {side.words}"
    whole = f"{words}  {side.more}" if side.more else words
    shown = whole if cell_len(whole) <= cells else words
    return display_text(shown, max_cells=cells), STATUS_TOKENS.get(side.status, "dim")


def _sign(row: Row, look: Look) -> Segment:
    kind = kind_of(row, swapped=look.swapped)
    left, right = sides_of(row, swapped=look.swapped)
    if row.kind == "text" and left != right and not row.label:
        kind = "added" if left is MISSING else "removed"
    differs = kind == "pair" and bool(row.words) and not row.ignored
    if row.ignored or (kind not in _LOOKS and not differs):
        return Segment(" " * _SIGN)
    name = _LOOKS.get(kind, "changed")
    sign: str = getattr(look.glyphs, name)
    return Segment(sign.ljust(_SIGN), look.palette[f"{'half' if row.inner else 'bold'} {name}"])


def _label(row: Row, look: Look) -> str:
    fold = " " if row.make is None else look.glyphs.unfolded if row.is_open else look.glyphs.folded
    return f"{'  ' * row.depth}{fold} {display_text(row.label, max_cells=200)}"


def _label_style(row: Row) -> str:
    if row.ignored or row.kind in ("same", "unknown"):
        return "dim"
    is_heading = row.kind == "branch" and row.old is MISSING and row.new is MISSING
    return "text" if (row.kind in ("branch", "pair") or row.inner) and not is_heading else "bold bright"


def _fold_line(row: Row, look: Look, width: int) -> list[Segment]:
    indent = " " * (_SIGN + 2 * row.depth)
    if row.kind == "text":
        return [Segment(f"{indent}{display_text(row.label, max_cells=width)}", look.palette["accent"])]
    line = look.glyphs.idle_fill * 2
    words = f"{line} {human_count(row.count)} {row.label} {line}"
    return [Segment(ellipsize(indent + words, width), look.palette["dim"])]
