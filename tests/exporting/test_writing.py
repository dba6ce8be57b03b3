"""Files of exports: private, whole or not there, and never over another one unless asked."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from dive_tui.exporting import find_format, render, write
from dive_tui.exporting.writing import write_file
from tests.exporting.samples import golden

MARKDOWN = find_format("markdown")


async def test_into_a_folder_and_to_a_file(tmp_path: Path) -> None:
    one = await golden("loop")
    old = os.umask(0)
    try:
        (made,) = write(MARKDOWN, one.history, one.summary, tmp_path)
        (named,) = write(MARKDOWN, one.history, one.summary, tmp_path / "x.txt")
    finally:
        os.umask(old)
    assert (made, named) == (tmp_path / "loop-00001.md", tmp_path / "x.txt")
    for file in (made, named):
        assert file.read_text() == render("markdown", one.history, one.summary)
        assert file.stat().st_mode & 0o777 == 0o600


async def test_nothing_is_written_over_unless_asked(tmp_path: Path) -> None:
    one = await golden("loop")
    file = tmp_path / "report.md"
    file.write_text("mine")
    with pytest.raises(FileExistsError) as error:
        write(MARKDOWN, one.history, one.summary, file)
    assert error.value.filename == str(file) and file.read_text() == "mine"
    write(MARKDOWN, one.history, one.summary, file, force=True)
    assert file.read_text().startswith("# ") and file.stat().st_mode & 0o777 == 0o600
    assert os.listdir(tmp_path) == ["report.md"]


def test_links_are_not_followed(tmp_path: Path) -> None:
    target, link = tmp_path / "target", tmp_path / "link"
    target.write_text("mine")
    link.symlink_to(target)
    with pytest.raises(FileExistsError):
        write_file(link, [b"x"])
    dangling = tmp_path / "dangling"
    dangling.symlink_to(tmp_path / "nowhere")
    with pytest.raises(FileExistsError):
        write_file(dangling, [b"x"])
    write_file(link, [b"x"], force=True)
    assert target.read_text() == "mine" and link.read_text() == "x" and not link.is_symlink()


@pytest.mark.parametrize("force", [False, True])
def test_nothing_is_left_of_what_could_not_be_written(tmp_path: Path, force: bool) -> None:
    file = tmp_path / "report.md"
    if force:
        file.write_text("mine")

    def full() -> Iterator[bytes]:
        yield b"a" * 100_000
        raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(OSError, match="No space left") as error:
        write_file(file, full(), force=force)
    assert error.value.filename == str(file)
    assert os.listdir(tmp_path) == (["report.md"] if force else [])
    assert not force or file.read_text() == "mine"

    def stopped() -> Iterator[bytes]:
        yield b"a"
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_file(tmp_path / "other", stopped())
    assert not (tmp_path / "other").exists()


def test_errors_name_the_file(tmp_path: Path) -> None:
    for file in (tmp_path / "no" / "x", tmp_path / ("x" * 300)):
        with pytest.raises(OSError, match=r".") as error:
            write_file(file, [b"x"])
        assert error.value.filename == str(file)
