"""Content items: texts, files and documents are read when the file is loaded, everything else is refused."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from engine.core.templates import compile_template
from engine.loading import dive_content
from tests.loading.diveflows import assert_told, dive


def workflow(content: str, documents: str = "[]") -> str:
    return (
        f"Name: E\nDocuments: {documents}\nWorkflows:\n  - Name: W\n    Steps:\n"
        f"      - Name: S\n        Content: {content}\n"
    )


def shown(content: str, base: Path, documents: str = "[]") -> list[str]:
    """What the agent of the only step is shown."""
    (loaded,) = dive(workflow(content, documents), base).workflows
    return [compile_template(item).render({}) for item in loaded.steps[0].content]


@pytest.fixture
def base(tmp_path: Path) -> Path:
    for name, text in {
        "a.md": "# A ${x}",
        "b.txt": "b",
        "deep/c.json": "{}",
        "deep/er/d.CSV": "d",
        ".hidden.md": "h",
        "deep/e.png": "e",
    }.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path


@pytest.mark.parametrize(
    ("item", "names"),
    [
        ("a.md", ["a.md"]),
        ("./deep/../b.txt", ["b.txt"]),
        ("*.md", ["a.md"]),
        ("*.{md,txt}", ["a.md", "b.txt"]),
        ("{a,b}.{md,txt}", ["a.md", "b.txt"]),
        ("**/*.json", ["c.json"]),
        ("**/*.[cC]*", ["d.CSV"]),
        ("?.md", ["a.md"]),
    ],
)
def test_files(base: Path, item: str, names: list[str]) -> None:
    texts = shown(f"[{{Path: {item!r}}}]", base)
    assert [text.split('"')[1] for text in texts] == names


def test_a_file_is_shown_with_its_name_and_as_it_is(base: Path) -> None:
    assert shown("[{Path: a.md}, {Text: ' t '}]", base) == ['<file name="a.md">\n# A ${x}\n</file>', "t"]
    assert shown(f"[{{Path: '{base}/a.*'}}]", base) == ['<file name="a.md">\n# A ${x}\n</file>']


def test_documents(base: Path) -> None:
    documents = "[{Name: Style, Content: 'plain'}, {ID: all, Path: '*.{md,txt}'}]"
    assert shown("[{Document: Style}, {Document: all}]", base, documents) == [
        '<file name="Style">\nplain\n</file>',
        '<file name="a.md">\n# A ${x}\n</file>',
        '<file name="b.txt">\nb\n</file>',
    ]


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("[§{}]", "a content item holds exactly one of Text, Path, URL, Document, Dynamic, DynamicFrom, not nothing"),
        ("[§{Text: a, Path: b.txt}]", "a content item holds exactly one of Text, Path, URL, Document, Dynamic, "
         "DynamicFrom, not 'Text' and 'Path'"),
        ("[{§Txt: a, Text: b}]", "unknown key 'Txt'; did you mean 'Text'?"),
        ("[{§URL: 'https://example.org'}]", "'URL' cannot be shown: nothing is fetched while a file is loaded; fetch "
         "it in a step with an action, and put it into the Prompt"),
        ("[{§Dynamic: '\"a\"'}]", "'Dynamic' cannot be shown: a script cannot give content here; compute the text in a "
         "step, and put it into the Prompt"),
        ("[{§DynamicFrom: ./run.sh}]", "'DynamicFrom' cannot be shown: no program is run while a file is loaded; run "
         "it in a step with an action, and put what it gives into the Prompt"),
        ("[{Path: §none.md}]", "'none.md': there is no such file"),
        ("[{Path: §deep}]", "'deep' cannot be shown; content is a text file: .csv, .json, .markdown, .md, .txt"),
        ("[{Path: §'deep/*'}]", "'e.png' cannot be shown; content is a text file: .csv, .json, .markdown, .md, .txt"),
        ("[{Path: §'*.none'}]", "no file matches '*.none'"),
        ("[{Path: §folder.md}]", "'folder.md': this is no file"),
        ("[{Path: §bytes.txt}]", "'bytes.txt' is not a text file in UTF-8"),
        ("[{Path: §large.txt}]", "'large.txt': larger than 2 MiB"),
        ("[{Path: §pipe.txt}]", "'pipe.txt': this is no file"),
        ("[{Document: §Style}]", "there is no document 'Style'"),
        ("[{Document: §Empty}]", "the document 'Empty' has neither 'Content' nor 'Path'"),
        ("[{Path: §'" + "{a,b}" * 7 + "'}]", "the braces stand for more than 64 patterns"),
        ("[{Path: §'*" + "a" * 500 + "'}]", "a pattern must not be longer than 500 characters"),
        ("[{Text: §3}]", "'Text' must be text, not 3; put it in quotes"),
        ("§text", "'Content' must be a list, not 'text'"),
    ],
)  # fmt: skip
def test_what_cannot_be_shown(base: Path, content: str, sentence: str) -> None:
    (base / "folder.md").mkdir()
    (base / "bytes.txt").write_bytes(b"\xff\xfe")
    (base / "large.txt").write_bytes(b"a" * (2 * 1024 * 1024 + 1))
    os.mkfifo(base / "pipe.txt")
    text = workflow(content, "[{Name: Empty}]")
    assert_told(text if content != "§text" else text + "        Prompt: hi\n", sentence, base=base)


def test_how_much_is_shown_has_a_limit(base: Path) -> None:
    for number in range(dive_content.MAX_FILES + 1):
        (base / f"n{number}.txt").write_text("n")
    assert_told(workflow("[{Path: §'n*.txt'}]"), "more than 100 files match 'n*.txt'", base=base)
    (base / "long.txt").write_text("x" * (dive_content.MAX_CHARACTERS // 2))
    assert_told(
        workflow("[{Path: long.txt}, {Path: §long.txt}, {Path: long.txt}]"),
        "with this the content has more than 500,000 characters",
        base=base,
    )
