"""What the banner of the execution screen says: the most serious thing there is to say, if any."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from dive_tui.app.text import human_count
from dive_tui.app.trouble import Trouble
from dive_tui.screens.execution.guide import Guide
from engine.replay.history import History
from stores.maintenance import Finding

TOLD = {"damaged": "The history itself is whole.", "torn": "It was never acknowledged, and is no part of the history."}
"""Findings that are worth a banner, and what they mean."""


class Told(NamedTuple):
    """A message of kind `error`, `warning` or `info`, and what to do, where a click runs `verb`."""

    kind: str
    text: str
    hint: str = ""
    verb: str = ""


def told(
    trouble: Trouble | None,
    damage: str,
    findings: Sequence[Finding],
    history: History | None,
    guide: Guide | None,
) -> Told | None:
    """What there is to say of a store that cannot be read, a damaged or incomplete history, or the next lesson."""
    if trouble is not None:
        return Told("error", trouble.sentence, trouble.remedy, "maintain" if trouble.maintain else "")
    if damage:
        shown = history.folded if history is not None else 0
        behind = len(history) - shown - 1 if history is not None else 0
        hint = f"What is before that is shown: {human_count(shown)} events." if shown else ""
        more = f" Of the {human_count(behind)} after it nobody knows what they changed." if behind > 0 else ""
        return Told("error", damage, hint + more)
    if findings:
        wrong = findings[0]
        kind = "warning" if wrong.kind == "torn" else "error"
        return Told(kind, f"{wrong.place}: {wrong.problem}", TOLD[wrong.kind])
    if history is not None and history.problem is not None:
        return Told("warning", history.problem, f"The state is known up to event {history.folded}.")
    if history is not None and history.latest.incomplete_from is not None:
        unknown = history.latest.incomplete_from
        return Told("warning", f"Event {unknown} was written by a newer version.", "The state is incomplete.")
    if guide is not None and guide.sentence:
        return Told("info", guide.sentence, guide.progress)
    return None
