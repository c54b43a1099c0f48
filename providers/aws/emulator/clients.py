"""boto3 clients of the emulator to itself: jobs' data, logs and metrics go through the same front door as a user's."""

from __future__ import annotations

import os
import threading
from typing import Any

ACCESS_KEY, SECRET_KEY = "mooring", "mooring"
_NOTHING_AMBIENT = {
    "profile": (None, None, None, None),
    "config_file": (None, None, os.devnull, None),
    "credentials_file": (None, None, os.devnull, None),
}
"""Settings of botocore that would otherwise come from the environment: a profile that is not there is an error."""


class Clients:
    """One client a service and region, made when first asked for. boto3's clients may be used from any thread."""

    def __init__(self, endpoint_url: str) -> None:
        self.endpoint_url = endpoint_url
        self._made: dict[tuple[str, str], Any] = {}
        self._lock = threading.Lock()

    def get(self, service: str, region: str) -> Any:
        """The client. The environment's own credentials and settings play no part in it."""
        with self._lock:
            if (service, region) not in self._made:
                self._made[service, region] = self._make(service, region)
            return self._made[service, region]

    def _make(self, service: str, region: str) -> Any:
        import botocore.session
        from botocore.config import Config

        config = Config(
            retries={"max_attempts": 2}, s3={"addressing_style": "path"}, connect_timeout=5, read_timeout=120,
            max_pool_connections=20, proxies={},
        )  # fmt: skip
        session = botocore.session.Session(session_vars=_NOTHING_AMBIENT)
        return session.create_client(
            service, region_name=region, endpoint_url=self.endpoint_url, aws_access_key_id=ACCESS_KEY,
            aws_secret_access_key=SECRET_KEY, config=config,
        )  # fmt: skip
