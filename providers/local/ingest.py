"""What is done to data before it is a dataset: fetched from a database or an API, looked into, checked, described.

Both are done by `training` in an image's environment: this process imports nothing heavy.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from providers.contract import Context
from providers.errors import Cancelled, InvalidInput, Problem
from providers.local import kit_process
from providers.local.environments import image_lists
from providers.local.environments.environments import Environments
from providers.values import DatasetSpec
from training.data.parts import is_table

SOURCE = "MOORING_SOURCE"
"""The variable by which the source, which may hold secrets, reaches the process that fetches."""
OPAQUE = ("folder", "file")
"""Formats that are not looked into."""
FETCH_LIMIT = 6 * 3600.0


def fetch(home: Path, cache: Path | None, spec: DatasetSpec, target: Path, context: Context) -> None:
    """Fetch the rows of a query or an API into the new folder `target`, as Parquet files.

    Raises `InvalidInput` with what is wrong with the source, in words that hold no secret; `Unavailable`, `Cancelled`.
    """
    python = _python(cache, spec.requirements, context)
    source = {"sql": spec.sql, "http": spec.http}
    given = {key: value.to_wire() for key, value in source.items() if value is not None}
    try:
        kit_process.run(
            home,
            python,
            "training.ingest",
            ["--output", str(target)],
            context,
            variables={SOURCE: json.dumps(given)},
            folder=context.root,  # a database file is named relative to it
            say=lambda line: context.progress(line, None),
            limit=FETCH_LIMIT,
        )
    except InvalidInput as error:
        raise InvalidInput([Problem(next(iter(given)), str(error))]) from None


def describe(
    home: Path, cache: Path | None, spec: DatasetSpec, data: Path, target: Path, context: Context
) -> dict[str, Any] | None:
    """Check the data and write its `schema.json` and `profile.json` into `target`; its rows and columns.

    None for what is no table. Raises `InvalidInput` for data that is wrong. A folder whose format nobody stated may
    hold what an own script understands: what is strange there is said, and the folder is taken as it is.
    """
    if spec.format in OPAQUE or not is_table(data, spec.format):
        return None
    python = _python(cache, (), context)
    given = {"--format": spec.format, "--delimiter": spec.delimiter}
    arguments = [part for name, value in given.items() if value for part in (name, value)]
    arguments += ["--schema", json.dumps(spec.column_types)] if spec.column_types else []
    paths = ["--input", str(data), "--output", str(target)]
    try:
        lines = kit_process.run(home, python, "training.data.describe", [*paths, *arguments], context)
    except InvalidInput as error:
        if data.is_dir() and spec.source and not spec.format and not spec.column_types:
            context.progress(f"warning: {spec.source} is taken as it is: {error}", None)
            return None
        hint = "" if spec.column_types else "; for data that only an own script reads, set format to file"
        raise InvalidInput([Problem("source" if spec.source else "schema", f"{error}{hint}")]) from None
    found: dict[str, Any] = json.loads(lines[-1])
    for warning in found["warnings"]:
        context.progress(f"warning: {warning}", None)
    return {"rows": found["rows"], "columns": found["columns"]}


def _python(cache: Path | None, requirements: Any, context: Context) -> Path:
    try:
        return Environments(cache).ensure(
            image_lists.DEFAULT, requirements, lambda message: context.progress(message, None), context.cancel
        )
    except Cancelled:
        raise Cancelled("cancelled while the environment for the data was prepared") from None
