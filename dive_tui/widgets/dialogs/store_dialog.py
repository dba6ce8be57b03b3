"""The dialog that opens another store: those that are known, with what they hold, and a field for any path."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress

from rich.segment import Segment
from textual import on
from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.strip import Strip

from dive_tui.app.actions import Scope
from dive_tui.app.keymap import bindings
from dive_tui.app.known_stores import PATIENCE, Candidate, StoreFacts, look_at, short_place
from dive_tui.app.text import display_text, fit, human_count
from dive_tui.widgets.dialogs.choice import Words
from dive_tui.widgets.line_view import LineView
from dive_tui.widgets.pane import Pane
from dive_tui.widgets.parts import PartsLine, part
from dive_tui.widgets.screens import Dialog
from dive_tui.widgets.text_field import TextField

OpenStore = Callable[[str], Awaitable[str | None]]
"""Opens what was chosen or typed; returns a sentence when that is not possible."""
Find = Callable[[], Sequence[Candidate]]
"""Finds the stores to offer; called in a thread."""

_AT_ONCE = 2
"""Stores that are looked at beside each other."""
_GRACE = 1.0
"""Seconds more than a look may take by itself, for disks that answer late."""
_TYPED = "typed"
_GAP = "  "
_KIND, _COUNT, _WHY = 20, 10, 14
_NARROW_KIND = len("read-only")
_OPEN = "open now"
_LEAST_ROWS, _MOST_ROWS = 3, 8


class StoreLines(LineView):
    """A row per store; the cursor is moved by the field above."""

    can_focus = False

    def __init__(self) -> None:
        super().__init__()
        self.shown: list[Candidate] = []
        self.facts: dict[str, StoreFacts] = {}

    @property
    def row_count(self) -> int:
        """Stores there are."""
        return len(self.shown)

    @property
    def emphasised(self) -> bool:
        """The focus is in the field above, whose arrows move the cursor here."""
        return True

    def show(self, rows: list[Candidate]) -> None:
        """Show these, the first one chosen."""
        self.shown = rows
        self.styles.height = min(max(len(rows), _LEAST_ROWS), _MOST_ROWS)
        self.refresh_rows()
        self.rows_changed(cursor=0)

    def learnt(self, location: str, facts: StoreFacts) -> None:
        """Show what was found out about a store."""
        self.facts[location] = facts
        self.refresh_rows()

    def columns(self, width: int) -> tuple[int, int, int, int]:
        """Cells of place, kind, count and reason; where there is little room the reason only says which is open."""
        kind, why = (_KIND, _WHY) if width >= 76 else (_KIND if width >= 66 else _NARROW_KIND, len(_OPEN))
        return max(8, width - kind - _COUNT - why - 3 * len(_GAP)), kind, _COUNT, why

    def render_row(self, index: int, width: int, selected: bool) -> Strip:
        """Draw a store: where, what kind, how many executions, and why it is offered."""
        candidate = self.shown[index]
        if candidate.why == _TYPED:
            typed = display_text(candidate.location, max_cells=max(1, width - 5))
            return Strip([Segment("Open ", self.palette["dim"]), Segment(typed, self.palette["bold bright"])])
        facts = self.facts.get(candidate.location)
        place, kind, count, why = self.columns(width)
        name = display_text(short_place(candidate.location), max_cells=400)
        if len(name) > place:  # its end tells more than its beginning
            name = self.glyphs.ellipsis + name[len(name) - place + 1 :]
        style = "bold bright" if selected else "text"
        cells = [
            (fit(name, place), style if facts is None or not facts.problem else "dim"),
            (_GAP + fit(self._kind(facts, kind), kind), "waiting" if facts and facts.read_only else "dim"),
            (_GAP + fit(self._count(facts), count, align="right"), "text"),
        ]
        if facts is not None and facts.problem:
            cells[1:] = [(_GAP + fit(display_text(facts.problem, max_cells=200), kind + len(_GAP) + count), "waiting")]
        if candidate.why == _OPEN or why == _WHY:
            cells.append((_GAP + fit(candidate.why, why), "accent" if candidate.why == _OPEN else "dim"))
        return Strip([Segment(text, self.palette[style]) for text, style in cells])

    def _kind(self, facts: StoreFacts | None, cells: int) -> str:
        if facts is None:
            return self.glyphs.ellipsis
        if not facts.read_only:
            return facts.kind
        return "read-only" if cells == _NARROW_KIND else f"{facts.kind}, read-only"

    def _count(self, facts: StoreFacts | None) -> str:
        if facts is None:
            return self.glyphs.ellipsis
        return "?" if facts.executions is None else human_count(facts.executions) + ("+" if facts.more else "")


class StoreHead(LineView):
    """The names of the columns."""

    can_focus = False
    shows_cursor = False

    def __init__(self, lines: StoreLines) -> None:
        super().__init__()
        self._lines = lines

    @property
    def row_count(self) -> int:
        """One line."""
        return 1

    def render_row(self, index: int, width: int, selected: bool) -> Strip:
        """Draw the names above their columns."""
        place, kind, count, why = self._lines.columns(width)
        names = [("STORE", place, "left"), ("KIND", kind, "left"), ("EXECUTIONS", count, "right"), ("", why, "left")]
        words = _GAP.join(fit(name, cells, align=align) for name, cells, align in names)
        return Strip([Segment(words, self.palette["dim"])])


class StoreDialog(Dialog[bool]):
    """Its result is whether another store was opened. What cannot be opened is said in it, and it stays."""

    BINDINGS = bindings(Scope.PROMPT)

    DEFAULT_CSS = """
    StoreDialog > Pane { width: 96; max-width: 94%; height: auto; max-height: 90%; }
    StoreDialog Horizontal { height: 1; margin-bottom: 1; padding: 0 1; }
    StoreDialog #mark { width: 2; padding: 0; }
    StoreDialog TextField { width: 1fr; }
    StoreDialog StoreHead { height: 1; overflow-y: hidden; scrollbar-size-vertical: 0; }
    StoreDialog StoreLines { height: 3; }
    StoreDialog Words { margin-top: 1; overflow-y: hidden; }
    """

    def __init__(self, find: Find, open_store: OpenStore) -> None:
        super().__init__()
        self._find = find
        self._open_store = open_store
        self._known: list[Candidate] = []
        self._busy = False

    def compose(self) -> ComposeResult:
        """The field, the stores, and where a problem is said."""
        lines = StoreLines()
        with Pane(title="Open a store", fact="enter open   esc close"):
            with Horizontal():
                yield PartsLine(part((">", "bold accent")), id="mark")
                yield TextField(placeholder="path of a store, or choose one below")
            yield StoreHead(lines)
            yield lines
            yield Words(id="problem")

    def on_mount(self) -> None:
        """Look around while the field is ready already."""
        self.query_one(TextField).focus()
        self._lines.set_placeholder("loading", "Looking around")
        self.run_worker(self._look_around(), group="looking", exit_on_error=False)

    @property
    def _lines(self) -> StoreLines:
        return self.query_one(StoreLines)

    async def _look_around(self) -> None:
        self._known = list(await asyncio.to_thread(self._find))
        self._list()
        turn = asyncio.Semaphore(_AT_ONCE)

        async def look(location: str) -> None:
            facts = StoreFacts(problem="gives no answer")
            async with turn:
                with suppress(TimeoutError):
                    facts = await asyncio.wait_for(asyncio.to_thread(look_at, location), PATIENCE + _GRACE)
            self._lines.learnt(location, facts)

        await asyncio.gather(*(look(candidate.location) for candidate in self._known))

    def _list(self) -> None:
        typed = self.query_one(TextField).value.strip()
        fitting = [known for known in self._known if typed.lower() in known.location.lower()]
        if typed:
            fitting.insert(0, Candidate(typed, _TYPED))
        lines = self._lines
        lines.set_placeholder("empty", "No store is known here.", "Type the path of one.")
        lines.show(fitting)
        if not typed and len(fitting) > 1:
            lines.move_to(1)  # the first is open already
        self._say("")

    def _say(self, sentence: str) -> None:
        self.query_one("#problem", Words).show([(sentence, "failed")] if sentence else [])

    @on(TextField.Changed)
    def _typed(self) -> None:
        self._list()

    @on(TextField.Submitted)
    @on(LineView.RowSelected)
    def _accept(self) -> None:
        lines = self._lines
        if lines.shown and not self._busy:
            self._busy = True
            self.run_worker(self._carry_out(lines.shown[lines.cursor].location), exit_on_error=False)

    async def _carry_out(self, location: str) -> None:
        problem = await self._open_store(location)
        self._busy = False
        if problem is None:
            self.dismiss(True)
        else:
            self._say(problem)

    def action_leave(self) -> None:
        """Stay with the store that is open."""
        if not self._busy:
            self.dismiss(False)

    def action_choose_previous(self) -> None:
        """Choose the store above."""
        self._lines.move_to(self._lines.cursor - 1)

    def action_choose_next(self) -> None:
        """Choose the store below."""
        self._lines.move_to(self._lines.cursor + 1)
