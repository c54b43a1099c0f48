"""The emulator of AWS: its start, its control plane beside stock moto's, and what it adds to a job and an endpoint.

`.venv/bin/python -m benchmarks.aws_emulator`. Goals on an idle machine: a start under 2 s; a training job adds under
1 s to the bare script; an endpoint is InService within 2 s of its model being loadable. Both servers are processes of
their own, and are asked by the same client, in turn.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from benchmarks.aws_user import User
from providers import paths
from providers.local.supervisor import ports

CALLS, ROUNDS = 200, 3
STARTS, JOBS = 5, 5


@contextmanager
def server(command: list[str], port: int, health: str) -> Iterator[float]:
    """A server in a process of its own; the seconds from its start to its first answer."""
    began = time.perf_counter()
    process = subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        env={**os.environ, "MOTO_PORT": str(port)},
    )  # fmt: skip
    try:
        while time.perf_counter() - began < 60:
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{port}{health}", timeout=5).close()
                break
            except OSError:
                time.sleep(0.005)
        yield time.perf_counter() - began
    finally:
        process.terminate()
        process.wait(20)


@contextmanager
def ours(home: Path, port: int) -> Iterator[float]:
    """The emulator."""
    command = [sys.executable, "-m", "providers.aws.emulator", "--home", str(home), "--port", str(port)]
    with server([*command, "--cache", str(paths.cache())], port, "/_mooring/health") as seconds:
        yield seconds


@contextmanager
def moto(port: int) -> Iterator[float]:
    """moto's own server."""
    with server([sys.executable, "-m", "moto.server", "-p", str(port)], port, "/moto-api/data.json") as seconds:
        yield seconds


def starts() -> None:
    """The best of some starts, beside an empty Python."""
    with tempfile.TemporaryDirectory(prefix="moor-") as folder:
        mine, stock, nothing = [], [], []
        for number in range(STARTS):
            with ours(Path(folder) / str(number), ports.choose()) as seconds:
                mine.append(seconds)
            with moto(ports.choose()) as seconds:
                stock.append(seconds)
            began = time.perf_counter()
            subprocess.run([sys.executable, "-c", "pass"], check=True)
            nothing.append(time.perf_counter() - began)
    print(f"start, best of {STARTS}: emulator {min(mine):.2f} s, moto {min(stock):.2f} s, "
          f"python -c pass {min(nothing):.3f} s")  # fmt: skip


def control_plane() -> None:
    """Milliseconds a call of each server, in turn."""
    with tempfile.TemporaryDirectory(prefix="moor-") as folder:
        first, second = ports.choose(), ports.choose()
        with ours(Path(folder), first), moto(second):
            users = {"emulator": User(f"http://127.0.0.1:{first}"), "moto": User(f"http://127.0.0.1:{second}")}
            for user in users.values():
                user.prepare()
            print(f"{'ms a call, median of ' + str(CALLS) + ', best of ' + str(ROUNDS):50}{'emulator':>10}{'moto':>10}")
            for name in users["emulator"].calls():
                best = {key: min(_median(user.calls()[name]) for _ in range(ROUNDS)) for key, user in users.items()}
                print(f"{name:50}{best['emulator']:10.2f}{best['moto']:10.2f}")


def _median(call: Callable[[], Any]) -> float:
    taken = []
    for _ in range(CALLS):
        began = time.perf_counter()
        call()
        taken.append((time.perf_counter() - began) * 1000)
    return statistics.median(taken)


def jobs() -> None:
    """What the emulator adds to a training script, and to the loading of its model."""
    with tempfile.TemporaryDirectory(prefix="moor-") as folder:
        port = ports.choose()
        with ours(Path(folder), port):
            user = User(f"http://127.0.0.1:{port}")
            user.prepare()
            user.train()  # builds the environment where there is none yet
            runs = [(user.bare_script(), user.train()) for _ in range(JOBS)]
            bare, job = (min(column) for column in zip(*runs, strict=True))
            print(f"training, best of {JOBS}: bare script {bare:.2f} s, job {job:.2f} s: it adds {job - bare:.2f} s")
            loads = [(user.bare_load(), user.host()) for _ in range(JOBS)]
            bare, hosted = (min(column) for column in zip(*loads, strict=True))
            print(f"endpoint, best of {JOBS}: model loaded in {bare:.2f} s, InService after {hosted:.2f} s")
            user.close()


def main() -> None:
    """Measure and print."""
    print(f"load {os.getloadavg()[0]:.1f}")
    starts()
    control_plane()
    jobs()


if __name__ == "__main__":
    main()
