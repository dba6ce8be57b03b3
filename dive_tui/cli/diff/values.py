"""Two values compared, as `dive-tui diff` tells of them: for people, as JSON, or as a patch."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from dive_tui.cli.diff.printing import answer, print_differences
from dive_tui.cli.printing import Printer, print_json
from dive_tui.cli.problems import UsageError
from engine.replay.diffing.diff import Change, Differences
from engine.replay.diffing.explain import Explained
from engine.replay.history import History

DIFFERENT = 1
_DEADLINE = 30.0
"""Seconds that a detailed report may take."""


@dataclass(frozen=True, slots=True)
class Options:
    """What of a comparison is wanted, and how."""

    ignore: tuple[str, ...] = ()
    detail: bool = False
    patch: bool = False
    json: bool = False
    ascii: bool = False
    store: str | None = None
    """As it was named, for commands that are proposed."""


@dataclass(frozen=True, slots=True)
class ComparedValues:
    """Two values, and what differs in them."""

    old: Any
    new: Any
    found: Differences
    changes: list[Explained]
    """Those that are not ignored."""
    title: tuple[str, str]
    """What the old and the new value are."""
    record: dict[str, Any]
    """What the JSON has besides the differences."""
    history: History | None = None
    """Whose events made the differences."""
    sentence: str = ""
    """What came of it, where that is more than how many differences there are."""

    @property
    def equal(self) -> bool:
        """Whether nothing differs but what is ignored."""
        return not self.changes and not self.found.more


def unexplained(changes: Iterable[Change]) -> list[Explained]:
    """Differences that no event made."""
    return [Explained(change, None) for change in changes]


def tell(values: ComparedValues, options: Options) -> int:
    """Print what differs; 1 when anything does, else 0.

    Raises:
        UsageError: a patch is wanted, and there are too many differences for one.
    """
    patch = _patch(values.found) if options.patch else None
    if options.json:
        print_json(_record(values, options, patch))
    elif patch is not None:
        print_json(patch)
    else:
        _print(Printer(ascii_only=options.ascii), values, options)
    return 0 if values.equal else DIFFERENT


def _patch(found: Differences) -> list[dict[str, Any]]:
    try:
        return found.to_patch()
    except ValueError as error:
        raise UsageError(str(error)) from error


def _record(values: ComparedValues, options: Options, patch: list[dict[str, Any]] | None) -> dict[str, Any]:
    record: dict[str, Any] = {
        "equal": values.equal,
        "changes": [explained.to_dict() for explained in values.changes],
        "more": values.found.more,
        "ignored": list(options.ignore),
        **values.record,
    }
    if patch is not None:
        record["patch"] = patch
    if options.detail:
        from engine.replay.diffing.detail import detailed_report

        report = detailed_report(values.old, values.new, deadline=_DEADLINE)
        record["detail"] = {"text": report.text, "delta": report.delta, "note": report.note}
    return record


def _print(printer: Printer, values: ComparedValues, options: Options) -> None:
    glyphs = printer.glyphs
    printer.line((glyphs.removed, "red"), f" {values.title[0]}")
    printer.line((glyphs.added, "green"), f" {values.title[1]}")
    if values.equal:
        printer.line((glyphs.completed, "green"), f" {values.sentence or 'nothing differs'}")
    else:
        told = values.sentence or answer(len(values.changes), values.found.more)
        printer.line((glyphs.changed, "yellow"), f" {told}")
        differing = {str(explained.change.keys[0]) for explained in values.changes if explained.change.keys}
        same = [name for name in values.new if name not in differing] if isinstance(values.new, dict) else []
        print_differences(printer, values.changes, values.found.more, same, values.history)
    if options.ignore:
        printer.line((f"ignored: {printer.beside(*options.ignore)}", "dim"))
    if options.detail and not values.equal:
        from engine.replay.diffing.detail import detailed_report

        report = detailed_report(values.old, values.new, deadline=_DEADLINE)
        printer.heading("In detail")
        printer.block(report.text, indent=2)
        if report.note:
            printer.line((f"{glyphs.info} {report.note}", "yellow"))
