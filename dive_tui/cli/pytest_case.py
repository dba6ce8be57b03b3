"""An execution as a pytest case, which fails when a change of the definition does not fit its history any more."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import PurePath
from typing import Any

from dive_tui.cli.printing import json_bytes
from engine.model.events import ExecutionEvent

_CASE = '''"""A recorded execution must still fit the definition of its workflow; nothing of it is run."""

from __future__ import annotations

from pathlib import Path

from dive_tui.testing import assert_history_fits

HISTORY = Path(__file__).with_name({history})


def test_{name}() -> None:
    assert_history_fits({arguments}){remark}
'''
_ADVICE = '  # with the definition on disk: assert_history_fits(HISTORY, "order.yaml")'


def pytest_case(events: Iterable[ExecutionEvent], workflow_name: str = "") -> dict[str, str]:
    """The files of a case, name to text: `test_<workflow>_<id>.py`, and beside it the history as `<id>.jsonl`.

    The definition it is compared with is the one on disk that the execution says it came from; of one that says
    nothing, the recorded one.

    Raises:
        ValueError: there are no events.
    """
    lines, source, execution_id = [], None, ""
    for event in events:
        if event.sequence == 1:
            source = event.data.get("source")
            execution_id = event.execution_id
            workflow_name = workflow_name or str(event.data.get("workflow_name", ""))
        lines.append(json_bytes(event.to_dict(), indented=False).decode())
    if not execution_id:
        raise ValueError("a history without its first event cannot be checked, so no test can be made of it")
    name = f"{_identifier(workflow_name) or 'workflow'}_{_identifier(execution_id)}"
    arguments = _arguments(source)
    history = f"{execution_id}.jsonl"
    text = _CASE.format(
        history=ascii(history), name=name, arguments=arguments, remark=_ADVICE if arguments == "HISTORY" else ""
    )
    return {f"test_{name}.py": text, history: "".join(lines)}


def _identifier(text: str) -> str:
    return re.sub(r"[^a-z0-9]+", "_", text.lower()).strip("_")[:80]


def _arguments(source: Any) -> str:
    """Where on disk the definition is, from what the first event says of it; relative to the project."""
    if not isinstance(source, Mapping) or not isinstance(source.get("ref"), str):
        return "HISTORY"
    reference = source["ref"]
    if source.get("kind") == "module":
        return f"HISTORY, {reference!a}"
    file, project = PurePath(reference), PurePath(str(source.get("project", "")))
    inside = file.is_relative_to(project) if project.is_absolute() else False
    place = file.relative_to(project).as_posix() if inside else file.name
    workflow = source.get("workflow")
    return f"HISTORY, {place!a}, workflow={workflow!a}" if isinstance(workflow, str) else f"HISTORY, {place!a}"
