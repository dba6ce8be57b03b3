"""Options that several commands share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from cyclopts import Parameter

Ascii = Annotated[bool, Parameter(name="--ascii", help="Draw with ASCII only.")]


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class Common:
    """What every command on a store takes."""

    store: Annotated[
        str | None,
        Parameter(metavar="PATH", help="The store; else $DIVE_STORE, the project's, the nearest .dive."),
    ] = None
    ascii: Ascii = False


Execution = Annotated[
    str,
    Parameter(name="EXEC", help="An id, a beginning or ending of one, last, last-failed, last-N."),
]
Json = Annotated[bool, Parameter(name="--json", help="Print JSON for scripts.")]
