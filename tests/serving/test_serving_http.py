"""The server as a process: start, answers over HTTP, load, a clean stop, and refusals to start."""

from __future__ import annotations

import json
import shutil
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import httpx
import numpy as np
import pytest
from serving_support import IRIS, KIT, ROW, Server, free_port, running

from serving.predictor import Predictor


@pytest.fixture(scope="module")
def server(iris_model: Path) -> Iterator[Server]:
    with running(iris_model, "--max-body", "200000") as found:
        yield found


def test_all_protocols_answer_over_http(server: Server) -> None:
    reply = server.client.post("/predict", json={"instances": [ROW]})
    assert reply.json()["predictions"] == ["setosa"]
    assert reply.headers["content-type"] == "application/json"
    assert (reply.headers["x-model-version"], reply.headers["x-mooring-deployment"]) == ("7", "blue")
    matrix = {"name": "x", "datatype": "FP64", "shape": [1, 4], "data": list(ROW.values())}
    assert server.client.post("/v2/models/iris/infer", json={"inputs": [matrix]}).json()["outputs"][0]["data"] == [
        "setosa"
    ]
    csv = server.client.post(
        "/invocations", content="5.1,3.5,1.4,0.2", headers={"content-type": "text/csv", "accept": "text/csv"}
    )
    assert csv.text == "setosa\n"
    assert server.client.head("/ping").status_code == 200
    assert 'route="/predict",code="200"' in server.client.get("/metrics").text


def test_errors_come_as_json_and_the_connection_lives_on(server: Server) -> None:
    for body, status in ((b"{", 400), (b" " * 200_001, 413)):
        reply = server.client.post("/predict", content=body)
        assert (reply.status_code, list(reply.json())) == (status, ["error"])
    assert server.client.get("/nowhere").status_code == 404
    assert server.client.post("/nowhere", content=b"x" * 100_000).status_code == 404
    assert server.client.put("/predict", content=b"x" * 100_000).status_code == 405
    assert server.client.get("/predict").status_code == 405
    assert server.client.post("/predict", content=b"x", headers={"content-type": "text/plain"}).status_code == 415
    assert server.client.post("/predict", json={"instances": [ROW]}).status_code == 200


def test_a_chunked_body_is_read(server: Server) -> None:
    body = json.dumps({"instances": [ROW] * 50}).encode()
    parts = (body[at : at + 100] for at in range(0, len(body), 100))
    reply = server.client.post("/predict", content=parts, headers={"content-type": "application/json"})
    assert reply.json()["predictions"] == ["setosa"] * 50


def test_a_client_that_goes_away_harms_nobody(server: Server) -> None:
    for text in (b"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{", b"garbage\r\n\r\n"):
        with socket.create_connection(("127.0.0.1", server.port)) as connection:
            connection.sendall(text)
    assert server.client.post("/predict", json={"instances": [ROW]}).status_code == 200


def test_many_clients_at_once_get_what_the_offline_prediction_says(server: Server, iris: Predictor) -> None:
    random = np.random.default_rng(0)
    rows = random.uniform([4, 2, 1, 0.1], [8, 4.5, 7, 2.5], (400, 4)).round(2).tolist()
    offline = iris.predict(rows)
    assert offline.probabilities is not None
    wrong: list[object] = []

    def client(start: int) -> None:
        with httpx.Client(base_url=f"http://127.0.0.1:{server.port}") as own:
            for at in range(start, len(rows), 8):
                reply = own.post("/predict", json={"instances": [rows[at]]}).json()
                same = np.allclose(reply["probabilities"][0], offline.probabilities[at], atol=1e-6)
                if reply["predictions"] != [offline.values[at]] or not same:
                    wrong.append((at, reply))

    threads = [threading.Thread(target=client, args=(start,)) for start in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    assert wrong == []


def test_sigterm_answers_what_is_under_way_and_ends_with_0(iris_model: Path) -> None:
    with running(iris_model) as server:
        connection = socket.create_connection(("127.0.0.1", server.port))
        body = json.dumps({"instances": [ROW] * 20}).encode()
        head = f"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n\r\n".encode()
        connection.sendall(head + body[:10])
        # The request is under way once the server counts it.
        for _ in range(200):
            if "mooring_in_flight{" in (text := server.client.get("/metrics").text) and "} 2" in text.splitlines()[-1]:
                break
        else:
            pytest.fail("the request was never counted as under way")
        server.process.send_signal(signal.SIGTERM)
        with pytest.raises(subprocess.TimeoutExpired):
            server.process.wait(timeout=0.5)
        assert server.client.get("/v2/health/ready").status_code == 503
        connection.sendall(body[10:])
        assert connection.recv(65536).startswith(b"HTTP/1.1 200")
        connection.close()
        assert server.process.wait(timeout=20) == 0


def test_sigint_ends_it_too(iris_model: Path) -> None:
    with running(iris_model) as server:
        server.process.send_signal(signal.SIGINT)
        assert server.process.wait(timeout=20) == 0


def test_a_model_served_by_scikit_learn_answers_the_same(iris_model: Path, tmp_path: Path) -> None:
    shutil.copytree(iris_model, tmp_path / "m")
    path = tmp_path / "m" / "mooring-model.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "serve": "sklearn"}))
    with running(tmp_path / "m") as server:
        assert server.client.post("/predict", json={"instances": [ROW]}).json()["predictions"] == ["setosa"]


def refused(*arguments: str) -> str:
    """The one line that a server which does not start leaves."""
    done = subprocess.run(
        [sys.executable, "-m", "serving", *arguments], cwd=KIT, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 1
    assert len(done.stderr.splitlines()) == 1, done.stderr
    return done.stderr


def test_a_tampered_model_does_not_start(iris_model: Path, tmp_path: Path) -> None:
    shutil.copytree(iris_model, tmp_path / "m")
    (tmp_path / "m" / "model.onnx").write_bytes(b"tampered")
    line = refused("--model", str(tmp_path / "m"), "--port", str(free_port()))
    assert line.startswith("cannot serve: ")
    assert "model.onnx: its SHA-256 is not the one in mooring-model.json" in line


def test_no_model_does_not_start(tmp_path: Path) -> None:
    assert "no model artifact" in refused("--model", str(tmp_path), "--port", str(free_port()))
    assert "no model artifact" in refused("--model", str(tmp_path / "absent"), "--port", str(free_port()))
    assert "not a folder" in refused("--model", str(IRIS), "--port", str(free_port()))


def test_a_port_in_use_is_told(iris_model: Path, server: Server) -> None:
    line = refused("--model", str(iris_model), "--port", str(server.port))
    assert f"port {server.port} on 127.0.0.1 is in use" in line
