"""Make or repair the project's `.venv` from the hashed requirements files.

Runs on the system's Python with the standard library only. `python scripts/environment.py [extra …]`.
A stamp in the environment holds the hash of what was installed, so an up-to-date one costs nothing;
one that an interrupted run (or the Pulumi CLI, which makes an empty one) left behind is completed.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import subprocess
import sys
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
VENV = ROOT / ".venv"
STAMP = VENV / "mooring-installed"


def main(extras: list[str]) -> None:
    if sys.version_info < (3, 11):  # noqa: UP036 - it runs on whatever python3 is, before pip can check
        sys.exit(f"Mooring needs Python 3.11 or newer; this is {sys.version.split()[0]} ({sys.executable}).")
    with open(ROOT / ".venv.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        installed = set(STAMP.read_text().split()) if STAMP.is_file() else set()
        wanted = {fingerprint(name): name for name in ["core", *extras]}
        if set(wanted) <= installed and (VENV / "bin" / "mooring").is_file():
            return
        install(wanted, installed)


def fingerprint(extra: str) -> str:
    """`<extra>:<hash>` over what decides the content of the environment."""
    parts = [requirements(extra).read_bytes(), (ROOT / "pyproject.toml").read_bytes(), str(ROOT).encode()]
    return f"{extra}:{hashlib.sha256(b'|'.join(parts) + sys.version.encode()).hexdigest()[:16]}"


def requirements(extra: str) -> Path:
    path = ROOT / "requirements.txt" if extra == "core" else ROOT / "requirements" / f"{extra}.txt"
    if not path.is_file():
        sys.exit(f"There is no extra '{extra}': {path.relative_to(ROOT)} does not exist.")
    return path


def install(wanted: dict[str, str], installed: set[str]) -> None:
    print("Preparing .venv (once; about a minute on a fast line) …", flush=True)
    STAMP.unlink(missing_ok=True)
    python = VENV / "bin" / "python"
    if not works(python):
        venv.EnvBuilder(with_pip=True, clear=VENV.exists(), symlinks=True).create(VENV)
    for name in dict.fromkeys(wanted.values()):
        run(python, "-m", "pip", "install", "--quiet", "--require-hashes", "-r", str(requirements(name)))
    run(python, "-m", "pip", "install", "--quiet", "--no-deps", "--editable", str(ROOT))
    STAMP.write_text("\n".join(sorted(installed | set(wanted))) + "\n")


def works(python: Path) -> bool:
    if not python.exists():
        return False
    probe = subprocess.run([python, "-m", "pip", "--version"], capture_output=True, check=False)
    return probe.returncode == 0


def run(*command: str | Path) -> None:
    environment = {**os.environ, "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
    if subprocess.run([str(part) for part in command], env=environment, check=False).returncode:
        sys.exit("The environment is not complete; the next `make` goes on from here.")


if __name__ == "__main__":
    main(sys.argv[1:])
