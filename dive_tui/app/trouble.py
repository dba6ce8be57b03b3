"""What a person can do about a store that cannot do what was asked."""

from __future__ import annotations

import errno
import re
from typing import NamedTuple

from engine.store import (
    DamagedHistoryError,
    DamagedInboxError,
    DamagedStoreError,
    ForeignStoreError,
    ReadOnlyError,
    StoreError,
    StoreNotFoundError,
)

_COMMANDS = re.compile(r"(: | \()(make one with )?`?dive-tui .*", re.DOTALL)
"""How a store tells whoever works with commands what to do; in the app keys do it."""


class Trouble(NamedTuple):
    """What a banner says."""

    sentence: str
    remedy: str
    """What to do."""
    maintain: bool = False
    """Whether looking at the store's files is what to do."""
    gone: bool = False
    """Whether what was opened is no longer at its place; something else may be."""


def without_commands(sentence: str) -> str:
    """What a store says, without the commands that would help outside of the app."""
    return _COMMANDS.sub("", sentence)


def trouble(error: StoreError) -> Trouble:
    """What an error of a store means for whoever looks at it."""
    from stores.files import BusyError

    sentence = without_commands(str(error))
    match error:
        case DamagedStoreError() | DamagedHistoryError() | DamagedInboxError():
            return Trouble(sentence, "V says what is damaged, and repairs what it can.", maintain=True)
        case StoreNotFoundError():
            remedy = "What was read stays; it is looked for again. O opens another store."
            return Trouble(sentence, remedy, gone=True)
        case ForeignStoreError():
            return Trouble(sentence, "O opens another store.")
        case ReadOnlyError():
            return Trouble(sentence, "Nothing was changed. A copy can be: V, then c.")
        case BusyError():
            return Trouble(sentence, "It is tried again every second.")
    if _is_full(error):
        return Trouble(sentence, "Make room on its disk; what was acknowledged is safe, and it is tried again.")
    return Trouble(sentence, "What was read stays here. It is tried again every second.")


def _is_full(error: BaseException) -> bool:
    cause = error.__cause__
    if isinstance(cause, OSError) and cause.errno in (errno.ENOSPC, errno.EDQUOT):
        return True
    return "no space is left" in str(error)
