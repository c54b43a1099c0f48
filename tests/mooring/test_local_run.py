"""A module that runs for a command: what it finds, what is told of it, and that nothing of it stays."""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from mooring import local_run
from mooring.local_run import Child
from providers.errors import JobFailed


class Heard:
    """A display that keeps what it was told."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.warnings: list[str] = []
        self.on_line: Callable[[], None] = lambda: None

    def line(self, text: str) -> None:
        self.lines.append(text)
        self.on_line()

    def passing(self, text: str) -> None:
        raise AssertionError(text)

    def warning(self, text: str) -> None:
        self.warnings.append(text)


@pytest.fixture
def begin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Child]:
    """Makes the child that runs a module with this code, with this interpreter and no copy of the kit."""
    monkeypatch.setattr(local_run, "interpreter", lambda image, requirements, progress: Path(sys.executable))
    monkeypatch.setattr(local_run, "kit_copy", lambda: tmp_path)

    def make(code: str, *arguments: str, **more: object) -> Child:
        (tmp_path / "part.py").write_text(code)
        return Child("part", arguments, "sklearn", **more)  # type: ignore[arg-type]

    return make


def work(tmp_path: Path) -> Path:
    folder = tmp_path / "work"
    folder.mkdir()
    return folder


def test_a_child_gets_its_arguments_a_clean_environment_and_a_home_of_its_own(
    begin: Callable[..., Child], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy")
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    code = "import json, os, sys; print(json.dumps([sys.argv[1:], dict(os.environ), os.getcwd(), sys.path]))"
    folder = work(tmp_path)
    (line,) = local_run.run(begin(code, "--a=b c", "--d", variables={"MORE": "1"}), folder, Heard())
    arguments, environment, cwd, path = json.loads(line)
    assert arguments == ["--a=b c", "--d"]
    assert {"AWS_SECRET_ACCESS_KEY", "HTTPS_PROXY"}.isdisjoint(environment)
    assert (environment["HOME"], environment["MORE"], environment["OMP_NUM_THREADS"]) == (str(folder), "1", "1")
    assert cwd == str(folder)
    assert str(Path(__file__).resolve().parents[2]) not in path
    (line,) = local_run.run(begin(code, network=True), folder, Heard())
    assert json.loads(line)[1]["HTTPS_PROXY"] == "http://proxy"


def test_lines_and_warnings_come_through_and_the_reason_is_the_last_line_without_its_prefix(
    begin: Callable[..., Child], tmp_path: Path
) -> None:
    code = "import sys; print('one'); print('warning: odd', file=sys.stderr); print('x failed: why', file=sys.stderr)"
    heard = Heard()
    with pytest.raises(JobFailed) as caught:
        local_run.run(begin(f"{code}; sys.exit(1)", prefix="x failed: "), work(tmp_path), heard)
    assert (str(caught.value), caught.value.log_tail) == ("why", "")
    assert (heard.lines, heard.warnings) == (["one"], ["warning: odd"])


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("def f():\n    raise ValueError('no such thing')\nf()", "ValueError: no such thing (part.py, line 2, in f)"),
        ("import os; os.kill(os.getpid(), 9)", "the process was killed (exit code 137, SIGKILL): out of memory?"),
        ("raise SystemExit(3)", "the process ended with exit code 3 and wrote nothing"),
    ],
)
def test_a_crash_is_told_in_one_line(begin: Callable[..., Child], tmp_path: Path, code: str, reason: str) -> None:
    with pytest.raises(JobFailed) as caught:
        local_run.run(begin(code), work(tmp_path), Heard())
    assert str(caught.value) == reason


def alive(pid: int) -> bool:
    import psutil

    return psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE


ENDLESS = """\
import signal, subprocess, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN) if "deaf" in sys.argv else None
other = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"], start_new_session="away" in sys.argv)
import os
print(os.getpid(), other.pid, flush=True)
time.sleep(600)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="processes below another are found on Linux")
@pytest.mark.parametrize("words", [("plain",), ("deaf", "away")])
def test_an_interrupt_ends_the_child_and_all_that_it_started(
    begin: Callable[..., Child], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...]
) -> None:
    monkeypatch.setattr(local_run, "GRACE", 0.3)
    heard = Heard()
    heard.on_line = lambda: os.kill(os.getpid(), signal.SIGINT)
    with pytest.raises(KeyboardInterrupt):
        local_run.run(begin(ENDLESS, *words), work(tmp_path), heard)
    pids = [int(word) for word in heard.lines[0].split()]
    deadline = time.monotonic() + 10
    while any(map(alive, pids)) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not any(map(alive, pids))


def test_a_grandchild_that_keeps_the_streams_open_does_not_hold_the_command(
    begin: Callable[..., Child], tmp_path: Path
) -> None:
    sleeper = "[sys.executable, '-c', 'import time; time.sleep(600)']"
    code = f"import subprocess, sys; subprocess.Popen({sleeper}); print('done')"
    finished = threading.Event()
    heard = Heard()

    def run() -> None:
        local_run.run(begin(code), work(tmp_path), heard)
        finished.set()

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    assert finished.wait(60)
    assert heard.lines == ["done"]
