"""What a person types before something is deleted for good, the same on the command line and in the app."""

from __future__ import annotations

from collections.abc import Sequence

SHOWN_CHARACTERS = 5
"""As many as lists show of an id."""


def word_to_type(execution_ids: Sequence[str]) -> str:
    """Of one execution the last characters of its id, as lists show them; of several how many they are."""
    if len(execution_ids) == 1:
        return execution_ids[0][-SHOWN_CHARACTERS:]
    return str(len(execution_ids))


def is_confirmed(typed: str, execution_ids: Sequence[str]) -> bool:
    """Whether what was typed agrees to deleting these; spaces around it do not count, upper and lower case do."""
    return bool(execution_ids) and typed.strip() == word_to_type(execution_ids)
