"""Executions as files for other people and other tools: one module per format, the list of them in `formats`."""

from dive_tui.exporting.formats import (
    FORMATS,
    Format,
    Scope,
    UnknownFormatError,
    find_format,
    format_of,
    pieces,
    render,
    suggested_name,
)
from dive_tui.exporting.writing import write

__all__ = [
    "FORMATS",
    "Format",
    "Scope",
    "UnknownFormatError",
    "find_format",
    "format_of",
    "pieces",
    "render",
    "suggested_name",
    "write",
]
