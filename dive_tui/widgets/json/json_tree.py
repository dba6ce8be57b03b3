"""A JSON value as a tree that unfolds and can be searched, with marks at what just changed."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from contextlib import suppress
from typing import Any, NamedTuple

from rich.cells import cell_len
from rich.segment import Segment
from textual.message import Message
from textual.strip import Strip

from dive_tui.app.text import display_text
from dive_tui.widgets.json.json_rows import MISSING, JsonRow, Lazy, Place, keys_of, rows_of, way_to
from dive_tui.widgets.json.json_search import Keys, find_matches
from dive_tui.widgets.json.json_text import preview, size_of, style_of
from dive_tui.widgets.latest import Latest
from dive_tui.widgets.line_view import LineView
from dive_tui.widgets.steady import SteadyView

KEY_CELLS = 40


class Tree(NamedTuple):
    """What to show: a value, the one before it, and what is open without a person's doing."""

    value: Any
    before: Any
    open_places: frozenset[Place]


class _Wish(NamedTuple):
    """How a tree is to be shown."""

    toggled: frozenset[Place] = frozenset()
    width: int = 80
    text: str = ""
    """What to search; empty for nothing."""
    goal: Keys | None = None
    """What to put the cursor on, unfolding the way."""


class _Built(NamedTuple):
    tree: Tree
    wish: _Wish
    rows: list[JsonRow]
    indexes: dict[Place, int]
    matches: tuple[Keys, ...] = ()
    goal: Place | None = None


_NOTHING = _Built(Tree(MISSING, MISSING, frozenset()), _Wish(), [], {})


class JsonTree(SteadyView):
    """Shows a tree; when another value is shown, what was opened stays open and what was searched is found anew."""

    class Searched(Message):
        """The matches are others now, or the cursor went to another one."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._toggled: set[Place] = set()
        self._built = _NOTHING
        self._generation = 0
        self._text = ""
        self._goal: Keys | None = None
        self._match = -1
        self._marked: frozenset[Keys] = frozenset()
        self._coming: Callable[[], Tree] | None = None
        self._work: Latest[tuple[_Built, Callable[[], Tree]]] = Latest(self, "tree", self._install, self._complain)

    @property
    def row_count(self) -> int:
        """One row per visible member."""
        return len(self._built.rows)

    def show(self, make: Callable[[], Tree]) -> None:
        """Show what `make` returns; it is called in a thread, and not at all when something newer comes first."""
        self._coming = make
        self._ask(make)

    def _show_again(self) -> None:
        tree = self._built.tree
        self._ask(self._coming or (lambda: tree))

    def _ask(self, make: Callable[[], Tree]) -> None:
        known, wish = self._built, _Wish(frozenset(self._toggled), self.row_width, self._text, self._goal)

        def outdated() -> bool:
            return self._text != wish.text

        self._work.ask(lambda: (_build(make(), wish, known, outdated), make))

    def clear(self) -> None:
        """Show nothing."""
        self._work.forget()
        self._coming = None
        self._put(_NOTHING)

    @property
    def current(self) -> JsonRow | None:
        """The row under the cursor."""
        return self._built.rows[self.cursor] if self._built.rows else None

    @property
    def address(self) -> str:
        """The address of the value under the cursor, in a text that of the text; empty where there is none."""
        row = self.current
        if row is None:
            return ""
        whole = row.place[:-1] if not row.label or isinstance(row.place[-1], range) else row.place
        return row._replace(place=whole).address

    def _install(self, made: tuple[_Built, Callable[[], Tree]]) -> None:
        built, make = made
        if make is self._coming:
            self._coming = None
        self._put(built)

    def _put(self, built: _Built) -> None:
        here, before = self.current, self._built
        self._built = built
        self._generation += 1
        if built.matches is not before.matches:
            match = before.matches[self._match] if self._match >= 0 else None
            self._marked = frozenset(built.matches)
            self._match = built.matches.index(match) if match in self._marked else -1
        place = here.place if here is not None else ()
        if built.wish.goal is not None and built.wish.goal == self._goal:
            self._goal, self._toggled = None, set(built.wish.toggled)
            place = built.goal or place
        while place and place not in built.indexes:
            place = place[:-1]
        self.rows_changed(cursor=built.indexes.get(place, 0))
        self.scroll_to_row(self.cursor)
        if built.wish.text or before.wish.text:
            self.post_message(self.Searched())

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
            hit = bool(self._marked) and keys_of(row.place) in self._marked
            segments.append(Segment(f"{glyphs.hit} " if hit else "  ", palette["bold accent"]))
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
        self._show_again()

    def on_line_view_row_selected(self) -> None:
        """A double click folds or unfolds."""
        self.toggle()

    def on_resize(self) -> None:
        """Opened texts are wrapped to the new width."""
        super().on_resize()
        if self._built.rows:
            self._show_again()

    # Searching

    def search(self, text: str) -> None:
        """Mark every member whose key or value holds the text; with none, no longer."""
        if text != self._text:
            self._text = text
            self._show_again()

    @property
    def searched(self) -> str:
        """What is searched for; empty when nothing is."""
        return self._text

    @property
    def match_count(self) -> int:
        """How many members hold it."""
        return len(self._built.matches)

    @property
    def match(self) -> int:
        """Which of them the cursor went to last, from 1; 0 when to none yet."""
        return self._match + 1

    def go_to_match(self, step: int) -> None:
        """Go to the next match, or with -1 to the one before, around the ends, unfolding the way."""
        matches = self._built.matches
        if not matches:
            return
        first = 0 if step > 0 else -1
        self._match = (self._match + step if self._match >= 0 else first) % len(matches)
        self.reveal(matches[self._match])

    def reveal(self, keys: Keys) -> None:
        """Put the cursor on the member these keys lead to, unfolding the way; it stays when there is none."""
        self._goal = keys
        self._show_again()


def _build(tree: Tree, wish: _Wish, known: _Built, outdated: Callable[[], bool]) -> _Built:
    way: list[Place] = []
    if wish.goal is not None:
        with suppress(KeyError, IndexError, TypeError, ValueError):
            way = way_to(tree.value, wish.goal)
    shut = {place for place in way[:-1] if (place in tree.open_places) == (place in wish.toggled)}
    wish = wish._replace(toggled=wish.toggled ^ shut)

    def is_open(place: Place) -> bool:
        return (place in tree.open_places) != (place in wish.toggled)

    rows = rows_of(tree.value, tree.before, is_open, wish.width)
    indexes = {row.place: index for index, row in enumerate(rows)}
    if tree is known.tree and wish.text == known.wish.text:
        matches = known.matches
    else:
        matches = tuple(find_matches(tree.value, wish.text, outdated)) if wish.text else ()
    return _Built(tree, wish, rows, indexes, matches, way[-1] if way else None)


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
