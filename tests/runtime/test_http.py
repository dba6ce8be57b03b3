"""HTTP requests against a real server: what comes back, and whether the outcome of what failed is known."""

from __future__ import annotations

import asyncio
import gzip
import socket
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
import pytest_asyncio

from engine.core.settle import Outcome
from engine.runtime.actions import ActionRegistry
from engine.runtime.attempt import run_attempt
from engine.runtime.config import PersistenceConfig
from engine.runtime.context import ActionContext
from engine.runtime.http import request
from engine.runtime.http_answer import MAX_ANSWER, AnswerError, Body
from engine.runtime.threads import DaemonThreads
from engine.testing.ports import FakeClock
from tests.runtime.http_server import Server, serving, squeezed

KEY = "exec_01/main/Charge Card/1#0"


@pytest_asyncio.fixture
async def server(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Server]:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    async with serving() as started:
        yield started


async def send(timeout_of_step: float | None = None, effect_key: str = KEY, **parameters: Any) -> Outcome:
    return await run_attempt(
        ActionRegistry().register(request),
        parameters,
        context=ActionContext(effect_key=effect_key),
        clock=FakeClock(),
        threads=DaemonThreads(),
        config=PersistenceConfig(max_payload=10_000_000),
        timeout=timeout_of_step,
    )


async def echoed(server: Server, **parameters: Any) -> dict[str, Any]:
    outcome = await send(url=server.url("/echo"), **parameters)
    assert not outcome.error_type, outcome.error
    echo: dict[str, Any] = outcome.output["json"]
    return echo


# What is sent


async def test_a_request_is_a_get_and_carries_the_effect_key(server: Server) -> None:
    echo = await echoed(server)
    assert (echo["method"], echo["target"], echo["body"]) == ("GET", "/echo", "")
    assert echo["headers"]["idempotency-key"] == KEY
    assert echo["headers"]["user-agent"].startswith("dive-tui/")


async def test_an_idempotency_key_of_ones_own_comes_first(server: Server) -> None:
    echo = await echoed(server, headers={"Idempotency-Key": "mine"})
    assert echo["headers"]["idempotency-key"] == "mine"


async def test_without_an_effect_key_there_is_no_header(server: Server) -> None:
    outcome = await send(url=server.url("/echo"), effect_key="")
    assert "idempotency-key" not in outcome.output["json"]["headers"]


async def test_a_key_is_written_so_that_a_header_can_hold_it(server: Server) -> None:
    outcome = await send(url=server.url("/echo"), effect_key="exec/main/Zürich\n/1#0")
    assert outcome.output["json"]["headers"]["idempotency-key"] == "exec/main/Z%C3%BCrich%0A/1#0"
    keys = set()
    for key in ("x" * 300, "x" * 301):
        outcome = await send(url=server.url("/echo"), effect_key=key)
        keys.add(outcome.output["json"]["headers"]["idempotency-key"])
    assert len(keys) == 2
    assert all(len(key) == 71 and key.startswith("sha256-") for key in keys)


async def test_json_body_query_and_headers_are_sent(server: Server) -> None:
    echo = await echoed(
        server, method="post", json={"a": [1, "ü"]}, query={"q": "a b", "n": [1, 2], "ok": True}, headers={"X-A": " b "}
    )
    assert echo["method"] == "POST"
    assert echo["target"] == "/echo?q=a+b&n=1&n=2&ok=true"
    assert echo["body"] == '{"a":[1,"ü"]}'
    assert echo["headers"]["content-type"] == "application/json"
    assert echo["headers"]["x-a"] == "b"


async def test_a_text_body_is_sent_as_it_is(server: Server) -> None:
    echo = await echoed(server, method="PUT", body="grün", headers={"content-type": "text/plain"})
    assert (echo["body"], echo["headers"]["content-type"]) == ("grün", "text/plain")


async def test_a_query_is_added_to_that_of_the_address(server: Server) -> None:
    outcome = await send(url=server.url("/echo?a=1"), query={"b": 2})
    assert outcome.output["json"]["target"] == "/echo?a=1&b=2"


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"url": "ftp://127.0.0.1/"}, "the address must begin with http:// or https:// and name a host"),
        ({"url": "http:///path"}, "the address must begin with http:// or https:// and name a host"),
        ({"url": "http://[::1"}, "Invalid"),
        ({"method": "GE T"}, "'GE T' is no method"),
        ({"json": 1, "body": "x"}, "it can have 'json' or 'body', not both"),
        ({"headers": {"a b": "c"}}, "the header 'a b' has characters that no header may have"),
        ({"headers": {"a": "c\r\nd: e"}}, "the header 'a' has characters that no header may have"),
        ({"headers": {"Content-Length": "5"}}, "the header 'Content-Length' is not for a step to set"),
        ({"query": {"a": {"b": 1}}}, "the query parameter 'a' must be a plain value or a list of them"),
        ({"query": {"a": [[1]]}}, "the query parameter 'a' must be a plain value or a list of them"),
        ({"expect": "2x"}, "'expect' is a status such as 404 or 2xx, or a list of them, not '2x'"),
    ],
)
async def test_what_makes_no_request_is_never_retried(server: Server, parameters: Any, message: str) -> None:
    outcome = await send(**{"url": server.url("/echo"), **parameters})
    assert (outcome.error_type, outcome.known) == ("Fatal", True)
    assert message in outcome.error
    assert server.seen == []


@pytest.mark.parametrize("timeout", [0, -1, "5"])
async def test_a_timeout_is_a_number_above_0(server: Server, timeout: Any) -> None:
    outcome = await send(url=server.url("/echo"), timeout=timeout)
    assert outcome.phase == "parameters"
    assert "the parameter 'timeout' should be" in outcome.error


# What comes back


async def test_an_answer_has_status_headers_and_body(server: Server) -> None:
    outcome = await send(url=server.reply("/x", "201 Created", b"made", X_A="1", Set_Cookie="session=abc"))
    assert outcome.output == {"status": 201, "headers": {"content-length": "4", "x-a": "1"}, "body": "made"}


@pytest.mark.parametrize(
    ("kind", "body", "field"),
    [
        ("application/json; charset=utf-8", b'{"a": 1}', {"json": {"a": 1}}),
        ("application/problem+json", b"[1]", {"json": [1]}),
        ("application/json", b"oops", {"body": "oops"}),
        ("text/plain; charset=latin-1", "grün".encode("latin-1"), {"body": "grün"}),
        ("text/plain", b"gr\xfcn", {"body": "gr\ufffdn"}),
        ("text/plain; charset=nonsense", "grün".encode(), {"body": "grün"}),
        ("text/plain; charset=base64", b"text", {"body": "text"}),
        ("image/png", b"", {"body": ""}),
    ],
)
async def test_a_body_is_json_or_text_by_its_charset(server: Server, kind: str, body: bytes, field: Any) -> None:
    outcome = await send(url=server.reply("/x", "200 OK", body, Content_Type=kind))
    assert {key: outcome.output[key] for key in ("json", "body") if key in outcome.output} == field


async def test_a_compressed_answer_is_unpacked(server: Server) -> None:
    outcome = await send(
        url=server.reply("/x", "200 OK", gzip.compress(b"much" * 1_000, mtime=0), Content_Encoding="gzip")
    )
    assert outcome.output["body"] == "much" * 1_000


@pytest.mark.parametrize("status", ["404 Not Found", "400 Bad Request", "500 Oops", "503 Later"])
async def test_a_refusal_is_a_known_error_with_the_beginning_of_its_body(server: Server, status: str) -> None:
    url = server.reply("/x", status, b"because " * 1_000)
    outcome = await send(url=f"{url}?token=hush")
    assert (outcome.error_type, outcome.known) == ("HTTPStatusError", True)
    assert outcome.error == f"GET {url}: {status}"
    assert outcome.details == {"status": int(status[:3]), "body": "because " * 250}


@pytest.mark.parametrize(
    ("expect", "status", "fine"),
    [
        (404, 404, True),
        ("404", 404, True),
        ("4xx", 418, True),
        ([200, "4XX"], 404, True),
        ([200, "4xx"], 201, False),
        ("2xx", 404, False),
        (None, 304, True),
        (None, 399, True),
    ],
)
async def test_expect_says_which_statuses_are_no_error(server: Server, expect: Any, status: int, fine: bool) -> None:
    outcome = await send(url=server.reply("/x", f"{status} X"), expect=expect)
    assert (outcome.error_type == "") is fine
    assert outcome.output is None or outcome.output["status"] == status


# Redirects


async def test_redirects_are_followed(server: Server) -> None:
    server.reply("/a", "302 Found", Location="/b")
    server.reply("/b", "307 Again", Location="/echo")
    outcome = await send(url=server.url("/a"), headers={"X-Api-Key": "k"})
    assert outcome.output["json"]["target"] == "/echo"
    assert outcome.output["json"]["headers"]["x-api-key"] == "k"


async def test_another_server_sees_no_credentials(server: Server) -> None:
    async with serving() as other:
        server.reply("/away", "307 Over There", Location=other.url("/echo"))
        outcome = await send(
            url=server.url("/away"), method="POST", json=[1], headers={"X-Api-Key": "k", "Authorization": "a"}
        )
    headers = outcome.output["json"]["headers"]
    assert outcome.output["json"]["body"] == "[1]"
    assert headers.keys() & {"x-api-key", "authorization", "idempotency-key"} == set()
    assert headers["host"] == f"127.0.0.1:{other.port}"


async def test_redirects_have_an_end(server: Server) -> None:
    server.reply("/loop", "302 Found", Location="/loop")
    outcome = await send(url=server.url("/loop"))
    assert (outcome.error_type, outcome.known) == ("HTTPRedirectError", True)
    assert outcome.error == f"{server.url('/loop')}: more than 5 redirects"
    assert outcome.details == {"status": 302, "location": server.url("/loop")}
    assert len(server.seen) == 6


async def test_a_redirect_to_something_else_than_http_is_refused(server: Server) -> None:
    outcome = await send(url=server.reply("/x", "302 Found", Location="ftp://127.0.0.1/secret"))
    assert (outcome.error_type, outcome.known) == ("HTTPRedirectError", True)
    assert "redirects to something else than HTTP" in outcome.error


async def test_a_redirect_to_where_nobody_answers_leaves_the_outcome_unknown(server: Server) -> None:
    outcome = await send(
        url=server.reply("/x", "303 See", Location=f"http://127.0.0.1:{closed_port()}/"), method="POST"
    )
    assert (outcome.error_type, outcome.known) == ("OutcomeUnknown", False)


# Known and unknown


def closed_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


async def test_a_refused_connection_is_known(server: Server) -> None:
    outcome = await send(url=f"http://user:hush@127.0.0.1:{closed_port()}/x?token=hush")
    assert (outcome.error_type, outcome.known) == ("HTTPConnectError", True)
    assert "hush" not in outcome.error


async def test_a_name_that_nobody_has_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*_: object, **__: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    outcome = await send(url="http://nobody.invalid/")
    assert (outcome.error_type, outcome.known) == ("HTTPConnectError", True)


async def test_tls_that_fails_before_anything_is_sent_is_known() -> None:
    async def no_tls(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        writer.close()

    async with await asyncio.start_server(no_tls, "127.0.0.1", 0) as listening:
        port = listening.sockets[0].getsockname()[1]
        outcome = await send(url=f"https://127.0.0.1:{port}/")
    assert (outcome.error_type, outcome.known) == ("HTTPConnectError", True)
    assert "WRONG_VERSION_NUMBER" in outcome.error


async def test_a_server_that_takes_no_connection_in_time_is_known() -> None:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen(0)
        host, port = listening.getsockname()
        # The queue is full now: whoever else comes waits.
        held = [socket.socket() for _ in range(4)]
        for one in held:
            one.setblocking(False)
            one.connect_ex((host, port))
        try:
            outcome = await send(url=f"http://{host}:{port}/", timeout=0.2)
        finally:
            for one in held:
                one.close()
    assert (outcome.error_type, outcome.known) == ("HTTPConnectError", True)
    assert outcome.error.endswith("no answer within 0.2 s")


@pytest.mark.parametrize("path", ["/stall", "/stall-midway"])
async def test_a_server_that_stalls_leaves_the_outcome_unknown(server: Server, path: str) -> None:
    outcome = await send(url=server.url(path), timeout=0.2)
    assert (outcome.error_type, outcome.known) == ("OutcomeUnknown", False)
    assert outcome.error == f"GET {server.url(path)}: no answer within 0.2 s"


async def test_the_time_limit_of_the_step_leaves_the_outcome_unknown(server: Server) -> None:
    outcome = await send(0.2, url=server.url("/stall"))
    assert (outcome.error_type, outcome.known) == ("Timeout", False)


async def test_a_cancelled_request_ends_its_connection(server: Server) -> None:
    task = asyncio.create_task(send(url=server.url("/stall")))
    await server.stalled.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


@pytest.mark.parametrize("path", ["/reset", "/reset-at-once"])
async def test_a_reset_leaves_the_outcome_unknown(server: Server, path: str) -> None:
    outcome = await send(url=server.url(path), method="POST", json=1)
    assert (outcome.error_type, outcome.known) == ("OutcomeUnknown", False)
    assert len(server.seen) == 1


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"HTTP/1.1 200 OK\r\ncontent-le",
        b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nshort",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nab",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nabcde\r\n",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n",
        b"\x00\xff garbage \r\n\r\n",
        b"SSH-2.0-OpenSSH\r\n",
        b"HTTP/1.1 999999 OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"x: " + b"y" * 500_000 + b"\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\ncontent-length: 5\r\n\r\nhello",
    ],
)
async def test_what_is_no_whole_answer_leaves_the_outcome_unknown(server: Server, raw: bytes) -> None:
    outcome = await send(url=server.answer("/x", raw))
    assert (outcome.error_type, outcome.known) == ("OutcomeUnknown", False)
    assert outcome.error.startswith(f"GET {server.url('/x')}: ")


@pytest.mark.parametrize(
    ("body", "encoding", "message"),
    [
        (gzip.compress(b"x" * 1_000, mtime=0)[:-9], "gzip", "the compressed answer is cut short"),
        (b"no gzip", "gzip", "the compressed answer is damaged"),
        (b"x", "br", "the answer is compressed with 'br', which nobody asked for"),
        (squeezed(MAX_ANSWER + 1), "gzip", "the answer is larger than 2,097,152 bytes"),
        (squeezed(100_000_000), "gzip", "the answer is larger than 2,097,152 bytes"),
    ],
)
async def test_a_compressed_answer_that_cannot_be_taken_leaves_the_outcome_unknown(
    server: Server, body: bytes, encoding: str, message: str
) -> None:
    outcome = await send(url=server.reply("/x", "200 OK", body, Content_Encoding=encoding))
    assert (outcome.error_type, outcome.known) == ("OutcomeUnknown", False)
    assert message in outcome.error
    assert outcome.details == {"status": 200}


async def test_an_answer_is_never_unpacked_beyond_its_largest_size() -> None:
    body = Body(httpx2.Response(200, headers={"content-encoding": "gzip"}))
    with pytest.raises(AnswerError):
        body.add(squeezed(100_000_000))
    assert len(body.content) == MAX_ANSWER + 1


async def test_an_answer_has_a_largest_size(server: Server) -> None:
    fits = await send(url=server.reply("/x", "200 OK", b"x" * MAX_ANSWER))
    assert len(fits.output["body"]) == MAX_ANSWER
    outcome = await send(url=server.reply("/x", "200 OK", b"x" * (MAX_ANSWER + 1)))
    assert (outcome.error_type, outcome.known) == ("OutcomeUnknown", False)


async def test_a_gigabyte_is_not_read(server: Server) -> None:
    outcome = await send(url=server.url("/flood"))
    assert (outcome.error_type, outcome.known) == ("OutcomeUnknown", False)
    assert outcome.details == {"status": 200}


def test_the_client_is_imported_with_the_first_request_only() -> None:
    source = Path(request.__code__.co_filename).read_text()
    assert "\nimport httpx2" not in source
