"""Colours: readable, grey where grey is meant, and complete for every theme."""

from __future__ import annotations

import colorsys
import dataclasses

import pytest
from rich.color import Color as RichColor
from rich.color import ColorSystem
from textual.app import App

from dive_tui.app.glyphs import UNICODE
from dive_tui.app.themes import DARK, HIGH_CONTRAST, STATUS_TOKENS, THEMES, Palette, Tokens, palette_of, textual_theme

GREYS = ("background", "bar", "raised", "row", "border", "text", "bright", "dim")
GROUNDS = ("background", "bar", "raised", "row")
HUES = ("accent", "ok", "failed", "running", "waiting", "replay", "added", "removed", "changed")


def channels(colour: str) -> tuple[float, float, float]:
    red, green, blue = (int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5))
    return red, green, blue


def contrast(one: str, other: str) -> float:
    """The WCAG contrast ratio, 1 to 21."""

    def luminance(colour: str) -> float:
        linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels(colour)]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    dark, light = sorted([luminance(one), luminance(other)])
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("tokens", THEMES, ids=lambda tokens: tokens.name)
def test_greys_stay_grey_in_256_colours(tokens: Tokens) -> None:
    for name in GREYS:
        colour = getattr(tokens, name)
        assert colorsys.rgb_to_hls(*channels(colour))[2] < 0.15, name
        red, green, blue = RichColor.parse(colour).downgrade(ColorSystem.EIGHT_BIT).get_truecolor()
        assert max(red, green, blue) - min(red, green, blue) <= 8, name


@pytest.mark.parametrize("tokens", THEMES, ids=lambda tokens: tokens.name)
def test_text_is_readable_on_every_ground(tokens: Tokens) -> None:
    high = tokens is HIGH_CONTRAST
    for ground in (getattr(tokens, name) for name in GROUNDS):
        for name in ("text", "bright"):
            assert contrast(getattr(tokens, name), ground) >= (7 if high else 4.5), name
        assert contrast(tokens.dim, ground) >= (7 if high else 3)
        for name in HUES:
            assert contrast(getattr(tokens, name), ground) >= (4.5 if high else 3), name
        for hue in tokens.paths:
            assert contrast(hue, ground) >= (4.5 if high else 3)
    assert contrast(tokens.dim, tokens.background) >= (7 if high else 4.5)
    for name in HUES:
        assert contrast(getattr(tokens, name), tokens.background) >= (7 if high else 4.5), name


@pytest.mark.parametrize("tokens", THEMES, ids=lambda tokens: tokens.name)
def test_the_four_outcomes_differ(tokens: Tokens) -> None:
    assert len({tokens.ok, tokens.failed, tokens.running, tokens.waiting, tokens.replay}) == 5
    assert len(set(tokens.paths)) == len(tokens.paths) >= 4
    assert tokens.failed not in tokens.paths
    assert contrast(tokens.row, tokens.background) > contrast(tokens.raised, tokens.background)


def test_palette_names() -> None:
    palette = Palette(DARK)
    assert str(palette["failed"]) == "#ff7a85"
    assert str(palette["bold text"]) == "bold #d0d4dc"
    assert str(palette["pill failed"]) == "bold #131418 on #ff7a85"
    assert str(palette["on row"]) == "on #30333b"
    assert str(palette["italic dim on raised"]) == "italic #8a91a0 on #26282e"
    assert str(palette["half failed"]) not in (str(palette["failed"]), str(palette["background"]))
    assert palette["failed"] is palette["failed"]
    assert palette.path(0) == palette.path(len(DARK.paths)) != palette.path(1)
    assert palette.status("completed") == palette["ok"]
    assert palette.status("unheard of") == palette["dim"]
    for wrong in ("faild", "name", "path9x"):
        with pytest.raises(KeyError, match=wrong):
            palette[wrong]


def test_every_status_with_a_colour_has_a_glyph() -> None:
    assert all(UNICODE.status(status) != UNICODE.event for status in STATUS_TOKENS)


def test_without_colour_the_cursor_row_is_reversed() -> None:
    plain, without = Palette(DARK), Palette(DARK, no_color=True)
    assert plain.row_over(True) is None
    assert plain.row(True) != plain.row(False)
    over = without.row_over(True)
    assert over is not None
    assert over.reverse
    assert over.bold
    blurred = without.row_over(False)
    assert blurred is not None
    assert blurred.reverse
    assert not blurred.bold


async def test_every_theme_of_textual_has_a_palette_and_can_be_drawn() -> None:
    app: App[None] = App()
    for tokens in THEMES:
        app.register_theme(textual_theme(tokens))
    names = [field.name for field in dataclasses.fields(Tokens) if field.name not in ("name", "dark", "paths")]
    async with app.run_test() as pilot:
        for theme in app.available_themes:
            app.theme = theme
            await pilot.pause()
            palette = palette_of(app)
            assert palette is palette_of(app)
            for name in names:
                assert palette[name].color is not None
                assert palette[f"pill {name}"].bgcolor is not None
                assert palette[f"half {name}"].color is not None
            assert palette.path(5).color is not None
    assert palette_of(app).tokens.name == app.theme
