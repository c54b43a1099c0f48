"""The provider as a process of its own, over real gRPC."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent import futures
from pathlib import Path
from typing import Any

import grpc
import psutil
import pytest
from google.protobuf import empty_pb2
from pulumi.runtime.proto import engine_pb2_grpc, provider_pb2, provider_pb2_grpc, status_pb2

from providers.codec import from_struct, to_struct

KIT = Path(__file__).resolve().parents[2]

PLUGIN = """
import sys
from functools import partial
from pathlib import Path
sys.path[:0] = [{kit!r}, {tests!r}]
from contract.fake_cloud import fake_adapter
from providers.serve import main
from providers.servicer import MoorServicer
adapter = fake_adapter(Path({folder!r}))
main(sys.argv[1:], partial(MoorServicer, root=Path({folder!r}), adapters=lambda cloud: adapter))
"""

RUN: dict[str, Any] = {"cloud": "fake", "name": "r", "model": "m", "channels": {"train": {"uri": "u"}}}
URN = "urn:pulumi:s::p::moor:index:TrainingRun::r"


class EngineService(engine_pb2_grpc.EngineServicer):
    """Takes the messages of a provider."""

    def __init__(self) -> None:
        self.messages: list[Any] = []
        self.came = threading.Event()

    def Log(self, request: Any, context: Any) -> Any:
        self.messages.append(request)
        self.came.set()
        return empty_pb2.Empty()


@pytest.fixture
def engine_service() -> Iterator[tuple[EngineService, str]]:
    server = grpc.server(futures.ThreadPoolExecutor(2))
    service = EngineService()
    engine_pb2_grpc.add_EngineServicer_to_server(service, server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    yield service, f"127.0.0.1:{port}"
    server.stop(None)


def started(*command: str) -> tuple[subprocess.Popen[str], Any]:
    """Start a plugin as an engine does; its process and a client."""
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    port = int(process.stdout.readline())
    return process, provider_pb2_grpc.ResourceProviderStub(grpc.insecure_channel(f"127.0.0.1:{port}"))


def ended(process: subprocess.Popen[str]) -> int:
    code = process.wait(timeout=20)
    if process.stdout:
        process.stdout.close()
    return code


@pytest.fixture
def plugin(tmp_path: Path, engine_service: tuple[EngineService, str]) -> Iterator[Any]:
    """A plugin process with the fake cloud, started by an engine."""
    script = tmp_path / "plugin.py"
    script.write_text(PLUGIN.format(kit=str(KIT), tests=str(KIT / "tests"), folder=str(tmp_path / "cloud")))
    process, stub = started(sys.executable, str(script), str(tmp_path), engine_service[1])
    yield stub
    process.terminate()
    assert ended(process) == 0


def test_the_kits_plugin_answers_from_any_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    process, stub = started(sys.executable, str(KIT / "providers" / "plugin"), str(tmp_path), "127.0.0.1:1")
    try:
        inputs = to_struct({"cloud": "local", "name": "m", "keepVersion": 3})
        urn = "urn:pulumi:s::p::moor:index:Model::m"
        answer = stub.Check(provider_pb2.CheckRequest(urn=urn, news=inputs))
        assert [(f.property, f.reason) for f in answer.failures] == [
            ("keepVersion", "unknown property (did you mean 'keepVersions'?)")
        ]
    finally:
        process.terminate()
        assert ended(process) == 0


def test_attached_it_serves_on_the_port_given_and_ends_on_ctrl_c() -> None:
    process, stub = started(sys.executable, "-m", "providers.plugin", "--attach")
    assert stub.Attach(provider_pb2_plugin("127.0.0.1:1")) == empty_pb2.Empty()
    process.send_signal(signal.SIGINT)
    assert ended(process) == 0


def provider_pb2_plugin(address: str) -> Any:
    from pulumi.runtime.proto import plugin_pb2

    return plugin_pb2.PluginAttach(address=address)


def test_a_plugin_ignores_the_terminals_ctrl_c_and_ends_with_its_engine(tmp_path: Path) -> None:
    """The parent here is a shell that is killed; the plugin sees that it is gone."""
    command = f"{sys.executable} {KIT / 'providers' / 'plugin'} {tmp_path} 127.0.0.1:1 & echo $!; wait"
    parent = subprocess.Popen(["/bin/sh", "-c", command], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    pid = int(parent.stdout.readline())
    parent.stdout.readline()
    os.kill(pid, signal.SIGINT)
    parent.kill()
    parent.wait(timeout=10)
    parent.stdout.close()
    end = time.monotonic() + 20
    while psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE and time.monotonic() < end:
        time.sleep(0.05)
    assert not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE


def test_progress_arrives_at_the_engine(plugin: Any, engine_service: tuple[EngineService, str]) -> None:
    inputs = to_struct({**RUN, "overrides": {"seconds": 0.3}})
    plugin.Create(provider_pb2.CreateRequest(urn=URN, properties=inputs))
    assert engine_service[0].came.wait(10)
    message = engine_service[0].messages[0]
    assert (message.urn, message.message, message.ephemeral) == (URN, "working on it (50%)", True)


def test_a_partial_failure_travels_in_the_status_details(plugin: Any) -> None:
    inputs = to_struct({**RUN, "overrides": {"partial": "ünfinished"}})
    with pytest.raises(grpc.RpcError) as raised:
        plugin.Create(provider_pb2.CreateRequest(urn=URN, properties=inputs))
    trailers: dict[str, Any] = dict(raised.value.trailing_metadata())
    status = status_pb2.Status.FromString(trailers["grpc-status-details-bin"])
    failed = provider_pb2.ErrorResourceInitFailed()
    assert status.details[0].Unpack(failed)
    assert status.code == raised.value.code().value[0]
    assert list(failed.reasons) == ["ünfinished"]
    assert from_struct(failed.inputs) == from_struct(inputs)


def test_cancel_gets_through_while_many_operations_run(plugin: Any, tmp_path: Path) -> None:
    calls = []
    for number in range(40):
        inputs = to_struct({**RUN, "overrides": {"seconds": 60}})
        request = provider_pb2.CreateRequest(urn=f"{URN}{number}", properties=inputs)
        calls.append(plugin.Create.future(request))
    end = time.monotonic() + 20
    while len(list((tmp_path / "cloud").glob("*.json"))) < len(calls):
        assert time.monotonic() < end
        time.sleep(0.05)
    plugin.Cancel(empty_pb2.Empty())
    codes = {call.exception(timeout=20).code() for call in calls}
    assert codes == {grpc.StatusCode.UNKNOWN}
