"""The Python environments of jobs and servers, cached outside every checkout and never the project's own.

One environment a content: the image's package list, the further requirements, the Python. It is built beside its
place by uv and renamed, under a lock between processes, so that it is complete or absent::

    <cache>/envs/<key>/                              the virtual environment
                      /mooring-environment.json      image, requirements, Python, when; its time is the last use
                <key>.lock  .building-<key>-<pid>/   held, and under construction
"""

from __future__ import annotations

import builtins
import contextlib
import fcntl
import os
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from providers import paths
from providers.errors import Cancelled, Unavailable
from providers.local import records
from providers.local.environments import image_lists, uv

STAMP = "mooring-environment.json"
LOCK_WAIT = 1800.0
"""Seconds to wait for another process that builds the same environment."""
UNUSED_DAYS = 30.0
"""Days without use after which an environment may go."""

Progress = Callable[[str], None]


@dataclass(frozen=True)
class Environment:
    """One cached environment. `last_used` is seconds since the epoch."""

    key: str
    path: Path
    image: str
    requirements: tuple[str, ...]
    python: str
    created: str
    last_used: float


class Environments:
    """The environments of one cache folder (default: the user's, `providers.paths.cache()`)."""

    def __init__(self, cache: Path | None = None) -> None:
        self.base = (cache or paths.cache()) / "envs"

    def python(self, image: str, requirements: Sequence[str] = ()) -> Path:
        """Where the interpreter of this environment is, or will be."""
        return self.base / image_lists.environment_key(image, requirements) / "bin" / "python"

    def ensure(
        self,
        image: str,
        requirements: Sequence[str] = (),
        progress: Progress = lambda message: None,
        cancel: threading.Event | None = None,
    ) -> Path:
        """The interpreter of the environment, built first where it is absent.

        Raises `InvalidInput` for an unknown image or a requirement that does not exist, `Unavailable` when the
        package index cannot be reached, `Cancelled` within a second.
        """
        key = image_lists.environment_key(image, requirements)
        target, cancel = self.base / key, cancel or threading.Event()
        python = target / "bin" / "python"
        if not self._ready(target):
            with records.translated(self.base), self._building(key, progress, cancel):
                if not self._ready(target):
                    self._build(target, image, requirements, progress, cancel)
        with contextlib.suppress(OSError):  # a read-only cache serves as well
            os.utime(target / STAMP)
        return python

    def _ready(self, target: Path) -> bool:
        """Whether it is complete and its base Python still exists (an upgraded system may have removed it)."""
        return (target / STAMP).is_file() and (target / "bin" / "python").exists()

    def _build(
        self, target: Path, image: str, requirements: Sequence[str], progress: Progress, cancel: threading.Event
    ) -> None:
        for left in self.base.glob(f".building-{target.name}-*"):  # we hold the lock: whoever began it is dead
            uv.end_orphans(left)
            records.remove_tree(left)
        fresh = self.base / f".building-{target.name}-{os.getpid()}"
        try:
            progress(f"preparing the environment of image '{image}' (once)")
            uv.run(
                ["venv", "--quiet", "--relocatable", "--python", sys.executable, str(fresh)],
                fresh,
                image,
                progress,
                cancel,
            )
            install = ["pip", "install", "--python", str(fresh / "bin" / "python")]
            listed = str(image_lists.package_list(image))
            uv.run([*install, "--require-hashes", "-r", listed], fresh, f"image '{image}'", progress, cancel)
            if requirements:
                wanted = "the requirements " + ", ".join(requirements)
                uv.run([*install, "--", *requirements], fresh, wanted, progress, cancel)
            stamp = {
                "image": image,
                "requirements": list(requirements),
                "python": sys.version.split()[0],
                "created": records.now(),
            }
            records.write(fresh / STAMP, stamp)
            if target.exists():
                records.remove_tree(target)
            fresh.rename(target)
            records.sync_folder(self.base)
        finally:
            records.remove_tree(fresh)

    @contextlib.contextmanager
    def _building(self, key: str, progress: Progress, cancel: threading.Event) -> Iterator[None]:
        self.base.mkdir(parents=True, exist_ok=True)
        handle = os.open(self.base / f"{key}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            deadline, told = time.monotonic() + LOCK_WAIT, False
            while True:
                try:
                    fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    break
                except BlockingIOError:
                    if not told:
                        progress("waiting for another process that prepares the same environment")
                    told = True
                if time.monotonic() > deadline:
                    raise Unavailable(f"another process has prepared the environment {key} for {LOCK_WAIT:g} s")
                if cancel.wait(0.1):
                    raise Cancelled
            yield
        finally:
            os.close(handle)

    def list(self) -> builtins.list[Environment]:
        """All complete environments, last used first."""
        found = []
        for stamp in self.base.glob(f"*/{STAMP}"):
            if (record := records.read(stamp)) is None:
                continue
            found.append(
                Environment(
                    key=stamp.parent.name,
                    path=stamp.parent,
                    image=record["image"],
                    requirements=tuple(record["requirements"]),
                    python=record["python"],
                    created=record["created"],
                    last_used=stamp.stat().st_mtime,
                )
            )
        return sorted(found, key=lambda environment: environment.last_used, reverse=True)

    def spare(self, homes: Iterable[Path], unused_days: float = UNUSED_DAYS) -> builtins.list[Path]:
        """Folders that may go: environments unused for so long, which no process runs from and no endpoint of these
        `homes` is served from (it may be down just now), and builds whose process has ended."""
        oldest = time.time() - unused_days * 86400
        named = records.contents(home / part for home in homes for part in ("endpoints", "services"))
        found = [
            environment.path
            for environment in self.list()
            if environment.last_used < oldest
            and not any(str(environment.path).encode() in record for record in named)
            and not _in_use(environment.path)
        ]
        return found + [left for left in self.base.glob(".building-*") if not _is_built(left)]

    def prune(self, homes: Iterable[Path], unused_days: float = UNUSED_DAYS) -> builtins.list[str]:
        """Remove what may go (`spare`); the names of what was removed."""
        removed = []
        for folder in self.spare(homes, unused_days):
            gone = folder.with_name(f".building-{folder.name.lstrip('.')}-{os.getpid()}")
            with contextlib.suppress(FileNotFoundError):  # somebody else prunes as well
                folder.rename(gone)  # at once for all others, however long the removal takes
                records.remove_tree(gone)
                removed.append(folder.name)
        return removed


def _in_use(folder: Path) -> bool:
    """Whether any process of this machine was started from the environment."""
    import psutil

    prefix = f"{folder}{os.sep}"
    return any(
        part.startswith(prefix)
        for process in psutil.process_iter(["cmdline"])
        for part in (process.info["cmdline"] or [])[:1]
    )


def _is_built(folder: Path) -> bool:
    """Whether the process that builds here, whose pid ends the name, still runs."""
    from providers.local.process import Identity

    pid = folder.name.rpartition("-")[2]
    return pid.isdigit() and Identity.of(int(pid)) is not None
