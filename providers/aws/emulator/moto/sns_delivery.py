"""Messages of SNS to subscribers: over HTTP to this machine, after the answer and not before it.

Nothing leaves the machine: a subscriber elsewhere is refused when it subscribes, and so is one at a service that is
not offered. Mail and text messages are taken and sent to nobody.
"""

from __future__ import annotations

import ipaddress
import json
import queue
import sys
import threading
import urllib.error
import urllib.request
from typing import Any
from urllib.parse import urlsplit

from providers.aws.emulator.errors import ApiError
from providers.aws.emulator.moto.asked import Asked

_SECONDS = 5.0
_TRIES = 3
_WITHOUT_DELIVERY = {"email", "email-json", "sms"}


def check(asked: Asked) -> None:
    """Raise ApiError for a subscription that could never be served."""
    if asked.operation != "Subscribe":
        return
    protocol, endpoint = asked.parameters.get("Protocol", ""), asked.parameters.get("Endpoint", "")
    if protocol in ("http", "https"):
        if not _is_here(endpoint):
            reason = f"{endpoint} is not on this machine, and the emulator reaches no other"
            raise ApiError("InvalidParameter", f"Invalid parameter: Endpoint Reason: {reason}")
    elif protocol not in _WITHOUT_DELIVERY:
        reason = f"a subscription by '{protocol}' is not emulated by Mooring (docs/emulators.md)"
        raise ApiError("NotImplementedException", reason, 501)


class Postman:
    """Stands where moto's SNS has its HTTP client: takes messages at once and delivers them one after the other."""

    def __init__(self) -> None:
        self._messages: queue.SimpleQueue[tuple[str, bytes, dict[str, str]]] = queue.SimpleQueue()
        threading.Thread(target=self._run, name="sns", daemon=True).start()

    def post(self, url: str, json: Any, headers: dict[str, str]) -> None:
        """Deliver a message soon."""
        self._messages.put((url, _bytes(json), headers))

    def _run(self) -> None:
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        while True:
            url, body, headers = self._messages.get()
            for attempt in range(_TRIES):
                try:
                    opener.open(urllib.request.Request(url, body, headers), timeout=_SECONDS).close()
                    break
                except (OSError, ValueError, urllib.error.URLError) as error:
                    if attempt == _TRIES - 1:
                        print(f"mooring: a message of SNS did not reach {url}: {error}", file=sys.stderr, flush=True)


def install() -> None:
    """Have moto's SNS deliver so. Once a process."""
    import moto.sns.models

    moto.sns.models.requests = Postman()


def _is_here(endpoint: str) -> bool:
    host = urlsplit(endpoint).hostname or ""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _bytes(value: Any) -> bytes:
    return json.dumps(value).encode()
