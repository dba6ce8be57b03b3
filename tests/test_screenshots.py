"""The pictures in the repository are what the app draws now; when one is not, `make screenshots` draws it anew."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
NAMES = ("executions-80x24", "execution-80x24", "execution-120x36", "help")
_TEXT = re.compile(r">([^<]*)</text>")
_BARS = str.maketrans("", "", "▁▂▃▄▅▆▇█▏▎▍▌▋▊▉")


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the pictures as a fresh process draws them: it has imported nothing and chosen nothing before."""
    folder = tmp_path_factory.mktemp("pictures")
    command = [sys.executable, "-m", "screenshots.make", "--into", str(folder), *NAMES]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    return folder


@pytest.mark.parametrize("name", NAMES)
def test_the_picture_is_up_to_date(name: str, drawn: Path) -> None:
    assert words(drawn / f"{name}.svg") == words(ROOT / "screenshots" / f"{name}.svg")


def words(picture: Path) -> list[str]:
    """All text of a picture, without bars: where a scrollbar's edge stands depends on how fast the machine is."""
    texts = (text.translate(_BARS).replace("&#160;", "") for text in _TEXT.findall(picture.read_text()))
    return [text for text in texts if text]


def test_pictures_hold_text_and_nothing_of_the_machine() -> None:
    pictures = sorted((ROOT / "screenshots").glob("*.svg"))
    assert len(pictures) >= 18
    for picture in pictures:
        text = picture.read_text()
        assert text.count("<text") > 20
        assert str(ROOT) not in text
        assert "@font-face" not in text
        assert picture.with_suffix(".png").stat().st_size > 12_000
