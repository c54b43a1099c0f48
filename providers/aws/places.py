"""Where to look for an owner's things."""

from __future__ import annotations

import os

from providers.contract import Ownership


def region_of(owner: Ownership) -> str:
    """The owner's region, else that of the environment; empty where neither says one."""
    return owner.region or os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION") or ""
