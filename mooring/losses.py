"""What a `destroy` takes away for good, and what stays, in sentences."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from mooring.inventory import Item, kept_by_protection


@dataclass
class Losses:
    """`lost` and `kept` are sentences; `targets` the URNs to destroy when something is protected, else empty."""

    lost: list[str] = field(default_factory=list)
    kept: list[str] = field(default_factory=list)
    targets: tuple[str, ...] = ()
    count: int = 0


def losses(found: list[Item]) -> Losses:
    """Look through a stack's resources."""
    stay, go = kept_by_protection(found)
    protected = [item for item in stay if item.protect]
    kept = [f"{_title(item)} is protected" for item in protected]
    kept += [
        f"the versions of model {item.name}, because of `onDestroy: keep`"
        for item in go
        if item.kind == "Model" and item.get("onDestroy") == "keep"
    ]
    return Losses(
        lost=[sentence for item in go for sentence in _lost(item, go)],
        kept=kept,
        targets=tuple(item.urn for item in go) if protected else (),
        count=len(go),
    )


def _title(item: Item) -> str:
    return f"{item.kind or item.type} {item.name}"


def _lost(item: Item, go: list[Item]) -> Iterator[str]:
    if item.kind == "Dataset":
        versions = item.get("versions") or [None]
        yield f"data: dataset {item.name}, {_plural(len(versions), 'version')}{_size(item.get('bytes'))}"
    elif item.kind == "Model" and item.get("onDestroy") != "keep":
        names = [f"v{_whole(v.get('version'))}" for v in go if v.kind == "ModelVersion" and v.get("model") == item.name]
        held = f", {', '.join(names)} and its retired versions" if names else " and all its versions"
        yield f"model: {item.name}{held}, with the records of its runs"
    elif item.kind == "Endpoint":
        yield f"endpoint: {item.name}{_address(item.get('url'))} stops answering"
    elif item.kind == "BatchPrediction":
        yield f"data: predictions of batch {item.name}"


def _address(url: Any) -> str:
    return f" ({url})" if isinstance(url, str) and url else ""


def _whole(number: Any) -> Any:
    return int(number) if isinstance(number, float) else number


def _size(count: Any) -> str:
    if not isinstance(count, (int, float)):
        return ""
    amount = float(count)
    for unit in ("bytes", "KiB", "MiB", "GiB"):
        if amount < 1024 or unit == "GiB":
            break
        amount /= 1024
    return f", {amount:.0f} {unit}" if unit == "bytes" else f", {amount:.1f} {unit}"


def _plural(count: int, word: str) -> str:
    return f"{count} {word}" if count == 1 else f"{count} {word}s"
