"""uv, which builds environments: how it is run, which of pip's settings it is told, and what its errors mean."""

from __future__ import annotations

import configparser
import os
import re
import signal
import subprocess
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from providers.errors import Cancelled, InvalidInput, Unavailable
from providers.local.process import Identity, kill_all, with_variable

_PIP_TO_UV = {
    "index-url": "UV_DEFAULT_INDEX",
    "extra-index-url": "UV_INDEX",
    "find-links": "UV_FIND_LINKS",
    "cert": "SSL_CERT_FILE",
}
"""pip's options to uv's variables: what made the project's environment should make those of the jobs."""

_NETWORK = re.compile(
    r"error sending request|dns error|tcp connect|timed out|network was disabled|Failed to fetch|certificate", re.I
)
_FETCHED = re.compile(r"Failed to (?:fetch|download):? `?([^\s`]+)")
_NEEDED = re.compile(r"[Bb]ecause (\S+) was not found in the cache")


TARGET = "MOORING_BUILDS"
"""The variable by which a uv is found that outlived whoever started it: the environment that it builds."""


def end_orphans(target: Path) -> None:
    """End every uv that still builds `target`; the caller holds the lock, so nobody waits for it any more."""
    left = [process for pid in with_variable(TARGET, str(target)) if (process := Identity.of(pid))]
    kill_all(process.pid for process in left)
    for process in left:
        process.wait(10)


def run(
    arguments: Sequence[str],
    target: Path,
    what: str,
    progress: Callable[[str], None],
    cancel: threading.Event,
    *,
    limit: float = 1800,
) -> None:
    """Run uv to its end for the environment at `target`; its lines go to `progress`.

    Raises `InvalidInput`, `Unavailable`, `Cancelled`.
    """
    import uv

    process = subprocess.Popen(
        [uv.find_uv_bin(), *arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        env=environment(os.environ) | {TARGET: str(target)},
        text=True,
        errors="replace",
        start_new_session=True,
    )
    lines: list[str] = []
    reader = threading.Thread(target=_read, args=(process, lines, progress), daemon=True)
    reader.start()
    try:
        for _ in range(int(limit / 0.1)):
            if cancel.wait(0) or process.poll() is not None:
                break
            try:
                process.wait(0.1)
            except subprocess.TimeoutExpired:
                continue
        if cancel.is_set():
            raise Cancelled
        if process.poll() is None:
            raise Unavailable(f"the packages of {what} were not there after {limit:g} s; the next run goes on")
    finally:
        _end(process)
        reader.join(5)
    if process.returncode:
        raise explain("\n".join(lines), what)


def _read(process: subprocess.Popen[str], lines: list[str], progress: Callable[[str], None]) -> None:
    assert process.stderr is not None
    with process.stderr as stream:
        for line in stream:
            lines.append(line.rstrip())
            if re.match(r"\s*(Resolved|Prepared|Downloading|Building|Installed|Built)\b", line):
                progress(line.strip())


def _end(process: subprocess.Popen[str]) -> None:
    if process.poll() is None:
        try:
            os.killpg(process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        process.wait()


def explain(said: str, what: str) -> InvalidInput | Unavailable:
    """uv's words as one error that says what to do."""
    if _NETWORK.search(said) or _NEEDED.search(said):
        fetched = _FETCHED.search(said) or _NEEDED.search(said)
        package = f"'{_package(fetched[1])}' " if fetched else ""
        return Unavailable(
            f"the package {package}of {what} could not be fetched: the package index was not reached. "
            "Building this environment needs a connection once; it is cached for every later run. "
            "Check the connection, or the index that pip or uv is set to use."
        )
    told = [line.strip(" ×╰─▶│├") for line in said.splitlines() if not re.match(r"\s*(hint:|Using Python)", line)]
    sentence = " ".join(told)
    return InvalidInput(f"{what} cannot be installed: {' '.join(sentence.split())[:600] or 'uv gave no reason'}")


def _package(word: str) -> str:
    """A package's name out of an address, or of a requirement."""
    last = word.rstrip("/").rpartition("/")[2]
    return re.split(r"[=<>!~@ -](?=[\d=<>!~@ ]|$)", last)[0]


def environment(ambient: Mapping[str, str]) -> dict[str, str]:
    """The environment of uv: the ambient one, with pip's settings where uv has none of its own."""
    result = {name: value for name, value in ambient.items() if name not in ("VIRTUAL_ENV", "PYTHONPATH", "PYTHONHOME")}
    settings = pip_settings(ambient)
    for option, variable in _PIP_TO_UV.items():
        if settings.get(option) and not result.get(variable):
            result[variable] = " ".join(settings[option].split())
    if settings.get("no-index", "").lower() in ("1", "true", "yes", "on"):
        result.setdefault("UV_NO_INDEX", "1")
    return result | {"UV_PYTHON_DOWNLOADS": "never", "UV_NO_PROGRESS": "1", "NO_COLOR": "1"}


def pip_settings(ambient: Mapping[str, str]) -> dict[str, str]:
    """pip's own settings: its configuration files, the user's over the machine's, and its variables over both."""
    home = Path(ambient.get("HOME", "/"))
    config = Path(ambient.get("XDG_CONFIG_HOME") or home / ".config")
    named = ambient.get("PIP_CONFIG_FILE")
    files = [Path("/etc/pip.conf"), home / ".pip" / "pip.conf", config / "pip" / "pip.conf"]
    if named == os.devnull:
        files = []
    elif named:
        files.append(Path(named))
    settings: dict[str, str] = {}
    for file in files:
        parser = configparser.RawConfigParser()
        try:
            parser.read(file, encoding="utf-8")
        except (configparser.Error, OSError, UnicodeDecodeError):  # pip itself will tell the user
            continue
        for section in ("global", "install"):
            if parser.has_section(section):
                settings |= {name.replace("_", "-"): value for name, value in parser.items(section)}
    for option in [*_PIP_TO_UV, "no-index"]:
        if value := ambient.get("PIP_" + option.upper().replace("-", "_")):
            settings[option] = value
    return settings
