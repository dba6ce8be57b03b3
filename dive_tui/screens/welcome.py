"""What an empty or missing store says: how to get the first execution, with the workflows that lie around."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

_STEPS = re.compile(rb"^(steps|workflows):", re.MULTILINE)
_MOST_FILES = 3
_LOOKED_AT = 400
_HEAD_BYTES = 65_536
_SKIPPED = frozenset({"node_modules", "venv", "__pycache__", "site-packages"})


def welcome(place: str, folder: Path, *, missing: bool) -> tuple[str, str]:
    """The message, and the hint with commands to copy."""
    message = f"There is no store at {place} yet." if missing else f"{place} holds no executions yet."
    found = list(islice(workflow_files(folder), _MOST_FILES))
    commands = [f"dive-tui run {path}" for path in found] or ["dive-tui run WORKFLOW.yaml"]
    commands.append("dive-tui demo")
    intro = "Run a workflow; it shows up here by itself." if found else "Run something; it shows up here by itself."
    return message, "\n".join([intro, "", *(f"  {command}" for command in commands)])


def workflow_files(folder: Path) -> Iterator[Path]:
    """YAML files in a folder and its folders that look like workflows, relative to it; a quick look, not a check."""
    for path in islice(_yaml_files(folder), _LOOKED_AT):
        try:
            with path.open("rb") as file:
                head = file.read(_HEAD_BYTES)
        except OSError:
            continue
        if _STEPS.search(head):
            yield path.relative_to(folder)


def _yaml_files(folder: Path) -> Iterator[Path]:
    for root, folders, files in os.walk(folder):
        depth = len(Path(root).relative_to(folder).parts)
        folders[:] = [] if depth >= 2 else sorted(f for f in folders if f not in _SKIPPED and not f.startswith("."))
        for name in sorted(files):
            if name.endswith((".yaml", ".yml")):
                yield Path(root) / name
