"""The stacks of a project: those with a file, those that a template would make, and where they are deployed."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from providers.errors import MooringError

if TYPE_CHECKING:
    from mooring.project import Project


@dataclass(frozen=True)
class Listed:
    """One stack. `deployed` tells of backends on this machine; one in a backend elsewhere reads as ''."""

    name: str
    cloud: str
    deployed: Literal["", "here", "emulated", "both"]
    file: str

    def as_json(self) -> dict[str, Any]:
        """The documented form."""
        return asdict(self)


def listed(project: Project) -> list[Listed]:
    """All stacks by name, those too whose file is gone while their state is still here."""
    names = sorted(set(project.stacks()) | set(deployed_names(project)))
    return [_listed(project, name) for name in names]


def deployed_names(project: Project) -> list[str]:
    """Stacks that the project's own backend has a state of."""
    folder = _state_folder(project.private / "backend", project.name)
    return sorted(file.stem for file in folder.glob("*.json")) if folder.is_dir() else []


def _listed(project: Project, name: str) -> Listed:
    file = project.stack_file(name)
    place = str(file.relative_to(project.root)) if file.is_file() else "(made by the first `up`)"
    try:
        cloud = project.stack(name).cloud if file.is_file() else "local"
    except MooringError:
        cloud = ""
    here = _holds_resources(project.private / "backend", project.name, name)
    emulated = _holds_resources(project.private / "emulated" / name / "backend", project.name, name)
    where: Literal["", "here", "emulated", "both"] = "both" if here and emulated else "here" if here else ""
    return Listed(name, cloud, where or ("emulated" if emulated else ""), place)


def _state_folder(backend: Path, project: str) -> Path:
    return backend / ".pulumi" / "stacks" / project


def _holds_resources(backend: Path, project: str, stack: str) -> bool:
    try:
        checkpoint = json.loads((_state_folder(backend, project) / f"{stack}.json").read_bytes())
        return bool(checkpoint["checkpoint"]["latest"]["resources"])
    except (OSError, ValueError, KeyError, TypeError):
        return False
