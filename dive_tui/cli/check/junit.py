"""Results as JUnit XML, which build servers show as tests."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple
from xml.etree.ElementTree import Element, SubElement, indent, tostring

# What XML 1.0 has no place for, not even escaped.
_ILLEGAL = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_LONGEST = 20_000


class Case(NamedTuple):
    """One test: it passed unless it says otherwise."""

    group: str
    name: str
    failure: str = ""
    """Why it failed, in a sentence."""
    error: str = ""
    """Why it could not be run."""
    details: str = ""
    """More about either."""
    output: str = ""
    """What else there is to say."""


def junit_xml(suite: str, cases: Sequence[Case]) -> bytes:
    """The XML of one suite, in UTF-8. Characters that XML cannot hold become U+FFFD, long texts are cut."""
    counts = {
        "tests": str(len(cases)),
        "failures": str(sum(bool(case.failure) and not case.error for case in cases)),
        "errors": str(sum(bool(case.error) for case in cases)),
    }
    root = Element("testsuites", counts)
    within = SubElement(root, "testsuite", {"name": _legal(suite), **counts})
    for case in cases:
        told = SubElement(within, "testcase", {"classname": _legal(case.group), "name": _legal(case.name)})
        if case.error or case.failure:
            what = SubElement(
                told, "error" if case.error else "failure", {"message": _legal(case.error or case.failure)}
            )
            what.text = _legal(case.details) or None
        if case.output:
            SubElement(told, "system-out").text = _legal(case.output)
    indent(root)
    text: bytes = tostring(root, encoding="utf-8", xml_declaration=True)
    return text + b"\n"


def _legal(text: str) -> str:
    return _ILLEGAL.sub("\N{REPLACEMENT CHARACTER}", text[:_LONGEST])
