"""Cloud name to adapter: loaded when first asked for, kept for the life of the process.

A third party's adapter is an entry point of the group `mooring.clouds` whose object is called without
arguments and returns an `Adapter`.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from importlib import import_module
from importlib.util import find_spec
from types import MappingProxyType
from typing import TYPE_CHECKING

from providers.errors import InvalidInput, MooringError, NotSupported, Problem, did_you_mean

if TYPE_CHECKING:
    from providers.contract import Adapter

GROUP = "mooring.clouds"
"""Entry points of third parties."""

_EXTRAS = {"aws": "aws", "azure": "azure", "gcp": "gcp"}
"""Clouds whose packages are an extra of this project."""

CLOUDS: Mapping[str, str] = MappingProxyType(
    {name: f"providers.{name}" for name in ("local", "aws", "azure", "gcp")},
)
"""The kit's own clouds and the modules whose `create()` returns their adapter (read-only)."""

_adapters: dict[str, Adapter] = {}
_lock = threading.Lock()


def adapter(cloud: str) -> Adapter:
    """The adapter of `cloud`, the same object each time.

    Raises `InvalidInput` for an unknown name, `NotSupported` where this version has no adapter for the cloud,
    and `MooringError` with the install command where a package that it needs is missing.
    """
    with _lock:
        if cloud not in _adapters:
            _adapters[cloud] = _loader(cloud)()
        return _adapters[cloud]


def available() -> tuple[str, ...]:
    """Names of the clouds that this installation has an adapter for, its own first."""
    own = [name for name in CLOUDS if _is_present(name)]
    return (*own, *sorted(set(_entry_points()) - set(own)))


def close() -> None:
    """Close all adapters that were loaded and forget them."""
    with _lock:
        for loaded in _adapters.values():
            loaded.close()
        _adapters.clear()


def _loader(cloud: str) -> Callable[[], Adapter]:
    if cloud in CLOUDS and _is_present(cloud):
        return _own(cloud)
    third_party = _entry_points()
    if cloud in third_party:
        return third_party[cloud]
    if cloud in CLOUDS:
        raise NotSupported(f"cloud: '{cloud}' has no adapter in this version (available: {', '.join(available())})")
    raise InvalidInput([Problem("cloud", f"unknown cloud '{cloud}'{did_you_mean(cloud, available())}")])


def _is_present(cloud: str) -> bool:
    """Whether the folder of a cloud holds a package that can be imported (not only its image lists)."""
    spec = find_spec(CLOUDS[cloud])
    return spec is not None and spec.origin is not None


def _own(cloud: str) -> Callable[[], Adapter]:
    def load() -> Adapter:
        try:
            create: Callable[[], Adapter] = import_module(CLOUDS[cloud]).create
            return create()
        except ModuleNotFoundError as missing:
            if cloud not in _EXTRAS or (missing.name or "").partition(".")[0] in ("providers", "training"):
                raise
            raise MooringError(
                f"cloud '{cloud}' needs the package '{missing.name}': pip install \"mooring[{_EXTRAS[cloud]}]\""
            ) from missing

    return load


def _entry_points() -> dict[str, Callable[[], Adapter]]:
    from importlib.metadata import EntryPoint, entry_points

    def loader(entry: EntryPoint) -> Callable[[], Adapter]:
        def load() -> Adapter:
            from providers.contract import Adapter

            try:
                made = entry.load()()
            except ImportError as cause:
                raise MooringError(f"cloud '{entry.name}' ({entry.value}) cannot be loaded: {cause}") from cause
            if not isinstance(made, Adapter):
                raise MooringError(f"cloud '{entry.name}': {entry.value} returned {type(made).__name__}, no Adapter")
            return made

        return load

    return {entry.name: loader(entry) for entry in entry_points(group=GROUP)}
