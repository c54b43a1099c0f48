"""Checks of this machine, each one line: what was found, and what to do when it is not well."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from providers import paths
from providers.errors import MooringError

if TYPE_CHECKING:
    from mooring.project import Project

Level = Literal["ok", "info", "warning", "error"]
LOW_DISK = 2 * 1024**3
"""Bytes below which a warning is due: one environment of jobs takes about 0.7 GiB."""


@dataclass(frozen=True)
class Check:
    """One check. `advice` is empty when all is well."""

    name: str
    level: Level
    found: str
    advice: str = ""

    def as_json(self) -> dict[str, Any]:
        """The documented form."""
        return asdict(self)


def examine(project: Project) -> list[Check]:
    """All checks; none of them raises, changes anything, or reaches the network."""
    checks: tuple[Callable[[Project], Iterator[Check]], ...] = (
        _python, _packages, _uv, _pulumi, _docker, _places, _disk, _environments, _supervisor, _locks,
    )  # fmt: skip
    found: list[Check] = []
    for check in checks:
        try:
            found += check(project)
        except (OSError, MooringError, subprocess.SubprocessError) as error:
            found.append(Check(check.__name__.strip("_"), "error", str(error).splitlines()[0]))
    return found


def _python(project: Project) -> Iterator[Check]:
    version = ".".join(map(str, sys.version_info[:3]))
    yield Check("python", "ok", f"{version} ({sys.executable})")


def _packages(project: Project) -> Iterator[Check]:
    """Whether everything that pyproject.toml asks for is installed in this environment."""
    from importlib.metadata import PackageNotFoundError, requires, version

    missing = []
    for requirement in requires("mooring") or []:
        name, _, condition = requirement.partition(";")
        if "extra" in condition:
            continue
        bare = name.split("[")[0].split("<")[0].split(">")[0].split("=")[0].split("~")[0].split("!")[0].strip()
        try:
            version(bare)
        except PackageNotFoundError:
            missing.append(bare)
    advice = "run `make venv`, which completes it" if missing else ""
    yield Check(
        "packages", "error" if missing else "ok", f"missing: {', '.join(missing)}" if missing else "complete", advice
    )
    linked = project.root / ".venv" / "bin" / "python"
    if not linked.exists():
        yield Check(
            "venv", "warning", f"{project.root / '.venv'} is not there", "`make venv` makes it; `pulumi` needs it"
        )


def _uv(project: Project) -> Iterator[Check]:
    try:
        import uv

        found = uv.find_uv_bin()
    except (ImportError, FileNotFoundError):
        yield Check("uv", "error", "not found", "run `make venv`; uv builds the environments of jobs and servers")
        return
    yield Check("uv", "ok", _first_line([found, "--version"]))


def _pulumi(project: Project) -> Iterator[Check]:
    found = shutil.which("pulumi")
    if found is None:
        advice = "only stacks on a real cloud need it: https://www.pulumi.com/docs/iac/download-install/"
        yield Check("pulumi", "info", "not on PATH", advice)
        return
    yield Check("pulumi", "ok", f"{_first_line([found, 'version']) or 'built from source'} ({found})")


def _docker(project: Project) -> Iterator[Check]:
    found = shutil.which("docker")
    yield Check("docker", "info", found or "not on PATH (nothing needs it)")


def _places(project: Project) -> Iterator[Check]:
    home, cache = paths.home(project.root), paths.cache()
    for name, folder in (("project", project.root), ("home", home), ("cache", cache)):
        existing = next(part for part in (folder, *folder.parents) if part.exists())
        writable = os.access(existing, os.W_OK)
        advice = "" if writable else f"make {existing} writable, or set MOORING_{name.upper()}"
        yield Check(name, "ok" if writable else "error", str(folder) + ("" if writable else ", not writable"), advice)


def _disk(project: Project) -> Iterator[Check]:
    for name, folder in (("home", paths.home(project.root)), ("cache", paths.cache())):
        existing = next(part for part in (folder, *folder.parents) if part.exists())
        free = shutil.disk_usage(existing).free
        low = free < LOW_DISK
        advice = "free some space; an environment of jobs takes about 0.7 GiB" if low else ""
        yield Check(f"disk of {name}", "warning" if low else "ok", f"{free / 1024**3:.1f} GiB free", advice)


def _environments(project: Project) -> Iterator[Check]:
    """Those of jobs and servers, one line each."""
    from providers.local.environments.environments import Environments

    environments = Environments()
    spare = environments.spare(homes(project))
    listed = {one.path: one for one in environments.list()}
    if not listed and not spare:
        yield Check("environments", "info", "none yet; the first job or server has one built")
    for path in dict.fromkeys([*listed, *spare]):
        advice = "`mooring doctor --prune` removes it" if path in spare else ""
        if one := listed.get(path):
            days = max(0.0, (time.time() - one.last_used) / 86400)
            what = " and ".join([f"image {one.image}", *one.requirements])
            found = f"{one.key}: {what}, Python {one.python}, last used {days:.0f} days ago"
        else:
            found = f"{path.name}: its build was interrupted"
        yield Check("environments", "info" if advice else "ok", found, advice)


def homes(project: Project) -> list[Path]:
    """The local clouds of a project: its own, and that of its emulated stacks."""
    home = paths.home(project.root)
    return [home / "local", *(place for place in [home / "emulated" / "local"] if place.is_dir())]


def _supervisor(project: Project) -> Iterator[Check]:
    """The process that holds endpoints: found by its arguments, asked nothing."""
    import psutil

    home = str(paths.home(project.root))
    pids = []
    for process in psutil.process_iter(["cmdline"]):
        words = process.info["cmdline"] or []
        if any("providers.local.supervisor" in word for word in words) and any(home in word for word in words):
            pids.append(str(process.pid))
    yield Check("supervisor", "ok" if pids else "info", f"runs (pid {', '.join(pids)})" if pids else "does not run")


def _locks(project: Project) -> Iterator[Check]:
    locks = sorted((project.private / "backend" / ".pulumi" / "locks").glob(f"organization/{project.name}/*/*.json"))
    if not locks:
        yield Check("locks", "ok", "none")
    for lock in locks:
        yield Check("locks", "warning", _holder(lock), f"`mooring cancel --stack {lock.parent.name}` if nothing runs")


def _holder(lock: Path) -> str:
    import json

    try:
        told = json.loads(lock.read_bytes())
        return f"stack {lock.parent.name}: pid {told.get('pid')} of {told.get('username')} on {told.get('hostname')}"
    except (OSError, ValueError, AttributeError):
        return f"stack {lock.parent.name}: a lock that cannot be read"


def _first_line(command: list[str]) -> str:
    environment = {**os.environ, "PULUMI_SKIP_UPDATE_CHECK": "true"}
    done = subprocess.run(command, capture_output=True, text=True, timeout=20, check=False, env=environment)
    return (done.stdout.strip().splitlines() or [""])[0]
