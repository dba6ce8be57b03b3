"""Every colour of the app: one table of tokens per theme, the Textual themes made from them, and the palette.

Widgets never name a colour. Style sheets use Textual's theme variables (``$background``, ``$panel``, ``$border`` …),
which our themes set; line widgets take Rich styles by token from a :class:`Palette`: ``palette["failed"]``,
``palette["bold text"]``, ``palette["pill failed"]``. Textual's own themes work too: their tokens are derived.

Greys stay below a saturation of 0.15, where terminals with 256 colours still show them as greys.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from rich.color import Color as RichColor
from rich.style import Style
from textual.color import Color
from textual.theme import Theme

if TYPE_CHECKING:
    from textual.app import App


@dataclass(frozen=True, slots=True)
class Tokens:
    """The colours of one theme by what they mean, as ``#rrggbb`` (or an ANSI name in Textual's ANSI themes)."""

    name: str
    dark: bool
    background: str
    bar: str
    """Header and footer."""
    raised: str
    """Dialogs, toasts, and the cursor row of a pane without the focus."""
    row: str
    """The cursor row of the pane with the focus."""
    border: str
    text: str
    bright: str
    dim: str
    accent: str
    ok: str
    failed: str
    running: str
    waiting: str
    replay: str
    added: str
    removed: str
    changed: str
    paths: tuple[str, ...]
    """Quiet hues, one per path, taken in turn."""


DARK = Tokens(
    name="dive-dark",
    dark=True,
    background="#131418",
    bar="#1b1c21",
    raised="#26282e",
    row="#30333b",
    border="#3c3f48",
    text="#d0d4dc",
    bright="#f1f2f3",
    dim="#8a91a0",
    accent="#7aa8ff",
    ok="#7fc97f",
    failed="#ff7a85",
    running="#7aa8ff",
    waiting="#e5b567",
    replay="#e08fd0",
    added="#7fc97f",
    removed="#ff7a85",
    changed="#e5b567",
    paths=("#c49bff", "#7cc8c0", "#d9a1c4", "#a9b8e8", "#cdb48a"),
)

LIGHT = Tokens(
    name="dive-light",
    dark=False,
    background="#fafafa",
    bar="#ededee",
    raised="#f2f2f3",
    row="#dcdee2",
    border="#b9bcc2",
    text="#2b2e34",
    bright="#0e0f11",
    dim="#5b606a",
    accent="#1f5fd0",
    ok="#23752c",
    failed="#c2263a",
    running="#1f5fd0",
    waiting="#8a5a00",
    replay="#9a2d86",
    added="#23752c",
    removed="#c2263a",
    changed="#8a5a00",
    paths=("#7440c4", "#12706a", "#9a3b76", "#4558a8", "#77591a"),
)

HIGH_CONTRAST = Tokens(
    name="dive-high-contrast",
    dark=True,
    background="#000000",
    bar="#101010",
    raised="#1a1a1a",
    row="#3a3a3a",
    border="#8c8c8c",
    text="#ffffff",
    bright="#ffffff",
    dim="#d0d0d0",
    accent="#6fd6ff",
    ok="#6cff6c",
    failed="#ff9a9a",
    running="#6fd6ff",
    waiting="#ffd75f",
    replay="#ff9af0",
    added="#6cff6c",
    removed="#ff9a9a",
    changed="#ffd75f",
    paths=("#d7b8ff", "#7df0e0", "#ffb3de", "#bcd0ff", "#f0d8a0"),
)

COLOUR_BLIND = replace(
    DARK,
    name="dive-colour-blind",
    accent="#8787ff",
    ok="#5fd7ff",
    failed="#d75f00",
    running="#8787ff",
    waiting="#ffffaf",
    replay="#ffaf00",
    added="#5fd7ff",
    removed="#d75f00",
    changed="#ffffaf",
    paths=("#b7a3d9", "#9fc3c9", "#d0b8a0", "#a9b4d8", "#c9c08a"),
)
"""No meaning hangs on red against green: blues for what is well, orange for what failed, and each of another lightness.

Measured, not guessed: with any of the three kinds of colour blindness, and in 256 colours, all of them stay apart.
"""

THEMES = (DARK, LIGHT, HIGH_CONTRAST, COLOUR_BLIND)

STATUS_TOKENS = {
    "completed": "ok",
    "failed": "failed",
    "running": "running",
    "retrying": "running",
    "waiting": "waiting",
    "paused": "waiting",
    "interrupted": "waiting",
    "continued": "accent",
    "damaged": "failed",
}
"""Status to token; the others (pending, skipped, cancelled) are dim."""


def textual_theme(tokens: Tokens) -> Theme:
    """The Textual theme with these colours, to be registered with the app."""
    return Theme(
        name=tokens.name,
        dark=tokens.dark,
        primary=tokens.accent,
        secondary=tokens.paths[0],
        accent=tokens.accent,
        success=tokens.ok,
        warning=tokens.waiting,
        error=tokens.failed,
        foreground=tokens.text,
        background=tokens.background,
        surface=tokens.raised,
        panel=tokens.bar,
        variables={
            "border": tokens.accent,
            "border-blurred": tokens.border,
            "text": tokens.text,
            "text-muted": tokens.dim,
            "text-disabled": tokens.dim,
            "text-error": tokens.failed,
            "text-warning": tokens.waiting,
            "text-success": tokens.ok,
            "text-accent": tokens.accent,
            "scrollbar": tokens.border,
            "scrollbar-hover": tokens.dim,
            "scrollbar-active": tokens.accent,
            "scrollbar-background": tokens.background,
            "scrollbar-background-hover": tokens.background,
            "scrollbar-background-active": tokens.background,
            "scrollbar-corner-color": tokens.background,
            "input-cursor-background": tokens.text,
            "input-cursor-foreground": tokens.background,
            "input-selection-background": tokens.row,
            "block-cursor-background": tokens.row,
            "block-cursor-foreground": tokens.bright,
        },
    )


class Palette:
    """Rich styles by token, made once per theme and kept.

    A name is a token (``failed``, ``dim``, ``path2``), with any of these words before it: ``bold``, ``italic``,
    ``half`` (half way to the background), ``pill`` (dark bold text on the colour); and ``on TOKEN`` after it.
    """

    def __init__(self, tokens: Tokens, *, no_color: bool = False) -> None:
        self.tokens = tokens
        self.no_color = no_color
        self._styles: dict[str, Style] = {}

    def __getitem__(self, name: str) -> Style:
        """The style of that name; ``KeyError`` when it names no token."""
        style = self._styles.get(name)
        if style is None:
            style = self._styles[name] = self._make(name)
        return style

    def status(self, name: str) -> Style:
        """The style of an execution, path, unit or attempt status."""
        return self[STATUS_TOKENS.get(name, "dim")]

    def path(self, number: int) -> Style:
        """The quiet hue of the path that is ``number``-th in its execution, from 0."""
        return self[f"path{number % len(self.tokens.paths)}"]

    def row(self, focused: bool) -> Style:
        """What the cursor row lays under its text; :meth:`row_over` comes on top where there are no colours."""
        ground = "on row" if focused else "on raised"
        return self[f"bold {ground}" if self.no_color else ground]

    def row_over(self, focused: bool) -> Style | None:
        """What the cursor row forces on its text: reversed and bold without colours, else nothing."""
        if not self.no_color:
            return None
        return self["text on background"] + Style(bold=focused, reverse=True)

    def _make(self, name: str) -> Style:
        front, _, ground = f" {name}".partition(" on ")
        words = front.split()
        bold, italic = "bold" in words, "italic" in words
        pill, half = "pill" in words, "half" in words
        hues = [word for word in words if word not in ("bold", "italic", "pill", "half")]
        color = self._color(hues[0], half=half) if hues else None
        if pill:
            return Style(color=self._color("background"), bgcolor=color, bold=True)
        return Style(
            color=color,
            bgcolor=self._color(ground) if ground else None,
            bold=bold or None,
            italic=italic or None,
        )

    def _color(self, hue: str, *, half: bool = False) -> RichColor:
        color, background = Color.parse(self._value(hue)), Color.parse(self.tokens.background)
        if half and background.ansi is None and color.ansi is None:
            color = background.blend(color, 0.5)
        return color.rich_color

    def _value(self, hue: str) -> str:
        if hue.startswith("path") and hue[4:].isdigit():
            return self.tokens.paths[int(hue[4:])]
        value = getattr(self.tokens, hue, None)
        if not isinstance(value, str) or hue == "name":
            raise KeyError(f"no colour token is called {hue!r}")
        return value


def derived(theme: Theme, variables: Mapping[str, str]) -> Tokens:
    """Tokens for a theme that is not ours, from its Textual variables."""
    if theme.ansi:
        return _ANSI_DARK if theme.dark else _ANSI_LIGHT
    background = Color.parse(variables["background"])
    text = Color.parse(variables["foreground"])

    def mixed(amount: float) -> str:
        return background.blend(text, amount).hex6

    return Tokens(
        name=theme.name,
        dark=theme.dark,
        background=background.hex6,
        bar=mixed(0.04),
        raised=mixed(0.09),
        row=mixed(0.15),
        border=mixed(0.22),
        text=text.hex6,
        bright=text.hex6,
        dim=mixed(0.62),
        accent=variables["primary"],
        ok=variables["success"],
        failed=variables["error"],
        running=variables["primary"],
        waiting=variables["warning"],
        replay=variables["accent"],
        added=variables["success"],
        removed=variables["error"],
        changed=variables["warning"],
        paths=(variables["secondary"], variables["accent"], variables["primary"]),
    )


def _ansi(name: str, *, dark: bool) -> Tokens:
    grey = "ansi_bright_black"
    return Tokens(
        name=name,
        dark=dark,
        background="ansi_black" if dark else "ansi_bright_white",
        bar=grey if dark else "ansi_white",
        raised=grey if dark else "ansi_white",
        row=grey if dark else "ansi_white",
        border=grey,
        text="ansi_default",
        bright="ansi_bright_white" if dark else "ansi_black",
        dim="ansi_white" if dark else grey,
        accent="ansi_blue",
        ok="ansi_green",
        failed="ansi_red",
        running="ansi_blue",
        waiting="ansi_yellow",
        replay="ansi_magenta",
        added="ansi_green",
        removed="ansi_red",
        changed="ansi_yellow",
        paths=("ansi_magenta", "ansi_cyan", "ansi_blue"),
    )


_ANSI_DARK = _ansi("ansi-dark", dark=True)
_ANSI_LIGHT = _ansi("ansi-light", dark=False)
_palettes: dict[tuple[str, bool], Palette] = {}


def palette_of(app: App[Any]) -> Palette:
    """The palette of the theme the app shows now; the same object until the theme changes."""
    key = (app.theme, app.no_color)
    palette = _palettes.get(key)
    if palette is None:
        ours = {tokens.name: tokens for tokens in THEMES}.get(app.theme)
        tokens = ours or derived(app.current_theme, app.get_css_variables())
        palette = _palettes[key] = Palette(tokens, no_color=app.no_color)
    return palette
