"""What a person is told to do about a store that cannot do what was asked."""

from __future__ import annotations

import errno

import pytest

from dive_tui.app.trouble import trouble
from engine.store import (
    DamagedHistoryError,
    DamagedStoreError,
    ForeignStoreError,
    ReadOnlyError,
    StoreError,
    StoreNotFoundError,
)
from stores.files import BusyError


def caused(error: StoreError, code: int) -> StoreError:
    error.__cause__ = OSError(code, "because")
    return error


@pytest.mark.parametrize(
    ("error", "words", "maintain"),
    [
        (StoreNotFoundError("gone"), "O opens another store", False),
        (ForeignStoreError("foreign"), "O opens another store", False),
        (DamagedStoreError("bad"), "V says what is damaged", True),
        (DamagedHistoryError("bad", place="x"), "V says what is damaged", True),
        (ReadOnlyError("may not"), "Nothing was changed", False),
        (BusyError("locked"), "tried again", False),
        (caused(StoreError("failed"), errno.ENOSPC), "Make room on its disk", False),
        (StoreError("failed: no space is left on its disk"), "Make room on its disk", False),
        (caused(StoreError("failed"), errno.EIO), "What was read stays here", False),
    ],
)
def test_each_trouble_has_its_remedy(error: StoreError, words: str, maintain: bool) -> None:
    told = trouble(error)
    assert told.sentence == str(error)
    assert words in told.remedy
    assert told.maintain is maintain


@pytest.mark.parametrize(
    ("sentence", "left"),
    [
        ("there is no store at /x: make one with `dive-tui run`, or name one with --store", "there is no store at /x"),
        ("the database /x is damaged (bad): dive-tui verify tells what", "the database /x is damaged (bad)"),
        ("the store at /dive-tui is gone", "the store at /dive-tui is gone"),
    ],
)
def test_in_the_app_no_commands_are_told(sentence: str, left: str) -> None:
    assert trouble(StoreError(sentence)).sentence == left


def test_only_what_is_gone_is_looked_for() -> None:
    assert trouble(StoreNotFoundError("gone")).gone
    assert not trouble(StoreError("failed")).gone
