"""The picture of an execution as SVG, which names nothing outside itself."""

from __future__ import annotations

from collections.abc import Iterator

from dive_tui.exporting.formats import Scope
from dive_tui.exporting.picture import THEME, draw, title
from engine.model.snapshot import ExecutionSummary
from engine.replay.history import History

_IMAGE = """\
<svg class="rich-terminal" viewBox="0 0 {width} {height}" xmlns="http://www.w3.org/2000/svg">
<style>
.{unique_id}-matrix {{
  font-family: 'Fira Code', 'DejaVu Sans Mono', Menlo, Consolas, monospace;
  font-size: {char_height}px; line-height: {line_height}px;
}}
.{unique_id}-title {{ font-family: sans-serif; font-size: 16px; font-weight: bold; }}
{styles}
</style>
<defs>
<clipPath id="{unique_id}-clip-terminal">
<rect x="0" y="0" width="{terminal_width}" height="{terminal_height}"/>
</clipPath>
{lines}
</defs>
{chrome}
<g transform="translate({terminal_x}, {terminal_y})" clip-path="url(#{unique_id}-clip-terminal)">
{backgrounds}
<g class="{unique_id}-matrix">
{matrix}
</g>
</g>
</svg>
"""


def pieces(history: History, summary: ExecutionSummary, scope: Scope) -> Iterator[str]:
    """The image."""
    yield draw(history, summary, scope).export_svg(
        title=title(summary), theme=THEME, code_format=_IMAGE, unique_id="execution"
    )
