"""The one way by which a string from a store reaches the screen, and the small formats of numbers and times.

A stored string may hold anything: escape sequences, bidirectional overrides, ten megabytes of zero-width marks.
:func:`display_text` and :func:`display_lines` turn it into text that a terminal shows as it stands: every
character has a known width, none moves the cursor, reorders the line or hides. Both look only at as much of the
input as can be shown.

Widths are counted in terminal *cells*: wide characters take two.
"""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Iterator
from functools import lru_cache
from itertools import chain

from rich.cells import cell_len, get_character_cell_size

DEFAULT_CELLS = 4096
"""How many cells :func:`display_text` shows when its caller names no limit."""

_LEAST_PATH = 12
"""Cells of a path that stay however little room there is."""
MAX_MARKS = 3
"""Combining marks that may follow one character; further ones are written out."""

# These count as printable but are invisible (fillers, joiners, variation selectors), or join with their neighbours
# in some terminals and not in others (regional indicators, skin tones), which would shift the rest of the line.
_TREACHEROUS = frozenset(
    chain(
        (0x034F, 0x115F, 0x1160, 0x17B4, 0x17B5, 0x2800, 0x3164, 0xFFA0),
        range(0x180B, 0x1810),
        range(0xFE00, 0xFE10),
        range(0xE0100, 0xE01F0),
        range(0x1F1E6, 0x1F200),
        range(0x1F3FB, 0x1F400),
    )
)
_HIDDEN_CATEGORIES = frozenset(["Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"])

_ascii_only = False


def set_ascii(enabled: bool) -> None:
    """Choose whether display text is limited to ASCII, for the whole process: it is a property of the terminal."""
    global _ascii_only
    _ascii_only = enabled


def is_ascii() -> bool:
    """Whether display text is limited to ASCII (see :func:`set_ascii`)."""
    return _ascii_only


def ellipsis() -> str:
    """The one-cell character that marks a cut."""
    return "~" if _ascii_only else "…"


@lru_cache(maxsize=8192)
def _shown(character: str, ascii_only: bool) -> tuple[str, int]:
    """The visible form of one character and its width in cells; width 0 only for combining marks."""
    if " " <= character <= "~":
        return character, 1
    code = ord(character)
    if ascii_only:
        return _shown_in_ascii(code)
    if code < 0x20:
        return chr(0x2400 + code), 1
    if code == 0x7F:
        return "␡", 1
    category = unicodedata.category(character)
    if category in _HIDDEN_CATEGORIES or code in _TREACHEROUS:
        return _spelled(code), len(_spelled(code))
    if category == "Zs" and get_character_cell_size(character) == 1:
        return " ", 1
    return character, get_character_cell_size(character)


def _shown_in_ascii(code: int) -> tuple[str, int]:
    if code < 0x20 or code == 0x7F:
        return "^" + chr(code ^ 0x40), 2
    if code < 0xA0:
        return f"<{code:02X}>", 4
    return "?", 1


def _spelled(code: int) -> str:
    return f"‹{code:02X}›"


def _tokens(value: str, start: int, end: int, tab: int) -> Iterator[tuple[int, str, int]]:
    """Yield (offset of the next character, visible text, cells) for each character of ``value[start:end]``."""
    ascii_only = _ascii_only
    column = marks = 0
    previous = ""
    for offset in range(start, end):
        character = value[offset]
        if character == "\t":
            cells = tab - column % tab
            text = " " * cells
        else:
            text, cells = _shown(character, ascii_only)
        # A mark stacks on the character before it, and Hangul vowels join with it: without one, or in a heap, it
        # would be drawn over its neighbours.
        if cells:
            marks = 0
        elif marks == MAX_MARKS or previous in ("", " "):
            text = _spelled(ord(character))
            cells, marks = len(text), 0
        else:
            marks += 1
        column += cells
        previous = text[-1:]
        yield offset + 1, text, cells


def display_text(value: str, *, max_cells: int | None = None, tab: int = 4) -> str:
    """Turn any string into one line that is safe to show.

    Control characters become pictures (``␛``, ``␊``), invisible and direction-changing ones their code (``‹202E›``),
    tabs expand to every ``tab`` cells, and what is longer than ``max_cells`` cells (4,096 when not given) ends
    in ``…``. Only the part that can be shown is looked at.
    """
    limit = DEFAULT_CELLS if max_cells is None else max_cells
    if limit <= 0:
        return ""
    head = value[: limit + 1]
    if head.isascii() and head.isprintable():
        return head if len(head) <= limit else head[: limit - 1] + ellipsis()
    parts: list[str] = []
    widths: list[int] = []
    room = limit
    for _, text, cells in _tokens(value, 0, len(value), max(1, tab)):
        parts.append(text)
        widths.append(cells)
        room -= cells
        if room < 0:
            break
    if room >= 0:
        return "".join(parts)
    while parts and room < 1:
        parts.pop()
        room += widths.pop()
    return "".join(parts) + ellipsis()


def display_lines(value: str, width: int, *, tab: int = 4) -> Iterator[str]:
    r"""Yield ``value`` as lines of at most ``width`` cells, safe to show, wrapped at spaces where there are any.

    ``\n`` and ``\r\n`` end a line; everything else is shown as :func:`display_text` does. Lines come lazily: taking
    the first ten of a ten megabyte string costs ten lines.
    """
    width = max(1, width)
    start = 0
    while start <= len(value):
        newline = value.find("\n", start)
        end = len(value) if newline < 0 else newline
        stop = end - 1 if start < end < len(value) and value[end - 1] == "\r" else end
        yield from _wrapped(value, start, stop, width, max(1, tab))
        if newline < 0:
            return
        start = end + 1


def _wrapped(value: str, start: int, end: int, width: int, tab: int) -> Iterator[str]:
    """Wrap one logical line; an empty one yields an empty line."""
    if start == end:
        yield ""
    while start < end:
        line, start = _next_line(value, start, end, width, tab)
        yield line


def _next_line(value: str, start: int, end: int, width: int, tab: int) -> tuple[str, int]:
    """The longest beginning of ``value[start:end]`` that fits, and where the next line starts."""
    parts: list[str] = []
    used = 0
    broken_at: tuple[int, int] | None = None  # (parts kept, offset of the rest) at the last space
    offset = start
    for following, text, cells in _tokens(value, start, end, tab):
        if used + cells > width:
            if value[offset] == " ":
                return "".join(parts), following
            if broken_at is not None:
                return "".join(parts[: broken_at[0]]), broken_at[1]
            if not parts:  # one character wider than the line: show that something is there
                return ellipsis(), following
            return "".join(parts), offset
        parts.append(text)
        used += cells
        offset = following
        if value[following - 1] == " ":
            broken_at = (len(parts), following)
    return "".join(parts), end


def ellipsize(text: str, cells: int) -> str:
    """Cut display text to ``cells`` cells, the last of them ``…`` when something is missing."""
    if cell_len(text) <= cells:
        return text
    return display_text(text, max_cells=cells)


def shorten_path(sentence: str, cells: int) -> str:
    """Cut the longest path in a sentence of display text in its middle, so far that the sentence has ``cells`` cells.

    Something of its beginning and its name stay; where that is not enough, the sentence stays longer.
    """
    path = max((word for word in sentence.split(" ") if "/" in word), key=cell_len, default="")
    over, mark = cell_len(sentence) - cells, ellipsis()
    keep = max(_LEAST_PATH, cell_len(path) - over - cell_len(mark))
    if over <= 0 or keep >= cell_len(path):
        return sentence
    head, tail = path[: keep // 3], path[len(path) - (keep - keep // 3) :]
    return sentence.replace(path, f"{head}{mark}{tail}", 1)


def fit(text: str, cells: int, *, align: str = "left") -> str:
    """Cut or pad display text to exactly ``cells`` cells, with the padding right, left or both (``align``)."""
    return pad(ellipsize(text, cells), cells, align=align)


def pad(text: str, cells: int, *, align: str = "left") -> str:
    """Pad display text with spaces to at least ``cells`` cells; ``align`` is left, right or center."""
    missing = cells - cell_len(text)
    if missing <= 0:
        return text
    if align == "right":
        return " " * missing + text
    if align == "center":
        return " " * (missing // 2) + text + " " * (missing - missing // 2)
    return text + " " * missing


def human_duration(seconds: float | None) -> str:
    """A duration in at most six cells: ``40ms 12.4s 3m20 16m 1h05 2d03 12d``; ``-`` for none."""
    if seconds is None or not math.isfinite(seconds):
        return "-"
    if seconds < 0:
        return "-" + human_duration(-seconds)
    milliseconds = round(seconds * 1000)
    if milliseconds < 1000:
        return f"{milliseconds}ms"
    tenths = round(seconds * 10)
    if tenths < 600:
        return f"{tenths / 10:.1f}s"
    whole = round(seconds)
    if whole < 600:
        return _pair(whole, 60, "m")
    minutes = round(seconds / 60)
    if minutes < 60:
        return f"{minutes}m"
    if minutes < 24 * 60:
        return _pair(minutes, 60, "h")
    hours = round(seconds / 3600)
    return _pair(hours, 24, "d") if hours < 10 * 24 else f"{round(seconds / 86400):,}d"


def _pair(amount: int, size: int, unit: str) -> str:
    """``amount`` as a larger unit and, unless zero, its two-digit remainder: 65 minutes are ``1h05``."""
    large, small = divmod(amount, size)
    return f"{large}{unit}{small:02}" if small else f"{large}{unit}"


def human_count(number: int) -> str:
    """A count with thousands separated: ``4,793``."""
    return f"{number:,}"


def human_bytes(size: int) -> str:
    """A size in binary units: ``812 B``, ``1.5 KiB``, ``10 MiB``."""
    amount = float(size)
    for unit in ("B", "KiB", "MiB", "GiB"):
        if abs(amount) < 1024 or unit == "GiB":
            break
        amount /= 1024
    if unit == "B":
        return f"{size} B"
    return f"{amount:.1f} {unit}" if abs(amount) < 9.95 else f"{amount:,.0f} {unit}"
