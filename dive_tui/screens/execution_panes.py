"""The panes of the execution screen: which of them are in view at which size, and which one the person is in."""

from __future__ import annotations

from enum import StrEnum

from textual import events, on
from textual.app import ComposeResult
from textual.containers import Container, Vertical
from textual.geometry import Size
from textual.widget import Widget

from dive_tui.app.text import human_count
from dive_tui.widgets.events_list import EventsList
from dive_tui.widgets.inspector import Inspector, Tab
from dive_tui.widgets.pane import Pane
from dive_tui.widgets.parts import PartsLine, part
from dive_tui.widgets.steady import SteadyPane
from dive_tui.widgets.timeline import Timeline

NARROW = 100
"""Below so many columns one pane is shown at a time."""
SHORT = 30
"""Below so many rows the timeline or the events stand over the inspector."""
FLAT = 18
"""Below so many rows they stand beside it."""
_TIMELINE_SHARE = 0.45
_LEAST_TIMELINE = 8
_FRAME = 3
"""Rows of the timeline pane that are no rows of paths: border and axis."""


class PaneName(StrEnum):
    """The panes by what a person calls them, in the order of their numbers."""

    TIMELINE = "Timeline"
    EVENTS = "Events"
    EVENT = "Event"
    STATE = "State"
    CHANGES = "Changes"


_TABS = {PaneName.EVENT: Tab.EVENT, PaneName.STATE: Tab.STATE, PaneName.CHANGES: Tab.CHANGES}
_NAMES = {tab: name for name, tab in _TABS.items()}


class ExecutionPanes(Vertical):
    """Timeline, events and inspector, arranged for the size of the terminal."""

    DEFAULT_CSS = """
    ExecutionPanes { height: 1fr; }
    ExecutionPanes > PartsLine { display: none; background: $background; }
    ExecutionPanes.-narrow > PartsLine { display: block; }
    ExecutionPanes > Container { layout: grid; grid-size: 2; grid-columns: 58fr 42fr; height: 1fr; }
    ExecutionPanes #timeline-pane { column-span: 2; }
    ExecutionPanes.-spacious > Container { grid-columns: 1fr 1fr; }
    ExecutionPanes.-low > Container, ExecutionPanes.-single > Container { grid-size: 1; grid-columns: 1fr; }
    ExecutionPanes.-low #timeline-pane, ExecutionPanes.-flat #timeline-pane, ExecutionPanes.-single #timeline-pane {
        column-span: 1;
    }
    ExecutionPanes.-narrow Pane { border: none; }
    """

    def __init__(self) -> None:
        super().__init__()
        self.timeline = Timeline()
        self.events = EventsList()
        self.inspector = Inspector()
        self._tabs = PartsLine()
        self._frames = {
            PaneName.TIMELINE: SteadyPane(self.timeline, title="Timeline", id="timeline-pane"),
            PaneName.EVENTS: SteadyPane(self.events, title="Events", id="events-pane"),
            PaneName.EVENT: SteadyPane(self.inspector, id="inspector-pane"),
        }
        self._grid = Container(*self._frames.values())
        self._frame = PaneName.EVENTS
        self._upper = PaneName.EVENTS
        self._size = Size(0, 0)
        self._timeline_rows = 0
        self.maximised = False

    def compose(self) -> ComposeResult:
        """The line of tabs for narrow terminals, and the panes."""
        yield self._tabs
        yield self._grid

    # Which pane

    @property
    def current(self) -> PaneName:
        """The pane the person is in."""
        return _NAMES[self.inspector.tab] if self._frame is PaneName.EVENT else self._frame

    @property
    def narrow(self) -> bool:
        """Whether one pane is shown at a time for want of room."""
        return self._size.width < NARROW

    def go(self, name: PaneName) -> None:
        """Bring a pane into view and the focus into it."""
        tab = _TABS.get(name)
        if tab is not None:
            self.inspector.choose(tab)
        self._enter(name if tab is None else PaneName.EVENT)
        self.focus_current()

    def focus_current(self) -> None:
        """Give the focus to the pane the person is in: at once, since the next key may already be waiting."""
        self.screen.set_focus(self._view(self._frame))

    def turn(self, step: int) -> None:
        """Go to the next pane, or with -1 to the one before; the tabs of the inspector count where it stands alone."""
        names = list(PaneName) if self.narrow else [PaneName.TIMELINE, PaneName.EVENTS, _NAMES[self.inspector.tab]]
        self.go(names[(names.index(self.current) + step) % len(names)])

    def turn_tab(self) -> None:
        """Turn the inspector to its next tab; where panes stand alone, go there."""
        tab = Tab((self.inspector.tab + 1) % len(Tab))
        if self.narrow and self._frame is not PaneName.EVENT:
            tab = self.inspector.tab
        if self.narrow:
            self.go(_NAMES[tab])
        else:
            self.inspector.choose(tab)

    def fold_here(self) -> bool:
        """Fold or unfold the path or the branch under the cursor of the pane; false on anything else."""
        if self.current is PaneName.TIMELINE:
            return self.timeline.toggle_here()
        return self.current is PaneName.STATE and self.inspector.state.toggle()

    def maximise(self, maximised: bool) -> None:
        """Give the pane the person is in all the room, or put it back."""
        self.maximised = maximised
        self.lay_panes()

    def _enter(self, frame: PaneName) -> None:
        self._frame = frame
        if frame is not PaneName.EVENT:
            self._upper = frame
        self.lay_panes()

    def _view(self, frame: PaneName) -> Widget:
        if frame is PaneName.TIMELINE:
            return self.timeline.rows
        return self.events if frame is PaneName.EVENTS else self.inspector.view

    @on(events.DescendantFocus)
    def _focus_moved(self, event: events.DescendantFocus) -> None:
        if event.widget is not self.screen.focused:
            return  # it has moved on since
        for name, frame in self._frames.items():
            if frame in event.widget.ancestors and name is not self._frame:
                self._enter(name)

    @on(Pane.TabClicked)
    def _tab_clicked(self, message: Pane.TabClicked) -> None:
        if message.pane is self._frames[PaneName.EVENT]:
            self.go(list(PaneName)[2 + message.index])

    # Where they stand

    def fit(self, size: Size) -> None:
        """Arrange for a terminal of this size."""
        self._size = size
        self.set_class(self.narrow, "-narrow")
        self.set_class(size.width >= 160, "-spacious")
        self.lay_panes()

    def set_timeline_rows(self, rows: int) -> None:
        """How many rows the timeline could show: it gets room for them, up to a share of the height."""
        if rows != self._timeline_rows:
            self._timeline_rows = rows
            self.lay_panes()

    def lay_panes(self) -> None:
        """Show the panes that are in view, where they belong."""
        single = self.narrow or self.maximised
        flat = not single and self._size.height < FLAT
        low = not single and not flat and self._size.height < SHORT
        self.set_class(single, "-single")
        self.set_class(flat, "-flat")
        self.set_class(low, "-low")
        for name, frame in self._frames.items():
            if single:
                frame.display = name is self._frame
            else:
                frame.display = name in (self._upper, PaneName.EVENT) or not (low or flat)
        self._grid.styles.grid_rows = self._row_heights(single, flat, low)
        self.update_tabs()

    def _row_heights(self, single: bool, flat: bool, low: bool) -> str:
        if single or flat:
            return "1fr"
        if low:
            return "1fr 1fr"
        most = int((self._size.height - 4) * _TIMELINE_SHARE)
        return f"{min(max(self._timeline_rows + _FRAME, _LEAST_TIMELINE), max(most, _LEAST_TIMELINE))} 1fr"

    def update_tabs(self) -> None:
        """Write the line of tabs anew."""
        parts = []
        for number, name in enumerate(PaneName, 1):
            style = "bold accent" if name is self.current else "dim"
            parts.append(part((name, style), priority=1 if name is self.current else 2, verb=f"pane('{number}')"))
        parts.append(part(("1-5 or tab", "dim"), priority=9, right=True))
        self._tabs.set_parts(parts)

    # What they are titled

    def set_titles(self, sequence: int, total: int, paths: int, steps: int) -> None:
        """Write titles and facts; the position stands in the title whenever it is not the end."""
        here = f" @{human_count(sequence)}" if 0 < sequence < total else ""
        timeline, listed = self._frames[PaneName.TIMELINE], self._frames[PaneName.EVENTS]
        listed.set_title(f"Events{here}")
        listed.set_fact(f"{human_count(sequence)} of {human_count(total)}" if total else "")
        counts = f"{_counted(paths, 'path')}, {_counted(steps, 'step')}" if total else ""
        facts = ["zoomed" if self.timeline.zoomed else "", self.timeline.idle_fact, counts]
        timeline.set_fact(", ".join(fact for fact in facts if fact))
        names = [f"Event{here}", "State", "Changes"]
        self._frames[PaneName.EVENT].set_tabs(names, int(self.inspector.tab))
        if self.narrow:
            self.update_tabs()


def _counted(number: int, word: str) -> str:
    return f"{human_count(number)} {word}{'' if number == 1 else 's'}"
