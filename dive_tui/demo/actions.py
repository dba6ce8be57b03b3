"""The actions of the demonstration: parse a file, measure it, and report what is wrong with it."""

from __future__ import annotations

import ast
import time
from pathlib import Path
from typing import Any

from dive_tui import action

Measure = dict[str, Any]


class BrokenFileError(Exception):
    """Files that do not parse: there is nothing to report on until somebody mends them."""


@action(name="Python.Measure")
def measure_file(path: str, pace: float = 0.0) -> Measure:
    """Parse a Python file and count what is in it, taking at least `pace` seconds.

    Returns `{path, lines, functions, classes, problem}`; `problem` is null for a file that parses, else one sentence.
    """
    time.sleep(pace)
    source = Path(path).read_text(encoding="utf-8")
    measure: Measure = {"path": path, "lines": len(source.splitlines()), "functions": 0, "classes": 0, "problem": None}
    try:
        nodes = list(ast.walk(ast.parse(source, path)))
    except SyntaxError as error:
        measure["problem"] = f"line {error.lineno}: {error.msg}"
        print(f"{path}: {measure['problem']}")
    else:
        measure["functions"] = sum(isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) for node in nodes)
        measure["classes"] = sum(isinstance(node, ast.ClassDef) for node in nodes)
    return measure


@action(name="Report.Markdown")
def markdown_report(measures: list[Measure], title: str) -> str:
    """A Markdown table of the files, the longest first."""
    rows = sorted(measures, key=lambda m: -m["lines"])
    lines = [f"# {title}", "", "| file | lines | functions | classes |", "|---|---:|---:|---:|"]
    lines += [f"| {m['path']} | {m['lines']} | {m['functions']} | {m['classes']} |" for m in rows]
    print(f"{len(rows)} files, {sum(m['lines'] for m in rows):,} lines")
    return "\n".join(lines) + "\n"


@action(name="Report.Problems")
def problem_report(problems: list[Measure], pace: float = 0.0) -> str:
    """A list of the files that do not parse, taking at least `pace` seconds.

    Raises:
        BrokenFileError: there are some; that is no report to publish but work to do.
    """
    time.sleep(pace)
    print(f"{len(problems)} of the files have problems")
    for entry in problems:
        raise BrokenFileError(f"{entry['path']} does not parse: {entry['problem']}")
    return "no problems\n"
