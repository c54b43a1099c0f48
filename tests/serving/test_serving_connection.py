"""A client's connection: requests one after another, replies in their order, and what HTTP/1.1 says of the rest."""

from __future__ import annotations

import asyncio
import gzip
import json
from collections.abc import Callable, Coroutine
from time import monotonic
from typing import Any

import pytest
from serving_support import ROW, AppReply, Memory, connect

from serving.app import App
from serving.connection import HEAD_LIMIT, Connection
from serving.listening import _sweep
from serving.predictor import Predictor

BODY = json.dumps({"instances": [ROW]}).encode()


def post(body: bytes = BODY, *headers: str, path: str = "/predict", version: str = "1.1") -> bytes:
    """The bytes of a request."""
    lines = [f"POST {path} HTTP/{version}", "host: x", f"content-length: {len(body)}", *headers, "", ""]
    return "\r\n".join(lines).encode() + body


def get(path: str, *headers: str, method: str = "GET", version: str = "1.1") -> bytes:
    return "\r\n".join([f"{method} {path} HTTP/{version}", "host: x", *headers, "", ""]).encode()


def connected(app: App, test: Callable[[Connection, Memory], Coroutine[Any, Any, None]]) -> None:
    """Run a test with a connection, inside a loop."""

    async def run() -> None:
        await test(*connect(app))

    asyncio.run(run())


def sent(app: App, *pieces: bytes) -> tuple[list[AppReply], Memory]:
    """All replies to what is sent, piece by piece."""
    found: list[AppReply] = []
    kept: list[Memory] = []

    async def test(connection: Connection, transport: Memory) -> None:
        kept.append(transport)
        for piece in pieces:
            connection.data_received(piece)
        for _ in range(200):
            while (reply := transport.take()) is not None:
                found.append(reply)
            if not app.metrics.in_flight:
                break
            await asyncio.sleep(0.005)

    connected(app, test)
    return found, kept[0]


def test_a_request_is_answered_byte_by_byte(app: App) -> None:
    whole = post()
    replies, transport = sent(app, *(whole[at : at + 1] for at in range(len(whole))))
    assert [reply.json()["predictions"] for reply in replies] == [["setosa"]]
    assert not transport.closed
    assert app.metrics.in_flight == 0


def test_requests_that_come_together_are_answered_in_their_order(app: App) -> None:
    replies, _ = sent(app, post() + get("/nowhere") + post(b"{") + get("/ping"))
    assert [reply.status for reply in replies] == [200, 404, 400, 200]


def test_a_slow_request_holds_up_those_behind_it_and_nothing_is_read_meanwhile(app: App) -> None:
    slow = post(gzip.compress(BODY), "content-encoding: gzip")

    async def test(connection: Connection, transport: Memory) -> None:
        connection.data_received(slow + get("/ping") + slow + get("/metrics"))
        assert transport.paused
        assert not transport.written
        assert app.metrics.in_flight == 4
        found = []
        for _ in range(400):
            if (reply := transport.take()) is not None:
                found.append(reply.status if reply.body[:1] == b"{" else "metrics")
            elif len(found) == 4:
                break
            else:
                await asyncio.sleep(0.005)
        assert found == [200, 200, 200, "metrics"]
        assert not transport.paused

    connected(app, test)


def test_a_client_that_leaves_early_is_forgotten(app: App) -> None:
    async def test(connection: Connection, transport: Memory) -> None:
        connection.data_received(post()[:-10])
        assert app.metrics.in_flight == 1
        transport.close()
        connection.connection_lost(None)
        assert app.metrics.in_flight == 0

    connected(app, test)


def test_a_client_that_leaves_during_a_slow_request_is_counted_and_not_written_to(app: App) -> None:
    async def test(connection: Connection, transport: Memory) -> None:
        connection.data_received(post(gzip.compress(BODY), "content-encoding: gzip") + get("/ping"))
        transport.close()
        connection.connection_lost(None)
        for _ in range(400):
            if not app.metrics.in_flight:
                break
            await asyncio.sleep(0.005)
        assert app.metrics.in_flight == 0
        assert b'route="/predict",code="200"} 1' in app.metrics.text()

    connected(app, test)


@pytest.mark.parametrize(
    ("version", "header", "closed", "said"),
    [
        ("1.1", "x: y", False, None),
        ("1.1", "connection: close", True, "close"),
        ("1.0", "x: y", True, "close"),
        ("1.0", "connection: keep-alive", False, "keep-alive"),
    ],
)
def test_connections_live_on_as_the_client_wants(
    app: App, version: str, header: str, closed: bool, said: str | None
) -> None:
    (reply,), transport = sent(app, post(BODY, header, version=version))
    assert (reply.status, reply.headers.get("connection"), transport.closed) == (200, said, closed)


def test_what_follows_the_last_request_is_passed_over(app: App) -> None:
    replies, transport = sent(app, post(BODY, "connection: close") + post(), post())
    assert [reply.status for reply in replies] == [200]
    assert transport.closed


@pytest.mark.parametrize(
    ("data", "status", "message"),
    [
        (b"garbage\r\n\r\n", 400, "not an HTTP/1.1 request"),
        (b"GET /ping HTTP/1.1\r\n" + b"x: " + b"y" * HEAD_LIMIT + b"\r\n\r\n", 431, "larger than 65536 bytes"),
        (get("/" + "x" * HEAD_LIMIT), 431, "larger than 65536 bytes"),
        (post(BODY, "transfer-encoding: chunked"), 400, "not an HTTP/1.1 request"),
        (post(BODY, "connection: upgrade", "upgrade: h2c"), 501, "without 'Upgrade'"),
    ],
)
def test_what_cannot_be_read_is_told_and_ends_the_connection(app: App, data: bytes, status: int, message: str) -> None:
    replies, transport = sent(app, data + post(), post())
    assert [reply.status for reply in replies] == [status]
    assert message in replies[0].json()["error"]
    assert replies[0].headers["connection"] == "close"
    assert transport.ended
    assert app.metrics.in_flight == 0


def test_a_bad_request_behind_a_good_one_leaves_the_good_one_its_reply(app: App) -> None:
    replies, _ = sent(app, post(gzip.compress(BODY), "content-encoding: gzip") + b"garbage\r\n\r\n")
    assert [reply.status for reply in replies] == [200, 400]


def test_an_offer_to_upgrade_is_passed_over(app: App) -> None:
    offer = get("/ping", "connection: upgrade, http2-settings", "upgrade: h2c", "http2-settings: AAMA")
    assert [reply.status for reply in sent(app, offer + get("/v2"))[0]] == [200, 200]


def test_a_client_that_waits_for_a_word_gets_it(app: App) -> None:
    async def test(connection: Connection, transport: Memory) -> None:
        whole = post(BODY, "expect: 100-continue")
        connection.data_received(whole[: -len(BODY)])
        assert bytes(transport.written) == b"HTTP/1.1 100 Continue\r\n\r\n"
        transport.written.clear()
        connection.data_received(BODY)
        reply = transport.take()
        assert reply is not None
        assert reply.status == 200

    connected(app, test)


def test_head_has_the_length_and_no_body(app: App) -> None:
    async def test(connection: Connection, transport: Memory) -> None:
        connection.data_received(get("/v2", method="HEAD"))
        head = transport.take(bodiless=True)
        assert not transport.written
        connection.data_received(get("/v2"))
        full = transport.take()
        assert head is not None
        assert full is not None
        assert (head.status, head.headers["content-length"]) == (200, str(len(full.body)))

    connected(app, test)


@pytest.mark.parametrize(
    "target", ["/predict?x=1", "http://127.0.0.1:8080/predict", "/%70redict", "http://x/predict?y"]
)
def test_targets_are_paths_without_their_query(app: App, target: str) -> None:
    assert [reply.status for reply in sent(app, post(path=target))[0]] == [200]


def test_every_reply_has_a_date_and_names_the_model(app: App) -> None:
    (reply,), _ = sent(app, get("/ping"))
    assert reply.headers["date"].endswith(" GMT")
    assert reply.headers["x-model-name"] == "iris"


def test_a_reader_that_does_not_read_stops_the_reading(app: App) -> None:
    async def test(connection: Connection, transport: Memory) -> None:
        connection.pause_writing()
        assert transport.paused
        connection.resume_writing()
        assert not transport.paused

    connected(app, test)


def test_silent_clients_are_ended(app: App) -> None:
    async def test(connection: Connection, transport: Memory) -> None:
        _sweep({connection})
        assert not transport.closed
        connection.last_seen = monotonic() - 700
        _sweep({connection})
        assert transport.closed

    connected(app, test)


def test_a_request_that_never_ends_is_refused(app: App) -> None:
    async def test(connection: Connection, transport: Memory) -> None:
        connection.data_received(post()[:-5])
        connection.last_seen = monotonic() - 61
        _sweep({connection})
        reply = transport.take()
        assert reply is not None
        assert (reply.status, transport.ended) == (408, True)
        assert "not complete after 60 s" in reply.json()["error"]
        assert app.metrics.in_flight == 0

    connected(app, test)


def test_a_broken_request_is_counted_and_the_next_one_answered(app: App, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as broken:
        broken.setattr(Predictor, "predict", lambda self, rows: 1 / 0)
        assert [reply.status for reply in sent(app, post())[0]] == [500]
    assert [reply.status for reply in sent(app, post())[0]] == [200]
