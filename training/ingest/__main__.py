"""`python -m training.ingest --output DIR`: takes a snapshot of a query or an HTTP API as files in DIR.

The source comes from the variable `MOORING_SOURCE`, JSON of `{"sql": {"url", "query"}}` or of `{"http": {"url",
"headers", "items", "paging"}}`, so that no secret is in the list of processes; or from arguments: `--source URL`, and
for a database `--query SQL`, for an API `--header 'Name: value'`, `--items PATH`, `--paging JSON`. Prints one line of
JSON with the number of rows (null for a file that is kept as it is). What is wrong is one line on standard error
without any secret, and exit code 1.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from training.errors import TrainingError
from training.ingest import http, sql
from training.ingest.rows import Parts

MASK = "[secret]"
LEAST = 4
"""Shorter values are not looked for in messages."""


def main(arguments: Sequence[str], environment: Mapping[str, str] = os.environ) -> int:
    """The command; returns the exit code."""
    source: dict[str, Any] = {}
    try:
        given = _parser().parse_args(arguments)
        source = _source(given, environment)
        if given.output.exists() and any(given.output.iterdir()):
            raise TrainingError(f"{given.output} is not empty")
        parts = Parts(given.output)
        if "sql" in source:
            sql.fetch(source["sql"], parts)
        else:
            http.fetch(source["http"], parts)
        rows = None if parts.rows == 0 and any(given.output.iterdir()) else parts.close()
        parts.harmonise()
    except (TrainingError, OSError) as error:
        print(masked(str(error), source), file=sys.stderr)
        return 1
    print(json.dumps({"rows": rows}))
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m training.ingest", allow_abbrev=False)
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--source", help="SQLAlchemy URL, or an address that begins with http")
    parser.add_argument("--query")
    parser.add_argument("--header", action="append", default=[])
    parser.add_argument("--items", default="")
    parser.add_argument("--paging", default="{}")
    return parser


def _source(given: argparse.Namespace, environment: Mapping[str, str]) -> dict[str, Any]:
    if given.source is None:
        try:
            source: Any = json.loads(environment.get("MOORING_SOURCE", ""))
        except ValueError:
            source = None
        if not isinstance(source, dict) or not {"sql", "http"} & source.keys():
            raise TrainingError('MOORING_SOURCE must be {"sql": {…}} or {"http": {…}}, or --source an address')
        return source
    if urlsplit(given.source).scheme in ("http", "https"):
        headers = dict(_header(text) for text in given.header)
        try:
            paging = json.loads(given.paging)
        except ValueError as error:
            raise TrainingError(f"--paging is not JSON: {error}") from error
        return {"http": {"url": given.source, "headers": headers, "items": given.items, "paging": paging}}
    if not given.query:
        raise TrainingError("--query is missing; it gives the rows of a database")
    return {"sql": {"url": given.source, "query": given.query}}


def _header(text: str) -> tuple[str, str]:
    name, colon, value = text.partition(":")
    if not colon:
        raise TrainingError(f"--header '{name[:20]}' is not of the form Name: value")
    return name.strip(), value.strip()


def masked(text: str, source: Mapping[str, Any]) -> str:
    """A message on one line without what may be secret of the source: passwords, keys in addresses, headers."""
    secrets = set((source.get("http") or {}).get("headers", {}).values())
    for entry in source.values():
        url = str(entry.get("url", ""))
        try:
            split = urlsplit(url)
            secrets |= {split.password or "", *(value for _, value in parse_qsl(split.query))}
        except ValueError:
            continue
    for secret in sorted((secret for secret in secrets if len(secret) >= LEAST), key=len, reverse=True):
        text = text.replace(secret, MASK)
    return " ".join(text.split())


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
