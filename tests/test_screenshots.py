"""The pictures in the repository are what the app draws now; when one is not, `make screenshots` draws it anew."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
NAMES = ("executions-80x24", "execution-80x24", "execution-100x14", "execution-120x36", "execution-ascii", "help")


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the pictures as a fresh process draws them: it has imported nothing and chosen nothing before."""
    folder = tmp_path_factory.mktemp("pictures")
    command = [sys.executable, "-m", "screenshots.make", "--into", str(folder), *NAMES]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    return folder


@pytest.mark.parametrize("name", NAMES)
def test_the_picture_is_up_to_date(name: str, drawn: Path) -> None:
    assert (drawn / f"{name}.svg").read_text() == (ROOT / "screenshots" / f"{name}.svg").read_text()


def test_pictures_hold_text_and_nothing_of_the_machine() -> None:
    pictures = sorted((ROOT / "screenshots").glob("*.svg"))
    assert len(pictures) >= 18
    for picture in pictures:
        text = picture.read_text()
        assert text.count("<text") > 20
        assert str(ROOT) not in text
        assert "@font-face" not in text
        assert picture.with_suffix(".png").stat().st_size > 12_000
