"""What another library finds different between two JSON values."""

from __future__ import annotations

from typing import Any

from deepdiff import DeepDiff

from engine.replay.diffing.diff import join_address

_KINDS = {
    "dictionary_item_added": "added",
    "iterable_item_added": "added",
    "dictionary_item_removed": "removed",
    "iterable_item_removed": "removed",
    "values_changed": "changed",
    "type_changes": "changed",
}


def places(old: Any, new: Any) -> set[tuple[str, str]]:
    """Addresses with the kind of change; lists compared place by place."""
    options: Any = {"view": "tree", "zip_ordered_iterables": True, "threshold_to_diff_deeper": 0}
    found = set()
    for kind, entries in DeepDiff(old, new, **options).items():
        for entry in entries:
            address = ""
            for part in entry.path(output_format="list"):
                address = join_address(address, part)
            found.add((address, _KINDS[kind]))
    return found
