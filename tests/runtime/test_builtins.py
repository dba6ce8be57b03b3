"""The actions every project has."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from engine.model.workflow import Each, Step, Workflow
from engine.runtime.builtins import current_time, list_files, print_message, read_document, write_document


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
