"""Mooring: what users import. Everything is loaded when it is first used."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mooring.client import Endpoint, Prediction, endpoint

__all__ = ["Endpoint", "Prediction", "endpoint"]


def __getattr__(name: str) -> Any:
    if name in __all__:
        from mooring import client

        return getattr(client, name)
    raise AttributeError(f"module 'mooring' has no attribute '{name}'")


def __dir__() -> list[str]:
    return [*globals(), *__all__]
