"""The pictures in the repository are what the app draws now; when one is not, `make screenshots` draws it anew."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from screenshots.make import PICTURES

ROOT = Path(__file__).parent.parent
NAMES = (
    "executions-80x24",
    "execution-80x24",
    "execution-120x36",
    "help",
    "replay-80x24",
    "replay-120x36",
    "replay-250x70",
    "replay-who-set",
    "search",
    "compare",
    "diff-executions",
    "diff-executions-80x24",
    "diff-executions-250x70",
    "diff-states",
    "diff-states-80x24",
    "diff-snapshot",
)
AT_ONCE = 3
"""Processes that draw: they wait most of the time."""
_TEXT = re.compile(r">([^<]*)</text>")
_BARS = str.maketrans("", "", "▁▂▃▄▅▆▇█▏▎▍▌▋▊▉")


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the pictures as fresh processes draw them: they have imported nothing and chosen nothing before."""
    folder = tmp_path_factory.mktemp("pictures")
    command = [sys.executable, "-m", "screenshots.make", "--into", str(folder)]
    drawing = [subprocess.Popen([*command, *NAMES[place::AT_ONCE]], cwd=ROOT) for place in range(AT_ONCE)]
    assert [process.wait() for process in drawing] == [0] * AT_ONCE
    return folder


@pytest.mark.parametrize("name", NAMES)
def test_the_picture_is_up_to_date(name: str, drawn: Path) -> None:
    assert words(drawn / f"{name}.svg") == words(ROOT / "screenshots" / f"{name}.svg")


def words(picture: Path) -> list[str]:
    """All text of a picture, without bars: where a scrollbar's edge stands depends on how fast the machine is."""
    texts = (text.translate(_BARS).replace("&#160;", "") for text in _TEXT.findall(picture.read_text()))
    return [text for text in texts if text]


def texts(name: str) -> str:
    """All text of a picture in the repository."""
    shown = " ".join(_TEXT.findall((ROOT / "screenshots" / f"{name}.svg").read_text()))
    return " ".join(shown.replace("&#160;", " ").split())


@pytest.mark.parametrize("size", ["80x24", "120x36", "250x70"])
def test_replay_shows_where_it_is_at_every_size(size: str) -> None:
    shown = texts(f"replay-{size}")
    for part in ("REPLAY", "stopped at breakpoint 2", "exchange.rate", "78840.0", "last set #4"):
        assert part in shown


@pytest.mark.parametrize("name", ["diff-executions", "diff-executions-80x24", "diff-executions-250x70"])
def test_the_first_divergence_stands_on_top_at_every_size(name: str) -> None:
    shown = texts(name)
    assert "First divergence: Look Up Rate" in shown
    assert shown.index("output.rate") < shown.index("Charge Card")


@pytest.mark.parametrize("name", ["diff-states", "diff-states-80x24"])
def test_differences_are_shown_from_their_top_when_the_first_change_is_in_sight(name: str) -> None:
    shown = texts(name)
    assert shown.index("4 unchanged") < shown.index("▾ paths") < shown.index("▾ main")


def test_every_picture_is_there_and_none_that_is_not_drawn_any_more() -> None:
    drawn = {picture.name for picture in PICTURES}
    assert len(drawn) == len(PICTURES)
    for ending in ("svg", "png"):
        assert {file.stem for file in (ROOT / "screenshots").glob(f"*.{ending}")} == drawn


def test_pictures_hold_text_and_nothing_of_the_machine() -> None:
    pictures = sorted((ROOT / "screenshots").glob("*.svg"))
    for picture in pictures:
        text = picture.read_text()
        assert text.count("<text") > 20
        assert str(ROOT) not in text
        assert "@font-face" not in text
        assert picture.with_suffix(".png").stat().st_size > 12_000
