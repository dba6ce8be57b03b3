"""The Go system's own replayer, written down again: what it knew of a history, and how."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tests.go.go_stores import GoEvent


def replay_like_go(events: Sequence[GoEvent]) -> tuple[dict[str, Any], dict[str, Any], set[str]]:
    """Variables, outputs by step and active paths at the end.

    Its inputs, outputs and errors, which it kept among the variables, are left out: they are no variables here. So is
    what it took for the completion of a failed step.
    """
    variables: dict[str, Any] = {}
    completed: dict[str, Any] = {}
    paths: set[str] = set()
    for event in sorted(events, key=lambda event: event.sequence):
        data = event.data or {}
        match event.event_type:
            case "path_started":
                paths.add(event.path)
            case "step_completed":
                completed[event.step] = data["output"]
                if data.get("stored_variable"):
                    variables[data["stored_variable"]] = data.get("stored_value", data["output"])
                if "condition_result" in data:
                    variables[f"{event.step}_condition"] = data["condition_result"] == "true"
                if "iteration_state" in data:
                    variables[f"{event.step}_iteration"] = data["iteration_state"]
                variables |= data.get("script_globals", {})
            case "path_branched":
                paths |= {path["id"] for path in data["new_paths"]}
            case "path_completed":
                if "final_output" in data:
                    variables[f"path_{event.path}_output"] = data["final_output"]
                paths.discard(event.path)
            case "path_failed":
                if "failure_reason" in data:
                    variables[f"path_{event.path}_error"] = data["failure_reason"]
                paths.discard(event.path)
    return variables, completed, paths
