"""The app without its screens: themes, glyphs, the dispatch of actions, help, prompt and toasts."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Literal, Protocol, runtime_checkable
from weakref import WeakKeyDictionary

from textual import actions, events
from textual.app import App
from textual.dom import DOMNode
from textual.scrollbar import ScrollBar, ScrollBarRender
from textual.widget import Widget

from dive_tui.app import glyphs, themes
from dive_tui.app.actions import BY_VERB, Action, Scope
from dive_tui.app.escapes import key_after_escape
from dive_tui.app.keymap import active, bindings, key_label
from dive_tui.app.text import display_text, set_ascii
from dive_tui.app.user_keys import UserKeys

TOAST_CELLS = 240
Severity = Literal["information", "warning", "error"]


@runtime_checkable
class GoesTo(Protocol):
    """A node that can go to an event or execution the person names."""

    def go_to(self, target: str) -> str | None:
        """Go there; a sentence when that is not possible."""


class AsciiScrollBarRender(ScrollBarRender):
    """A scrollbar of coloured spaces, without block characters."""

    VERTICAL_BARS = [" "] * 8
    HORIZONTAL_BARS = [" "] * 8


class Shell(App[int], inherit_bindings=False):
    """What every screen stands on. ``ascii_only`` is decided by the locale when not given."""

    ENABLE_COMMAND_PALETTE = False
    ALLOW_IN_MAXIMIZED_VIEW = "HeaderLine, FooterLine, Banner, Remedy"
    BINDINGS = bindings(Scope.GLOBAL)

    CSS = """
    Toast {
        background: $surface;
        color: $foreground;
        padding: 0 2;
        border-left: none;
    }
    Toast.-information { border-left: outer $border; }
    Toast.-warning { border-left: outer $warning; }
    Toast.-error { border-left: outer $error; }
    .-ascii Pane { border: ascii $border-blurred; }
    .-ascii Pane:focus-within { border: ascii $border; }
    .-ascii Toast { border-left: ascii $border; }
    """

    def __init__(self, *, ascii_only: bool | None = None, theme: str = themes.DARK.name) -> None:
        super().__init__()
        self.glyphs = glyphs.choose(ascii_only)
        set_ascii(self.glyphs.ascii)
        ScrollBar.renderer = AsciiScrollBarRender if self.glyphs.ascii else ScrollBarRender
        self.set_class(self.glyphs.ascii, "-ascii")
        for tokens in themes.THEMES:
            self.register_theme(themes.textual_theme(tokens))
        self.theme = theme
        self.user_keys = UserKeys()
        self._meant_for: WeakKeyDictionary[events.Key, Widget] = WeakKeyDictionary()
        """What had the focus when a key came."""

    def use_keys(self, keys: UserKeys) -> None:
        """Let actions have these keys from now on."""
        self.user_keys = keys
        self.set_keymap(keys.for_textual())

    @property
    def palette(self) -> themes.Palette:
        """The styles of the current theme."""
        return themes.palette_of(self)

    def say(self, text: str, severity: Severity = "information", *, seconds: float = 5) -> None:
        """Show a toast; ``text`` may hold anything. What still stands there is not said beside itself."""
        shown = display_text(text, max_cells=TOAST_CELLS)
        if any(shown == said.message and not said.has_expired for said in self._notifications):
            return
        self.notify(shown, severity=severity, timeout=seconds, markup=False)

    # Actions

    def target_of(self, action: Action) -> DOMNode | None:
        """The node that would carry out an action: the nearest with its method, from the focus up."""
        start: DOMNode = self.focused or self.screen
        for node in start.ancestors_with_self:
            if hasattr(node, f"action_{action.verb}"):
                return node
        return None

    def why_not(self, action: Action) -> str | None:
        """Why an action does not apply right now, or ``None`` when it does."""
        target = self.target_of(action)
        if target is None:
            return f"{action.name} does not apply here."
        ask: Callable[[], str | None] | None = getattr(target, f"why_not_{action.verb}", None)
        return ask() if ask else None

    async def run_action(
        self,
        action: str | actions.ActionParseResult,
        default_namespace: DOMNode | None = None,
        namespaces: Mapping[str, DOMNode] | None = None,
    ) -> bool:
        """Run an action, one of the registry on the node it is for; when it does not apply, say why."""
        namespace, verb, _ = actions.parse(action) if isinstance(action, str) else action
        registered = None if namespace else BY_VERB.get(verb)
        if registered is None:
            return await super().run_action(action, default_namespace, namespaces)
        if reason := self.why_not(registered):
            self.say(reason)
            return True
        return await super().run_action(action, self.target_of(registered), namespaces)

    async def on_event(self, event: events.Event) -> None:
        """Take a key pressed right after escape, which arrives as alt and that key, for the two keys it was.

        Keys go to what has the focus, and come back here to be looked up; behind one that moves the focus others may
        have come already, which were meant for what has the focus then.
        """
        if isinstance(event, events.Key) and event.is_forwarded:
            focused = self.focused
            if focused is not None and self._meant_for.get(event, focused) is not focused:
                self._send_key(event, focused)
                return
        elif isinstance(event, events.Key):
            if self.focused is not None:
                self._meant_for[event] = self.focused
            key = key_after_escape(event)
            if key is not None and await self._escape_before(event, key):
                event.stop()
                self.post_message(key)
                return
        await super().on_event(event)

    def _send_key(self, key: events.Key, widget: Widget) -> None:
        again = events.Key(key.key, key.character)  # one that has come back here goes nowhere any more
        self._meant_for[again] = widget
        widget._forward_event(again)

    async def _escape_before(self, event: events.Key, key: events.Key) -> bool:
        """Run what escape does, unless the event is itself bound, or was never escape and a key."""
        bound = self.screen.active_bindings
        if event.key in bound or not (event.key.startswith("alt+") or key.key in bound):
            return False
        if "escape" in bound:
            await self.run_action(bound["escape"].binding.action, bound["escape"].node)
        return True

    def action_next_pane(self) -> None:
        """Give the focus to the next pane."""
        self.screen.focus_next()

    def action_previous_pane(self) -> None:
        """Give the focus to the previous pane."""
        self.screen.focus_previous()

    def action_pane(self, number: str) -> None:
        """Give the focus to the pane with that number, counted as they stand."""
        from dive_tui.widgets.pane import Pane

        panes = [pane for pane in self.screen.query(Pane) if pane.display]
        if int(number) <= len(panes):
            panes[int(number) - 1].focus_content()

    def action_maximise(self) -> None:
        """Give the focused pane the whole screen, or back."""
        if self.screen.maximized is not None:
            self.screen.minimize()
        elif self.focused is not None:
            self.screen.maximize(self.focused)

    def action_go_back(self) -> None:
        """Go back to the screen before, or leave on the first one."""
        if len(self.screen_stack) > 1:
            self.pop_screen()
        else:
            self.exit(0)

    def action_escape(self) -> None:
        """Undo the nearest thing: a maximised pane, else this screen; never leaves the app."""
        if self.screen.maximized is not None:
            self.screen.minimize()
        elif len(self.screen_stack) > 1:
            self.action_go_back()

    async def action_quit(self) -> None:
        """Leave at once."""
        self.exit(0)

    def action_interrupt(self) -> None:
        """Copy what is selected with the mouse, or say how to leave."""
        selected = getattr(self.focused, "selected_text", "") or self.screen.get_selected_text()
        if selected:
            self.copy_to_clipboard(selected)
            self.say("Copied the selected text.")
        else:
            self.say("q goes back and leaves from the first screen. Q leaves at once.")

    def action_help(self) -> None:
        """Show the keys that act here."""
        from dive_tui.widgets.dialogs.help import HelpScreen

        self.push_screen(HelpScreen(active(self.screen)))

    def why_not_jump(self) -> str | None:
        """There must be somewhere to go."""
        from dive_tui.widgets.jump_labels import targets_on

        return None if targets_on(self.screen) else "There is nowhere to jump to here."

    def action_jump(self) -> None:
        """Put letters on what is in sight, and go where the one that is pressed stands."""
        from dive_tui.widgets.jump_labels import JumpScreen, targets_on

        self.push_screen(JumpScreen(targets_on(self.screen)), lambda go: go() if go is not None else None)

    # Prompt

    def action_prompt(self) -> None:
        """Ask where to go or what to do."""
        from dive_tui.widgets.dialogs.prompt import Command, Prompt

        offered = [action for action in active(self.screen) if action.palette and self.target_of(action)]
        commands = [
            Command(
                action.name,
                action.help,
                partial(self.call_later, self.run_action, action.verb),
                key_label(action.keys[0], self.glyphs),
                self.why_not(action),
            )
            for action in offered
        ]
        commands += [
            Command(f"Theme {name}", "colours of the whole app", partial(self.choose_theme, name))
            for name in sorted(self.available_themes, key=lambda name: (not name.startswith("dive-"), name))
        ]

        def run(chosen: Callable[[], object] | None) -> None:
            if chosen is not None:
                chosen()

        self.push_screen(Prompt(commands, self.go_to), run)

    def choose_theme(self, name: str) -> None:
        """Wear this theme."""
        self.theme = name

    def go_to(self, target: str) -> None:
        """Go to an event or execution, by the nearest node that can; say so when none can or it is not there."""
        start: DOMNode = self.focused or self.screen
        for node in start.ancestors_with_self:
            if node is not self and isinstance(node, GoesTo):
                if reason := node.go_to(target):
                    self.say(reason, "warning")
                return
        self.say(f"There is no {target} to go to from here.", "warning")
