"""The inspector: the event under the cursor, the state there, and what the event changed."""

from __future__ import annotations

from enum import IntEnum
from functools import partial
from typing import Any

from textual import on
from textual.app import ComposeResult
from textual.containers import Vertical

from dive_tui.app.actions import Scope
from dive_tui.app.keymap import bindings
from dive_tui.app.text import human_count
from dive_tui.widgets.changes_view import ChangesView
from dive_tui.widgets.events.event_detail import EventDetail
from dive_tui.widgets.events.event_sections import Context
from dive_tui.widgets.events.event_words import look_of
from dive_tui.widgets.filter_bar import FilterBar
from dive_tui.widgets.json.json_lines import JsonLines
from dive_tui.widgets.json.json_rows import Key, Lazy, Place
from dive_tui.widgets.json.json_search import MOST_MATCHES
from dive_tui.widgets.json.json_tree import JsonTree, Tree
from dive_tui.widgets.line_view import LineView
from engine.model.events import ExecutionEvent, ExecutionEventType
from engine.replay.history import History
from engine.replay.view import changes_at, completed_steps, open_view

FEW_PATHS = 4
"""With no more open paths than these, all are unfolded in the state."""


class Tab(IntEnum):
    """The views of the inspector, in their order."""

    EVENT = 0
    STATE = 1
    CHANGES = 2


class Inspector(Vertical):
    """Three views of which one is shown. Which: the event at a failure, else the changes, until a person chooses."""

    BINDINGS = bindings(Scope.INSPECTOR)

    DEFAULT_CSS = """
    Inspector { height: 1fr; }
    Inspector > LineView { height: 1fr; }
    """

    def __init__(self) -> None:
        super().__init__()
        self.event = EventDetail(id="inspector-event")
        self.state = JsonTree(id="inspector-state")
        self.raw = JsonLines(id="inspector-raw")
        self.changes = ChangesView(id="inspector-changes")
        self._bar = FilterBar(_no_complaint, placeholder="keys and values")
        self._bar.display = False
        self._as_text = False
        self._explained: Context | None = None
        self._sequence = 0
        self._at_failure = False
        self._chosen: Tab | None = None
        self._tab = Tab.EVENT

    def compose(self) -> ComposeResult:
        """The field that searches the state, and the views."""
        yield self._bar
        yield self.event
        yield self.state
        yield self.raw
        yield self.changes

    def on_mount(self) -> None:
        """Show the first view."""
        self._turn_to(Tab.EVENT)

    @property
    def tab(self) -> Tab:
        """The view that is shown."""
        return self._tab

    @property
    def view(self) -> LineView:
        """The widget of the view that is shown."""
        state = self.raw if self._as_text else self.state
        return (self.event, state, self.changes)[self._tab]

    @property
    def _views(self) -> tuple[EventDetail, JsonTree, JsonLines, ChangesView]:
        return self.event, self.state, self.raw, self.changes

    def choose(self, tab: Tab) -> None:
        """Turn to a view. The state then stays, the others until the cursor comes to a failure or leaves one."""
        self._chosen = tab
        self._turn_to(tab)

    def show(self, context: Context, sequence: int) -> None:
        """Show the event of this sequence, and what was true then."""
        self._explained, self._sequence = context, sequence
        event = context.history.peek(sequence)
        at_failure = event is not None and look_of(event.event_type).style == "failed"
        if at_failure != self._at_failure:
            self._at_failure = at_failure
            if self._chosen is not Tab.STATE:
                self._chosen = None
        self._turn_to(self._chosen if self._chosen is not None else Tab.EVENT if at_failure else Tab.CHANGES)

    def show_unreadable(self, sequence: int, problem: str) -> None:
        """Say that the event of this sequence cannot be read now, in the place of what was shown before."""
        self._explained = None
        for view in self._views:
            view.clear()
        self.set_placeholder("error", f"Event {human_count(sequence)} cannot be read: {problem}")

    def set_placeholder(self, kind: Any, text: str, hint: str = "") -> None:
        """What to show while there is no event."""
        for view in self._views:
            view.set_placeholder(kind, text, hint)

    def set_generous(self, generous: bool) -> None:
        """Show long values of an event at length, or their beginnings."""
        self.event.generous = generous
        self.event.lay_out()

    def _turn_to(self, tab: Tab) -> None:
        had_focus = self.screen.focused is self.view
        self._tab = tab
        for view in self._views:
            view.display = view is self.view
        self._show_bar()
        if had_focus:
            self.screen.set_focus(self.view)
        if self._explained is not None and self._sequence:
            self._fill()

    def _fill(self) -> None:
        context, sequence = self._explained, self._sequence
        assert context is not None
        history = context.history
        if self._tab is Tab.EVENT:
            self.event.show(context, sequence)
        elif self._tab is Tab.STATE:
            self._fill_state(history, sequence)
        else:
            self.changes.show(partial(changes_at, history, sequence), _no_changes(history, sequence))

    def _fill_state(self, history: History, sequence: int) -> None:
        if not history.knows_state(sequence):
            for view in (self.state, self.raw):
                view.clear()
                view.set_placeholder("empty", _unknown(history))
        elif self._as_text:
            self.raw.set_placeholder("loading", "rebuilding the state")
            self.raw.show(lambda: state_tree(history, sequence).value)
        else:
            self.state.set_placeholder("loading", "rebuilding the state")
            self.state.show(partial(state_tree, history, sequence))

    # The value under the cursor

    @property
    def address(self) -> str:
        """The address of the value under the cursor; empty where none is."""
        if self._tab is Tab.CHANGES:
            change = self.changes.current
            return change.address if change is not None else ""
        return self.state.address if self.view is self.state else ""

    def point_at(self, keys: tuple[Key, ...], address: str) -> None:
        """Put the cursor on a value, given by its keys and its address, once the event it was set by is shown."""
        self.changes.point_at(address)
        if self._tab is Tab.STATE:
            self.state.reveal(keys)

    # Searching the state

    def open_search(self) -> None:
        """Ask what to search the state for."""
        if self._as_text:
            self.action_raw_state()
        self._bar.open()

    def close_search(self) -> bool:
        """Search no longer; whether something was searched for."""
        searched = bool(self.state.searched)
        self._bar.set_text("")
        self._bar.display = False
        self.state.search("")
        return searched

    @on(FilterBar.Changed)
    def _search_changed(self, message: FilterBar.Changed) -> None:
        message.stop()
        self.state.search(message.text.strip())
        self._show_bar()

    @on(FilterBar.Closed)
    def _search_left(self, message: FilterBar.Closed) -> None:
        message.stop()
        if message.text.strip():
            self.state.go_to_match(1)
        self._show_bar()

    @on(JsonTree.Searched)
    def _searched(self, message: JsonTree.Searched) -> None:
        message.stop()
        self._show_bar()

    def _show_bar(self) -> None:
        state = self.state
        self._bar.display = self._tab is Tab.STATE and (self._bar.typing or bool(state.searched))
        count = f"{human_count(state.match_count)}{'+' if state.match_count == MOST_MATCHES else ''}"
        self._bar.set_facts(f"{human_count(state.match)} of {count}" if state.searched else "")

    # Keys

    def why_not_raw_state(self) -> str | None:
        """Only the state is a value."""
        return None if self._tab is Tab.STATE else "X is for the State tab; v turns to it."

    def action_raw_state(self) -> None:
        """Show the state as text, or as a tree again."""
        had_focus = self.screen.focused is self.view
        self._as_text = not self._as_text
        if had_focus:
            self.view.display = True
            self.screen.set_focus(self.view)
        self._turn_to(self._tab)

    def action_fold(self) -> None:
        """Fold the branch of the state."""
        self.state.action_fold()

    def action_unfold(self) -> None:
        """Unfold the branch of the state."""
        self.state.action_unfold()

    def why_not_fold(self) -> str | None:
        """Only the state has branches."""
        if self.view is self.raw:
            return "This is text; X shows the tree."
        return None if self._tab is Tab.STATE else "There are branches to fold in the State tab; v turns to it."

    why_not_unfold = why_not_fold


def _no_complaint(text: str) -> str | None:
    """Any text can be searched for."""
    return None


def state_tree(history: History, sequence: int) -> Tree:
    """The state at an event beside the one before it; what finished stands folded and is looked up when opened."""
    state, before = history.state_at(sequence), history.state_at(sequence - 1)
    value: dict[str, Any] = open_view(state)
    value["script_globals"] = {name: held for name, (held, _) in state.script_globals.items()}
    old: dict[str, Any] = open_view(before)
    old["script_globals"] = {name: held for name, (held, _) in before.script_globals.items()}
    event = history.event(sequence)
    own = {name: path for name, path in value["paths"].items() if name == event.path_id}
    value["paths"] = {**own, **value["paths"]}  # where something happened stands first
    value["completed_steps"] = old["completed_steps"] = Lazy(partial(_completed, history, sequence), "by step")
    if event.event_type == ExecutionEventType.EXECUTION_STARTED:
        old = value
    return Tree(value, old, open_places(value, event))


def _completed(history: History, sequence: int) -> dict[str, Any]:
    paths = [path for path in list(history.index.paths.values()) if path.started_seq <= sequence]
    return completed_steps(history, [unit for path in paths for unit in path.units_at(sequence)], sequence)


def open_places(value: dict[str, Any], event: ExecutionEvent) -> frozenset[Place]:
    """What is unfolded at first: the paths with their variables, of many only the event's own, and the error."""
    places: set[Place] = {("paths",), ("error",)}
    paths = value["paths"]
    for name in paths if len(paths) <= FEW_PATHS else [event.path_id]:
        places |= {("paths", name), ("paths", name, "variables")}
    return frozenset(places)


def _no_changes(history: History, sequence: int) -> str:
    """Why there are no changes to show."""
    return "This event changed nothing in the state." if sequence <= history.folded else _unknown(history)


def _unknown(history: History) -> str:
    """Why the state is not known."""
    if history.problem is not None:
        return history.problem
    return f"The state is known up to event {history.folded:,} so far: the history is still being read."
