"""The picture of an execution as a page that names nothing outside itself and runs no script."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape

from dive_tui.exporting.formats import Scope
from dive_tui.exporting.picture import THEME, draw, title
from engine.model.snapshot import ExecutionSummary
from engine.replay.history import History

_PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="UTF-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>TITLE</title>
<style>
{stylesheet}
body {{ color: {foreground}; background-color: {background}; margin: 2em; }}
pre {{ font-family: Menlo, 'DejaVu Sans Mono', Consolas, monospace; line-height: 1.2; }}
</style>
</head>
<body>
<pre><code style="font-family:inherit">{code}</code></pre>
</body>
</html>
"""


def pieces(history: History, summary: ExecutionSummary, scope: Scope) -> Iterator[str]:
    """The page."""
    shown = escape(title(summary)).replace("{", "{{").replace("}", "}}")
    yield draw(history, summary, scope).export_html(theme=THEME, code_format=_PAGE.replace("TITLE", shown))
