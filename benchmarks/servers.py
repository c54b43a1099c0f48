"""The servers that `benchmarks.serving` compares, each started in a process group of its own and stopped again."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil

from providers import paths

KIT = Path(__file__).resolve().parent.parent
PEERS = KIT / "benchmarks" / "peers"
DATA = KIT / "data" / "iris.csv"


@dataclass(frozen=True)
class Running:
    """A server that answers on `port`; `pid` leads its processes."""

    pid: int
    port: int

    def cpu(self) -> float:
        """Seconds of processor time that all its processes have used."""
        leader = psutil.Process(self.pid)
        spent = [one.cpu_times() for one in (leader, *leader.children(recursive=True))]
        return sum(times.user + times.system for times in spent)


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def started(
    command: Sequence[str], port: int, ready: str, *, folder: Path, more: Mapping[str, str] | None = None, fd: int = -1
) -> Iterator[Running]:
    """Run a server until the block ends. Raises SystemExit with its output when it is not ready in a minute."""
    log = folder / f"{port}.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            command, cwd=folder, env={**os.environ, **(more or {})}, stdin=subprocess.DEVNULL, stdout=output,
            stderr=subprocess.STDOUT, start_new_session=True, pass_fds=[fd] if fd >= 0 else [],
        )  # fmt: skip
    try:
        _await(process, f"http://127.0.0.1:{port}{ready}", log)
        yield Running(process.pid, port)
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait(10)


def _await(process: subprocess.Popen[bytes], url: str, log: Path) -> None:
    until = time.monotonic() + 60
    while time.monotonic() < until and process.poll() is None:
        try:
            with urllib.request.urlopen(url, timeout=2):
                return
        except OSError:
            time.sleep(0.1)
    sys.exit(f"{url} did not become ready:\n{log.read_text(errors='replace')[-2000:]}")


def trained(folder: Path) -> Path:
    """Mooring's model of the data."""
    model = folder / "model"
    environment = {
        "MOORING_CHANNEL_TRAIN": str(DATA), "MOORING_MODEL_DIR": str(model), "PYTHONPATH": str(KIT),
        "MOORING_METRICS_FILE": str(folder / "metrics.json"),
    }  # fmt: skip
    subprocess.run(
        [sys.executable, "-m", "training", "--target", "species"], cwd=folder, env={**os.environ, **environment},
        check=True, stdout=subprocess.DEVNULL,
    )  # fmt: skip
    return model


@contextmanager
def mooring(model: Path, folder: Path, *options: str) -> Iterator[Running]:
    """The model server alone, with further options."""
    port = free_port()
    command = [sys.executable, "-m", "serving", "--model", str(model), "--port", str(port), "--model-name", "iris"]
    command += options
    with started(command, port, "/ping", folder=folder, more={"PYTHONPATH": str(KIT)}) as running:
        yield running


@contextmanager
def router(behind: Running, folder: Path) -> Iterator[Running]:
    """An endpoint's router before a model server."""
    routes = folder / "routes.json"
    route = {
        "slot": "a", "deployment": "a", "model": "iris", "version": "1", "weight": 100,
        "replicas": [["127.0.0.1", behind.port]],
    }  # fmt: skip
    routes.write_text(json.dumps({"endpoint": "bench", "generation": 1, "routes": [route]}))
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(1024)
        port = int(listener.getsockname()[1])
        command = [sys.executable, "-m", "providers.local.router", "--fd", str(listener.fileno())]
        command += ["--routes", str(routes), "--control", str(folder / "c")]
        environment = {"PYTHONPATH": str(KIT)}
        with started(command, port, "/ping", folder=folder, more=environment, fd=listener.fileno()) as running:
            yield running


def peers(folder: Path) -> Path | str:
    """The Python of the peers' environment, made once in the cache; why there is none, as text."""
    wanted = PEERS / "requirements.txt"
    place = paths.cache() / "benchmarks" / "peers"
    python = place / "bin" / "python"
    stamp = place / "requirements.txt"
    if not (stamp.is_file() and stamp.read_bytes() == wanted.read_bytes()):
        uv = shutil.which("uv") or str(Path(sys.executable).with_name("uv"))
        for command in (
            [uv, "venv", "-q", "--clear", "--python", sys.executable, str(place)],
            [uv, "pip", "install", "-q", "--python", str(python), "-r", str(wanted)],
        ):
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            if done.returncode:
                return done.stderr.strip().splitlines()[-1] if done.stderr.strip() else "uv failed"
        shutil.copy(wanted, stamp)
    subprocess.run([str(python), str(PEERS / "fit.py"), str(DATA), str(folder / "model.joblib")], check=True)
    return python


@contextmanager
def flask(python: Path, folder: Path) -> Iterator[Running]:
    """Flask with scikit-learn behind gunicorn, one worker."""
    port = free_port()
    command = [str(python), "-m", "gunicorn", "-w", "1", "-b", f"127.0.0.1:{port}", "--chdir", str(PEERS)]
    command += ["--keep-alive", "30", "-k", "gthread", "flask_model:app"]
    with started(command, port, "/ping", folder=folder, more={"PEER_MODEL": str(folder / "model.joblib")}) as running:
        yield running


@contextmanager
def mlserver(python: Path, folder: Path) -> Iterator[Running]:
    """MLServer with its scikit-learn runtime, predicting in its own process."""
    port, home = free_port(), folder / "mlserver"
    home.mkdir()
    settings = {"http_port": port, "grpc_port": free_port(), "metrics_port": free_port(), "host": "127.0.0.1"}
    (home / "settings.json").write_text(json.dumps({**settings, "parallel_workers": 0, "debug": False}))
    parameters = {"uri": str(folder / "model.joblib")}
    model = {"name": "iris", "implementation": "mlserver_sklearn.SKLearnModel", "parameters": parameters}
    (home / "model-settings.json").write_text(json.dumps(model))
    command = [str(python.with_name("mlserver")), "start", str(home)]
    with started(command, port, "/v2/models/iris/ready", folder=folder) as running:
        yield running
