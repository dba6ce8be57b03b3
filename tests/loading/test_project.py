"""Projects: their configuration, their actions, workflows built in Python, and packages that hide ours."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import uuid
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from engine.loading.hidden import check_not_hidden
from engine.loading.project import Project, ProjectError, load_actions, load_module_workflow

ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def _import_state() -> Iterator[None]:
    path, modules = list(sys.path), set(sys.modules)
    yield
    sys.path[:] = path
    for name in set(sys.modules) - modules:
        del sys.modules[name]


@pytest.fixture
def module_name() -> str:
    """A name no other test has imported."""
    return f"m{uuid.uuid4().hex}"


def problems_of(start: Path) -> list[str]:
    with pytest.raises(ProjectError) as caught:
        Project.discover(start)
    assert str(caught.value) == "\n".join(caught.value.problems)
    return caught.value.problems


def project(root: Path, *actions: str) -> Project:
    return Project(root, actions, file=root / "dive.toml")


def register_marked(registered: list[Any]) -> Any:
    def register(module: ModuleType) -> None:
        registered.extend(value for value in vars(module).values() if hasattr(value, "__dive_action__"))

    return register


MARKED = "def f(): ...\nf.__dive_action__ = True\n"


def test_the_nearest_configuration_upwards_counts(tmp_path: Path) -> None:
    inner = tmp_path / "a" / "b"
    inner.mkdir(parents=True)
    (tmp_path / "dive.toml").write_text('actions = ["far"]\n')
    (tmp_path / "a" / "pyproject.toml").write_text('[tool.dive]\nactions = ["near.one", "two"]\nstore = "runs"\n')
    (inner / "pyproject.toml").write_text('[project]\nname = "not ours"\n')
    found = Project.discover(inner)
    assert found == Project(tmp_path / "a", ("near.one", "two"), "runs", tmp_path / "a" / "pyproject.toml")
    assert Project.discover(tmp_path).actions == ("far",)


def test_in_one_folder_dive_toml_comes_first(tmp_path: Path) -> None:
    (tmp_path / "dive.toml").write_text("")
    (tmp_path / "pyproject.toml").write_text('[tool.dive]\nactions = ["x"]\n')
    assert Project.discover(tmp_path) == Project(tmp_path, file=tmp_path / "dive.toml")


def test_an_empty_table_makes_a_project(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text("[tool.dive]\n")
    assert Project.discover(tmp_path).file == tmp_path / "pyproject.toml"


def test_without_configuration_the_start_is_the_root(tmp_path: Path) -> None:
    found = Project.discover(tmp_path)
    assert (found.root, found.actions, found.store, found.file) == (tmp_path, (), None, None)


def test_all_wrong_settings_are_told(tmp_path: Path) -> None:
    file = tmp_path / "pyproject.toml"
    file.write_text(
        '[tool.dive]\naction = ["x"]\nstor = 1\nactions = [1, "a/b.py", "", "stores.x", "fine.one"]\nstore = ""\n'
    )
    assert problems_of(tmp_path) == [
        f"{file} [tool.dive]: {problem}"
        for problem in [
            "unknown key 'action'; did you mean 'actions'?",
            "unknown key 'stor'; did you mean 'store'?",
            "'actions' must be a list of module names; 1 is none",
            "'actions' must be a list of module names such as 'my_app.actions'; 'a/b.py' is none",
            "'actions' must be a list of module names such as 'my_app.actions'; '' is none",
            "the module 'stores.x' has the name of a package of dive-tui and cannot be imported; rename it",
            "'store' must be a path, not ''",
        ]
    ]


@pytest.mark.parametrize(
    ("name", "content", "problem"),
    [
        ("dive.toml", b'actions = "my.actions"', "'actions' must be a list of module names, not 'my.actions'"),
        ("dive.toml", b"store = 5", "'store' must be a path, not 5"),
        ("dive.toml", b"actions = [", "not TOML: Invalid value (at end of document)"),
        ("dive.toml", b"\xff", "not text in UTF-8"),
        ("pyproject.toml", b"[tool]\ndive = 1", "must be a table, not 1"),
        ("pyproject.toml", b"[tool.dive]\nx = [", "not TOML: Invalid value (at end of document)"),
    ],
)
def test_a_wrong_configuration_is_one_sentence(tmp_path: Path, name: str, content: bytes, problem: str) -> None:
    (tmp_path / name).write_bytes(content)
    (told,) = problems_of(tmp_path)
    assert told.endswith(problem)
    assert told.startswith(str(tmp_path / name))


def test_a_broken_pyproject_that_does_not_speak_of_us_is_not_our_business(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text("[broken")
    assert Project.discover(tmp_path).file is None


def test_a_folder_of_the_name_of_a_configuration_is_none(tmp_path: Path) -> None:
    (tmp_path / "dive.toml").mkdir()
    assert Project.discover(tmp_path).file is None


def test_marked_functions_are_registered_and_the_project_stands_last_on_the_search_path(
    tmp_path: Path, module_name: str
) -> None:
    (tmp_path / f"{module_name}.py").write_text(MARKED + "def plain(): ...\n")
    (tmp_path / "json.py").write_text("raise RuntimeError\n")
    registered: list[Any] = []
    assert load_actions(project(tmp_path, module_name), register_marked(registered)) == []
    assert [function.__name__ for function in registered] == ["f"]
    assert sys.path[-1] == str(tmp_path)
    load_actions(project(tmp_path, module_name, "json"), register_marked(registered))
    assert sys.path.count(str(tmp_path)) == 1


def test_a_module_without_actions_is_a_warning_that_says_which_file_was_found(tmp_path: Path, module_name: str) -> None:
    (tmp_path / f"{module_name}.py").write_text("x = 1\n")
    (tmp_path / "space").mkdir()
    warnings = load_actions(project(tmp_path, module_name, "space"), lambda module: None)
    assert warnings == [
        f"module {module_name!r} ({tmp_path}/{module_name}.py) has no function marked with @action",
        "module 'space' (a namespace package) has no function marked with @action",
    ]


def failure_of(root: Path, *actions: str, register: Any = lambda module: None) -> ProjectError:
    with pytest.raises(ProjectError) as caught:
        load_actions(project(root, *actions), register)
    return caught.value


def test_a_module_that_is_not_there_is_named_with_the_file_that_names_it(tmp_path: Path, module_name: str) -> None:
    (tmp_path / f"{module_name}.py").write_text(MARKED)
    error = failure_of(tmp_path, "nowhere.actions", f"{module_name}.inner")
    assert error.problems == [
        f"there is no module 'nowhere.actions' (named in {tmp_path}/dive.toml)",
        f"there is no module '{module_name}.inner' (named in {tmp_path}/dive.toml)",
    ]
    assert error.traceback == ""


@pytest.mark.parametrize(
    ("code", "what", "line"),
    [
        ("x = 1\ndef f():\n    raise ValueError('bad\\nnews')\nf()\n", "ValueError: bad news", 3),
        ("import sys\nsys.exit(3)\n", "SystemExit: 3", 2),
        ("import module_nobody_has\n", "ModuleNotFoundError: No module named 'module_nobody_has'", 1),
        ("raise KeyError\n", "KeyError", 1),
    ],
)
def test_a_module_that_raises_is_one_sentence_and_its_own_traceback(
    tmp_path: Path, module_name: str, code: str, what: str, line: int
) -> None:
    file = tmp_path / f"{module_name}.py"
    file.write_text(code)
    error = failure_of(tmp_path, module_name)
    assert error.problems == [
        f"module {module_name!r} (named in {tmp_path}/dive.toml) cannot be imported: {what} ({file}:{line})"
    ]
    assert error.traceback.startswith(f'Traceback (most recent call last):\n  File "{file}", line')
    assert "importlib" not in error.traceback
    assert "project.py" not in error.traceback


def test_a_module_with_a_syntax_error_is_named_with_its_line(tmp_path: Path, module_name: str) -> None:
    (tmp_path / f"{module_name}.py").write_text("x = 1\ndef f(:\n")
    error = failure_of(tmp_path, module_name)
    assert f"SyntaxError: invalid syntax ({module_name}.py, line 2)" in error.problems[0]
    assert "def f(:" in error.traceback


def test_the_problems_of_all_modules_are_told(tmp_path: Path, module_name: str) -> None:
    (tmp_path / f"{module_name}.py").write_text("1 / 0\n")

    def refuse(module: ModuleType) -> None:
        raise ValueError("two actions are named 'f'")

    (tmp_path / f"{module_name}b.py").write_text(MARKED)
    error = failure_of(tmp_path, module_name, "nowhere", f"{module_name}b", register=refuse)
    assert len(error.problems) == 3
    assert error.problems[2] == f"module '{module_name}b': two actions are named 'f'"


FLOWS = """
from engine.model.workflow import Workflow, Step
good = Workflow(name="good", steps=[Step(name="A", action="Print", parameters={"text": "${inputs}"})])
bad = Workflow(name="bad", steps=[Step(name="A", action="Print", parameters={"a": ["${stat.x}"], "b": "${("})])
other = 5
"""


def test_a_workflow_object_is_found_by_module_and_name(tmp_path: Path, module_name: str) -> None:
    (tmp_path / f"{module_name}.py").write_text(FLOWS)
    assert load_module_workflow(f"{module_name}:good", tmp_path).name == "good"
    assert sys.path[-1] == str(tmp_path)


@pytest.mark.parametrize(
    ("reference", "problem"),
    [
        ("M", "'M' is not of the form module:name, such as my_app.flows:nightly"),
        ("M:", "'M:' is not of the form module:name, such as my_app.flows:nightly"),
        (":x", "':x' is not of the form module:name, such as my_app.flows:nightly"),
        ("a/b:x", "'a/b:x' is not of the form module:name, such as my_app.flows:nightly"),
        ("nowhere:x", "there is no module 'nowhere'"),
        ("M:goood", "module 'M' has no 'goood'; did you mean 'good'?"),
        ("M:zzz", "module 'M' has no 'zzz'; it holds 'good', 'bad'"),
        ("M:other", "'M:other' is not a Workflow but of type int; it holds 'good', 'bad'"),
    ],
)
def test_what_is_no_workflow_is_one_sentence(tmp_path: Path, module_name: str, reference: str, problem: str) -> None:
    (tmp_path / f"{module_name}.py").write_text(FLOWS)
    with pytest.raises(ProjectError) as caught:
        load_module_workflow(reference.replace("M", module_name), tmp_path)
    assert caught.value.problems == [problem.replace("'M", f"'{module_name}")]


def test_a_workflow_built_in_python_is_checked_like_one_in_a_file(tmp_path: Path, module_name: str) -> None:
    (tmp_path / f"{module_name}.py").write_text(FLOWS)
    with pytest.raises(ProjectError) as caught:
        load_module_workflow(f"{module_name}:bad", tmp_path)
    first, second = caught.value.problems
    assert first == (f"{module_name}:bad: steps[0].parameters.a[0]: unknown name 'stat'; did you mean 'state'?")
    assert second.startswith(f"{module_name}:bad: steps[0].parameters.b: ")


def test_a_workflow_without_json_form_is_told(tmp_path: Path, module_name: str) -> None:
    (tmp_path / f"{module_name}.py").write_text(FLOWS.replace('"${inputs}"', "object()"))
    with pytest.raises(ProjectError, match=f"{module_name}:good: the definition has no JSON form: Unable to serialize"):
        load_module_workflow(f"{module_name}:good", tmp_path)


def test_the_module_of_a_workflow_may_be_importable_already() -> None:
    with pytest.raises(ProjectError, match="module 'json' has no 'flow'; it holds no workflow"):
        load_module_workflow("json:flow")


AS_NOBODY = """
import os, pathlib, sys
from engine.loading.project import Project, ProjectError
if os.getuid() == 0:
    os.setuid(65534)
try:
    print(Project.discover(pathlib.Path(sys.argv[1])).file)
except ProjectError as error:
    print(error)
"""


@pytest.mark.parametrize(
    ("locked", "told"), [("dive.toml", "{}/dive.toml: cannot be read: Permission denied"), ("", "None")]
)
def test_a_configuration_without_permission_is_told_unless_its_folder_is_closed(
    tmp_path: Path, locked: str, told: str
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        inner = Path(folder, "inner")
        inner.mkdir()
        (inner / "dive.toml").write_text("")
        (inner / locked).chmod(0)
        run = [sys.executable, "-c", AS_NOBODY, inner]
        assert (
            subprocess.run(run, capture_output=True, text=True, cwd=ROOT, check=True).stdout
            == f"{told.format(inner)}\n"
        )


def make_package(folder: Path, name: str) -> str:
    (folder / name).mkdir(parents=True)
    (folder / name / "__init__.py").write_text("")
    return str(folder)


def test_nothing_hides_our_packages_here() -> None:
    assert check_not_hidden() is None


def test_a_package_or_module_in_front_of_ours_is_named(tmp_path: Path) -> None:
    ours = make_package(tmp_path / "ours", "engine")
    make_package(tmp_path / "ours", "stores")
    theirs = make_package(tmp_path / "theirs", "engine")
    (tmp_path / "file").mkdir()
    (tmp_path / "file" / "stores.py").write_text("")
    (tmp_path / "space" / "engine").mkdir(parents=True)

    def check(*search_path: str) -> str | None:
        return check_not_hidden(["engine", "stores"], Path(ours), search_path)

    assert check(ours, theirs) is None
    assert check("/nowhere") is None
    assert check(str(tmp_path / "space"), ours) is None, "a folder without __init__.py gives way to a package"
    told = check(theirs, ours)
    assert told is not None
    assert told.startswith(f"{theirs}/engine hides the package 'engine' of dive-tui")
    told = check(str(tmp_path / "file"), ours)
    assert told is not None
    assert told.startswith(f"{tmp_path}/file/stores.py hides the package 'stores' of dive-tui")
