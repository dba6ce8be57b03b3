"""How commands that execute record: which durability is asked for, and what is said of the store meanwhile."""

from __future__ import annotations

import contextlib
import re
import time
from collections.abc import Callable, Iterator
from typing import Annotated

from cyclopts import Parameter

from dive_tui.cli.problems import STORE_TROUBLE, CommandError
from engine.loading.project import Project
from engine.model.ids import short_id
from engine.runtime.config import Durability, PersistenceConfig
from engine.runtime.losses import RecordingError
from engine.runtime.notices import Notice, StoreTrouble

DurabilityOption = Annotated[
    Durability | None,
    Parameter(
        name="--durability", help="What recorded steps survive: full (the default) a loss of power, see the documents."
    ),
]
_FAILED = re.compile(r"\Athe store at .+? failed: ")
SAY_AGAIN = 5.0
"""Seconds between two lines that say the same store fails."""


def persistence(option: Durability | None, project: Project) -> PersistenceConfig:
    """How to record: as `--durability` says, else as the project does."""
    return PersistenceConfig(durability=option or project.durability or "full")


class NoticeTeller:
    """Tells on stderr of a failing store, now and then, and of sizes, each once."""

    def __init__(self, say: Callable[[str], None], clock: Callable[[], float] = time.monotonic) -> None:
        """`say` writes a line, whatever else is being written."""
        self._say = say
        self._clock = clock
        self._said: float | None = None
        """When it was last said that the store fails; None while it works."""

    def __call__(self, notice: Notice) -> None:
        if not isinstance(notice, StoreTrouble):
            self._say(f"warning: execution {short_id(notice.execution_id)}: {notice}")
        elif notice.over:
            if self._said is not None:
                self._say(str(notice))
            self._said = None
        elif self._said is None or self._clock() - self._said >= SAY_AGAIN:
            self._said = self._clock()
            self._say(str(notice._replace(problem=_cause(notice.problem))))


@contextlib.contextmanager
def losses_told() -> Iterator[None]:
    """Tell of outcomes that a failing store did not take.

    Raises:
        CommandError: the store failed while something was to be recorded; a sentence for each outcome that is lost.
    """
    try:
        yield
    except RecordingError as error:
        lost = [f"not recorded: {unit} (effect key {unit.effect_key})" for unit in error.units]
        sentence = f"the store failed, the execution is interrupted: {_cause(str(error))}"
        raise CommandError(sentence, *lost, exit_code=STORE_TROUBLE) from error


def _cause(problem: str) -> str:
    """What a store says of its failure, without the words that it failed: they are said already."""
    return _FAILED.sub("", problem)
