"""The environment that `pulumi` needs for a stack, for the Automation API and for `mooring env`."""

from __future__ import annotations

import json
import os
from pathlib import Path

from infra.engine.api import StackRef
from mooring.standins import endpoint_variable


def environment(ref: StackRef) -> dict[str, str]:
    """Variables for `pulumi` on this stack.

    A stack that stays on this machine always has the project's own backend and passphrase. For a stack on a
    cloud the user's backend and secrets come first (`PULUMI_BACKEND_URL`, a `pulumi login`, an own passphrase).
    """
    variables = {
        "PULUMI_SKIP_UPDATE_CHECK": "true",
        "MOORING_PROJECT": str(ref.root),
    }
    stays = ref.cloud == "local" or ref.emulate
    if stays or not _has_own_backend():
        variables["PULUMI_BACKEND_URL"] = ref.backend.resolve().as_uri()
    if stays or not {"PULUMI_CONFIG_PASSPHRASE", "PULUMI_CONFIG_PASSPHRASE_FILE"} & os.environ.keys():
        variables["PULUMI_CONFIG_PASSPHRASE_FILE"] = str(ref.passphrase_file)
    if home := os.environ.get("MOORING_HOME"):
        variables["MOORING_HOME"] = home
    if ref.emulate and (url := os.environ.get(endpoint_variable(ref.cloud))):
        variables[endpoint_variable(ref.cloud)] = url
    return variables


def _has_own_backend() -> bool:
    """Whether the user chose a backend: by variable, or by `pulumi login`."""
    if os.environ.get("PULUMI_BACKEND_URL"):
        return True
    home = Path(os.environ.get("PULUMI_HOME") or Path.home() / ".pulumi")
    try:
        return bool(json.loads((home / "credentials.json").read_text()).get("current"))
    except (OSError, ValueError, AttributeError):
        return False
