"""What the documents say is so: commands run as they stand, tables match the code, links lead somewhere."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from dive_tui.app.keymap import markdown_table
from engine.model.events import ExecutionEventType
from tests.app.ptyharness import TerminalApp

ROOT = Path(__file__).parent.parent
DOCUMENTS = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md")])


def readme_commands() -> list[tuple[str, int]]:
    """Every command of the README's `sh` blocks with the exit code it should have."""
    commands = []
    for block in re.findall(r"```sh\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL):
        for line in block.splitlines():
            command, _, remark = line.partition("#")
            code = re.search(r"exits with (\d)", remark)
            commands.append((command.strip(), int(code[1]) if code else 0))
    return commands


def test_the_readme_commands_run_as_they_stand(tmp_path: Path) -> None:
    """From nothing to the first failure understood takes at most four of them."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "MFLAGS", "COV"))}
    environment |= {
        "DIVE_STORE": str(tmp_path / "store"),
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
    }
    folder = ROOT
    commands = readme_commands()
    opening = next(place for place, (command, _) in enumerate(commands) if command.startswith("dive-tui open"))
    assert opening - 1 <= 4  # `make demo` is another story
    for command, expected in commands:
        if command.startswith("cd "):
            folder = folder / command.removeprefix("cd ")
        elif command.startswith("dive-tui open"):
            argv = [sys.executable, "-m", *shlex.split(command.replace("dive-tui", "dive_tui"))]
            with TerminalApp(argv, columns=120, rows=36, env=environment, cwd=folder) as app:
                app.wait_until(lambda screen: "FAILED" in screen.text and "CardDeclined" in screen.text)
                app.press("q")
                app.press("q")
                assert app.wait_for_exit() == 0
        elif not command.startswith(". "):
            ran = subprocess.run(command, shell=True, cwd=folder, env=environment, capture_output=True, text=True)
            assert ran.returncode == expected, f"{command}\n{ran.stdout}\n{ran.stderr}"


def test_the_table_of_keys_is_the_registry() -> None:
    assert markdown_table() in (ROOT / "docs" / "keys.md").read_text(), "make docs-tables writes it anew"


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_links_lead_somewhere(document: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)[^)]*\)", document.read_text()):
        assert (document.parent / target).exists(), target


def test_the_examples_run(tmp_path: Path) -> None:
    ran = subprocess.run(
        [sys.executable, str(ROOT / "examples" / "in_python.py")], cwd=tmp_path, capture_output=True, text=True
    )
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.startswith("completed {'greetings': ['Hello, Ada!', 'Hello, Grace!']}")


def test_every_recorded_kind_of_event_is_documented() -> None:
    text = (ROOT / "docs" / "history.md").read_text()
    recorded = {kind for kind in ExecutionEventType if f"ExecutionEventType.{kind.name}" in _source("core", "runtime")}
    assert [kind for kind in sorted(recorded) if f"`{kind}`" not in text] == []


def _source(*folders: str) -> str:
    files = (file for folder in folders for file in sorted((ROOT / "engine" / folder).glob("*.py")))
    return "".join(file.read_text() for file in files)


def test_no_lock_names_a_host() -> None:
    for lock in (ROOT / "requirements").glob("*.lock"):
        text = lock.read_text()
        assert "--hash=sha256:" in text
        assert not re.search(r"https?://|index-u|find-l|file:", text)
