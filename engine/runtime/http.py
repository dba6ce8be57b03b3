"""The built-in action for HTTP requests. Each has a connection of its own, so it is known whether anything was sent."""

from __future__ import annotations

import asyncio
import functools
import hashlib
import re
from typing import TYPE_CHECKING, Annotated, Any
from urllib.parse import quote

from pydantic import Field

import engine
from engine.runtime.actions import action
from engine.runtime.context import ActionContext
from engine.runtime.errors import ActionFailure, Fatal, OutcomeUnknown
from engine.runtime.http_answer import Answer, AnswerError, read_answer

if TYPE_CHECKING:
    import httpx2

MAX_REDIRECTS = 5
_EXCERPT = 2_000
_MAX_KEY = 255
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_VALUE = re.compile(r"[\t\x20-\x7e]*")
_PATTERN = re.compile(r"[1-5](xx|[0-9][0-9])")
_SCHEMES = ("http", "https")
_OURS = ("content-length", "transfer-encoding", "connection")
_KEPT_ELSEWHERE = ("accept", "accept-encoding", "content-type", "content-length", "user-agent", "host")
"""Headers that a redirect to another server may see; every other one may be a credential."""


class HTTPStatusError(ActionFailure):
    """The server answered with a status that was not expected. `details`: `{status, body}`, the body's beginning."""


class HTTPConnectError(ActionFailure):
    """No connection came about, so nothing was sent."""


class HTTPRedirectError(ActionFailure):
    """Redirects that lead nowhere. `details`: `{status, location}` of the last one."""


class _Sending:
    """Whether anything of the request may have reached a server."""

    def __init__(self) -> None:
        self.begun = False

    async def trace(self, event: str, _: Any) -> None:
        self.begun = self.begun or event.endswith("send_request_headers.started")


@action(name="HTTP.Request")
async def request(
    context: ActionContext,
    url: str,
    method: str = "GET",
    headers: dict[str, str] | None = None,
    query: dict[str, Any] | None = None,
    json: Any = None,
    body: str | None = None,
    timeout: Annotated[float, Field(gt=0)] = 30.0,  # noqa: ASYNC109 - a parameter of the step
    expect: int | str | list[int | str] | None = None,
) -> dict[str, Any]:
    """Send a request and return `{status, headers, json}`, or `body` in place of `json` when the answer is no JSON.

    `timeout` is in seconds, for everything together. `expect` names the statuses that are no error, as numbers or
    as `2xx`; without it all below 400 are.

    Raises:
        Fatal: parameters that make no request.
        HTTPConnectError: no connection came about; nothing was sent.
        HTTPStatusError: the server answered with a status that is not expected.
        HTTPRedirectError: more than 5 redirects, or one to something else than HTTP.
        OutcomeUnknown: the request was sent, and no whole answer came back.
    """
    import httpx2

    allowed = _expected(expect)
    client = _client()
    try:
        if json is not None and body is not None:
            raise ValueError("it can have 'json' or 'body', not both")
        content = {"content": body} if json is None else {"json": json}
        made = client.build_request(
            _method(method), _address(url, query), headers=_headers(headers or {}, context.effect_key), **content
        )
    except (httpx2.InvalidURL, TypeError, ValueError) as error:
        raise Fatal(f"this makes no request: {error}") from None
    sending = _Sending()
    where = f"{made.method} {_shown(made.url)}"
    try:
        async with asyncio.timeout(timeout), client:
            answer = await _exchange(client, made, sending)
    except TimeoutError:
        raise _failed(f"{where}: no answer within {timeout:g} s", sending) from None
    except (httpx2.HTTPError, httpx2.StreamError) as error:
        raise _failed(f"{where}: {_reason(error)}", sending) from error
    except AnswerError as error:
        raise OutcomeUnknown(f"{where}: {error}", details={"status": error.status}) from None
    if not allowed(answer.status):
        details = {"status": answer.status, "body": answer.text[:_EXCERPT]}
        raise HTTPStatusError(f"{where}: {answer.status} {answer.reason}".rstrip(), details=details)
    return answer.to_dict()


def _client() -> httpx2.AsyncClient:
    import httpx2

    # The whole exchange has one limit of time, and only an answer that was asked for in gzip can be bounded.
    headers = {"user-agent": f"dive-tui/{engine.__version__}", "accept": "*/*", "accept-encoding": "gzip"}
    return httpx2.AsyncClient(verify=_tls(), timeout=None, headers=headers)


@functools.cache
def _tls() -> Any:
    import httpx2

    return httpx2.create_ssl_context()


def _method(text: str) -> str:
    if not _TOKEN.fullmatch(text):
        raise ValueError(f"{text[:40]!r} is no method")
    return text.upper()


def _address(text: str, query: dict[str, Any] | None) -> httpx2.URL:
    import httpx2

    address = httpx2.URL(text)
    if address.scheme not in _SCHEMES or not address.host:
        raise ValueError("the address must begin with http:// or https:// and name a host")
    for name, value in (query or {}).items():
        if any(isinstance(part, dict | list) for part in (value if isinstance(value, list) else [value])):
            raise ValueError(f"the query parameter {name[:40]!r} must be a plain value or a list of them")
    return address.copy_merge_params(query) if query else address


def _headers(given: dict[str, str], effect_key: str) -> dict[str, str]:
    headers = {"idempotency-key": _header_text(effect_key)} if effect_key else {}
    for name, value in given.items():
        lower = name.lower()
        if not _TOKEN.fullmatch(name) or not _VALUE.fullmatch(value):
            raise ValueError(f"the header {name[:40]!r} has characters that no header may have")
        if lower in _OURS:
            raise ValueError(f"the header {name!r} is not for a step to set")
        headers[lower] = value.strip()
    return headers


def _header_text(key: str) -> str:
    """The key in characters that a header may have, and no more of them than servers take."""
    text = quote(key, safe="!#$&'()*+,/:;=?@[]~ ")
    return text if len(text) <= _MAX_KEY else "sha256-" + hashlib.sha256(key.encode()).hexdigest()


def _expected(expect: int | str | list[int | str] | None) -> Any:
    if expect is None:
        return lambda status: status < 400
    patterns = [str(pattern).lower() for pattern in (expect if isinstance(expect, list) else [expect])]
    for pattern in patterns:
        if not _PATTERN.fullmatch(pattern):
            raise Fatal(f"'expect' is a status such as 404 or 2xx, or a list of them, not {pattern[:40]!r}")
    return lambda status: any(pattern in (str(status), f"{status // 100}xx") for pattern in patterns)


async def _exchange(client: httpx2.AsyncClient, made: httpx2.Request, sending: _Sending) -> Answer:
    """The answer, after redirects."""
    for _ in range(MAX_REDIRECTS + 1):
        made.extensions["trace"] = sending.trace
        response = await client.send(made, stream=True)
        try:
            following = response.next_request
            if following is None:
                return await read_answer(response)
        finally:
            await response.aclose()
        details = {"status": response.status_code, "location": _shown(following.url)}
        if following.url.scheme not in _SCHEMES:
            raise HTTPRedirectError(f"{_shown(made.url)} redirects to something else than HTTP", details=details)
        if not _same_server(made.url, following.url):
            for name in [name for name in following.headers if name not in _KEPT_ELSEWHERE]:
                del following.headers[name]
        made = following
    raise HTTPRedirectError(f"{_shown(made.url)}: more than {MAX_REDIRECTS} redirects", details=details)


def _same_server(one: httpx2.URL, other: httpx2.URL) -> bool:
    return (one.scheme, one.host, one.port) == (other.scheme, other.host, other.port)


def _failed(message: str, sending: _Sending) -> ActionFailure:
    return OutcomeUnknown(message) if sending.begun else HTTPConnectError(message)


def _reason(error: Exception) -> str:
    cause: BaseException = error
    while not str(cause) and (cause.__cause__ or cause.__context__):
        cause = cause.__cause__ or cause.__context__ or cause
    return f"{type(error).__name__}: {cause}" if str(cause) else type(error).__name__


def _shown(url: httpx2.URL) -> str:
    """The address without user, password and query, which may be secrets."""
    return str(url.copy_with(username=None, password=None, query=None, fragment=None))[:500]
