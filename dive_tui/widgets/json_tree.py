"""A JSON value as a tree that unfolds, with marks at what just changed."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Any, NamedTuple

from rich.cells import cell_len
from rich.segment import Segment
from textual.strip import Strip

from dive_tui.app.text import display_text
from dive_tui.widgets.json_rows import MISSING, JsonRow, Lazy, Place, rows_of
from dive_tui.widgets.json_text import preview, size_of, style_of
from dive_tui.widgets.latest import Latest
from dive_tui.widgets.line_view import LineView
from dive_tui.widgets.steady import SteadyView

KEY_CELLS = 40


class Tree(NamedTuple):
    """What to show: a value, the one before it, and what is open without a person's doing."""

    value: Any
    before: Any
    open_places: frozenset[Place]


class _Built(NamedTuple):
    tree: Tree
    rows: list[JsonRow]
    indexes: dict[Place, int]


class JsonTree(SteadyView):
    """Shows a tree; what a person opened stays open when another value is shown."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._toggled: set[Place] = set()
        self._built = _Built(Tree(MISSING, MISSING, frozenset()), [], {})
        self._generation = 0
        self._work: Latest[_Built] = Latest(self, "tree", self._install, self._complain)

    @property
    def row_count(self) -> int:
        """One row per visible member."""
        return len(self._built.rows)

    def show(self, make: Callable[[], Tree]) -> None:
        """Show what `make` returns; it is called in a thread, and not at all when something newer comes first."""
        toggled, width = frozenset(self._toggled), self.row_width
        self._work.ask(lambda: _build(make(), toggled, width))

    def clear(self) -> None:
        """Show nothing."""
        self._work.forget()
        self._install(_Built(Tree(MISSING, MISSING, frozenset()), [], {}))

    @property
    def current(self) -> JsonRow | None:
        """The row under the cursor."""
        return self._built.rows[self.cursor] if self._built.rows else None

    def _install(self, built: _Built) -> None:
        here = self.current
        self._built = built
        self._generation += 1
        place = here.place if here is not None else ()
        while place and place not in built.indexes:
            place = place[:-1]
        self.rows_changed(cursor=built.indexes.get(place, 0))
        self.scroll_to_row(self.cursor)

    def _complain(self, sentence: str) -> None:
        self.clear()
        self.set_placeholder("error", f"The state cannot be shown: {sentence}")

    def row_key(self, index: int) -> Hashable:
        """Rows are drawn anew with every value."""
        return self._generation, index

    def render_row(self, index: int, width: int, selected: bool) -> Strip:
        """Draw mark, fold sign, key and value."""
        row, palette, glyphs = self._built.rows[index], self.palette, self.glyphs
        mark = row.mark
        sign = {"added": glyphs.added, "changed": glyphs.changed, "": " "}[mark]
        fold = " " if not row.opens else glyphs.unfolded if row.is_open else glyphs.folded
        segments = [Segment(f"{sign} ", palette[mark or "dim"]), Segment(f"{'  ' * row.depth}{fold} ", palette["dim"])]
        key = display_text(row.label, max_cells=KEY_CELLS)
        if key:
            segments.append(Segment(key, palette["bold text" if mark else "text"]))
            segments.append(Segment("  "))
        room = max(0, width - sum(cell_len(segment.text) for segment in segments))
        segments.append(_value_segment(self, row, room))
        return Strip(segments)

    # Folding

    def action_unfold(self) -> None:
        """Unfold the branch, or go to its first member."""
        row = self.current
        if row is not None and row.opens and not row.is_open:
            self._toggle(row)
        else:
            self.move_to(self.cursor + 1)

    def action_fold(self) -> None:
        """Fold the branch, or go to the one it is in."""
        row = self.current
        if row is None:
            return
        if row.is_open:
            self._toggle(row)
            return
        parent = self._built.indexes.get(row.place[:-1])
        if parent is not None:
            self.move_to(parent)

    def toggle(self) -> bool:
        """Fold or unfold the branch under the cursor; false when it is none."""
        row = self.current
        if row is None or not row.opens:
            return False
        self._toggle(row)
        return True

    def _toggle(self, row: JsonRow) -> None:
        self._toggled ^= {row.place}
        tree = self._built.tree
        self.show(lambda: tree)

    def on_line_view_row_selected(self) -> None:
        """A double click folds or unfolds."""
        self.toggle()

    def on_resize(self) -> None:
        """Opened texts are wrapped to the new width."""
        super().on_resize()
        if self._built.rows:
            tree = self._built.tree
            self.show(lambda: tree)


def _build(tree: Tree, toggled: frozenset[Place], width: int) -> _Built:
    def is_open(place: Place) -> bool:
        return (place in tree.open_places) != (place in toggled)

    rows = rows_of(tree.value, tree.before, is_open, width)
    return _Built(tree, rows, {row.place: index for index, row in enumerate(rows)})


def _value_segment(view: LineView, row: JsonRow, room: int) -> Segment:
    value = row.value
    if value is MISSING:
        return Segment("")
    if isinstance(value, Lazy):
        return Segment(value.size if not row.is_open else "", view.palette["dim"])
    if not row.label:
        return Segment(value, view.palette["text"])
    if row.is_open and not isinstance(value, str):
        return Segment(size_of(value), view.palette["dim"])
    return Segment(preview(value, room), view.palette[style_of(value)])
