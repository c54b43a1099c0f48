"""The history of a stack's operations, as Pulumi's file backend keeps it.

One operation is two files in `history/<project>/<stack>/`: `<stack>-<ns>.history.json` (Go's `backend.UpdateInfo`)
and `<stack>-<ns>.checkpoint.json`, the state after it.
"""

from __future__ import annotations

import gzip
import time
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from infra.engine.state.files import replace_file
from infra.engine.state.layout import Layout
from infra.engine.values.encoding import dumps, loads

Kind = Literal["update", "preview", "refresh", "destroy", "import", "resource-import", "rename"]


@dataclass
class Entry:
    """One operation. Times are Unix seconds; `config` is as in the stack's file, secrets encrypted."""

    kind: Kind
    result: Literal["succeeded", "failed", "in-progress"]
    start: int
    end: int
    message: str = ""
    environment: Mapping[str, str] = field(default_factory=dict)
    config: Mapping[str, Any] = field(default_factory=dict)
    changes: Mapping[str, int] = field(default_factory=dict)

    def encode(self) -> dict[str, Any]:
        """The form of Go's `backend.UpdateInfo`."""
        form: dict[str, Any] = {
            "kind": self.kind,
            "startTime": self.start,
            "message": self.message,
            "environment": dict(self.environment),
            "config": dict(self.config),
            "version": 0,
            "result": self.result,
            "endTime": self.end,
        }
        if changes := {op: count for op, count in self.changes.items() if count}:
            form["resourceChanges"] = changes
        return form


def record(layout: Layout, entry: Entry) -> None:
    """Add an operation, with the state as it is now. Raises `StateWriteFailed`."""
    stem = f"{layout.stack}-{time.time_ns()}"
    replace_file(layout.history / f"{stem}.history.json", dumps(entry.encode()))
    state = layout.current()
    if state.is_file():
        ending = "".join(s for s in (".json", ".gz", ".zst") if s == ".json" or state.name.endswith(s))
        replace_file(layout.history / f"{stem}.checkpoint{ending}", state.read_bytes())


def entries(layout: Layout) -> list[dict[str, Any]]:
    """All operations, the latest first, in Pulumi's form; `version` counts them from 1.

    An entry that cannot be read is left out: history is for people, and must not stop a command.
    """
    if not layout.history.is_dir():
        return []
    # Go's file backend puts a file of attributes (`.attrs`) beside each.
    files = sorted(p for p in layout.history.iterdir() if p.name.endswith((".history.json", ".history.json.gz")))
    found: list[dict[str, Any]] = []
    for file in files:
        try:
            entry = loads(_unpacked(file.read_bytes()))
        except (OSError, EOFError, ValueError, zlib.error):
            continue
        if isinstance(entry, dict):
            found.append(entry | {"version": len(found) + 1})
    return found[::-1]


def _unpacked(data: bytes) -> bytes:
    return gzip.decompress(data) if data[:2] == b"\x1f\x8b" else data
