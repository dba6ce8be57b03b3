"""Draw every picture as SVG and PNG. Two runs give the same bytes; PNG needs the font DejaVu Sans Mono.

`python -m screenshots.make NAME…` draws only these; `--into FOLDER` puts SVGs, and no PNGs, somewhere else.
"""

from __future__ import annotations

import asyncio
import os
import re
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import resvg_py
from rich.color import Color, ColorSystem

FOLDER = Path(__file__).parent
FONT = "DejaVu Sans Mono"


Keys = tuple[str | list[str], ...]
"""One after the other; those of a list without waiting in between, which is how text is typed."""


class Picture(NamedTuple):
    """One picture: which execution is open (none: the list), the keys pressed, and how the terminal is."""

    name: str
    size: tuple[int, int]
    execution: str = ""
    keys: Keys = ()
    theme: str = "dive-dark"
    ascii: bool = False
    no_color: bool = False
    colors_256: bool = False
    store: str = ".dive"
    """Its place in the scene's folder."""


def typed(text: str) -> Keys:
    """Text and `enter`."""
    return ([*text, "enter"],)


REPLAY = (
    "space",
    "B",
    *typed("changes:exchange.rate"),
    *typed("when: state.total > 1000"),
    ["escape", "q", "W"],
    *typed("exchange.rate"),
    "W",
    *typed("total"),
    "C",
)
"""Replaying, with breakpoints and watches, at the last event at which one of them stops."""

PICTURES = (
    Picture("executions-120x36", (120, 36)),
    Picture("executions-80x24", (80, 24)),
    Picture("executions-250x70", (250, 70)),
    Picture("execution-120x36", (120, 36), "failed"),
    Picture("execution-80x24", (80, 24), "failed"),
    Picture("execution-100x14", (100, 14), "failed"),
    Picture("execution-250x70", (250, 70), "failed"),
    Picture("execution-60x20", (60, 20), "failed"),
    Picture("execution-running", (120, 36), "running"),
    Picture("execution-interrupted", (120, 36), "interrupted"),
    Picture("execution-waiting", (120, 36), "waiting"),
    Picture("execution-state", (120, 36), "failed", ("v",)),
    Picture("execution-changes", (120, 36), "failed", ("v", "v")),
    Picture("execution-light", (120, 36), "failed", theme="dive-light"),
    Picture("execution-high-contrast", (120, 36), "failed", theme="dive-high-contrast"),
    Picture("execution-256-colors", (120, 36), "failed", colors_256=True),
    Picture("execution-no-color", (120, 36), "failed", no_color=True),
    Picture("execution-ascii", (120, 36), "failed", ascii=True),
    Picture("help", (120, 36), "failed", ("question_mark",)),
    Picture("replay-120x36", (120, 36), "overcharged", REPLAY),
    Picture("replay-80x24", (80, 24), "overcharged", REPLAY),
    Picture("replay-250x70", (250, 70), "overcharged", REPLAY),
    Picture("replay-colour-blind", (120, 36), "overcharged", REPLAY, theme="dive-colour-blind"),
    Picture("replay-no-color", (120, 36), "overcharged", REPLAY, no_color=True),
    Picture("replay-256-colors", (120, 36), "overcharged", REPLAY, colors_256=True),
    Picture("replay-breakpoints", (120, 36), "overcharged", (*REPLAY, "B")),
    Picture("replay-who-set", (120, 36), "overcharged", (*REPLAY, "G", "up", "w")),
    Picture("search", (120, 36), "overcharged", ("slash", *typed("amount"), "N", "N")),
    Picture("search-state", (120, 36), "overcharged", ("space", "4", "slash", *typed("amount"), "n")),
    Picture("jump", (120, 36), "overcharged", ("J",)),
    Picture("copy", (120, 36), "overcharged", ("y",)),
    Picture("export", (120, 36), "overcharged", ("e", "down", "down")),
    Picture("columns", (120, 36), keys=("c",)),
    Picture("compare", (120, 36), "overcharged", ("d", "G")),
    Picture("diff-executions", (120, 36), "overcharged", ("d", "G", "enter")),
    Picture("diff-executions-80x24", (80, 24), "overcharged", ("d", "G", "enter")),
    Picture("diff-executions-250x70", (250, 70), "overcharged", ("d", "G", "enter")),
    Picture("diff-states", (120, 36), "overcharged", ("d", "tab", *typed("4"))),
    Picture("diff-states-80x24", (80, 24), "overcharged", ("d", "tab", *typed("4"))),
    Picture("diff-snapshot", (120, 36), "drifted", ("d", "tab", *typed("snapshot"))),
    Picture("stores", (120, 36), keys=("O",)),
    Picture("stores-80x24", (80, 24), keys=("O",)),
    Picture("delete", (120, 36), "failed", ("D",)),
    Picture("damaged", (120, 36), "failed", store="billing/.dive"),
    Picture("damaged-80x24", (80, 24), "failed", store="billing/.dive"),
    Picture("damaged-executions", (120, 36), store="billing/.dive"),
    Picture("verify", (120, 36), keys=("V",), store="billing/.dive"),
    Picture("repair", (120, 36), keys=("V", "r", "down", "enter"), store="billing/.dive"),
)


async def draw(picture: Picture, scene_ids: dict[str, str], store: str) -> str:
    """The picture as SVG. `scene_ids` are the execution ids by their name in pictures."""
    from dive_tui.app.main import DiveApp
    from screenshots.scene import NOW
    from stores.location import Location

    if picture.no_color:
        os.environ["NO_COLOR"] = "1"
    app = DiveApp(
        Location(store, ""),
        execution=scene_ids.get(picture.execution),
        ascii_only=picture.ascii,
        theme=picture.theme,
        now=lambda: NOW,
    )
    async with app.run_test(size=picture.size) as pilot:
        await settled(app, pilot)
        for keys in picture.keys:
            await pilot.press(*([keys] if isinstance(keys, str) else keys))
            await settled(app, pilot, 2)
        await settled(app, pilot)
        svg = app.export_screenshot(title="dive-tui")
    os.environ.pop("NO_COLOR", None)
    return cleaned(svg, in_256=picture.colors_256)


async def settled(app: object, pilot: object, pauses: int = 10) -> None:
    """Wait until two pictures in a row, with so many pauses in between, are the same."""
    before = ""
    while True:
        for _ in range(pauses):
            await pilot.pause(0.05)  # type: ignore[attr-defined]
        now = app.export_screenshot(title="dive-tui")  # type: ignore[attr-defined]
        if same(now) == same(before):
            return
        before = now


def same(svg: str) -> str:
    """Without the number that differs from picture to picture."""
    return re.sub(r"terminal-\d+", "terminal", svg)


def cleaned(svg: str, *, in_256: bool) -> str:
    """No remote fonts, no random numbers; with `in_256` the colours a terminal of 256 colours would show."""
    svg = re.sub(r"@font-face\s*\{.*?\}", "", same(svg), flags=re.DOTALL)
    svg = svg.replace("Fira Code", FONT)
    if in_256:
        svg = re.sub(r"#[0-9a-fA-F]{6}\b", lambda match: nearest_256(match[0]), svg)
    return "\n".join(line.rstrip() for line in svg.splitlines()) + "\n"


def nearest_256(value: str) -> str:
    """The colour a terminal with 256 colours has for this one."""
    return Color.parse(value).downgrade(ColorSystem.EIGHT_BIT).get_truecolor().hex


def rasterize(svg: str) -> bytes:
    """The same as PNG.

    Raises:
        RuntimeError: no text was drawn, because the font is missing.
    """
    drawn = bytes(resvg_py.svg_to_bytes(svg_string=svg, font_family=FONT, monospace_family=FONT))
    if len(drawn) < 12_000:
        raise RuntimeError(f"a picture came out without text: the font {FONT} is needed")
    return drawn


async def make(names: Sequence[str], folder: Path = FOLDER) -> None:
    """Draw these pictures, or all."""
    from screenshots.scene import Scene

    home = Path.cwd()
    with tempfile.TemporaryDirectory() as temporary:
        project = Path(temporary) / "sales"
        project.mkdir()
        os.chdir(project)
        scene = Scene(project)
        await scene.build()
        try:
            for picture in PICTURES:
                if names and picture.name not in names:
                    continue
                await scene.build_others()
                svg = await draw(picture, scene.ids, str(project / picture.store))
                (folder / f"{picture.name}.svg").write_text(svg, encoding="utf-8")
                if folder == FOLDER:
                    (folder / f"{picture.name}.png").write_bytes(rasterize(svg))
                sys.stderr.write(f"{picture.name}\n")
        finally:
            await scene.store.close()
            os.chdir(home)


if __name__ == "__main__":
    os.environ["TEXTUAL_ANIMATIONS"] = "none"
    os.environ["TZ"] = "UTC"
    chosen = sys.argv[1:]
    elsewhere = Path(chosen[1]) if chosen[:1] == ["--into"] else None
    asyncio.run(make(chosen[2:], elsewhere) if elsewhere else make(chosen))
