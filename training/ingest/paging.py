"""From one page of an HTTP API to the address of the next."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from training.errors import TrainingError


def next_page(
    paging: Mapping[str, Any], url: str, links: Mapping[str, str], body: Any, rows: int, number: int
) -> str | None:
    """The address of the page after the `number`-th, which had so many rows; None after the last.

    `links` are the addresses of the Link header (RFC 8288) by relation. Raises TrainingError for a next address or a
    cursor that is none.
    """
    from training.ingest.http import at, with_query

    match paging.get("by"):
        case "link":
            return links.get("next")
        case "next":
            found = at(body, paging["field"])
            if found is None or found == "":
                return None
            if not isinstance(found, str):
                raise TrainingError(f"page {number}: '{paging['field']}' is no address of a next page")
            return found
        case "cursor":
            cursor = at(body, paging["field"])
            if cursor is None or cursor in ("", False):
                return None
            if not isinstance(cursor, str | int):
                raise TrainingError(f"page {number}: '{paging['field']}' is no cursor")
            return with_query(url, {paging.get("parameter") or "cursor": str(cursor)})
        case "page" | "offset":
            size = paging.get("size")
            if not rows or (size and rows < int(size)):
                return None
            return _counted(paging, url, rows)
        case _:
            return None


def _counted(paging: Mapping[str, Any], url: str, rows: int) -> str:
    from urllib.parse import parse_qsl, urlsplit

    from training.ingest.http import with_query

    name = paging.get("parameter") or paging["by"]
    now = int(dict(parse_qsl(urlsplit(url).query))[name])
    return with_query(url, {name: str(now + (1 if paging["by"] == "page" else rows))})


def parse_links(header: str) -> dict[str, str]:
    """The addresses of a Link header by relation: `<https://host/2>; rel="next", …`."""
    found: dict[str, str] = {}
    rest = header
    while (start := rest.find("<")) >= 0 and (end := rest.find(">", start)) > start:
        address, rest = rest[start + 1 : end], rest[end + 1 :]
        parameters, _, following = _until_comma(rest)
        for parameter in parameters.split(";"):
            name, _, value = parameter.strip().partition("=")
            if name.strip().lower() == "rel":
                for relation in value.strip().strip('"').lower().split():
                    found.setdefault(relation, address)
        rest = following
    return found


def _until_comma(text: str) -> tuple[str, str, str]:
    """The text before the first comma outside of quotes, the comma, and the rest."""
    quoted = False
    for place, letter in enumerate(text):
        if letter == '"':
            quoted = not quoted
        elif letter == "," and not quoted:
            return text[:place], ",", text[place + 1 :]
    return text, "", ""
