"""Canonical hashes: equal values hash equally whatever their formatting and key order.

A hash is text with its method in front (`v1:` = SHA-256 of compact JSON with sorted keys), so that a later method can
stand beside an earlier one.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

import orjson

if TYPE_CHECKING:
    from engine.model.workflow import Workflow


def canonical_hash(value: Any) -> str:
    """The hash of a JSON value."""
    return "v1:" + hashlib.sha256(orjson.dumps(value, option=orjson.OPT_SORT_KEYS)).hexdigest()


def workflow_hash(workflow: Workflow) -> str:
    """The hash of everything in a definition that affects how it runs.

    Defaults count as if they were written out; descriptions and labels do not count.
    """
    content = workflow.model_dump(mode="json", by_alias=True, exclude_defaults=True, exclude={"description", "labels"})
    content["inputs"] = [
        {"name": i.name, "type": i.type, "default": i.default, "required": i.is_required} for i in workflow.inputs
    ]
    content["start"] = workflow.start or workflow.steps[0].name
    return canonical_hash(content)
