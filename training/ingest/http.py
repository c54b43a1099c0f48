"""The rows of an HTTP API, page by page, or a file at an address."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlencode, urljoin, urlsplit, urlunsplit

from training.data.compressed import PACKED
from training.data.parts import ENDINGS
from training.errors import TrainingError
from training.ingest.client import Client
from training.ingest.paging import next_page
from training.ingest.rows import Parts

LARGEST = 256 << 20
"""Bytes of one page, at most."""

_TABLES = {
    "text/csv": ".csv",
    "text/tab-separated-values": ".tsv",
    "application/vnd.apache.parquet": ".parquet",
    "application/jsonl": ".jsonl",
    "application/jsonlines": ".jsonl",
    "application/x-ndjson": ".jsonl",
}
"""Media types of files that are kept as they are."""


def fetch(source: Mapping[str, Any], parts: Parts) -> None:
    """Ask for all pages of `source["url"]` and write the rows in them, or keep the file that is there.

    Raises TrainingError for an answer that is no page, and a server that does not answer after several tries.
    """
    client = Client(source.get("headers") or {})
    ending = _ending(Path(urlsplit(source["url"]).path))
    if ending:
        client.download(source["url"], parts.folder / f"data{ending}")
        return
    for number, page in enumerate(_pages(client, source), start=1):
        parts.take(_rows(page, source.get("items") or "", number), f"page {number}, row")


def _ending(path: Path) -> str:
    """The ending of an address that is a table's, compressed or not; empty where it is none."""
    last, before = path.suffix.lower(), Path(path.stem).suffix.lower()
    if last in PACKED and (before in ENDINGS or last == ".zip"):
        return before + last
    return last if last in ENDINGS else ""


def _pages(client: Client, source: Mapping[str, Any]) -> Iterator[Any]:
    """The bodies of all pages in order."""
    paging = source.get("paging") or {}
    url = with_query(source["url"], _first_query(paging))
    seen = {url}
    for number in range(1, int(paging.get("maxPages", 10_000)) + 1):
        answer = client.get(url, LARGEST)
        body = _json(answer.body, number)
        yield body
        rows = at(body, source.get("items") or "")
        following = next_page(paging, url, answer.links, body, len(rows) if isinstance(rows, list) else 0, number)
        if following is None:
            return
        url = urljoin(url, following)
        if url in seen:
            raise TrainingError(f"page {number}: the next page was there before; the paging goes in circles")
        seen.add(url)
    raise TrainingError(f"there are more than {paging.get('maxPages', 10_000)} pages; set paging.maxPages")


def _first_query(paging: Mapping[str, Any]) -> dict[str, str]:
    """What the first page's address is given: the size of pages, and the first number where they are counted."""
    query = {paging.get("sizeParameter", "limit"): str(paging["size"])} if paging.get("size") else {}
    if paging.get("by") in ("page", "offset"):
        default = 1 if paging["by"] == "page" else 0
        first = paging.get("first")
        query[paging.get("parameter") or paging["by"]] = str(default if first is None else first)
    return query


def with_query(url: str, values: Mapping[str, str]) -> str:
    """The address with these query parameters in place of those of the same names."""
    if not values:
        return url
    split = urlsplit(url)
    kept = [(name, value) for name, value in parse_qsl(split.query, keep_blank_values=True) if name not in values]
    return urlunsplit(split._replace(query=urlencode([*kept, *values.items()])))


def at(body: Any, path: str) -> Any:
    """What stands at a dotted path of a body; None where there is nothing."""
    for key in path.split(".") if path else ():
        if isinstance(body, Mapping):
            body = body.get(key)
        elif isinstance(body, list) and key.isdigit() and int(key) < len(body):
            body = body[int(key)]
        else:
            return None
    return body


def _json(body: bytes, number: int) -> Any:
    try:
        return json.loads(body)
    except (ValueError, RecursionError) as error:
        head = body[:40].decode("utf-8", "replace")
        raise TrainingError(f"page {number} is not JSON ({error}); it begins with '{head}'") from error


def _rows(body: Any, items: str, number: int) -> list[Mapping[str, Any]]:
    rows = at(body, items)
    if not isinstance(rows, list):
        where = f"at '{items}'" if items else "as a whole"
        keys = f"; the page has: {', '.join(map(str, body))}" if isinstance(body, Mapping) and body else ""
        raise TrainingError(f"page {number} {where} is no list of rows; 'items' says where they are{keys}")
    for place, row in enumerate(rows, start=1):
        if not isinstance(row, Mapping):
            raise TrainingError(f"page {number}, row {place} of it: no object of column names and values")
    return rows
