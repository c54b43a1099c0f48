"""Model groups and their versions, as records.

::

    <home>/models/<project>/<stack>/<model>/group.json           who owns the group, how many versions it keeps
                                           /versions/<n>.json    one registered version
                                           /intakes/<id>.json    a version that is on its way

A version is one content: it has a *holder* for each `ModelVersion` resource that names it, and is retired when the
last one lets go. A group likewise has a holder for each `Model` resource, so that a replacement that is created
before the old one is deleted keeps the group.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from providers.local import records
from providers.local.home import component
from providers.local.home import stack_folder as folder_of_stack
from providers.values import ModelVersionState


@dataclass(frozen=True)
class VersionRecord:
    """A registered version: its number, its bytes, and where they are (`path` is to be read only)."""

    path: Path
    version: int
    digest: str
    uri: str


class Group:
    """The records of one model of one stack."""

    def __init__(self, home: Path, project: str, stack: str, model: str) -> None:
        self.home, self.project, self.stack, self.model = home, project, stack, model
        self.folder = folder_of_stack(home / "models", project, stack) / component(model)

    @property
    def key(self) -> str:
        """The store's key of all its artifacts."""
        return "/".join([component(self.project), component(self.stack), "models", component(self.model)])

    def lock(self) -> AbstractContextManager[None]:
        """Held while records of any group change."""
        return records.locked(self.home / "models.lock")

    def load(self) -> dict[str, Any]:
        """The group's record; an empty one where no `Model` resource made it."""
        empty = {"project": self.project, "stack": self.stack, "model": self.model}
        return records.read(self.folder / "group.json") or {**empty, "holders": {}, "kept": False, "last": 0}

    def save(self, record: dict[str, Any]) -> None:
        """Write the group's record."""
        records.write(self.folder / "group.json", record)

    def owned(self) -> bool:
        """Whether a `Model` resource owns it, or one left it to be kept."""
        record = self.load()
        return bool(record["holders"] or record["kept"])

    def versions(self) -> list[dict[str, Any]]:
        """All registered versions, by number."""
        return sorted(records.listed(self.folder / "versions"), key=lambda record: int(record["number"]))

    def version(self, digest: str) -> dict[str, Any] | None:
        """The version with these bytes."""
        return next((record for record in self.versions() if record["digest"] == digest), None)

    def save_version(self, record: dict[str, Any]) -> None:
        """Write one version."""
        records.write(self.folder / "versions" / f"{record['number']}.json", record)

    def remove_version(self, number: int) -> None:
        """Forget one version; its bytes are the store's."""
        (self.folder / "versions" / f"{number}.json").unlink(missing_ok=True)

    def intakes(self) -> list[dict[str, Any]]:
        """Versions on their way."""
        return records.listed(self.folder / "intakes")

    def save_intake(self, record: dict[str, Any]) -> None:
        """Write one intake."""
        records.write(self.folder / "intakes" / f"{record['id']}.json", record)

    def remove_intake(self, id: str) -> None:
        """Forget one intake."""
        (self.folder / "intakes" / f"{id}.json").unlink(missing_ok=True)
        records.remove_empty(self.folder / "intakes", self.folder)

    def remove(self) -> None:
        """Forget the group and all its versions."""
        records.remove_tree(self.folder)
        records.remove_empty(self.folder.parent, self.home)


def groups(home: Path, project: str | None = None, stack: str | None = None) -> Iterator[Group]:
    """All groups of a home, of a project, or of a stack."""
    for project_folder in _folders(home / "models", project):
        for stack_folder in _folders(project_folder, stack):
            for folder in _folders(stack_folder, None):
                if held := _any_record(folder):
                    yield Group(home, held["project"], held["stack"], held["model"])


def _folders(base: Path, name: str | None) -> list[Path]:
    """The folders in `base`, or the one of this name; none where it is gone."""
    return records.entries(base) if name is None else [base / component(name)]


def _any_record(folder: Path) -> dict[str, Any] | None:
    """Any record of a group's folder: each names project, stack and model."""
    if record := records.read(folder / "group.json"):
        return record
    found = [*records.listed(folder / "versions"), *records.listed(folder / "intakes")]
    return found[0] if found else None


def state_of(record: Mapping[str, Any]) -> ModelVersionState:
    """A version's record as the contract's value."""
    return ModelVersionState(
        version=record["number"],
        digest=record["digest"],
        uri=record["uri"],
        metrics=record["metrics"],
        signature=record["signature"],
        created=record["created"],
    )
