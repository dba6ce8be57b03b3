"""Reading the answer to an HTTP request, however much of it the server sends."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING, Any, NamedTuple

import orjson

if TYPE_CHECKING:
    import httpx2

MAX_ANSWER = 2_097_152
"""Bytes of an answer's body, after decompression."""
_HIDDEN = ("set-cookie", "set-cookie2")


class AnswerError(Exception):
    """An answer that cannot be taken whole; it had a status all the same."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class Answer(NamedTuple):
    """A whole answer."""

    status: int
    reason: str
    headers: dict[str, str]
    content: bytes
    charset: str

    @property
    def text(self) -> str:
        """The body as text; what is none in the answer's charset (UTF-8 unless it says so) is replaced."""
        try:
            return self.content.decode(self.charset, "replace")
        except (LookupError, ValueError):  # there is no such charset, or it is none of text
            return self.content.decode("utf-8", "replace")

    def to_dict(self) -> dict[str, Any]:
        """`{status, headers, json}`, or `body` in place of `json`."""
        common = {"status": self.status, "headers": self.headers}
        kind = self.headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind == "application/json" or kind.endswith("+json"):
            try:
                return common | {"json": orjson.loads(self.content)}
            except orjson.JSONDecodeError:
                pass
        return common | {"body": self.text}


async def read_answer(response: httpx2.Response) -> Answer:
    """Read the body to its end.

    Raises:
        AnswerError: it is larger than 2 MiB, or in a compression that was not asked for, or its compressed form is
            damaged or cut short.
        httpx2.HTTPError: the connection broke.
    """
    status = response.status_code
    body = Body(response)
    async for chunk in response.aiter_raw():
        body.add(chunk)
    # What a cookie holds is a credential; a history is no place for it.
    headers = {name.lower(): value for name, value in response.headers.items() if name.lower() not in _HIDDEN}
    return Answer(status, response.reason_phrase, headers, body.whole(), response.charset_encoding or "utf-8")


class Body:
    """The body so far, decompressed; never more than may be kept, however small it was compressed."""

    def __init__(self, response: httpx2.Response) -> None:
        self._status = response.status_code
        self.content = bytearray()
        encoding = response.headers.get("content-encoding", "identity").strip().lower()
        if encoding not in ("identity", "gzip"):
            raise AnswerError(self._status, f"the answer is compressed with {encoding[:40]!r}, which nobody asked for")
        # 16 + 15: gzip, and its largest window.
        self._decompressor = zlib.decompressobj(31) if encoding == "gzip" else None
        self._begun = False

    def add(self, chunk: bytes) -> None:
        """Raises AnswerError when it is too much or damaged."""
        self._begun = True
        if self._decompressor is not None:
            try:
                chunk = self._decompressor.decompress(chunk, MAX_ANSWER + 1)
            except zlib.error as error:
                raise AnswerError(self._status, f"the compressed answer is damaged: {error}") from None
        self.content += chunk
        if len(self.content) > MAX_ANSWER:
            raise AnswerError(self._status, f"the answer is larger than {MAX_ANSWER:,} bytes")

    def whole(self) -> bytes:
        """Raises AnswerError when the end is missing."""
        if self._decompressor is not None and self._begun and not self._decompressor.eof:
            raise AnswerError(self._status, "the compressed answer is cut short")
        return bytes(self.content)
