"""What else is found in the folder of a store: modes, links, leftovers, and what is not the store's."""

from __future__ import annotations

import os
import shutil
import stat
from pathlib import Path

from tests.stores.filed import OPEN, kinds, opened, repaired, stored, tree


async def test_modes_that_let_others_in_are_closed(base: Path) -> None:
    file = await stored(base, OPEN)
    store = opened(base)
    await store.acquire_owner("exec_two", "runner_1")
    paths = [base, base / "changes", base / ".gitignore", base / "owners", file, file.parent]
    for path in paths:
        path.chmod(0o777 if path.is_dir() else 0o644)
    (file.parent / "snapshot.json").symlink_to("/etc/passwd")
    found = await store.examine()
    assert {finding.kind for finding in found} == {"unsafe"}
    places = {(finding.execution_id, finding.place) for finding in found if finding.remedy}
    assert places == {
        ("", "."),
        ("", "changes"),
        ("", ".gitignore"),
        ("", "owners"),
        ("exec_one", "."),
        ("exec_one", "events.jsonl"),
    }
    await store.repair()
    for path in paths:
        assert stat.S_IMODE(path.stat().st_mode) == (0o700 if path.is_dir() else 0o600), path
    assert (file.parent / "snapshot.json").is_symlink()
    await store.close()


async def test_what_is_foreign_is_told_and_never_touched(base: Path, tmp_path: Path) -> None:
    file = await stored(base, OPEN)
    outside = tmp_path / "outside"
    outside.mkdir()
    (base / "notes.txt").write_text("mine")
    (base / "docs").mkdir(0o755)
    (base / "docs" / "page").write_text("mine")
    (base / "with space").mkdir()
    (base / "exec_link").symlink_to(outside)
    (base / ".deleted-link").symlink_to(outside)
    (file.parent / "README").write_text("mine")
    (file.parent / "sub").mkdir()
    (file.parent / "inbox.jsonl").symlink_to(outside)
    (file.parent / "index").mkdir()
    before = tree(base)
    found = await opened(base).examine()
    assert sorted(kinds(found)) == [
        ("foreign", "README"),
        ("foreign", "docs"),
        ("foreign", "index"),
        ("foreign", "notes.txt"),
        ("foreign", "sub"),
        ("foreign", "with space"),
        ("unsafe", ".deleted-link"),
        ("unsafe", "exec_link"),
        ("unsafe", "inbox.jsonl"),
    ]
    assert all(not finding.remedy for finding in found)
    assert await repaired(base) == []
    assert tree(base) == before


async def test_removals_and_files_that_were_never_finished_are_cleared_away(base: Path) -> None:
    file = await stored(base, OPEN)
    shutil.copytree(file.parent, base / ".deleted-exec_two-00ff00ff")
    dead = 2**22 + 7  # above the greatest process id there is
    for folder, name in ((base, "changes"), (file.parent, "snapshot.json"), (file.parent, "events.jsonl")):
        (folder / f".{name}.{dead}-0123abcd").touch(0o600)
    living = file.parent / f".index.{os.getpid()}-0123abcd"
    living.touch(0o600)
    mended = await repaired(base)
    assert {one.finding.kind for one in mended} == {"torn"}
    assert len(mended) == 4
    assert sorted(path.name for path in base.iterdir()) == [".gitignore", "changes", "exec_one"]
    assert sorted(path.name for path in file.parent.iterdir()) == [living.name, "events.jsonl"]
    os.utime(living, (0, 0))
    await repaired(base)
    assert not living.exists()
