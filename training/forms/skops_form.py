"""A scikit-learn model as skops bytes that depend on the model alone.

skops names each array's file and each node by a memory address, and stamps zip entries with the time. Here
both are replaced: addresses by numbers in the order of their first use, times by the zip format's first one; and
what memory held between the fields of an array's records by zeros.
"""

from __future__ import annotations

import importlib
import inspect
import io
import json
import zipfile
from typing import Any

from mooring_transforms import TYPES
from training.forms.padding import cleared

BOOSTED = frozenset(
    {
        "collections.OrderedDict",
        "xgboost.core.Booster",
        "xgboost.sklearn.XGBClassifier",
        "xgboost.sklearn.XGBRegressor",
        "lightgbm.basic.Booster",
        "lightgbm.sklearn.LGBMClassifier",
        "lightgbm.sklearn.LGBMRegressor",
    }
)
"""Boosted trees, which are data in their libraries' own formats."""

LEVEL = 3
"""Of compression: a forest's file is a twelfth larger than at zlib's own level, and made in half the time."""
ZIP_EPOCH = (1980, 1, 1, 0, 0, 0)
"""The earliest time that a zip entry can carry."""


def dumps(model: Any) -> bytes:
    """The model in skops form; equal models give equal bytes, in any process."""
    import skops.io

    return canonical(skops.io.dumps(model))


def packed(model: Any) -> tuple[bytes, list[str]]:
    """The model in skops form (`dumps`), and its `untrusted_types`."""
    data = dumps(model)
    return data, untrusted_types(data)


def untrusted_types(data: bytes) -> list[str]:
    """Types in the file that skops will not construct unless they are named as trusted, sorted."""
    import skops.io

    return sorted(skops.io.get_untrusted_types(data=data))


def loads(data: bytes) -> Any:
    """The model of a file that this trainer wrote. Raises ValueError for types that it never writes."""
    import skops.io

    types = untrusted_types(data)
    if foreign := [name for name in types if not harmless(name)]:
        raise ValueError(f"holds types that are not trusted: {', '.join(foreign)}")
    return skops.io.loads(data, trusted=types)


def harmless(name: str) -> bool:
    """Types that scikit-learn's own models consist of: NumPy's dtype and random states, classes of scikit-learn;
    those of mooring_transforms, and boosted trees."""
    if name == "numpy.dtype" or name in BOOSTED or name in TYPES:
        return True
    module, _, attribute = name.rpartition(".")
    if not module.startswith(("sklearn.", "numpy.random")):
        return False
    try:
        return inspect.isclass(getattr(importlib.import_module(module), attribute, None))
    except ImportError:
        return False


def canonical(data: bytes) -> bytes:
    """The same skops file with its addresses and times replaced."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    schema = json.loads(members.pop("schema.json"))
    renaming = _Renaming(members)
    renaming.visit(schema)
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED, compresslevel=LEVEL) as archive:
        _add(archive, "schema.json", json.dumps(schema, separators=(",", ":")).encode())
        for old, new in renaming.files.items():
            _add(archive, new, cleared(members[old]))
    return out.getvalue()


def _add(archive: zipfile.ZipFile, name: str, content: bytes) -> None:
    entry = zipfile.ZipInfo(name, ZIP_EPOCH)
    entry.compress_type = zipfile.ZIP_DEFLATED
    entry.external_attr = 0o644 << 16
    entry.create_system = 3  # Unix, whatever system wrote it
    archive.writestr(entry, content, compresslevel=LEVEL)


class _Renaming:
    """Walks a schema in document order and gives every id and every member file its number."""

    def __init__(self, members: dict[str, bytes]) -> None:
        self.members = members
        self.ids: dict[int, int] = {}
        self.count = 0
        self.files: dict[str, str] = {}

    def visit(self, node: Any) -> None:
        if isinstance(node, list):
            for item in node:
                self.visit(item)
        elif isinstance(node, dict):
            if isinstance(node.get("__id__"), int):
                node["__id__"] = self._number(node["__id__"], plain=node.get("__loader__") == "JsonNode")
            if node.get("file") in self.members:
                node["file"] = self._file(node["file"])
            for value in node.values():
                self.visit(value)

    def _number(self, old: int, *, plain: bool) -> int:
        """The number of an address. Plain values (texts, numbers) have one each: whether two that are equal are also
        one object in memory is chance."""
        if old in self.ids and not plain:
            return self.ids[old]
        self.count += 1
        if not plain:
            self.ids[old] = self.count
        return self.count

    def _file(self, old: str) -> str:
        suffix = old[old.rfind(".") :] if "." in old else ""
        return self.files.setdefault(old, f"{len(self.files) + 1}{suffix}")
