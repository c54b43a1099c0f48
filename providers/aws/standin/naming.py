"""Keys of AWS's structures and of Pulumi's properties: `NoncurrentDays` and `noncurrentDays`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def pascal_keys(value: Any, names: Mapping[str, str] = {}) -> Any:
    """Pulumi's structure as AWS has it; `names` are keys that do not follow the rule."""
    if isinstance(value, Mapping):
        return {names.get(key, key[:1].upper() + key[1:]): pascal_keys(item, names) for key, item in value.items()}
    return [pascal_keys(item, names) for item in value] if isinstance(value, list) else value


def camel_keys(value: Any, names: Mapping[str, str] = {}) -> Any:
    """AWS's structure as Pulumi has it; `names` are keys that do not follow the rule."""
    if isinstance(value, Mapping):
        return {names.get(key, key[:1].lower() + key[1:]): camel_keys(item, names) for key, item in value.items()}
    return [camel_keys(item, names) for item in value] if isinstance(value, list) else value
