"""What is to be done to each column, as the hyperparameter `preprocessing` says it: a mapping in JSON,

    {"defaults": {"number": {"missing": "median"}}, "columns": {"review": {"type": "text", "ngrams": [1, 2]}}}

with `defaults` a type and `columns` a column; what is not said follows DEFAULTS. Keys may be camelCase.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from training.errors import TrainingError, nearest
from training.preprocessing.rules import RULES

TYPES = ("number", "category", "text", "date", "image")
"""Types of columns, as a configuration names them."""
KIND_OF = {"number": "number", "category": "string", "text": "text", "date": "date", "image": "image"}
"""The kind of a table's column (training.data.table) that each type is."""
TYPE_OF = {kind: name for name, kind in KIND_OF.items()}

DEFAULTS: Mapping[str, Mapping[str, Any]] = {
    "number": {"missing": "mean", "scale": "standard"},
    "category": {"missing": "most_frequent", "encode": "onehot", "unseen": "ignore"},
    "text": {"ngrams": (1, 1), "max_features": 20_000, "min_df": 1, "max_df": 1.0, "analyzer": "word"},
    "date": {"missing": "median", "parts": (), "cyclic": False, "scale": "standard"},
    "image": {"scale": "range"},
}
"""What is done where nothing is said. No `parts` of a date: those of the calendar that its values have."""


@dataclass(frozen=True)
class Preprocessing:
    """Treatments by type and by column, checked and complete but for what the data has to tell."""

    defaults: Mapping[str, Mapping[str, Any]] = field(default_factory=lambda: MappingProxyType(dict(DEFAULTS)))
    columns: Mapping[str, Mapping[str, Any]] = field(default_factory=lambda: MappingProxyType({}))

    @property
    def types(self) -> dict[str, str]:
        """Types that the configuration gives to columns."""
        return {name: entry["type"] for name, entry in self.columns.items() if "type" in entry}

    def pictures(self) -> dict[str, Any]:
        """How pictures are read: the defaults of images, and what the column `image` has."""
        own = _without_type(self.columns.get("image", {}))
        return {**self.defaults["image"], **_checked(own, "image", "columns.image")}

    def treatment(self, name: str, kind: str) -> dict[str, Any]:
        """All that is to be done to a column of this kind. Raises TrainingError for what does not fit its type."""
        kind_type = TYPE_OF[kind]
        checked = _checked(
            _without_type(self.columns.get(name, {})),
            kind_type,
            f"columns.{name}",
            why=f"the column is of type {kind_type}",
        )
        return {**self.defaults[kind_type], **checked}


def parse(text: str) -> Preprocessing:
    """The configuration in JSON. Raises TrainingError naming the first thing that is wrong, with the near names."""
    try:
        found = json.loads(text) if text.strip() else {}
    except json.JSONDecodeError as error:
        raise TrainingError(f"--preprocessing: not JSON ({error.msg} at character {error.pos})") from error
    found = _mapping(found, "")
    _known(found, ("defaults", "columns"), "", "a key")
    defaults = {name: dict(entry) for name, entry in DEFAULTS.items()}
    for name, entry in _mapping(found.get("defaults") or {}, "defaults").items():
        if name not in TYPES:
            raise TrainingError(f"--preprocessing: defaults.{name}: unknown type{nearest(name, TYPES)}")
        defaults[name] |= _checked(_snake(entry, f"defaults.{name}"), name, f"defaults.{name}")
    columns: dict[str, Mapping[str, Any]] = {}
    for name, entry in _mapping(found.get("columns") or {}, "columns").items():
        columns[name] = _column(name, {"type": entry} if isinstance(entry, str) else entry)
    return Preprocessing(MappingProxyType(defaults), MappingProxyType(columns))


def _column(name: str, entry: Any) -> dict[str, Any]:
    given = _snake(entry, f"columns.{name}")
    declared = given.get("type")
    if declared is None:
        for key in given:  # which type it is only the data tells; but a key that no type has is wrong anyway
            _known({key: None}, sorted({known for rules in RULES.values() for known in rules}), f"columns.{name}", "")
        return given
    if declared not in TYPES:
        raise TrainingError(
            f"--preprocessing: columns.{name}.type: '{declared}' is unknown{nearest(str(declared), TYPES)}"
        )
    _checked(_without_type(given), str(declared), f"columns.{name}")  # told now; used by `treatment`
    return given


def _without_type(entry: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in entry.items() if key != "type"}


def _checked(given: Mapping[str, Any], kind_type: str, where: str, why: str = "") -> dict[str, Any]:
    """Values as their rules have them."""
    rules = RULES[kind_type]
    _known(given, tuple(rules), where, why or f"a key of the type {kind_type}")
    found = {}
    for key, value in given.items():
        try:
            found[key] = rules[key](value)
        except ValueError as error:
            raise TrainingError(f"--preprocessing: {where}.{key}: {error}") from None
    if found.get("missing") == "constant" and "value" not in found:
        raise TrainingError(f"--preprocessing: {where}: 'missing: constant' needs a 'value' to fill in")
    if "value" in found and found.get("missing", "constant") != "constant":
        raise TrainingError(f"--preprocessing: {where}.value: only 'missing: constant' fills a value in")
    if "value" in found:
        found["missing"] = "constant"
    if "order" in found:
        if found.get("encode", "ordinal") != "ordinal":
            raise TrainingError(f"--preprocessing: {where}.order: only 'encode: ordinal' has an order")
        found["encode"] = "ordinal"
    return found


def _known(given: Mapping[str, Any], known: tuple[str, ...] | list[str], where: str, why: str) -> None:
    for key in given:
        if key not in known:
            place = f"{where}.{key}" if where else key
            note = f" ({why})" if why.startswith("the column") else ""
            raise TrainingError(f"--preprocessing: {place}: unknown key{nearest(key, known)}{note}")


def _mapping(value: Any, where: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise TrainingError(f"--preprocessing: {where or 'it'} is a mapping, not {value!r}")
    return value


def _snake(entry: Any, where: str) -> dict[str, Any]:
    return {re.sub(r"[A-Z]", lambda found: f"_{found[0].lower()}", key): v for key, v in _mapping(entry, where).items()}
