"""What importing costs: a headless command must not load a terminal toolkit, nor a first look at a store pydantic."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

import dive_tui

ROOT = Path(__file__).parents[1]


def loaded_by(code: str) -> set[str]:
    """The top-level names of all modules a fresh interpreter holds after running the code."""
    code += "\nimport json, sys\nprint(json.dumps(sorted({name.partition('.')[0] for name in sys.modules})))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    return set(json.loads(done.stdout.splitlines()[-1]))


HEADLESS = [
    "import engine, stores, dive_tui",
    "import engine.lifecycle.engine",
    "import engine.replay.history",
    "import engine.replay.replayer",
    "import engine.loading.workflow_file",
    "import stores.file.store",
    "import stores.memory",
    "import stores.location",
    "import dive_tui.cli.main",
    "from dive_tui import Engine, Workflow, Step, action, open_store",
]


@pytest.mark.parametrize("code", HEADLESS)
def test_no_terminal_toolkit_is_loaded(code: str) -> None:
    assert loaded_by(code) & {"textual", "deepdiff"} == set()


LIGHT = [
    "import engine, stores, dive_tui",
    "import engine.model.events, engine.model.state, engine.model.snapshot, engine.model.state_json",
    "import engine.core.reduce",
    "import engine.store",
    "import engine.replay.history, engine.replay.view, engine.replay.replayer",
    "import engine.replay.diffing.diff, engine.replay.diffing.detail, engine.replay.comparing.compare",
    "import engine.replay.session.session, engine.replay.searching.search",
    "import stores.file.store",
    "import stores.memory",
]


@pytest.mark.parametrize("code", LIGHT)
def test_what_only_reads_loads_no_pydantic(code: str) -> None:
    assert loaded_by(code) & {"pydantic", "rich", "typeid", "yaml", "cyclopts"} == set()


def test_importing_the_package_loads_nothing_of_it() -> None:
    code = (
        "import dive_tui, sys; assert not [m for m in sys.modules if m.startswith(('engine', 'stores', 'dive_tui.'))]"
    )
    loaded_by(code)


@pytest.mark.parametrize("name", dive_tui.__all__)
def test_every_public_name_resolves(name: str) -> None:
    found = getattr(dive_tui, name)
    assert getattr(found, "__name__", name) == name
    assert name in dir(dive_tui)


def test_what_is_not_public_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="module 'dive_tui' has no attribute 'Nope'"):
        _ = dive_tui.Nope


def test_every_lazy_name_is_listed() -> None:
    assert sorted(dive_tui._HOMES) == sorted(dive_tui.__all__)
