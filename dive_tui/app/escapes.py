"""Keys that terminals run together with escape.

A key pressed within the terminal's waiting time after escape (half a second in tmux) arrives as alt and that key, or
as the character a Mac keyboard gives for option and a digit. Where nothing is bound to that, it was two keys.
"""

from __future__ import annotations

from textual.events import Key

from dive_tui.app.keymap import textual_key

_OPTION_DIGITS = {"¡": "1", "™": "2", "£": "3", "¢": "4", "∞": "5", "§": "6"}


def key_after_escape(event: Key) -> Key | None:
    """The key that was pressed after escape, if this event may be the two run together."""
    if event.key.startswith("alt+"):
        return _without_alt(event)
    digit = _OPTION_DIGITS.get(event.character or "")
    return Key(digit, digit) if digit else None


def _without_alt(event: Key) -> Key:
    """The event without alt. Its character tells capitals and punctuation apart, where the terminal sent one."""
    character = event.character
    if character and len(character) == 1 and character.isprintable():
        return Key(textual_key(character), character)
    rest = event.key.removeprefix("alt+")
    if rest.startswith("shift+") and len(rest) == len("shift+x"):
        rest = rest[-1].upper()
    return Key(rest, rest if len(rest) == 1 else None)
