"""From a stack's file, a plain mapping or the program's configuration to `Settings`."""

from __future__ import annotations

import copy
import json
from collections.abc import Mapping
from pathlib import Path as FilePath
from typing import Any

from pydantic import ValidationError

from infra.settings import columns, rules
from infra.settings.models import Settings
from infra.settings.problems import InvalidSettings, Located, Path, place, sentence

NAMESPACE = "mooring"
SECTIONS = ("datasets", "models", "endpoints", "batches")
SECRET_PLACES = ("environment", "parameters", "hyperparameters", "overrides", "sql", "http")
"""Mappings whose values may be `secure:`: what goes on to jobs, servers and vendors untouched."""
_TEXT_KEYS = ("cloud", "region", "account")


def load(file: FilePath, root: FilePath | None = None) -> Settings:
    """The settings in the stack file `file`; relative paths are checked against `root`, and left alone without it.

    Raises `providers.errors.NotFound` without the file, and `InvalidSettings` with everything that is wrong.
    """
    from infra.settings import yaml_source

    label = _label(file, root)
    source = yaml_source.read(file, NAMESPACE, label)
    found = Located(label, source.lines)
    for path in source.twice:
        found.add(path, "given twice")
    for path in source.secrets:
        if not any(part in SECRET_PLACES for part in path[:-1]):
            found.add(path, f"cannot be a secret; 'secure:' values may stand under {', '.join(SECRET_PLACES)}")
    secret = frozenset(str(path[0]) for path in source.secrets)
    return _validated(source.data, found, root, secret)


def parse(mapping: Mapping[str, Any], *, source: str = "settings", root: FilePath | None = None) -> Settings:
    """The settings in a plain mapping; `source` names it in errors. Raises `InvalidSettings`."""
    return _validated(dict(mapping), Located(source), root, frozenset())


def from_config(root: FilePath, file: FilePath | None = None) -> Settings:
    """The settings in the running Pulumi program's configuration.

    `file` is the stack's own file, if it can be known: problems are then told with its lines.
    Raises `InvalidSettings`.
    """
    data, secret, strange = _configuration()
    found = Located("configuration")
    for key, hint in strange.items():
        found.add((key,), hint)
    try:
        return _validated(data, found, root, secret)
    except InvalidSettings:
        if file is not None and file.is_file():
            load(file, root)
        raise


def _configuration() -> tuple[dict[str, Any], frozenset[str], dict[str, str]]:
    """All `mooring:` keys of the program's configuration, decoded, those that hold secrets, and keys whose
    namespace is nearly `mooring` with what is wrong with them."""
    from pulumi.runtime import config

    from infra.settings.yaml_source import namespace_hint

    raw = {**config.get_config_env(), **config.CONFIG.get()}
    prefix = f"{NAMESPACE}:"
    data = {key.removeprefix(prefix): value for key, value in raw.items() if key.startswith(prefix)}
    secret = {*config.get_config_secret_keys_env(), *(key for key in raw if config.is_config_secret(key))}
    names = frozenset(key.removeprefix(prefix) for key in secret if key.startswith(prefix))
    strange = {key: hint for key in raw if not key.startswith(prefix) and (hint := namespace_hint(key, NAMESPACE))}
    return {key: value if key in _TEXT_KEYS else _decoded(value) for key, value in data.items()}, names, strange


def _decoded(value: Any) -> Any:
    """A structured value, which Pulumi hands over as JSON text."""
    try:
        return json.loads(value) if isinstance(value, str) else value
    except json.JSONDecodeError:
        return value


def _validated(data: dict[str, Any], found: Located, root: FilePath | None, secret: frozenset[str]) -> Settings:
    """The settings, or one `InvalidSettings` with the problems of single values and of the whole."""
    given = {key: value for key, value in data.items() if key not in Settings.model_fields or not _is_empty(value)}
    names = {key: set(given.get(key) or ()) if isinstance(given.get(key), Mapping) else set() for key in SECTIONS}
    settings = _typed(given, found, secret)
    if settings:
        for path, reason in rules.findings(settings, names, _clouds(settings), root):
            found.add(path, reason)
        for path, reason in columns.target_findings(settings, root) if root else ():
            found.add(path, reason)
    found.raise_any()
    if settings is None:  # the loop in _typed ended without a problem to name, which its bound excludes
        raise InvalidSettings("settings cannot be read")
    return settings.with_secrets(secret)


def _is_empty(value: Any) -> bool:
    """Whether a key says nothing: Pulumi.yaml's defaults for what a stack may leave out are empty."""
    return value is None or value in ("", {}, [])


def _typed(data: dict[str, Any], found: Located, secret: frozenset[str]) -> Settings | None:
    """`data` as `Settings`; what is wrong is noted and left out, so that the rest can be looked at too."""
    rest = copy.deepcopy(data)
    for _ in range(20):
        try:
            return Settings.model_validate(rest, strict=True)
        except ValidationError as error:
            problems = error.errors(include_url=False)
            if _numbers_from_text(rest, problems):
                continue
            for problem in problems:
                path = place(problem)
                found.add(path, sentence(problem, show=not secret.intersection(path[:1])))
                _leave_out(rest, path)
    return None


def _numbers_from_text(data: dict[str, Any], problems: list[Any]) -> bool:
    """Turn text that is a number into one: `pulumi config set --path` stores 0.2 as text."""
    changed = False
    for problem in problems:
        if problem["type"] in ("int_type", "float_type") and isinstance(problem["input"], str):
            try:
                number = float(problem["input"]) if problem["type"] == "float_type" else int(problem["input"])
            except ValueError:
                continue
            changed |= _set(data, place(problem), number)
    return changed


def _set(data: Any, path: Path, value: Any) -> bool:
    for part in path[:-1]:
        try:
            data = data[part]
        except (KeyError, IndexError, TypeError):
            return False
    if isinstance(data, dict):
        data[path[-1]] = value
        return True
    return False


def _leave_out(data: dict[str, Any], path: Path) -> None:
    """Remove the entry (`models.iris`) or the key that holds `path`; a missing cloud gets a stand-in,
    without what only has a meaning on some clouds."""
    key = str(path[0]) if path else ""
    if key == "cloud":
        data["cloud"] = "local"
        data.pop("region", None)
        data.pop("account", None)
    elif key in SECTIONS and len(path) > 1 and isinstance(data.get(key), dict):
        data[key].pop(path[1], None)
    else:
        data.pop(key, None)


def _clouds(settings: Settings) -> set[str]:
    """The clouds there are; third parties' are looked for only when one may be meant."""
    from providers import registry

    own = (settings.models, settings.endpoints, settings.batches)
    overrides = [settings.overrides, *(entry.overrides for section in own for entry in section.values())]
    overrides += [model.training.overrides for model in settings.models.values() if model.training]
    known, used = set(registry.CLOUDS), {settings.cloud, *(cloud for vendors in overrides for cloud in vendors)}
    return known if used <= known else known | set(registry.available())


def _label(file: FilePath, root: FilePath | None) -> str:
    if root is not None and file.is_relative_to(root):
        return str(file.relative_to(root))
    return file.name
