"""What a person can do about a store that cannot do what was asked."""

from __future__ import annotations

import errno
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

READ_ONLY = "This store can only be looked at: dive-tui migrate makes one of it that can be changed."


class Trouble(NamedTuple):
    """What a banner says."""

    sentence: str
    remedy: str
    """What to do."""
    maintain: bool = False
    """Whether looking at the store's files is what to do."""


def trouble(error: StoreError) -> Trouble:
    """What an error of a store means for whoever looks at it."""
    from stores.files import BusyError

    sentence = str(error)
    match error:
        case DamagedStoreError() | DamagedHistoryError() | DamagedInboxError():
            return Trouble(sentence, "V says what is damaged, and repairs what it can.", maintain=True)
        case StoreNotFoundError():
            return Trouble(sentence, "What was read stays here, and it is looked for again. O opens another store.")
        case ForeignStoreError():
            return Trouble(sentence, "O opens another store.")
        case ReadOnlyError():
            return Trouble(sentence, "Nothing was changed. Who may write there, or a copy: dive-tui copy")
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
