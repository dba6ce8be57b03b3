"""The footer: the most useful keys of the focused pane, from the action registry."""

from __future__ import annotations

from textual.screen import Screen

from dive_tui.app.actions import Action, Scope
from dive_tui.app.keymap import active, hints
from dive_tui.widgets.parts import Part, PartsLine, part


class FooterLine(PartsLine):
    """Key hints for the focused pane, at most six below 100 columns and nine below 160; right a fact, if any."""

    DEFAULT_CSS = """
    FooterLine {
        background: $panel;
        color: $foreground;
    }
    """

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._fact: Part | None = None

    def set_fact(self, text: str, style: str = "dim", *, verb: str = "") -> None:
        """Show a fact at the right end (``3 new ↑``), or none when ``text`` is empty; a click runs ``verb``."""
        self._fact = part((text, style), right=True, priority=2, verb=verb) if text else None
        self.update_hints()

    def update_hints(self) -> None:
        """Make the hints anew: the focus moved, or the width changed."""
        limit = 6 if self.app.size.width < 100 else 9 if self.app.size.width < 160 else 12
        made = [
            part(
                (hint.keys, "bold bright"),
                (f" {hint.word}", "dim"),
                priority=hint.priority + 1,
                gap=3,
                verb=hint.actions[0].verb,
            )
            for hint in hints(self._offered(), limit, self.glyphs)
        ]
        self.set_parts([*made, self._fact] if self._fact else made)

    def _offered(self) -> list[Action]:
        """The actions that act here; what steers an execution or looks after a store only while that is possible."""
        why_not = getattr(self.app, "why_not", None)
        return [
            action
            for action in active(self.screen)
            if action.scope not in (Scope.STEERING, Scope.MAINTENANCE) or why_not is None or why_not(action) is None
        ]

    def on_mount(self) -> None:
        """Follow the focus."""
        self.screen.bindings_updated_signal.subscribe(self, self._bindings_updated)
        self.update_hints()

    def on_resize(self) -> None:
        """Another width has room for more or fewer."""
        self.update_hints()

    def _bindings_updated(self, screen: Screen[object]) -> None:
        if self.is_attached and screen is self.app.screen:
            self.update_hints()
