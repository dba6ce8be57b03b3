"""What goes wrong, as a sentence for a person and an exit code for a script."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable

USAGE = 2
STORE_TROUBLE = 4
INTERNAL = 70
"""A mistake of ours, as `sysexits.h` has it: no code of a command's own outcome may be mistaken for it."""

EXIT_CODES = {
    "cyclopts.exceptions.CycloptsError": USAGE,
    "engine.core.expression_errors.ExpressionProblem": USAGE,
    "engine.core.query.QueryError": USAGE,
    "engine.core.references.ReferenceProblem": USAGE,
    "engine.core.normalize.NotJsonError": USAGE,
    "engine.lifecycle.errors.ExecutionEndedError": USAGE,
    "engine.lifecycle.errors.ForeignHistoryError": USAGE,
    "engine.lifecycle.errors.KeyInUseError": USAGE,
    "engine.lifecycle.errors.MissingWorkflowError": USAGE,
    "engine.lifecycle.errors.NewerHistoryError": STORE_TROUBLE,
    "engine.loading.inputs.InputError": USAGE,
    "engine.loading.problems.LoadError": USAGE,
    "engine.loading.project.ProjectError": USAGE,
    "engine.model.ids.InvalidIdError": USAGE,
    "engine.model.signals.InvalidSignalError": USAGE,
    "engine.model.snapshot.InvalidFilterError": USAGE,
    "engine.runtime.actions.ActionError": USAGE,
    "engine.runtime.agents.AgentError": USAGE,
    "engine.replay.addressing.addresses.AddressError": USAGE,
    "engine.replay.session.breakpoints.BreakpointError": USAGE,
    "engine.core.reduce.HistoryError": STORE_TROUBLE,
    "engine.store.OwnedError": USAGE,
    "engine.store.UnknownExecutionError": USAGE,
    "engine.store.StoreError": STORE_TROUBLE,
    "builtins.OSError": STORE_TROUBLE,
}
"""By full name, so that telling an error loads nothing that was not needed to raise it."""


REPAIRABLE = frozenset({"engine.store.DamagedHistoryError", "engine.store.DamagedInboxError"})
"""By full name, too."""
_DAMAGE = re.compile(r"(?:of|to) (\S+) ((?:is|are) damaged at|makes no sense|cannot be read)")


class CommandError(Exception):
    """Ends a command with sentences on stderr and an exit code."""

    def __init__(self, *sentences: str, exit_code: int, traceback: str = "") -> None:
        super().__init__("\n".join(sentences))
        self.problems = list(sentences)
        self.exit_code = exit_code
        self.traceback = traceback
        """Of the code of a project, when that is what went wrong."""


class UsageError(CommandError):
    """The command line itself is wrong."""

    def __init__(self, *sentences: str, traceback: str = "") -> None:
        super().__init__(*sentences, exit_code=USAGE, traceback=traceback)


def explain(error: BaseException) -> int:
    """Tell an error on stderr, a line per sentence, and return the exit code it stands for."""
    code = exit_code(error)
    if code == INTERNAL:
        what = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
        tell([f"this is a mistake in dive-tui itself ({what}); run the command again with --debug to see where"])
    else:
        tell(sentences(error))
    return code


def exit_code(error: BaseException) -> int:
    """The exit code an error stands for."""
    own: int | None = getattr(error, "exit_code", None)
    if own is not None:
        return own
    names = [f"{kind.__module__}.{kind.__qualname__}" for kind in type(error).__mro__]
    return next((EXIT_CODES[name] for name in names if name in EXIT_CODES), INTERNAL)


def sentences(error: BaseException) -> list[str]:
    """What an error says: one sentence, or all of those it gathered."""
    if f"{type(error).__module__}.{type(error).__qualname__}" in REPAIRABLE:
        return [with_remedy(str(error))]
    gathered: list[object] | None = getattr(error, "problems", None)
    if gathered:
        return [str(problem) for problem in gathered]
    if isinstance(error, OSError) and error.strerror:
        return [f"{error.filename}: {error.strerror}" if error.filename else error.strerror]
    return [str(error) or type(error).__name__]


def with_remedy(damage: str) -> str:
    """A sentence that names a damaged execution, and what to do about that."""
    named = _DAMAGE.search(damage)
    if named is None:
        return damage
    reference = named[1][-5:]
    saves = f", dive-tui repair {reference} saves the rest" if named[2].endswith("damaged at") else ""
    return f"{damage}; dive-tui verify {reference} tells more{saves}"


def tell(lines: Iterable[str]) -> None:
    """Write lines to stderr, safe to show whatever they hold."""
    from dive_tui.app.text import display_text

    sys.stdout.flush()
    for line in lines:
        sys.stderr.write(display_text(line) + "\n")
    sys.stderr.flush()
