"""A folder that a command makes: built beside its place and renamed, so that it is whole or absent."""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Iterator
from pathlib import Path

from providers.errors import AlreadyExists, InvalidInput
from training.artifact.manifest import MANIFEST


@contextlib.contextmanager
def fresh(output: Path, *, force: bool = False, option: str = "--output") -> Iterator[Path]:
    """Yields a path beside `output` that does not exist yet; what is there at the end takes its place.

    On an error, or an interrupt, nothing is left. A folder that holds something is refused, or replaced with
    `force` when it is a model artifact: a mistyped name must not cost anything else. What commands that were
    killed left behind is removed. Raises `AlreadyExists`, `InvalidInput`.
    """
    from providers.local import records

    place = output.resolve()
    check(place, output, force=force, option=option)
    place.parent.mkdir(parents=True, exist_ok=True)
    _sweep(place)
    building = _beside(place, "new")
    try:
        yield building
        if not building.is_dir():
            raise InvalidInput(f"{option} {output}: nothing was written")
        _put(building, place, output, force=force, option=option)
    finally:
        records.remove_tree(building)


def check(place: Path, shown: Path, *, force: bool, option: str) -> None:
    """Refuse a place that may not be written to."""
    if place.exists() and not place.is_dir():
        raise InvalidInput(f"{option} {shown}: a file; name a folder")
    if not place.is_dir() or not any(place.iterdir()):
        return
    if not force:
        raise AlreadyExists(f"{option} {shown}: the folder is not empty; name another, or replace it with --force")
    if not (place / MANIFEST).is_file():
        raise InvalidInput(
            f"{option} {shown}: the folder holds something else than a model, which --force does not replace; "
            "name another"
        )


def _put(building: Path, place: Path, shown: Path, *, force: bool, option: str) -> None:
    from providers.local import records

    check(place, shown, force=force, option=option)  # again: it may have changed meanwhile
    old = _beside(place, "old")
    if place.exists() and any(place.iterdir()):
        place.rename(old)
    if place.exists() and place == Path.cwd():  # a shell stands in it: it stays the same folder
        for entry in sorted(building.iterdir(), key=lambda path: path.name == MANIFEST):
            entry.rename(place / entry.name)
    else:
        building.rename(place)
    records.sync_folder(place.parent)
    records.remove_tree(old)


def _beside(place: Path, word: str) -> Path:
    return place.with_name(f".{place.name}.{word}-{os.getpid()}")


def _sweep(place: Path) -> None:
    """Remove what killed commands left for this place, and put back a model that one had moved aside."""
    from providers.local import records
    from providers.local.process import Identity

    pattern = re.compile(rf"\.{re.escape(place.name)}\.(new|old)-(\d+)")
    for path in records.entries(place.parent):
        found = pattern.fullmatch(path.name)
        if found is None or Identity.of(int(found[2])) is not None:
            continue
        if found[1] == "old" and not place.exists():
            path.rename(place)
        else:
            records.remove_tree(path)
