"""Hashes of what a resource is asked to be. Digests of content are `training.artifact.digest`, re-exported here."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from training.artifact.digest import file_digest, tree_digest

__all__ = ["canonical_json", "file_digest", "inputs_hash", "tree_digest"]


def canonical_json(value: Any) -> str:
    """The one JSON text of `value`: keys sorted, no spaces, UTF-8 unescaped. Raises ValueError on NaN."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def inputs_hash(inputs: Mapping[str, Any]) -> str:
    """SHA-256, in hexadecimal, of checked inputs: two deployments ask for the same thing when these agree."""
    return hashlib.sha256(canonical_json(dict(inputs)).encode()).hexdigest()
