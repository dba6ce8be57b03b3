"""The panes of the execution screen: which of them are in view at which size, and which one the person is in."""

from __future__ import annotations

from enum import StrEnum

from textual import events, on
from textual.app import ComposeResult
from textual.containers import Container, Vertical
from textual.geometry import Size
from textual.widget import Widget

from dive_tui.app.text import human_count
from dive_tui.widgets.events.events_list import EventsList
from dive_tui.widgets.filter_bar import FilterBar
from dive_tui.widgets.inspector import Inspector, Tab
from dive_tui.widgets.now_pane import NowPane
from dive_tui.widgets.pane import Pane
from dive_tui.widgets.parts import PartsLine, part
from dive_tui.widgets.steady import SteadyPane
from dive_tui.widgets.timeline.timeline import Timeline
from engine.core.query import QueryError
from engine.replay.searching.search import parse_event_query

NARROW = 100
"""Below so many columns one pane is shown at a time."""
SHORT = 30
"""Below so many rows the timeline or the events stand over the inspector."""
FLAT = 18
"""Below so many rows they stand beside it."""
WIDE = 160
"""From so many columns on the inspector is a column of its own, as high as timeline and events together."""
_LEAST_STACKED = 22
"""Below so many rows there is no room for timeline and events over each other in front of that column."""
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
    NOW = "Now"
    """Only while replaying, in the place of the events."""


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
    ExecutionPanes.-low > Container, ExecutionPanes.-single > Container, ExecutionPanes.-column > Container {
        grid-size: 1;
        grid-columns: 1fr;
    }
    ExecutionPanes.-low #timeline-pane, ExecutionPanes.-flat #timeline-pane, ExecutionPanes.-single #timeline-pane,
    ExecutionPanes.-column #timeline-pane {
        column-span: 1;
    }
    ExecutionPanes.-column #inspector-pane { dock: right; width: 42%; height: 100%; }
    ExecutionPanes.-narrow Pane { border: none; }
    ExecutionPanes #events-pane > LineView { height: 1fr; }
    ExecutionPanes #events-pane > FilterBar { padding: 0; }
    """

    def __init__(self) -> None:
        super().__init__()
        self.timeline = Timeline()
        self.events = EventsList()
        self.search_bar = FilterBar(event_query_complaint, placeholder="step_failed  step:Charge*  data.total:>100")
        self.search_bar.display = False
        self.now = NowPane()
        self.inspector = Inspector()
        self._tabs = PartsLine()
        self._frames = {
            PaneName.TIMELINE: SteadyPane(self.timeline, title="Timeline", id="timeline-pane"),
            PaneName.EVENTS: SteadyPane(self.search_bar, self.events, self.now, title="Events", id="events-pane"),
            PaneName.EVENT: SteadyPane(self.inspector, id="inspector-pane"),
        }
        self._grid = Container(*self._frames.values())
        self._frame = PaneName.EVENTS
        self._upper = PaneName.EVENTS
        self._terminal = Size(0, 0)
        self._timeline_rows = 0
        self.maximised = False
        self.replaying = False
        self._shows_now = False

    def compose(self) -> ComposeResult:
        """The line of tabs for narrow terminals, and the panes."""
        yield self._tabs
        yield self._grid

    # Which pane

    @property
    def current(self) -> PaneName:
        """The pane the person is in."""
        if self._frame is PaneName.EVENT:
            return _NAMES[self.inspector.tab]
        return PaneName.NOW if self._frame is PaneName.EVENTS and self._shows_now else self._frame

    @property
    def names(self) -> list[PaneName]:
        """The panes there are, in the order of their numbers."""
        return [name for name in PaneName if self.replaying or name is not PaneName.NOW]

    @property
    def narrow(self) -> bool:
        """Whether one pane is shown at a time for want of room."""
        return self._terminal.width < NARROW

    def go(self, name: PaneName) -> None:
        """Bring a pane into view and the focus into it."""
        tab = _TABS.get(name)
        if tab is not None:
            self.inspector.choose(tab)
        elif name is not PaneName.TIMELINE:
            self._shows_now = name is PaneName.NOW
        self._enter(PaneName.EVENT if tab is not None else PaneName.EVENTS if name is PaneName.NOW else name)
        self.focus_current()

    def focus_current(self) -> None:
        """Give the focus to the pane the person is in: at once, since the next key may already be waiting."""
        self.screen.set_focus(self._view(self._frame))

    def turn(self, step: int) -> None:
        """Go to the next pane, or with -1 to the one before; the tabs of the inspector count where it stands alone."""
        events = PaneName.NOW if self._shows_now else PaneName.EVENTS
        names = self.names if self.narrow else [PaneName.TIMELINE, events, _NAMES[self.inspector.tab]]
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

    def set_replaying(self, replaying: bool) -> None:
        """Show the pane Now in the place of the events, with the changes beside it, or put the events back."""
        self.replaying = self._shows_now = replaying
        if replaying:
            self.inspector.choose(Tab.CHANGES)
            self._upper = PaneName.EVENTS
            if self._frame is PaneName.TIMELINE and not self.narrow:
                self._frame = PaneName.EVENTS
        self.lay_panes()
        self.focus_current()

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
        if frame is PaneName.EVENTS:
            return self.now if self._shows_now else self.events
        return self.inspector.view

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
        else:
            self.go((PaneName.EVENTS, PaneName.NOW)[message.index])

    # Where they stand

    def fit(self, size: Size) -> None:
        """Arrange for a terminal of this size."""
        self._terminal = size
        self.set_class(self.narrow, "-narrow")
        self.lay_panes()

    def set_timeline_rows(self, rows: int) -> None:
        """How many rows the timeline could show: it gets room for them, up to a share of the height."""
        if rows != self._timeline_rows:
            self._timeline_rows = rows
            self.lay_panes()

    def lay_panes(self) -> None:
        """Show the panes that are in view, where they belong."""
        single = self.narrow or self.maximised
        column = not single and self._terminal.width >= WIDE and self._terminal.height >= _LEAST_STACKED
        flat = not single and not column and self._terminal.height < FLAT
        low = not single and not column and not flat and self._terminal.height < SHORT
        self.set_class(single, "-single")
        self.set_class(column, "-column")
        self.set_class(flat, "-flat")
        self.set_class(low, "-low")
        self.now.display, self.events.display = self._shows_now, not self._shows_now
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
        most = int((self._terminal.height - 4) * _TIMELINE_SHARE)
        return f"{min(max(self._timeline_rows + _FRAME, _LEAST_TIMELINE), max(most, _LEAST_TIMELINE))} 1fr"

    def update_tabs(self) -> None:
        """Write the line of tabs anew."""
        parts = []
        for number, name in enumerate(self.names, 1):
            style = "bold accent" if name is self.current else "dim"
            parts.append(part((name, style), priority=1 if name is self.current else 2, verb=f"pane('{number}')"))
        parts.append(part((f"1-{len(self.names)} or tab", "dim"), priority=9, right=True))
        self._tabs.set_parts(parts)

    # What they are titled

    def set_titles(self, sequence: int, total: int, paths: int, steps: int) -> None:
        """Write titles and facts; the position stands in the title whenever it is not the end."""
        here = f" @{human_count(sequence)}" if 0 < sequence < total else ""
        timeline, listed = self._frames[PaneName.TIMELINE], self._frames[PaneName.EVENTS]
        if self.replaying:
            listed.set_tabs([f"Events{here}", "Now"], int(self._shows_now))
        else:
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


def event_query_complaint(text: str) -> str | None:
    """What is wrong with a query for events, or None."""
    try:
        parse_event_query(text)
    except QueryError as error:
        return str(error)
    return None
