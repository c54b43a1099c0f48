"""The emulator as a process: how it is started, and what a program needs to be inside of it."""

from __future__ import annotations

import importlib.util
import os
import sys
from collections.abc import Mapping
from pathlib import Path

from providers.aws.emulator.clients import ACCESS_KEY, SECRET_KEY
from providers.aws.emulator.messages import DEFAULT_REGION
from providers.errors import MooringError
from providers.paths import KIT

NEEDED = ("boto3", "moto", "flask", "flask_cors")
HEALTH_PATH = "/_mooring/health"
CLEARED = ("AWS_PROFILE", "AWS_DEFAULT_PROFILE", "AWS_SESSION_TOKEN", "AWS_SECURITY_TOKEN", "AWS_ROLE_ARN",
           "AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
           "AWS_CONTAINER_CREDENTIALS_FULL_URI", "AWS_CA_BUNDLE")  # fmt: skip
"""Variables that would lead a program to a real account; each is emptied or removed."""
_PASSED_ON = ("MOORING_CACHE", "MOORING_EMULATOR_TIME", "HOME", "SSL_CERT_FILE", "SSL_CERT_DIR", "HTTP_PROXY",
              "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy")  # fmt: skip
"""What the emulator itself gets of its starter's environment, besides the settings of uv and pip: the environments of
jobs are built in it, which is the one thing that may reach the package index."""


def require_packages() -> None:
    """Raise `MooringError` with the way to install what the emulator needs and is not there."""
    missing = [name for name in NEEDED if importlib.util.find_spec(name) is None]
    if missing:
        raise MooringError(
            f'the emulator of AWS needs {", ".join(missing)}: pip install "mooring[aws]" '
            "(in a clone of the kit: python3 scripts/environment.py aws)"
        )


def command(home: Path, cache: Path) -> list[str]:
    """Its argv, with `{port}` where the port comes."""
    return [
        sys.executable,
        "-m",
        "providers.aws.emulator",
        "--home",
        str(home),
        "--port",
        "{port}",
        "--cache",
        str(cache),
    ]


def environment(ambient: Mapping[str, str] = os.environ) -> dict[str, str]:
    """The emulator's own environment."""
    kept = {name: value for name, value in ambient.items() if name in _PASSED_ON or name.startswith(("UV_", "PIP_"))}
    return {**kept, "PYTHONPATH": str(KIT), "PYTHONUNBUFFERED": "1"}


def variables(url: str, region: str = "") -> dict[str, str]:
    """What a program needs so that AWS's SDKs speak to the emulator and to nothing else; empty ones are to be unset."""
    region = region or DEFAULT_REGION
    return {
        "AWS_ENDPOINT_URL": url,
        "AWS_ACCESS_KEY_ID": ACCESS_KEY,
        "AWS_SECRET_ACCESS_KEY": SECRET_KEY,
        "AWS_REGION": region,
        "AWS_DEFAULT_REGION": region,
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "false",
        **dict.fromkeys(CLEARED, ""),
    }
