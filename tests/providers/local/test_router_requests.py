"""The router between real clients and real (stand-in) servers: every way a request can go."""

from __future__ import annotations

import json
import socket
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent / "support"))

from local_cloud import Load, ask, eventually
from router_process import Routed, route
from scipy.stats import chisquare

from providers.local.router.table import Address
from providers.local.supervisor import ports


@pytest.fixture
def routed(private_places: Path) -> Iterator[Routed]:
    made = Routed(private_places)
    yield made
    made.close()


def test_a_reply_names_version_and_deployment(routed: Routed) -> None:
    address, _ = routed.server(7)
    routed.route(route(7, address))
    code, headers, body = ask(routed.port)
    assert (code, headers["x-model-version"], headers["x-mooring-deployment"]) == (200, "7", "main")
    assert json.loads(body)["model_version"] == "7"


def test_the_router_names_version_and_deployment_where_the_server_does_not(routed: Routed) -> None:
    address, _ = routed.server(7)
    routed.route(route(7, address))
    _, headers, _ = ask(routed.port, "/big", None)
    assert (headers["x-model-version"], headers["x-mooring-deployment"]) == ("7", "main")


def test_headers_of_the_connection_are_not_forwarded_and_all_others_are(routed: Routed) -> None:
    address, _ = routed.server(1)
    routed.route(route(1, address))
    sent = {"Connection": "close, X-Private", "X-Private": "1", "TE": "trailers", "X-Mine": "kept"}
    received = {k.lower(): v for k, v in json.loads(ask(routed.port, "/headers", None, sent)[2]).items()}
    assert received["x-mine"] == "kept"
    assert not {"connection", "te", "x-private", "transfer-encoding"} & set(received)


def test_shares_fit_the_weights(routed: Routed) -> None:
    a, _ = routed.server(1, "a")
    b, _ = routed.server(2, "b")
    routed.route(route(1, a, weight=70, deployment="a"), route(2, b, weight=30, deployment="b"))
    seen = Counter(ask(routed.port)[1]["x-model-version"] for _ in range(400))
    assert chisquare([seen["1"], seen["2"]], [280, 120]).pvalue > 0.001


def test_a_caller_chooses_a_deployment_even_one_without_traffic(routed: Routed) -> None:
    a, _ = routed.server(1, "a")
    b, _ = routed.server(2, "b")
    routed.route(route(1, a, deployment="a"), route(2, b, weight=0, deployment="b"))
    assert {ask(routed.port, headers={"x-mooring-deployment": "b"})[1]["x-model-version"] for _ in range(5)} == {"2"}
    assert {ask(routed.port)[1]["x-model-version"] for _ in range(5)} == {"1"}


def test_an_unknown_deployment_is_404_and_names_the_known_ones(routed: Routed) -> None:
    a, _ = routed.server(1, "a")
    routed.route(route(1, a, deployment="a"))
    code, _, body = ask(routed.port, headers={"x-mooring-deployment": "c"})
    assert code == 404
    assert json.loads(body)["deployments"] == ["a"]
    assert "no deployment 'c'" in json.loads(body)["error"]


def test_nothing_up_is_503_and_says_so(routed: Routed) -> None:
    routed.route(route(1, Address("127.0.0.1", ports.choose())))
    code, headers, body = ask(routed.port)
    assert code == 503
    assert headers["content-type"] == "application/json"
    assert "cannot be reached" in json.loads(body)["error"] or "no replica" in json.loads(body)["error"]
    assert ask(routed.port, "/healthz", None)[0] == 503


def test_an_empty_table_is_503(routed: Routed) -> None:
    routed.route()
    assert ask(routed.port)[0] == 503


def test_a_replica_that_is_down_is_avoided(routed: Routed) -> None:
    good, _ = routed.server(1)
    routed.route(route(1, Address("127.0.0.1", ports.choose()), good))
    assert [ask(routed.port)[0] for _ in range(20)] == [200] * 20


def test_a_request_on_a_killed_replica_is_answered_by_another(routed: Routed) -> None:
    a, first = routed.server(1, delay=0.5)
    b, _ = routed.server(1)
    routed.route(route(1, a))
    codes: list[int] = []
    threads = [threading.Thread(target=lambda: codes.append(ask(routed.port)[0])) for _ in range(4)]
    for thread in threads:
        thread.start()
    eventually(lambda: routed.stats()["slots"]["main-1"]["in_flight"] == 4)
    routed.route(route(1, a, b))
    first.kill()
    for thread in threads:
        thread.join()
    assert codes == [200] * 4
    assert routed.stats()["retries"] >= 4


def test_a_replica_comes_back_when_it_is_ready_again(routed: Routed) -> None:
    port = ports.choose()
    routed.route(route(1, Address("127.0.0.1", port)))
    assert ask(routed.port)[0] == 503
    routed.write()
    import subprocess

    from local_cloud import SERVER

    process = subprocess.Popen([sys.executable, "-S", str(SERVER), str(port), "1", "main"])
    routed.processes.append(process)
    eventually(lambda: ask(routed.port)[0] == 200, what="the replica")
    assert eventually(lambda: list(routed.stats()["up"].values()) == [True])


def test_large_bodies_are_streamed_both_ways(routed: Routed) -> None:
    address, _ = routed.server(1)
    routed.route(route(1, address))
    code, _, body = ask(routed.port, body=b"y" * 20_000_000)
    assert (code, json.loads(body)["predictions"]) == (200, [20_000_000])
    assert ask(routed.port, "/big", None)[2] == b"x" * 5_000_000


def test_an_early_refusal_of_a_large_body_reaches_the_client(routed: Routed) -> None:
    address, _ = routed.server(1)
    routed.route(route(1, address))
    with socket.create_connection(("127.0.0.1", routed.port), 20) as connection:
        connection.sendall(b"POST /early HTTP/1.1\r\nhost: x\r\ncontent-length: 30000000\r\n\r\n")
        for _ in range(30):
            connection.sendall(b"y" * 1_000_000)
        received = connection.recv(65536)
    assert received.startswith(b"HTTP/1.1 413")
    assert b"connection: close" in received


@pytest.mark.parametrize("size", [10, 3_000_000])
def test_a_chunked_request_arrives_whole(routed: Routed, size: int) -> None:
    address, _ = routed.server(1)
    routed.route(route(1, address))
    chunks = b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in [b"z" * (size // 2)] * 2) + b"0\r\n\r\n"
    head = b"POST /predict HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\nconnection: close\r\n\r\n"
    reply = routed.raw(head + chunks)
    assert reply.startswith(b"HTTP/1.1 200")
    assert json.loads(reply.partition(b"\r\n\r\n")[2])["predictions"] == [size]


def test_pipelined_requests_are_answered_in_their_order(routed: Routed) -> None:
    address, _ = routed.server(1, delay=0.01)
    routed.route(route(1, address))
    one = b"POST /predict HTTP/1.1\r\nhost: x\r\nconnection: %b\r\ncontent-length: %d\r\n\r\n%b"
    kept = [one % (b"keep-alive", n, b"b" * n) for n in range(1, 29)]
    reply = routed.raw(b"".join(kept) + one % (b"close", 29, b"b" * 29))
    lengths = [json.loads(part.partition(b"}")[0] + b"}")["predictions"][0] for part in reply.split(b"\r\n\r\n")[1:]]
    assert lengths == list(range(1, 30))


def test_many_pipelined_requests_to_the_router_itself_do_not_exhaust_the_stack(routed: Routed) -> None:
    routed.route()
    one = b"GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n"
    reply = routed.raw(one * 3000 + b"GET /metrics HTTP/1.0\r\n\r\n")
    assert reply.count(b"HTTP/1.1 503") == 3000


def test_head_has_no_body_and_the_connection_goes_on(routed: Routed) -> None:
    address, _ = routed.server(1)
    routed.route(route(1, address))
    reply = routed.raw(b"HEAD /x HTTP/1.1\r\nhost: x\r\n\r\nGET /y HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")
    first, _, rest = reply.partition(b"\r\n\r\n")
    assert b"content-length" in first.lower()
    assert rest.startswith(b"HTTP/1.1 200")
    assert b'"/y"' in rest


def test_a_reply_that_ends_with_its_connection_arrives_whole(routed: Routed) -> None:
    address, _ = routed.server(1)
    routed.route(route(1, address))
    assert ask(routed.port, "/until-close", None)[2] == b"to the end"


def test_http_1_0_clients_get_plain_bodies(routed: Routed) -> None:
    address, _ = routed.server(1)
    routed.route(route(1, address))
    reply = routed.raw(b"GET /big HTTP/1.0\r\n\r\n")
    head, _, body = reply.partition(b"\r\n\r\n")
    assert b"transfer-encoding" not in head.lower()
    assert body == b"x" * 5_000_000


def test_expect_100_continue_is_answered(routed: Routed) -> None:
    address, _ = routed.server(1)
    routed.route(route(1, address))
    with socket.create_connection(("127.0.0.1", routed.port), 10) as connection:
        connection.sendall(b"POST /predict HTTP/1.1\r\nhost: x\r\nexpect: 100-continue\r\ncontent-length: 3\r\n\r\n")
        assert connection.recv(100) == b"HTTP/1.1 100 Continue\r\n\r\n"
        connection.sendall(b"abc")
        assert connection.recv(1000).startswith(b"HTTP/1.1 200")


@pytest.mark.parametrize(
    ("sent", "code"),
    [
        (b"NONSENSE\r\n\r\n", b"400"),
        (b"GET / HTTP/1.1\r\nhost: x\r\nbad header\r\n\r\n", b"400"),
        (b"GET / HTTP/1.1\r\nhost: x\r\nx: " + b"a" * 70_000 + b"\r\n\r\n", b"431"),
        (b"GET / HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n", b"501"),
        (b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 3\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n", b"400"),
        (b"POST / HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n", b"400"),
    ],
    ids=["method", "header", "head too large", "upgrade", "two lengths", "chunk size"],
)
def test_a_bad_request_gets_one_clear_error_and_the_connection_ends(routed: Routed, sent: bytes, code: bytes) -> None:
    address, _ = routed.server(1)
    routed.route(route(1, address))
    reply = routed.raw(sent)
    assert reply.startswith(b"HTTP/1.1 " + code), reply
    assert b'"error"' in reply
    assert ask(routed.port)[0] == 200


def test_a_client_that_leaves_frees_its_request(routed: Routed) -> None:
    address, _ = routed.server(1, delay=3)
    routed.route(route(1, address))
    with socket.create_connection(("127.0.0.1", routed.port), 10) as connection:
        connection.sendall(b"POST /predict HTTP/1.1\r\nhost: x\r\ncontent-length: 0\r\n\r\n")
        eventually(lambda: routed.stats()["slots"]["main-1"]["in_flight"] == 1)
    eventually(lambda: routed.stats()["slots"]["main-1"]["in_flight"] == 0, 2.0)


def test_a_reply_that_does_not_come_is_504(routed: Routed) -> None:
    address, _ = routed.server(1, delay=30)
    routed.route(route(1, address), timeout=0.5)
    code, _, body = ask(routed.port)
    assert code == 504
    assert "0.5 s" in json.loads(body)["error"]
    assert routed.stats()["slots"]["main-1"]["codes"] == {"504": 1}


def test_a_5xx_of_the_server_is_passed_on_not_repeated(routed: Routed) -> None:
    a, _ = routed.server(1, fail=100)
    b, _ = routed.server(1, fail=100)
    routed.route(route(1, a, b))
    assert ask(routed.port)[0] == 500
    assert routed.stats()["slots"]["main-1"]["codes"] == {"500": 1}


def test_a_swap_under_load_fails_nothing_and_is_immediate(routed: Routed) -> None:
    old, _ = routed.server(1, delay=0.02)
    new, _ = routed.server(2, delay=0.02)
    routed.route(route(1, old))
    load = Load(routed.port)
    time.sleep(0.5)
    routed.route(route(2, new))
    moment = time.monotonic() + 0.3
    eventually(lambda: not routed.stats()["retired"], what="draining")
    time.sleep(0.7)
    load.stop()
    assert load.failures == []
    assert set(load.versions()) == {"1", "2"}
    assert set(load.versions(moment)) == {"2"}


def test_sigterm_finishes_what_is_under_way_and_takes_no_more(routed: Routed) -> None:
    address, _ = routed.server(1, delay=1)
    routed.route(route(1, address))
    codes: list[int] = []
    thread = threading.Thread(target=lambda: codes.append(ask(routed.port)[0]))
    thread.start()
    eventually(lambda: routed.stats()["slots"]["main-1"]["in_flight"] == 1)
    assert routed.router is not None
    routed.router.terminate()
    thread.join()
    assert codes == [200]
    assert routed.router.wait(5) == 0
    assert not routed.control.exists()


def test_a_killed_router_leaves_no_client_refused(routed: Routed) -> None:
    address, _ = routed.server(1)
    routed.route(route(1, address))
    assert routed.router is not None
    routed.router.kill()
    routed.router.wait()
    threading.Timer(0.3, routed.start).start()
    assert ask(routed.port)[0] == 200  # waited in the listening socket's queue


def test_metrics_count_by_deployment_version_and_code(routed: Routed) -> None:
    a, _ = routed.server(3, "a")
    routed.route(route(3, a, deployment="a"))
    for _ in range(5):
        ask(routed.port)
    code, headers, body = ask(routed.port, "/metrics", None)
    text = body.decode()
    assert code == 200
    assert headers["content-type"].startswith("text/plain; version=0.0.4")
    assert 'mooring_requests_total{deployment="a",model_version="3",code="200"} 5' in text
    assert 'mooring_request_duration_seconds_bucket{deployment="a",model_version="3",le="+Inf"} 5' in text
    assert 'mooring_request_duration_seconds_count{deployment="a",model_version="3"} 5' in text
    assert f'mooring_replica_up{{deployment="a",model_version="3",replica="{a.port}"}} 1' in text
    assert ask(routed.port, "/healthz", None)[0] == 200
    assert ask(routed.port, "/metrics", b"{}")[0] == 405
