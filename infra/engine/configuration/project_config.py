"""The `config` section of Pulumi.yaml: defaults, required keys and types (`pkg/workspace/config.go`)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from infra.engine.configuration.stack_config import StackConfig, as_text, is_secure, qualified
from infra.engine.configuration.yaml_reader import read_yaml
from infra.engine.errors import ConfigError
from infra.engine.values.property_diff import parse_path


def apply_project(config: StackConfig, project_file: Path, project: str) -> StackConfig:
    """`config` with the project's defaults where it says nothing itself.

    Raises `ConfigError` when a key that the project requires is missing, when a value is not of the type that
    the project declares, and when one that must be secret is not encrypted.
    """
    values = dict(config.values)
    missing: list[str] = []
    for written, declared in sorted(_declared(project_file).items()):
        path = parse_path(written.rpartition(":")[2])
        key = qualified(f"{written.rpartition(':')[0]}:{path[0]}".lstrip(":"), project, project_file)
        found, value = _get(values, key, path[1:])
        if found:
            _check(config.file, written, declared, value)
        elif isinstance(declared, Mapping) and ("default" in declared or "value" in declared):
            values[key] = _set(values.get(key), path[1:], declared.get("default", declared.get("value")))
        elif not isinstance(declared, Mapping):
            values[key] = _set(values.get(key), path[1:], declared)
        elif key.startswith(f"{project}:"):
            missing.append(written)
    if missing:
        raise ConfigError(config.file, f"missing configuration: {', '.join(missing)} (required by {project_file.name})")
    return replace(config, values=values)


def _declared(project_file: Path) -> dict[str, Any]:
    document = read_yaml(project_file)
    declared = (document or {}).get("config") or {}
    if isinstance(declared, str):
        raise ConfigError(project_file, "'config' must be a mapping; a folder of stack files is 'stackConfigDir'")
    return {str(key): value for key, value in declared.items()}


def _get(values: Mapping[str, Any], key: str, path: tuple[str | int, ...]) -> tuple[bool, Any]:
    if key not in values:
        return False, None
    value = values[key]
    for step in path:
        in_list = isinstance(value, list) and isinstance(step, int) and step < len(value)
        if not in_list and not (isinstance(value, dict) and step in value):
            return False, None
        value = value[step]
    return True, value


def _set(value: Any, path: tuple[str | int, ...], default: Any) -> Any:
    if not path:
        return default
    inner = value if isinstance(value, dict) else {}
    return {**inner, str(path[0]): _set(inner.get(str(path[0])), path[1:], default)}


def _check(file: Path, key: str, declared: Any, value: Any) -> None:
    if not isinstance(declared, Mapping):
        return
    if declared.get("secret") and not is_secure(value):
        raise ConfigError(file, f"{key} is secret: set it with `mooring config set --secret {key}`")
    expected = declared.get("type")
    if expected and not is_secure(value) and not _fits(expected, declared.get("items"), value):
        raise ConfigError(file, f"{key} must be of type {_name(expected, declared.get('items'))}, not {as_text(value)}")


def _fits(expected: str, items: Any, value: Any) -> bool:
    if expected == "array":
        return isinstance(value, list) and all(
            not isinstance(items, Mapping) or _fits(str(items.get("type")), items.get("items"), v) for v in value
        )
    if expected == "object":
        return isinstance(value, dict)
    if isinstance(value, list | dict) or value is None:
        return False
    text = as_text(value)
    if expected == "integer":
        return text.lstrip("+-").isdigit()
    if expected == "boolean":
        return text in ("true", "false")
    return True


def _name(expected: str, items: Any) -> str:
    inner = _name(str(items.get("type")), items.get("items")) if isinstance(items, Mapping) else "any"
    return f"array<{inner}>" if expected == "array" else expected
