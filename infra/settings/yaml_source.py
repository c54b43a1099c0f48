"""A stack's YAML file as plain data, with the line of every key and the places of its secrets.

The format is Pulumi's: `config:` maps `namespace:key` to a value, `{secure: ciphertext}` is a secret at any
depth. A secret is not decrypted here: settings are validated without the passphrase.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path as FilePath
from typing import Any

import yaml
from yaml.constructor import SafeConstructor

from infra.settings.problems import InvalidSettings, Path
from providers.errors import NotFound, Problem, did_you_mean

SECRET = "[secret]"
"""Stands in the data for a `secure:` value."""
PROVIDER = "moor"
"""The provider's own namespace, near to that of the settings and not meant by it."""

_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@dataclass
class Source:
    """What a file says under one namespace."""

    data: dict[str, Any] = field(default_factory=dict)
    lines: dict[Path, int] = field(default_factory=dict)
    secrets: list[Path] = field(default_factory=list)
    twice: list[Path] = field(default_factory=list)


def read(file: FilePath, namespace: str, label: str) -> Source:
    """What `file` has under `namespace`. Raises `NotFound`, or `InvalidSettings` for what is not a stack file."""
    try:
        text = file.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise NotFound(f"{label} does not exist") from None
    except (UnicodeDecodeError, IsADirectoryError, PermissionError) as cause:
        raise InvalidSettings([Problem(label, f"cannot be read: {cause}")]) from cause
    try:
        return _under_namespace(_compose(text), namespace, label)
    except yaml.MarkedYAMLError as cause:
        mark = cause.problem_mark
        place = f"{label}:{mark.line + 1}:{mark.column + 1}" if mark else label
        raise InvalidSettings([Problem(place, f"not valid YAML: {cause.problem}")]) from cause
    except yaml.YAMLError as cause:
        raise InvalidSettings([Problem(label, f"not valid YAML: {cause}")]) from cause
    except RecursionError:
        raise InvalidSettings([Problem(label, "nested too deeply, or an anchor that contains itself")]) from None


def _compose(text: str) -> Any:
    loader = _Loader(text)
    try:
        return loader.get_single_node()
    finally:
        loader.dispose()


def _under_namespace(root: Any, namespace: str, label: str) -> Source:
    source, strange = Source(), []
    if root is None:
        return source
    if not isinstance(root, yaml.MappingNode):
        raise InvalidSettings([Problem(label, "must be a mapping with the key 'config'")])
    for _, value in (pair for pair in _pairs(root) if pair[0].value == "config"):
        if not isinstance(value, yaml.MappingNode):
            if value.value in ("", "null", "~"):
                continue
            raise InvalidSettings([Problem(f"{label}: config", "must be a mapping of 'namespace:key' to a value")])
        for key, node in _pairs(value):
            space, colon, name = str(key.value).partition(":")
            if colon and space == namespace:
                _take(source, (name,), key, node)
            elif hint := namespace_hint(str(key.value), namespace):
                strange.append(Problem(f"{label}:{key.start_mark.line + 1}: {key.value}", hint))
    if strange:
        raise InvalidSettings(strange)
    return source


def namespace_hint(key: str, namespace: str) -> str:
    """What is wrong with a key outside the namespace; nothing for those of other packages."""
    space, colon, _ = key.partition(":")
    if not colon:
        return f"a key needs its namespace; write '{namespace}:{key}'"
    near = did_you_mean(space, [namespace]) if space != PROVIDER else ""
    return f"unknown namespace '{space}'{near}" if near.startswith(" (did") else ""


def _pairs(node: Any) -> Iterator[tuple[Any, Any]]:
    """Keys and values; `<<` merges what the mapping itself does not have."""
    own = {key.value for key, _ in node.value}
    for key, value in node.value:
        if key.tag != "tag:yaml.org,2002:merge":
            yield key, value
            continue
        for merged in value.value if isinstance(value, yaml.SequenceNode) else [value]:
            yield from ((k, v) for k, v in _pairs(merged) if k.value not in own)


def _take(source: Source, path: Path, key: Any, node: Any) -> None:
    if path in source.lines:
        source.twice.append(path)
    source.lines[path] = key.start_mark.line + 1
    value = _value(source, path, node)
    source.data[str(path[0])] = value


def _value(source: Source, path: Path, node: Any) -> Any:
    """The node as plain data; lines and secrets are noted on the way."""
    if isinstance(node, yaml.MappingNode):
        pairs = list(_pairs(node))
        if len(pairs) == 1 and pairs[0][0].value == "secure" and isinstance(pairs[0][1], yaml.ScalarNode):
            source.secrets.append(path)
            return SECRET
        data: dict[str, Any] = {}
        for key, child in pairs:
            name = str(key.value)
            if name in data:
                source.twice.append((*path, name))
            source.lines[(*path, name)] = key.start_mark.line + 1
            data[name] = _value(source, (*path, name), child)
        return data
    if isinstance(node, yaml.SequenceNode):
        items = []
        for index, child in enumerate(node.value):
            source.lines[(*path, index)] = child.start_mark.line + 1
            items.append(_value(source, (*path, index), child))
        return items
    return _scalar(node)


def _scalar(node: Any) -> Any:
    """A scalar as Pulumi reads it: YAML 1.2 truth values only; dates and times stay the text they are."""
    tag, text = node.tag, node.value
    if tag == "tag:yaml.org,2002:timestamp":
        return text
    if tag == "tag:yaml.org,2002:bool" and text.lower() not in ("true", "false"):
        return text
    if tag in ("tag:yaml.org,2002:int", "tag:yaml.org,2002:float") and ":" in text:
        return text
    return SafeConstructor().construct_object(node)
