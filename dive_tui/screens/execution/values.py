"""Breakpoints and changes of values in words."""

from __future__ import annotations

import re

from dive_tui.widgets.json.json_text import preview
from engine.replay.addressing.addresses import MISSING
from engine.replay.addressing.setting import Write
from engine.replay.session.breakpoints import BreakpointError, parse_breakpoint

_VALUE_CELLS = 60
_GLOB_SIGNS = re.compile(r"([*?[])")


def breakpoint_here(kind: str, step_name: str) -> str:
    """The text of a breakpoint at this step and this kind of event; of a kind that breakpoints do not know, the step.

    Empty where neither is there.
    """
    step = ""
    if step_name:
        literal = _GLOB_SIGNS.sub(r"[\1]", step_name)
        quoted = literal.replace("\\", "\\\\").replace('"', '\\"')
        step = f"step:{literal}" if re.fullmatch(r"[\w.-]+", literal) else f'step:"{quoted}"'
    try:
        parse_breakpoint(f"type:{kind}")
    except BreakpointError:
        return step
    return f"type:{kind} {step}".strip()


def write_words(address: str, write: Write) -> str:
    """`cart.total set to 12 by event 44 (was 10)`."""
    was = "was not there" if write.old is MISSING else f"was {preview(write.old, _VALUE_CELLS)}"
    if write.new is MISSING:
        return f"{address} removed by event {write.sequence} ({was})"
    return f"{address} set to {preview(write.new, _VALUE_CELLS)} by event {write.sequence} ({was})"
