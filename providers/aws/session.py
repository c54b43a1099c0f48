"""Clients of AWS: of a real account by the user's own credentials, or of the emulator, where none play a part.

`MOORING_AWS_ENDPOINT` names the emulator of an emulated stack. boto3 is loaded when the first client is asked for: a
preview needs none.
"""

from __future__ import annotations

import os
import threading
from typing import Any

from providers.errors import InvalidInput

ENDPOINT = "MOORING_AWS_ENDPOINT"
EMULATED_KEY, EMULATED_SECRET = "mooring", "mooring"
_ATTEMPTS = 8

_clients: dict[tuple[str, str, str], Any] = {}
_lock = threading.Lock()


def endpoint_url() -> str:
    """The emulator's address; empty for a real account."""
    return os.environ.get(ENDPOINT, "")


def client(service: str, region: str) -> Any:
    """A boto3 client, the same one for the same question; it may be used from any thread.

    Raises InvalidInput without a region. Calls retry what AWS says may be retried (throttling, 5xx, lost connections).
    """
    if not region:
        raise InvalidInput("the stack names no region of AWS; set mooring:region, such as eu-central-1")
    url = endpoint_url()
    with _lock:
        key = (service, region, url)
        if key not in _clients:
            _clients[key] = _make(service, region, url)
        return _clients[key]


def close() -> None:
    """Close all clients."""
    with _lock:
        for made in _clients.values():
            made.close()
        _clients.clear()


def _make(service: str, region: str, url: str) -> Any:
    import boto3
    from botocore.config import Config

    settings: dict[str, Any] = {"retries": {"mode": "standard", "total_max_attempts": _ATTEMPTS}}
    settings |= {"user_agent_extra": "mooring", "connect_timeout": 10, "read_timeout": 120}
    if not url:
        return boto3.session.Session(region_name=region).client(service, config=Config(**settings))
    settings |= {"s3": {"addressing_style": "path"}, "proxies": {}, "ignore_configured_endpoint_urls": False}
    session = boto3.session.Session(EMULATED_KEY, EMULATED_SECRET, region_name=region)
    return session.client(service, endpoint_url=url, config=Config(**settings))
