"""What the source of the app may not do: markup from text, and slow imports."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCES = [
    path for folder in ("app", "widgets", "screens", "feeds") for path in (ROOT / "dive_tui" / folder).rglob("*.py")
]
TAKES_MARKUP = {"Static", "Label", "Button", "Link", "Checkbox", "RadioButton", "Log", "RichLog", "Tooltip", "notify"}
ALWAYS_MARKUP = {"from_markup", "render_str", "from_text", "print"}
HOLDS_MARKUP = {"border_title", "border_subtitle", "tooltip"}


def offences(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Line and reason of each way text could be read as markup."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            given = {keyword.arg: keyword.value for keyword in node.keywords}
            markup = given.get("markup")
            if name in ALWAYS_MARKUP and not (name == "print" and isinstance(node.func, ast.Name)):
                yield node.lineno, f"{name} reads markup"
            if name in TAKES_MARKUP and not (isinstance(markup, ast.Constant) and markup.value is False):
                yield node.lineno, f"{name} without markup=False"
            if isinstance(markup, ast.Constant) and markup.value is True:
                yield node.lineno, "markup=True"
        if isinstance(node, ast.Assign):
            for target in node.targets:
                if isinstance(target, ast.Attribute) and target.attr in HOLDS_MARKUP and is_text(node.value):
                    yield node.lineno, f"{target.attr} reads markup: give it Content"


def is_text(value: ast.expr) -> bool:
    return isinstance(value, ast.JoinedStr) or (isinstance(value, ast.Constant) and isinstance(value.value, str))


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.stem)
def test_no_text_is_read_as_markup(path: Path) -> None:
    assert list(offences(ast.parse(path.read_text()))) == []


@pytest.mark.parametrize(
    "code",
    [
        'Static(f"[bold]{name}")',
        "Label(name)",
        "Content.from_markup(name)",
        "self.notify(name)",
        "self.notify(name, markup=True)",
        'pane.border_title = f"[b]{name}"',
    ],
)
def test_the_check_finds_what_it_looks_for(code: str) -> None:
    assert list(offences(ast.parse(code)))


def test_the_check_looks_at_every_part_of_the_app() -> None:
    assert {"text", "shell", "line_view", "prompt"} <= {path.stem for path in SOURCES}


def test_the_app_imports_nothing_slow() -> None:
    modules = sorted(
        ".".join(path.relative_to(ROOT).with_suffix("").parts)
        for path in SOURCES
        if path.parent.name in ("app", "widgets") and path.stem != "__init__"
    )
    code = f"import sys, {', '.join(modules)}; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, cwd=ROOT)
    assert loaded.returncode == 0, loaded.stderr
    forbidden = ("pydantic", "engine.runtime", "engine.loading", "deepdiff", "yaml", "watchfiles")
    assert [name for name in loaded.stdout.split() if name.startswith(forbidden)] == []


def test_the_registry_and_the_text_functions_need_no_textual() -> None:
    code = (
        "import sys, dive_tui.app.actions, dive_tui.app.text, dive_tui.app.glyphs, dive_tui.app.keymap;"
        "print(*[name for name in sys.modules if name.split('.')[0] == 'textual'])"
    )
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert loaded.stdout.split() == []
