"""Edit a stack's file: values by dotted path, secrets, pins and promotions, without touching anything else in it.

A path is `models.iris.training.parameters.n_estimators`; `requirements[0]` is a list's item and `tags["a.b"]` a
key with dots. Paths are in the project's namespace `mooring:`, unless they name another (`aws:profile`).
"""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path as FilePath
from typing import Any

from mooring.yaml_edit import Path, YamlText
from providers.errors import InvalidInput, NotFound, Problem, Unavailable, did_you_mean

NAMESPACE = "mooring"
TEXT_KEYS = ("cloud", "region", "account")
"""Settings that are text even where they look like a number."""
MASK = "[secret]"

_PART = re.compile(r"""\.?([\w-]+)|\[(\d+)\]|\.?\["([^"]+)"\]""")


def parse_path(text: str) -> Path:
    """The parts of a dotted path. Raises `InvalidInput`."""
    parts: list[str | int] = []
    position = 0
    while position < len(text):
        found = _PART.match(text, position)
        if not found or (position == 0 and text.startswith(".")):
            raise InvalidInput(
                f"'{text}' is no path: keys separated by dots, such as models.iris.training.seed "
                f'(a key with dots is written ["like.this"])'
            )
        word, index, quoted = found.groups()
        parts.append(int(index) if index is not None else word or quoted)
        position = found.end()
    if not parts or isinstance(parts[0], int):
        raise InvalidInput("a path begins with a key, such as models.iris.training.seed")
    return tuple(parts)


def parse_value(path: str, text: str) -> Any:
    """What a person typed as a value: YAML (`7`, `true`, `[a, b]`, `{vcpus: 4}`), else the text itself."""
    import yaml

    if path.removeprefix(f"{NAMESPACE}:") in TEXT_KEYS:
        return text
    try:
        value = yaml.safe_load(text)
    except yaml.YAMLError as cause:
        raise InvalidInput(f"the value for {path} is not valid YAML: {text!r}; put text in quotes") from cause
    if isinstance(value, bool) and text.lower() not in ("true", "false"):
        return text  # yes, no, on, off: text to Pulumi
    if isinstance(value, int | float) and ":" in text:
        return text  # 1:30 is a number in YAML 1.1 only
    return value if isinstance(value, str | bool | int | float | list | dict) else text


class StackFile:
    """One stack's file. Changes are in memory until `save`."""

    def __init__(self, file: FilePath, label: str = "") -> None:
        """Read `file`. Raises `NotFound`, and `InvalidInput` with line and column for what is not YAML."""
        self.file, self.label = file, label or file.name
        try:
            text = file.read_text(encoding="utf-8")
        except FileNotFoundError:
            raise NotFound(f"{self.label} does not exist") from None
        except (UnicodeDecodeError, OSError) as cause:
            raise InvalidInput([Problem(self.label, f"cannot be read: {cause}")]) from cause
        self._read = text
        self._yaml = YamlText(text, self.label)

    @property
    def text(self) -> str:
        """The file's text with the changes so far."""
        return self._yaml.text

    def restore(self) -> None:
        """Write back what was read, for a change whose deployment failed."""
        self._yaml = YamlText(self._read, self.label)
        _write(self.file, self._read)

    def save(self) -> None:
        """Write the file, whole or not at all. Raises `Unavailable` when the disk is full."""
        _write(self.file, self.text)

    def get(self, path: str) -> Any:
        """The value at `path`; secrets are masked. Raises `NotFound`, with the nearest key."""
        return masked(self._find(path))

    def has(self, path: str) -> bool:
        """Whether there is a value at `path`."""
        try:
            self._find(path)
        except NotFound:
            return False
        return True

    def set(self, path: str, value: Any, encrypt: Callable[[str], str] | None = None) -> None:
        """Give `path` the `value`; with `encrypt`, keep only `{secure: encrypt(value)}`.

        Raises `InvalidInput` for a misspelt key or a value of the wrong type.
        """
        full = _config_path(path)
        if full[1].startswith(f"{NAMESPACE}:"):
            _check(parse_path(path.removeprefix(f"{NAMESPACE}:")), value, self.label)
        self._yaml.set(full, {"secure": encrypt(str(value))} if encrypt else value)

    def remove(self, path: str) -> None:
        """Remove `path`, and the mappings that this leaves empty. Raises `NotFound`."""
        self._find(path)
        self._yaml.remove(_config_path(path))

    def pins(self) -> dict[str, dict[str, str]]:
        """Pinned digests by endpoint and model."""
        endpoints = self._optional("endpoints") or {}
        pinned = {name: entry.get("pin") for name, entry in endpoints.items() if isinstance(entry, Mapping)}
        return {name: dict(pin) for name, pin in pinned.items() if pin}

    def pin(self, endpoint: str, model: str, digest: str) -> None:
        """Hold `model` on `endpoint` at the version with `digest`, until `unpin`."""
        self._find(_path("endpoints", endpoint))
        self.set(_path("endpoints", endpoint, "pin", model), digest)

    def unpin(self, endpoint: str, model: str | None = None) -> bool:
        """Release one pin of `endpoint`, or all; False when there was none."""
        path = _path("endpoints", endpoint, "pin", *([model] if model else []))
        if not self.has(path):
            return False
        self.remove(path)
        return True

    def promote(self, model: str, *, stack: str, source_model: str, digest: str, uri: str) -> None:
        """Make `model` come from another stack's version by its bytes, instead of what it came from."""
        value = {"stack": stack, "model": source_model, "digest": digest, "uri": uri}
        self.set(_path("models", model, "promoted"), value)
        for key in ("training", "tuning", "file", "trust", "format", "digest"):
            if self.has(_path("models", model, key)):
                self.remove(_path("models", model, key))

    def _optional(self, path: str) -> Any:
        return self._find(path) if self.has(path) else None

    def _find(self, path: str) -> Any:
        value: Any = self._yaml.data
        for part in _config_path(path):
            try:
                value = value[part]
            except (KeyError, IndexError, TypeError):
                choices = [str(key).removeprefix(f"{NAMESPACE}:") for key in value] if isinstance(value, dict) else []
                near = did_you_mean(str(part).removeprefix(f"{NAMESPACE}:"), choices)
                raise NotFound(f"{self.label} has no {path}{near}") from None
        return value


def masked(value: Any) -> Any:
    """`value` with each `{secure: …}` in it replaced by a mask."""
    if isinstance(value, dict):
        return MASK if set(value) == {"secure"} else {key: masked(item) for key, item in value.items()}
    return [masked(item) for item in value] if isinstance(value, list) else value


def _path(*parts: str) -> str:
    return "".join(f'["{part}"]' if index else part for index, part in enumerate(parts))


def _config_path(path: str) -> tuple[str, str, *tuple[str | int, ...]]:
    """Where `path` is in the file: under `config`, the namespace joined to the first key."""
    namespace, colon, rest = path.partition(":")
    if not colon or not re.fullmatch(r"[\w-]+", namespace):
        namespace, rest = NAMESPACE, path
    head, *tail = parse_path(rest)
    return ("config", f"{namespace}:{head}", *tail)


def _check(path: Path, value: Any, label: str) -> None:
    """Raise `InvalidInput` when `path` is no key of the settings, or `value` none of its values."""
    from infra.settings.checking import check_value

    check_value(path, value, label)


def _write(file: FilePath, text: str) -> None:
    descriptor, temporary = tempfile.mkstemp(dir=file.parent, prefix=f".{file.name}.")
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8", newline="") as stream:
            stream.write(text)
            stream.flush()
            os.fsync(stream.fileno())
        os.chmod(temporary, file.stat().st_mode & 0o777 if file.exists() else 0o644)
        os.replace(temporary, file)
    except OSError as cause:
        FilePath(temporary).unlink(missing_ok=True)
        raise Unavailable(f"{file.name} could not be written and is as before: {cause.strerror}") from cause
