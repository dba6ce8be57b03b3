"""What the tests of workflow files share: texts, and places marked in them."""

from __future__ import annotations

import pytest

from engine.loading.problems import LoadError
from engine.loading.workflow_file import LoadedFile, read_workflows

MARK = "§"

GOOD = """\
name: check-sources            # one workflow
description: Looks at source files
version: "1.10"
labels: {team: tools}
inputs:
  - {name: root, type: string, default: src, description: where to look}
  - {name: limit, type: integer, required: false}
steps:
  - {name: List, action: Files.List, parameters: {root: "${inputs.root}", pattern: "*.py"}, store: files}
  - name: Measure
    each: {items: "${state.files}", as: file}
    action: Python.Measure
    parameters: {path: "${file}", deep: [{limit: "${inputs.limit}"}]}
    store: measures
    next:
      - Report                                   # short for {step: Report}
      - {step: Problems, condition: "len(state.measures) > 0", path: problems}
  - {name: Report, action: Document.Write, parameters: {path: report.md, content: "${state.measures}"}, end: true}
  - name: Problems
    action: Python.Problems
    store: problems
outputs:
  - {name: files, value: "${len(state.files)}"}
  - {name: all, value: ["${paths.problems.problems}", "${inputs.limit}"]}
"""
SEVERAL = """\
workflows:
  - name: one
    steps: [{name: A, action: a}]
  - name: two
    steps: [{name: A, action: a}]
"""


def flow(steps: str, **parts: str) -> str:
    """A workflow of these steps, whose first one is in line 3."""
    return f"name: flow\nsteps:\n{steps}" + "".join(f"{key}: {value}\n" for key, value in parts.items())


def read(text: str) -> LoadedFile:
    return read_workflows(text.encode(), "flow.yaml")


def problems_of(text: str) -> list[str]:
    """The problems of a file that does not load."""
    with pytest.raises(LoadError) as caught:
        read(text)
    assert str(caught.value) == "\n".join(map(str, caught.value.problems))
    return [str(problem) for problem in caught.value.problems]


def warnings_of(text: str) -> list[str]:
    """The warnings about a file that loads."""
    loaded = read(text)
    assert {warning.severity for warning in loaded.warnings} <= {"warning"}
    return [str(warning) for warning in loaded.warnings]


def unmarked(text: str) -> tuple[str, list[str]]:
    """The text without its marks, and for each the place of the character behind it, as problems begin with it."""
    places = []
    while MARK in text:
        before, _, after = text.partition(MARK)
        lines = before.split("\n")
        places.append(f"flow.yaml:{len(lines)}:{len(lines[-1]) + 1}: ")
        text = before + after
    return text, places


def assert_told(marked: str, *sentences: str) -> None:
    """A file does not load; each of its marks, in order, is the place of one of these sentences."""
    text, places = unmarked(marked)
    told = problems_of(text)
    assert told == [place + sentence for place, sentence in zip(places, sentences, strict=True)], told


def assert_warned(marked: str, *sentences: str) -> None:
    """A file loads; each of its marks, in order, is the place of one of these warnings."""
    text, places = unmarked(marked)
    told = warnings_of(text)
    assert told == [f"{place}warning: {sentence}" for place, sentence in zip(places, sentences, strict=True)], told
