"""Where Pulumi's file backend keeps what (`pkg/backend/diy`, layout version 1)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from infra.engine.errors import EngineError

_NAME = re.compile(r"[A-Za-z0-9_.-]{1,100}\Z")
_COMPRESSED = (".gz", ".zst")


@dataclass(frozen=True)
class Layout:
    """The files of one stack under `backend/.pulumi`. Raises `EngineError` for a name that Pulumi refuses."""

    backend: Path
    project: str
    stack: str

    def __post_init__(self) -> None:
        for what, name in (("project", self.project), ("stack", self.stack)):
            if not _NAME.match(name) or name in (".", ".."):
                raise EngineError(
                    f"'{name}' is no {what} name: use at most 100 letters, digits, hyphens, underscores, periods"
                )

    @property
    def root(self) -> Path:
        return self.backend / ".pulumi"

    @property
    def qualified(self) -> str:
        """The stack's full name in a file backend, whose one organisation has a fixed name."""
        return f"organization/{self.project}/{self.stack}"

    @property
    def checkpoint(self) -> Path:
        """The state, where this engine writes it: plain JSON."""
        return self.root / "stacks" / self.project / f"{self.stack}.json"

    @property
    def backup(self) -> Path:
        return self.checkpoint.with_name(f"{self.stack}.json.bak")

    @property
    def history(self) -> Path:
        return self.root / "history" / self.project / self.stack

    @property
    def backups(self) -> Path:
        return self.root / "backups" / self.project / self.stack

    @property
    def locks(self) -> Path:
        return self.root / "locks" / "organization" / self.project / self.stack

    @property
    def mutex(self) -> Path:
        """This engine's own lock file, outside `locks`: there, the CLI takes every file for a lock."""
        return self.root / "mooring-locks" / self.project / f"{self.stack}.lock"

    def current(self) -> Path:
        """The state as it is on disk: the CLI may have compressed it; the youngest counts, as for the CLI."""
        found = [p for p in (self.checkpoint, *self.compressed()) if p.is_file()]
        return max(found, key=lambda p: p.stat().st_mtime_ns, default=self.checkpoint)

    def compressed(self) -> list[Path]:
        """The names that a compressed state has."""
        return [self.checkpoint.with_name(self.checkpoint.name + ending) for ending in _COMPRESSED]


def ensure_meta(backend: Path) -> None:
    """Make `backend` a file backend of layout version 1. Raises `EngineError` for an older layout."""
    meta = backend / ".pulumi" / "meta.yaml"
    if meta.is_file():
        found = re.search(r"^version:\s*(\d+)\s*$", meta.read_text(), re.MULTILINE)
        if not found or found[1] != "1":
            raise EngineError(f"{meta}: the backend's layout is not version 1; run `pulumi state upgrade` once")
        return
    from infra.engine.state.files import replace_file

    replace_file(meta, b"version: 1\n", mode=0o644)


def list_stacks(backend: Path, project: str) -> list[str]:
    """Names of the project's stacks, sorted."""
    folder = backend / ".pulumi" / "stacks" / project
    if not folder.is_dir():
        return []
    names = {re.sub(r"\.json(\.gz|\.zst)?\Z", "", p.name) for p in folder.iterdir() if _is_state(p.name)}
    return sorted(names)


def _is_state(name: str) -> bool:
    return re.search(r"\.json(\.gz|\.zst)?\Z", name) is not None
