"""The client against real HTTP on a socket, with the address taken from a state file."""

from __future__ import annotations

import datetime
import json
import socket
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import mooring
from mooring.client import Endpoint, PredictionFailed, PredictionRejected
from mooring.rows import as_rows
from providers.errors import InvalidInput, MooringError, NotFound, Unavailable

ROW = {"a": 1.5, "b": None}


class Handler(BaseHTTPRequestHandler):
    """Answers with the number of rows; `/status/N` with that status, `/close` with nothing."""

    protocol_version = "HTTP/1.1"
    seen: list[dict[str, Any]]
    connections: set[Any]

    def do_POST(self) -> None:
        self.connections.add(self.client_address)
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        self.seen.append(body)
        if self.path == "/hang":
            threading.Event().wait(1)
        if self.path == "/close":
            self.close_connection = True
            return
        status = int(self.path.removeprefix("/status/")) if "status" in self.path else 200
        reply: dict[str, Any] = {"error": "row 0: unknown column 'x'"}
        if status == 200:
            warned = [{"row": 0, "column": "a", "message": "1.5 is above 1"}]
            reply = {"predictions": ["p"] * len(body["instances"]), "model_version": "3", "warnings": warned}
        data = json.dumps(reply).encode()
        self.send_response(status)
        self.send_header("content-length", str(len(data)))
        self.send_header("x-model-name", "iris")
        self.send_header("x-mooring-deployment", self.headers.get("x-mooring-deployment", "blue"))
        self.end_headers()
        self.wfile.write(data)
        if self.path == "/once":  # closed by the server after its reply, without saying so
            self.close_connection = True

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing on stderr."""


class Server(ThreadingHTTPServer):
    """Quiet about clients that have gone."""

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A reply that nobody waits for any more."""


@pytest.fixture
def server() -> Iterator[ThreadingHTTPServer]:
    handler = type("OneTest", (Handler,), {"seen": [], "connections": set()})
    running = Server(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield running
    running.shutdown()
    running.server_close()
    thread.join()


def write_state(root: Path, endpoints: dict[str, str], stack: str = "local") -> Path:
    """A checkpoint with endpoints by name and prediction address."""
    base = f"urn:pulumi:{stack}::mooring::"
    resources: list[dict[str, Any]] = [
        {"urn": f"{base}pulumi:pulumi:Stack::mooring-{stack}", "type": "pulumi:pulumi:Stack", "outputs": {"x": 1}}
    ]
    for name, url in endpoints.items():
        urn = f"{base}mooring:infra:Hosting$moor:index:Endpoint::{name}"
        resources.append({"urn": urn, "type": "moor:index:Endpoint", "outputs": {"predictUrl": url}})
    resources.append({**resources[-1], "delete": True, "outputs": {"predictUrl": "http://127.0.0.1:1/old"}})
    file = root / ".mooring" / "backend" / ".pulumi" / "stacks" / "mooring" / f"{stack}.json"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps({"version": 3, "checkpoint": {"latest": {"resources": resources}}}))
    return file


Connect = Callable[[str], Endpoint]


@pytest.fixture
def connect(server: ThreadingHTTPServer, tmp_path: Path) -> Connect:
    """An endpoint whose address has the given path."""

    def made(path: str = "/predict") -> Endpoint:
        write_state(tmp_path, {"iris": f"http://127.0.0.1:{server.server_port}{path}"})
        return mooring.endpoint("local", root=tmp_path)

    return made


def test_a_prediction_tells_its_version_model_and_deployment(connect: Connect) -> None:
    reply = connect("/predict").predict([ROW, ROW])
    assert reply.predictions == ["p", "p"]
    assert (reply.model, reply.model_version, reply.deployment) == ("iris", "3", "blue")
    assert [(warned["row"], warned["column"]) for warned in reply.warnings] == [(0, "a")]
    assert reply.probabilities is None
    assert len(reply) == 2


def test_a_deployment_can_be_asked_for_by_name(connect: Connect) -> None:
    assert connect("/predict").predict([ROW], deployment="green").deployment == "green"


def test_one_connection_serves_many_requests(connect: Connect, server: Any) -> None:
    endpoint = connect("/predict")
    for _ in range(5):
        endpoint.predict([ROW])
    assert len(server.RequestHandlerClass.connections) == 1


def test_a_connection_that_the_server_closed_in_the_meantime_is_opened_again(connect: Connect, server: Any) -> None:
    endpoint = connect("/once")
    assert [endpoint.predict([ROW]).predictions for _ in range(3)] == [["p"]] * 3
    assert len(server.RequestHandlerClass.seen) == 3


def test_a_request_that_was_read_and_not_answered_is_not_repeated(connect: Connect, server: Any) -> None:
    with pytest.raises(Unavailable, match="closed the connection without a reply"):
        connect("/close").predict([ROW])
    assert len(server.RequestHandlerClass.seen) == 1


@pytest.mark.parametrize(
    ("status", "error"),
    [(400, PredictionRejected), (413, PredictionRejected), (500, PredictionFailed), (503, Unavailable)],
)
def test_the_server_s_own_words_are_in_the_error(connect: Connect, status: int, error: type[MooringError]) -> None:
    with pytest.raises(error, match=rf"endpoint 'iris' \({status}\): row 0: unknown column 'x'"):
        connect(f"/status/{status}").predict([ROW])


def test_a_server_that_hangs_is_given_up_after_the_timeout(connect: Connect) -> None:
    with pytest.raises(Unavailable, match=r"did not answer within 0.2 s"):
        connect("/hang").predict([ROW], timeout=0.2)


def test_nobody_at_the_address_is_unavailable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mooring.client.RETRY_WAIT_S", 0.01)
    write_state(tmp_path, {"iris": f"http://127.0.0.1:{free_port()}/predict"})
    with pytest.raises(Unavailable, match="mooring status --stack local"):
        Endpoint("local", root=tmp_path).predict([ROW])


def test_an_endpoint_that_moved_is_found_again(connect: Connect, tmp_path: Path, server: Any) -> None:
    write_state(tmp_path, {"iris": f"http://127.0.0.1:{free_port()}/predict"})
    endpoint = Endpoint("local", root=tmp_path)
    write_state(tmp_path, {"iris": f"http://127.0.0.1:{server.server_port}/predict"})
    assert endpoint.predict([ROW]).predictions == ["p"]


def test_threads_share_an_endpoint_and_not_a_connection(connect: Connect, server: Any) -> None:
    endpoint, failures = connect("/predict"), []

    def ask() -> None:
        for _ in range(10):
            if endpoint.predict([ROW] * 3).predictions != ["p"] * 3:
                failures.append(1)

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures
    assert len(server.RequestHandlerClass.connections) == 4


def test_the_name_is_needed_only_where_there_are_several(tmp_path: Path) -> None:
    write_state(tmp_path, {"a": "http://127.0.0.1:1/", "b": "http://127.0.0.1:2/"})
    with pytest.raises(NotFound, match="several endpoints, say which: a, b"):
        Endpoint("local", root=tmp_path)
    with pytest.raises(NotFound, match=r"no endpoint 'bb' \(did you mean 'b'\?\)"):
        Endpoint("local", "bb", root=tmp_path)
    assert Endpoint("local", "b", root=tmp_path).url == "http://127.0.0.1:2/"


def test_a_stack_that_is_not_deployed_is_told_with_the_near_name(tmp_path: Path) -> None:
    write_state(tmp_path, {"iris": "http://127.0.0.1:1/"})
    with pytest.raises(NotFound, match=r"'locl' is not deployed .*did you mean 'local'.*mooring up --stack locl"):
        Endpoint("locl", root=tmp_path)
    with pytest.raises(NotFound, match="has no endpoint deployed"):
        Endpoint("empty", root=empty(tmp_path))


def empty(root: Path) -> Path:
    """A project whose stack `empty` has no endpoint."""
    file = write_state(root, {"x": "http://127.0.0.1:1/"}, stack="empty")
    state = json.loads(file.read_text())
    state["checkpoint"]["latest"]["resources"] = state["checkpoint"]["latest"]["resources"][:1]
    file.write_text(json.dumps(state))
    return root


def test_a_state_that_is_no_json_is_one_clear_error(tmp_path: Path) -> None:
    write_state(tmp_path, {"iris": "http://127.0.0.1:1/"}).write_text('{"version": 3, "check')
    with pytest.raises(MooringError, match="the state of stack 'local' cannot be read"):
        Endpoint("local", root=tmp_path)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@pytest.mark.parametrize(
    ("data", "rows"),
    [
        ([{"a": 1}], [{"a": 1}]),
        ({"a": 1}, [{"a": 1}]),
        ([[1, "x"], (2, "y")], [[1, "x"], [2, "y"]]),
        (np.array([[1.0, np.nan]]), [[1.0, None]]),
        ([np.array([1, 2])], [[1, 2]]),
        ([{"a": np.float32(0.5), "b": np.int64(3), "c": np.bool_(True)}], [{"a": 0.5, "b": 3, "c": True}]),
        (pd.DataFrame({"a": [1, 2], "b": ["x", None]}), [{"a": 1, "b": "x"}, {"a": 2, "b": None}]),
        (pd.DataFrame({"a": [1.5, float("nan")]}), [{"a": 1.5}, {"a": None}]),
        (pd.Series({"a": 1, "b": "x"}), [{"a": 1, "b": "x"}]),
        ([{"n": pd.NA, "m": pd.NaT}], [{"n": None, "m": None}]),
        ([{"t": pd.Timestamp("2024-01-02")}], [{"t": "2024-01-02T00:00:00"}]),
        ([{"d": datetime.date(2024, 1, 2)}], [{"d": "2024-01-02"}]),
        (iter([[1]]), [[1]]),
    ],
)  # fmt: skip
def test_rows_of_any_form_become_json(data: Any, rows: list[Any]) -> None:
    made = as_rows(data)
    assert made == rows
    json.dumps(made, allow_nan=False)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ("text", "must be a list of rows, not str"),
        (3, "must be a list of rows, not int"),
        ([], "there are none"),
        ([1], r"rows\[0\]: must be a mapping"),
        ([[1], [float("inf")]], r"rows\[1\]\[0\]: infinity"),
        ([{"a": object()}], r"rows\[0\].a: object is no text"),
        (np.array([1.0]), "two dimensions"),
    ],
)
def test_what_are_no_rows_is_said_before_anything_is_sent(data: Any, message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        as_rows(data)


def test_importing_the_client_imports_neither_pulumi_nor_pydantic() -> None:
    import subprocess
    import sys

    heavy = ("pulumi", "pydantic", "numpy", "rich")
    code = f"import sys, mooring; mooring.endpoint; print([m for m in {heavy} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
