"""Regular expressions typed by a person, tried on recorded text: no pattern takes longer than the text is long.

Python's own engine backtracks, and while it does nothing else in the process runs: one `(a+)+$` would freeze whoever
searches in a thread. The engine of Rust's regex, which pydantic brings along, takes time in proportion to the text; in
return it knows no look-around and no references back.
"""

from __future__ import annotations

from collections.abc import Callable

from engine.core.expression_errors import shown_text
from engine.core.query import QueryError

TEXT_LIMIT = 65_536
"""Characters of a text that are looked at: the largest patterns need some microseconds for each."""
_LONGEST = 1_000


def text_test(pattern: str, any_case: bool = False) -> Callable[[str], bool]:
    """What tells whether a pattern is found anywhere in the first 65,536 characters of a text.

    Raises:
        QueryError: the pattern cannot be read, is longer than 1,000 characters, or repeats too much.
    """
    from pydantic_core import SchemaError, SchemaValidator, core_schema  # imported late: most queries need none

    if len(pattern) > _LONGEST:
        raise QueryError(f"a regular expression has at most {_LONGEST:,} characters")
    try:
        validator = SchemaValidator(
            core_schema.str_schema(pattern=f"(?i){pattern}" if any_case else pattern, regex_engine="rust-regex")
        )
    except SchemaError as error:
        raise QueryError(
            f"the regular expression /{shown_text(pattern)[1:-1]}/ cannot be used: {_why(error)}"
        ) from None
    return lambda text: validator.isinstance_python(text[:TEXT_LIMIT])


def _why(error: Exception) -> str:
    last = str(error).strip().rpartition("\n")[2].strip()
    if "size limit" in last:
        return "it repeats too much"
    return last.removeprefix("error: ")
