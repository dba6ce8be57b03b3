"""Content items of prompt steps: texts, files and documents, read when the file is loaded."""

from __future__ import annotations

import re
from collections.abc import Iterator
from glob import iglob
from itertools import islice
from pathlib import Path
from typing import Any, Final

from engine.core.expression_errors import shown_text
from engine.loading.dive_shapes import CONTENT_KINDS, text_of
from engine.loading.dive_templates import literal
from engine.loading.files import read_limited
from engine.loading.findings import Findings
from engine.loading.problems import LoadError, Location

MAX_FILES: Final = 100
"""Files one pattern may stand for."""
MAX_CHARACTERS: Final = 500_000
"""Characters all content items of a workflow may have together: they are recorded with every execution."""
_TEXT_FILES: Final = frozenset({".txt", ".md", ".markdown", ".csv", ".json"})
_WILDCARD = re.compile(r"[*?\[{]")
_BRACES = re.compile(r"\{([^{}]*)\}")
_MOST_PATTERNS = 64
_LONGEST_PATTERN = 500

_NOT_HERE: Final = {
    "URL": "nothing is fetched while a file is loaded; fetch it in a step with an action, and put it into the Prompt",
    "Dynamic": "a script cannot give content here; compute the text in a step, and put it into the Prompt",
    "DynamicFrom": "no program is run while a file is loaded; run it in a step with an action, and put what it gives "
    "into the Prompt",
}


class ContentReader:
    """Reads the content items of one workflow file."""

    def __init__(self, found: Findings, base: Path, documents: dict[str, dict[str, Any]]) -> None:
        self.found = found
        self.base = base
        self.documents = documents
        self.characters = 0

    def read(self, at: Location, item: Any) -> list[str]:
        """The texts a content item stands for, as templates without expressions."""
        if not isinstance(item, dict):
            return []
        kinds = [kind for kind in CONTENT_KINDS if item.get(kind)]
        if len(kinds) != 1:
            what = " and ".join(map(repr, kinds)) or "nothing"
            self.found.error(at, f"a content item holds exactly one of {', '.join(CONTENT_KINDS)}, not {what}")
            return []
        kind, value = kinds[0], item[kinds[0]]
        if not isinstance(value, str):
            return []
        place = (*at, kind)
        texts = list(self._texts(place, kind, value))
        before, self.characters = self.characters, self.characters + sum(map(len, texts))
        if before <= MAX_CHARACTERS < self.characters:
            self.found.error(place, f"with this the content has more than {MAX_CHARACTERS:,} characters")
        return [literal(text) for text in texts]

    def _texts(self, at: Location, kind: str, value: str) -> Iterator[str]:
        if kind == "Text":
            yield value.strip()
        elif kind == "Path":
            yield from self._files(at, value)
        elif kind == "Document":
            yield from self._document(at, value)
        else:
            self.found.error(at, f"{shown_text(kind)} cannot be shown: {_NOT_HERE[kind]}", on_key=True)

    def _files(self, at: Location, pattern: str) -> Iterator[str]:
        for path in self._matches(at, pattern):
            text = self._file(at, path)
            if text is None:
                return
            yield _named(path.name, text)

    def _matches(self, at: Location, pattern: str) -> list[Path]:
        if not _WILDCARD.search(pattern):
            return [self.base / pattern]
        if len(pattern) > _LONGEST_PATTERN:
            self.found.error(at, f"a pattern must not be longer than {_LONGEST_PATTERN} characters")
            return []
        patterns = list(islice(_without_braces(pattern), _MOST_PATTERNS + 1))
        if len(patterns) > _MOST_PATTERNS:
            self.found.error(at, f"the braces stand for more than {_MOST_PATTERNS} patterns")
            return []
        matches: set[Path] = set()
        for one in patterns:
            # Path.glob takes no pattern that begins at the root of the disk.
            paths = (self.base / match for match in iglob(one, root_dir=self.base, recursive=True))  # noqa: PTH207
            matches.update(islice((path for path in paths if path.is_file()), MAX_FILES + 1))
        if len(matches) > MAX_FILES:
            self.found.error(at, f"more than {MAX_FILES} files match {shown_text(pattern)}")
            return []
        if not matches:
            self.found.error(at, f"no file matches {shown_text(pattern)}")
        return sorted(matches)

    def _file(self, at: Location, path: Path) -> str | None:
        if path.suffix.lower() not in _TEXT_FILES:
            known = ", ".join(sorted(_TEXT_FILES))
            self.found.error(at, f"{shown_text(path.name)} cannot be shown; content is a text file: {known}")
            return None
        try:
            if path.exists() and not path.is_file():
                raise LoadError.about(str(path), "this is no file")
            return read_limited(path).decode("utf-8-sig")
        except UnicodeDecodeError:
            self.found.error(at, f"{shown_text(path.name)} is not a text file in UTF-8")
        except LoadError as problem:
            self.found.error(at, f"{shown_text(path.name)}: {problem.problems[0].message}")
        except (OSError, ValueError) as problem:
            self.found.error(at, f"{shown_text(path.name)} cannot be read: {problem}")
        return None

    def _document(self, at: Location, name: str) -> Iterator[str]:
        document = self.documents.get(name)
        if document is None:
            hint = self.found.suggestion(name, self.documents)
            self.found.error(at, f"there is no document {shown_text(name)}{hint}")
        elif content := text_of(document, "Content"):
            yield _named(name, content)
        elif path := text_of(document, "Path"):
            yield from self._files(at, path)
        else:
            self.found.error(at, f"the document {shown_text(name)} has neither 'Content' nor 'Path'")


def _named(name: str, text: str) -> str:
    return f'<file name="{name}">\n{text}\n</file>'


def _without_braces(pattern: str) -> Iterator[str]:
    """The patterns that `{a,b}` stands for; brackets that hold no comma are taken as they are."""
    braces = _BRACES.search(pattern)
    if braces is None:
        yield pattern
        return
    for option in braces[1].split(","):
        yield from _without_braces(pattern[: braces.start()] + option + pattern[braces.end() :])
