"""An emulator in a process of its own: started, restarted, killed, and nothing of it left afterwards."""

from __future__ import annotations

import http.client
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import psutil

KIT = Path(__file__).resolve().parents[3]
HEALTH_PATH = "/_mooring/health"
SECONDS_TO_START, SECONDS_TO_END = 60.0, 20.0


class RunningEmulator:
    """`python -m providers.aws.emulator` on a free port of loopback, with a home below /tmp.

    `url` is its endpoint, `home` its home, `log` the file of its output. `environment` is laid over this process's own.
    """

    def __init__(self, environment: Mapping[str, str] | None = None) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="moor-aws-"))  # short, for Unix sockets
        self.home = self.folder / "home"
        self.log = self.folder / "log.txt"
        self.port = _free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._environment = dict(environment or {})
        self._process: subprocess.Popen[bytes] | None = None
        self._clients: dict[tuple[str, str], Any] = {}

    def __enter__(self) -> RunningEmulator:
        try:
            self._start()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def pid(self) -> int:
        """The process id of the server that runs now."""
        assert self._process is not None
        return self._process.pid

    def client(self, service: str, region: str = "us-east-1") -> Any:
        """A client of stock boto3, with credentials that mean nothing; the same one for the same question."""
        if (service, region) not in self._clients:
            import boto3
            from botocore.config import Config

            config = Config(
                retries={"mode": "standard", "total_max_attempts": 1}, s3={"addressing_style": "path"},
                connect_timeout=5, read_timeout=120, proxies={},
            )  # fmt: skip
            session = boto3.session.Session("test", "test", region_name=region)
            self._clients[service, region] = session.client(service, endpoint_url=self.url, config=config)
        return self._clients[service, region]

    def restart(self) -> None:
        """End it by SIGTERM and start it again on the same port and home."""
        self._end(signal.SIGTERM)
        self._start()

    def kill(self) -> None:
        """End it by SIGKILL and start it again on the same port and home."""
        self.kill_and(lambda: None)

    def kill_and(self, meanwhile: Callable[[], object]) -> None:
        """End it by SIGKILL, do something to its home, and start it again."""
        self._end(signal.SIGKILL)
        meanwhile()
        self._start()

    def close(self) -> None:
        """End it, and all that it started and left running; remove its folder."""
        self._end(signal.SIGTERM)
        for client in self._clients.values():
            client.close()
        _end_all_of(self.home)
        shutil.rmtree(self.folder, ignore_errors=True)

    def _start(self) -> None:
        environment = {**os.environ, "MOORING_HOME": str(self.home), **self._environment}
        command = [sys.executable, "-m", "providers.aws.emulator", "--home", str(self.home), "--port", str(self.port)]
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(command, cwd=KIT, env=environment, stdout=log, stderr=log)
        deadline = time.monotonic() + SECONDS_TO_START
        while not _is_healthy(self.port):
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise AssertionError(f"the emulator did not start:\n{self.log.read_text()[-4000:]}")
            time.sleep(0.02)

    def _end(self, number: signal.Signals) -> None:
        if self._process is None:
            return
        if self._process.poll() is None:
            self._process.send_signal(number)
        try:
            self._process.wait(SECONDS_TO_END)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
            raise AssertionError(f"it did not end in {SECONDS_TO_END:g} s:\n{self.log.read_text()[-4000:]}") from None
        finally:
            self._process = None


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _is_healthy(port: int) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", HEALTH_PATH)
        return connection.getresponse().status == 200
    except OSError:
        return False
    finally:
        connection.close()


def _end_all_of(home: Path) -> None:
    """Kill what was started with this home: jobs, servers, their supervisor. A supervisor may start more meanwhile."""
    for _ in range(20):
        left = [process for process in psutil.process_iter() if _belongs_to(process, str(home))]
        if not left:
            return
        for process in left:
            try:
                process.kill()
            except psutil.NoSuchProcess:
                pass  # gone by itself
        psutil.wait_procs(left, timeout=5)


def _belongs_to(process: psutil.Process, home: str) -> bool:
    try:
        facts = [*process.cmdline(), *process.environ().values()]
    except (psutil.Error, OSError):
        return False
    return process.pid != os.getpid() and any(home in fact for fact in facts)


StartEmulator = Callable[..., RunningEmulator]
"""Starts an emulator of a test's own, in an environment laid over this process's: the fixture `start_emulator`."""
