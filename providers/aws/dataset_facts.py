"""What is known of a dataset's version: its rows and columns, and the files `schema.json` and `profile.json` in S3."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from providers.aws.objects import Objects
from providers.contract import Context
from providers.local import ingest, records
from providers.local.home import staging
from providers.values import DatasetSpec

OPTIONS = "options.json"
"""How the data was read, and what came of it; written last."""


def described(
    objects: Objects,
    facts: str,
    home: Path,
    cache: Path | None,
    spec: DatasetSpec,
    data: Callable[[], Path],
    context: Context,
) -> dict[str, Any]:
    """Rows and columns, where the data is a table; its schema and profile stand below the address `facts` afterwards.

    `data` gives the data on this machine; it is asked only where nothing is known yet. Raises InvalidInput for data
    that is wrong, Cancelled.
    """
    if spec.format in ingest.OPAQUE:
        return {}
    wanted = {"schema": spec.column_types, "format": spec.format, "delimiter": spec.delimiter}
    known = objects.read_json(facts + OPTIONS)
    if known is not None and known["options"] == wanted:
        return dict(known["size"])
    made = staging(home)
    try:
        size = ingest.describe(home, cache, spec, data(), made, context) or {}
        for path in sorted(made.rglob("*.json")):
            objects.write(facts + path.relative_to(made).as_posix(), path.read_bytes(), "application/json")
    finally:
        records.remove_tree(made)
    objects.write_json(facts + OPTIONS, {"options": wanted, "size": size})
    return size
