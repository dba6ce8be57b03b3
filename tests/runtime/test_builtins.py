"""The actions every project has."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from engine.loading.project import Project, ProjectError
from engine.model.workflow import Each, Step, Workflow
from engine.runtime.actions import OPTIONAL_BUILTINS, ActionError, ActionRegistry
from engine.runtime.builtins import (
    BUILTINS,
    builtins_for,
    current_time,
    list_files,
    print_message,
    read_document,
    write_document,
)


def test_a_document_is_written_with_its_folders_and_read(tmp_path: Path) -> None:
    path = str(tmp_path / "a" / "b" / "note.txt")
    assert write_document(path, "zwölf ☃") == {"path": path, "bytes": 10}
    assert read_document(path) == "zwölf ☃"
    write_document(path, "")
    assert read_document(path) == ""


@pytest.mark.parametrize(
    ("content", "text"), [({"a": [1, None]}, '{\n  "a": [\n    1,\n    null\n  ]\n}\n'), (5, "5\n")]
)
def test_content_that_is_no_text_is_written_as_json(tmp_path: Path, content: Any, text: str) -> None:
    write_document(str(tmp_path / "x"), content)
    assert read_document(str(tmp_path / "x")) == text


def test_a_document_that_is_not_there_or_no_text_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        read_document(str(tmp_path / "nope"))
    (tmp_path / "binary").write_bytes(b"\xff\xfe")
    with pytest.raises(UnicodeDecodeError):
        read_document(str(tmp_path / "binary"))


@pytest.fixture
def tree(tmp_path: Path) -> str:
    for name in ("b.py", "a.py", "deep/er/c.py", "deep/d.txt"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("")
    (tmp_path / "folder.py").mkdir()
    return str(tmp_path)


@pytest.mark.parametrize(
    ("options", "names"),
    [
        ({}, ["a.py", "b.py", "deep/d.txt", "deep/er/c.py"]),
        ({"pattern": "*.py"}, ["a.py", "b.py", "deep/er/c.py"]),
        ({"pattern": "*.py", "recursive": False}, ["a.py", "b.py"]),
        ({"pattern": "deep/*.txt", "recursive": False}, ["deep/d.txt"]),
        ({"pattern": "*.md"}, []),
        ({"limit": 1}, ["a.py"]),
    ],
)
def test_files_are_listed_in_order(tree: str, options: dict[str, Any], names: list[str]) -> None:
    assert list_files(tree, **options) == [f"{tree}/{name}" for name in names]


def test_a_folder_that_is_not_there_is_an_error(tree: str) -> None:
    for root in (f"{tree}/nope", f"{tree}/a.py"):
        with pytest.raises(FileNotFoundError, match="there is no folder"):
            list_files(root)


@pytest.mark.parametrize(("message", "text"), [("hi", "hi\n"), ({"a": 1}, '{"a":1}\n'), (None, "null\n"), ("", "\n")])
def test_a_message_is_printed(message: Any, text: str, capsys: pytest.CaptureFixture[str]) -> None:
    print_message(message)
    assert capsys.readouterr().out == text


def test_the_time_is_utc() -> None:
    moment = datetime.fromisoformat(current_time())
    assert moment.utcoffset() == timedelta(0)
    assert abs(datetime.now(UTC) - moment) < timedelta(minutes=1)


async def test_workflows_name_them_without_further_ado(tmp_path: Path, make_engine: Any) -> None:
    path = str(tmp_path / "time.txt")
    workflow = Workflow(
        name="w",
        steps=[
            Step(name="Now", action="Time.Now", store="now"),
            Step(name="Write", action="Document.Write", parameters={"path": path, "content": "${state.now}"}),
            Step(name="List", action="Files.List", parameters={"root": str(tmp_path)}, store="files"),
            Step(
                name="Read", each=Each(items="${state.files}"), action="Document.Read", parameters={"path": "${item}"}
            ),
            Step(name="Say", action="Print", parameters={"message": "${state}"}),
        ],
    )
    result = await make_engine().run(workflow)
    assert result.ok
    assert read_document(path).endswith("Z")


def test_built_in_actions_declare_their_effects() -> None:
    registry = ActionRegistry(builtins_for(["http", "shell"]))
    effects = {
        name: registry.register(found.function).effects for name in registry.names() if (found := registry.get(name))
    }
    assert effects == {
        "Document.Read": "reads",
        "Document.Write": "writes",
        "Files.List": "reads",
        "HTTP.Request": "writes",
        "Print": "pure",
        "Shell.Run": "writes",
        "Time.Now": "reads",
    }


@pytest.mark.parametrize("allow", [[], ["http"], ["shell"], ["http", "shell"]])
def test_what_is_not_allowed_is_not_there(allow: list[str]) -> None:
    names = set(ActionRegistry(builtins_for(allow)).names()) - set(ActionRegistry(BUILTINS).names())
    assert names == {name for name, wanted in OPTIONAL_BUILTINS.items() if wanted in allow}


def test_something_else_cannot_be_allowed() -> None:
    with pytest.raises(ActionError, match="'htp' cannot be allowed; there are 'http' and 'shell'; did you mean 'http'"):
        builtins_for(["htp"])


def test_a_project_says_what_it_allows(tmp_path: Path) -> None:
    file = tmp_path / "dive.toml"
    file.write_text("allow = ['http', 'shell']\n")
    allow = Project.discover(tmp_path).allow
    assert allow == ("http", "shell")
    assert len(builtins_for(allow)) == len(BUILTINS) + 2
    file.write_text("")
    assert Project.discover(tmp_path).allow == ()


@pytest.mark.parametrize(
    ("setting", "problem"),
    [
        ("'http'", "'allow' must be a list of 'http' and 'shell', not 'http'"),
        ("['htpp']", "'allow' must be a list of 'http' and 'shell'; 'htpp' is neither; did you mean 'http'?"),
        ("[5]", "'allow' must be a list of 'http' and 'shell'; 5 is neither"),
    ],
)
def test_a_project_that_allows_something_else_is_refused(tmp_path: Path, setting: str, problem: str) -> None:
    (tmp_path / "dive.toml").write_text(f"allow = {setting}\n")
    with pytest.raises(ProjectError) as caught:
        Project.discover(tmp_path)
    assert caught.value.problems == [f"{tmp_path / 'dive.toml'}: {problem}"]
