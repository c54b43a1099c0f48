"""Data from an address: fetched in the image's environment, before it is learnt from."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from mooring import local_run
from mooring.local_run_display import Progress, Silent
from providers.errors import InvalidInput


def fetch(data: str, options: Mapping[str, Any], requirements: Sequence[str], work: Path, progress: Progress) -> Path:
    """A snapshot of what an address names, in a folder: a file, the pages of an HTTP API, or the rows of a query.

    The address, which may hold a password, is handed over in the environment, not among the arguments.
    """
    from providers.local.environments.image_lists import DEFAULT

    folder = work / "data"
    source, shown = address_source(data, options)
    progress.passing(f"fetching {shown}")
    variables = {"MOORING_SOURCE": json.dumps(source)}
    child = local_run.Child("training.ingest", [f"--output={folder}"], DEFAULT, requirements, variables, network=True)
    told = local_run.run(child, work, Silent(sys.stderr))
    rows = json.loads(told[-1]).get("rows") if told else None
    progress.line(f"fetched {shown}" + (f": {rows:,} rows" if rows is not None else ""))
    return folder


def address_source(address: str, options: Mapping[str, Any]) -> tuple[dict[str, Any], str]:
    """An address as `training.ingest` takes it, and what may be shown of it: no password, no path, no query.

    Raises `InvalidInput` for options that do not fit it.
    """
    from urllib.parse import urlsplit

    split = urlsplit(address)
    shown = f"{split.scheme}://{split.hostname or Path(split.path).name}"
    given = {name: value for name, value in options.items() if value}
    if split.scheme in ("http", "https"):
        if "query" in given:
            raise InvalidInput("--query: it fits a database's address, such as sqlite:///shop.db")
        return {"http": {"url": address, **given}}, shown
    if unfit := [f"--{name.removesuffix('s') if name == 'headers' else name}" for name in given if name != "query"]:
        raise InvalidInput(f"{unfit[0]}: it fits an address that begins with http")
    if not given:
        raise InvalidInput(f"--data {shown}: --query is missing; it gives the rows of a database")
    if split.scheme.startswith("sqlite") and split.path[1:2] not in ("", "/"):
        address = f"{split.scheme}:///{Path(split.path[1:]).resolve()}"  # relative to here, not to the child's folder
    return {"sql": {"url": address, **given}}, shown


def pairs_of_headers(given: Sequence[str]) -> dict[str, str]:
    """`Name: value` words. Raises `InvalidInput` without telling the value."""
    found = {}
    for word in given:
        name, colon, value = word.partition(":")
        if not colon:
            raise InvalidInput("--header: write it as 'Name: value'")
        found[name.strip()] = value.strip()
    return found
