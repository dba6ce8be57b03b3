"""The demonstration's folder: real source files, one that is really broken, and the workflow that checks them."""

from __future__ import annotations

import shutil
import tempfile
from importlib import resources
from pathlib import Path

PACKAGES = ("engine", "stores", "dive_tui")
MOST_FILES = 120
WORKFLOW = "check-sources.yaml"
BROKEN = "src/unfinished/report.py"
_BROKEN_SOURCE = '''"""Half of an idea."""


def total(prices: list[float]) -> float:
    return sum(price for price in prices if price > 0


def mean(prices: list[float]) -> float:
    return total(prices) / len(prices)
'''
_PROJECT = """# The project of the demonstration: its actions are in checks.py.
actions = ["checks"]
"""


def prepare_folder() -> Path:
    """A new temporary folder with copies of up to 120 of our own Python files, a broken one, and the workflow."""
    folder = Path(tempfile.mkdtemp(prefix="dive-demo-"))
    copied = 0
    for package in PACKAGES:
        root = Path(str(resources.files(package)))
        for source in sorted(root.rglob("*.py")):
            if copied == MOST_FILES:
                break
            target = folder / "src" / package / source.relative_to(root)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, target)
            copied += 1
    broken = folder / BROKEN
    broken.parent.mkdir(parents=True)
    broken.write_text(_BROKEN_SOURCE, encoding="utf-8")
    (folder / "dive.toml").write_text(_PROJECT, encoding="utf-8")
    shipped = Path(str(resources.files("dive_tui.demo")))
    shutil.copyfile(shipped / WORKFLOW, folder / WORKFLOW)
    shutil.copyfile(shipped / "actions.py", folder / "checks.py")
    return folder
