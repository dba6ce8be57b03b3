"""Options that several commands share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from cyclopts import Parameter


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class Common:
    """What every command on a store takes."""

    store: Annotated[
        str | None,
        Parameter(
            help="Where executions are recorded. Default: $DIVE_STORE, the project's setting, the nearest .dive."
        ),
    ] = None
    ascii: Annotated[bool, Parameter(help="Draw with ASCII only, as by itself where the locale is not UTF-8.")] = False


Execution = Annotated[
    str,
    Parameter(name="EXEC", help="An id, an unambiguous beginning or ending of one, last, last-failed or last-N."),
]
Json = Annotated[bool, Parameter(name="--json", help="Print JSON for scripts.")]
