"""Asking an HTTP server, again where it is busy or cuts off: with waits that grow, and not for ever."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from training.errors import TrainingError
from training.ingest.paging import parse_links

TRIES = 6
"""Requests for one page, at most."""
FIRST_WAIT = 0.5
LONGEST_WAIT = 30.0
"""Seconds between two tries: twice as long each time, or what the server asks for in Retry-After, up to this."""
PASSING = frozenset({408, 425, 429, 500, 502, 503, 504})
"""Statuses after which the same request may succeed."""
TIMEOUT = 60.0
"""Seconds to wait for a connection, and for each piece of an answer."""
PIECE = 1 << 20


@dataclass(frozen=True)
class Answer:
    """A page: its bytes, and the addresses of its Link header by relation."""

    body: bytes
    links: Mapping[str, str]


class Client:
    """Requests with the same headers; they are not sent on to another host that a server points to."""

    def __init__(self, headers: Mapping[str, str], wait: float = FIRST_WAIT) -> None:
        import urllib3

        self.pool = urllib3.PoolManager(timeout=urllib3.Timeout(TIMEOUT), retries=False)
        self.headers = {"Accept": "application/json, */*;q=0.5", "User-Agent": "mooring", **headers}
        self.wait = wait
        self.origin: tuple[str, str] | None = None

    def get(self, url: str, largest: int) -> Answer:
        """The answer to a request, read whole. Raises TrainingError."""

        def read(response: Any) -> Answer:
            pieces, size = [], 0
            for piece in response.stream(PIECE):
                pieces.append(piece)
                size += len(piece)
                if size > largest:
                    raise TrainingError(f"{_place(url)}: a page of more than {largest >> 20} MiB; ask for smaller ones")
            return Answer(b"".join(pieces), parse_links(response.headers.get("Link", "")))

        found: Answer = self._tried(url, read)
        return found

    def download(self, url: str, target: Path) -> None:
        """Keep a file, streamed; from the beginning again where the connection is cut. Raises TrainingError."""

        def read(response: Any) -> None:
            with target.open("wb") as stream:
                for piece in response.stream(PIECE):
                    stream.write(piece)

        self._tried(url, read)

    def _tried(self, url: str, read: Any) -> Any:
        import urllib3

        reason = ""
        for attempt in range(1, TRIES + 1):
            pause = min(LONGEST_WAIT, self.wait * 2 ** (attempt - 1))
            response = None
            try:
                response = self.pool.request(
                    "GET", url, headers=self._headers(url), preload_content=False, redirect=False
                )
                if target := response.get_redirect_location():
                    from urllib.parse import urljoin

                    url = urljoin(url, target)
                    reason = "too many redirects"
                    continue
                if response.status < 300:
                    return read(response)
                reason = f"status {response.status}"
                if response.status not in PASSING:
                    said = response.read(200, decode_content=True).decode("utf-8", "replace")
                    raise TrainingError(f"{_place(url)} answered with status {response.status}: {said}")
                response.drain_conn()
                pause = _asked(response.headers.get("Retry-After"), pause)
            except urllib3.exceptions.LocationParseError as error:
                raise TrainingError(f"{_place(url)} is no address") from error
            except (urllib3.exceptions.HTTPError, OSError) as error:
                reason = _why(error)
            finally:
                if response is not None:
                    response.release_conn()
            if attempt < TRIES:
                time.sleep(pause)
        raise TrainingError(f"{_place(url)} could not be read in {TRIES} tries; the last one: {reason}")

    def _headers(self, url: str) -> dict[str, str]:
        """The headers for this address: those of the user only for the host that they were given for."""
        split = urlsplit(url)
        origin = (split.scheme, split.netloc)
        self.origin = self.origin or origin
        return self.headers if origin == self.origin else {"Accept": self.headers["Accept"], "User-Agent": "mooring"}


def _asked(header: str | None, pause: float) -> float:
    """The seconds that Retry-After asks for; the usual pause where it is a date or absent."""
    return min(LONGEST_WAIT, max(0.0, float(header))) if header and header.strip().isdigit() else pause


def _place(url: str) -> str:
    """An address without its query, which may hold a key."""
    split = urlsplit(url)
    return f"{split.scheme}://{split.netloc.rpartition('@')[2]}{split.path}"


def _why(error: Exception) -> str:
    """An error's last sentence, without the addresses that urllib3 repeats in it."""
    name = type(error).__name__
    return {
        "NewConnectionError": "the connection was refused",
        "ConnectTimeoutError": "the server did not answer in time",
        "ReadTimeoutError": "the server stopped sending",
        "NameResolutionError": "the name of the host is not known",
        "IncompleteRead": "the connection was cut",
        "ProtocolError": "the connection was cut",
        "SSLError": "the certificate or the encryption was not accepted",
    }.get(name, name)
